"""Reading logs out of a real Redis: pages are those that `cut_page` would cut, and searches find what memory finds."""

import itertools
from collections import deque
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pylingo.reactor.bus.redis.blob import Author, Part
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.log_reader import (
    Keyed,
    log_of,
    read_entry,
    read_keys,
    read_page,
    search,
)
from pylingo.reactor.history.finder import find_in_memory
from pylingo.reactor.history.history import FOREVER, cut_page
from pylingo.reactor.history.private import conversation, inbox
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Entry, HistoryRequest
from tests.fakes.redis_logs import JOIN, RedisLogs, logs_in, message
from tests.redis_server import running

TEA = log_of(Keys(), "tea")
BASE = 1_700_000_000_000_000

batches = st.lists(
    st.tuples(
        st.integers(1, 3),  # the distance to the batch before
        st.lists(
            st.sampled_from([message("red tea"), message("green"), message("tea", action=True), JOIN]), min_size=1
        ),
    ),
    max_size=30,
)
near = st.integers(-2, 130).map(lambda n: BASE + n)
bounds = st.none() | near | st.sampled_from([0, BASE, FOREVER, 2**64 - 1])


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisLogs]:
    with running(tmp_path_factory.mktemp("redis")) as process, logs_in(process) as logs:
        yield logs


@pytest.fixture(autouse=True)
def nothing_is_stored(logs: RedisLogs) -> None:
    logs.clear()


def fill(logs: RedisLogs, batches: list[tuple[int, list[Part]]]) -> list[Entry]:
    """Begin a room anew with these batches. Returns its messages."""
    logs.clear()
    top, entries = BASE, list[Entry]()
    for distance, events in batches:
        top += distance + len(events)
        entries += logs.add("tea", top, events)
    return entries


def never() -> bool:
    return False


# --- pages


@example([(1, [message()])], None, 0, 5)
@example([(1, [message()])], 2**64 - 1, 2**64 - 1, 5)
@given(batches, bounds, bounds, st.integers(1, 12))
def test_a_page_is_the_one_that_would_be_cut_out_of_all_messages(
    logs: RedisLogs, batches: list[tuple[int, list[Part]]], since: int | None, before: int | None, limit: int
):
    entries = fill(logs, batches)
    request = HistoryRequest(since, before, limit)
    assert logs.answer(read_page(TEA, request)) == cut_page(entries, request)


@pytest.mark.parametrize("limit", [1, 50, 100])
@pytest.mark.parametrize("forward", [False, True])
def test_the_pages_of_a_long_log_have_every_message_once(logs: RedisLogs, limit: int, forward: bool):
    sizes = itertools.cycle([1, 2, 7, 40])
    entries = fill(logs, [(1, [message(f"m{n}")] * next(sizes)) for n in range(60)])
    found: list[Entry] = []
    request = HistoryRequest(since=0 if forward else None, limit=limit)
    while True:
        page = logs.answer(read_page(TEA, request))
        assert page.oldest == entries[0].at
        found = [*found, *page.messages] if forward else [*page.messages, *found]
        if not page.more:
            break
        last, first = page.messages[-1].at, page.messages[0].at
        request = HistoryRequest(last if forward else None, None if forward else first, limit)
    assert found == entries


def test_a_page_may_begin_and_end_within_a_batch(logs: RedisLogs):
    entries = logs.add("tea", BASE + 9, [message(str(n)) for n in range(10)])
    page = logs.answer(read_page(TEA, HistoryRequest(before=BASE + 6, limit=3)))
    assert (page.messages, page.more, page.oldest) == (entries[3:6], True, BASE)
    page = logs.answer(read_page(TEA, HistoryRequest(since=BASE + 2, before=BASE + 6, limit=9)))
    assert (page.messages, page.more, page.oldest) == (entries[3:6], False, BASE)


def test_the_oldest_message_is_found_behind_many_batches_without_one(logs: RedisLogs):
    entries = fill(logs, [*[(1, [JOIN])] * 300, *[(1, [message()])] * 3])
    page = logs.answer(read_page(TEA, HistoryRequest(limit=1)))
    assert (page.messages, page.more, page.oldest) == (entries[-1:], True, entries[0].at)


def test_long_messages_share_a_page_as_far_as_they_fit(logs: RedisLogs):
    entries = fill(logs, [(1, [message("x" * 4_000)] * 3)] * 10)
    for request in (HistoryRequest(), HistoryRequest(since=0)):
        page = logs.answer(read_page(TEA, request))
        assert page == cut_page(entries, request)
        assert page.more


def test_a_page_costs_few_steps_and_no_long_reply(logs: RedisLogs):
    fill(logs, [(1, [message("x" * 300)] * 40)] * 500)
    logs.steps = 0
    before = logs.call("INFO", "stats")
    logs.answer(read_page(TEA, HistoryRequest(limit=50)))
    assert logs.steps <= 4
    sent = [int(text.split(b"total_net_output_bytes:")[1].split()[0]) for text in (before, logs.call("INFO", "stats"))]
    assert sent[1] - sent[0] < 400_000
    logs.steps = 0
    fill(logs, [(1, [message()])] * 200)
    logs.answer(read_page(TEA, HistoryRequest(limit=50)))
    assert logs.steps <= 4


def test_a_redaction_that_is_noted_takes_the_text_out_of_a_page(logs: RedisLogs):
    entries = fill(logs, [(1, [message("secret"), message("tea")])])
    logs.call("SADD", "pylingo:{0}dead:tea", entries[0].at)
    page = logs.answer(read_page(TEA, HistoryRequest()))
    assert [(it.at, it.text, it.redacted) for it in page.messages] == [
        (entries[0].at, "", True),
        (entries[1].at, "tea", None),
    ]


