"""The history in memory, compared with a list of all messages, and its bounds."""

import functools
import sys
import tracemalloc
from collections.abc import Callable

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.reactor.history.history import Page
from pylingo.reactor.history.memory import MEMORY, PER_ROOM, MemoryHistory, folded
from pylingo.shared.messages import MAX_PAGE, Command, Entry, HistoryRequest, Say
from pylingo.shared.names import fold
from tests.fakes.chat import Chat
from tests.fakes.pages import assert_page, requests

# --- the log of one room and its keys


def page_of(log: MemoryHistory, room: str, request: HistoryRequest | None = None) -> Page:
    pages: list[Page] = []
    log.page(room, request or HistoryRequest(limit=MAX_PAGE), pages.append)
    (page,) = pages
    return page


class ListHistory:
    """The plainest implementation of a `MemoryHistory`, to compare with."""

    def __init__(self, per_room: int) -> None:
        self.per_room = per_room
        self.said: dict[str, list[tuple[Entry, int]]] = {}

    def add(self, room: str, entry: Entry, session: int) -> None:
        self.said[room] = [*self.said.get(room, []), (entry, session)][-self.per_room :]

    def find(self, room: str, key: str, session: int, name: str) -> int | None:
        said = [(entry, by) for entry, by in self.said.get(room, []) if entry.key == key]
        for entry, by in said:
            if by == session:
                return entry.at
        for entry, _ in said:
            if fold(entry.from_) == fold(name):
                return entry.at
        return None

    def entries(self, room: str) -> list[Entry]:
        return [entry for entry, _ in self.said.get(room, [])]


deeds = st.tuples(
    st.sampled_from(["tea", "coffee"]),
    st.sampled_from(["alice", "Alice", "ALICE", "bob", "Straße", "strasse", "Zoë"]),
    st.none() | st.sampled_from(["k-1", "k-2", "k-3"]),
    st.integers(1, 3),
)


@settings(deadline=None)
@given(st.lists(deeds, max_size=60), st.integers(1, 6), requests)
def test_any_sayings_against_a_list(sayings, per_room, request_):
    """As a hub does it: what is found by its key is not added."""
    log, model = MemoryHistory(per_room), ListHistory(per_room)
    for at, (room, name, key, session) in enumerate(sayings):
        if key is not None:
            known = model.find(room, key, session, name)
            assert log.find(room, key, session, name) == known
            if known is not None:
                continue
        entry = Entry(name, f"{at}", at, key)
        model.add(room, entry, session)
        if key is None and session == 1:
            log.add_plain(room, [entry])
        else:
            log.add(room, entry, session)
    for room in ("tea", "coffee", "nowhere"):
        assert_page(page_of(log, room, request_), model.entries(room), request_)
        for key in ("k-1", "k-2", "k-3"):
            for session in (1, 2, 3, 4):
                for name in ("alice", "bob", "STRASSE", "zoe\u0308", "carol"):
                    assert log.find(room, key, session, name) == model.find(room, key, session, name)
    assert log.size == size_of_log([(room, *said) for room in model.said for said in model.said[room]])


def size_of_log(said: list[tuple[str, Entry, int]]) -> int:
    """The size that a log has to which only this was ever said."""
    log = MemoryHistory(PER_ROOM * 10, 2**40)
    for room, entry, session in said:
        log.add(room, entry, session)
    return log.size


@pytest.fixture
def log() -> MemoryHistory:
    return MemoryHistory()


def test_an_empty_log_opens_at_once_and_knows_nothing(log):
    opened: list[int] = []
    log.open(opened.append)
    assert opened == [0]
    assert page_of(log, "tea") == Page([], False, None)
    assert log.find("tea", "k", 1, "alice") is None
    log.close(1)


def test_an_added_message_is_kept_at_once(log):
    log.add("tea", Entry("alice", "hi", 1), 1)
    kept: list[str] = []
    log.when_committed(lambda: kept.append("kept"))
    assert kept == ["kept"]


@pytest.mark.parametrize(
    ("session", "name", "known"),
    [
        (1, "alice", True),
        (1, "bob", True),  # renamed since
        (2, "alice", True),  # back with a new session
        (2, "ALICE", True),
        (2, "\uff21lice", True),  # a wide letter A
        (2, "bob", False),
        (0, "guest-1", False),
    ],
)
def test_a_key_is_known_to_its_session_and_its_name(log, session, name, known):
    log.add("tea", Entry("Alice", "hi", 5, "k"), 1)
    assert log.find("tea", "k", session, name) == (5 if known else None)
    assert log.find("tea", "K", session, name) is None
    assert log.find("coffee", "k", session, name) is None


