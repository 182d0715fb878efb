"""A session: its states, its first frames and its end."""

import dataclasses
import re

import pytest

from pylingo.reactor.chat.session import FEATURES, Session, State
from pylingo.shared import __version__
from pylingo.shared.codec import encode
from pylingo.shared.messages import (
    Command,
    Goodbye,
    Hello,
    Left,
    Limits,
    Message,
    Notice,
    Pong,
    Ready,
    Renamed,
    Say,
    Sent,
    Welcome,
)
from tests.fakes.chat import NOON, Chat, Person, error, goodbye, script, seated, words_left_out
from tests.support import ready as ready_of


@pytest.fixture
def chat() -> Chat:
    return Chat()


# --- its states -----------------------------------------------------------------------------------------------


def test_a_session_goes_from_state_to_state(chat):
    chat = Chat(grace=60.0)
    person = Person(chat.hub)
    person.ask(Hello(1, "alice"))
    (token,) = [record.token for record in person.got() if type(record) is Ready]
    session = person.session
    assert session.state is State.ATTACHED
    person.lose()
    chat.tick()
    assert session.state is State.AWAY
    back = Person(chat.hub)
    guest = back.session
    back.ask(Hello(1, resume=token))
    chat.tick()
    assert (session.state, session.peer, guest.state) == (State.ATTACHED, back, State.ENDED)
    waiting = []
    chat.hub.history.when_settled = waiting.append
    back.ask(Command("close"))
    assert session.state is State.LEAVING
    waiting.pop()()
    assert session.state is State.ENDED
    assert session.peer is None


@pytest.mark.parametrize("state", [State.AWAY, State.LEAVING, State.ATTACHED])
def test_nothing_follows_the_end(chat, state):
    """A transition that the table does not have is a mistake of ours, and found at once."""
    person = chat.person()
    person.session.end("idle", "the end")
    with pytest.raises(AssertionError):
        person.session.become(state)


# --- coming ---------------------------------------------------------------------------------------------------


def test_everybody_is_welcomed_as_a_guest(chat):
    limits = Limits(frame=32_768, text=4_096, name=32, room=64)
    for number in (1, 2):
        person = Person(chat.hub)
        welcome = Welcome(1, f"PyLingo/{__version__}", f"guest-{number}", limits, FEATURES, person.challenge)
        assert person.got() == [welcome]


def test_the_notice_of_the_day_follows_the_welcome(chat):
    assert [type(record) for record in Person(chat.hub).got()] == [Welcome]
    _, notice = Person(chat.hub, motd="tea\nis ready").got()
    assert notice == Notice("tea\nis ready")


def test_the_largest_notice_of_the_day_fits_a_frame(chat):
    _, notice = Person(chat.hub, motd="\N{TEACUP WITHOUT HANDLE}" * 4_096).got()
    assert len(notice.text) == 4_096


@pytest.mark.parametrize(
    ("wish", "name", "refusal"),
    [
        (None, "guest-2", None),
        ("alice", "alice", None),
        ("  alice\t", "alice", None),
        ("Zoe\u0308", "Zoë", None),
        ("BOB", "guest-2", "name-taken"),
        ("no good", "guest-2", "bad-name"),
        ("guest-7", "guest-2", "bad-name"),
        ("a" * 33, "guest-2", "bad-name"),
    ],
)
@pytest.mark.parametrize("number", [None, 0, 2**63 - 1])
def test_hello(chat, wish, name, refusal, number):
    chat.person("bob")
    person = chat.person()
    person.ask(Hello(1, wish, "test/1", "ignored", "0" * 32, number))
    ready, *rest = person.got()
    assert dataclasses.replace(ready, token="") == ready_of(name, None, "", False, number)
    assert words_left_out(rest) == ([error(refusal, number)] if refusal else [])
    assert person.name == name


def test_every_session_has_a_token_of_its_own(chat):
    tokens = set()
    for person in [chat.person() for _ in range(20)]:
        person.ask(Hello(1))
        (ready,) = person.got()
        assert re.fullmatch("[0-9a-f]{32}", ready.token)
        tokens.add(ready.token)
    assert len(tokens) == 20


def test_a_late_hello_says_where_one_is_and_tells_the_room_the_new_name(chat):
    guest, bob = chat.people("ann", "bob")
    guest.ask(Hello(1, "alice", id=3))
    chat.tick()
    (ready,) = guest.got()
    assert dataclasses.replace(ready, token="") == ready_of("alice", "tea", "", False, 3)
    assert bob.got() == [Renamed("ann", "alice", "tea")]


def test_a_second_hello_is_refused_and_changes_nothing(chat):
    person = chat.person()
    person.ask(Hello(1, "alice"), Hello(1, "bob", id=4))
    assert words_left_out(person.got()[1:]) == [error("already-ready", 4)]
    assert person.name == "alice"


@pytest.mark.parametrize("version", [0, 2, -1, 2**63])
def test_another_version_of_the_protocol_ends_in_goodbye(chat, version):
    person, other = chat.people("alice", "bob")
    person.ask(Hello(version, "carol", id=5))
    chat.tick()
    assert words_left_out(person.got()) == [goodbye("protocol", 5)]
    assert person.endings == ["protocol"]
    assert other.got() == [Left("tea", "alice", "protocol")]


# --- endings --------------------------------------------------------------------------------------------------


