"""Telling operators that their commands are done, and logging these."""

import logging

from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.session import Session
from pylingo.shared.messages import Command, Moderated

logger = logging.getLogger(__name__)


def confirm(session: Session, command: Command, told: Moderated, person: Person[Session] | None = None) -> None:
    """Tell the operator that it is done, and log it."""
    parts = (told.action, told.by, told.name, told.address, told.room, told.text, told.until)
    session.reply(Moderated(*parts, command.id))
    whom = who(person) if person is not None else told.name
    details = [part for part in (whom, told.address, told.room) if part is not None]
    until = "" if told.until is None else f", until {told.until}"
    logger.info(
        "%s by %s: %s%s%s",
        told.action,
        who(session.person),
        ", ".join(details) or "everybody",
        until,
        f" ({told.text})" if told.text is not None else "",
    )


def who(person: Person[Session]) -> str:
    """A person for the log."""
    return person.name if person.fingerprint is None else f"{person.name} [{person.fingerprint}]"
