"""A conversation with a server that asks who we are: keys, invitations, kicks and marks."""

import pytest

from pylingo.client.conversation import Conversation
from pylingo.client.credentials import Credentials
from pylingo.client.events import KeyChanged, NameWanted
from pylingo.client.histories import INBOX
from pylingo.client.reconnect import FinalError, HelloRefusedError
from pylingo.shared.messages import (
    Command,
    Entry,
    Error,
    Hello,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Limits,
    Message,
    People,
    PersonInfo,
    Private,
    Ready,
    Redacted,
    Say,
    Users,
    Welcome,
)
from pylingo.shared.schema import MAX_ID, Record
from tests.fakes.conversation import SortedConversation
from tests.fakes.keys import CERTIFICATE, CHALLENGE, FakeKey

ALL = ["rooms", "private", "people", "identity", "moderation"]
KEY = "SHA256:mine"
TOKEN = "1" * 32


def make(credentials: Credentials | None = None, *rooms: str, **seen: int) -> SortedConversation:
    first = rooms[0] if rooms else None
    return SortedConversation(Conversation("ada", first, rooms=rooms[1:], seen=seen, credentials=credentials))


def welcome(challenge: str | None = CHALLENGE) -> Welcome:
    return Welcome(1, "PyLingo/1.1.0", "guest-1", Limits(32_768, 4_096, 32, 64), ALL, challenge)


def ready(*rooms: str, resumed: bool = False, identity: str | None = KEY) -> Ready:
    return Ready("ada", rooms[0] if rooms else None, TOKEN, resumed, MAX_ID, list(rooms), identity, False)


def verified() -> Credentials:
    credentials = Credentials(identity=FakeKey(), invite="code")
    credentials.connected(CERTIFICATE, True)
    return credentials


def here(*rooms: str, **seen: int) -> SortedConversation:
    """A conversation in `rooms`, with their history and the inbox read."""
    talk = make(verified(), *rooms, **seen)
    talk.connected()
    talk.received(welcome())
    asked = talk.received(ready(*rooms)).send
    for request in asked:
        if isinstance(request, HistoryRequest):
            talk.received(HistoryPage(request.room, [], False, None, request.id))
    return talk


def inbox_requests(records: list[Record]) -> list[HistoryRequest]:
    return [record for record in records if isinstance(record, HistoryRequest) and record.inbox]


# --- the hello


def test_a_proof_waits_for_the_welcome() -> None:
    talk = make(verified())
    assert talk.connected().send == []
    assert not talk.is_introduced
    (hello,) = talk.received(welcome()).send
    assert isinstance(hello, Hello)
    assert (hello.name, hello.identity, hello.proof, hello.invite) == ("ada", "ssh-ed25519 AAAA", "the proof", "code")
    assert hello.id == MAX_ID
    assert talk.is_introduced


def test_without_a_key_the_hello_goes_out_at_once() -> None:
    talk = make(Credentials(password="s3cret"))
    (hello,) = talk.connected().send
    assert isinstance(hello, Hello)
    assert (hello.password, hello.identity, hello.proof, hello.invite) == ("s3cret", None, None, None)
    assert talk.received(welcome()).send == []


def test_each_connection_has_a_hello_of_its_own() -> None:
    talk = here()
    talk.disconnected()
    assert not talk.is_introduced
    assert talk.connected().send == []
    (hello,) = talk.received(welcome()).send
    assert isinstance(hello, Hello)
    assert hello.resume == TOKEN
    assert hello.invite is None  # it is used up


def test_a_challenge_that_is_none_ends_it() -> None:
    talk = make(verified())
    talk.connected()
    with pytest.raises(FinalError, match="challenge"):
        talk.received(welcome("0" * 63))


@pytest.mark.parametrize("code", ["no-identity", "no-password", "bad-message"])
def test_a_hello_that_is_refused_ends_it(code: str) -> None:
    talk = make()
    talk.connected()
    talk.received(welcome())
    with pytest.raises(HelloRefusedError, match="show a key") as caught:
        talk.received(Error(code, "show a key", MAX_ID))
    assert caught.value.code == code


def test_an_error_after_the_ready_is_shown() -> None:
    talk = make(verified())
    talk.connected()
    talk.received(welcome())
    talk.received(ready())
    talk.received(Error("name-taken", "taken", MAX_ID))
    step = talk.received(Error("bad-invite", "no good", MAX_ID))
    assert step.show == [Error("bad-invite", "no good", MAX_ID)]
    assert talk.wanted == "ada"  # the other error did not end that


def test_an_owned_name_is_not_asked_for_again() -> None:
    talk = make(verified())
    talk.connected()
    talk.received(welcome())
    talk.received(ready())
    step = talk.received(Error("name-owned", "it belongs to somebody", MAX_ID))
    assert step.show
    assert not [event for event in step.other if isinstance(event, NameWanted)]
    assert talk.wanted is None


# --- the inbox of a key


