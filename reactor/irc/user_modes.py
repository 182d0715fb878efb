"""User modes: the flags that an IRC client sets for itself."""

import functools
from enum import StrEnum


class UserMode(StrEnum):
    """A mode, whose value is its letter."""

    BOT = "B"
    """The client is a program."""
    INVISIBLE = "i"
    """Masks of WHO do not find the client, but for those who are in a room with it."""
    WALLOPS = "w"
    """The client wants what operators say to all of these."""


OPERATOR = "o"
"""The letter of an operator of the server. It is a rank, and nobody's own to change."""
LETTERS = "".join(sorted([*UserMode, OPERATOR]))
"""All letters, in the order of the alphabet."""
NONE: frozenset[UserMode] = frozenset()
"""No modes: one object for all clients, as each empty set has 216 bytes."""


@functools.cache
def shared(modes: frozenset[UserMode]) -> frozenset[UserMode]:
    """One object for all clients with the same modes. There are eight sets of them."""
    return modes or NONE
