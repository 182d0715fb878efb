"""Tab completion of the word before the cursor: commands, their arguments, names, rooms. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pylingo.shared.names import fold


@dataclass
class Sources:
    """The candidates, each kind in the order in which they are offered.

    `arguments` maps a command, without its slash, to the kind of its first argument: "room", "username", "command" or
    one of `words`; other kinds are not completed.
    """

    commands: Sequence[str] = ()
    names: Sequence[str] = ()
    rooms: Sequence[str] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass
class _Cycle:
    """The candidates for one word, while Tab is pressed repeatedly."""

    before: str
    behind: str
    candidates: list[str]
    ending: str
    at: int
    shown: tuple[str, int] = ("", 0)

    def step(self, by: int) -> tuple[str, int, list[str]]:
        self.at = (self.at + by) % len(self.candidates)
        # An existing blank is used: the cursor ends behind it.
        behind = self.behind.removeprefix(" ")
        text = self.before + self.candidates[self.at] + self.ending
        self.shown = (text + behind, len(text))
        return *self.shown, self.candidates


class Completer:
    """Completes words, and remembers the last completion for the next Tab."""

    def __init__(self) -> None:
        self._cycle: _Cycle | None = None

    def complete(
        self, text: str, cursor: int, sources: Sources, backwards: bool = False
    ) -> tuple[str, int, list[str]] | None:
        """The new text, the new cursor and all candidates; None if nothing fits.

        Called again with the text and cursor that it returned, it cycles to the next or previous candidate.
        """
        by = -1 if backwards else 1
        if self._cycle and self._cycle.shown == (text, cursor):
            return self._cycle.step(by)
        start = max(text.rfind(" ", 0, cursor), text.rfind("\n", 0, cursor)) + 1
        mark, kind = _kind(text, start, text[start:cursor], sources)
        offered = {**sources.words, "command": sources.commands, "room": sources.rooms}
        offered |= dict.fromkeys(("username", "address"), sources.names)
        begun = fold(text[start + len(mark) : cursor])
        candidates = [mark + each for each in dict.fromkeys(offered.get(kind, ())) if fold(each).startswith(begun)]
        if not candidates:
            self._cycle = None
            return None
        ending = ": " if kind == "address" else " "
        cycle = _Cycle(text[:start], text[cursor:], candidates, ending, at=0 if backwards else -1)
        # A single command that fits needs no second Tab; that completes its argument.
        argument_next = kind == "command" and len(candidates) == 1 and candidates[0][1:] in sources.arguments
        self._cycle = None if argument_next else cycle
        return cycle.step(by)


def _kind(text: str, start: int, word: str, sources: Sources) -> tuple[str, str]:
    """The sign in front of `word`, and the kind to complete: an "address" is a name at the start of the line."""
    if start == 0 and word.startswith("/"):
        return "/", "command"
    before = text[:start].split()
    if text.startswith("/") and len(before) == 1 and (kind := sources.arguments.get(fold(before[0][1:]))):
        sign = {"room": "#", "username": "@", "command": "/"}.get(kind, "")
        return sign if sign and word.startswith(sign) else "", kind
    if word.startswith("#"):
        return "#", "room"
    if word.startswith("@"):
        return "@", "username"
    return "", "username" if start else "address"
