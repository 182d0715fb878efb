"""The status row, made from the model. Pure.

It begins with the state of the connection and the place. In a narrow row, parts are left out by rank.
"""

from pylingo.client.terminal.activity import activity, title
from pylingo.client.terminal.buffer import MOST, Buffer
from pylingo.client.terminal.candidate_row import candidate_row
from pylingo.client.terminal.cells import clip, width
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.questions import words
from pylingo.client.terminal.rows import Row, Span
from pylingo.shared.names import fold
from pylingo.shared.text import printable

LATE = 2.0  # seconds without an answer after which the status row says so
# Brackets and dots of the status row, and characters that look like them, with their substitutes in a topic.
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
    elif model.offer is not None:
        return candidate_row(model.offer, model.columns)
    else:
        text = _state(model, now)
    text = clip(printable(text), model.columns)
    return (Span(text + " " * (model.columns - width(text)), "status"),)


def _state(model: Model, now: float) -> str:
    buffer, scrollback = model.buffer, model.buffer.scrollback
    is_online = model.state == "online"
    name = f"@{model.name}" if model.is_operator else model.name
    below = ""
    if new := scrollback.viewport.new_below:
        below = f"{new} new below \N{DOWNWARDS ARROW}"
    elif scrollback.viewport.is_scrolled:
        below = "more below \N{DOWNWARDS ARROW}"
    unsent = 0 if is_online else sum(len(other.scrollback.unsent) for other in model.buffers)
    place, *details = _place(model, buffer) if is_online else [title(model, buffer) if len(model.buffers) > 1 else ""]
    # Each part with its rank: in a narrow row, the part with the highest rank goes first, and the place stays.
    parts = [
        (3, below),
        (2 if is_online else 1, connection(model, now)),
        (1, f"{unsent} unsent" if unsent else ""),
        (0, place),
        *((4, detail) for detail in details),
        (5, name + (f", wanted {model.wanted}" if model.wanted else "")),
        (6, "you are away" if fold(model.name) in model.away else ""),
    ]
    parts = [(rank, part) for rank, part in parts if part]
    news = activity(model, model.columns * 2 // 3)
    while len(parts) > 1 and width(_row([*(part for _, part in parts), news])) > model.columns:
        parts.remove(max(parts))
    return _row([*(part for _, part in parts), news, _topic(buffer.topic) if buffer.topic else ""])


def _topic(text: str) -> str:
    """A topic, which anybody may have set, without the signs that part the client's own words in the row."""
    return f"topic: {text.translate(_SIGNS)}"


def _row(parts: list[str]) -> str:
    return " " + " \N{MIDDLE DOT} ".join(part for part in map(printable, parts) if part)


def _place(model: Model, buffer: Buffer) -> list[str]:
    """The room or the conversation that is shown."""
    name = title(model, buffer) if len(model.buffers) > 1 else buffer.title
    if buffer.person is not None:
        why = model.away.get(fold(buffer.person))
        return [name] if why is None else [name, f"away: {why}"]
    if buffer.room is None:
        return ["no room: /join one"]
    if buffer.is_outside:
        return [f"not in {name}"]
    people = len(buffer.people) if buffer.expected is None else buffer.expected
    return [name, f"{people}{'+' if people == MOST else ''} here"]


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
            return f"connecting to {printable(model.where)}"
        case "over":
            return "not connected"
    return model.state
