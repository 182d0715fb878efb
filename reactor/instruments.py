"""The instruments of one server: they read its counters, and measure what is measured only for metrics."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pylingo.reactor.admission import Admission
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.session import Session
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.traffic import Traffic
from pylingo.reactor.history.sqlite import SqliteHistory
from pylingo.reactor.ops.catalogue import CATALOGUE, Snapshot, Value
from pylingo.reactor.ops.histogram import Histogram
from pylingo.reactor.ops.probes import GcProbe, LagProbe
from pylingo.reactor.ops.totals import with_totals
from pylingo.reactor.people.passwords import PasswordGate
from pylingo.reactor.service import Service

if TYPE_CHECKING:
    from pylingo.reactor.bus.redis.cluster import Cluster

_NO_GOODBYES = frozenset({"accepted", "handshake"})
"""Keys in the counts of the service that are no reasons of goodbyes."""
_LOGINS = ("banned", "members-only", "password")
"""The reasons of goodbyes to those who may not come in."""


class Measured(Protocol):
    """The parts of a server that are measured."""

    reactor: Reactor
    hub: Hub[Session]
    service: Service
    admission: Admission
    irc_passwords: PasswordGate

    @property
    def cluster(self) -> "Cluster | None":
        """The part of the server in a cluster."""

    @property
    def trouble(self) -> str:
        """Why nobody should be sent here."""


class Instruments:
    """Measures `server` from now on. One object for each server, made before it lets anybody in."""

    def __init__(self, server: Measured) -> None:
        self._server = server
        self._earlier: Mapping[str, Any] = {}
        self._histograms = {row.name: Histogram(row.bounds) for row in CATALOGUE if row.bounds}
        self._traffic = server.service.traffic = server.service.traffic or Traffic()
        server.reactor.observe_tick = self._observe("tick_seconds")
        server.hub.tick.observe_batch = self._observe("batch_frames")
        if isinstance(server.hub.history, SqliteHistory):
            server.hub.history.observe_commits(self._observe("commit_seconds"))
        if server.cluster is not None:
            server.cluster.counters.observe_commit = self._observe("commit_seconds")
        self._probes = (
            LagProbe(server.reactor, self._observe("loop_lag_seconds")),
            GcProbe(self._observe("gc_pause_seconds")),
        )

    def go_on_from(self, totals: Mapping[str, Any]) -> None:
        """Count on from the totals of the server that this one has replaced."""
        self._earlier = totals

    def _observe(self, name: str) -> Callable[[float], object]:
        return self._histograms[name].observe

    def close(self) -> None:
        """Measure no more."""
        for probe in self._probes:
            probe.close()

    def read(self) -> Snapshot:
        """The values of now. They take a time in proportion to the connections, for the bytes that they wait for."""
        server = self._server
        histograms: dict[str, Value] = {name: ([*one.counts], one.total) for name, one in self._histograms.items()}
        if not isinstance(server.hub.history, SqliteHistory) and server.cluster is None:
            del histograms["commit_seconds"]
        values = {
            **_presence(server),
            **_traffic(server, self._traffic),
            **_ends(server),
            **histograms,
            **_history(server),
            **_bus(server),
        }
        return with_totals(values, self._earlier)


def _presence(server: Measured) -> dict[str, Value]:
    hub, tick = server.hub, server.hub.tick
    return {
        "ready": int(not server.trouble),
        "connections": server.admission.count,
        "rooms": len(hub.rooms),
        "people": len(hub),
        "seats": len(hub.seats),
        "messages": tick.messages,
        "deliveries": tick.deliveries,
        "skipped_messages": tick.skipped,
        "longest_tick_seconds": server.reactor.longest_tick,
        "unexpected_errors": server.reactor.errors,
    }


def _traffic(server: Measured, traffic: Traffic) -> dict[str, Value]:
    return {
        "received_bytes": traffic.bytes_received,
        "sent_bytes": server.hub.tick.bytes,
        "reads": traffic.reads,
        "sends": server.hub.tick.offers + traffic.sends,
        "queued_bytes": sum(connection.transport.queued for connection in server.admission.connections()),
    }


def _ends(server: Measured) -> dict[str, Value]:
    counts, handshakes = server.service.counts, server.admission.handshakes
    logins = {reason: counts[reason] for reason in _LOGINS}
    return {
        "accepted_connections": counts["accepted"],
        "goodbyes": {reason: count for reason, count in counts.items() if reason not in _NO_GOODBYES},
        "errors": {**server.hub.errors},
        "refused_logins": {**logins, "irc-password": server.irc_passwords.refused},
        "tls_handshakes": {"finished": handshakes.finished, "failed": handshakes.failed},
    }


def _history(server: Measured) -> dict[str, Value]:
    history = server.hub.history
    return {"uncommitted_messages": history.waiting} if isinstance(history, SqliteHistory) else {}


def _bus(server: Measured) -> dict[str, Value]:
    cluster = server.cluster
    if cluster is None:
        return {}
    counters = cluster.counters
    return {
        "bus_commits": counters.commits,
        "bus_batches": counters.batches,
        "bus_events": counters.events,
        "bus_repairs": counters.repairs,
        "bus_lost_links": counters.links_lost,
        "bus_reconnects": counters.reconnects,
        "bus_standstills": counters.standstills,
        "bus_standstill_seconds": counters.ms_still / 1_000,
        "bus_taken_sessions": counters.sessions_taken,
        "bus_given_sessions": counters.sessions_given,
        "bus_reaped_servers": counters.servers_reaped,
        "bus_given_up": counters.given_up,
        "bus_up": int(cluster.is_up),
        "bus_waiting_events": cluster.waiting,
        "bus_lag_seconds": cluster.lag,
    }
