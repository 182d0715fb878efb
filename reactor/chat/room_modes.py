"""The modes of a room: what its operators may set with `/mode`, and how a mode is written.

A mode is a switch (`moderated on`), has a value (`key sesame`), or is a list of masks or of people (`voice ann`). It is
written as its name and its value; `off` in front of the value, or in place of it, takes it back. The charter of the
room has the modes, so they are kept as its operators are.
"""

import enum
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from pylingo.reactor.chat.addressing import need_room
from pylingo.reactor.chat.masks import read_mask, same_mask
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_powers import may_moderate, owners_of
from pylingo.reactor.chat.session import Session
from pylingo.reactor.history.charter import (
    BAN,
    EXCEPTION,
    INVITE_ONLY,
    INVITED,
    KEY,
    LIMIT,
    MODERATED,
    MOST_MASKS,
    MOST_NAMED,
    ON,
    OUTSIDE,
    PASS,
    SECRET,
    TOPIC_LOCK,
    VOICE,
    Charter,
    session_of,
)
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Modes, Notice
from pylingo.shared.names import fold
from pylingo.shared.text import quote

MAX_KEY = 32
"""The longest key of a room, in characters."""
MOST_CHANGES = 8
"""The most changes of one command."""
_KEY = re.compile(r"[!-+\--~]+")  # visible ASCII without a comma
_LIMIT = re.compile(r"[1-9]\d{0,5}", re.ASCII)
_ON, _OFF = "on", "off"

type Fields = dict[str, str | None]


class Kind(enum.Enum):
    """The kind of value that a mode takes."""

    SWITCH = "on or off"
    VALUE = "a value, or off"
    MASKS = "a mask, or off and a mask"
    PEOPLE = "a name, or off and a name"


KINDS = {
    TOPIC_LOCK: Kind.SWITCH,
    INVITE_ONLY: Kind.SWITCH,
    MODERATED: Kind.SWITCH,
    SECRET: Kind.SWITCH,
    OUTSIDE: Kind.SWITCH,
    KEY: Kind.VALUE,
    LIMIT: Kind.VALUE,
    BAN: Kind.MASKS,
    EXCEPTION: Kind.MASKS,
    PASS: Kind.MASKS,
    VOICE: Kind.PEOPLE,
    INVITED: Kind.PEOPLE,
}
"""The modes, by name."""


class ModeChange(NamedTuple):
    """A mode that is set, or taken back if `on` is false."""

    mode: str
    on: bool
    value: str = ""

    def __str__(self) -> str:
        """The change as `/mode` takes it."""
        word = _OFF if not self.on else _ON if self.value.lower() in ("", _ON, _OFF) else ""
        return " ".join(part for part in (self.mode, word, self.value) if part)


def read_changes(argument: str) -> list[ModeChange]:
    """The changes in the argument of `/mode`, with commas between them. Raises `RequestError` `bad-argument`."""
    parts = [part.split() for part in argument.split(",")]
    if len(parts) > MOST_CHANGES:
        raise RequestError("bad-argument", f"/mode makes at most {MOST_CHANGES} changes at once")
    return [read_change(" ".join(words)) for words in parts if words]


def read_change(text: str) -> ModeChange:
    """One change, as its `str` is. Raises `RequestError` `bad-argument`."""
    mode, *values = text.split()
    kind = KINDS.get(mode.lower())
    if kind is None:
        raise RequestError("bad-argument", f"there is no mode {quote(mode)}: the modes are {', '.join(KINDS)}")
    mode, word = mode.lower(), ""
    if values and (values[0].lower() == _OFF or (values[0].lower() == _ON and (kind is Kind.SWITCH or values[1:]))):
        word = values.pop(0).lower()
    on = word != _OFF
    needed = 0 if kind is Kind.SWITCH or (kind is Kind.VALUE and not on) else 1
    if len(values) != needed or (kind is Kind.SWITCH and not word):
        raise RequestError("bad-argument", f"the mode {mode} takes {kind.value}")
    return ModeChange(mode, on, values[0] if needed else "")


def set_modes(charter: Charter, shows_key: bool = True) -> Iterator[ModeChange]:
    """All modes that are set, but for people who are invited. A key that is not shown is an asterisk."""
    for mode, kind in KINDS.items():
        if kind is Kind.SWITCH and charter.has(mode):
            yield ModeChange(mode, True)
        elif kind is Kind.VALUE and (value := charter.value(mode)) is not None:
            yield ModeChange(mode, True, value if shows_key or mode != KEY else "*")
        elif kind is Kind.MASKS:
            yield from (ModeChange(mode, True, mask) for mask, _ in charter.listed(mode))
        elif mode == VOICE:
            yield from (ModeChange(mode, True, name) for _, name in charter.listed(mode))


def check_may_govern(session: Session, room: Room[Session]) -> None:
    """Raises `RequestError` `not-allowed` unless the session is an operator of the room or of the server."""
    if not may_moderate(session.hub, room, session.person):
        raise RequestError("not-allowed", "the modes of a room are for its operators and those of the server to change")


def _mode(session: Session, argument: str, command: Command) -> None:
    room = need_room(session, command.room, "see its modes")
    if not argument:
        session.reply(Modes(room.name, [str(change) for change in set_modes(room.charter)], None, command.id))
        return
    check_may_govern(session, room)
    changes = read_changes(argument)
    names = [change.value for change in changes if KINDS[change.mode] is Kind.PEOPLE]

    def go_on() -> None:
        """Have the bus know everybody who is named, and make the changes."""
        if names:
            session.hub.bus.look_up(session, names.pop(), command.id, go_on)
        else:
            _change(session, room, changes, command)

    go_on()


