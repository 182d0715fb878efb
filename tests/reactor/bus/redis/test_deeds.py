"""The bound of messages that are on their way: requests wait at it, and go on below it."""

from pylingo.reactor.bus.redis.deeds import AROUND_MESSAGE, MOST_UNCONFIRMED, Deed, Saying, Unconfirmed
from pylingo.shared.messages import PingRequest, Pong, Say, Sent
from pylingo.shared.schema import Record
from tests.fakes.chat import Chat

SIZE = 1_024


def test_a_deed_tells_its_stamp() -> None:
    stamps: list[int] = []
    Deed(None, stamps.append)(7)
    Deed(None)(8)  # nobody wants to know
    assert stamps == [7]


def test_a_saying_delivers_what_was_promised_and_confirms() -> None:
    session = Chat().person().session
    counts, sent = Unconfirmed(), list[Record | None]()
    saying = Saying(session, counts, 10, "tea", Say("hi", id=3, key="k"), sent.append)
    assert len(counts) == 1
    saying(7)
    assert (sent, len(counts)) == ([Sent("tea", 7, 3, "k")], 0)


def test_a_saying_that_nobody_asked_about_confirms() -> None:
    session = Chat().person().session
    counts = Unconfirmed()
    Saying(session, counts, 10, "tea", Say("hi"), None)(7)
    assert len(counts) == 0


def test_requests_wait_above_the_bound_and_go_on_at_half_of_it() -> None:
    chat = Chat()
    person = chat.person()
    counts = Unconfirmed(4 * SIZE)
    for _ in range(4):
        counts.add(person.session, SIZE - AROUND_MESSAGE)
    assert not person.session.is_busy
    counts.add(person.session, SIZE - AROUND_MESSAGE)
    person.ask(PingRequest(1))
    for _ in range(3):
        assert (person.session.is_busy, person.got()) == (True, [])
        counts.remove(person.session, SIZE - AROUND_MESSAGE)
    chat.tick()
    assert (person.session.is_busy, person.got()) == (False, [Pong(1)])


def test_each_session_has_its_own_bound() -> None:
    chat = Chat()
    ann, bob = chat.person(), chat.person()
    counts = Unconfirmed(SIZE)
    counts.add(ann.session, SIZE)
    assert not bob.session.is_busy
    counts.add(bob.session, SIZE)
    counts.remove(ann.session, SIZE)
    assert (ann.session.is_busy, bob.session.is_busy) == (False, True)


def test_a_session_below_the_bound_is_left_alone() -> None:
    """It may be busy for another reason, such as a page of history."""
    person = Chat().person()
    counts = Unconfirmed()
    counts.add(person.session, SIZE)
    person.session.is_busy = True
    counts.remove(person.session, SIZE)
    assert person.session.is_busy


def test_a_session_without_a_connection_goes_on_with_nothing() -> None:
    person = Chat(grace=60).person()
    counts = Unconfirmed(1)
    counts.add(person.session, SIZE)
    person.lose()
    counts.remove(person.session, SIZE)
    assert len(counts) == 0


def test_nothing_is_kept_of_those_whose_messages_are_confirmed() -> None:
    chat = Chat()
    counts = Unconfirmed()
    people = [chat.person() for _ in range(5)]
    for person in people:
        for _ in range(MOST_UNCONFIRMED // SIZE + 1):
            counts.add(person.session, SIZE - AROUND_MESSAGE)
        assert person.session.is_busy
    assert len(counts) == 5
    for person in people:
        for _ in range(MOST_UNCONFIRMED // SIZE + 1):
            counts.remove(person.session, SIZE - AROUND_MESSAGE)
        assert not person.session.is_busy
    assert len(counts) == 0
