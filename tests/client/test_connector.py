"""The connections of a client, one after the other: against a real server, and against one that the test plays."""

import contextlib
import itertools
import random
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from pylingo.client import connection, connector, reconnect
from pylingo.client.address_list import AddressList, Endpoint
from pylingo.client.client import Client
from pylingo.client.connector import Again, Connector
from pylingo.client.events import ClientEvent, Received, Status
from pylingo.client.reconnect import FIRST_DELAY, LONGEST_DELAY
from pylingo.client.security import Unencrypted
from pylingo.reactor.engine import dial
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.messages import (
    Goodbye,
    Hello,
    Message,
    Notice,
    PingRequest,
    Pong,
    Sent,
)
from pylingo.shared.schema import Record
from tests.fakes.game import READY, WELCOME, Game
from tests.support import DEADLINE, Peer, ServerProcess, wait_until

RETURNS = ["shutdown", "frame-timeout", "silent", "idle", "stalled", "full", "a-reason-of-tomorrow"]
STAYS = ["close", "replaced", "bad-frame", "protocol", "password", "address-limit", "tls"]


@pytest.fixture
def game() -> Iterator[Game]:
    playing = Game()
    yield playing
    playing.close()


# --- by itself ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("again", "states"),
    [
        (Again.AT_ONCE, ["connecting", "connecting"]),
        (Again.LATER, ["connecting", "waiting"]),
        (Again.NEVER, ["connecting", "over"]),
    ],
)
def test_the_owner_decides_what_follows_an_end(again: Again, states: list[str]):
    reactor = Reactor()
    told: list[object] = []
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)
        connector = Connector(
            reactor,
            AddressList([Endpoint(*listener.getsockname(), Unencrypted())]),
            reconnect.ReconnectPolicy(reconnect.RETRY, insist=True),
            connected=told.append,
            received=told.append,
            lost=lambda: told.append("lost"),
            again=lambda: again,
            drained=lambda: None,
            changed=lambda status: seen.append(status.state),
        )
        connector.connect()
        wait_until(lambda: reactor.tick(0.01) or told, "the connection")
        assert told == [None], "there is no certificate without TLS"
        listener.accept()[0].close()
        wait_until(lambda: reactor.tick(0.01) or len(seen) > 1, "the end")
        assert (told, seen) == ([None, "lost"], states)
        connector.stop()
        assert seen[-1] == connector.status.state == "over"
        wait_until(lambda: reactor.tick(0.01) or not connector.is_closing, "the end of the last connection")
    reactor.close()


# --- coming back ------------------------------------------------------------------------------------------------


def test_a_lost_connection_is_taken_up_again(game: Game):
    game.arrive()
    game.hang_up()
    assert game.state == "waiting"
    assert FIRST_DELAY / 2 <= game.client.status.delay <= FIRST_DELAY * 1.5
    game.pass_time(game.client.status.delay - 0.01)
    assert game.state == "waiting"
    game.pass_time(0.02)
    assert game.state == "connecting"
    game.arrive()
    assert [status.state for status in game.states] == ["connecting", "online", "waiting", "connecting", "online"]
    hellos = [record for record in game.heard if isinstance(record, Hello)]
    assert [hello.resume == READY.token for hello in hellos] == [False, True]


