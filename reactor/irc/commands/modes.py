"""Modes of rooms and of people: MODE."""

import re
from collections.abc import Iterator, Sequence
from functools import partial

from pylingo.reactor.chat.masks import read_mask
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_modes import KINDS, MAX_KEY, Kind, ModeChange
from pylingo.reactor.chat.session import Session
from pylingo.reactor.history.charter import BAN, EXCEPTION, KEY, PASS
from pylingo.reactor.irc.client import Asked, Client
from pylingo.reactor.irc.commands.rooms import is_there
from pylingo.reactor.irc.gateway import Handler, room_key
from pylingo.reactor.irc.message import Message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.reactor.irc.replies import SECOND
from pylingo.reactor.irc.room_modes import INVERTED, LETTERS, shown_modes
from pylingo.reactor.irc.user_modes import UserMode, shared
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command

_MOST_CHANGES = 8
_KEY = re.compile(rf"[!-+\--~]{{1,{MAX_KEY}}}")
_LIMIT = re.compile(r"[1-9]\d{0,5}", re.ASCII)
_LISTS = {
    "b": (BAN, Numeric.RPL_BANLIST, Numeric.RPL_ENDOFBANLIST),
    "e": (EXCEPTION, Numeric.RPL_EXCEPTLIST, Numeric.RPL_ENDOFEXCEPTLIST),
    "I": (PASS, Numeric.RPL_INVEXLIST, Numeric.RPL_ENDOFINVEXLIST),
}


def _mode(client: Client, message: Message) -> None:
    target = message.params[0]
    if target.startswith("#"):
        _mode_of_room(client, target, message.params[1:])
    else:
        _mode_of_person(client, target, message.params[1:])


# --- rooms


def _mode_of_room(client: Client, channel: str, params: Sequence[str]) -> None:
    room = client.gateway.hub.rooms.get(room_key(channel))
    if room is None:
        client.numeric(Numeric.ERR_NOSUCHCHANNEL, channel=channel)
        return
    if not params:
        _tell_modes(client, room)
        return
    unknown = [letter for letter in params[0] if letter not in LETTERS and letter not in "+-o"]
    for letter in dict.fromkeys(unknown):
        client.numeric(Numeric.ERR_UNKNOWNMODE, mode=letter)
    if not unknown:
        _change_room(client, room, params[0], params[1:])


def _tell_modes(client: Client, room: Room[Session]) -> None:
    is_member = client.room(f"#{room.name}") is not None
    tokens = shown_modes(room.charter, is_member)
    client.numeric(Numeric.RPL_CHANNELMODEIS, channel=f"#{room.name}", tokens=tokens)
    client.numeric(Numeric.RPL_CREATIONTIME, channel=f"#{room.name}", seconds=room.since // SECOND)


def _letters(modes: str, params: Sequence[str]) -> Iterator[tuple[str, bool, str | None]]:
    """Each letter, whether it is set, and its parameter, None if it has none left."""
    on, rest = True, [*reversed(params)]
    for letter in modes:
        if letter in "+-":
            on = letter == "+"
            continue
        mode = LETTERS.get(letter)
        takes = mode is None or KINDS[mode] in (Kind.MASKS, Kind.PEOPLE) or (KINDS[mode] is Kind.VALUE and on)
        yield letter, on, rest.pop() if rest and (takes or mode == KEY) else None


def _change_room(client: Client, room: Room[Session], modes: str, params: Sequence[str]) -> None:
    """Ranks are changed one by one, everything else at once."""
    changes: list[ModeChange] = []
    for letter, on, value in [*_letters(modes, params)][:_MOST_CHANGES]:
        if letter == "o":
            if value is not None:
                client.then(partial(_change_rank, client, room.name, value, on))
        elif letter in _LISTS and value is None:
            _tell_list(client, room, letter)
        elif (change := _read(client, room, letter, on, value)) is not None:
            changes.append(change)
    if changes:
        argument = ", ".join(map(str, changes))
        asked = Asked("MODE", room.name, f"#{room.name}")
        client.then(partial(client.ask, Command("mode", argument, room=room.name), asked))


def _read(client: Client, room: Room[Session], letter: str, on: bool, value: str | None) -> ModeChange | None:
    """The change that a letter means. The client is told if its parameter makes no sense."""
    mode = LETTERS[letter]
    kind = KINDS[mode]
    if kind is Kind.SWITCH:
        return ModeChange(mode, on != (mode in INVERTED))
    if kind is Kind.VALUE and not on:
        return ModeChange(mode, False)
    if value is None:
        return None
    try:
        if kind is Kind.PEOPLE:
            return ModeChange(mode, on, value) if is_there(client, room.name, value) else None
        if kind is Kind.MASKS:
            return ModeChange(mode, on, read_mask(value))
        if (_KEY if mode == KEY else _LIMIT).fullmatch(value) is None:
            sentence = (
                f"a key has 1 to {MAX_KEY} visible characters" if mode == KEY else "a limit is a number from 1 on"
            )
            raise RequestError("bad-argument", sentence)
    except RequestError as error:
        shown = value if kind is not Kind.VALUE else "*"
        client.numeric(Numeric.ERR_INVALIDMODEPARAM, channel=f"#{room.name}", mode=letter, value=shown, text=error.text)
        return None
    return ModeChange(mode, True, value)


def _tell_list(client: Client, room: Room[Session], letter: str) -> None:
    mode, numeric, end = _LISTS[letter]
    for mask, value in room.charter.listed(mode):
        at, _, by = value.partition(" ")
        client.numeric(numeric, channel=f"#{room.name}", mask=mask, nick=by, seconds=int(at) // SECOND)
    client.numeric(end, channel=f"#{room.name}")


def _change_rank(client: Client, room: str, nick: str, on: bool) -> None:
    if on and not is_there(client, room, nick):
        return
    client.ask(Command("roomop" if on else "roomdeop", nick, room=room), Asked("MODE", nick, f"#{room}"))


# --- people


def _mode_of_person(client: Client, nick: str, params: Sequence[str]) -> None:
    person = client.gateway.person(nick)
    if person is None:
        client.numeric(Numeric.ERR_NOSUCHNICK, nick=nick)
    elif person is not client.session.person:
        client.numeric(Numeric.ERR_USERSDONTMATCH)
    elif not params:
        client.numeric(Numeric.RPL_UMODEIS, modes=f"+{client.own_modes()}")
    else:
        _change_person(client, params[0])


def _change_person(client: Client, letters: str) -> None:
    known = {mode.value: mode for mode in UserMode}
    before, on = client.user_modes, True
    is_unknown = False
    for letter in letters:
        if letter in "+-":
            on = letter == "+"
        elif letter in known:
            client.user_modes = client.user_modes | {known[letter]} if on else client.user_modes - {known[letter]}
        else:
            is_unknown = is_unknown or letter != "o"  # a rank, which is nobody's own to change
    client.user_modes = shared(client.user_modes)
    if is_unknown:
        client.numeric(Numeric.ERR_UMODEUNKNOWNFLAG)
    changed = "".join(
        sign + "".join(sorted(mode.value for mode in modes))
        for sign, modes in (("+", client.user_modes - before), ("-", before - client.user_modes))
        if modes
    )
    client.gateway.people.has_bots |= UserMode.BOT in client.user_modes
    if changed:
        client.line("MODE", client.name, changed, source=client.name)


HANDLERS = {"MODE": Handler(_mode, 1, is_light=True)}
