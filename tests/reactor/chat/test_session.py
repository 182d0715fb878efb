"""One person's conversation: what each request is answered with, and where an answer stands among the room's frames.

`Chat` and `Person` below are the far ends of a hub and of a session; the other tests of the chat use them, too.
"""

import dataclasses
import itertools
import re
import string

import pytest

from pylingo.reactor.chat.session import FEATURES, State
from pylingo.shared import __version__
from pylingo.shared.codec import encode, request_codec
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import (
    Command,
    Entry,
    Error,
    Goodbye,
    Hello,
    Help,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Limits,
    Message,
    Notice,
    PingRequest,
    Pong,
    PongRequest,
    Ready,
    Renamed,
    Say,
    Sent,
    Skipped,
    Welcome,
)
from pylingo.shared.schema import Record
from tests.fakes.chat import NOON, Chat, Person, error, goodbye, words_left_out
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


# --- speaking -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [None, 0, 7])
@pytest.mark.parametrize("key", [None, "k-1"])
def test_say_reaches_the_others_and_is_confirmed_where_it_has_an_id_or_a_key(chat, number, key):
    alice, bob, carol = chat.people("alice", "bob", "carol")
    alice.ask(Say("hi", key, number))
    chat.tick()
    confirmed = number is not None or key is not None
    assert alice.got() == ([Sent("tea", NOON, number, key)] if confirmed else [])
    assert bob.got() == carol.got() == [Message("tea", "alice", "hi", NOON)]


def test_say_is_confirmed_to_one_alone_in_a_room(chat):
    alice = chat.person("alice", "tea")
    alice.ask(Say("hi", id=1), Say("hi"))
    chat.tick()
    assert alice.got() == [Sent("tea", NOON, 1)]
    assert chat.hub.tick.newest_stamp == NOON + 1  # both are in the log, so both were stamped


def test_the_largest_text_in_the_longest_room_of_the_longest_name_fits_a_frame(chat):
    letter = "\N{OLD TURKIC LETTER ORKHON A}"  # four bytes of UTF-8
    alice, bob = chat.people(letter * 32, "bob", room=letter * 64)
    alice.ask(Say(letter * 4_096, "k" * 32, 2**63 - 1))
    chat.tick()
    assert bob.got() == [Message(letter * 64, letter * 32, letter * 4_096, NOON)]
    assert alice.got() == [Sent(letter * 64, NOON, 2**63 - 1, "k" * 32)]


def test_control_characters_are_replaced_before_anybody_sees_them(chat):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("a\x1bb\n\tc\x00\x9b"))
    chat.tick()
    assert [record.text for record in bob.got()] == ["a\ufffdb\n\tc\ufffd\ufffd"]


def test_rooms_do_not_hear_each_other(chat):
    alice, _ = chat.people("alice", "bob", room="tea")
    carol, dave = chat.people("carol", "dave", room="coffee")
    carol.ask(Say("hi"))
    chat.tick()
    assert alice.got() == []
    assert dave.got() == [Message("coffee", "carol", "hi", NOON)]


def test_a_ping_is_answered_and_a_pong_is_not(chat):
    person = chat.person()
    person.ask(PingRequest(), PongRequest(), PongRequest(3), PingRequest(4))
    assert person.got() == [Pong(), Pong(4)]


# --- the log --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [None, 2])
def test_the_history_of_a_room_in_which_nobody_spoke_is_an_empty_page(chat, number):
    person = chat.person("alice", "tea")
    person.ask(HistoryRequest(id=number))
    chat.tick()
    assert person.got() == [HistoryPage("tea", [], False, None, number)]


def test_history_has_ones_own_words_and_what_was_said_before_one_joined(chat):
    alice = chat.person("alice", "Tea")
    alice.ask(Say("one", "k-1"), Command("name", "anne"), Say("two"))
    chat.tick()
    bob = chat.person("bob", "tea")
    bob.ask(Say("three"), HistoryRequest(id=1))
    alice.ask(Say("four"))
    chat.tick()
    said = [Entry("alice", "one", NOON, "k-1"), Entry("anne", "two", NOON + 1), Entry("bob", "three", NOON + 2)]
    assert bob.got() == [HistoryPage("Tea", said, False, NOON, 1), Message("Tea", "anne", "four", NOON + 3)]


