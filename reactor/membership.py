"""The part of a server in a cluster: it joins, waits for Redis, and obeys what the cluster says."""

import logging
from collections.abc import Callable
from typing import Protocol

from pylingo.reactor.admission import Admission
from pylingo.reactor.bus.redis.cluster import Cluster
from pylingo.reactor.bus.redis.pact import Pact
from pylingo.reactor.bus.redis.settings import ClusterSettings
from pylingo.reactor.chat.access import Store
from pylingo.reactor.cluster_start import invite_first, join, shared_certificate
from pylingo.reactor.registry import Registry
from pylingo.reactor.service import Service
from pylingo.shared.launch import LaunchError

logger = logging.getLogger(__name__)

_SAY_SO = 1.0  # seconds after which the start says that it waits for Redis


class Host(Protocol):
    """The server."""

    address: str
    service: Service
    registry: Registry
    admission: Admission

    @property
    def is_open(self) -> bool:
        """Whether people have been let in."""

    def let_in(self) -> None:
        """Let people in, for the first time."""

    def people_changed(self) -> None:
        """See `ClusterListener.people_changed`."""

    def announce(self, words: str, notice: str) -> None:
        """See `ClusterListener.announce`."""


class Membership:
    """Obeys the cluster of `settings` for the server `host`, as its `ClusterListener`. Raises `LaunchError`."""

    def __init__(self, host: Host, settings: ClusterSettings) -> None:
        self.failure = ""
        """Why the server cannot take part any more, in one sentence."""
        self._host = host
        self._reactor = host.service.reactor
        self._pact: Pact | None = None
        self._is_waiting = False
        certificate = shared_certificate(host.service.settings)
        self.cluster = Cluster(self._reactor, settings, host.service.hub, self, certificate, lambda: host.address)
        self.announce = host.announce
        self.people_changed = host.people_changed

    def wait(self) -> None:
        """Run until people may come. Raises `LaunchError` if this server cannot take part, or is told to end."""
        timer = self._reactor.call_later(_SAY_SO, logger.warning, "waiting for Redis at %s", self.cluster.address)
        self._is_waiting = True
        self._reactor.run()
        self._is_waiting = False
        timer.cancel()
        if self.failure:
            raise LaunchError(self.failure)
        if not self._host.is_open:
            raise LaunchError("stopped before Redis could be reached", status=0)

    def cluster_joined(self, pact: Pact, store: Store, answer: Callable[[str], object]) -> None:
        """See `ClusterListener.cluster_joined`."""
        self._pact = pact
        self._host.registry.shared = store
        join(pact, self._host.service.settings, answer)

    def cluster_ready(self) -> None:
        """See `ClusterListener.cluster_ready`."""
        if self._host.is_open:
            self._host.admission.go_on()
        elif self._host.service.settings.tls_cert and self._pact is not None:
            invite_first(self._pact, self._host.registry, self._open)
        else:
            self._open()

    def cluster_refused(self, why: str) -> None:
        """See `ClusterListener.cluster_refused`."""
        self.failure = why
        self._reactor.stop()

    def cluster_lost(self) -> None:
        """See `ClusterListener.cluster_lost`."""
        self._host.admission.hold()

    def cluster_cut_off(self) -> None:
        """See `ClusterListener.cluster_cut_off`."""
        self._host.admission.turn_away()
        for connection in self._host.admission.connections():
            connection.abort()

    def _open(self) -> None:
        """The register has everything: let people in, if anybody may come in at all."""
        try:
            self._host.registry.check_way_in(self._host.service.settings)
        except LaunchError as error:
            self.cluster_refused(str(error))
            return
        self._host.let_in()
        if self._is_waiting:
            self._reactor.stop()
