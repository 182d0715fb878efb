"""How a terminal looks in a picture: its colours, its rows and its frame as SVG."""

import html
from collections.abc import Iterable

from tests.drawing.terminal import Look, Run, Terminal

CELL, LINE, FONT = 8.4, 19, 14  # pixels
OVERLAP = 1  # pixels by which dividers reach into the next row
EDGE, BAR = 12, 30  # pixels around the rows, and of the bar with the title
INK, PAPER, BAR_PAPER, BORDER = "#d8d8d8", "#1c1c1c", "#2b2b2b", "#4a4a4a"
COLORS = {
    "black": "#1c1c1c",
    "red": "#d75f5f",
    "green": "#87af5f",
    "brown": "#d7af5f",
    "blue": "#5f87d7",
    "magenta": "#af87d7",
    "cyan": "#5fafaf",
    "white": "#d8d8d8",
    "brightblack": "#7f7f7f",
    "brightred": "#ff8787",
    "brightgreen": "#afd787",
    "brightbrown": "#ffd787",
    "brightblue": "#87afff",
    "brightmagenta": "#d7afff",
    "brightcyan": "#87d7d7",
    "brightwhite": "#ffffff",
}
"""The first 16 colours of the terminal, by the names that pyte has for them."""
_STRENGTH = 0.58  # of dim text: how much of its ink is left
_BASELINE = 14  # pixels below the top of a row
_DIVIDER = "\N{BOX DRAWINGS LIGHT VERTICAL}"
_FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"


def picture(terminal: Terminal, about: str) -> str:
    """What is on the terminal, as a whole file. `about` says it in words, for those who cannot see it."""
    rows = [
        f'<g transform="translate({EDGE} {top_of(row)})">{"".join(row_shapes(terminal.runs(row)))}</g>'
        for row in range(terminal.rows)
    ]
    cursor = terminal.cursor
    if cursor is not None:
        rows.append(f'<g transform="translate({number(left_of(cursor[0]))} {top_of(cursor[1])})">{CURSOR}</g>')
    title = f'<g transform="translate(0 {TITLE_TOP})">{title_shape(terminal.title, terminal.columns)}</g>'
    return document(terminal.columns, terminal.rows, about, [title, *rows])


def document(columns: int, rows: int, about: str, shapes: Iterable[str], style: str = "") -> str:
    """A file with the window of a terminal, and in it `shapes`."""
    width, height = size(columns, rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" xml:space="preserve" font-family="{_FONTS}" font-size="{FONT}" fill="{INK}">',
        f"<title>{html.escape(about)}</title>",
        *([f"<style>{style}</style>"] if style else []),
        f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8" fill="{PAPER}" stroke="{BORDER}"/>',
        f'<path d="M1 {BAR}V8.5A7.5 7.5 0 0 1 8.5 1H{width - 8.5}A7.5 7.5 0 0 1 {width - 1} 8.5V{BAR}z" '
        f'fill="{BAR_PAPER}"/>',
        *shapes,
    ]
    return "\n".join([*parts, "</svg>", ""])


def size(columns: int, rows: int) -> tuple[int, int]:
    """The width and the height of a picture, in pixels."""
    return round(columns * CELL) + 2 * EDGE, BAR + rows * LINE + 2 * EDGE


def left_of(column: int) -> float:
    """Where a column begins, in pixels."""
    return EDGE + column * CELL


def top_of(row: int) -> int:
    """Where a row begins, in pixels."""
    return BAR + EDGE + row * LINE


def row_shapes(runs: Iterable[Run]) -> list[str]:
    """The cells of a row, whose upper left corner is at 0, 0."""
    shapes = []
    for run in runs:
        ink, paper = _colors(run.look)
        left, width = number(run.column * CELL), number(run.columns * CELL)
        if paper != PAPER:
            shapes.append(f'<rect x="{left}" width="{width}" height="{LINE}" fill="{paper}"/>')
        if set(run.text) == {_DIVIDER}:
            # The letter would leave a gap between the rows; in a smaller view, so would a line that ends with its row.
            for column in range(run.column, run.column + run.columns):
                middle = number((column + 0.5) * CELL)
                shapes.append(f'<path d="M{middle} 0v{LINE + OVERLAP}" stroke="{ink}"/>')
        elif run.text.strip():
            shapes.append(_text(run, ink))
    return shapes


def _text(run: Run, ink: str) -> str:
    """The letters of a run, each within its cell whatever font there is."""
    text = run.text.rstrip()
    blank = len(text) - len(text.lstrip())
    columns = run.columns - (len(run.text) - len(text)) - blank
    look = run.look
    attributes = [
        f'x="{number((run.column + blank) * CELL)}" y="{_BASELINE}" textLength="{number(columns * CELL)}"',
        f'fill="{ink}"' * (ink != INK),
        'font-weight="bold"' * look.bold,
        'font-style="italic"' * look.italic,
        'text-decoration="underline"' * look.underline,
    ]
    return f"<text {' '.join(filter(None, attributes))}>{html.escape(text.lstrip(), quote=False)}</text>"


def _colors(look: Look) -> tuple[str, str]:
    """The ink and the paper."""
    ink, paper = _color(look.ink, INK), _color(look.paper, PAPER)
    if look.dim:
        ink = _mixed(ink, paper, _STRENGTH)
    return (paper, ink) if look.reverse else (ink, paper)


def _color(name: str, default: str) -> str:
    """A colour of pyte in the notation of SVG."""
    if name in COLORS:
        return COLORS[name]
    return f"#{name}" if len(name) == 6 and not set(name) - set("0123456789abcdef") else default


def _mixed(ink: str, paper: str, strength: float) -> str:
    pairs = zip(bytes.fromhex(ink[1:]), bytes.fromhex(paper[1:]), strict=True)
    return "#" + bytes(round(one * strength + other * (1 - strength)) for one, other in pairs).hex()


def number(value: float) -> str:
    """A number as short as it can be, with one digit after the point."""
    return f"{value:.1f}".removesuffix(".0")


TITLE_TOP = 5  # pixels
CURSOR = f'<rect width="{number(CELL)}" height="{LINE}" fill="{INK}" opacity=".6"/>'


def title_shape(title: str, columns: int) -> str:
    """The title of the window, in the middle of the bar. The bar's row is at 0, 0."""
    middle = number(size(columns, 0)[0] / 2)
    ink = _mixed(INK, BAR_PAPER, 0.75)
    words = html.escape(title, quote=False)
    return f'<text x="{middle}" y="{_BASELINE}" text-anchor="middle" fill="{ink}" font-size="13">{words}</text>'
