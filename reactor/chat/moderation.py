"""The commands of operators: who is put out, kept out, silent, or an operator; what is taken back and announced.

Everything that closes a door holds at once, and is stored meanwhile. Everything that opens one is stored first, and
holds and is confirmed when the disk has it. Each command is confirmed to the operator, told to those whom it concerns,
and logged with who, whom and why.
"""

import logging
import re
from collections.abc import Callable, Iterator
from functools import partial

from pylingo.reactor.chat import room_operators
from pylingo.reactor.chat.addressing import find_room, need_room
from pylingo.reactor.chat.confirming import confirm, who
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.listing import Directory, Listing
from pylingo.reactor.chat.operands import read_reason, read_seconds, split, take_time, until_words
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room_modes import uninvite
from pylingo.reactor.chat.room_powers import is_operator_of, may_moderate
from pylingo.reactor.chat.servers import list_servers
from pylingo.reactor.chat.session import Session
from pylingo.reactor.chat.waiting import wait_for
from pylingo.reactor.history.history import FOREVER
from pylingo.reactor.people.addresses import as_network
from pylingo.reactor.people.invitations import SECONDS
from pylingo.reactor.people.register import Issued
from pylingo.reactor.people.roster import Change
from pylingo.reactor.people.sanctions import Sanction
from pylingo.shared.codec import encode
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Ban, Bans, Command, Invitation, Moderated, Notice, Redacted
from pylingo.shared.text import MAX_WORDS, counted, message_text, quote

logger = logging.getLogger(__name__)

_STAMP = re.compile(r"\d{1,19}", re.ASCII)
_COUNT = re.compile(r"\d{1,6}", re.ASCII)
_ENTRY = 96  # bytes of one ban in a list besides its strings
_NOT_STORED = "the server could not store that: it holds until the server ends"
_MEMBERS_ONLY = "you are no longer one of the members"
_SOMEBODY_ELSE = "the members have changed, and your name is not that of your key any more: come back with another one"

type Handler = Callable[[Session, str, Command], None]


def check_rank(session: Session, command: Command) -> None:
    """Raises `RequestError` `not-allowed` unless the session may use this command in the room that it is for."""
    register, name = session.hub.access.register, command.name
    if register.is_operator(session.identity):
        return
    if name in room_operators.COMMANDS:
        if not _moderates(session, command):
            raise RequestError("not-allowed", f"/{name} is for operators of the room or of the server: ask one of them")
    elif name != "invite" or not (register.members_invite and register.is_listed(session.identity)):
        raise RequestError("not-allowed", f"/{name} is for operators: ask one of them")


def _moderates(session: Session, command: Command) -> bool:
    """Whether the session is an operator of the room that a command is for."""
    try:
        room = find_room(session, command.room)
    except RequestError:  # whatever else is wrong is for operators to know
        return False
    return room is not None and may_moderate(session.hub, room, session.person)


def check_mute(session: Session) -> None:
    """Raises `RequestError` `muted` if the session may say nothing."""
    register = session.hub.access.register
    if register.moderation.is_anybody_muted and (mute := register.moderation.mute_of(session.host, session.identity)):
        raise RequestError("muted", f"you are muted{sanction_words(mute)}")


def enforce(hub: Hub[Session]) -> None:
    """After the members have changed, end every session that may not be here, or not as whom it is here."""
    _put_out(hub)
    for session in hub.sessions():
        if session.is_admitted and not _is_still(session, session.person):
            session.end("members-only", _SOMEBODY_ELSE)


def _is_still(session: Session, person: Person[Session]) -> bool:
    """Whether a session may still have its name, and has a key of the person who is shown."""
    identity = session.identity
    try:
        session.hub.access.register.check_name(person.name, identity)
    except RequestError:
        return False
    return identity == person.fingerprint or session.hub.is_one(identity, person.fingerprint)


def _put_out(hub: Hub[Session]) -> None:
    """End every session that is banned, or not one of the members.

    Those that have not come in yet may still show a key which the ban spares: `entrance` asks for bans when they do.
    """
    register = hub.access.register
    for session in hub.sessions():
        if not session.is_admitted:
            continue
        identity = session.identity
        ban = register.moderation.address_ban(session.host, identity)
        if ban is None and identity is not None:
            ban = register.moderation.key_ban(identity)
        if ban is not None:
            session.end("banned", ban_text(ban))
        elif not register.may_enter(identity):
            session.end("members-only", _MEMBERS_ONLY)
    hub.ranks_changed()  # operators may have become others


def ban_text(ban: Sanction) -> str:
    """The words for somebody who is banned."""
    return f"you are banned from this server{sanction_words(ban)}"


