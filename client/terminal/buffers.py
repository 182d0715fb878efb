"""The list of buffers: which one a room or a person has, which one is shown, and how many there may be. Pure.

Rooms come first, then conversations, so that strangers who begin conversations change the number of no room. The
number of buffers and the number of lines in all of them are bounded.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence

from pylingo.client.histories import INBOX
from pylingo.client.terminal.buffer import MOST, Buffer
from pylingo.client.terminal.loaded import CHARACTERS, LINES
from pylingo.client.terminal.model import Model
from pylingo.shared.names import fold
from pylingo.shared.text import printable

MOST_ROOMS = 40
"""Buffers of rooms. The protocol allows 20 rooms, and a room that we could not re-enter has a buffer as well."""
MOST_CONVERSATIONS = 30
"""Buffers of conversations. A further one takes the place of the one that is missed least."""
MOST_PEOPLE = 2 * MOST
"""The people of all rooms that are remembered by name."""
_SLACK = 256  # lines beyond the bound before some are dropped


def of_rooms(rooms: Sequence[str], seen: Mapping[str, int]) -> list[Buffer]:
    """The buffers at the start: for each room that is to be entered, with the newest stamp seen in an earlier run."""
    return [Buffer(room, is_outside=True, seen=seen.get(fold(room))) for room in rooms[:MOST_ROOMS]] or [Buffer()]


def places(model: Model) -> tuple[list[str], dict[str, int]]:
    """The rooms that the next run of the program is to enter, and the newest stamp seen in each (compared forms).

    That of the private messages is among them: those that come while we are away are fetched from there on.
    """
    buffers = [buffer for buffer in model.buffers if buffer.room is not None and not buffer.is_leaving]
    rooms = [buffer.room for buffer in buffers if buffer.room is not None]
    seen = {fold(buffer.title): buffer.seen for buffer in buffers if buffer.seen is not None}
    if private := max((buffer.last_at for buffer in model.buffers if buffer.person is not None), default=0):
        seen[INBOX] = private
    return rooms, seen


def find_room(model: Model, room: str | None) -> Buffer | None:
    """The buffer of a room."""
    key = fold(room or "")
    return next((buffer for buffer in model.buffers if buffer.room and fold(buffer.room) == key), None)


def find_person(model: Model, name: str) -> Buffer | None:
    """The buffer of the conversation with somebody: of several with one name, the one that has not ended."""
    key = fold(name)
    found = [buffer for buffer in model.buffers if buffer.person and fold(buffer.person) == key]
    return min(found, key=lambda buffer: buffer.is_ended, default=None)


def saying(model: Model, key: str | None) -> Buffer | None:
    """The buffer in which the unconfirmed message with this key was typed."""
    return next((buffer for buffer in model.buffers if key in buffer.scrollback.unsent), None)


def show(model: Model, buffer: Buffer) -> None:
    """Show a buffer of the list."""
    if buffer is model.buffer:
        return
    before = model.buffer
    before.look_away()
    model.active, model.last_shown = model.buffers.index(buffer), before
    _look_from(before, buffer)


def _look_from(before: Buffer, buffer: Buffer) -> None:
    """`buffer` is shown instead of `before`. Deleted text can be inserted there, and earlier lines be found."""
    buffer.editor.kills = before.editor.kills
    buffer.editor.begin_with(before.editor.past)
    buffer.look()


def close(model: Model, buffer: Buffer) -> None:
    """Remove a buffer from the list; C-y inserts its draft. The last one stays, and belongs to nothing any more."""
    if len(model.buffers) == 1:
        buffer.room = buffer.person = buffer.topic = None
        buffer.is_outside = buffer.is_leaving = False
        return
    index = model.buffers.index(buffer)
    shown = model.buffer
    if buffer.editor.text:
        shown.editor.kills.append(buffer.editor.text)  # a draft is not lost
    del model.buffers[index]
    if shown is buffer:
        model.active = min(index, len(model.buffers) - 1)
        _look_from(buffer, model.buffer)
    else:
        model.active = model.buffers.index(shown)


def of_entered(model: Model, room: str) -> Buffer:
    """The buffer of a room that we are in now.

    It is shown if the person has asked for the room and is not in the middle of a line, which would go elsewhere.
    """
    mover = model.moves.pop(fold(room), None)
    here = find_room(model, room)
    if here is None:
        here = mover or _default(model)
        if here not in model.buffers:
            here = _insert_room(model, here)
    elif mover is not None and mover is not here and mover in model.buffers:
        if mover is model.buffer:
            show(model, here)
        close(model, mover)
    here.room, here.heading, here.is_outside, here.is_leaving = room, None, False, False
    if mover is not None and here is not model.buffer:
        if model.buffer.editor.text:
            model.hint = f"you are in {printable(room)}, which is buffer {model.buffers.index(here) + 1} now"
        else:
            show(model, here)
    return here


def _default(model: Model) -> Buffer:
    """The buffer of a room that nobody has asked for: the server has moved us, or we were in it before."""
    vacant = next((buffer for buffer in model.buffers if buffer.is_vacant), None)
    if vacant is None and not model.has("rooms"):
        vacant = next((buffer for buffer in model.buffers if buffer.room), None)
    return vacant or Buffer()


def _insert_room(model: Model, buffer: Buffer) -> Buffer:
    rooms = sum(other.person is None for other in model.buffers)
    if rooms >= MOST_ROOMS:
        return model.buffer
    shown = model.buffer
    model.buffers.insert(rooms, buffer)
    model.active = model.buffers.index(shown)
    return buffer


def of_person(model: Model, name: str) -> Buffer:
    """The buffer of the conversation with somebody, which is opened in the background if there is none."""
    buffer = find_person(model, name)
    if buffer is None:
        conversations = [other for other in model.buffers if other.person is not None]
        if len(conversations) >= MOST_CONVERSATIONS:
            _make_room(model, conversations)
        buffer = Buffer(person=name)
        model.buffers.append(buffer)
    return buffer


def _make_room(model: Model, conversations: list[Buffer]) -> None:
    """Close the conversation that is missed least: one that we have no part in, that was read, that is old."""

    def worth(buffer: Buffer) -> tuple[bool, bool, bool, int]:
        holds_words = bool(buffer.scrollback.unsent or buffer.editor.text)
        return buffer.spoken or holds_words, bool(buffer.new), holds_words, buffer.last_at

    close(model, min((other for other in conversations if other is not model.buffer), key=worth))


def step(by: int) -> Callable[[Model], Buffer]:
    """The buffer that stands `by` places after the shown one, in a circle."""
    return lambda model: model.buffers[(model.active + by) % len(model.buffers)]


def urgency(buffer: Buffer) -> int:
    """How urgently a buffer wants to be looked at; 0 if nothing in it is new.

    Strangers, to whom we have said nothing, come after everybody else who has said something to us.
    """
    if buffer.urgent:
        return 3 if buffer.person is None or buffer.spoken else 2
    return int(buffer.new > 0)


def with_news(model: Model) -> list[Buffer]:
    """The buffers in which something is new, the most urgent first."""
    return sorted(filter(urgency, model.buffers), key=urgency, reverse=True)


def bound(model: Model) -> None:
    """Keep all buffers together within bounds: the longest ones lose lines, the fullest ones people."""
    if len(model.buffers) == 1:
        return
    loaded = [buffer.scrollback.loaded for buffer in model.buffers]
    excess = sum(each.count for each in loaded) - LINES
    if excess > _SLACK:
        _drop_lines(model, excess)
    excess = sum(each.characters for each in loaded) - CHARACTERS
    if excess > 0:
        longest = max(loaded, key=lambda each: each.characters)
        longest.shorten(LINES + _SLACK, longest.characters - excess)
    if sum(len(buffer.people) + len(buffer.arriving) for buffer in model.buffers) > MOST_PEOPLE:
        fullest = max(model.buffers, key=lambda buffer: len(buffer.people) + len(buffer.arriving))
        fullest.expected = fullest.count
        fullest.set_people(dict(itertools.islice(fullest.people.items(), len(fullest.people) // 2, None)))
        fullest.arriving.clear()


def _drop_lines(model: Model, excess: int) -> None:
    """Let so many lines go, of the longest buffers. The one that is shown loses none of its half of the lines."""
    shown = model.buffer.scrollback.loaded
    loaded = [buffer.scrollback.loaded for buffer in model.buffers]
    while excess > 0:
        longest = max(
            (each for each in loaded if each is not shown or each.count > LINES // 2), key=lambda each: each.count
        )
        before = longest.count
        longest.shorten(before - min(excess, 1 + before // 4), CHARACTERS)
        if longest.count == before:
            break
        excess -= before - longest.count
