"""Ways in which a session loses its connection and keeps its seat."""

from collections.abc import Callable

from pylingo.shared.messages import (
    Command,
    Hello,
    Ready,
    Users,
)
from tests.fakes.chat import Chat, Person

KEPT = ["idle", "stalled", "frame-timeout"]
"""The goodbyes after which a seat is kept. It is kept when the connection is lost, as well."""


def lose(person: Person) -> None:
    person.lose()


ENDINGS: dict[str, Callable[[Person], object]] = {
    "lost": lose,
    **{reason: lambda person, reason=reason: person.session.end(reason, "why") for reason in KEPT},
    "stalled and dropped": lambda person: person.session.end("stalled", "why", discard=True),
}
"""Each way to end that keeps the seat."""


def users(person: Person) -> list[str]:
    person.ask(Command("users"))
    (record,) = (record for record in person.got() if type(record) is Users)
    return record.users


def claim(chat: Chat, name: str | None, token: str = "5" * 32) -> tuple[Person, Ready]:
    """A hello with an unknown token."""
    person = Person(chat.hub)
    person.got()
    person.ask(Hello(1, name, resume=token))
    chat.tick()
    ready, *_ = person.got()
    return person, ready
