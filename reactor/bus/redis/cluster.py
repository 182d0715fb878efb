"""This server's part in a cluster: the connections to Redis, and everything that hangs on them, wired together.

The bus and the history exist once the server is registered, under a number that no server had before. A server that the
others gave up begins anew, under another number.
"""

import logging
from collections.abc import Callable
from typing import Any, Protocol

from pylingo.reactor.bus.redis.blob import Batch
from pylingo.reactor.bus.redis.bus import RedisBus
from pylingo.reactor.bus.redis.counters import Counters, Standstill
from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.feed import Feed, Proposal
from pylingo.reactor.bus.redis.feeds import Feeds
from pylingo.reactor.bus.redis.founding import Charter, Founding, found
from pylingo.reactor.bus.redis.health import Health
from pylingo.reactor.bus.redis.history import RedisHistory
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.leaving import Leaving
from pylingo.reactor.bus.redis.overview import Overview
from pylingo.reactor.bus.redis.pact import Pact
from pylingo.reactor.bus.redis.people import ClusterPeople
from pylingo.reactor.bus.redis.questions import Questions
from pylingo.reactor.bus.redis.replicated import ReplicatedLinks
from pylingo.reactor.bus.redis.sessions import SessionRecord
from pylingo.reactor.bus.redis.settings import ClusterSettings
from pylingo.reactor.chat.access import Store
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.session import Session
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.history.clock import wall_clock
from pylingo.shared import __version__
from pylingo.shared.codec import encode
from pylingo.shared.messages import Goodbye
from pylingo.shared.text import counted

logger = logging.getLogger(__name__)

STANDS_STILL = "nobody hears anything at the moment: messages wait until the server can reach its Redis again"
GOES_ON = "everything is heard again: messages that waited have been sent"
_AGAIN = 1.0  # seconds until a Redis that is not fit yet is looked at again
_GIVEN_UP = "the other servers have given this one up: come back, and say again what was not confirmed"


class ClusterListener(Protocol):
    """The server."""

    def cluster_joined(self, pact: Pact, store: Store, answer: Callable[[str], object]) -> None:
        """Redis is there: store the register with `store` from now on. `answer` gets why this server may not join."""

    def cluster_ready(self) -> None:
        """People may come, for the first time or again."""

    def cluster_refused(self, why: str) -> None:
        """The server cannot take part; `why` is a sentence."""

    def cluster_lost(self) -> None:
        """The others gave this server up. Nobody may come until `cluster_ready`."""

    def cluster_cut_off(self) -> None:
        """Redis is out of reach for so long that people had better go elsewhere, where they can resume.

        End all connections without a goodbye. Nobody may come until `cluster_ready`.
        """

    def people_changed(self) -> None:
        """Another server has changed members, ranks or bans: somebody may have to leave."""

    def announce(self, words: str, notice: str) -> None:
        """Tell everybody `words`, and everybody who comes from now on `notice`, if it is not empty."""


