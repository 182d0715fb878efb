"""Detection of pastes that the terminal has not marked: more lines in one read than anybody types. Pure."""

from pylingo.client.terminal.input_events import InputEvent, Key, Paste, Text

TYPED_AT_ONCE = 5  # lines in one read that may be typed ahead on a slow connection
GOES_ON = 0.1  # seconds within which the next piece of such a paste arrives
LONGEST_WORD = 16  # characters without a line end that may be typed within `GOES_ON`

ENTER = Key("enter")


class PasteDetector:
    """Tells pastes from typing by the amount that arrives at once."""

    def __init__(self) -> None:
        self._until = -1e9

    def classify(self, events: list[InputEvent], now: float) -> list[InputEvent]:
        """The events of one read at `now` (seconds), or a paste instead of them."""
        lines = sum(event == ENTER for event in events)
        goes_on = now < self._until
        is_long = sum(len(event.text) for event in events if isinstance(event, Text)) > LONGEST_WORD
        if lines <= (0 if goes_on else TYPED_AT_ONCE) and not (goes_on and is_long):
            return events
        self._until = now + GOES_ON
        return [Paste("".join(map(_text, events)), goes_on=goes_on)]


def _text(event: InputEvent) -> str:
    match event:
        case Text(text) | Paste(text):
            return text
        case Key("enter"):
            return "\n"
        case Key("tab"):
            return "\t"
    return ""
