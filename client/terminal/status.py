"""The status row, made from the model. Pure.

It begins with the room and its topic. In a narrow row, parts are left out by rank. It shows nothing that may have
changed unseen: without a connection, neither how many are in the room nor its topic (`forgetting`).
"""

from typing import TYPE_CHECKING

from pylingo.client.terminal.activity import activity, title
from pylingo.client.terminal.buffer import MOST, Buffer
from pylingo.client.terminal.candidate_row import candidate_row
from pylingo.client.terminal.cells import clip, width
from pylingo.client.terminal.forgetting import is_in_sight
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.questions import words
from pylingo.client.terminal.rows import Row, Span
from pylingo.shared.names import fold
from pylingo.shared.text import printable

if TYPE_CHECKING:
    from pylingo.client.terminal.message_search import MessageSearch

LATE = 2.0  # seconds without an answer after which the status row says so
_TOPIC = 4  # the rank of the topic
_LEAST_TOPIC = 24  # columns; with fewer, it is left out
_CUT = "\N{HORIZONTAL ELLIPSIS}"
# Brackets and dots of the status row, and characters that look like them, with their substitutes in others' words.
_SIGNS = {
    **dict.fromkeys(map(ord, "[\N{FULLWIDTH LEFT SQUARE BRACKET}\N{LEFT WHITE SQUARE BRACKET}"), "("),
    **dict.fromkeys(map(ord, "]\N{FULLWIDTH RIGHT SQUARE BRACKET}\N{RIGHT WHITE SQUARE BRACKET}"), ")"),
    **dict.fromkeys(
        map(
            ord, "\N{MIDDLE DOT}\N{GREEK ANO TELEIA}\N{HYPHENATION POINT}\N{BULLET}\N{BULLET OPERATOR}\N{DOT OPERATOR}"
        ),
        "-",
    ),
}


def status_line(model: Model, now: float) -> Row:
    """A question, or else a hint, or the candidates for Tab, or else the room and the state of the connection."""
    if model.question is not None:
        text = words(model.question)
    elif model.hint:
        text = f" {model.hint}"
    elif model.buffer.search is not None and model.offer is None:
        text = _searching(model, model.buffer.search, now)
    elif model.offer is not None:
        return candidate_row(model.offer, model.columns)
    else:
        text = _state(model, now)
    text = clip(printable(text), model.columns)
    return (Span(text + " " * (model.columns - width(text)), "status"),)


def _searching(model: Model, search: "MessageSearch", now: float) -> str:
    """The state of a search, and the keys; as much of both as there is room for beside the news."""
    news = activity(model, model.columns // 2)
    trouble = [connection(model, now)] if model.state != "online" or is_late(model, now) else []
    parts = [search.state, *trouble, "n older", "N newer", "Esc back", _below(model.buffer)]
    while len(parts) > 1 and width(_row([*parts, news])) > model.columns:
        parts.pop()
    return _row([*parts, news])


def _state(model: Model, now: float) -> str:
    buffer = model.buffer
    place, *details = _place(model, buffer)
    # In a narrow row, the part with the highest rank goes first. The topic takes the columns that are left. A Latin
    # word follows it, or a topic in a script that is written from the right would draw the next number to its left.
    parts = [
        (0, place),
        (_TOPIC, _topic(model, buffer)),
        (1 if model.state != "online" else 2, connection(model, now)),
        (1, _unsent(model)),
        *((_TOPIC + 1, detail) for detail in details),
        (3, _below(buffer)),
        (6, _name(model)),
        (7, "you are away" if model.state == "online" and fold(model.name) in model.away else ""),
    ]
    parts = [(rank, part) for rank, part in parts if part]
    news = activity(model, model.columns * 2 // 3)
    while len(parts) > 1 and width(_row([*(_shortest(*part) for part in parts), news])) > model.columns:
        parts.remove(max(parts))
    excess = width(_row([*(part for _, part in parts), news])) - model.columns
    return _row([*(_fitted(part, excess) if rank == _TOPIC else part for rank, part in parts), news])


def _shortest(rank: int, part: str) -> str:
    return clip(part, _LEAST_TOPIC) if rank == _TOPIC else part


def _fitted(topic: str, excess: int) -> str:
    """The topic without as many columns as the row is too wide by."""
    return clip(topic, width(topic) - excess - 1) + _CUT if excess > 0 else topic


def _row(parts: list[str]) -> str:
    return " " + " \N{MIDDLE DOT} ".join(part for part in parts if part)


def _place(model: Model, buffer: Buffer) -> list[str]:
    """The room or the conversation that is shown, and what is known of who is there."""
    name = title(model, buffer) if len(model.buffers) > 1 else printable(buffer.title)
    if model.state != "online":
        return [name]
    if buffer.person is not None:
        key = fold(buffer.person)
        why = model.away.get(key) if is_in_sight(model, key) else None
        return [name] if why is None else [name, f"away: {_inert(why)}"]
    if buffer.room is None:
        return ["no room: /join one"]
    if buffer.is_outside:
        return [f"not in {name}"]
    people = buffer.count
    more = "+" if people == MOST and buffer.expected is None else ""  # no more are known by name
    return [name] if people is None else [name, f"{people}{more} here"]


def _topic(model: Model, buffer: Buffer) -> str:
    if model.state != "online" or buffer.current_room is None or not buffer.topic:
        return ""
    return f"topic: {_inert(buffer.topic)}"


def _inert(text: str) -> str:
    """A text of somebody else without the signs that part the client's own words in the row."""
    return printable(text).translate(_SIGNS)


def _below(buffer: Buffer) -> str:
    loaded = buffer.scrollback.loaded
    if new := loaded.new_below:
        return f"{new} new below \N{DOWNWARDS ARROW}"
    return "more below \N{DOWNWARDS ARROW}" if loaded.viewport.is_scrolled else ""


def _unsent(model: Model) -> str:
    unsent = 0 if model.state == "online" else sum(len(buffer.scrollback.unsent) for buffer in model.buffers)
    return f"{unsent} unsent" if unsent else ""


def _name(model: Model) -> str:
    name = printable(model.name)
    return f"{'@' * model.is_operator}{name}{f', wanted {printable(model.wanted)}' if model.wanted else ''}"


def _lock(model: Model) -> str:
    return "TLS " if model.is_encrypted else ""


def is_late(model: Model, now: float) -> bool:
    """Whether a ping is unanswered and nothing else has arrived for `LATE` seconds."""
    return model.is_awaiting_pong and _silence(model, now) >= LATE


def _silence(model: Model, now: float) -> float:
    return now - max(model.heard_at, model.pinged_at)


def connection(model: Model, now: float) -> str:
    """The state of the connection in a few words, and whether it is encrypted."""
    match model.state:
        case "online" if is_late(model, now):
            return f"{_lock(model)}online, no answer for {_silence(model, now):.0f} s"
        case "online" if model.round_trip is not None:
            return f"{_lock(model)}online {model.round_trip * 1000:.0f} ms"
        case "online":
            return f"{_lock(model)}online"
        case "waiting":
            seconds = max(0, -int(now - model.retry_at))
            return f"offline, next try in {seconds} s"
        case "connecting":
            return f"connecting to {printable(model.server or model.where)}"
        case "over":
            return "not connected"
    return model.state
