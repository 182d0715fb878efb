"""What must hold after a chaos run: the records of all members, compared with the log. Pure.

A message that was confirmed is in the log, once. What a member hears on one connection rises, and over its whole stay
in a room it has seen everything that the log has: live, or fetched by `history` after a `skipped` or a new connection.
A name never belongs to two members at one moment.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

END = 2**62
"""Above every stamp: a stay that has not ended."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message that was confirmed with the stamp `at`: `room` is None for a private one. Times are the run's seconds.

    `may_be_twice` if it was said again by another session under another name, so no key can tell.
    """

    member: str
    room: str | None
    key: str
    text: str
    at: int
    said: float
    confirmed: float
    may_be_twice: bool = False


@dataclass(frozen=True, slots=True)
class Logged:
    """A message in a log."""

    at: int
    text: str
    key: str | None = None


@dataclass(slots=True)
class Stay:
    """A member's stay in a room, over all its connections: it must have seen what is above `base`, up to `until`."""

    member: str
    room: str
    base: int = 0
    until: int = END
    seen: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Hearing:
    """The stamps of the messages of a room, or of the inbox, that came on one connection, in the order of coming."""

    member: str
    room: str
    begun: float
    stamps: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Claim:
    """The time for which a member certainly had a name, by compared form."""

    member: str
    name: str
    since: float
    until: float


type Logs = Mapping[str, Sequence[Logged]]
"""The log of each room, in the order of Redis."""


def lost(said: Iterable[Said], logs: Logs, private: Iterable[str]) -> Iterator[str]:
    """Confirmed messages that no log has under their stamps. `private` are the texts of all private messages."""
    texts = {room: {logged.at: logged.text for logged in log} for room, log in logs.items()}
    whispered = set(private)
    for one in said:
        if one.room is None:
            if one.text not in whispered:
                yield f"lost: the private {one} is in no conversation"
        elif (found := texts.get(one.room, {}).get(one.at)) != one.text:
            yield f"lost: {one}, and the log has {found!r} there"


def doubled(said: Iterable[Said], logs: Logs) -> Iterator[str]:
    """Messages that a log has twice, or that were confirmed twice with different stamps."""
    excused = {one.text for one in said if one.may_be_twice}
    for room, log in logs.items():
        first: dict[str, Logged] = {}
        for logged in log:
            if first.setdefault(logged.text, logged) is not logged and logged.text not in excused:
                yield f"doubled in {room}: {first[logged.text]} and {logged}"


def out_of_order(hearings: Iterable[Hearing], logs: Logs) -> Iterator[str]:
    """Stamps that did not rise, on one connection or in a log."""
    for hearing in hearings:
        for before, after in itertools.pairwise(hearing.stamps):
            if after <= before:
                kind = "doubled" if after == before else "out of order"
                where = f"{hearing.member} in {hearing.room} since {hearing.begun:.2f}"
                yield f"{kind}: {where} heard {after} after {before}"
    for room, log in logs.items():
        for one, other in itertools.pairwise(log):
            if other.at <= one.at:
                yield f"out of order in the log of {room}: {other} after {one}"


def unseen(stays: Iterable[Stay], logs: Logs) -> Iterator[str]:
    """What members in a room have not seen, and what they have seen that the log does not have."""
    for stay in stays:
        log = {logged.at: logged for logged in logs.get(stay.room, ())}
        missing = [log[at] for at in log if stay.base < at <= stay.until and at not in stay.seen]
        if missing:
            yield (
                f"unseen: {stay.member} in {stay.room}, from {stay.base} to {stay.until}, has not seen {missing[0]}"
                f" and {len(missing) - 1} more"
            )
        for at, text in stay.seen.items():
            if at not in log or log[at].text != text:
                yield f"vanished: {stay.member} in {stay.room} saw {text!r} at {at}, and the log has {log.get(at)}"


def shared_names(claims: Iterable[Claim]) -> Iterator[str]:
    """Names that two members had at one moment."""
    by_name: dict[str, list[Claim]] = {}
    for claim in claims:
        by_name.setdefault(claim.name, []).append(claim)
    for those in by_name.values():
        those.sort(key=lambda claim: claim.since)
        for index, one in enumerate(those):
            for other in those[index + 1 :]:
                if other.since < one.until and other.member != one.member:
                    yield f"one name for two: {one} and {other}"


def differing(readings: Mapping[str, Logs]) -> Iterator[str]:
    """Logs that read differently through different servers, or from Redis itself. `readings` has them by source."""
    sources = list(readings)
    for source in sources[1:]:
        for room, log in readings[sources[0]].items():
            other = readings[source].get(room, ())
            if list(other) != list(log):
                only = sorted({*log} ^ {*other}, key=lambda logged: logged.at)
                yield f"the log of {room} differs between {sources[0]} and {source}: {only[:2]}"


@dataclass(slots=True)
class Evidence:
    """Everything that was recorded.

    `inboxes` are those of the members' last sessions, with what a history of everything says. `readings` are the logs
    of the rooms by source, and `private` those of conversations. `refusals` are what no fault excuses.
    """

    said: list[Said] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    hearings: list[Hearing] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    inboxes: list[tuple[Stay, list[Logged]]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    readings: dict[str, dict[str, list[Logged]]] = field(default_factory=dict)
    private: dict[str, list[Logged]] = field(default_factory=dict)


def violations(evidence: Evidence) -> list[str]:
    """Everything that is wrong, the worst first."""
    logs: Logs = next(iter(evidence.readings.values()), {})
    return [
        *lost(evidence.said, logs, (logged.text for log in evidence.private.values() for logged in log)),
        *doubled(evidence.said, logs),
        *doubled(evidence.said, evidence.private),
        *out_of_order(evidence.hearings, logs),
        *unseen(evidence.stays, logs),
        *itertools.chain.from_iterable(unseen([stay], {stay.room: log}) for stay, log in evidence.inboxes),
        *shared_names(evidence.claims),
        *differing(evidence.readings),
        *evidence.refusals,
    ]
