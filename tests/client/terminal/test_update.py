"""Events of the connection, and changes that happen by themselves."""

import pytest

from pylingo.client.events import FramesMissed, NameWanted, PongReceived, Received, Refused, Status
from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.input_events import Focus, Key, Text
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import (
    Do,
    Effect,
    Event,
    Interrupted,
    Model,
    Query,
    Report,
    Resized,
    SecondPassed,
    Shown,
)
from pylingo.client.terminal.status import LATE, connection
from pylingo.client.terminal.update import PING_EVERY, update
from pylingo.shared.messages import Command, Error, Goodbye, Message, Say

NOON = 1_700_000_000_000_000
ONLINE = Status("online")
LOST = Status("waiting", None, 4.0)
CONNECTING = Status("connecting")
NO = Error("no", "it is refused")


@pytest.fixture
def model() -> Model:
    return Model("x", Preferences())


def happen(model: Model, *events: Event, now: float = 0.0) -> list[Effect]:
    return [effect for event in events for effect in update(model, event, now, NOON)]


def texts(model: Model) -> list[str]:
    return [line.text for line in model.buffer.scrollback.lines]


def pings(effects: list[Effect]) -> int:
    return effects.count(Do.PING)


# --- the connection


def test_a_connection_that_stands_is_not_worth_a_word(model: Model) -> None:
    effects = happen(model, CONNECTING, ONLINE)
    assert (model.state, texts(model)) == ("online", [])
    assert effects == [Do.PING]


def test_a_loss_is_told_once_and_so_is_the_return(model: Model) -> None:
    happen(model, ONLINE)
    for _ in range(5):
        happen(model, LOST, CONNECTING)
    assert texts(model) == ["! the connection to x broke: the server went away; trying to come back"]
    assert model.buffer.scrollback.lines[0].kind == "error"
    happen(model, ONLINE)
    assert texts(model)[1:] == ["* connected to x again"]
    happen(model, LOST, CONNECTING, ONLINE)
    assert len(texts(model)) == 4, "the next loss is told anew"


def test_a_connection_that_never_was_is_not_lost(model: Model) -> None:
    effects = happen(model, CONNECTING, Status("waiting", ConnectionRefusedError(), 1.0))
    assert texts(model) == ["! connection refused: no server listens on x; trying again"]
    assert [type(effect) for effect in effects] == [Shown]
    happen(model, CONNECTING, ONLINE)
    assert texts(model)[1:] == ["* connected to x"]


def test_another_server_is_named_where_it_is_meant(model: Model) -> None:
    here, there = Status("online", where="a:1"), Status("online", where="b:2")
    happen(model, here)
    assert texts(model) == []
    happen(model, Status("connecting", where="b:2"))
    assert connection(model, 0.0) == "connecting to b:2"
    happen(model, there)
    assert texts(model) == ["* connected to b:2"]
    happen(model, Status("waiting", ConnectionRefusedError(), 1.0, where="a:1"), there)
    assert texts(model)[1:] == [
        "! connection refused: no server listens on a:1; trying to come back",
        "* connected to b:2 again",
    ]
    happen(model, Status("connecting", where="b:2"), there)
    assert len(texts(model)) == 3, "a short loss is not worth a word"
    assert model.where == "x", "the rooms in the settings stay the same"


def test_the_countdown(model: Model) -> None:
    happen(model, LOST, now=100.0)
    assert model.retry_at == 104.0
    shown = [connection(model, 100.0 + second) for second in (0.0, 0.9, 1.1, 3.9, 4.0, 5.0)]
    assert shown == [f"offline, next try in {left} s" for left in (4, 3, 2, 0, 0, 0)]


@pytest.mark.parametrize("reason", ["replaced", "bad-frame", "protocol", "password", "address-limit"])
def test_an_end_that_nobody_wanted_says_how_to_go_on(model: Model, reason: str) -> None:
    why = f"x ended the connection: {reason}!"
    happen(model, ONLINE, Status("over", goodbye=Goodbye(reason, f"{reason}!")))
    assert texts(model) == [f"! {why}; Enter connects again, /close leaves"]
    assert connection(model, 0.0) == "not connected"


