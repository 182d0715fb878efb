"""The names under which private messages are filed beside those of rooms: of a conversation, and of two inboxes.

An *owner* is the number of a guest's session, or the fingerprint of a key. No room can have these names, as a room's
begins with a letter or a digit.
"""

_MARK = "@"
_BETWEEN = "|"  # in no number and in no fingerprint

type Owner = int | str


def conversation(one: Owner, other: Owner) -> str:
    """The name of the conversation between two owners."""
    low, high = sorted((one, other), key=lambda owner: (isinstance(owner, str), owner))
    return f"{_MARK}{low}{_BETWEEN}{high}"


def inbox(owner: Owner) -> str:
    """The name of everything private that an owner has sent or received."""
    return f"{_MARK}{owner}"


def owners(name: str) -> tuple[Owner, ...]:
    """The two owners of a conversation, the one of an inbox, none of a room."""
    return tuple(map(_owner, name[1:].split(_BETWEEN))) if name.startswith(_MARK) else ()


def _owner(text: str) -> Owner:
    return int(text) if text.isdecimal() else text
