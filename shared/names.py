"""User names and room names: which are allowed, and how they are compared.

A name is shown as it was typed (in NFC) and compared by `fold`, which makes Alice and alice one name. The letters of a
name belong to one script, which keeps a Cyrillic look-alike from passing for a Latin name. The table of scripts comes
from the data file of the confusable-homoglyphs package. It is read by `prepare`, or when the first name with a letter
beyond ASCII is checked.
"""

import bisect
import functools
import importlib.util
import itertools
import json
import os
import re
import unicodedata

from pylingo.shared.errors import RequestError
from pylingo.shared.text import quote

MAX_NAME = 32
"""The longest user name, in characters after NFC."""
MAX_ROOM = 64
"""The longest room name, in characters after NFC."""
MAX_COMPARED = 128
"""The longest compared form of any name, in characters: U+FDFA alone becomes 18 of them."""
MAX_TYPED = 4 * MAX_ROOM
"""The longest spelling of any name, in characters: NFC composes at most four into one. A longer one names nobody."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_GUEST_NAME = re.compile(r"guest-\d+\Z")
# Letters and marks that are invisible: Default_Ignorable_Code_Point among the categories L and M, from
# DerivedCoreProperties.txt of Unicode 15, and the filler of the Khitan script. The standard library has the
# categories but not this property.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U00016fe4\U000e0100-\U000e01ef]"
)
# The sets of scripts that one language writes together (Unicode UTS 39, section 5.2, without their Latin).
_TOGETHER = (
    frozenset({"HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"HAN", "HANGUL"}),
    frozenset({"HAN", "BOPOMOFO"}),
)
_ANY_SCRIPT = frozenset({"COMMON", "INHERITED"})
# NFC composes at most four characters into one (U+1F82 needs four), so a string longer than four times the limit is
# refused without normalizing it: CPython's normalization takes quadratic time over a long run of combining marks.
_NFC_SHRINKS = 4


def fold(name: str) -> str:
    """The form in which names are compared and sorted."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def user_name(wish: str) -> str:
    """Return `wish` as a user name in NFC. Raises `RequestError` `bad-name` with the rule that it breaks."""
    name = _checked(wish.strip(), MAX_NAME, "bad-name", "a name")
    if is_guest(name):
        raise RequestError("bad-name", "names like guest-12 are reserved; choose another")
    return name


def is_guest(name: str) -> bool:
    """Whether the server assigned the name. After a restart the same number may belong to another person."""
    return _GUEST_NAME.match(fold(name)) is not None


def room_name(wish: str) -> str:
    """Return `wish` as a room name in NFC, without one leading #. Raises `RequestError` `bad-room`."""
    return _checked(wish.strip().removeprefix("#"), MAX_ROOM, "bad-room", "a room name")


def _checked(name: str, limit: int, code: str, what: str) -> str:
    if _PLAIN_NAME.match(name) and len(name) <= limit:
        return name
    if len(name) <= limit * _NFC_SHRINKS:
        name = unicodedata.normalize("NFC", name)
    if problem := _problem(name, limit):
        raise RequestError(code, f"{what} {problem}")
    return name


def _problem(name: str, limit: int) -> str | None:
    """The rule that `name` breaks, as the rest of a sentence; None if it is allowed."""
    if not name:
        return f"must have 1 to {limit} characters, not none"
    if len(name) > limit:
        return f"must have at most {limit} characters, not {len(name)}"
    kinds = [unicodedata.category(char)[0] if not _INVISIBLE.match(char) else "" for char in name]
    for index, (char, category) in enumerate(zip(name, kinds, strict=True)):
        digit = unicodedata.category(char) == "Nd"
        if index == 0 and not (category == "L" or digit):
            return f"must start with a letter or a digit, not {quote(char)} (U+{ord(char):04X})"
        mark = category == "M" and kinds[index - 1] in ("L", "M")
        if not (category == "L" or mark or digit or char in "-_."):
            return f"can contain only letters, digits and - _ . but has {quote(char)} (U+{ord(char):04X})"
    if (length := len(fold(name))) > MAX_COMPARED:
        return f"must have at most {MAX_COMPARED} characters after its ligatures are expanded, not {length}"
    scripts = _scripts(unicodedata.normalize("NFKC", name))
    if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
        mixed = " and ".join(sorted(script.title() for script in scripts)[:3])
        return f"must have letters of one script only, not of {mixed}"
    return None


def _scripts(name: str) -> set[str]:
    """The scripts of the letters of `name`, without those that go with any script."""
    starts, ends, scripts = script_table()
    found = set()
    for char in name:
        if char.isalpha():
            code = ord(char)
            at = bisect.bisect_right(starts, code) - 1
            found.add(scripts[at] if code <= ends[at] else "UNKNOWN")
    return found - _ANY_SCRIPT


def prepare() -> None:
    """Read the table of scripts now, which takes some milliseconds, and not when the first name needs it.

    Raises `ModuleNotFoundError` if confusable-homoglyphs is missing, and `OSError` if its file cannot be read.
    """
    script_table()


@functools.cache
def script_table() -> tuple[list[int], list[int], list[str]]:
    """First code points, last code points and scripts of all ranges, ascending.

    The data file is read directly. The package's own functions import an HTTP client, which costs 17 MB and 50 ms, in
    which a server would serve nobody; this costs 1 MB and 2 ms.
    """
    package = importlib.util.find_spec("confusable_homoglyphs")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("confusable_homoglyphs is not installed", name="confusable_homoglyphs")
    with open(os.path.join(package.submodule_search_locations[0], "categories.json"), encoding="utf-8") as file:
        data = json.load(file)
    ranges = sorted(data["code_points_ranges"])
    names = data["iso_15924_aliases"]
    starts = [first for first, *_ in ranges]
    assert all(before < after for before, after in itertools.pairwise(starts))
    return starts, [last for _, last, *_ in ranges], [names[script] for _, _, script, *_ in ranges]
