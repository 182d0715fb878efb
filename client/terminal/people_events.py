"""How frames about people change the model: who enters, leaves, is renamed, is away, and the lists of people. Pure."""

from pylingo.client.features import PEOPLE
from pylingo.client.terminal.areas import list_columns
from pylingo.client.terminal.buffer import MOST, Buffer
from pylingo.client.terminal.buffers import close, find_person, find_room, of_entered, show
from pylingo.client.terminal.forgetting import is_in_sight, lose_sight
from pylingo.client.terminal.model import Effect, Model, Query, Shown
from pylingo.client.terminal.moderation_events import is_our_kick
from pylingo.client.terminal.notes import add_note, add_words, stamp, turn_day
from pylingo.client.wish import KICKED
from pylingo.shared import messages
from pylingo.shared.names import fold, is_guest
from pylingo.shared.text import printable

DESCRIBE_EVERY = 300.0
"""Seconds after which the server is asked again who is away, for the list of people."""
LEAST_PAUSE = 5.0
"""Seconds between two such questions at least, however often rooms change and frames are left out."""
_STAYS = frozenset({"leave", "moved", KICKED})  # reasons to leave a room after which the person is still there


def query(model: Model, name: str, room: str | None = None) -> Effect:
    """Ask the server without the person's doing."""
    model.queries.append(name)
    return Query(name, room if model.has("rooms") else None)


def ask_who_is_in(model: Model, buffer: Buffer) -> list[Effect]:
    """Ask who is in a buffer's room, if we are in it."""
    if buffer.current_room is None:
        return []
    buffer.is_listing = True
    return [query(model, "users", buffer.room)]


def ask_anew(model: Model, buffer: Buffer) -> list[Effect]:
    """Ask who is in a buffer's room and what its topic is, after frames of the room were missed."""
    topic = [query(model, "topic", buffer.room)] if buffer.current_room is not None and model.has(PEOPLE) else []
    return [*ask_who_is_in(model, buffer), *topic]


def describe_people(model: Model, now: float) -> list[Effect]:
    """Ask who is away and who is an operator, if the window lists the people and has not asked lately.

    The server tells of those who go away or come back, but not of the state of those who come, nor of all ranks.
    """
    buffer = model.buffer
    is_listed = list_columns(model) and buffer.current_room is not None and model.state == "online"
    is_recent = now - buffer.described_at < DESCRIBE_EVERY or now - model.asked_who_at < LEAST_PAUSE
    if not is_listed or not model.has(PEOPLE) or is_recent:
        return []
    buffer.described_at = model.asked_who_at = now
    return [query(model, "who")]


def ready(model: Model, record: messages.Ready, now: float, at: int) -> list[Effect]:
    _call_us(model, record.name)
    model.is_operator = bool(record.operator)
    effects: list[Effect] = []
    if not record.resumed:  # a restarted server counts its guests from one again
        model.lose_sight(is_guest)
        model.away.clear()
        has_key = record.identity is not None  # to which conversations belong
        effects = _end_conversations(model, at) if model.is_settled and not has_key else []
    model.is_settled = True
    rooms = record.rooms or ([record.room] if record.room is not None else [])
    _leave_other_rooms(model, {fold(room) for room in rooms})
    for room in rooms:
        effects += ask_anew(model, of_entered(model, room))
    return effects


def _call_us(model: Model, name: str) -> None:
    model.name = name
    if len(model.own_names) < MOST:
        model.own_names.add(fold(name))


def _leave_other_rooms(model: Model, rooms: set[str]) -> None:
    """The session is in `rooms` and in no others."""
    for buffer in [buffer for buffer in model.buffers if buffer.room and fold(buffer.room) not in rooms]:
        if buffer.is_leaving and len(model.buffers) > 1:
            close(model, buffer)
        else:
            buffer.is_outside = True
            buffer.forget_people()


