"""All rooms of this server: what is proposed, committed, read back, and takes effect in the one order."""

import functools
import logging
from collections.abc import Callable, Iterable
from typing import Any

from pylingo.reactor.bus.redis.blob import Batch, Event, read_batch
from pylingo.reactor.bus.redis.committer import Committer
from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.feed import (
    Arrival,
    Feed,
    FeedListener,
    FeedState,
    Flight,
    Gap,
    Ordered,
    Proposal,
    Reading,
)
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.link import LinkLost, RedisError
from pylingo.reactor.bus.redis.reader import Reader, is_batch_of
from pylingo.reactor.bus.redis.recovery import Recovery
from pylingo.reactor.bus.redis.ring import Ring
from pylingo.reactor.bus.redis.settling import Settling
from pylingo.reactor.bus.redis.stillness import Stillness
from pylingo.reactor.bus.redis.waiting import Replicas
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.history.clock import wall_clock

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds before a commit that Redis refused is tried again
_WATCH_PERIOD = 0.25  # seconds
_UNHEARD_FOR = 1.0  # seconds after which a committed batch that was not published is read


class Feeds:
    """The rooms of the server with the number `server`, whose fence was set up with `generation` (see `Health`).

    A room keeps about `keep` batches in Redis. With `replicas` above 0, an own batch takes effect when that many
    replicas have it. `clock` gives microseconds since 1970; it is corrected by Redis's.
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
    ) -> None:
        self._reactor = reactor
        self._deployment = deployment
        self._keys = keys
        self._server = server
        self._listener = listener
        self._feeds: dict[str, Feed] = {}
        self._by_channel: dict[bytes, Feed] = {}
        self._wanted: dict[Feed, None] = {}
        self._is_ready = False
        self._is_fenced = False
        self._away_since: float | None = reactor.clock()
        self._pause = _FIRST_PAUSE
        self._trouble = ""
        self._unsent_holds: list[tuple[str, list[int], int]] = []
        self._ring = Ring(reactor.clock)
        self._settling = Settling(reactor.clock)
        self._replicas = Replicas(deployment, replicas, lambda flight: self._drain(flight.feed))
        self._reader = Reader(reactor, deployment, keys, server, self._began, self._caught_up)
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
            self._replicas,
            lambda: clock() + self._recovery.offset,
            self._committed,
        )
        self._stillness = Stillness(lambda *how: reactor.run_safely(listener.stands_still, *how))
        self._watch = reactor.call_later(_WATCH_PERIOD, self._look_round)

    # --- what the server asks

    def open(self, room: str, name: str, opened: Callable[[Feed], object]) -> None:
        """Follow the room with the compared form `room`, spelled `name` if nobody has spelled it differently.

        `opened` gets the feed with its spelling, head, roll and topic; at once if it is followed already.
        """
        feed = self._feed(room, name)
        feed.is_closing = False
        if feed.state in (FeedState.OPEN, FeedState.REPAIRING):
            opened(feed)
            return
        feed.opened.append(opened)
        if feed.state is FeedState.UNHEARD:
            feed.state = FeedState.OPENING
            feed.name = name
            self._by_channel[self._channel(feed)] = feed
            if self._is_ready:
                self._reader.open(feed)

    def close(self, room: str) -> None:
        """Follow a room no more, once everything proposed to it has taken effect."""
        feed = self._feeds.get(room)
        if feed is not None:
            feed.is_closing = True
            self._close_if_done(feed)

    def propose(self, room: str, event: Event, ordered: Ordered | None = None) -> None:
        """Propose an event for a room, followed or not. It is sent at the end of the tick.

        `ordered` gets the event's stamp. The listener calls it for a room that is followed, `Feeds` itself for others.
        """
        feed = self._feed(room, room)
        feed.pending.append(Proposal(event, ordered, self._reactor.now))
        self._settling.proposed(feed)
        self._want(feed)

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
            self._close_if_done(feed)
        return found

    def hold(self, room: str, numbers: list[int], giver: int) -> None:
        """These sessions in a room belong to this server from now on. `giver` is the server that they belonged to."""
        feed = self._feeds.get(room)
        if feed is not None:
            feed.own.update(numbers)

        def answer(reply: Any) -> None:
            if isinstance(reply, LinkLost):
                self._unsent_holds.append((room, numbers, giver))

        lane = self._keys.lane(room)
        self._deployment.ears(lane).call(
            answer,
            "FCALL",
            function("hold"),
            3,
            *(self._keys.key(lane, rest) for rest in (f"here:{self._server}", f"here:{giver}", f"m:{room}")),
            room,
            *numbers,
        )

    def let_go(self, room: str, numbers: Iterable[int]) -> None:
        """These sessions in a room belong to another server, which holds them."""
        if (feed := self._feeds.get(room)) is not None:
            feed.own.difference_update(numbers)

    def when_settled(self, callback: Callable[[], object]) -> None:
        """Call `callback` when everything proposed until now has taken effect; at once if it has."""
        self._settling.when_settled(callback)

    @property
    def is_ready(self) -> bool:
        """Whether Redis takes proposals: everything that this server had missed was found out."""
        return self._is_ready

    @property
    def is_idle(self) -> bool:
        """Whether everything that was proposed has taken effect."""
        return self._settling.is_idle

    @property
    def lag(self) -> float:
        """The seconds since the oldest proposal that has not taken effect; 0 if there is none."""
        return self._settling.lag

    @property
    def commits(self) -> tuple[int, int]:
        """How many calls to commit were made, and how many batches they had."""
        return self._committer.calls, self._committer.batches

    @property
    def repairs(self) -> int:
        """How many times a feed has read what it missed."""
        return self._reader.repairs

    def stop(self) -> None:
        """Propose and watch nothing more."""
        self._is_ready = False
        self._recovery.stop()
        self._watch.cancel()

    # --- what the deployment says

    def up(self) -> None:
        """All links of the deployment are up, for the first time or again."""
        if not self._is_fenced:
            self._recover()

    def down(self, why: str) -> None:
        """A link of the deployment is lost."""
        self._recovery.stop()
        self._lose_flights()
        self._trouble = why
        if self._away_since is None:
            self._away_since = self._reactor.clock()

    def pushed(self, channel: bytes, data: bytes) -> bool:
        """Take a message of a channel. Return whether the channel is one of a room that is followed."""
        feed = self._by_channel.get(channel)
        if feed is None:
            return False
        first = data.index(b" ")
        second = data.index(b" ", first + 1)
        if feed.hear(Arrival(int(data[:first]), int(data[first + 1 : second]), data, second + 1)):
            self._reader.repair(feed)
        self._drain(feed)
        return True

    # --- committing

    def _want(self, feed: Feed) -> None:
        """Have the pending proposals of a feed committed at the end of the tick, if that is possible now."""
        if (
            feed.pending
            and feed.flight is None
            and feed.state in (FeedState.OPEN, FeedState.UNHEARD)
            and self._is_ready
            and not self._is_fenced
        ):
            if not self._wanted:
                self._reactor.call_before_flush(self._commit)
            self._wanted[feed] = None

    def _commit(self) -> None:
        wanted, self._wanted = self._wanted, {}
        if self._is_ready:
            self._committer.commit(feed for feed in wanted if feed.pending and feed.flight is None)

    def _committed(self, flights: list[Flight], reply: Any) -> None:
        if isinstance(reply, RedisError):
            self._refused(flights, reply)
            return
        self._pause, self._trouble = _FIRST_PAUSE, ""
        for flight, top in zip(flights, reply, strict=True):
            feed = flight.feed
            if feed.flight is flight and not flight.is_lost:
                flight.top, flight.answered = int(top), self._reactor.clock()
                if feed.state is FeedState.UNHEARD or (feed.state is FeedState.OPEN and self._is_covered(flight)):
                    self._settle(flight)

    def _refused(self, flights: list[Flight], error: RedisError) -> None:
        """Redis has not committed, or nobody knows: keep everything, read whether it has, and try again."""
        for flight in flights:
            flight.is_lost = True
        if error.code == "FENCED":
            self.fenced()
        elif isinstance(error, LinkLost):
            pass  # when it is back, everything is read
        else:
            if not self._trouble:
                logger.warning("Redis refuses what is said: %s", error)
            self._trouble = f"Redis says: {error}"
            again = self._recover if error.code == "STALE" or "not found" in str(error) else self._read_again
            self._reactor.call_later(self._pause, again, *(() if again == self._recover else (flights,)))
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _read_again(self, flights: list[Flight]) -> None:
        for flight in flights:
            feed = flight.feed
            if feed.flight is flight and flight.is_lost and self._is_ready:
                self._find_out(flight)

    def _find_out(self, flight: Flight) -> None:
        """Find out whether Redis has the batch of a flight that is lost."""
        if flight.feed.state is FeedState.OPEN:
            self._reader.repair(flight.feed)
        elif flight.feed.state is FeedState.UNHEARD:
            self._reader.find(flight, functools.partial(self._found, flight))

    def _found(self, flight: Flight, top: int) -> None:
        feed = flight.feed
        if feed.flight is not flight or self._is_arrived(flight):
            return
        if top:
            flight.top = top
            self._settle(flight)
        else:
            self._give_up(feed)

    def _give_up(self, feed: Feed) -> None:
        """Redis does not have what is in flight: propose it again."""
        feed.give_up_flight()
        self._settling.check(feed)
        self._want(feed)
        self._close_if_done(feed)

    def _is_arrived(self, flight: Flight) -> bool:
        """Whether the batch of a flight is among those that take effect next."""
        return any(
            isinstance(item, Arrival) and is_batch_of(flight, self._server, item)
            for item in (*flight.feed.ready, *flight.feed.held)
        )

    def _is_covered(self, flight: Flight) -> bool:
        """Whether the feed began above a batch that was committed before."""
        return 0 < flight.top <= flight.feed.received and not self._is_arrived(flight)

    def _settle(self, flight: Flight) -> None:
        """A batch is committed, and will not be read back: call those that wait for it."""
        feed, first = flight.feed, flight.top - len(flight.proposals) + 1
        feed.flight = None
        for at, proposal in enumerate(flight.proposals, first):
            if proposal.ordered is not None:
                self._reactor.run_safely(proposal.ordered, at)
        self._settled(feed, flight)

    def _settled(self, feed: Feed, flight: Flight) -> None:
        self._settling.settled(feed, len(flight.proposals))
        self._want(feed)
        self._close_if_done(feed)

    # --- what takes effect

    def _drain(self, feed: Feed) -> None:
        """Let everything take effect that may."""
        while feed.ready:
            item = feed.ready[0]
            if isinstance(item, Arrival):
                if not self._apply(feed, item):
                    return
            else:
                feed.ready.popleft()
                self._tell_gap(feed, item)

    def _apply(self, feed: Feed, arrival: Arrival) -> bool:
        """Let a batch take effect. Return whether it did: an own one may have to wait for replicas."""
        batch = read_batch(arrival.data, arrival.offset)
        flight = feed.flight
        if flight is not None and (batch.origin != self._server or batch.sequence != flight.sequence):
            flight = None
        if flight is not None and not flight.is_confirmed:
            return False
        feed.ready.popleft()
        feed.head = arrival.top
        self._committer.newest = max(self._committer.newest, arrival.top)
        self._ring.add(feed.key, arrival)
        if flight is not None:
            feed.flight = None
        if batch.ops:
            self._note_ops(feed, batch)
        own = flight.proposals if flight is not None else None
        self._reactor.run_safely(self._listener.applied, feed, arrival.top, batch, own)
        if flight is not None:
            self._settled(feed, flight)
        return True

    def _note_ops(self, feed: Feed, batch: Batch) -> None:
        if batch.origin == self._server:
            feed.note_own(batch.ops)
        for op in batch.ops:
            if op[0] == "redact":
                self._ring.redact(feed.key, op[1])
            elif op[0] == "leave" and op[1] in feed.own:  # another server has put out a session of this one
                feed.own.discard(op[1])
                here = self._keys.key(feed.lane, f"here:{self._server}")
                self._deployment.ears(feed.lane).call(None, "SREM", here, f"{op[1]} {feed.key}")

    def _tell_gap(self, feed: Feed, item: Gap | Reading) -> None:
        if isinstance(item, Gap):
            self._reactor.run_safely(self._listener.missed, feed, item.after, item.until)
        else:
            feed.read_anew(item)
            self._reactor.run_safely(self._listener.reread, feed)

    # --- opening and closing

    def _feed(self, room: str, name: str) -> Feed:
        feed = self._feeds.get(room)
        if feed is None:
            feed = self._feeds[room] = Feed(room, name, self._keys.lane(room), FeedState.UNHEARD)
        return feed

    def _channel(self, feed: Feed) -> bytes:
        return self._keys.channel(feed.lane, f"r:{feed.key}").encode()

    def _began(self, feed: Feed) -> None:
        """A feed knows its room: tell those that waited for it."""
        self._committer.newest = max(self._committer.newest, feed.head)
        feed.state = FeedState.REPAIRING
        opened, feed.opened = feed.opened, []
        for callback in opened:
            self._reactor.run_safely(callback, feed)
        self._catch_up(feed)
        flight = feed.flight
        if flight is not None and self._is_covered(flight):
            self._settle(flight)
        elif flight is not None and flight.is_lost:
            self._reader.find(flight, functools.partial(self._found, flight))

    def _caught_up(self, feed: Feed) -> None:
        """A feed has read what it missed."""
        self._catch_up(feed)
        if feed.state is FeedState.OPEN and feed.flight is not None and feed.flight.is_lost:
            if self._is_arrived(feed.flight):
                self._replicas.wait(feed.lane, [feed.flight])
            else:
                self._give_up(feed)

    def _catch_up(self, feed: Feed) -> None:
        if feed.release_held():
            self._reader.repair(feed)
        self._drain(feed)
        self._want(feed)
        self._close_if_done(feed)

    def _close_if_done(self, feed: Feed) -> None:
        """Forget a feed that nobody needs, unless something is still to be read back."""
        if feed.pending or feed.flight is not None or feed.ready or self._feeds.get(feed.key) is not feed:
            return
        if feed.state is FeedState.UNHEARD:
            del self._feeds[feed.key]
        elif feed.is_closing:
            del self._feeds[feed.key]
            del self._by_channel[self._channel(feed)]
            self._reader.unsubscribe(feed)

    # --- the way back, for the recovery

    def _recover(self) -> None:
        if not self._is_fenced:
            self._lose_flights()
            self._recovery.begin()

    def _lose_flights(self) -> None:
        """The connections are not what they were: what is in flight may be committed or not."""
        self._is_ready = False
        for feed in self._feeds.values():
            if feed.state is FeedState.OPEN:
                feed.state = FeedState.REPAIRING
            if feed.flight is not None:
                feed.flight.is_lost = True

    def feeds(self) -> Iterable[Feed]:
        """For the recovery: all feeds."""
        return list(self._feeds.values())

    def taken(self, numbers: list[int]) -> None:
        """For the recovery: other servers have taken these sessions."""
        self._reactor.run_safely(self._listener.taken, numbers)

    def healed(self) -> None:
        """For the recovery: Redis had lost its newest data."""
        self._reactor.run_safely(self._listener.healed)

    def fenced(self) -> None:
        """This server was given up."""
        if not self._is_fenced:
            self._is_fenced = True
            self._is_ready = False
            self._recovery.stop()
            self._listener.fenced()

    def recovered(self, intact: set[Feed]) -> None:
        """For the recovery: proposals may go on."""
        self._is_ready = True
        self._away_since = None
        self._trouble = ""
        holds, self._unsent_holds = self._unsent_holds, []
        for hold in holds:
            self.hold(*hold)
        for feed in self.feeds():
            if feed.state is FeedState.OPENING:
                self._reader.open(feed)
            elif feed in intact:
                self._caught_up(feed)
            elif feed.state is FeedState.REPAIRING:
                self._reader.repair(feed)
            elif feed.flight is not None and feed.flight.is_lost:
                self._find_out(feed.flight)
            else:
                self._want(feed)

    # --- standing still

    def _look_round(self) -> None:
        self._watch = self._reactor.call_later(_WATCH_PERIOD, self._look_round)
        now = self._reactor.clock()
        away = 0.0 if self._away_since is None else now - self._away_since
        self._stillness.check(
            max(away, self._settling.lag), self._trouble or self._recovery.trouble or self._replicas.trouble
        )
        for feed in self._settling.busy:
            flight = feed.flight
            if flight is not None and flight.top and flight.answered < now - _UNHEARD_FOR:
                self._look_after(flight)

    def _look_after(self, flight: Flight) -> None:
        """A batch is committed since a second: if it was not published, the subscription is broken."""
        feed = flight.feed
        if feed.state is FeedState.OPEN and not self._is_arrived(flight):
            self._reader.subscribe(feed.lane, [feed])
            self._reader.repair(feed)
