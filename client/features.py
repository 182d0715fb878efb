"""The features that requests need. A server lists its own in `welcome`; one of version 1.0 has none of them. Pure."""

from collections.abc import Set

from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Say
from pylingo.shared.names import fold

ROOMS = "rooms"
PRIVATE = "private"
PEOPLE = "people"
IDENTITY = "identity"
MODERATION = "moderation"
SEARCH = "search"
SERVERS = "servers"
ROOM_OPERATORS = "room-operators"
UNSUPPORTED = "unsupported"
"""The client's own code for a request that the server has no feature for."""

_COMMANDS = {"open": ROOMS, "msg": PRIVATE} | dict.fromkeys(("topic", "me", "who", "whois", "away"), PEOPLE)
MODERATING = frozenset(
    [
        *("kick", "ban", "unban", "bans", "mute", "unmute"),
        *("op", "deop", "redact", "announce", "servers", "invite"),
    ]
)
"""The commands of operators, and `invite`, which members may have as well."""
ROOM_MODERATING = frozenset({"roomop", "roomdeop", "mode", "topiclock"})
"""The commands of operators of a room that a server without such operators lacks."""
_COMMANDS |= dict.fromkeys(MODERATING, MODERATION) | {"servers": SERVERS, "irc-password": IDENTITY}
_COMMANDS |= dict.fromkeys(ROOM_MODERATING, ROOM_OPERATORS)


def check_supported(request: Say | Command, features: Set[str], current: str | None) -> None:
    """Raise `RequestError` if the server lacks a feature for `request`. `current` is the current room."""
    if request.room is not None and fold(request.room) != fold(current or "") and ROOMS not in features:
        raise RequestError(UNSUPPORTED, "this server lets you be in one room at a time, and you are in another one")
    match request:
        case Say(to=str()) if PRIVATE not in features:
            raise RequestError(UNSUPPORTED, "this server has no private messages")
        case Say(action=True) if PEOPLE not in features:
            raise RequestError(UNSUPPORTED, "this server has no /me: say it in other words")
        case Command("open") if ROOMS not in features:
            raise RequestError(UNSUPPORTED, "this server lets you be in one room at a time: /join moves you to another")
        case Command(name) if _COMMANDS.get(name, PEOPLE) not in features and name in _COMMANDS:
            raise RequestError(UNSUPPORTED, f"this server has no /{name}: it is an older one")
