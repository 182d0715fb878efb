"""The frame types, against the tables of PROTOCOL.md written out once more, so that a change of the wire is noticed."""

import copy

import msgpack
import pytest

from pylingo.shared.codec import event_codec, request_codec
from pylingo.shared.errors import FrameError, RequestError
from pylingo.shared.messages import DEFAULT_PAGE, EVENTS, MAX_PAGE, REQUESTS, HistoryRequest, Joined, Left, Renamed
from pylingo.shared.schema import to_map

# A name that ends in ? may be left out or be nil. A kind that ends in ? is always sent, perhaps as nil.
REQUEST_FIELDS = {
    "hello": {"protocol": "int", "name?": "str", "client?": "str", "password?": "str", "resume?": "str", "id?": "id"},
    "say": {"text": "str", "key?": "key", "id?": "id"},
    "command": {"name": "str", "argument?": "str", "id?": "id"},
    "history": {"since?": "at", "before?": "at", "limit?": "limit", "id?": "id"},
    "ping": {"id?": "id"},
    "pong": {"id?": "id"},
}
EVENT_FIELDS = {
    "welcome": {"protocol": "int", "server": "str", "name": "str", "limits": "{limits}"},
    "ready": {"name": "str", "room": "str?", "token": "str", "resumed": "bool", "re?": "id"},
    "message": {"room": "str", "from": "str", "text": "str", "at": "at"},
    "sent": {"room": "str", "at": "at", "re?": "id", "key?": "key"},
    "joined": {"room": "str", "name": "str", "users?": "int", "re?": "id"},
    "left": {"room": "str", "name": "str", "reason?": "str", "re?": "id"},
    "renamed": {"old": "str", "new": "str", "room?": "str", "re?": "id"},
    "rooms": {"rooms": "[room]", "more": "bool", "re?": "id"},
    "users": {"room": "str", "users": "[str]", "more": "bool", "re?": "id"},
    "help": {"commands": "[command]", "re?": "id"},
    "history": {"room": "str", "messages": "[entry]", "more": "bool", "oldest": "at?", "re?": "id"},
    "skipped": {"room": "str", "count": "int", "after": "at", "until": "at"},
    "notice": {"text": "str"},
    "error": {"code": "str", "text": "str", "re?": "id"},
    "goodbye": {"reason": "str", "text": "str", "re?": "id"},
    "ping": {},
    "pong": {"re?": "id"},
}
PARTS = {
    "{limits}": {"frame": "int", "text": "int", "name": "int", "room": "int"},
    "[room]": {"room": "str", "users": "int"},
    "[command]": {"name": "str", "argument": "str?", "description": "str"},
    "[entry]": {"from": "str", "text": "str", "at": "at", "key?": "key"},
}

# Packed with `use_bin_type=False`, so bytes stand for strings of any bytes here.
NOT_UTF8 = [
    b"\xff",
    b"caf\xe9",
    b"\xe2\x82",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xed\xa0\x80",
    b"\xed\xa0\xbd\xed\xb8\x80",
]
NOT_INTS = ["", "1", True, False, 1.0, float("nan"), float("inf"), {}, [], {"a": 1}, [1]]
NOT_STRINGS = [0, -1, True, False, 1.5, float("nan"), {}, [], {"a": "b"}, ["a"], *NOT_UTF8]
GOOD = {
    "str": ["", "x", "Grüße, 世界 👋", "a" * 10_000, "\0\x1b[2J"],
    "int": [0, 1, -1, 2**64 - 1, -(2**63)],
    "bool": [True, False],
    "id": [0, 1, 2**63 - 1],
    "at": [0, 1, 1_700_000_000_000_000, 2**63 - 1],
    "limit": [1, 2, 100],
    "key": ["k", "k" * 32, "~ !"],
    "{limits}": [{"frame": 32_768, "text": 4_096, "name": 32, "room": 64}],
    "[str]": [[], ["a"], ["a", "ж", ""]],
    "[room]": [[], [{"room": "lobby", "users": 2}] * 3],
    "[command]": [[], [{"name": "list", "argument": None, "description": "d"}]],
    "[entry]": [[], [{"from": "a", "text": "t", "at": 5}, {"from": "b", "text": "u", "at": 6, "key": "k"}]],
}
WRONG = {
    "str": NOT_STRINGS,
    "int": NOT_INTS,
    "bool": [0, 1, "", "true", 1.0, {}, []],
    "id": [*NOT_INTS, -1, 2**63, 2**64 - 1, -(2**63)],
    "at": [*NOT_INTS, -1, -(2**63)],
    "limit": [*NOT_INTS, 0, -1, 101, 2**63],
    "key": [*NOT_STRINGS, "", "k" * 33, "é", "k" * 30_000],
    "{limits}": [0, True, 1.5, "", "x", [], {}],
    "[str]": [0, True, 1.5, "", "x", {}, [1], [None], [[]], [{}], ["a", b"\xff"]],
    "[room]": [0, True, 1.5, "", "x", {}, [1], [None], [[]], [{}], ["a"], [{"room": "lobby", "users": 2}, {}]],
    "[command]": [0, True, 1.5, "", "x", {}, [1], [None], [[]], [{}], ["a"]],
    "[entry]": [0, True, 1.5, "", "x", {}, [1], [None], [[]], [{}], ["a"]],
}
FRAMES = [
    *(pytest.param(request_codec, name, fields, id=f"request-{name}") for name, fields in REQUEST_FIELDS.items()),
    *(pytest.param(event_codec, name, fields, id=f"event-{name}") for name, fields in EVENT_FIELDS.items()),
]


