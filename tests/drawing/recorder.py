"""Records what a person sees who sits in front of a client, and types for them."""

import codecs
import random
import time

from tests.console import Console
from tests.drawing.asciicast import Cast

LONGEST_PAUSE = 1.5
"""Seconds. A longer pause stays in the recording, and is shortened in the picture."""
_KEY = 0.065  # seconds between two keys, on average
_TICK = 0.01  # seconds


class Recorder:
    """Records what a client writes. At 0 s it has written all that it wrote before."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._output: list[tuple[float, str]] = []
        self._length = 0
        self._varied = random.Random(1)  # the same person each time
        console.pump()
        self._begin = time.monotonic()
        self._take()

    def _take(self) -> None:
        written = self._console.written
        if len(written) > self._length:
            self._output.append((time.monotonic() - self._begin, self._decoder.decode(written[self._length :])))
            self._length = len(written)

    def watch(self, seconds: float) -> None:
        """Look on for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._console.pump(min(_TICK, left))
            self._take()

    def wait(self, what: str) -> None:
        """Look on until that text is on the screen."""

        def is_shown() -> bool:
            self._take()
            return what in self._console.text

        self._console.wait(is_shown)

    def type(self, text: str) -> None:
        """Press one key after the other, as a person does."""
        for key in text:
            self._console.press(key)
            self.watch(_KEY * self._varied.uniform(0.5, 1.5))

    def press(self, keys: str) -> None:
        """Press one key, and look on for a moment."""
        self._console.press(keys)
        self.watch(0.45)

    def cast(self) -> Cast:
        """What was recorded so far."""
        self._take()
        screen = self._console.screen
        return Cast(screen.columns, screen.lines, tuple(self._output), LONGEST_PAUSE, "PyLingo")
