"""The words of the status row, and which of them go first where there is no room."""

from pylingo.client.events import QueryReply, Received, Status
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.cells import width
from pylingo.client.terminal.completion import Offer
from pylingo.client.terminal.input_events import Paste
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.questions import words
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.status import connection, status_line
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import body_height, screen
from pylingo.shared.messages import Joined, Left, Users
from tests.fakes.window import NOON, make, plain, said


def online(columns: int = 80) -> Model:
    model = make(columns=columns)
    model.state, model.buffer.room, model.name, model.round_trip = "online", "lobby", "ada", 0.0123
    model.buffer.know("ada")
    model.buffer.know("bob")
    return model


def status(model: Model, now: float = 0.0) -> str:
    return plain(status_line(model, now)).strip()


def test_the_status_row_says_where_one_is() -> None:
    model = online()
    assert status(model) == "online 12 ms · lobby · 2 here · ada"
    model.round_trip = None
    assert status(model) == "online · lobby · 2 here · ada"
    model.buffer.room = None
    assert status(model) == "online · no room: /join one · ada"
    model.name, model.wanted = "guest-3", "ada"
    assert status(model) == "online · no room: /join one · guest-3, wanted ada"


def test_the_candidates_for_tab_stand_in_the_status_row_unless_something_else_is_said() -> None:
    model = online(columns=16)
    model.offer = Offer(["alice", "alfred", "al"], 1)
    assert plain(status_line(model, 0.0)) == "<[alfred] al    "
    model.hint = "a hint"
    assert status(model) == "a hint"


def test_the_status_row_says_where_something_is_new() -> None:
    model = online()
    model.buffers += [Buffer("ops", new=5), Buffer(person="grace", new=1, urgent=1)]
    assert status(model) == "online 12 ms · 1:lobby · 2 here · ada · [3:@grace 1!] [2:ops 5]"
    model.columns = 40
    assert status(model) == "1:lobby · [3:@grace 1!] [2:ops 5]"
    model.columns = 27
    assert status(model) == "1:lobby · [3:@grace 1!] +1"


def test_the_status_row_has_the_topic_and_who_is_away() -> None:
    model = online()
    model.buffer.topic = "green\x1b[2J"
    model.away["ada"] = "lunch"
    assert (
        status(model) == "online 12 ms · lobby · 2 here · ada · you are away · topic: green\N{REPLACEMENT CHARACTER}(2J"
    )
    model.buffers.append(Buffer(person="Grace"))
    model.active, model.away = 1, {"grace": "lunch"}
    assert status(model) == "online 12 ms · 2:@Grace · away: lunch · ada"
    model.buffers.append(Buffer("ops", is_outside=True))
    model.active = 2
    assert status(model) == "online 12 ms · not in 3:ops · ada"


def test_a_topic_does_not_look_like_the_words_of_the_client() -> None:
    model = online()
    model.buffer.topic = "x · [3:@root 99!] \u2219 you are away"
    assert status(model) == "online 12 ms · lobby · 2 here · ada · topic: x - (3:@root 99!) - you are away"


def test_the_place_is_the_last_part_to_go_from_a_narrow_status_row() -> None:
    model = online()
    model.buffers.append(Buffer("ops", new=5))
    for number in range(30):
        model.buffer.scrollback.add(said(str(number)))
    model.buffer.scrollback.viewport.scroll_up(3, body_height(model), lambda line: wrapped(model, line))
    rows: list[str] = []
    for model.columns in (80, 52, 46, 32, 16):
        rows.append(status(model))
    assert rows == [
        "more below ↓ · online 12 ms · 1:lobby · 2 here · ada · [2:ops 5]",
        "more below ↓ · online 12 ms · 1:lobby · [2:ops 5]",
        "online 12 ms · 1:lobby · [2:ops 5]",
        "1:lobby · [2:ops 5]",
        "1:lobby · [2:op",
    ]


def test_how_many_are_here_is_known_before_their_names_are() -> None:
    model = make(columns=80)
    happen = lambda record: update(model, Received(record), 0.0, NOON)  # noqa: E731
    update(model, Status("online"), 0.0, NOON)
    happen(Joined("lobby", "ada", 7))
    assert "lobby · 7 here" in status(model)
    happen(Joined("lobby", "bob"))
    assert "lobby · 8 here" in status(model)
    happen(Left("lobby", "bob", "leave"))
    update(model, QueryReply("users", Users("lobby", ["ada", "cy"], True), False), 0.0, NOON)
    assert "lobby · 7 here" in status(model)
    update(model, QueryReply("users", Users("lobby", ["dan"], False), True), 0.0, NOON)
    assert "lobby · 3 here" in status(model)


def test_the_status_row_says_that_there_is_no_connection() -> None:
    model = online()
    model.state, model.retry_at = "waiting", 12.5
    assert status(model, 10.0) == "offline, next try in 2 s · ada"
    assert status(model, 99.0) == "offline, next try in 0 s · ada"
    model.buffer.scrollback.unsent["k"] = Line("own", "x", state="unsent")
    assert status(model, 10.0) == "offline, next try in 2 s · 1 unsent · ada"
    model.state = "connecting"
    assert status(model) == "connecting to example:5000 · 1 unsent · ada"
    model.state = "over"
    assert status(model) == "not connected · 1 unsent · ada"
    assert connection(model, 0.0) == "not connected"


def test_the_status_row_says_what_is_below() -> None:
    model = online()
    for number in range(30):
        model.buffer.scrollback.add(said(f"{number}\nmore"))
    rows = body_height(model)
    model.buffer.scrollback.viewport.scroll_up(1, rows, lambda line: wrapped(model, line))
    assert status(model).startswith("more below ↓ · online")
    model.buffer.scrollback.viewport.scroll_up(6, rows, lambda line: wrapped(model, line))
    assert status(model).startswith("more below ↓ · online"), "what is below has been there before"
    for number in range(2):
        model.buffer.scrollback.add(said(f"new {number}", at=NOON + 1 + number))
    model.buffer.scrollback.add(Line("own", "mine", NOON, "ada"))
    model.buffer.scrollback.add(Line("day", "--- 2026-01-01 ---", NOON))
    assert status(model).startswith("2 new below ↓ · online")
    model.buffer.scrollback.viewport.scroll_down(8, lambda line: wrapped(model, line))
    assert status(model).startswith("1 new below ↓ · online")
    model.buffer.scrollback.viewport.scroll_up(3, rows, lambda line: wrapped(model, line))
    assert status(model).startswith("1 new below ↓ · online"), "the other was in view"
    model.buffer.scrollback.viewport.follow()
    model.buffer.scrollback.viewport.scroll_up(9, rows, lambda line: wrapped(model, line))
    assert status(model).startswith("more below ↓ · online")


def test_nothing_is_below_once_all_fits() -> None:
    model = online()
    for number in range(30):
        model.buffer.scrollback.add(said(str(number)))
    model.buffer.scrollback.viewport.scroll_up(5, body_height(model), lambda line: wrapped(model, line))
    model.rows = 60
    screen(model, 0.0)
    assert status(model).startswith("online")


def test_a_question_goes_before_a_hint_and_that_before_the_state() -> None:
    model = online()
    model.hint = "no such thing"
    assert status(model) == "no such thing"
    model.question = Paste("a\nb\nc\n")
    assert status(model) == words(model.question).strip() == "Paste 3 lines, 6 characters? Enter: yes, Esc: no"


def test_the_status_row_is_as_wide_as_the_window() -> None:
    for columns in range(1, 90):
        (span,) = status_line(online(columns), 0.0)
        assert (width(span.text), span.style) == (columns, "status")
