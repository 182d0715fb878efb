"""Records in the people file: dataclasses from JSON, strictly.

A record with a field too many, one too few or one of another type is refused. The file decides who comes in, so nothing
in it is guessed.
"""

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any


def dump(state: object) -> bytes:
    """Return a state that contains records as JSON, in UTF-8 and with an end of line."""
    return (json.dumps(state, default=fields_of, indent=1, ensure_ascii=False) + "\n").encode()


def load(data: bytes) -> object:
    """Read JSON strictly: no key twice, no NaN. Raises `ValueError` with one sentence."""
    try:
        return json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is not JSON: {error.msg}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def fields_of(record: Any) -> dict[str, Any]:
    """Return the fields of a record as they are in a JSON object."""
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def nothing(key: str) -> None:
    """Note nothing: what the tables do with the keys of records that change, unless somebody asks for them."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a field is there twice in {', '.join(name for name, _ in pairs)[:200]}")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def read_list[T](kind: type[T], value: object, where: str) -> list[T]:
    """Return the records of a JSON array. Raises `ValueError` with a sentence that begins with `where`."""
    if type(value) is not list:
        raise ValueError(f"{where} must be a list")
    return [read_record(kind, item, f"{where}[{index}]") for index, item in enumerate(value)]


def read_record[T](kind: type[T], value: object, where: str) -> T:
    """Return the record of a JSON object. Raises `ValueError` with a sentence that begins with `where`."""
    if type(value) is not dict:
        raise ValueError(f"{where} must be an object")
    hints = typing.get_type_hints(kind)
    names = {field.name for field in dataclasses.fields(typing.cast(Any, kind))}
    if value.keys() != names:
        raise ValueError(f"{where} must have the fields {', '.join(sorted(names))} and no others")
    for name in names:
        if not _fits(hints[name], value[name]):
            raise ValueError(f"{where}.{name} must not be {str(value[name])[:64]!r}")
    try:
        return kind(**{name: tuple(part) if type(part) is list else part for name, part in value.items()})
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _fits(hint: Any, value: object) -> bool:
    """Whether a JSON value is of the type of an annotation: `str`, `int`, `bool`, `| None`, `tuple[str, ...]`."""
    if isinstance(hint, types.UnionType):
        return any(_fits(arm, value) for arm in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        part = typing.get_args(hint)[0]
        return type(value) is list and all(_fits(part, item) for item in typing.cast(Sequence[object], value))
    return type(value) is hint


def check(value: Any, is_right: Callable[[Any], bool], right: str) -> None:
    """Raise `ValueError` unless `is_right(value)`, or the value is None."""
    if value is not None and not is_right(value):
        raise ValueError(f"{str(value)[:64]!r} must be {right}")
