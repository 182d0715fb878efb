"""Declarative frame schemas: a record's annotations are its validation rules.

The annotation of a field says which values are valid. A default of None makes the field optional: it is left out of
the map while it is None. An annotation `| None` without a default makes it nullable: None is sent as nil. Validation
follows the annotations and never recurses into the peer's data, so deep nesting costs nothing.

The functions that read and write a record are generated when its first frame is read or written. Generating them takes
0.4 ms for each type, and the start of a client waits for each of them.
"""

import dataclasses
import functools
import itertools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, dataclass_transform

from pylingo.shared.errors import RequestError
from pylingo.shared.readers import FieldReader, kind_of, list_of, read_string, reader_of
from pylingo.shared.text import quote
from pylingo.shared.value_class import value_class

MAX_ID = 2**63 - 1
"""The largest id of a request."""


class Record:
    """Base of all records. `type` is the name of the frame type on the wire."""

    __slots__ = ()
    type: ClassVar[str]


@value_class
class Field:
    key: bytes
    name: str
    attribute: str
    read: FieldReader
    required: bool
    default: Any
    omit_none: bool
    part: type[Record] | None
    many: bool


class Schema:
    """The schema of one record type. `tag` is its name on the wire; None for a part of other records."""

    def __init__(self, record: type[Record], tag: str | None) -> None:
        self.record = record
        self.tag = tag
        self.read: Callable[[dict[bytes, Any]], Record] = self._generate_and_read
        """Builds the record of a map. Raises `ValueError` if a field is not valid."""

    @functools.cached_property
    def fields(self) -> tuple[Field, ...]:
        return tuple(_fields(self.record))

    def _generate_and_read(self, raw: dict[bytes, Any]) -> Record:
        self.read = _generate_reader(self)
        return self.read(raw)


_SCHEMAS: dict[type[Record], Schema] = {}
WRITERS: dict[type[Record], Callable[[Any], dict[str, Any]]] = {}
"""For each record type, the function that converts a record to its map."""


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def record[T: Record](name: str, *tables: dict[bytes, Schema]) -> Callable[[type[T]], type[T]]:
    """Make the class a record named `name` on the wire and add it to `tables`. A part of other records has no table."""

    def make(plain: type[T]) -> type[T]:
        made = value_class(plain)
        made.type = name
        schema = _SCHEMAS[made] = Schema(made, name if tables else None)
        WRITERS[made] = lambda record: _generate_writer(schema)(record)
        for table in tables:
            table[name.encode()] = schema
        return made

    return make


def read_record(schemas: Mapping[bytes, Schema], raw: dict[bytes, Any]) -> Record:
    """Return the record in the map `raw`, whose strings are bytes. Unknown keys are ignored.

    Raises `RequestError` `unknown-type`, or `bad-message` with the name of the first invalid field. The error has the
    request's id, if that is valid.
    """
    tag = raw.get(b"type")
    schema = schemas.get(tag) if type(tag) is bytes else None
    if schema is None:
        raise _type_error(tag, raw)
    try:
        return schema.read(raw)
    except ValueError:
        raise _first_error(schema, raw) from None


def to_map(record: Record) -> dict[str, Any]:
    """Return the map of `record`, as a frame of its own contains it."""
    return WRITERS[type(record)](record)


def _first_error(schema: Schema, raw: dict[bytes, Any]) -> RequestError:
    """Return the error for the first invalid field of `raw`."""
    for field in schema.fields:
        value = raw.get(field.key)
        if value is None:
            if field.required:
                return _field_error(schema, field, "is missing", raw)
            continue
        try:
            field.read(value)
        except ValueError as error:
            return _field_error(schema, field, f"must be {error}", raw)
    raise AssertionError("every field can be read")


def _field_error(schema: Schema, field: Field, problem: str, raw: dict[bytes, Any]) -> RequestError:
    return RequestError("bad-message", f"in '{schema.record.type}' the field '{field.name}' {problem}", _sound_id(raw))


def _type_error(tag: object, raw: dict[bytes, Any]) -> RequestError:
    if type(tag) is bytes:
        try:
            word = tag.decode()
        except UnicodeDecodeError:
            pass
        else:
            return RequestError("unknown-type", f"there is no request type {quote(word)}", _sound_id(raw))
    return RequestError("bad-message", "a frame must have a field 'type' that is a string", _sound_id(raw))