def test_history_speaks_of_the_room_one_is_in(chat):
    alice = chat.person("alice", "tea")
    alice.ask(Say("tea"), Command("join", "coffee"), Say("coffee"))
    chat.tick()
    alice.got()
    alice.ask(HistoryRequest(), Command("join", "#TEA"), HistoryRequest())
    chat.tick()
    coffee, joined, tea = alice.got()
    assert coffee == HistoryPage("coffee", [Entry("alice", "coffee", NOON + 1)], False, NOON + 1)
    assert joined == Joined("TEA", "alice", 1)
    assert tea == HistoryPage("TEA", [Entry("alice", "tea", NOON)], False, NOON)


def test_the_bounds_of_a_page_are_those_of_the_request(chat):
    alice = chat.person("alice", "tea")
    alice.ask(*[Say(f"{number}") for number in range(60)])
    chat.tick()
    for request, first, last, more in [
        (HistoryRequest(), 10, 60, True),
        (HistoryRequest(limit=100), 0, 60, False),
        (HistoryRequest(since=NOON + 9), 10, 60, False),
        (HistoryRequest(since=0, limit=3), 0, 3, True),
        (HistoryRequest(before=NOON + 9, limit=3), 6, 9, True),
        (HistoryRequest(since=NOON + 3, before=NOON + 9), 4, 9, False),
        (HistoryRequest(since=NOON + 3, before=NOON + 9, limit=2), 4, 6, True),
        (HistoryRequest(since=NOON + 9, before=NOON + 3), 0, 0, False),
    ]:
        alice.ask(request)
        (page,) = alice.got()
        assert [entry.text for entry in page.messages] == [f"{number}" for number in range(first, last)], request
        assert (page.more, page.oldest) == (more, NOON), request


@pytest.mark.parametrize("number", [None, 9])
def test_what_is_said_again_with_its_key_is_in_the_room_once(chat, number):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("hi", "k-1"), Say("hi", "k-1", number))
    chat.tick()
    alice.ask(Say("something else", "k-1"))
    chat.tick()
    assert alice.got() == [
        Sent("tea", NOON, None, "k-1"),
        Sent("tea", NOON, number, "k-1"),
        Sent("tea", NOON, None, "k-1"),
    ]
    assert bob.got() == [Message("tea", "alice", "hi", NOON)]
    assert chat.hub.tick.newest_stamp == NOON


@pytest.mark.parametrize("text", ["", " ", "x" * 4_097])
def test_what_may_not_be_said_is_refused_although_its_key_is_known(chat, text):
    alice = chat.person("alice", "tea")
    alice.ask(Say("hi", "k-1"), Say(text, "k-1", 2))
    assert [type(record) for record in alice.got()] == [Sent, Error]


def test_the_key_of_another_person_is_another_message(chat):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("one", "k-1"))
    bob.ask(Say("two", "k-1"))
    chat.tick()
    assert alice.got() == [Sent("tea", NOON, None, "k-1"), Message("tea", "bob", "two", NOON + 1)]
    assert bob.got() == [Message("tea", "alice", "one", NOON), Sent("tea", NOON + 1, None, "k-1")]


def test_a_key_is_known_to_the_session_under_a_new_name_and_to_the_name_in_a_new_session(chat):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("one", "k-1"), Command("name", "anne"), Say("one", "k-1"), Command("close"))
    chat.tick()
    other = chat.person("other", "tea")
    other.ask(Command("name", "ALICE"), Say("one", "k-1"))
    chat.tick()
    assert alice.got()[-2] == Sent("tea", NOON, None, "k-1")
    assert other.got()[-1] == Sent("tea", NOON, None, "k-1")
    assert [record.text for record in bob.got() if type(record) is Message] == ["one"]


