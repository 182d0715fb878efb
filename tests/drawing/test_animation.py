"""A recording as SVG that moves: at each time it shows what the terminal showed."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from tests.drawing.animation import LAST_FRAME, PITCH, animate, frames
from tests.drawing.asciicast import Cast
from tests.drawing.svg import LINE, OVERLAP, left_of, top_of
from tests.drawing.terminal import Terminal

SVG = "{http://www.w3.org/2000/svg}"
HOME = "\x1b[H\x1b[2J"
OUTPUT = [
    (0.0, f"{HOME}\x1b]2;first\x1b\\one\r\nsame\r\nsame"),
    (1.0, f"{HOME}two\r\nsame\r\n"),
    (1.01, "\x1b[1msame\x1b[m"),
    (2.0, f"{HOME}one\r\nsame\r\n\x1b]2;second\x1b\\\x1b[?25l"),
    (2.5, "\x1b[?25h"),
    (4.0, "last"),
]
CAST = Cast(20, 4, OUTPUT)
SECONDS = 4.0 + LAST_FRAME


class Player:
    """Reads an animation as a browser does, as far as `animate` uses CSS."""

    def __init__(self, text: str) -> None:
        self.root = ElementTree.fromstring(text)
        self.style = self.root.findtext(f"{SVG}style", "")
        self.names = {element.get("id"): "".join(element.itertext()) for element in self.root.iter(f"{SVG}g")}

    def offset(self, group: ElementTree.Element, at: float | None) -> tuple[float, float]:
        """Where a group is at some second; without one, where it is if nothing moves."""
        place = re.fullmatch(r"translate\((\S+) (\S+)\)", group.get("transform", ""))
        if at is not None and group.get("class") == "m":
            name = group.get("style", "").removeprefix("animation-name:")
            steps = re.search(rf"@keyframes {name}{{((?:[\d.]+%{{.*?}})*)}}", self.style)
            assert steps is not None
            for percent, step in re.findall(r"([\d.]+)%{transform:(.*?)}", steps[1]):
                if float(percent) / 100 * SECONDS <= at:
                    place = re.fullmatch(r"translate\((\S+)px,(\S+)px\)", step)
        assert place is not None
        return float(place[1]), float(place[2])

    def row(self, number: int, at: float | None) -> str:
        """The text of a row; the title is the first one."""
        (group,) = self.root.findall(f"{SVG}svg")[number]
        below = -self.offset(group, at)[1]
        uses = [use for use in group if float(use.get("y", "0")) == below]
        return "".join(self.names[use.get("href", "").removeprefix("#")] for use in uses)

    def cursor(self, at: float | None) -> tuple[float, float]:
        group = self.root.findall(f"{SVG}g")[-1][0]
        return self.offset(group, at)


def rows(cast: Cast, player: Player, at: float | None) -> list[str]:
    return [player.row(number, at) for number in range(cast.rows + 1)]


@pytest.mark.parametrize("at", [0.0, 0.5, 1.1, 1.9, 2.1, 2.6, 3.9, 4.1, SECONDS - 0.1, None])
def test_it_shows_at_each_time_what_the_terminal_showed(at: float | None) -> None:
    player, terminal = Player(animate(CAST, "a talk")), Terminal(CAST.columns, CAST.rows)
    for written_at, text in OUTPUT:
        if at is None or written_at <= at:
            terminal.feed(text.encode())
    shown = ["".join(run.text for run in terminal.runs(row)).rstrip() for row in range(CAST.rows)]
    assert rows(CAST, player, at) == [terminal.title, *shown]
    cursor = player.cursor(at)
    assert cursor[0] < 0 if terminal.cursor is None else cursor == place_of(*terminal.cursor)


def place_of(column: int, row: int) -> tuple[float, float]:
    return pytest.approx(left_of(column), abs=0.05), float(top_of(row))


def test_rows_with_the_same_content_share_a_drawing() -> None:
    text = animate(CAST, "a talk")
    assert text.count(">same</text>") == 2, "one is bold"
    assert text.count(">one</text>") == 1


def test_a_row_that_stays_the_same_has_no_animation() -> None:
    player = Player(animate(CAST, "a talk"))
    moving = ["m" in (row[0].get("class") or "") for row in player.root.findall(f"{SVG}svg")]
    assert moving == [True, True, False, True, False]


def test_it_stops_for_readers_who_prefer_reduced_motion() -> None:
    style = Player(animate(CAST, "a talk")).style
    assert f".m{{animation:{SECONDS:.2f}s step-end infinite}}" in style
    assert "@media (prefers-reduced-motion:reduce){.m{animation:none!important}}" in style


def test_what_comes_at_once_is_one_frame() -> None:
    assert [frame.at for frame in frames(CAST)] == [0.0, 1.01, 2.0, 2.5, 4.0]


def test_what_changes_nothing_is_no_frame() -> None:
    output = [(0.3, "a"), (1.0, "\x1b[1;2H"), (2.0, "\x1b[?2004h"), (3.0, "b")]
    assert [frame.at for frame in frames(Cast(20, 4, output))] == [0.0, 3.0]


def test_long_pauses_are_shortened() -> None:
    output = [(0.0, "a"), (60.0, "b"), (61.0, "c")]
    assert [frame.at for frame in frames(Cast(20, 4, output, 1.5))] == [0.0, 1.5, 2.5]


def test_a_recording_without_output() -> None:
    with pytest.raises(ValueError, match="the recording shows nothing"):
        animate(Cast(20, 4, []), "nothing")


def test_the_drawings_of_a_row_are_below_each_other_with_a_gap() -> None:
    strip = Player(animate(CAST, "a talk")).root.findall(f"{SVG}svg")[1]
    assert strip.get("height") == str(LINE + OVERLAP)
    assert [use.get("y") for use in strip[0]] == [None, str(PITCH)]
    assert PITCH > LINE + OVERLAP
