"""One peer on a real socket pair, with the clock in the test's hand: pace, deadlines, and how a connection ends.

`Bench` and `Wire` below are the server and a peer's end of the socket; the tests of the server use them, too.
"""

import collections
import contextlib
import gc
import itertools
import os
import re
import socket
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.reactor import peer_deadlines
from pylingo.reactor.chat.presence import rename
from pylingo.reactor.chat.room import WORK_PER_BYTE
from pylingo.reactor.connection import UNPACED, Connection
from pylingo.reactor.engine.deadlines import STEP
from pylingo.reactor.engine.loop import MOST_LATE
from pylingo.reactor.engine.transport import READ_SIZE
from pylingo.reactor.fair_queue import BUDGET, cost_of
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.irc_start import Door, make_gateway
from pylingo.reactor.pace import CONNECTIONS
from pylingo.reactor.peer_deadlines import next_check
from pylingo.reactor.plain_says import LONGEST
from pylingo.shared.codec import encode
from pylingo.shared.framing import HEADER, encode_frame
from pylingo.shared.messages import (
    Command,
    Error,
    Goodbye,
    Hello,
    HistoryRequest,
    Joined,
    Left,
    Message,
    Ping,
    PingRequest,
    Pong,
    PongRequest,
    Ready,
    Say,
    Sent,
    Skipped,
    Users,
    Welcome,
)
from pylingo.shared.networks import parse_network
from pylingo.shared.schema import Record
from tests.fakes.bench import LATE, LOOPBACK, Bench, Wire, benches, fill, goodbye_of
from tests.fakes.chat import NOON, Person
from tests.fakes.identity import key


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    with benches() as make:
        yield make


# --- bytes to records -----------------------------------------------------------------------------------------


def test_the_welcome_comes_without_a_word_from_the_peer(bench):
    (welcome,) = bench(motd="").connect().got()
    assert type(welcome) is Welcome
    assert welcome.name == "guest-1"


def test_any_cut_of_the_stream_gives_the_same(bench):
    desk = bench()
    wire = desk.guest()
    data = encode(PingRequest(1)) + encode(Command("join", "tea", 2)) + encode(PingRequest(3))
    for cut in range(len(data) + 1):
        for piece in filter(None, (data[:cut], data[cut:])):
            wire.raw(piece)
            desk.turn()
        assert wire.got() == [Pong(1), Joined("tea", "guest-1", 1, 2, room_operator=True), Pong(3)]


_texts = st.text("ab \n\0\u2028\xe9", min_size=1, max_size=50) | st.sampled_from(
    ["", " ", "\0\0\0", "\ud7ff", "\u6771" * 60, *("x" * size for size in (31, 32, LONGEST, LONGEST + 1, 4_097))]
)
_many = st.lists(st.builds(Say, st.text("ab\xe9", min_size=40, max_size=80)), min_size=4, max_size=9)
_others: list[Record] = [
    *[Say("i", id=1), Say("k", "k"), Say("l", "k", 3), Say("a", action=True), Say("n", notice=True)],
    *[Say("r", room="tea"), Say("r", room="milk", id=2), PingRequest(1), Command("leave"), Command("name", "eve")],
    *[Command("join", room) for room in ("tea", "tea", "own")],
    *[Command("open", "milk"), Command("mode", "moderated on"), Command("mode", "moderated off")],
    *[Command("topic", "t"), Command("users"), Command("away", "x"), Command("me", "waves"), Command("close")],
    *[HistoryRequest(since=NOON + 2, limit=3), HistoryRequest(before=NOON + 4, limit=2), HistoryRequest(search="a")],
    *[Command("redact", str(NOON + 1)), Command("redact", str(NOON + 6)), Hello(1, "ada")],
]
_odd = [
    encode_frame(b"\x82\xa4type\xa3say\xa4text" + text)
    for text in (b"\xa2\xff\xfe", b"\xa3\xed\xa0\x80", b"\xd9\x02hi", b"\xa2h", b"\xa2hi\xc0", b"\xc4\x02hi", b"\xa0")
]
_broken = [encode_frame(b"\xc1"), bytes(4), b"\xff\xff\xff\xff"]
_frames = st.lists(
    _many.map(lambda says: [encode(say) for say in says])
    | st.lists(st.builds(Say, _texts).map(encode) | st.sampled_from([*map(encode, _others), *_odd]), max_size=3),
    min_size=1,
    max_size=7,
)


def outcome(make: Callable[..., Bench], has_key: bool, place: str, pieces: list[bytes]) -> object:
    """All that ada's pieces lead to: the bytes that each member gets, the history, and the counters.

    She is in the room tea with others, by which she may be silenced, or besides in a room of her own.
    """
    desk = make(motd="")
    hub = desk.server.hub
    ada, device, bob, guest = (desk.connect() for _ in range(4))
    if place == "moderated":
        guest.send(Command("join", "tea"), Command("mode", "moderated on"))
        desk.turn()
    for wire in (ada, device) if has_key else (ada,):
        (welcome,) = wire.got()
        wire.send(key("ada").hello(welcome.challenge, "ada") if has_key else Hello(1, "ada"), Command("join", "tea"))
        desk.turn()
    gateway = make_gateway(hub, "irc", lambda: "", desk.reactor.call_later, desk.server.irc_passwords.check)
    ours, theirs = socket.socketpair()
    desk.wires.append(Wire(theirs))
    desk.server.admission.admit(ours, LOOPBACK, Door(gateway, False))
    desk.wires[-1].raw(b"NICK irc\r\nUSER irc 0 * :irc\r\nJOIN #tea\r\n")
    bob.send(Hello(1, "bob"), Command("join", "tea"))
    if place != "moderated":
        guest.send(Command("join", "milk"))  # one room each: between frames of different rooms, no order is promised
    desk.turn(6)
    if place == "own":
        ada.send(Command("open", "own"))
        desk.turn()
    for wire in desk.wires:
        wire.take()
    for piece in pieces:
        with contextlib.suppress(BrokenPipeError):  # the connection has ended
            ada.raw(piece)
        desk.turn()
    history, tick = hub.history, hub.tick
    assert isinstance(history, MemoryHistory)
    said = [history.messages(room) for room in ("tea", "milk", "own")], history.size, history.newest_stamp
    counts = tick.messages, tick.deliveries, tick.bytes, tick.newest_stamp, hub.errors, desk.server.service.counts
    return [wire.take() for wire in desk.wires], said, counts


