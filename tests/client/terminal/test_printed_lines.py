"""The lines of the shown buffer, with a line that names it after a switch."""

from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.printed_lines import PrintedLines
from pylingo.client.wording import date_line, local_day


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


DAY = 86_400_000_000
NOON = 1_700_000_000_000_000


def test_the_date_is_printed_first_and_whenever_it_is_another_one() -> None:
    model = Model("x", Preferences())
    model.buffers = [Buffer("lobby"), Buffer("dev")]
    lobby, dev = (buffer.scrollback for buffer in model.buffers)
    printed = PrintedLines()
    assert printed.dated_lines(model) == []
    lobby.add(Line("message", "old", NOON, "bob", is_stamped=True))
    lobby.add(Line("day", "--- kept ---", NOON + DAY - 1, is_stamped=True))
    lobby.add(Line("message", "new", NOON + DAY, "bob", is_stamped=True))
    lobby.add(Line("note", "by the clock of this computer", NOON))
    dates = [date_line(local_day(NOON + days * DAY)) for days in range(3)]
    seen = [line.text for line in printed.dated_lines(model)]
    assert seen == [dates[0], "old", dates[1], "new", "by the clock of this computer"]
    dev.add(Line("message", "there", NOON + DAY, "bob", is_stamped=True))
    model.active = 1
    assert [line.text for line in printed.dated_lines(model)] == ["--- 2:dev ---", "there"], "the same day"
    dev.add(Line("note", "later", NOON + 2 * DAY))
    assert [line.text for line in printed.dated_lines(model)] == [dates[2], "later"]
