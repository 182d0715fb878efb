"""The end of a server: requests that have come are finished, everybody hears a goodbye, and the files are closed.

In a cluster, people who can go on at another server are handed over instead. A successor gets everything there is.
"""

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from pylingo.reactor.admission import Admission
from pylingo.reactor.connection import Connection
from pylingo.reactor.registry import Registry
from pylingo.reactor.service import Service

if TYPE_CHECKING:
    from pylingo.reactor.bus.redis.cluster import Cluster

logger = logging.getLogger(__name__)

_LOOP_SHARE = 0.8  # of the drain timeout, if there is a file: the rest is left for the disk
_LOOK_AGAIN = 0.01  # seconds after which the end looks again whether requests still wait
_HURRY = 0.2  # seconds that the end waits for the disk after a second signal


class Ending:
    """Ends a server, once. `pace_changed` is called when `is_hurrying` has changed."""

    def __init__(
        self, service: Service, admission: Admission, registry: Registry, pace_changed: Callable[[], object]
    ) -> None:
        self.cluster: Cluster | None = None
        """The cluster of the server."""
        self.hands_over = True
        """Whether the other servers of the cluster take over the people of a server that stops, without a goodbye."""
        self.began: Callable[[], object] = lambda: None
        """Called when the server begins to stop."""
        self.is_draining = False
        """Whether the server is stopping."""
        self.is_hurrying = False
        """Whether requests are handled without any pace."""
        self._service = service
        self._reactor = service.reactor
        self._hub = service.hub
        self._admission = admission
        self._registry = registry
        self._pace_changed = pace_changed
        self._is_parting = self._is_leaving = self._has_let_go = False
        self._end = math.inf  # when everything must be over, on the reactor's clock

    @property
    def _timeout(self) -> float:
        return self._service.settings.drain_timeout

    def stop(self) -> None:
        """Drain; when draining already, end at once."""
        if self.is_draining:
            logger.info("stopping at once")
            self._end = min(self._end, self._reactor.clock() + _HURRY)
            self._reactor.stop()
        else:
            logger.info("stopping: saying goodbye to %d", self._admission.count)
            self.drain()

    def drain(self) -> None:
        """Accept nobody, say goodbye to everybody, wait for the goodbyes to arrive, then stop the reactor."""
        timeout = self._timeout
        self.is_draining = True
        self.began()
        self._end = min(self._end, self._reactor.clock() + timeout)
        self._admission.close()
        self._reactor.call_later(timeout * (_LOOP_SHARE if self._service.settings.history else 1.0), self._reactor.stop)
        # Requests that were sent before are finished first. Neither a flood nor a stuck disk may delay the goodbyes.
        self._reactor.call_later(timeout / 5, self._say_goodbye)
        self.finish_requests(lambda: self._hub.history.when_settled(self._say_goodbye))

    def finish_requests(self, then: Callable[[], object]) -> None:
        """Handle the requests that have come, without any pace, and call `then` when none is left."""
        self.is_hurrying = True
        self._pace_changed()
        self._catch_up([connection for connection in self._admission.connections() if connection.is_behind], then)

    def keep_pace(self) -> None:
        """Handle requests at their pace again, after `finish_requests`."""
        self.is_hurrying = self.is_draining
        self._pace_changed()

    def let_go(self, timeout: float) -> None:
        """Finish all files within `timeout` seconds, for a successor that opens them. The loop stands still."""
        end = self._reactor.clock() + timeout
        self._has_let_go = True
        self._hub.history.close(timeout)
        self._registry.close(max(0.0, end - self._reactor.clock()))

    def leave(self) -> None:
        """Stop when the last stream has ended: a successor has the people."""
        self.is_draining = True
        self._end = min(self._end, self._reactor.clock() + self._timeout)
        self._admission.close()
        self._reactor.call_later(self._timeout, self._reactor.stop)
        self.stop_if_empty()

    def finish(self) -> None:
        """Close the ports, finish the history and leave Redis. Call it after the reactor has stopped."""
        self._admission.close()
        if not self._has_let_go:
            left = min(self._timeout, self._end - self._reactor.clock())
            self._hub.history.close(max(0.0, left))
        if self.cluster is not None:
            self.cluster.close()

    def stop_if_empty(self) -> None:
        """A connection has ended: stop the reactor if it was the last one of a server that drains."""
        if self.is_draining and not self._admission.count and not self._is_leaving:
            if self.cluster is None:
                self._reactor.stop()
            else:
                self._is_leaving = True
                self.cluster.stop(self._reactor.stop)

    def _catch_up(self, behind: list[Connection], then: Callable[[], object]) -> None:
        """Handle the requests that the pace kept back, of one peer in each tick.

        Those that wait for the disk or for their peer go on by themselves.
        """
        behind = [connection for connection in behind if connection.is_behind]
        ready = next((connection for connection in behind if not connection.is_waiting), None)
        if ready is not None:
            ready.catch_up()
            behind.remove(ready)
            self._reactor.call_soon(self._catch_up, [*behind, ready], then)
        elif behind:
            self._reactor.call_later(_LOOK_AGAIN, self._catch_up, behind, then)
        else:
            then()

    def _say_goodbye(self) -> None:
        if self.cluster is None or not self.hands_over:
            self._part(False)
        elif not self._is_parting:
            self._is_parting = True
            self.cluster.begin_stop(self._part)

    def _part(self, hands_over: bool) -> None:
        """Say goodbye to everybody, or hand those over who can go on at another server."""
        handed_over = self.cluster.hand_over() if hands_over and self.cluster is not None else set()
        for session in self._hub.sessions():
            if session not in handed_over:
                session.shut_down("the server is shutting down")
        self.stop_if_empty()
