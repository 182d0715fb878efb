"""The list of the people in the room, at the right side of a wide window. Pure.

Operators come first, with `@`, then all others, sorted as `/users` sorts them. Behind the name of somebody who is away
stands that word. The first and last rows say how many are above and below. A frame looks only at the people in view,
however many there are: the buffer keeps them sorted.
"""

import bisect
import functools
from collections.abc import Sequence

from pylingo.client.terminal.areas import list_columns
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.cells import clip, width
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.rows import CUT, Row, Span
from pylingo.shared.text import printable

EDGE: Row = (Span(" "), Span("\N{BOX DRAWINGS LIGHT VERTICAL}", "divider"), Span(" "))
"""The edge in front of each row of the list."""
EDGE_COLUMNS = 3
_AWAY = " away"
_COUNTS = 2  # rows, those that say how many are above and below
_CACHED = 512  # rows

type _Entry = str | Row
"""The compared name of somebody, or words."""


def people_rows(model: Model, height: int) -> tuple[Row, ...]:
    """The rows of the list, without their `EDGE`; none if the window has no list."""
    columns = list_columns(model) - EDGE_COLUMNS
    if columns <= 0:
        return ()
    rows = [_row_of(model, entry, columns) if isinstance(entry, str) else entry for entry in _entries(model, height)]
    return *rows, *(((),) * (height - len(rows)))


def person_in(model: Model, row: int, height: int) -> str | None:
    """Return whose name is in a row, counted from 0, of a list of `height` rows; None if there is no name."""
    entries = _entries(model, height) if list_columns(model) else []
    entry = entries[row] if 0 <= row < len(entries) else None
    return model.buffer.people[entry] if isinstance(entry, str) else None


def scroll_people(model: Model, count: int, height: int) -> None:
    """Move the list, of `height` rows, down by `count` people, or up if that is negative."""
    buffer = model.buffer
    buffer.first_person = _first(buffer, buffer.first_person + count, height)


def _first(buffer: Buffer, wanted: int, height: int) -> int:
    """How many people are above the view: as many as `wanted`, if enough of them are left to fill it."""
    people = len(buffer.people)
    return max(0, min(wanted, people - (height - 1))) if people > height > _COUNTS else 0


def _entries(model: Model, height: int) -> list[_Entry]:
    buffer = model.buffer
    if height <= 0 or buffer.current_room is None:
        return []
    if model.state != "online" or buffer.is_stale:
        return [_words("offline" if model.state != "online" else "\N{HORIZONTAL ELLIPSIS}")]
    first = _first(buffer, buffer.first_person, height)
    everybody = max(len(buffer.people), buffer.count or 0)
    rows = height - (first > 0)
    rows -= everybody > first + rows
    entries: list[_Entry] = [_words(f"+{first:,} above")] if first else []
    entries += _people(model, first, rows)
    below = everybody - len(entries) - first + (first > 0)
    return entries + ([_words(f"+{below:,} more")] if below else [])


def _people(model: Model, first: int, count: int) -> Sequence[str]:
    """The compared names of `count` people after the `first` ones, operators before all others."""
    keys = model.buffer.sorted_people
    operators = model.marks.operators | model.buffer.operators
    places = sorted(bisect.bisect_left(keys, key) for key in operators if key in model.buffer.people)
    found = [keys[place] for place in places[first : first + count]]
    at = max(0, first - len(places))  # among those who are no operators
    for place in places:
        at += place <= at
    while len(found) < count and at < len(keys):
        end = next((place for place in places if place >= at), len(keys))
        found += keys[at : min(end, at + count - len(found))]
        at = end + 1
    return found


def _words(text: str) -> Row:
    return (Span(text, "note"),)


def _row_of(model: Model, key: str, columns: int) -> Row:
    is_operator = key in model.marks.operators or key in model.buffer.operators
    return _row(model.buffer.people[key], is_operator, key in model.away, columns)


@functools.lru_cache(_CACHED)
def _row(name: str, is_operator: bool, is_away: bool, columns: int) -> Row:
    name, sign = printable(name), "@" if is_operator else " "
    word = _AWAY if is_away else ""
    room = columns - len(sign) - len(word)
    if width(name) > room:
        name = clip(name, room - len(CUT)) + CUT
    return (Span(f"{sign}{name}{word}", "away" if is_away else "operator" if is_operator else "person"),)
