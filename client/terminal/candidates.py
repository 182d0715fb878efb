"""The candidates for Tab: what is known of commands, their arguments, people, rooms and buffers. Pure.

The tables of commands name the arguments of each command. A kind of argument is a row of the table here.
"""

from collections.abc import Callable
from functools import partial

from pylingo.client.help_topics import KEYS_TOPIC
from pylingo.client.local_commands import LOCAL_BY_NAME
from pylingo.client.settings import LAYOUTS
from pylingo.client.terminal.cells import clip
from pylingo.client.terminal.completion import Sources, Words
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model
from pylingo.client.themes import THEMES
from pylingo.client.wording import REMOVED, clock_time
from pylingo.shared.names import fold

_CUT = "\N{HORIZONTAL ELLIPSIS}"
_RECENT = 500  # messages whose stamps are offered; to label all 10,000 lines of a scrollback would be felt
_LABEL = 24  # columns of a message's text in the row of candidates
_TIMES = ("10m", "1h", "12h", "1d", "7d")
_SPECIAL = {"name": "own name", "ignore": "hidden", "unban": "banned", "topic": "current topic", "topiclock": "switch"}
"""Commands whose argument has another kind than its name says."""
_QUERIES = {"room": "list", "banned": "bans"}
"""The query whose reply has more candidates of a kind."""
_FOR_OPERATORS = frozenset({"bans"})


def sources(model: Model) -> Sources:
    """The candidates of each kind, the likeliest first."""
    infos = model.commands | LOCAL_BY_NAME
    arguments = {name: tuple(info.argument.split()) for name, info in infos.items() if info.argument}
    arguments |= {name: (kind,) for name, kind in _SPECIAL.items()}
    words = {kind: partial(find, model) for kind, find in _WORDS.items()}
    return Sources(list(infos), _names(model), _rooms(model), arguments, words)


def query_for(model: Model, kind: str) -> str | None:
    """The query whose reply has more candidates of a kind; None if there is none that we may ask."""
    wanted = _QUERIES.get(kind)
    may_ask = model.state == "online" and (wanted not in _FOR_OPERATORS or model.is_operator)
    return wanted if may_ask else None


def _names(model: Model) -> list[str]:
    """The other person of this conversation, the people in this room, those of other conversations and rooms."""
    here = model.buffer
    others = [buffer for buffer in model.buffers if buffer is not here]
    names = {fold(buffer.person): buffer.person for buffer in (here,) if buffer.person is not None}
    for people in (here.people, {fold(b.person): b.person for b in others if b.person}, *(b.people for b in others)):
        for key, name in reversed(people.items()):
            names.setdefault(key, name)
    names.pop(fold(model.name), None)
    return list(names.values())


def _rooms(model: Model) -> list[str]:
    """Our rooms, then all others that are known."""
    ours = [buffer.room for buffer in model.buffers if buffer.room is not None]
    return list({fold(room): room for room in reversed([*ours, *model.rooms])}.values())[::-1]


def _hidden(model: Model, begun: str) -> list[str]:
    """The people who can be hidden, then those who are hidden and can be shown again."""
    names = {fold(name): name for name in _names(model)}
    hidden = sorted({*model.preferences.ignored, *model.hidden} - names.keys())
    return [*names.values(), *hidden]


def _stamps(model: Model, begun: str) -> dict[str, str]:
    """The stamps of the latest messages in this room, newest first, labelled with who has said what and when."""
    here = fold(model.buffer.room or "")
    place, found = here, []
    for line in model.buffer.scrollback.lines:
        place = line.begins or place
        is_message = line.is_stamped and line.kind in ("message", "own") and not line.state and line.text != REMOVED
        if is_message and place == here and model.buffer.room is not None:
            found.append(line)
    return {str(line.at): _label(line) for line in found[: -_RECENT - 1 : -1]}


def _label(line: Line) -> str:
    words = " ".join(line.text[: 4 * _LABEL].split())
    short = clip(words, _LABEL)
    return f"{line.who} {clock_time(line.at)} {short}{_CUT if short != words else ''}"


def _titles(model: Model, begun: str) -> list[str]:
    return [buffer.title for buffer in model.buffers if buffer is not model.buffer and buffer.title]


# The second argument of each function is the beginning of the word, which few need.
_WORDS: dict[str, Callable[[Model, str], Words]] = {
    "layout": lambda model, begun: list(LAYOUTS),
    "theme": lambda model, begun: list(THEMES),
    "buffer": _titles,
    "file": lambda model, begun: model.list_files(begun),
    "topic": lambda model, begun: [KEYS_TOPIC, *(model.commands | LOCAL_BY_NAME)],
    "time": lambda model, begun: _TIMES,
    "switch": lambda model, begun: ("on", "off"),
    "count": lambda model, begun: ("1",),
    "own name": lambda model, begun: [model.wanted] if model.wanted else [model.name],
    "hidden": _hidden,
    "at": _stamps,
    "banned": lambda model, begun: model.banned,
    "current topic": lambda model, begun: [model.buffer.topic] if model.buffer.topic else [],
}