def _end_conversations(model: Model, at: int) -> list[Effect]:
    """The session is a new one, and conversations ended with the old one."""
    effects: list[Effect] = []
    for buffer in model.buffers:
        if buffer.scrollback.newest is not None or buffer.editor.text:
            effects += end_conversation(buffer, at, "this conversation ended with the connection")
    return effects


def end_conversation(buffer: Buffer, at: int, words: str = "this conversation has ended") -> list[Effect]:
    """The session of the person is over. The next person with that name does not continue the conversation."""
    if buffer.is_ended or buffer.person is None or buffer.has_key:  # a name that belongs to a key is nobody else's
        return []
    buffer.is_ended, buffer.is_warned = True, False
    return add_note(buffer, f"! {words}: somebody else may be called {printable(buffer.person)} now", at, "error")


def begin_conversation(buffer: Buffer, at: int) -> list[Effect]:
    """A private message begins a new conversation below one that has ended, if this one has."""
    if not buffer.is_ended:
        return []
    buffer.is_ended = False
    name = printable(buffer.person or "")
    return add_note(buffer, f"! a new conversation begins: this {name} may be somebody else", at, "error")


def joined(model: Model, record: messages.Joined, now: float, at: int) -> list[Effect]:
    if record.users is None:
        buffer = find_room(model, record.room) or model.buffer
        if not is_in_sight(model, fold(record.name)):
            model.away.pop(fold(record.name), None)
        buffer.know(record.name)
        buffer.rank(record.name, record.room_operator)
        _change_people_to_come(buffer, None, record.name)
        return _presence(model, buffer, "joined", record.name, at)
    buffer = of_entered(model, record.room)
    _call_us(model, record.name)
    buffer.forget_people()
    buffer.know(record.name)
    buffer.rank(record.name, record.room_operator)
    buffer.expected = record.users
    if record.room not in model.rooms:
        model.rooms.append(record.room)
    effects = add_words(buffer, record, at)
    buffer.enter(record.room)
    return [*effects, *ask_who_is_in(model, buffer)]


def left(model: Model, record: messages.Left, now: float, at: int) -> list[Effect]:
    buffer = find_room(model, record.room)
    if record.reason is None or is_our_kick(model, record):
        return _we_left(model, buffer, record, at)
    gone = fold(record.name)
    buffer = buffer or model.buffer
    buffer.forget(record.name)
    buffer.rank(record.name, False)
    _change_people_to_come(buffer, record.name, None)
    if record.reason == KICKED:
        return add_words(buffer, record, at)
    verb = "left" if record.reason in ("leave", "moved", "close") else "lost the connection"
    effects = _presence(model, buffer, verb, record.name, at)
    conversation = find_person(model, record.name) if record.reason not in _STAYS else None
    if conversation is not None and not conversation.is_ended:
        effects += _presence(model, conversation, verb, record.name, at)
        effects += end_conversation(conversation, at)
    if not is_in_sight(model, gone):
        model.away.pop(gone, None)
        model.lose_sight(lambda key: key == gone and not is_guest(key))  # a guest's number is given only once
    return effects


def _we_left(model: Model, buffer: Buffer | None, record: messages.Left, at: int) -> list[Effect]:
    """Close the buffer of a room that we have left. The only buffer stays, for another room.

    If it was shown, show the room that is current now: the next line is not to go to a person.
    """
    if buffer is not None:
        buffer.forget_people()
        lose_sight(model)
        is_shown, current = buffer is model.buffer, find_room(model, record.current)
        close(model, buffer)
        if is_shown and current is not None and current is not model.buffer:
            show(model, current)
        elif is_shown and model.buffer.person is not None:
            model.hint = f"you are in no room: this is the conversation with {printable(model.buffer.person)}"
    return add_words(model.buffer, record, at, me=model.name)


def _presence(model: Model, buffer: Buffer, verb: str, name: str, at: int) -> list[Effect]:
    if model.hides(name):
        return []
    turn_day(buffer, at, is_stamped=False)
    buffer.scrollback.fold(verb, printable(name), at)
    return [Shown(f"{stamp(at)} * {printable(name)} {verb}", buffer.title)]


