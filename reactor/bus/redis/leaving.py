"""A planned stop: a server leaves the cluster, and the others go on with its people.

Redis says whether another server goes on. If so, sessions are given to the others without a goodbye, and the server
says that it is stopping, so its seats need not wait for the patience.
"""

from collections.abc import Callable

from pylingo.reactor.bus.redis.bus import RedisBus
from pylingo.reactor.bus.redis.health import Health
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.engine.loop import Reactor

_ASKING = 1.0  # seconds for Redis to say whether another server goes on
_HANDING_OVER = 1.0  # seconds for the others to take over the seats
_RESUMABLE = (State.ATTACHED, State.AWAY)


class Leaving:
    """How this server stops. The calls come in the order of the methods."""

    def __init__(self, reactor: Reactor, hub: Hub[Session]) -> None:
        self._reactor = reactor
        self._hub = hub
        self._goes_on: bool | None = None  # whether another server does, once it is known

    def begin(self, health: Health, answer: Callable[[bool], object]) -> None:
        """Ask whether another server goes on. `answer` is called once.

        Without an answer of Redis within a second, it is whether another one was alive lately.
        """

        def answered(goes_on: bool) -> None:
            if self._goes_on is None:
                self._goes_on = goes_on
                answer(goes_on)

        health.begin_stop(answered)
        self._reactor.call_later(_ASKING, lambda: answered(health.has_company()))

    def hand_over(self, bus: RedisBus) -> set[Session]:
        """See `Cluster.hand_over`."""
        those = {it for it in self._hub.sessions() if it.token is not None and it.state in _RESUMABLE}
        for session in those:
            if session.state is State.ATTACHED:
                session.detach("replaced", b"")

        def settled() -> None:
            for session in those:
                bus.seats.give_away(session, b"")

        bus.when_settled(settled)
        return those

    def leave(self, health: Health, bus: RedisBus, done: Callable[[], object]) -> None:
        """See `Cluster.stop`."""
        is_over = False

        def retire() -> None:
            nonlocal is_over
            if not is_over:
                is_over = True
                health.stop(done)

        def reaped(server: int) -> None:
            if server == health.server:
                retire()

        def settled() -> None:
            if self._goes_on if self._goes_on is not None else health.has_company():
                health.pause()
                bus.signals.on("reaped", reaped)
                bus.signals.send_all("stopping", health.server)
                self._reactor.call_later(_HANDING_OVER, retire)
            else:
                retire()

        bus.when_settled(settled)
