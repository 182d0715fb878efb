"""The servers of a cluster: each has a heart that beats in Redis, and each watches the others.

A server whose heart stands still for the patience is given up: its fence in Redis turns into a tombstone, and its
sessions go to the server that noticed. There are no leases with a time to live, which would expire while Redis itself
is away.
"""

import math
import secrets
import time
from collections.abc import Callable
from typing import Any, Protocol

from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.hearts import LONGEST_REPLY, PERIOD, Hearts, ServerState
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.link import LinkLost, RedisError
from pylingo.reactor.bus.redis.reaper import Reaper
from pylingo.reactor.bus.redis.sessions import SessionRecord
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer

_FRESH = 3.0  # seconds since the last beat of a server that is there
_GENERATIONS = 20  # bits of a generation that count connections; those above are a server's own, at random


def _awake() -> float:
    """Seconds that count the time in which the process or the machine is stopped, as far as the system tells."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class HealthListener(Protocol):
    """The server's side of its health."""

    def registered(self, server: int, generation: int) -> None:
        """This server has its number now: make the `Feeds` with both, and call their `up`."""

    def reaped(self, server: int, sessions: dict[int, SessionRecord], rooms: dict[int, list[str]]) -> None:
        """The server with that number is given up, and this one owns its sessions from now on.

        `sessions` has their records by number, `rooms` the compared forms of the rooms that each number is in. A number
        with rooms may have no record: its session never got as far, or another server has it and does not know of these
        rooms. After a broken connection, sessions may come that this server owned before; those that it knows are to be
        ignored.
        """

    def fenced(self) -> None:
        """The other servers gave this one up. Nothing it does takes effect any more. Called once."""

    def cut_off(self, is_cut_off: bool) -> None:
        """This server, and perhaps it alone, does not reach Redis for a long time; or, with False, it does again."""


