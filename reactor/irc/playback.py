"""Reading the history for an IRC client, and the batches in which it is sent.

A page of the history is as large as a frame, and a client takes a reply with fewer messages than it asked for as the
end of the history. So pages are read until there are enough messages, or no more.
"""

from collections.abc import Callable, Iterable

from pylingo.reactor.history.history import Page
from pylingo.reactor.irc.client import Client
from pylingo.reactor.irc.labels import tagged
from pylingo.reactor.irc.message import format_message
from pylingo.reactor.irc.selection import Part
from pylingo.shared.messages import Entry, HistoryRequest, Message, Private

type Read = Callable[[HistoryRequest, Callable[[Page], object]], object]
"""Reads a page, and calls back with it, perhaps at once."""
type Entries = list[Entry]

_WORK = 300.0  # of a page, in units of about a microsecond


def collect(client: Client, read: Read, parts: tuple[Part, ...], then: Callable[[Entries], object]) -> None:
    """Read all `parts`, and call `then` with their messages, oldest first."""
    found: Entries = []

    def next_part(rest: tuple[Part, ...]) -> None:
        if not rest:
            then(found)
            return

        def got(entries: Entries) -> None:
            found.extend(entries)
            next_part(rest[1:])

        _collect_part(client, read, rest[0], got)

    next_part(parts)


def _collect_part(client: Client, read: Read, part: Part, then: Callable[[Entries], object]) -> None:
    found: Entries = []

    def ask() -> None:
        since, before = part.since, part.before
        if found and part.is_forward:
            since = found[-1].at
        elif found:
            before = found[0].at
        client.session.hub.tick.work += _WORK
        limit = part.limit - len(found)
        read(HistoryRequest(since if part.is_forward else None, before, limit), got)

    def got(page: Page) -> None:
        entries = [entry for entry in page.messages if part.since is None or entry.at > part.since]
        if part.is_forward:
            found.extend(entries)
        else:
            found[:0] = entries
        is_whole = len(entries) == len(page.messages)
        if page.messages and page.more and is_whole and len(found) < part.limit and client.is_open:
            ask()
        else:
            then(found)

    ask()


def lines_of(client: Client, entries: Iterable[Entry], room: str | None, other: str = "") -> bytes:
    """The messages of a room, or of the conversation with `other`, as lines, without redacted ones."""
    lines = []
    for entry in entries:
        if entry.redacted:
            continue
        if room is not None:
            lines.append(client.dialect.encode(Message(room, entry.from_, entry.text, entry.at, entry.action)))
        else:
            to = entry.to or (client.name if entry.from_ == other else other)
            lines.append(client.dialect.encode(Private(entry.from_, to, entry.text, entry.at, entry.action)))
    return b"".join(lines)


def batch(client: Client, kind: str, params: Iterable[str], lines: bytes) -> bytes:
    """The lines in a batch, if the client understands batches."""
    if not client.has("batch"):
        return lines
    name = client.next_batch()
    begin = format_message("BATCH", [f"+{name}", kind, *params], client.gateway.name)
    end = format_message("BATCH", [f"-{name}"], client.gateway.name)
    return begin + within(lines, name) + end


def within(lines: bytes, name: str) -> bytes:
    """Mark each line that is in no batch yet, and the beginning of each batch in `lines`, as part of this batch."""
    tag = f"batch={name}".encode()
    rows = lines.split(b"\r\n")[:-1]
    return b"".join([(row if _is_inside(row) else tagged(row, tag)) + b"\r\n" for row in rows])


def _is_inside(row: bytes) -> bool:
    """Whether a line belongs to a batch already, or ends one."""
    tags, _, rest = row.partition(b" ") if row.startswith(b"@") else (b"", b"", row)
    return b"batch=" in tags or b" BATCH -" in b" " + rest
