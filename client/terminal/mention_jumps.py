"""The keys that go from mention to mention, as others do from page to page. Pure."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from pylingo.client.settings import PRINTING
from pylingo.client.terminal import past
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Effect, Model
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.view import body_height


def _go(upwards: bool) -> Callable[[Model, float, int], list[Effect]]:
    """Show the nearest mention above the view, or below it."""

    def go(model: Model, now: float, at: int) -> list[Effect]:
        if model.preferences.layout in PRINTING:
            return []
        scrollback, height, rows = model.buffer.scrollback, body_height(model), partial(wrapped, model)
        in_view = scrollback.viewport.lines_in_view(height, rows)
        found = next((line for line in _beyond(scrollback.lines, in_view, upwards) if line.is_mention), None)
        if found is None:
            model.hint = f"no message further {'up' if upwards else 'down'} mentions you, as far as they are loaded"
            return []
        scrollback.viewport.go_to(found, height, rows)
        model.buffer.is_seeking = upwards
        return past.seek(model, upwards=upwards)

    return go


def _beyond(lines: Sequence[Line], in_view: Sequence[Line], upwards: bool) -> Iterator[Line]:
    """The lines above the view, from it upwards, or those below it downwards."""
    seen = set(map(id, in_view))  # with lines that are not among `lines`: dates, and what is not confirmed
    places = [place for place, line in enumerate(lines) if id(line) in seen]
    if not places:
        return iter(())
    return reversed(lines[: places[0]]) if upwards else iter(lines[places[-1] + 1 :])


MENTION_KEYS = {"alt-p": _go(upwards=True), "alt-n": _go(upwards=False)}
