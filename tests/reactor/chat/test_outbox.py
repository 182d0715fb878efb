"""The bytes sent to a connection in a tick: what is left out, and what follows a goodbye."""

from collections.abc import Callable
from typing import Any

import pytest

from pylingo.reactor.chat.batch import Batch
from pylingo.reactor.chat.outbox import Outbox
from pylingo.reactor.chat.room import Room, Tick
from pylingo.shared.codec import encode, event_codec
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import Notice, Skipped
from pylingo.shared.schema import Record
from tests.fakes.chat import Outlet


class Reader:
    """An outbox in a room, on a transport and a tick of its own."""

    def __init__(self, soft: int = 100, hard: int = 1_000) -> None:
        self.scheduled: list[Callable[[], object]] = []
        self.tick = Tick(self.scheduled.append, soft, hard)
        self.out = Outlet()
        self.outbox: Outbox[str] = Outbox(self.tick, self.out)
        self.room: Room[str] = Room("tea", "tea")
        self.outbox.enter(self.room, "reader")
        self.end_tick()

    def hear(self, record: Record, at: int = 0, room: Room[str] | None = None) -> None:
        """A room says something."""
        speaker: Outbox[str] = Outbox(self.tick)
        speaker.write_to_room(room or self.room, encode(record), at)

    def reply(self, text: str) -> None:
        self.outbox.write(encode(Notice(text)))

    def end_tick(self) -> list[Any]:
        """The records that the tick sends to this session; of a notice, its text."""
        before = len(self.out.buffers)
        while self.scheduled:
            self.scheduled.pop()()
        data = b"".join(self.out.buffers[before:])
        records = [event_codec.decode(body) for body in FrameDecoder().feed(data)]
        return [record.text if isinstance(record, Notice) else record for record in records]


# --- pieces -----------------------------------------------------------------------------------------------------


def test_a_room_is_heard_from_after_entering_it():
    reader = Reader()
    lobby: Room[str] = Room("lobby", "lobby")
    reader.hear(Notice("before"), room=lobby)
    reader.outbox.enter(lobby, "reader")
    reader.hear(Notice("after"), room=lobby)
    assert reader.end_tick() == ["after"]


def test_small_pieces_are_put_together_and_large_ones_are_not_copied():
    small, large = Reader(), Reader()
    small.hear(Notice("one"))
    small.reply("a")
    small.hear(Notice("two"))
    before = len(small.out.buffers)
    assert small.end_tick() == ["one", "a", "two"]
    assert len(small.out.buffers) == before + 1
    answer = encode(Notice("a" * 900))
    large.hear(Notice("x" * 1_000))
    large.outbox.write(answer)
    large.hear(Notice("y" * 1_000))
    large.hear(Notice("z" * 1_000))
    before = len(large.out.buffers)
    assert [text[0] for text in large.end_tick()] == ["x", "a", "y", "z"]
    first, second, third = large.out.buffers[before:]
    assert second is answer
    assert first.obj is third.obj


def test_pieces_of_half_a_kilobyte_are_put_together_too():
    reader = Reader(soft=10_000)
    for text in ("x", "y", "z"):
        reader.hear(Notice(text * 500))
        reader.outbox.write(encode(Notice(text * 500)))
    before = len(reader.out.buffers)
    assert [text[0] for text in reader.end_tick()] == ["x", "x", "y", "y", "z", "z"]
    assert len(reader.out.buffers) == before + 1


@pytest.mark.parametrize("acts", [False, True])
def test_a_queue_of_exactly_the_soft_limit_leaves_nothing_out(acts: bool):
    reader = Reader(soft=100)
    reader.out.queued = 100
    assert reader.outbox.has_room()
    reader.hear(Notice("one"))
    if acts:
        reader.reply("a")
    assert reader.end_tick() == ["one", *["a"] * acts]
    assert not reader.outbox.is_skipping


def test_the_cost_of_a_frame_is_its_size_for_each_member():
    reader = Reader()
    for number in range(4):
        Outbox(reader.tick).enter(reader.room, f"member {number}")
    before = reader.tick.copied
    reader.hear(Notice("one"))
    assert reader.tick.copied - before == 5 * len(encode(Notice("one")))


@pytest.mark.parametrize(
    ("heard", "replies", "direct"),
    [([], ["a", "b"], 2), (["one"], ["a"], 1), (["one"], [], 0), ([], ["a"], 1)],
    ids=["replies", "a reply and a room frame", "a room frame", "one reply"],
)
def test_only_replies_are_counted_as_replies(heard, replies, direct):
    reader = Reader(hard=10_000)
    reader.out.stuck = True
    for text in heard:
        reader.hear(Notice(text))
    for text in replies:
        reader.reply(text)
    reader.end_tick()
    assert reader.out.queued_direct == direct * len(encode(Notice("a")))


