"""Records from JSON: nothing in them is guessed."""

from dataclasses import dataclass

import pytest

from pylingo.reactor.people.records import check, dump, load, read_list


@dataclass(frozen=True)
class Thing:
    name: str
    count: int
    is_new: bool
    note: str | None
    parts: tuple[str, ...]

    def __post_init__(self) -> None:
        check(self.note, str.islower, "in lower case")


GOOD = {"name": "a", "count": 1, "is_new": True, "note": None, "parts": ["x", "y"]}


def test_a_record_comes_back_from_its_json() -> None:
    thing = Thing("a", 1, True, None, ("x", "y"))
    assert read_list(Thing, [GOOD], "things") == [thing]
    assert load(dump({"things": [thing]})) == {"things": [GOOD]}
    assert read_list(Thing, [], "things") == []


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "things must be a list"),
        ({}, "things must be a list"),
        ([GOOD, None], r"things\[1\] must be an object"),
        ([{**GOOD, "more": 1}], r"things\[0\] must have the fields count, is_new, name, note, parts and no others"),
        ([{"name": "a"}], r"things\[0\] must have the fields"),
        ([GOOD | {"name": 1}], r"things\[0\].name must not be '1'"),
        ([GOOD | {"name": None}], r"things\[0\].name must not be 'None'"),
        ([GOOD | {"count": True}], r"things\[0\].count must not be 'True'"),
        ([GOOD | {"count": 1.0}], r"things\[0\].count must not be '1.0'"),
        ([GOOD | {"is_new": 1}], r"things\[0\].is_new must not be '1'"),
        ([GOOD | {"note": 1}], r"things\[0\].note must not be '1'"),
        ([GOOD | {"note": "A"}], r"things\[0\]: 'A' must be in lower case"),
        ([GOOD | {"parts": "xy"}], r"things\[0\].parts must not be 'xy'"),
        ([GOOD | {"parts": ["x", 1]}], r"things\[0\].parts must not be"),
        ([GOOD | {"parts": None}], r"things\[0\].parts must not be"),
    ],
)
def test_anything_else_is_refused_with_its_place(value: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_list(Thing, value, "things")


def test_other_peoples_letters_stay_legible() -> None:
    assert "Ünï漢" in dump({"name": "Ünï漢"}).decode()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "line 1 is not JSON"),
        (b'{"version": 1', "line 1 is not JSON"),
        (b'{\n"a": 1,\n}', "line 3 is not JSON"),
        (b"\0\0\0", "line 1 is not JSON"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b'{"a": 1, "a": 2}', "a field is there twice in a, a"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b"[" * 100_000, "it is nested too deeply"),
    ],
)
def test_a_text_that_is_not_json_is_told_in_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        load(data)
    assert not isinstance(error.value, UnicodeDecodeError)