def test_a_key_in_another_room_is_another_message(chat):
    alice = chat.person("alice", "tea")
    alice.ask(Say("one", "k-1"), Command("join", "coffee"), Say("one", "k-1"))
    chat.tick()
    assert [record for record in alice.got() if type(record) is Sent] == [
        Sent("tea", NOON, None, "k-1"),
        Sent("coffee", NOON + 1, None, "k-1"),
    ]


# --- every error code that a server without a password has ----------------------------------------------------

DECODED = {
    "unknown-type": b"\x82\xa4type\xa3huh\xa2id\x09",
    "bad-message": b"\x82\xa4type\xa3say\xa2id\x09",
}
REFUSED = {
    "unknown-command": [Command("Join", "tea", 9), Command("", None, 9), Command("nope", "x", 9)],
    "bad-argument": [Command("join", None, 9), Command("name", " \t ", 9), Command("list", "x", 9)],
    "bad-name": [Command("name", "guest-1", 9), Command("name", "a b", 9), Command("name", "a\u0430", 9)],
    "name-taken": [Command("name", "bob", 9), Command("name", "\uff22ob", 9), Command("name", "guest1", 9)],
    "bad-room": [Command("join", "##tea", 9), Command("join", "#", 9), Command("join", "a" * 65, 9)],
    "not-in-room": [Say("hi", id=9, room="ops"), Command("leave", id=9, room="ops"), HistoryRequest(id=9, room="ops")],
    "no-such-user": [Say("hi", id=9, to="eve"), Command("whois", "eve", 9), HistoryRequest(id=9, with_="eve")],
    "bad-text": [Say("", id=9), Say(" \n\t ", id=9)],
    "text-too-long": [Say("a" * 4_097, "k", 9)],
    "already-ready": [Hello(1, id=9), Hello(2, "carol", id=9)],
}
OUTSIDE = [Say("hi", id=9), Command("users", id=9), Command("leave", id=9), HistoryRequest(id=9)]
ELSEWHERE = {"no-password", "no-identity", "bad-invite", "not-allowed", "muted", "name-owned"}
"""Codes for passwords, keys and operators, which have tests of their own."""


@pytest.fixture
def pair(chat):
    """Alice, who has said hello, and two others whose names can be taken."""
    alice, bob, guest = chat.people("alice", "bob", "guest1")
    alice.ask(Hello(1))
    chat.tick()
    alice.got()
    return alice, bob, guest


@pytest.mark.parametrize(("code", "request_"), [(code, it) for code, these in REFUSED.items() for it in these], ids=str)
def test_a_refused_request_is_answered_and_changes_nothing(chat, pair, code, request_):
    alice, bob, _ = pair
    alice.ask(request_, dataclasses.replace(request_, id=None))
    chat.tick()
    assert words_left_out(alice.got()) == [error(code, 9), error(code)]
    assert bob.got() == []
    assert (alice.name, alice.session.room.name, alice.endings) == ("alice", "tea", [])
    assert chat.hub.tick.newest_stamp == 0


@pytest.mark.parametrize("request_", OUTSIDE, ids=str)
def test_what_needs_a_room_is_refused_outside_of_one(chat, request_):
    person = chat.person()
    person.ask(request_, dataclasses.replace(request_, id=None))
    assert words_left_out(person.got()) == [error("no-room", 9), error("no-room")]


def test_no_error_code_of_the_protocol_is_left_out_here(document_codes):
    assert {*REFUSED, *DECODED, "no-room", "too-many-rooms"} == document_codes - ELSEWHERE