def test_a_reply_goes_out_at_once_while_the_room_is_silent():
    reader = Reader()
    before = len(reader.out.buffers)
    reader.reply("answer")
    assert len(reader.out.buffers) == before + 1
    assert reader.scheduled == []


def test_replies_stand_between_the_frames_of_the_room():
    reader = Reader()
    reader.hear(Notice("1"))
    reader.reply("a")
    reader.hear(Notice("2"))
    reader.outbox.write_to_room(reader.room, encode(Notice("to the others")))
    reader.reply("b")
    reader.hear(Notice("3"))
    assert reader.end_tick() == ["1", "a", "2", "b", "3"]
    reader.hear(Notice("4"))
    assert reader.end_tick() == ["4"]


def test_replies_stand_between_the_frames_of_several_rooms():
    reader = Reader()
    other: Room[str] = Room("ops", "ops")
    reader.hear(Notice("too early"), room=other)
    reader.outbox.enter(other, "reader")
    assert [room.name for room in reader.outbox.rooms] == ["ops", "tea"]
    reader.hear(Notice("1"))
    reader.hear(Notice("2"), room=other)
    reader.reply("a")
    reader.hear(Notice("3"))
    reader.outbox.leave(reader.room)
    reader.hear(Notice("too late"))
    reader.hear(Notice("4"), room=other)
    assert [text for text in reader.end_tick() if len(text) == 1] == ["2", "1", "a", "3", "4"]
    assert reader.outbox.rooms == (other,)


def test_a_listener_in_several_rooms_gets_one_write_for_each_and_nothing_at_once():
    """The transport joins what is queued: one send for all rooms."""
    reader = Reader()
    other: Room[str] = Room("ops", "ops")
    reader.outbox.enter(other, "reader")
    reader.end_tick()
    at_once = []
    reader.out.write_now = at_once.append
    reader.hear(Notice("1"))
    reader.hear(Notice("2"), room=other)
    assert reader.end_tick() == ["1", "2"]
    assert at_once == []


# --- slow readers -----------------------------------------------------------------------------------------------


def test_a_slow_reader_gets_the_replies_and_misses_the_room():
    reader = Reader(soft=10)
    reader.out.stuck = True
    reader.reply("a long answer")
    reader.hear(Notice("1"), at=7)
    reader.reply("b")
    reader.hear(Notice("2"), at=9)
    assert reader.end_tick() == ["b"]
    assert reader.out.tell_drained
    assert reader.tick.skipped == 2
    reader.out.take_all()
    reader.outbox.drained()
    assert reader.end_tick() == [Skipped("tea", 2, 6, 9)]


def test_each_room_has_its_own_gap():
    reader = Reader(soft=10)
    other: Room[str] = Room("ops", "ops")
    reader.outbox.enter(other, "reader")
    reader.end_tick()
    reader.out.stuck = True
    reader.reply("a long answer")
    reader.hear(Notice("1"), at=7)
    reader.hear(Notice("2"), at=9, room=other)
    reader.hear(Notice("3"), at=11)
    assert reader.end_tick() == []
    reader.out.take_all()
    reader.outbox.drained()
    assert reader.end_tick() == [Skipped("tea", 2, 6, 11), Skipped("ops", 1, 8, 9)]
    reader.hear(Notice("4"))
    assert reader.end_tick() == ["4"]


def test_leaving_a_room_says_what_was_left_out_of_it():
    reader = Reader(soft=10)
    reader.out.stuck = True
    reader.reply("a long answer")
    reader.hear(Notice("1"), at=7)
    assert reader.end_tick() == []
    reader.outbox.leave(reader.room)
    reader.reply("left")
    assert reader.end_tick() == [Skipped("tea", 1, 6, 7), "left"]


def test_a_gap_without_messages_names_the_newest_stamp():
    reader = Reader(soft=10)
    reader.tick.newest_stamp = 41
    reader.out.stuck = True
    reader.reply("a long answer")
    reader.hear(Notice("no message"))
    assert reader.end_tick() == []
    reader.out.take_all()
    reader.outbox.drained()
    assert reader.end_tick() == [Skipped("tea", 0, 41, 41)]


def test_a_slow_reader_who_missed_nothing_is_told_nothing():
    reader = Reader(soft=10)
    reader.out.stuck = True
    reader.reply("a long answer")
    reader.reply("another one")
    reader.out.take_all()
    reader.outbox.drained()
    reader.hear(Notice("1"), at=7)
    assert reader.end_tick() == ["1"]


def test_replies_count_until_they_are_taken():
    size = len(encode(Notice("a")))
    reader = Reader(hard=3 * size)
    reader.out.stuck = True
    reader.hear(Notice("1"))
    for full in (False, False, False, True):
        assert reader.outbox.is_full == full
        reader.reply("a")
    reader.end_tick()
    assert reader.outbox.is_full
    reader.out.take_all()
    assert not reader.outbox.is_full


