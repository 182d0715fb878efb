"""Batches as bytes."""

import itertools
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.bus.redis.blob import (
    PLACEHOLDER,
    Author,
    Batch,
    Event,
    Marks,
    Part,
    Run,
    Stamped,
    encode_batch,
    events_in,
    read_batch,
    redacted,
)
from pylingo.shared.codec import encode, event_codec
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import Entry, Message, Moderated
from pylingo.shared.schema import Record

TOP = 1_700_000_000_000_000
MODERATED = Event(encode(Moderated("mute", "ada", "ben")))
LEAVE: list[Any] = ["leave", 7, "lost", None, None]


def run(
    *texts: str, action: bool = False, session: int = 7, keys: Sequence[str] = (), marks: Marks | None = None
) -> Run:
    made = Run(Author(session, "ada"), marks, action)
    for text, key in itertools.zip_longest(texts, keys):
        made.add(encode(Message("tea", "ada", text, PLACEHOLDER, action or None)), key)
    return made


def events_of(parts: Sequence[Part], top: int) -> list[Stamped]:
    """Each event of the parts, one by one."""
    found: list[Stamped] = []
    for part in parts:
        for frame in part.frames if isinstance(part, Run) else [part.frame]:
            at = top - events_in(parts) + 1 + len(found)
            if isinstance(part, Run):
                behind = 8 if part.is_marked else 0  # the bytes behind the stamp
                end = len(frame) - behind
                frame = frame[: end - 8] + at.to_bytes(8) + frame[end:]
            found.append(Stamped(at, frame, part.op, isinstance(part, Run)))
    return found


def records(data: bytes) -> list[Record]:
    return [event_codec.decode(body) for body in FrameDecoder().feed(data)]


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
marks = st.none() | st.tuples(st.none() | names, st.none() | st.booleans())


@st.composite
def runs(draw: st.DrawFn) -> Run:
    texts = draw(st.lists(st.text(st.characters(codec="utf-8"), max_size=300), min_size=1, max_size=4))
    keys = draw(st.just([]) | st.lists(names, min_size=len(texts), max_size=len(texts)))
    return run(*texts, action=draw(st.booleans()), session=draw(st.integers(0, 2**63)), keys=keys, marks=draw(marks))


ops = st.builds(lambda op: Event(op=op), st.sampled_from([LEAVE, ["topic", None, "ada"], ["away", 7, "tea"]]))
parts = st.lists(runs() | ops | st.just(MODERATED), min_size=1, max_size=6)
stamps = st.integers(2**33, 2**63 - 1)


# --- the bytes


def test_the_bytes_of_messages():
    first = run("hi", "ho")
    second = run("waves", action=True, session=2**32 + 7, keys=["k1"], marks=("SHA256:x", True))
    data = encode_batch(5, 9, [first, second])
    extra = bytes.fromhex("9391 94 02 cf 0000000100000007 a3616461 91 a26b31 90 91 94 02 01 a85348413235363a78 c3")
    frame = bytes.fromhex(
        "00000034 85 a474797065 a76d657373616765 a4726f6f6d a3746561 a466726f6d a3616461 a474657874 a26869"
        "a26174 cf1000000000000000"
    )
    assert first.frames[0] == frame
    head = bytes.fromhex("01 00000005 0000000000000009 0003") + len(extra).to_bytes(4)
    kinds = bytes([1, 1, 3])
    frames = *first.frames, *second.frames
    assert data == head + kinds + b"".join(len(it).to_bytes(4) for it in frames) + extra + b"".join(frames)


def test_the_bytes_of_an_op():
    assert encode_batch(1, 2, [Event(op=["topic", None, "ada"])]) == bytes.fromhex(
        "01 00000001 0000000000000002 0001 00000010 00 00000000 93 90 91 93 a5746f706963 c0 a3616461 90"
    )


def test_a_batch_of_plain_messages_has_no_extra():
    data = encode_batch(1, 2, [run("a", "b")])
    assert data[15:19] == bytes(4)
    batch = read_batch(data)
    assert (batch.keys, batch.ops, batch.marks) == ([], [], [])


@pytest.mark.parametrize("is_action", [False, True])
def test_stamps_take_the_places_of_the_placeholders(is_action: bool):
    made = run("hi", "", "ho", action=is_action)
    found = records(made.stamped(TOP))
    assert found == [Message("tea", "ada", text, TOP + i, is_action or None) for i, text in enumerate(("hi", "", "ho"))]
    assert made.size == len(made.stamped(TOP))


# --- reading