class Cluster:
    """See the module. `certificate` is the fingerprint that all servers must have, "" for none.

    `address` returns what the other servers are shown of this one.
    """

    def __init__(
        self,
        reactor: Reactor,
        settings: ClusterSettings,
        hub: Hub[Session],
        listener: ClusterListener,
        certificate: str = "",
        address: Callable[[], str] = lambda: "",
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._hub = hub
        self._listener = listener
        self._certificate = certificate
        self._address = address
        self._keys: Keys | None = None
        self._people: ClusterPeople | None = None
        self._health: Health | None = None
        self._feeds: Feeds | None = None
        self._bus: RedisBus | None = None
        self._history: RedisHistory | None = None
        self._is_people_read = self._has_numbers = False
        self._leaving = Leaving(reactor, hub)
        self.counters = Counters()
        """The counters since the start."""
        self._standstill = Standstill(self.counters, reactor.clock)
        self.deployment = Deployment(reactor, settings, self)
        self._questions = Questions(self.deployment, reactor.call_later)
        self._records = Questions(self.deployment, reactor.call_later)
        self._certain = self._questions
        """The questions whose answers must survive a failover, as they are told to people."""
        self._certain_lag: Callable[[], float] = lambda: 0.0

    @property
    def address(self) -> str:
        """Where Redis is."""
        return str(self._settings.address)

    @property
    def is_up(self) -> bool:
        """Whether Redis is there, and answers."""
        return self.deployment.is_up

    @property
    def waiting(self) -> int:
        """Events that this server has proposed, and that have not taken effect yet."""
        return self._feeds.waiting if self._feeds is not None else 0

    @property
    def lag(self) -> float:
        """Seconds for which the oldest of them has waited."""
        return self._feeds.lag if self._feeds is not None else 0.0

    @property
    def is_alone(self) -> bool:
        """Whether no other server of the cluster is alive."""
        return self._health is None or not self._health.has_company()

    def show_counters(self) -> str:
        """Return one line with the counters, and with how it is now."""
        still = f", talk stands still since {self._standstill.ms} ms" if self._standstill.ms else ""
        waiting = counted(self.waiting, "event waits", "events wait")
        return f"{self.counters.show()}; {waiting}, {round(self.lag * 1_000)} ms behind{still}"

    def begin_stop(self, answer: Callable[[bool], object]) -> None:
        """This server stops as planned. `answer` gets whether to `hand_over`: another server goes on."""
        if self._health is not None:
            self._leaving.begin(self._health, answer)
        else:
            answer(False)

    def stop(self, done: Callable[[], object]) -> None:
        """Leave the cluster, once everything that was said here is in Redis. Call `done` then.

        The other servers keep the seats of those who have not come back to them yet.
        """
        if self._health is not None and self._bus is not None:
            self._leaving.leave(self._health, self._bus, done)
        else:
            done()

    def hand_over(self) -> set[Session]:
        """Give every session that can be resumed to the other servers: its connection ends without a goodbye.

        The others get them when everything said here is in Redis. Return the sessions.
        """
        assert self._bus is not None
        return self._leaving.hand_over(self._bus)

    def close(self) -> None:
        """Close the connections. The last call."""
        self.deployment.close()

    # --- what the deployment says

    def up(self) -> None:
        """See `DeploymentListener.up`."""
        charter = Charter(self._settings.lanes, self._certificate)
        found(self.deployment, self._settings.name, self._settings.address.db, charter, self._found)

    def _found(self, founding: Founding) -> None:
        """Redis is fit, or not, and has the functions."""
        if founding.refusal:
            if founding.is_final and self._health is None:
                self._listener.cluster_refused(founding.refusal)
            elif self.deployment.is_up:
                logger.warning("%s", founding.refusal)
                self._reactor.call_later(_AGAIN, self.up)
            return
        if self._health is None or self._people is None:
            for warning in founding.warnings:
                logger.warning("%s", warning)
            self._take_part(founding.charter.lanes)
            return
        self.counters.reconnects += 1
        self._health.up()
        self._people.up()
        if self._feeds is not None and self._bus is not None:
            self._bus.signals.follow(self._bus.sessions.server, self.deployment.ears(0).tell)
            self._feeds.up()
            self._feeds.when_ready(self._go_on)
        self._records.up()

    def _go_on(self) -> None:
        """Redis knows what the servers know: it may be asked again."""
        self._questions.up()
        self._certain.up()
        if self._bus is not None and self._history is not None:
            self._history.up()
            self._bus.up()

    def _take_part(self, lanes: int) -> None:
        """Be a server of this cluster from now on."""
        self.deployment.use_lanes(lanes)
        self._keys = keys = Keys(self._settings.name, self._settings.address.db, lanes)
        self._people = ClusterPeople(self._reactor, self.deployment, keys, self._hub.access.register, self)
        self._listener.cluster_joined(Pact(self.deployment.ears(0), keys), self._people.store, self._joined)

    def _joined(self, why_not: str) -> None:
        if why_not:
            self._listener.cluster_refused(why_not)
            return
        assert self._keys is not None
        assert self._people is not None
        self._begin_health(self._keys)
        self._people.up()

    def _begin_health(self, keys: Keys) -> None:
        self._health = Health(
            self._reactor,
            self.deployment,
            keys,
            self,
            self._settings.patience,
            __version__,
            self._address,
            lambda: len(self._hub),
            lambda: self._feeds.lag if self._feeds is not None else 0.0,
            self._cut_off_after,
        )
        self._health.up()

    def refused(self, why: str) -> None:
        """See `DeploymentListener.refused`."""
        self._listener.cluster_refused(why)

    def down(self, why: str) -> None:
        """See `DeploymentListener.down`."""
        logger.warning("Redis is away: %s", why)
        self.counters.links_lost += 1
        if self._health is not None and self._people is not None:
            self._health.down(why)
            self._people.down(why)
        self._questions.hold()
        self._certain.hold()
        if self._feeds is not None and self._bus is not None and self._history is not None:
            self._history.hold()
            self._feeds.down(why)
            self._bus.down()

    def pushed(self, channel: bytes, data: bytes) -> None:
        """See `DeploymentListener.pushed`."""
        feeds, bus, people = self._feeds, self._bus, self._people
        is_taken = feeds is not None and feeds.pushed(channel, data)
        if not is_taken and not (bus is not None and bus.signals.pushed(channel, data)) and people is not None:
            people.pushed(channel, data)

    # --- what the health says

    def registered(self, server: int, generation: int) -> None:
        """See `HealthListener.registered`: be that server from now on."""
        reactor, settings, keys = self._reactor, self._settings, self._keys
        assert keys is not None
        feeds = Feeds(
            reactor,
            self.deployment,
            keys,
            server,
            generation,
            self,
            settings.keep,
            settings.replicas,
            counters=self.counters,
            silence=self._silence,
        )
        self._begin_certain(feeds)
        history = RedisHistory(self.deployment, keys, feeds.when_settled, reactor.call_later, reactor.clock, feeds)
        bus = RedisBus(
            self._hub,
            feeds,
            self._questions,
            self._records,
            self._certain,
            keys,
            history,
            reactor.call_before_flush,
            reactor.call_later,
            settings.keep,
            wall_clock,
            self._overview(feeds),
            reactor.clock,
            self._when_sure,
        )
        self._feeds, self._history, self._bus = feeds, history, bus
        self._hub.bus, self._hub.history = bus, history
        bus.signals.on("stopping", self._stopping)
        bus.signals.follow(server, self.deployment.ears(0).tell)
        feeds.up()
        feeds.when_ready(self._go_on)

        def began() -> None:
            self._has_numbers = True
            self._say_ready()

        bus.sessions.begin(server, began)

    def _begin_certain(self, feeds: Feeds) -> None:
        """Have private messages and names wait for replicas, if there are any to wait for."""
        if self._settings.replicas:
            links = ReplicatedLinks(self.deployment, feeds.replicas, self._reactor.clock)
            self._certain = Questions(links, self._reactor.call_later)
            self._certain.hold()  # until the feeds are ready
            self._certain_lag = lambda: links.lag

    def _silence(self) -> float:
        """The seconds for which Redis, or its replicas, have not answered something besides the feeds."""
        return max(self._health.silence if self._health is not None else 0.0, self._certain_lag())

    def _overview(self, feeds: Feeds) -> Overview:
        assert self._health is not None

        def ask(answer: Callable[[Any], object]) -> None:
            self.deployment.ears(0).call(answer, "INFO")

        return Overview(self._health, ask, self.address, lambda: feeds.lag, self._reactor.call_later)

    def _when_sure(self, callback: Callable[[], object]) -> None:
        """Call `callback` when it is certain that this server was not given up; at once if it is."""
        assert self._health is not None
        self._health.when_sure(callback)

    def _stopping(self, server: int) -> None:
        """Another server ends as planned: its seats need not wait for the patience."""
        if self._health is not None and server != self._health.server:
            self._health.give_up(server)

    def reaped(self, server: int, sessions: dict[int, SessionRecord], rooms: dict[int, list[str]]) -> None:
        """See `HealthListener.reaped`."""
        self.counters.servers_reaped += 1
        logger.warning("server %d is gone: %d of its sessions may come back", server, len(sessions))
        if self._bus is not None:
            self._bus.seats.reaped(server, sessions, rooms)

    # --- what the register says

    def people_read(self) -> None:
        """See `PeopleListener.people_read`."""
        self._is_people_read = True
        self._say_ready()

    def people_unreadable(self, why: str) -> None:
        """See `PeopleListener.people_unreadable`."""
        self._listener.cluster_refused(why)

    def people_changed(self) -> None:
        """See `PeopleListener.people_changed`."""
        self._listener.people_changed()

    # --- what the feeds say

    def applied(self, feed: Feed, top: int, batch: Batch, own: list[Proposal] | None) -> None:
        """See `FeedListener.applied`."""
        assert self._bus is not None
        self._bus.effects.applied(feed, top, batch, own)

    def missed(self, feed: Feed, after: int, until: int) -> None:
        """See `FeedListener.missed`."""
        assert self._bus is not None
        self._bus.effects.missed(feed, after, until)

    def reread(self, feed: Feed) -> None:
        """See `FeedListener.reread`."""
        assert self._bus is not None
        self._bus.effects.reread(feed)

    def taken(self, numbers: list[int]) -> None:
        """See `FeedListener.taken`."""
        assert self._bus is not None
        self._bus.seats.taken(numbers)

    def healed(self) -> None:
        """See `FeedListener.healed`."""
        assert self._bus is not None
        self._bus.healed()

    def fenced(self) -> None:
        """See `FeedListener.fenced` and `HealthListener.fenced`: end everybody here, and begin anew."""
        feeds, self._feeds = self._feeds, None
        if feeds is None:
            return
        logger.error("the other servers have given this one up: it begins anew")
        self.counters.given_up += 1
        self._has_numbers = False
        feeds.stop()
        if self._health is not None:
            self._health.pause()  # the old number hears nothing any more
        self._listener.cluster_lost()
        goodbye = encode(Goodbye("shutdown", _GIVEN_UP))
        for session in self._hub.sessions():
            session.go_elsewhere(goodbye)
        self._bus = None
        assert self._keys is not None
        self._begin_health(self._keys)

    def cut_off(self, is_cut_off: bool) -> None:
        """See `HealthListener.cut_off`."""
        if is_cut_off:
            logger.error("Redis is out of reach for long: people may go on at another server")
            self._listener.cluster_cut_off()
        else:
            self._say_ready()

    def _cut_off_after(self) -> float:
        """The seconds without Redis until people are sent elsewhere: while the others still keep their seats."""
        return self._settings.patience + self._hub.seats.grace / 2

    def stands_still(self, is_still: bool, why: str) -> None:
        """See `FeedListener.stands_still`."""
        self._standstill.note(is_still)
        if is_still:
            logger.warning("talk stands still: %s", why)
            self._listener.announce(STANDS_STILL, STANDS_STILL)
        else:
            logger.warning("talk goes on")
            self._listener.announce(GOES_ON, "")

    def _say_ready(self) -> None:
        if self._is_people_read and self._has_numbers:
            self._listener.cluster_ready()
