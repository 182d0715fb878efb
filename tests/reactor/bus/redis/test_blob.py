"""Batches as bytes."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.bus.redis.blob import (
    PLACEHOLDER,
    Batch,
    Event,
    Stamped,
    encode_batch,
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


def message(text: str, *, action: bool = False, **more: Any) -> Event:
    frame = encode(Message("tea", "ada", text, PLACEHOLDER, action or None))
    return Event(frame, is_message=True, is_action=action, **more)


def records(data: bytes) -> list[Record]:
    return [event_codec.decode(body) for body in FrameDecoder().feed(data)]


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
keys = st.none() | st.tuples(names, st.integers(0, 2**63), names)
marks = st.none() | st.tuples(st.none() | names, st.none() | st.booleans())
messages = st.builds(
    lambda text, action, key, marks: message(text, action=action, key=key, marks=marks),
    st.text(st.characters(codec="utf-8"), max_size=300),
    st.booleans(),
    keys,
    marks,
)
ops = st.builds(lambda op: Event(op=op), st.sampled_from([LEAVE, ["topic", None, "ada"], ["away", 7, "tea"]]))
events = st.lists(messages | ops | st.just(MODERATED), min_size=1, max_size=12)
stamps = st.integers(2**33, 2**63 - 1)


# --- the bytes


def test_the_bytes_of_two_messages():
    first = message("hi")
    second = message("waves", action=True, key=("k1", 2**32 + 7, "ada"), marks=("SHA256:x", True))
    data = encode_batch(5, 9, [first, second])
    extra = bytes.fromhex("9391 94 01 a26b31 cf 00 00 00 01 00 00 00 07 a3616461 90 91 93 01 a85348413235363a78 c3")
    frame = bytes.fromhex(
        "00000034 85 a474797065 a76d657373616765 a4726f6f6d a3746561 a466726f6d a3616461 a474657874 a26869"
        "a26174 cf1000000000000000"
    )
    assert first.frame == frame
    head = bytes.fromhex("01 00000005 0000000000000009 0002") + len(extra).to_bytes(4)
    lengths = (0x80000000 + len(frame)).to_bytes(4) + (0xC0000000 + len(second.frame)).to_bytes(4)
    assert data == head + lengths + extra + frame + second.frame


def test_the_bytes_of_an_op():
    assert encode_batch(1, 2, [Event(op=["topic", None, "ada"])]) == bytes.fromhex(
        "01 00000001 0000000000000002 0001 00000010 00000000 93 90 91 93 a5746f706963 c0 a3616461 90"
    )


def test_a_batch_of_plain_messages_has_no_extra():
    data = encode_batch(1, 2, [message("a"), message("b")])
    assert data[15:19] == bytes(4)
    batch = read_batch(data)
    assert (batch.keys, batch.ops, batch.marks) == ([], [], [])


@pytest.mark.parametrize("is_action", [False, True])
def test_a_stamp_takes_the_place_of_the_placeholder(is_action: bool):
    (record,) = records(message("hi", action=is_action).stamped(TOP))
    assert record == Message("tea", "ada", "hi", TOP, is_action or None)


# --- reading


@given(events, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.binary(max_size=30))
def test_a_batch_comes_back_as_it_was(events: list[Event], origin: int, sequence: int, before: bytes):
    batch = read_batch(before + encode_batch(origin, sequence, events), len(before))
    assert (batch.origin, batch.sequence, batch.count) == (origin, sequence, len(events))
    assert batch.frames() == [event.frame for event in events]
    assert batch.ops == [event.op for event in events if event.op is not None]
    assert batch.keys == [[index, *event.key] for index, event in enumerate(events) if event.key is not None]
    assert batch.marks == [[index, *event.marks] for index, event in enumerate(events) if event.marks is not None]
    assert batch.message_count == sum(event.is_message for event in events)


@given(events, stamps)
def test_events_have_their_stamps_in_order(events: list[Event], top: int):
    found = list(read_batch(encode_batch(1, 1, events)).events(top))
    assert [event.at for event in found] == list(range(top - len(events) + 1, top + 1))
    assert found == [
        Stamped(at, event.stamped(at) if event.is_message else event.frame, event.op, event.is_message)
        for at, event in enumerate(events, top - len(events) + 1)
    ]


@given(events, stamps)
def test_one_buffer_has_all_frames_with_their_stamps(events: list[Event], top: int):
    batch = read_batch(encode_batch(1, 1, events))
    data, stamps = batch.stamped(top)
    assert data == b"".join(event.frame for event in batch.events(top))
    assert stamps == [event.at if event.is_message else 0 for event in batch.events(top)]
    assert [it.at for it in records(data) if isinstance(it, Message)] == [at for at in stamps if at]


@given(events, stamps)
def test_entries_are_the_messages_with_their_keys_and_marks(events: list[Event], top: int):
    expected = []
    for index, event in enumerate(events):
        if event.is_message:
            (record,) = records(event.frame)
            assert isinstance(record, Message)
            key = event.key[0] if event.key is not None else None
            at = top - len(events) + 1 + index
            entry = Entry("ada", record.text, at, key, None, record.action, *(event.marks or (None, None)))
            expected.append(entry)
    assert read_batch(encode_batch(1, 1, events)).entries(top) == expected


def test_a_batch_of_another_layout_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="layout 2, and this server reads 1: upgrade the server"):
        read_batch(b"\2" + encode_batch(1, 1, [message("a")])[1:])


def test_a_batch_that_is_cut_off_in_its_header_is_refused():
    data = encode_batch(1, 1, [message("a"), message("b")])
    for end in range(27):
        with pytest.raises(struct.error):
            read_batch(data[:end])


def test_a_batch_has_at_most_as_many_events_as_its_header_can_count():
    events = [Event(op=LEAVE)] * 65_535
    assert read_batch(encode_batch(1, 1, events)).count == 65_535
    with pytest.raises(struct.error):
        encode_batch(1, 1, [*events, events[0]])


# --- redacting


@given(events, stamps, st.data())
def test_a_redacted_message_loses_its_text_and_nothing_else(events: list[Event], top: int, data: st.DataObject):
    blob = encode_batch(3, 4, events)
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
    sent, stamps = batch.stamped(top)
    assert [(it.at, it.text) for it in records(sent) if isinstance(it, Message)] == [
        (it.at, "" if it.at == gone.at else it.text) for it in entries
    ]
    assert stamps == before.stamped(top)[1]


def test_a_message_is_redacted_by_its_stamp_alone():
    blob = encode_batch(1, 1, [message("secret"), MODERATED, Event(op=LEAVE), message("stays")])
    for at in (TOP - 4, TOP - 2, TOP - 1, TOP + 1):
        assert redacted(blob, TOP, at) is None
    rewritten = redacted(blob, TOP, TOP - 3)
    assert rewritten is not None
    assert b"secret" not in rewritten
    assert b"stays" in rewritten
    assert len(blob) - len(rewritten) == len("secret")