def filled(fields: dict[str, str]) -> dict[str, object]:
    """A sound map with all of `fields`."""
    return {name.removesuffix("?"): GOOD[kind.removesuffix("?")][-1] for name, kind in fields.items()}


def body(frame: dict[str, object]) -> bytes:
    return msgpack.packb(frame, use_bin_type=False)


def field_cases():
    """Each field of each frame, and of the parts of frames: codec, a full frame, the path to the field, name, kind."""
    for codec, tables in ((request_codec, REQUEST_FIELDS), (event_codec, EVENT_FIELDS)):
        for type_, fields in tables.items():
            frame = {"type": type_, **filled(fields)}
            for name, kind in fields.items():
                key = name.removesuffix("?")
                yield codec, frame, (key,), name, kind
                for part_name, part_kind in PARTS.get(kind, {}).items():
                    path = (key, 0) if kind.startswith("[") else (key,)
                    full = put(frame, path, filled(PARTS[kind]))
                    yield codec, full, (*path, part_name.removesuffix("?")), part_name, part_kind


def put(frame, path, value):
    frame = copy.deepcopy(frame)
    inner = frame
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return frame


def drop(frame, path):
    frame = copy.deepcopy(frame)
    inner = frame
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return frame


def case_id(codec, frame, path):
    side = "request" if codec is request_codec else "event"
    return f"{side}-{frame['type']}-{'.'.join(map(str, path))}"


FIELDS = [
    pytest.param(codec, frame, path, name, kind, id=case_id(codec, frame, path))
    for codec, frame, path, name, kind in field_cases()
]
WRONG_VALUES = [
    pytest.param(codec, put(frame, path, value), path, id=f"{case_id(codec, frame, path)}-{value!r:.20}")
    for codec, frame, path, _, kind in field_cases()
    for value in WRONG[kind.removesuffix("?")]
]


def assert_refused(codec, frame, path):
    with pytest.raises(RequestError) as caught:
        codec.decode(body(frame))
    error = caught.value
    assert error.reason == "bad-message"
    assert error.text.startswith(f"in '{frame['type']}' the field '{path[0]}' ")
    assert f"'{path[-1]}'" in error.text
    assert len(error.text) <= 1_024
    assert error.text.isprintable()
    # Whoever sent an id that is sound learns which request was refused.
    if codec is request_codec:
        assert error.re == (None if path == ("id",) else frame["id"])


# --- the tables -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("registry", "table"), [(REQUESTS, REQUEST_FIELDS), (EVENTS, EVENT_FIELDS)])
def test_the_registry_is_the_table_of_the_protocol(registry, table):
    assert {schema.record.type.encode() for schema in registry.values()} == set(registry)
    assert {tag.decode() for tag in registry} == set(table)
    for type_, fields in table.items():
        assert {field.name: field.required for field in registry[type_.encode()].fields} == {
            name.removesuffix("?"): not name.endswith("?") and not kind.endswith("?") for name, kind in fields.items()
        }, type_


def test_the_numbers_of_a_page():
    assert (DEFAULT_PAGE, MAX_PAGE) == (50, 100)
    assert request_codec.decode(body({"type": "history"})) == HistoryRequest(None, None, 50, None)


@pytest.mark.parametrize(("codec", "type_", "fields"), FRAMES)
def test_a_full_frame_is_read_and_written(codec, type_, fields):
    frame = {"type": type_, **filled(fields)}
    record = codec.decode(body(frame))
    assert record.type == type_
    assert to_map(record) == frame


@pytest.mark.parametrize(("codec", "type_", "fields"), FRAMES)
@pytest.mark.parametrize("nil", [True, False], ids=["nil", "left out"])
def test_a_frame_with_the_required_fields_only(codec, type_, fields, nil):
    values = filled(fields)
    frame = {"type": type_}
    for name, kind in fields.items():
        key = name.removesuffix("?")
        if name.endswith("?"):
            frame |= {key: None} if nil else {}
        else:
            frame[key] = None if kind.endswith("?") else values[key]
    record = codec.decode(body(frame))
    written = {key: value for key, value in frame.items() if f"{key}?" not in fields}
    if type(record) is HistoryRequest:
        written["limit"] = DEFAULT_PAGE
    assert to_map(record) == written