def _sound_id(raw: dict[bytes, Any]) -> int | None:
    value = raw.get(b"id")
    return value if type(value) is int and 0 <= value <= MAX_ID else None


def _generate_reader(schema: Schema) -> Callable[[dict[bytes, Any]], Record]:
    """Generate a function without a loop over the fields, which takes half the time.

    It sets the slots itself, as calling `__init__` takes longer. Most maps have the required fields alone, and then no
    other one is asked for.
    """
    parts: dict[str, Any] = {"new": schema.record.__new__, "record": schema.record}
    asked, unasked = [], []
    for field in schema.fields:
        parts |= {f"read_{field.name}": field.read, f"default_{field.name}": field.default}
        slot, default = f"result.{field.attribute} = ", f"default_{field.name}"
        value, read = f"(value := get({field.key!r}))", f"read_{field.name}(value)"
        if field.read is read_string:  # a call less for each string
            read = f"value.decode() if type(value) is bytes else {read}"
        if field.required:
            default = f"read_{field.name}(None)"
        asked.append(f"{slot}{default} if {value} is None else {read}")
        unasked.append(asked[-1] if field.required else slot + default)
    pairs = sum(field.required for field in schema.fields) + (schema.tag is not None)
    lines = ["def read(raw):", " get, result = raw.get, new(record)", f" if len(raw) == {pairs}:"]
    lines += [*(f"  {line}" for line in unasked), "  return result", *(f" {line}" for line in asked), " return result"]
    exec("\n".join(lines), parts)  # the inserted text is the names of our own fields
    read_all: Callable[[dict[bytes, Any]], Record] = parts["read"]
    return read_all


def _generate_writer(schema: Schema) -> Callable[[Any], dict[str, Any]]:
    """Generate a function without a loop over the fields, as dataclasses generates `__init__`: a third of the time."""
    head = [f"'type': {schema.tag!r}"] if schema.tag is not None else []
    leading = list(itertools.takewhile(lambda field: not field.omit_none, schema.fields))
    head += [f"{field.name!r}: {_expression(field)}" for field in leading]
    lines = ["def write(record):", f" result = {{{', '.join(head)}}}"]
    for field in schema.fields[len(leading) :]:
        condition = f"if record.{field.attribute} is not None: " if field.omit_none else ""
        lines.append(f" {condition}result[{field.name!r}] = {_expression(field)}")
    parts: dict[str, Any] = {
        f"write_{field.name}": _generate_writer(_SCHEMAS[field.part]) for field in schema.fields if field.part
    }
    exec("\n".join([*lines, " return result"]), parts)  # the inserted text is the names of our own fields
    write: Callable[[Any], dict[str, Any]] = parts["write"]
    WRITERS[schema.record] = write
    return write


def _expression(field: Field) -> str:
    """The Python expression for a field's value in the map of `record`."""
    value = f"record.{field.attribute}"
    if field.part is None:
        return value
    written = f"[write_{field.name}(item) for item in {value}]" if field.many else f"write_{field.name}({value})"
    return written if field.required or field.omit_none else f"None if {value} is None else {written}"


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
            part=_part_of(_arm(hints[field.name])),
            many=typing.get_origin(_arm(hints[field.name])) is list,
        )
        for field in dataclasses.fields(typing.cast(Any, record))
    ]


def _part_of(hint: Any) -> type[Record] | None:
    """The record type of a field that holds a record or a list of records."""
    inner = typing.get_args(hint)[0] if typing.get_origin(hint) is list else hint
    return inner if inner in _SCHEMAS else None


def _arm(hint: Any) -> Any:
    """`X` of an annotation `X | None`."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return next(arm for arm in typing.get_args(hint) if arm is not type(None))
    return hint


def _nullable(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _reader(hint: Any) -> FieldReader:
    """Return the reader for an annotation."""
    hint = _arm(hint)
    if typing.get_origin(hint) is list:
        return list_of(_reader(typing.get_args(hint)[0]))
    if hint in _SCHEMAS:
        return _part(hint)
    return reader_of(hint)


def _part(record: type[Record]) -> FieldReader:
    schema = _SCHEMAS[record]

    def read(value: Any) -> Record:
        if type(value) is not dict:
            raise ValueError(f"a map, not {kind_of(value)}")
        try:
            return schema.read(value)
        except ValueError:
            raise ValueError(f"a map, but {_first_error(schema, value).text}") from None

    return read
