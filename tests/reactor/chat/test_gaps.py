"""The gap in the frames of a room: what it counts, and the frame that tells of it."""

from pylingo.reactor.chat.batch import Batch
from pylingo.reactor.chat.dialect import Changes
from pylingo.reactor.chat.gaps import Gap
from pylingo.shared.codec import encode, event_codec
from pylingo.shared.framing import HEADER_SIZE
from pylingo.shared.messages import Joined, Left, Skipped
from pylingo.shared.schema import Record


def frame(gap: Gap, room: str, newest_stamp: int = 99) -> Record:
    return event_codec.decode(gap.skipped(room, newest_stamp)[HEADER_SIZE:])


def test_a_gap_counts_messages_and_spans_their_stamps():
    gap = Gap()
    assert (gap.count, gap.after, gap.until) == (0, 0, 0)
    gap.add(2, 10, 20)
    gap.add(0, 0, 0)
    gap.add(1, 30, 30)
    assert (gap.count, gap.after, gap.until) == (3, 9, 30)
    assert frame(gap, "tea") == Skipped("tea", 3, 9, 30)


def test_a_gap_of_private_messages_names_no_room():
    gap = Gap()
    gap.add(1, 10, 10)
    assert frame(gap, "") == Skipped(None, 1, 9, 10)


def test_a_gap_without_messages_is_at_the_newest_stamp():
    gap = Gap()
    gap.add(0, 0, 0)
    assert frame(gap, "tea", 7) == Skipped("tea", 0, 7, 7)


def test_a_gap_notes_who_comes_and_goes_for_another_dialect():
    batch = Batch()
    batch.frames += [encode(Joined("tea", name)) for name in ("ada", "bob")] + [encode(Left("tea", "eve", "leave"))]
    gap = Gap(Changes())
    gap.note(batch, 1)
    assert gap.changes is not None
    assert (gap.changes.came, gap.changes.went) == ({"bob": "bob"}, {"eve": "eve"})
    Gap().note(batch, 0)  # one of native clients notes nothing, and decodes nothing
