"""What may stand in a text, a user name or a room name, and how another person's words are made safe to print.

Names are shown as typed (in NFC) and compared by `fold`, so that Alice and alice are one. The letters of a name are
of one script, so that a Cyrillic look-alike cannot pass for a Latin name; the scripts come from the data file of the
confusable-homoglyphs package, read when the first name with a letter beyond ASCII comes, or by `prepare`.
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

MAX_TEXT = 4_096
"""The longest text of a message, in characters."""
MAX_NAME = 32
"""The longest user name, in characters after NFC."""
MAX_ROOM = 64
"""The longest room name, in characters after NFC."""
MAX_COMPARED = 128
"""The longest compared form of any name, in characters: U+FDFA alone becomes 18 of them."""
MAX_WORDS = 1_024
"""The longest text of an error, a goodbye or a notice, in characters."""
MAX_MOTD = 4_096
"""The longest notice of the day, in characters."""
MAX_QUOTE = 64
"""How many characters of a peer's own words an error quotes at the most."""

REPLACEMENT = "\ufffd"

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # a text of many lines takes 12 us; translating it 280 us
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_GUEST_NAME = re.compile(r"guest-\d+\Z")
# Letters and marks that show nothing: Default_Ignorable_Code_Point among the categories L and M, from
# DerivedCoreProperties.txt of Unicode 15, and the filler of the Khitan script. The standard library knows the
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
# NFC makes at most one character of four (U+1F82 is the longest), so a longer string needs no look at all; and
# CPython's normalization takes quadratic time over a long run of combining marks.
_NFC_SHRINKS = 4
# What a terminal acts on, or shows nothing for: controls, surrogates, line separators, bidi controls, fillers, and all
# of Default_Ignorable_Code_Point but for marks; further the noncharacters, which some terminals drop. A list of code
# points and not of categories: by those of this Python's tables, each new emoji would have to be hidden.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff"
    "\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
    f"\U000e01f0-\U000e0fff{''.join(f'{chr(end - 1)}{chr(end)}' for end in range(0xFFFF, 0x110000, 0x10000))}]"
)
JOINERS = "\u200c\u200d"
"""What makes one sign of its two neighbours, or keeps them from that."""
# Nothing is lost where these are not shown in a text: a hyphen where a line may break, and hints for the direction of
# signs, which a terminal can do without. In a name or a quotation they would hide.
_SILENT = dict.fromkeys(map(ord, "\u00ad\u061c\u200e\u200f"))
# The flags of England, Texas and so on: a black flag, the letters of the region as tags, and the tag that ends them.
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
# In these scripts words have no space between them, and a zero width space says where a row may break.
_UNSPACED = re.compile(
    "(?<=[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b(?=[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff])"
)
_MARK_BLOCK = range(0x1AB0, 0x1B00)  # all of it marks, whether this Python knows them or not
_MAX_MARKS = 4


def fold(name: str) -> str:
    """The form by which names are compared and sorted."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def user_name(wish: str) -> str:
    """`wish` as a user name in NFC. Raises `RequestError` `bad-name` with the rule that it breaks."""
    name = _checked(wish.strip(), MAX_NAME, "bad-name", "a name")
    if is_guest(name):
        raise RequestError("bad-name", "guest- and a number is given by the server alone: choose another name")
    return name


def is_guest(name: str) -> bool:
    """Whether the server has given the name: the number is somebody else's after its next start."""
    return _GUEST_NAME.match(fold(name)) is not None


def room_name(wish: str) -> str:
    """`wish` as a room name in NFC, one leading # dropped. Raises `RequestError` `bad-room`."""
    return _checked(wish.strip().removeprefix("#"), MAX_ROOM, "bad-room", "a room's name")


def message_text(text: str) -> str:
    """`text` with its control characters replaced. Raises `RequestError` `bad-text` or `text-too-long`."""
    if len(text) > MAX_TEXT:
        raise RequestError("text-too-long", f"a text has at most {MAX_TEXT} characters, not {len(text)}")
    if text.isprintable() and text and not text.isspace():  # most texts by far, and cheap to see
        return text
    if not text.strip():
        raise RequestError("bad-text", "a text needs something other than white space")
    return without_controls(text)


def quote(words: str) -> str:
    """What a peer sent, to be named in a sentence: short, in quotation marks, and inert."""
    if len(words) > MAX_QUOTE:
        words = words[: MAX_QUOTE - 1] + "…"
    return f"'{printable(words)}'"


def without_controls(text: str) -> str:
    """`text` with each control character but newline and tab replaced by U+FFFD."""
    return _CONTROLS.sub(REPLACEMENT, text)


