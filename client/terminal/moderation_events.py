"""How the deeds of operators change the model: messages that disappear, people who are kicked, invitations. Pure."""

from pylingo.client.terminal.buffer import MOST
from pylingo.client.terminal.buffers import find_room
from pylingo.client.terminal.model import Effect, Model
from pylingo.client.terminal.notes import add_words
from pylingo.client.wish import KICKED
from pylingo.shared import messages
from pylingo.shared.names import fold


def redacted(model: Model, record: messages.Redacted, now: float, at: int) -> list[Effect]:
    """A message is gone. The copy in the terminal's own scrollback cannot be changed."""
    buffer = find_room(model, record.room) or model.buffer
    buffer.scrollback.redact(record.at)
    if buffer.page is not None:
        buffer.page.redacted.add(record.at)
    if buffer.search is not None:
        buffer.search.forget(record.at)
    return add_words(buffer, record, at)


def room_op(model: Model, record: messages.RoomOp, now: float, at: int) -> list[Effect]:
    """Somebody is an operator of a room, or one no more."""
    buffer = find_room(model, record.room) or model.buffer
    buffer.rank(record.name, record.on)
    return add_words(buffer, record, at)


def secret(model: Model, record: messages.Invitation | messages.IrcPassword, now: float, at: int) -> list[Effect]:
    """Show an invitation or a password, which is not written to the transcript."""
    add_words(model.buffer, record, at)
    return []


def note_deeds(model: Model, record: messages.Bans | messages.Moderated) -> None:
    """Note who is banned, by their names or addresses, and whether we are an operator."""
    match record:
        case messages.Bans():
            known = set(model.banned)
            banned = [ban.name or ban.address for ban in record.bans]
            model.banned += dict.fromkeys(whom for whom in banned if whom is not None and whom not in known)
            del model.banned[MOST:]
        case messages.Moderated("unban", name=name, address=address):
            model.banned = [whom for whom in model.banned if whom not in (name, address)]
        case messages.Moderated("op" | "deop" as action, name=str(name)) if fold(name) == fold(model.name):
            model.is_operator = action == "op"


def is_our_kick(model: Model, left: messages.Left) -> bool:
    """Whether it was us who were kicked out of a room."""
    return left.reason == KICKED and fold(left.name) == fold(model.name)
