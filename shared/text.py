"""The text of messages: what it may contain, and how the words of other people are made safe to print.

A text is sent as it was typed, except that the server replaces control characters. A terminal program prints it with
`readable`, and anything else that another person or the server wrote with `printable`: neither lets a character through
that a terminal acts on, or that hides.
"""

import functools
import re
import unicodedata

from pylingo.shared.errors import RequestError

MAX_TEXT = 4_096
"""The longest text of a message, in characters."""
MAX_LINE = 512
"""The longest topic of a room, and the longest reason of being away, of a ban or of a mute, in characters."""
MAX_WORDS = 1_024
"""The longest text of an error, a goodbye or a notice, in characters."""
MAX_MOTD = 4_096
"""The longest notice of the day, in characters."""
MAX_QUOTE = 64
"""The most characters of a peer's words that an error quotes."""

REPLACEMENT = "\ufffd"

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # a text of many lines takes 12 us; translating it 280 us
# Characters that a terminal acts on or does not show: controls, surrogates, line separators, bidi controls, fillers,
# Default_Ignorable_Code_Point without its marks, and the noncharacters, which some terminals drop. The list has code
# points and not categories, because in the tables of this Python each newer emoji is unassigned.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff"
    "\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
    f"\U000e01f0-\U000e0fff{''.join(f'{chr(end - 1)}{chr(end)}' for end in range(0xFFFF, 0x110000, 0x10000))}]"
)
JOINERS = "\u200c\u200d"
"""Zero width non-joiner and joiner: they control whether their neighbours are drawn as one sign."""
# A text loses nothing without these: the soft hyphen, and the marks for the direction of text. In a name or a quotation
# they are made visible, because there they could hide a difference.
_SILENT = dict.fromkeys(map(ord, "\u00ad\u061c\u200e\u200f"))
# The flags of England, Texas and other regions: a black flag, the letters of the region as tags, and a final tag.
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
# These scripts write words without spaces. A zero width space marks where a row may break.
_UNSPACED = re.compile(
    "(?<=[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b(?=[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff])"
)
_MARK_BLOCK = range(0x1AB0, 0x1B00)  # a block of marks; this Python may not know the newest
_MAX_MARKS = 4
_BLANKS = {ord("\n"): " ", ord("\t"): " "}


def message_text(text: str) -> str:
    """Return `text` with its control characters replaced. Raises `RequestError` `bad-text` or `text-too-long`."""
    if len(text) > MAX_TEXT:
        raise RequestError("text-too-long", f"a message must have at most {MAX_TEXT} characters, not {len(text)}")
    if text.isprintable() and text and not text.isspace():  # true for most texts, and cheap to check
        return text
    if not text.strip():
        raise RequestError("bad-text", "a message must not be empty or only white space")
    return without_controls(text)


def line_text(text: str, what: str) -> str:
    """Return `text` as one line without controls. Raises `RequestError` `text-too-long`, and calls the text `what`."""
    if len(text) > MAX_LINE:
        raise RequestError("text-too-long", f"{what} has at most {MAX_LINE} characters, not {len(text)}")
    return without_controls(text).translate(_BLANKS)


def quote(words: str) -> str:
    """Quote a peer's words in a sentence: shortened, in quotation marks, and printable."""
    if len(words) > MAX_QUOTE:
        words = words[: MAX_QUOTE - 1] + "…"
    return f"'{printable(words)}'"


def counted(count: int, noun: str, nouns: str = "") -> str:
    """Return a number and the noun that goes with it: `1 room`, `2 rooms`. `nouns` is the plural if it has no plain s.

    A verb may follow the noun: `counted(2, "message is", "messages are")`.
    """
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


def without_controls(text: str) -> str:
    """Replace each control character except newline and tab by U+FFFD."""
    return _CONTROLS.sub(REPLACEMENT, text)


def readable(text: str) -> str:
    """Return the text of a message as a terminal shows it: lines without tabs, made safe as by `printable`.

    Soft hyphens and marks for the direction of text are left out.
    """
    if not text.isascii():
        text = _UNSPACED.sub("", text.translate(_SILENT))
    return printable(text, keep="\n\t").expandtabs(4)


def printable(text: str, keep: str = "") -> str:
    """Replace by U+FFFD every character that a terminal would act on, or that is invisible.

    Characters that this Python's tables do not know are kept: new emoji, unassigned and private-use characters. The
    characters in `keep` stay, and so do the tags of a complete flag and joiners between visible characters, which emoji
    and several scripts need. Of the marks on one letter only the first four stay: a taller stack runs into other rows.
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
        elif kind == "joiner":  # more marks may follow it
            visible = _joins(text, index)
        else:
            marks = 0
            visible = kind == "visible" or char in keep or index in flags
        result.append(char if visible else REPLACEMENT)
    return "".join(result)


@functools.lru_cache(4_096)
def _kind(char: str) -> str:
    """Classify `char` as a terminal shows it: `mark` (drawn on another), `joiner`, `hidden` or `visible`."""
    if char in JOINERS:
        return "joiner"
    if _HIDDEN.match(char):
        return "hidden"
    is_mark = unicodedata.category(char) in ("Mn", "Me") or ord(char) in _MARK_BLOCK
    return "mark" if is_mark else "visible"


def _joins(text: str, index: int) -> bool:
    """Whether the text has a visible character on both sides of `index`."""
    if not 0 < index < len(text) - 1:
        return False
    return all(_kind(text[side]) in ("visible", "mark") and not text[side].isspace() for side in (index - 1, index + 1))