@given(parts, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.binary(max_size=30))
def test_a_batch_comes_back_as_it_was(parts: list[Part], origin: int, sequence: int, before: bytes):
    batch = read_batch(before + encode_batch(origin, sequence, parts), len(before))
    assert (batch.origin, batch.sequence, batch.count) == (origin, sequence, events_in(parts))
    frames = [part.frames if isinstance(part, Run) else [part.frame] for part in parts]
    firsts = [0, *itertools.accumulate(map(len, frames))]
    assert batch.frames() == [frame for some in frames for frame in some]
    assert batch.ops == [part.op for part in parts if part.op is not None]
    runs = [(first, part) for first, part in zip(firsts, parts, strict=False) if isinstance(part, Run)]
    assert batch.keys == [[first, *it.author, it.keys] for first, it in runs if it.keys]
    assert batch.marks == [[first, it.count, *it.marks] for first, it in runs if it.marks is not None]
    assert batch.message_count == sum(it.count for _, it in runs)


@given(parts, stamps)
def test_events_have_their_stamps_in_order(parts: list[Part], top: int):
    assert list(read_batch(encode_batch(1, 1, parts)).events(top)) == events_of(parts, top)


@given(parts, stamps)
def test_one_buffer_has_all_messages_with_their_stamps(parts: list[Part], top: int):
    data = read_batch(encode_batch(1, 1, parts)).stamped(top)
    if all(isinstance(part, Run) for part in parts):
        assert data == b"".join(event.frame for event in events_of(parts, top))
        assert [it.at for it in records(data) if isinstance(it, Message)] == [it.at for it in events_of(parts, top)]
    else:
        assert data is None


@given(parts, stamps)
def test_entries_are_the_messages_with_their_keys_and_marks(parts: list[Part], top: int):
    expected = []
    first = top - events_in(parts) + 1
    for part in parts:
        for at, frame in enumerate(part.frames if isinstance(part, Run) else (), first):
            (record,) = records(frame)
            assert isinstance(part, Run)
            assert isinstance(record, Message)
            key = part.keys[at - first] if part.keys else None
            expected.append(Entry("ada", record.text, at, key, None, record.action, *(part.marks or (None, None))))
        first += part.count
    assert read_batch(encode_batch(1, 1, parts)).entries(top) == expected


def test_a_batch_of_another_layout_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="layout 2, and this server reads 1: upgrade the server"):
        read_batch(b"\2" + encode_batch(1, 1, [run("a")])[1:])


def test_a_batch_that_is_cut_off_in_its_header_is_refused():
    data = encode_batch(1, 1, [run("a", "b")])
    for end in range(29):
        with pytest.raises(struct.error):
            read_batch(data[:end])


def test_a_batch_has_at_most_as_many_events_as_its_header_can_count():
    events = [Event(op=LEAVE)] * 65_535
    assert read_batch(encode_batch(1, 1, events)).count == 65_535
    with pytest.raises(struct.error):
        encode_batch(1, 1, [*events, events[0]])


# --- redacting


@given(parts, stamps, st.data())
def test_a_redacted_message_loses_its_text_and_nothing_else(parts: list[Part], top: int, data: st.DataObject):
    blob = encode_batch(3, 4, parts)
    entries = read_batch(blob).entries(top)
    if not entries:
        assert redacted(blob, top, top) is None
        return
    gone = data.draw(st.sampled_from(entries))
    rewritten = redacted(blob, top, gone.at)
    assert rewritten is not None
    assert redacted(rewritten, top, gone.at) == rewritten
    batch: Batch = read_batch(rewritten)
    assert batch.entries(top) == [
        Entry(it.from_, "", it.at, it.key, it.to, it.action, it.fingerprint, it.operator, True)
        if it.at == gone.at
        else it
        for it in entries
    ]
    before = read_batch(blob)
    assert (batch.origin, batch.sequence, batch.count) == (3, 4, before.count)
    assert (batch.keys, batch.ops, batch.marks) == (before.keys, before.ops, before.marks)
    sent = [records(event.frame)[0] for event in batch.events(top) if event.is_message]
    assert [(it.at, it.text) for it in sent if isinstance(it, Message)] == [
        (it.at, "" if it.at == gone.at else it.text) for it in entries
    ]
    assert batch.stamped(top) in (None, b"".join(event.frame for event in batch.events(top)))


def test_a_message_is_redacted_by_its_stamp_alone():
    blob = encode_batch(1, 1, [run("secret"), MODERATED, Event(op=LEAVE), run("stays")])
    for at in (TOP - 4, TOP - 2, TOP - 1, TOP + 1):
        assert redacted(blob, TOP, at) is None
    rewritten = redacted(blob, TOP, TOP - 3)
    assert rewritten is not None
    assert b"secret" not in rewritten
    assert b"stays" in rewritten
    assert len(blob) - len(rewritten) == len("secret")
