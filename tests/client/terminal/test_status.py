"""The words of the status row, and which of them go first where there is no room."""

from pylingo.client.events import QueryReply, Received, Status
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.cells import width
from pylingo.client.terminal.input_events import Paste
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.message_search import MessageSearch
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.questions import words
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.status import connection, status_line
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import body_height, screen
from pylingo.shared.messages import Joined, Left, Users
from pylingo.shared.search import parse_search
from tests.fakes.window import NOON, make, plain, said


def online(columns: int = 80) -> Model:
    model = make(columns=columns)
    model.state, model.buffer.room, model.name, model.round_trip = "online", "lobby", "ada", 0.0123
    model.buffer.know("ada")
    model.buffer.know("bob")
    return model


def status(model: Model, now: float = 0.0) -> str:
    return plain(status_line(model, now)).strip()


def status_in(model: Model, columns: int) -> str:
    model.columns = columns
    return status(model)


def test_the_status_row_says_where_one_is() -> None:
    model = online()
    assert status(model) == "lobby · online 12 ms · 2 here · ada"
    model.round_trip = None
    assert status(model) == "lobby · online · 2 here · ada"
    model.buffer.room = None
    assert status(model) == "no room: /join one · online · ada"
    model.name, model.wanted = "guest-3", "ada"
    assert status(model) == "no room: /join one · online · guest-3, wanted ada"


def test_the_status_row_says_where_something_is_new() -> None:
    model = online()
    model.buffers += [Buffer("ops", new=5), Buffer(person="grace", new=1, urgent=1)]
    assert status(model) == "1:lobby · online 12 ms · 2 here · ada · [3:@grace 1!] [2:ops 5]"
    model.columns = 40
    assert status(model) == "1:lobby · [3:@grace 1!] [2:ops 5]"
    model.columns = 27
    assert status(model) == "1:lobby · [3:@grace 1!] +1"


def test_the_status_row_begins_with_the_room_and_its_topic() -> None:
    model = online()
    model.buffer.topic = "green\x1b[2J"
    model.away["ada"] = "lunch"
    topic = "topic: green\N{REPLACEMENT CHARACTER}(2J"
    assert status(model) == f"lobby · {topic} · online 12 ms · 2 here · ada · you are away"
    model.buffers.append(Buffer("ops", is_outside=True, topic="of ops"))
    model.active = 1
    assert status(model) == "not in 2:ops · online 12 ms · ada · you are away", "its topic may be another one by now"


def test_somebody_who_is_away_is_so_in_the_conversation() -> None:
    model = online()
    model.buffers.append(Buffer(person="Bob"))
    model.active, model.away = 1, {"bob": "lunch · [3:@root 99!]"}
    assert status(model) == "2:@Bob · online 12 ms · away: lunch - (3:@root 99!) · ada"
    model.buffers[0].forget_people()
    assert status(model) == "2:@Bob · online 12 ms · ada", "nobody would tell us that they are back"


def test_a_topic_does_not_look_like_the_words_of_the_client() -> None:
    model = online()
    model.buffer.topic = "x · [3:@root 99!] \u2219 you are away"
    assert status(model) == "lobby · topic: x - (3:@root 99!) - you are away · online 12 ms · 2 here · ada"


def test_a_word_in_latin_letters_follows_the_topic() -> None:
    """Terminals that know Hebrew would draw a number behind a Hebrew topic to the left of it."""
    model = online()
    model.buffer.topic = "\u05e9\u05dc\u05d5\u05dd"
    assert status(model).partition("\u05dd \u00b7 ")[2].startswith("online")
    model.is_encrypted = True
    assert status(model).partition("\u05dd \u00b7 ")[2].startswith("TLS online")


def test_a_long_topic_takes_what_is_left_and_a_short_window_leaves_it_out() -> None:
    model = online()
    model.buffer.topic = "the build is green " * 20
    assert len(status_in(model, 200)) == 199, "the row begins with a blank"
    assert status_in(model, 80) == "lobby · topic: the build is green the build is g… · online 12 ms · 2 here · ada"
    assert status_in(model, 60) == "lobby · topic: the build is green … · online 12 ms · 2 here"
    assert status_in(model, 52) == "lobby · topic: the build is green t… · online 12 ms"
    assert status_in(model, 40) == "lobby · online 12 ms"
    model.buffer.topic = "漢" * 100
    rows = [status_in(model, columns) for columns in range(2, 200)]
    assert all(width(row) < columns for columns, row in enumerate(rows, 2))
    assert any("漢…" in row for row in rows)


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
        "1:lobby · online 12 ms · 2 here · more below ↓ · ada · [2:ops 5]",
        "1:lobby · online 12 ms · more below ↓ · [2:ops 5]",
        "1:lobby · online 12 ms · [2:ops 5]",
        "1:lobby · [2:ops 5]",
        "1:lobby · [2:op",
    ]


