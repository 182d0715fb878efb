#!/usr/bin/env python3
"""Draws the pictures of the README: the real client in each layout, in a conversation on a real server.

    python tests/measure/pictures.py          # writes tests/pictures/*.svg

The script draws the screen of a terminal emulator (pyte) cell by cell. No picture is edited by hand.
"""

# ruff: noqa: E402 - the script puts the checkout on the path first

import html
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pyte.screens import Char, Screen

from tests.console import Console
from tests.support import ServerProcess

FOLDER = ROOT / "tests" / "pictures"
COLUMNS, ROWS = 72, 16
CELL, LINE, FONT, EDGE = 8.4, 19, 14, 12  # pixels
INK, PAPER = "#d8d8d8", "#1c1c1c"
SPACE = 'xml:space="preserve"'
LAYOUTS = ("top", "bottom", "inline", "plain")
COLORS = {
    "red": "#d75f5f",
    "green": "#87af5f",
    "brown": "#d7af5f",
    "blue": "#5f87d7",
    "magenta": "#af87d7",
    "cyan": "#5fafaf",
}


def converse(server: ServerProcess, layout: str) -> Screen:
    """The screen of a person who uses `layout`, in the middle of a conversation."""
    where, home = f"127.0.0.1:{server.port}", {"XDG_CONFIG_HOME": tempfile.mkdtemp()}
    with Console(where, "--name", "ada", environment=home) as ada:
        ada.wait("you are in")
        with Console(
            where, "--name", "grace", "--layout", layout, columns=COLUMNS, rows=ROWS, environment=home
        ) as grace:
            grace.wait("you are in")
            ada.press("good morning! the build is green again\r")
            grace.wait("green again")
            grace.press("great, what was it?\r")
            ada.wait("what was it?")
            ada.press("a test that waited for luck. Details: https://example.org/builds/4711\r")
            grace.wait("4711")
            ada.press("grace, would you look at the parser today? It splits a frame where the buffer ends\r")
            grace.wait("buffer ends")
            with Console(where, "--name", "alan", environment=home) as alan:
                alan.wait("you are in")
                alan.press("I can help with that\r")
                grace.wait("help with that")
                grace.press("sure, right after lun")
                grace.wait("after lun")
                grace.pump(0.3)
                return grace.screen


def picture(screen: Screen) -> str:
    """The screen as SVG."""
    width, height = COLUMNS * CELL + 2 * EDGE, ROWS * LINE + 2 * EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" font-size="{FONT}" '
        'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace">',
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>',
    ]
    for y in range(ROWS):
        for x, text, char in runs(screen, y):
            left, top = EDGE + x * CELL, EDGE + y * LINE
            ink, paper = color(char.fg), ""
            if char.reverse:
                ink, paper = PAPER, INK
            if paper:
                parts.append(
                    f'<rect x="{left:.1f}" y="{top}" width="{len(text) * CELL:.1f}" height="{LINE}" fill="{paper}"/>'
                )
            if text.strip():
                style = ' font-weight="bold"' * char.bold + ' text-decoration="underline"' * char.underscore
                places = " ".join(f"{left + index * CELL:.1f}" for index in range(len(text)))
                words = html.escape(text)
                parts.append(f'<text x="{places}" y="{top + FONT}" fill="{ink}"{style} {SPACE}>{words}</text>')
    x, y = screen.cursor.x, screen.cursor.y
    place = f'x="{EDGE + x * CELL:.1f}" y="{EDGE + y * LINE}" width="{CELL}" height="{LINE}"'
    parts.append(f'<rect {place} fill="{INK}" opacity="0.7"/>')
    return "\n".join([*parts, "</svg>", ""])


def runs(screen: Screen, y: int) -> list[tuple[int, str, Char]]:
    """The runs of a row in one style: column, text, and a character in that style."""
    result: list[tuple[int, str, Char]] = []
    for x in range(COLUMNS):
        char = screen.buffer[y][x]
        if result and result[-1][2]._replace(data="") == char._replace(data=""):
            result[-1] = (result[-1][0], result[-1][1] + char.data, char)
        else:
            result.append((x, char.data, char))
    return result


def color(name: str) -> str:
    if name == "default":
        return INK
    return COLORS.get(name, f"#{name}" if len(name) == 6 else INK)


def main() -> None:
    os.environ["TZ"] = "UTC"
    FOLDER.mkdir(exist_ok=True)
    for layout in LAYOUTS:
        with ServerProcess("--rate", "0") as server:
            (FOLDER / f"{layout}.svg").write_text(picture(converse(server, layout)), encoding="utf-8")
            print(FOLDER / f"{layout}.svg")


if __name__ == "__main__":
    main()
