"""Records as schemas of what a peer sends, shown on records made for these tests."""

from typing import Annotated

import pytest

from pylingo.shared.errors import RequestError
from pylingo.shared.readers import Ascii, Between
from pylingo.shared.schema import MAX_ID, Record, Schema, read_record, record, to_map

TABLE: dict[bytes, Schema] = {}
OTHER: dict[bytes, Schema] = {}


@record("part")
class Part(Record):
    label: str
    size: int | None = None


@record("twin")
class Twin(Record):
    label: str
    size: int | None = None


@record("sample", TABLE, OTHER)
class Sample(Record):
    word: str
    number: int
    flag: bool
    maybe: str | None
    from_: str | None = None
    score: Annotated[int, Between(1, 10)] = 5
    key: Annotated[str, Ascii(4)] | None = None
    parts: list[Part] | None = None
    names: list[str] | None = None
    one: Part | None = None
    id: Annotated[int, Between(0, MAX_ID)] | None = None


@record("empty", TABLE)
class Empty(Record):
    pass


SOUND = {b"type": b"sample", b"word": b"w", b"number": 1, b"flag": True, b"maybe": b"m"}
NOT_UTF8 = [b"\xff", b"\xe2\x82", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]
STRINGS = [b"", b"x"]
NUMBERS = [0, -1, 7, 2**64 - 1]
OTHERS = [1.5, float("nan"), float("inf"), [], {}]


@record("whole", {})
class Whole(Record):
    one: Part | None
    parts: list[Part] | None


def read(**fields: object) -> Record:
    return read_record(TABLE, SOUND | {key.encode(): value for key, value in fields.items()})


def refusal(raw: dict[bytes, object]) -> RequestError:
    with pytest.raises(RequestError) as caught:
        read_record(TABLE, raw)
    return caught.value


# --- making records ---------------------------------------------------------------------------------------------


def test_a_record_is_in_the_tables_it_names():
    assert TABLE[b"sample"].record is OTHER[b"sample"].record is Sample
    assert set(TABLE) == {b"sample", b"empty"}
    assert set(OTHER) == {b"sample"}
    assert (Sample.type, Part.type, Empty.type) == ("sample", "part", "empty")


def test_a_record_is_a_value():
    assert Part("a", 1) == Part("a", 1) != Part("a", 2)
    assert len({Part("a", 1), Part("a", 1), Part("a", 2)}) == 2
    assert Part("a") != Twin("a")
    assert Part("a") != ("a", None)
    assert repr(Part("a", 1)) == "Part(label='a', size=1)"
    with pytest.raises((AttributeError, TypeError)):
        object.__setattr__(Part("a"), "other", 1)


def test_fields_that_are_required():
    fields = {field.name: field for field in TABLE[b"sample"].fields}
    assert [name for name, field in fields.items() if field.required] == ["word", "number", "flag"]
    # Only a field that may be left out is left out; a nullable one is sent as nil, one with a value is sent.
    assert [name for name, field in fields.items() if not field.omit_none] == [
        *("word", "number", "flag", "maybe", "score"),
    ]


# --- reading ----------------------------------------------------------------------------------------------------


def test_a_small_record():
    assert read() == Sample("w", 1, True, "m")
    assert read_record(TABLE, {b"type": b"empty"}) == Empty()


def test_a_full_record():
    assert read(
        **{"from": b"f"},
        score=10,
        key=b"k",
        parts=[{b"label": b"a"}, {b"label": b"b", b"size": 2}],
        names=[b"n", b""],
        one={b"label": b"c", b"size": None},
        id=9,
    ) == Sample("w", 1, True, "m", "f", 10, "k", [Part("a"), Part("b", 2)], ["n", ""], Part("c"), 9)


@pytest.mark.parametrize(
    ("field", "attribute", "value"),
    [
        *(("maybe", "maybe", None), ("from", "from_", None), ("score", "score", 5), ("key", "key", None)),
        *(("parts", "parts", None), ("names", "names", None), ("one", "one", None), ("id", "id", None)),
    ],
)
def test_nil_stands_for_a_field_left_out(field, attribute, value):
    assert getattr(read(**{field: None}), attribute) == value


def test_unknown_keys_are_ignored():
    extra = {b"new": [1, {b"x": 1.5}], b"\xff\xfe": b"\xff", b"": None, b"from_": 1}
    assert read_record(TABLE, SOUND | extra) == Sample("w", 1, True, "m")
    assert read(one={b"label": b"a", b"new": {}}).one == Part("a")


