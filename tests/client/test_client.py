"""The client that comes back: against a real server, and against one that the test plays."""

import contextlib
import itertools
import math
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

from pylingo.client import client as module
from pylingo.client import connection, departure, reconnect
from pylingo.client.client import Client
from pylingo.client.events import ClientEvent, Received, Status
from pylingo.client.reconnect import FIRST_DELAY, LONGEST_DELAY
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.codec import encode, request_codec
from pylingo.shared.errors import RequestError
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import (
    Command,
    Error,
    Goodbye,
    Hello,
    Joined,
    Left,
    Limits,
    Message,
    Notice,
    PingRequest,
    Pong,
    Private,
    Ready,
    Renamed,
    Say,
    Sent,
    Welcome,
)
from pylingo.shared.schema import Record
from tests.fakes.clock import Clock
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, wait_until

WELCOME = Welcome(1, "PyLingo/1.0.0", "guest-1", Limits(32_768, 4_096, 32, 64))
READY = Ready("ada", None, "0" * 32, False)
RETURNS = ["shutdown", "frame-timeout", "silent", "idle", "stalled", "full", "a-reason-of-tomorrow"]
STAYS = ["close", "replaced", "bad-frame", "protocol", "password", "address-limit", "tls"]


class Game:
    """A client on a reactor, and a server played by the test."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.reactor = Reactor(self.clock, most_late=math.inf)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.peer: socket.socket | None = None
        self.decoder = FrameDecoder()
        self.heard: list[Record] = []
        self.confirmed: set[str | None] = set()
        self.shown: list[Record] = []
        self.states: list[Status] = []
        self.on_shown: Callable[[Record], object] = lambda record: None
        self.on_status: Callable[[Status], object] = lambda status: None
        self.client = Client(
            "127.0.0.1",
            self.port,
            "ada",
            settings.pop("room", None),
            reactor=self.reactor,
            on_event=self.happened,
            **settings,
        )
        self.client.connect()

    def happened(self, event: ClientEvent) -> None:
        match event:
            case Received(record):
                self.shown.append(record)
                self.on_shown(record)
            case Status():
                self.states.append(event)
                self.on_status(event)

    @property
    def state(self) -> str:
        return self.client.status.state

    def turn_until(self, condition: Callable[[], Any], what: str = "the condition") -> None:
        wait_until(lambda: self.reactor.tick(0.01) or self.listen() or condition(), what)

    def settle(self) -> None:
        """A few turns more."""
        for _ in range(5):
            self.reactor.tick(0.005)
            self.listen()

    def listen(self) -> None:
        """Accept, and read what has come."""
        if self.peer is None:
            try:
                self.peer, _ = self.listener.accept()
            except OSError:  # nobody, or closed
                return
            self.decoder = FrameDecoder()
        self.peer.setblocking(False)
        try:
            data = self.peer.recv(1 << 16)
        except (BlockingIOError, ConnectionResetError):
            return
        self.heard += [request_codec.decode(body) for body in self.decoder.feed(data)]

    def say(self, *records: Record) -> None:
        assert self.peer is not None
        self.peer.sendall(b"".join(map(encode, records)))

    def arrive(self) -> None:
        """The client is there."""
        count = len([record for record in self.heard if isinstance(record, Hello)])
        self.turn_until(
            lambda: len([record for record in self.heard if isinstance(record, Hello)]) > count, "its hello"
        )
        self.say(WELCOME, READY)
        self.turn_until(lambda: self.state == "online", "its arrival")

    def confirm(self) -> None:
        """Confirm all that was said so far."""
        for record in self.heard:
            if isinstance(record, Say) and record.key not in self.confirmed:
                self.confirmed.add(record.key)
                self.say(Sent("lobby", len(self.confirmed), record.id, record.key))

    def hang_up(self, *last: Record) -> None:
        self.say(*last)
        assert self.peer is not None
        self.peer.close()
        self.peer = None
        self.turn_until(lambda: self.state != "online", "the loss")

    def refuse(self) -> None:
        """From now on nobody listens."""
        self.listener.close()

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        self.reactor.tick(0)

    def close(self) -> None:
        self.client.stop()
        if self.peer is not None:
            self.peer.close()
        for _ in range(3):
            self.reactor.tick(0.005)
        self.clock.now += 60  # so that what lingers is cut
        for _ in range(3):
            self.reactor.tick(0.005)
        self.listener.close()
        self.reactor.close()


@pytest.fixture
def game() -> Iterator[Game]:
    playing = Game()
    yield playing
    playing.close()


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0") as running:
        yield running


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
            client = Client("chat.example", port, insist=True, reactor=reactor)
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


def test_an_unknown_host_is_an_exception_of_connect(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reconnect, "FIRST_DELAY", 0.01)
    attempts: list[int] = []
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def getaddrinfo(*_: Any, **named: Any) -> Any:
        attempts.append(1)
        raise unknown

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    for insist in (False, True):
        bot = Client("chat.example", 7, retry=0.05, insist=insist)
        with pytest.raises(ConnectionError, match=r"unknown host in chat\.example:7: Name or service") as caught:
            bot.connect()
        assert caught.value.__cause__ is unknown
        assert bot.status == Status("over", unknown)
        bot.reactor.close()
    assert len(attempts) > 4, "with `insist` it is tried several times"


def test_a_bot_without_a_server_fails_at_once_and_leaves_nothing_open():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    bot = Client("127.0.0.1", port)
    with (
        pytest.raises(ConnectionError, match=f"connection refused: no server listens on 127.0.0.1:{port}$") as caught,
        bot,
    ):
        pytest.fail("there is no connection")
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
    with pytest.raises((ValueError, RuntimeError, OSError)):
        bot.reactor.tick(0)


def test_a_bot_that_insists_waits_for_its_server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reconnect, "FIRST_DELAY", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    bot = Client("127.0.0.1", port, "early", "bots", insist=True)
    started: list[ServerProcess] = []

    def start() -> None:
        if not started:
            started.append(ServerProcess("--port", str(port)))

    bot.reactor.call_later(0.1, start)
    try:
        with bot:
            assert bot.status.state == "online"
            bot.say("I am early")
    finally:
        for server in started:
            server.__exit__(None, None, None)


def test_a_server_that_refuses_the_first_connection_is_an_exception_of_connect():
    with ServerProcess("--max-connections", "1") as server, Peer(server.port) as first:
        first.hello("first")
        bot = Client("127.0.0.1", server.port, retry=0)
        with pytest.raises(ConnectionError, match=f"127.0.0.1:{server.port} ended the connection: "), bot:
            pytest.fail("there is no place")


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


def test_what_was_said_meanwhile_is_sent_on_the_return(game: Game):
    game.arrive()
    game.hang_up()
    game.client.say("meanwhile")
    game.client.join("pool")
    game.pass_time(game.client.status.delay)
    game.heard.clear()
    game.arrive()
    game.turn_until(lambda: any(isinstance(it, Command) and it.argument == "pool" for it in game.heard), "the command")
    assert [record.text for record in game.heard if isinstance(record, Say)] == ["meanwhile"]


def test_a_text_without_utf8_does_not_keep_one_from_coming_back(game: Game):
    game.arrive()
    with pytest.raises((RequestError, UnicodeEncodeError)):
        game.client.say("a\ud800b")
    game.hang_up()
    game.pass_time(game.client.status.delay)
    game.arrive()
    game.client.say("sound")
    game.turn_until(lambda: any(isinstance(record, Say) for record in game.heard), "the sound words")


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


# --- leaving ----------------------------------------------------------------------------------------------------


def test_close_says_so_and_the_goodbye_is_the_end(game: Game):
    game.arrive()
    game.client.say("last words")
    game.client.close()
    game.turn_until(lambda: isinstance(game.heard[-1], Say), "the words")
    game.settle()
    assert Command("close") not in game.heard, "what was said is not confirmed yet"
    game.confirm()
    game.turn_until(lambda: Command("close") in game.heard, "the command")
    assert game.state == "online"
    game.hang_up(Goodbye("close", "bye"))
    assert game.state == "over"


def test_a_client_that_left_and_connected_again_reconnects_after_a_loss(game: Game):
    game.arrive()
    game.client.close()
    game.turn_until(lambda: Command("close") in game.heard, "the command")
    game.hang_up(Goodbye("close", "bye"))
    game.client.connect()
    game.arrive()
    game.hang_up()
    assert game.state == "waiting"


def test_close_while_waiting_is_at_once(game: Game):
    game.arrive()
    game.hang_up()
    game.client.close()
    assert game.state == "over"
    count = len(game.heard)
    game.pass_time(100)
    game.settle()
    assert len(game.heard) == count
    assert [status.state for status in game.states][-1] == "over"


def test_close_while_connecting_is_at_once(game: Game):
    game.client.close()
    assert game.state == "over"
    game.settle()
    assert game.heard == []


def test_close_before_connect_is_at_once():
    client = Client("127.0.0.1", 1)
    client.close()
    assert client.status.state == "over"
    assert list(client.frames()) == []
    client.reactor.close()


def test_the_command_close_while_there_is_no_connection_is_the_end(game: Game):
    game.arrive()
    game.refuse()
    game.hang_up()
    game.client.command("close")
    assert game.state == "over"


def test_a_close_that_was_refused_is_forgotten(game: Game):
    """`/close now` is answered with an error, and one stays: a later loss is a loss."""
    game.arrive()
    game.client.command("close", "now")
    game.turn_until(lambda: isinstance(game.heard[-1], Command), "the command")
    game.hang_up()
    assert game.state == "waiting"


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


# --- the name that somebody else has ----------------------------------------------------------------------------


def test_a_name_that_is_taken_is_asked_for_again_and_ever_less_often(game: Game, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(random, "uniform", lambda low, high: 1.0)
    game.turn_until(lambda: game.heard, "its hello")
    game.say(WELCOME, Ready("guest-1", None, "0" * 32, False), Error("name-taken", "no", game.heard[0].id))  # type: ignore[attr-defined]
    game.turn_until(lambda: game.client.conversation.wanted == "ada", "the refusal")
    times = []
    for delay in (5, 10, 20, 40, 80, 160, 300, 300):
        game.heard.clear()
        game.pass_time(delay - 0.5)
        game.settle()
        asked = [record for record in game.heard if isinstance(record, Command)]
        assert asked == []
        game.say(Notice("alive"))
        game.settle()
        game.pass_time(0.6)
        game.turn_until(lambda: any(isinstance(record, Command) for record in game.heard), "the question")
        [asked] = [record for record in game.heard if isinstance(record, Command)]
        times.append(delay)
        game.say(Error("name-taken", "no", asked.id))
        game.settle()
    game.heard.clear()
    game.pass_time(301)
    game.turn_until(lambda: any(isinstance(record, Command) for record in game.heard), "the question")
    [asked] = [record for record in game.heard if isinstance(record, Command)]
    game.say(Renamed("guest-1", "ada", re=asked.id))
    game.turn_until(lambda: game.client.conversation.wanted is None, "the name")
    game.heard.clear()
    game.pass_time(1_000)
    game.settle()
    assert not any(isinstance(record, Command) for record in game.heard)


def test_a_bot_that_was_killed_has_its_name_back_when_its_seat_is_given_up():
    with ServerProcess("--resume-grace", "0.3") as server, Peer(server.port) as ghost:
        ghost.hello("ada")
        ghost.send(Command("join", "lobby"))
        with Client("127.0.0.1", server.port, name="ada") as bot:
            frames = bot.frames()
            while not isinstance(next(frames), Joined):
                pass
            assert bot.conversation.wanted == "ada"
            ghost.until(Joined, name=bot.conversation.name)
            ghost.reset()
            while not isinstance(frame := next(frames), Renamed):
                pass
            assert frame.new == bot.conversation.name == "ada"


# --- full -------------------------------------------------------------------------------------------------------


def test_full_by_what_is_not_confirmed(game: Game):
    game.arrive()
    for _ in range(1_000):
        game.client.say("x")
    game.turn_until(lambda: sum(isinstance(record, Say) for record in game.heard) == 1_000)
    assert not game.client.is_full
    game.client.say("x")
    assert game.client.is_full
    said = next(record for record in game.heard if isinstance(record, Say))
    game.say(Sent("lobby", 1, said.id, said.key))
    game.turn_until(lambda: not game.client.is_full, "the confirmation")


def test_full_by_what_waits_for_the_return(game: Game):
    game.arrive()
    game.hang_up()
    for number in range(1_001):
        assert not game.client.is_full, number
        game.client.say("x")
    assert game.client.is_full


def test_full_by_bytes(game: Game):
    game.arrive()
    for _ in range(20):
        game.client.say("x" * 4_000)
    assert game.client.is_full
    game.turn_until(lambda: not game.client.is_full, "the drain")


def test_words_that_no_server_takes_are_refused_at_once(game: Game):
    game.arrive()
    for text in ("", " ", "x" * 4_097):
        with pytest.raises(RequestError):
            game.client.say(text)
    assert game.client.conversation.is_settled


# --- bots, on a real server -------------------------------------------------------------------------------------


def test_a_bot_of_ten_lines(server: ServerProcess):
    heard = []
    with Peer(server.port) as peer:
        peer.join("bots")
        with Client("127.0.0.1", server.port, name="echo", room="bots") as bot:
            for frame in bot.frames():
                if bot.conversation.is_settled and not heard:
                    heard.append("")
                    peer.send(Say("one"), Say("two"))
                if isinstance(frame, Message):
                    heard.append(frame.text)
                    bot.say(f"{frame.from_} said {frame.text}")
                    if frame.text == "two":
                        break
        assert peer.until(Message, from_="echo").text == f"{peer.name} said one"
        assert peer.until(Message, from_="echo").text == f"{peer.name} said two", "leaving still sends what was said"
        assert bot.status.state == "over"
        assert bot.goodbye is not None
        assert bot.goodbye.reason == "close"


def test_frames_end_when_the_bot_closes(server: ServerProcess):
    with Client("127.0.0.1", server.port, name="brief", room="bots") as bot:
        for frame in bot.frames():
            if isinstance(frame, Ready):
                bot.close()
    assert isinstance(bot.goodbye, Goodbye)
    assert bot.status == Status("over", goodbye=bot.goodbye)


def say_in(bot: Client, *words: str, error: Exception | None = None) -> None:
    """The life of a bot that says something, and perhaps fails."""
    with bot:
        for text in words:
            bot.say(text)
        if error is not None:
            raise error


def test_what_a_bot_has_said_is_in_the_room_when_it_has_left(server: ServerProcess):
    with Peer(server.port) as peer:
        peer.join("last-words")
        with Client("127.0.0.1", server.port, name="last", room="last-words") as bot:
            for number in range(50):
                bot.say(str(number))
        assert [peer.until(Message).text for _ in range(50)] == [*map(str, range(50))]
        assert peer.until(Left).reason == "close"
        assert bot.unconfirmed == 0


@pytest.mark.parametrize("to", [None, "somebody"], ids=["room", "private"])
def test_a_bot_that_cannot_say_its_words_fails_and_says_how_many(to: str | None):
    with ServerProcess() as server:
        bot = Client("127.0.0.1", server.port, retry=0.2)

        def say_without_a_server() -> None:
            with bot:
                server.stop(signal.SIGKILL)
                bot.say("one", to=to)
                bot.say("two", to=to)

        with pytest.raises(ConnectionError, match="2 messages were not confirmed by the server"):
            say_without_a_server()
    assert bot.unconfirmed == 2


def test_a_private_message_of_a_bot_has_arrived_when_it_has_left(server: ServerProcess):
    with Peer(server.port) as peer:
        peer.hello("grace")
        with Client("127.0.0.1", server.port, name="brief", room=None) as bot:
            bot.say("psst", to="grace")
        assert peer.until(Private).text == "psst"
        assert bot.unconfirmed == 0


def test_a_bot_whose_private_message_is_refused_fails_and_says_why(server: ServerProcess):
    bot = Client("127.0.0.1", server.port, room=None)
    with pytest.raises(ConnectionError, match="the line '/msg nobody-here psst' was refused: "), bot:
        bot.say("psst", to="nobody-here")


def test_a_bot_in_several_rooms(server: ServerProcess):
    with Peer(server.port) as ops, Peer(server.port) as pool:
        ops.join("bot-ops")
        pool.join("bot-pool")
        with Client("127.0.0.1", server.port, name="both", room="bot-lobby", rooms=["bot-ops"]) as bot:
            bot.open("bot-pool")
            bot.say("to pool")
            bot.say("to ops", room="bot-ops")
            bot.leave("bot-ops")
            bot.say("waves", action=True)
        assert ops.until(Message).text == "to ops"
        assert ops.until(Left).reason == "leave"
        assert pool.until(Message) == Message("bot-pool", "both", "to pool", mock.ANY)
        assert pool.until(Message).action is True


def test_a_bot_whose_last_words_are_refused_fails_and_says_why(server: ServerProcess):
    bot = Client("127.0.0.1", server.port, room=None)
    with pytest.raises(ConnectionError, match="the line 'to nobody' was refused: you are in no room"):
        say_in(bot, "to nobody")


def test_an_error_in_a_bot_waits_for_its_words_for_a_while_only_and_is_not_hidden(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with ServerProcess() as server:
        bot = Client("127.0.0.1", server.port)

        def fail_without_a_server() -> None:
            with bot:
                server.process.send_signal(signal.SIGSTOP)
                bot.say("one")
                raise KeyError

        try:
            with pytest.raises(KeyError) as caught:
                fail_without_a_server()
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert caught.value.__notes__ == ["1 message was not confirmed by the server"]
        assert not bot.is_connected


BOT = """
import signal, sys
from pylingo.client.client import Client
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
with Client("127.0.0.1", int(sys.argv[1]), name="term", room="term") as bot:
    bot.say("one")
    for frame in bot.frames():
        pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_a_bot_is_a_polite_end(server: ServerProcess, number: int):
    with Peer(server.port) as peer:
        peer.join("term")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", BOT, str(server.port)]
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as bot:
            try:
                peer.until(Message, text="one", from_="term")
                bot.send_signal(number)
                assert peer.until(Left).reason == "close"
                assert bot.wait(DEADLINE) == (0 if number == signal.SIGTERM else -signal.SIGINT)
            finally:
                bot.kill()


