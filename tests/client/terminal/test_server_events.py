"""The effect of each frame of the server on the window."""

import pytest

from pylingo.client.events import NewSince, QueryReply, Received
from pylingo.client.local_commands import LOCAL
from pylingo.client.settings import Preferences
from pylingo.client.terminal.attention import CALL_EVERY
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.buffers import show
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Do, Effect, Model, Notify, Query, Shown
from pylingo.client.terminal.people_events import query
from pylingo.client.terminal.server_events import new_since, query_reply, received
from pylingo.client.wording import clock_time
from pylingo.shared import messages
from pylingo.shared.messages import (
    Error,
    Joined,
    Left,
    Message,
    Private,
    Ready,
    Renamed,
    RoomInfo,
    Rooms,
    Sent,
    Topic,
    Users,
)
from pylingo.shared.schema import Record

NOON = 1_700_000_000_000_000
TOKEN = "0" * 32


@pytest.fixture
def model() -> Model:
    made = Model("example:5000", Preferences())
    made.state, made.name, made.buffer.room = "online", "ada", "lobby"
    made.buffer.know("ada")
    return made


def take(model: Model, *records: Record, now: float = 0.0) -> list[Effect]:
    return [effect for record in records for effect in received(model, Received(record), now, NOON)]


def texts(model: Model) -> list[str]:
    return [line.text for line in model.buffer.scrollback.lines]


def reply(model: Model, name: str, *records: Record) -> list[Effect]:
    """The frames of the reply to a query. All but the last say that there are more."""
    events = [QueryReply(name, record, not getattr(record, "more", False)) for record in records]
    return [effect for event in events for effect in query_reply(model, event, 0.0, NOON)]


def asked(effects: list[Effect]) -> list[str]:
    return [effect.name for effect in effects if isinstance(effect, Query)]


SAYING_NOTHING: list[Record] = [
    messages.Welcome(1, "PyLingo/1.0.0", "guest-1", messages.Limits(1, 2, 3, 4)),
    messages.Goodbye("shutdown", "bye"),
    messages.Pong(7),
    messages.Ping(),
    Ready("ada", None, TOKEN, False),
    Sent("lobby", 5, key="of another window"),
    Sent("lobby", 5, re=1),
    messages.Tagged("bob", ["+typing=active"], "lobby"),
]
IN_WORDS: list[tuple[Record, str, str]] = [
    (Joined("lobby", "bob"), "note", "* bob joined"),
    (Joined("lobby", "ada", 3), "note", "* you are in lobby as ada; 2 others are here"),
    (Left("lobby", "bob", "leave"), "note", "* bob left"),
    (Left("lobby", "bob", "moved"), "note", "* bob left"),
    (Left("lobby", "bob", "close"), "note", "* bob left"),
    (Left("lobby", "bob", "lost"), "note", "* bob lost the connection"),
    (Left("lobby", "bob", "stalled"), "note", "* bob lost the connection"),
    (Left("lobby", "ada"), "note", "* you left lobby"),
    (Renamed("bob", "bo", "lobby"), "note", "* bob is now bo"),
    (Renamed("ada", "eve"), "note", "* you are now eve"),
    (Rooms([RoomInfo("lobby", 2)], False), "note", "* rooms and how many are in them:\nlobby  2"),
    (Rooms([], False), "note", "* there are no rooms: /join one to make it"),
    (Users("lobby", ["ada", "bob"], False), "note", "* in lobby: ada, bob"),
    (messages.Notice("words\nof the day"), "note", "* words\nof the day"),
    (Error("bad-name", "no"), "error", "! no"),
    (
        messages.HistoryPage("lobby", [messages.Entry("bob", "hi", NOON)], False, None),
        "note",
        f"* earlier in lobby:\n{clock_time(NOON)} bob: hi",
    ),
    (Left("lobby", "bob", "kicked", by="ada", text="spam"), "note", "* bob was kicked out of lobby by ada: spam"),
    (Left("lobby", "ADA", "kicked", by="root"), "note", "* you were kicked out of lobby by root"),
    (messages.Moderated("mute", "root", "bob"), "note", "* root muted bob"),
    (messages.RoomOp("lobby", "bob", "ada", True), "note", "* ada made bob an operator of lobby"),
    (messages.Modes("lobby", ["moderated on"], "ada"), "note", "* ada set in lobby: moderated on"),
    (messages.Bans([], False), "note", "* nobody is banned"),
    (messages.Servers([], None, False), "note", "* servers of this chat:"),
    (messages.Redacted("lobby", NOON, "root"), "note", f"* root removed the message of {clock_time(NOON)} from lobby"),
    (messages.Skipped("lobby", 3, 0, 9), "note", "* you read too slowly and missed 3 messages in lobby"),
]