def test_the_same_key_of_two_people_is_two_messages(log):
    log.add("tea", Entry("alice", "one", 5, "k"), 1)
    log.add("tea", Entry("bob", "two", 6, "k"), 2)
    assert [log.find("tea", "k", 1, "alice"), log.find("tea", "k", 2, "bob")] == [5, 6]
    assert [log.find("tea", "k", 7, "alice"), log.find("tea", "k", 8, "bob")] == [5, 6]


def test_the_newest_thousand_of_each_room(log):
    for at in range(PER_ROOM):
        log.add("tea", Entry("alice", f"{at}", at, f"k-{at}"), 1)
        log.add("coffee", Entry("alice", f"{at}", at, f"k-{at}"), 1)
    full = log.size
    assert (PER_ROOM, page_of(log, "tea").oldest) == (1_000, 0)
    log.add("tea", Entry("alice", f"{PER_ROOM}", PER_ROOM, f"k-{PER_ROOM}"), 1)
    assert (page_of(log, "tea").oldest, page_of(log, "coffee").oldest) == (1, 0)
    assert log.find("tea", "k-0", 1, "alice") is None
    assert log.find("tea", "k-1", 1, "alice") == 1
    assert log.find("coffee", "k-0", 1, "alice") == 0
    for at in range(PER_ROOM + 1, 3 * PER_ROOM):
        log.add("tea", Entry("alice", f"{at:03}", at, f"k-{at}"), 1)
    assert page_of(log, "tea", HistoryRequest(since=0, limit=1)).messages[0].at == 2 * PER_ROOM
    assert log.size - full < 10_000  # the texts have a digit more


def test_a_key_is_forgotten_with_its_message_and_can_be_said_anew():
    log = MemoryHistory(per_room=2)
    log.add("tea", Entry("alice", "one", 1, "k"), 1)
    log.add("tea", Entry("alice", "two", 2), 1)
    assert log.find("tea", "k", 1, "alice") == 1
    log.add("tea", Entry("alice", "three", 3), 1)
    assert log.find("tea", "k", 1, "alice") is None
    log.add("tea", Entry("alice", "one", 4, "k"), 1)
    assert log.find("tea", "k", 1, "alice") == 4
    log.add("tea", Entry("alice", "four", 5), 1)
    assert log.find("tea", "k", 1, "alice") == 4


def test_a_key_that_was_said_anew_is_not_forgotten_with_the_older_message():
    # After a restart messages of several sessions are all of session 0.
    log = MemoryHistory(per_room=2)
    log.add("tea", Entry("alice", "one", 1, "k"), 0)
    log.add("tea", Entry("bob", "two", 2, "k"), 0)
    log.add("tea", Entry("carol", "three", 3), 0)
    assert log.find("tea", "k", 9, "alice") is None
    assert log.find("tea", "k", 9, "bob") == 2
    log.add("tea", Entry("carol", "four", 4), 0)
    assert log.find("tea", "k", 9, "bob") is None


# --- how much is kept


def fill(log: MemoryHistory, room: str, count: int = 10, at: int = 0, text: str = "x" * 100) -> None:
    """Somebody goes into a room and says so much."""
    log.occupied(room)
    for number in range(count):
        log.add(room, Entry("alice", text, at + number), 1)


SAID = size_of_log([("a", Entry("alice", "x" * 100, at), 1) for at in range(10)])
"""The size of what `fill` says."""


def has_said(log: MemoryHistory, *rooms: str) -> list[bool]:
    return [page_of(log, room).oldest is not None for room in rooms]


def test_empty_rooms_lose_their_logs_in_the_order_in_which_they_were_left():
    log = MemoryHistory(most=4 * SAID)
    for room in ("a", "b", "c", "d"):
        fill(log, room)
    for room in ("c", "a", "b"):
        log.emptied(room)
    assert log.size == 4 * SAID
    assert has_said(log, "a", "b", "c", "d") == [True] * 4
    fill(log, "e")
    assert has_said(log, "a", "b", "c", "d", "e") == [True, True, False, True, True]
    fill(log, "f")
    assert has_said(log, "a", "b", "c", "d", "e", "f") == [False, True, False, True, True, True]
    assert len(page_of(log, "b").messages) == len(page_of(log, "d").messages) == 10
    assert log.size == 4 * SAID


