"""What a tick has for one connection: how pieces are put together, what a gap counts, and what those get who part."""

from collections.abc import Callable
from typing import Any

import pytest

from reactor.chat.hub import Hub
from reactor.chat.room import Batch, Room
from reactor.chat.view import NOWHERE, Farewell, Gap, Recipient, send
from shared.codec import encode, event_codec
from shared.framing import FrameDecoder
from shared.messages import Notice
from tests.reactor.chat.test_session import Chat, Outlet


def sealed(*frames: bytes) -> Batch:
    batch = Batch()
    for frame in frames:
        batch.add(frame)
    batch.seal()
    return batch


# --- pieces -----------------------------------------------------------------------------------------------------


def test_pieces_are_sent_in_their_order_each_with_its_part_of_the_batch():
    batch = sealed(b"one", b"two", b"three", b"four")
    out = Outlet()
    send([b"a", (batch, 0, 2), b"b", (batch, 3, 4)], out)
    assert b"".join(out.buffers) == b"aonetwobfour"


def test_small_pieces_are_put_together_and_large_ones_are_not_copied():
    batch = sealed(b"x" * 2_000, b"y" * 3_000)
    small, large = Outlet(), Outlet()
    send([b"a", (sealed(b"one"), 0, 1), b"b"], small)
    assert len(small.buffers) == 1
    answer = b"a" * 1_500
    send([answer, (batch, 1, 2)], large)
    assert large.buffers[0] is answer
    assert large.buffers[1].obj is batch.cut(0, 1).obj
    assert len(large.buffers) == 2


@pytest.mark.parametrize(
    ("view", "kind"),
    [([b"a", b"b"], bytes), ([b"a", (sealed(b"one"), 0, 1)], memoryview), ([b"a"], bytes)],
    ids=["answers", "with room frames", "one answer"],
)
def test_only_answers_are_counted_as_answers(view, kind):
    out = Outlet()
    send(view, out)
    assert [type(data) for data in out.buffers] == [kind]


# --- who is sent something --------------------------------------------------------------------------------------


class Reader:
    """A recipient in a room, on an outlet and a hub of its own."""

    def __init__(self, soft: int = 100) -> None:
        self.ticks: list[Callable[[], object]] = []
        self.hub = Hub(self.ticks.append, soft=soft)
        self.out = Outlet()
        self.who = Recipient(self.hub, NOWHERE, self.out)
        self.who.room = self.room = Room("tea", "tea")

    def hear(self, record: Notice, at: int = 0) -> None:
        """The room says something."""
        if not self.room.batch.frames:
            self.hub.room_spoke(self.room)
        self.room.batch.add(encode(record), at)

    def end_tick(self) -> list[Any]:
        """What the tick sends to this one."""
        before = len(self.out.buffers)
        while self.ticks:
            self.ticks.pop()()
        data = b"".join(self.out.buffers[before:])
        return [event_codec.decode(body) for body in FrameDecoder().feed(data)]


def test_an_answer_goes_out_at_once_while_the_room_is_silent():
    reader = Reader()
    reader.who.answer(Notice("answer"))
    assert len(reader.out.buffers) == 1
    assert reader.who.view is None
    assert reader.ticks == []


def test_answers_stand_between_the_frames_of_the_room():
    reader = Reader()
    reader.hear(Notice("1"))
    reader.who.answer(Notice("a"))
    reader.hear(Notice("2"))
    reader.who.tell_room(Notice("to the others"))
    reader.who.answer(Notice("b"))
    reader.hear(Notice("3"))
    assert reader.out.buffers == []
    assert [record.text for record in reader.end_tick()] == ["1", "a", "2", "b", "3"]
    assert reader.who.view is None


def test_who_has_too_much_queued_gets_the_answers_and_misses_the_room():
    reader = Reader(soft=10)
    reader.out.stuck = True
    reader.who.answer(Notice("a long answer"))
    reader.hear(Notice("1"), at=7)
    reader.who.answer(Notice("b"))
    reader.hear(Notice("2"), at=9)
    assert [record.text for record in reader.end_tick()] == ["b"]
    assert reader.out.tell_drained
    gap = reader.who.gap
    assert gap is not None
    assert (gap.count, gap.after, gap.until) == (2, 6, 9)
    assert reader.hub.skipped == 2


def test_nothing_is_answered_after_the_end():
    reader = Reader()
    reader.who.closing = "close"
    reader.who.answer(Notice("too late"))
    assert reader.out.buffers == []


# --- gaps -------------------------------------------------------------------------------------------------------


def test_a_gap_has_all_that_was_missed():
    gap = Gap()
    assert (gap.missed, gap.count, gap.after, gap.until) == (False, 0, 0, 0)
    gap.add(2, 10, 20)
    gap.add(0, 0, 0)
    gap.add(1, 30, 30)
    assert (gap.missed, gap.count, gap.after, gap.until) == (True, 3, 9, 30)


def test_a_gap_without_messages_is_a_gap_all_the_same():
    gap = Gap()
    gap.add(0, 0, 0)
    assert (gap.missed, gap.count) == (True, 0)


# --- who parts --------------------------------------------------------------------------------------------------


def test_who_parts_gets_what_was_said_and_then_the_end():
    person = Chat().person()
    Farewell([b"said", b"goodbye"], person.out, person, "idle").flush()
    assert person.out.buffers[-1] == b"saidgoodbye"
    assert person.endings == ["idle"]


def test_what_goes_nowhere_costs_nothing():
    send([b"a" * 2_000, b"b" * 2_000], NOWHERE)
    assert (NOWHERE.queued, NOWHERE.queued_as(bytes), NOWHERE.tell_drained) == (0, 0, False)
