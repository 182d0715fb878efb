"""The words of the status row for buffers that are not shown: where something new was said. Pure.

`[3:@grace 1!] [2:ops 5]`: a number with ! counts messages that are private or mention us, any other all messages.
"""

from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.buffers import with_news
from pylingo.client.terminal.cells import clip, width
from pylingo.client.terminal.model import Model
from pylingo.shared.text import printable

_LONGEST_NAME = 20  # columns


def activity(model: Model, columns: int) -> str:
    """The buffers with something new, the most urgent first, as many as fit into `columns`; +2 stands for two more."""
    words = [_count(model, buffer) for buffer in with_news(model)]
    for shown in range(len(words), -1, -1):
        more = [f"+{len(words) - shown}"] if shown < len(words) else []
        row = " ".join([*words[:shown], *more])
        if width(row) <= columns:
            return row
    return ""


def buffer_at(model: Model, row: str, column: int) -> Buffer | None:
    """The buffer whose entry stands in that column of a row that has the words of `activity`."""
    buffers = with_news(model)
    at = row.find(_count(model, buffers[0])) if buffers else -1
    if at < 0:
        return None
    begin = width(row[:at])
    for buffer in buffers:
        words = _count(model, buffer)
        if not row.startswith(words, at):  # the row had no room for it
            return None
        if begin <= column < begin + width(words):
            return buffer
        begin, at = begin + width(words) + 1, at + len(words) + 1
    return None


def title(model: Model, buffer: Buffer) -> str:
    """The name of a buffer as it is shown, with its number if there are several."""
    name = clip(printable(buffer.title or "no room"), _LONGEST_NAME)
    return f"{model.buffers.index(buffer) + 1}:{name}"


def _count(model: Model, buffer: Buffer) -> str:
    count = f"{buffer.urgent}!" if buffer.urgent else str(buffer.new)
    return f"[{title(model, buffer)} {count}]"
