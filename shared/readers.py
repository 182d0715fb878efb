"""Readers of field values: each checks a decoded MessagePack value and converts it to its Python value.

`Between` and `Ascii` are annotations of record fields that restrict the values. `schema` selects the readers.
"""

from collections.abc import Callable
from typing import Any

from pylingo.shared.text import quote
from pylingo.shared.value_class import value_class

FieldReader = Callable[[Any], Any]
"""Converts a field's MessagePack value to its Python value. Raises `ValueError` with a description of a valid value."""


@value_class
class Between:
    """An annotation: an integer from `low` to `high`."""

    low: int
    high: int


@value_class
class Ascii:
    """An annotation: a string of 1 to `longest` ASCII characters."""

    longest: int


def reader_of(hint: Any) -> FieldReader:
    """Return the reader for a plain type, or one that is annotated with `Between` or `Ascii`."""
    match getattr(hint, "__metadata__", ()):
        case [Between() as bounds]:
            return _integer(bounds)
        case [Ascii() as rule]:
            return _ascii(rule)
    return _PLAIN[hint]


def read_string(value: Any) -> str:
    """Read a string of any length."""
    if type(value) is not bytes:
        raise ValueError(f"a string, not {kind_of(value)}")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError("a string in UTF-8, which these bytes are not") from None


def _any_integer(value: Any) -> int:
    if type(value) is not int:  # isinstance(True, int) is true
        raise ValueError(f"an integer, not {kind_of(value)}")
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"true or false, not {kind_of(value)}")
    return value


def _integer(bounds: Between) -> FieldReader:
    def read(value: Any) -> int:
        if type(value) is not int or not bounds.low <= value <= bounds.high:
            shown = value if type(value) is int else kind_of(value)
            raise ValueError(f"an integer from {bounds.low} to {bounds.high}, not {shown}")
        return value

    return read


def _ascii(rule: Ascii) -> FieldReader:
    def read(value: Any) -> str:
        text = read_string(value)
        if not 1 <= len(text) <= rule.longest or not text.isascii():
            raise ValueError(f"1 to {rule.longest} ASCII characters, not {quote(text)}")
        return text

    return read


def list_of(read_item: FieldReader) -> FieldReader:
    """Return the reader of an array whose items `read_item` reads."""

    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise ValueError(f"an array, not {kind_of(value)}")
        return [read_item(item) for item in value]

    return read


def kind_of(value: object) -> str:
    """Return the name of a value's MessagePack type, for an error message."""
    names = {bytes: "a string", int: "an integer", bool: "a boolean", float: "a float", list: "an array", dict: "a map"}
    return names.get(type(value), "nil")


_PLAIN: dict[Any, FieldReader] = {str: read_string, int: _any_integer, bool: _boolean}