def sanction_words(sanction: Sanction) -> str:
    """How long a ban or a mute holds and why, to be put behind the rest of a sentence."""
    return f"{until_words(sanction.until)}{f': {sanction.text}' if sanction.text else ''}"


# --- out of a room, out of the server


def _kick(session: Session, argument: str, command: Command) -> None:
    room = need_room(session, command.room, "put somebody out of it")
    name, reason = split(argument)
    person = session.hub.find(name)
    if not room.directory.has(person.key):
        raise RequestError("no-such-user", f"{quote(person.name)} is not in {room.name}: /users lists who is")
    if session.hub.access.register.is_operator(person.fingerprint):
        raise RequestError("not-allowed", "operators cannot be kicked: /deop them first")
    if not _is_operator(session) and is_operator_of(session.hub, room, person):
        raise RequestError("not-allowed", "operators of the room cannot be kicked: /roomdeop them first")
    by, text = session.person.name, read_reason(reason)
    uninvite(session, room, person)
    session.hub.bus.kick(session, person, room, by, text)
    told = Moderated("kick", by, person.name, None, room.name, text)
    session.hub.bus.tell_room(session, room.name, told)
    confirm(session, command, told, person)


def _ban(session: Session, argument: str, command: Command) -> None:
    target, rest = split(argument)
    seconds, reason = take_time(rest)
    hub, by, text = session.hub, session.person.name, read_reason(reason)
    register = hub.access.register
    person = None
    if as_network(target) is not None:
        ban = register.moderation.ban_address(target, by, text, seconds)
    else:
        person = hub.reach(target)
        ban = register.moderation.ban(person.name, person.fingerprint, _host(person), by, text, seconds, _keys(person))
    rooms = [room.name for room in person.rooms] if person is not None else []
    told = Moderated("ban", by, ban.name, None, None, text, ban.until)
    confirm(session, command, _with_address(told, ban), person)
    _store(session)
    _put_out(hub)
    for room in rooms:
        hub.bus.tell_room(session, room, _in_room(told, room))


def _unban(session: Session, argument: str, command: Command) -> None:
    ended, change = session.hub.access.register.moderation.unban(argument)
    told = _with_address(Moderated("unban", session.person.name, ended[0].name), ended[0])
    _when_stored(session, command, change, lambda: confirm(session, command, told))


def _bans(session: Session, argument: str, command: Command) -> None:
    found = session.hub.access.register.moderation.bans()
    bans = [Ban(ban.by, ban.name, ban.address, ban.text, ban.until) for ban in found]
    places = Directory.of_positions(len(bans))

    def listed(keys: list[str]) -> Iterator[tuple[Ban, int]]:
        for key in keys:
            ban = bans[int(key)]
            yield ban, _ENTRY + sum(len(text.encode()) for text in (ban.by, ban.name, ban.text) if text is not None)

    def make(page: list[Ban], more: bool) -> bytes:
        return encode(Bans(page, more))

    session.begin_listing(Listing(session, places, listed, make, command.id))


# --- silent


def _mute(session: Session, argument: str, command: Command) -> None:
    """Mute somebody: everywhere if it is an operator of the server who wants it, otherwise in one room."""
    if not _is_operator(session):
        room_operators.mute(session, argument, command)
        return
    name, rest = split(argument)
    seconds, rest = take_time(rest)
    if rest:
        raise RequestError("bad-argument", f"/mute takes a name and a time such as 10m, 2h or 7d, not {quote(rest)}")
    person, by = session.hub.reach(name), session.person.name
    register = session.hub.access.register
    mute = register.moderation.mute(person.name, person.fingerprint, _host(person), by, None, seconds, _keys(person))
    told = Moderated("mute", by, person.name, until=mute.until)
    _tell(session, person, told)
    confirm(session, command, told, person)
    _store(session)


def _unmute(session: Session, argument: str, command: Command) -> None:
    hub = session.hub
    if not _is_operator(session):
        room_operators.unmute(session, argument, command)
        return
    person = hub.reach_if_known(argument)
    identity, host = (person.fingerprint, _host(person)) if person is not None else (None, None)
    try:
        ended, change = hub.access.register.moderation.unmute(argument, identity, host)
    except RequestError:
        room = find_room(session, command.room)
        if room is None or not room_operators.muted_fields(session, room, argument):
            raise
        room_operators.unmute(session, argument, command)  # somebody whom the room alone has muted
        return
    told = Moderated("unmute", session.person.name, person.name if person is not None else ended[0].name)

    def stored() -> None:
        _tell(session, person, told)
        confirm(session, command, told, person)

    _when_stored(session, command, change, stored)


# --- operators


def _op(session: Session, argument: str, command: Command) -> None:
    person = session.hub.reach(argument)
    change = session.hub.access.register.op(_key_of(person))
    _when_stored(session, command, change, lambda: _changed_rank(session, command, "op", person))


