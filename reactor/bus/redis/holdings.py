"""The members that this server answers for, as Redis knows them. The server that gives it up takes them over."""

import itertools
from collections.abc import Iterable
from typing import Any

from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.feed import Feed
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.link import LinkLost

_AT_ONCE = 1_000  # members of one call


class Holdings:
    """Keeps the members of the server with the number `server` right in Redis, besides what commits do."""

    def __init__(self, deployment: Deployment, keys: Keys, server: int) -> None:
        self._deployment = deployment
        self._keys = keys
        self._server = server
        self._unsent: list[tuple[str, list[int], int]] = []

    def hold(self, room: str, numbers: list[int], giver: int) -> None:
        """This server answers for sessions in a room from now on, for which the server `giver` has answered."""

        def answer(reply: Any) -> None:
            if isinstance(reply, LinkLost):
                self._unsent.append((room, numbers, giver))

        lane = self._keys.lane(room)
        keys = [self._keys.key(lane, rest) for rest in (f"here:{self._server}", f"here:{giver}", f"m:{room}")]
        self._deployment.ears(lane).call(answer, "FCALL", function("hold"), len(keys), *keys, room, *numbers)

    def resume(self) -> None:
        """The connection is back: send what could not be sent."""
        unsent, self._unsent = self._unsent, []
        for hold in unsent:
            self.hold(*hold)

    def drop(self, feed: Feed, number: int) -> None:
        """Another server has put a session of this one out of a room."""
        here = self._keys.key(feed.lane, f"here:{self._server}")
        self._deployment.ears(feed.lane).call(None, "SREM", here, f"{number} {feed.key}")

    def restore(self, feeds: Iterable[Feed]) -> None:
        """Redis has lost something: tell it all members that this server answers for in these feeds, and no others.

        Proposals that are on their way count as done, since this goes the same way behind them.
        """
        lanes: dict[int, list[str]] = {lane: [] for lane in range(self._keys.lanes)}
        for feed in feeds:
            lanes[feed.lane] += [f"{number} {feed.key}" for number in _expected(feed)]
        for lane, members in lanes.items():
            here = self._keys.key(lane, f"here:{self._server}")
            commits = self._deployment.commits(lane)
            commits.call(None, "DEL", here)
            for some in itertools.batched(members, _AT_ONCE):
                commits.call(None, "SADD", here, *some)


def _expected(feed: Feed) -> set[int]:
    """The sessions that this server answers for in a room once what is on its way is done."""
    numbers = set(feed.own)
    for proposal in feed.flight.proposals if feed.flight is not None else ():
        match proposal.part.op:
            case ["join", int(number), *_]:
                numbers.add(number)
            case ["leave", int(number), *_]:
                numbers.discard(number)
    return numbers