@pytest.fixture
def document_codes(request):
    """The words in the first column of the table of error codes."""
    document = (request.config.rootpath / "shared" / "PROTOCOL.md").read_text(encoding="utf-8")
    section = document.partition("\n## Error codes\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE))


def test_every_sentence_fits_and_is_one_line(chat, pair):
    alice, _, _ = pair
    nasty = "\x1b]0;" + string.ascii_letters * 100 + "\n"
    for request in [
        Command(nasty, None),
        Command("list", nasty),
        Command("name", nasty),
        Command("join", nasty),
        *itertools.chain(*REFUSED.values()),
    ]:
        alice.ask(request)
    chat.tick()
    for record in alice.got():
        assert type(record) is Error
        assert 0 < len(record.text) <= 1_024
        assert record.text.isprintable()


@pytest.mark.parametrize(("code", "body"), DECODED.items())
def test_what_the_codec_refuses_is_answered_in_its_place(chat, code, body):
    alice, bob = chat.people("alice", "bob")
    bob.ask(Say("before"))
    with pytest.raises(RequestError) as caught:
        request_codec.decode(body)
    alice.session.refuse(caught.value)
    bob.ask(Say("after"))
    chat.tick()
    assert words_left_out(alice.got()) == [
        Message("tea", "bob", "before", NOON),
        error(code, 9),
        Message("tea", "bob", "after", NOON + 1),
    ]


# --- the place of an answer -----------------------------------------------------------------------------------


def script(chat: Chat, *deeds: tuple[Person, Record]) -> None:
    """Many deeds in one tick."""
    for person, request in deeds:
        person.ask(request)
    chat.tick()


def test_an_answer_stands_in_the_place_of_the_deed(chat):
    alice, bob = chat.people("alice", "bob")
    script(
        chat,
        (alice, PingRequest(1)),
        (bob, Say("one")),
        (alice, Say("two", id=2)),
        (bob, Say("three", id=3)),
        (alice, PingRequest(4)),
        (bob, Say("five")),
        (alice, Say("six")),
    )
    assert alice.got() == [
        Pong(1),
        Message("tea", "bob", "one", NOON),
        Sent("tea", NOON + 1, 2),
        Message("tea", "bob", "three", NOON + 2),
        Pong(4),
        Message("tea", "bob", "five", NOON + 3),
    ]
    assert bob.got() == [
        Message("tea", "alice", "two", NOON + 1),
        Sent("tea", NOON + 2, 3),
        Message("tea", "alice", "six", NOON + 4),
    ]


def test_an_answer_in_a_quiet_tick_does_not_wait_for_its_end(chat):
    alice = chat.person("alice", "tea")
    alice.ask(PingRequest(1))
    assert alice.got() == [Pong(1)]
    assert chat.scheduled == []


def test_a_member_sees_the_frames_after_its_join_and_before_its_leave_in_one_tick(chat):
    alice, bob = chat.people("alice", "bob")
    carol = chat.person("carol")
    script(
        chat,
        (alice, Say("one")),
        (carol, Command("join", "tea")),
        (alice, Say("two")),
        (bob, Command("leave")),
        (alice, Say("three")),
    )
    assert bob.got() == [
        Message("tea", "alice", "one", NOON),
        Joined("tea", "carol"),
        Message("tea", "alice", "two", NOON + 1),
        Left("tea", "bob"),
    ]
    assert carol.got() == [
        Joined("tea", "carol", 3),
        Message("tea", "alice", "two", NOON + 1),
        Left("tea", "bob", "leave"),
        Message("tea", "alice", "three", NOON + 2),
    ]
    assert alice.got() == [Joined("tea", "carol"), Left("tea", "bob", "leave")]


def test_through_two_rooms_and_back_in_one_tick(chat):
    alice, _ = chat.people("alice", "ann", room="tea")
    bob, _ = chat.people("bob", "ben", room="coffee")
    carol = chat.person("carol", "tea")
    alice.got()
    script(
        chat,
        (alice, Say("tea one")),
        (carol, Command("join", "coffee")),
        (alice, Say("tea two")),
        (bob, Say("coffee one")),
        (carol, Command("join", "tea")),
        (bob, Say("coffee two")),
        (alice, Say("tea three")),
    )
    assert carol.got() == [
        Message("tea", "alice", "tea one", NOON),
        Joined("coffee", "carol", 3),
        Message("coffee", "bob", "coffee one", NOON + 2),
        Joined("tea", "carol", 3),
        Message("tea", "alice", "tea three", NOON + 4),
    ]
    assert bob.got() == [Joined("coffee", "carol"), Left("coffee", "carol", "moved")]
    assert alice.got() == [Left("tea", "carol", "moved"), Joined("tea", "carol")]


def test_the_last_words_of_an_emptied_room_reach_those_who_were_there(chat):
    alice, bob = chat.people("alice", "bob")
    script(chat, (alice, Say("bye")), (alice, Command("leave")), (bob, Command("leave")))
    assert alice.got() == [Left("tea", "alice")]
    assert bob.got() == [Message("tea", "alice", "bye", NOON), Left("tea", "alice", "leave"), Left("tea", "bob")]
    assert chat.hub.rooms == {}


def test_a_room_emptied_and_made_anew_in_one_tick_is_another_room(chat):
    alice, bob = chat.people("alice", "bob")
    script(
        chat,
        (alice, Say("old")),
        (alice, Command("leave")),
        (bob, Command("leave")),
        (bob, Command("join", "Tea")),
        (bob, Say("nobody hears")),
        (alice, Command("join", "tea")),
        (bob, Say("new")),
    )
    assert alice.got() == [Left("tea", "alice"), Joined("Tea", "alice", 2), Message("Tea", "bob", "new", NOON + 2)]
    assert bob.got() == [
        Message("tea", "alice", "old", NOON),
        Left("tea", "alice", "leave"),
        Left("tea", "bob"),
        Joined("Tea", "bob", 1),
        Joined("Tea", "alice"),
    ]


def test_nothing_is_sent_twice_in_the_ticks_after(chat):
    alice, bob = chat.people("alice", "bob")
    script(chat, (alice, Say("one", id=1)), (bob, PingRequest(2)))
    alice.got(), bob.got()
    script(chat, (alice, Say("two", id=3)))
    assert alice.got() == [Sent("tea", NOON + 1, 3)]
    assert bob.got() == [Message("tea", "alice", "two", NOON + 1)]
    chat.tick()
    assert alice.got() == bob.got() == []


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


def test_what_was_asked_before_the_end_of_the_stream_is_still_answered(chat):
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


# --- slow readers ---------------------------------------------------------------------------------------------


@pytest.fixture
def slow():
    """A chat with a small soft limit, alice who reads nothing more and is past it, and bob and carol who read all."""
    chat = Chat(soft=100)
    alice, bob, carol = chat.people("alice", "bob", "carol")
    alice.out.stuck = True
    bob.ask(Say("x" * 100))
    chat.tick()
    assert alice.out.queued > 100
    alice.got(), bob.got(), carol.got()
    chat.now = NOON + 1_000
    return chat, alice, bob, carol


def test_a_slow_reader_misses_messages_and_is_told(slow):
    chat, alice, bob, carol = slow
    script(chat, (bob, Say("one")), (carol, Say("two")))
    script(chat, (bob, Say("three")))
    assert alice.got() == []
    assert alice.out.tell_drained
    alice.drain()
    chat.tick()
    assert alice.got() == [Skipped("tea", 3, NOON + 999, NOON + 1_002)]
    assert chat.hub.tick.skipped == 3
    script(chat, (bob, Say("four")))
    assert alice.got() == [Message("tea", "bob", "four", NOON + 1_003)]
    assert len(carol.got()) == 3


@pytest.mark.parametrize("request_", [PingRequest(1), Say("own", id=1)], ids=["ping", "say"])
def test_one_who_was_past_the_limit_but_missed_nothing_is_told_nothing(slow, request_):
    chat, alice, bob, _ = slow
    alice.ask(request_)
    chat.tick()
    alice.drain()
    chat.tick()
    (answer,) = alice.got()
    assert answer.re == 1
    script(chat, (bob, Say("one")))
    assert [record.text for record in alice.got()] == ["one"]


def test_a_queue_just_at_the_limit_gets_everything():
    chat = Chat(soft=100)
    alice, bob = chat.people("alice", "bob")
    alice.out.stuck = True
    alice.out.queued = 100
    script(chat, (bob, Say("one")))
    assert alice.got() == [Message("tea", "bob", "one", NOON)]


def test_the_gap_ends_only_when_the_queue_is_empty(slow):
    # A queue that hovers about the limit would otherwise get a `skipped` for each of many small gaps.
    chat, alice, bob, _ = slow
    script(chat, (bob, Say("one")))
    alice.out.queued = 1
    script(chat, (bob, Say("two")), (alice, PingRequest(1)))
    script(chat, (bob, Say("three")))  # in the former tick she had a view of her own, in this one not
    assert alice.got() == [Pong(1)]
    alice.drain()
    chat.tick()
    assert alice.got() == [Skipped("tea", 3, NOON + 999, NOON + 1_002)]


def test_a_gap_without_messages_counts_none(slow):
    chat, alice, bob, _ = slow
    script(chat, (bob, Command("name", "ben")))
    script(chat, (bob, Command("leave")))
    alice.drain()
    chat.tick()
    (skipped,) = alice.got()
    assert (skipped.room, skipped.count) == ("tea", 0)
    assert skipped.after == skipped.until  # no message is between them


def test_a_gap_counts_messages_only_and_its_bounds_are_theirs(slow):
    chat, alice, bob, carol = slow
    script(chat, (carol, Command("name", "cora")), (bob, Say("one")), (alice, Say("own", id=1)), (bob, Say("two")))
    script(chat, (carol, Command("leave")))
    alice.drain()
    chat.tick()
    assert alice.got() == [Sent("tea", NOON + 1_001, 1), Skipped("tea", 2, NOON + 999, NOON + 1_002)]


def test_skipped_stands_in_the_place_of_what_was_left_out(slow):
    # The queue drains in the middle of a tick in which the room speaks before and after.
    chat, alice, bob, _ = slow
    bob.ask(Say("one"))
    alice.ask(PingRequest(1))
    bob.ask(Say("two"))
    alice.drain()
    bob.ask(Say("three"))
    alice.ask(PingRequest(2))
    chat.tick()
    assert alice.got() == [
        Pong(1),
        Skipped("tea", 2, NOON + 999, NOON + 1_001),
        Message("tea", "bob", "three", NOON + 1_002),
        Pong(2),
    ]


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (Command("leave", id=1), Left("tea", "alice", re=1)),
        (Command("join", "coffee", 1), Joined("coffee", "alice", 1, 1)),
        (Command("close", id=1), goodbye("close", 1)),
        (Hello(2, id=1), goodbye("protocol", 1)),
    ],
    ids=str,
)
@pytest.mark.parametrize("same_tick", [True, False])
def test_skipped_comes_before_an_answer_that_leaves_the_room(slow, request_, answer, same_tick):
    chat, alice, bob, _ = slow
    bob.ask(Say("one"))
    if not same_tick:
        chat.tick()
    alice.ask(request_)
    bob.ask(Say("two"))
    chat.tick()
    assert words_left_out(alice.got()) == [Skipped("tea", 1, NOON + 999, NOON + 1_000), answer]
    alice.drain()
    chat.tick()
    assert alice.got() == []


