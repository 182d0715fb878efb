"""The fields of WHO that a client may choose (WHOX). Pure.

https://ircv3.net/specs/extensions/whox describes them. They come in one order, however they are asked for.
"""

from collections.abc import Mapping

_ORDER = "tcuihsnfdlaor"
"""The letters of the fields. The last one, the real name, alone may have spaces."""
TOKEN = "t"
_MOST_DIGITS = 3
_NO_TOKEN = "0"


def read_fields(word: str) -> str:
    """The fields in the second parameter of WHO, such as `%tn,42`; empty if none are chosen."""
    _, percent, fields = word.partition("%")
    return fields if percent else ""


def choose(fields: str, values: Mapping[str, str]) -> list[str]:
    """The values of the fields in their order. `values` has those of all letters but the token."""
    letters, _, token = fields.partition(",")
    is_token = token.isascii() and token.isdecimal() and len(token) <= _MOST_DIGITS
    known = {**values, TOKEN: token if is_token else _NO_TOKEN}
    return [known[letter] for letter in _ORDER if letter in letters]
