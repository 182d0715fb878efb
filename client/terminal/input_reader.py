"""From the bytes that a terminal sends to input events: keys, pastes and, in the layout `plain`, whole lines."""

from collections.abc import Callable, Mapping

from pylingo.client.line_input import LineReader
from pylingo.client.terminal.input_events import InputEvent, Key, Text
from pylingo.client.terminal.keys import KeyDecoder
from pylingo.client.terminal.paste_detection import PasteDetector
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.shared.errors import RequestError


class InputReader:
    """Passes events to `pressed`, as many as arrived together. `decoder` knows whether a paste is under way."""

    def __init__(
        self, reactor: Reactor, sequences: Mapping[str, str], pressed: Callable[[list[InputEvent]], object]
    ) -> None:
        self._reactor = reactor
        self._pressed = pressed
        self.decoder = KeyDecoder(sequences)
        self._detector = PasteDetector()
        self._lines = LineReader()
        self._timer: Timer | None = None

    def feed(self, data: bytes) -> None:
        """Decode what was typed. A sequence whose rest does not follow in time is taken for what it is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pass_on(self.decoder.feed(data))
        if self.decoder.patience is not None:
            self._timer = self._reactor.call_later(self.decoder.patience, lambda: self._pass_on(self.decoder.flush()))

    def feed_lines(
        self, data: bytes, answer: Callable[[str], list[InputEvent] | None], failed: Callable[[str], object]
    ) -> None:
        """The same for a terminal that passes on whole lines.

        `answer(line)` returns the events for a line that is an answer, and None for a message or a command. `failed`
        is told of a line that cannot be sent.
        """
        events: list[InputEvent] = []
        for line in self._lines.feed(data):
            if isinstance(line, RequestError):
                failed(line.text)
            elif (answered := answer(line)) is not None:
                events += answered
            else:  # first remove an earlier line that could not be sent
                events += [Key("ctrl-e"), Key("ctrl-u"), *([Text(line)] if line else []), Key("enter")]
        self._pass_on(events)

    def _pass_on(self, events: list[InputEvent]) -> None:
        self._pressed(self._detector.classify(events, self._reactor.clock()))
