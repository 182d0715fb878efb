"""The lines of the shown buffer, with a line that names it after a switch."""

from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.printed_lines import PrintedLines


def test_only_the_shown_buffer_is_printed_and_a_switch_names_it() -> None:
    model = Model("x", Preferences())
    model.buffers = [Buffer("lobby"), Buffer("dev")]
    printed = PrintedLines()
    for number, buffer in enumerate(model.buffers):
        buffer.scrollback.add(Line("note", str(number)))
    assert [line.text for line in printed.lines(model)] == ["0"]
    assert printed.lines(model) == []
    model.active = 1
    assert [line.text for line in printed.lines(model)] == ["--- 2:dev ---", "1"]
    model.active = 0
    assert [line.text for line in printed.lines(model)] == ["--- 1:lobby ---"]