def test_a_server_that_has_moved_to_another_address_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reconnect, "FIRST_DELAY", 0.01)
    real, places = socket.getaddrinfo, ["127.0.0.1"]

    def getaddrinfo(host: str, *arguments: Any, **named: Any) -> Any:
        if host == "chat.example" and not named["flags"]:
            host = places[-1]
        return real(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    reactor = Reactor()
    with socket.create_server(("127.0.0.1", 0)) as before:
        port = before.getsockname()[1]
        before.settimeout(DEADLINE)
        with socket.create_server(("127.0.0.2", port)) as after:
            after.setblocking(False)
            client = Client("chat.example", port, insist=True, tls=False, reactor=reactor)
            client.connect()
            wait_until(lambda: reactor.tick(0.01) or client.is_connected, "the connect")
            before.accept()[0].close()
            before.close()
            places.append("127.0.0.2")
            accepted: list[socket.socket] = []

            def accept() -> bool:
                reactor.tick(0.01)
                with contextlib.suppress(BlockingIOError):
                    accepted.append(after.accept()[0])
                return bool(accepted)

            wait_until(accept, "the connect to the other address")
            client.stop()
            reactor.tick(0.01)
            accepted[0].close()
    reactor.close()


def test_each_try_waits_twice_as_long_up_to_the_longest(game: Game, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(random, "uniform", lambda low, high: 1.0)
    game.arrive()
    game.refuse()
    game.hang_up()
    delays = []
    while game.state != "over":
        delays.append(game.client.status.delay)
        game.pass_time(delays[-1])
        game.turn_until(lambda: game.state != "connecting", "the refusal")
    assert delays[:6] == [FIRST_DELAY * 2**power for power in range(6)]
    assert delays[6:] == [LONGEST_DELAY] * len(delays[6:])
    assert sum(delays[:-1]) < reconnect.RETRY <= sum(delays)
    assert isinstance(game.client.status.error, ConnectionRefusedError)


def test_clients_reconnect_after_different_delays():
    delays = set()
    for _ in range(5):
        game = Game()
        game.arrive()
        game.hang_up()
        delays.add(game.client.status.delay)
        game.close()
    assert len(delays) > 1


def test_after_a_return_the_patience_begins_anew(game: Game):
    for _ in range(3):
        game.arrive()
        game.pass_time(100)
        game.hang_up()
        assert game.state == "waiting"
        assert game.client.status.delay <= FIRST_DELAY * 1.5
        game.pass_time(game.client.status.delay)


def test_without_patience_a_loss_is_the_end():
    game = Game(retry=0)
    game.arrive()
    game.hang_up()
    assert game.state == "over"
    game.close()


def test_a_first_try_that_is_refused_is_the_end(game: Game):
    game.refuse()
    game.turn_until(lambda: game.state == "over", "the end")
    assert isinstance(game.client.status.error, ConnectionRefusedError)
    assert [status.state for status in game.states] == ["connecting", "over"]


def test_a_server_that_hangs_up_before_one_was_there_is_the_end(game: Game):
    game.turn_until(lambda: game.heard)
    game.hang_up(WELCOME)
    game.turn_until(lambda: game.state == "over", "the end")


@pytest.mark.parametrize("reason", [*RETURNS, *STAYS])
@pytest.mark.parametrize("online", [True, False], ids=["online", "on arriving"])
def test_a_goodbye_decides_by_its_reason(game: Game, reason: str, online: bool):
    if online:
        game.arrive()
    else:
        game.turn_until(lambda: game.heard, "its hello")
    goodbye = Goodbye(reason, "words")
    game.hang_up(goodbye)
    game.turn_until(lambda: game.state in ("waiting", "over"), "the decision")
    assert game.state == ("waiting" if reason in RETURNS else "over")
    assert game.client.goodbye == goodbye
    assert goodbye in game.shown


def test_a_goodbye_of_before_decides_nothing_for_who_connects_again():
    game = Game(insist=True)
    try:
        game.arrive()
        game.hang_up(Goodbye("replaced", "words"))
        assert game.state == "over"
        game.refuse()
        game.client.connect()
        game.turn_until(lambda: game.state in ("waiting", "over"), "the decision")
        assert game.state == "waiting"
        assert isinstance(game.client.status.error, ConnectionRefusedError)
        assert game.client.goodbye is None
    finally:
        game.close()


# --- several addresses ------------------------------------------------------------------------------------------


@pytest.fixture
def two() -> Iterator[Game]:
    """Two servers, of which the client has come to one."""
    playing = Game(servers=2)
    playing.arrive()
    playing.pass_time(connector.STEADY)
    yield playing
    playing.close()


def where(game: Game, index: int) -> str:
    return f"127.0.0.1:{game.ports[index]}"


@pytest.mark.parametrize("last", [[], [Goodbye("shutdown", "words")], [Goodbye("full", "words")]])
def test_after_a_loss_the_next_address_is_tried_at_once(two: Game, last: list[Record]):
    first = two.at
    assert two.client.status.where == where(two, first)
    two.hang_up(*last)
    assert (two.state, two.client.status.where) == ("connecting", where(two, 1 - first))
    two.arrive()
    assert two.at == 1 - first
    assert [status.state for status in two.states[-3:]] == ["online", "connecting", "online"]
    assert two.client.goodbye is None, "the other server has said none"


def test_there_is_a_pause_only_when_all_addresses_have_failed(two: Game):
    first = two.at
    two.refuse()
    two.hang_up(Goodbye("shutdown", "words"))
    two.turn_until(lambda: two.state == "waiting", "the pause")
    assert two.client.status.where == where(two, 1 - first)
    assert isinstance(two.client.status.error, ConnectionRefusedError)
    assert two.client.goodbye is None, "the goodbye was another server's"
    assert [status.state for status in two.states] == ["connecting", "online", "connecting", "waiting"]
    two.pass_time(two.client.status.delay)
    two.turn_until(lambda: two.state == "waiting", "the second pause")
    tried = [status.where for status in two.states[4:]]
    assert tried == [where(two, first), where(two, 1 - first), where(two, 1 - first)]
    assert two.client.status.delay > 0


@pytest.mark.parametrize("reason", ["idle", "stalled", "silent", "frame-timeout"])
def test_an_end_because_of_us_is_followed_by_a_pause_at_the_same_address(two: Game, reason: str):
    first = two.at
    two.hang_up(Goodbye(reason, "words"))
    assert (two.state, two.client.status.where) == ("waiting", where(two, first))
    two.pass_time(two.client.status.delay)
    two.arrive()
    assert two.at == first


@pytest.mark.parametrize("reason", ["close", "replaced", "banned", "members-only"])
def test_some_goodbyes_hold_for_all_addresses(two: Game, reason: str):
    two.hang_up(Goodbye(reason, "words"))
    assert two.state == "over"


def test_servers_that_drop_people_at_once_are_not_tried_without_a_pause(two: Game):
    two.hang_up()
    two.arrive()
    two.hang_up()
    two.turn_until(lambda: two.state == "waiting", "the pause")


def test_all_addresses_are_tried_for_the_first_connection():
    game = Game(servers=3, retry=0)
    game.refuse()
    game.turn_until(lambda: game.state == "over", "the end")
    tried = [status.where for status in game.states[:3]]
    assert sorted(tried) == sorted(where(game, index) for index in range(3))
    assert [status.state for status in game.states] == ["connecting"] * 3 + ["over"]
    assert game.client.status.where == tried[-1]
    game.close()


def test_without_patience_a_loss_is_the_end_with_several_addresses():
    game = Game(servers=2, retry=0)
    game.arrive()
    game.hang_up()
    assert game.state == "over"
    game.close()


def test_a_connect_waits_less_while_there_are_other_servers(monkeypatch: pytest.MonkeyPatch):
    timeouts: list[float] = []
    made = connector.ClientConnection

    def make(*arguments: Any) -> Any:
        timeouts.append(arguments[-1])
        return made(*arguments)

    monkeypatch.setattr(connector, "ClientConnection", make)
    game = Game(servers=2)
    game.refuse()
    game.turn_until(lambda: game.state == "over", "the end")
    assert timeouts == [connector.HASTE, dial.TIMEOUT]
    game.close()


def test_a_name_with_several_addresses_is_a_list_of_servers(monkeypatch: pytest.MonkeyPatch):
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *arguments: Any, **named: Any) -> Any:
        if host != "chat.example":
            return real(host, port, *arguments, **named)
        if named["flags"]:
            raise socket.gaierror(socket.EAI_NONAME, "not an address")
        return [*real("127.0.0.1", port, *arguments, **named), *real("127.0.0.2", port, *arguments, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    reactor = Reactor()
    states: list[ClientEvent] = []
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0)))]
        port = listeners[0].getsockname()[1]
        listeners.append(stack.enter_context(socket.create_server(("127.0.0.2", port))))
        for listener in listeners:
            listener.setblocking(False)
        client = Client("chat.example", port, tls=False, reactor=reactor, on_event=states.append)
        client.connect()
        accepted: list[socket.socket] = []

        def accept() -> bool:
            reactor.tick(0.01)
            for listener in listeners:
                with contextlib.suppress(BlockingIOError):
                    accepted.append(stack.enter_context(listener.accept()[0]))
                    return True
            return False

        wait_until(accept, "the first connect")
        first = accepted[0].getsockname()[0]
        accepted[0].close()
        wait_until(accept, "the connect to the other address")
        assert {first, accepted[1].getsockname()[0]} == {"127.0.0.1", "127.0.0.2"}
        client.stop()
        reactor.tick(0.01)
    reactor.close()
    assert not any(event.state == "waiting" for event in states if isinstance(event, Status))


