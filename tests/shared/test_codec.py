"""Bytes to records and back: any records, any cuts, and any bytes."""

import math
import tracemalloc

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.shared import messages as m
from pylingo.shared.codec import (
    MAX_CONTAINERS,
    MAX_EVENT_ITEMS,
    MAX_PAIRS,
    MAX_REQUEST_ITEMS,
    encode,
    encode_message,
    encode_messages,
    event_codec,
    head_of_messages,
    request_codec,
    with_re,
)
from pylingo.shared.errors import FrameError, ProtocolError, RequestError
from pylingo.shared.framing import MAX_BODY, FrameDecoder

CODECS = [pytest.param(request_codec, id="request"), pytest.param(event_codec, id="event")]

text = st.text(max_size=30)
number = st.integers(-(2**63), 2**64 - 1)
at = st.integers(0, 2**63 - 1)
id_ = st.none() | st.integers(0, 2**63 - 1)
key = st.none() | st.text(st.characters(max_codepoint=127), min_size=1, max_size=32)
maybe = st.none() | text
flag = st.booleans()
maybe_flag = st.none() | flag
names = st.lists(text, max_size=20)
maybe_names = st.none() | names
REQUESTS = {
    m.Hello: st.builds(m.Hello, number, maybe, maybe, maybe, maybe, id_, maybe, maybe, maybe),
    m.Say: st.builds(m.Say, text, key, id_, maybe, maybe, maybe_flag),
    m.Command: st.builds(m.Command, text, maybe, id_, maybe),
    m.HistoryRequest: st.builds(
        m.HistoryRequest, st.none() | at, st.none() | at, st.integers(1, 100), id_, maybe, maybe, maybe_flag
    ),
    m.PingRequest: st.builds(m.PingRequest, id_),
    m.PongRequest: st.builds(m.PongRequest, id_),
}
room_infos = st.lists(st.builds(m.RoomInfo, text, number), max_size=5)
command_infos = st.lists(st.builds(m.CommandInfo, text, maybe, text), max_size=5)
entries = st.lists(
    st.builds(m.Entry, text, text, at, key, maybe, maybe_flag, maybe, maybe_flag, maybe_flag), max_size=5
)
people = st.lists(st.builds(m.PersonInfo, text, number, maybe, maybe, maybe_flag), max_size=5)
bans = st.lists(st.builds(m.Ban, text, maybe, maybe, maybe, st.none() | at), max_size=5)
servers = st.lists(st.builds(m.ServerInfo, number, text, text, number, number, flag), max_size=5)
redis_info = st.builds(m.RedisInfo, text, text, text, number, st.none() | number, number, flag)
EVENTS = {
    m.Welcome: st.builds(
        m.Welcome, number, text, text, st.builds(m.Limits, number, number, number, number), maybe_names, maybe
    ),
    m.Ready: st.builds(m.Ready, text, maybe, text, flag, id_, maybe_names, maybe, maybe_flag),
    m.Message: st.builds(m.Message, text, text, text, at, maybe_flag),
    m.Private: st.builds(m.Private, text, text, text, at, maybe_flag, maybe, maybe_flag),
    m.Sent: st.builds(m.Sent, maybe, at, id_, key, maybe),
    m.Joined: st.builds(m.Joined, text, text, st.none() | number, id_, maybe, maybe_flag, maybe_flag, maybe_flag),
    m.Left: st.builds(m.Left, text, text, maybe, id_, maybe, maybe, maybe),
    m.Renamed: st.builds(m.Renamed, text, text, maybe, id_, maybe, maybe_flag),
    m.Rooms: st.builds(m.Rooms, room_infos, flag, id_),
    m.Users: st.builds(m.Users, text, names, flag, id_, maybe_names),
    m.Help: st.builds(m.Help, command_infos, id_),
    m.Topic: st.builds(m.Topic, text, maybe, maybe, st.none() | at, id_),
    m.People: st.builds(m.People, people, flag, id_),
    m.PersonDetails: st.builds(m.PersonDetails, text, names, flag, at, maybe, id_, maybe),
    m.Away: st.builds(m.Away, text, maybe, id_),
    m.HistoryPage: st.builds(m.HistoryPage, maybe, entries, flag, st.none() | at, id_, maybe),
    m.Skipped: st.builds(m.Skipped, maybe, number, at, at),
    m.Moderated: st.builds(m.Moderated, text, text, maybe, maybe, maybe, maybe, st.none() | at, id_),
    m.RoomOp: st.builds(m.RoomOp, text, text, text, flag, id_),
    m.Modes: st.builds(m.Modes, text, names, maybe, id_),
    m.Bans: st.builds(m.Bans, bans, flag, id_),
    m.Redacted: st.builds(m.Redacted, text, at, text, maybe),
    m.Servers: st.builds(m.Servers, servers, st.none() | redis_info, flag, id_),
    m.Tagged: st.builds(m.Tagged, text, names, maybe, maybe),
    m.IrcPassword: st.builds(m.IrcPassword, text, maybe, id_),
    m.Invitation: st.builds(m.Invitation, text, number, at, id_),
    m.Notice: st.builds(m.Notice, text),
    m.Error: st.builds(m.Error, text, text, id_),
    m.Goodbye: st.builds(m.Goodbye, text, text, id_),
    m.Ping: st.builds(m.Ping),
    m.Pong: st.builds(m.Pong, id_),
}
SIDES = st.sampled_from([(request_codec, REQUESTS), (event_codec, EVENTS)])


