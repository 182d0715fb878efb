"""Servers of a cluster without connections of clients: hubs on one Redis and one reactor, and people with fakes.

A test turns the reactor until something holds. `settle` turns it until everything done so far was heard everywhere.
"""

import itertools
from collections.abc import Callable
from typing import Any, cast

from pylingo.reactor.bus.local import LocalBus
from pylingo.reactor.bus.redis.bus import RedisBus
from pylingo.reactor.bus.redis.cluster import Cluster
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.pact import Pact
from pylingo.reactor.chat.access import Access, Store
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.session import Session
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.roster import Change
from pylingo.shared.messages import Command, Hello, Ready
from pylingo.shared.schema import Record
from tests.fakes.chat import Person
from tests.fakes.identity import key
from tests.fakes.redis_listeners import turn_until
from tests.redis_server import RedisProcess

_ROUNDS = 4  # what is heard leads to something that is to be heard, and so on


class ChatServer:
    """One server. `words` has what was announced, `refusals` and `losses` what else its cluster has told it."""

    def __init__(self, reactor: Reactor, redis: RedisProcess, grace: float, **settings: Any) -> None:
        self.is_open = False
        self.why_not = ""
        """Why it may not join."""
        self.clients: set[int] = set()
        """The numbers of its connections to Redis."""
        self.words: list[str] = []
        self.refusals: list[str] = []
        self.losses = self.cuts = self.people_changes = 0
        self._store: Store | None = None
        self.hub: Hub[Session] = Hub(
            reactor.call_before_flush,
            LocalBus(),
            grace=grace,
            call_later=reactor.call_later,
            monotonic=reactor.clock,
            access=Access(Register(), self._put),
        )
        self.cluster = Cluster(reactor, redis.settings(**settings), self.hub, self)

    @property
    def bus(self) -> RedisBus:
        return cast(RedisBus, self.hub.bus)

    @property
    def number(self) -> int:
        return self.bus.sessions.server

    def _put(self, change: Change, stored: Callable[[bool], object]) -> None:
        assert self._store is not None
        self._store(change, stored)

    # --- what its cluster tells it

    def cluster_joined(self, pact: Pact, store: Store, answer: Callable[[str], object]) -> None:
        self._store = store
        answer(self.why_not)

    def cluster_ready(self) -> None:
        self.is_open = True

    def cluster_refused(self, why: str) -> None:
        self.refusals.append(why)

    def cluster_lost(self) -> None:
        self.is_open = False
        self.losses += 1

    def cluster_cut_off(self) -> None:
        self.is_open = False
        self.cuts += 1

    def people_changed(self) -> None:
        self.people_changes += 1

    def announce(self, words: str, notice: str) -> None:
        self.words.append(words)