def test_skipped_does_not_wear_the_limit_away():
    size = len(encode(Notice("a")))
    reader = Reader(soft=10, hard=3 * size)
    for _ in range(50):
        reader.out.stuck = True
        reader.reply("a")
        reader.hear(Notice("1"), at=7)
        reader.end_tick()
        reader.out.take_all()
        reader.outbox.drained()
        reader.end_tick()
    reader.out.stuck = True
    for full in (False, False, False, True):
        assert reader.outbox.is_full == full
        reader.reply("a")


def test_a_promise_that_is_not_kept_has_the_transport_look_whether_it_is_drained():
    """Requests may wait for that alone, and nothing is queued that could drain."""
    reader = Reader(hard=100)
    deliver = reader.outbox.promise(100)
    flushes = reader.out.flushes
    deliver(None)
    assert not reader.outbox.is_full
    assert reader.out.flushes == flushes + 1


def test_one_who_fails_in_the_flush_mutes_nobody():
    reader = Reader()
    silent: Room[str] = Room("ops", "ops")
    other = Outlet()
    outbox: Outbox[str] = Outbox(reader.tick, other)
    outbox.enter(silent, "other")
    reader.end_tick()

    def broken(data: bytes, direct: int = 0) -> None:
        raise MemoryError

    write, reader.out.write = reader.out.write, broken
    reader.hear(Notice("1"))
    reader.reply("lost")
    reader.hear(Notice("2"), room=silent)
    outbox.write(encode(Notice("a")))
    with pytest.raises(MemoryError):
        reader.end_tick()
    assert b"".join(other.buffers) == encode(Notice("2")) + encode(Notice("a"))
    reader.out.write = write
    reader.hear(Notice("3"))
    assert reader.end_tick() == ["3"]


def test_a_batch_that_cannot_be_joined_is_said_to_be_left_out(monkeypatch):
    reader = Reader()

    def broken(self: Batch) -> memoryview:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Batch, "seal", broken)
        reader.hear(Notice("1"), at=7)
        with pytest.raises(MemoryError):
            reader.end_tick()
    reader.outbox.drained()
    assert reader.end_tick() == [Skipped("tea", 1, 6, 7)]


def test_a_reply_that_is_promised_counts_until_it_is_there():
    reader = Reader(hard=100)
    deliver = reader.outbox.promise(100)
    assert reader.outbox.is_full
    deliver(Notice("late"))
    assert not reader.outbox.is_full
    assert b"late" in reader.out.buffers[-1]


# --- the end, and another connection ----------------------------------------------------------------------------


def test_the_goodbye_is_the_last_frame_and_then_the_connection_ends():
    reader = Reader()
    endings = []
    reader.hear(Notice("1"))
    reader.outbox.close(encode(Notice("goodbye")), lambda: endings.append(len(reader.out.buffers)))
    reader.hear(Notice("2"))
    reader.reply("too late")
    reader.outbox.close(encode(Notice("twice")), lambda: endings.append(-1))
    before = len(reader.out.buffers)
    assert reader.end_tick() == ["1", "goodbye"]
    assert endings == [before + 1]
    assert reader.outbox.is_closed
    reader.reply("too late")
    reader.outbox.drained()
    reader.hear(Notice("3"))
    assert reader.end_tick() == []


def test_the_frames_of_a_tick_for_a_stalled_connection_can_be_discarded():
    reader = Reader()
    reader.hear(Notice("1"))
    reader.reply("a")
    reader.outbox.close(encode(Notice("goodbye")), lambda: None, discard=True)
    assert reader.end_tick() == ["goodbye"]


def test_the_rooms_go_to_another_outbox_from_a_place_on():
    reader = Reader()
    out = Outlet()
    other: Outbox[str] = Outbox(reader.tick, out)
    reader.hear(Notice("1"))
    reader.outbox.hand_rooms_to(other)
    reader.hear(Notice("2"))
    assert reader.end_tick() == ["1"]
    assert b"".join(out.buffers) == encode(Notice("2"))
    assert reader.room.members == {other: "reader"}
    assert reader.outbox.rooms == ()


def test_gaps_end_without_a_word_where_the_rooms_go_elsewhere():
    reader = Reader(soft=10)
    reader.out.stuck = True
    reader.reply("a long answer")
    reader.hear(Notice("1"), at=7)
    reader.end_tick()
    reader.outbox.hand_rooms_to(Outbox(reader.tick))
    reader.out.take_all()
    reader.outbox.drained()
    assert reader.end_tick() == []


def test_without_a_connection_everything_is_dropped():
    reader = Reader()
    away: Outbox[str] = Outbox(reader.tick)
    reader.outbox.hand_rooms_to(away)
    away.write(encode(Notice("a")))
    away.write_to_room(reader.room, encode(Notice("b")))
    reader.hear(Notice("1"))
    assert reader.end_tick() == []
    assert away.is_closed
    assert away.has_room()
    assert not away.is_full
