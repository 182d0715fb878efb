"""The chat server: the engine and the chat, joined. Start, serve, drain, stop."""

import collections
import dataclasses
import errno
import gc
import logging
import math
import resource
import signal
import socket
from collections.abc import Callable, Sequence

from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.session import Session
from pylingo.reactor.config import FIXED, PARSERS, Settings, option
from pylingo.reactor.connection import Connection
from pylingo.reactor.engine.deadlines import DeadlineWheel
from pylingo.reactor.engine.dial import Target
from pylingo.reactor.engine.listener import Address, ConnectionLimiter, Listener, listen
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.transport import Transport, enable_keepalive
from pylingo.reactor.fair_queue import SENDING, FairQueue
from pylingo.reactor.history.clock import Clock
from pylingo.reactor.history.memory import History, MemoryHistory
from pylingo.reactor.history.sqlite import SqliteHistory
from pylingo.reactor.peer_deadlines import PeerDeadlines
from pylingo.reactor.service import Service
from pylingo.shared.address import host_of, show_address
from pylingo.shared.codec import encode
from pylingo.shared.messages import Goodbye, Notice
from pylingo.shared.text import prepare as prepare_names

logger = logging.getLogger(__name__)

SPARE_DESCRIPTORS = 32
"""Descriptors that are not given to connections: listeners, the wake-up, files, farewells to those refused."""
_MOST_FAREWELLS = 16  # refused peers at a time that are read to the end
_FAREWELLS = 0.8  # of the time for the end, if there is a file: the rest is the disk's alone
_HURRY = 0.2  # seconds that the end waits for a disk after a second signal
_LARGEST_SEND_BUFFER = 2**20
_REFUSALS = {
    "full": "the server has no place for another connection: try again later",
    "address-limit": "there are too many connections from your address: close one first",
}


