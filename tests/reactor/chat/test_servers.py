"""The reply to `/servers`: for operators, in pages, whenever the bus knows."""

from collections.abc import Callable

import pytest

from pylingo.reactor.chat.moderation import HANDLERS
from pylingo.reactor.chat.servers import list_servers
from pylingo.reactor.chat.waiting import wait_for
from pylingo.shared import __version__
from pylingo.shared.messages import Command, PingRequest, Pong, RedisInfo, ServerInfo, Servers
from tests.fakes.access import Door
from tests.fakes.chat import Person, error

type Then = Callable[[list[ServerInfo], RedisInfo | None], object]

REDIS = RedisInfo("redis://r", "7.0.15", "primary", 1_000_000, None, 0, durable=True)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def ada(door: Door) -> Person:
    """An operator in the room tea."""
    return door.operator()


def test_a_server_alone_is_one_row(door: Door, ada: Person) -> None:
    door.person("bob")
    assert door.answers(ada, Command("servers", id=5)) == [
        Servers([ServerInfo(1, "", __version__, 2, 0, own=True)], None, False, 5)
    ]


def test_it_is_a_command_of_operators() -> None:
    assert HANDLERS["servers"] is list_servers


def test_others_learn_nothing(door: Door) -> None:
    assert door.answers(door.person("bob"), Command("servers", id=5)) == [error("not-allowed", 5)]


def test_many_servers_come_in_pages_that_each_have_the_redis(door: Door, ada: Person) -> None:
    rows = [ServerInfo(n, f"{n}.example:5000", "1.1.0", 10, 0, own=n == 3) for n in range(1, 401)]
    door.hub.bus.list_servers = lambda session, then: then(rows, REDIS)
    pages = door.answers(ada, Command("servers", id=5))
    assert len(pages) > 1
    assert [(page.more, page.redis, page.re) for page in pages] == [
        *[(True, REDIS, 5)] * (len(pages) - 1),
        (False, REDIS, 5),
    ]
    assert [row for page in pages for row in page.servers] == rows


def test_a_page_of_the_longest_addresses_fits_a_frame(door: Door, ada: Person) -> None:
    rows = [ServerInfo(2**32 - 1, "\u4e16" * 255, "v" * 64, 2**31, 2**31, own=True)] * 200
    redis = RedisInfo("\u4e16" * 1_000, "v" * 64, "primary", 2**40, 2**40, 2**20, durable=True)
    door.hub.bus.list_servers = lambda session, then: then(rows, redis)
    pages = door.answers(ada, Command("servers"))
    while pages[-1].more:
        door.tick()
        pages += ada.got()
    assert sum(len(page.servers) for page in pages) == 200
    assert len(pages[0].servers) > 20


def test_later_requests_wait_for_the_answer(door: Door, ada: Person) -> None:
    answers: list[Callable[[None], None]] = []

    def later(session: object, then: Then) -> None:
        wait_for(ada.session, answers.append, lambda _: then([], REDIS))

    door.hub.bus.list_servers = later
    ada.ask(Command("servers", id=1), PingRequest(2))
    door.tick()
    assert ada.got() == []
    answers[0](None)
    door.tick()
    assert ada.got() == [Servers([], REDIS, False, 1), Pong(2)]
