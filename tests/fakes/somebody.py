"""The parts of the model of the chat: rooms, connections and sessions, without a rule."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from tests.fakes.dues import Dues, Source


class Printer(Protocol):
    """A printer of Hypothesis."""

    def text(self, text: str) -> None: ...


class Short:
    """Printed in one line, and not with everything that it refers to."""

    def _repr_pretty_(self, printer: Printer, cycle: bool) -> None:
        printer.text(repr(self))


@dataclass(eq=False)
class ModelRoom(Source):
    """A room that somebody is in."""

    name: str
    members: list["Somebody"] = field(default_factory=list)

    @property
    def key(self) -> str:
        return fold(self.name)


@dataclass(eq=False, repr=False)
class Device(Short):
    """A connection. `somebody` is None once nothing more of it is handled. `is_slow` until it has read everything."""

    number: int
    somebody: "Somebody | None"
    is_slow: bool = False
    dues: Dues = field(default_factory=Dues)
    held: list[tuple[Any, Any]] = field(default_factory=list)
    """The requests that wait, with their tokens."""

    def answer_late(self, one: "Somebody", record: Record) -> None:
        """Answer a request of `one`, who may have another connection by now, or none."""
        if self.somebody is one:
            self.dues.answer(record)

    def __repr__(self) -> str:
        return f"<device {self.number} of {self.somebody}>"


@dataclass(eq=False, repr=False)
class Somebody(Short):
    """A session, and its person. It is in `rooms`, the current one first. Without a device, its seat is kept."""

    name: str
    since: int
    device: Device | None = None
    rooms: list[ModelRoom] = field(default_factory=list)
    inbox: Source = field(default_factory=Source)
    away: str | None = None
    is_ready: bool = False
    is_over: bool = False
    is_busy: bool = False

    @property
    def sources(self) -> frozenset[Source]:
        return frozenset({*self.rooms, self.inbox})

    @property
    def current(self) -> str | None:
        return self.rooms[0].name if self.rooms else None

    def find_room(self, name: str | None) -> ModelRoom | None:
        if name is None:
            return self.rooms[0] if self.rooms else None
        key = fold(name.strip().removeprefix("#"))
        for room in self.rooms:
            if room.key == key:
                return room
        raise RequestError("not-in-room", "")

    def need_room(self, name: str | None) -> ModelRoom:
        room = self.find_room(name)
        if room is None:
            raise RequestError("no-room", "")
        return room

    def __repr__(self) -> str:
        return f"{self.name!r} in {[room.name for room in self.rooms]}"
