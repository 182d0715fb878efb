"""A conversation whose events are sorted by type."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pylingo.client.conversation import Conversation
from pylingo.client.events import ClientEvent, ConversationEvent, Received, Refused, Send
from pylingo.shared.schema import Record


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