def test_private_messages_have_a_log_for_each_conversation_and_inbox(logs: RedisLogs):
    places = [conversation("SHA256:a", 7), inbox("SHA256:a"), inbox(7)]
    entries = [Entry("ada", f"m{n}", BASE + n, None, "ben", None, "SHA256:a") for n in range(60)]
    for entry in entries:
        logs.add_private(places[0], entry)
        logs.add_private(places[1], entry)
    for request in (HistoryRequest(limit=20), HistoryRequest(BASE + 30, limit=20), HistoryRequest(before=BASE + 5)):
        for place in places[:2]:
            assert logs.answer(read_page(log_of(Keys(), place), request)) == cut_page(entries, request)
    assert logs.answer(read_page(log_of(Keys(), places[2]), HistoryRequest())) == cut_page([], HistoryRequest())


# --- searches


@example([(1, [message()])], 0, 5, "tea", set())
@given(batches, bounds, st.integers(1, 5), st.sampled_from(["tea", "red", "gre", "no"]), st.sets(near))
def test_a_search_finds_what_memory_finds(
    logs: RedisLogs,
    batches: list[tuple[int, list[Part]]],
    before: int | None,
    limit: int,
    words: str,
    dead: set[int],
):
    entries = fill(logs, batches)
    dead &= {entry.at for entry in entries}
    if dead:
        logs.call("SADD", "pylingo:{0}dead:tea", *dead)
    living = [Entry(it.from_, "", it.at, redacted=True) if it.at in dead else it for it in entries]
    request = HistoryRequest(before=before, limit=limit, search=words)
    assert logs.answer(search(TEA, request, never)) == find_in_memory(deque(living), request, never)


def test_a_search_that_ends_early_goes_on_where_it_ended(logs: RedisLogs):
    entries = fill(logs, [(1, [message(f"{word} {n}") for word in ("tea", "red", "milk")]) for n in range(100)])
    found: list[Entry] = []
    before: int | None = None
    for _ in range(1_000):
        looks = itertools.count()
        request = HistoryRequest(before=before, search="tea")
        page = logs.answer(search(TEA, request, lambda looks=looks: next(looks) >= 6))  # type: ignore[misc]
        found = [*page.messages, *found]
        before = page.next
        if before is None:
            break
    assert found == [entry for entry in entries if entry.text.startswith("tea")]


def test_a_search_without_words_is_refused(logs: RedisLogs):
    with pytest.raises(RequestError):
        logs.answer(search(TEA, HistoryRequest(search=" . "), never))


def ticking(step: float) -> Callable[[], float]:
    """A clock that goes on by `step` each time that it is read."""
    return itertools.count(0.0, step).__next__


def test_long_work_rests_after_a_millisecond_and_a_half(logs: RedisLogs):
    fill(logs, [(1, [message("tea")])] * 50)
    logs.rests = 0
    logs.answer(search(TEA, HistoryRequest(search="milk"), never, ticking(0.0008)))
    assert 24 <= logs.rests <= 26
    logs.rests = 0
    logs.answer(search(TEA, HistoryRequest(search="milk"), never, ticking(0.000001)))
    assert logs.rests == 0


def test_the_larger_the_entries_the_fewer_are_asked_for(logs: RedisLogs):
    for length, most in ((20, 128), (1_000, 120), (8_000, 16)):
        fill(logs, [(1, [message("x" * length)])] * 300)
        logs.asked.clear()
        logs.answer(search(TEA, HistoryRequest(search="milk"), never))
        counts = [command[5] for command in logs.asked if command[0] == "XREVRANGE"]
        assert counts[0] == 16
        assert counts[1:]
        assert all(abs(count - most) <= 8 for count in counts[1:])


# --- keys and single entries


def test_the_keys_of_a_room_are_read_without_its_messages(logs: RedisLogs):
    logs.add("tea", BASE + 2, [message(key="a", session=1), JOIN, message(key="b", session=2, name="BEN")])
    logs.add("tea", BASE + 4, [message()])
    logs.add("tea", BASE + 5, [message(key="c", session=1)])
    found: list[Keyed] = []
    assert logs.answer(read_keys(TEA, 0, 9, found.append)) == BASE + 5
    ada, ben = Author(1, "ada"), Author(2, "ben")
    assert found == [(["a"], ada, BASE), (["b"], ben, BASE + 2), (["c"], ada, BASE + 5)]
    found.clear()
    assert logs.answer(read_keys(TEA, BASE + 4, 9, found.append)) == BASE + 5
    assert found == [(["c"], ada, BASE + 5)]
    assert logs.answer(read_keys(TEA, BASE + 5, 9, found.append)) == BASE + 5


def test_the_keys_of_a_conversation(logs: RedisLogs):
    place = conversation(1, 2)
    logs.add_private(place, Entry("Ada", "hi", BASE, "a", "ben"), 1)
    logs.add_private(place, Entry("Ben", "ho", BASE + 1, None, "ada"), 2)
    found: list[Keyed] = []
    assert logs.answer(read_keys(log_of(Keys(), place), 0, 9, found.append)) == BASE + 1
    assert found == [(["a"], Author(1, "ada"), BASE)]


def test_an_entry_by_a_stamp_in_it(logs: RedisLogs):
    logs.add("tea", BASE + 2, [message()] * 3)
    found = logs.answer(read_entry(TEA, BASE + 1))
    assert found is not None
    assert found[0] == BASE + 2
    assert logs.answer(read_entry(TEA, BASE + 3)) is None


def test_rooms_are_read_in_their_lanes():
    keys = Keys("c", 0, 64)
    assert log_of(keys, "lobby").stream == f"c:{{{keys.lane('lobby')}}}r:lobby"
    assert log_of(keys, "@7").stream == "c:{0}p:@7"