@settings(max_examples=30, derandomize=True)
@given(
    frames=_frames,
    end=st.sampled_from([b"", *_broken]),
    cuts=st.lists(st.integers(1, 900)),
    has_key=st.booleans(),
    place=st.sampled_from(["tea", "tea", "own", "moderated"]),
)
def test_a_stream_in_any_cuts_is_handled_as_frame_by_frame(frames, end, cuts, has_key, place):
    """Plain messages that come together are handled in one pass, and a frame of its own is not."""
    alone = [frame for some in frames for frame in some] + [end] * bool(end)
    whole = b"".join(alone)
    places = [0, *itertools.takewhile(len(whole).__gt__, itertools.accumulate(cuts)), len(whole)]
    with benches() as make, pytest.MonkeyPatch.context() as patch:
        patch.setattr("pylingo.reactor.server.Clock", lambda: lambda: NOON)
        pieces = [whole[begin:end] for begin, end in itertools.pairwise(places)]
        assert outcome(make, has_key, place, pieces) == outcome(make, has_key, place, alone)


def test_messages_before_a_broken_frame_are_handled(bench):
    desk = bench()
    ada, bob = desk.guest(Command("join", "tea")), desk.guest(Command("join", "tea"))
    ada.raw(encode(Say("x" * 100)) * 5 + b"\xff\xff\xff\xff" + encode(Say("x" * 100)))
    desk.turn()
    assert [record.text for record in bob.got() if type(record) is Message] == ["x" * 100] * 5
    assert goodbye_of(ada) == "bad-frame"


def test_one_byte_at_a_time(bench):
    desk = bench()
    wire = desk.guest()
    for byte in encode(PingRequest(1)) * 3:
        wire.raw(bytes([byte]))
        desk.turn(1)
    assert wire.got() == [Pong(1)] * 3


def test_a_thousand_frames_in_one_piece_while_others_chat(bench):
    desk = bench()
    busy = desk.guest(Command("join", "tea"))
    alice = desk.guest(Command("join", "tea"))
    busy.got()
    busy.send(*[PingRequest(number) for number in range(1_000)])
    alice.send(Say("hi"))
    desk.turn()
    records = busy.got()
    assert [record.re for record in records if type(record) is Pong] == list(range(1_000))
    assert [record.text for record in records if type(record) is Message] == ["hi"]


def test_more_than_is_read_in_one_turn(bench):
    desk = bench()
    wire = desk.guest()
    count = 2 * READ_SIZE // len(encode(PingRequest(7)))
    data = encode(PingRequest(7)) * count
    sent, pongs = 0, []

    def all_answered() -> bool:
        nonlocal sent
        with contextlib.suppress(BlockingIOError):
            sent += wire.sock.send(data[sent:]) if sent < len(data) else 0
        pongs.extend(wire.got())
        return len(pongs) >= count

    desk.turn_until(all_answered)
    assert pongs == [Pong(7)] * count


@pytest.mark.parametrize(
    ("body", "code", "number"),
    [
        (b"\x82\xa4type\xa3huh\xa2id\x07", "unknown-type", 7),
        (b"\x81\xa4type\xa3huh", "unknown-type", None),
        (b"\x82\xa4type\xa3say\xa2id\x07", "bad-message", 7),
        (b"\x81\xa2id\x07", "bad-message", 7),
        (b"\x80", "bad-message", None),
        (b"\x82\xa4type\xa4ping\xa2id\xff", "bad-message", None),
        (b"\x83\xa4type\xa3say\xa2id\x07\xa4text\xa0", "bad-text", 7),
        (b"\x83\xa4type\xa7command\xa2id\x07\xa4name\xa3huh", "unknown-command", 7),
        (b"\x83\xa4type\xa7command\xa2id\x07\xa4name\xa4join", "bad-argument", 7),
        (b"\x82\xa4type\xa7history\xa2id\x07", "no-room", 7),
    ],
)
def test_a_refused_request_is_answered_in_its_place_with_its_id(bench, body, code, number):
    desk = bench()
    wire = desk.guest()
    wire.raw(encode(PingRequest(1)) + HEADER.pack(len(body)) + body + encode(PingRequest(2)))
    desk.turn()
    before, refusal, after = wire.got()
    assert (before, after) == (Pong(1), Pong(2))
    assert (type(refusal), refusal.code, refusal.re) == (Error, code, number)


