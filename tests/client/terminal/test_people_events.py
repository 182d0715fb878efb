"""What frames about people change in the rooms and conversations that we have with them."""

import pytest

from pylingo.client.events import Received, Status
from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.buffers import show
from pylingo.client.terminal.model import Model, Query
from pylingo.client.terminal.people_events import DESCRIBE_EVERY, LEAST_PAUSE, describe_people, query
from pylingo.client.terminal.server_events import received
from pylingo.client.terminal.update import update
from pylingo.shared.messages import Away, Joined, Left, People, PersonInfo, Private, Ready, Renamed, Users
from pylingo.shared.schema import Record

NOON = 1_700_000_000_000_000
TOKEN = "0" * 32
ENDED = "! this conversation has ended: somebody else may be called grace now"


@pytest.fixture
def model() -> Model:
    made = Model("x", Preferences(), name="ada", state="online", features=frozenset({"rooms", "private", "people"}))
    made.buffers = [Buffer("lobby"), Buffer("dev"), Buffer(person="grace")]
    for buffer in made.buffers[:2]:
        for name in ("ada", "grace"):
            buffer.know(name)
    return made


def take(model: Model, *records: Record) -> list[object]:
    return [effect for record in records for effect in received(model, Received(record), 0.0, NOON)]


def texts(model: Model, index: int) -> list[str]:
    return [line.text for line in model.buffers[index].scrollback.lines if line.kind not in ("day", "marker")]


def titles(model: Model) -> list[str]:
    return [buffer.title for buffer in model.buffers]


def test_a_query_names_the_room_where_the_server_knows_several(model: Model) -> None:
    assert query(model, "users", "dev") == Query("users", "dev")
    model.features = frozenset()
    assert query(model, "users", "dev") == Query("users")


def test_joins_and_leaves_are_shown_in_their_rooms_only(model: Model) -> None:
    take(model, Joined("dev", "bob"), Left("dev", "grace", "leave"))
    assert (texts(model, 0), texts(model, 1), texts(model, 2)) == ([], ["* bob joined; grace left"], [])
    assert "grace" in model.buffers[0].people


def test_somebody_who_is_gone_is_gone_from_the_conversation(model: Model) -> None:
    take(model, Left("lobby", "grace", "lost"))
    assert texts(model, 2) == ["* grace lost the connection", ENDED]


@pytest.mark.parametrize("reason", ["leave", "moved", "kicked"])
def test_leaving_a_room_ends_no_conversation(model: Model, reason: str) -> None:
    take(model, Left("lobby", "grace", reason), Private("grace", "ada", "still here", NOON))
    assert texts(model, 2) == ["still here"]


def test_private_messages_of_a_later_session_begin_a_new_conversation(model: Model) -> None:
    take(model, Private("grace", "ada", "secret", NOON))
    take(model, Left("lobby", "grace", "close"), Left("dev", "grace", "close"), Joined("lobby", "grace"))
    take(model, Private("grace", "ada", "hello", NOON + 1), Private("grace", "ada", "again", NOON + 2))
    begun = "! a new conversation begins: this grace may be somebody else"
    assert texts(model, 2) == ["secret", "* grace left", ENDED, begun, "hello", "again"]


def test_a_new_name_does_not_continue_an_old_conversation(model: Model) -> None:
    take(model, Private("grace", "ada", "secret", NOON))
    take(model, Renamed("bob", "Grace", "lobby"), Renamed("bob", "Grace", "dev"))
    assert texts(model, 2) == ["secret", ENDED]


def test_a_new_name_is_told_in_each_room_and_the_conversation_goes_on(model: Model) -> None:
    take(model, Renamed("grace", "hopper", "lobby"), Renamed("grace", "hopper", "dev"))
    assert titles(model) == ["lobby", "dev", "@hopper"]
    assert [texts(model, index) for index in range(3)] == [["* grace is now hopper"]] * 3


def test_a_new_name_that_has_a_conversation_ends_that_and_keeps_its_own(model: Model) -> None:
    model.buffers.append(Buffer(person="hopper"))
    take(model, Renamed("grace", "hopper", "lobby"), Renamed("grace", "hopper", "dev"))
    take(model, Private("hopper", "ada", "it is me", NOON))
    assert titles(model)[2:] == ["@hopper", "@hopper"]
    assert texts(model, 2) == ["* grace is now hopper", "it is me"]
    assert texts(model, 3) == [ENDED.replace("grace", "hopper")]


def test_a_hidden_person_stays_hidden_in_every_room(model: Model) -> None:
    model.hidden["grace"] = "grace"
    take(model, Renamed("grace", "hopper", "lobby"), Renamed("grace", "hopper", "dev"))
    assert [texts(model, index) for index in range(2)] == [[], []]
    assert model.hides("hopper")
    take(model, Left("lobby", "hopper", "leave"))
    assert model.hides("hopper"), "they are still in dev"
    take(model, Left("dev", "hopper", "close"))
    assert not model.hides("hopper")


def test_after_leaving_a_room_the_one_that_is_current_is_shown(model: Model) -> None:
    model.active = 1
    take(model, Left("dev", "ada", current="lobby"))
    assert model.buffer.title == "lobby"
    take(model, Left("lobby", "ada"))
    assert model.buffer.title == "@grace"
    assert model.hint == "you are in no room: this is the conversation with grace"


