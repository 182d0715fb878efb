"""A window in one room, and the server's log of it. Tests decide when messages arrive and requests are answered."""

import collections
import dataclasses
import itertools

import pytest

from pylingo.client.events import PageReply, Received, Status
from pylingo.client.terminal import loaded as loaded_module
from pylingo.client.terminal import past
from pylingo.client.terminal.input_events import Key, Text
from pylingo.client.terminal.line import Line, is_of_log
from pylingo.client.terminal.model import AskPage, Do, Effect, Event, Model, SearchGoesOn, Speak
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import body_height
from pylingo.client.wording import REMOVED
from pylingo.reactor.history.history import cut_page
from pylingo.shared.messages import Entry, Error, HistoryPage, Joined, Message, Redacted, Sent
from pylingo.shared.schema import Record
from pylingo.shared.search import parse_search
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
        self.model.features = frozenset({"rooms", "private", "search"})
        self.model.preferences.ignored = {HIDDEN}
        self.log: list[Entry] = []
        self.requests: collections.deque[tuple[AskPage, Record]] = collections.deque()
        """The requests without a reply, each with its reply."""
        self.unconfirmed: collections.deque[int] = collections.deque()
        """The stamps of own messages of which we do not know that the log has them."""
        self.reads_on = True
        """Whether the steps of a search in memory follow each other at once."""
        self.searched_at_once = 1_000
        """How many messages the server looks at for one page of a search."""
        self._next = 0  # the index of the next message that will arrive
        self._arrived: set[int] = set()  # the stamps of those that have, or that were there before the window was
        self._numbers = itertools.count(1)
        self.do(Received(Joined("lobby", "ada", 2)))
        self.say(said, arrive=False)
        self.skip(max(0, len(self.log) - shown))
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
            if effect is Do.SEARCH_ON and self.reads_on:
                self.do(SearchGoesOn())
            elif isinstance(effect, AskPage):
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

    def skip(self, count: int) -> None:
        """The next messages are in the log only: they were there before the window was."""
        self._arrived |= {entry.at for entry in self.log[self._next : self._next + count]}
        self._next += count

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
        log = [dataclasses.replace(each) for each in self.log]
        if request.search is None:
            page = cut_page(log, request)
            return HistoryPage("lobby", page.messages, page.more, page.oldest)
        rule, looked_at = parse_search(request.search), [each for each in log if each.at < (request.before or 2**63)]
        matches = [each for each in looked_at[-self.searched_at_once :] if rule.matches(each.text)]
        found = matches[-request.limit :]
        is_cut, has_more = len(found) < len(matches), len(looked_at) > self.searched_at_once
        next_ = found[0].at if is_cut else looked_at[-self.searched_at_once].at if has_more else None
        return HistoryPage("lobby", found, next_ is not None, None, next=next_)

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
        """Whether the window was sent a message, told that its own is in the log, or can only request it."""
        if entry.key is not None:
            return entry.at not in self.unconfirmed
        return entry.at in self._arrived


# --- limits, and what always holds


def bound(monkeypatch: pytest.MonkeyPatch, page: int = 10, reserve: int = 5, lines: int = 40, newest: int = 6) -> None:
    """Small limits."""
    for module, name, value in (
        (past, "MAX_PAGE", page),
        (past, "RESERVE", reserve),
        (loaded_module, "LINES", lines),
        (loaded_module, "NEWEST", newest),
        (loaded_module, "_SLACK", 4),
    ):
        monkeypatch.setattr(module, name, value)


def check(world: World) -> None:
    """The messages in memory are a part of the log without a hole."""
    loaded = world.model.buffer.scrollback.loaded
    stamps = world.stamps
    assert stamps == sorted(set(stamps)), "in order, and each once"
    first = 2**63 if loaded.part.first is None else loaded.part.first
    if loaded.has_end:
        wanted = [
            entry for entry in world.log if entry.at >= first and (world.has_arrived(entry) or entry.at in stamps)
        ]
    else:
        part = [entry for entry in world.log if first <= entry.at <= loaded.part.last]
        wanted = [entry for entry in part if entry.at not in world.unconfirmed or entry.at in stamps]
        assert loaded.end is not loaded.lines
        end = [line.at for line in loaded.end if is_of_log(line)]
        newest = [entry for entry in world.log if entry.at >= loaded.floor]
        assert end == visible([entry for entry in newest if world.has_arrived(entry) or entry.at in end])
    assert stamps == visible(wanted)
    texts = {entry.at: entry.text or REMOVED for entry in world.log}
    assert all(line.text == texts[line.at] for line in (*loaded.lines, *loaded.end) if is_of_log(line))
    if loaded.part.has_beginning:
        before = [entry for entry in world.log if not stamps or entry.at < stamps[0]]
        assert visible(list(filter(world.has_arrived, before))) == []
    assert loaded.count <= loaded_module.LINES + 8
    every = [*loaded.lines, *([] if loaded.has_end else loaded.end)]
    assert loaded.characters == sum(line.size for line in every)
    pages = [effect for effect, _ in world.requests if effect.request.search is None]
    assert len(pages) <= 1, "one page at a time"
    assert len(world.requests) - len(pages) <= 1, "and one of a search"


def visible(entries: list[Entry]) -> list[int]:
    return [entry.at for entry in entries if entry.from_ != HIDDEN]


def in_view(world: World) -> list[Line]:
    viewport = world.model.buffer.scrollback.viewport
    return viewport.lines_in_view(body_height(world.model), lambda line: wrapped(world.model, line))
