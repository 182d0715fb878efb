"""The status row never shows what may have changed unseen, and what the server says anew comes back."""

import pytest

from pylingo.client.events import FramesMissed, NameWanted, PongReceived, QueryReply, Received, Status
from pylingo.client.terminal.buffer import MOST, Buffer
from pylingo.client.terminal.buffers import MOST_PEOPLE, show
from pylingo.client.terminal.forgetting import is_in_sight
from pylingo.client.terminal.input_events import Key
from pylingo.client.terminal.model import Effect, Event, Model, Query
from pylingo.client.terminal.status import status_line
from pylingo.client.terminal.update import update
from pylingo.shared.messages import (
    Away,
    Joined,
    Left,
    Message,
    Moderated,
    People,
    PersonDetails,
    PersonInfo,
    Ready,
    Renamed,
    Topic,
    Users,
)
from pylingo.shared.schema import Record
from tests.fakes.window import NOON, make, plain

FEATURES = ["rooms", "private", "people", "identity", "moderation"]
TOKEN = "0" * 32
LOST = Status("waiting", None, 3.0)
GREEN = Topic("lobby", "green", "bob", NOON)


def happen(model: Model, *events: Event | Record, now: float = 0.0) -> list[Effect]:
    whole = (Received(event) if isinstance(event, Record) else event for event in events)
    return [effect for event in whole for effect in update(model, event, now, NOON)]


def status(model: Model) -> str:
    return plain(status_line(model, 0.0)).strip()


def listed(*names: str) -> QueryReply:
    """The reply of the server to the question who is in the lobby."""
    return QueryReply("users", Users("lobby", list(names), False), True)


def welcome(rooms: list[str], resumed: bool = True, operator: bool = False) -> list[Event | Record]:
    """The events of a connection that the server has let in."""
    ready = Ready("ada", rooms[0] if rooms else None, TOKEN, resumed, rooms=rooms, operator=operator)
    return [Status("online"), ready]


@pytest.fixture
def model() -> Model:
    """We are in the lobby with bob and cy, and its topic is green."""
    model = make(columns=99)
    model.features = frozenset(FEATURES)
    happen(model, *welcome([], resumed=False), Joined("lobby", "ada", 3), GREEN, listed("ada", "bob", "cy"))
    assert status(model) == "lobby · topic: green · online · 3 here · ada"
    return model


def test_how_many_are_here_is_not_known_without_a_connection_nor_before_a_new_list(model: Model) -> None:
    happen(model, LOST)
    assert status(model) == "lobby · offline, next try in 3 s · ada"
    happen(model, *welcome(["lobby"]))
    assert status(model) == "lobby · online · ada"
    happen(model, Joined("lobby", "dan"), Left("lobby", "bob", "leave"))
    assert status(model) == "lobby · online · ada", "a change of an unknown number"
    happen(model, listed("ada", "dan"))
    assert status(model) == "lobby · online · 2 here · ada"


def test_a_list_that_the_connection_broke_off_counts_for_nothing(model: Model) -> None:
    happen(model, LOST, *welcome([], resumed=False), Joined("lobby", "ada", 5))
    assert "5 here" in status(model)
    happen(model, QueryReply("users", Users("lobby", ["ada"], True), False), LOST, *welcome(["lobby"]))
    assert "here" not in status(model)


def test_the_topic_is_asked_for_after_a_return(model: Model) -> None:
    effects = happen(model, LOST, *welcome(["lobby"]))
    assert "topic" not in status(model), "it may be another one by now"
    assert Query("topic", "lobby") in effects
    happen(model, QueryReply("topic", Topic("lobby", "red", "bob", NOON), True))
    assert status(model) == "lobby · topic: red · online · ada"
    happen(model, LOST, *welcome(["lobby"]), QueryReply("topic", Topic("lobby", None, None, None), True))
    assert "topic" not in status(model)


def test_a_room_that_is_entered_anew_without_a_topic_has_none(model: Model) -> None:
    happen(model, LOST, *welcome([], resumed=False), Joined("lobby", "ada", 1))
    assert status(model) == "lobby · online · 1 here · ada"


def test_a_topic_that_is_as_it_was_is_no_news_after_a_return(model: Model) -> None:
    before = len(model.buffer.scrollback.lines)
    happen(model, LOST, *welcome([], resumed=False))
    happen(model, Joined("lobby", "ada", 1), GREEN)
    assert "topic: green" in status(model)
    texts = [line.text for line in model.buffer.scrollback.lines[before:]]
    assert not any("topic" in text for text in texts)


def test_an_older_server_is_not_asked_for_topics(model: Model) -> None:
    model.features = frozenset()
    assert Query("topic", "lobby") not in happen(model, LOST, *welcome(["lobby"]))


def test_the_topic_of_a_room_that_we_are_not_in_any_more(model: Model) -> None:
    model.buffers.append(Buffer("ops"))
    show(model, model.buffers[1])
    happen(model, Topic("ops", "deploys", "bob", NOON))
    assert "topic: deploys" in status(model)
    happen(model, LOST, *welcome(["lobby"]))
    assert status(model) == "not in 2:ops · online · ada"
    happen(model, QueryReply("topic", Topic("ops", "late", "bob", NOON), True))
    assert "topic" not in status(model)


def test_leaving_the_only_room_leaves_nothing_of_it(model: Model) -> None:
    happen(model, Left("lobby", "ada"))
    assert status(model) == "no room: /join one · online · ada"