def test_a_room_that_somebody_came_back_to_is_left_anew():
    log = MemoryHistory(most=3 * SAID)
    for room in ("a", "b", "c"):
        fill(log, room)
        log.emptied(room)
    log.occupied("a")
    fill(log, "d")
    assert has_said(log, "a", "b", "c", "d") == [True, False, True, True]
    log.emptied("a")
    fill(log, "e")
    assert has_said(log, "a", "c", "d", "e") == [True, False, True, True]
    fill(log, "f")
    assert has_said(log, "a", "d", "e", "f") == [False, True, True, True]


def test_where_all_rooms_are_occupied_the_one_that_speaks_loses_its_oldest():
    log = MemoryHistory(most=2 * SAID)
    fill(log, "a")
    fill(log, "b")
    fill(log, "b", 30, at=10)
    left = [len(page_of(log, room).messages) for room in "ab"]
    assert sum(left) >= 19
    assert 4 <= left[0] <= 10  # no log is shortened that is not half as long as the longest
    assert [entry.at for entry in page_of(log, "b").messages] == list(range(40 - left[1], 40))
    assert log.size <= 2 * SAID


def test_of_rooms_of_one_length_each_is_shortened_in_its_turn():
    log = MemoryHistory(most=3 * SAID)
    for room in ("a", "b", "c"):
        fill(log, room)
    for count in (2, 1, 0):
        log.reserve(3 * SAID - log.size + 1)
        left = [len(page_of(log, room).messages) for room in "abc"]
        assert left.count(10) == count


def test_memory_that_is_set_aside_is_taken_from_the_messages():
    log = MemoryHistory(most=2 * SAID)
    for room in ("a", "b"):
        fill(log, room)
    log.emptied("a")
    log.reserve(SAID)
    assert (log.reserved, log.size) == (SAID, SAID)
    assert has_said(log, "a", "b") == [False, True]
    fill(log, "c", 5)
    assert log.size <= SAID
    log.reserve(0)
    fill(log, "d")
    assert SAID < log.size <= 2 * SAID


def test_the_messages_of_a_room_with_their_sessions(log):
    assert log.messages("tea") == []
    entries = [Entry("alice", "one", 1, "k"), Entry("bob", "two", 2)]
    for entry in entries:
        log.add("tea", entry, 7)
    assert log.messages("tea") == [(entries[0], 7), (entries[1], 0)]


def test_a_look_up_is_answered_at_once(log):
    log.add("tea", Entry("alice", "one", 1, "k"), 7)
    answers: list[int | None] = []
    log.look_up("tea", "k", 7, "bob", answers.append)
    log.look_up("tea", "other", 7, "bob", answers.append)
    assert answers == [1, None]


def test_a_message_larger_than_all_there_is_room_for_is_not_kept_and_nothing_breaks():
    log = MemoryHistory(most=2_000)
    fill(log, "a", 1, text="x" * 4_000)
    assert page_of(log, "a") == Page([], False, None)
    fill(log, "a", 1, 1, text="x")
    assert [entry.at for entry in page_of(log, "a").messages] == [1]


def test_a_room_in_which_nobody_spoke_takes_nothing(log):
    for number in range(10_000):
        log.occupied(f"room-{number}")
        log.emptied(f"room-{number}")
    assert log.size == 0
    assert log.rooms == log.empty_rooms == []


def test_a_room_left_and_said_to_again_without_a_word_of_coming_does_not_lose_what_is_said():
    """So it is when a file is read: nobody is in any of its rooms."""
    log = MemoryHistory(most=2 * SAID)
    for at in range(50):
        log.add("tea", Entry("alice", "x" * 100, at), 0)
        log.emptied("tea")
    assert page_of(log, "tea").messages
    assert log.size <= 2 * SAID


def test_a_hundred_thousand_rooms_made_and_left_stay_within_the_bound():
    most = 200_000
    log = MemoryHistory(most=most)
    log.occupied("home")
    log.add("home", Entry("alice", "I stay", 0), 1)
    for number in range(100_000):
        room = f"room-{number}"
        log.occupied(room)
        log.add(room, Entry("alice", "hi", number + 1, "k"), 1)
        log.emptied(room)
    assert log.size <= most
    assert len(log.rooms) == len(log.empty_rooms) + 1 <= most // 600
    assert page_of(log, "home").oldest == 0
    assert page_of(log, "room-99999").oldest == 100_000
    assert page_of(log, "room-0").oldest is None