def test_every_type_of_frame_is_in_a_test_here() -> None:
    tested = {type(record) for record in SAYING_NOTHING} | {type(record) for record, *_ in IN_WORDS}
    elsewhere = {"Message", "Private", "Invitation", "IrcPassword", "Help", "Topic", "Away", "People", "PersonDetails"}
    assert {schema.record for schema in messages.EVENTS.values()} == tested | {
        getattr(messages, name) for name in elsewhere
    }


@pytest.mark.parametrize("record", SAYING_NOTHING, ids=lambda record: type(record).__name__)
def test_a_frame_that_is_not_for_people(model: Model, record: Record) -> None:
    assert take(model, record) == []
    assert model.buffer.scrollback.lines == []


@pytest.mark.parametrize(("record", "kind", "text"), IN_WORDS)
def test_a_frame_in_words_that_are_written_down_too(model: Model, record: Record, kind: str, text: str) -> None:
    effects = take(model, record)
    (line,) = model.buffer.scrollback.lines
    assert (line.kind, line.text, line.at) == (kind, text, NOON)
    (written,) = (effect.text for effect in effects if isinstance(effect, Shown))
    assert written.endswith(text.replace("\n", "\n    "))


# --- messages


def test_a_message_is_a_line_with_its_stamp(model: Model) -> None:
    effects = take(model, Message("lobby", "bob", "a\tb\nc", NOON + 5))
    (line,) = model.buffer.scrollback.lines
    assert (line.kind, line.text, line.at, line.who) == ("message", "a   b\nc", NOON + 5, "bob")
    assert line.is_stamped
    assert not line.is_mention
    (shown,) = effects
    assert isinstance(shown, Shown)
    assert shown.text.endswith("bob: a   b\n    c")


def test_messages_stand_by_their_stamps(model: Model) -> None:
    take(model, Message("lobby", "bob", "2", 20), Message("lobby", "bob", "1", 10))
    assert [text for text in texts(model) if len(text) == 1] == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "text", "is_mention"),
    [
        ("ada", "ada: hello", True),
        ("ada", "hello ADA!", True),
        ("Ada", "@ada", True),
        ("ada", "adamant, canada, ada_, ada1, xada", False),
        ("ada", "canada and ada", True),
        ("ada", "ada", True),
        ("ada", "", False),
        ("", "hello", False),
        ("straße", "hi STRASSE", True),
        ("guest-1", "guest-12", False),
        ("guest-1", "(guest-1)", True),
        ("u\u0308ber", "über", True),
    ],
)
def test_a_mention_is_the_name_as_a_word(model: Model, name: str, text: str, is_mention: bool) -> None:
    model.name = name
    take(model, Message("lobby", "bob", text, NOON))
    assert model.buffer.scrollback.lines[-1].is_mention is is_mention


def test_the_bell_rings_once_in_a_while_however_often_one_is_called(model: Model) -> None:
    rung = []
    for tenth in range(50):
        message = Message("lobby", "bob", "ada!", NOON + tenth)
        if Do.BELL in take(model, message, now=tenth / 10):
            rung.append(tenth / 10)
    assert rung == [0.0, CALL_EVERY, 2 * CALL_EVERY]


def test_the_bell_rings_for_mentions_alone_and_if_it_is_wanted(model: Model) -> None:
    assert Do.BELL not in take(model, Message("lobby", "bob", "hello", NOON))
    model.preferences.bell = False
    assert Do.BELL not in take(model, Message("lobby", "bob", "ada", NOON + 1))
    model.preferences.bell = True
    assert Do.BELL in take(model, Message("lobby", "bob", "ada", NOON + 2))


def test_a_private_message_shows_a_notification_while_the_window_has_no_focus(model: Model) -> None:
    model.has_focus = False
    assert take(model, Private("bob", "ada", "psst", NOON))[-1] == Notify("bob", "psst", "@bob")


def test_messages_from_the_log_do_not_ring(model: Model) -> None:
    assert Do.BELL not in received(model, Received(Message("lobby", "bob", "ada!", NOON), False), 0.0, NOON)
    assert model.buffer.scrollback.lines[-1].is_mention