def test_nothing_confirmed_for_long_is_given_up_on_leaving(game: Game):
    game.arrive()
    game.client.say("one")
    game.client.say("two")
    game.client.close()
    game.turn_until(lambda: sum(isinstance(record, Say) for record in game.heard) == 2)
    said = next(record for record in game.heard if isinstance(record, Say))
    game.pass_time(departure.STANDSTILL - 1)
    game.say(Sent("lobby", 1, said.id, said.key))  # as long as something is, it goes on
    game.turn_until(lambda: game.client.unconfirmed == 1, "the confirmation")
    for _ in range(4):
        game.pass_time(connection.SILENCE - 1)
        if game.state == "online":
            game.say(Notice("alive"))
        game.settle()
    game.turn_until(lambda: game.state == "connecting", "the end of the connection")
    assert game.peer is not None
    game.peer.close()
    game.peer = None
    game.heard.clear()
    game.turn_until(lambda: Command("close") in game.heard, "the goodbye on a new connection")
    hello = game.heard[0]
    assert isinstance(hello, Hello)
    assert hello.resume == READY.token
    game.hang_up(Goodbye("close", "bye"))
    game.turn_until(lambda: game.state == "over", "the end")
    assert game.client.unconfirmed == 1


def test_the_context_ends_also_with_an_error(server: ServerProcess):
    with pytest.raises(KeyError), Client("127.0.0.1", server.port, name="broken") as bot:
        raise KeyError
    assert bot.status.state == "over"


def test_the_context_does_not_wait_for_a_silent_server_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "SILENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bot = Client("127.0.0.1", listener.getsockname()[1])
        with pytest.raises(ConnectionError, match=r"no connection to 127\.0\.0\.1:\d+: "), bot:
            pytest.fail("the server says nothing")
        assert isinstance(bot.status.error, TimeoutError)


def test_a_bot_comes_back_to_a_restarted_server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reconnect, "FIRST_DELAY", 0.05)
    with ServerProcess("--rate", "0") as server:
        port = server.port
        reactor = Reactor()
        shown: list[ClientEvent] = []
        bot = Client("127.0.0.1", port, "bot", "pool", reactor=reactor, on_event=shown.append)
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