BROKEN = {
    "size 0": b"\0\0\0\0",
    "size 32,769": b"\0\0\x80\x01",
    "size of four ff": b"\xff\xff\xff\xff",
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "c1": b"\0\0\0\x01\xc1",
    "nil": b"\0\0\0\x01\xc0",
    "an array": b"\0\0\0\x01\x90",
    "two values": b"\0\0\0\x02\x80\x80",
    "a map cut off": b"\0\0\0\x02\x81\xa1",
    "a key that is no string": b"\0\0\0\x03\x81\x01\x01",
    "17 pairs": b"\0\0\0\x03\xde\x00\x11",
    "ext": b"\0\0\0\x06\x81\xa1x\xd4\x01\x02",
    "an empty ext": b"\0\0\0\x06\x81\xa1x\xc7\x00\x01",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_frame_ends_the_connection_and_what_came_before_it_counts(bench, broken):
    desk = bench()
    other = desk.guest(Command("join", "tea"))
    wire = desk.guest(Command("join", "tea"))
    other.got()
    wire.raw(encode(Say("before", id=1)) + broken + encode(Say("after", id=2)))
    desk.turn()
    sent, last = wire.got()
    assert (type(sent), sent.re) == (Sent, 1)
    assert (type(last), last.reason) == (Goodbye, "bad-frame")
    assert wire.ended  # the server has shut its side down
    message, left = other.got()
    assert message.text == "before"
    assert left == Left("tea", "guest-2", "bad-frame")
    assert desk.server.service.counts["bad-frame"] == 1


def test_requests_after_a_goodbye_are_not_handled(bench):
    desk = bench()
    other = desk.guest(Command("join", "tea"))
    wire = desk.guest(Command("join", "tea"))
    other.got()
    late = [Say("after"), PingRequest(2), Hello(1), Command("name", "late"), Command("join", "tea")]
    wire.send(Command("close", id=1), *late)
    desk.turn()
    wire.send(*late)
    desk.turn()
    assert goodbye_of(wire) == "close"
    assert other.got() == [Left("tea", "guest-2", "close")]
    wire.hang_up()
    desk.turn()
    assert len(desk.connections) == 1


def test_requests_that_wait_on_a_replaced_connection_are_not_handled(bench):
    desk = bench(burst=3, rate=1.0)
    other = desk.guest(Command("join", "tea"))
    wire = desk.connect()
    unpaced = [PingRequest()] * (UNPACED - 1)
    wire.send(Hello(1, "ada"), Command("join", "tea"), *unpaced, *[Say(f"{number}") for number in range(8)])
    desk.turn()
    (token,) = (record.token for record in wire.got() if type(record) is Ready)
    again = desk.connect()
    again.send(Hello(1, "ada", resume=token))
    desk.turn()
    assert goodbye_of(wire) == "replaced"
    desk.wait(10)
    assert [record.text for record in other.got() if type(record) is Message] == ["0", "1", "2"]
    assert not again.ended


def test_after_a_goodbye_the_stream_is_read_to_its_end_for_two_seconds_at_most(bench):
    desk = bench()
    wire = desk.guest()
    wire.send(Command("close"))
    desk.wait(1.5)
    assert len(desk.connections) == 1
    desk.wait(1)
    assert len(desk.connections) == 0


@pytest.mark.parametrize("room", [True, False], ids=["in a room", "outside"])
def test_the_end_of_the_stream_ends_the_connection(bench, room):
    desk = bench()
    other = desk.guest(Command("join", "tea"))
    wire = desk.guest(*[Command("join", "tea")] * room)
    other.got()
    wire.send(PingRequest(1))
    wire.sock.shutdown(socket.SHUT_WR)
    desk.turn(6)
    assert wire.got() == [Pong(1)]  # a frame followed at once by FIN counts
    assert other.got() == [Left("tea", "guest-2", "lost")] * room
    assert wire.ended
    assert len(desk.connections) == 1
    assert desk.server.service.counts["lost"] == 1


@pytest.mark.parametrize("room", [True, False], ids=["in a room", "outside"])
def test_a_reset_ends_the_connection(bench, room):
    desk = bench()
    other = desk.guest(Command("join", "tea"))
    wire = desk.guest(*[Command("join", "tea")] * room)
    other.got()
    wire.send(PingRequest())
    desk.turn()
    wire.hang_up()  # with a pong unread, which resets a socket pair
    desk.turn(6)
    assert other.got() == [Left("tea", "guest-2", "lost")] * room
    assert len(desk.connections) == 1
    assert desk.server.service.counts["lost"] == 1


def test_an_exception_of_ours_ends_that_connection_alone(bench, monkeypatch, caplog):
    desk = bench()
    wire, other = desk.guest(Command("join", "tea")), desk.guest(Command("join", "tea"))
    wire.got()

    def broken() -> int:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(desk.server.hub, "stamp", broken)
        wire.send(Say("hi"))
        desk.turn()
    assert "ZeroDivisionError: a bug" in caplog.text
    wire.got()
    assert wire.ended
    assert other.got() == [Left("tea", "guest-1", "lost")]
    other.send(PingRequest(1))
    desk.turn()
    assert other.got() == [Pong(1)]


def test_an_exception_of_ours_at_a_request_that_had_to_wait_ends_that_connection_alone(bench, monkeypatch, caplog):
    desk = bench(rate=1, burst=1)
    wire, other = desk.guest(), desk.guest()

    def broken() -> int:
        raise ZeroDivisionError("a bug")

    desk.wait(3)
    with monkeypatch.context() as patch:
        patch.setattr(desk.server.hub, "stamp", broken)
        wire.send(Command("join", "tea"), Say("hi"))
        desk.wait(3)
    assert "ZeroDivisionError: a bug" in caplog.text
    wire.got()
    assert wire.ended
    other.send(PingRequest(1))
    desk.turn()
    assert other.got() == [Pong(1)]


@pytest.mark.parametrize("garbage", [encode(Say("late" * 500)) * 10, b"\xff" * 20_000], ids=["frames", "broken"])
def test_requests_behind_a_close_that_waits_for_the_disk_are_not_kept(bench, monkeypatch, garbage):
    desk = bench()
    wire = desk.guest()
    waiting: list[Callable[[], object]] = []
    monkeypatch.setattr(desk.server.hub.history, "when_settled", waiting.append)
    wire.send(Command("close"))
    for _ in range(20):
        wire.raw(garbage)
        desk.turn()
    assert desk.connections[0].pending < 40_000
    for callback in waiting:
        callback()
    desk.turn()
    assert goodbye_of(wire) == "close"


def test_an_exception_of_ours_at_a_deadline_ends_that_connection_alone(bench, monkeypatch, caplog):
    desk = bench()
    wire, other = desk.guest(), desk.guest()
    plain = Connection.ping

    def broken(self: Connection) -> None:
        if self is first:
            raise ValueError("a bug")
        plain(self)

    first, _ = desk.connections
    monkeypatch.setattr(Connection, "ping", broken)
    desk.wait(desk.server.settings.ping_after + LATE)
    assert len(caplog.records) == 1
    assert (wire.got(), wire.ended) == ([], True)
    assert (other.got(), other.ended) == ([Ping()], False)


# --- pace -----------------------------------------------------------------------------------------------------


def numbers(records: list[Record]) -> list[int]:
    return [record.re for record in records if type(record) is Pong]


@pytest.mark.parametrize(("burst", "rate"), [(10, 4.0), (1, 4.0), (3, 0.5), (5, 7.0)])
def test_after_the_burst_requests_are_handled_at_the_rate(bench, burst, rate):
    desk = bench(burst=burst, rate=rate)
    wire = desk.connect()
    wire.got()
    wire.send(*[PingRequest(number) for number in range(burst + 20)])
    desk.turn()
    answered = numbers(wire.got())
    assert answered == list(range(burst))
    for count in range(1, 21):
        desk.now += 0.9 / rate
        desk.turn()
        assert numbers(wire.got()) == []
        desk.now += 0.1 / rate + 1e-9
        desk.turn()
        assert numbers(wire.got()) == [burst + count - 1]


def test_the_requests_of_somebody_who_comes_back_to_twenty_rooms_are_not_paced(bench):
    """The first sixty after `hello` do not count; the burst follows, and then the rate."""
    desk = bench(burst=3, rate=1.0)
    wire = desk.connect()
    wire.got()
    wire.send(Hello(1, "ada"), *[PingRequest(number) for number in range(100)])
    desk.turn()
    ready, *pongs = wire.got()
    assert numbers(pongs) == list(range(UNPACED + 3))
    desk.wait(1)
    assert numbers(wire.got()) == [UNPACED + 3]
    wire.hang_up()
    desk.turn()
    back = desk.connect()
    back.send(Hello(1, resume=ready.token), *[PingRequest(number) for number in range(100)])
    desk.turn()
    assert len(numbers(back.got())) == UNPACED + 3 == 63


def test_before_hello_requests_are_paced(bench):
    desk = bench(burst=3, rate=1.0)
    wire = desk.connect()
    wire.send(*[PingRequest(number) for number in range(3)], Hello(1), *[PingRequest(number) for number in range(100)])
    desk.turn()
    assert len(numbers(wire.got())) == 3
    desk.wait(1)
    assert len(numbers(wire.got())) == UNPACED + 1  # the hello did not count, so one more may come


def test_the_pace_of_the_address_holds_for_those_who_come_back(bench):
    desk = bench(burst=1, rate=1.0, max_per_address=0)
    wires = [desk.connect(address=(NEAR, port)) for port in range(1_000, 1_003)]
    for wire in wires:
        wire.send(Hello(1), *[PingRequest(number) for number in range(50)])
    desk.turn()
    assert sum(len(numbers(wire.got())) + 1 for wire in wires) == CONNECTIONS + 2  # with the hellos that waited


def test_a_thousand_frames_at_the_pace_and_nothing_is_lost(bench):
    desk = bench(burst=10, rate=4.0)
    wire = desk.connect()
    wire.got()
    start = desk.now
    wire.send(*[PingRequest(number) for number in range(1_000)])
    pongs = []
    desk.wait(990 / 4 + 1, lambda: pongs.extend(numbers(wire.got())))
    assert pongs == list(range(1_000))
    assert desk.now - start < 250
    assert len(desk.connections) == 1


@pytest.mark.parametrize("pause", [0.5, 1.0, 2.5, 60.0])
def test_the_burst_grows_back_at_the_rate_and_not_beyond(bench, pause):
    desk = bench(burst=10, rate=4.0, ping_after=600)
    wire = desk.connect()
    wire.send(*[PingRequest(number) for number in range(10)])
    desk.turn()
    wire.got()
    desk.wait(pause)
    wire.send(*[PingRequest(number) for number in range(20)])
    desk.turn()
    assert len(numbers(wire.got())) == min(10, int(pause * 4))


def test_a_peer_within_the_rate_never_waits(bench):
    desk = bench(burst=1, rate=4.0)
    wire = desk.connect()
    wire.got()
    for number in range(40):
        wire.send(PingRequest(number))
        desk.turn()
        assert numbers(wire.got()) == [number]
        desk.now += 0.25
        desk.turn()


def test_without_a_rate_there_is_no_pace(bench):
    desk = bench(burst=1, rate=0)
    wire = desk.connect()
    wire.send(*[PingRequest(number) for number in range(1_000)])
    desk.turn()
    assert numbers(wire.got()) == list(range(1_000))


def test_a_peer_over_its_pace_is_not_read(bench):
    desk = bench(burst=2, rate=1.0)
    wire = desk.connect()
    wire.send(PingRequest(0), PingRequest(1))
    desk.turn()
    assert numbers(wire.got()) == [0, 1]
    wire.send(PingRequest(2), PingRequest(3))
    desk.turn()
    # What was sent while paused is still in the socket: the server has taken none of it.
    (connection,) = desk.connections
    with socket.socket(fileno=os.dup(connection.transport.fileno())) as sock:
        assert sock.recv(2**20, socket.MSG_PEEK) == encode(PingRequest(2)) + encode(PingRequest(3))
    desk.wait(2.1)
    assert numbers(wire.got()) == [2, 3]


def padded_ping(number: int, size: int) -> bytes:
    """A `ping` whose body has `size` bytes, most of them under a key that nobody knows."""
    around = b"\x83\xa4type\xa4ping\xa2id" + bytes([number]) + b"\xa1x\xda"
    body = around + (size - len(around) - 2).to_bytes(2) + bytes(size - len(around) - 2)
    return HEADER.pack(len(body)) + body


def lists_ping(number: int) -> bytes:
    """A `ping` of about 8 KB with thousands of lists in it, which cost the most for their bytes."""
    lists = b"\x9f" + (b"\x9f" + (b"\x9f" + b"\x90" * 15) * 15) * 15
    body = b"\x83\xa4type\xa4ping\xa2id" + bytes([number]) + b"\xa1x" + lists
    return HEADER.pack(len(body)) + body


@pytest.mark.parametrize("frame", [lists_ping, lambda number: padded_ping(number, 32_000)], ids=["lists", "bytes"])
def test_a_tick_handles_what_one_budget_allows_however_many_ask(bench, frame):
    desk = bench(burst=10, rate=4.0)
    wires = [desk.guest() for _ in range(40)]
    cost = cost_of(frame(0)[4:])
    assert 40 * 5 * cost > 5 * BUDGET
    for wire in wires:
        wire.raw(b"".join(map(frame, range(5))))
    handled: dict[int, list[int]] = {index: [] for index in range(len(wires))}
    for _ in range(200):
        desk.turn(1)
        came = {index: numbers(wire.got()) for index, wire in enumerate(wires)}
        assert (sum(map(len, came.values())) - 1) * cost <= BUDGET
        for index, ids in came.items():
            handled[index] += ids
    assert handled == {index: list(range(5)) for index in range(len(wires))}  # each in order, and none is lost


def test_a_peer_that_asks_for_little_does_not_wait_behind_those_that_ask_for_much(bench):
    desk = bench(burst=10, rate=4.0)
    wires = [desk.guest() for _ in range(60)]
    alice = desk.guest()
    for wire in wires:
        wire.raw(b"".join(map(lists_ping, range(8))))
    desk.turn(1)
    for number in range(5):
        alice.send(PingRequest(number))
        desk.turn(1)
        assert numbers(alice.got()) == [number]
    assert sum(len(numbers(wire.got())) for wire in wires) < 60 * 8


@pytest.mark.parametrize("members", [40, 80])
def test_a_message_costs_what_all_its_copies_cost(bench, monkeypatch, members):
    desk = bench(burst=10, rate=4.0)
    speakers = [desk.guest(Command("join", "tea")) for _ in range(members)]
    stamps: list[int] = []
    stamp = desk.server.hub.stamp
    monkeypatch.setattr(desk.server.hub, "stamp", lambda: stamps.append(desk.reactor.ticks) or stamp())
    for speaker in speakers:
        speaker.send(*[Say("x" * 4_000)] * 5)
    desk.turn(30)
    assert len(stamps) == 5 * members
    copies = max(collections.Counter(stamps).values()) * members
    assert copies * 4_000 <= 2 * BUDGET / WORK_PER_BYTE


def test_without_a_rate_large_bodies_do_not_wait(bench):
    desk = bench(rate=0)
    wire = desk.guest()
    wire.raw(b"".join(padded_ping(number, 20_000) for number in range(3)))
    desk.turn(1)
    assert numbers(wire.got()) == [0, 1, 2]


def test_a_peer_may_end_while_it_waits_for_a_tick(bench):
    desk = bench(burst=10, rate=4.0, resume_grace=0)
    wire = desk.guest()
    wire.raw(padded_ping(1, 20_000) + encode(Command("close")) + padded_ping(2, 20_000))
    desk.turn(1)
    wire.sock.shutdown(socket.SHUT_WR)
    desk.turn(4)
    assert [type(record) for record in wire.got()] == [Pong, Goodbye]
    assert desk.connections == []


def test_refused_requests_count_for_the_pace(bench):
    desk = bench(burst=3, rate=1.0)
    wire = desk.connect()
    wire.got()
    wire.send(*[Say("hi", id=number) for number in range(5)])
    wire.raw(HEADER.pack(1) + b"\x80")
    desk.turn()
    assert [record.re for record in wire.got()] == [0, 1, 2]
    desk.wait(3.1)
    assert [record.re for record in wire.got()] == [3, 4, None]


def test_the_pace_of_one_peer_does_not_slow_the_others(bench):
    desk = bench(burst=5, rate=1.0)
    busy, calm = desk.connect(), desk.connect()
    busy.send(*[PingRequest(number) for number in range(100)])
    for number in range(5):
        calm.send(PingRequest(number))
        desk.turn()
    assert numbers(calm.got()) == list(range(5))


def test_a_paced_peer_still_receives_the_room(bench):
    desk = bench(burst=3, rate=0.1)
    busy, other = desk.connect(), desk.connect()
    for wire in (busy, other):
        wire.send(Command("join", "tea"))
        desk.turn()
        wire.got()
    busy.send(*[PingRequest()] * 5)
    desk.turn()
    busy.got()
    other.send(Say("hi"))
    desk.turn()
    assert [record.text for record in busy.got()] == ["hi"]


def test_a_frame_that_breaks_the_stream_waits_for_its_turn(bench):
    desk = bench(burst=2, rate=1.0)
    wire = desk.connect()
    wire.got()
    wire.raw(encode(PingRequest(0)) + encode(PingRequest(1)) + encode(PingRequest(2)) + b"\xff\xff\xff\xff")
    desk.turn()
    assert wire.got() == [Pong(0), Pong(1)]
    desk.wait(1.1)
    pong, *_ = records = wire.got()
    desk.wait(1.1)
    *_, last = records + wire.got()
    assert pong == Pong(2)
    assert last.reason == "bad-frame"


def test_the_end_of_the_stream_waits_until_all_before_it_is_handled(bench):
    desk = bench(burst=2, rate=1.0)
    wire = desk.guest()
    wire.send(Command("join", "tea"), *[PingRequest(number) for number in range(5)])
    wire.sock.shutdown(socket.SHUT_WR)
    desk.wait(8)
    assert numbers(wire.got()) == list(range(5))
    assert wire.ended


def test_a_close_over_the_pace_ends_the_connection_once(bench):
    desk = bench(burst=2, rate=1.0)
    wire = desk.connect()
    wire.send(PingRequest(0), PingRequest(1), PingRequest(2), Command("close"), PingRequest(3))
    desk.wait(3.5)
    _, *pongs, last = wire.got()
    assert numbers(pongs) == [0, 1, 2]
    assert last.reason == "close"
    wire.hang_up()
    desk.wait(5)
    assert len(desk.connections) == 0
    assert desk.server.service.counts["close"] == 1


def test_a_peer_that_resets_while_it_is_paced_is_noticed_at_once(bench):
    desk = bench(burst=2, rate=0.001)
    wire = desk.guest(Command("join", "tea"))
    wire.send(*[PingRequest()] * 5)
    desk.turn()
    wire.hang_up()
    desk.turn(6)
    assert len(desk.connections) == 0


def test_deadlines_stand_still_while_a_peer_is_not_read(bench):
    # The first half of a frame waits in the socket with much before it; the peer sends all it can, and is no idler.
    desk = bench(burst=1, rate=0.01, ping_after=5, ping_timeout=5, frame_timeout=5, first_frame_timeout=5)
    wire = desk.connect()
    frame = encode(PingRequest(2))
    wire.raw(encode(PingRequest(0)) + encode(PingRequest(1)) + frame[:3])
    desk.wait(99)
    assert [type(record) for record in wire.got()] == [Welcome, Pong]
    desk.wait(2)  # the second is handled, and what is left pauses the peer once more
    assert numbers(wire.got()) == [1]
    desk.wait(97)
    assert wire.got() == []
    desk.wait(5)  # from now on the peer is read, and its time runs from here
    wire.raw(frame[3:])
    desk.turn()
    assert numbers(wire.got()) == [2]


def test_the_time_without_a_byte_begins_anew_after_a_pause(bench):
    desk = bench(burst=1, rate=0.02, ping_after=5)
    wire = desk.connect()
    wire.send(PingRequest(0))
    desk.wait(50 + 4.5)
    assert [type(record) for record in wire.got()] == [Welcome, Pong]
    desk.wait(0.5 + LATE)
    assert wire.got() == [Ping()]


def test_the_address_of_a_peer(bench):
    desk = bench(exempt=())
    for address in ((NEAR, 40_000), (NEAR, 40_001), (FAR, 5000, 0, 0)):
        desk.connect(address=address)
    near, other, far = desk.connections
    assert [near.address, other.address, far.address] == [f"{NEAR}:40000", f"{NEAR}:40001", f"[{FAR}]:5000"]
    assert near.host is other.host, "most have one string for it"


def test_a_silent_connection_in_a_room_takes_little_memory(bench):
    """974 bytes of our own objects and tables with CPython 3.12. The standard library's take about 260 more."""
    desk = bench(max_per_address=0)

    def come(numbers: range) -> None:
        for number in numbers:
            wire = desk.connect()
            wire.send(Hello(1, f"ada{number}"), Command("join", "tea"))
        desk.turn()
        for wire in desk.wires:
            wire.take()

    come(range(50))
    gc.collect()
    tracemalloc.start()
    try:
        come(range(50, 250))
        gc.collect()
        snapshot = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    ours = snapshot.filter_traces([tracemalloc.Filter(True, f"*/{part}/*") for part in ("reactor", "shared")])
    taken = sum(trace.size for trace in ours.traces) / 200
    assert 500 < taken < 1_024


def test_a_check_that_fails_cuts_that_connection_alone(bench, monkeypatch):
    desk = bench()
    wires = [desk.guest() for _ in range(2)]
    first = desk.connections[0]
    check = peer_deadlines.check

    def fail(peer: Connection, now: float) -> float | None:
        if peer is first:
            raise RuntimeError("a bug")
        return check(peer, now)

    monkeypatch.setattr(peer_deadlines, "check", fail)
    desk.wait(desk.server.settings.ping_after)
    assert first not in desk.connections
    assert len(desk.connections) == 1
    assert [wire.take() == b"" and wire.ended for wire in wires] == [True, False]


def test_deadlines_run_again_after_a_pause(bench):
    desk = bench(burst=1, rate=1.0, frame_timeout=5, ping_after=60)
    wire = desk.connect()
    wire.raw(encode(PingRequest(0)) + encode(PingRequest(1)) + b"\0\0")
    desk.wait(2 + 4.5)
    assert [type(record) for record in wire.got()] == [Welcome, Pong, Pong]
    desk.wait(0.5 + 2 * STEP)
    assert goodbye_of(wire) == "frame-timeout"


NEAR, FAR = "192.0.2.7", "2001:db8:1:2::7"


def bursts(desk: Bench, hosts: list[str], each: int) -> int:
    """How many of the requests of so many connections are answered at once; they hang up after that."""
    wires = []
    for port, host in enumerate(hosts, 1_000):
        wires.append(desk.connect(address=(host, port, 0, 0)))
        wires[-1].send(*[PingRequest(number) for number in range(each)])
        desk.turn()
    answered = sum(len(numbers(wire.got())) for wire in wires)
    for wire in wires:
        wire.hang_up()
    desk.turn()
    return answered


def test_the_pace_of_an_address_is_that_of_sixteen_connections_however_often_they_begin_anew(bench):
    desk = bench(burst=10, rate=4.0, max_per_address=0)
    assert bursts(desk, [NEAR] * 40, 10) == 160
    desk.wait(1)
    assert bursts(desk, [NEAR] * 40, 10) == 64
    assert bursts(desk, ["192.0.2.8"] * 16, 10) == 160  # another one has its own


def test_a_network_of_64_bits_is_one_address_for_the_pace(bench):
    desk = bench(burst=10, rate=4.0, max_per_address=0)
    assert bursts(desk, [f"2001:db8:1:2::{number:x}" for number in range(1, 40)], 10) == 160
    assert bursts(desk, ["2001:db8:1:3::1"], 10) == 10


@pytest.mark.parametrize(
    "settings", [{"rate": 0}, {"exempt": (parse_network("192.0.2.0/24"),)}], ids=["rate 0", "exempt"]
)
def test_without_a_rate_or_where_it_is_exempt_an_address_has_no_pace(bench, settings):
    desk = bench(**{"burst": 10, "rate": 4.0, "max_per_address": 0} | settings)
    assert bursts(desk, [NEAR] * 40, 10) == 400
    assert len(desk.server.service.address_pace) == 0


def test_a_peer_that_hangs_up_while_its_address_is_paced_does_not_delay_others(bench):
    desk = bench(burst=10, rate=4.0, max_per_address=0)
    for _ in range(20):
        bursts(desk, [NEAR] * 40, 10)
    wire = desk.guest(address=(NEAR, 1))
    wire.send(PingRequest(1))
    desk.wait(0.25)
    assert numbers(wire.got()) == [1]


def test_requests_that_the_address_keeps_back_are_handled_later_and_nothing_is_lost(bench):
    desk = bench(burst=2, rate=1.0, max_per_address=0)
    bursts(desk, [NEAR] * 16, 2)
    wires = [desk.guest(address=(NEAR, port)) for port in range(5)]
    for wire in wires:
        wire.send(*[PingRequest(number) for number in range(4)])
    got: list[list[int]] = [[] for _ in wires]
    desk.wait(8, lambda: [ids.extend(numbers(wire.got())) for ids, wire in zip(got, wires, strict=True)])
    assert got == [list(range(4))] * 5


# --- deadlines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trickle",
    [b"", b"\0", b"\0\0\0", b"\0\0\0\x0b\x81\xa4type"],
    ids=["nothing", "one byte", "three bytes", "half a frame"],
)
def test_a_peer_that_sends_no_frame_is_silent(bench, trickle):
    desk = bench(first_frame_timeout=10, frame_timeout=60)
    wire = desk.connect()
    wire.got()
    if trickle:
        wire.raw(trickle)
    desk.wait(9.9)
    assert wire.got() == []
    desk.wait(0.1 + LATE)
    assert goodbye_of(wire) == "silent"
    assert wire.ended
    assert desk.server.service.counts["silent"] == 1