def test_an_end_that_was_wanted_needs_no_word(model: Model) -> None:
    assert Do.EXIT in happen(model, ONLINE, Status("over", goodbye=Goodbye("close", "bye")))
    assert texts(model) == []
    model.is_leaving = True
    assert Do.EXIT in happen(model, ONLINE, Status("over"))
    assert texts(model) == []


@pytest.mark.parametrize("end", [LOST, Status("over", goodbye=Goodbye("replaced", "x")), CONNECTING])
def test_a_reply_asked_for_before_the_loss_is_not_waited_for(model: Model, end: Status) -> None:
    happen(model, ONLINE)
    model.round_trip, model.queries, model.buffer.arriving = 0.1, ["users"], {"bob": "bob"}
    happen(model, end)
    assert (model.round_trip, model.queries, model.buffer.arriving, model.is_awaiting_pong) == (None, [], {}, False)
    assert pings(happen(model, ONLINE, now=0.1)) == 1, "the time is measured at once"


# --- pings


def test_the_time_to_the_server_is_measured_every_5_seconds(model: Model) -> None:
    sent = []
    for second in range(21):
        event: Event = SecondPassed() if second else ONLINE
        if pings(happen(model, event, now=float(second))):
            sent.append(second)
            happen(model, PongReceived(), now=second + 0.5)
            assert model.round_trip == 0.5
    assert sent == [0, 5, 10, 15, 20]
    assert PING_EVERY == 5


def test_a_round_trip_is_shown_again_only_if_it_differs(model: Model) -> None:
    for at, took, shown in ((0, 0.005, 0.005), (10, 0.024, 0.005), (20, 0.03, 0.03), (30, 1.0, 1.0), (40, 0.8, 1.0)):
        model.pinged_at, model.is_awaiting_pong = at, True
        happen(model, PongReceived(), now=at + took)
        assert model.round_trip == pytest.approx(shown)
        assert not model.is_awaiting_pong


def test_a_ping_without_an_answer_is_said_instead_of_the_last_time(model: Model) -> None:
    assert pings(happen(model, ONLINE)) == 1
    happen(model, PongReceived(), now=0.354)
    assert connection(model, 4.9) == "online 354 ms"
    assert pings(happen(model, SecondPassed(), now=5.0)) == 1
    assert connection(model, 5.0 + LATE - 0.01) == "online 354 ms"
    assert connection(model, 8.0) == "online, no answer for 3 s"
    for later in range(6, 60):
        assert pings(happen(model, SecondPassed(), now=float(later))) == 0, "one at a time: it is not lost, but late"
    assert connection(model, 58.0) == "online, no answer for 53 s"
    happen(model, Received(Message("lobby", "bob", "hi", NOON)), now=58.0)
    assert connection(model, 59.0) == "online 354 ms", "the link lives"
    happen(model, PongReceived(), now=61.0)
    assert connection(model, 61.0) == "online 56000 ms"
    assert pings(happen(model, SecondPassed(), now=61.0)) == 1


@pytest.mark.parametrize("state", ["connecting", "waiting", "over"])
def test_without_a_connection_nothing_is_asked(model: Model, state: str) -> None:
    model.state = state
    assert happen(model, SecondPassed(), now=1e6) == []


# --- frames that were missed, and names


def test_after_missed_frames_the_window_asks_who_is_there(model: Model) -> None:
    assert happen(model, FramesMissed("lobby")) == []
    model.buffer.room = "lobby"
    assert happen(model, FramesMissed()) == [], "private messages were missed"
    assert happen(model, FramesMissed("lobby")) == [Query("users")]
    assert model.queries == ["users"]


