"""What IRC clients have beyond plain lines, on real sockets: log-in, history, long messages, monitoring, tags."""

import base64
import contextlib
import re
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.shared.messages import Command, IrcPassword, Message, Ready, Say, Tagged, Welcome
from tests.fakes.identity import key
from tests.irc_server import Irc, IrcServer
from tests.support import Peer, ServerProcess, wait_until

# Runs once: each test starts a server with a plain IRC port.

Start = Callable[..., IrcServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server with an IRC port; the one before is stopped."""
    with contextlib.ExitStack() as stack:
        running: list[IrcServer] = []

        def make(*options: str, **more: Any) -> IrcServer:
            for server in running:
                server.stack.close()
                assert server.process.stop() == 0
            running.clear()
            made = IrcServer(stack.enter_context(ServerProcess("--irc-port", "0", *options, tls=False)))
            stack.enter_context(made.stack)
            running.append(made)
            return made

        yield make


def member(server: IrcServer, word: str, name: str) -> Peer:
    """A native person with a key."""
    peer = server.stack.enter_context(Peer(server.port, greet=False))
    challenge = peer.expect(Welcome).challenge
    assert challenge is not None
    peer.send(key(word).hello(challenge, name, peer.certificate))
    assert peer.until(Ready).name == name
    return peer


def password_of(peer: Peer) -> str:
    peer.send(Command("irc-password", id=77))
    told = peer.until(IrcPassword).password
    assert told is not None
    return told


def negotiate(irc: Irc, nick: str, caps: str) -> Irc:
    irc.send("CAP LS 302", f"NICK {nick}", f"USER {nick} 0 * :{nick}", f"CAP REQ :{caps}")
    irc.until(" ACK ")
    return irc


def log_in(irc: Irc, nick: str, password: str, caps: str = "sasl") -> list[str]:
    """The lines up to the verdict."""
    negotiate(irc, nick, caps).send("AUTHENTICATE PLAIN")
    irc.until("AUTHENTICATE +")
    irc.send("AUTHENTICATE " + base64.b64encode(f"\0{nick}\0{password}".encode()).decode())
    return irc.until(" 90")


def with_caps(server: IrcServer, nick: str, caps: str, *rooms: str) -> Irc:
    irc = negotiate(server.irc(), nick, caps)
    irc.send("CAP END")
    irc.until(" 221 ")
    for room in rooms:
        irc.send(f"JOIN {room}")
        irc.until(" 366 ")
    return irc


def test_a_person_logs_in_by_irc_also_after_a_restart(start: Start, tmp_path: Path) -> None:
    options = ("--data", str(tmp_path / "data"), "--no-tls")
    server = start(*options)
    native = member(server, "a", "ada")
    password = password_of(native)
    wrong = server.irc()
    assert " 904 " in log_in(wrong, "ada", "wrong")[-1]
    wrong.send("CAP END")
    assert " 433 " in wrong.until(" 433 ")[-1]
    for _ in range(2):
        irc = server.irc()
        assert " 900 " in log_in(irc, "ada", password)[-1]
        irc.send("CAP END", "JOIN #tea", "WHOIS ada")
        assert any(" 330 " in line for line in irc.until(" 318 "))
        irc.send("QUIT")
        irc.rest()
        server = start(*options)
    people = (tmp_path / "data" / "people.json").read_text()
    assert "$scrypt$" in people
    assert password not in people
    again = member(server, "a", "ada")
    again.send(Command("irc-password", "off"))
    again.until(IrcPassword)
    assert " 904 " in log_in(server.irc(), "ada", password)[-1]


def test_ten_wrong_passwords_close_the_door_for_a_minute(start: Start, tmp_path: Path) -> None:
    server = start("--data", str(tmp_path / "data"), "--no-tls", "--rate", "0")
    member(server, "a", "ada")
    irc = negotiate(server.irc(), "ada", "sasl")
    verdicts = []
    for _ in range(11):
        irc.send("AUTHENTICATE PLAIN", "AUTHENTICATE " + base64.b64encode(b"\0ada\0wrong").decode())
        verdicts.append(irc.until(" 904 ")[-1])
    assert "too many wrong passwords" in verdicts[-1]
    assert "too many wrong passwords" not in verdicts[0]


def test_a_server_for_members_only_asks_for_a_password(start: Start, tmp_path: Path) -> None:
    members = tmp_path / "members"
    members.write_text(f"{key('a').text}\n")
    server = start("--data", str(tmp_path / "data"), "--no-tls", "--members", str(members))
    password = password_of(member(server, "a", "ada"))
    stranger = server.irc()
    stranger.send("NICK bob", "USER bob 0 * :bob")
    assert stranger.rest()[-1].startswith("ERROR :Closing link: (members-only)")
    irc = server.irc()
    log_in(irc, "ada", password)
    irc.send("CAP END")
    irc.until(" 001 ada ")


def test_the_history_of_both_worlds_over_a_restart(start: Start, tmp_path: Path) -> None:
    options = ("--history", str(tmp_path / "chat.db"))
    server = start(*options)
    ada, eve = server.irc("ada", "#tea"), server.native("eve", "tea")
    ada.send("PRIVMSG #tea :one")
    eve.until(Message)
    eve.send(Say("two\nand more", id=1))
    ada.until("and more")
    ada.send("PRIVMSG #tea :\x01ACTION waves\x01")
    eve.until(Message)
    server = start(*options)
    bob = with_caps(server, "bob", "batch message-tags server-time draft/chathistory", "#tea")
    bob.send("CHATHISTORY LATEST #tea * 10")
    begin, *lines, _ = [line for line in bob.until("BATCH -") if "BATCH" in line or "PRIVMSG" in line]
    assert begin.endswith(" chathistory #tea")
    texts = [line.partition(" PRIVMSG #tea :")[2] for line in lines]
    assert texts == ["one", "two", "and more", "\x01ACTION waves\x01"]
    ids = [found[1] for line in lines if (found := re.search(r"msgid=(\d+)", line))]
    bob.send(f"CHATHISTORY AFTER #tea msgid={ids[1]} 10")
    assert sum("PRIVMSG" in line for line in bob.until("BATCH -")) == 1
    old = with_caps(server, "old", "server-time")
    old.send("JOIN #tea")
    assert [line.partition(" PRIVMSG #tea :")[2] for line in old.fence() if "PRIVMSG" in line] == texts
    plain = server.irc("plain")
    plain.send("JOIN #tea")
    assert not any("PRIVMSG" in line for line in plain.fence())


def test_long_messages_both_ways(start: Start) -> None:
    server = start()
    caps = "batch message-tags draft/multiline echo-message labeled-response"
    ada, eve = with_caps(server, "ada", caps, "#tea"), server.native("eve", "tea")
    ada.send("@label=7 BATCH +x draft/multiline #tea")
    text = "\n".join(["é" * 100] * 10)
    ada.send(*[f"@batch=x PRIVMSG #tea :{line}" for line in text.split("\n")], "BATCH -x")
    assert eve.until(Message).text == text
    echo = [line for line in ada.until("BATCH -") if "PRIVMSG" in line]
    assert "\n".join(line.partition(" PRIVMSG #tea :")[2] for line in echo) == text
    eve.send(Say(text))
    lines = [line for line in ada.until(":irc.pylingo BATCH -m") if "PRIVMSG" in line and ":eve!" in line]
    assert "\n".join(line.partition(" PRIVMSG #tea :")[2] for line in lines) == text


def test_coming_and_going_is_told(start: Start) -> None:
    server = start()
    ada = server.irc("ada")
    ada.send("MONITOR + bob,eve")
    assert ada.until(" 731 ")[-1] == ":irc.pylingo 731 ada :bob,eve"
    bob = server.irc("bob")
    assert ada.until(" 730 ")[-1] == ":irc.pylingo 730 ada :bob!bob@pylingo"
    server.native("eve", "tea")
    assert ada.until(" 730 ")[-1] == ":irc.pylingo 730 ada :eve!native@pylingo"
    bob.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    bob.close()
    assert ada.until(" 731 ")[-1] == ":irc.pylingo 731 ada :bob"


def test_typing_is_told(start: Start) -> None:
    server = start()
    ada = with_caps(server, "ada", "message-tags", "#tea")
    bob, eve = with_caps(server, "bob", "message-tags", "#tea"), server.native("eve", "tea")
    ada.send("@+typing=active TAGMSG #tea", "@+typing=done TAGMSG eve")
    assert bob.until("TAGMSG")[-1].startswith("@+typing=active;")
    assert [eve.until(Tagged), eve.until(Tagged)] == [
        Tagged("ada", ["+typing=active"], room="tea"),
        Tagged("ada", ["+typing=done"], to="eve"),
    ]


def test_clients_that_break_while_the_room_is_told(start: Start) -> None:
    """ngircd 344: a client was closed while the list with it was walked."""
    server = start("--rate", "0")
    ada, eve = server.irc("ada", "#tea"), server.native("eve", "tea")
    stayer = server.irc("stayer", "#tea")
    for round_ in range(5):
        leavers = [server.irc(f"l{round_}x{number}", "#tea") for number in range(5)]
        ada.send(*[f"PRIVMSG #tea :{round_} {number}" for number in range(50)])
        for leaver in leavers:
            leaver.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            leaver.close()
    texts = [f"{round_} {number}" for round_ in range(5) for number in range(50)]
    assert [eve.until(Message).text for _ in texts] == texts
    assert [stayer.until("PRIVMSG")[-1].partition(" PRIVMSG #tea :")[2] for _ in texts] == texts
    eve.send(Command("users", id=1))

    def are_gone() -> bool:
        stayer.send("NAMES #tea")
        return any(line.endswith(":@ada eve stayer") for line in stayer.until(" 366 "))

    wait_until(are_gone, "only those who stay are in the room")


def test_lines_before_the_registration_are_read_slowly(start: Start) -> None:
    """ergo 505: there was no limit for them."""
    server = start("--rate", "100", "--burst", "10")
    flood = server.irc()
    flood.send(*["PRIVMSG #tea :hi"] * 300)
    ada, eve = server.irc("ada", "#tea"), server.native("eve", "tea")
    ada.send("PRIVMSG #tea :in time")
    assert eve.until(Message).text == "in time"
    answered = [flood.line() for _ in range(300)]
    assert all(line is not None and " 451 " in line for line in answered)


def test_private_words_wait_for_somebody_who_is_not_here(start: Start, tmp_path: Path) -> None:
    server = start("--data", str(tmp_path / "data"), "--no-tls")
    native = member(server, "a", "ada")
    password = password_of(native)
    native.send(Command("close"))
    bob = server.irc("bob")

    def is_away() -> bool:
        bob.send("ISON ada")
        return bob.until(" 303 ")[-1].endswith(" 303 bob :")

    wait_until(is_away, "ada has gone")
    bob.send("PRIVMSG ada :are you there?")
    bob.fence()
    irc = server.irc()
    log_in(irc, "ada", password, "sasl batch server-time message-tags draft/chathistory")
    irc.send("CAP END", "CHATHISTORY LATEST bob * 5")
    assert any(line.endswith(" PRIVMSG ada :are you there?") for line in irc.until("BATCH -"))
    irc.send("PRIVMSG bob :yes")
    assert bob.until("PRIVMSG")[-1] == ":ada!ada@pylingo PRIVMSG bob :yes"