@pytest.mark.parametrize("frame", [encode(PongRequest()), HEADER.pack(1) + b"\x80"], ids=["pong", "refused"])
def test_any_sound_frame_breaks_the_silence(bench, frame):
    desk = bench(first_frame_timeout=10, ping_after=60)
    wire = desk.connect()
    wire.raw(frame)
    desk.wait(30)
    assert Goodbye not in map(type, wire.got())


def test_two_bytes_and_then_silence_is_a_frame_timeout(bench):
    desk = bench(frame_timeout=10, ping_after=60)
    wire = desk.guest()
    desk.wait(3)
    wire.raw(b"\0\0")
    desk.wait(9.9)
    assert wire.got() == []
    desk.wait(0.1 + LATE)
    assert goodbye_of(wire) == "frame-timeout"
    assert wire.ended


@pytest.mark.parametrize("every", [0.5, 3.0, 9.0])
def test_a_frame_fed_in_drips_is_a_frame_timeout(bench, every):
    # The time is that of the whole frame: a byte now and then must not hold a place for ever.
    desk = bench(frame_timeout=10, ping_after=60)
    wire = desk.guest()
    frame = iter(encode(Say("x" * 1_000)))
    start = desk.now
    while not wire.got():
        wire.raw(bytes([next(frame)]))
        desk.wait(every)
        assert desk.now - start <= 10 + LATE + every
    assert desk.server.service.counts["frame-timeout"] == 1
    assert desk.now - start >= 10