def _deop(session: Session, argument: str, command: Command) -> None:
    person = session.hub.reach(argument)
    session.hub.access.register.deop(_key_of(person))
    _changed_rank(session, command, "deop", person)
    _store(session)


def _key_of(person: Person[Session]) -> str:
    if person.fingerprint is None:
        raise RequestError("no-identity", f"{person.name} has no key, and operators are known by theirs")
    return person.fingerprint


def _changed_rank(session: Session, command: Command, action: str, person: Person[Session]) -> None:
    session.hub.ranks_changed()
    told = Moderated(action, session.person.name, person.name)
    _tell(session, person, told)
    confirm(session, command, told, person)


# --- words


def _redact(session: Session, argument: str, command: Command) -> None:
    room = need_room(session, command.room, "take a message out of it")
    stamp, reason = split(argument)
    if _STAMP.fullmatch(stamp) is None or int(stamp) > FOREVER:
        raise RequestError("bad-argument", f"/redact needs the stamp of a message, its `at`, and not {quote(stamp)}")
    at, by, text = int(stamp), session.person.name, read_reason(reason)

    def redacted(is_there: bool) -> None:
        if not is_there:
            words = f"there is no message with the stamp {at} in {room.name}"
            session.refuse(RequestError("bad-argument", words, command.id))
            return
        told = Moderated("redact", by, None, None, room.name, text)
        session.hub.bus.tell_room(session, room.name, told)
        session.reply(frame)
        confirm(session, command, told)

    frame = Redacted(room.name, at, by, text)
    wait_for(session, partial(session.hub.bus.redact, session, room, frame), redacted)


def _announce(session: Session, argument: str, command: Command) -> None:
    text = message_text(argument)
    if len(text) > MAX_WORDS:
        raise RequestError("text-too-long", f"a notice has at most {MAX_WORDS} characters, not {len(text)}")
    session.hub.bus.tell_everybody(session, Notice(text))
    confirm(session, command, Moderated("announce", session.person.name, text=text))


def _invite(session: Session, argument: str, command: Command) -> None:
    uses, seconds = 1, SECONDS
    for word in argument.split():
        if _COUNT.fullmatch(word):
            uses = int(word)
        else:
            seconds = read_seconds(word)
    issued, change = session.hub.access.register.invite(session.identity, uses, seconds)
    _when_stored(session, command, change, lambda: _invited(session, command, issued))


def _invited(session: Session, command: Command, issued: Issued) -> None:
    session.reply(Invitation(issued.code, issued.uses, issued.until, command.id))
    logger.info("invite by %s: %s", who(session.person), counted(issued.uses, "use"))


# --- what they have in common


def _is_operator(session: Session) -> bool:
    return session.hub.access.register.is_operator(session.identity)


def _host(person: Person[Session]) -> str | None:
    """The address of somebody who is here."""
    return person.sessions[0].host if person.sessions else None


def _keys(person: Person[Session]) -> list[str]:
    """The keys with which somebody is here."""
    return [session.identity for session in person.sessions if session.identity is not None]


def _with_address(told: Moderated, ban: Sanction) -> Moderated:
    """For operators alone: nobody else is told where somebody comes from."""
    return Moderated(told.action, told.by, told.name, ban.address, told.room, told.text, told.until)


def _in_room(told: Moderated, room: str) -> Moderated:
    return Moderated(told.action, told.by, told.name, None, room, told.text, told.until)


def _tell(session: Session, person: Person[Session] | None, told: Moderated) -> None:
    """Tell somebody, on all connections."""
    if person is not None:
        session.hub.bus.tell_person(session, person, told)


def _store(session: Session) -> None:
    """Store what holds already."""

    def stored(is_stored: bool) -> None:
        if not is_stored:
            logger.error("what %s has done could not be stored: it holds until the server ends", session.person.name)
            session.reply(Notice(_NOT_STORED))

    session.hub.access.store(None, stored)


def _when_stored(session: Session, command: Command, change: Change, then: Callable[[], object]) -> None:
    """Store a change that opens a door, and go on when the disk has it. Refuse the command if it does not take it."""

    def stored(is_stored: bool) -> None:
        if is_stored:
            then()
        else:
            session.refuse(RequestError("not-allowed", "the server cannot store that now: try again later", command.id))

    wait_for(session, partial(session.hub.access.store, change), stored)


HANDLERS: dict[str, Handler] = {
    "kick": _kick,
    "ban": _ban,
    "unban": _unban,
    "bans": _bans,
    "mute": _mute,
    "unmute": _unmute,
    "op": _op,
    "deop": _deop,
    "redact": _redact,
    "announce": _announce,
    "servers": list_servers,
    "invite": _invite,
}
"""The handlers of the commands, by name. `check_rank` says who may use them."""
