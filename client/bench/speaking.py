"""Have the senders of a load speak: at a rate, as fast as the sockets allow, or one after the other."""

import functools
import heapq
import time
from collections.abc import Callable

from pylingo.client.bench.load import Load
from pylingo.client.bench.plan import Measured
from pylingo.client.bench.simulated import LoadRoom, SimulatedClient
from pylingo.client.bench.stream import FILLER, MARK_SIZE, StreamError, mark
from pylingo.shared.text import counted

_KEPT_BYTES = 4_000_000  # of a room's stream behind its slowest reader


def speak(load: Load) -> Measured:
    """Have the senders speak as the plan says, wait until everything is delivered, and check the counts."""
    return _measure(load, _speak_at_rate if load.plan.rate else _speak_at_once)


def speak_in_turn(load: Load) -> Measured:
    """Send one message, wait until everybody has received it, and go on with the next sender."""
    return _measure(load, _speak_in_turn)


def _measure(load: Load, drive: Callable[[Load, Measured], None]) -> Measured:
    result = Measured(latencies=load.state.latencies)
    cpu, start = time.process_time(), time.monotonic()
    drive(load, result)
    load.until(load.is_level, "delivering", lambda: _delivered(load))
    result.seconds = time.monotonic() - start
    result.client_cpu = time.process_time() - cpu
    for room in load.rooms:
        for client in room.senders:
            if (arrived := room.stream.serials[client.number]) != client.serial:
                raise StreamError(f"{arrived} of {counted(client.serial, 'message')} arrived")
        receivers = sum(not client.is_stalled for client in room.clients) - (not load.dialect.echo)
        result.messages += room.sent
        result.deliveries += room.stream.messages * receivers
    return result


def _delivered(load: Load) -> float:
    """Grows with every byte that arrives, and stays below 1."""
    positions = (checker.position for room in load.rooms for checker in room.checkers())
    return 1 - 1 / (1 + sum(room.stream.messages for room in load.rooms) + sum(positions))


def _say(load: Load, client: SimulatedClient, count: int = 1) -> None:
    prefix, suffix = load.dialect.say(client.room.name, load.plan.size)
    suffix = FILLER * (load.plan.size - MARK_SIZE) + suffix
    now = time.monotonic_ns()
    serials = range(client.serial, client.serial + count)
    client.serial += count
    client.room.sent += count
    client.write(b"".join([prefix + mark(client.number, serial, now) + suffix for serial in serials]))


def _speak_in_turn(load: Load, result: Measured) -> None:
    senders = load.rooms[0].senders
    for serial in range(load.plan.messages):
        _say(load, senders[serial % len(senders)])
        load.until(load.is_level, "speaking", functools.partial(_part, load, serial))


def _part(load: Load, serial: int) -> float:
    """How much is done while the message with this number is delivered."""
    return (serial + _delivered(load)) / load.plan.messages


def _speak_at_rate(load: Load, result: Measured) -> None:
    """Each sender starts at a random moment of the first interval."""
    plan = load.plan
    interval = 1 / plan.rate
    start = time.monotonic()
    senders = [client for room in load.rooms for client in room.senders]
    due = [(start + load.random.random() * interval, client.number, client) for client in senders]
    heapq.heapify(due)
    end = start + (plan.seconds or plan.messages / (plan.rate * max(1, len(due))))
    while due and due[0][0] < end:
        now = time.monotonic()
        while due[0][0] <= now and due[0][0] < end:  # a stall may last beyond the end
            when, number, client = due[0]
            result.lateness.append(now - when)
            _say(load, client)
            heapq.heapreplace(due, (when + interval, number, client))
        load.tick(max(0.0, min(due[0][0], end) - time.monotonic()))
        load.progress("speaking", (now - start) / (end - start))


def _speak_at_once(load: Load, result: Measured) -> None:
    """Keep `window` messages of each room under way, until the time is up or all messages are sent."""
    plan = load.plan
    start = time.monotonic()
    most = plan.messages // plan.rooms if plan.messages else None
    speaking = [room for room in load.rooms if room.senders]

    def all_sent() -> bool:
        for room in speaking:
            _top_up(load, room, most)
        if most is None:
            return time.monotonic() - start >= plan.seconds
        return all(room.sent >= most for room in speaking)

    def part() -> float:
        if most is None:
            return (time.monotonic() - start) / plan.seconds
        return sum(_arrived(room) + room.sent for room in speaking) / (2 * most * len(speaking))

    load.until(all_sent, "speaking", part)


def _top_up(load: Load, room: LoadRoom, most: int | None) -> None:
    plan = load.plan
    block = max(1, plan.window // (2 * max(1, plan.senders)))
    arrived = _arrived(room)
    while room.sent - arrived <= plan.window // 2 and (most is None or room.sent < most):
        for client in room.senders:
            _say(load, client, block if most is None else min(block, max(1, most - room.sent)))
            if most is not None and room.sent >= most:
                return


def _arrived(room: LoadRoom) -> int:
    """How many messages everybody in the room has received. Drops what nobody needs of the stream."""
    stream = room.stream
    checkers = room.checkers()
    for checker in checkers:
        checker.pass_own()
    slowest = min((checker.position for checker in checkers), default=0)
    slowest = min(slowest, stream.end) if len(room.clients) > 1 else stream.end
    if slowest - stream.base > _KEPT_BYTES:
        stream.forget(slowest)
    return stream.count_until(slowest)
