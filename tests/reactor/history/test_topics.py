"""The topics of rooms: which come back from a file."""

import contextlib
import sqlite3

import pytest

from pylingo.reactor.bus.local import LocalBus
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.history import outage, per_room, writer
from pylingo.reactor.history.topics import StoredTopic, Topics
from tests.fakes.history import Desk


def topic(at: int) -> StoredTopic:
    return StoredTopic(f"topic {at}", "ada", at)


def test_topics_survive_a_restart(tmp_path):
    first = Desk(tmp_path / "chat.db")
    first.open()
    for at, room in enumerate(("tea", "coffee", "milk"), 1):
        first.history.set_topic(room, topic(at))
    first.history.set_topic("tea", topic(9))
    first.history.set_topic("milk", None)
    first.close()
    second = Desk(tmp_path / "chat.db")
    second.open()
    assert list(second.history.topics) == [("coffee", topic(2)), ("tea", topic(9))]
    second.close()


def test_topics_set_while_the_file_cannot_be_used_are_written_later(tmp_path, monkeypatch):
    path = tmp_path / "chat.db"
    monkeypatch.setattr(writer, "_BUSY", 0.05)
    monkeypatch.setattr(outage, "_RETRY", 0.05)
    desk = Desk(path)
    desk.open()
    desk.history.set_topic("tea", topic(1))
    desk.history.set_topic("milk", topic(2))
    desk.page()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        desk.history.set_topic("milk", topic(3))
        desk.loop.until(lambda: desk.failures)
        desk.history.set_topic("tea", None)
        desk.history.set_topic("coffee", topic(4))
        other.execute("rollback")
    desk.loop.until(lambda: desk.came_back)
    desk.close()
    again = Desk(path)
    again.open()
    assert list(again.history.topics) == [("milk", topic(3)), ("coffee", topic(4))]
    again.close()


def test_a_file_keeps_the_topics_that_are_in_memory(tmp_path):
    desk = Desk(tmp_path / "chat.db")
    desk.memory.topics = Topics(most=3)
    desk.open()
    desk.history.occupied("room-1")
    for at in range(1, 7):
        desk.history.set_topic(f"room-{at}", topic(at))
    desk.close()
    again = Desk(tmp_path / "chat.db")
    again.memory.topics = Topics()
    again.open()
    assert [at for _, (_, _, at) in again.history.topics] == [1, 5, 6]
    again.close()
    again = Desk(tmp_path / "chat.db")
    again.memory.topics = Topics(most=2)
    again.open()
    assert [at for _, (_, _, at) in again.history.topics] == [5, 6]
    again.close()
    last = Desk(tmp_path / "chat.db")
    last.open()
    assert [at for _, (_, _, at) in last.history.topics] == [5, 6]
    last.close()
    assert per_room.MOST == 5_000


@pytest.mark.parametrize("is_cleared", [False, True])
def test_the_stamp_of_a_topic_is_not_given_again_after_a_restart(tmp_path, is_cleared):
    first = Desk(tmp_path / "chat.db", clock=lambda: 10)
    first.open()
    hub = Hub(first.loop.scheduled.append, LocalBus(), lambda: 10, history=first.history)
    room = hub.room("tea")
    hub.set_topic(room, topic(hub.stamp()))
    if is_cleared:
        hub.stamp()
        hub.set_topic(room, None)
    first.close()
    second = Desk(tmp_path / "chat.db")
    assert second.open() == (11 if is_cleared else 10)
    second.close()