def test_the_time_of_a_frame_begins_with_its_own_first_byte(bench):
    desk = bench(frame_timeout=10, ping_after=60)
    wire = desk.guest()
    frame = encode(PingRequest())
    wire.raw(frame[:3])
    for _ in range(5):
        desk.wait(8)
        wire.raw(frame[3:] + frame[:3])  # a frame ends in time, and the next begins
    desk.wait(9)
    assert wire.got() == [Pong()] * 5
    desk.wait(1 + LATE)
    assert goodbye_of(wire) == "frame-timeout"


def test_a_peer_that_sends_nothing_is_pinged_and_then_idle(bench):
    desk = bench(ping_after=20, ping_timeout=20)
    wire = desk.guest(Command("join", "tea"))
    desk.wait(19.9)
    assert wire.got() == []
    desk.wait(0.1 + LATE)
    assert wire.got() == [Ping()]
    desk.wait(19.5)
    assert wire.got() == []
    desk.wait(0.5 + 3 * LATE)
    assert goodbye_of(wire) == "idle"
    assert wire.ended
    assert desk.server.service.counts["idle"] == 1


@pytest.mark.parametrize(
    ("ping_after", "ping_timeout", "frame_timeout"),
    [(20, 20, 10), (20, 20, 15), (20, 12, 10), (5, 30, 20), (30, 5, 10), (1, 1, 10), (60, 25, 10)],
)
def test_idle_is_found_on_time_whatever_the_settings(bench, ping_after, ping_timeout, frame_timeout):
    desk = bench(ping_after=ping_after, ping_timeout=ping_timeout, frame_timeout=frame_timeout)
    wire = desk.guest()
    while not wire.got():
        desk.wait(STEP)
    pinged = desk.now
    records = []
    while not records:
        desk.wait(STEP)
        assert desk.now - pinged <= ping_timeout + 3 * STEP, "the deadline has passed unseen"
        records = wire.got()
    assert [type(record) for record in records] == [Goodbye]
    assert desk.now - pinged >= ping_timeout - 2 * STEP


