"""The catalogue of metrics: the name, the kind and the description of each.

A *snapshot* has the values of one server, by the names of the catalogue without the prefix. The value is a number, a
dictionary by label, or the counts and the sum of a histogram. So it can be sent as JSON, as a worker does. A name that
does not apply, such as that of a cluster for a server alone, is missing from the snapshot.
"""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

PREFIX = "pylingo_"
"""The prefix of all names."""

type Value = float | Mapping[str, float] | tuple[list[int], float]
"""A number, numbers by label, or the counts of a histogram and the sum of its values."""
type Snapshot = Mapping[str, Value]
"""The values of one server, by name."""

TIMES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Bounds of histograms of seconds."""
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)
"""Bounds of histograms of batches."""


@dataclass(frozen=True, slots=True)
class Source:
    """A process: its snapshot, and its number in the system, or `self`. `worker` is what it is called among several."""

    snapshot: Snapshot
    process: int | str = "self"
    worker: str = ""


class Subject(Protocol):
    """A server, or several behind one port, as scrapers see it. Both answers may come later."""

    def ask(self, answer: Callable[[Iterable[Source]], None]) -> None:
        """Call `answer` with the snapshots of all processes."""

    def ask_trouble(self, answer: Callable[[str], None]) -> None:
        """Call `answer` with a sentence that says why people must not be sent here; empty if they may."""


class Kind(enum.StrEnum):
    """The kinds of metrics. A counter only rises."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Row:
    """A metric. With a `label`, it has a number for each value of the label. `bounds` are those of a histogram."""

    name: str
    kind: Kind
    about: str
    label: str = ""
    bounds: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as it is shown, without what the format adds to the name of a histogram."""
        return f"{PREFIX}{self.name}{'_total' if self.kind is Kind.COUNTER else ''}"


def _counter(name: str, about: str, label: str = "") -> Row:
    return Row(name, Kind.COUNTER, about, label)


def _gauge(name: str, about: str, label: str = "") -> Row:
    return Row(name, Kind.GAUGE, about, label)


def _seconds(name: str, about: str) -> Row:
    return Row(f"{name}_seconds", Kind.HISTOGRAM, about, bounds=TIMES)


CATALOGUE = (
    _gauge("ready", "1 if people may be sent here, as /readyz says; 0 otherwise"),
    _gauge("connections", "Open connections, and handshakes that are not finished"),
    _gauge("rooms", "Rooms that somebody is in"),
    _gauge("people", "People on this server, with those whose seat is kept"),
    _gauge("seats", "Kept seats of broken connections"),
    _counter("messages", "Messages said on this server, in rooms and to persons"),
    _counter("deliveries", "Messages given to connections, one for each receiver"),
    _counter("skipped_messages", "Messages that were left out for slow readers, one for each receiver"),
    _counter("received_bytes", "Bytes received from connections, without encryption"),
    _counter("sent_bytes", "Bytes given to connections, before encryption; some may be queued"),
    _counter("reads", "System calls that brought bytes from connections"),
    _counter("sends", "System calls with which bytes were offered to connections"),
    _gauge("queued_bytes", "Bytes that wait because peers take them slowly"),
    _counter("accepted_connections", "Connections that were let in"),
    _counter("goodbyes", "Ended and refused connections, by the reason; those that were lost got no goodbye", "reason"),
    _counter("errors", "Refused requests, by the code of the error", "code"),
    _counter("refused_logins", "Logins that were refused, by the reason", "reason"),
    _counter("tls_handshakes", "TLS handshakes that are over, by their result", "result"),
    _counter("unexpected_errors", "Errors of the server itself, each with a traceback in its log"),
    Row("batch_frames", Kind.HISTOGRAM, "Frames in the batch of a room in a tick", bounds=SIZES),
    _seconds("tick", "Time of a turn of the loop, without waiting"),
    _gauge("longest_tick_seconds", "The longest turn of the loop since the start"),
    _seconds("loop_lag", "How late the loop makes a call that is due, measured twice a second"),
    _seconds("gc_pause", "Time of a pass of the garbage collector"),
    _seconds("commit", "Time of a commit: of the history file, or of Redis in a cluster"),
    _gauge("uncommitted_messages", "Messages that wait for the history file"),
    _counter("bus_commits", "Calls to Redis that commit"),
    _counter("bus_batches", "Batches of rooms in these calls"),
    _counter("bus_events", "Messages, joins, leaves and so on in these batches"),
    _counter("bus_repairs", "Times that a room has read what it had missed"),
    _counter("bus_lost_links", "Times that Redis was away"),
    _counter("bus_reconnects", "Times that Redis was back"),
    _counter("bus_standstills", "Times that people were told that talk stands still"),
    _counter("bus_standstill_seconds", "Time for which talk stood still, without a standstill that lasts"),
    _counter("bus_taken_sessions", "Sessions that came from other servers"),
    _counter("bus_given_sessions", "Sessions that went to other servers"),
    _counter("bus_reaped_servers", "Servers that this one has given up"),
    _counter("bus_given_up", "Times that this server was given up by the others"),
    _gauge("bus_up", "1 if Redis answers; 0 otherwise"),
    _gauge("bus_waiting_events", "Events that wait for Redis"),
    _gauge("bus_lag_seconds", "Time for which the oldest of them has waited"),
    _gauge("worker_up", "1 if the worker serves and has answered; 0 otherwise"),
    _counter("worker_starts", "Starts of the process of the worker"),
    _gauge("worker_connections", "Connections that the supervisor has passed to the worker, and that have not ended"),
)
"""All metrics, in the order in which they are shown. `build_info` and those of the process come besides."""

BUILD_INFO = f"{PREFIX}build"
"""The name of the metric, always 1, whose labels are versions. The format adds `_info` to it."""
