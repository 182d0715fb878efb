"""The supervisor: accepts within the limits, passes the sockets to workers, and makes several processes one program."""

import collections
import dataclasses
import logging
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.descriptors import descriptors_for_connections
from pylingo.reactor.engine.dial import Target
from pylingo.reactor.engine.listener import Address, ConnectionLimiter
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.engine.tls import ServerTls
from pylingo.reactor.inherited import NATIVE
from pylingo.reactor.intake import Port
from pylingo.reactor.proxied import ProxyHeaders
from pylingo.reactor.refusals import Refusals
from pylingo.reactor.workers.channel import Order
from pylingo.reactor.workers.children import Children
from pylingo.reactor.workers.pool import Pool
from pylingo.reactor.workers.redis_server import RedisServer
from pylingo.reactor.workers.worker import Pending
from pylingo.shared.codec import encode
from pylingo.shared.launch import LaunchError
from pylingo.shared.messages import Goodbye
from pylingo.shared.text import counted

logger = logging.getLogger(__name__)

_MARGIN = 2.0  # seconds beyond the drain timeout that workers have to end
_HURRY = 1.0  # seconds that they have after a second signal
_RETRY = 0.1  # seconds after which a socket that nobody could take is offered again

_LIVE = (
    "accepts",
    "drain_timeout",
    "exempt",
    "first_frame_timeout",
    "max_connections",
    "max_per_address",
    "proxy_protocol",
    "queue_hard",
    "queue_soft",
    "tcp_timeout",
)


class Supervisor:
    """`count` workers behind one port, on `reactor`. Call `start` and `serve`, as of a `Server`.

    `command` returns the command of the worker with a number. `counts` says how many peers were refused for which
    reason. The limits hold over all workers. Their cluster `has_others` if servers on other machines may be in it.
    It listens with the sockets that are `inherited`, by name, if there are any.
    """

    def __init__(
        self,
        settings: ServerSettings,
        count: int,
        command: Callable[[int], Sequence[str]],
        reactor: Reactor,
        has_others: bool = False,
        inherited: Mapping[str, Sequence[socket.socket]] | None = None,
    ) -> None:
        self.reactor = reactor
        self.settings = settings
        self.counts: collections.Counter[str] = collections.Counter()
        self.children = Children(reactor)
        self.pool = Pool(reactor, self.children, count, command, self)
        self.limiter = ConnectionLimiter(settings.max_connections, settings.max_per_address, settings.exempt)
        self.draining: Callable[[], object] = lambda: None
        """Called when it begins to stop."""
        self.irc_addresses: list[str] = []
        """The addresses for IRC clients: `HOST:PORT`, and ` with TLS` behind an encrypted one."""
        self._inherited = inherited or {}
        self._ports = {NATIVE: Port(reactor, inherited=self._inherited.get(NATIVE, ()))}
        self._goodbyes: dict[str, Callable[[Goodbye], bytes]] = {NATIVE: encode}  # how each port says them
        self._refusals = Refusals(reactor, self.counts)
        self._headers = ProxyHeaders(reactor, self.counts, self.limiter)
        self._redis: RedisServer | None = None
        self._has_others = has_others
        self._waiting: collections.deque[Pending] = collections.deque()  # accepted, while no worker has room
        self._each = 0  # connections that the descriptors of one worker suffice for
        self._is_stopping = False
        self._is_gone = False
        self._status = 0
        self._failure: LaunchError | None = None
        self._retry: Timer | None = None

    @property
    def first_code(self) -> str | None:
        """The invitation of the first operator, if one was made during `start`."""
        return next((worker.first_code for worker in self.pool.workers if worker.first_code), None)

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._is_stopping

    def use_redis(self, data: str) -> str:
        """Start `redis-server` in the data folder, before the workers; return its address. Raises `LaunchError`.

        Call it before `start`.
        """
        self._redis = RedisServer(self.reactor, self.children, data, self.pool.start, self._redis_failed)
        return self._redis.url

    def start(self, targets: Sequence[Target] = ()) -> str:
        """Bind the port and start the workers; return `HOST:PORT` as a client would write it, once all of them serve.

        Peers wait meanwhile. Raises `OSError` if the port cannot be bound, `LaunchError` if Redis cannot be used or a
        signal ends the start, and `SystemExit` if the first worker cannot serve: it has said why.
        """
        self._each = descriptors_for_connections()
        address = self._ports[NATIVE].bind(self.settings, targets)
        self._listen_for_irc()
        self._configure()
        self.reactor.call_soon(self._redis.start if self._redis is not None else self.pool.start)
        self.reactor.run()
        if not self._is_gone:
            return address
        self._close()
        if self._failure is not None:
            raise self._failure
        if self._status:
            raise SystemExit(self._status)
        raise LaunchError("stopped before the workers could serve", status=0)

    def _listen_for_irc(self) -> None:
        if self.settings.irc_port is None and self.settings.irc_tls_port is None:
            return
        from pylingo.reactor.irc_start import bind_ports, goodbye

        def bind(name: str, target: tuple[str, int]) -> str:
            self._ports[name] = self._ports[NATIVE].further(name, target, self._inherited.get(name, ()))
            self._goodbyes[name] = goodbye
            return self._ports[name].bind(self.settings, ())

        try:
            self.irc_addresses = bind_ports(self.settings, bind)
        except LaunchError:
            self._close()
            raise

    def obey_signals(self, hung_up: Callable[[], object], upgrade: Callable[[], object] = lambda: None) -> None:
        """SIGINT and SIGTERM stop all workers, a second one ends them at once; SIGUSR1 has all log their counters.

        SIGHUP calls `hung_up`, unless it is ignored (`nohup`). SIGUSR2 calls `upgrade`.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            self.reactor.on_signal(number, self.stop)
        self.reactor.on_signal(signal.SIGHUP, hung_up, unless_ignored=True)
        self.reactor.on_signal(signal.SIGUSR1, self.log_counters)
        self.reactor.on_signal(signal.SIGUSR2, upgrade)

    def when_open(self, callback: Callable[[], object]) -> None:
        """Call `callback`: people may come as soon as `start` is over."""
        callback()

    def serve(self) -> None:
        """Run until all workers have ended. Call it after `start`."""
        try:
            if not self._is_gone:
                self.reactor.run()
        finally:
            self._close()

    def _close(self) -> None:
        """Leave no process and no socket behind."""
        self._close_ports()
        self.children.end()
        self.reactor.close()

    def reconfigure(self, settings: ServerSettings, tls: ServerTls | None) -> None:
        """Take over the limits, and have all workers read their configuration."""
        self.settings = dataclasses.replace(self.settings, **{name: getattr(settings, name) for name in _LIVE})
        logging.getLogger().setLevel(settings.log_level.upper())
        self._configure()
        self.pool.order(Order.RELOAD)

    def reopen_logs(self) -> None:
        """Have all workers open the file of the log again."""
        self.pool.order(Order.REOPEN)

    def log_counters(self) -> None:
        """Log one line about all workers, and have each of them log one."""
        logger.info(
            "%d connected, by worker %s; %s started again; %s",
            self.limiter.count,
            ", ".join(f"{worker.number}: {worker.count}" for worker in self.pool.workers),
            counted(sum(max(0, worker.starts - 1) for worker in self.pool.workers), "worker"),
            ", ".join(f"{reason} {count}" for reason, count in sorted(self.counts.items())) or "nobody refused",
        )
        self.pool.order(Order.COUNT)

    # --- connections

    def _accepted(self, sock: socket.socket, address: Address, door: str) -> None:
        reason = self.limiter.admit(address[0])
        if reason is not None:
            self._refusals.refuse(sock, address, reason, self._goodbyes[door])
        elif self._waiting or not self.pool.give(sock, address, door):
            self._wait([(sock, address, door)])

    def _close_ports(self) -> None:
        for port in self._ports.values():
            port.close()

    def _wait(self, pending: Sequence[Pending]) -> None:
        """Keep sockets for the next worker that has room, and accept nobody until then."""
        for port in self._ports.values():
            port.hold()
        self._waiting.extend(pending)
        self._retry_later()

    def has_room(self) -> None:
        """Pass on the sockets that wait."""
        self._limit()
        while self._waiting:
            if not self.pool.give(*self._waiting[0]):
                self._retry_later()
                return
            self._waiting.popleft()
        for port in self._ports.values():
            port.go_on()

    def _retry_later(self) -> None:
        if self._retry is None:
            self._retry = self.reactor.call_later(_RETRY, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self.has_room()

    def released(self, host: str, count: int) -> None:
        """Count connections no longer."""
        for _ in range(count):
            self.limiter.release(host)

    def returned(self, pending: Sequence[Pending]) -> None:
        """Pass sockets to another worker; at the end, say goodbye to their peers."""
        if not self._is_stopping:
            self._wait(pending)
            self.reactor.call_soon(self.has_room)
            return
        for sock, address, door in pending:
            self.limiter.release(address[0])
            self._refusals.refuse(sock, address, "shutdown", self._goodbyes[door])

    def _configure(self) -> None:
        """Apply the settings."""
        for port in self._ports.values():
            port.configure(self.settings)
        self._headers.configure(self.settings)
        self.limiter.most_per_address, self.limiter.exempt = self.settings.max_per_address, self.settings.exempt
        self._limit()

    def _limit(self) -> None:
        """Bound the connections by the descriptors of the workers that serve."""
        most = self._each * max(1, self.pool.serving_count)
        self.limiter.most = min(self.settings.max_connections or most, most)

    # --- the workers

    def serving(self) -> None:
        """Accept from now on."""
        self._limit()
        for door, port in self._ports.items():
            accepted = self._headers.before(partial(self._accepted, door=door))
            port.open(accepted, partial(self._refusals.refuse_one, form=self._goodbyes[door]))
        self.reactor.stop()  # which `start` runs

    def failed(self, status: int) -> None:
        """End with this status."""
        self._status = status

    def gone(self) -> None:
        """End Redis, and then the loop."""
        if self._is_gone:
            return
        self._is_gone = True
        if self._redis is None:
            self.reactor.stop()
        else:
            self._redis.stop(self.reactor.stop)

    def _redis_failed(self, sentence: str) -> None:
        self._failure = LaunchError(sentence, 1)
        self.pool.stop()

    # --- stopping

    def stop(self) -> None:
        """Have all workers say goodbye and end; when they do so already, end them at once."""
        if self._is_stopping:
            logger.info("stopping at once")
            self.pool.order(Order.HURRY)
            self.reactor.call_later(_HURRY, self.pool.kill)
            return
        logger.info("stopping %s", counted(len(self.pool.workers), "worker"))
        self._is_stopping = True
        self.draining()
        self._close_ports()
        self._headers.close()
        waiting, self._waiting = list(self._waiting), collections.deque()
        self.returned(waiting)
        self.reactor.call_later(self.settings.drain_timeout + _MARGIN, self.pool.kill)
        self.pool.stop(Order.LEAVE if self._has_others else Order.STOP)