# --- silence ----------------------------------------------------------------------------------------------------


def test_a_silent_server_is_asked_and_then_given_up(game: Game):
    game.arrive()
    game.pass_time(connection.SILENCE - 1)
    game.settle()
    assert PingRequest() not in game.heard
    game.pass_time(1.5)
    game.turn_until(lambda: PingRequest() in game.heard, "a ping")
    game.pass_time(connection.SILENCE - 1)
    game.settle()
    assert game.state == "online"
    game.pass_time(2)
    game.turn_until(lambda: game.state == "waiting", "the end of patience")
    assert isinstance(game.client.status.error, TimeoutError)


@pytest.mark.parametrize("answer", [Pong(), Notice("x")], ids=["pong", "anything"])
def test_a_server_that_answers_is_not_given_up(game: Game, answer: Record):
    game.arrive()
    for _ in range(5):
        game.heard.clear()
        game.pass_time(connection.SILENCE + 0.5)
        game.turn_until(lambda: PingRequest() in game.heard, "a ping")
        game.shown.clear()
        game.say(answer)
        game.settle()
    assert game.state == "online"
    assert Pong() not in game.shown


def test_a_silent_server_that_never_was_ready_is_given_up(game: Game):
    game.turn_until(lambda: game.heard, "its hello")
    for _ in range(4):
        game.pass_time(connection.SILENCE + 0.5)
        game.settle()
    assert game.state == "over"


