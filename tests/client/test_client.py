"""The client for people and bots: against a real server, and against one that the test plays."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from pylingo.client import client as module
from pylingo.client import connection, departure, reconnect
from pylingo.client.client import Client
from pylingo.client.events import Status
from pylingo.client.trust_errors import UnknownCertificateError
from pylingo.shared.errors import RequestError
from pylingo.shared.identity import fingerprint
from pylingo.shared.link import Link, parse_link, show_link, show_servers
from pylingo.shared.messages import (
    Command,
    Goodbye,
    Hello,
    HistoryRequest,
    Left,
    Message,
    Notice,
    Private,
    Ready,
    Say,
    Sent,
)
from tests.fakes.game import READY, Game
from tests.fakes.tls import der
from tests.fakes.tls_server import TlsServer
from tests.support import DEADLINE, ROOT, Peer, ServerProcess


@pytest.fixture
def game() -> Iterator[Game]:
    playing = Game()
    yield playing
    playing.close()


@pytest.fixture(scope="module")
def server(is_encrypted: bool) -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0", tls=is_encrypted) as running:
        yield running


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


# --- several servers


def test_the_certificate_of_each_server_is_accepted_for_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folders = [tmp_path / "a", tmp_path / "b"]
    with contextlib.ExitStack() as stack:
        for folder in folders:
            folder.mkdir()
        servers = [stack.enter_context(TlsServer(folder)) for folder in folders]
        for server in servers:
            server.answer = lambda hello: [Goodbye("shutdown", "words")]
        places = {f"127.0.0.1:{server.port}": server.fingerprint for server in servers}
        bot = Client(",".join(places), tls=True, retry=0)
        with pytest.raises(ConnectionError, match="is not known") as caught:
            bot.connect()
        for _ in servers:
            error = caught.value.__cause__
            assert isinstance(error, UnknownCertificateError)
            assert places.pop(error.where) == error.fingerprint
            assert bot.status.where == error.where
            with pytest.raises(ConnectionError) as caught:
                bot.accept_certificate(error.fingerprint)
        assert not places
        assert caught.value.__cause__ is None, "each of them ended a connection that was trusted"
        assert "ended the connection: words" in str(caught.value)
        bot.reactor.close()


def test_an_invitation_lists_all_servers_only_if_one_certificate_is_pinned_for_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with ServerProcess(tls=True) as one, ServerProcess(tls=True) as other:
        pinned = Link("127.0.0.1", one.port, fingerprint=fingerprint(der()), others=(("127.0.0.1", other.port),))
        with Client(show_link(pinned), name="ada") as ada:
            assert parse_link(ada.invitation_link("c0de")) == replace(pinned, room=ada.conversation.room, invite="c0de")
        with Client(show_servers(pinned), name="ada", tls=one.trusted) as ada:
            link = parse_link(ada.invitation_link("c0de"))
            assert (show_servers(link), link.fingerprint) == (ada.status.where, pinned.fingerprint)


def test_words_said_meanwhile_are_sent_on_the_return(game: Game):
    game.arrive()
    game.hang_up()
    game.client.say("meanwhile")
    game.client.join("pool")
    game.pass_time(game.client.status.delay)
    game.heard.clear()
    game.arrive()
    game.turn_until(lambda: any(isinstance(it, Command) and it.argument == "pool" for it in game.heard), "the command")
    assert [record.text for record in game.heard if isinstance(record, Say)] == ["meanwhile"]


def test_a_page_is_requested_only_while_online(game: Game):
    request = HistoryRequest(before=7, room=None)
    game.client.page(request)
    game.arrive()
    game.client.page(request)
    game.turn_until(lambda: any(isinstance(record, HistoryRequest) for record in game.heard), "the request")
    game.hang_up()
    game.client.page(request)
    game.pass_time(game.client.status.delay)
    game.arrive()
    game.settle()
    assert [record.before for record in game.heard if isinstance(record, HistoryRequest)] == [7]


def test_a_text_without_utf8_does_not_keep_one_from_coming_back(game: Game):
    game.arrive()
    with pytest.raises((RequestError, UnicodeEncodeError)):
        game.client.say("a\ud800b")
    game.hang_up()
    game.pass_time(game.client.status.delay)
    game.arrive()
    game.client.say("sound")
    game.turn_until(lambda: any(isinstance(record, Say) for record in game.heard), "the sound words")


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
        with Client("127.0.0.1", server.port, name="echo", room="bots", tls=server.trusted) as bot:
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
    with Client("127.0.0.1", server.port, name="brief", room="bots", tls=server.trusted) as bot:
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


def test_the_words_of_a_bot_are_in_the_room_when_it_has_left(server: ServerProcess):
    with Peer(server.port) as peer:
        peer.join("last-words")
        with Client("127.0.0.1", server.port, name="last", room="last-words", tls=server.trusted) as bot:
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
        with Client("127.0.0.1", server.port, name="brief", room=None, tls=server.trusted) as bot:
            bot.say("psst", to="grace")
        assert peer.until(Private).text == "psst"
        assert bot.unconfirmed == 0


def test_a_bot_whose_private_message_is_refused_fails_and_says_why(server: ServerProcess):
    bot = Client("127.0.0.1", server.port, room=None, tls=server.trusted)
    with pytest.raises(ConnectionError, match="the line '/msg nobody-here psst' was refused: "), bot:
        bot.say("psst", to="nobody-here")


def test_a_bot_in_several_rooms(server: ServerProcess):
    with Peer(server.port) as ops, Peer(server.port) as pool:
        ops.join("bot-ops")
        pool.join("bot-pool")
        with Client(
            "127.0.0.1", server.port, name="both", room="bot-lobby", rooms=["bot-ops"], tls=server.trusted
        ) as bot:
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
    bot = Client("127.0.0.1", server.port, room=None, tls=server.trusted)
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
with Client(sys.argv[1], int(sys.argv[2]), name="term", room="term") as bot:
    bot.say("one")
    for frame in bot.frames():
        if frame.type == "sent":
            print(frame.type, flush=True)
"""


@pytest.mark.usefixtures("wire")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_a_bot_is_a_polite_end(server: ServerProcess, number: int):
    with Peer(server.port) as peer:
        peer.join("term")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        host = server.address if server.is_encrypted else server.host
        command = [sys.executable, "-c", BOT, host, str(server.port)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as bot:
            try:
                peer.until(Message, text="one", from_="term")
                assert bot.stdout is not None
                assert bot.stdout.readline() == b"sent\n"  # a message that is not confirmed is a failure
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
    with pytest.raises(KeyError), Client("127.0.0.1", server.port, name="broken", tls=server.trusted) as bot:
        raise KeyError
    assert bot.status.state == "over"


def test_the_context_does_not_wait_for_a_silent_server_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "SILENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bot = Client("127.0.0.1", listener.getsockname()[1])
        with pytest.raises(ConnectionError, match=r"no connection to 127\.0\.0\.1:\d+: "), bot:
            pytest.fail("the server says nothing")
        assert isinstance(bot.status.error, TimeoutError)
