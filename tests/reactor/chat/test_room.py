"""A room: its batch is shared by all who listen, and cut for those who act."""

from collections.abc import Callable

import pytest

from pylingo.reactor.chat.room import Room, Tick
from pylingo.shared.codec import encode
from pylingo.shared.messages import Command, Message, PingRequest, Pong, Say, Skipped
from tests.fakes.chat import NOON, Chat


@pytest.fixture
def chat() -> Chat:
    return Chat()


def test_all_who_only_listen_get_one_and_the_same_buffer(chat):
    alice, *listeners = chat.people("alice", "bob", "carol", "dave")
    before = [len(person.out.buffers) for person in listeners]
    alice.ask(Say("one"), Say("two"))
    chat.tick()
    assert [len(person.out.buffers) for person in listeners] == [count + 1 for count in before]
    buffers = {id(person.out.buffers[-1]) for person in listeners}
    assert len(buffers) == 1
    data = listeners[0].out.buffers[-1]
    assert type(data) is memoryview  # that is how a queue's room frames are told from direct answers
    assert bytes(data) == encode(Message("tea", "alice", "one", NOON)) + encode(
        Message("tea", "alice", "two", NOON + 1)
    )


def test_large_pieces_of_a_view_share_the_memory_of_the_batch(chat):
    # Thousands who join at once each get a cut of a large batch: copies would cost as many times its size.
    alice, bob = chat.people("alice", "bob")
    carol = chat.person("carol")
    alice.ask(Say("x" * 4_000))
    carol.ask(Command("join", "tea"))
    alice.ask(Say("y" * 4_000))
    chat.tick()
    whole = bob.out.buffers[-1]
    cuts = [data for data in carol.out.buffers if type(data) is memoryview]
    assert [cut.obj is whole.obj for cut in cuts] == [True]


def test_small_pieces_of_a_view_are_sent_as_one(chat):
    alice, bob = chat.people("alice", "bob")
    before = len(alice.out.buffers)
    for number in range(10):
        bob.ask(Say("hi"))
        alice.ask(PingRequest(number))
    chat.tick()
    assert len(alice.out.buffers) == before + 1
    assert [type(record) for record in alice.got()] == [Message, Pong] * 10


def test_answers_alone_stay_direct_answers(chat):
    # Put together or not, a queue must see that these are no room frames: the hard limit counts them.
    alice = chat.person("alice", "tea")
    alice.ask(Command("leave"), *[PingRequest()] * 5)
    chat.tick()
    assert {type(data) for data in alice.out.buffers} == {bytes}


def test_a_batch_is_for_one_tick(chat):
    alice, bob = chat.people("alice", "bob")
    for word in ("one", "two"):
        alice.ask(Say(word))
        chat.tick()
        assert [record.text for record in bob.got()] == [word]
        assert alice.session.room.batch.frames == []


def test_nobody_gets_a_batch_of_a_room_that_said_nothing(chat):
    alice, bob = chat.people("alice", "bob")
    before = len(bob.out.buffers)
    alice.ask(Command("users"), Command("join", "tea"), Command("name", "alice"), PingRequest())
    chat.tick()
    assert len(bob.out.buffers) == before


def test_a_room_with_one_member_makes_no_frames(chat):
    alice = chat.person("alice", "tea")
    alice.ask(Say("hi"), Command("name", "anne"))
    assert alice.session.room.batch.frames == []


def test_those_past_the_limit_are_left_out_of_the_whole_batch():
    chat = Chat(soft=10)
    alice, bob, carol = chat.people("alice", "bob", "carol")
    bob.out.queued = 10
    carol.out.queued = 11
    alice.ask(Say("one"), Say("two"))
    chat.tick()
    assert chat.hub.tick.skipped == 2
    assert len(bob.got()) == 2
    assert carol.got() == []
    carol.drain()
    chat.tick()
    assert carol.got() == [Skipped("tea", 2, NOON - 1, NOON + 1)]


def test_messages_of_one_session_are_told_together(chat):
    ada, bob = chat.people("ada", "bob")
    room, frames = ada.session.room, [encode(Message("tea", "ada", text, NOON)) for text in "abc"]
    ada.session.outbox.write_messages_to_room(room, b"".join(frames), NOON, 3)
    ada.ask(Say("d"), PingRequest(1))
    bob.ask(Say("e"))
    ada.session.outbox.write_messages_to_room(room, frames[0], NOON + 9, 1)
    before = chat.hub.tick.messages
    chat.tick()
    assert [record.text for record in bob.got()] == ["a", "b", "c", "d", "a"]
    pong, said = ada.got()
    assert (type(pong), said.text) == (Pong, "e")
    assert chat.hub.tick.messages - before == 6


def test_messages_that_are_joined_already_are_counted_one_by_one(chat):
    """As a batch of another server."""
    ada, bob = chat.people("ada", "bob")
    frames = [encode(Message("tea", "cyd", str(index), NOON + index)) for index in (1, 2, 3)]
    room = chat.hub.rooms["tea"]
    room.tell_messages(chat.hub.tick, b"".join(frames), NOON + 1, 3)
    ada.ask(PingRequest(1))
    room.tell_messages(chat.hub.tick, frames[0], NOON + 4, 1)
    batch = room.batch
    chat.tick()
    assert [getattr(it, "text", it) for it in ada.got()] == ["1", "2", "3", Pong(1), "1"]
    assert [it.text for it in bob.got()] == ["1", "2", "3", "1"]
    assert (batch.count, batch.first, batch.last) == (4, NOON + 1, NOON + 4)
    assert [batch.messages(*part) for part in ((0, 1), (1, 2), (1, 1))] == [
        (3, NOON + 1, NOON + 3),
        (1, NOON + 4, NOON + 4),
        (0, 0, 0),
    ]
    assert (batch.count_messages(0, 1), batch.count_own(), batch.frame_count) == (3, 4, 4)


def test_a_tick_is_asked_for_once_and_counts_what_every_member_gets():
    class Listener:
        def offer(self, room: Room[str], data: memoryview) -> None:
            offered.append(bytes(data))

        def leave_out(self, room: Room[str]) -> None:
            raise AssertionError("there is memory")

        def hear(self, record: object, deed: object) -> None:
            raise AssertionError("nobody speaks another dialect")

    offered: list[bytes] = []
    asked: list[Callable[[], object]] = []
    tick = Tick(asked.append, soft=100, hard=200)
    rooms = [Room[str](name, name) for name in ("tea", "coffee")]
    for room in rooms:
        room.members = {Listener(): "ada", Listener(): "bob"}
        room.tell(tick, b"x", 4)
        room.tell_messages(tick, b"yyzz", 5, 2)
    assert (len(asked), offered, tick.copied) == (1, [], 20)
    asked.pop()()
    assert offered == [b"xyyzz"] * 4
    assert (tick.messages, tick.deliveries, tick.bytes, tick.offers) == (6, 12, 20, 4)
    rooms[0].tell(tick, b"x", 9)
    assert len(asked) == 1
