"""Saying something: in a room, or to a person. A key makes saying it again safe.

Both are the same: the words get a stamp, go into the history, and are written to a room, which is the recipient's inbox
if they are private. If the key has to be looked up on disk, the requests behind it wait.
"""

from collections.abc import Callable
from typing import cast

from pylingo.reactor.chat.addressing import find_room, given, no_room
from pylingo.reactor.chat.moderation import check_mute
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.history.history import History
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Entry, Error, Message, Private, Say, Sent
from pylingo.shared.schema import Record
from pylingo.shared.text import message_text

_RECEIPT = 400  # an upper bound of the bytes of a `sent`

type Deliver = Callable[[Record | None], None]
type Place = Room[Session] | Person[Session]
"""A room, or the recipient of a private message."""
type Speak[P: Place] = Callable[[Session, P, Say, str, int | None, Deliver | None], None]


def say(session: Session, say: Say) -> None:
    """Say something. Raises `RequestError` if it cannot be said, or not there."""
    check_mute(session)
    text = message_text(say.text)
    if say.to is None:  # an empty name is refused below: what was meant for one person must not go to a room
        room = find_room(session, say.room)
        if room is None:
            raise no_room("say something")
        if say.key is None:
            _speak(session, room, say, text, None, session.outbox.promise(_RECEIPT) if say.id is not None else None)
        else:
            _say_once(session, room, room.key, _speak, say, text)
    elif given(say.room) is not None:
        raise RequestError("bad-argument", "a message is for a room or to a person, not both")
    else:
        other = partner(session, say.to)
        if say.key is None:
            deliver = session.outbox.promise(_RECEIPT) if say.id is not None else None
            _speak_privately(session, other, say, text, None, deliver)
        else:
            _say_once(session, other, conversation(session, other), _speak_privately, say, text)


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
    if at is not None or not history.may_hold(log, say.key, number, name):
        speak(session, place, say, text, at, deliver)
        return

    def looked_up(at: int | None) -> None:
        if session.state is State.ENDED:
            return
        try:
            speak(session, _still(session, place) if at is None else place, say, text, at, deliver)
        except RequestError as error:
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


def _speak(session: Session, room: Room[Session], say: Say, text: str, at: int | None, deliver: Deliver | None) -> None:
    """Say `text` in the room, unless the history has it already, with the stamp `at`."""
    hub, person = session.hub, session.person
    name = person.name
    if at is None:
        at = hub.stamp()
        action = say.action or None
        if person.fingerprint is None:  # a call less for each message of a guest
            entry = Entry(name, text, at, say.key, None, action)
        else:
            entry = Entry(name, text, at, say.key, None, action, *hub.marks(person))
        hub.history.add(room.key, entry, session.number if say.key is not None else 0)
        if len(room.members) > 1:
            session.outbox.write_to_room(room, Message(room.name, name, text, at, action), at)
    if deliver is not None:
        _confirm(hub.history, Sent(room.name, at, say.id, say.key), deliver)


def _speak_privately(
    session: Session, other: Person[Session], say: Say, text: str, at: int | None, deliver: Deliver | None
) -> None:
    """As `_speak`, to one person. The other sessions of the sender get it as well."""
    hub, person, to = session.hub, session.person, other.name
    if at is None:
        at = hub.stamp()
        action = say.action or None
        marks = hub.marks(person)
        entry = Entry(person.name, text, at, say.key, to, action, *marks)
        hub.history.add_private(hub.owner(person), hub.owner(other), entry, session.number if say.key else 0)
        private = Private(person.name, to, text, at, action, *marks)
        if other.sessions:
            session.outbox.write_to_room(other.open_inbox(), private, at)
        if not person.is_alone:
            session.outbox.write_to_room(person.open_inbox(), private, at)
    if deliver is not None:
        _confirm(hub.history, Sent(None, at, say.id, say.key, to), deliver)


def _confirm(history: History, sent: Sent, deliver: Deliver) -> None:
    """Deliver `sent` once the message is kept. Apart, as a variable that a closure captures slows the enclosing one."""
    history.when_committed(lambda: deliver(sent), lambda: deliver(None))
