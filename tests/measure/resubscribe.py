#!/usr/bin/env python3
"""Measure how a server of a cluster comes back to Redis with many rooms, and print a Markdown table.

    python tests/measure/resubscribe.py                  # 100,000 rooms, about a minute
    python tests/measure/resubscribe.py --rooms 10000

The connections are cut, then Redis is killed and started again with its append-only file. The time is that from the
loss of the connections until every room is followed again and proposals go on; after a start of Redis it includes the
seconds in which it reads its file, and the pause in which the servers tell it what it may have lost.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.reactor.bus.redis.feed import FeedState
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.room_log import RoomLog, join
from tests.redis_server import RedisProcess, running

LONGEST = 300.0
"""Seconds after which a step is given up."""


class Subject:
    """A server that follows many rooms, with one member and one message in each."""

    def __init__(self, redis: RedisProcess, rooms: int) -> None:
        self.reactor = Reactor()
        self.server = RoomLog(self.reactor, redis)
        self._turn(lambda: self.server.feeds.is_ready)
        for number in range(rooms):
            room = f"room-{number}"
            self.server.open(room)
            self.server.propose(room, join(number + 1, f"guest-{number}"))
            self.server.say(room, "hello")
        self._turn(lambda: len(self.server.rooms) == rooms and self.server.feeds.is_idle)

    def measure(self, disturb: Callable[[], object]) -> tuple[float, float]:
        """The seconds until everything is as before, and the milliseconds of the longest tick."""
        feeds = self.server.feeds
        disturb()
        self._turn(lambda: not feeds.is_ready)
        begin, self.reactor.longest_tick = self.reactor.clock(), 0.0
        self._turn(lambda: feeds.is_ready)
        rooms = self.server.rooms.values()
        self._turn(lambda: all(feed.state is FeedState.OPEN for feed in rooms))
        return self.reactor.clock() - begin, self.reactor.longest_tick * 1e3

    def _turn(self, condition: Callable[[], object]) -> None:
        end = self.reactor.clock() + LONGEST
        while not condition():
            if self.reactor.clock() > end:
                raise TimeoutError("the server did not come back")
            self.reactor.tick(0.01)

    def close(self) -> None:
        self.server.close()
        self.reactor.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="How a server with many rooms comes back.", allow_abbrev=False)
    parser.add_argument("--rooms", type=int, default=100_000, help="rooms of the server (%(default)s)")
    options = parser.parse_args()
    if not 0 < options.rooms <= 1_000_000:
        print("--rooms must be from 1 to 1,000,000", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), "appendonly yes") as redis:
        subject = Subject(redis, options.rooms)

        def cut() -> None:
            for kind in ("normal", "pubsub"):
                redis.call("CLIENT", "KILL", "TYPE", kind)

        def restart() -> None:
            redis.kill()
            redis.start(is_loaded=False)

        print(f"| {options.rooms:,} rooms | until all are followed | longest tick |\n| --- | --: | --: |")
        for name, disturb in (("the connections are cut", cut), ("Redis is killed, and starts again", restart)):
            seconds, longest = subject.measure(disturb)
            print(f"| {name} | {seconds:.1f} s | {longest:.0f} ms |", flush=True)
        subject.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
