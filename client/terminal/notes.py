"""How something becomes a line: cleaned, with its date where that is another one, and as a log file has it. Pure."""

from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Effect, Model, Shown
from pylingo.client.wording import INDENT, clock_time, date_line, local_day, wording
from pylingo.shared.schema import Record
from pylingo.shared.text import readable


def add_words(model: Model, record: Record, at: int, kind: str = "note") -> list[Effect]:
    text = "\n".join(words_of(record))
    return add_line(model, Line(kind, text, at)) if text else []


def add_note(model: Model, text: str, at: int, kind: str = "note") -> list[Effect]:
    return add_line(model, Line(kind, cleaned(text), at))


def add_line(model: Model, line: Line) -> list[Effect]:
    """Add a line, and before it the date if that is another one."""
    turn_day(model, line.at, line.is_stamped)
    model.scrollback.add(line)
    return [Shown(transcript(line))]


def turn_day(model: Model, at: int, is_stamped: bool) -> None:
    """A line for the time `at` comes: add the date if it is another one.

    The log of a room may go back to days before. Our own clock does not: it may only be a little behind the server's.
    """
    day = local_day(at)
    before = model.day or day
    if day > before or (is_stamped and day < before):
        model.scrollback.add(Line("day", date_line(day), max(0, at - 1), is_stamped=is_stamped))
        model.day = day
    else:
        model.day = before


def transcript(line: Line) -> str:
    """A line as a log file has it: with its date, and further rows indented."""
    who = f"{line.who}: " if line.who else ""
    return f"{stamp(line.at)} {who}{line.text}".replace("\n", "\n" + INDENT)


def stamp(at: int) -> str:
    return "{}-{:02}-{:02} {}".format(*local_day(at), clock_time(at))


def words_of(record: Record) -> list[str]:
    return [row.removeprefix(INDENT) for row in wording(record)]


def cleaned(text: str) -> str:
    return readable(text)
