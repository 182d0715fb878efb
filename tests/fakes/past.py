"""A window in one room, and the server's log of it. Tests decide when messages arrive and requests are answered."""

import collections
import dataclasses
import itertools

from pylingo.client.events import PageReply, Received, Status
from pylingo.client.terminal.input_events import Key, Text
from pylingo.client.terminal.line import Line, is_of_log
from pylingo.client.terminal.model import AskPage, Effect, Event, Model, Speak
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import body_height
from pylingo.reactor.history.history import cut_page
from pylingo.shared.messages import Entry, Error, HistoryPage, Joined, Message, Redacted, Sent
from pylingo.shared.schema import Record
from tests.fakes.window import NOON, make, plain

HIDDEN = "eve"
"""The window shows nothing that she says."""
STEP = 7 * 3_600_000_000
"""Microseconds between two messages: three or four are said in a day."""


class World:
    """See the module. `said` messages are in the log before the window begins, and the newest `shown` in the window."""

    def __init__(self, said: int = 0, shown: int = 5, columns: int = 60, rows: int = 8, layout: str = "top") -> None:
        self.model: Model = make(layout, columns, rows, times=False)
        self.model.state, self.model.name, self.model.buffer.room = "online", "ada", "lobby"
        self.model.features = frozenset({"rooms", "private"})
        self.model.preferences.ignored = {HIDDEN}
        self.log: list[Entry] = []
        self.requests: collections.deque[tuple[AskPage, Record]] = collections.deque()
        """The requests without a reply, each with its reply."""
        self.unconfirmed: collections.deque[int] = collections.deque()
        """The stamps of own messages of which we do not know that the log has them."""
        self._next = 0  # the index of the next message that will arrive
        self._arrived: set[int] = set()  # the stamps of those that have
        self._numbers = itertools.count(1)
        self.do(Received(Joined("lobby", "ada", 2)))
        self.say(said, arrive=False)
        self._next = max(0, len(self.log) - shown)
        self.arrive(shown)

    @property
    def lines(self) -> list[Line]:
        return self.model.buffer.scrollback.lines

    @property
    def is_online(self) -> bool:
        return self.model.state == "online"

    # --- what the person does

    def do(self, *events: Event) -> list[Effect]:
        """Let events happen. Requests are handled by the server at once, and wait for `reply`."""
        effects = [effect for event in events for effect in update(self.model, event, 0.0, NOON)]
        for effect in effects:
            if isinstance(effect, AskPage):
                assert self.is_online, "asked without a connection"
                self.requests.append((effect, self._page(effect)))
            elif isinstance(effect, Speak):
                self.log.append(self._entry("ada", effect.text, effect.key))
                self.unconfirmed.append(self.log[-1].at)
        return effects

    def press(self, *keys: str) -> list[Effect]:
        return self.do(*(Key(key) for key in keys))

    def type(self, text: str) -> list[Effect]:
        return self.do(Text(text), Key("enter"))

    # --- what the server does

    def _entry(self, who: str, text: str, key: str | None = None) -> Entry:
        return Entry(who, text, NOON + STEP * next(self._numbers), key)

    def say(self, count: int = 1, who: str = "bob", text: str = "", arrive: bool = True) -> None:
        """Others say so many messages."""
        for _ in range(count):
            entry = self._entry(who, text)
            entry.text = text or f"m{(entry.at - NOON) // STEP}"
            self.log.append(entry)
        if arrive:
            self.arrive()

    def arrive(self, count: int = 10**9) -> None:
        """The next messages arrive, as many as that, if there is a connection."""
        while count and self.is_online and self._next < len(self.log):
            entry = self.log[self._next]
            self._next += 1
            if entry.key is None:
                count -= 1
                self._arrived.add(entry.at)
                self.do(Received(Message("lobby", entry.from_, entry.text, entry.at)))

    def confirm(self) -> None:
        """The server confirms the first own message of which we do not know that it has it."""
        if self.unconfirmed and self.is_online:
            at = self.unconfirmed.popleft()
            key = next(entry.key for entry in self.log if entry.at == at)
            self.do(Received(Sent("lobby", at, key=key)))

    def redact(self, entry: Entry) -> None:
        entry.text, entry.redacted = "", True
        if self.is_online:
            self.do(Received(Redacted("lobby", entry.at, "op")))

    def _page(self, effect: AskPage) -> Record:
        request = effect.request
        page = cut_page([dataclasses.replace(each) for each in self.log], request)
        return HistoryPage("lobby", page.messages, page.more, page.oldest)

    def reply(self, error: str = "") -> None:
        """Answer the oldest request."""
        if self.requests:
            effect, record = self.requests.popleft()
            self.do(PageReply(effect.request, Error("bad-argument", error) if error else record))

    def settle(self) -> None:
        """Answer all requests, and those that follow from the replies."""
        for _ in range(1_000):
            if not self.requests:
                return
            self.reply()
        raise AssertionError("the window never stops asking")

    def cut(self) -> None:
        """The connection breaks."""
        self.requests.clear()
        self.do(Status("waiting"))

    def return_(self) -> None:
        """The connection is there again."""
        if not self.is_online:
            self.do(Status("online"))

    # --- what there is to see

    @property
    def rows(self) -> list[str]:
        """The rows in view."""
        viewport = self.model.buffer.scrollback.viewport
        return [plain(row) for row in viewport.rows(body_height(self.model), lambda line: wrapped(self.model, line))]

    @property
    def stamps(self) -> list[int]:
        """The stamps of the messages in memory around the view."""
        return [line.at for line in self.lines if is_of_log(line)]

    def has_arrived(self, entry: Entry) -> bool:
        """Whether the window was sent a message, or told that its own is in the log."""
        if entry.key is not None:
            return entry.at not in self.unconfirmed
        return entry.at in self._arrived
