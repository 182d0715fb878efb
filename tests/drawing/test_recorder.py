"""A recorder keeps all that a program writes, with its times, and types key by key."""

from collections.abc import Callable

import pyte

from tests.console import Console
from tests.drawing.asciicast import read_cast, write_cast
from tests.drawing.recorder import LONGEST_PAUSE, Recorder

ECHO = """
import sys, tty
tty.setraw(0)
print("ready é", flush=True)
while (key := sys.stdin.read(1)) != "q":
    print(f"<{key}日>", end="", flush=True)
print("done", flush=True)
"""


def test_everything_is_recorded_in_the_order_of_time() -> None:
    with Console(program=("-c", ECHO), columns=40, rows=5) as console:
        console.wait("ready")
        recorder = Recorder(console)
        recorder.type("ab")
        recorder.press("c")
        recorder.wait("<c日>")
        recorder.type("q")
        recorder.wait("done")
        cast = recorder.cast()
        assert "".join(text for _, text in cast.output) == console.written.decode()
    times = [at for at, _ in cast.output]
    assert times == sorted(times)
    assert times[0] < 0.01 < times[-1]
    assert "ready" in cast.output[0][1]
    assert (cast.columns, cast.rows, cast.longest_pause) == (40, 5, LONGEST_PAUSE)
    assert len(read_cast(write_cast(cast)).output) == len(cast.output)


class Steps:
    """A console whose program writes a word each time that somebody looks whether another word is there."""

    screen = pyte.Screen(20, 2)

    def __init__(self, *words: str) -> None:
        self.words = iter(words)
        self.text = ""
        self.written = b""

    def pump(self, seconds: float = 0) -> None:
        """Nothing more is written."""

    def wait(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.text = next(self.words)
            self.written += self.text.encode()


def test_what_is_written_while_it_waits_is_recorded_step_by_step() -> None:
    recorder = Recorder(Steps("one", "two", "three"))  # type: ignore[arg-type]
    recorder.wait("two")
    assert [text for _, text in recorder.cast().output] == ["one", "two"]
