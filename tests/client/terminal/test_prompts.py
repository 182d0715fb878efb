"""The prompt of each layout."""

import pytest

from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.input_events import Paste
from pylingo.client.terminal.input_rows import PROMPT
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.prompts import prompt
from tests.fakes.window import make


@pytest.mark.parametrize("layout", ["top", "bottom"])
def test_beside_a_status_row_the_prompt_is_short(layout: str) -> None:
    model = make(layout)
    model.hint = "a hint"
    assert prompt(model, 0.0) == PROMPT


def test_without_a_status_row_the_prompt_says_what_that_would() -> None:
    model = make("inline", columns=90)
    model.state, model.buffer.room = "online", "lobby"
    assert prompt(model, 0.0) == "[lobby] "
    model.buffers.append(Buffer("ops", new=5))
    assert prompt(model, 0.0) == "[lobby [2:ops 5]] "
    model.state, model.retry_at = "waiting", 12.5
    assert prompt(model, 10.0) == "[offline, next try in 2 s] "
    model.buffer.scrollback.unsent["k"] = Line("own", "x", state="unsent")
    assert prompt(model, 10.0) == "[1 unsent, offline, next try in] "
    model.hint = "a\x1bhint"
    assert prompt(model, 10.0) == "[a\N{REPLACEMENT CHARACTER}hint] "
    model.question = Paste("a\nb\n")
    assert prompt(model, 10.0) == "Paste 2 lines, 4 characters? Enter: yes, Esc: no "