@pytest.mark.parametrize("fast", [-3_600_000_000, 3_600_000_000])
def test_a_wrong_clock_hides_no_private_message(model: Model, fast: int) -> None:
    effects = received(model, Received(Private("bob", "ada", "psst", NOON)), 0.0, NOON + fast)
    assert Do.BELL in effects
    assert (model.buffers[1].new, model.buffers[1].urgent) == (1, 1)


def test_somebody_ignored_is_not_heard(model: Model) -> None:
    model.preferences.ignored = {"bob"}
    frames = (Joined("lobby", "Bob"), Message("lobby", "BOB", "ada!", NOON), Left("lobby", "bob", "leave"))
    assert take(model, *frames) == []
    assert model.buffer.scrollback.lines == []
    take(model, Message("lobby", "bobby", "hello", NOON))
    assert texts(model) == ["hello"]


def heard(model: Model, *names: str) -> list[str]:
    """Of these people those who are heard."""
    for name in names:
        take(model, Message("lobby", name, f"now by {name}", NOON))
    found = [text.removeprefix("now by ") for text in texts(model) if text.startswith("now")]
    model.buffer.scrollback.clear()
    return found


def test_somebody_ignored_stays_so_under_another_name(model: Model) -> None:
    model.preferences.ignored = {"bob"}
    take(model, Joined("lobby", "Bob"), Renamed("Bob", "Rob", "lobby"), Renamed("Rob", "Bobby", "lobby"))
    assert model.buffer.scrollback.lines == [], "nor is the change told"
    assert heard(model, "bob", "bobby", "rob") == ["rob"]
    assert model.preferences.ignored == {"bob"}, "the new name is not kept"
    take(model, Left("lobby", "bobby", "leave"), Joined("lobby", "bobby"))
    assert heard(model, "bobby") == ["bobby"], "perhaps another one"


def test_a_guest_who_is_ignored_stays_so_under_a_name(model: Model) -> None:
    model.hidden = {"guest-7": "guest-7"}
    take(model, Joined("lobby", "guest-7"), Renamed("guest-7", "Cy", "lobby"), Renamed("Cy", "CY", "lobby"))
    assert heard(model, "cy", "guest-8") == ["guest-8"]


def test_a_guest_s_number_is_theirs_until_the_server_starts_anew(model: Model) -> None:
    model.hidden = {"guest-7": "guest-7", "bobby": "bob"}
    take(model, Left("lobby", "guest-7", "lost"), Ready("ada", "lobby", "0" * 32, True))
    assert model.hidden == {"guest-7": "guest-7", "bobby": "bob"}
    take(model, Ready("ada", "lobby", "0" * 32, False))
    assert model.hidden == {"bobby": "bob"}


def test_of_whom_nothing_is_seen_any_more_is_followed_no_further(model: Model) -> None:
    """We were away, and somebody else may have the name now."""
    model.hidden = {"guest-7": "guest-7", "bobby": "bob", "here": "cy"}
    take(model, Users("lobby", ["ada"], True), Users("lobby", ["here"], False))
    assert model.hidden == {"guest-7": "guest-7", "here": "cy"}


def test_a_stranger_who_takes_an_ignored_name_is_told(model: Model) -> None:
    model.preferences.ignored = {"bob"}
    take(model, Renamed("cy", "bob", "lobby"))
    assert len(model.buffer.scrollback.lines) == 1
    assert model.hidden == {}


def test_an_own_message_is_confirmed_under_the_name_of_then(model: Model) -> None:
    model.buffer.scrollback.unsent["k"] = Line("own", "mine", NOON, "", state="unsent")
    (shown,) = take(model, Sent("lobby", NOON + 7, key="k"))
    (line,) = model.buffer.scrollback.lines
    assert (line.who, line.state, line.at, line.is_stamped) == ("ada", "", NOON + 7, True)
    assert isinstance(shown, Shown)
    assert shown.text.endswith("ada: mine")
    assert take(model, Sent("lobby", NOON + 7, key="k")) == [], "a second answer changes nothing"
    assert len(model.buffer.scrollback.lines) == 1


# --- who is where


def test_joining_begins_anew_and_asks_who_is_there(model: Model) -> None:
    take(model, Joined("lobby", "bob"))
    effects = take(model, Joined("Deep-End", "Ada", 2))
    assert (model.buffer.room, model.name, model.buffer.people) == ("Deep-End", "Ada", {"ada": "Ada"})
    assert model.rooms == ["Deep-End"]
    assert asked(effects) == model.queries == ["users"]
    take(model, Message("Deep-End", "bob", "old", 1))
    assert texts(model)[-1] == "old", "no line goes before that of the new room"


