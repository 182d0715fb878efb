"""The rules of a room that its modes make: who may enter, and who may speak.

A room without modes pays for one look at its charter. Operators of the room and of the server are bound by no mode. If
the operators of an empty room were guests, who have gone for good, its modes let everybody in.
"""

import hmac
from typing import Any

from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.masks import is_for_words, matches
from pylingo.reactor.chat.operands import until_words
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_powers import has_voice, may_moderate, owners_of
from pylingo.reactor.chat.session import Session
from pylingo.reactor.history.charter import (
    BAN,
    EXCEPTION,
    INVITE_ONLY,
    INVITED,
    KEY,
    LIMIT,
    MODERATED,
    OUTSIDE,
    PASS,
    Charter,
)
from pylingo.shared.errors import RequestError
from pylingo.shared.text import counted


def check_entry(session: Session, name: str, charter: Charter, people: int, key: str | None) -> None:
    """Raises `RequestError` unless the session may enter the room called `name`, in which there are `people`.

    `key` is the word that the session has given for the room.
    """
    if not charter.is_closed or (not people and not charter.has_lasting_operator):
        return
    hub, person = session.hub, session.person
    owners = [*owners_of(hub, person)]
    is_above = hub.access.register.is_operator(person.fingerprint) or charter.is_operator(owners)
    if is_above or charter.names(INVITED, owners):
        return
    if _is_banned(charter, person, is_word=False):
        raise RequestError("room-banned", f"you are banned from {name}: ask an operator of the room")
    if charter.has(INVITE_ONLY) and not _has_pass(charter, person):
        raise RequestError("invite-only", f"{name} is for those who are invited: ask an operator of the room")
    wanted, limit = charter.value(KEY), charter.value(LIMIT)
    if wanted is not None and not hmac.compare_digest(wanted.encode(), (key or "").encode()):
        raise RequestError("bad-key", f"{name} has a key: put it behind the name of the room")
    if limit is not None and people >= int(limit):
        raise RequestError("room-full", f"{name} is full: it lets in {counted(int(limit), 'person', 'people')} at most")


def check_words(session: Session, room: Room[Session]) -> None:
    """Raises `RequestError` if the session may say nothing in the room. Call it only if the charter `silences`."""
    refusal = _silence(session, room)
    if refusal is not None and not may_moderate(session.hub, room, session.person):
        raise refusal


def _silence(session: Session, room: Room[Session]) -> RequestError | None:
    hub, person, charter = session.hub, session.person, room.charter
    mute = charter.mute_of(owners_of(hub, person), hub.now())
    if mute is not None:
        return RequestError("muted", f"you are muted in {room.name}{until_words(mute.until)}")
    if has_voice(hub, room, person):
        return None
    if charter.has(MODERATED):
        return RequestError("moderated", f"{room.name} is moderated: ask an operator of the room for a voice")
    if _is_banned(charter, person, is_word=True):
        return RequestError("room-banned", f"you are banned from {room.name}: ask an operator of the room")
    return None


def outside_room(hub: Hub[Session], key: str) -> Room[Session] | None:
    """The room with the compared name `key`, if people who are not in it may speak there."""
    room = hub.rooms.get(key)
    return room if room is not None and room.charter.has(OUTSIDE) else None


def _is_banned(charter: Charter, person: Person[Any], is_word: bool) -> bool:
    """Whether a ban stands for somebody who wants to say a word, or to enter, and no exception does."""
    bans = (mask for mask, _ in charter.listed(BAN) if is_word or not is_for_words(mask))
    if not any(matches(mask, person) for mask in bans):
        return False
    exceptions = (mask for mask, _ in charter.listed(EXCEPTION) if is_word or not is_for_words(mask))
    return not any(matches(mask, person) for mask in exceptions)


def _has_pass(charter: Charter, person: Person[Any]) -> bool:
    return any(matches(mask, person) for mask, _ in charter.listed(PASS))
