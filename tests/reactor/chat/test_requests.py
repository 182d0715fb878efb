"""Every request has its handler. A key that only the file may know: its message waits for the answer, and so does what
its speaker asked behind it. What else handlers do is in `test_session.py`, `test_resume.py` and `test_commands.py`.
"""

import socket

import pytest

from pylingo.reactor.chat.requests import HANDLERS
from pylingo.shared.codec import encode
from pylingo.shared.messages import (
    REQUESTS,
    Command,
    Entry,
    Error,
    Goodbye,
    HistoryPage,
    HistoryRequest,
    Left,
    Message,
    PingRequest,
    Pong,
    Ready,
    Renamed,
    Say,
    SearchPage,
    Sent,
)
from pylingo.shared.schema import Record
from tests.fakes.bench import benches
from tests.fakes.chat import NOON, Chat, resume, seated
from tests.fakes.history import SlowLog


def test_every_request_has_a_handler():
    assert {schema.record for schema in REQUESTS.values()} == set(HANDLERS)


@pytest.fixture
def log() -> SlowLog:
    return SlowLog()


def test_a_message_that_the_file_knows_is_not_said_again(log):
    chat = Chat(log=log)
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("hi", "old", 1))
    chat.tick()
    assert (alice.got(), bob.got()) == ([], [])
    assert log.questions[0][0] == ("tea", "old", alice.session.number, "alice")
    log.answer(5)
    chat.tick()
    assert alice.got() == [Sent("tea", 5, 1, "old")]
    assert bob.got() == []


def test_a_message_that_the_file_does_not_know_is_said_once(log):
    chat = Chat(log=log)
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("hi", "old", 1), Say("hi", "old", 2))
    log.answer(None)
    chat.tick()
    assert not log.questions, "the second one is known without the file"
    assert bob.got() == [Message("tea", "alice", "hi", NOON)]
    assert alice.got() == [Sent("tea", NOON, 1, "old"), Sent("tea", NOON, 2, "old")]


def test_requests_behind_it_keep_their_place_and_the_others_do_not_wait(log):
    chat = Chat(log=log)
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("one", "old-1"), Command("name", "alicia"), Say("two", "old-2"), Say("three", "new"), PingRequest(4))
    bob.ask(Say("meanwhile", "b"))
    chat.tick()
    assert bob.got() == [Sent("tea", NOON, key="b")]
    assert alice.got() == [Message("tea", "bob", "meanwhile", NOON)]
    log.answer(None)
    log.answer(None)
    chat.tick()
    said = [
        Message("tea", name, text, NOON + at)
        for at, (name, text) in enumerate([("alice", "one"), ("alicia", "two"), ("alicia", "three")], 1)
    ]
    assert bob.got() == [said[0], Renamed("alice", "alicia", "tea"), *said[1:]]
    assert [type(record) for record in alice.got()] == [Sent, Renamed, Sent, Sent, Pong]


def test_a_person_gone_when_the_answer_comes_has_said_nothing(log):
    chat = Chat(log=log)
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("hi", "old", 1))
    alice.lose()
    log.answer(None)
    chat.tick()
    assert bob.got() == [Left("tea", "alice", "lost")]
    bob.ask(HistoryRequest(id=2))
    assert bob.got() == [HistoryPage("tea", [], False, None, 2)]


def test_a_person_who_has_only_lost_the_connection_has_said_it(log):
    chat = Chat(log=log, grace=60)
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.got()
    alice.ask(Say("hi", "old", 1))
    alice.lose()
    again = resume(chat, token)
    again.ask(PingRequest(9))
    chat.tick()
    assert [type(record) for record in again.got()] == [Ready]
    log.answer(None)
    chat.tick()
    assert again.got() == [Pong(9)]
    assert [type(record) for record in bob.got()] == [Message]
    again.ask(Say("hi", "old", 1))
    assert not log.questions
    assert [type(record) for record in again.got()] == [Sent]


def test_a_shutdown_does_not_wait(log):
    chat = Chat(log=log)
    (alice,) = chat.people("alice")
    alice.ask(Say("hi", "old", 1))
    alice.session.shut_down("bye")
    log.answer(None)
    chat.tick()
    assert [type(record) for record in alice.got()] == [Goodbye]
    pages: list[object] = []
    log.page("tea", HistoryRequest(), lambda page: pages.append(page.messages))
    assert pages == [[]]