def test_people_who_come_and_go_are_known(model: Model) -> None:
    take(model, Joined("lobby", "Bob"), Joined("lobby", "cy"), Left("lobby", "BOB", "lost"))
    assert model.buffer.people == {"ada": "ada", "cy": "cy"}
    take(model, Renamed("cy", "Cyd", "lobby"), Renamed("unknown", "x", "lobby"))
    assert model.buffer.people == {"ada": "ada", "cyd": "Cyd"}
    take(model, Renamed("ada", "eve"))
    assert (model.name, model.buffer.people) == ("eve", {"cyd": "Cyd", "eve": "eve"})
    take(model, Left("lobby", "eve"))
    assert (model.buffer.room, model.buffer.people) == (None, {})


def test_another_ones_name_is_not_ours(model: Model) -> None:
    take(model, Renamed("bob", "bo", "lobby"))
    assert model.name == "ada"


def test_arrivals_are_folded_and_each_is_written_down(model: Model) -> None:
    effects = take(model, *(Joined("lobby", f"u{number}") for number in range(12)))
    assert texts(model) == ["* 12 people joined"]
    assert len(effects) == 12


def test_the_pages_of_users_are_put_together(model: Model) -> None:
    assert asked(take(model, Joined("lobby", "ada", 4))) == ["users"]
    take(model, Message("lobby", "cy", "hi", NOON), Message("lobby", "gone", "hi", NOON + 1))
    before = texts(model)
    assert reply(model, "users", Users("lobby", ["ada", "bob"], True)) == []
    assert "bob" not in model.buffer.people
    assert reply(model, "users", Users("LOBBY", ["cy", "dan"], False)) == []
    assert list(model.buffer.people) == ["bob", "dan", "ada", "cy"], "who spoke last comes last, who is gone goes"
    assert (model.queries, model.buffer.arriving, texts(model)) == ([], {}, before)


def test_somebody_who_has_left_the_room_and_speaks_in_its_log_is_not_in_it(model: Model) -> None:
    take(model, Joined("lobby", "ada", 2))
    reply(model, "users", Users("lobby", ["ada", "bob"], False))
    take(model, Message("lobby", "gone", "hi", NOON), Message("lobby", "bob", "hi", NOON + 1))
    assert list(model.buffer.people) == ["ada", "bob"]


def test_a_change_between_two_pages_of_users(model: Model) -> None:
    """The server makes each page when its turn comes."""
    query(model, "users")
    reply(model, "users", Users("lobby", ["ada", "bob", "cy"], True))
    take(
        model,
        Joined("lobby", "amy"),
        Joined("lobby", "zoe"),
        Left("lobby", "bob", "leave"),
        Renamed("cy", "cyril", "lobby"),
        Renamed("walt", "anne", "lobby"),
    )
    reply(model, "users", Users("lobby", ["dan", "zoe"], False))
    assert set(model.buffer.people) == {"ada", "amy", "anne", "cyril", "dan", "zoe"}
    take(model, Joined("lobby", "late"))
    reply(model, "users", Users("lobby", ["ada"], False))
    assert list(model.buffer.people) == ["ada"]


def test_the_users_of_a_room_that_was_left_are_not_taken(model: Model) -> None:
    take(model, Users("elsewhere", ["x"], False))
    assert model.buffer.people == {"ada": "ada"}
    model.buffer.room = None
    take(model, Users("lobby", ["x"], False))
    assert model.buffer.people == {"ada": "ada"}


def test_a_reply_that_the_person_asked_for_is_shown_page_by_page(model: Model) -> None:
    take(model, Users("lobby", ["ada"], True, re=1), Users("lobby", ["bob"], False, re=1))
    assert texts(model) == ["* in lobby: ada", "* in lobby: bob"]


def test_rooms_are_known_once_and_a_quiet_answer_is_not_shown(model: Model) -> None:
    model.rooms = ["Lobby"]
    query(model, "list")
    assert reply(model, "list", Rooms([RoomInfo("lobby", 1), RoomInfo("a", 2)], True)) == []
    assert model.queries == ["list"]
    assert reply(model, "list", Rooms([RoomInfo("b", 2)], False)) == []
    assert (model.rooms, model.queries, texts(model)) == (["Lobby", "a", "b"], [], [])


