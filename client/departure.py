"""Leaving a server: every message is confirmed first, then comes the goodbye, all within limits of time."""

import enum
from collections.abc import Callable
from typing import Any

from pylingo.client.connection import ClientConnection
from pylingo.client.conversation import Conversation
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.shared.messages import Command

FAREWELL = 5.0
"""Seconds that the server has to answer a goodbye."""
STANDSTILL = 60.0
"""Seconds without a confirmation after which leaving gives up the unconfirmed messages."""
_LAST_PART = 0.8  # the part of the patience after which unconfirmed messages are given up; the rest is for the goodbye


class Stage(enum.Enum):
    """How far leaving has come."""

    STAYING = enum.auto()
    FINISHING = enum.auto()
    """Messages are being confirmed."""
    RETAKING = enum.auto()
    """The connection is cut, and a new one resumes the session to say goodbye."""
    PARTING = enum.auto()
    """Only the goodbye is left."""


class Departure:
    """See the module. `connection()` is the present connection, and `stop()` ends everything at once."""

    def __init__(
        self,
        reactor: Reactor,
        conversation: Conversation,
        connection: Callable[[], ClientConnection | None],
        stop: Callable[[], object],
    ) -> None:
        self._reactor = reactor
        self._conversation = conversation
        self._connection = connection
        self._stop = stop
        self._timers: list[Timer] = []
        self.restart()

    @property
    def unconfirmed(self) -> int:
        return self.given_up + len(self._conversation.unanswered)

    def restart(self) -> None:
        """Stay from now on."""
        self.stage = Stage.STAYING
        self.given_up = 0  # messages and commands

    def begin(self, patience: float | None) -> None:
        """Leave, within `patience` seconds or, without it, as long as messages are being confirmed."""
        if self.stage is Stage.STAYING:
            self.stage = Stage.FINISHING
            if patience is None:
                self._later(STANDSTILL, self._expect_progress, self.unconfirmed)
        if patience is not None:
            self._later(patience * _LAST_PART, self._give_up)
            self._later(patience, self._stop)

    def cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def part_if_settled(self, is_online: bool) -> None:
        """Say goodbye if nothing is awaited any more."""
        is_settled = self._conversation.is_at_rest if is_online else not self._conversation.unanswered
        if self.stage is Stage.FINISHING and is_settled:
            self.stage = Stage.PARTING
            self._say_goodbye()

    def connected(self) -> None:
        if self.stage is Stage.PARTING:
            self._say_goodbye()

    def needs_connection(self) -> bool:
        """Whether a new connection must be made at once, because this cut the last one to say goodbye on another."""
        if self.stage is not Stage.RETAKING:
            return False
        self.stage = Stage.PARTING
        return True

    def _later(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        self._timers.append(self._reactor.call_later(delay, callback, *args))

    def _say_goodbye(self) -> None:
        connection = self._connection()
        if connection is not None and connection.is_open:
            self._later(FAREWELL, self._stop)
            connection.send(Command("close"))
        else:
            self._stop()

    def _expect_progress(self, before: int) -> None:
        """Give up if nothing was confirmed since `before` messages were unconfirmed."""
        if self.stage is not Stage.FINISHING:
            return
        if self.unconfirmed >= before:
            self._give_up()
        else:
            self._later(STANDSTILL, self._expect_progress, self.unconfirmed)

    def _give_up(self) -> None:
        """Say goodbye without waiting for unconfirmed messages.

        They have been sent on this connection, and the server handles frames in order and at a limited pace, so a
        goodbye would be late. A new connection resumes the session, and the server discards the rest of the old one.
        """
        if self.stage is not Stage.FINISHING:
            return
        self.given_up += self._conversation.unanswered.forget()
        connection = self._connection()
        if connection is None or not connection.is_open:
            self._stop()
            return
        self.stage = Stage.RETAKING
        connection.abort(TimeoutError("the server did not confirm all messages in time"))