def _change(session: Session, room: Room[Session], changes: list[ModeChange], command: Command) -> None:
    fields: Fields = {}
    charter, done = room.charter, []
    for change in changes:
        value, found = _APPLY[KINDS[change.mode]](session, room, charter, change)
        if any(charter.value(name) != new for name, new in found.items()):
            fields |= found
            charter = charter.changed(found)
            done.append(change._replace(value=value))
    by = session.person.name
    told = [str(change) for change in done]
    if not _fits(charter):
        raise RequestError("not-allowed", f"a room has at most {MOST_MASKS} masks: take one back first")

    def confirm() -> None:
        session.reply(Modes(room.name, told, by, command.id))
        for change in done:
            person = session.hub.reach_if_known(change.value) if change.mode == INVITED and change.on else None
            if person is not None:
                words = f"{by} invites you to {room.name}: /open {room.name}"
                session.hub.bus.tell_person(session, person, Notice(words))

    if fields:
        session.hub.bus.govern(session, room, fields, Modes(room.name, told, by), confirm)
    else:
        confirm()


def _fits(charter: Charter) -> bool:
    return sum(len(charter.listed(kind)) for kind in (BAN, EXCEPTION, PASS)) <= MOST_MASKS


def uninvite(session: Session, room: Room[Session], person: Person[Session]) -> None:
    """Take the invitation of somebody back, if there is one."""
    names = [f"{INVITED} {owner}" for owner in owners_of(session.hub, person)]
    fields: Fields = {name: None for name in names if room.charter.has(name)}
    if fields:
        told = Modes(room.name, [str(ModeChange(INVITED, False, person.name))], session.person.name)
        session.hub.bus.govern(session, room, fields, told, lambda: None)


def end_abandoned(session: Session, room: Room[Session]) -> None:
    """End the modes of a room whose operators were guests, and have gone. The session has just entered it, alone."""
    charter = room.charter
    fields: Fields = {name: None for name in charter.fields if name.split(" ")[0] in KINDS}
    if not fields or charter.has_lasting_operator or len(room.directory.keys) > 1:
        return
    if not may_moderate(session.hub, room, session.person):
        told = Modes(room.name, [str(_taken_back(change)) for change in set_modes(charter)], session.person.name)
        session.hub.bus.govern(session, room, fields, told, lambda: session.reply(told))


def _taken_back(change: ModeChange) -> ModeChange:
    return ModeChange(change.mode, False, change.value if KINDS[change.mode] is not Kind.VALUE else "")


# --- what a change means for the charter: the value as it is told, and the fields


def _switch(session: Session, room: Room[Session], charter: Charter, change: ModeChange) -> tuple[str, Fields]:
    return "", {change.mode: ON if change.on else None}


def _value(session: Session, room: Room[Session], charter: Charter, change: ModeChange) -> tuple[str, Fields]:
    if not change.on:
        return "", {change.mode: None}
    if change.mode == KEY and (not _KEY.fullmatch(change.value) or len(change.value) > MAX_KEY):
        raise RequestError("bad-argument", f"a key has 1 to {MAX_KEY} visible characters of ASCII, without commas")
    if change.mode == LIMIT and not _LIMIT.fullmatch(change.value):
        raise RequestError("bad-argument", f"a limit is a number of people from 1 on, not {quote(change.value)}")
    return change.value, {change.mode: change.value}


def _masks(session: Session, room: Room[Session], charter: Charter, change: ModeChange) -> tuple[str, Fields]:
    mask = read_mask(change.value)
    same = [known for known, _ in charter.listed(change.mode) if same_mask(known, mask)]
    if not change.on:
        return (same or [mask])[0], {f"{change.mode} {known}": None for known in same}
    if same:
        return same[0], {}
    return mask, {f"{change.mode} {mask}": f"{session.hub.now()} {session.person.name}"}


def _people(session: Session, room: Room[Session], charter: Charter, change: ModeChange) -> tuple[str, Fields]:
    hub, mode = session.hub, change.mode
    if not change.on:
        person = hub.reach_if_known(change.value)
        name = person.name if person is not None else change.value
        owners = [str(owner) for owner in owners_of(hub, person)] if person is not None else []
        listed = charter.listed(mode)
        return name, {f"{mode} {who}": None for who, known in listed if who in owners or fold(known) == fold(name)}
    person = hub.find(change.value) if mode == VOICE else hub.reach(change.value)
    if mode == VOICE and not room.directory.has(person.key):
        raise RequestError("no-such-user", f"{quote(person.name)} is not in {room.name}: /users lists who is")
    fields: Fields = {f"{mode} {hub.owner(person)}": person.name}
    if charter.names(mode, owners_of(hub, person)):
        return person.name, {}
    if len(charter.listed(mode)) >= MOST_NAMED:
        fields[_replaceable(session, room, charter, mode)] = None
    return person.name, fields


def _replaceable(session: Session, room: Room[Session], charter: Charter, mode: str) -> str:
    """The field of a guest who is not in the room. For invitations, the oldest one. Raises `RequestError`."""
    listed = [f"{mode} {owner}" for owner, _ in charter.listed(mode)]
    if mode == INVITED:
        return listed[0]
    here = session.hub.bus.numbers(session, room)
    for name in listed:
        number = session_of(name)
        if number is not None and number not in here:
            return name
    raise RequestError("not-allowed", f"a room gives at most {MOST_NAMED} people a voice: take one back first")


_APPLY: dict[Kind, Callable[[Session, Room[Session], Charter, ModeChange], tuple[str, Fields]]] = {
    Kind.SWITCH: _switch,
    Kind.VALUE: _value,
    Kind.MASKS: _masks,
    Kind.PEOPLE: _people,
}
HANDLERS: dict[str, Callable[[Session, str, Command], None]] = {"mode": _mode}
"""The handler of the command, by its name."""