def test_a_quiet_refusal_is_not_shown(model: Model) -> None:
    query(model, "users")
    assert reply(model, "users", Error("no-room", "x", re=9)) == []
    assert model.queries == []
    take(model, Error("no-room", "x", re=9))
    assert texts(model) == ["! x"]


def test_a_session_that_was_resumed_asks_who_is_there(model: Model) -> None:
    assert asked(take(model, Ready("Ada", "deep", TOKEN, True))) == ["users"]
    assert (model.name, model.buffer.room) == ("Ada", "deep")


def test_a_session_that_is_new_is_in_no_room_and_with_nobody(model: Model) -> None:
    model.buffer.know("bob")
    assert take(model, Ready("guest-7", None, TOKEN, False)) == []
    assert (model.name, model.buffer.current_room, model.buffer.people) == ("guest-7", None, {})


# --- queries


def test_two_queries_for_the_same_are_answered_one_by_one(model: Model) -> None:
    assert query(model, "users") == query(model, "users") == Query("users")
    reply(model, "users", Users("lobby", ["ada"], False))
    assert model.queries == ["users"]
    reply(model, "users", Users("lobby", ["ada"], False), Users("lobby", ["ada"], False))
    assert model.queries == []


def test_a_reply_to_a_query_is_a_sign_of_life(model: Model) -> None:
    query_reply(model, QueryReply("list", Rooms([], False), True), 7.0, NOON)
    assert model.heard_at == 7.0


def test_help_has_the_commands_of_the_server_and_of_this_program(model: Model) -> None:
    take(model, messages.Help([messages.CommandInfo("join", "room", "Moves you.")]))
    (text,) = texts(model)
    for info in (messages.CommandInfo("join", "room", ""), *LOCAL):
        assert f" /{info.name} " in text


# --- several rooms and conversations


@pytest.fixture
def several(model: Model) -> Model:
    model.features = frozenset({"rooms", "private", "people"})
    model.buffers += [Buffer("ops"), Buffer(person="grace")]
    return model


def lines(model: Model, index: int) -> list[str]:
    return [line.whole for line in model.buffers[index].scrollback.lines if line.kind != "day"]


def news(model: Model) -> list[tuple[int, int]]:
    return [(buffer.new, buffer.urgent) for buffer in model.buffers]


def test_a_message_goes_to_its_room_and_is_counted_if_that_is_not_shown(several: Model) -> None:
    take(several, Message("lobby", "bob", "here", NOON), Message("ops", "bob", "there", NOON + 1))
    take(several, Message("ops", "bob", "ada?", NOON + 2))
    assert lines(several, 0) == ["bob: here"]
    assert lines(several, 1) == ["--- new ---", "bob: there", "bob: ada?"]
    assert news(several) == [(0, 0), (2, 1), (0, 0)]
    show(several, several.buffers[1])
    assert news(several) == [(0, 0)] * 3
    show(several, several.buffers[0])
    assert lines(several, 1) == ["bob: there", "bob: ada?"]


def test_old_messages_of_a_room_that_is_opened_are_not_new(several: Model) -> None:
    received(several, Received(Message("ops", "bob", "days ago", NOON), False), 0.0, NOON)
    assert news(several)[1] == (0, 0)


def test_messages_missed_in_a_room_that_was_seen_are_new(several: Model) -> None:
    several.buffers[1].seen = NOON - 3
    received(several, Received(Message("ops", "bob", "missed", NOON - 2), False), 0.0, NOON)
    assert news(several)[1] == (1, 0)


def test_messages_since_the_last_run_are_marked_in_the_shown_room_too(several: Model) -> None:
    take(several, Message("lobby", "bob", "seen", NOON - 3))
    new_since(several, NewSince("Lobby", NOON - 3), 0, NOON)
    take(several, Message("lobby", "bob", "new", NOON - 2), Message("lobby", "bob", "newer", NOON - 1))
    assert lines(several, 0) == ["bob: seen", "--- new ---", "bob: new", "bob: newer"]
    assert several.buffers[0].seen == NOON - 1
    assert new_since(several, NewSince("nowhere", 1), 0, NOON) == []


def log(model: Model, *words: str, room: str = "lobby") -> None:
    """Messages that were there before we came."""
    for number, text in enumerate(words):
        received(model, Received(Message(room, "bob", text, NOON - 99 + number), False), 0.0, NOON)