@pytest.mark.parametrize("request_", [Command("users"), Command("join", "TEA"), Command("name", "anne"), PingRequest()])
def test_an_answer_that_stays_in_the_room_does_not_end_the_gap(slow, request_):
    chat, alice, bob, _ = slow
    script(chat, (bob, Say("one")), (alice, request_))
    assert Skipped not in map(type, alice.got())
    script(chat, (bob, Say("two")))
    alice.drain()
    chat.tick()
    assert alice.got() == [Skipped("tea", 2, NOON + 999, NOON + 1_001)]


def test_a_slow_reader_does_not_hold_up_the_others(slow):
    chat, _, bob, carol = slow
    for number in range(50):
        script(chat, (bob, Say(f"{number}")))
    assert [record.text for record in carol.got()] == [str(number) for number in range(50)]


def test_a_slow_reader_queues_no_more_room_frames(slow):
    chat, alice, bob, _ = slow
    before = alice.out.queued
    for _ in range(50):
        script(chat, (bob, Say("x" * 1_000)), (alice, PingRequest()))
    assert alice.out.queued == before + 50 * len(encode(Pong()))


# --- the hard limit -------------------------------------------------------------------------------------------


def test_requests_wait_while_so_many_answers_do():
    size = len(encode(Pong()))
    chat = Chat(soft=size, hard=10 * size)
    alice = chat.person()
    alice.out.stuck = True
    for count in range(1, 25):
        alice.ask(PingRequest())
        chat.tick()
        assert (alice.out.queued, len(alice.held)) == (min(10, count) * size, max(0, count - 10))
    alice.drain()
    chat.tick()
    assert alice.got() == [Pong()] * 24
    assert alice.held == []