def test_a_thousand_occupied_rooms_stay_within_the_bound():
    most = 200_000
    log = MemoryHistory(most=most)
    for number in range(1_000):
        fill(log, f"room-{number}", 1, number)
        assert log.size <= most
        assert page_of(log, f"room-{number}").oldest == number
    assert len(log.rooms) <= most // 1_300  # what a log takes without a word in it


def calls_of(deed: Callable[[], object]) -> int:
    """How many functions it calls."""
    count = 0

    def called(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        deed()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("rooms", [50, 5_000])
def test_the_work_of_making_place_does_not_grow_with_the_rooms(rooms):
    """Sizes are counted for many messages together, and so is place made: those that do it have the calls of all."""
    log = MemoryHistory(most=2_000 * rooms)
    for number in range(rooms):
        fill(log, f"room-{number}", 1, number, "x" * 4_000)
    calls = [
        calls_of(lambda number=number: fill(log, f"room-{number % rooms}", 1, number, "y" * 4_000))
        for number in range(rooms, rooms + 300)
    ]
    assert log.size <= 2_000 * rooms
    assert sum(calls) < 300 * 100
    assert max(calls) < 10_000


def test_a_few_messages_more_than_the_bound_are_there_only_until_somebody_looks():
    log = MemoryHistory(per_room=10)
    fill(log, "tea", 50)
    taken = log.size
    assert taken == size_of_log([("tea", entry, 0) for entry, _ in log.messages("tea")])
    fill(log, "tea", 500, 1_000)
    assert [entry.at for entry, _ in log.messages("tea")] == list(range(1_490, 1_500))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3)), max_size=80))
def test_any_comings_sayings_and_goings_within_a_bound(deeds):
    most = 6 * size_of_log([("a", Entry("alice", "x" * 300, 0, "k"), 1)])
    log = MemoryHistory(per_room=4, most=most)
    occupied: set[str] = set()
    left: list[str] = []  # empty rooms with a log, the one left longest ago first
    said: dict[str, list[Entry]] = {}
    for at, (room, words) in enumerate(deeds):
        if room in occupied and not words:
            occupied.remove(room)
            log.emptied(room)
            if room in said:
                left.append(room)
            continue
        if room not in occupied:
            occupied.add(room)
            log.occupied(room)
            if room in left:
                left.remove(room)
        entry = Entry("alice", "x" * 300 * words, at, "k" if words == 2 else None)
        log.add(room, entry, 1)
        said[room] = [*said.get(room, []), entry][-4:]
        while taken_by(said) > most and left:
            del said[left.pop(0)]
        for each in list(said) if taken_by(said) > most else []:  # as much of the longest ones as there must be
            kept = page_of(log, each).messages
            lost = len(said[each]) - len(kept)
            assert not lost or 4 * len(said[each]) > max(map(len, said.values()))
            assert kept == said[each][lost:]
            said[each] = kept
            if not kept:
                del said[each]
                left[:] = [room for room in left if room != each]
        assert log.size == taken_by(said) <= most
        for each in "abcdef":
            assert page_of(log, each).messages == said.get(each, [])


@functools.cache
def taken_by_one(text: str, key: str | None) -> int:
    """The size of a message in a log."""
    one, other = Entry("alice", text, 0, key), Entry("alice", text, 1, key)
    return size_of_log([("a", one, 1), ("a", other, 1)]) - size_of_log([("a", one, 1)])


def taken_by(said: dict[str, list[Entry]]) -> int:
    """The size of the logs of these rooms."""
    empty = size_of_log([("a", Entry("alice", "", 0), 1)]) - taken_by_one("", None)
    return sum(empty + sum(taken_by_one(entry.text, entry.key) for entry in entries) for entries in said.values())


LONG = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}"  # of 18 letters when it is folded


