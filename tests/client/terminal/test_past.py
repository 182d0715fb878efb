"""Pages of the log, older and newer, whatever else happens: a window of the whole log, without holes or repetitions."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.events import PageReply, Received
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.line import Line, is_of_log
from pylingo.client.terminal.model import AskPage
from pylingo.client.terminal.past import RESERVE
from pylingo.client.wording import REMOVED
from pylingo.shared.messages import Entry, HistoryPage, HistoryRequest, Joined, Private
from tests.fakes.past import HIDDEN, World, bound, check, in_view, visible

# --- older pages


def test_older_messages_are_requested_near_the_first_ones() -> None:
    world = World(said=400, shown=350, rows=30)
    assert world.press("page-up", "page-up") == [], f"more than {RESERVE} lines are above"
    world.press("alt-<")
    ((effect, _),) = world.requests
    assert effect == AskPage(HistoryRequest(before=world.log[50].at, limit=100, room="lobby"))
    assert world.press("page-up", "alt-<", "wheel-up") == [], "one request at a time"
    assert world.rows[2] == "loading older messages …"
    world.settle()
    assert world.stamps == visible(world.log)
    check(world)


def test_the_beginning_is_told_and_nothing_more_is_requested() -> None:
    world = World(said=30, shown=5)
    world.press("page-up")
    world.settle()
    world.press("alt-<")
    assert world.rows[1:3] == ["* you are in lobby as ada; 1 other is here", "--- beginning of lobby ---"]
    assert world.press("page-up", "alt-<") == []
    assert not world.requests
    world.press("alt->")
    assert world.rows[-1] == "bob: m30"


def test_a_room_of_few_messages_is_filled_with_older_ones() -> None:
    world = World(said=30, shown=2)
    assert not world.model.buffer.scrollback.viewport.is_scrolled
    world.press("page-up")
    assert world.rows[2] == "loading older messages …"
    world.settle()
    assert world.rows[-1] == "bob: m30"
    assert "bob: m27" in world.rows


def test_pages_of_hidden_people_are_passed_over() -> None:
    world = World(said=20, shown=0)
    world.say(250, who=HIDDEN)
    world.say(2)
    world.press("page-up")
    world.settle()
    assert len(world.stamps) == 22
    assert "m3 " not in " ".join(world.rows)


def test_nothing_is_requested_without_a_connection() -> None:
    world = World(said=30)
    world.cut()
    world.press("page-up", "alt-<")
    assert not world.requests
    assert world.rows[2] == "! not connected: other messages can be loaded once the"
    world.return_()
    world.press("page-up")
    assert len(world.requests) == 1
    world.settle()
    check(world)


def test_a_request_is_lost_with_the_connection_and_can_be_repeated() -> None:
    world = World(said=30)
    world.press("alt-<")
    world.cut()
    assert world.rows[2] == "! the connection was lost; PgUp tries again"
    world.return_()
    world.press("page-up")
    world.settle()
    assert len(world.stamps) == 30


def test_an_error_is_told_and_the_request_can_be_repeated() -> None:
    world = World(said=30)
    world.press("alt-<")
    world.reply("the history is out of order")
    assert world.rows[2] == "! the history is out of order; PgUp tries again"
    assert not world.requests, "not by itself"
    world.press("page-up")
    world.settle()
    assert len(world.stamps) == 30


def test_a_reply_to_another_request_changes_nothing() -> None:
    world = World(said=30)
    world.press("alt-<")
    effect, record = world.requests[0]
    world.do(PageReply(replace(effect.request), record))
    assert len(world.stamps) == 5
    world.model.buffer.page = None
    world.do(PageReply(effect.request, record))
    assert len(world.stamps) == 5


def test_a_message_that_is_removed_meanwhile_is_not_shown_again() -> None:
    world = World(said=30)
    world.press("alt-<")
    world.redact(world.log[3])
    world.settle()
    assert world.lines[[line.at for line in world.lines].index(world.log[3].at)].text == REMOVED
    assert "m4" not in [line.text for line in world.lines]
    world = World(said=30)
    world.redact(world.log[3])
    world.press("alt-<")
    world.settle()
    assert REMOVED in [line.text for line in world.lines], "nor if it was removed before"


def test_a_page_that_does_not_fit_any_more_is_dropped_and_requested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bound(monkeypatch, page=2)
    world = World(said=60)
    world.press("page-up")
    asked = world.model.buffer.scrollback.loaded.part.first
    world.press("escape")
    while world.model.buffer.scrollback.loaded.part.first == asked:
        world.say()  # until the first ones have gone
    first = world.model.buffer.scrollback.loaded.part.first
    world.reply()
    assert world.model.buffer.scrollback.loaded.part.first == first
    check(world)
    world.press("page-up", "alt-<")
    assert world.requests
    world.settle()
    check(world)


def test_the_messages_of_a_page_are_shown_as_if_they_had_come_live() -> None:
    world = World(said=3, shown=1)
    world.log[0].text, world.log[1].action = "hello ada \u202e\r", True
    world.press("page-up")
    world.settle()
    first, second = (line for line in world.lines if line.at in (world.log[0].at, world.log[1].at))
    assert (first.text, first.is_mention, first.is_action) == ("hello ada \ufffd\ufffd", True, False)
    assert (second.is_mention, second.is_action) == (False, True)
    assert world.model.buffer.widest_name == 3


# --- conversations, other rooms, other servers


def conversation(world: World) -> Buffer:
    world.do(Received(Private("Grace", "ada", "hi", 500)))
    world.model.active = 1
    return world.model.buffer


def test_a_conversation_is_requested_with_its_person() -> None:
    world = World()
    buffer = conversation(world)
    (effect,) = world.press("page-up")
    assert effect == AskPage(HistoryRequest(before=500, limit=100, with_="Grace"))
    entries = [Entry("Grace", "one", 100, to="ada"), Entry("ada", "two", 200, to="Grace")]
    world.model.own_names.add("ada")
    world.do(PageReply(effect.request, HistoryPage(None, entries, False, 100, with_="Grace")))
    said = [(line.who, line.text, line.is_own) for line in buffer.scrollback.lines if line.kind == "message"]
    assert said == [("Grace", "one", False), ("ada", "two", True), ("Grace", "hi", False)]
    assert "--- beginning of @Grace ---" in [line.text for line in buffer.scrollback.lines]


def test_new_messages_stay_below_their_mark() -> None:
    world = World()
    buffer = conversation(world)
    assert [line.kind for line in buffer.scrollback.lines] == ["marker", "message"]
    (effect,) = world.press("page-up")
    entries = [Entry("Grace", "one", 100, to="ada")]
    world.do(PageReply(effect.request, HistoryPage(None, entries, True, 100, with_="Grace")))
    assert [line.kind for line in buffer.scrollback.lines] == ["day", "message", "marker", "message"]


def test_a_conversation_that_has_ended_is_not_requested() -> None:
    world = World()
    conversation(world).is_ended = True
    assert world.press("page-up") == []
    assert world.lines[0].text == "! this conversation has ended: the server has no more of it for us"


def test_a_buffer_without_a_room_requests_nothing() -> None:
    world = World()
    world.model.buffer.is_outside = True
    assert world.press("page-up") == []
    assert "! not in the room: nothing can be loaded" in [line.text for line in world.lines]
    world.model.buffer.room = None
    assert world.press("page-up") == []
    assert "! no room: there is nothing to load" in [line.text for line in world.lines]


def test_a_server_of_one_room_is_not_told_which() -> None:
    world = World(said=30)
    world.model.features = frozenset()
    (effect,) = world.press("page-up")
    assert effect == AskPage(HistoryRequest(before=world.log[25].at, limit=100))


def test_a_page_for_the_room_that_was_left_is_dropped() -> None:
    world = World(said=30)
    world.press("page-up")
    world.model.moves = {"ops": world.model.buffer}
    world.do(Received(Joined("ops", "ada", 1)))
    world.settle()
    assert len(world.stamps) == 5
    (effect,) = world.press("page-up")
    assert effect == AskPage(HistoryRequest(limit=100, room="ops"))


def test_a_page_for_a_buffer_that_is_not_shown_waits_there() -> None:
    world = World(said=300)
    world.press("page-up")
    room = world.model.buffer
    conversation(world)
    world.reply()
    assert len(room.scrollback.lines) > 100
    assert not world.requests, "nobody looks at it"


# --- whatever happens


@st.composite
def actions(draw: st.DrawFn) -> list[tuple[str, int]]:
    names = ["say", "say", "late", "arrive", "hidden", "own", "confirm", "redact", "reply", "reply", "reply", "error"]
    names += ["page-up", "page-up", "page-up", "shift-up", "page-down", "shift-down", "alt-<", "alt->", "escape"]
    names += ["cut", "return", "other", "size"]
    return draw(st.lists(st.tuples(st.sampled_from(names), st.integers(0, 30)), max_size=80))


PASSIVE = {"say", "late", "arrive", "hidden", "redact", "reply", "error", "cut", "return", "other"}
"""The events without the person's doing. An own message that is confirmed goes to its place among the others."""