@pytest.mark.parametrize(("letters", "work"), [(10, 10), (256, 256), (257, 256), (4_000, 256)])
def test_folding_an_argument_is_work_for_each_letter_up_to_four_room_names(letters, work):
    chat = Chat()
    (alice,) = chat.people("alice")
    chat.hub.take_work()
    costs = []
    for letter in ("e", "é"):
        alice.ask(Command("users", letter * letters))
        costs.append(chat.hub.take_work())
    assert costs[1] - costs[0] == pytest.approx(work, abs=0.5)
    assert costs[0] < 1


def test_a_page_of_history_is_work():
    chat = Chat()
    (alice,) = chat.people("alice")
    chat.hub.take_work()
    alice.ask(HistoryRequest())
    assert 300 < chat.hub.take_work() < 301


# --- over a connection


def frames(*records: object) -> bytes:
    return b"".join(map(encode, records))  # type: ignore[arg-type]


def test_a_connection_is_not_read_until_the_file_has_answered(log):
    with benches() as bench:
        desk = bench()
        desk.server.hub.history = log
        alice = desk.guest(Command("join", "tea"))
        alice.raw(frames(Say("hi", "old", 1), PingRequest(2)) + b"\x00\x00\x00\x01\xc1")
        desk.turn()
        alice.raw(frames(PingRequest(3)) * 1_000)
        desk.wait(desk.server.settings.ping_after + desk.server.settings.ping_timeout + 1)
        assert alice.got() == []
        log.answer(5)
        desk.turn()
        sent, pong, goodbye = alice.got()
        assert (sent, pong, goodbye.reason) == (Sent("tea", 5, 1, "old"), Pong(2), "bad-frame")


@pytest.mark.parametrize("at", [None, 5])
def test_the_end_of_the_stream_waits_for_what_was_said_before_it(log, at):
    with benches() as bench:
        desk = bench()
        desk.server.hub.history = log
        alice, bob = desk.guest(Command("join", "tea")), desk.guest(Command("join", "tea"))
        alice.raw(frames(Say("hi", "old"), Say("bye", "old-2")))
        alice.sock.shutdown(socket.SHUT_WR)
        desk.turn()
        for _ in range(2):
            log.answer(at)
            desk.turn()
        *said, left = bob.got()
        assert [record.text for record in said] == (["hi", "bye"] if at is None else [])
        assert left == Left("tea", "guest-1", "lost")


def test_the_pace_is_kept(log):
    """Waiting for the file makes nobody faster."""
    with benches() as bench:
        desk = bench(rate=2.0, burst=3)
        desk.server.hub.history = log
        alice = desk.guest(Command("join", "tea"))
        desk.wait(10)
        alice.raw(frames(*(Say(f"{number}", f"old-{number}", number) for number in range(20))))
        answered = []
        for _ in range(16):
            desk.turn()
            while log.questions:
                log.answer(1)
                desk.turn()
            answered.append(len([record for record in alice.got() if isinstance(record, Sent)]))
            desk.wait(0.25)
        assert answered[0] in (3, 4)
        assert 3 + 7 <= sum(answered) <= 4 + 8


def test_a_refused_word_behind_it_is_refused_in_its_place(log):
    with benches() as bench:
        desk = bench()
        desk.server.hub.history = log
        alice = desk.guest(Command("join", "tea"))
        alice.raw(frames(Say("hi", "old", 1), Command("join", "", 2)))
        desk.turn()
        assert alice.got() == []
        log.answer(None)
        desk.turn()
        assert [type(record) for record in alice.got()] == [Sent, Error]


def test_a_reset_meanwhile_is_noticed_at_once(log):
    with benches() as bench:
        desk = bench(resume_grace=0.0)
        desk.server.hub.history = log
        alice, bob = desk.guest(Command("join", "tea")), desk.guest(Command("join", "tea"))
        alice.send(Say("hi", "old", 1))
        desk.turn()
        alice.hang_up()
        desk.turn()
        assert bob.got() == [Left("tea", "guest-1", "lost")]
        log.answer(None)
        desk.turn()
        assert bob.got() == []


def test_the_log_knows_the_entry_afterwards(log):
    chat = Chat(log=log)
    (alice,) = chat.people("alice")
    alice.ask(Say("hi", "old", 1))
    log.answer(None)
    pages: list[object] = []
    log.page("tea", HistoryRequest(), lambda page: pages.append(page.messages))
    assert pages == [[Entry("alice", "hi", NOON, "old")]]


# --- searching


