"""Draws a recording of a terminal as one SVG file that moves by CSS alone, without a script.

Each row of the terminal is a strip of all that it ever shows, one below the other, behind an opening of the height of
one row. An animation in steps moves the strip. Rows with the same content share one drawing of it. A reader who prefers
reduced motion, and a program that knows no CSS, gets the last frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.drawing import svg
from tests.drawing.asciicast import Cast
from tests.drawing.terminal import Run, Terminal

BETWEEN_FRAMES = 0.04
"""Seconds. What is written faster is one frame."""
LAST_FRAME = 2.5
"""Seconds for which the last frame stays, until everything begins anew."""

PITCH = svg.LINE + 5
"""Pixels from one drawing of a strip to the next one. Without a gap, a picture that is shown smaller would show a trace
of the neighbours."""
_OUTSIDE = -2  # the column of a cursor that is hidden

type Row = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a terminal shows from some second on."""

    at: float
    title: str
    rows: tuple[Row, ...]
    cursor: tuple[int, int] | None


def animate(cast: Cast, about: str) -> str:
    """The recording as a file. `about` says in words what is to be seen. Raises `ValueError` if it shows nothing."""
    film = list(frames(cast))
    if not film:
        raise ValueError("the recording shows nothing")
    seconds = film[-1].at + LAST_FRAME
    names: dict[str, str] = {}
    parts = {f"m{number}": part for number, part in enumerate(_moving_parts(cast, film, names))}
    shapes = [part.shape(name) for name, part in parts.items()]
    drawings = [f'<g id="{name}">{drawing}</g>' for drawing, name in names.items()]
    style = (
        f".m{{animation:{seconds:.2f}s step-end infinite}}"
        "@media (prefers-reduced-motion:reduce){.m{animation:none!important}}"
        + "".join(part.keyframes(name, seconds) for name, part in parts.items())
    )
    return svg.document(cast.columns, cast.rows, about, ["<defs>", *drawings, "</defs>", *shapes], style)


def frames(cast: Cast) -> Iterator[Frame]:
    """What the terminal shows, each time that it changes. The first frame begins at 0."""
    terminal = Terminal(cast.columns, cast.rows)
    output = cast.with_capped_pauses()
    last: Frame | None = None
    for index, (at, text) in enumerate(output):
        terminal.feed(text.encode())
        if index + 1 < len(output) and output[index + 1][0] - at < BETWEEN_FRAMES:
            continue
        rows = tuple(terminal.runs(row) for row in range(cast.rows))
        frame = Frame(at if last else 0.0, terminal.title, rows, terminal.cursor)
        if last is None or (frame.title, frame.rows, frame.cursor) != (last.title, last.rows, last.cursor):
            yield frame
            last = frame


type Place = tuple[float, float]
"""Pixels to the right and down."""


@dataclass(frozen=True, slots=True)
class _Moving:
    """A group that is somewhere else from time to time, perhaps behind an opening."""

    origin: Place
    inner: str
    places: Sequence[tuple[float, Place]]
    """From which second on it is where, counted from `origin`."""
    opening: tuple[int, int] | None = None
    """The width and the height of what is to be seen of it; None for all of it."""

    def shape(self, name: str) -> str:
        moving = f' class="m" style="animation-name:{name}"' if len(self.places) > 1 else ""
        inner = f'<g{moving} transform="translate({" ".join(map(svg.number, self.places[-1][1]))})">{self.inner}</g>'
        left, top = map(svg.number, self.origin)
        if self.opening is None:
            return f'<g transform="translate({left} {top})">{inner}</g>'
        width, height = self.opening
        return f'<svg x="{left}" y="{top}" width="{width}" height="{height}">{inner}</svg>'

    def keyframes(self, name: str, seconds: float) -> str:
        if len(self.places) < 2:
            return ""
        steps = (
            f"{_percent(at, seconds)}{{transform:translate({svg.number(x)}px,{svg.number(y)}px)}}"
            for at, (x, y) in self.places
        )
        return f"@keyframes {name}{{{''.join(steps)}}}"


def _moving_parts(cast: Cast, film: Sequence[Frame], names: dict[str, str]) -> Iterator[_Moving]:
    """The title, the rows and the cursor. `names` gets the name of each drawing that they use."""
    width = svg.size(cast.columns, cast.rows)[0]
    titles = [(frame.at, svg.title_shape(frame.title, cast.columns)) for frame in film]
    yield _strip((0, svg.TITLE_TOP), width, titles, names)
    for row in range(cast.rows):
        drawings = [(frame.at, "".join(svg.row_shapes(frame.rows[row]))) for frame in film]
        yield _strip((svg.EDGE, svg.top_of(row)), width - 2 * svg.EDGE, drawings, names)
    places = [(frame.at, _cursor_place(frame)) for frame in film]
    yield _Moving((0, 0), svg.CURSOR, _changes(places))


def _strip(origin: Place, width: int, drawings: Sequence[tuple[float, str]], names: dict[str, str]) -> _Moving:
    """A strip of the different drawings of one row. `drawings` has one for each frame."""
    steps: dict[str, int] = {}
    places = [(at, (0.0, float(-PITCH * steps.setdefault(drawing, len(steps))))) for at, drawing in drawings]
    uses = (
        f'<use href="#{names.setdefault(drawing, f"d{len(names)}")}"{f' y="{PITCH * step}"' * (step > 0)}/>'
        for drawing, step in steps.items()
        if drawing
    )
    return _Moving(origin, "".join(uses), _changes(places), (width, svg.LINE + svg.OVERLAP))


def _cursor_place(frame: Frame) -> Place:
    column, row = frame.cursor or (_OUTSIDE, 0)
    return svg.left_of(column), svg.top_of(row)


def _changes[T](values: Sequence[tuple[float, T]]) -> list[tuple[float, T]]:
    """The values that differ from the one before."""
    return [(at, value) for index, (at, value) in enumerate(values) if not index or values[index - 1][1] != value]


def _percent(at: float, seconds: float) -> str:
    return f"{at / seconds * 100:.2f}".rstrip("0").rstrip(".") + "%"