def readable(text: str) -> str:
    """The text of a message as it is shown: lines without tabs, inert as `printable` makes them.

    Hyphens that stand only where a row may break, and marks for the direction of signs, are not shown at all.
    """
    if not text.isascii():
        text = _UNSPACED.sub("", text.translate(_SILENT))
    return printable(text, keep="\n\t").expandtabs(4)


def printable(text: str, keep: str = "") -> str:
    """`text` with everything replaced by U+FFFD that a terminal would act on or that hides: visible and inert.

    All else is kept, also what this Python's tables do not know: new emoji, unassigned and private-use characters.
    Kept are further the characters in `keep`, the tags of a whole flag, and the two joiners between visible
    characters, which emoji and several scripts need. Of the marks on one letter all but the first four are replaced,
    as taller stacks run into the rows of others.
    """
    if text.isascii() and text.isprintable():
        return text
    flags = {at for flag in _FLAG.finditer(text) for at in range(*flag.span())}
    result: list[str] = []
    marks = 0
    for index, char in enumerate(text):
        kind = _kind(char)
        if kind == "mark":
            marks += 1
            visible = marks <= _MAX_MARKS
        elif kind == "joiner":  # marks go on behind it
            visible = _joins(text, index)
        else:
            marks = 0
            visible = kind == "visible" or char in keep or index in flags
        result.append(char if visible else REPLACEMENT)
    return "".join(result)


@functools.lru_cache(4_096)
def _kind(char: str) -> str:
    """What `char` is to a terminal: a `mark` on another one, a `joiner`, `hidden` or `visible`."""
    if char in JOINERS:
        return "joiner"
    if _HIDDEN.match(char):
        return "hidden"
    is_mark = unicodedata.category(char) in ("Mn", "Me") or ord(char) in _MARK_BLOCK
    return "mark" if is_mark else "visible"


def _joins(text: str, index: int) -> bool:
    """Whether the characters on both sides of `index` are there and visible."""
    if not 0 < index < len(text) - 1:
        return False
    return all(_kind(text[side]) in ("visible", "mark") and not text[side].isspace() for side in (index - 1, index + 1))


def _checked(name: str, limit: int, code: str, what: str) -> str:
    if _PLAIN_NAME.match(name) and len(name) <= limit:
        return name
    if len(name) <= limit * _NFC_SHRINKS:
        name = unicodedata.normalize("NFC", name)
    if problem := _problem(name, limit):
        raise RequestError(code, f"{what} {problem}")
    return name


def _problem(name: str, limit: int) -> str | None:
    """The rule for names that `name` breaks, as the rest of a sentence."""
    if not name:
        return f"needs 1 to {limit} characters, not none"
    if len(name) > limit:
        return f"has at most {limit} characters, not {len(name)}"
    kinds = [unicodedata.category(char)[0] if not _INVISIBLE.match(char) else "" for char in name]
    for index, (char, category) in enumerate(zip(name, kinds, strict=True)):
        digit = unicodedata.category(char) == "Nd"
        if index == 0 and not (category == "L" or digit):
            return f"starts with a letter or a digit, not {quote(char)} (U+{ord(char):04X})"
        mark = category == "M" and kinds[index - 1] in ("L", "M")
        if not (category == "L" or mark or digit or char in "-_."):
            return f"has letters, digits and - _ . only, not {quote(char)} (U+{ord(char):04X})"
    if (length := len(fold(name))) > MAX_COMPARED:
        return f"has at most {MAX_COMPARED} characters with its ligatures written out, not {length}"
    scripts = _scripts(unicodedata.normalize("NFKC", name))
    if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
        mixed = " and ".join(sorted(script.title() for script in scripts)[:3])
        return f"has the letters of one script only, not of {mixed}"
    return None


def _scripts(name: str) -> set[str]:
    """The scripts that the letters of `name` belong to, without those that go with any."""
    starts, ends, scripts = _script_table()
    found = set()
    for char in name:
        if char.isalpha():
            code = ord(char)
            at = bisect.bisect_right(starts, code) - 1
            found.add(scripts[at] if code <= ends[at] else "UNKNOWN")
    return found - _ANY_SCRIPT


def prepare() -> None:
    """Read the table of scripts now, and not when the first name needs it: that takes some milliseconds.

    Raises `ModuleNotFoundError` if the package it comes from is missing, `OSError` if its file cannot be read.
    """
    _script_table()


@functools.cache
def _script_table() -> tuple[list[int], list[int], list[str]]:
    """First code points, last code points and scripts of all ranges, ascending.

    Read from the package's data file and not through its functions: importing those brings an HTTP client along, 17
    MB and 50 ms in which a server would stand still; this takes 1 MB and 2 ms.
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
