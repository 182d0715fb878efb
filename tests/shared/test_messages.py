"""The frame types, against the tables of PROTOCOL.md written out once more, so that a change of the wire is noticed."""

import itertools

import msgpack
import pytest

from pylingo.shared.codec import event_codec, request_codec
from pylingo.shared.errors import FrameError, RequestError
from pylingo.shared.messages import (
    DEFAULT_PAGE,
    EVENTS,
    MAX_PAGE,
    REQUESTS,
    Hello,
    HistoryRequest,
    Invitation,
    IrcPassword,
    Joined,
    Left,
    Renamed,
)
from pylingo.shared.schema import to_map
from tests.fakes.fields import EVENT_FIELDS, GOOD, REQUEST_FIELDS, WRONG, drop, field_cases, filled, put

FRAMES = [
    *(pytest.param(request_codec, name, fields, id=f"request-{name}") for name, fields in REQUEST_FIELDS.items()),
    *(pytest.param(event_codec, name, fields, id=f"event-{name}") for name, fields in EVENT_FIELDS.items()),
]


def body(frame: dict[str, object]) -> bytes:
    return msgpack.packb(frame, use_bin_type=False)


def frame_of(case):
    codec, frame, *_ = case
    return f"{'request' if codec is request_codec else 'event'}-{frame['type']}"


FIELDS = {frame: list(cases) for frame, cases in itertools.groupby(field_cases(), frame_of)}


def for_each_field(check):
    """Make a test for each frame, which does `check` for each of its fields. One for each field would take longer."""

    def test(fields):
        for case in fields:
            check(*case)

    test.__name__, test.__doc__ = check.__name__, check.__doc__
    return pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS.keys())(test)


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
def test_the_frame_for_the_others_differs_from_the_reply(record, written):
    assert to_map(record) == written
    assert event_codec.decode(body(written)) == record


# --- every field ------------------------------------------------------------------------------------------------


@for_each_field
def test_good_values_and_borders(codec, frame, path, name, kind):
    for value in GOOD[kind.removesuffix("?")]:
        sound = put(frame, path, value)
        assert to_map(codec.decode(body(sound))) == sound


@for_each_field
def test_a_field_missing(codec, frame, path, name, kind):
    frame = drop(frame, path)
    if name.endswith("?"):
        written = to_map(codec.decode(body(frame)))
        assert drop(written, path) == frame if path == ("limit",) else written == frame
    elif not kind.endswith("?"):
        assert_refused(codec, frame, path)


@for_each_field
def test_a_field_nil(codec, frame, path, name, kind):
    nil = put(frame, path, None)
    if name.endswith("?"):
        assert codec.decode(body(nil)) == codec.decode(body(drop(frame, path)))
    elif kind.endswith("?"):
        assert to_map(codec.decode(body(nil))) == nil
    else:
        assert_refused(codec, nil, path)


@for_each_field
def test_a_field_of_a_wrong_type_or_out_of_range(codec, frame, path, name, kind):
    for value in WRONG[kind.removesuffix("?")]:
        assert_refused(codec, put(frame, path, value), path)


@for_each_field
def test_a_field_that_is_bin_ends_the_connection(codec, frame, path, name, kind):
    # Strings and bin look the same once decoded, so bin is refused before: no frame has any.
    with pytest.raises(FrameError):
        codec.decode(msgpack.packb(put(frame, path, b"x"), use_bin_type=True))


@for_each_field
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
def test_the_last_of_duplicate_fields_counts(codec, type_, fields):
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


def test_no_secret_is_printed_with_a_record() -> None:
    secret = "s3cret"
    records = (
        Hello(1, password=secret, resume=secret, proof=secret, invite=secret),
        Invitation(secret, 1, 2),
        IrcPassword("ada", secret),
    )
    for record in records:
        assert secret not in repr(record)
        assert secret in to_map(record).values()