@pytest.mark.parametrize(
    "answer", [encode(PongRequest()), encode(PingRequest()), b"\0"], ids=["pong", "request", "one byte"]
)
def test_any_byte_answers_a_ping(bench, answer):
    desk = bench(ping_after=20, ping_timeout=20, frame_timeout=60)
    wire = desk.guest()
    desk.wait(20 + LATE)
    assert wire.got() == [Ping()]
    desk.wait(15)
    wire.raw(answer)
    desk.turn()
    wire.got()
    desk.wait(19)
    assert wire.got() == []
    desk.wait(1 + LATE)
    assert wire.got() == [Ping()]


def test_a_peer_that_answers_pings_stays(bench):
    desk = bench(ping_after=20, ping_timeout=20)
    wire = desk.guest()
    pings = []

    def answer() -> None:
        for record in wire.got():
            pings.append(record)
            wire.send(PongRequest())

    desk.wait(600, answer)
    assert set(pings) == {Ping()}
    assert 25 <= len(pings) <= 30


def test_a_peer_that_speaks_is_not_pinged(bench):
    desk = bench(ping_after=2)
    wire = desk.guest(Command("join", "tea"))
    for _ in range(20):
        wire.send(Say("hi"))
        desk.wait(1.5)
    assert wire.got() == []


