"""How frames from the server change the model: lines to read, what is new, the rooms. Pure.

Frames for the person come as `Received`. Replies to the program's own queries come as `QueryReply`: they change the
model and are not shown. `people_events` has the frames about people.
"""

from collections.abc import Callable
from typing import Any

from pylingo.client.events import FramesMissed, NewSince, QueryReply, Received
from pylingo.client.local_commands import LOCAL
from pylingo.client.terminal import moderation_events, people_events
from pylingo.client.terminal.attention import call
from pylingo.client.terminal.buffer import MOST, Buffer
from pylingo.client.terminal.buffers import find_room, of_person, saying
from pylingo.client.terminal.forgetting import miss_frames
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.mentions import mentions
from pylingo.client.terminal.model import Effect, Model, Shown
from pylingo.client.terminal.notes import add_line, add_words, transcript, turn_day
from pylingo.client.wording import REMOVED
from pylingo.shared import messages
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from pylingo.shared.text import printable, readable


def received(model: Model, event: Received, now: float, at: int) -> list[Effect]:
    """Show a frame, and note what it tells of people and rooms."""
    model.heard_at = now
    match event.record:
        case messages.Message():
            return _message(model, event.record, now, event.is_news)
        case messages.Private():
            return _private(model, event.record, now, at, event.is_news)
    handler = _FRAMES.get(type(event.record), _shown)
    return handler(model, event.record, now, at)


def query_reply(model: Model, event: QueryReply, now: float, at: int) -> list[Effect]:
    """Note a frame of the reply to a query. An error is no news: the model stays as it is."""
    model.heard_at = now
    if event.is_last and event.query in model.queries:
        model.queries.remove(event.query)
    _note(model, event.record)
    return []


def frames_missed(model: Model, event: FramesMissed, now: float, at: int) -> list[Effect]:
    """Joins, leaves and topics may be among the missed frames, so ask for them anew."""
    buffer = find_room(model, event.room) if event.room is not None else None
    if buffer is None:
        return []
    miss_frames(model, buffer)
    return people_events.ask_anew(model, buffer)


def new_since(model: Model, event: NewSince, now: float, at: int) -> list[Effect]:
    """The messages of a room that follow came after an earlier run of the program."""
    buffer = find_room(model, event.room)
    if buffer is not None:
        buffer.seen, buffer.is_marking = event.at, True
    return []


# --- messages


def _message(model: Model, message: messages.Message, now: float, is_news: bool) -> list[Effect]:
    buffer = find_room(model, message.room) or model.buffer
    if fold(message.from_) in buffer.people or buffer.is_listing:  # the history has people who left
        buffer.know(message.from_)
    if model.hides(message.from_):
        return []
    line = _line(message)
    line.is_mention = mentions(message.text, model.name)
    # Only a name that belongs to a key is certainly ours: another window of ours has said this.
    is_ours = fold(message.from_) == fold(model.name)
    line.is_own = is_ours and is_news and model.marks[model.name].fingerprint is not None
    return _said(model, buffer, line, now, is_news, line.is_mention)


def _private(model: Model, private: messages.Private, now: float, at: int, is_news: bool) -> list[Effect]:
    is_own = _is_own(model, private)
    other = private.to if is_own else private.from_
    if model.hides(other):
        return []
    buffer = of_person(model, other)
    buffer.spoken |= is_own
    if not is_own:
        buffer.has_key = private.fingerprint is not None
    effects = people_events.begin_conversation(buffer, at)
    line = _line(private)
    line.is_own = is_own
    return [*effects, *_said(model, buffer, line, now, is_news, not is_own)]


def _is_own(model: Model, private: messages.Private) -> bool:
    """Whether we said a private message, perhaps under an earlier name."""
    name, from_ = fold(model.name), fold(private.from_)
    return from_ == name or (from_ in model.own_names and fold(private.to) != name)


def _line(record: messages.Message | messages.Private) -> Line:
    who, text = printable(record.from_), readable(record.text) or REMOVED
    return Line("message", text, record.at, who, is_stamped=True, is_action=bool(record.action))


