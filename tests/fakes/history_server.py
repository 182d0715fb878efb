"""Helpers for tests of servers with a history file: guests, the history of a room, SIGKILL, a file of version 1."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from pylingo.shared.messages import MAX_PAGE, Entry, HistoryPage, HistoryRequest, Notice
from tests.support import DEADLINE, Peer, ServerProcess


@contextlib.contextmanager
def guest(server: ServerProcess, name: str | None = None, room: str = "tea", is_warned: bool = False) -> Iterator[Peer]:
    with Peer(server.port, server.host) as peer:
        if is_warned:
            assert "kept in memory only" in peer.expect(Notice).text
        if name is not None:
            peer.hello(name)
        peer.join(room)
        yield peer


def whole_log(peer: Peer) -> list[Entry]:
    """All that the room's log has, page by page, oldest first."""
    entries: list[Entry] = []
    more = True
    while more:
        peer.send(HistoryRequest(since=entries[-1].at if entries else 0, limit=MAX_PAGE, id=7))
        page = peer.until(HistoryPage, re=7)
        entries += page.messages
        more = page.more
    return entries


def kill(server: ServerProcess) -> None:
    """The server has no time for a last word."""
    server.process.kill()
    server.process.wait(DEADLINE)


def make_file(path: Path, rows: Iterator[tuple[int, str, str, str, str | None]]) -> None:
    """A file as a server leaves it."""
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.executescript(
            """
            pragma auto_vacuum = incremental;
            create table message (
                at integer primary key, room text not null, name text not null, text text not null, key text
            ) strict;
            create index message_of_room on message (room, at);
            pragma user_version = 1;
            """
        )
        with file:
            file.executemany("insert into message values (?, ?, ?, ?, ?)", rows)
