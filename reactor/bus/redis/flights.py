"""The proposals of this server until they take effect: committed, refused, found in Redis, or proposed again.

A room has at most one batch in flight; proposals that come meanwhile collect. A flight ends when its batch is read
back. If nobody knows whether Redis has the batch, it is searched for in the stream, by origin and sequence.
This way nothing is lost, and nothing is there twice.
"""

import functools
import logging
from collections.abc import Iterable
from typing import Any, Protocol

from pylingo.reactor.bus.redis.committer import Commit
from pylingo.reactor.bus.redis.feed import Arrival, Feed, FeedState, Flight, in_place
from pylingo.reactor.bus.redis.link import LinkLost, RedisError
from pylingo.reactor.bus.redis.reader import Reader, is_batch_of
from pylingo.reactor.bus.redis.settling import Settling
from pylingo.reactor.bus.redis.waiting import Replicas
from pylingo.reactor.engine.loop import Reactor

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds before a commit that Redis refused is tried again
_UNHEARD_FOR = 1.0  # seconds after which a committed batch that was not published is read


class FlightsListener(Protocol):
    """The owner of the flights: the feeds."""

    def rested(self, feed: Feed) -> None:
        """Something that was on its way in a feed is not any more."""

    def recover(self) -> None:
        """Redis is not the one that it was, or this connection is not the newest one: begin anew."""

    def fenced(self) -> None:
        """This server was given up."""


