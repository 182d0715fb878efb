"""The prompt in front of the input line, for each layout. Pure."""

from pylingo.client.terminal.activity import activity
from pylingo.client.terminal.candidate_row import candidate_row
from pylingo.client.terminal.cells import clip, width
from pylingo.client.terminal.input_rows import PROMPT
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.questions import words as question_words
from pylingo.client.terminal.status import connection, is_late
from pylingo.shared.text import printable


def prompt(model: Model, now: float) -> str:
    """The prompt at the time `now`. In the layout `inline` it says what the status row says in others."""
    return _inline(model, now) if model.preferences.layout == "inline" else PROMPT


def _inline(model: Model, now: float) -> str:
    if model.question is not None:
        return f"{question_words(model.question).strip()} "
    if model.offer is not None and not model.hint:
        row = candidate_row(model.offer, model.columns // 3)
        return f"({''.join(span.text for span in row)}) "
    is_well = model.state == "online" and not is_late(model, now)
    state = model.buffer.title or "no room" if is_well else connection(model, now)
    unsent = sum(len(buffer.scrollback.unsent) for buffer in model.buffers)
    if unsent and model.state != "online":
        state = f"{unsent} unsent, {state}"
    if is_well and (news := activity(model, model.columns // 3 - width(state) - 1)):
        state = f"{state} {news}"
    words = printable(model.hint or state)
    return f"[{clip(words, model.columns // 3)}] "