@pytest.mark.parametrize(
    ("record", "written"),
    [
        (Joined("lobby", "eve"), {"type": "joined", "room": "lobby", "name": "eve"}),
        (Joined("lobby", "eve", 2, 0), {"type": "joined", "room": "lobby", "name": "eve", "users": 2, "re": 0}),
        (Left("lobby", "eve", re=1), {"type": "left", "room": "lobby", "name": "eve", "re": 1}),
        (Left("lobby", "eve", "moved"), {"type": "left", "room": "lobby", "name": "eve", "reason": "moved"}),
        (Renamed("a", "b"), {"type": "renamed", "old": "a", "new": "b"}),
        (Renamed("a", "b", "lobby"), {"type": "renamed", "old": "a", "new": "b", "room": "lobby"}),
    ],
)
def test_what_the_others_are_told_differs_from_the_answer(record, written):
    assert to_map(record) == written
    assert event_codec.decode(body(written)) == record


# --- every field ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("codec", "frame", "path", "name", "kind"), FIELDS)
def test_good_values_and_borders(codec, frame, path, name, kind):
    for value in GOOD[kind.removesuffix("?")]:
        sound = put(frame, path, value)
        assert to_map(codec.decode(body(sound))) == sound


@pytest.mark.parametrize(("codec", "frame", "path", "name", "kind"), FIELDS)
def test_a_field_missing(codec, frame, path, name, kind):
    frame = drop(frame, path)
    if name.endswith("?"):
        written = to_map(codec.decode(body(frame)))
        assert drop(written, path) == frame if path == ("limit",) else written == frame
    elif not kind.endswith("?"):
        assert_refused(codec, frame, path)


@pytest.mark.parametrize(("codec", "frame", "path", "name", "kind"), FIELDS)
def test_a_field_nil(codec, frame, path, name, kind):
    nil = put(frame, path, None)
    if name.endswith("?"):
        assert codec.decode(body(nil)) == codec.decode(body(drop(frame, path)))
    elif kind.endswith("?"):
        assert to_map(codec.decode(body(nil))) == nil
    else:
        assert_refused(codec, nil, path)


@pytest.mark.parametrize(("codec", "frame", "path"), WRONG_VALUES)
def test_a_field_of_a_wrong_type_or_out_of_range(codec, frame, path):
    assert_refused(codec, frame, path)


@pytest.mark.parametrize(("codec", "frame", "path", "name", "kind"), FIELDS)
def test_a_field_that_is_bin_ends_the_connection(codec, frame, path, name, kind):
    # Strings and bin look the same once decoded, so bin is refused before: no frame has any.
    with pytest.raises(FrameError):
        codec.decode(msgpack.packb(put(frame, path, b"x"), use_bin_type=True))


@pytest.mark.parametrize(("codec", "frame", "path", "name", "kind"), FIELDS)
def test_a_field_that_is_an_empty_bin_counts_as_an_empty_string(codec, frame, path, name, kind):
    empty_bin = msgpack.packb(put(frame, path, b""), use_bin_type=True)
    if kind in ("str", "str?"):
        assert codec.decode(empty_bin) == codec.decode(body(put(frame, path, "")))
    else:
        with pytest.raises(RequestError):
            codec.decode(empty_bin)


@pytest.mark.parametrize(("codec", "type_", "fields"), FRAMES)
def test_unknown_fields_are_ignored(codec, type_, fields):
    frame = {"type": type_, **filled(fields)}
    extra = {"later": [1, {"deep": [None, 1.5, True]}], "from_": 1, "TEXT": "x", "": {}, "é": -1}
    assert codec.decode(body(frame | extra)) == codec.decode(body(frame))
    assert codec.decode(body({**extra, **frame})) == codec.decode(body(frame))


@pytest.mark.parametrize(("codec", "type_", "fields"), FRAMES)
def test_of_a_field_that_comes_twice_the_last_counts(codec, type_, fields):
    frame = {"type": type_, **filled(fields)}
    pairs = [msgpack.packb(key) + body(value) for key, value in frame.items()]
    for key in frame:
        broken = msgpack.packb(key) + msgpack.packb(1.5)  # right for no field
        last_sound = bytes([0x80 + len(pairs) + 1]) + broken + b"".join(pairs)
        assert codec.decode(last_sound) == codec.decode(body(frame))
        last_broken = bytes([0x80 + len(pairs) + 1]) + b"".join(pairs) + broken
        with pytest.raises(RequestError, match=f"'{key}'"):
            codec.decode(last_broken)


@pytest.mark.parametrize(
    ("codec", "type_"),
    [
        *((request_codec, name) for name in sorted(EVENT_FIELDS.keys() - REQUEST_FIELDS.keys())),
        *((event_codec, name) for name in sorted(REQUEST_FIELDS.keys() - EVENT_FIELDS.keys())),
        *(
            (codec, name)
            for codec in (request_codec, event_codec)
            for name in ("limits", "room", "entry", "Say", "say\0")
        ),
    ],
)
def test_the_types_of_the_other_side_and_of_parts_are_unknown(codec, type_):
    with pytest.raises(RequestError) as caught:
        codec.decode(body({"type": type_, "id": 7}))
    assert (caught.value.reason, caught.value.re) == ("unknown-type", 7)