def test_leaving_a_room_that_is_not_shown_shows_no_other(model: Model) -> None:
    model.active = 2
    take(model, Left("dev", "ada", current="lobby"))
    assert (model.buffer.title, model.hint) == ("@grace", "")


def test_our_own_name_changes_in_every_room(model: Model) -> None:
    take(model, Renamed("ada", "eve"))
    assert (model.name, texts(model, 0), texts(model, 1)) == ("eve", ["* you are now eve"], [])
    assert all("eve" in buffer.people and "ada" not in buffer.people for buffer in model.buffers[:2])


def test_being_away_is_kept_once_for_all_rooms(model: Model) -> None:
    for _ in range(2):
        take(model, Away("Grace", "lunch"))
    assert model.away == {"grace": "lunch"}
    take(model, Renamed("grace", "hopper", "lobby"), Away("hopper", None), Away("hopper", None))
    assert model.away == {}


def test_the_list_of_people_has_those_who_are_away(model: Model) -> None:
    take(model, People([PersonInfo("grace", 1, "lunch"), PersonInfo("bob", 2)], False))
    assert model.away == {"grace": "lunch"}


def test_the_list_of_people_is_that_of_its_room(model: Model) -> None:
    model.buffers[1].is_listing = True
    take(model, Users("dev", ["ada", "cy"], False))
    assert set(model.buffers[1].people) == {"ada", "cy"}
    assert set(model.buffers[0].people) == {"ada", "grace"}
    assert not model.buffers[1].is_listing


def test_a_return_with_the_session_restores_every_room(model: Model) -> None:
    model.is_settled = True
    effects = take(model, Ready("ada", "dev", TOKEN, True, rooms=["dev", "lobby", "ops"]))
    assert titles(model) == ["lobby", "dev", "ops", "@grace"]
    assert {effect.room for effect in effects if isinstance(effect, Query)} == {"lobby", "dev", "ops"}
    assert not any(buffer.is_outside for buffer in model.buffers)


def test_a_return_without_the_session_waits_to_enter_the_rooms_and_ends_conversations(model: Model) -> None:
    model.is_settled = True
    take(model, Private("grace", "ada", "secret", NOON))
    take(model, Ready("ada", None, TOKEN, False, rooms=[]))
    assert titles(model) == ["lobby", "dev", "@grace"]
    assert [buffer.current_room for buffer in model.buffers] == [None, None, None]
    assert "this conversation ended" in texts(model, 2)[-1]
    take(model, Joined("dev", "ada", 1))
    assert [buffer.current_room for buffer in model.buffers] == [None, "dev", None]
    assert model.buffer.title == "lobby", "nobody has asked to see the other one"


def test_the_first_session_ends_no_conversation(model: Model) -> None:
    take(model, Left("lobby", "grace", "lost"), Ready("ada", None, TOKEN, False))
    assert texts(model, 2) == ["* grace lost the connection", ENDED]


def test_a_room_that_was_being_left_is_closed_if_the_session_is_gone(model: Model) -> None:
    model.buffers[1].is_leaving = True
    take(model, Ready("ada", None, TOKEN, False))
    assert titles(model) == ["lobby", "@grace"]


def test_the_server_is_asked_who_is_away_where_the_window_lists_the_people(model: Model) -> None:
    model.columns = 120
    assert describe_people(model, 100.0) == [Query("who")]
    assert describe_people(model, 100.0 + DESCRIBE_EVERY - 1) == []
    assert describe_people(model, 100.0 + DESCRIBE_EVERY) == [Query("who")], "ranks may have changed unseen"
    show(model, model.buffers[1])
    at = 100.0 + DESCRIBE_EVERY + LEAST_PAUSE
    assert describe_people(model, at - 1) == [], "not too often"
    assert describe_people(model, at) == [Query("who")], "each room once"
    show(model, model.buffers[2])
    assert describe_people(model, 1_000.0) == [], "a conversation has no list"


@pytest.mark.parametrize("change", ["narrow", "off", "offline", "outside", "old server"])
def test_nobody_is_asked_where_there_is_no_list(model: Model, change: str) -> None:
    model.columns = 99 if change == "narrow" else 120
    model.preferences.people = change != "off"
    model.state = "waiting" if change == "offline" else "online"
    model.buffer.is_outside = change == "outside"
    model.features = frozenset() if change == "old server" else model.features
    assert describe_people(model, 100.0) == []


def test_every_event_may_make_the_list_ask(model: Model) -> None:
    model.columns = 120
    lost = Status("waiting", None, 1.0)
    effects = update(model, Received(Joined("dev", "bob")), 0.0, NOON)
    assert effects[-1:] == [Query("who")]
    assert update(model, Received(Joined("dev", "cy")), 0.0, NOON)[-1:] != [Query("who")]
    update(model, lost, 1.0, NOON)
    back = Received(Ready("ada", "lobby", TOKEN, True, rooms=["lobby", "dev"]))
    effects = [*update(model, Status("online"), 7.0, NOON), *update(model, back, 7.0, NOON)]
    assert effects.count(Query("who")) == 1, "who is away is not known any more"
