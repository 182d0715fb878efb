"""Saying something: in a room, or to a person. A key makes saying it again safe.

Both are the same: the words get a stamp, go into the history, and are written to a room, which is the recipient's inbox
if they are private. If the key has to be looked up on disk, the requests behind it wait.
"""

from collections.abc import Callable
from typing import cast

from pylingo.reactor.chat.addressing import find_room, given, no_room
from pylingo.reactor.chat.bus import Deliver
from pylingo.reactor.chat.moderation import check_mute
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_rules import check_words, outside_room
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.history.history import History
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Error, Say, Sent
from pylingo.shared.names import MAX_TYPED, fold
from pylingo.shared.text import message_text

_RECEIPT = 400  # an upper bound of the bytes of a `sent`

type Place = Room[Session] | Person[Session]
"""A room, or the recipient of a private message."""
type Speak[P: Place] = Callable[[Session, P, Say, str, Deliver | None], None]


def say(session: Session, say: Say) -> None:
    """Say something. Raises `RequestError` if it cannot be said, or not there."""
    if session.hub.access.register.moderation.is_anybody_muted:  # a call less for each message, as below
        check_mute(session)
    text = message_text(say.text)
    if say.to is None:  # an empty name is refused below: what was meant for one person must not go to a room
        room = _room_of(session, say.room) if say.room is not None else session.room
        if room is None:
            raise no_room("say something")
        if room.charter.silences:
            check_words(session, room)
        if say.key is None:
            deliver = session.outbox.promise(_RECEIPT) if say.id is not None else None
            session.hub.bus.speak(session, room, say, text, deliver)
        else:
            _say_once(session, room, room.key, session.hub.bus.speak, say, text)
    elif given(say.room) is not None:
        raise RequestError("bad-argument", "a message is for a room or to a person, not both")
    else:
        session.hub.bus.look_up(session, say.to, say.id, lambda: _say_privately(session, say, text))


def place_for_many(session: Session) -> Room[Session] | None:
    """The room in which a session may say several plain messages at once; None if `say` has to look at each."""
    hub, room = session.hub, session.room
    if room is None or room.charter.silences or not session.is_admitted:
        return None
    return room if not hub.access.register.moderation.is_anybody_muted else None


def say_many(session: Session, room: Room[Session], texts: list[bytes]) -> None:
    """Say `texts`, in UTF-8, in the room that `place_for_many` returned. `message_text` would not change them."""
    session.hub.bus.speak_many(session, room, texts)


def _room_of(session: Session, wanted: str) -> Room[Session] | None:
    """The room that is meant. Some rooms let people speak who are not in it."""
    try:
        return find_room(session, wanted)
    except RequestError as error:
        name = wanted.strip().removeprefix("#")
        room = outside_room(session.hub, fold(name)) if len(name) <= MAX_TYPED else None
        if room is None:
            raise error.with_traceback(None) from None
        return room


def _say_privately(session: Session, say: Say, text: str) -> None:
    assert say.to is not None
    other, bus = partner(session, say.to), session.hub.bus
    if say.key is None:
        bus.speak_privately(session, other, say, text, session.outbox.promise(_RECEIPT) if say.id is not None else None)
    else:
        _say_once(session, other, conversation(session, other), bus.speak_privately, say, text)


def partner(session: Session, name: str) -> Person[Session]:
    """Somebody else. Raises `RequestError` `no-such-user`, or `bad-argument` for oneself."""
    other = session.hub.reach(name)
    if other is session.person:
        raise RequestError("bad-argument", "this is your own name: a conversation needs somebody else")
    return other


def conversation(session: Session, other: Person[Session]) -> str:
    """The key of the history of what two people say to each other."""
    return session.hub.history.conversation(session.hub.owner(session.person), session.hub.owner(other))


def _say_once[P: Place](session: Session, place: P, log: str, speak: Speak[P], say: Say, text: str) -> None:
    """Say `text` unless the history `log` has a message with the same key. It may have to ask the disk."""
    history, number, name = session.hub.history, session.number, session.person.name
    assert say.key is not None
    others = tuple(other.number for other in session.person.others(session))
    deliver = session.outbox.promise(_RECEIPT)
    at = history.find(log, say.key, number, name, others)
    if at is not None:
        confirm(history, _sent(place, at, say), deliver)
        return
    if not history.may_hold(log, say.key, number, name):
        speak(session, place, say, text, deliver)
        return

    def looked_up(at: int | None) -> None:
        if session.state is State.ENDED:
            return
        try:
            if at is None:
                speak(session, _still(session, place), say, text, deliver)
            else:
                confirm(history, _sent(place, at, say), deliver)
        except RequestError as error:
            session.hub.errors[error.reason] += 1
            deliver(Error(error.reason, error.text, say.id))
        session.go_on()

    session.is_busy = True
    history.look_up(log, say.key, number, name, looked_up, others)


def _still[P: Place](session: Session, place: P) -> P:
    """The same place after a while. Raises `RequestError` `no-such-user` for somebody who has gone."""
    if isinstance(place, Person) and not place.sessions:
        other = session.hub.reach(place.name) if place.fingerprint is not None else None
        if other is None or not session.hub.is_one(place.fingerprint, other.fingerprint):
            raise RequestError("no-such-user", f"{place.name} has gone meanwhile: /who lists everybody")
        return cast(P, other)
    return place


def _sent(place: Room[Session] | Person[Session], at: int, say: Say) -> Sent:
    """The `sent` of a message that the history has already."""
    is_private = isinstance(place, Person)
    return Sent(None if is_private else place.name, at, say.id, say.key, place.name if is_private else None)


def confirm(history: History, sent: Sent, deliver: Deliver) -> None:
    """Deliver `sent` once the message is kept. Apart, as a variable that a closure captures slows the enclosing one."""
    history.when_committed(lambda: deliver(sent), lambda: deliver(None))
