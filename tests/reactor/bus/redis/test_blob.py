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
    encode_batch,
    events_in,
    read_batch,
    redacted,
)
from pylingo.shared.codec import encode, event_codec, head_of_messages
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import Entry, Message, Moderated
from pylingo.shared.schema import Record

TOP = 1_700_000_000_000_000
MODERATED = Event(encode(Moderated("mute", "ada", "ben")))
LEAVE: list[Any] = ["leave", 7, "lost", None, None]


def run(
    *texts: str, action: bool = False, session: int = 7, keys: Sequence[str] = (), marks: Marks | None = None
) -> Run:
    made = Run(Author(session, "ada"), marks, b"" if action else head_of_messages("tea", "Ada"))
    for text, key in itertools.zip_longest(texts, keys):
        made.add(encode(Message("tea", "Ada", text, PLACEHOLDER, action)) if action else text.encode(), key)
    return made


def texts_of(made: Run) -> list[tuple[str, bool | None]]:
    """The text of each message, and whether it is an action."""
    if made.head:
        return [(body.decode(), None) for body in made.bodies]
    return [(it.text, it.action) for it in records(b"".join(made.bodies)) if isinstance(it, Message)]


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
    data = encode_batch(5, 9, [run("hi", "ho", session=2**32 + 7, keys=["k1", "k2"], marks=("SHA256:x", True))])
    assert data == bytes.fromhex(
        "01 00000005 0000000000000009 0002 0002 0000"
        "91 98 02 cf0000000100000007 a3616461 92a85348413235363a78c3"
        "c425 85a474797065a76d657373616765a4726f6f6da3746561a466726f6da3416461a474657874"
        "92c4026869c402686f 92a26b31a26b32 90"
    )


def test_the_bytes_of_an_op_and_of_a_frame():
    data = encode_batch(1, 2, [Event(op=["topic", None, "ada"]), Event(b"frame")])
    assert data == bytes.fromhex(
        "01 00000001 0000000000000002 0002 0000 0001 92 92 00 93a5746f706963c0a3616461 92 01 c4056672616d65"
    )


@pytest.mark.parametrize("is_action", [False, True])
def test_messages_get_their_stamps_one_after_another(is_action: bool):
    made = run("hi", "", "h\u00f6", action=is_action)
    found = records(made.stamped(TOP))
    texts = ("hi", "", "h\u00f6")
    assert found == [Message("tea", "Ada", text, TOP + i, is_action or None) for i, text in enumerate(texts)]
    assert b"".join(made.frames(TOP)) == made.stamped(TOP)


# --- reading


@given(parts, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.binary(max_size=30))
def test_a_batch_comes_back_as_it_was(parts: list[Part], origin: int, sequence: int, before: bytes):
    batch = read_batch(before + encode_batch(origin, sequence, parts), len(before))
    assert (batch.origin, batch.sequence, batch.count) == (origin, sequence, events_in(parts))
    assert batch.parts == parts
    assert batch.ops == [part.op for part in parts if part.op is not None]
    assert batch.has_ops == bool(batch.ops)
    assert batch.message_count == sum(part.count for part in parts if isinstance(part, Run))


@given(parts, stamps)
def test_each_part_is_behind_the_stamp_of_its_first_event(parts: list[Part], top: int):
    placed = list(read_batch(encode_batch(1, 1, parts)).in_place(top))
    assert [part for _, part in placed] == parts
    at, last = placed[-1]
    assert at + last.count - 1 == top
    for (at, part), (after, _) in itertools.pairwise(placed):
        assert after == at + part.count


@given(parts, stamps)
def test_entries_are_the_messages_with_their_keys_and_marks(parts: list[Part], top: int):
    expected = []
    first = top - events_in(parts) + 1
    for part in parts:
        for place, (text, action) in enumerate(texts_of(part) if isinstance(part, Run) else ()):
            assert isinstance(part, Run)
            key = part.keys[place] if part.keys else None
            expected.append(Entry("Ada", text, first + place, key, None, action, *(part.marks or (None, None))))
        first += part.count
    assert read_batch(encode_batch(1, 1, parts)).entries(top) == expected


def test_a_batch_of_another_layout_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="layout 2, and this server reads 1: upgrade the server"):
        read_batch(b"\2" + encode_batch(1, 1, [run("a")])[1:])


def test_a_batch_that_is_cut_off_in_its_header_is_refused():
    data = encode_batch(1, 1, [run("a", "b")])
    for end in range(19):
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
    assert (batch.origin, batch.sequence, batch.count) == (3, 4, events_in(parts))
    assert (batch.ops, batch.message_count) == (read_batch(blob).ops, len(entries))
    sent = [
        (it.at, it.text)
        for at, part in batch.in_place(top)
        if isinstance(part, Run)
        for it in records(part.stamped(at))
        if isinstance(it, Message)
    ]
    assert sent == [(it.at, "" if it.at == gone.at else it.text) for it in entries]


def test_a_message_is_redacted_by_its_stamp_alone():
    blob = encode_batch(1, 1, [run("secret"), MODERATED, Event(op=LEAVE), run("stays")])
    for at in (TOP - 4, TOP - 2, TOP - 1, TOP + 1):
        assert redacted(blob, TOP, at) is None
    rewritten = redacted(blob, TOP, TOP - 3)
    assert rewritten is not None
    assert b"secret" not in rewritten
    assert b"stays" in rewritten
    assert len(blob) - len(rewritten) == len("secret") - 1  # the place of the redacted one
