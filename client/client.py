"""A client that stays in its room: it connects, comes back after a loss, and misses nothing. For people and for bots.

    with Client("127.0.0.1", 5000, name="echo", room="lobby") as bot:
        for frame in bot.frames():
            if isinstance(frame, Message):
                bot.say(f"{frame.from_} said {frame.text}")

What is said while there is no connection is kept and sent after the return; the server sees to it that nothing is
said twice. Leaving waits until all that was said is confirmed.
"""

import collections
import enum
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from pylingo.client.connection import ClientConnection
from pylingo.client.conversation import Conversation, Step
from pylingo.client.unanswered import Refusal
from pylingo.client.wording import not_confirmed, refused
from pylingo.reactor.engine.dial import Resolver, Target
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.shared.address import DEFAULT_HOST, DEFAULT_PORT
from pylingo.shared.messages import Command, Goodbye, PingRequest, Pong, Ready
from pylingo.shared.schema import Record

RETRY = 60.0
"""Seconds without a connection after which a client gives up."""
FIRST_DELAY = 0.25
"""Seconds, about, before the first try to come back; each further one waits twice as long."""
LONGEST_DELAY = 15.0
FIRST_CLAIM = 5.0
"""Seconds, about, before a name that somebody else has is asked for again; each further time it is twice as long."""
LONGEST_CLAIM = 300.0
SILENCE = 30.0
"""Seconds without a byte from the server after which it is asked for one, and again after which it is given up."""
PATIENCE = 5.0
"""Seconds that leaving may take after an error or a signal."""
FAREWELL = 5.0
"""Seconds that the server has to answer a goodbye."""
STANDSTILL = 60.0
"""Seconds without a confirmation after which leaving gives up what is not confirmed."""
_LAST_PART = 0.8  # of the patience, after which what is not confirmed is given up, and only the goodbye is left
_NO_RETURN = frozenset({"close", "replaced", "bad-frame", "protocol", "password", "address-limit"})


@dataclass(frozen=True, slots=True)
class Status:
    """How the connection is: `connecting`, `online`, `waiting` (for `delay` seconds), or `over`; and why."""

    state: str
    error: Exception | None = None
    delay: float = 0.0


class Leaving(enum.Enum):
    """How far leaving has come."""

    NO = enum.auto()
    FINISHING = enum.auto()
    """What was said is being confirmed."""
    RETAKING = enum.auto()
    """The connection is cut, and a new one takes the seat over to say goodbye."""
    PARTING = enum.auto()
    """Nothing is left but the goodbye."""


