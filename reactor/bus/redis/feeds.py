"""All rooms of this server: what is proposed, committed, read back, and takes effect in the one order."""

from collections.abc import Callable, Iterable

from pylingo.reactor.bus.redis.blob import Part
from pylingo.reactor.bus.redis.committer import Committer
from pylingo.reactor.bus.redis.counters import Counters
from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.effects import Effects
from pylingo.reactor.bus.redis.feed import Feed, FeedListener, FeedState, Flight, Ordered, Proposal
from pylingo.reactor.bus.redis.flights import Flights
from pylingo.reactor.bus.redis.holdings import Holdings
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.reader import Reader
from pylingo.reactor.bus.redis.recovery import Recovery
from pylingo.reactor.bus.redis.ring import Ring
from pylingo.reactor.bus.redis.settling import Settling
from pylingo.reactor.bus.redis.stillness import Stillness
from pylingo.reactor.bus.redis.waiting import Replicas
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.history.clock import wall_clock

_WATCH_PERIOD = 0.25  # seconds


class Feeds:
    """The rooms of the server with the number `server`, whose fence was set up with `generation` (see `Health`).

    A room keeps about `keep` batches in Redis. With `replicas` above 0, an own batch takes effect when that many
    replicas have it. `clock` gives microseconds since 1970; it is corrected by Redis's.
    `silence` gives the seconds for which Redis has not answered something else.
    """

    def __init__(
        self,
        reactor: Reactor,
        deployment: Deployment,
        keys: Keys,
        server: int,
        generation: int,
        listener: FeedListener,
        keep: int = 1000,
        replicas: int = 0,
        clock: Callable[[], int] = wall_clock,
        counters: Counters | None = None,
        silence: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.counters = counters or Counters()
        """The counters that were given, with those of these rooms added."""
        self._reactor = reactor
        self._deployment = deployment
        self._keys = keys
        self._server = server
        self._listener = listener
        self._feeds: dict[str, Feed] = {}
        self._by_channel: dict[bytes, Feed] = {}
        self._silence = silence
        self._is_fenced = False
        self._away_since: float | None = reactor.clock()
        self._why_away = ""
        self._holdings = Holdings(deployment, keys, server)
        self._ring = Ring(reactor.clock)
        self._settling = Settling(reactor.clock)
        self.replicas = Replicas(deployment, replicas, self._confirmed)
        """Waits until replicas have what was written."""
        self._reader = Reader(reactor, deployment, keys, server, self._began, self._caught_up, self.counters)
        generations = dict.fromkeys(range(keys.lanes), generation)
        self._recovery = Recovery(
            reactor, deployment, keys, server, generations, keep, clock, self._reader, self._ring, self
        )
        self._committer = Committer(
            deployment,
            keys,
            server,
            generations,
            keep,
            self.replicas,
            lambda: clock() + self._recovery.offset,
            self.counters,
        )
        self._flights = Flights(
            reactor, server, self._committer.commit, self._reader, self.replicas, self._settling, self
        )
        self._effects = Effects(
            reactor, server, self._ring, self._holdings, listener, self._committer.saw, self._flights.landed
        )
        self._waiting: list[Callable[[], object]] = []  # until Redis takes proposals
        self._stillness = Stillness(lambda *how: reactor.run_safely(listener.stands_still, *how))
        self._watch = reactor.call_later(_WATCH_PERIOD, self._look_round)

    # --- what the server asks

    def open(self, room: str, name: str, opened: Callable[[Feed], object]) -> None:
        """Follow the room with the compared form `room`, spelled `name` if nobody has spelled it differently.

        `opened` gets the feed with its spelling, head, roll and topic; at once if it is followed already.
        """
        feed = self._feed(room, name)
        has_ended = feed.state is FeedState.OPEN and feed.is_closing and not feed.roll  # anybody may spell it anew
        feed.is_closing = False
        if feed.state in (FeedState.OPEN, FeedState.REPAIRING) and not has_ended:
            opened(feed)
            return
        feed.opened.append(opened)
        if feed.state is FeedState.UNHEARD or has_ended:
            feed.state = FeedState.OPENING
            feed.name = name
            self._by_channel[self._channel(feed)] = feed
            if self._flights.is_ready:
                self._reader.open(feed)

    def close(self, room: str) -> None:
        """Follow a room no more, once everything proposed to it has taken effect."""
        feed = self._feeds.get(room)
        if feed is not None:
            feed.is_closing = True
            self.rested(feed)

    def propose(self, room: str, part: Part, ordered: Ordered | None = None) -> None:
        """Propose an event or messages for a room, followed or not. They are sent at the end of the tick.

        `ordered` gets the first stamp. The listener calls it for a room that is followed, `Feeds` itself for others.
        """
        feed = self._feeds.get(room) or self._feed(room, room)
        feed.pending.append(Proposal(part, ordered, self._reactor.now))
        self._settling.proposed(feed)
        self._flights.want(feed)

    def last(self, room: str) -> Ordered | None:
        """The `ordered` of what was proposed last for a room, if it is not on its way yet."""
        feed = self._feeds.get(room)
        return feed.pending[-1].ordered if feed is not None and feed.pending else None

    def is_whole(self, room: str) -> bool:
        """Whether everything that has come for a room has taken effect, and nothing is being read.

        While Redis is away, nothing is: those who are here then have said everything here.
        """
        feed = self._feeds.get(room)
        return feed is None or (feed.is_drained and (feed.state is not FeedState.REPAIRING or not self.is_ready))

    def when_whole(self, room: str, callback: Callable[[], object]) -> None:
        """Call `callback` when the room `is_whole`, or is followed no more; at once if so."""
        feed = self._feeds.get(room)
        if feed is None or self.is_whole(room):
            callback()
        else:
            feed.whole.append(callback)

    def withdraw(self, is_unwanted: Callable[[Proposal], bool]) -> list[Proposal]:
        """Take back what is unwanted among the proposals that are not on their way. Return it.

        The unwanted proposals of a batch whose fate is unknown are taken back if Redis does not have it.
        """
        found = []
        for feed in self._settling.busy:
            withdrawn = [proposal for proposal in feed.pending if is_unwanted(proposal)]
            feed.pending = [proposal for proposal in feed.pending if proposal not in withdrawn]
            found += withdrawn
            if feed.flight is not None and feed.flight.is_lost:
                for proposal in feed.flight.proposals:
                    proposal.is_withdrawn = is_unwanted(proposal)
            self._settling.settled(feed, len(withdrawn))
            self.rested(feed)
        return found

    def hold(self, room: str, numbers: list[int], giver: int) -> None:
        """These sessions in a room belong to this server from now on. `giver` is the server that they belonged to."""
        feed = self._feeds.get(room)
        if feed is not None:
            feed.own.update(numbers)
        self._holdings.hold(room, numbers, giver)

    def let_go(self, room: str, numbers: Iterable[int]) -> None:
        """These sessions in a room belong to another server, which holds them."""
        if (feed := self._feeds.get(room)) is not None:
            feed.own.difference_update(numbers)

    def when_settled(self, callback: Callable[[], object]) -> None:
        """Call `callback` when everything proposed until now has taken effect; at once if it has."""
        self._settling.when_settled(callback)

    def when_ready(self, callback: Callable[[], object]) -> None:
        """Call `callback` when Redis takes proposals again; at once if it does."""
        if self._flights.is_ready:
            callback()
        else:
            self._waiting.append(callback)

    @property
    def is_ready(self) -> bool:
        """Whether Redis takes proposals: everything that this server had missed was found out."""
        return self._flights.is_ready

    @property
    def is_idle(self) -> bool:
        """Whether everything that was proposed has taken effect."""
        return self._settling.is_idle

    @property
    def lag(self) -> float:
        """The seconds since the oldest proposal that has not taken effect; 0 if there is none."""
        return self._settling.lag

    @property
    def waiting(self) -> int:
        """How many events that were proposed have not taken effect."""
        return self._settling.waiting

    def stop(self) -> None:
        """Propose and watch nothing more. The listener is not told that this server was given up."""
        self._is_fenced = True
        self._flights.is_ready = False
        self._recovery.stop()
        self._watch.cancel()

    # --- what the deployment says

    def up(self) -> None:
        """All links of the deployment are up, for the first time or again."""
        self.recover()

    def down(self, why: str) -> None:
        """A link of the deployment is lost."""
        self._recovery.stop()
        self._stand_by()
        self._why_away = why
        if self._away_since is None:
            self._away_since = self._reactor.clock()

    def pushed(self, channel: bytes, data: bytes) -> bool:
        """Take a message of a channel. Return whether the channel is one of a room that is followed."""
        feed = self._by_channel.get(channel)
        if feed is None or self._is_fenced:
            return False
        if feed.hear_push(data):
            self._reader.repair(feed)
        self._drain(feed)
        return True

    def _drain(self, feed: Feed) -> None:
        self._effects.drain(feed)
        if feed.whole and feed.is_drained and feed.state is FeedState.OPEN:
            self._call_waiters(feed)

    def _call_waiters(self, feed: Feed) -> None:
        waiters, feed.whole = feed.whole, []
        for callback in waiters:
            self._reactor.run_safely(callback)

    # --- opening and closing

    def _feed(self, room: str, name: str) -> Feed:
        feed = self._feeds.get(room)
        if feed is None:
            feed = self._feeds[room] = Feed(room, name, self._keys.lane(room), FeedState.UNHEARD)
        return feed

    def _channel(self, feed: Feed) -> bytes:
        return self._keys.channel(feed.lane, f"r:{feed.key}").encode()

    def _confirmed(self, flight: Flight) -> None:
        """Enough replicas have a batch of this server."""
        if self._is_fenced:
            return
        self._flights.confirmed(flight)
        self._drain(flight.feed)

    def _began(self, feed: Feed) -> None:
        """A feed knows its room: tell those that waited for it."""
        if self._is_fenced:
            return
        self._committer.saw(feed.head)
        feed.state = FeedState.REPAIRING
        opened, feed.opened = feed.opened, []
        for callback in opened:
            self._reactor.run_safely(callback, feed)
        self._catch_up(feed)
        self._flights.began(feed)
        self.rested(feed)

    def _caught_up(self, feed: Feed) -> None:
        """A feed has read what it missed. After `stop`, that concerns nobody: the server is another one by then."""
        if self._is_fenced:
            return
        self._catch_up(feed)
        self._flights.caught_up(feed)
        self.rested(feed)

    def _catch_up(self, feed: Feed) -> None:
        if feed.release_held():
            self._reader.repair(feed)
        self._drain(feed)

    def rested(self, feed: Feed) -> None:
        """Forget a feed that nobody needs, unless something of it is still on its way."""
        if feed.pending or feed.flight is not None or feed.ready or self._feeds.get(feed.key) is not feed:
            return
        if feed.state is FeedState.UNHEARD:
            del self._feeds[feed.key]
        elif feed.is_closing:
            del self._feeds[feed.key]
            del self._by_channel[self._channel(feed)]
            self._reader.unsubscribe(feed)
            self._call_waiters(feed)

    # --- the way back

    def recover(self) -> None:
        """Begin anew with Redis, which may be another one."""
        if not self._is_fenced:
            self._stand_by()
            self._recovery.begin()

    def _stand_by(self) -> None:
        """The connections are not what they were."""
        self._flights.is_ready = False
        self._flights.lose(self._feeds.values())
        for feed in self._feeds.values():
            if feed.state is FeedState.OPEN:
                feed.state = FeedState.REPAIRING

    def feeds(self) -> Iterable[Feed]:
        """For the recovery: all feeds."""
        return list(self._feeds.values())

    def taken(self, numbers: list[int]) -> None:
        """For the recovery: other servers have taken these sessions."""
        self._reactor.run_safely(self._listener.taken, numbers)

    def healed(self) -> None:
        """For the recovery: Redis may have lost something."""
        self._reactor.run_safely(self._listener.healed)

    def fenced(self) -> None:
        """This server was given up."""
        if not self._is_fenced:
            self._is_fenced = True
            self._flights.is_ready = False
            self._recovery.stop()
            self._listener.fenced()

    def recovered(self, intact: set[Feed], is_another: bool) -> None:
        """For the recovery: proposals may go on."""
        self._flights.is_ready = True
        self._away_since = None
        self._flights.trouble = self._why_away = ""
        self._holdings.resume()
        for feed in self.feeds():
            if feed.state is FeedState.OPENING:
                self._reader.open(feed)
            elif feed in intact:
                self._caught_up(feed)
            elif feed.state is FeedState.REPAIRING:
                self._reader.repair(feed)
            else:
                self._flights.find_out(feed)
                self._flights.want(feed)
        if is_another:
            self._settling.when_settled(lambda: self._holdings.restore(self._feeds.values()))
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            self._reactor.run_safely(callback)

    def _look_round(self) -> None:
        """Notice what stands still."""
        self._watch = self._reactor.call_later(_WATCH_PERIOD, self._look_round)
        away = 0.0 if self._away_since is None else self._reactor.clock() - self._away_since
        trouble = self._why_away or self._flights.trouble or self._recovery.trouble or self.replicas.trouble
        self._stillness.check(max(away, self._settling.lag, self._silence()), trouble)
        self._flights.look_after()