@pytest.fixture
def library(log) -> Chat:
    """A room with messages, and three people in it."""
    chat = Chat(log=log)
    alice, bob, _ = chat.people("alice", "bob", "carol")
    alice.ask(Say("Deployed at noon"), Say("nothing"), Say("to deploy", to="bob"), Say("deploy again"))
    bob.ask(Say("deploying", to="carol"))
    chat.tick()
    return chat


def asked(chat: Chat, name: str, request: HistoryRequest) -> Record:
    """The reply to a request of somebody."""
    (session,) = chat.hub.named(name).sessions
    person = session.peer
    person.got()
    person.ask(request)
    chat.tick()
    (reply,) = person.got()
    return reply


def test_a_search_is_answered_with_what_matches(library):
    page = asked(library, "alice", HistoryRequest(id=1, search="deploy"))
    first, last = Entry("alice", "Deployed at noon", NOON), Entry("alice", "deploy again", NOON + 3)
    assert page == HistoryPage("tea", [first, last], False, NOON, 1, None, None)
    page = asked(library, "bob", HistoryRequest(limit=1, id=2, room="#TEA", search="deploy"))
    assert page == HistoryPage("tea", [last], True, NOON, 2, None, NOON + 3)
    page = asked(library, "bob", HistoryRequest(before=NOON + 3, id=3, search="deploy"))
    assert page == HistoryPage("tea", [first], False, NOON, 3, None, None)


def test_only_the_page_of_a_search_says_where_to_go_on(library):
    eve = library.person("eve", "tea")
    eve.ask(HistoryRequest(id=1), HistoryRequest(id=2, search="deploy"))
    library.tick()
    frames = b"".join(map(bytes, eve.out.buffers))
    assert frames.count(b"\xa4next") == frames.count(b"\xa4next\xc0") == 1
    entries = [Entry("alice", "Deployed at noon", NOON), Entry("alice", "deploy again", NOON + 3)]
    assert encode(SearchPage("tea", entries, False, NOON, None, 2)) in frames


@pytest.mark.parametrize(
    ("name", "where", "found"),
    [
        ("alice", {"with_": "bob"}, ["to deploy"]),
        ("bob", {"with_": "alice"}, ["to deploy"]),
        ("bob", {"with_": "carol"}, ["deploying"]),
        ("alice", {"with_": "carol"}, []),
        ("alice", {"inbox": True}, ["to deploy"]),
        ("bob", {"inbox": True}, ["to deploy", "deploying"]),
        ("carol", {"inbox": True}, ["deploying"]),
    ],
)
def test_private_messages_are_found_by_those_who_have_them(library, name, where, found):
    page = asked(library, name, HistoryRequest(search="deploy", **where))
    assert [entry.text for entry in page.messages] == found


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"search": ""}, "bad-text"),
        ({"search": " ?! "}, "bad-text"),
        ({"search": "x" * 257}, "text-too-long"),
        ({"search": "a " * 17}, "bad-argument"),
        ({"search": "deploy", "since": 0}, "bad-argument"),
        ({"search": "deploy", "inbox": True, "with_": "bob"}, "bad-argument"),
        ({"search": "deploy", "room": "ops"}, "not-in-room"),
        ({"search": "deploy", "with_": "nobody"}, "no-such-user"),
    ],
)
def test_a_search_that_is_refused(library, fields, code):
    reply = asked(library, "alice", HistoryRequest(id=9, **fields))
    assert (type(reply), reply.code, reply.re) == (Error, code, 9)


def test_a_search_goes_to_the_outbox_that_asked(log):
    class Waiting(SlowLog):
        def page(self, room, request, answer, asker=None):
            askers.append(asker)
            answers.append(lambda: super(Waiting, self).page(room, request, answer))

    askers, answers = [], []
    chat = Chat(log=Waiting())
    alice, bob = chat.people("alice", "bob")
    for person in (alice, bob):
        person.ask(HistoryRequest(id=1, search="deploy"))
    assert askers == [alice.session.outbox, bob.session.outbox]
    assert not any(asker.is_closed for asker in askers)
    alice.lose()
    chat.tick()
    assert askers[0].is_closed
    alice.got()
    for answer in answers:
        answer()
    chat.tick()
    assert alice.got() == []
    assert [type(record) for record in bob.got()] == [Left, HistoryPage]


def test_a_search_is_paced_as_a_dear_request(library):
    (session,) = library.hub.named("alice").sessions
    library.hub.take_work()
    session.peer.ask(HistoryRequest(search="deploy"))
    assert library.hub.take_work() > 1_500
