"""A conversation whose events are sorted by type, the frames that it gets, and one that is in its room."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pylingo.client.conversation import Conversation
from pylingo.client.events import (
    ClientEvent,
    ConversationEvent,
    Received,
    Refused,
    Send,
)
from pylingo.shared.messages import (
    Command,
    Entry,
    HistoryPage,
    HistoryRequest,
    Joined,
    Message,
    Ready,
)
from pylingo.shared.schema import Record

TOKEN = "0" * 32


@dataclass
class Step:
    """The events of one step: frames to send, frames to show, refusals, and all others."""

    send: list[Record] = field(default_factory=list)
    show: list[Record] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    other: list[ClientEvent] = field(default_factory=list)

    @classmethod
    def of(cls, events: Iterable[ConversationEvent]) -> "Step":
        step = cls()
        for event in events:
            match event:
                case Send(record):
                    step.send.append(record)
                case Received(record):
                    step.show.append(record)
                case Refused():
                    step.refused.append(event)
                case _:
                    step.other.append(event)
        return step


class SortedConversation:
    """A `Conversation` whose methods return a `Step`."""

    def __init__(self, inner: Conversation) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value):
            return value

        def call(*arguments: Any, **named: Any) -> Any:
            result = value(*arguments, **named)
            return Step.of(result) if isinstance(result, list) else result

        return call


def make(name: str | None = "ada", room: str | None = "lobby") -> SortedConversation:
    numbers = itertools.count(1)
    return SortedConversation(Conversation(name, room, lambda: f"k{next(numbers)}"))


def ready(room: str | None = None, resumed: bool = False, name: str = "ada") -> Ready:
    return Ready(name, room, TOKEN, resumed)


def joined(room: str = "lobby", name: str = "ada") -> Joined:
    return Joined(room, name, 2)


def message(at: int, text: str = "", room: str = "lobby") -> Message:
    return Message(room, "bob", text or str(at), at)


def page(asked: Record, *entries: Entry, room: str = "lobby", more: bool = False) -> HistoryPage:
    assert isinstance(asked, HistoryRequest)
    return HistoryPage(room, list(entries), more, None, asked.id)


def entry(at: int, key: str | None = None, name: str = "bob") -> Entry:
    return Entry(name, str(at), at, key)


def in_lobby(*entries: Entry) -> SortedConversation:
    """Somebody who is in the lobby, whose log has these messages."""
    talk = make()
    talk.connected()
    talk.received(ready())
    [asked] = talk.received(joined()).send
    talk.received(page(asked, *entries))
    return talk


def without_id(record: Record) -> Record:
    """A request but for its id, which is of no meaning."""
    return replace(record, id=None) if isinstance(record, Command) else record


def back(talk: SortedConversation, room: str | None = "lobby") -> list[Record]:
    """The connection breaks and the session is resumed; what the client then sends."""
    talk.disconnected()
    talk.connected()
    return talk.received(ready(room, resumed=True)).send