class Client:
    """See the module. `show` gets each frame for the person, `on_refusal` each request that will never be done (after
    its error was shown), `changed` each change of the connection, and `drained` is called when all that was queued
    has been sent.

    `retry` is for how many seconds it tries to come back; with `insist` also if the first connection fails. The host's
    name is looked up for each attempt, in a thread.
    With a `reactor` of its own, drive it with `frames` or `run`; otherwise the owner of the reactor does.
    """

    def __init__(
        self,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        name: str | None = None,
        room: str | None = "lobby",
        *,
        retry: float = RETRY,
        insist: bool = False,
        reactor: Reactor | None = None,
        show: Callable[[Record], object] | None = None,
        changed: Callable[[Status], object] = lambda status: None,
        drained: Callable[[], object] = lambda: None,
        on_refusal: Callable[[Refusal], object] = lambda refusal: None,
        targets: Sequence[Target] | None = None,
    ) -> None:
        self.conversation = Conversation(name, room)
        self.reactor = reactor or Reactor()
        self.goodbye: Goodbye | None = None
        """The last goodbye of the server, if the connection ended with one."""
        self.status = Status("connecting")
        self._owns_reactor = reactor is None
        self._where = targets or Resolver(self.reactor, host, port)  # the server may move: resolved for each attempt
        self._retry = retry
        self._insist = insist
        self._frames: collections.deque[Record] = collections.deque()
        self._show = show or self._frames.append
        self._changed = changed
        self._drained = drained
        self._on_refusal = on_refusal
        self._link: ClientConnection | None = None
        self._parting: ClientConnection | None = None
        self._timer: Timer | None = None
        self._watch: Timer | None = None
        self._lost_at: float | None = None
        self._tries = 0
        self._heard = 0.0
        self._asked = False
        self._claim_timer: Timer | None = None
        self._claims = 0
        self._leaving = Leaving.NO
        self._leave_timers: list[Timer] = []
        self._given_up = 0  # messages and commands
        self._last_refusals: list[Refusal] = []  # those that came while leaving

    # --- for people and bots

    def connect(self) -> None:
        """Begin to connect, or do so again after it was over."""
        self.goodbye = None
        self._leaving = Leaving.NO
        self._given_up = 0
        self._lost_at = None
        self._tries = 0
        self._dial()

    def say(self, text: str, key: str | None = None) -> None:
        """Say something to the room. Raises `RequestError` if it is empty or too long.

        `key`, 1 to 32 ASCII characters that are never used twice, comes back in the `sent` for it.
        """
        self._follow(self.conversation.say(text, key))

    def ask(self, request: Record) -> None:
        """Send a request that is not worth keeping: without a connection it is dropped."""
        if self._link is not None and self.status.state == "online":
            self._link.send(request)

    def join(self, room: str) -> None:
        """Go into a room."""
        self.command("join", room)

    def command(self, name: str, argument: str | None = None) -> None:
        """Give a slash command, without the slash."""
        if name == "close" and not argument:
            self.close()
        else:
            self._follow(self.conversation.command(name, argument))

    def close(self, patience: float | None = None) -> None:
        """Leave as soon as all that was said is confirmed, over as many connections as that takes.

        After `patience` seconds it is over in any case: what is not confirmed by then is counted in `unconfirmed`.
        Without it that is so when there was no confirmation for `STANDSTILL` seconds.
        """
        if self._link is None and self.status.state != "waiting":  # it never began, or is over
            self.stop()
            return
        if self._leaving is Leaving.NO:
            self._leaving = Leaving.FINISHING
            if patience is None:
                self._leave_later(STANDSTILL, self._expect_progress, self.unconfirmed)
        if patience is not None:
            self._leave_later(patience * _LAST_PART, self._give_up)
            self._leave_later(patience, self.stop)
        if self.status.state == "waiting" and self.unconfirmed and self._timer is not None:
            self._timer.cancel()
            self._tries = 1  # the next pauses are short again
            self._dial()
        self._part_if_settled()

    def frames(self) -> Iterator[Record]:
        """The frames for the person, as they come, until the connection is over. Turns the reactor."""
        while True:
            while self._frames:
                yield self._frames.popleft()
            if self.status.state == "over":
                return
            self.reactor.tick()

    def stop(self, error: Exception | None = None) -> None:
        """Cut the connection and do not come back."""
        for timer in (self._timer, self._watch, self._claim_timer, *self._leave_timers):
            if timer is not None:
                timer.cancel()
        self._leave_timers.clear()
        if self._link is not None:
            self._link.close()
        self._parting, self._link = self._link, None
        self._become(Status("over", error))

    @property
    def _has_parted(self) -> bool:
        return self._is_over and (self._parting is None or self._parting.is_closed)

    @property
    def _is_over(self) -> bool:
        return self.status.state == "over"

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, on which a goodbye can be said."""
        return self._link is not None and self._link.is_open

    @property
    def unconfirmed(self) -> int:
        """How many messages and commands the server has not confirmed, with those that were given up."""
        return self._given_up + self.conversation.unconfirmed

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be sent that the sender should hold on."""
        return self.conversation.unconfirmed > 1_000 or (self._link is not None and self._link.is_full)

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(PATIENCE if error is not None else None)
        if not self._owns_reactor:
            return
        while not self._is_over:
            self.reactor.tick()
        end = self.reactor.clock() + 2.0
        while not self._has_parted and self.reactor.clock() < end:
            self.reactor.tick(0.1)
        for link in (self._link, self._parting):
            if link is not None:
                link.abort(TimeoutError("the server did not answer the goodbye"))
        self.reactor.tick(0)
        self.reactor.close()
        if words := self._what_was_lost():
            if error is None or isinstance(error, SystemExit):  # of which nobody would read a note
                raise ConnectionError(words)
            error.add_note(words)

    def _what_was_lost(self) -> str:
        """What was said and is not in the room, as far as nobody was there any more to hear of it."""
        words = [not_confirmed("message", self.unconfirmed)] if self.unconfirmed else []
        words += [refused(refusal.request, refusal.error) for refusal in self._last_refusals]
        return "; ".join(words)

    # --- leaving

    def _leave_later(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        self._leave_timers.append(self.reactor.call_later(delay, callback, *args))

    def _part_if_settled(self) -> None:
        talk = self.conversation
        is_settled = talk.is_at_rest if self.status.state == "online" else not talk.unconfirmed
        if self._leaving is Leaving.FINISHING and is_settled:
            self._leaving = Leaving.PARTING
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        if self._link is not None and self._link.is_open:
            self._leave_later(FAREWELL, self.stop)
            self._link.send(Command("close"))
        else:
            self.stop()

    def _expect_progress(self, before: int) -> None:
        """Have something confirmed by now, or give up."""
        if self._leaving is not Leaving.FINISHING:
            return
        if self.unconfirmed >= before:
            self._give_up()
        else:
            self._leave_later(STANDSTILL, self._expect_progress, self.unconfirmed)

    def _give_up(self) -> None:
        """Say goodbye without what is not confirmed.

        That has been sent on this connection, a goodbye would stand behind it, and a server handles no more than its
        pace. So the seat is taken over on a new connection, and with it the server forgets what the old one has sent.
        """
        if self._leaving is not Leaving.FINISHING:
            return
        self._given_up += self.conversation.forget()
        if self._link is None or not self._link.is_open:
            self.stop()
            return
        self._leaving = Leaving.RETAKING
        self._link.abort(TimeoutError("the server did not confirm all in time"))

    # --- the connection

    def _dial(self) -> None:
        self._become(Status("connecting", self.status.error))
        if self._is_over:
            return
        self._link = ClientConnection(
            self.reactor, self._where, self._connected, self._received, self._drained, self._ended
        )

    def _connected(self) -> None:
        self._heard = self.reactor.now
        self._asked = False
        self.goodbye = None
        self._watch = self.reactor.call_later(SILENCE, self._look)
        self._follow(self.conversation.connected())
        if self._leaving is Leaving.PARTING:
            self._say_goodbye()

    def _received(self, record: Record) -> None:
        if self._is_over:
            return
        self._heard = self.reactor.now
        self._asked = False
        if type(record) is Goodbye:
            self.goodbye = record
        elif type(record) is Ready:
            self._lost_at = None
            self._tries = 0
            self._become(Status("online"))
        elif type(record) is Pong and record.re is None:
            return  # the answer to a ping of ours
        try:
            step = self.conversation.received(record)
        except ConnectionError as error:
            if self._link is not None:
                self._link.abort(error)
        else:
            self._follow(step)

    def _ended(self, error: Exception | None) -> None:
        if self._is_over:
            return
        if self._watch is not None:
            self._watch.cancel()
        self._link = None
        self.conversation.disconnected()
        if self._leaving is Leaving.RETAKING:
            self._leaving = Leaving.PARTING
            self._dial()
            return
        now = self.reactor.clock()
        was_online = self._lost_at is None and self.status.state == "online"
        if self._lost_at is None:
            self._lost_at = now
        reason = self.goodbye.reason if self.goodbye is not None else None
        never_was = not self._insist and not was_online and self._tries == 0 and reason is None
        given_up = now - self._lost_at >= self._retry
        if self._leaving is Leaving.PARTING or reason in _NO_RETURN or never_was or given_up:
            self.stop(error)
            return
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2**self._tries) * random.uniform(0.5, 1.5)
        self._tries += 1
        self._become(Status("waiting", error, delay))
        if self._is_over:
            return
        self._timer = self.reactor.call_later(delay, self._dial)

    def _look(self) -> None:
        """A server that lives sends a ping now and then; one that is silent is asked, and then given up."""
        silent = self.reactor.now - self._heard
        if self._link is None:
            return
        if silent >= SILENCE and self._asked:
            self._link.abort(TimeoutError(f"nothing came from the server for {silent:.0f} s"))
            return
        if silent >= SILENCE:
            self._asked = True
            self._link.send(PingRequest())
        self._watch = self.reactor.call_later(SILENCE if self._asked else SILENCE - silent, self._look)

    def _follow(self, step: Step) -> None:
        for record in step.send:
            if self._link is not None:
                self._link.send(record)
        for record in step.show:
            if not self._is_over:
                self._show(record)
        for refusal in step.refused:
            if self._leaving is not Leaving.NO:
                self._last_refusals.append(refusal)
            self._on_refusal(refusal)
        self._want_name()
        self._part_if_settled()

    def _want_name(self) -> None:
        """See that a name that somebody else has is asked for again: it may come free out of sight."""
        if self.conversation.wanted is None:
            self._claims = 0
            if self._claim_timer is not None:
                self._claim_timer.cancel()
                self._claim_timer = None
        elif self._claim_timer is None and not self._is_over:
            delay = min(LONGEST_CLAIM, FIRST_CLAIM * 2**self._claims) * random.uniform(0.5, 1.5)
            self._claim_timer = self.reactor.call_later(delay, self._claim)

    def _claim(self) -> None:
        self._claim_timer = None
        self._claims += 1
        self._follow(self.conversation.claim())

    def _become(self, status: Status) -> None:
        self.status = status
        self._changed(status)
