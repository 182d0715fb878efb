"""A room's batch: joined once, cut without copying, and counted for those who miss it."""

import pytest

from pylingo.reactor.chat.batch import Batch

FRAMES = [(b"aa", 0), (b"b", 5), (b"", 0), (b"cccc", 7), (b"d", 0)]


@pytest.fixture
def batch() -> Batch:
    batch = Batch()
    for frame, at in FRAMES:
        batch.frames.append(frame)
        batch.stamps.append(at)
    return batch


def test_a_batch_keeps_its_frames_in_order(batch):
    assert bytes(batch.seal()) == b"aabccccd"
    assert batch.frames == [frame for frame, _ in FRAMES]
    assert batch.stamps == [at for _, at in FRAMES]


def test_messages_of_other_servers_are_not_counted_as_said_here(batch):
    batch.note_foreign(len(FRAMES))  # nothing
    batch.frames += [b"x", b"y", b"z"]
    batch.stamps += [8, 0, 9]
    batch.note_foreign(len(FRAMES))
    batch.seal()
    assert (batch.count, batch.count_own()) == (4, 2)
    assert [batch.count_messages(0, end) for end in range(9)] == [0, 0, 1, 1, 2, 2, 3, 3, 4]


def test_a_batch_of_nothing_but_messages_is_counted_by_its_places():
    batch = Batch()
    batch.frames, batch.stamps = [b"a", b"b", b"c"], [1, 2, 3]
    batch.note_foreign(1)
    batch.seal()
    assert (batch.count_messages(1, 3), batch.count_own()) == (2, 1)


def test_every_cut_of_a_batch_is_the_frames_between(batch):
    data = batch.seal()
    for begin in range(len(FRAMES) + 1):
        for end in range(begin, len(FRAMES) + 1):
            cut = batch.cut(begin, end)
            assert bytes(cut) == b"".join(frame for frame, _ in FRAMES[begin:end])
            assert cut.obj is data.obj  # not copied


@pytest.mark.parametrize(
    ("begin", "end", "missed"),
    [
        (0, 5, (2, 5, 7)),
        (0, 2, (1, 5, 5)),
        (2, 5, (1, 7, 7)),
        (3, 4, (1, 7, 7)),
        (0, 1, (0, 0, 0)),
        (2, 3, (0, 0, 0)),
        (4, 5, (0, 0, 0)),
        (3, 3, (0, 0, 0)),
    ],
)
def test_a_gap_is_counted_in_messages(batch, begin, end, missed):
    assert batch.messages(begin, end) == missed


def test_a_sealed_batch_knows_what_it_holds(batch):
    batch.seal()
    assert (batch.count, batch.first, batch.last) == (2, 5, 7)


def test_an_empty_batch():
    batch = Batch()
    assert bytes(batch.seal()) == b""
    assert bytes(batch.cut(0, 0)) == b""
    assert (batch.count, batch.first, batch.last) == (0, 0, 0)
