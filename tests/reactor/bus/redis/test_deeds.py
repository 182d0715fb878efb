"""The bound of messages that are on their way: requests wait at it, and go on below it."""

from pylingo.reactor.bus.redis.blob import Author, Run
from pylingo.reactor.bus.redis.deeds import (
    AROUND_MESSAGE,
    MOST_OF_RUN,
    MOST_UNCONFIRMED,
    WITHDRAWN,
    Deed,
    Saying,
    Unconfirmed,
)
from pylingo.reactor.chat.session import Session
from pylingo.shared.messages import PingRequest, Pong, Say, Sent
from pylingo.shared.schema import Record
from tests.fakes.chat import Chat

SIZE = 1_024


def saying_of(session: Session, counts: Unconfirmed) -> Saying:
    return Saying(
        session,
        counts,
        "tea",
        Run(Author(session.number, "ada")),
        (session, "ada", None, b"", False),
        lambda run: None,
    )


def test_a_deed_tells_its_stamp() -> None:
    stamps: list[int] = []
    Deed(None, stamps.append)(7)
    Deed(None)(8)  # nobody wants to know
    assert stamps == [7]


def test_a_saying_delivers_what_was_promised_and_confirms() -> None:
    session = Chat().person().session
    counts, sent = Unconfirmed(), list[Record | None]()
    saying = saying_of(session, counts)
    for say in (Say("hi", id=3, key="k"), Say("ho", key="l")):
        saying.add(b"frame", say, sent.append if say.id is not None else None)
    saying.add(b"frame", Say("ha", key="m"), sent.append)
    assert len(counts) == 1
    saying(7)
    assert (sent, len(counts)) == ([Sent("tea", 7, 3, "k"), Sent("tea", 9, None, "m")], 0)
    assert saying.run.keys == ["k", "l", "m"]


def test_a_saying_that_nobody_asked_about_confirms() -> None:
    session = Chat().person().session
    counts = Unconfirmed()
    saying = saying_of(session, counts)
    saying.add(b"frame", Say("hi"), None)
    saying(7)
    assert len(counts) == 0


def test_a_saying_that_is_withdrawn_is_abandoned_and_nothing_is_delivered() -> None:
    session, counts = Chat().person().session, Unconfirmed()
    abandoned, sent = list[Run](), list[Record | None]()
    kind = session, "ada", None, b"", True
    saying = Saying(session, counts, "tea", Run(Author(1, "ada")), kind, abandoned.append)
    saying.add(b"frame", Say("hi", key="k"), sent.append)
    saying(WITHDRAWN)
    assert (abandoned, sent, len(counts)) == ([saying.run], [], 0)


def test_a_run_is_bounded() -> None:
    session, counts = Chat().person().session, Unconfirmed()
    saying = saying_of(session, counts)
    while not saying.is_full:
        saying.add(bytes(100), Say("hi"), None)
    assert saying.run.count == -(-MOST_OF_RUN // (100 + AROUND_MESSAGE))
    large = saying_of(session, counts)
    large.add(bytes(MOST_OF_RUN), Say("hi"), None)
    assert large.is_full


def test_many_messages_fill_a_run_as_one_by_one() -> None:
    session, counts = Chat().person().session, Unconfirmed()
    frames = [bytes(100 + number % 7) for number in range(200)]
    one, many = saying_of(session, counts), saying_of(session, counts)
    for frame in frames:
        if not one.is_full:
            one.add(frame, Say("hi"), None)
    many.add(frames[0], Say("hi"), None)
    rest = many.add_many(frames[1:])
    assert (many.run.bodies, many.is_full) == (one.run.bodies, True)
    assert many.run.bodies + rest == frames
    for saying in (one, many):
        saying(7)
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
        counts.remove(person.session, SIZE)
    chat.tick()
    assert (person.session.is_busy, person.got()) == (False, [Pong(1)])


def test_each_session_has_its_own_bound() -> None:
    chat = Chat()
    ann, bob = chat.person(), chat.person()
    counts = Unconfirmed(SIZE)
    counts.add(ann.session, SIZE)
    assert not bob.session.is_busy
    counts.add(bob.session, SIZE)
    counts.remove(ann.session, SIZE + AROUND_MESSAGE)
    assert (ann.session.is_busy, bob.session.is_busy) == (False, True)


def test_a_session_below_the_bound_is_left_alone() -> None:
    """It may be busy for another reason, such as a page of history."""
    person = Chat().person()
    counts = Unconfirmed()
    counts.add(person.session, SIZE)
    person.session.is_busy = True
    counts.remove(person.session, SIZE + AROUND_MESSAGE)
    assert person.session.is_busy


def test_a_session_without_a_connection_goes_on_with_nothing() -> None:
    person = Chat(grace=60).person()
    counts = Unconfirmed(1)
    counts.add(person.session, SIZE)
    person.lose()
    counts.remove(person.session, SIZE + AROUND_MESSAGE)
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
            counts.remove(person.session, SIZE)
        assert not person.session.is_busy
    assert len(counts) == 0