def test_time_in_which_the_server_stood_still_is_no_time_of_a_deadline(bench):
    desk = bench(first_frame_timeout=5, frame_timeout=5, ping_after=5, ping_timeout=5, stall_timeout=5)
    silent, slicing, quiet, slow = desk.connect(), desk.guest(), desk.guest(), desk.guest(buffer=4_096)
    slicing.raw(b"\0\0")
    while not desk.connections[-1].transport.queued:
        slow.send(*[PingRequest()] * 100)
        desk.turn()
    desk.reactor.most_late = MOST_LATE
    desk.wait(2)
    for wire in (silent, slicing, quiet):
        wire.got()
    desk.now += 1_000
    desk.turn()
    desk.wait(2)
    assert [wire.got() for wire in (silent, slicing, quiet)] == [[], [], []]
    desk.wait(2 + LATE)
    assert goodbye_of(silent) == "silent"
    assert goodbye_of(slicing) == "frame-timeout"
    assert quiet.got() == [Ping()]
    assert desk.server.service.counts["stalled"] == 1


# --- stalled --------------------------------------------------------------------------------------------------


def test_a_peer_that_reads_nothing_for_too_long_is_stalled(bench):
    desk = bench(stall_timeout=30, ping_after=600)
    wire = desk.guest(Command("join", "tea"), buffer=4_096)
    other = desk.guest(Command("join", "tea"), address=("127.0.0.1", 40_001))
    fill(desk, wire)
    desk.wait(29.5)
    assert other.got() == []
    desk.wait(0.5 + LATE)
    assert other.got() == [Left("tea", "guest-1", "stalled")]
    assert desk.server.service.counts["stalled"] == 1
    # What was on its way still comes, whole frames all of it, and last the goodbye.
    records = []
    desk.turn_until(lambda: records.extend(wire.got()) or wire.ended)
    *pongs, last = records
    assert last.reason == "stalled"
    assert {type(record) for record in pongs} == {Joined, Pong}


def test_a_peer_that_reads_a_little_now_and_then_is_not_stalled(bench):
    desk = bench(stall_timeout=5, ping_after=600)
    wire = desk.guest(buffer=4_096)
    connection = fill(desk, wire, 200_000)
    for _ in range(5):
        desk.wait(4.5)
        before = connection.transport.queued
        # The kernel makes room only when a good part of its buffer is free, so take until it did.
        desk.turn_until(lambda before=before: wire.take(1_000) and connection.transport.queued < before)
    desk.wait(4.5)
    assert connection.transport.queued
    assert desk.server.service.counts["stalled"] == 0


def test_a_peer_with_nothing_queued_is_never_stalled(bench):
    desk = bench(stall_timeout=1, ping_after=600)
    wire = desk.guest()
    desk.wait(60)
    assert wire.got() == []


def test_the_stall_time_runs_for_a_paced_peer_too(bench):
    desk = bench(burst=1_000_000, rate=0.001, stall_timeout=30)
    wire = desk.guest(buffer=4_096)
    fill(desk, wire)
    (connection,) = desk.connections
    connection.transport.pause_reading()
    desk.wait(30 + LATE)
    assert desk.server.service.counts["stalled"] == 1


def test_requests_wait_until_the_answers_before_them_were_taken(bench):
    desk = bench(queue_soft=2_000, queue_hard=20_000, ping_after=600)
    wire = desk.guest(Command("join", "tea"), buffer=4_096)
    connection = fill(desk, wire, 19_000)
    wire.send(*[PingRequest(number) for number in range(3_000)])
    desk.turn()
    assert 20_000 <= connection.transport.queued < 20_100
    records = []
    desk.turn_until(lambda: records.extend(wire.got()) or numbers(records)[-1:] == [2_999])
    assert [number for number in numbers(records) if number is not None][-3_000:] == list(range(3_000))
    assert desk.server.service.counts["stalled"] == 0


def test_a_peer_that_reads_no_reply_while_its_requests_wait_is_stalled(bench):
    desk = bench(queue_soft=2_000, queue_hard=20_000, ping_after=600, stall_timeout=30)
    wire = desk.guest(Command("join", "tea"), buffer=4_096)
    other = desk.guest(Command("join", "tea"), address=("127.0.0.1", 40_001))
    connection = fill(desk, wire, 19_000)
    wire.send(*[PingRequest(7)] * 200)
    desk.wait(29)
    assert other.got() == []
    desk.wait(1 + LATE)
    assert desk.server.service.counts["stalled"] == 1
    assert connection.transport.queued < 1_000  # the queue was dropped, but for the goodbye
    assert other.got() == [Left("tea", "guest-1", "stalled")]
    records = []
    desk.turn_until(lambda: records.extend(wire.got()) or wire.ended)
    assert records[-1].reason == "stalled"
    assert {type(record) for record in records[:-1]} == {Joined, Pong}


def test_a_listing_larger_than_the_hard_limit_is_no_reason_to_end(bench):
    """`list` of 9,000 rooms and a `ping` in one send, as a client's window does."""
    desk = bench(ping_after=600)
    for number in range(9_000):
        desk.server.hub.room(f"a-room-with-quite-a-long-name-{number}")
    wire = desk.guest(buffer=4_096)
    wire.send(Command("list", id=1), PingRequest(2))
    records = []
    desk.turn_until(lambda: records.extend(wire.got()) or Pong(2) in records)
    *pages, last = records
    assert last == Pong(2)
    assert len({info.room for page in pages for info in page.rooms}) == 9_000
    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]
    assert desk.server.service.counts["stalled"] == 0


def test_the_people_of_a_room_of_thousands_are_no_reason_to_end(bench):
    desk = bench(ping_after=600, motd="")
    hub = desk.server.hub
    wire = desk.guest(Command("join", "tea"), buffer=4_096)
    for number in range(8_000):
        somebody = Person(hub).session
        rename(somebody, f"somebody-with-a-long-name-{number}")
        somebody.enter(hub.room("tea"), True)
    desk.turn_until(lambda: wire.got() == [])
    desk.turn()
    wire.got()
    wire.send(Command("users", id=1), PingRequest(2))
    records = []
    desk.turn_until(lambda: records.extend(wire.got()) or Pong(2) in records)
    pages = [record for record in records if type(record) is Users]
    assert len({name for page in pages for name in page.users}) == 8_001
    assert desk.server.service.counts["stalled"] == 0