WRONG = {
    "word": [*NUMBERS, True, *OTHERS, *NOT_UTF8],
    "number": [*STRINGS, True, False, *OTHERS],
    "flag": [*STRINGS, *NUMBERS, *OTHERS],
    "maybe": [*NUMBERS, True, *OTHERS, *NOT_UTF8],
    "from": [*NUMBERS, True, *OTHERS, *NOT_UTF8],
    "score": [*STRINGS, True, False, *OTHERS, 0, 11, -1, 2**64 - 1, -(2**63)],
    "key": [*NUMBERS, True, *OTHERS, *NOT_UTF8, b"", b"12345", "é".encode(), b"x" * 32_000],
    "parts": [
        *STRINGS,
        *NUMBERS,
        True,
        1.5,
        {},
        [1],
        [[]],
        [b"label"],
        [{}],
        [None],
        [{b"label": b"a"}, {b"label": 1}],
    ],
    "names": [*STRINGS, *NUMBERS, True, 1.5, {}, [1], [None], [[]], [{}], [b"fine", b"\xff"]],
    "one": [*STRINGS, *NUMBERS, True, 1.5, [], {}, {b"label": None}, {b"label": 1}, {b"label": b"a", b"size": True}],
    "id": [*STRINGS, True, False, *OTHERS, -1, MAX_ID + 1],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_a_wrong_value_is_refused_by_its_field(field, value):
    error = refusal(SOUND | {b"id": 3, field.encode(): value})
    assert error.reason == "bad-message"
    assert error.text.startswith(f"in 'sample' the field '{field}' must be ")
    assert len(error.text) <= 1_024
    assert error.re == (None if field == "id" else 3)


@pytest.mark.parametrize("value", NOT_UTF8, ids=repr)
def test_a_string_that_is_not_utf8_is_refused_by_the_name_of_its_field(value):
    assert refusal(SOUND | {b"word": value}).text.startswith("in 'sample' the field 'word' must be a string in UTF-8")


@pytest.mark.parametrize("field", ["word", "number", "flag"])
@pytest.mark.parametrize("nil", [True, False])
def test_a_required_field_is_missed(field, nil):
    raw = SOUND | {field.encode(): None}
    if not nil:
        del raw[field.encode()]
    error = refusal(raw)
    assert (error.reason, error.text) == ("bad-message", f"in 'sample' the field '{field}' is missing")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("score", 1),
            ("score", 10),
            ("id", 0),
            ("id", MAX_ID),
            ("key", b"1"),
            ("key", b"1234"),
            ("key", b"\0\n~\x7f"),
        ),
        *(("number", -(2**63)), ("number", 2**64 - 1), ("parts", []), ("names", []), ("word", b"")),
    ],
)
def test_the_borders_are_allowed(field, value):
    expected = value.decode() if type(value) is bytes else value
    assert getattr(read(**{field: value}), field) == expected


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({}, "bad-message"),
        ({b"word": b"w"}, "bad-message"),
        *(({b"type": tag}, "bad-message") for tag in [None, 1, True, 1.5, [], {}, [b"sample"], *NOT_UTF8]),
        *(({b"type": tag}, "unknown-type") for tag in [b"", b"Sample", b"sample ", b"part", b"x" * 30_000]),
    ],
    ids=lambda value: repr(value)[:30],
)
@pytest.mark.parametrize(("id_", "re"), [(4, 4), (0, 0), (MAX_ID, MAX_ID), (-1, None), (True, None), (b"4", None)])
def test_a_frame_needs_a_known_type(raw, reason, id_, re):
    error = refusal(raw | {b"id": id_})
    assert (error.reason, error.re) == (reason, re)


def test_reading_goes_no_deeper_than_the_annotations():
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert read(new=deep) == Sample("w", 1, True, "m")
    for field in ("word", "number", "flag", "key", "one", "names", "parts", "id"):
        assert refusal(SOUND | {field.encode(): deep}).reason == "bad-message"
    while deep:  # freed step by step, as the interpreter frees a chain of this length slowly
        deep = deep[0]


# --- writing ----------------------------------------------------------------------------------------------------


def test_a_field_that_is_none_is_left_out_or_nil():
    assert to_map(Sample("w", 1, False, None)) == {
        "type": "sample",
        "word": "w",
        "number": 1,
        "flag": False,
        "maybe": None,
        "score": 5,
    }


def test_parts_are_written_as_maps_without_a_type():
    sample = Sample("w", 1, True, "m", "f", 6, "k", [Part("a"), Part("b", 0)], ["n"], Part("c"), 0)
    assert to_map(sample) == {
        "type": "sample",
        "word": "w",
        "number": 1,
        "flag": True,
        "maybe": "m",
        "from": "f",
        "score": 6,
        "key": "k",
        "parts": [{"label": "a"}, {"label": "b", "size": 0}],
        "names": ["n"],
        "one": {"label": "c"},
        "id": 0,
    }


def test_parts_that_may_be_none_are_written_as_nil():
    assert to_map(Whole(None, None)) == {"type": "whole", "one": None, "parts": None}
    assert to_map(Whole(Part("a"), [])) == {"type": "whole", "one": {"label": "a"}, "parts": []}


def test_empty_lists_are_written():
    written = to_map(Sample("w", 1, True, "m", parts=[], names=[]))
    assert (written["parts"], written["names"]) == ([], [])