@pytest.mark.parametrize("talking", [False, True], ids=["quiet", "in a talking room"])
def test_answers_of_one_tick_count_toward_the_hard_limit(talking):
    # In a tick in which the room speaks, answers wait in the view and not yet in the connection.
    size = len(encode(Pong()))
    chat = Chat(soft=size, hard=10 * size)
    alice, bob = chat.people("alice", "bob")
    alice.out.stuck = True
    if talking:
        bob.ask(Say("hi"))
    alice.ask(*[PingRequest()] * 25)
    assert len(alice.held) == 15
    chat.tick()
    assert alice.got().count(Pong()) == 10


def test_answers_that_were_read_do_not_count():
    size = len(encode(Pong()))
    chat = Chat(soft=size, hard=10 * size)
    alice = chat.person()
    for _ in range(5):
        alice.out.stuck = True
        alice.ask(*[PingRequest()] * 8)
        assert alice.held == []
        alice.drain()


def test_an_answer_larger_than_the_hard_limit_is_no_reason_to_end():
    chat = Chat(soft=100, hard=100)
    alice = chat.person()
    alice.out.stuck = True
    alice.ask(Command("help"), PingRequest(1), Command("help"), PingRequest(2))
    chat.tick()
    assert [type(record) for record in alice.got()] == [Help]
    alice.drain()
    chat.tick()
    assert [type(record) for record in alice.got()] == [Pong, Help, Pong]
    assert alice.endings == []