def test_a_socket_that_takes_more_at_the_moment_of_the_verdict_is_not_stalled(bench):
    """That it can be written to is known at the beginning of a tick, that it takes something at its end."""
    desk = bench(ping_after=600, stall_timeout=30)
    wire = desk.guest(buffer=4_096)
    connection = fill(desk, wire, 200_000)
    desk.wait(29)
    desk.now += 5  # all in one tick: the bytes are taken, and the time is over
    while wire.take():
        pass
    desk.turn()
    assert desk.server.service.counts["stalled"] == 0
    assert connection.transport.waiting_since == desk.now


def test_room_frames_over_the_hard_limit_are_no_reason_to_end(bench):
    desk = bench(queue_soft=20_000, queue_hard=20_000, ping_after=600)
    wire = desk.guest(Command("join", "tea"), buffer=4_096)
    other = desk.guest(Command("join", "tea"))
    for _ in range(30):
        other.send(Say("x" * 4_000))
        desk.turn()
    wire.send(PingRequest(1))
    desk.turn()
    assert desk.server.service.counts["stalled"] == 0
    records = []
    desk.turn_until(lambda: records.extend(wire.got()) or Skipped in map(type, records))
    messages = [record for record in records if type(record) is Message]
    (skipped,) = (record for record in records if type(record) is Skipped)
    assert Pong(1) in records
    assert 0 < len(messages) < 30
    assert len(messages) + skipped.count == 30
    assert messages[-1].at <= skipped.after < skipped.until
    assert records[-1] is skipped
    assert desk.server.hub.tick.skipped == skipped.count
    other.send(Say("now"))
    desk.turn()
    assert [record.text for record in wire.got()] == ["now"]


# --- the log --------------------------------------------------------------------------------------------------


def test_the_server_says_in_its_log_whom_it_ended_and_why(bench, caplog):
    caplog.set_level("INFO")
    desk = bench()
    wire = desk.guest(Hello(1, "alice"), address=("192.0.2.7", 4_711))
    desk.now += 2.5
    wire.raw(b"\0\0\0\0")
    desk.turn()
    wire.got()
    wire.hang_up()
    desk.turn()
    first, last = (record.getMessage() for record in caplog.records if record.levelname == "INFO")
    assert re.fullmatch(r"connected: 192.0.2.7:4711, guest-\d+", first)
    assert last == "ended bad-frame: 192.0.2.7:4711, alice, 2.5 s"


@pytest.mark.parametrize("grace", [0, 60])
def test_the_log_says_what_was_queued_when_the_verdict_fell(bench, caplog, grace):
    caplog.set_level("INFO")
    desk = bench(queue_soft=20_000, queue_hard=20_000, ping_after=600, stall_timeout=30, resume_grace=grace)
    wire = desk.guest(Hello(1, "alice"), buffer=4_096)
    queued = fill(desk, wire, 5_000).transport.queued
    desk.wait(30 + LATE)
    assert desk.server.service.counts["stalled"] == 1
    wire.hang_up()
    desk.turn()
    line = caplog.messages[-1]
    match = re.fullmatch(r"ended stalled: 127.0.0.1:40000, alice, [\d.]+ s, (\d+) bytes queued", line)
    assert match is not None, line
    assert int(match[1]) == queued


def test_a_peer_that_leaves_by_itself_is_in_the_log(bench, caplog):
    caplog.set_level("INFO")
    desk = bench()
    closing, lost = desk.guest(), desk.guest(Command("join", "tea"))
    closing.send(Command("close"))
    lost.hang_up()
    desk.turn()
    assert closing.got()
    closing.hang_up()
    desk.turn()
    assert [message.partition(":")[0] for message in caplog.messages] == ["connected"] * 2 + [
        "ended lost",
        "ended close",
    ]


def test_a_connection_shows_itself_as_name_and_address(bench):
    desk = bench()
    desk.guest(Hello(1, "alice"), address=("2001:db8::1", 4_711, 0, 0))
    (connection,) = desk.connections
    assert type(connection) is Connection
    assert repr(connection) == "<alice at [2001:db8::1]:4711>"


def test_the_first_look_is_no_later_than_the_first_deadline(bench):
    for first, frame, ping, answer, stall in itertools.product((1, 50), repeat=5):
        desk = bench(
            first_frame_timeout=first, frame_timeout=frame, ping_after=ping, ping_timeout=answer, stall_timeout=stall
        )
        desk.connect()
        (connection,) = desk.connections
        assert next_check(connection, desk.now) == min(first, frame, ping, answer, stall)


class SlowKeys(MemoryHistory):
    """A history that has to ask a disk for each key; the test answers."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Callable[[], object]] = []

    def may_hold(self, room: str, key: str, session: int, name: str) -> bool:
        return True

    def look_up(
        self,
        room: str,
        key: str,
        session: int,
        name: str,
        answer: Callable[[int | None], object],
        others: tuple[int, ...] = (),
    ) -> None:
        self.asked.append(lambda: answer(None))


def test_a_timer_from_before_a_drain_does_not_overtake_a_key_that_is_looked_up(bench):
    desk = bench(rate=1.0, burst=1, drain_timeout=50)
    history = desk.server.hub.history = SlowKeys()
    wire, reader = desk.guest(Command("join", "tea")), desk.guest(Command("join", "tea"))
    desk.wait(10)
    wire.got(), reader.got()
    wire.send(PingRequest(), Say("one", "k", 1), Say("two", id=2))
    desk.turn()
    desk.server.ending.drain()
    desk.turn()
    desk.wait(5)
    assert [record.text for record in reader.got() if type(record) is Message] == []
    history.asked.pop()()
    desk.turn()
    assert [record.text for record in reader.got() if type(record) is Message] == ["one", "two"]


@pytest.mark.parametrize("name", ["no good", "taken"])
def test_a_hello_whose_name_is_refused_leaves_nothing_to_the_collector(bench, name):
    desk = bench()
    desk.guest(Hello(1, "taken"))
    gc.collect()
    gc.disable()
    try:
        wire = desk.guest(Hello(1, name, id=3))
        wire.hang_up()
        desk.turn_until(lambda: len(desk.connections) == 1)
        assert sum(type(it) is Connection for it in gc.get_objects()) == 1
    finally:
        gc.enable()


def test_somebody_who_leaves_while_the_disk_hangs_still_has_deadlines(bench):
    desk = bench(ping_after=5, ping_timeout=5)
    desk.server.hub.history.when_settled = lambda callback: None
    wire = desk.guest(Command("close"))
    desk.wait(5 + LATE)
    assert wire.got() == [Ping()]
    desk.wait(5 + LATE)
    assert goodbye_of(wire) == "idle"
