"""Answers in pages: in order, within a budget for each tick, and made no oftener than things change."""

import itertools
from collections.abc import Iterator

import pytest

import pylingo.reactor.chat.hub as hub_module
import pylingo.reactor.chat.listing as listing_module
import pylingo.reactor.chat.person as person_module
from pylingo.reactor.chat.hub import GRACE
from pylingo.reactor.chat.listing import Directory
from pylingo.shared.messages import (
    Command,
    Goodbye,
    Hello,
    Joined,
    Left,
    Message,
    PingRequest,
    Pong,
    Ready,
    Renamed,
    Rooms,
    Say,
    Users,
)
from pylingo.shared.names import fold
from tests.fakes.bench import Bench, benches
from tests.fakes.chat import NOON, Chat, Person

LONG = "n" * 25
"""Before a number, a name of which a page holds about 900."""


@pytest.fixture
def chat() -> Chat:
    return Chat(grace=GRACE)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all pages that are made."""
    sizes: list[int] = []

    def page(self, after, items, make):
        def counting(listed, more):
            sizes.append(len(make(listed, more)))
            return make(listed, more)

        return plain(self, after, items, counting)

    plain = Directory.page
    monkeypatch.setattr(Directory, "page", page)
    return sizes


def fill(chat: Chat, count: int, room: str | None = "tea") -> list[Person]:
    """So many people, in a room of that name or each in one of their own."""
    people = [Person(chat.hub) for _ in range(count)]
    for number, person in enumerate(people):
        person.ask(Command("name", f"{LONG}{number:05}"), Command("join", room or f"{LONG}{number:05}"))
        person.out.buffers.clear()
    chat.tick()
    for person in people:
        person.out.buffers.clear()
        person.got()
    return people


def ticks(chat: Chat, person: Person) -> list[list[object]]:
    """The records that the person gets in each tick until the listing is out."""
    got = []
    while person.session.listing is not None:
        chat.tick()
        got.append(person.got())
    return got


# --- directories ----------------------------------------------------------------------------------------------


def listed(directory: Directory, after: str = "") -> tuple[list[str], bool]:
    items = []

    def make(page: list[str], more: bool) -> bytes:
        items.extend(page)
        return b"frame"

    page, _ = directory.page(after, lambda keys: ((key, 5_000) for key in keys), make)
    return items, page.more


def test_keys_are_in_order_whatever_comes_and_goes():
    directory = Directory()
    for key in ("m", "c", "x", "a", "n"):
        directory.add(key)
    directory.remove("c")
    directory.remove("x")
    directory.add("b")
    assert directory.keys == ["a", "b", "m", "n"]
    with pytest.raises(AssertionError):
        directory.remove("c")


def test_each_page_begins_behind_the_last_key_of_the_one_before():
    directory = Directory()
    for number in range(14):
        directory.add(f"{number:02}")
    pages = []
    after, more = "", True
    while more:
        items, more = listed(directory, after)
        pages.append(items)
        after = items[-1]
    assert [len(page) for page in pages] == [6, 6, 2]
    assert [key for page in pages for key in page] == directory.keys


@pytest.mark.parametrize("gone", ["05", "03", "06"])
def test_a_page_begins_in_the_right_place_after_a_change(gone):
    directory = Directory()
    for number in range(14):
        directory.add(f"{number:02}")
    assert listed(directory)[0][-1] == "05"
    directory.remove(gone)
    directory.add("055")
    rest = [key for key in directory.keys if key > "05"]
    assert listed(directory, "05")[0] == rest[:6]


@pytest.mark.parametrize("change", [None, "add", "remove", "changed"])
def test_a_page_is_made_once_for_each_change(change):
    directory = Directory()
    directory.add("a")
    listed(directory)
    if change is not None:
        getattr(directory, change)(*{"add": "b", "remove": "a"}.get(change, ""))
    assert listed(directory)[0] == ([] if change is None else directory.keys)


def test_a_page_of_what_is_empty():
    assert listed(Directory()) == ([], False)


def test_a_page_reads_no_more_than_it_sends():
    """Of 50,000 keys."""
    directory = Directory()
    directory.keys = [f"{number:05}" for number in range(50_000)]
    read = []

    def items(keys):
        for key in keys:
            read.append(key)
            yield key, 32

    page, _ = directory.page("20000", items, lambda listed, more: b"frame")
    assert read[0] == "20001"
    assert len(read) == (32_768 - 512) // 32 + 1
    assert page.last == read[-2]


def test_no_more_pages_are_kept_than_some():
    directory = Directory()
    directory.keys = [f"{number:05}" for number in range(2_000)]
    kept = []
    for number in range(2_000):
        listed(directory, f"{number:05}")
        kept.append(directory.pages_kept)
    assert max(kept) == 128


# --- over several ticks -----------------------------------------------------------------------------------------


def test_a_long_listing_comes_a_page_in_a_tick_and_holds_up_what_its_session_asks_next(chat):
    people = fill(chat, 3_000)
    bob, alice = people[0], people[-1]
    alice.ask(Command("users", id=1), PingRequest(2), Say("late", id=3))
    (first,) = alice.got()
    assert (first.more, first.re) == (True, 1)
    bob.ask(Say("between"))
    got = ticks(chat, alice)
    assert got[0][0] == Message("tea", bob.name, "between", NOON)
    pages = [first, *(record for records in got for record in records if type(record) is Users)]
    assert len(pages) == len(got) + 1 == 4
    assert [page.more for page in pages] == [True, True, True, False]
    assert [name for page in pages for name in page.users] == [person.name for person in people]
    chat.tick()
    rest = [*got[-1][1:], *alice.got()]
    assert [type(record).__name__ for record in rest] == ["Pong", "Sent"]


def test_the_frames_of_the_room_keep_their_place_between_the_pages(chat):
    """A page shows the moment in which it stands: whoever applies the frames behind it has who is there."""
    people = fill(chat, 2_500)
    alice = people[0]
    alice.ask(Command("users"))
    known: set[str] = set()
    changes = itertools.count()

    def apply(records: list[object]) -> None:
        for record in records:
            match record:
                case Users(users=users):
                    known.update(users)
                case Joined(name=name):
                    known.add(name)
                case Left(name=name):
                    known.discard(name)
                case Renamed(old=old, new=new):
                    known.discard(old)
                    known.add(new)

    apply(alice.got())
    while alice.session.listing is not None:
        number = next(changes)
        people[number + 1].ask(Command("leave"))
        people[-number - 1].ask(Command("leave"))
        people[number + 10].ask(Command("name", f"zoe{number}"))
        people[-number - 10].ask(Command("name", f"aaron{number}"))
        for name in (f"aa{number}", f"zz{number}"):
            Person(chat.hub).ask(Command("name", name), Command("join", "tea"))
        chat.tick()
        apply(alice.got())
    assert next(changes) > 1
    assert known == {member.person.name for member in chat.hub.rooms["tea"].members.values()}


def test_entries_that_are_there_all_the_time_are_listed_once_and_in_order(chat):
    people = fill(chat, 2_500, None)
    alice = chat.person("alice")
    alice.ask(Command("list"))
    pages = alice.got()
    gone = set()
    for number in itertools.count():
        if alice.session.listing is None:
            break
        for person in (people[number], people[-number - 1], people[1_200 + number]):
            gone.add(person.session.room.name)
            person.ask(Command("leave"))
        chat.person(room=f"a{number}")
        chat.person(room=f"z{number}")
        pages += alice.got()
    rooms = [info.room for page in pages for info in page.rooms]
    assert rooms == sorted(set(rooms))
    assert set(rooms) >= {room.name for room in chat.hub.rooms.values() if room.name.startswith(LONG)}
    assert len(pages) > 2


def test_many_peers_that_ask_at_once_get_the_same_pages(chat, made):
    people = fill(chat, 2_000)
    for person in people[:50]:
        person.ask(Command("users"))
    while any(person.session.listing for person in people[:50]):
        chat.tick()
    assert len(made) == 3
    frames = {id(data) for person in people[:50] for data in person.out.buffers}
    assert len(frames) == 3


# --- within a budget --------------------------------------------------------------------------------------------


def test_those_who_rename_and_ask_share_what_a_tick_allows(chat, made):
    """50 do so ten times each in a room of 300: with everything made anew for each, that was a tick of 3.6 s."""
    people = fill(chat, 300)
    for turn in range(10):
        for number, person in enumerate(people[:50]):
            person.ask(Command("name", f"other{turn}.{number}"), Command("users", id=turn), PingRequest(turn))
    size = max(made)
    while any(person.session.is_busy for person in people[:50]):
        assert sum(made) <= listing_module.BUDGET + size
        made.clear()
        chat.tick()
    for person in people[:50]:
        answers = [record.re for record in person.got() if type(record) in (Users, Pong)]
        assert answers == [turn for turn in range(10) for _ in "up"]


def test_the_next_page_goes_to_the_peer_that_has_waited_longest(chat, monkeypatch):
    monkeypatch.setattr(listing_module, "BUDGET", 1)
    chat = Chat()
    people = fill(chat, 1_500)[:4]
    order = []
    for person in people:
        person.ask(Command("users"))
    for _ in range(20):
        chat.tick()
        order += [number for number, person in enumerate(people) if person.got()]
    assert order == [0, 0, 1, 2, 3, 1, 2, 3]  # the first page is out at once


def test_an_empty_queue_is_no_reason_to_get_a_page_before_the_others(chat, monkeypatch):
    monkeypatch.setattr(listing_module, "BUDGET", 1)
    chat = Chat()
    people = fill(chat, 1_500)[:3]
    order = []
    for person in people:
        person.ask(Command("users"))
        person.session.drained()
    for _ in range(20):
        chat.tick()
        order += [number for number, person in enumerate(people) if person.got()]
    assert order == [0, 0, 1, 2, 1, 2]


def test_even_the_smallest_answers_are_counted(chat, monkeypatch):
    monkeypatch.setattr(listing_module, "BUDGET", 2_560)
    chat = Chat()
    people = chat.people(*(f"u{number}" for number in range(30)))
    for person in people:
        person.ask(Command("users"))
    assert [bool(person.got()) for person in people] == [True] * 10 + [False] * 20
    for count in (10, 10, 0):
        chat.tick()
        chat.tick() if count else None
        assert sum(bool(person.got()) for person in people) == count


def test_nothing_is_folded_for_a_listing_and_nothing_is_sorted(chat, monkeypatch):
    people = fill(chat, 20)
    folded = []
    for module in (hub_module, person_module):
        monkeypatch.setattr(module, "fold", lambda name: folded.append(name) or fold(name))
    people[0].ask(Command("users"), Command("list"), Command("leave"), Command("list"))
    assert folded == []
    people[1].ask(Command("name", "Anne"))
    assert folded == ["Anne"]


# --- whose connection is slow, or ends --------------------------------------------------------------------------


def test_a_slow_reader_gets_a_page_once_it_has_read_the_last_one(chat):
    alice = fill(chat, 4_000)[0]
    alice.out.stuck = True
    alice.ask(Command("users"))
    for _ in range(10):
        chat.tick()
    pages = alice.got()
    assert len(pages) == 3
    assert 65_536 < alice.out.queued <= 65_536 + 32_772
    alice.drain()
    alice.out.stuck = True
    for _ in range(10):
        chat.tick()
    pages += alice.got()
    assert [page.more for page in pages] == [True] * 4 + [False]
    assert len({name for page in pages for name in page.users}) == 4_000
    assert alice.endings == []


def test_a_session_told_twice_that_its_queue_is_empty_gets_one_page(chat):
    alice = fill(chat, 5_000)[0]
    alice.out.stuck = True
    alice.ask(Command("users"))
    for _ in range(10):
        chat.tick()
    assert len(alice.got()) == 3
    alice.out.take_all()
    alice.session.drained()
    alice.session.drained()
    chat.tick()
    assert len(alice.got()) == 1


@pytest.mark.parametrize("ending", ["close", "idle", "lost", "shutdown"])
def test_an_end_in_the_middle_of_a_listing(chat, ending, made):
    alice = fill(chat, 3_000)[0]
    alice.ask(Command("users"))
    alice.got()
    if ending == "lost":
        alice.lose()
    elif ending == "shutdown":
        alice.session.shut_down("bye")
    else:
        alice.session.end(ending, "bye")
    chat.tick()
    assert [type(record) for record in alice.got()] == ([] if ending == "lost" else [Goodbye])
    made.clear()
    for _ in range(5):
        chat.tick()
    assert alice.got() == made == []
    assert chat.scheduled == []
    assert alice.session.listing is None


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "replaced"])
@pytest.mark.parametrize("slow", [True, False], ids=["slow", "fast"])
def test_a_session_resumed_in_the_middle_of_a_listing_is_heard(chat, lost, slow):
    fill(chat, 4_000)
    alice = Person(chat.hub)
    alice.ask(Hello(1, "alice"), Command("join", "tea"))
    chat.tick()
    token = next(record.token for record in alice.got() if type(record) is Ready)
    alice.out.stuck = slow
    alice.ask(Command("users", id=1), PingRequest(2))
    chat.tick()
    alice.got()
    if lost:
        alice.lose()
        chat.tick()
    back = Person(chat.hub)
    back.got()
    back.ask(Hello(1, resume=token), PingRequest(3), Command("users", id=4), PingRequest(5))
    chat.tick()
    alice.drain()
    ticks(chat, back)
    back.read_again()
    answers = [record for record in back.got()[1:] if not (type(record) is Users and record.more)]
    assert [(type(record).__name__, record.re) for record in answers] == [
        ("Ready", None),
        ("Pong", 3),
        ("Users", 4),
        ("Pong", 5),
    ]
    assert {type(record) for record in alice.got()} <= {Users, Goodbye}


# --- on a real connection ---------------------------------------------------------------------------------------


@pytest.fixture
def bench() -> Iterator[Bench]:
    with benches() as make:
        yield make()


def test_list_and_what_follows_in_one_send(bench):
    """62 pages of 50,000 rooms would be too much for a test: these are five."""
    people = [Person(bench.server.hub) for _ in range(4_000)]
    for number, person in enumerate(people):
        person.ask(Command("join", f"{number:05}"))
    wire = bench.guest()
    before = bench.reactor.ticks
    wire.send(Command("list", id=1), PingRequest(2), Command("join", "tea", 3), Command("list", id=4), PingRequest(5))
    got = []
    bench.turn_until(lambda: got.extend(wire.got()) or (got and got[-1] == Pong(5)))
    kinds = [(type(record), record.re) for record in got]
    pages = sum(type(record) is Rooms and record.re == 1 for record in got)
    assert pages > 4
    assert bench.reactor.ticks - before >= pages
    assert [kind for kind, _ in itertools.groupby(kinds)] == [
        (Rooms, 1),
        (Pong, 2),
        (Joined, 3),
        (Rooms, 4),
        (Pong, 5),
    ]
    for number, more in ((1, 0), (4, 1)):
        rooms = [info.room for page in got if type(page) is Rooms and page.re == number for info in page.rooms]
        assert rooms == [f"{number:05}" for number in range(4_000)] + ["tea"] * more


def test_a_directory_takes_other_keys():
    directory = Directory()
    for key in ("b", "d"):
        directory.add(key)
    directory.replace({"c", "a", "b"})
    assert directory.keys == ["a", "b", "c"]
    assert [directory.has(key) for key in "abcd"] == [True, True, True, False]
    directory.remove("b")
    assert directory.keys == ["a", "c"]
