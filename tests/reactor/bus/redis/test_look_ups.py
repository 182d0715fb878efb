"""Looking up keys while messages are on their way, arrive, and are read out of Redis."""

from typing import Any

import pytest

from pylingo.reactor.bus.redis.blob import Author, encode_batch
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.link import LinkLost
from pylingo.reactor.bus.redis.log_reader import Keyed
from pylingo.reactor.bus.redis.look_ups import LookUps
from pylingo.reactor.bus.redis.private_log import encode_private
from pylingo.reactor.bus.redis.questions import Questions
from pylingo.reactor.history.private import conversation
from pylingo.shared.messages import Entry
from tests.fakes.redis_logs import HandLinks, message

PAIR = conversation(1, 2)
BASE = 1_700_000_000_000_000
ADA, BEN = Author(1, "ada"), Author(2, "ben")


class Asker:
    """Looks keys up over links that are answered by hand."""

    def __init__(self) -> None:
        self.links = HandLinks()
        self.look_ups = LookUps(Questions(self.links, self.links.call_later), Keys(), clock=lambda: 0.0)
        self.answers: list[tuple[str, int | None]] = []

    def ask(
        self, key: str, session: int = 1, name: str = "ada", log: str = "tea", others: tuple[int, ...] = ()
    ) -> None:
        self.look_ups.look_up(log, key, session, name, lambda at: self.answers.append((key, at)), others)

    def may_hold(self, key: str, session: int = 1, name: str = "ada", log: str = "tea") -> bool:
        return self.look_ups.may_hold(log, key, session, name)

    def taken(self) -> list[tuple[str, int | None]]:
        """The answers since the last time."""
        answers, self.answers = self.answers, []
        return answers


def stored(top: int, key: str, session: int = 1, name: str = "ada") -> list[Any]:
    """An entry of a room's stream."""
    return [b"%d-0" % top, [b"b", encode_batch(1, 1, [message("hi", name, key, session)])]]


def stored_privately(at: int, key: str, session: int = 1) -> list[Any]:
    return [b"%d-0" % at, [b"b", encode_private(Entry("ada", "hi", at, key, "ben"), session, 1, 2)]]


@pytest.fixture
def asker() -> Asker:
    return Asker()


def test_a_room_is_read_once(asker: Asker):
    assert asker.may_hold("a")
    asker.ask("a")
    asker.ask("b")
    assert [args[:3] for _, args in asker.links.calls] == [("XREVRANGE", "pylingo:{0}r:tea", "+")]
    assert asker.answers == []
    asker.links.reply([stored(BASE + 5, "c"), stored(BASE, "a")])
    assert asker.taken() == [("a", BASE), ("b", None)]
    assert asker.look_ups.find("tea", "c", 9, "ADA") == BASE + 5
    assert not asker.may_hold("b")
    asker.ask("c", 1, "ben")
    assert asker.taken() == [("c", BASE + 5)]
    assert not asker.links.calls


def test_what_the_feed_tells_is_known_without_reading(asker: Asker):
    asker.ask("a")
    asker.look_ups.noted("tea", Keyed(["b"], Author(7, "ben"), BASE + 9))  # while the room is being read
    asker.links.reply([])
    asker.look_ups.noted("tea", Keyed(["c"], Author(7, "ben"), BASE + 10))
    assert asker.look_ups.find("tea", "b", 8, "Ben") == BASE + 9
    assert asker.look_ups.find("tea", "c", 7, "cy") == BASE + 10
    assert asker.look_ups.find("tea", "c", 8, "ben", others=(7,)) is None


def test_a_room_that_nobody_tells_of_is_read_again(asker: Asker):
    asker.ask("a")
    asker.links.reply([])
    asker.look_ups.drop("tea")
    assert asker.may_hold("a")
    asker.ask("a")
    asker.links.reply([stored(BASE, "a")])
    assert asker.taken() == [("a", None), ("a", BASE)]


def test_a_room_that_is_dropped_while_it_is_read_answers_all_the_same(asker: Asker):
    asker.ask("a")
    asker.look_ups.drop("tea")
    asker.ask("b")
    asker.ask("c")
    assert len(asker.links.calls) == 2
    asker.links.reply([stored(BASE, "a")])
    assert asker.taken() == [("a", BASE)]
    asker.links.reply([stored(BASE + 1, "c")])
    assert asker.taken() == [("b", None), ("c", BASE + 1)]
    assert not asker.may_hold("b")
    assert not asker.links.calls


