"""The messages that wait for the file: their bound, and how many are lost."""

import contextlib

from pylingo.reactor.history import outage
from pylingo.reactor.history.outage import Backlog
from pylingo.reactor.history.store import Row, insert, row_size
from tests.fakes.history import in_memory


def row(at: int, text: str = "hi") -> Row:
    return at, "tea", "alice", text, *[None] * 7


def nothing() -> None: ...


def test_the_oldest_are_lost_when_there_is_too_much():
    waiting = Backlog(10 * row_size(row(0)))
    for at in range(12):
        waiting.add([row(at)])
    assert (len(waiting), waiting.lost) == (10, 2)
    with contextlib.closing(in_memory()) as file:
        waiting.write(file, nothing)
        assert file.execute("select min(at), max(at) from message").fetchone() == (2, 11)
    assert (len(waiting), waiting.written, waiting.lost) == (0, 10, 2)
    waiting.add([row(at) for at in range(10)])
    assert (len(waiting), waiting.lost) == (10, 2)


def test_messages_that_the_file_has_are_written_and_those_without_a_place_are_lost():
    waiting = Backlog(2**20)
    waiting.add([row(1), row(2), row(3, "another"), row(4)])
    with contextlib.closing(in_memory()) as file:
        insert(file, [row(1), row(3)])
        waiting.write(file, nothing)
    assert (waiting.written, waiting.lost) == (3, 1)


def test_it_is_written_in_pieces_and_may_grow_between(monkeypatch):
    monkeypatch.setattr(outage, "_ROWS_PER_COMMIT", 2)
    waiting = Backlog(2**20)
    waiting.add([row(at) for at in range(5)])
    lengths: list[int] = []

    def between() -> None:
        lengths.append(len(waiting))
        if len(lengths) == 2:
            waiting.add([row(9)])

    with contextlib.closing(in_memory()) as file:
        waiting.write(file, between)
        assert [at for (at,) in file.execute("select at from message order by at")] == [0, 1, 2, 3, 4, 9]
    assert lengths == [3, 1, 0]
