#!/usr/bin/env python3
"""Makes the pictures in the documents from the real client, in conversations on a real server.

    python tests/measure/pictures.py             # all, the one that moves as well: a minute
    python tests/measure/pictures.py top people  # only these

The pictures are drawn from the cells of a terminal emulator and written to `tests/pictures/`. No picture is edited by
hand.
"""

# ruff: noqa: E402 - the script puts the checkout on the path first

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.shared.messages import Command, Say
from tests.console import Console
from tests.drawing.scene import Scene, shown
from tests.drawing.svg import picture
from tests.drawing.terminal import Terminal
from tests.measure import cast

FOLDER = ROOT / "tests" / "pictures"
ROOMS = ("compilers", "builds")
COLUMN = 'names = "column"\n'
BOTS = ("deployer", "monitor", "translator")
GUESTS = 14
LOG = (
    ("alan", "has somebody measured what a frame costs?"),
    ("builder", "build 4701 is green"),
    ("alan", "about 3 microseconds, decoding included"),
    ("alan", "most of that is MessagePack; framing alone is next to nothing"),
    ("builder", "build 4702 is red: test_framing_e2e"),
    ("alan", "that one is mine. A frame that is cut in its size was read twice"),
    ("builder", "build 4703 is green"),
    ("alan", "good. Next: the limits"),
    ("alan", "a peer may take 10 seconds for a frame, which is plenty"),
    ("builder", "build 4704 is green"),
    ("alan", "and an empty one is refused, with a goodbye that says so"),
    ("builder", "build 4705 is green"),
    ("alan", "I am going to write that down in the protocol"),
)
AWAY = ("deployer", "guest-10", "guest-13")


def layout(scene: Scene, name: str, settings: str = "") -> Terminal:
    """The window of grace in a layout, in the middle of a conversation."""
    return shown(conversation(scene, scene.open("grace", "--layout", name, rooms=ROOMS, settings=settings)))


def conversation(scene: Scene, grace: Console) -> Console:
    """Let ada, alan and a bot talk with grace, who begins an answer."""
    ada = scene.open("ada")
    grace.press("/switch compilers\r")
    ada.press("/topic parser rewrite\r")
    grace.wait("the topic of")
    ada.press("hello! the build is green again\r")
    grace.wait("green again")
    grace.press("great, what was it?\r")
    ada.wait("what was it?")
    ada.press("a test that waited for luck. Details: https://example.org/builds/4711\r")
    grace.wait("4711")
    alan = scene.peer("alan")
    grace.wait("alan joined")
    alan.send(Say("I have seen that one before: it passes on fast machines only"))
    grace.wait("fast machines")
    ada.press("/me writes a test that waits for the answer\r")
    grace.wait("waits for the answer")
    ada.press("grace, would you look at the parser today? It splits a frame where the buffer ends\r")
    grace.wait("buffer ends")
    alan.send(Say("I have read half of your patch", to="grace"))
    builder = scene.peer("builder", "builds")
    builder.send(*(Say(f"build {number} is green", room="builds") for number in (4712, 4713, 4714)))
    alan.send(Command("away", "back in ten minutes"))
    grace.wait("is away")
    grace.press("sure, as soon as this test is th")
    return grace


def people(scene: Scene) -> Terminal:
    """A room with more people than the list has rows, some of whom are away."""
    for name in (*BOTS, *(GUESTS * [None])):
        peer = scene.peer(name)
        if peer.name in AWAY:
            peer.send(Command("away", "not here"))
        peer.fence()
    grace = scene.open("grace", rooms=ROOMS, settings=COLUMN)
    return shown(conversation(scene, grace))


def search(scene: Scene) -> Terminal:
    """A search in the log of a room, and the step to an older match."""
    ada = scene.open("ada")
    ada.press("/topic parser rewrite\r")
    ada.wait("the topic of")
    people = {name: scene.peer(name) for name in ("alan", "builder")}
    for name, text in LOG:
        people[name].send(Say(text))
        people[name].fence()
    grace = scene.open("grace")
    grace.press("/search frame\r")
    grace.wait("n older")
    grace.press("n")
    grace.wait("2 of")
    return shown(grace)


PICTURES: dict[str, tuple[str, Callable[[Scene], Terminal]]] = {
    "top": (
        "The client in the layout top: a status row, the input line and the messages below it",
        lambda scene: layout(scene, "top"),
    ),
    "bottom": (
        "The client in the layout bottom: messages, a status row, and the input line below them",
        lambda scene: layout(scene, "bottom", COLUMN),
    ),
    "inline": (
        "The client in the layout inline: messages in the terminal's scrollback, the input line under them",
        lambda scene: layout(scene, "inline"),
    ),
    "plain": (
        "The client in the layout plain: one line after another",
        lambda scene: layout(scene, "plain"),
    ),
    "search": ("The client at a match of a search, in which each match is marked", search),
    "people": ("The client with a list of the people in the room", people),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the pictures in the documents from the real client.")
    names = [*PICTURES, cast.PATH.stem]
    parser.add_argument("name", nargs="*", choices=[*names, []], help=f"any of {', '.join(names)} (all)")
    for name in parser.parse_args().name or names:
        if name == cast.PATH.stem:
            print(cast.make().relative_to(ROOT))
            continue
        about, draw = PICTURES[name]
        path = FOLDER / f"{name}.svg"
        with tempfile.TemporaryDirectory() as folder, Scene(Path(folder)) as scene:
            path.write_text(picture(draw(scene), about), encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
