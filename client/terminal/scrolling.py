"""The keys that move the view over the messages, and unfold one of them. Pure.

The layouts that print each line once have no view of their own: there, older messages and a folded one are printed
below the others.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from pylingo.client.settings import PRINTING
from pylingo.client.terminal import past, printed_past
from pylingo.client.terminal.model import Effect, Model
from pylingo.client.terminal.people_list import scroll_people
from pylingo.client.terminal.rows import is_folded, wrapped
from pylingo.client.terminal.view import body_height

FEW = 3  # rows that are scrolled by the wheel

type Action = Callable[[Model, float, int], list[Effect]]


def scroll(step: Callable[[int], int]) -> Action:
    """Scroll up by `step(height)` rows, or down if that is negative."""

    def scroll_rows(model: Model, now: float, at: int) -> list[Effect]:
        if model.preferences.layout in PRINTING:
            return []
        height, viewport, rows = body_height(model), model.buffer.scrollback.viewport, partial(wrapped, model)
        count = step(height)
        model.buffer.is_seeking = count > 0
        if count < 0:
            viewport.scroll_down(-count, rows)
            return past.seek(model, upwards=False)
        viewport.scroll_up(count, height, rows)
        effects = past.seek(model, upwards=True)
        if not viewport.is_scrolled:  # everything was in view, and the row that says what is going on may not be
            viewport.scroll_up(count, height, rows)
        return effects

    return scroll_rows


_scroll_page_up = scroll(lambda height: max(1, height - 1))


def page_up(model: Model, now: float, at: int) -> list[Effect]:
    """Scroll up by a page, or print an older page."""
    if model.preferences.layout in PRINTING:
        return printed_past.print_older(model)
    return _scroll_page_up(model, now, at)


def _go_to_top(model: Model, now: float, at: int) -> list[Effect]:
    """Go to the first line in memory. Older ones are requested, and stand above it then."""
    if model.preferences.layout in PRINTING:
        return []
    height, viewport, rows = body_height(model), model.buffer.scrollback.viewport, partial(wrapped, model)
    viewport.go_to_top(height, rows)
    model.buffer.is_seeking = True
    effects = past.seek(model, upwards=True)
    viewport.go_to_top(height, rows)  # above the row that says what is going on
    return effects


def _go_to_end(model: Model, now: float, at: int) -> list[Effect]:
    past.go_to_end(model.buffer)
    return []


def _open(model: Model, now: float, at: int) -> list[Effect]:
    """Open the lowest folded message in view; if there is none, fold the lowest open one."""
    if model.preferences.layout == "inline":
        return _print_whole(model)
    viewport, height, rows = model.buffer.scrollback.viewport, body_height(model), partial(wrapped, model)
    in_view = viewport.lines_in_view(height, rows)
    folded = next((line for line in in_view if is_folded(model, line)), None)
    line = folded or next((line for line in in_view if line.is_open), None)
    if line is None:
        model.hint = "no message in view has more rows"
    else:
        line.is_open = folded is not None
        viewport.go_to(line, height, rows)
        if not line.is_open and not viewport.below:
            viewport.reach_end()
    return []


def _print_whole(model: Model) -> list[Effect]:
    """Print the latest folded message again, whole."""
    for line in reversed(model.buffer.scrollback.lines):
        if line.is_printed and is_folded(model, line):
            line.is_open = True
            model.buffer.scrollback.add(replace(line, is_printed=False, is_stamped=False, begins=""))
            return []
    model.hint = "no message has more rows"
    return []


def _scroll_people(by: int) -> Action:
    """Scroll the list of people by a page, up (-1) or down (1)."""

    def scroll_list(model: Model, now: float, at: int) -> list[Effect]:
        height = body_height(model)
        scroll_people(model, by * max(1, height - FEW), height)
        return []

    return scroll_list


SCROLL_KEYS: dict[str, Action] = {
    "page-up": page_up,
    "page-down": scroll(lambda height: -max(1, height - 1)),
    "shift-up": scroll(lambda height: FEW),
    "shift-down": scroll(lambda height: -FEW),
    **dict.fromkeys(("alt-<", "ctrl-home", "alt-home"), _go_to_top),
    **dict.fromkeys(("alt->", "ctrl-end", "alt-end"), _go_to_end),
    **dict.fromkeys(("f7", "f11"), _scroll_people(-1)),
    **dict.fromkeys(("f8", "f12"), _scroll_people(1)),
    "ctrl-o": _open,
}