def _said(model: Model, buffer: Buffer, line: Line, now: float, is_news: bool, is_urgent: bool) -> list[Effect]:
    """Add a message of somebody else. If it is news, count it if its buffer is not shown, and call the person."""
    buffer.last_at = max(buffer.last_at, line.at)
    is_unseen = line.at > buffer.seen if buffer.seen is not None else is_news
    if buffer is model.buffer:
        if buffer.is_marking or (is_news and buffer.is_in_log):
            buffer.mark(line.at)
        buffer.look()
    elif is_unseen:
        buffer.mark(line.at)
        buffer.new += 1
        buffer.urgent += is_urgent
    buffer.is_in_log = not is_news
    effects = add_line(buffer, line)
    return [*effects, *call(model, buffer, line, now, is_urgent)] if is_news else effects


def _sent(model: Model, sent: messages.Sent, now: float, at: int) -> list[Effect]:
    buffer = saying(model, sent.key)
    if buffer is None or sent.key is None:
        return []
    if buffer is model.buffer and buffer.is_in_log:
        buffer.mark(sent.at)
    turn_day(buffer, sent.at, is_stamped=True)
    is_here = fold(sent.room or "") == fold(buffer.room or sent.room or "")
    line = buffer.scrollback.confirm(sent.key, sent.at, None if is_here else fold(sent.room or ""))
    assert line is not None
    line.who = printable(model.name)
    buffer.note_speaker(line.who)
    buffer.last_at = max(buffer.last_at, sent.at)
    if buffer is model.buffer:
        buffer.look()
    if sent.to is not None and buffer.person is not None and fold(sent.to) == fold(buffer.person):
        buffer.person = sent.to  # as the server spells it
    return [Shown(transcript(line), buffer.title)]


# --- all other frames


def _welcome(model: Model, welcome: messages.Welcome, now: float, at: int) -> list[Effect]:
    model.features = frozenset(welcome.features or ())
    return []


def _topic(model: Model, topic: messages.Topic, now: float, at: int) -> list[Effect]:
    buffer = find_room(model, topic.room) or model.buffer
    is_known = topic.re is None and buffer.told_topic == topic.topic  # after a return to the room
    buffer.topic = buffer.told_topic = topic.topic
    return [] if is_known else add_words(buffer, topic, at)


def _note_topic(model: Model, topic: messages.Topic) -> None:
    """Note the topic of a room that we have come back to. The status row shows it."""
    if (buffer := find_room(model, topic.room)) is not None:
        buffer.topic = topic.topic


def _note_rooms(model: Model, rooms: messages.Rooms) -> None:
    known = {fold(name) for name in model.rooms}
    model.rooms += [info.room for info in rooms.rooms if fold(info.room) not in known]
    del model.rooms[MOST:]


def _help(model: Model, help_: messages.Help, now: float, at: int) -> list[Effect]:
    model.commands |= {info.name: info for info in help_.commands}
    commands = {info.name: info for info in (*help_.commands, *LOCAL)}
    return add_words(model.buffer, messages.Help(list(commands.values())), at)


def _note(model: Model, record: Record) -> None:
    """Note the people and the rooms that a reply lists."""
    match record:
        case messages.Users():
            people_events.note_users(model, record)
        case messages.People():
            people_events.note_people(model, record)
        case messages.PersonDetails():
            people_events.note_away(model, record.name, record.away)
        case messages.Rooms():
            _note_rooms(model, record)
        case messages.Topic():
            _note_topic(model, record)
        case messages.Bans() | messages.Moderated():
            moderation_events.note_deeds(model, record)


def _shown(model: Model, record: Record, now: float, at: int) -> list[Effect]:
    _note(model, record)
    buffer = find_room(model, getattr(record, "room", None)) or model.buffer
    kind = "error" if isinstance(record, messages.Error) else "note"
    return add_words(buffer, record, at, kind, model.marks)


_FRAMES: dict[type[Record], Callable[[Model, Any, float, int], list[Effect]]] = {
    messages.Sent: _sent,
    messages.Joined: people_events.joined,
    messages.Left: people_events.left,
    messages.Renamed: people_events.renamed,
    messages.Away: people_events.away,
    messages.Ready: people_events.ready,
    messages.Topic: _topic,
    messages.Help: _help,
    messages.Welcome: _welcome,
    messages.Redacted: moderation_events.redacted,
    messages.RoomOp: moderation_events.room_op,
    messages.Invitation: moderation_events.secret,
    messages.IrcPassword: moderation_events.secret,
    messages.Goodbye: lambda model, record, now, at: [],  # its text is shown when the connection has ended
}
