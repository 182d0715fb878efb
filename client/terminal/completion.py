"""Tab completion of the word before the cursor: commands, their arguments, names, rooms. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pylingo.shared.names import fold

type Words = Sequence[str] | Mapping[str, str]
"""Candidates, perhaps with labels."""

_SIGNS = {"room": "#", "username": "@", "hidden": "@", "banned": "@", "topic": "/", "command": "/"}
"""The sign that may stand in front of a word of a kind."""
_REST = {"file": False, "current topic": True}
"""The kinds of arguments that are the rest of the line, and whether that is a text, in which names are completed."""


@dataclass
class Sources:
    """The candidates, each kind in the order in which they are offered.

    `arguments` maps a command, without its slash, to the kinds of its arguments: "room", "username" or one of `words`,
    whose functions return candidates for a word that begins as given. If they return a mapping, it has a label for each
    candidate, which is shown in its place, and whose beginning may be typed as well. A kind such as "on|off" has these
    words. An argument of another kind is a text, in which names and rooms are completed.
    """

    commands: Sequence[str] = ()
    names: Sequence[str] = ()
    rooms: Sequence[str] = ()
    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    words: Mapping[str, Callable[[str], Words]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """The candidates for a word, at least one, and the index of the chosen one. They may have labels."""

    candidates: Sequence[str]
    chosen: int
    labels: Sequence[str] = ()

    @property
    def shown(self) -> Sequence[str]:
        """The words for the person who chooses."""
        return self.labels or self.candidates


class Completion(NamedTuple):
    """The line after a Tab, and the choice that was made."""

    text: str
    cursor: int
    offer: Offer


class _Word(NamedTuple):
    """A word to be completed: where it starts, the sign in front of it, and its kind."""

    start: int
    sign: str
    kind: str


@dataclass
class _Cycle:
    """The candidates for one word, while Tab is pressed repeatedly."""

    before: str
    behind: str
    candidates: list[str]
    labels: list[str]
    ending: str
    at: int
    shown: tuple[str, int] = ("", 0)

    def step(self, by: int) -> Completion:
        self.at = (self.at + by) % len(self.candidates)
        candidate = self.candidates[self.at]
        # An existing blank is used: the cursor ends behind it.
        behind = self.behind.removeprefix(" ")
        text = self.before + candidate + ("" if candidate.endswith("/") else self.ending)
        self.shown = (text + behind, len(text))
        return Completion(*self.shown, Offer(self.candidates, self.at, self.labels))


class Completer:
    """Completes words, and remembers the last completion for the next Tab.

    `kind` is the kind of the word that was completed last, or could not be.
    """

    def __init__(self) -> None:
        self.kind = ""
        self._cycle: _Cycle | None = None

    def complete(self, text: str, cursor: int, sources: Sources, backwards: bool = False) -> Completion | None:
        """Complete the word before the cursor; None if nothing fits.

        Called again with the text and cursor that it returned, it cycles to the next or previous candidate.
        """
        by = -1 if backwards else 1
        if self._cycle and self._cycle.shown == (text, cursor):
            return self._cycle.step(by)
        self._cycle = None
        for word in _words(text, cursor, sources):
            self.kind = word.kind
            candidates, labels = _candidates(text[word.start + len(word.sign) : cursor], word, sources)
            if candidates:
                ending = ": " if word.kind == "address" else " "
                at = 0 if backwards else -1
                cycle = _Cycle(text[: word.start], text[cursor:], candidates, labels, ending, at)
                if not _leads_on(candidates, word.kind, sources):
                    self._cycle = cycle
                return cycle.step(by)
        return None


def _leads_on(candidates: list[str], kind: str, sources: Sources) -> bool:
    """Whether the next Tab is for what follows: the argument of the only command, the files in the only folder."""
    (first, *others) = candidates
    return not others and ((kind == "command" and first[1:] in sources.arguments) or first.endswith("/"))


def _candidates(begun: str, word: _Word, sources: Sources) -> tuple[list[str], list[str]]:
    """The candidates that fit, and their labels if they have some."""
    offered: Words
    match word.kind:
        case "command":
            offered = sources.commands
        case "room":
            offered = sources.rooms
        case "username" | "address":
            offered = sources.names
        case kind if kind in sources.words:
            offered = sources.words[kind](begun)
        case kind:
            offered = kind.split("|")
    key = fold(begun)
    labels = offered if isinstance(offered, Mapping) else {}
    found = [
        each for each in dict.fromkeys(offered) if any(fold(text).startswith(key) for text in _texts(each, labels))
    ]
    return [word.sign + each for each in found], [labels[each] for each in found if each in labels]


def _texts(candidate: str, labels: Mapping[str, str]) -> tuple[str, ...]:
    """The texts of which a candidate may be typed the beginning."""
    return (candidate, labels[candidate]) if candidate in labels else (candidate,)


def _words(text: str, cursor: int, sources: Sources) -> list[_Word]:
    """The words that may be meant, the likelier one first. An "address" is a name at the start of the line."""
    start = max(text.rfind(" ", 0, cursor), text.rfind("\n", 0, cursor)) + 1
    word = text[start:cursor]
    if start == 0 and word.startswith("/"):
        return [_Word(0, "/", "command")]
    kind = _argument_kind(text[:start], sources)
    if kind is None:
        return [_in_text(start, word)]
    if kind in _REST:
        rest = _Word(len(text[:start].split()[0]) + 1, "", kind)
        return [rest, _in_text(start, word)] if _REST[kind] else [rest]
    sign = _SIGNS.get(kind, "")
    return [_Word(start, sign if sign and word.startswith(sign) else "", kind)]


def _argument_kind(before: str, sources: Sources) -> str | None:
    """The kind of the argument of a command that follows `before`; None for text."""
    if not before.startswith("/"):
        return None
    command, *given = before.split()
    kinds = sources.arguments.get(fold(command[1:]), ())
    if kinds and kinds[0] in _REST:
        return kinds[0]
    kind = kinds[len(given)] if len(given) < len(kinds) else ""
    return kind if kind in ("room", "username") or kind in sources.words or "|" in kind else None


def _in_text(start: int, word: str) -> _Word:
    if word.startswith("#"):
        return _Word(start, "#", "room")
    if word.startswith("@"):
        return _Word(start, "@", "username")
    return _Word(start, "", "username" if start else "address")
