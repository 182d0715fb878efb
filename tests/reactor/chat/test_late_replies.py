"""Replies that wait for a disk, while their connection breaks or is replaced."""

from collections.abc import Callable

import pytest

from pylingo.reactor.chat.hub import GRACE
from pylingo.reactor.history.history import Asker, Page
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.shared.messages import (
    Command,
    Entry,
    Hello,
    HistoryPage,
    HistoryRequest,
    Left,
    PingRequest,
    Pong,
    Ready,
    Say,
    Sent,
)
from tests.fakes.chat import NOON, Chat, Person, goodbye, resume, seated, words_left_out
from tests.fakes.seats import claim
from tests.support import ready as ready_of


@pytest.fixture
def chat() -> Chat:
    return Chat(grace=GRACE)


class SlowLog(MemoryHistory):
    """Answers when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], object]] = []

    def when_committed(self, callback: Callable[[], object], lost: Callable[[], object] | None = None) -> None:
        self.waiting.append(callback)

    def when_settled(self, callback: Callable[[], object]) -> None:
        self.waiting.append(callback)

    def page(
        self, room: str, request: HistoryRequest, answer: Callable[[Page], object], asker: Asker | None = None
    ) -> None:
        super().page(room, request, lambda page: self.waiting.append(lambda: answer(page)))

    def answer(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


@pytest.fixture
def slow() -> Chat:
    return Chat(grace=GRACE, log=SlowLog())


def test_answers_that_are_still_to_come_count_toward_the_hard_limit():
    """All of them are asked for while nothing is queued, and come when the disk answers, at once."""
    log = SlowLog()
    chat = Chat(hard=100_000, log=log)
    alice = chat.person("alice", "tea")
    for _ in range(5):
        alice.ask(Say("x" * 4_000))
    alice.ask(*[HistoryRequest(limit=5)] * 20)
    pages = []
    for _ in range(5):
        assert len(alice.held) == 20 - len(pages) - 4  # of at most 32,768 bytes each
        log.answer()
        chat.tick()
        pages += [record for record in alice.got() if type(record) is HistoryPage]
        alice.drain()
    assert len(pages) == 20
    assert (alice.held, alice.endings) == ([], [])


def test_late_answers_of_who_is_over_disturb_nobody():
    log = SlowLog()
    chat = Chat(hard=100, log=log)
    alice = chat.person("alice", "tea")
    alice.out.stuck = True
    alice.ask(*[Say("hi", id=number) for number in range(20)], PingRequest(1), PingRequest(2), PingRequest(3))
    chat.tick()
    alice.session.end("idle", "you were idle")
    log.answer()
    chat.tick()
    assert alice.out.queued < 1_000
    assert alice.endings == ["idle"]


def test_replies_that_waited_before_a_resume_count_toward_the_hard_limit(chat):
    chat.hub.tick.hard = 1_000
    alice, token = seated(chat, "alice")
    alice.lose()
    back = chat.person()
    back.out.stuck = True
    back.ask(*[PingRequest(number) for number in range(30)])
    before = back.out.queued
    assert 500 < before < 1_000
    back.ask(Hello(1, resume=token))
    chat.tick()
    back.ask(*[PingRequest(number) for number in range(30)])
    chat.tick()
    assert back.held
    assert back.out.queued < 1_100


@pytest.mark.parametrize("word", ["its token", "its claim"])
@pytest.mark.parametrize("broken", [False, True], ids=["alive", "broken"])
def test_a_closed_session_cannot_be_resumed_while_it_waits_for_the_history(slow, word, broken):
    """The session handles nothing more: the new connection would be deaf until the disk answers, and then closed."""
    alice, ready = claim(slow, "alice")
    alice.ask(Command("join", "tea"))
    bob = slow.person("bob", "tea")
    alice.got()
    alice.ask(Say("hi"), Command("close", id=3))
    slow.tick()
    bob.got()
    if broken:
        alice.lose()
        slow.tick()
        assert bob.got() == [Left("tea", "alice", "close")]
    back, again = claim(slow, "alice", ready.token if word == "its token" else "5" * 32)
    assert not again.resumed
    back.ask(PingRequest(4))
    assert back.got()[-1] == Pong(4)
    slow.hub.history.answer()
    slow.tick()
    if not broken:
        assert words_left_out(alice.got()) == [goodbye("close", 3)]
        assert bob.got() == [Left("tea", "alice", "close")]
    back.ask(Command("name", "alice"), PingRequest(5))
    assert back.name == "alice"
    assert back.got()[-1] == Pong(5)


def test_sent_that_comes_after_the_connection_broke_disturbs_nobody(slow):
    alice, token = seated(slow, "alice")
    alice.ask(Say("hi", "k", 1), HistoryRequest(id=2))
    alice.lose()
    slow.tick()
    slow.hub.history.answer()
    slow.tick()
    assert alice.got() == []
    back = resume(slow, token)
    back.ask(Say("hi", "k", 3))
    slow.hub.history.answer()
    slow.tick()
    assert back.got() == [ready_of("alice", "tea", token, True), Sent("tea", NOON, 3, "k")]


def test_requests_of_the_new_connection_before_it_took_over_are_answered(slow):
    alice, token = seated(slow, "alice")
    alice.lose()
    slow.tick()
    back = Person(slow.hub)
    back.got()
    back.ask(Command("join", "coffee"), Say("hi", "k", 1), HistoryRequest(id=2), Hello(1, resume=token, id=3))
    slow.tick()
    slow.hub.history.answer()
    slow.tick()
    records = back.got()
    assert Sent("coffee", NOON, 1, "k") in records
    assert HistoryPage("coffee", [Entry("guest-2", "hi", NOON, "k")], False, NOON, 2) in records


def test_a_request_of_the_old_connection_is_not_answered_by_its_id_on_the_new_one(slow):
    # The new connection counts its own ids; an answer with a number of the old one would pass for one of them.
    alice, token = seated(slow, "alice")
    alice.ask(Say("hi", id=1), HistoryRequest(id=2))
    slow.tick()
    back = resume(slow, token)
    slow.tick()
    slow.hub.history.answer()
    slow.tick()
    ready, *answers = back.got()
    assert type(ready) is Ready
    assert [record for record in answers if record.re in (1, 2)] == []