def renamed(model: Model, record: messages.Renamed, now: float, at: int) -> list[Effect]:
    """Somebody has another name. If it is not us, the frame comes once for each room that we share."""
    if (why := model.away.pop(fold(record.old), None)) is not None:
        model.away[fold(record.new)] = why
    if record.room is None:
        _call_us(model, record.new)
        for buffer in model.buffers:
            _rename_in(buffer, record)
        return add_words(model.buffer, record, at)
    buffer = find_room(model, record.room) or model.buffer
    _rename_in(buffer, record)
    if model.hides(record.old) or fold(record.new) in model.hidden:
        model.follow(record.old, record.new)
        return []
    return [*add_words(buffer, record, at), *_rename_conversation(model, record, at)]


def _rename_in(buffer: Buffer, record: messages.Renamed) -> None:
    if buffer.forget(record.old):
        buffer.know(record.new)
    if fold(record.old) in buffer.operators:
        buffer.rank(record.old, False)
        buffer.rank(record.new, True)
    _change_people_to_come(buffer, record.old, record.new)


def _rename_conversation(model: Model, record: messages.Renamed, at: int) -> list[Effect]:
    """The conversation goes on under the new name. One that had this name before has ended.

    The frame comes once for each room that we share.
    """
    effects: list[Effect] = []
    buffer, other = find_person(model, record.old), find_person(model, record.new)
    if buffer is not None and buffer.is_ended:
        buffer = None
    if other is not None and other is not buffer and other.former != fold(record.old):
        effects += end_conversation(other, at)
    if buffer is None:
        return effects
    buffer.person, buffer.former = record.new, fold(record.old)
    return [*effects, *add_words(buffer, record, at)]


def _change_people_to_come(buffer: Buffer, gone: str | None, came: str | None) -> None:
    """Somebody joined, left or was renamed before the list of people was complete."""
    if buffer.expected is not None:
        buffer.expected += (came is not None) - (gone is not None)
    if buffer.arriving:
        if gone is not None:
            buffer.arriving.pop(fold(gone), None)
        if came is not None:
            buffer.arriving[fold(came)] = came


def away(model: Model, record: messages.Away, now: float, at: int) -> list[Effect]:
    """Somebody is away or back. The frame comes once for each room that we share, and is shown once."""
    key = fold(record.name)
    if record.re is None and model.away.get(key) == record.text:
        return []
    note_away(model, record.name, record.text)
    if model.hides(record.name):
        return []
    near = [buffer for buffer in model.buffers if key in buffer.people or fold(buffer.person or "") == key]
    buffers = near if key != fold(model.name) and near else [model.buffer]
    return [effect for buffer in buffers for effect in add_words(buffer, record, at)]


def note_away(model: Model, name: str, why: str | None) -> None:
    """Note that somebody is away, and why, or that they are here (None)."""
    model.away.pop(fold(name), None)
    if why is not None and len(model.away) < MOST:
        model.away[fold(name)] = why


def note_users(model: Model, users: messages.Users) -> None:
    """Note a page of the people in a room."""
    buffer = find_room(model, users.room)
    if buffer is None:
        return
    if len(buffer.arriving) < MOST:
        buffer.arriving |= {fold(name): name for name in users.users}
    operators = set(users.operators or ())
    for name in users.users:
        buffer.rank(name, name in operators)
    if users.more:
        return
    if buffer.current_room is not None:
        spoke = {key: name for key, name in buffer.people.items() if key in buffer.arriving}
        buffer.set_people({key: name for key, name in buffer.arriving.items() if key not in spoke} | spoke)
        buffer.expected, buffer.is_listing, buffer.is_stale = None, False, False
        model.lose_sight(lambda key: not is_guest(key) and not is_in_sight(model, key))
        lose_sight(model)
    buffer.arriving = {}


def note_people(model: Model, people: messages.People) -> None:
    """Note who is away."""
    for person in people.people:
        note_away(model, person.name, person.away)
