"""Masks: patterns for people, such as `eve*` or `*!bot@*`. A person is shown to them as `name!user@host`.

The user name is what a client of another dialect gives. Everybody has the same host, as addresses are not shown.
"""

import re
from fnmatch import fnmatchcase
from typing import Any

from pylingo.reactor.chat.person import Person
from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold
from pylingo.shared.text import quote

HOST = "pylingo"
"""The host of everybody."""
NATIVE = "native"
"""The user name of those who come with the protocol's own frames."""
MAX_MASK = 80
"""The longest mask, in characters."""
_MOST_STARS = 8
_SILENT = "m:"
_MASK = re.compile(r"[^\s,\x00-\x1f\x7f]+")


def read_mask(word: str) -> str:
    """The mask that somebody has typed, in its full form `name!user@host`. Raises `RequestError` `bad-argument`.

    In front of it may be `m:`, for a ban that keeps people silent but lets them in.
    """
    kind = _SILENT if word.lower().startswith(_SILENT) else ""
    mask = word[len(kind) :]
    name, mark, rest = mask.partition("!")
    if not mark and "@" in mask:
        name, rest = "*", mask
    user, mark, host = rest.partition("@")
    mask = f"{name or '*'}!{user or '*'}@{host or '*'}"
    if not _MASK.fullmatch(mask) or len(mask) > MAX_MASK or mask.count("*") > _MOST_STARS:
        raise RequestError("bad-argument", f"a mask is such as eve* or eve!*@*, and not {quote(word)}")
    return kind + mask


def same_mask(one: str, other: str) -> bool:
    """Whether two masks stand for the same people."""
    return fold(one) == fold(other)


def is_for_words(mask: str) -> bool:
    """Whether a mask is about words alone, and not about who enters."""
    return mask.startswith(_SILENT)


def matches(mask: str, person: Person[Any]) -> bool:
    """Whether a mask stands for somebody."""
    return fnmatchcase(fold(show(person)), fold(mask.removeprefix(_SILENT)).replace("[", "[[]"))


def show(person: Person[Any]) -> str:
    """Somebody as masks see them."""
    return f"{person.name}!{user_of(person)}@{HOST}"


def user_of(person: Person[Any]) -> str:
    """The user name of somebody."""
    for session in person.sessions:
        if (voice := session.outbox.voice) is not None:
            user: str = voice.user
            return user
    return NATIVE
