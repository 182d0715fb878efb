"""Value classes are printed, compared and hashed by their fields."""

import copy
import dataclasses
import inspect
from dataclasses import field
from typing import Any

import pytest

from pylingo.shared.value_class import constructor, value_class


@value_class
class Point:
    x: int
    y: int = 0
    note: str = field(default="", compare=False)
    secret: str = field(default="", repr=False)


@value_class
class Twin:
    x: int
    y: int = 0
    note: str = ""
    secret: str = ""


@value_class(kw_only=True)
class Named:
    """It has a docstring."""

    names: list[str] = field(default_factory=list)


@value_class
class Nothing:
    pass


class Less(Nothing):
    __slots__ = ()


def test_equal_fields_make_equal_values() -> None:
    assert Point(1, 2) == Point(1, y=2) == Point(1, 2, "a note")
    assert hash(Point(1, 2)) == hash(Point(1, 2, "a note"))
    assert Point(1, 2) != Point(1, 3)
    assert Point(1, 2, secret="a") != Point(1, 2)
    assert len({Point(1), Point(1), Point(2)}) == 2


def test_values_of_different_classes_differ() -> None:
    assert Point(1) != Twin(1)
    assert Point(1) != (1, 0, "", "")
    assert Nothing() == Nothing() != Less()
    assert Less() == Less()


def test_a_value_is_printed_without_what_must_not_be_printed() -> None:
    assert repr(Point(1, 2, "n", "s3cret")) == "Point(x=1, y=2, note='n')"
    assert repr(Named(names=["a"])) == "Named(names=['a'])"


def test_a_value_is_a_dataclass_with_slots() -> None:
    assert dataclasses.replace(Point(1, 2), x=3) == Point(3, 2)
    assert dataclasses.asdict(Named()) == {"names": []}
    assert copy.deepcopy(Point(1, 2)) == Point(1, 2)
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)
    with pytest.raises(AttributeError):
        object.__setattr__(Point(1), "z", 1)
    with pytest.raises(TypeError):
        Named(["a"])  # type: ignore[misc]


def test_a_class_without_a_docstring_has_its_name() -> None:
    assert (Point.__doc__, Named.__doc__) == ("Point", "It has a docstring.")


def test_all_classes_share_the_methods_that_need_not_be_generated() -> None:
    for name in ("__repr__", "__eq__", "__hash__"):
        assert getattr(Point, name) is getattr(Twin, name)


def test_an_init_is_generated_for_the_first_object() -> None:
    made = value_class(type("Late", (), {"__annotations__": {"x": int, "y": int}, "y": 2}))
    first = made.__init__
    assert (made(1).x, made(x=1).y) == (1, 2)
    assert made.__init__ is not first
    with pytest.raises(TypeError, match=r"Late\.__init__\(\) missing 1 required positional argument: 'x'"):
        made()
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        made(1, z=2)


def test_a_class_that_inherits_the_first_init_uses_the_generated_one() -> None:
    base: Any = value_class(type("Base", (), {"__annotations__": {"x": int}}))
    assert type("Derived", (base,), {})(1).x == 1


def test_fields_are_checked_when_the_object_is_made() -> None:
    def check(self: Any) -> None:
        if self.x < 0:
            raise ValueError("x is negative")

    made: Any = value_class(type("Checked", (), {"__annotations__": {"x": int}, "__post_init__": check}))
    assert made(1).x == 1
    with pytest.raises(ValueError, match="x is negative"):
        made(-1)


def test_the_signature_is_that_of_the_fields() -> None:
    assert list(inspect.signature(Point).parameters) == ["x", "y", "note", "secret"]
    assert inspect.signature(Named).parameters["names"].kind is inspect.Parameter.KEYWORD_ONLY


def test_a_constructor_makes_what_the_class_makes() -> None:
    make = constructor(Point)
    for value, same in ((make(1), Point(1)), (make(1, 2, "n", "s"), Point(1, 2, "n", "s")), (make(x=3), Point(x=3))):
        assert type(value) is Point
        assert value == same
        assert (value.note, value.secret) == (same.note, same.secret)
    with pytest.raises(TypeError):
        make()  # type: ignore[call-arg]
    assert constructor(Nothing)() == Nothing()