@pytest.mark.parametrize("size", [1, 1_000], ids=["put together", "apart"])
def test_room_frames_do_not_count_toward_the_hard_limit(size):
    chat = Chat(soft=1_000_000, hard=1_000)
    alice, bob = chat.people("alice", "bob")
    alice.out.stuck = True
    for _ in range(20):
        script(chat, *[(bob, Say("x" * size))] * 5, (alice, Say("y", id=1)))
    alice.ask(PingRequest())
    assert alice.out.queued > 1_000
    assert alice.held == []


def test_room_frames_put_together_with_answers_do_not_count_as_answers():
    # More was answered than the limit, but most of it was read: only what still waits counts, and no room frame.
    chat = Chat(soft=1_000_000, hard=1_000)
    alice, bob = chat.people("alice", "bob")
    alice.out.stuck = True
    for _ in range(60):
        script(chat, *[(bob, Say("x"))] * 5, (alice, Say("y", id=1)))
        alice.out.take_all_but(10)
    alice.ask(PingRequest())
    assert alice.out.queued > 1_000
    assert alice.held == []


def test_replies_joined_with_room_frames_count_towards_the_limit():
    chat = Chat(soft=1_000, hard=2_000)
    alice, bob = chat.people("alice", "bob")
    alice.out.stuck = True
    for _ in range(1_000):
        script(chat, (bob, Say("hi")), (alice, PingRequest()))
        if alice.held:
            break
    assert alice.held
    assert alice.out.queued < 5_000
