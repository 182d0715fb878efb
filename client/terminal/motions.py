"""The positions that the cursor keys lead to, in a text of one or more lines. Pure.

Each motion takes the text and the cursor's position and returns another position between two graphemes.
"""

from collections.abc import Callable

from pylingo.client.terminal.boundaries import snap
from pylingo.client.terminal.cells import clip, graphemes, width

type Motion = Callable[[str, int], int]


def line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def rest_of_line(text: str, at: int) -> int:
    """The end of the line, or of the newline at its end."""
    return max(line_end(text, at), min(at + 1, len(text)))


def beginning_of_line(text: str, at: int) -> int:
    """The start of the line, or of the newline before it."""
    return min(line_start(text, at), max(at - 1, 0))


def word_left(text: str, at: int) -> int:
    return at - _run(graphemes(text[:at])[::-1], in_word)


def word_right(text: str, at: int) -> int:
    return at + _run(graphemes(text[at:]), in_word)


def blank_left(text: str, at: int) -> int:
    """The start of a word as C-w defines it: whatever stands between blanks."""
    return at - _run(graphemes(text[:at])[::-1], lambda grapheme: not grapheme.isspace())


def line_up(text: str, at: int) -> int | None:
    """The same column in the line above; None in the first line."""
    start = line_start(text, at)
    return _in_column(text, line_start(text, start - 1), text[start:at]) if start else None


def line_down(text: str, at: int) -> int | None:
    """The same column in the line below; None in the last line."""
    end = line_end(text, at)
    return _in_column(text, end + 1, text[line_start(text, at) : at]) if end < len(text) else None


def in_word(grapheme: str) -> bool:
    return grapheme[0].isalnum() or grapheme[0] == "_"


def _in_column(text: str, start: int, before: str) -> int:
    """The position in the line at `start` that is as far right as the end of `before`. A tab is shown as one space."""
    row = text[start : line_end(text, start)].replace("\t", " ")
    return snap(text, start + len(clip(row, width(before.replace("\t", " ")))))


def _run(parts: list[str], wanted: Callable[[str], bool]) -> int:
    """The characters up to the end of the first run of parts that are `wanted`."""
    length = 0
    inside = False
    for part in parts:
        if wanted(part):
            inside = True
        elif inside:
            break
        length += len(part)
    return length