@pytest.mark.parametrize("key", ["", "k" * 26], ids=["no key", "key"])
@pytest.mark.parametrize(
    "text",
    ["hi", "x" * 500, "\N{TEACUP WITHOUT HANDLE}" * 100, "\xe9" * 100],
    ids=["short", "ASCII", "four bytes each", "Latin-1"],
)
@pytest.mark.parametrize(("rooms", "each"), [(1, 300), (300, 1)])
@pytest.mark.parametrize(
    ("room", "name"), [("tea", "Alice"), (LONG * 58, LONG * 26)], ids=["short names", "long names"]
)
def test_the_size_of_a_history_is_the_memory_that_it_takes(key, text, rooms, each, room, name):
    """The names of rooms and people count, keys in both places of the index, and the UTF-8 that SQLite has made."""
    log = MemoryHistory()
    folded.cache_clear()
    packer = msgpack.Packer()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(rooms * each):
            words = (text + f"{number:04}")[4:] if len(text) > 4 else text + f"{number}"
            by = (name + f"{number:06}")[-32:]
            said = Entry(by, words, 10**15 + number, f"{key}{number:06}" if key else None)
            packer.pack([said.text, said.from_])
            log.add(fold((room + f"{number // each:06}")[-64:]), said, 10**6 + number)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken <= log.size
    assert log.size < 2.5 * taken


def test_the_bound_of_the_server_is_a_bound():
    assert MEMORY == 64 * 2**20


# --- as the hub uses it


def test_a_room_is_occupied_while_somebody_is_in_it():
    chat = Chat(log=MemoryHistory(most=12_000))
    alice, bob = chat.people("alice", "bob")
    carol = chat.person("carol", "coffee")
    alice.ask(*[Say("first")] * 3)
    alice.ask(Command("leave"))
    bob.ask(Command("leave"))
    chat.tick()
    assert chat.hub.history.empty_rooms == ["tea"]
    for number in range(5):
        bob.ask(Command("join", f"room-{number}"), Say("hi"))
        chat.tick()
    assert chat.hub.history.empty_rooms == ["tea", "room-0", "room-1", "room-2", "room-3"]
    alice.ask(Command("join", "TEA"))
    chat.tick()
    assert chat.hub.history.empty_rooms == ["room-0", "room-1", "room-2", "room-3"]
    for _ in range(100):
        carol.ask(Say("x" * 1_000))
        chat.tick()
        carol.got()
    assert chat.hub.history.empty_rooms == []
    assert [entry.text for entry in page_of(chat.hub.history, "tea").messages] == ["first"] * 3


# --- a log that goes to another process


def log_of(**rooms: int) -> MemoryHistory:
    """A history with so many messages in each room, stamped one after another."""
    log = MemoryHistory()
    stamp = 0
    for room, count in rooms.items():
        for _ in range(count):
            stamp += 1
            log.add(room, Entry("ada", f"text {stamp}", stamp, f"key {stamp}"), 7)
        log.emptied(room)
    return log


def test_the_messages_after_a_stamp_are_those_of_the_room_in_their_order():
    log = log_of(tea=3, ale=2)
    assert log.messages_after("tea", 0) == log.messages("tea")
    assert [(entry.at, session) for entry, session in log.messages_after("tea", 1)] == [(2, 7), (3, 7)]
    assert log.messages_after("tea", 3) == log.messages_after("nowhere", 0) == []


def test_redacted_messages_are_found():
    log = log_of(tea=3)
    assert log.redacted("tea") == log.redacted("nowhere") == []
    log.redact_now("tea", 2)
    assert log.redacted("tea") == [2]


def test_other_rooms_are_forgotten_and_the_order_is_the_given_one():
    log = log_of(a=1, b=2, c=3)
    log.occupied("a")
    log.keep_only(["c", "nowhere", "a"])
    assert log.rooms == ["a", "c"]
    assert log.empty_rooms == ["c", "a"]
    assert log.size - log_of(c=3).size == log_of(a=1).size
    log.add("d", Entry("ada", "x", 9), 0)  # the bookkeeping is whole
    log.keep_only([])
    assert (log.rooms, log.size) == ([], 0)


def test_messages_that_are_added_together_are_counted_as_single_ones():
    single, together = MemoryHistory(per_room=100), MemoryHistory(per_room=100)
    entries = [Entry("ada", "x" * (at % 50), at) for at in range(1, 301)]
    for entry in entries:
        single.add("tea", entry, 0)
    for begin in (0, 1, 11, 150):
        end = next((it for it in (1, 11, 150) if it > begin), 300)
        together.add_plain("tea", entries[begin:end])
    assert together.messages("tea") == single.messages("tea") == [(entry, 0) for entry in entries[-100:]]
    assert together.size == single.size
