"""The frames that a connection is to get, and a reader that checks what a server sends against them.

The frames of one room have one order, and so have the answers. An answer stands where it happened: after every room
frame whose cause was handled before its request, and before every other. Between two answers, frames of different
rooms may come in any order.

A slow reader may be left out of the frames of a room, and must then be told exactly what was left out before that room
goes on or is left.
"""

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pylingo.shared.messages import Error, Goodbye, Message, Private, Ready, Skipped, Welcome
from pylingo.shared.schema import Record
from tests.fakes.chat import Person


@dataclass(eq=False)
class Source:
    """A room or an inbox, as the origin of frames. An inbox has no name."""

    name: str | None = None


@dataclass
class Stretch:
    """The room frames between two answers, for each source in order, and the answer that ends them.

    The answer takes the connection out of the rooms `leaves`.
    """

    frames: dict[Source, list[Record]] = field(default_factory=dict)
    answer: Record | None = None
    leaves: frozenset[Source] = frozenset()


class Dues:
    """All frames that a connection is to get. The last stretch has no answer yet."""

    def __init__(self) -> None:
        self.stretches = [Stretch()]

    def hear(self, source: Source, record: Record) -> None:
        self.stretches[-1].frames.setdefault(source, []).append(record)

    def answer(self, record: Record, leaves: frozenset[Source] = frozenset()) -> None:
        self.stretches[-1].answer = record
        self.stretches[-1].leaves = leaves
        self.stretches.append(Stretch())


@dataclass(frozen=True)
class Place:
    """How many frames of a source are dealt with in a stretch, and which were left out and not yet told of."""

    at: int = 0
    missing: tuple[Record, ...] = ()


START = frozenset({Place()})


@dataclass(frozen=True)
class Reading:
    """One way to understand what was read: the number of answers, and for each source the places it may be at.

    Two frames of a source can be equal (somebody joins, leaves and joins again), so what was left out of them can be
    understood in more than one way. Sources without an entry are at the start of the stretch.
    """

    answers: int = 0
    sources: frozenset[tuple[Source, frozenset[Place]]] = frozenset()

    def places(self) -> dict[Source, frozenset[Place]]:
        return dict(self.sources)

    def moved(self, source: Source, places: set[Place]) -> "Reading":
        return Reading(self.answers, _canonical({**self.places(), source: frozenset(places)}))


def _canonical(places: dict[Source, frozenset[Place]]) -> frozenset[tuple[Source, frozenset[Place]]]:
    return frozenset((source, at) for source, at in places.items() if at != START)


class Reader:
    """Reads what one server sends to one connection, and checks it against what is due.

    Frames of different sources can be equal too, so several readings are followed, and one of them must work out.
    `is_slow` says that room frames may be left out.
    """

    def __init__(self, person: Person, dues: Dues) -> None:
        self.person = person
        self._soft = person.session.hub.tick.soft
        self.outbox = person.session.outbox
        self.token: str | None = None
        """The token that a `ready` must have."""
        self.is_full = False
        """Whether no room frame may be sent: the queue was too long after the last flush."""
        self._dues = dues
        self._readings = {Reading()}

    def drain(self) -> None:
        self.is_full = False
        self.person.drain()

    def check(self, is_slow: bool, is_over: bool) -> None:
        """After a flush: everything is there but for what a slow reader will be told of."""
        for record in self.person.got():
            if isinstance(record, Ready):
                assert record.token == self.token
            step = self._skipped if type(record) is Skipped else self._came
            self._go_on(
                {after for reading in self._readings for after in step(reading, plain(record), is_slow)}, record
            )
        owes_nothing = not is_over and not (self.person.out.tell_drained and self.person.out.queued)
        last = len(self._dues.stretches) - 1
        ends = {self._end(reading, is_slow, owes_nothing) for reading in self._readings if reading.answers == last}
        self._go_on({end for end in ends if end is not None}, "the end of the tick")
        out = self.person.out
        self.is_full = out.stuck and (out.queued > self._soft or self.outbox.is_skipping)

    def _go_on(self, readings: set[Reading], then: object) -> None:
        stretches = self._dues.stretches
        assert readings, f"{then} came where this was due: " + "; ".join(
            f"{stretches[reading.answers]} at {reading.places()}" for reading in self._readings
        )
        self._readings = readings

    def _reach(self, reading: Reading, source: Source, is_slow: bool) -> set[Place]:
        """The places that a source can be at without a further frame."""
        frames = self._dues.stretches[reading.answers].frames.get(source, [])
        reached = set(reading.places().get(source, START))
        if is_slow:
            for place in tuple(reached):
                for end in range(place.at + 1, len(frames) + 1):
                    reached.add(Place(end, (*place.missing, *frames[place.at : end])))
        return reached

    def _came(self, reading: Reading, record: Record, is_slow: bool) -> Iterator[Reading]:
        stretch = self._dues.stretches[reading.answers]
        for source, frames in stretch.frames.items() if not self.is_full else ():
            after = {
                Place(place.at + 1)
                for place in self._reach(reading, source, is_slow)
                if not place.missing and place.at < len(frames) and frames[place.at] == record
            }
            if after:
                yield reading.moved(source, after)
        if stretch.answer == record and (end := self._end(reading, is_slow, False, stretch.leaves)) is not None:
            places = {
                source: frozenset(Place(0, place.missing) for place in places)
                for source, places in end.sources
                if source not in stretch.leaves
            }
            yield Reading(reading.answers + 1, _canonical(places))

    def _skipped(self, reading: Reading, skipped: Record, is_slow: bool) -> Iterator[Reading]:
        assert isinstance(skipped, Skipped)
        for source in self._sources(reading):
            after = set()
            for place in self._reach(reading, source, is_slow):
                stamps = [record.at for record in place.missing if isinstance(record, Message | Private)]
                first, last = (stamps[0] - 1, stamps[-1]) if stamps else (skipped.until, skipped.until)
                if place.missing and skipped == Skipped(source.name, len(stamps), first, last):
                    after.add(Place(place.at))
            if after:
                yield reading.moved(source, after)

    def _end(
        self, reading: Reading, is_slow: bool, owes_nothing: bool, leaves: frozenset[Source] = frozenset()
    ) -> Reading | None:
        """The reading at the end of its stretch, if that can be reached; with nothing missing of what is left."""
        stretches = self._dues.stretches
        places = {}
        for source in self._sources(reading):
            count = len(stretches[reading.answers].frames.get(source, []))
            ends = frozenset(
                place
                for place in self._reach(reading, source, is_slow)
                if place.at == count and not (place.missing and (owes_nothing or source in leaves))
            )
            if not ends:
                return None
            places[source] = ends
        return Reading(reading.answers, _canonical(places))

    def _sources(self, reading: Reading) -> set[Source]:
        return {*self._dues.stretches[reading.answers].frames, *reading.places()}


def plain(record: Record) -> Record:
    """The record without what the model does not foretell: sentences and tokens."""
    if isinstance(record, Error | Goodbye):
        return dataclasses.replace(record, text="")
    if isinstance(record, Welcome):
        return Welcome(0, "", record.name, None)
    if isinstance(record, Ready):
        assert re.fullmatch("[0-9a-f]{32}", record.token)
        return dataclasses.replace(record, token="")
    return record
