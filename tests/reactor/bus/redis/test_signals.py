"""Signals between servers: who gets which, and what is not a signal."""

from typing import Any

import msgpack

from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.questions import Questions
from pylingo.reactor.bus.redis.signals import Signals
from tests.fakes.cluster import ChatServer, ClusterWorld
from tests.fakes.redis_logs import HandLinks

type Pair = tuple[ChatServer, ChatServer]


class Ears:
    """Signals whose Redis is moved by hand, and what they have heard."""

    def __init__(self, server: int = 7) -> None:
        self.links = HandLinks()
        self.private: list[tuple[int, bytes]] = []
        self.heard: list[tuple[Any, ...]] = []
        self.told: list[tuple[Any, ...]] = []
        keys = Keys()
        self.signals = Signals(Questions(self.links, self.links.call_later), keys, lambda *it: self.private.append(it))
        self.signals.on("wave", lambda *it: self.heard.append(it))
        self.signals.follow(server, lambda *it: self.told.append(it))

    def push(self, rest: str, data: bytes) -> bool:
        return self.signals.pushed(Keys().channel(0, rest).encode(), data)


def test_a_server_follows_its_own_channel_and_that_of_all() -> None:
    names = [Keys().channel(0, "all"), Keys().channel(0, "srv:7")]
    assert Ears().told == [("SSUBSCRIBE", name) for name in names]


def test_a_signal_calls_the_handler_of_its_kind() -> None:
    ears = Ears()
    assert ears.push("all", msgpack.packb(["wave", 1, None]))
    assert ears.push("srv:7", msgpack.packb(["wave", 2, "x"]))
    assert ears.heard == [(1, None), (2, "x")]


def test_a_signal_of_a_kind_that_only_newer_servers_know_is_ignored() -> None:
    ears = Ears()
    assert ears.push("all", msgpack.packb(["later", 1]))
    assert ears.heard == []


def test_a_stamp_in_front_makes_it_a_private_message() -> None:
    ears = Ears()
    assert ears.push("srv:7", b"123 the value")
    assert (ears.private, ears.heard) == ([(123, b"the value")], [])


def test_the_channels_of_others_are_not_taken() -> None:
    ears = Ears()
    assert not ears.push("srv:8", msgpack.packb(["wave", 1]))
    assert not ears.push("r:tea", b"1 2 x")
    assert (ears.private, ears.heard) == ([], [])


def test_after_a_new_number_the_old_channel_is_not_taken() -> None:
    ears = Ears()
    ears.signals.follow(9, lambda *it: None)
    assert not ears.push("srv:7", msgpack.packb(["wave", 1]))


def test_a_signal_for_all_reaches_this_server_and_the_other(world: ClusterWorld, pair: Pair) -> None:
    heard: list[tuple[int, Any]] = []
    for server in pair:
        server.bus.signals.on("wave", lambda it, number=server.number: heard.append((number, it)))
    pair[0].bus.signals.send_all("wave", "hi")
    world.until(lambda: len(heard) == 2)
    assert sorted(heard) == [(server.number, "hi") for server in pair]


def test_a_signal_for_one_reaches_that_one_and_tells_whether_it_is_there(world: ClusterWorld, pair: Pair) -> None:
    heard: list[Any] = []
    counts: list[int] = []
    pair[0].bus.signals.on("wave", lambda it: heard.append("wrong"))
    pair[1].bus.signals.on("wave", heard.append)
    pair[0].bus.signals.send(pair[1].number, counts.append, "wave", "hi")
    pair[0].bus.signals.send(999, counts.append, "wave", "nobody")
    world.until(lambda: len(counts) == 2 and heard)
    assert (counts, heard) == ([1, 0], ["hi"])
