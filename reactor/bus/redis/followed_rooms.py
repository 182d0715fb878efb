"""The rooms that somebody on this server is in, or is on the way into: each is followed by its feed."""

import collections
from collections.abc import Collection

from pylingo.reactor.bus.redis.feed import Feed
from pylingo.reactor.bus.redis.feeds import Feeds
from pylingo.reactor.bus.redis.history import RedisHistory
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.history.charter import VOICE
from pylingo.reactor.history.private import Owner
from pylingo.shared.names import fold

STAYS = frozenset({State.ATTACHED, State.AWAY})
"""The states of a session that may still enter a room."""


class FollowedRooms:
    """See the module. `hub.rooms` has those that somebody is in."""

    def __init__(self, hub: Hub[Session], feeds: Feeds, history: RedisHistory) -> None:
        self._hub = hub
        self._feeds = feeds
        self._history = history
        self._feeds_here: dict[str, Feed] = {}  # by room: those that somebody here is in
        self._entering: collections.Counter[str] = collections.Counter()  # by room: sessions on their way in

    def comes(self, key: str) -> None:
        """A session is on its way into a room, until `came`."""
        self._entering[key] += 1

    def came(self, key: str) -> None:
        """A session was on its way into a room, and is there, or will not come."""
        self._entering[key] -= 1
        if not self._entering[key]:
            del self._entering[key]
        if key not in self._hub.rooms:
            self.close(key)

    def room(self, feed: Feed, besides: str | None = None) -> Room[Session]:
        """The room of a feed on this server. A new one has the names of everybody, `besides` the one who just comes."""
        room = self._hub.rooms.get(feed.key)
        if room is None:
            self._history.topics.set(feed.key, feed.topic)
            room = self._hub.room(feed.name)
            self._feeds_here[feed.key] = feed
            room.charter = feed.charter
            key = fold(besides) if besides is not None else None
            room.directory.replace(feed.roll.keys() - {key})
        return room

    def close(self, key: str) -> None:
        """Nobody here is in the room: follow it no more, unless somebody is on the way in."""
        self._feeds_here.pop(key, None)
        if not self._entering[key]:
            self._feeds.close(key)

    def feed(self, key: str) -> Feed | None:
        """The feed of a room that somebody here is in."""
        return self._feeds_here.get(key)

    # --- who is there

    def spelling(self, room: str, key: str) -> str:
        """See `Bus.spelling`."""
        first = self.first_session(room, key)
        member = self._feeds_here[room].roll.get(first) if first is not None else None
        assert member is not None, "the directory of a room has whom the roll has"
        return member.name

    def is_operator(self, room: str, key: str) -> bool:
        """See `Bus.is_operator`."""
        feed, register = self._feeds_here[room], self._hub.access.register
        if any(map(register.is_operator, _fingerprints(feed, key))):
            return True
        return bool(feed.charter.fields) and feed.charter.is_operator(self._owners(feed, key))

    def has_voice(self, room: str, key: str) -> bool:
        """See `Bus.has_voice`."""
        feed = self._feeds_here[room]
        return bool(feed.charter.fields) and feed.charter.names(VOICE, self._owners(feed, key))

    def _owners(self, feed: Feed, key: str) -> list[Owner]:
        """By what a room may know a member (see `room_powers.owners_of`)."""
        keys_of = self._hub.access.register.keys_of
        return [*feed.roll.numbers(key), *(one for print in _fingerprints(feed, key) for one in keys_of(print))]

    def numbers(self, room: str) -> Collection[int]:
        """See `Bus.numbers`."""
        return {number for number, _ in self._feeds_here[room].roll.sessions()}

    def first_session(self, room: str, key: str) -> int | None:
        """The session that stands for a person in a room: the first of them that has come, the same for all servers.

        None if nobody of that name is there, as while a name is changed.
        """
        return next(iter(self._feeds_here[room].roll.numbers(key)), None)


def _fingerprints(feed: Feed, key: str) -> set[str]:
    """Those of the keys of a member."""
    members = (feed.roll.get(number) for number in feed.roll.numbers(key))
    return {member.fingerprint for member in members if member is not None and member.fingerprint is not None}
