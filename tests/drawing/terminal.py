"""A terminal for pictures: the emulator pyte, and what it lacks of the sequences that the client writes."""

import re
from dataclasses import dataclass

import pyte

_PRIVATE = re.compile(rb"\x1b\[[<=>][0-?]*[ -/]*[@-~]")
"""Sequences that ask for other keys. pyte takes `CSI > 4 ; 1 m` for bold and underlined text."""
_RENDITION = re.compile(rb"\x1b\[([\d;]*)m")
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*)?\Z")
_INTRODUCERS = (b"38", b"48")  # a colour follows: 5 and its number, or 2 and three numbers


@dataclass(frozen=True, slots=True)
class Look:
    """How a cell looks. A colour is a name of `svg.COLORS`, six hexadecimal digits, or `default`."""

    ink: str = "default"
    paper: str = "default"
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Cells of a row with one look: the first column, how many there are, and their text."""

    column: int
    columns: int
    text: str
    look: Look


class Terminal:
    """A screen of `columns` x `rows`, fed with the output of a program.

    pyte knows no dim text. The client lets nothing blink, and therefore dim text goes through pyte as blinking text.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Show the output. It may be cut anywhere, within a sequence as well."""
        data = self._rest + data
        unfinished = _UNFINISHED.search(data)
        end = unfinished.start() if unfinished else len(data)
        self._rest = data[end:]
        self._stream.feed(_RENDITION.sub(_with_dim_as_blinking, _PRIVATE.sub(b"", data[:end])))

    @property
    def title(self) -> str:
        """The title of the window."""
        return self._screen.title

    @property
    def cursor(self) -> tuple[int, int] | None:
        """The column and the row of the cursor; None if it is hidden."""
        cursor = self._screen.cursor
        return None if cursor.hidden else (min(cursor.x, self.columns - 1), cursor.y)

    def runs(self, row: int) -> tuple[Run, ...]:
        """The runs of a row, from the left to the right."""
        runs: list[Run] = []
        for column in range(self.columns):
            char = self._screen.buffer[row][column]
            look = Look(char.fg, char.bg, char.bold, char.blink, char.italics, char.underscore, char.reverse)
            if runs and runs[-1].look == look:
                last = runs[-1]
                runs[-1] = Run(last.column, last.columns + 1, last.text + char.data, look)
            else:
                runs.append(Run(column, 1, char.data, look))
        return tuple(runs)


def _with_dim_as_blinking(found: re.Match[bytes]) -> bytes:
    result, numbers = [], iter(found[1].split(b";"))
    for number in numbers:
        if number in _INTRODUCERS:
            kind = next(numbers, b"")
            result += [number, kind, *(next(numbers, b"0") for _ in range(3 if kind == b"2" else 1))]
        elif number == b"2":
            result.append(b"5")
        elif number == b"22":
            result += [b"22", b"25"]
        elif number != b"5":
            result.append(number)
    return b"\x1b[" + b";".join(result) + b"m" if result else b""