def test_a_line_divides_the_log_of_a_room_from_what_is_new(several: Model) -> None:
    log(several, "old", "older")
    assert lines(several, 0) == ["bob: old", "bob: older"], "there is nothing new yet"
    take(several, Message("lobby", "bob", "new", NOON), Message("lobby", "bob", "newer", NOON + 1))
    assert lines(several, 0) == ["bob: old", "bob: older", "--- new ---", "bob: new", "bob: newer"]
    show(several, several.buffers[1])
    show(several, several.buffers[0])
    take(several, Message("lobby", "bob", "newest", NOON + 2))
    assert "--- new ---" not in lines(several, 0), "the log and what was new then have been seen"


def test_own_words_are_below_the_line_that_divides_the_log(several: Model) -> None:
    log(several, "old")
    several.buffer.scrollback.unsent["k"] = Line("own", "mine", NOON, "ada", state="unsent")
    take(several, Sent("lobby", NOON, key="k"), Message("lobby", "bob", "new", NOON + 1))
    assert lines(several, 0) == ["bob: old", "--- new ---", "ada: mine", "bob: new"]


def test_a_room_without_a_log_has_no_line(several: Model) -> None:
    take(several, Message("lobby", "bob", "new", NOON))
    assert lines(several, 0) == ["bob: new"]


def test_the_log_of_another_room_in_the_same_buffer_moves_the_line(several: Model) -> None:
    log(several, "old")
    take(several, Message("lobby", "bob", "new", NOON))
    log(several, "log")
    take(several, Message("lobby", "bob", "newer", NOON + 1))
    assert lines(several, 0) == ["bob: log", "bob: old", "bob: new", "--- new ---", "bob: newer"]


def test_a_log_in_the_background_is_above_what_is_new_there(several: Model) -> None:
    log(several, "old", room="ops")
    take(several, Message("ops", "bob", "new", NOON), Message("ops", "bob", "newer", NOON + 1))
    assert lines(several, 1) == ["bob: old", "--- new ---", "bob: new", "bob: newer"]
    assert news(several)[1] == (2, 0)
    show(several, several.buffers[1])
    take(several, Message("ops", "bob", "newest", NOON + 2))
    assert lines(several, 1)[1] == "--- new ---", "until another buffer is shown"


def test_a_private_message_opens_its_conversation_in_the_background_and_rings(several: Model) -> None:
    effects = take(several, Private("ken", "ada", "psst", NOON), now=100.0)
    assert Do.BELL in effects
    assert (several.buffers[3].title, several.buffer.title) == ("@ken", "lobby")
    assert news(several)[3] == (1, 1)
    effects = take(several, Private("grace", "ada", "psst", NOON), now=100.0)
    assert Do.BELL not in effects, "at most every two seconds"


def test_a_private_message_of_ours_is_in_the_conversation_with_the_other(several: Model) -> None:
    take(several, Private("ada", "Grace", "mine", NOON))
    assert lines(several, 2) == ["--- new ---", "ada: mine"]
    assert news(several)[2] == (1, 0)
    several.own_names |= {"ada", "eve"}
    take(several, Private("eve", "grace", "under an earlier name", NOON + 1))
    take(several, Private("eve", "ada", "of somebody who has that name now", NOON + 2))
    assert [buffer.title for buffer in several.buffers] == ["lobby", "ops", "@grace", "@eve"]


def test_a_hidden_person_opens_no_conversation(several: Model) -> None:
    several.preferences.ignored.add("mallory")
    assert take(several, Private("Mallory", "ada", "psst", NOON)) == []
    assert len(several.buffers) == 3


def test_an_emote_of_somebody(several: Model) -> None:
    take(several, Message("lobby", "grace", "waves", NOON, action=True), Private("grace", "ada", "nods", NOON, True))
    assert (lines(several, 0), lines(several, 2)[1:]) == (["* grace waves"], ["* grace nods"])


def test_a_confirmation_finds_the_buffer_of_its_words(several: Model) -> None:
    several.buffers[2].scrollback.unsent["k"] = Line("own", "psst", state="unsent")
    take(several, Sent(None, NOON, key="k", to="Grace"))
    (line,) = (line for line in several.buffers[2].scrollback.lines if line.kind == "own")
    assert (line.state, line.is_stamped, several.buffers[2].title) == ("", True, "@Grace")


def test_a_topic_is_that_of_its_room(several: Model) -> None:
    take(several, Topic("ops", "green", "bob", NOON))
    assert (several.buffers[0].topic, several.buffers[1].topic) == (None, "green")
    take(several, Topic("ops", None, "bob", NOON))
    assert several.buffers[1].topic is None
