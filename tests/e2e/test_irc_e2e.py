"""IRC clients on real sockets, with native people in the same rooms: one order for all, and the limits of each."""

import contextlib
import random
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator

import pytest

from pylingo.reactor.connection import UNPACED
from pylingo.shared.messages import Command, Joined, Message, Private, Say
from tests.fakes.tls import der
from tests.irc_server import Irc, IrcServer
from tests.support import DEADLINE, Peer, ServerProcess

# Runs once: each test starts a server with a plain IRC port, and one test with an encrypted one.


@pytest.fixture
def start() -> Iterator[Callable[..., IrcServer]]:
    """Starts a server with an IRC port."""
    with contextlib.ExitStack() as stack:

        def make(*options: str, **more: object) -> IrcServer:
            process = ServerProcess("--irc-port", "0", *options, tls=False)
            made = IrcServer(stack.enter_context(process))
            stack.enter_context(made.stack)
            return made

        yield make


Start = Callable[..., IrcServer]


def test_two_clients_of_irc_and_a_native_one_hear_one_order(start: Start) -> None:
    server = start("--rate", "0")
    ada, bob = server.irc("ada", "#tea"), server.irc("bob", "#tea")
    eve = server.native("eve", "tea")
    listener = server.irc("listener", "#tea")
    watcher = server.native("watcher", "tea")
    ada.until("JOIN #tea"), bob.fence()
    for number in range(50):
        ada.send(f"PRIVMSG #tea :ada {number}")
        bob.send(f"PRIVMSG #tea :bob {number}")
        eve.send(Say(f"eve {number}"))
    heard = [line.partition(" PRIVMSG #tea :")[2] for _ in range(150) for line in [listener.until("PRIVMSG")[-1]]]
    seen = []
    while len(seen) < 150:
        record = watcher.recv()
        if isinstance(record, Message):
            seen.append(record.text)
    assert heard == seen
    for name in ("ada", "bob", "eve"):
        assert [text for text in heard if text.startswith(name)] == [f"{name} {number}" for number in range(50)]
    others = [line.partition(" PRIVMSG #tea :")[2] for line in ada.fence() if "PRIVMSG" in line]
    assert others == [text for text in heard if not text.startswith("ada")]


def test_private_words_between_both_worlds(start: Start) -> None:
    server = start()
    ada, eve = server.irc("ada"), server.native("eve", "tea")
    ada.send("PRIVMSG eve :psst")
    assert eve.until(Private).text == "psst"
    eve.send(Say("yes?", to="ada"))
    assert ada.until("PRIVMSG ada")[-1] == ":eve!native@pylingo PRIVMSG ada :yes?"


@pytest.mark.parametrize(
    "order", [("USER a 0 * :A", "NICK ada"), ("NICK ada", "CAP LS 302", "USER a 0 * :A", "CAP END")]
)
def test_registration_byte_by_byte(start: Start, order: tuple[str, ...]) -> None:
    server = start()
    ada = server.irc()
    ada.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in "".join([f"{line}\r\n" for line in order]).encode():
        ada.raw(bytes([byte]))
    assert any(" 001 ada " in line for line in ada.until(" 221 "))


def test_a_client_that_says_nothing(start: Start) -> None:
    silent = start("--first-frame-timeout", "0.3").irc()
    assert silent.rest()[-1].startswith("ERROR :Closing link: (silent)")


def test_a_client_that_only_negotiates(start: Start) -> None:
    endless = start().irc()
    endless.send("CAP LS 302")
    endless.until("CAP * LS")
    endless.send("JOIN :", "PRIVMSG #a :b")
    assert [line.split()[1] for line in endless.fence()] == ["451", "451"]


def test_half_a_line_is_given_up(start: Start) -> None:
    server = start("--frame-timeout", "0.3")
    ada = server.irc("ada")
    ada.raw(b"PRIVMSG #tea :never ended")
    assert ada.rest()[-1].startswith("ERROR :Closing link: (frame-timeout)")


def test_a_line_that_does_not_end_is_cut_off(start: Start) -> None:
    ada = start().irc("ada")
    ada.raw(b"x" * 20_000)
    assert ada.rest()[-1] == "ERROR :Closing link: (bad-frame) a line must end within 16384 bytes"


def test_a_silent_client_is_asked_and_given_up(start: Start) -> None:
    server = start("--ping-after", "1", "--ping-timeout", "1")
    ada = server.irc("ada")
    lines = ada.rest()
    assert ":irc.pylingo PING irc.pylingo" in lines
    assert lines[-1].startswith("ERROR :Closing link: (idle)")
    server.irc("ada")  # the name is free at once


@pytest.mark.parametrize("word", ["GET / HTTP/1.1", "POST / HTTP/1.1"])
def test_a_browser_is_sent_away(start: Start, word: str) -> None:
    server = start()
    bob = server.irc("bob", "#tea")
    browser = server.irc()
    browser.send(word, "Host: localhost", "", "NICK evil", "USER a 0 * :A", "JOIN #tea", "PRIVMSG #tea :spam")
    assert browser.rest() == ["ERROR :Closing link: (bad-frame) this is a server for IRC"]
    assert bob.fence() == []


