"""The simulated clients of a plan on one reactor: connecting, entering rooms, waiting, ending."""

import functools
import random
import time
from collections.abc import Callable

from pylingo.client.bench.dialect import Dialect
from pylingo.client.bench.plan import Measured, Plan
from pylingo.client.bench.simulated import ENTER, FENCE, LoadRoom, LoadState, SimulatedClient
from pylingo.client.bench.stream import LengthChecker, StreamChecker, StreamError
from pylingo.reactor.engine.dial import resolve
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.tls import ClientTls, reason_of
from pylingo.reactor.engine.tls_dial import Stream, TlsDial

PATIENCE = 60.0  # seconds without any progress after which a run has failed
SETTLE_SECONDS = 0.2  # at the end of a run, in which nothing more may come
ALIVE_EVERY = 8.0  # seconds between two signs of life of a silent client; servers ping after 20
_DIALS = 256  # under way at a time

type ProgressCallback = Callable[[str, float], object]
"""Gets the name of a phase, and how much of it is done (0 to 1)."""


class Load:
    """The clients of a plan on one reactor. Every method blocks until it is done.

    They raise `StreamError` if a delivery is wrong, and if nothing moves for `PATIENCE` seconds.
    """

    def __init__(
        self,
        plan: Plan,
        dialect: Dialect,
        port: int,
        host: str = "127.0.0.1",
        progress: ProgressCallback = lambda phase, part: None,
        tls: ClientTls | None = None,
    ) -> None:
        self.plan = plan
        self.dialect = dialect
        self.reactor = Reactor()
        self.random = random.Random(plan.seed)
        self.state = LoadState(dialect)
        self.rooms = [LoadRoom(f"room{index}", dialect) for index in range(plan.rooms)]
        self.clients: list[SimulatedClient] = []
        self.targets = resolve(host, port)
        self.tls = tls
        self.progress = progress

    def connect(self, enter: bool = True) -> float:
        """Connect everybody and have them enter their rooms; returns how many seconds that took.

        Without `enter` only the observers enter; the others stay outside.
        """
        total = self.plan.clients + self.plan.rooms
        start = time.monotonic()
        count = 0

        def failed(error: Exception) -> None:
            self.state.fail(f"connecting failed: {reason_of(error)}")

        def connected(client: SimulatedClient, stream: Stream) -> None:
            nonlocal count
            count += 1
            client.attach(self.reactor, stream)
            name = f"{self.plan.prefix}{client.number}"
            enters = enter or client.number < self.plan.rooms
            entering = self.dialect.enter(name, client.room.name) if enters else b""
            client.introduce(self.dialect.introduce(name), entering + self.dialect.fence(ENTER))

        def dial_more() -> bool:
            most = count + _DIALS
            if self.dialect.pending:
                most = min(most, self.state.passed + self.dialect.pending)
            while len(self.clients) < min(total, most):
                number = len(self.clients)
                client = SimulatedClient(self.state, number, self.rooms[number % len(self.rooms)])
                client.room.clients.append(client)  # the first of each room is its observer
                self.clients.append(client)
                self.dial(functools.partial(connected, client), failed)
            return self.state.passed == total

        self._keep_alive()
        self.until(dial_more, "connecting", lambda: self.state.passed / total)
        return time.monotonic() - start

    def dial(self, connected: Callable[[Stream], object], failed: Callable[[Exception], object]) -> TlsDial:
        """Connect one client, with TLS if the load has that."""
        return TlsDial(self.reactor, self.targets, self.tls, connected, failed)

    def settle(self) -> None:
        """Wait until everybody has received all that entering caused; from then on every byte is checked."""
        self.quiesce()
        checker = StreamChecker if self.dialect.one_order else LengthChecker
        for room in self.rooms:
            observer, *others = room.clients
            observer.observe()
            room.senders = others[: self.plan.senders]
            for client in others:
                own = client.number if client in room.senders and not self.dialect.echo else None
                client.check(checker(room.stream, own))
            for client in room.senders:
                client.write(self.dialect.settle())
        for client in self._choose_stalled():
            client.stall()

    def quiesce(self) -> None:
        """Wait until everybody has received all that entering caused."""
        until = time.monotonic() + self.dialect.rest
        while time.monotonic() < until:
            self.reactor.tick(0.1)
        state = self.state
        state.fence, state.passed = FENCE, 0
        for client in self.clients:
            client.write(self.dialect.fence(FENCE))
        self.until(lambda: state.passed == len(self.clients), "settling", lambda: state.passed / len(self.clients))

    def wait(self) -> Measured:
        """Let `plan.seconds` pass in silence."""
        start = time.monotonic()
        while (past := time.monotonic() - start) < self.plan.seconds:
            self.tick(0.2)
            self.progress("waiting", past / self.plan.seconds)
        return Measured(seconds=self.plan.seconds)

    def stay_level(self) -> None:
        """Check that nothing more comes after the end, such as a message delivered twice."""
        self.listen_on()
        if not self.is_level():
            raise StreamError("more arrived than was sent")

    def listen_on(self) -> None:
        """Receive for `SETTLE_SECONDS` what may still come."""
        until = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < until:
            self.tick(0.05)

    def is_level(self) -> bool:
        """Whether everybody who reads has received everything that was sent."""
        return all(room.is_level for room in self.rooms)

    def close(self) -> None:
        """Cut all connections. A second call does nothing."""
        if self.state.is_ending:
            return
        self.state.is_ending = True
        for client in self.clients:
            if client.transport is not None:
                client.transport.abort()
        self.reactor.tick(0)
        self.reactor.close()

    def tick(self, longest: float) -> None:
        """One tick of the reactor, which waits for at most `longest` seconds. Raises what a client found wrong."""
        self.reactor.tick(longest)
        if self.state.error is not None:
            raise self.state.error

    def until(self, done: Callable[[], bool], phase: str, part: Callable[[], float]) -> None:
        """Run the reactor until `done()`, as long as `part()` grows."""
        best, deadline = -1.0, 0.0
        while not done():
            self.tick(0.05)
            now = self.reactor.now
            if now >= deadline - PATIENCE + 0.2 or deadline == 0:
                reached = part()
                if reached > best:
                    best, deadline = reached, now + PATIENCE
                    self.progress(phase, reached)
                elif now > deadline:
                    raise StreamError(f"{phase} came to a halt at {100 * best:.1f}%")

    def _choose_stalled(self) -> list[SimulatedClient]:
        """Clients that only read if there are enough of them, otherwise any but the observers."""
        readers = [client for room in self.rooms for client in room.clients[1 + len(room.senders) :]]
        if len(readers) < self.plan.stalled:
            readers = [client for room in self.rooms for client in room.clients[1:]]
        return self.random.sample(readers, self.plan.stalled)

    def _keep_alive(self) -> None:
        for client in self.clients:
            client.keep_alive()
        self.reactor.call_later(ALIVE_EVERY, self._keep_alive)
