"""Value classes: dataclasses that take little time to import.

`dataclass(frozen=True)` generates and compiles six methods for each class, which takes half a millisecond. The client
has a hundred such classes, and a person waits for its start. Of these methods only `__init__` depends on the class so
much that it must be generated; the others are the same functions for all classes.
"""

import dataclasses
import functools
from collections.abc import Callable, Hashable
from typing import Any, cast, dataclass_transform, overload


@overload
def value_class[T](cls: type[T], /) -> type[T]: ...
@overload
def value_class[T](*, kw_only: bool) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def value_class[T](cls: type[T] | None = None, /, *, kw_only: bool = False) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a class a dataclass with slots, whose objects are printed, compared and hashed by their fields.

    It is frozen for the type checker only: at run time, `frozen` costs half a microsecond for each object.
    """

    def make(plain: type[T]) -> type[T]:
        plain.__doc__ = plain.__doc__ or plain.__name__  # otherwise `dataclass` makes one with `inspect`, which is slow
        made: Any = dataclasses.dataclass(slots=True, repr=False, eq=False, kw_only=kw_only)(plain)
        made.__repr__, made.__eq__, made.__hash__ = _repr, _eq, _hash
        return made  # type: ignore[no-any-return]

    return make if cls is None else make(cls)


def _repr(value: Any) -> str:
    shown = (f"{field.name}={getattr(value, field.name)!r}" for field in dataclasses.fields(value) if field.repr)
    return f"{type(value).__qualname__}({', '.join(shown)})"


def _eq(value: Any, other: object) -> bool:
    return _fields(value) == _fields(other) if type(other) is type(value) else NotImplemented


def _hash(value: Any) -> int:
    return hash(_fields(value))


def _fields(value: Any) -> tuple[Any, ...]:
    """The values of the fields that are compared."""
    return tuple(getattr(value, name) for name in _compared(cast(Hashable, type(value))))


@functools.cache
def _compared(kind: Hashable) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cast(Any, kind)) if field.compare)