class Flights:
    """The batches of the server with the number `server` on their way; `commit` sends those of some feeds.

    Nothing is sent unless it `is_ready`. `trouble` says why Redis refuses what is proposed, or is empty.
    """

    def __init__(
        self,
        reactor: Reactor,
        server: int,
        commit: Commit,
        reader: Reader,
        replicas: Replicas,
        settling: Settling,
        listener: FlightsListener,
    ) -> None:
        self.is_ready = False
        self.trouble = ""
        self._reactor = reactor
        self._server = server
        self._send = commit
        self._reader = reader
        self._replicas = replicas
        self._settling = settling
        self._listener = listener
        self._wanted: dict[Feed, None] = {}
        self._pause = _FIRST_PAUSE

    # --- on the way

    def want(self, feed: Feed) -> None:
        """Have the pending proposals of a feed committed at the end of the tick, if that is possible now."""
        if self.is_ready and feed.pending and feed.flight is None and feed.may_commit:
            if not self._wanted:
                self._reactor.call_before_flush(self._commit)
            self._wanted[feed] = None

    def _commit(self) -> None:
        wanted, self._wanted = self._wanted, {}
        if self.is_ready:
            those = [feed for feed in wanted if feed.pending and feed.flight is None and feed.may_commit]
            self._send(those, self._committed)

    def _committed(self, flights: list[Flight], reply: Any) -> None:
        if isinstance(reply, RedisError):
            self._refused(flights, reply)
            return
        self._pause, self.trouble = _FIRST_PAUSE, ""
        for flight, top in zip(flights, reply, strict=True):
            if flight.feed.flight is flight and not flight.is_lost:
                flight.top, flight.answered = int(top), self._reactor.clock()
                self._settle_unheard(flight)

    def confirmed(self, flight: Flight) -> None:
        """Enough replicas have the batch of a flight."""
        if flight.feed.flight is flight and flight.top:
            self._settle_unheard(flight)

    def look_after(self) -> None:
        """Read what is committed since a second and was not published: the subscription is broken."""
        latest = self._reactor.clock() - _UNHEARD_FOR
        for feed in self._settling.busy:
            flight = feed.flight
            is_late = flight is not None and 0 < flight.answered < latest and not self._is_arrived(flight)
            if is_late and feed.state is FeedState.OPEN:
                self._reader.subscribe(feed.lane, [feed])
                self._reader.repair(feed)

    # --- of unknown fate

    def lose(self, feeds: Iterable[Feed]) -> None:
        """The connections are not what they were: what is in flight may be committed or not."""
        for feed in feeds:
            if feed.flight is not None:
                feed.flight.is_lost = True

    def _refused(self, flights: list[Flight], error: RedisError) -> None:
        """Redis has not committed, or nobody knows: keep everything, look whether it has, and try again."""
        for flight in flights:
            flight.is_lost = True
        if error.code == "FENCED":
            self._listener.fenced()
        elif not isinstance(error, LinkLost):  # else everything is read when the connection is back
            if not self.trouble:
                logger.warning("Redis refuses what is proposed: %s", error)
            self.trouble = f"Redis says: {error}"
            is_new = error.code == "STALE" or "not found" in str(error)
            again = self._listener.recover if is_new else functools.partial(self._find_out_all, flights)
            self._reactor.call_later(self._pause, again)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _find_out_all(self, flights: list[Flight]) -> None:
        for flight in flights:
            if flight.feed.flight is flight and flight.is_lost and self.is_ready:
                self.find_out(flight.feed)

    def find_out(self, feed: Feed) -> None:
        """Find out whether Redis has the batch of a flight that is lost, if the feed has one."""
        flight = feed.flight
        if flight is None or not flight.is_lost:
            return
        if feed.state is FeedState.OPEN:
            self._reader.repair(feed)
        elif feed.state is FeedState.UNHEARD:
            self._reader.find(flight, functools.partial(self._found, flight))

    def began(self, feed: Feed) -> None:
        """A feed has begun, at a head that may be above what is in flight."""
        flight = feed.flight
        if flight is not None and self._is_covered(flight):
            self._settle(flight)
        elif flight is not None and flight.is_lost:
            self._reader.find(flight, functools.partial(self._found, flight))
        self.want(feed)

    def caught_up(self, feed: Feed) -> None:
        """A feed has read everything: what is in flight and did not come is not in Redis."""
        flight = feed.flight
        if flight is not None and flight.is_lost and feed.state is FeedState.OPEN:
            if self._is_arrived(flight):
                self._replicas.wait(feed.lane, [flight])
            else:
                self._give_up(feed)
        self.want(feed)

    def _found(self, flight: Flight, top: int) -> None:
        if flight.feed.flight is not flight or self._is_arrived(flight):
            return
        if top:
            flight.top = top
            self._settle(flight)
        else:
            self._give_up(flight.feed)

    def _give_up(self, feed: Feed) -> None:
        """Redis does not have what is in flight: propose it again."""
        for proposal in feed.give_up_flight():
            if proposal.ordered is not None:
                self._reactor.run_safely(proposal.ordered, 0)
        self._rest(feed)

    def _is_arrived(self, flight: Flight) -> bool:
        """Whether the batch of a flight is among those that take effect next."""
        return any(
            isinstance(item, Arrival) and is_batch_of(flight, self._server, item)
            for item in (*flight.feed.ready, *flight.feed.held)
        )

    def _is_covered(self, flight: Flight) -> bool:
        """Whether the feed began above a batch that was committed before. It will not be read back."""
        feed = flight.feed
        return 0 < flight.top <= feed.received and feed.state is FeedState.OPEN and not self._is_arrived(flight)

    # --- at its end

    def _settle_unheard(self, flight: Flight) -> None:
        """Settle a batch that is committed, if it will not be read back."""
        if flight.feed.state is FeedState.UNHEARD or self._is_covered(flight):
            self._settle(flight)

    def _settle(self, flight: Flight) -> None:
        """A batch is committed, and will not be read back: call those that wait for it, when replicas have it."""
        if not flight.is_confirmed:
            if flight.is_lost:  # it was waited for on a connection that is gone
                self._replicas.wait(flight.feed.lane, [flight])
            return
        for at, proposal in in_place(flight.proposals, flight.top):
            if proposal.ordered is not None:
                self._reactor.run_safely(proposal.ordered, at)
        self.landed(flight)

    def landed(self, flight: Flight) -> None:
        """The batch of a flight has taken effect."""
        flight.feed.flight = None
        flight.feed.settled += len(flight.proposals)
        self._rest(flight.feed)

    def _rest(self, feed: Feed) -> None:
        self._settling.check(feed)
        self.want(feed)
        self._listener.rested(feed)