def test_close_says_goodbye_and_tells_the_room(chat):
    alice, bob = chat.people("alice", "bob")
    script(chat, (bob, Say("one")), (alice, Command("close", id=6)), (bob, Say("two")))
    assert words_left_out(alice.got()) == [Message("tea", "bob", "one", NOON), goodbye("close", 6)]
    assert alice.endings == ["close"]
    assert bob.got() == [Left("tea", "alice", "close")]


@pytest.mark.parametrize("room", [None, "tea"])
def test_the_end_comes_once_and_frees_name_and_seat(chat, room):
    alice = chat.person("alice", room)
    alice.session.end("idle", "you were gone")
    alice.session.end("silent", "again")
    alice.session.lost()
    alice.session.shut_down("again")
    alice.session.reply(Pong())
    alice.session.drained()
    chat.tick()
    assert alice.got() == [Goodbye("idle", "you were gone")]
    assert alice.endings == ["idle"]
    assert len(chat.hub) == 0
    assert chat.hub.rooms == {}
    assert chat.person("ALICE").name == "ALICE"


@pytest.mark.parametrize("room", [None, "tea"])
def test_a_lost_connection_is_told_to_end_and_frees_name_and_seat(chat, room):
    # The end of the stream is no end of the socket: unless the peer is told, the socket stays open for ever.
    alice = chat.person("alice", room)
    bob = chat.person("bob", room)
    alice.got()
    bob.session.lost()
    bob.session.lost()
    chat.tick()
    assert bob.got() == []
    assert alice.got() == ([Left("tea", "bob", "lost")] if room else [])
    assert len(chat.hub) == 1
    assert bob.endings == ["lost"]


def test_requests_before_the_end_of_the_stream_are_still_answered(chat):
    alice, bob = chat.people("alice", "bob")
    bob.ask(Say("one"))
    alice.ask(Say("two", id=1))
    alice.session.lost()
    chat.tick()
    assert alice.got() == [Message("tea", "bob", "one", NOON), Sent("tea", NOON + 1, 1)]
    assert bob.got() == [Message("tea", "alice", "two", NOON + 1), Left("tea", "alice", "lost")]


def test_an_end_with_drop_leaves_the_rooms_frames_of_the_tick_out(chat):
    alice, bob = chat.people("alice", "bob")
    bob.ask(Say("one"))
    alice.session.end("stalled", "you do not read", discard=True)
    bob.ask(Say("two"))
    chat.tick()
    assert alice.got() == [Goodbye("stalled", "you do not read")]
    assert bob.got() == [Left("tea", "alice", "stalled")]


def test_a_shutdown_tells_each_and_no_room(chat):
    alice, bob = chat.people("alice", "bob")
    alone = chat.person()
    alice.ask(Say("one"))
    for session in chat.hub.sessions():
        session.shut_down("the server stops")
    chat.tick()
    goodbye = Goodbye("shutdown", "the server stops")
    assert alice.got() == alone.got() == [goodbye]
    assert bob.got() == [Message("tea", "alice", "one", NOON), goodbye]
    assert alice.endings == bob.endings == alone.endings == ["shutdown"]
    assert len(chat.hub) == 0


# --- between servers ------------------------------------------------------------------------------------------


def test_a_session_of_another_server_is_resumed_here():
    chat = Chat(grace=60.0)
    seat = Session.from_seat(chat.hub, 7, "a" * 32, "ada", 5, None, "10.1.2.3")
    assert (seat.state, seat.number, seat.host, seat.is_admitted, seat.rooms) == (State.AWAY, 7, "10.1.2.3", True, ())
    chat.hub.seats.keep(seat)
    back = Person(chat.hub)
    back.ask(Hello(1, resume="a" * 32))
    chat.tick()
    ready = next(record for record in back.got() if type(record) is Ready)
    assert (ready.resumed, ready.name, ready.token) == (True, "ada", "a" * 32)
    assert (seat.state, seat.peer) == (State.ATTACHED, back)


def test_a_session_that_goes_elsewhere_is_missed_by_nobody():
    chat = Chat(grace=60.0)
    ada, bob = chat.people("ada", "bob")
    ada.ask(Hello(1, None))
    chat.tick()
    ada.got()
    session, token = ada.session, ada.session.token
    session.go_elsewhere(encode(Goodbye("replaced", "")))
    chat.tick()
    assert (ada.got(), ada.endings, bob.got()) == ([Goodbye("replaced", "")], ["replaced"], [])
    assert (session.state, session.rooms, session.token) == (State.ENDED, (), None)
    assert chat.hub.tokens.find(token, None) is None
    assert (len(chat.hub), len(chat.hub.seats), list(chat.hub.rooms)) == (1, 0, ["tea"])


def test_the_seat_of_a_session_that_goes_elsewhere_is_free():
    chat = Chat(grace=60.0)
    ada, _ = seated(chat, "ada")
    ada.lose()
    assert len(chat.hub.seats) == 1
    ada.session.go_elsewhere(b"")
    assert (len(chat.hub.seats), chat.hub.rooms, len(chat.hub)) == (0, {}, 0)
    chat.wait(100.0)  # no alarm rings for it


def test_a_session_that_is_leaving_can_go_elsewhere_as_well():
    chat = Chat(grace=60.0)
    ada, _ = seated(chat, "ada")
    chat.hub.history.when_settled = lambda done: None
    ada.ask(Command("close"))
    ada.session.go_elsewhere(b"")
    chat.tick()
    assert (ada.session.state, ada.endings, len(chat.hub)) == (State.ENDED, ["replaced"], 0)
