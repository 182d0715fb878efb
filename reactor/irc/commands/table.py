"""All commands. A module that adds commands adds its `HANDLERS` here."""

from collections.abc import Mapping

from pylingo.reactor.irc.commands import (
    batches,
    help,
    history,
    login,
    moderation,
    modes,
    monitor,
    operators,
    people,
    queries,
    registration,
    rooms,
    tags,
    words,
)
from pylingo.reactor.irc.gateway import Handler

HANDLERS: Mapping[str, Handler] = {
    **registration.HANDLERS,
    **rooms.HANDLERS,
    **words.HANDLERS,
    **people.HANDLERS,
    **moderation.HANDLERS,
    **modes.HANDLERS,
    **operators.HANDLERS,
    **help.HANDLERS,
    **queries.HANDLERS,
    **login.HANDLERS,
    **history.HANDLERS,
    **batches.HANDLERS,
    **monitor.HANDLERS,
    **tags.HANDLERS,
}
"""The handler of each command, by its name in capitals."""