def pair(name: str, value: bytes) -> bytes:
    return msgpack.packb(name) + value


def map_of(*pairs: bytes) -> bytes:
    return b"\xde" + len(pairs).to_bytes(2, "big") + b"".join(pairs)


def with_extra(value: bytes) -> bytes:
    """A sound request whose unknown field `new` holds `value`."""
    return map_of(pair("type", msgpack.packb("ping")), pair("new", value))


def assert_refused(codec, body):
    with pytest.raises(FrameError) as caught:
        codec.decode(body)
    assert caught.value.reason == "bad-frame"
    assert len(caught.value.text) <= 1_024


# --- round trips ------------------------------------------------------------------------------------------------


def test_every_record_has_a_strategy():
    assert set(REQUESTS) == {schema.record for schema in m.REQUESTS.values()}
    assert set(EVENTS) == {schema.record for schema in m.EVENTS.values()}


@settings(deadline=None)
@given(data=st.data(), side=SIDES)
def test_any_records_cut_anywhere_are_the_same_records(data, side):
    codec, strategies = side
    records = data.draw(st.lists(st.sampled_from(sorted(strategies, key=str)).flatmap(strategies.get), max_size=6))
    stream = b"".join(map(encode, records))
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=12).map(sorted))
    decoder = FrameDecoder()
    found = []
    for start, end in zip([0, *places], [*places, len(stream)], strict=True):
        found += [codec.decode(body) for body in decoder.feed(stream[start:end])]
    assert found == records
    assert decoder.pending == 0


@pytest.mark.parametrize(
    ("record", "frame"),
    [
        (m.PingRequest(), b"\0\0\0\x0b\x81\xa4type\xa4ping"),
        (m.Say("hi", id=7), b"\0\0\0\x16\x83\xa4type\xa3say\xa4text\xa2hi\xa2id\x07"),
        (m.Ping(), b"\0\0\0\x0b\x81\xa4type\xa4ping"),
        (
            m.Ready("é", None, "0f", False),
            b"\0\0\0\x2c\x85\xa4type\xa5ready\xa4name\xa2\xc3\xa9\xa4room\xc0\xa5token\xa20f\xa7resumed\xc2",
        ),
    ],
)
def test_the_bytes_of_a_frame(record, frame):
    assert encode(record) == frame


@settings(deadline=None)
@given(room=text, name=text, words=st.text(max_size=4_096), stamp=st.integers(0, 2**64 - 1))
def test_a_message_behind_an_encoded_head_is_the_same_frame(room, name, words, stamp):
    head = head_of_messages(room, name)
    assert encode_message(head, words, stamp) == encode(m.Message(room, name, words, stamp))


@given(room=text, name=text, words=st.lists(st.text(min_size=1, max_size=300)), first=st.integers(2**32, 2**63))
def test_several_messages_behind_one_head_are_the_same_frames(room, name, words, first):
    head = head_of_messages(room, name)
    frames = [encode_message(head, words, at) for at, words in enumerate(words, first)]
    assert encode_messages(head, [words.encode() for words in words], first) == b"".join(frames)


