"""Records that are their own schema: what a dataclass's annotations say is what a frame is held to.

A field's annotation says what may stand in it; a default of None makes it optional (left out when it is None), an
annotation `| None` without a default makes it nullable (sent as nil). Validation never recurses into what a peer
sent, only along the annotations, so nesting costs nothing.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, dataclass_transform

from shared.errors import RequestError
from shared.text import quote

MAX_ID = 2**63 - 1
"""The largest id of a request."""


class Record:
    """Base of all records. `type` is the word that names the frame on the wire."""

    __slots__ = ()
    type: ClassVar[str]


@dataclass(frozen=True)
class Between:
    """An annotation: an integer from `low` to `high`."""

    low: int
    high: int


@dataclass(frozen=True)
class Ascii:
    """An annotation: a string of 1 to `longest` ASCII characters."""

    longest: int


Reader = Callable[[Any], Any]
"""Turns what MessagePack gave for a field into the field's value; raises `ValueError` saying what would be right."""


@dataclass(frozen=True, slots=True)
class Field:
    key: bytes
    name: str
    attribute: str
    read: Reader
    required: bool
    default: Any
    omit_none: bool


@dataclass(frozen=True, slots=True)
class Schema:
    record: type[Record]
    fields: tuple[Field, ...]


_FIELDS: dict[type[Record], tuple[Field, ...]] = {}


@dataclass_transform(frozen_default=True)
def record[T: Record](name: str, *tables: dict[bytes, Schema]) -> Callable[[type[T]], type[T]]:
    """Make the class a record called `name` on the wire, known in `tables`; without a table it is a part of others."""

    def make(plain: type[T]) -> type[T]:
        made = dataclass(frozen=True, slots=True)(plain)
        made.type = name
        schema = Schema(made, tuple(_fields(made)))
        _FIELDS[made] = schema.fields
        for table in tables:
            table[name.encode()] = schema
        return made

    return make


def read_record(schemas: Mapping[bytes, Schema], raw: dict[bytes, Any]) -> Record:
    """The record in the map `raw`, its strings still bytes. Unknown keys are ignored.

    Raises `RequestError` `unknown-type`, or `bad-message` with the name of the first field that is wrong; it carries
    the request's id if that is sound.
    """
    tag = raw.get(b"type")
    schema = schemas.get(tag) if type(tag) is bytes else None
    if schema is None:
        raise _type_error(tag, raw)
    return _read(schema, raw)


def to_map(record: Record) -> dict[str, Any]:
    """The map that stands for `record` in a frame of its own."""
    return {"type": record.type, **_write(record)}


def _write(record: Record) -> dict[str, Any]:
    result = {}
    for field in _FIELDS[type(record)]:
        value = getattr(record, field.attribute)
        if value is None and field.omit_none:
            continue
        if isinstance(value, Record):
            value = _write(value)
        elif type(value) is list and value and isinstance(value[0], Record):
            value = [_write(item) for item in value]
        result[field.name] = value
    return result


def _read(schema: Schema, raw: dict[bytes, Any]) -> Record:
    values = []
    for field in schema.fields:
        value = raw.get(field.key)
        if value is not None:
            try:
                value = field.read(value)
            except ValueError as error:
                raise _field_error(schema, field, f"is {error}", raw) from None
        elif field.required:
            raise _field_error(schema, field, "is missing", raw)
        else:
            value = field.default
        values.append(value)
    return schema.record(*values)


def _field_error(schema: Schema, field: Field, problem: str, raw: dict[bytes, Any]) -> RequestError:
    return RequestError("bad-message", f"in '{schema.record.type}' the field '{field.name}' {problem}", _sound_id(raw))


def _type_error(tag: object, raw: dict[bytes, Any]) -> RequestError:
    if type(tag) is bytes:
        try:
            word = tag.decode()
        except UnicodeDecodeError:
            pass
        else:
            return RequestError("unknown-type", f"there is no request of the type {quote(word)}", _sound_id(raw))
    return RequestError("bad-message", "a frame needs a field 'type' that is a string", _sound_id(raw))


def _sound_id(raw: dict[bytes, Any]) -> int | None:
    value = raw.get(b"id")
    return value if type(value) is int and 0 <= value <= MAX_ID else None


def _fields(record: type[Record]) -> list[Field]:
    hints = typing.get_type_hints(record, include_extras=True)
    return [
        Field(
            key=field.name.removesuffix("_").encode(),
            name=field.name.removesuffix("_"),
            attribute=field.name,
            read=_reader(hints[field.name]),
            required=field.default is dataclasses.MISSING and not _nullable(hints[field.name]),
            default=None if field.default is dataclasses.MISSING else field.default,
            omit_none=field.default is None,
        )
        for field in dataclasses.fields(typing.cast(Any, record))
    ]


def _nullable(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _reader(hint: Any) -> Reader:
    """The reader for a field's annotation."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return _reader(next(arm for arm in typing.get_args(hint) if arm is not type(None)))
    if typing.get_origin(hint) is list:
        return _list_of(_reader(typing.get_args(hint)[0]))
    if hint in _FIELDS:
        return _part(hint)
    match getattr(hint, "__metadata__", ()):
        case [Between() as bounds]:
            return _integer(bounds)
        case [Ascii() as ascii_]:
            return _ascii(ascii_)
    return _PLAIN[hint]


def _string(value: Any) -> str:
    if type(value) is not bytes:
        raise ValueError(f"a string, not {_kind(value)}")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError("a string in UTF-8, which these bytes are not") from None


def _any_integer(value: Any) -> int:
    if type(value) is not int:  # True is an int to isinstance
        raise ValueError(f"an integer, not {_kind(value)}")
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"true or false, not {_kind(value)}")
    return value


def _integer(bounds: Between) -> Reader:
    def read(value: Any) -> int:
        if type(value) is not int or not bounds.low <= value <= bounds.high:
            shown = value if type(value) is int else _kind(value)
            raise ValueError(f"an integer from {bounds.low} to {bounds.high}, not {shown}")
        return value

    return read


def _ascii(rule: Ascii) -> Reader:
    def read(value: Any) -> str:
        text = _string(value)
        if not 1 <= len(text) <= rule.longest or not text.isascii():
            raise ValueError(f"1 to {rule.longest} ASCII characters, not {quote(text)}")
        return text

    return read


def _list_of(read_item: Reader) -> Reader:
    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise ValueError(f"an array, not {_kind(value)}")
        return [read_item(item) for item in value]

    return read


def _part(record: type[Record]) -> Reader:
    schema = Schema(record, _FIELDS[record])

    def read(value: Any) -> Record:
        if type(value) is not dict:
            raise ValueError(f"a map, not {_kind(value)}")
        try:
            return _read(schema, value)
        except RequestError as error:
            raise ValueError(f"a map, but {error.text}") from None

    return read


def _kind(value: object) -> str:
    names = {bytes: "a string", int: "an integer", bool: "a boolean", float: "a float", list: "an array", dict: "a map"}
    return names.get(type(value), "nil")


_PLAIN: dict[Any, Reader] = {str: _string, int: _any_integer, bool: _boolean}