def test_frames_that_were_left_out_may_have_had_anything(model: Model) -> None:
    happen(model, Away("bob", "lunch"))
    effects = happen(model, FramesMissed("lobby"))
    assert status(model) == "lobby · online · ada"
    assert effects == [Query("users", "lobby"), Query("topic", "lobby")]
    assert model.away == {}
    assert happen(model, FramesMissed(None)) == []


def test_the_round_trip_is_that_of_this_connection(model: Model) -> None:
    happen(model, PongReceived(), now=0.05)
    assert "online 50 ms" in status(model)
    happen(model, LOST)
    assert "ms" not in status(model)
    happen(model, *welcome(["lobby"]))
    assert "ms" not in status(model)


def test_tls_is_said_once_there_is_a_connection(model: Model) -> None:
    model.is_encrypted = True
    assert "TLS online" in status(model)
    for event in (LOST, Status("connecting"), Status("over")):
        happen(model, event)
        assert "TLS" not in status(model)


def test_somebody_away_comes_back_with_a_new_session(model: Model) -> None:
    happen(model, Away("ada", "lunch", re=1))
    assert status(model).endswith("you are away")
    happen(model, LOST)
    assert "away" not in status(model)
    happen(model, *welcome(["lobby"]))
    assert status(model).endswith("you are away"), "the session is the same"
    happen(model, LOST, *welcome([], resumed=False))
    assert "away" not in status(model)


def test_away_follows_a_name_and_is_not_left_to_the_next_one_who_takes_it(model: Model) -> None:
    happen(model, Away("ada", "lunch", re=1), Away("bob", "out"), Renamed("ada", "eve"), Renamed("bob", "bo", "lobby"))
    assert model.away == {"eve": "lunch", "bo": "out"}
    assert status(model).endswith("eve · you are away")


def test_others_are_away_only_as_long_as_we_would_hear_of_their_return(model: Model) -> None:
    happen(model, Away("bob", "lunch"), Away("cy", "out"))
    happen(model, LOST, *welcome(["lobby"]))
    assert model.away == {}
    happen(model, listed("ada", "bob"), Away("bob", "lunch"), Left("lobby", "ada"))
    assert model.away == {}


def test_people_who_share_a_room_with_us_are_in_sight(model: Model) -> None:
    model.buffers.append(Buffer("ops"))
    happen(model, Joined("ops", "Dan"))
    assert [is_in_sight(model, name) for name in ("bob", "dan", "eve")] == [True, True, False]


def test_somebody_away_elsewhere_is_not_away_on_coming_here_later(model: Model) -> None:
    happen(model, People([PersonInfo("dan", 1, "out"), PersonInfo("bob", 1, "lunch")], False))
    assert model.away == {"dan": "out", "bob": "lunch"}
    happen(model, Joined("lobby", "dan"))
    assert model.away == {"bob": "lunch"}
    happen(model, PersonDetails("dan", ["lobby"], False, NOON, "tea"))
    assert model.away == {"bob": "lunch", "dan": "tea"}
    happen(model, listed("ada", "dan"))
    assert model.away == {"dan": "tea"}, "bob is not here any more"


def test_the_rank_is_as_the_server_last_said(model: Model) -> None:
    happen(model, Moderated("op", "root", "ada"))
    assert "· @ada" in status(model)
    happen(model, Moderated("deop", "root", "bob"))
    assert "· @ada" in status(model)
    happen(model, Moderated("deop", "root", "Ada"))
    assert "@ada" not in status(model)
    happen(model, LOST, *welcome(["lobby"], operator=True))
    assert "· @ada" in status(model)
    happen(model, LOST)
    assert "@ada" not in status(model), "nobody is an operator without a server"
    happen(model, *welcome(["lobby"]))
    assert "@ada" not in status(model)


def test_a_name_that_is_not_wanted_any_more(model: Model) -> None:
    happen(model, NameWanted("eve"))
    assert status(model).endswith("ada, wanted eve")
    happen(model, NameWanted(None))
    assert status(model).endswith("· ada")


def test_people_beyond_those_that_are_kept_are_still_counted(model: Model) -> None:
    model.buffers.append(Buffer("ops"))
    for buffer, count in zip(model.buffers, (MOST - 1, MOST - 1), strict=True):
        buffer.people = {str(number): str(number) for number in range(count)}
    model.buffers[1].arriving = {"x": "x", "y": "y", "z": "z"}
    assert sum(len(buffer.people) for buffer in model.buffers) < MOST_PEOPLE
    happen(model, Message("ops", "bob", "hi", NOON))
    assert len(model.buffers[1].people) < MOST // 2 + 1
    show(model, model.buffers[1])
    assert f"{MOST - 1} here" in status(model)
    happen(model, Joined("ops", "dan"))
    assert f"{MOST} here" in status(model)


def test_an_emptied_window_marks_what_is_new_again(model: Model) -> None:
    lobby = model.buffer
    model.buffers.append(Buffer("ops"))
    show(model, model.buffers[1])
    happen(model, Message("lobby", "bob", "hi", NOON))
    assert status(model).endswith("[1:lobby 1]")
    show(model, lobby)
    assert lobby.marker in lobby.scrollback.lines
    model.buffer.editor.insert("/clear")
    happen(model, Key("enter"))
    assert (lobby.marker, lobby.scrollback.lines) == (None, [])
    show(model, model.buffers[1])
    happen(model, Message("lobby", "bob", "again", NOON + 1))
    assert status(model).endswith("[1:lobby 1]")
    assert [line.kind for line in lobby.scrollback.lines] == ["marker", "message"]
