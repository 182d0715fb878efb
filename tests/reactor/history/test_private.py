"""Private messages and topics in the history: in memory, in a file, over restarts and failures."""

import contextlib
import sqlite3
import time

import pytest

from pylingo.reactor.history import private
from pylingo.reactor.history.database import VERSION, open_file
from pylingo.reactor.history.history import Page
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.history.sqlite import SqliteHistory
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared.messages import Entry, HistoryRequest
from tests.fakes.history import ALL, Desk
from tests.support import wait_until


def test_names_of_conversations_and_inboxes():
    assert private.conversation(7, 3) == private.conversation(3, 7)
    assert private.owners(private.conversation(7, 3)) == (3, 7)
    assert private.owners(private.inbox(3)) == (3,)
    assert private.owners(private.conversation("SHA256:b+/", 3)) == (3, "SHA256:b+/")
    assert private.conversation("SHA256:b", "SHA256:a") == private.conversation("SHA256:a", "SHA256:b")
    assert private.owners("tea") == ()
    assert len({private.conversation(1, 23), private.conversation(12, 3), private.inbox(123)}) == 3


@pytest.fixture(params=["memory", "file", "failed file"])
def desk(request, tmp_path):
    """A desk whose history is in memory alone, in a file, or in a file that has become unusable."""
    made = Desk(tmp_path / "chat.db")
    if request.param == "memory":
        made.history = made.memory
        yield made
        return
    made.open()
    if request.param == "failed file":
        for path in tmp_path.glob("chat.db*"):
            path.unlink()
        (tmp_path / "chat.db").mkdir()
        made.loop.until(lambda: made.failures)
    yield made
    made.close()


def inbox(desk: Desk, session: private.Owner, request: HistoryRequest = ALL) -> Page:
    pages: list[Page] = []
    desk.history.inbox(session, request, pages.append)
    desk.loop.until(lambda: pages)
    return pages[0]


def test_everything_private_is_found_by_conversation_and_by_inbox(desk):
    history = desk.history
    said = [
        (1, 2, Entry("ada", "1", 11, "k", "bob")),
        (2, 1, Entry("bob", "2", 12, None, "ada", True)),
        (1, 3, Entry("ada", "3", 13, None, "eve")),
    ]
    history.add("tea", Entry("ada", "in a room", 10), 1)
    for sender, recipient, entry in said:
        history.add_private(sender, recipient, entry)
    one, two, three = (entry for _, _, entry in said)
    assert desk.page(history.conversation(2, 1)).messages == [one, two]
    assert desk.page(history.conversation(2, 3)).messages == []
    assert inbox(desk, 1) == Page([one, two, three], False, 11)
    assert inbox(desk, 2) == Page([one, two], False, 11)
    assert inbox(desk, 3) == Page([three], False, 13)
    assert inbox(desk, 4) == Page([], False, None)
    assert inbox(desk, 1, HistoryRequest(since=11, limit=1)) == Page([two], True, 11)
    assert inbox(desk, 1, HistoryRequest(before=13, limit=1)) == Page([two], True, 11)
    assert [entry.text for entry in desk.page("tea").messages] == ["in a room"]
    conversation = history.conversation(1, 2)
    assert history.find(conversation, "k", 1, "ada") == 11
    assert history.find(history.conversation(1, 3), "k", 1, "ada") is None
    assert history.find("tea", "k", 1, "ada") is None


def test_a_key_is_looked_up_in_the_file(tmp_path):
    desk = Desk(tmp_path / "chat.db", MemoryHistory(per_room=1))
    desk.open()
    desk.history.add_private(1, 2, Entry("ada", "1", 11, "k", "bob"))
    desk.history.add_private(1, 2, Entry("ada", "2", 12, None, "bob"))
    conversation = desk.history.conversation(2, 1)
    assert desk.history.find(conversation, "k", 1, "ada") is None
    assert desk.history.may_hold(conversation, "k", 1, "ada")
    found: list[int | None] = []
    desk.history.look_up(conversation, "k", 1, "nobody", found.append)
    desk.loop.until(lambda: found)
    assert found == [11]
    desk.close()