def test_the_largest_frame():
    longest = MAX_BODY - len(encode(m.Say("a" * 1_000))) + 4 + 1_000
    frame = encode(m.Say("a" * longest))
    assert len(frame) == 4 + MAX_BODY
    [body] = FrameDecoder().feed(frame)
    assert request_codec.decode(body) == m.Say("a" * longest)
    with pytest.raises(ValueError, match="32769"):
        encode(m.Say("a" * (longest + 1)))


@pytest.mark.parametrize("lone", ["a\udfffb", "\udc80"], ids=ascii)
def test_a_lone_surrogate_cannot_be_sent_and_spoils_nothing(lone):
    with pytest.raises(UnicodeEncodeError):
        encode(m.Say(lone, "key"))
    # One packer serves all frames: what it had begun must not lead the next frame.
    assert encode(m.PingRequest()) == b"\0\0\0\x0b\x81\xa4type\xa4ping"


# --- bodies -----------------------------------------------------------------------------------------------------

DEEP = 5_000
NO_MAPS = {
    "nothing": b"",
    "c1": b"\xc1",
    "nil": b"\xc0",
    "true": b"\xc3",
    "int": b"\x07",
    "float": msgpack.packb(1.5),
    "NaN": msgpack.packb(math.nan),
    "string": msgpack.packb("ping"),
    "bin": msgpack.packb(b"ping"),
    "empty bin": msgpack.packb(b""),
    "empty array": b"\x90",
    "array": msgpack.packb(["type", "ping"]),
    "array of a map": msgpack.packb([{"type": "ping"}]),
    "two maps": msgpack.packb({"type": "ping"}) * 2,
    "map and nil": msgpack.packb({"type": "ping"}) + b"\xc0",
    "map and c1": msgpack.packb({"type": "ping"}) + b"\xc1",
    "map and half a value": msgpack.packb({"type": "ping"}) + b"\xd9",
    "half a map": msgpack.packb({"type": "ping"})[:-1],
    "map without its pairs": b"\x81",
    "map without its value": b"\x81" + msgpack.packb("type"),
    "c1 as a value": b"\x82" + pair("type", msgpack.packb("ping")) + pair("new", b"\xc1"),
    "map of 2^32-1 pairs": b"\xdf\xff\xff\xff\xff",
    "array of 2^32-1 items": b"\xdd\xff\xff\xff\xff",
    "string of 2^32-1 bytes": b"\xdb\xff\xff\xff\xff",
    "bin of 2^32-1 bytes": b"\xc6\xff\xff\xff\xff",
    "ext of 2^32-1 bytes": b"\xc9\xff\xff\xff\xff\x05",
    "deep arrays": b"\x91" * DEEP + b"\xc0",
    "deep maps": b"\x81\xa1x" * DEEP + b"\xc0",
    "deep arrays without an end": b"\x91" * DEEP,
    "a map with a deep array": with_extra(b"\x91" * DEEP + b"\xc0"),
    "a map with deep maps": with_extra(b"\x81\xa1x" * DEEP + b"\xc0"),
    "nested headers of arrays": with_extra(b"\xdd\0\0\x20\0" * 1_600),
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("body", NO_MAPS.values(), ids=NO_MAPS.keys())
def test_a_body_that_is_not_exactly_one_map(codec, body):
    assert_refused(codec, body)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("body", [b"\x80", b"\xde\0\0", b"\xdf\0\0\0\0"], ids=["fix", "16", "32"])
def test_an_empty_map_is_a_frame_without_a_type(codec, body):
    with pytest.raises(RequestError) as caught:
        codec.decode(body)
    assert caught.value.reason == "bad-message"


def test_every_cut_of_a_body_is_refused():
    body = encode(m.Say("words", "key", 5))[4:]
    for place in range(len(body)):
        assert_refused(request_codec, body[:place])


@pytest.mark.parametrize("codec", CODECS)
def test_depth_within_what_msgpack_takes_is_ignored(codec):
    assert codec.decode(with_extra(b"\x91" * 500 + b"\xc0")).type == "ping"


def test_nested_headers_reserve_nothing():
    body = with_extra(b"\xdd\0\0\x20\0" * 6_500)
    tracemalloc.start()
    try:
        assert_refused(request_codec, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 256 * 1024


@pytest.mark.parametrize(
    "header", [b"\xdd\0\0\x20\0", b"\xdd\0\0\x40\0", b"\xdc\x40\0", b"\xdc\x01\0", b"\xdc\0\xff", b"\x9f"], ids=repr
)
@pytest.mark.parametrize("many", [1_000, 6_500])
def test_nested_headers_reserve_little_in_a_client(header, many):
    """A list in each of a thousand levels, each of a length that one list may have."""
    body = with_extra(header * many)
    tracemalloc.start()
    try:
        assert_refused(event_codec, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20


def tree(leaves: int, leaf: bytes) -> bytes:
    """Lists of two of lists of two and so on: one list less than `leaves`."""
    level = [leaf] * leaves
    while len(level) > 1:
        level = [b"\x92" + b"".join(level[at : at + 2]) for at in range(0, len(level), 2)]
    return level[0]


@pytest.mark.parametrize("leaf", [b"\x90", b"\x80"], ids=["lists", "maps"])
def test_a_request_has_so_many_containers_and_no_more(leaf):
    most = tree(2_048, leaf)  # 2,047 lists of two, and the leaves; the map of the request makes 4,096
    assert request_codec.decode(with_extra(most)).type == "ping"
    assert_refused(request_codec, with_extra(b"\x91" + most))


def test_a_large_request_has_the_other_limits_too():
    filler = msgpack.packb("x" * 5_000)
    for wrong in (msgpack.packb([1] * 17), msgpack.packb(pings(17)), b"\xc4\x01x", b"\xd4\x05\x00", b"\x81\x05\x05"):
        assert_refused(request_codec, with_extra(b"\x92" + filler + wrong))
    assert request_codec.decode(with_extra(b"\x92" + filler + msgpack.packb(pings(16)))).type == "ping"


@pytest.mark.parametrize("letter", ["\u0718", "\u0778", "x", "1", "\x01"], ids=ascii)
def test_long_lists_of_any_names_are_read(letter):
    """Also of letters whose bytes look like the header of a list."""
    users = m.Users("lobby", [letter * (1 + number % 5) for number in range(2_000)], False)
    assert event_codec.decode(encode(users)[4:]) == users
    rooms = m.Rooms([m.RoomInfo(letter, 90 * number) for number in range(700)], False)
    assert event_codec.decode(encode(rooms)[4:]) == rooms


def test_a_frame_from_the_server_has_sixteen_long_arrays_and_no_more():
    long = b"\xdc\x01\x00" + b"\x00" * 256
    assert event_codec.decode(with_extra(b"\xdc\x00\x10" + long * 16)).type == "ping"
    assert_refused(event_codec, with_extra(b"\xdc\x00\x11" + long * 17))


def test_a_failed_body_leaves_nothing_behind():
    assert_refused(request_codec, map_of(pair("type", msgpack.packb("ping")), b"\xa1"))
    assert request_codec.decode(msgpack.packb({"type": "pong"})) == m.PongRequest()


@pytest.mark.parametrize("re", [0, 127, 128, 2**31, 2**63 - 1])
@pytest.mark.parametrize("names", [[], ["alice"], ["x" * 30] * 1_000], ids=len)
def test_an_re_that_is_added_later(names, re):
    assert with_re(encode(m.Users("tea", names, True)), re) == encode(m.Users("tea", names, True, re))
    rooms = [m.RoomInfo(name, 1) for name in names[:500]]
    assert with_re(encode(m.Rooms(rooms, False)), re) == encode(m.Rooms(rooms, False, re))


# --- limits -----------------------------------------------------------------------------------------------------


def test_the_numbers_of_the_codecs():
    assert (MAX_PAIRS, MAX_REQUEST_ITEMS, MAX_EVENT_ITEMS, MAX_CONTAINERS) == (16, 16, 16_384, 4_096)


def pings(count: int) -> dict[str, object]:
    return {"type": "ping"} | {f"new{number}": number for number in range(count - 1)}


@pytest.mark.parametrize("codec", CODECS)
def test_sixteen_pairs_and_no_more(codec):
    assert codec.decode(msgpack.packb(pings(16))).type == "ping"
    assert_refused(codec, msgpack.packb(pings(17)))


@pytest.mark.parametrize("codec", CODECS)
def test_pairs_of_one_key_count_each(codec):
    same = pair("new", b"\x01")
    assert codec.decode(map_of(*[same] * 15, pair("type", msgpack.packb("ping")))).type == "ping"
    assert_refused(codec, map_of(*[same] * 16, pair("type", msgpack.packb("ping"))))


@pytest.mark.parametrize("codec", CODECS)
def test_a_map_inside_has_the_same_limit(codec):
    assert codec.decode(with_extra(msgpack.packb(pings(16)))).type == "ping"
    assert_refused(codec, with_extra(msgpack.packb(pings(17))))


@pytest.mark.parametrize(("codec", "most"), [(request_codec, 16), (event_codec, 16_384)], ids=["request", "event"])
def test_arrays_have_the_limit_of_their_side(codec, most):
    assert codec.decode(with_extra(msgpack.packb([1] * most))).type == "ping"
    assert_refused(codec, with_extra(msgpack.packb([1] * (most + 1))))


def test_the_longest_list_of_names_is_read():
    users = m.Users("lobby", [chr(0x61 + number % 26) for number in range(16_000)], False)
    assert event_codec.decode(encode(users)[4:]) == users


# --- keys -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "name",
    [b"\x01", b"\xff", b"\xc0", b"\xc3", msgpack.packb(1.5), msgpack.packb(math.nan), b"\x90", b"\x80", b"\xc4\x01x"],
    ids=["int", "negative", "nil", "true", "float", "NaN", "array", "map", "bin"],
)
@pytest.mark.parametrize("inside", [False, True], ids=["body", "unknown field"])
def test_a_key_that_is_not_a_string(codec, name, inside):
    wrong = map_of(pair("type", msgpack.packb("ping")), name + b"\x01")
    assert_refused(codec, with_extra(wrong) if inside else wrong)


@pytest.mark.parametrize("name", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x82", b"", b"k" * 30_000], ids=repr)
def test_an_unknown_key_may_be_any_string(name):
    packed = b"\xda" + len(name).to_bytes(2, "big") + name
    assert request_codec.decode(map_of(pair("type", msgpack.packb("ping")), packed + b"\x01")) == m.PingRequest()


@pytest.mark.parametrize(
    ("pairs", "read"),
    [
        ([("text", "a"), ("text", "b")], m.Say("b")),
        ([("text", 1), ("text", "b")], m.Say("b")),
        ([("text", "a"), ("id", 1), ("id", 2)], m.Say("a", id=2)),
        ([("text", "a"), ("id", 1), ("id", None)], m.Say("a")),
        ([("type", "ping"), ("text", "a"), ("type", "say")], m.Say("a")),
        ([("text", "a"), ("type", "ping")], m.PingRequest()),
        ([("text", "a"), ("text", None)], None),
        ([("text", "a"), ("text", 1)], None),
    ],
)
def test_the_last_of_duplicate_keys_counts(pairs, read):
    body = map_of(*(pair(name, msgpack.packb(value)) for name, value in [("type", "say"), *pairs]))
    if read is None:
        with pytest.raises(RequestError):
            request_codec.decode(body)
    else:
        assert request_codec.decode(body) == read


# --- ext --------------------------------------------------------------------------------------------------------

EXTS = {
    "fixext 1": b"\xd4\x05x",
    "fixext 2": b"\xd5\x05xx",
    "fixext 4": b"\xd6\x05" + b"x" * 4,
    "fixext 8": b"\xd7\x05" + b"x" * 8,
    "fixext 16": b"\xd8\x05" + b"x" * 16,
    "ext 8": b"\xc7\x03\x05xxx",
    "ext 16": b"\xc8\0\x03\x05xxx",
    "ext 32": b"\xc9\0\0\0\x03\x05xxx",
    "empty ext 8": b"\xc7\0\x05",
    "empty ext 16": b"\xc8\0\0\x05",
    "empty ext 32": b"\xc9\0\0\0\0\x05",
    "empty ext of type 0": b"\xc7\0\0",
    "empty ext of a reserved type": b"\xc7\0\x80",
    "empty timestamp": b"\xc7\0\xff",
    "timestamp 32": b"\xd6\xff\0\0\0\1",
    "timestamp 64": b"\xd7\xff\0\0\0\0\0\0\0\1",
    "timestamp 96": b"\xc7\x0c\xff" + b"\0" * 12,
    "timestamp out of range": b"\xd7\xff" + b"\xff" * 8,
    "timestamp of three bytes": b"\xc7\x03\xff\0\0\0",
}
PLACES = {
    "the body": lambda ext: ext,
    "the type": lambda ext: map_of(pair("type", ext)),
    "the id": lambda ext: map_of(pair("type", msgpack.packb("ping")), pair("id", ext)),
    "an unknown field": with_extra,
    "an array": lambda ext: with_extra(b"\x92\x01" + ext),
    "a map": lambda ext: with_extra(b"\x81\xa1x" + ext),
    "deep down": lambda ext: with_extra(b"\x91\x81\xa1x" * 100 + ext),
    "a key": lambda ext: map_of(pair("type", msgpack.packb("ping")), ext + b"\x01"),
    "a key in an unknown field": lambda ext: with_extra(b"\x81" + ext + b"\x01"),
    "a pair that a later one replaces": lambda ext: map_of(
        pair("id", ext), pair("type", msgpack.packb("ping")), pair("id", b"\1")
    ),
    "behind the body": lambda ext: msgpack.packb({"type": "ping"}) + ext,
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_ext_types_occur_nowhere(codec, place):
    for ext in EXTS.values():
        assert_refused(codec, place(ext))


# --- any bytes --------------------------------------------------------------------------------------------------


def decode_whatever(codec, body):
    """The record in `body`, or None; anything but a `ProtocolError` fails the test."""
    try:
        return codec.decode(body)
    except ProtocolError as error:
        assert isinstance(error, FrameError | RequestError)
        assert 0 < len(error.text) <= 1_024
        error.text.encode()
        return None


@settings(deadline=None, max_examples=300)
@given(body=st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_protocol_errors(body):
    for codec in (request_codec, event_codec):
        decode_whatever(codec, body)


@settings(deadline=None, max_examples=200)
@given(data=st.data(), side=SIDES)
def test_damaged_frames_raise_nothing_but_protocol_errors(data, side):
    codec, strategies = side
    record = data.draw(st.sampled_from(sorted(strategies, key=str)).flatmap(strategies.get))
    body = bytearray(encode(record)[4:])
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        body[place] = data.draw(st.integers(0, 255))
    found = decode_whatever(codec, bytes(body))
    if found is not None:
        assert codec.decode(encode(found)[4:]) == found


# MessagePack as it should be, as it should not be, and a mixture of both: reaches deeper than random bytes.
PLAIN = [None, True, False, 0, -1, 2**63, 2**64 - 1, 1.5, math.nan, math.inf, "", "é", "x" * 40]
KNOWN = ["type", "id", "re", "text", "key", "say", "ping", "history", "messages", "rooms", "limits", "from", "at"]
leaves = st.sampled_from(
    [
        *map(msgpack.packb, [*PLAIN, *KNOWN]),
        *EXTS.values(),
        b"\xc1",
        b"\xc4\0",
        b"\xc4\1x",
        b"\xa2\xc3(",
        b"\xdd\xff\0\0\0",
    ]
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: bytes([0x90 + len(items)]) + b"".join(items))
        | st.lists(st.tuples(leaves, inner).map(b"".join), max_size=4).map(
            lambda pairs: bytes([0x80 + len(pairs)]) + b"".join(pairs)
        )
    ),
    max_leaves=8,
)
FIELDS = sorted(
    {field.name for table in (m.REQUESTS, m.EVENTS) for schema in table.values() for field in schema.fields}
)


@settings(deadline=None)
@given(value=values)
def test_any_messagepack_raises_nothing_but_protocol_errors(value):
    for codec in (request_codec, event_codec):
        decode_whatever(codec, value)
        decode_whatever(codec, with_extra(value))


@settings(deadline=None)
@given(
    type_=st.sampled_from([*m.REQUESTS, *m.EVENTS]),
    fields=st.lists(st.tuples(st.sampled_from(FIELDS), values), max_size=5),
)
def test_any_values_in_known_fields_raise_nothing_but_protocol_errors(type_, fields):
    body = map_of(pair("type", msgpack.packb(type_.decode())), *(pair(name, value) for name, value in fields))
    for codec in (request_codec, event_codec):
        decode_whatever(codec, body)


harmless = st.recursive(
    st.none() | st.booleans() | number | st.floats() | text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(text, inner, max_size=5),
    max_leaves=15,
)


@settings(deadline=None)
@given(value=harmless)
def test_whatever_an_unknown_field_holds_is_ignored(value):
    assert request_codec.decode(with_extra(msgpack.packb(value))) == m.PingRequest()