@pytest.mark.parametrize("state", ["connecting", "waiting", "online"])
def test_close_from_within_a_change_of_the_connection(game: Game, state: str):
    seen: list[str] = []

    def changed(status: Status) -> None:
        seen.append(status.state)
        if status.state == state and (state != "connecting" or "waiting" in seen):
            game.client.stop()

    game.on_status = changed
    game.turn_until(lambda: game.heard, "its hello")
    game.say(WELCOME, READY)
    game.turn_until(lambda: game.state in ("online", "over"))
    if game.state == "online":
        game.hang_up()
    count = len(game.heard)
    for _ in range(2):
        game.pass_time(10)
        game.settle()
    assert len(game.heard) == count, "it came back"
    assert seen[-1] == "over"
    assert game.state == "over"


def test_nothing_is_shown_and_nothing_changes_after_the_end(game: Game):
    game.turn_until(lambda: game.heard, "its hello")

    game.on_shown = lambda record: game.client.stop()
    game.say(WELCOME, READY, Notice("late"))
    game.turn_until(lambda: game.shown, "the welcome")
    game.settle()
    assert game.state == "over"
    assert game.shown == [WELCOME]


@pytest.mark.usefixtures("wire")
def test_a_bot_comes_back_to_a_restarted_server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reconnect, "FIRST_DELAY", 0.05)
    with ServerProcess("--rate", "0") as server:
        port = server.port
        reactor = Reactor()
        shown: list[ClientEvent] = []
        bot = Client("127.0.0.1", port, "bot", "pool", reactor=reactor, on_event=shown.append, tls=server.trusted)
        bot.connect()
        wait_until(lambda: reactor.tick(0.01) or bot.conversation.is_settled, "the arrival")
        server.stop(signal.SIGKILL)
        wait_until(lambda: reactor.tick(0.01) or bot.status.state != "online", "the loss")
        bot.say("while away")
    with ServerProcess("--rate", "0", "--port", str(port)) as server:
        wait_until(lambda: reactor.tick(0.01) or bot.conversation.is_settled, "the return")
        with Peer(port) as peer:
            peer.join("pool")
            bot.say("again")
            wait_until(lambda: reactor.tick(0.01) or bot.conversation.is_settled, "the confirmation")
            peer.until(Message, text="again", from_="bot")
        stamps = [event.record.at for event in shown if isinstance(event, Received) and isinstance(event.record, Sent)]
        assert len(stamps) == 2
        assert all(first < second for first, second in itertools.pairwise(stamps))
        bot.close()
        wait_until(lambda: reactor.tick(0.01) or bot.status.state == "over", "the end")
    reactor.close()