def test_garbage_harms_nobody(start: Start) -> None:
    server = start("--rate", "0")
    bob, eve = server.irc("bob", "#tea"), server.native("eve", "tea")
    chance = random.Random(5)
    for number in range(60):
        with Irc(server.irc_port) as peer:
            if number % 2:
                peer.register(f"g{number}", "#tea")
            with contextlib.suppress(OSError):
                peer.raw(chance.randbytes(3_000) + b"\r\n" + b"\xff\x00\r\x01PRIVMSG #tea\r\n")
    bob.send("PRIVMSG #tea :still here")
    while eve.until(Message).text != "still here":
        pass


def test_a_flood_is_read_slowly_and_nothing_is_lost(start: Start) -> None:
    server = start("--rate", "200", "--burst", "20")
    ada, bob = server.irc("ada", "#tea"), server.irc("bob", "#tea")
    ada.fence()
    began = time.monotonic()
    ada.send(*[f"PRIVMSG #tea :{number}" for number in range(300)])
    texts = []
    while len(texts) < 300:
        line = bob.until("PRIVMSG")[-1]
        texts.append(line.rpartition(":")[2])
    assert texts == [str(number) for number in range(300)]
    assert time.monotonic() - began >= (300 - 61 - 20 - 10) / 200


def test_the_requests_of_a_client_for_twenty_rooms_are_not_held_up(start: Start) -> None:
    """weechat and irssi send MODE and WHO for each room: at the rate of messages, that would take five minutes."""
    server = start("--rate", "0.1", "--burst", "20")
    ada = server.irc("ada")
    ada.send(*[f"TOPIC #r{number}" for number in range(UNPACED)])  # from here on, its lines are paced
    rooms = [f"#r{number}" for number in range(20)]
    began = time.monotonic()
    ada.send(f"JOIN {','.join(rooms)}", *[line for room in rooms for line in (f"MODE {room}", f"WHO {room}")])
    for _ in rooms:
        ada.until(" 315 ")
        assert time.monotonic() - began < DEADLINE


def test_a_slow_reader_is_skipped_and_told(start: Start) -> None:
    server = start("--rate", "0", "--queue-soft", "16K", "--stall-timeout", "30")
    slow = server.irc("slow", "#tea", receive_buffer=2_048)
    ada = server.irc("ada", "#tea")
    gone = server.irc("gone", "#tea")
    ada.fence()
    text = "x" * 400
    for round_ in range(60):
        ada.send(*[f"PRIVMSG #tea :{round_} {text}" for _ in range(50)])
        ada.fence()
        if round_ == 55:
            gone.send("QUIT :away")
            gone.rest()
            server.irc("late", "#tea")
    lines = slow.until("left out here")
    assert [line for line in lines if " PART #tea" in line] == [":gone!gone@pylingo PART #tea"]
    assert [line for line in lines if " JOIN #tea" in line] == [
        ":ada!ada@pylingo JOIN #tea",
        ":gone!gone@pylingo JOIN #tea",
        ":late!late@pylingo JOIN #tea",
    ]
    told = sum("PRIVMSG" in line for line in lines)
    missed = re.search(r"(\d+) messages were left out here", lines[-1])
    assert missed is not None
    assert told + int(missed[1]) == 3_000
    ada.send("PRIVMSG #tea :again")
    assert slow.until("PRIVMSG")[-1].endswith(":again")


def test_the_limits_of_connections_hold_for_both_ports(start: Start) -> None:
    server = start("--max-connections", "3")
    server.irc("ada"), server.irc("bob")
    server.native("eve", "tea")
    refused = server.irc()
    assert refused.rest()[-1].startswith("ERROR :Closing link: (full)")
    with Peer(server.port, greet=False) as peer:
        assert getattr(peer.recv(), "reason", None) == "full"


def test_the_end_of_the_server_is_told(start: Start) -> None:
    server = start()
    ada = server.irc("ada", "#tea")
    assert server.process.stop() == 0
    assert ada.rest()[-1] == "ERROR :Closing link: (shutdown) the server is shutting down"


def test_what_native_people_do_is_told(start: Start) -> None:
    server = start()
    ada = server.irc("ada", "#tea,#lobby")
    eve = server.native("eve", "tea")
    eve.send(Command("open", "lobby"))
    eve.expect(Joined, room="lobby")
    ada.until(":eve!native@pylingo JOIN #lobby")
    eve.send(Command("topic", "scones"), Command("name", "evelyn"), Command("me", "waves"), Command("close"))
    assert [line.partition(" ")[2] for line in ada.until("QUIT")] == [
        "TOPIC #lobby :scones",
        "NICK :evelyn",
        "PRIVMSG #lobby :\x01ACTION waves\x01",
        "QUIT :close",
    ]


def test_an_encrypted_port_and_one_who_does_not_encrypt() -> None:
    with ServerProcess("--irc-tls-port", "0", tls=True) as process:
        server = IrcServer(process)
        context = ssl.create_default_context(cadata=der())
        context.check_hostname = False
        with Irc(server.irc_port, tls=context) as ada:
            ada.register("ada", "#tea")
            assert ada.sock.version() == "TLSv1.3"  # type: ignore[attr-defined]
        with Irc(server.irc_port) as plain:
            plain.send("NICK bob", "USER bob 0 * :bob")
            assert plain.rest() == ["ERROR :Closing link: (tls) this port is encrypted: connect with TLS"]