def test_a_message_on_its_way_is_waited_for(asker: Asker):
    asker.ask("a")
    asker.links.reply([])
    asker.taken()
    asker.look_ups.pending("tea", "a", ADA)
    assert asker.may_hold("a")
    assert asker.may_hold("a", 2)
    assert not asker.may_hold("a", 2, "ben")
    assert not asker.may_hold("b")
    asker.ask("a")
    asker.ask("a", 2, "Ada")
    asker.ask("a", 3, "ada", others=(1,))
    asker.ask("a", 2, "ben")
    assert asker.taken() == [("a", None), ("a", None)]
    asker.look_ups.noted("tea", Keyed(["a"], ADA, BASE))
    assert asker.taken() == [("a", BASE), ("a", BASE)]
    assert not asker.may_hold("a")
    assert asker.look_ups.find("tea", "a", 1, "ada") == BASE


def test_a_message_on_its_way_is_waited_for_in_a_room_that_was_not_read(asker: Asker):
    asker.look_ups.pending("tea", "a", ADA)
    asker.ask("a")
    asker.links.reply([])
    assert asker.taken() == []
    asker.look_ups.noted("tea", Keyed(["a"], ADA, BASE))
    assert asker.taken() == [("a", BASE)]


def test_a_message_that_will_not_arrive_is_not_waited_for(asker: Asker):
    asker.ask("a")
    asker.links.reply([])
    asker.taken()
    asker.look_ups.pending("tea", "a", ADA)
    asker.ask("a")
    asker.look_ups.abandoned("tea", ["a"], 1)
    asker.look_ups.abandoned("tea", ["a"], 1)
    assert asker.taken() == [("a", None)]
    assert not asker.may_hold("a")


def test_two_sessions_may_have_the_same_key_on_its_way(asker: Asker):
    asker.ask("a")
    asker.links.reply([])
    asker.taken()
    asker.look_ups.pending("tea", "a", ADA)
    asker.look_ups.pending("tea", "a", BEN)
    asker.ask("a", 2, "ben")
    asker.look_ups.noted("tea", Keyed(["a"], ADA, BASE))
    assert asker.taken() == []
    asker.look_ups.noted("tea", Keyed(["a"], BEN, BASE + 1))
    assert asker.taken() == [("a", BASE + 1)]


def test_each_look_up_in_a_conversation_reads_what_was_added(asker: Asker):
    asker.ask("a", log=PAIR)
    assert asker.links.calls[0][1][:3] == ("XREVRANGE", f"pylingo:{{0}}p:{PAIR}", "+")
    asker.ask("b", log=PAIR)  # it may have been added after the reading began
    asker.links.reply([stored_privately(BASE, "a")])
    assert asker.taken() == [("a", BASE)]
    assert asker.links.calls[0][1][2] == f"({BASE}-0"
    asker.links.reply([stored_privately(BASE + 1, "b")])
    assert asker.taken() == [("b", BASE + 1)]
    assert asker.look_ups.find(PAIR, "a", 1, "ada") == BASE
    assert asker.may_hold("c", log=PAIR)
    asker.ask("c", log=PAIR)
    asker.links.reply([])
    assert asker.taken() == [("c", None)]
    assert not asker.links.calls


def test_a_look_up_in_the_answer_to_another_one(asker: Asker):
    asker.look_ups.look_up(PAIR, "a", 1, "ada", lambda at: asker.ask("b", log=PAIR))
    asker.links.reply([])
    assert len(asker.links.calls) == 1
    asker.links.reply([])
    assert (asker.taken(), len(asker.links.calls)) == ([("b", None)], 0)


def test_a_look_up_waits_for_redis(asker: Asker):
    questions = Questions(asker.links, asker.links.call_later)
    asker.look_ups = LookUps(questions, Keys(), clock=lambda: 0.0)
    asker.ask("a")
    asker.links.reply(LinkLost("the connection broke"))
    asker.ask("b")
    assert (asker.taken(), len(asker.links.calls)) == ([], 0)
    questions.up()
    asker.links.reply([stored(BASE, "a")])
    assert asker.taken() == [("a", BASE), ("b", None)]