class Health:
    """The heart of this server, and its watch over the others.

    A server is given up when its heart has stood still for `patience` seconds in which this server's own connection was
    healthy. `people`, `lag`, in seconds, and `address` are asked each second; others see them, and `version`.
    `cut_off_after` gives the seconds without an answer of Redis after which the listener is told. `awake` gives seconds
    that go on while this process or the machine is stopped: the reactor's do not.
    """

    def __init__(
        self,
        reactor: Reactor,
        deployment: Deployment,
        keys: Keys,
        listener: HealthListener,
        patience: float = 10.0,
        version: str = "",
        address: Callable[[], str] = lambda: "",
        people: Callable[[], int] = lambda: 0,
        lag: Callable[[], float] = lambda: 0.0,
        cut_off_after: Callable[[], float] = lambda: math.inf,
        awake: Callable[[], float] = _awake,
    ) -> None:
        self.server = 0
        """The number of this server, 0 until it is registered."""
        self._reactor = reactor
        self._deployment = deployment
        self._keys = keys
        self._listener = listener
        self._version = version
        self._address = address
        self._people = people
        self._lag = lag
        self._generation = secrets.randbits(31) << _GENERATIONS
        self._hearts = Hearts(reactor.clock, patience)
        self._reaper: Reaper | None = None
        self._beat = 0
        self._cut_off_after = cut_off_after
        self._is_cut_off = False
        self._beaten_at = self._heard_at = reactor.clock()  # when the newest beat was sent, and the newest with a reply
        self._awake = awake
        self._sure_for = min(LONGEST_REPLY, patience)  # seconds; the others wait for the patience
        self._sent_at = self._sure_at = awake()  # the same by the other clock
        self._unsure: list[Callable[[], object]] = []
        self._is_waiting = False
        self._is_over = False
        self._is_up = False
        self._timer: Timer | None = None

    # --- what the server asks

    @property
    def servers(self) -> dict[int, ServerState]:
        """All servers, this one included, as of the last second."""
        return self._hearts.states

    def has_company(self) -> bool:
        """Whether another server's heart has beaten within the last three seconds."""
        return any(server != self.server for server in self._hearts.fresh(_FRESH))

    @property
    def silence(self) -> float:
        """The seconds for which Redis has not answered the newest beat; 0 if it has."""
        return self._reactor.clock() - self._beaten_at if self._is_waiting else 0.0

    def when_sure(self, callback: Callable[[], object]) -> None:
        """Call `callback` when Redis has said that this server is not given up; at once if it did just now.

        A server that has hung for a while goes on with what has come meanwhile before it learns that.
        """
        if self._awake() - self._sure_at <= self._sure_for:
            callback()
        else:
            self._unsure.append(callback)

    def pause(self) -> None:
        """Beat no more, so the others can give this server up."""
        self._end()

    def begin_stop(self, answer: Callable[[bool], object]) -> None:
        """This server stops as planned. `answer` gets whether another one does not, and can take its people over.

        Redis decides, so of servers that stop at one moment one is the last. If Redis does not answer, nor does this.
        """
        others = [server for server in self._hearts.fresh(_FRESH) if server != self.server]
        keys = [self._keys.key(0, rest) for rest in ("servers", "stopping")]

        def answered(reply: Any) -> None:
            if not isinstance(reply, RedisError):
                answer(bool(reply))

        self._deployment.ears(0).call(answered, "FCALL", function("stop"), len(keys), *keys, self.server, *others)

    def give_up(self, server: int) -> None:
        """Give up a server that has said that it ends."""
        self._hearts.forget(server)

        def answered(state: Any) -> None:
            if isinstance(state, bytes) and self._reaper is not None:
                self._reaper.reap(server, state)

        self._deployment.ears(0).call(answered, "HGET", self._keys.key(0, "servers"), server)

    def stop(self, done: Callable[[], object]) -> None:
        """Take this server out of the cluster: its fence turns into a tombstone. Give its sessions away before.

        `done` is called when Redis has answered, or cannot.
        """
        self._end()
        left = self._keys.lanes if self.server else 0

        def answered(_: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                done()

        for lane in range(left):
            rests = [f"fence:{self.server}", *(() if lane else ("servers", "stopping", f"of:{self.server}"))]
            keys = [self._keys.key(lane, rest) for rest in rests]
            link = self._deployment.commits(lane) if lane else self._deployment.ears(0)  # behind the ends of sessions
            link.call(answered, "FCALL", function("retire"), len(keys), *keys, self.server)
        if not left and not self.server:
            done()

    # --- what the deployment says

    def up(self) -> None:
        """All links are up. The first time, the server is registered; later its heart goes on."""
        self._is_up = True
        self._is_waiting = False
        if not self.server:
            self._deployment.ears(0).call(self._registered, "INCR", self._keys.key(0, "next-server"))
            return
        if self._reaper is not None:
            self._reaper.resume()
        self._go_on()

    def down(self, why: str) -> None:
        """A link is lost: the watch over the others begins anew."""
        self._is_up = False
        self._hearts.begin_anew()

    def _registered(self, reply: Any) -> None:
        if isinstance(reply, LinkLost):
            return
        if isinstance(reply, RedisError):
            self._timer = self._reactor.call_later(PERIOD, self.up)
            return
        self.server = reply
        self._reaper = Reaper(self._reactor, self._deployment, self._keys, reply, self._tell_reaped)
        self._listener.registered(self.server, self._generation)
        self._go_on()

    def _tell_reaped(self, server: int, sessions: dict[int, SessionRecord], rooms: dict[int, list[str]]) -> None:
        self._reactor.run_safely(self._listener.reaped, server, sessions, rooms)

    # --- the heart

    def _go_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._reactor.call_later(PERIOD, self._go_on)
        self._look_for_cut()
        if not self._is_up or self._is_waiting:
            return
        self._beat += 1
        self._beaten_at, self._sent_at = self._reactor.clock(), self._awake()
        self._is_waiting = True
        state = ServerState(
            self._beat, self._people(), round(self._lag() * 1_000), self._version, self._address()
        ).packed()
        self._deployment.ears(0).call(
            self._beaten,
            "FCALL",
            function("heartbeat"),
            2,
            self._keys.key(0, f"fence:{self.server}"),
            self._keys.key(0, "servers"),
            self._generation,
            self.server,
            state,
        )

    def _beaten(self, reply: Any) -> None:
        if self._is_over:
            return
        self._is_waiting = False
        if isinstance(reply, RedisError):
            self._hearts.begin_anew()
            if reply.code == "FENCED":
                self._end()
                self._listener.fenced()
            return
        self._heard_at, self._sure_at = self._beaten_at, self._sent_at
        if self._is_cut_off:
            self._is_cut_off = False
            self._listener.cut_off(False)
        if self._unsure and self._awake() - self._sure_at <= self._sure_for:
            unsure, self._unsure = self._unsure, []
            for callback in unsure:
                self._reactor.run_safely(callback)
        states = dict(zip(map(int, reply[::2]), reply[1::2], strict=True))
        for server, state in self._hearts.heard(states, self.server):
            if self._reaper is not None:
                self._reaper.reap(server, state)

    def _look_for_cut(self) -> None:
        """Notice that Redis has not answered for long. Without other servers, there is nowhere else to go."""
        silent = self._reactor.clock() - self._heard_at
        if not self._is_cut_off and len(self.servers) > 1 and silent >= self._cut_off_after():
            self._is_cut_off = True
            self._listener.cut_off(True)

    def _end(self) -> None:
        """Beat no more."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._is_up = False
