"""The row of candidates for Tab: as many as fit, the chosen one among them. Pure.

The candidates are divided into pages, so that the row stands still while the choice moves within it. `<` and `>` stand
where it is cut. The chosen one is in brackets, and in another style.
"""

import functools
from collections.abc import Sequence

from pylingo.client.terminal.cells import clip, width
from pylingo.client.terminal.completion import Offer
from pylingo.client.terminal.rows import Row, Span
from pylingo.shared.text import printable

_CUT = "\N{HORIZONTAL ELLIPSIS}"
_EDGES = 2  # columns, for the signs at both ends
_BRACKETS = 2  # columns, or the blanks in their place


@functools.lru_cache(2)
def candidate_row(offer: Offer, columns: int) -> Row:
    """The candidates in a row of at most `columns`; the widths of the spans add up to it."""
    room = columns - _EDGES
    if room <= _BRACKETS:
        return (Span(_padded(clip(printable(offer.shown[offer.chosen]), columns), columns), "chosen"),)
    first, last = _page(offer, room)
    shown = [_clipped(name, room - _BRACKETS) for name in offer.shown[first:last]]
    chosen = offer.chosen - first
    before = ("<" if first else " ") + _plain(shown[:chosen])
    after = _plain(shown[chosen + 1 :])
    used = width(before) + width(shown[chosen]) + _BRACKETS + width(after)
    end = ">" if last < len(offer.shown) else " "
    return (
        Span(before, "status"),
        Span(f"[{shown[chosen]}]", "chosen"),
        Span(_padded(after, columns - 1 - used + width(after)) + end, "status"),
    )


def _page(offer: Offer, room: int) -> tuple[int, int]:
    """The first candidate of the page that has the chosen one, and the first one after that page."""
    first = used = 0
    for index, name in enumerate(offer.shown):
        needed = min(width(printable(name)) + _BRACKETS, room)
        if used + needed > room:
            if index > offer.chosen:
                return first, index
            first, used = index, 0
        used += needed
    return first, len(offer.shown)


def _plain(names: Sequence[str]) -> str:
    return "".join(f" {name} " for name in names)


def _clipped(name: str, columns: int) -> str:
    name = printable(name)
    return name if width(name) <= columns else clip(name, columns - 1) + _CUT


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))
