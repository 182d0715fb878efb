#!/usr/bin/env python3
"""Records a conversation of the real client on a real server, and draws the recording as a picture that moves.

    python tests/measure/cast.py                   # records tests/pictures/conversation.cast, and draws it
    python tests/measure/cast.py --draw FILE.cast  # only draws a recording, as FILE.svg

A recording is in asciinema's format, asciicast v2. Its times are those at which the client wrote. The picture shortens
pauses as asciinema does, to the `idle_time_limit` of the recording.
"""

# ruff: noqa: E402 - the script puts the checkout on the path first

import argparse
import socket
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.shared.address import DEFAULT_HOST, DEFAULT_PORT
from tests.console import Console
from tests.drawing.animation import animate
from tests.drawing.asciicast import Cast, read_cast, write_cast
from tests.drawing.recorder import Recorder
from tests.drawing.scene import Scene

ABOUT = (
    "A conversation in the client: somebody joins, messages arrive while a line is typed, a private message, completion"
    " with Tab, and a server that is lost and comes back"
)
PATH = ROOT / "tests" / "pictures" / "conversation.cast"
ROWS = 16
SHOW_URGENT, SHOW_FIRST = "\x1ba", "\x1b1"  # Alt-a, Alt-1


def record(scene: Scene) -> Cast:
    """Record what grace sees."""
    ada = scene.open("ada", rows=ROWS)
    ada.press("/topic parser rewrite\r")
    ada.wait("the topic of")
    grace = scene.open("grace", rows=ROWS)
    ada.press("the build is green again\r")
    grace.wait("green again")
    at = Recorder(grace)
    at.watch(0.7)
    alan = scene.open("alan", rows=ROWS)
    at.wait("alan joined")
    at.watch(0.5)
    _talk(at, ada, alan)
    _answer_in_private(at, alan)
    _complete(at)
    _lose_the_server(at, scene, ada)
    return at.cast()


def _talk(at: Recorder, ada: Console, alan: Console) -> None:
    """Two messages arrive while a line is typed."""
    at.type("great, what w")
    alan.press("hello! I have read the patch\r")
    at.type("as it? a t")
    ada.press("grace, a test that waited for luck. It is fixed\r")
    at.type("est again?")
    at.press("\r")


def _answer_in_private(at: Recorder, alan: Console) -> None:
    alan.press("/msg grace line 80 splits a frame where the buffer ends\r")
    at.wait("@alan 1!")
    at.watch(1.2)
    at.press(SHOW_URGENT)
    at.watch(0.8)
    at.type("well seen, thanks")
    at.press("\r")
    at.watch(0.4)
    at.press(SHOW_FIRST)


def _complete(at: Recorder) -> None:
    """A name that two people begin with, and a command."""
    at.type("a")
    at.press("\t")
    at.watch(0.5)
    at.press("\t")
    at.watch(0.3)
    at.type("please push it")
    at.press("\r")
    at.type("/to")
    at.press("\t")
    at.type("line 80")
    at.press("\r")


def _lose_the_server(at: Recorder, scene: Scene, ada: Console) -> None:
    """The line stays as it is, and what is sent meanwhile arrives later."""
    at.type("I am look")
    scene.lose_server()
    at.wait("offline")
    at.type("ing at it now")
    at.press("\r")
    at.watch(1.0)
    scene.bring_server_back()
    at.wait("3 here")
    at.watch(0.8)
    ada.press("welcome back, everybody\r")
    at.wait("welcome back")


def make() -> Path:
    """Record a conversation, store it and draw it."""
    with tempfile.TemporaryDirectory() as folder, Scene(Path(folder), _port()) as scene:
        PATH.write_text(write_cast(record(scene)), encoding="utf-8")
    return draw(PATH)


def draw(path: Path) -> Path:
    """Draw a recording, in a file beside it. Raises `OSError` or `ValueError` if it cannot be read."""
    picture = path.with_suffix(".svg")
    picture.write_text(drawn(path), encoding="utf-8")
    return picture


def drawn(path: Path) -> str:
    """The picture of a recording."""
    return animate(read_cast(path.read_text(encoding="utf-8")), ABOUT)


def _port() -> int:
    """The port that a server has by default, or 0 if another program has it: it is in the picture."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            sock.bind((DEFAULT_HOST, DEFAULT_PORT))
        except OSError:
            return 0
    return DEFAULT_PORT


def main() -> None:
    parser = argparse.ArgumentParser(description="Records a conversation of the client, and draws it as SVG.")
    parser.add_argument("--draw", metavar="FILE", type=Path, help="only draw this recording")
    path = parser.parse_args().draw
    if path is None:
        print(make())
        return
    try:
        print(draw(path))
    except (OSError, ValueError) as error:
        sys.exit(f"{path}: {error}")


if __name__ == "__main__":
    main()
