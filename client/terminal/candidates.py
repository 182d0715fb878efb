"""The candidates for Tab: what is known of commands, people, rooms and buffers. Pure."""

from pylingo.client.local_commands import LOCAL
from pylingo.client.settings import LAYOUTS
from pylingo.client.terminal.completion import Sources
from pylingo.client.terminal.model import Model
from pylingo.shared.commands import COMMANDS
from pylingo.shared.names import fold

_INFOS = {info.name: info for info in (*COMMANDS, *LOCAL)}
_KINDS = {name: info.argument.split()[0] for name, info in _INFOS.items() if info.argument}
"""The kind of each command's first argument. `/msg` has a second one, which is a message."""


def sources(model: Model) -> Sources:
    """The candidates of each kind, the likeliest first."""
    return Sources(list(_INFOS), _names(model), _rooms(model), _KINDS | {"switch": "buffer"}, _words(model))


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


def _words(model: Model) -> dict[str, list[str]]:
    """The candidates for arguments that are neither names nor rooms, by kind."""
    titles = [buffer.title for buffer in model.buffers if buffer is not model.buffer and buffer.title]
    return {"layout": list(LAYOUTS), "on|off": ["on", "off"], "buffer": titles}