def test_another_run_of_the_server_gives_nobody_the_words_of_others(tmp_path):
    first = Desk(tmp_path / "chat.db")
    first.open()
    first.history.add_private(1, 2, Entry("ada", "secret", 11, "k", "bob"))
    first.history.add("tea", Entry("ada", "public", 12), 1)
    first.close()
    second = Desk(tmp_path / "chat.db")
    assert second.open() == 12
    assert second.memory.rooms == ["tea"]
    for session in (1, 2):
        assert inbox(second, session).messages == []
    assert second.page(second.history.conversation(1, 2)).messages == []
    second.close()


def test_deleted_messages_leave_the_inboxes(tmp_path):
    path = tmp_path / "chat.db"
    desk = Desk(path)
    desk.open()
    desk.history.add_private(1, 2, Entry("ada", "old", time.time_ns() // 1_000 - 2_000_000_000, None, "bob"))
    desk.close()
    desk = Desk(path, keep=1_000.0)
    desk.open()

    def count(table: str) -> int:
        with contextlib.closing(sqlite3.connect(path)) as file:
            return file.execute(f"select count(*) from {table}").fetchone()[0]

    wait_until(lambda: not count("message"), "the old message is deleted")
    assert count("inbox") == 0
    desk.close()


def test_a_new_file_gets_the_private_messages_in_memory(tmp_path):
    path = tmp_path / "chat.db"
    desk = Desk(path)
    desk.open()
    desk.history.add_private(1, 2, Entry("ada", "1", 11, "k", "bob"))
    desk.history.set_topic("tea", StoredTopic("Assam", "ada", 5))
    assert [entry.text for entry in inbox(desk, 2).messages] == ["1"]
    for file in tmp_path.glob("chat.db*"):
        file.unlink()
    desk.loop.until(lambda: desk.came_back)
    assert [entry.text for entry in inbox(desk, 2).messages] == ["1"]
    desk.close()
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("select at, recipient from message").fetchall() == [(11, "bob")]
        assert file.execute("select count(*) from inbox").fetchone() == (2,)
        assert file.execute("select * from topic").fetchall() == [("tea", "Assam", "ada", 5)]


def test_messages_of_a_key_are_found_by_any_session_and_after_a_restart(tmp_path):
    first = Desk(tmp_path / "chat.db")
    first.open()
    entry = Entry("ada", "1", 11, "k", "bob", fingerprint="SHA256:a+/", operator=True)
    first.history.add_private("SHA256:a+/", "SHA256:b", entry, 7)
    first.history.add_private(3, "SHA256:b", Entry("eve", "2", 12, None, "bob"))
    first.close()
    second = Desk(tmp_path / "chat.db")
    second.open()
    assert second.page(second.history.conversation("SHA256:b", "SHA256:a+/")).messages == [entry]
    assert [entry.at for entry in inbox(second, "SHA256:b").messages] == [11, 12]
    assert inbox(second, "SHA256:a+/").messages == [entry]
    assert second.page(second.history.conversation(3, "SHA256:b")).messages == []
    second.close()


def test_a_message_to_another_name_of_the_same_key_is_kept_once(desk):
    entry = Entry("ada", "1", 11, None, "bot")
    desk.history.add_private("SHA256:a", "SHA256:a", entry, 7)
    assert inbox(desk, "SHA256:a").messages == [entry]
    assert desk.page(desk.history.conversation("SHA256:a", "SHA256:a")).messages == [entry]


# --- keys of messages, where several sessions have one name


def known(desk: Desk, session: int, others: tuple[int, ...], name: str = "ada") -> list[int | None]:
    """What is found in memory, and in the file."""
    found: list[int | None] = []
    desk.history.look_up("tea", "k", session, name, found.append, others)
    desk.loop.until(lambda: found)
    return [desk.history.find("tea", "k", session, name, others), *found]


def test_the_keys_of_others_of_that_name_do_not_count(desk):
    for session, name in ((1, "Ada"), (2, "bob"), (3, "ada")):
        desk.history.add("tea", Entry(name, "x", 10 + session, "k"), session)
    assert known(desk, 1, (3,)) == [11, 11]
    assert known(desk, 3, (1,)) == [13, 13]
    assert known(desk, 9, (3,)) == [11, 11]
    assert known(desk, 9, (1,)) == [13, 13]
    assert known(desk, 9, (1, 3)) == [None, None]
    assert known(desk, 9, (1, 3), "bob") == [12, 12]


# --- memory


def test_the_inbox_of_a_key_is_forgotten_before_rooms_with_people_in_them():
    log = MemoryHistory(most=40_000)
    log.add("tea", Entry("ada", "x", 1), 0)
    for number in range(2, 200):
        log.add_private(f"SHA256:{number}", "SHA256:b", Entry("ada", "x", number, None, "bob"), number)
    assert log.size <= 40_000
    assert "tea" in log.rooms
    assert private.inbox("SHA256:b") in log.rooms
    assert private.inbox("SHA256:2") not in log.rooms


def test_conversations_are_forgotten_before_rooms_with_people_in_them():
    log = MemoryHistory(most=40_000)
    log.add("tea", Entry("ada", "x", 1), 0)
    for number in range(2, 200):
        log.add_private(number, number + 1_000, Entry("ada", "x", number, None, "bob"))
        log.ended(number)
        log.ended(number + 1_000)
    assert log.size <= 40_000
    assert "tea" in log.rooms
    assert private.conversation(199, 1_199) in log.rooms
    assert private.conversation(2, 1_002) not in log.rooms


def test_a_conversation_that_goes_on_is_not_the_first_to_be_forgotten():
    log = MemoryHistory()
    for at, other in enumerate((2, 3, 2), 1):
        log.add_private(1, other, Entry("ada", "x", at, None, "bob"))
    rooms = [room for room in log.empty_rooms if len(private.owners(room)) == 2]
    assert rooms == [private.conversation(1, 3), private.conversation(1, 2)]


def test_the_size_is_what_is_left_when_everything_is_forgotten():
    log = MemoryHistory(per_room=3)
    for at in range(1, 30):
        log.add_private(1, 2 + at % 3, Entry("Zoë", "x" * at, at, f"k-{at}" if at % 2 else None, "bob", True))
    log.reserve(log.most)
    assert (log.size, log.rooms) == (0, [])


# --- the file of an earlier version


def test_a_file_of_version_4_gets_what_is_new(tmp_path):
    path = str(tmp_path / "chat.db")
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.executescript(
            "create table message (at integer primary key, room text not null, name text not null, text text not null,"
            " key text, session integer, author text) strict;"
            " create index message_of_room on message (room, at);"
            " create index message_of_author on message (key, room, coalesce(author, lower(name)))"
            " where key is not null;"
            " create index message_of_session on message (session) where session is not null;"
            " create table mark (name text primary key, value integer not null) strict, without rowid;"
            " insert into message values (5, 'tea', 'alice', 'hi', 'k', 1, null);"
            " pragma user_version = 4;"
        )
    desk = Desk(tmp_path / "chat.db")
    assert desk.open() == 5
    desk.history.add_private(1, 2, Entry("ada", "1", 11, None, "bob"))
    desk.history.set_topic("tea", StoredTopic("Assam", "ada", 5))
    assert desk.page("tea").messages == [Entry("alice", "hi", 5, "k")]
    assert [entry.text for entry in inbox(desk, 1).messages] == ["1"]
    desk.close()
    with (
        contextlib.closing(open_file(path)) as upgraded,
        contextlib.closing(open_file(str(tmp_path / "new.db"))) as new,
    ):
        query = "select type, name, sql from sqlite_schema where name not like 'sqlite_%' order by name"
        tables = [sorted((kind, name) for kind, name, _ in file.execute(query).fetchall()) for file in (upgraded, new)]
        assert tables[0] == tables[1]
        assert upgraded.execute("pragma user_version").fetchone() == (VERSION,)


def test_a_history_is_one_of_two_kinds():
    """The hub asks both kinds the same; see `test_history.py` for the signatures."""
    assert {"inbox", "add_private", "conversation", "ended", "set_topic", "topics"} <= set(dir(MemoryHistory())) & set(
        dir(SqliteHistory)
    )
