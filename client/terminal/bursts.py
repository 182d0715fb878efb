"""Pastes that the terminal has not marked as such: many lines in one read, which nobody can type. Pure."""

from client.terminal.keys import Event, Key, Paste, Text

TYPED_AT_ONCE = 5
"""Lines that may come in one read from somebody who types ahead of a slow connection."""
GOES_ON = 0.1
"""Seconds after a piece of such a paste within which the next one comes."""

ENTER = Key("enter")


class Bursts:
    """Tells pastes from typing, by how much comes at once."""

    def __init__(self) -> None:
        self._until = -1e9

    def meant(self, events: list[Event], now: float) -> list[Event]:
        """What the events of one read at `now` (seconds) mean: themselves, or a paste."""
        lines = sum(event == ENTER for event in events)
        if lines <= (0 if now < self._until else TYPED_AT_ONCE):
            return events
        self._until = now + GOES_ON
        return [Paste("".join(map(_text, events)))]


def _text(event: Event) -> str:
    match event:
        case Text(text) | Paste(text):
            return text
        case Key("enter"):
            return "\n"
        case Key("tab"):
            return "\t"
    return ""
