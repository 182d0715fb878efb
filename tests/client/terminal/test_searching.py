"""A search among the messages: in memory, then on the server; walking through the matches, and back."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pylingo.client.terminal import past, searching
from pylingo.client.terminal.input_events import Text
from pylingo.client.terminal.line import Line, is_of_log
from pylingo.client.terminal.model import AskPage, Do, Effect, SearchGoesOn
from pylingo.client.terminal.status import status_line
from pylingo.client.wording import REMOVED
from pylingo.shared.messages import HistoryRequest
from tests.fakes.past import HIDDEN, World, bound, check, in_view, visible
from tests.fakes.window import plain


def world(said: int, shown: int, *matches: int, rows: int = 12) -> World:
    """A room in which the messages with these numbers have the word `deploy`."""
    made = World(columns=90, rows=rows)
    made.say(said, arrive=False)
    for number in matches:
        made.log[number - 1].text = f"the Deployment {number} of today"
    made.skip(said - shown)
    made.arrive()
    return made


def press(made: World, keys: str) -> list[Effect]:
    """Press keys one by one. All requests are answered."""
    effects = []
    for key in keys:
        effects += made.do(Text(key))
        made.settle()
    return effects


def search(made: World, words: str = "deploy") -> None:
    made.type(f"/search {words}")
    made.settle()


def status(made: World) -> str:
    return plain(status_line(made.model, 0.0)).strip()


def current(made: World) -> int | None:
    """The number of the match that is looked at, which is in view."""
    found = made.model.buffer.search
    if found is None or found.current is None:
        return None
    number = next(index for index, entry in enumerate(made.log, 1) if entry.at == found.current)
    assert f"bob: the Deployment {number} of today" in made.rows
    return number


# --- walking


def test_the_newest_match_is_shown_first_and_the_keys_go_on_from_there() -> None:
    made = world(300, 300, 10, 150, 290)
    search(made)
    assert current(made) == 290
    assert status(made).startswith("match 1 of 3+ for deploy · n older · N newer · Esc back")
    assert [(press(made, key) and None) or current(made) for key in "nnNN"] == [150, 10, 150, 290]
    press(made, "N")
    assert status(made) == "no newer match"
    press(made, "nnn")
    assert status(made) == "no older match has been found: deploy"
    assert current(made) == 10
    press(made, "N")
    assert status(made).startswith("match 2 of 3 for deploy"), "now all are known"


def test_matches_beyond_memory_come_from_the_server_with_the_messages_around_them() -> None:
    made = world(3_000, 60, 10, 700, 1_500, 2_990)
    made.searched_at_once = 400
    search(made)
    for number, key in ((2_990, ""), (1_500, "n"), (700, "n"), (10, "n"), (700, "N"), (1_500, "N"), (2_990, "N")):
        press(made, key)
        assert current(made) == number
        check(made)
        rows = [index for index, row in enumerate(made.rows) if f"Deployment {number} " in row]
        assert 2 <= rows[0] <= len(made.rows) - 2, "one sees what was said around it"
    assert status(made).startswith("match 1 of 4 for deploy")


def test_the_request_names_the_room_and_the_place_from_which_to_go_on() -> None:
    made = world(300, 60, 250)
    effects = made.type("/search Deploy  TODAY")
    asked = [effect.request for effect in effects if isinstance(effect, AskPage) and effect.request.search]
    assert asked == [HistoryRequest(before=made.log[240].at, limit=100, room="lobby", search="Deploy  TODAY")]


@pytest.mark.parametrize("scrolled", [0, 3, 30])
def test_escape_goes_back_to_where_one_was(scrolled: int) -> None:
    made = world(3_000, 200, 20, 1_500)
    made.press(*["shift-up"] * scrolled)
    before = made.rows
    search(made)
    press(made, "nN")
    made.press("page-up", "page-up")
    made.settle()
    made.press("escape")
    assert made.rows == before
    assert made.model.buffer.search is None
    assert made.model.buffer.scrollback.loaded.aside is None
    check(made)
    made.settle()
    assert made.rows == before
    assert made.model.buffer.scrollback.viewport.is_scrolled == (scrolled > 0)


def test_escape_goes_back_to_a_place_far_from_the_end() -> None:
    made = world(3_000, 1_500, 20)
    made.press(*["page-up"] * 80)
    before = made.rows
    search(made)
    assert current(made) == 20
    made.press("escape")
    assert made.rows == before
    check(made)
    made.press("alt->")
    assert made.rows[-1] == "bob: m3000"


def test_escape_goes_near_to_a_place_whose_lines_have_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    bound(monkeypatch, lines=40)
    made = world(500, 60, 20)
    made.press(*["shift-up"] * 10)
    made.settle()
    bottom = next(line for line in made.model.buffer.scrollback.viewport.upwards() if is_of_log(line))
    search(made, bottom.text)
    for _ in range(60):
        made.press("page-up")
        made.settle()
    assert bottom not in made.lines
    made.press("escape")
    made.settle()
    assert f"bob: {bottom.text}" in made.rows
    check(made)


def test_escape_goes_to_the_end_if_one_was_there_whatever_has_arrived() -> None:
    made = world(3_000, 100, 20)
    search(made)
    made.say(500)
    made.press("escape")
    assert made.rows[-1] == "bob: m3500"
    check(made)


def test_enter_ends_the_search_and_stays_and_a_message_goes_to_the_end() -> None:
    made = world(300, 300, 50)
    search(made)
    before = made.rows
    made.press("enter")
    assert made.model.buffer.search is None
    assert made.rows == before
    made.press("enter")
    assert made.rows[-1] == "bob: m300"
    search(made)
    made.type("hello")
    assert made.model.buffer.search is None
    assert made.rows[-1] == "… ada: hello"


def test_keys_that_are_faster_than_the_server_lead_to_the_last_match_asked_for() -> None:
    made = world(3_000, 60, 10, 700, 1_500)
    search(made)
    press(made, "nnN")
    assert current(made) == 700
    made.press("escape")
    search(made)
    made.do(Text("n"))
    made.settle()
    press(made, "N")
    for key in "nnN":
        made.do(Text(key))
    pages = [effect for effect, _ in made.requests if not effect.request.search]
    assert len(pages) == 1
    made.settle()
    assert current(made) == 700


def test_leaving_after_going_to_the_end_finds_the_place_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    bound(monkeypatch, lines=60, newest=10)
    made = world(50, 30, 5)
    made.press("shift-up")
    before = made.rows
    search(made)
    made.say()
    made.press("alt->", "escape")
    assert made.rows == before
    assert not made.requests
    check(made)


def test_leaving_after_reading_back_from_the_end_shows_each_message_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bound(monkeypatch, lines=200, newest=10)
    made = world(100, 30, 5)
    made.press(*["shift-up"] * 3)
    before = made.rows
    search(made)
    made.press("alt->")
    for _ in range(3):
        made.press("page-up")
        made.settle()
    made.press("escape")
    assert made.rows == before
    check(made)


def test_a_message_that_is_on_its_way_is_not_shown_after_a_later_match(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(3_000, 60, 700, 2_990)
    search(made)
    assert current(made) == 2_990
    made.do(Text("n"))
    while made.requests[0][0].request.search:
        made.reply()
    made.do(Text("N"))
    assert current(made) == 2_990
    made.settle()
    assert current(made) == 2_990, "the view stays at the match that the status row tells"
    check(made)


def test_a_second_request_waits_for_the_reply_to_one_that_nobody_needs() -> None:
    made = world(3_000, 60, 10, 700)
    made.type("/search deploy")
    while made.requests[0][0].request.search:
        made.reply()
    made.press("escape", "page-up")
    check(made)
    made.settle()
    assert len(made.stamps) > 60, "the older messages were requested then"
    check(made)


def test_the_lines_before_the_first_message_stay_there_when_the_parts_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    bound(monkeypatch, lines=400, newest=60)
    made = world(200, 30, 100)
    search(made)
    for _ in range(20):
        made.press("page-down")
        made.settle()
    assert made.model.buffer.scrollback.loaded.has_end
    for _ in range(30):
        made.press("page-up")
        made.settle()
        check(made)
    assert made.stamps == [entry.at for entry in made.log]


def test_the_keys_walk_only_while_the_line_is_empty() -> None:
    made = world(300, 300, 50, 100)
    press(made, "n")
    assert made.model.buffer.editor.text == "n", "there is no search"
    made.press("backspace")
    search(made)
    press(made, "on")
    assert made.model.buffer.editor.text == "on"
    assert current(made) == 100
    made.press("backspace", "backspace")
    made.do(Text("nN"))
    assert current(made) == 100, "keys that come together count one by one"
    assert made.model.buffer.editor.text == ""


def test_another_search_takes_the_place_of_the_first_and_goes_back_to_the_same_place() -> None:
    made = world(300, 300, 50, 100)
    before = made.rows
    search(made)
    search(made, "m200")
    assert "bob: m200" in made.rows
    made.press("escape")
    assert made.rows == before


def test_a_match_that_is_folded_is_unfolded() -> None:
    made = world(30, 30)
    made.say(text="\n".join(["row"] * 30) + " deploy")
    made.say(40)
    search(made)
    assert any("deploy" in row for row in made.rows)


def test_a_match_in_view_moves_nothing() -> None:
    made = world(300, 300, 150, 152)
    search(made)
    before = made.rows
    press(made, "n")
    assert current(made) == 150
    assert made.rows == before


def test_a_later_arrival_is_found_as_a_newer_match() -> None:
    made = world(300, 300, 50)
    search(made)
    made.say(500)
    made.say(text="deployed again")
    press(made, "N")
    assert made.rows[-1] == "bob: deployed again"
    press(made, "N")
    assert status(made) == "no newer match"


# --- what cannot be found


def test_nothing_is_found() -> None:
    made = world(300, 60)
    before = made.rows
    search(made, "unheard")
    assert status(made) == "nothing has been found: unheard"
    assert made.model.buffer.search is None
    assert made.rows == before


def test_nothing_is_asked_if_the_whole_room_is_in_memory() -> None:
    made = world(30, 5, 3)
    made.press("alt-<")
    made.settle()
    made.press("escape")
    assert not [effect for effect in made.type("/search deploy") if isinstance(effect, AskPage)]
    assert status(made).startswith("match 1 of 1 for deploy")


def test_a_server_that_cannot_search() -> None:
    made = world(300, 60, 10, 250)
    made.model.features = frozenset({"rooms"})
    search(made)
    assert current(made) == 250
    press(made, "n")
    assert status(made).startswith("no older match has been found in memory, and this server cannot search")
    made.press("escape")
    search(made, "m10")
    assert status(made) == "nothing has been found in memory, and this server cannot search: m10"


def test_without_a_connection_memory_is_searched_and_the_rest_later() -> None:
    made = world(300, 60, 10, 250)
    made.cut()
    search(made)
    assert current(made) == 250
    press(made, "n")
    assert status(made).startswith("not searched further (not connected:")
    made.return_()
    press(made, "n")
    assert current(made) == 10


def test_a_lost_request_can_be_repeated() -> None:
    made = world(300, 60, 10, 250)
    made.type("/search deploy")
    made.do(Text("n"))
    made.cut()
    made.return_()
    assert current(made) == 250
    press(made, "n")
    assert current(made) == 10


def test_a_search_without_any_match_ends_with_the_connection() -> None:
    made = world(300, 60, 10)
    before = made.rows
    made.type("/search deploy")
    made.cut()
    assert made.model.buffer.search is None
    assert status(made) == "not searched further (the connection was lost): deploy"
    assert made.rows[:3] == before[1:4], "one line more at the end says what has happened"
    made = world(300, 60, 10, 250)
    search(made)
    made.cut()
    assert "connect" in status(made) or "offline" in status(made), "a lost connection is not hidden by a search"


def test_an_error_is_told() -> None:
    made = world(300, 60, 10, 250)
    made.type("/search deploy")
    made.do(Text("n"))
    while made.requests:
        made.reply("the history is out of order")
    assert status(made) == "not searched further (the history is out of order): deploy"
    assert current(made) == 250
    made = world(300, 60, 10)
    made.type("/search deploy")
    made.reply("the history is out of order")
    assert made.model.buffer.search is None
    assert status(made) == "not searched further (the history is out of order): deploy"


def test_a_match_that_cannot_be_loaded() -> None:
    made = world(3_000, 60, 10, 2_990)
    search(made)
    made.do(Text("n"))
    while made.requests[0][0].request.search:
        made.reply()
    made.reply("the history is out of order")
    assert status(made) == "the message cannot be shown: the history is out of order"
    press(made, "N")
    assert current(made) == 2_990
    made.cut()
    made.do(Text("n"))
    assert status(made).startswith("the message cannot be shown: not connected")
    check(made)


@pytest.mark.parametrize("words", ["", "...", "x" * 300])
def test_words_that_cannot_be_searched_for_stay_in_the_line(words: str) -> None:
    made = world(30, 30)
    made.type(f"/search {words}")
    assert made.model.buffer.search is None
    assert made.model.hint
    assert made.model.buffer.editor.text.startswith("/search")


# --- other people's doing


def test_hidden_people_are_not_found() -> None:
    made = world(300, 60, 10)
    made.log[100].from_ = made.log[5].from_ = HIDDEN
    made.log[100].text = made.log[5].text = "deploy"
    search(made)
    assert current(made) == 10
    press(made, "n")
    assert status(made) == "no older match has been found: deploy"


def test_a_message_that_is_removed_is_no_match_any_more() -> None:
    made = world(300, 300, 50, 100, 200)
    search(made)
    made.redact(made.log[99])
    press(made, "n")
    assert current(made) == 50
    made.redact(made.log[49])
    assert REMOVED in [line.text for line in made.lines]


def test_a_removed_message_is_removed_from_what_is_set_aside() -> None:
    made = world(3_000, 300, 20)
    made.press(*["page-up"] * 5)
    search(made)
    aside = made.model.buffer.scrollback.loaded.aside
    assert aside is not None
    line = next(line for line in aside.lines if is_of_log(line))
    made.redact(next(entry for entry in made.log if entry.at == line.at))
    assert line.text == REMOVED
    check(made)


def test_a_search_in_a_buffer_that_is_not_shown_goes_on_there() -> None:
    made = world(3_000, 60, 10)
    room = made.model.buffer
    made.type("/msg grace")
    made.press("alt-1")
    made.type("/search deploy")
    made.press("alt-2")
    made.settle()
    assert made.model.buffer is not room
    assert room.search is not None
    assert room.search.current == made.log[9].at
    assert made.model.buffer.search is None


def test_leaving_while_the_message_is_on_its_way_shows_it_no_more() -> None:
    made = world(3_000, 60, 10)
    before = made.rows
    made.type("/search deploy")
    while made.requests and made.requests[0][0].request.search:
        made.reply()
    assert made.requests
    made.press("escape")
    made.settle()
    assert made.rows == before


# --- the steps


def test_memory_is_read_in_steps_and_the_first_match_is_shown_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "STEP_LINES", 20)
    made = world(300, 300, 10, 150, 295)
    made.reads_on = False
    assert Do.SEARCH_ON in made.type("/search deploy")
    assert current(made) == 295
    press(made, "n")
    assert current(made) == 295, "not read so far"
    assert status(made).startswith("match 1 of 1+ for deploy …")
    steps = 1
    while Do.SEARCH_ON in made.do(SearchGoesOn()):
        steps += 1
    assert steps >= 300 // 20 - 1
    assert current(made) == 150
    assert made.do(SearchGoesOn()) == []


def test_long_messages_make_steps_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "STEP_CHARACTERS", 1_000)
    made = World()
    made.say(10, text="x" * 500)
    made.reads_on = False
    made.type("/search deploy")
    steps = 0
    while Do.SEARCH_ON in made.do(SearchGoesOn()):
        steps += 1
    assert steps >= 3


# --- whatever happens


@st.composite
def walks(draw: st.DrawFn) -> tuple[int, list[tuple[str, int]]]:
    names = ["n", "n", "N", "reply", "reply", "reply", "say", "page-up", "page-down", "alt-<", "alt->", "redact", "cut"]
    names += ["return", "error", "hidden", "own"]
    return draw(st.integers(0, 40)), draw(st.lists(st.tuples(st.sampled_from(names), st.integers(0, 30)), max_size=40))


@given(walks(), st.integers(20, 120), st.sampled_from(["m1", "m2", "m", "unheard"]), st.sampled_from([60, 200]))
@example((1, [("reply", 0), ("reply", 0), ("alt->", 0), ("error", 0), ("n", 0)]), 49, "m1", 60)
@example((1, [("reply", 0), ("reply", 0), ("say", 0), ("alt->", 0)]), 49, "m1", 60)
@settings(max_examples=60, deadline=None)
def test_a_search_never_tears_the_log_and_leads_back(
    walk: tuple[int, list[tuple[str, int]]], said: int, words: str, memory: int
) -> None:
    scrolled, actions = walk
    with pytest.MonkeyPatch.context() as monkeypatch:
        bound(monkeypatch, lines=memory, newest=10)
        monkeypatch.setattr(past, "CONTEXT", 6)
        monkeypatch.setattr(searching, "STEP_LINES", 7)
        made = World(said, shown=30)
        made.press(*["shift-up"] * scrolled)
        made.settle()
        before = messages(in_view(made))
        is_at_end = not made.model.buffer.scrollback.viewport.is_scrolled
        made.searched_at_once = 25
        made.type(f"/search {words}")
        arrived = 0
        for action, number in actions:
            act(made, action, number)
            arrived += (1 + number % 3) if action in ("say", "hidden") else action == "own"
            check(made)
        if made.model.buffer.search is not None:
            made.press("escape")
            check(made)
            made.return_()
            made.settle()
            check(made)
            after = messages(in_view(made))
            if not is_at_end and arrived < 5 and memory == 200:
                shared = min(len(before), len(after))
                assert after[:shared] == before[:shared]


def messages(lines: list[Line]) -> list[int]:
    return [line.at for line in lines if is_of_log(line)]


def act(made: World, action: str, number: int) -> None:
    match action:
        case "n" | "N":
            made.do(Text(action))
        case "reply":
            made.reply()
        case "say":
            made.say(1 + number % 3)
        case "hidden":
            made.say(1 + number % 3, who=HIDDEN)
        case "redact" if made.is_online:
            made.redact(made.log[number * len(made.log) // 31])
        case "cut":
            made.cut()
        case "return":
            made.return_()
            made.arrive()
        case "error":
            made.reply("no")
        case "page-up" | "page-down" | "alt-<" | "alt->":
            made.press(action)


def test_every_match_is_visited_once() -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        bound(monkeypatch, lines=60, newest=10)
        monkeypatch.setattr(past, "CONTEXT", 6)
        monkeypatch.setattr(searching, "MAX_PAGE", 3)
        made = World(400, shown=30)
        made.searched_at_once = 25
        search(made, "m3")
        found = made.model.buffer.search
        assert found is not None
        seen = []
        while not made.model.hint:
            seen.append(found.current)
            check(made)
            press(made, "n")
        matches = [entry for entry in made.log if entry.text.startswith("m3")]
        assert seen == visible(matches)[::-1]
