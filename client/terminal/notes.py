"""Records and notes as lines of the chat, with a date line at each new day, and as text for a transcript. Pure."""

from pylingo.client.people import Marks
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.days import day_line, is_another_day
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Effect, Shown
from pylingo.client.wording import INDENT, clock_time, local_day, wording
from pylingo.shared.schema import Record
from pylingo.shared.text import readable


def add_words(
    buffer: Buffer, record: Record, at: int, kind: str = "note", marks: Marks | None = None, me: str | None = None
) -> list[Effect]:
    text = "\n".join(words_of(record, marks, me))
    return add_line(buffer, Line(kind, text, at)) if text else []


def add_note(buffer: Buffer, text: str, at: int, kind: str = "note") -> list[Effect]:
    return add_line(buffer, Line(kind, readable(text), at))


def add_line(buffer: Buffer, line: Line) -> list[Effect]:
    """Add a line, preceded by the date if the day has changed."""
    turn_day(buffer, line.at, line.is_stamped)
    if line.who:
        buffer.note_speaker(line.who)
    buffer.scrollback.add(line)
    return [Shown(transcript(line), buffer.title)]


def turn_day(buffer: Buffer, at: int, is_stamped: bool) -> None:
    """Add a date line if the day of `at` is not that of the newest line. Above the first line, the view has one."""
    day = local_day(at)
    if buffer.day is None or buffer.scrollback.newest is None:
        buffer.day = day
    elif is_another_day(buffer.day, day, is_stamped):
        buffer.scrollback.add(day_line(at, is_stamped))
        buffer.day = day


def transcript(line: Line) -> str:
    """A line as text for a log file: with its date, and with further rows indented."""
    return f"{stamp(line.at)} {line.whole}".replace("\n", "\n" + INDENT)


def stamp(at: int) -> str:
    return "{}-{:02}-{:02} {}".format(*local_day(at), clock_time(at))


def words_of(record: Record, marks: Marks | None = None, me: str | None = None) -> list[str]:
    return [row.removeprefix(INDENT) for row in wording(record, me, marks)]