def assert_same_view(before: list[Line], after: list[Line]) -> None:
    """No message in view has moved. Lines of the client's own, above the first message, may have."""
    before, after = ([line for line in lines if is_of_log(line)] for lines in (before, after))
    shared = min(len(before), len(after))
    assert before[:shared] == after[:shared]


def act(world: World, action: str, number: int) -> None:
    match action:
        case "say":
            world.say(1 + number % 8)
        case "late":
            world.say(1 + number % 12, arrive=False)
        case "arrive":
            world.arrive(1 + number)
        case "hidden":
            world.say(1 + number % 12, who=HIDDEN)
        case "own":
            world.arrive()
            world.type(f"mine {number}")
        case "confirm":
            world.confirm()
        case "redact" if world.log and world.is_online:
            entry = world.log[number * len(world.log) // 31]
            if entry.at not in world.unconfirmed:
                world.redact(entry)
        case "reply":
            world.reply()
        case "error":
            world.reply("no")
        case "cut":
            world.cut()
        case "return":
            world.return_()
        case "other":
            world.model.active = number % 2
            world.model.active = 0
        case "size":
            world.model.rows = 4 + number % 8
        case _:
            world.press(action)


@given(actions(), st.integers(0, 90))
@settings(max_examples=50, deadline=None)
def test_memory_has_a_part_of_the_log_without_a_hole_whatever_happens(
    actions: list[tuple[str, int]], said: int
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        bound(monkeypatch)
        world = World(said)
        for action, number in actions:
            before = in_view(world) if world.model.buffer.scrollback.viewport.is_scrolled else []
            act(world, action, number)
            check(world)
            assert world.rows
            if action in PASSIVE:
                assert_same_view(before, in_view(world))
        world.return_()
        world.arrive()
        while world.unconfirmed:
            world.confirm()
        walk(world)


def walk(world: World) -> None:
    """Read everything from the end to the beginning and back."""
    everything = visible(world.log)
    world.press("alt->")
    for key in ("page-up", "page-down"):
        seen: set[int] = set()
        for _ in range(4 * len(world.log) + 50):
            seen |= {line.at for line in in_view(world) if is_of_log(line)}
            if is_over(world, key):
                break
            world.press(key)
            world.settle()
            check(world)
        assert seen == set(everything), "nothing is passed over"
        assert is_over(world, key)


def is_over(world: World, key: str) -> bool:
    """Whether the key has nothing left to show."""
    scrollback = world.model.buffer.scrollback
    if key == "page-down":
        return scrollback.loaded.has_end and not scrollback.viewport.is_scrolled
    return scrollback.loaded.part.has_beginning and scrollback.lines[0] in in_view(world)