def test_how_many_are_here_is_known_before_their_names_are() -> None:
    model = make(columns=80)
    happen = lambda record: update(model, Received(record), 0.0, NOON)  # noqa: E731
    update(model, Status("online"), 0.0, NOON)
    happen(Joined("lobby", "ada", 7))
    assert "online · 7 here" in status(model)
    happen(Joined("lobby", "bob"))
    assert "online · 8 here" in status(model)
    happen(Left("lobby", "bob", "leave"))
    update(model, QueryReply("users", Users("lobby", ["ada", "cy"], True), False), 0.0, NOON)
    assert "online · 7 here" in status(model)
    update(model, QueryReply("users", Users("lobby", ["dan"], False), True), 0.0, NOON)
    assert "online · 3 here" in status(model)


def test_the_status_row_says_that_there_is_no_connection() -> None:
    model = online()
    model.state, model.retry_at = "waiting", 12.5
    assert status(model, 10.0) == "lobby · offline, next try in 2 s · ada"
    assert status(model, 99.0) == "lobby · offline, next try in 0 s · ada"
    model.buffer.scrollback.unsent["k"] = Line("own", "x", state="unsent")
    assert status(model, 10.0) == "lobby · offline, next try in 2 s · 1 unsent · ada"
    model.state = "connecting"
    assert status(model) == "lobby · connecting to example:5000 · 1 unsent · ada"
    model.state = "over"
    assert status(model) == "lobby · not connected · 1 unsent · ada"
    assert connection(model, 0.0) == "not connected"


def test_the_status_row_says_what_is_below() -> None:
    model = online()
    for number in range(30):
        model.buffer.scrollback.add(said(f"{number}\nmore"))
    rows = body_height(model)
    model.buffer.scrollback.viewport.scroll_up(1, rows, lambda line: wrapped(model, line))
    assert "here · more below ↓ · ada" in status(model)
    model.buffer.scrollback.viewport.scroll_up(6, rows, lambda line: wrapped(model, line))
    assert "here · more below ↓ · ada" in status(model), "what is below has been there before"
    for number in range(2):
        model.buffer.scrollback.add(said(f"new {number}", at=NOON + 1 + number))
    model.buffer.scrollback.add(Line("own", "mine", NOON, "ada"))
    model.buffer.scrollback.add(Line("day", "--- 2026-01-01 ---", NOON))
    assert "here · 2 new below ↓ · ada" in status(model)
    model.buffer.scrollback.viewport.scroll_down(8, lambda line: wrapped(model, line))
    assert "here · 1 new below ↓ · ada" in status(model)
    model.buffer.scrollback.viewport.scroll_up(3, rows, lambda line: wrapped(model, line))
    assert "here · 1 new below ↓ · ada" in status(model), "the other was in view"
    model.buffer.scrollback.viewport.follow()
    model.buffer.scrollback.viewport.scroll_up(9, rows, lambda line: wrapped(model, line))
    assert "here · more below ↓ · ada" in status(model)


def test_nothing_is_below_once_all_fits() -> None:
    model = online()
    for number in range(30):
        model.buffer.scrollback.add(said(str(number)))
    model.buffer.scrollback.viewport.scroll_up(5, body_height(model), lambda line: wrapped(model, line))
    model.rows = 60
    screen(model, 0.0)
    assert "below" not in status(model)


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


def test_a_search_says_what_it_has_found_beside_the_news() -> None:
    model = online()
    search = MessageSearch("deploy", parse_search("deploy"), (None, 0), matches=[1, 2, 3], current=2)
    model.buffer.search, search.is_wanted = search, False
    assert status(model) == "match 2 of 3+ for deploy · n older · N newer · Esc back"
    model.buffers.append(Buffer("ops", new=5))
    assert status(model) == "match 2 of 3+ for deploy · n older · N newer · Esc back · [2:ops 5]"
    assert status_in(model, 50) == "match 2 of 3+ for deploy · n older · [2:ops 5]"
    assert status_in(model, 20) == "match 2 of 3+ for d"
    model.hint = "no older match"
    assert status_in(model, 80) == "no older match"
