"""The pictures in the documents: each one is shown somewhere, is a sound file, and needs no other."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.drawing.animation import LAST_FRAME, frames
from tests.drawing.asciicast import read_cast
from tests.measure import cast
from tests.measure.pictures import PICTURES
from tests.support import ROOT

FOLDER = ROOT / "tests" / "pictures"
DRAWN = sorted(FOLDER.glob("*.svg"))
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "client.md")
MOST = 200_000
"""Bytes of a picture: GitHub shows it to everybody who opens the page."""


def test_the_pictures_are_those_that_the_script_makes() -> None:
    assert {path.stem for path in DRAWN} == {*PICTURES, cast.PATH.stem}
    assert {path.suffix for path in FOLDER.iterdir()} == {".svg", ".cast"}


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_a_picture_is_shown_in_a_document(path: Path) -> None:
    link = re.compile(rf"!?\[[^\]]+\]\((?:\.\./)?tests/pictures/{path.name}\)")
    assert any(link.search(document.read_text(encoding="utf-8")) for document in DOCUMENTS)


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_a_picture_needs_no_other_file_and_runs_no_script(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < MOST
    root = ElementTree.fromstring(text)
    assert root.findtext("{http://www.w3.org/2000/svg}title")
    assert "url(" not in text
    assert "@import" not in text
    for element in root.iter():
        assert element.tag.rpartition("}")[2] in {"svg", "title", "style", "defs", "g", "use", "rect", "path", "text"}
        for name, value in element.items():
            assert not name.startswith("on")
            assert not name.endswith("href") or value.startswith("#")


def test_the_conversation_is_drawn_from_its_recording() -> None:
    drawn = cast.PATH.with_suffix(".svg").read_text(encoding="utf-8")
    assert drawn == cast.drawn(cast.PATH), "run: python tests/measure/cast.py --draw tests/pictures/conversation.cast"


def test_the_conversation_has_no_long_pause_and_is_short() -> None:
    times = [frame.at for frame in frames(read_cast(cast.PATH.read_text(encoding="utf-8")))]
    assert 10 < times[-1] + LAST_FRAME < 30
