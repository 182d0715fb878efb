"""The names under which private messages are filed beside those of rooms: of a conversation, and of two inboxes.

An *owner* is a number that stands for a session. No room can have these names, as a room's begins with a letter or a
digit.
"""

_MARK = "@"


def conversation(one: int, other: int) -> str:
    """The name of the conversation between two owners."""
    low, high = sorted((one, other))
    return f"{_MARK}{low}:{high}"


def inbox(owner: int) -> str:
    """The name of everything private that an owner has sent or received."""
    return f"{_MARK}{owner}"


def owners(name: str) -> tuple[int, ...]:
    """The two owners of a conversation, the one of an inbox, none of a room."""
    return tuple(map(int, name[1:].split(":"))) if name.startswith(_MARK) else ()