def test_private_messages_that_came_while_away_are_fetched_at_the_first_start() -> None:
    talk = make(verified())
    talk.connected()
    talk.received(welcome())
    (request,) = inbox_requests(talk.received(ready()).send)
    assert (request.since, request.before) == (None, None)
    held = talk.received(Private("bob", "ada", "new", 9))
    assert held.show == []
    shown = talk.received(HistoryPage(None, [Entry("bob", "old", 7, to="ada")], False, None, request.id)).show
    assert shown == [Private("bob", "ada", "old", 7), Private("bob", "ada", "new", 9)]


def test_private_messages_since_the_last_run_are_fetched() -> None:
    talk = make(verified(), **{INBOX: 5})
    talk.connected()
    talk.received(welcome())
    (request,) = inbox_requests(talk.received(ready()).send)
    assert request.since == 5


def test_a_new_session_of_the_same_key_goes_on_in_its_inbox() -> None:
    talk = here()
    talk.received(Private("bob", "ada", "hi", 9))
    talk.disconnected()
    talk.connected()
    talk.received(welcome())
    (request,) = inbox_requests(talk.received(ready()).send)
    assert request.since == 9


def test_a_guest_has_a_new_inbox() -> None:
    talk = here()
    talk.received(Private("bob", "ada", "hi", 9))
    talk.disconnected()
    talk.connected()
    talk.received(welcome())
    assert not inbox_requests(talk.received(ready(identity=None)).send)
    assert talk.received(Private("bob", "ada", "early", 3)).show


# --- marks


def test_the_fingerprints_come_before_the_names_of_a_room() -> None:
    talk = here("lobby")
    who, users = talk.command("users").send
    assert isinstance(who, Command)
    assert isinstance(users, Command)
    assert (who.name, users.name) == ("who", "users")
    talk.received(People([PersonInfo("bob", 1, fingerprint="SHA256:b", operator=True)], False, who.id))
    assert talk.received(Users("lobby", ["ada", "bob"], False, users.id)).show
    assert talk.marks["bob"].fingerprint == "SHA256:b"


def test_an_older_server_is_not_asked() -> None:
    talk = make()
    talk.connected()
    talk.received(Welcome(1, "PyLingo/1.1.0", "guest-1", Limits(1, 1, 1, 1), ["rooms", "private", "people"]))
    talk.received(Ready("ada", "lobby", TOKEN, False, MAX_ID, ["lobby"]))
    assert len(talk.command("users").send) == 1
    talk.received(Joined("lobby", "bob", fingerprint="SHA256:b"))
    assert talk.marks["bob"].fingerprint is None


def test_a_change_of_a_key_is_an_event() -> None:
    talk = here("lobby")
    talk.received(Private("bob", "ada", "hi", 9, fingerprint="SHA256:b"))
    step = talk.received(Joined("lobby", "bob", fingerprint="SHA256:c"))
    assert step.other == [KeyChanged("bob", "SHA256:b", "SHA256:c")]


# --- being kicked


def test_a_kick_takes_us_out_of_the_room_for_good() -> None:
    talk = here("lobby", "ops")
    (leave,) = talk.command("leave", room="ops").send  # it crosses with the kick
    assert isinstance(leave, Command)
    kick = Left("lobby", "ADA", "kicked", by="root", text="why not")
    assert talk.received(kick).show == [kick]
    assert talk.rooms == ["ops"]
    talk.received(Left("ops", "ada", re=leave.id))
    assert talk.rooms == []
    talk.disconnected()
    talk.connected()
    talk.received(welcome())
    sent = talk.received(ready()).send
    assert not [record for record in sent if isinstance(record, Command)]


def test_words_said_after_a_kick_are_for_the_remaining_room() -> None:
    talk = here("lobby", "ops")
    talk.received(Left("lobby", "ada", "kicked", by="root", current="ops"))
    (say,) = talk.say("hi").send
    assert isinstance(say, Say)
    assert say.room == "ops"


def test_somebody_elses_kick_is_shown() -> None:
    talk = here("lobby")
    kick = Left("lobby", "bob", "kicked", by="root")
    assert talk.received(kick).show == [kick]
    assert talk.rooms == ["lobby"]


# --- redaction


def test_a_redaction_waits_until_the_message_was_shown() -> None:
    talk = make(verified(), "lobby")
    talk.connected()
    talk.received(welcome())
    step = talk.received(ready("lobby"))
    request = next(r for r in step.send if isinstance(r, HistoryRequest) and r.room == "lobby")
    assert talk.received(Redacted("lobby", 7, "root")).show == []
    shown = talk.received(HistoryPage("lobby", [Entry("bob", "secret", 7)], False, None, request.id)).show
    assert shown == [Message("lobby", "bob", "secret", 7), Redacted("lobby", 7, "root")]


def test_a_redacted_entry_of_the_history_has_no_text() -> None:
    talk = make(verified(), "lobby")
    talk.connected()
    talk.received(welcome())
    step = talk.received(ready("lobby"))
    request = next(r for r in step.send if isinstance(r, HistoryRequest) and r.room == "lobby")
    shown = talk.received(HistoryPage("lobby", [Entry("bob", "", 7, redacted=True)], False, None, request.id)).show
    assert shown == [Message("lobby", "bob", "", 7)]