class ClusterWorld:
    """All servers, and what a test does with them."""

    def __init__(self, redis: RedisProcess) -> None:
        self.redis = redis
        self.errors: list[Exception] = []
        self.reactor = Reactor(on_error=lambda source, error: self.errors.append(error))
        self.servers: list[ChatServer] = []
        self.keys = Keys()
        self._fences = itertools.count(1)

    def server(self, grace: float = 60.0, **settings: Any) -> ChatServer:
        """A new server, to which people may come."""
        server = ChatServer(self.reactor, self.redis, grace, **settings)
        self.servers.append(server)
        self.until(lambda: server.is_open, "the start of a server")
        self._note_clients(server)
        return server

    def until(self, condition: Callable[[], Any], what: str = "the condition") -> Any:
        """Turn the reactor until `condition()` is true, and return its value."""
        return turn_until(self.reactor, condition, what)

    def settle(self, *servers: ChatServer) -> None:
        """Turn the reactor until everything that was done so far was heard by these servers, or by all."""
        among = servers or tuple(self.servers)
        for _ in range(_ROUNDS):
            for server in among:
                self._fence(server, among)

    def _fence(self, server: ChatServer, among: tuple[ChatServer, ...]) -> None:
        """What a server has done was read back, and everybody has heard a signal that was sent after it."""
        number, heard = next(self._fences), list[int]()
        for other in among:
            other.bus.signals.on("fence", lambda it: heard.append(it))
        server.hub.history.when_settled(lambda: server.bus.signals.send_all("fence", number))
        self.until(lambda: heard.count(number) == len(among), "the fence")
        self.reactor.tick(0)

    def ask(self, person: Person, *requests: Record) -> list[Record]:
        """Have somebody ask, and return what has come up to the end of the tick in which nothing waits any more."""
        person.ask(*requests)
        return self.got(person)

    def got(self, person: Person) -> list[Record]:
        """What somebody has got, once no request of theirs waits."""
        self.until(lambda: not person.session.is_busy and not person.held, "the end of the requests")
        self.settle()
        return person.got()

    def come(self, server: ChatServer, name: str, *rooms: str) -> Person:
        """Somebody who has said hello and has joined these rooms, and has read what that brought."""
        person = Person(server.hub)
        self.ask(person, Hello(1, name), *(Command("open", room) for room in rooms))
        assert person.name == name, f"the name is {person.name}"
        return person

    def device(self, server: ChatServer, name: str, word: str, *rooms: str) -> Person:
        """As `come`, with the key that is made of `word`."""
        person = Person(server.hub)
        self.ask(person, key(word).hello(person.challenge, name), *(Command("open", room) for room in rooms))
        assert person.name == name, f"the name is {person.name}"
        return person

    def token(self, person: Person) -> str:
        """The token of somebody."""
        token = person.session.token
        assert token is not None
        return token

    def resume(self, server: ChatServer, token: str, name: str | None = None) -> tuple[Person, Ready]:
        """Somebody who comes back with a token, perhaps to another server, and the `ready`."""
        person = Person(server.hub)
        got = self.ask(person, Hello(1, name, resume=token))
        (ready,) = [record for record in got if isinstance(record, Ready)]
        return person, ready

    def lose_links(self, server: ChatServer) -> None:
        """Have a server lose its connections to Redis, and wait until it has new ones and has caught up."""
        self.kill_links(server)
        self.until(lambda: not server.cluster.deployment.is_up, "the loss of the links")
        self.come_back(server)

    def kill_links(self, server: ChatServer) -> None:
        """End the connections of a server to Redis. It makes new ones."""
        others = {number for other in self.servers if other is not server for number in other.clients}
        for number in self._clients() - others:
            self.redis.call("CLIENT", "KILL", "ID", number)

    def come_back(self, server: ChatServer) -> None:
        """Wait until a server has connections to Redis and hears what the others say."""
        receivers: list[int] = []
        server.bus.signals.send(server.number, receivers.append, "hear")
        self.until(lambda: receivers, "the way back to Redis")
        self._note_clients(server)
        self.settle()

    def _note_clients(self, server: ChatServer) -> None:
        others = {number for other in self.servers if other is not server for number in other.clients}
        server.clients = self._clients() - others

    def _clients(self) -> set[int]:
        """The numbers of all connections to Redis, but for the one that asks."""
        found = set()
        for line in self.redis.call("CLIENT", "LIST").decode().splitlines():
            fields = dict(field.partition("=")[::2] for field in line.split())
            if fields["cmd"] != "client|list":
                found.add(int(fields["id"]))
        return found

    def cut(self, server: ChatServer) -> None:
        """End a server without a word to the others, as `kill -9` does."""
        self.servers.remove(server)
        server.cluster.close()
        self.until(lambda: not server.clients & self._clients(), "the end of the links")

    def stored(self, *command: bytes | str | int) -> Any:
        """The reply of Redis to a command on a key of lane 0, which stands second."""
        name, place, *rest = command
        return self.redis.call(name, self.keys.key(0, str(place)), *rest)

    def close(self) -> None:
        for server in self.servers:
            for session in server.hub.sessions():
                session.shut_down("the end of the test")
            server.cluster.close()
        if self.redis.is_running:
            self.until(lambda: self.redis.call("CLIENT", "LIST").count(b"\n") == 1, "the end of all connections")
        for _ in range(3):  # each end that was heard is answered with ours
            self.reactor.tick(0)
        self.reactor.close()
        for error in self.errors:
            raise error