class Server:
    """A chat server on `reactor`. `start`, then run the reactor; `drain` ends it."""

    def __init__(self, settings: Settings, reactor: Reactor | None = None) -> None:
        self.reactor = reactor or Reactor()
        self.hub: Hub[Session] = Hub(
            self.reactor.call_before_flush,
            clock=Clock(),
            history=self._make_history(settings),
            call_later=self.reactor.call_later,
            monotonic=self.reactor.clock,
        )
        self.watch: DeadlineWheel[PeerDeadlines[Connection]] = DeadlineWheel(self.reactor)
        self._gate = ConnectionLimiter(settings.max_connections, settings.max_per_address, settings.exempt)
        self.service = Service(self.reactor, self.hub, settings, self._gate.is_exempt, FairQueue(self.reactor))
        self._listeners: list[Listener] = []
        self._socks: list[socket.socket] = []
        self._most = 1_000_000  # connections that the descriptors suffice for
        self._farewells = 0
        self._draining = False
        self._apply()
        self._end = math.inf  # when everything is to be over, on the reactor's clock
        self.reactor.memory.told = self._lower_limit

    @property
    def settings(self) -> Settings:
        return self.service.settings

    def start(self, targets: Sequence[Target] = ()) -> str:
        """Listen; returns `HOST:PORT` as a client would write it. Raises `OSError` if that cannot be.

        `targets` are the addresses of the host, which are looked up here if there are none.
        """
        self._most = raise_descriptor_limit() - SPARE_DESCRIPTORS
        if self._most < 1:
            raise OSError(errno.EMFILE, f"the descriptor limit must be above {SPARE_DESCRIPTORS} (see ulimit -n)")
        prepare_names()  # 5 ms, in which nobody is kept waiting yet
        self._socks = listen(self.settings.host, self.settings.port, targets)
        self._apply()
        self.hub.history.open(self._open)
        host, port = self._socks[0].getsockname()[:2]
        return show_address(self.settings.host or host, port)

    def obey_signals(self, hung_up: Callable[[], object]) -> None:
        """SIGINT and SIGTERM drain, a second one ends at once; SIGUSR1 logs the counters; SIGHUP calls `hung_up`.

        A shell has what it puts in the background ignore SIGINT, which must stop a server all the same; `nohup` means
        what it says.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            self.reactor.on_signal(number, self._stop_asked)
        self.reactor.on_signal(signal.SIGHUP, hung_up, unless_ignored=True)
        self.reactor.on_signal(signal.SIGUSR1, self.log_counters)

    def reconfigure(self, settings: Settings) -> None:
        """Take over what can change while the server runs, and log what has changed and what needs a restart."""
        changed = [name for name in PARSERS if getattr(settings, name) != getattr(self.settings, name)]
        live = {name: getattr(settings, name) for name in changed if name not in FIXED}
        self.service.settings = dataclasses.replace(self.settings, **live)
        self._apply()
        logging.getLogger().setLevel(settings.log_level.upper())
        words = ", ".join(f"{option(name)} is {PARSERS[name].show(value)[:64]!r}" for name, value in live.items())
        logger.info("the configuration was read again: %s", words or "nothing that can change has changed")
        if fixed := [option(name) for name in changed if name in FIXED]:
            logger.warning("a change of %s needs a restart", ", ".join(fixed))

    def _apply(self) -> None:
        """Pass the settings on to those who hold a value of theirs."""
        settings = self.settings
        rate = settings.rate if not self._draining else 0.0
        self.service.pace.set(rate, settings.burst)
        self.service.address_pace.set(rate, settings.burst)
        self.reactor.sending = SENDING if rate else 0.0
        self.hub.tick.soft, self.hub.tick.hard = settings.queue_soft, settings.queue_hard
        self._gate.most = min(settings.max_connections or self._most, self._most)
        self._gate.most_per_address, self._gate.exempt = settings.max_per_address, settings.exempt
        seats = self.hub.seats
        seats.grace, seats.most_per_origin = settings.resume_grace, settings.max_per_address
        seats.most = settings.max_seats or self._gate.most
        for listener in self._listeners:
            listener.accepts = settings.accepts
        for sock in self._socks:
            if sock.fileno() >= 0:
                self._prepare(sock)

    def serve(self) -> None:
        """Run until drained."""
        # What was made so far stays for good. Hardly anything here is in a cycle, so the collector, which walks all
        # sessions, need not look after every 700 new objects as it would by default.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 100)
        self.reactor.run()
        self.log_counters()
        self.close()

    def drain(self) -> None:
        """Accept nobody, say goodbye to everybody, wait for the farewells to arrive, then stop the reactor."""
        self._draining = True
        self._end = min(self._end, self.reactor.clock() + self.settings.drain_timeout)
        for listener in self._listeners:
            listener.close()
        share = _FAREWELLS if self.settings.history else 1.0
        self.reactor.call_later(self.settings.drain_timeout * share, self.reactor.stop)
        # What was said before is handled and kept first; but neither floods nor a hanging disk hold up the farewells.
        self.reactor.call_later(self.settings.drain_timeout / 5, self._say_goodbye)
        self._apply()  # there is no pace any more
        self._catch_up([connection for deadlines in self.watch.everybody() if (connection := deadlines.peer).is_behind])

    def close(self) -> None:
        """Finish the log and let go of the reactor. After it has stopped."""
        left = min(self.settings.drain_timeout, self._end - self.reactor.clock())
        self.hub.history.close(max(0.0, left))
        self.reactor.close()

    # --- connections

    def _forget(self, connection: Connection) -> None:
        """A connection's socket is closed."""
        self.watch.discard(connection.deadlines)
        self.reactor.memory.hold()
        self._gate.release(host_of(connection.address))
        self._stop_if_empty()

    def _lower_limit(self) -> None:
        """Memory has run out: let nobody in until a quarter has gone, and never so many again."""
        count = self._gate.count
        if count <= self._most:  # or it was lowered already, and there are still more
            self._most = max(1, count * 3 // 4)
            self._apply()
            logger.error("memory has run out with %d connections: at most %d from now on", count, self._most)

    def log_counters(self) -> None:
        """One line with what has happened since the start."""
        seats = self.hub.seats
        every = self.service.counts + collections.Counter(
            {"no-seat": seats.refused, "seats": len(seats)}
        )  # none that is 0
        counts = ", ".join(f"{reason} {count}" for reason, count in sorted(every.items()))
        logger.info(
            "%d connected, %d rooms; %s; %d messages skipped; longest tick %.1f ms of %d",
            self._gate.count,
            len(self.hub.rooms),
            counts or "nobody came",
            self.hub.tick.skipped,
            self.reactor.longest_tick * 1e3,
            self.reactor.ticks,
        )

    def _make_history(self, settings: Settings) -> History:
        memory = MemoryHistory(most=settings.history_memory)
        if not settings.history:
            return memory
        return SqliteHistory(
            settings.history,
            self.reactor.call_before_flush,
            self.reactor.call_from_thread,
            self._announce,
            memory,
            settings.history_keep,
            settings.history_max,
            lambda newest: self.hub.raise_stamps(newest),
            self.reactor.call_later,
        )

    def _open(self, newest: int) -> None:
        """The log can be used: let those in who have knocked meanwhile."""
        self.hub.raise_stamps(newest)
        for sock in self._socks:
            listener = Listener(self.reactor, sock, self._accepted, self._refused_in_need, self.settings.accepts)
            if self._draining:
                listener.close()
            self._listeners.append(listener)

    def _announce(self, words: str, trouble: str) -> None:
        """Tell everybody something, and `trouble` whoever comes from now on."""
        self.service.notice = trouble
        self.hub.tell_everybody(Notice(words))

    def _prepare(self, sock: socket.socket) -> None:
        """Set what accepted sockets inherit from the listening one: that saves four calls for each of them."""
        # Small, or the kernel takes megabytes for a peer that never reads; as large as the soft limit, or a
        # saturated fan-out costs three times the CPU.
        buffer = min(max(self.settings.queue_soft, 65_536), _LARGEST_SEND_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        enable_keepalive(sock, self.settings.tcp_timeout)

    def _accepted(self, sock: socket.socket, address: Address) -> None:
        host = address[0]
        reason = self._gate.admit(host)
        if reason is not None:
            self._refuse(sock, address, reason)
            return
        try:
            transport = Transport(self.reactor, sock)
        except OSError as error:  # the system waits for so many only, whatever the descriptors (epoll's watches)
            self._gate.release(host)
            logger.warning("refused %s: %s", show_address(*address[:2]), error.strerror)
            with sock:
                self._refused_in_need(sock)
            return
        except MemoryError:
            self._gate.release(host)
            sock.close()
            raise
        try:
            connection = Connection(self.service, transport, show_address(*address[:2]), self._forget)
            transport.receiver = connection
            self.watch.add(connection.deadlines, connection.deadlines.next_check(self.reactor.now))
        except MemoryError:
            if transport.receiver is None:  # nobody hears of the end
                self._gate.release(host)
            transport.abort()
            raise
        self.service.counts["accepted"] += 1

    def _refuse(self, sock: socket.socket, address: Address, reason: str) -> None:
        self.service.counts[reason] += 1
        logger.info("refused %s: %s", reason, show_address(*address[:2]))
        goodbye = encode(Goodbye(reason, _REFUSALS[reason]))
        if self._farewells < _MOST_FAREWELLS:
            transport = Transport(self.reactor, sock, _Refused(self))
            self._farewells += 1
            transport.write(goodbye)
            transport.close()
        else:
            _send_once(sock, goodbye)
            sock.close()

    def _refused_in_need(self, sock: socket.socket) -> None:
        self.service.counts["full"] += 1
        _send_once(sock, encode(Goodbye("full", _REFUSALS["full"])))

    def farewell_over(self) -> None:
        """A refused peer is gone."""
        self._farewells -= 1

    # --- stopping

    def _catch_up(self, behind: list[Connection]) -> None:
        """Say goodbye when nobody is behind any more. What the pace kept back is handled for one peer in a tick."""
        if behind:
            behind[0].catch_up()
            left = [connection for connection in behind if connection.is_behind]
            self.reactor.call_soon(self._catch_up, left[1:] + left[:1])
        else:
            self.hub.history.when_settled(self._say_goodbye)

    def _say_goodbye(self) -> None:
        for session in self.hub.sessions():
            session.shut_down("the server is shutting down")
        self._stop_if_empty()

    def _stop_asked(self) -> None:
        if self._draining:
            logger.info("stopping at once")
            self._end = min(self._end, self.reactor.clock() + _HURRY)
            self.reactor.stop()
        else:
            logger.info("stopping: saying goodbye to %d", self._gate.count)
            self.drain()

    def _stop_if_empty(self) -> None:
        if self._draining and not self._gate.count:
            self.reactor.stop()


class _Refused:
    """Who is told what a refused peer does: nothing of it counts."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> None: ...
    def drained(self) -> None: ...
    def connection_lost(self, error: Exception | None) -> None:
        self._server.farewell_over()


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open descriptors to the hard one; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS says "unlimited" and means less
            return soft
    return hard if hard != resource.RLIM_INFINITY else 1_000_000


def _send_once(sock: socket.socket, data: bytes) -> None:
    """Send what the empty buffer of a new socket takes at once anyway."""
    try:
        sock.setblocking(False)
        sock.send(data)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass
