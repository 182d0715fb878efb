"""The chat server: the engine and the chat, wired together. Start, serve, drain, stop."""

import collections
import dataclasses
import gc
import logging
import math
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pylingo.reactor.admission import Admission
from pylingo.reactor.bus.local import LocalBus
from pylingo.reactor.certificates import load_tls
from pylingo.reactor.chat.access import Access
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.moderation import enforce
from pylingo.reactor.chat.session import Session
from pylingo.reactor.config import SETTINGS, ServerSettings
from pylingo.reactor.ending import Ending
from pylingo.reactor.engine.dial import Target
from pylingo.reactor.engine.listener import ConnectionLimiter
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.tls import ServerTls
from pylingo.reactor.fair_queue import SENDING, FairQueue
from pylingo.reactor.history.clock import Clock
from pylingo.reactor.history.history import History
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.history.sqlite import SqliteHistory
from pylingo.reactor.inherited import NATIVE
from pylingo.reactor.intake import Intake, Port
from pylingo.reactor.people import keys, look_alikes
from pylingo.reactor.people.passwords import PasswordGate
from pylingo.reactor.people.register import Register
from pylingo.reactor.registry import Registry
from pylingo.reactor.service import Service
from pylingo.reactor.start import reachable
from pylingo.shared.address import show_address
from pylingo.shared.messages import Notice
from pylingo.shared.names import prepare as prepare_names
from pylingo.shared.text import counted

if TYPE_CHECKING:
    from pylingo.reactor.bus.redis.cluster import Cluster
    from pylingo.reactor.bus.redis.settings import ClusterSettings
    from pylingo.reactor.membership import Membership

logger = logging.getLogger(__name__)

_NAMES_EVERY, _NAMES_AT_ONCE = 3_600.0, 500  # seconds between two rounds, and names in one tick


class Server:
    """A chat server on `reactor`. Call `start` and run the reactor; `drain` ends it.

    `registry` knows who people are. Without it, everybody may come in, and what is known of them is in memory.
    Connections come from `intake`; without it, from the port in the settings. With `cluster`, it is one of several
    servers of one chat. `sockets` are listening sockets that are inherited, by name (see `inherited`). Raises
    `LaunchError` if the certificate cannot be used.
    """

    def __init__(
        self,
        settings: ServerSettings,
        reactor: Reactor | None = None,
        registry: Registry | None = None,
        intake: Intake | None = None,
        cluster: "ClusterSettings | None" = None,
        sockets: Mapping[str, Sequence[socket.socket]] | None = None,
    ) -> None:
        tls = load_tls(settings)
        self.reactor = reactor or Reactor()
        self.address = ""
        """`HOST:PORT` as other machines reach this server, once it listens."""
        self.registry = registry or Registry(Register())
        self.registry.changed = self.people_changed
        self.hub: Hub[Session] = Hub(
            self.reactor.call_before_flush,
            LocalBus(lambda: self.address),
            clock=Clock(),
            history=self._make_history(settings),
            call_later=self.reactor.call_later,
            monotonic=self.reactor.clock,
            access=Access(self.registry.register, self.registry.store),
        )
        self._set_password()
        limiter = ConnectionLimiter(settings.max_connections, settings.max_per_address, settings.exempt)
        self.service = Service(self.reactor, self.hub, settings, limiter.is_exempt, FairQueue(self.reactor))
        self._sockets = sockets or {}
        intake = intake or Port(self.reactor, inherited=self._sockets.get(NATIVE, ()))
        self.admission = Admission(self.service, limiter, intake, lambda: self.ending.stop_if_empty())
        self.admission.tls = tls
        self.ending = Ending(self.service, self.admission, self.registry, self._configure)
        self.irc_addresses: list[str] = []
        """The addresses for IRC clients: `HOST:PORT`, and ` with TLS` behind an encrypted one."""
        self.irc_passwords = PasswordGate(None, self.reactor.call_from_thread, self.reactor.clock)
        self.is_open = False
        """Whether people have been let in."""
        self._opened: list[Callable[[], object]] = []
        self._membership = self._join(cluster) if cluster is not None else None
        self.ending.cluster = self.cluster
        self._configure()

    @property
    def settings(self) -> ServerSettings:
        """The present settings."""
        return self.service.settings

    @property
    def cluster(self) -> "Cluster | None":
        """The cluster of which this server is a part."""
        return self._membership.cluster if self._membership is not None else None

    @property
    def failure(self) -> str:
        """Why the server has stopped by itself, in one sentence; empty if it has not."""
        return self._membership.failure if self._membership is not None else ""

    @property
    def trouble(self) -> str:
        """Why nobody should be sent here at the moment, in one sentence; empty if people may come."""
        if self.ending.is_draining:
            return "the server is stopping"
        if self.cluster is not None and not self.cluster.is_up:
            return "the server cannot reach its Redis"
        if not self.admission.is_accepting:
            return "the server lets nobody in yet"
        return self.service.notice

    def start(self, targets: Sequence[Target] = ()) -> str:
        """Listen, and let people in. See `listen` and `open`."""
        address = self.listen(targets)
        self.open()
        return address

    def listen(self, targets: Sequence[Target] = ()) -> str:
        """Listen; return `HOST:PORT` as a client would write it. Raises `OSError` if that is impossible.

        People who connect before `open` wait. `targets` are the addresses of the host, which is looked up if there are
        none.
        """
        prepare_names()  # takes 5 ms, and nobody is kept waiting yet
        self._refresh_names()
        if self.registry.data is not None or self.settings.members:  # people with keys will come
            keys.prepare()
            look_alikes.prepare()
        address = self.admission.listen(targets)
        self._listen_for_irc()
        host, port = self.settings.host, self.settings.port
        own = address or (show_address(host, port) if port else "")  # a supervisor has the port of a worker
        self.address = reachable(own, targets[0][1][0] if targets else host) if own else ""
        return address

    def open(self) -> None:
        """Let people in once the history can be used. In a cluster, `wait_for_cluster` does it."""
        if self._membership is None:
            self.hub.history.open(self._history_opened)

    def wait_for_cluster(self) -> None:
        """Run until people may come, in a cluster. Raises `LaunchError` if this server cannot take part, or ends."""
        if self._membership is not None:
            self._membership.wait()

    def _join(self, settings: "ClusterSettings") -> "Membership":
        from pylingo.reactor.membership import Membership  # which needs hiredis

        return Membership(self, settings)

    def when_open(self, callback: Callable[[], object]) -> None:
        """Call `callback` when people may come, or at once if they may: the history is open, the cluster joined."""
        if self.is_open:
            callback()
        else:
            self._opened.append(callback)

    def obey_signals(self, hung_up: Callable[[], object], upgrade: Callable[[], object] = lambda: None) -> None:
        """SIGINT and SIGTERM drain, a second one ends at once; SIGUSR1 logs the counters; SIGHUP calls `hung_up`.

        SIGUSR2 calls `upgrade`.

        A shell makes its background jobs ignore SIGINT, which must stop a server all the same. An ignored SIGHUP
        stays ignored: `nohup` asked for that.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            self.reactor.on_signal(number, self.ending.stop)
        self.reactor.on_signal(signal.SIGHUP, hung_up, unless_ignored=True)
        self.reactor.on_signal(signal.SIGUSR1, self.log_counters)
        self.reactor.on_signal(signal.SIGUSR2, upgrade)

    def reconfigure(self, settings: ServerSettings, tls: ServerTls | None) -> None:
        """Take over the settings that can change at run time. Log what has changed, and what needs a restart.

        `tls` is what `load_tls` has made of the settings. Handshakes use it from now on.
        """
        changed = [row for name, row in SETTINGS.items() if getattr(settings, name) != getattr(self.settings, name)]
        live = {row: getattr(settings, row.name) for row in changed if not row.needs_restart}
        self.service.settings = dataclasses.replace(self.settings, **{row.name: live[row] for row in live})
        self._configure()
        logging.getLogger().setLevel(settings.log_level.upper())
        words = [f"{row.option} is {row.type.show(value)[:64]!r}" for row, value in live.items()]
        if tls is not None and tls.certificate != getattr(self.admission.tls, "certificate", None):
            words.append("the certificate is a new one")
        self.admission.tls = tls
        logger.info("the configuration was read again: %s", ", ".join(words) or "no option has changed")
        if fixed := [row.option for row in changed if row.needs_restart]:
            logger.warning("a change of %s needs a restart", ", ".join(fixed))

    def serve(self) -> None:
        """Run until drained."""
        # The objects made so far stay for good, and hardly anything here is in a cycle. The collector need not look
        # after every 700 new objects, as it does by default. The second number bounds its longest pass on young
        # objects: with 50 instead of 5, one took 70 ms when 6,000 rooms had come.
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 5, 1_000)
        self.reactor.run()
        self.log_counters()
        self.close()

    def close(self) -> None:
        """Finish everything, and let go of the reactor. Call it after the reactor has stopped."""
        self.ending.finish()
        self.reactor.close()

    def _refresh_names(self, sessions: Sequence[Session] = ()) -> None:
        """Note now and then which names are in use, some in each tick: a name that is in use never becomes free."""
        self.hub.refresh_names(sessions[:_NAMES_AT_ONCE])
        if rest := sessions[_NAMES_AT_ONCE:]:
            self.reactor.call_soon(self._refresh_names, rest)
        else:
            delay = min(_NAMES_EVERY, (self.settings.name_keep or math.inf) / 3)
            self.reactor.call_later(delay, lambda: self._refresh_names(self.hub.sessions()))

    def log_counters(self) -> None:
        """Log one line with what has happened since the start."""
        seats = self.hub.seats
        counts = self.service.counts + collections.Counter({"no-seat": seats.refused, "seats": len(seats)})
        logger.info(
            "%d connected, %s; %s; %s skipped; longest tick %.1f ms of %d",
            self.admission.count,
            counted(len(self.hub.rooms), "room"),
            ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items())) or "nobody came",
            counted(self.hub.tick.skipped, "message"),
            self.reactor.longest_tick * 1e3,
            self.reactor.ticks,
        )
        if self.cluster is not None:
            logger.info("cluster: %s", self.cluster.show_counters())

    def reopen_logs(self) -> None:
        """Nothing: the log belongs to the process. A supervisor has its workers open theirs again."""

    def announce(self, words: str, notice: str) -> None:
        """Tell everybody `words`, and everybody who comes from now on `notice`, if it is not empty."""
        self.service.notice = notice
        self.hub.tell_everybody(Notice(words))

    def people_changed(self) -> None:
        """Other members or another password were read: somebody may have to leave."""
        self._set_password()
        enforce(self.hub)

    def _listen_for_irc(self) -> None:
        settings = self.settings
        if settings.irc_port is None and settings.irc_tls_port is None:
            return
        from pylingo.reactor.irc_start import listen_for_irc, make_gateway

        gateway = make_gateway(
            self.hub, settings.irc_name, lambda: self.settings.motd, self.reactor.call_later, self.irc_passwords.check
        )
        self.irc_addresses = listen_for_irc(self.admission, settings, gateway, self._sockets)

    def _set_password(self) -> None:
        access, password = self.hub.access, self.registry.password
        if password is None:
            access.password = None
        elif isinstance(access.password, PasswordGate):
            access.password.hash = password
        else:
            access.password = PasswordGate(password, self.reactor.call_from_thread, self.reactor.clock)

    def _configure(self) -> None:
        """Pass the settings on to the objects that hold values of them."""
        settings, service = self.settings, self.service
        rate = settings.rate if not self.ending.is_hurrying else 0.0
        service.pace.set(rate, settings.burst)
        service.address_pace.set(rate, settings.burst)
        self.reactor.sending = SENDING if rate else 0.0
        self.reactor.coalescer.longest = settings.coalesce if not self.ending.is_hurrying else 0.0
        self.hub.tick.soft, self.hub.tick.hard = settings.queue_soft, settings.queue_hard
        self.hub.take_work()  # without a rate nobody takes it
        self.admission.configure()
        seats = self.hub.seats
        seats.grace, seats.most_per_origin = settings.resume_grace, settings.max_per_address
        seats.most = settings.max_seats or self.admission.limiter.most

    def _make_history(self, settings: ServerSettings) -> History:
        memory = MemoryHistory(most=settings.history_memory)
        if not settings.history:
            return memory
        return SqliteHistory(
            settings.history,
            self.reactor.call_before_flush,
            self.reactor.call_from_thread,
            self.reactor.call_later,
            self.announce,
            lambda newest: self.hub.raise_stamps(newest),
            memory,
            settings.history_keep,
            settings.history_max,
        )

    def _history_opened(self, newest: int) -> None:
        """The history can be used. Accept the peers that have connected meanwhile."""
        self.hub.raise_stamps(newest)
        self.let_in()

    def let_in(self) -> None:
        """Accept those who wait, and everybody from now on."""
        self.is_open = True
        self.admission.open()
        for opened in self._opened:
            opened()
