"""The few numbers in a history file: they are kept with the next commit, and forgotten."""

import contextlib

from pylingo.reactor.history import marks
from pylingo.reactor.history.opening import open_file
from pylingo.reactor.history.store import insert
from tests.reactor.history.test_store import in_memory


def test_numbers_are_kept_with_the_next_commit(tmp_path):
    path = str(tmp_path / "chat.db")
    with contextlib.closing(open_file(path)) as file:
        assert marks.read(file) == {}
        marks.put(file, reserved=5, sound=7)
        insert(file, [])
        marks.put(file, reserved=6)  # never committed
    with contextlib.closing(open_file(path)) as file:
        assert marks.read(file) == {"reserved": 5, "sound": 7}
        marks.put(file, reserved=4, sound=None, ran=None)
        insert(file, [(1, "tea", "alice", "hi", None, None)])
    with contextlib.closing(open_file(path)) as file:
        assert marks.read(file) == {"reserved": 4}


def test_a_number_beyond_the_largest_of_the_file_is_that_one():
    with contextlib.closing(in_memory()) as file:
        marks.put(file, reserved=2**70)
        assert marks.read(file) == {"reserved": 2**63 - 1}
