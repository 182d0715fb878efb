"""A client that stays in its room: it connects, comes back after a loss, and misses nothing. For people and for bots.

    with Client("127.0.0.1", 5000, name="echo", room="lobby") as bot:
        for frame in bot.frames():
            if isinstance(frame, Message):
                bot.say(f"{frame.from_} said {frame.text}")

What is said while there is no connection is kept and sent after the return; the server sees to it that nothing is
said twice.
"""

import collections
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from client.conversation import Conversation, Step
from client.link import Link
from reactor.engine.dial import Resolver, Target
from reactor.engine.loop import Reactor
from reactor.engine.timers import Timer
from shared.address import DEFAULT_HOST, DEFAULT_PORT
from shared.messages import Goodbye, PingRequest, Pong, Ready
from shared.schema import Record

RETRY = 60.0
"""Seconds without a connection after which a client gives up."""
FIRST_DELAY = 0.25
"""Seconds, about, before the first try to come back; each further one waits twice as long."""
LONGEST_DELAY = 15.0
SILENCE = 30.0
"""Seconds without a byte from the server after which it is asked for one, and again after which it is given up."""
_NO_RETURN = frozenset({"close", "replaced", "bad-frame", "protocol", "password", "address-limit"})


@dataclass(frozen=True, slots=True)
class Status:
    """How the connection is: `connecting`, `online`, `waiting` (for `delay` seconds), or `over`; and why."""

    state: str
    error: Exception | None = None
    delay: float = 0.0


class Client:
    """See the module. `show` gets each frame for the person, `changed` each change of the connection, and `drained`
    is called when all that was queued has been sent.

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
        self._link: Link | None = None
        self._parting: Link | None = None
        self._timer: Timer | None = None
        self._watch: Timer | None = None
        self._lost_at: float | None = None
        self._tries = 0
        self._heard = 0.0
        self._asked = False
        self._wants_to_go = False

    # --- for people and bots

    def connect(self) -> None:
        """Begin to connect, or do so again after it was over."""
        self.goodbye = None
        self._wants_to_go = False
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
            self._wants_to_go = True
            if self._link is None or not self._link.is_open:
                self.stop()
                return
        self._follow(self.conversation.command(name, argument))

    def close(self) -> None:
        """Leave: what was said is still sent. Without a connection, at once."""
        self.command("close")

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
        for timer in (self._timer, self._watch):
            if timer is not None:
                timer.cancel()
        if self._link is not None:
            self._link.close()
        self._parting, self._link = self._link, None
        self._become(Status("over", error))

    @property
    def _has_parted(self) -> bool:
        return self._is_over and (self._parting is None or self._parting.is_gone)

    @property
    def _is_over(self) -> bool:
        return self.status.state == "over"

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
        self.close()
        if self._owns_reactor:
            end = self.reactor.clock() + 2.0
            while not self._has_parted and self.reactor.clock() < end:
                self.reactor.tick(0.1)
            for link in (self._link, self._parting):
                if link is not None:
                    link.abort(TimeoutError("the server did not answer the goodbye"))
            self.reactor.tick(0)
            self.reactor.close()

    # --- the connection

    def _dial(self) -> None:
        self._become(Status("connecting", self.status.error))
        if self._is_over:
            return
        self._link = Link(self.reactor, self._where, self._connected, self._received, self._drained, self._ended)

    def _connected(self) -> None:
        self._heard = self.reactor.now
        self._asked = False
        self.goodbye = None
        self._watch = self.reactor.call_later(SILENCE, self._look)
        self._follow(self.conversation.connected())

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
        now = self.reactor.clock()
        was_online = self._lost_at is None and self.status.state == "online"
        if self._lost_at is None:
            self._lost_at = now
        reason = self.goodbye.reason if self.goodbye is not None else None
        never_was = not self._insist and not was_online and self._tries == 0 and reason is None
        given_up = now - self._lost_at >= self._retry
        if self._wants_to_go or reason in _NO_RETURN or never_was or given_up:
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

    def _become(self, status: Status) -> None:
        self.status = status
        self._changed(status)