def test_the_wanted_name_is_known(model: Model) -> None:
    assert happen(model, NameWanted("ada")) == []
    assert model.wanted == "ada"
    happen(model, NameWanted(None))
    assert model.wanted is None


# --- the rest


def test_resizing_paints_anew_and_no_window_is_without_rows(model: Model) -> None:
    assert happen(model, Resized(100, 30)) == [Do.REPAINT]
    assert (model.columns, model.rows) == (100, 30)
    happen(model, Resized(0, 0))
    assert (model.columns, model.rows) == (1, 1)


def test_an_interruption_leaves(model: Model) -> None:
    assert happen(model, Interrupted()) == [Do.LEAVE]
    assert model.is_leaving


def test_an_event_outside_is_told_and_inert(model: Model) -> None:
    happen(model, Report("no room on \x1b[2Jdisk", is_error=True))
    happen(model, Report("\x1b[2J is written"))
    assert [(line.kind, line.text) for line in model.buffer.scrollback.lines] == [
        ("error", "! no room on \ufffd[2Jdisk"),
        ("note", "* \ufffd[2J is written"),
    ]


def test_a_refused_message_stays_and_is_marked(model: Model) -> None:
    model.buffer.scrollback.unsent["k"] = Line("own", "mine", NOON, "ada", state="unsent")
    assert happen(model, Refused(Say("x", key="other"), NO), Refused(Command("k"), NO)) == []
    assert model.buffer.scrollback.lines == []
    assert happen(model, Refused(Say("mine", key="k"), NO)) == []
    assert [(line.text, line.state) for line in model.buffer.scrollback.lines] == [("mine", "refused")]


def test_keys_go_to_the_input_line(model: Model) -> None:
    happen(model, Text("ab"), Key("left"), Text("x"))
    assert model.buffer.editor.text == "axb"


def test_the_draft_and_what_is_unsent_outlive_a_loss(model: Model) -> None:
    happen(model, ONLINE, Text("one"), Key("enter"), Text("draft"), LOST, CONNECTING, ONLINE)
    assert model.buffer.editor.text == "draft"
    assert [line.text for line in model.buffer.scrollback.unsent.values()] == ["one"]


def test_the_rooms_are_kept_from_time_to_time_while_online(model: Model) -> None:
    model.state = "connecting"
    assert Do.KEEP_PLACES not in happen(model, SecondPassed(), now=0.0)
    model.state = "online"
    kept = [now for now in range(100) if Do.KEEP_PLACES in happen(model, SecondPassed(), now=float(now))]
    assert kept == [0, 30, 60, 90]


def test_a_refused_leave_leaves_the_buffer_alone(model: Model) -> None:
    model.buffer.is_leaving = True
    happen(model, Refused(Command("leave", room="lobby"), Error("no-room", "no")))
    assert not model.buffer.is_leaving


def test_words_refused_in_another_buffer_are_news_there_and_so_is_the_reason(model: Model) -> None:
    model.buffers = [Buffer("lobby"), Buffer(person="grace")]
    model.buffers[1].scrollback.unsent["k"] = Line("own", "psst", state="unsent")
    error = Error("unconfirmed", "it is not known whether this arrived")
    happen(model, Received(error), Refused(Say("psst", "k", to="grace"), error))
    shown = [[(line.state, line.text) for line in buffer.scrollback.lines] for buffer in model.buffers]
    assert [line for line in shown[0] if "---" not in line[1]] == []
    assert shown[1][-2:] == [("refused", "psst"), ("", "! it is not known whether this arrived")]
    assert (model.buffers[1].new, model.buffers[1].urgent) == (1, 1)


def test_the_focus_comes_and_goes(model: Model) -> None:
    model.buffer.room, model.name = "lobby", "ada"
    assert happen(model, Focus(False)) == []
    assert not model.has_focus
    happen(model, Received(Message("lobby", "bob", "ada!", NOON)))
    assert model.missed == 1
    assert happen(model, Focus(True)) == []
    assert (model.has_focus, model.missed) == (True, 0)
