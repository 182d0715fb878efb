"""Where a cursor may stand: between graphemes. Pure.

Each question is answered from the text near by: from the nearest place on either side that is a boundary whatever
stands around it. In ASCII that is the place itself, so that a key costs the same in a long line as in a short one.
"""

from client.terminal.cells import graphemes


def _is_plain(text: str, at: int) -> bool:
    """Whether `at` is seen to be between two graphemes: ASCII on both sides, or a line's beginning."""
    return at in (0, len(text)) or text[at - 1] == "\n" or (text[at - 1] < "\x80" and text[at] < "\x80")


def snap(text: str, at: int) -> int:
    """`at`, or the end of the grapheme that it is inside of."""
    return at if _is_plain(text, at) else after(text, at - 1, inside=True)


def after(text: str, at: int, inside: bool = False) -> int:
    """The end of the grapheme that begins at `at`; or that `at` is `inside` of."""
    if at >= len(text) or (not inside and _is_plain(text, at + 1) and text[at] < "\x80"):
        return min(at + 1, len(text))
    place = _safe(text, at) if inside else at
    for part in graphemes(text[place : _safe_end(text, at + 1)]):
        place += len(part)
        if place > at:
            break
    return place


def before(text: str, at: int) -> int:
    """The beginning of the grapheme that ends at `at`."""
    if at <= 1 or (text[at - 1] < "\x80" and _is_plain(text, at - 1)):
        return max(at - 1, 0)
    place = _safe(text, at - 1)
    for part in graphemes(text[place:at]):
        if place + len(part) >= at:
            break
        place += len(part)
    return place


def _safe(text: str, at: int) -> int:
    """A place at or before `at` that surely is between graphemes, so that reading can begin there."""
    while not _is_plain(text, at):
        at -= 1
    return at


def _safe_end(text: str, at: int) -> int:
    while not _is_plain(text, at):
        at += 1
    return at
