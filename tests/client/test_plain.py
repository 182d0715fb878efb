"""Plain mode from end to end: the client as a child process on pipes, files and terminals."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

import pytest

from pylingo.client.plain import PATIENCE
from pylingo.shared.codec import encode, request_codec
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import (
    Command,
    CommandInfo,
    Entry,
    Error,
    Goodbye,
    Hello,
    Help,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Limits,
    Message,
    Notice,
    Ping,
    PongRequest,
    Private,
    Ready,
    Renamed,
    RoomInfo,
    Rooms,
    Say,
    Sent,
    Skipped,
    Users,
    Welcome,
)
from pylingo.shared.schema import Record
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, wait_until

WELCOME = Welcome(1, "PyLingo/1.0.0", "guest-1", Limits(32_768, 4_096, 32, 64))
READY = Ready("guest-1", None, "0" * 32, False)


class Client:
    """`./client/chat.py` as a child process. What it prints goes into files, so that it never waits for the test."""

    count = 0

    def __init__(
        self, folder: Path, address: str, *options: str, stdin: Any = subprocess.PIPE, **settings: Any
    ) -> None:
        Client.count += 1
        self.out_path = folder / f"client-{Client.count}.out"
        self.err_path = folder / f"client-{Client.count}.err"
        with self.out_path.open("wb") as out, self.err_path.open("wb") as err:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, str(ROOT / "client" / "chat.py"), address, *options],
                stdin=stdin,
                stdout=out,
                stderr=err,
                **{"env": {**os.environ, "LOGNAME": "login"}, **settings},
            )

    @property
    def out(self) -> str:
        return self.out_path.read_bytes().decode()

    @property
    def err(self) -> str:
        return self.err_path.read_bytes().decode()

    @property
    def lines(self) -> list[str]:
        return self.out.split("\n")[:-1]

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    def type(self, *lines: str | bytes) -> None:
        for line in lines:
            self.stdin.write((line if isinstance(line, bytes) else line.encode()) + b"\n")
        self.stdin.flush()

    def see(self, words: str) -> str:
        """Wait for a line with these words and return it."""

        def found() -> str | None:
            assert self.process.poll() is None or words in self.out, f"ended without {words!r}: {self.out} {self.err}"
            return next((line for line in self.lines if words in line), None)

        return str(wait_until(found, f"{words!r} on stdout"))

    def told(self, words: str) -> None:
        """Wait for these words on stderr."""
        wait_until(lambda: words in self.err, f"{words!r} on stderr")

    def end(self) -> int:
        """End the input, if there is one, and wait; returns the exit status."""
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.stdin.close()
        return self.process.wait(DEADLINE)

    def failed_with_one_line(self, words: str) -> None:
        """It ends with status 1 and one sentence with these words."""
        assert self.end() == 1, self.err
        assert words in self.err
        assert len(self.err.splitlines()) == 1
        assert self.err.startswith("pylingo: ")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        with contextlib.suppress(BrokenPipeError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        self.process.wait(DEADLINE)
        assert "Traceback" not in self.err, self.err


class Played:
    """A server played by the test, for what the real one does not do."""

    def __init__(self, receive_buffer: int | None = None) -> None:
        self.listener = socket.socket()
        if receive_buffer is not None:  # accepted sockets inherit it
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.listener.settimeout(DEADLINE)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.peer: socket.socket | None = None
        self.decoder = FrameDecoder()

    def accept(self, *records: Record) -> socket.socket:
        self.peer, _ = self.listener.accept()
        self.peer.settimeout(DEADLINE)
        self.say(*records)
        return self.peer

    def say(self, *records: Record) -> None:
        assert self.peer is not None
        self.peer.sendall(b"".join(map(encode, records)))

    def hear(self) -> Record:
        """The next request."""
        assert self.peer is not None
        while (body := next(iter(self.decoder), None)) is None:
            data = self.peer.recv(1 << 16)
            assert data, "the client hung up"
            self.decoder.feed(data)
        return request_codec.decode(body)

    def hear_until(self, wanted: Record) -> None:
        while self.hear() != wanted:
            pass

    def confirm(self) -> Record:
        """The next request, which is a message: it is in the log."""
        request = self.hear()
        assert isinstance(request, Say)
        self.say(Sent("lobby", 1, request.id, request.key))
        return request

    def let_in(self) -> None:
        """Play all that a client needs to be in the lobby."""
        self.accept(WELCOME)
        assert isinstance(self.hear(), Hello)
        self.say(READY)
        self.hear_until(Command("join", "lobby", 1))
        self.say(Joined("lobby", "guest-1", 1))
        asked = self.hear()
        assert isinstance(asked, HistoryRequest)
        self.say(HistoryPage("lobby", [], False, None, asked.id))

    def hang_up(self) -> None:
        if self.peer is not None:
            self.peer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self.listener.close()


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0") as running:
        yield running


@pytest.fixture
def address(server: ServerProcess) -> str:
    return f"127.0.0.1:{server.port}"


@pytest.fixture
def tag(request: pytest.FixtureRequest) -> str:
    """A word of this test alone, for names and rooms on the server that the tests share."""
    return f"t{abs(hash(request.node.nodeid)) % 10**12}"


@pytest.fixture
def peer(server: ServerProcess, tag: str) -> Iterator[Peer]:
    """Somebody in the room `tag` who sees what the client says."""
    with Peer(server.port) as somebody:
        somebody.hello(f"{tag}-peer")
        somebody.join(tag)
        yield somebody


def inert(printed: str) -> bool:
    """Nothing for a terminal to act on. Joiners between visible characters are fine, and not in these tests."""
    return not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for char in printed)


# --- talking ----------------------------------------------------------------------------------------------------


def test_two_talk(tmp_path: Path, address: str, tag: str):
    a, b = f"{tag}-a", f"{tag}-b"
    with (
        Client(tmp_path, address, "--name", a, "--room", tag) as first,
        Client(tmp_path, address, "--name", b, "--room", tag) as second,
    ):
        first.see(f"* you are in {tag} as {a}")
        second.see(f"* you are in {tag} as {b}")
        first.type("good morning", "schöne Grüße 👩‍💻")
        assert re.fullmatch(rf"\d\d:\d\d {a}: good morning", second.see("morning"))
        second.see(f"{a}: schöne Grüße 👩‍💻")
        second.type("and to you")
        assert re.fullmatch(rf"\d\d:\d\d {b}: and to you", first.see("to you"))
        assert "good morning" not in first.out, "nobody is told what they said themselves"
        assert second.end() == 0
        first.see(f"* {b} left")
        assert first.end() == 0
        assert first.err == second.err == ""


COMMANDS = [
    ("/users", "* in {tag}: @{tag}-a"),
    ("/list", "    {tag}  1"),
    ("/name {tag}-new", "* you are now {tag}-new"),
    ("/name {tag}-newer  ", "* you are now {tag}-newer"),
    ("/leave", "* you left {tag}"),
    ("/join #{tag}-2", "* you are in {tag}-2 as {tag}-newer; nobody else is here"),
    ("/help", "            /close                 Closes"),
    ("/close", "* goodbye (close): "),
]


def test_commands(tmp_path: Path, address: str, tag: str):
    with Client(tmp_path, address, "--name", f"{tag}-a", "--room", tag) as client:
        for typed, shown in COMMANDS:
            client.type(typed.format(tag=tag))
            client.see(shown.format(tag=tag))
        assert client.process.wait(DEADLINE) == 0, "/close ends the program though the input goes on"
        assert client.err == ""


REFUSED = [
    ("/join", "! /join needs the room"),
    ("/join a b", "! a room name"),
    ("/name guest-1", "! names like guest-12"),
    ("/list now", "! /list takes no argument"),
    ("/close the door", "! /close takes no argument"),
    ("lost words", "! you are in no room"),
]


def test_a_line_that_the_server_refuses_is_named_and_a_failure(tmp_path: Path, address: str, tag: str):
    with Client(tmp_path, address, "--name", tag, "--room", "") as client:
        for typed, shown in REFUSED:
            client.type(typed)
            client.see(shown)
        assert client.end() == 1
        assert client.lines[-1].startswith("* goodbye (close)")
        told = client.err.splitlines()
        assert len(told) == len(REFUSED)
        for (typed, shown), line in zip(REFUSED, told, strict=True):
            assert line.startswith(f"pylingo: the line '{typed}' was refused: {shown.removeprefix('! ')}")


TEXT = [
    *("/usr/bin/ld: cannot find -lfoo", "/closed", "/Close", "/CLOSE", "/", "/ list", "/nonsense", "/quit", "/join/x"),
    *("/closé", "/close:", "/layout plain"),
]


def test_a_pipe_says_what_is_not_exactly_a_command(tmp_path: Path, address: str, tag: str, peer: Peer):
    with Client(tmp_path, address, "--name", tag, "--room", tag) as client:
        client.type(*TEXT)
        assert [peer.until(Message).text for _ in TEXT] == TEXT
        assert client.end() == 0
        assert client.err == ""


def test_with_text_no_line_is_a_command(tmp_path: Path, address: str, tag: str, peer: Peer):
    lines = ["/close", "/list", "//x", " /join y", "", "  \t", *TEXT]
    with Client(tmp_path, address, "--name", tag, "--room", tag, "--text") as client:
        client.type(*lines)
        said = [line for line in lines if line.strip()]
        assert [peer.until(Message).text for _ in said] == said
        assert client.end() == 0
        assert client.err == ""


def test_an_unknown_command_typed_on_a_terminal_is_an_error(tmp_path: Path, address: str, tag: str, peer: Peer):
    ours, theirs = pty.openpty()
    try:
        with Client(tmp_path, address, "--name", tag, "--room", tag, stdin=theirs) as client:
            os.write(ours, b"/usr/bin/ld: cannot find -lfoo\n")
            peer.until(Message, text="/usr/bin/ld: cannot find -lfoo")
            os.write(ours, b"/nonsense x\n")
            client.told("there is no command '/nonsense'")
            os.write(ours, b"/nmae x\n")
            client.told("there is no command '/nmae'; did you mean /name?")
            os.write(ours, b"/layout top\n")
            client.told("/layout is a command of the window, and this is plain mode")
            os.write(ours, b"/help mgs\n")
            client.told("there is no command '/mgs'; did you mean /msg?")
            os.write(ours, b"/help msg\n")
            client.see("/msg [username text]")
            os.write(ours, b"/LIST\n/join\n")
            client.see(f"    {tag}  2")
            client.see("! /join needs the room")
            os.write(ours, b"/quit\n")
            assert peer.until(Left).reason == "close"
            assert client.end() == 0
            assert len(client.err.splitlines()) == 4
    finally:
        os.close(ours)
        os.close(theirs)


def test_every_line_goes_to_one_person(tmp_path: Path, address: str, tag: str, peer: Peer):
    with Client(tmp_path, address, "--name", tag, "--to", f"{tag}-PEER") as client:
        client.type("hello", "/me waves", "//slash", "/users", "/whois " + tag)
        said = [peer.until(Private) for _ in range(3)]
        assert [(it.from_, it.text, it.action) for it in said] == [
            (tag, "hello", None),
            (tag, "waves", True),
            (tag, "/slash", None),
        ]
        client.see(f"* {tag} is in no room that you are in; here since ")
        peer.send(Say("and\nto you", to=tag), Say("nods", to=tag, action=True))
        assert re.fullmatch(rf"\d\d:\d\d {tag}-peer -> you: and", client.see("-> you: and"))
        assert client.see("    to you")
        assert re.fullmatch(rf"\d\d:\d\d \* {tag}-peer -> you: nods", client.see("nods"))
        assert client.end() == 1, "/users needs a room"
        assert client.err.splitlines() == [
            "pylingo: the line '/users' was refused: you are in no room: /join one to see who is there"
        ]


def test_with_text_every_line_goes_to_one_person_and_the_room_is_joined_if_it_is_named(
    tmp_path: Path, address: str, tag: str, peer: Peer
):
    with Client(tmp_path, address, "--name", tag, "--to", f"{tag}-peer", "--room", tag, "--text") as client:
        peer.until(Joined, name=tag)
        client.type("/me", "/close")
        assert [peer.until(Private).text for _ in range(2)] == ["/me", "/close"]
        assert client.end() == 0


def test_a_person_who_is_not_there_is_a_failure(tmp_path: Path, address: str, tag: str):
    with Client(tmp_path, address, "--name", tag, "--to", f"{tag}-nobody") as client:
        client.type("hello")
        client.see(f"! nobody here is called '{tag}-nobody'")
        client.failed_with_one_line(f"the line '/msg {tag}-nobody hello' was refused: nobody here is called")


def test_a_server_without_private_messages_is_a_failure(tmp_path: Path):
    with Played() as server, Client(tmp_path, server.address, "--to", "grace") as client:
        server.accept(WELCOME)
        server.hear()
        server.say(READY)
        client.type("hello")
        client.told("pylingo: the line 'hello' was not sent: this server has no private messages")
        client.stdin.close()
        assert server.hear() == Command("close")
        server.hang_up()
        assert client.process.wait(DEADLINE) == 1


def test_in_several_rooms_each_line_names_its_room(tmp_path: Path, address: str, tag: str, peer: Peer):
    ops = f"{tag}-ops"
    with Client(tmp_path, address, "--name", tag, "--room", tag) as client:
        peer.until(Joined, name=tag)
        peer.send(Say("first"))
        assert re.fullmatch(rf"\d\d:\d\d {tag}-peer: first", client.see("first"))
        client.type(f"/open {ops}", "/topic tea", "second")
        client.see(f"* the topic of {ops} is: tea ({tag})")
        peer.send(Command("open", ops))
        assert client.see(f"{tag}-peer joined") == f"[{ops}] * {tag}-peer joined {ops}"
        peer.send(Say("third", room=tag), Say("waves", room=ops, action=True), Command("topic", "-", room=ops))
        assert re.fullmatch(rf"\[{tag}\] \d\d:\d\d {tag}-peer: third", client.see("third"))
        assert re.fullmatch(rf"\[{ops}\] \d\d:\d\d \* {tag}-peer waves", client.see("waves"))
        assert client.see("has no topic") == f"[{ops}] * {ops} has no topic"
        peer.send(Command("away", "lunch"))
        assert client.see("is away") == f"* {tag}-peer is away: lunch"
        client.type(f"/msg {tag}-peer psst", "/who", f"/whois {tag}-peer", "/away", "/leave", "alone")
        assert peer.until(Private).text == "psst"
        client.see(f"    {tag}-peer  in 2 rooms, away: lunch")
        client.see(f"* {tag}-peer is in ")
        client.see("* you are back")
        client.see(f"* you left {ops}")
        assert peer.until(Message, text="alone").room == tag
        peer.send(Say("fourth", room=tag))
        assert re.fullmatch(rf"\d\d:\d\d {tag}-peer: fourth", client.see("fourth"))
        assert client.out.count("is away") == 1, "two rooms are shared"
        assert client.end() == 0


def test_two_slashes_say_one_and_blank_lines_say_nothing(tmp_path: Path, address: str, tag: str, peer: Peer):
    with Client(tmp_path, address, "--name", tag, "--room", tag) as client:
        client.type("", "//shrug", "   ", "\t", "///", " /no command", "\r", "a\r", "//", "end")
        said = []
        while not said or said[-1] != "end":
            said.append(peer.until(Message).text)
        assert said == ["/shrug", "//", " /no command", "a", "/", "end"]
        assert client.end() == 0
        assert client.err == ""


def test_json_is_one_ascii_line_for_each_frame(tmp_path: Path, address: str, tag: str, peer: Peer):
    text = 'ü 漢 👩‍💻 \u2028 \u202e "quoted" \\ two\nlines\x1b[2J'
    with Client(tmp_path, address, "--json", "--name", f"{tag}-ü", "--room", tag) as client:
        peer.until(Joined, name=f"{tag}-ü")
        peer.send(Say(text))
        client.see('"message"')
        client.type("/users", "/help", "/list x", "said")
        assert client.end() == 1
        printed = client.out_path.read_bytes()
        assert printed.isascii()
        assert inert(printed.decode().replace("\n", ""))
        frames = [json.loads(line) for line in client.lines]
        assert [frame["type"] for frame in frames] == [
            *("welcome", "ready", "joined", "message", "users", "help", "error", "sent", "goodbye")
        ]
        assert frames[3]["text"] == text.replace("\x1b", "\ufffd")
        assert frames[3]["from"] == peer.name
        assert frames[-1]["reason"] == "close"
        assert "'/list x'" in client.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"caf\xe9", "not UTF-8"),
        (b"\xed\xa0\x80", "not UTF-8"),
        (b"x" * 4_097, "4096"),
        (b"x" * 200_000, "4096"),
    ],
    ids=["Latin-1", "a lone surrogate", "4,097 characters", "200,000 characters"],
)
def test_a_line_that_cannot_be_sent_is_told_and_not_fatal(
    tmp_path: Path, address: str, tag: str, peer: Peer, line: bytes, words: str
):
    with Client(tmp_path, address, "--name", tag, "--room", tag) as client:
        client.type("before", line, "after")
        assert [peer.until(Message).text for _ in range(2)] == ["before", "after"]
        client.told(words)
        client.told(f"the line '{line[:20].decode(errors='replace')}")
        assert client.process.poll() is None
        client.failed_with_one_line(words)  # a script learns by the status that not all was said


def test_the_longest_text_is_said_whole(tmp_path: Path, address: str, tag: str, peer: Peer):
    with Client(tmp_path, address, "--name", tag, "--room", tag) as client:
        client.type("👩" * 4_096)
        peer.until(Message, text="👩" * 4_096)
        assert client.end() == 0


def test_words_of_others_are_inert(tmp_path: Path, address: str, tag: str, peer: Peer):
    text = "a\x1b]52;c;aGFjaw==\x07\x9b2J\rb\u2028c\u202ed\x08\n12:00 admin: forged\t\x00"
    with Client(tmp_path, address, "--name", tag, "--room", tag) as client:
        peer.until(Joined, name=tag)
        peer.send(Say(text), Say("the end"))
        client.see("the end")
        first = next(index for index, line in enumerate(client.lines) if f"{peer.name}: a" in line)
        assert client.lines[first + 1].startswith("    12:00 admin: forged")
        assert inert(client.out.replace("\n", ""))


HOSTILE = (
    "\x1b]52;c;aGFjaw==\x07\x1b]0;t\x1b[6n\x1bc\x1b[?1003h\x1bP$qm\x1b\\\x9b2J\x9d\r\x08\x07\x00"
    "\u202e\u2067\u200b\U000e0041\u2028"
)
FORGED = f"x\n12:00 admin: forged{HOSTILE}"


def test_a_hostile_server_draws_nothing(tmp_path: Path):
    word, text = FORGED, FORGED
    records = [
        Welcome(1, word, word, WELCOME.limits),
        Ready(word, word, word, True),
        Message(word, word, text, 1),
        Joined(word, word),
        Joined(word, word, 2),
        Left(word, word, word),
        Left(word, word),
        Renamed(word, word),
        Renamed(word, word, word),
        Rooms([RoomInfo(word, 1)], False),
        Users(word, [word], False),
        Help([CommandInfo(word, word, word)]),
        HistoryPage(word, [Entry(word, text, 1)], False, None),
        Skipped(word, 1, 1, 1),
        Notice(text),
        Error(word, text),
        Goodbye(word, text),
    ]
    with Played() as played, Client(tmp_path, played.address, "--retry", "0") as client:
        played.accept(*records)
        played.hang_up()
        assert client.end() == 1
        assert inert(client.out.replace("\n", ""))
        assert "forged" in client.out
        assert not any(line.startswith("12:00") for line in client.lines)
        assert len(client.err.splitlines()) == 1
        assert inert(client.err.replace("\n", ""))


def test_pings_are_answered_and_unknown_frames_passed_over(tmp_path: Path):
    with Played() as played, Client(tmp_path, played.address, "--json") as client:
        peer = played.accept(WELCOME, Ping())
        peer.sendall(b"\x00\x00\x00\x0e\x81\xa4type\xa7weather")
        played.say(Notice("after"))
        played.hear_until(PongRequest())
        client.see("after")
        assert [json.loads(line)["type"] for line in client.lines] == ["welcome", "notice"]


# --- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("{peer}", "has that name"),
        ("no name", "! a name"),
        ("guest-7", "! names like guest-"),
        ("\x1b[2Jx", "! a name"),
        ("x" * 33, "32"),
    ],
    ids=["taken", "a space", "a guest's", "an escape", "too long"],
)
def test_a_name_that_cannot_be_had_is_told_and_one_stays_the_guest(
    tmp_path: Path, address: str, tag: str, peer: Peer, name: str, words: str
):
    with Client(tmp_path, address, "--name", name.format(peer=peer.name.upper()), "--room", tag) as client:
        joined = client.see("* you are in")
        assert re.search(r" as guest-\d+; 1 other is here", joined)
        assert words in client.see("! ")
        assert inert(client.out.replace("\n", ""))
        client.type("hello")
        assert re.fullmatch(r"guest-\d+", peer.until(Message, text="hello").from_)


def test_the_first_frames_on_the_wire(tmp_path: Path):
    with Played() as played, Client(tmp_path, played.address, "--name", "alice", "--room", "#pool"):
        played.accept(WELCOME)
        hello = played.hear()
        assert isinstance(hello, Hello)
        assert (hello.protocol, hello.name) == (1, "alice")
        played.say(READY)
        assert played.hear() == Command("join", "pool", 1)


def test_a_name_that_is_taken_is_wanted_until_it_is_free(tmp_path: Path, address: str, tag: str, peer: Peer):
    with Client(tmp_path, address, "--name", peer.name, "--room", tag) as client:
        guest = re.search(r"in .* as (guest-\d+);", client.see("* you are in"))
        assert guest is not None
        client.told(f"pylingo: you are {guest[1]}, wanted {peer.name}: it is asked for again until it is free")
        peer.send(Command("name", f"{tag}-other"))
        client.see(f"* you are now {peer.name}")
        assert client.end() == 0
        assert len(client.err.splitlines()) == 1


# --- times ------------------------------------------------------------------------------------------------------

DAY = 86_400_000_000


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["words", "JSON"])
def test_a_message_of_another_day_has_its_date_before_it(tmp_path: Path, options: list[str]):
    noon = time.time_ns() // 1_000 // DAY * DAY + DAY // 2
    texts = [(-3, "old"), (-3, "as old"), (-1, "newer"), (0, "today"), (0, "now")]
    entries = [Entry("eve", text, noon + days * DAY + at) for at, (days, text) in enumerate(texts)]
    env = {"env": {**os.environ, "TZ": "UTC0", "LOGNAME": "login"}}
    with Played() as played, Client(tmp_path, played.address, *options, **env) as client:
        played.accept(WELCOME, READY)
        played.hear_until(Command("join", "lobby", 1))
        played.say(Joined("lobby", "guest-1", 1))
        asked = played.hear()
        assert isinstance(asked, HistoryRequest)
        played.say(HistoryPage("lobby", entries, False, None, asked.id))
        client.see("now")
        lines = client.lines[-5:] if options else client.lines[client.lines.index(client.see("old")) - 1 :]
        if options:
            assert [json.loads(line)["text"] for line in lines] == [text for _, text in texts]
            return
        dates = [time.strftime("--- %Y-%m-%d ---", time.gmtime(noon / 1e6 - days * 86_400)) for days in (3, 1, 0)]
        said = ["12:00 eve: old", "12:00 eve: as old", "12:00 eve: newer", "12:00 eve: today", "12:00 eve: now"]
        assert lines == [dates[0], *said[:2], dates[1], said[2], dates[2], *said[3:]]


# --- where the input comes from ---------------------------------------------------------------------------------


def test_300_lines_in_a_pipe_arrive_in_order(tmp_path: Path, address: str, tag: str, peer: Peer):
    lines = [f"line {number} " + "x" * (number % 50) for number in range(300)]
    with Client(tmp_path, address, "--name", tag, "--room", tag) as client:
        client.stdin.write("\n".join(lines).encode())  # the last one has no end
        client.stdin.close()
        assert [peer.until(Message).text for _ in lines] == lines
        assert peer.until(Left).reason == "close"
        assert client.end() == 0
        assert client.lines[-1].startswith("* goodbye (close)")
        assert client.err == ""


@pytest.mark.usefixtures("wire")
def test_a_pipe_of_lines_waits_for_a_server_that_reads_slowly(tmp_path: Path):
    with ServerProcess("--rate", "100", "--burst", "5") as slow, Peer(slow.port) as peer:
        peer.join("pool")
        with Client(tmp_path, slow.address, "--name", "alice", "--room", "pool") as client:
            client.type(*map(str, range(60)))
            client.stdin.close()
            assert [peer.until(Message).text for _ in range(60)] == [str(number) for number in range(60)]
            assert client.end() == 0
            assert client.err == ""


def test_a_file_as_input(tmp_path: Path, address: str, tag: str, peer: Peer):
    path = tmp_path / "input"
    lines = [f"{number} " + "x" * 1_000 for number in range(200)]  # several reads
    path.write_text("\n".join(lines))
    with path.open() as file, Client(tmp_path, address, "--name", tag, "--room", tag, stdin=file) as client:
        assert [peer.until(Message).text for _ in lines] == lines
        assert peer.until(Left).reason == "close"
        assert client.end() == 0
        assert client.err == ""


def test_an_empty_file_as_input(tmp_path: Path, address: str):
    (tmp_path / "empty").touch()
    with (tmp_path / "empty").open() as file, Client(tmp_path, address, stdin=file) as client:
        assert client.end() == 0
        assert client.lines[-1].startswith("* goodbye (close)")


def test_no_input(tmp_path: Path, address: str):
    with Client(tmp_path, address, stdin=subprocess.DEVNULL) as client:
        assert client.end() == 0
        assert client.lines[-1].startswith("* goodbye (close)")
        assert client.err == ""


def test_a_closed_input(tmp_path: Path, address: str):
    with Client(tmp_path, address, stdin=None, preexec_fn=lambda: os.close(0)) as client:
        assert client.end() == 0
        assert client.lines[-1].startswith("* goodbye (close)")
        assert client.err == ""


def test_an_input_that_cannot_be_read(tmp_path: Path, address: str):
    with (tmp_path / "input").open("wb") as file, Client(tmp_path, address, stdin=file) as client:  # as in 0>input
        assert client.end() == 0
        assert client.lines[-1].startswith("* goodbye (close)")
        assert client.err == ""


def test_a_socket_as_input(tmp_path: Path, address: str, tag: str, peer: Peer):
    ours, theirs = socket.socketpair()
    with ours, theirs, Client(tmp_path, address, "--name", tag, "--room", tag, stdin=theirs) as client:
        ours.sendall(b"through a socket\n")
        peer.until(Message, text="through a socket")
        ours.shutdown(socket.SHUT_WR)
        assert client.end() == 0


def number_said(request: Record) -> int:
    assert isinstance(request, Say)
    return int(request.text[:4])


COUNT = 2_500  # lines of 4,000 bytes: 10 MB, more than the system's buffers hold


def test_input_is_read_no_faster_than_the_server_takes_it(tmp_path: Path):
    data = b"".join(b"%04d " % number + b"x" * 4_000 + b"\n" for number in range(COUNT))
    with Played(receive_buffer=8_192) as played, Client(tmp_path, played.address, "--room", "") as client:
        played.accept(WELCOME, READY)
        assert isinstance(played.hear(), Hello)
        fd = client.stdin.fileno()
        os.set_blocking(fd, False)
        written = 0
        while written < len(data) and select.select([], [fd], [], 0.5)[1]:
            written += os.write(fd, data[written : written + 65_536])
        assert written < len(data), "the client has taken all, though the server takes nothing"
        for expected in range(COUNT):  # now it reads, and nothing is missing
            while written < len(data) and select.select([], [fd], [], 0)[1]:
                written += os.write(fd, data[written : written + 65_536])
            assert number_said(played.confirm()) == expected
        assert written == len(data)


def test_a_large_file_is_read_on_after_every_pause(tmp_path: Path):
    path = tmp_path / "input"
    path.write_bytes(b"".join(b"%04d " % number + b"x" * 4_000 + b"\n" for number in range(COUNT)))
    with (
        path.open() as file,
        Played(receive_buffer=8_192) as played,
        Client(tmp_path, played.address, "--room", "", stdin=file),
    ):
        played.accept(WELCOME, READY)
        assert isinstance(played.hear(), Hello)
        for expected in range(COUNT):
            assert number_said(played.confirm()) == expected
        assert played.hear() == Command("close")


# --- the server ends it -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("wire")
def test_the_server_is_killed(tmp_path: Path):
    with ServerProcess() as server, Client(tmp_path, server.address, "--retry", "0") as client:
        client.see("* you are in lobby")
        server.stop(signal.SIGKILL)
        assert client.process.wait(DEADLINE) == 1, "it ends though the input goes on"
        client.failed_with_one_line(f"127.0.0.1:{server.port}")
        assert "went away" in client.err


def test_the_server_is_killed_before_it_has_read_all(tmp_path: Path):
    # What it had not read makes the kernel send a reset instead of an end.
    with Played() as played, Client(tmp_path, played.address, "--retry", "0") as client:
        played.let_in()
        client.type("important")
        peer = played.peer
        assert peer is not None
        assert peer.recv(1, socket.MSG_PEEK)
        played.hang_up()
        assert client.process.wait(DEADLINE) == 1
        client.failed_with_one_line(f"the connection to {played.address} broke: the server went away")


@pytest.mark.usefixtures("wire")
def test_the_server_shuts_down(tmp_path: Path):
    with ServerProcess() as server, Client(tmp_path, server.address, "--retry", "0") as client:
        client.see("* you are in lobby")
        assert server.stop() == 0
        assert client.process.wait(DEADLINE) == 1
        client.see("* goodbye (shutdown): ")
        client.failed_with_one_line("ended the connection")


REASONS = [
    *("shutdown", "bad-frame", "frame-timeout", "silent", "idle", "stalled", "full", "address-limit"),
    *("protocol", "password", "replaced", "a-reason-of-tomorrow"),
]


def test_a_goodbye_of_any_reason_is_shown(tmp_path: Path):
    with contextlib.ExitStack() as stack:  # all at the same time, as each costs the start of a process
        pairs = []
        for reason in [*REASONS, "close"]:
            played = stack.enter_context(Played())
            pairs.append((reason, played, stack.enter_context(Client(tmp_path, played.address, "--retry", "0"))))
        for reason, played, client in pairs:
            played.accept(WELCOME, Goodbye(reason, f"because of {reason}"))
            played.hang_up()
            status = client.process.wait(DEADLINE)
            assert f"* goodbye ({reason}): because of {reason}" in client.lines
            if reason == "close":
                assert (status, client.err) == (0, "")
            else:
                client.failed_with_one_line(f"because of {reason}")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "went away"),
        (encode(WELCOME)[:20], "went away"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak PyLingo's protocol"),
        (encode(WELCOME) + b"\0\0\0\0", "does not speak PyLingo's protocol"),
        (b"\x00\x00\x00\x01\xc1", "does not speak PyLingo's protocol"),
    ],
    ids=["nothing", "half a frame", "HTTP", "size 0", "c1"],
)
def test_a_server_that_breaks_off_or_speaks_nonsense(tmp_path: Path, sent: bytes, words: str):
    with Played() as played, Client(tmp_path, played.address) as client:
        played.accept().sendall(sent)
        assert isinstance(played.hear(), Hello)  # nothing unread is left that would make a reset of the end
        played.hang_up()
        assert client.process.wait(DEADLINE) == 1
        client.failed_with_one_line(words)
        assert played.address in client.err


def test_a_server_gone_before_it_took_the_last_lines_is_a_failure(tmp_path: Path):
    with Played() as played, Client(tmp_path, played.address, "--retry", "0") as client:
        played.let_in()
        client.type("important", "this too")
        client.stdin.close()
        assert [number_of(played.hear()), number_of(played.hear())] == ["important", "this too"]
        played.hang_up()
        client.failed_with_one_line(played.address)
        assert "2 lines were not confirmed by the server" in client.err


def number_of(request: Record) -> str:
    assert isinstance(request, Say)
    return request.text


def test_the_end_of_input_waits_for_the_confirmations_over_a_loss(tmp_path: Path):
    with Played() as played, Client(tmp_path, played.address) as client:
        played.let_in()
        client.type("one", "two")
        client.stdin.close()
        played.confirm()
        assert number_of(played.hear()) == "two"
        played.hang_up()
        played.accept(WELCOME)
        played.decoder = FrameDecoder()
        hello = played.hear()
        assert isinstance(hello, Hello)
        played.say(Ready("guest-1", "lobby", READY.token, True))
        asked = played.hear()
        assert isinstance(asked, HistoryRequest)
        played.say(HistoryPage("lobby", [], False, None, asked.id))
        assert number_of(played.confirm()) == "two"
        assert played.hear() == Command("close")
        played.say(Goodbye("close", "bye"))
        played.hang_up()  # as a server does; the client would wait for it
        assert client.process.wait(DEADLINE) == 0
        assert "not confirmed" not in client.err


# --- the connection is lost and taken up again ------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@pytest.mark.usefixtures("wire")
def test_a_restarted_server_is_found_again(tmp_path: Path):
    port = free_port()
    with Client(tmp_path, f"127.0.0.1:{port}", "--name", "a") as client:
        client.failed_with_one_line("connection refused")  # the first time is not tried again
    for options in ([], ["--json"]):
        port = free_port()
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(ServerProcess("--port", str(port)))
            client = stack.enter_context(Client(tmp_path, server.address, "--name", "a", *options))
            client.see("lobby")
            assert server.stop() == 0
            client.told("trying to come back")
            client.type("said meanwhile")
            server = stack.enter_context(ServerProcess("--port", str(port)))
            client.told(f"connected to 127.0.0.1:{port} again")
            with Peer(port) as peer:
                peer.join("lobby")
                peer.send(Say("good to see you"))
                client.see("good to see you")
                client.type("and you")
                assert peer.until(Message, text="and you").from_ == "a"
            if options:
                frames = [json.loads(line) for line in client.lines]
                assert [frame["type"] for frame in frames].count("ready") == 2
                assert next(frame for frame in frames if frame["type"] == "goodbye")["reason"] == "shutdown"
                assert len([frame for frame in frames if frame["type"] == "sent"]) >= 1
            assert client.end() == 0
            assert len(client.err.splitlines()) == 2


def test_a_server_that_does_not_come_back_is_given_up(tmp_path: Path):
    with ServerProcess() as server, Client(tmp_path, f"127.0.0.1:{server.port}", "--retry", "0.5") as client:
        client.see("* you are in lobby")
        server.stop(signal.SIGKILL)
        assert client.process.wait(DEADLINE) == 1
        lost, given_up = client.err.splitlines()
        assert "trying to come back" in lost
        assert "connection refused" in given_up


def test_the_end_of_input_while_there_is_no_connection_ends_at_once(tmp_path: Path):
    with ServerProcess() as server, Client(tmp_path, f"127.0.0.1:{server.port}") as client:
        client.see("* you are in lobby")
        server.stop(signal.SIGKILL)
        client.told("trying to come back")
        client.stdin.close()
        assert client.process.wait(DEADLINE / 4) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_there_is_no_connection_ends_at_once(tmp_path: Path, number: int):
    with ServerProcess() as server, Client(tmp_path, f"127.0.0.1:{server.port}") as client:
        client.see("* you are in lobby")
        server.stop(signal.SIGKILL)
        client.told("trying to come back")
        client.process.send_signal(number)
        assert client.process.wait(DEADLINE / 4) == 128 + number


# --- the person ends it -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_politely(tmp_path: Path, address: str, tag: str, peer: Peer, number: int):
    with Client(tmp_path, address, "--name", tag, "--room", tag) as client:
        client.see("* you are in")
        client.type("last words")
        peer.until(Message, text="last words")
        client.process.send_signal(number)
        assert peer.until(Left).reason == "close"
        assert client.process.wait(DEADLINE) == 0
        assert client.lines[-1].startswith("* goodbye (close)")
        assert client.err == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once(tmp_path: Path, number: int):
    with Played() as played, Client(tmp_path, played.address) as client:
        played.let_in()
        client.see("* you are in lobby")
        client.process.send_signal(number)
        played.hear_until(Command("close"))  # and the server says nothing
        assert client.process.poll() is None
        client.process.send_signal(number)
        assert client.process.wait(DEADLINE) == 128 + number, "not by the patience running out, which ends with 0"
        assert client.err == ""


def test_leaving_does_not_wait_for_a_silent_server_for_ever(tmp_path: Path):
    assert PATIENCE < DEADLINE / 3
    with Played() as played, Client(tmp_path, played.address) as client:
        played.let_in()
        client.see("* you are in lobby")
        client.process.send_signal(signal.SIGINT)
        assert client.process.wait(DEADLINE / 2) == 0


def test_a_signal_while_the_end_of_input_waits_for_the_server(tmp_path: Path):
    with Played() as played, Client(tmp_path, played.address, stdin=subprocess.DEVNULL) as client:
        played.let_in()
        played.hear_until(Command("close"))
        client.process.send_signal(signal.SIGINT)
        for _ in range(2):  # after two turns of its loop, the client has handled the signal
            played.say(Ping())
            played.hear_until(PongRequest())
        played.say(Goodbye("close", "bye"))
        played.hang_up()  # as a server does; the client would wait for it
        assert client.process.wait(DEADLINE) == 0


@pytest.mark.parametrize("is_over", [True, False], ids=["at the end of the input", "in the middle"])
def test_a_signal_waits_for_what_was_read_to_be_confirmed(tmp_path: Path, is_over: bool):
    with Played() as played, Client(tmp_path, played.address) as client:
        played.let_in()
        client.stdin.write(b"one\ntwo\nhalf a line")
        client.stdin.flush()
        if is_over:
            client.stdin.close()
        requests = [played.hear(), played.hear()]
        if is_over:
            requests.append(played.hear())
        client.process.send_signal(signal.SIGTERM)
        if not is_over:
            requests.append(played.hear())
        for at, request in enumerate(requests, 1):
            assert isinstance(request, Say)
            played.say(Sent("lobby", at, request.id, request.key))
        assert [number_of(request) for request in requests] == ["one", "two", "half a line"]
        assert played.hear() == Command("close")
        played.say(Goodbye("close", "bye"))
        played.hang_up()  # as a server does; the client would wait for it
        assert client.process.wait(DEADLINE) == 0
        assert client.err == ""


def test_a_signal_with_more_to_say_than_time_leaves_politely_and_says_how_much(tmp_path: Path):
    """The server handles 50 lines a second, and the client has read 3,000: nobody stays behind as a ghost."""
    with ServerProcess("--rate", "50", "--burst", "5") as server, Peer(server.port) as peer:
        peer.join("pool")
        with Client(tmp_path, f"127.0.0.1:{server.port}", "--name", "alice", "--room", "pool") as client:
            client.type(*map(str, range(3_000)))
            peer.until(Message, text="0")
            client.process.send_signal(signal.SIGTERM)
            arrived = 1
            while not isinstance(record := peer.recv(), Left):
                arrived += isinstance(record, Message)
            assert record.reason == "close"
            assert client.process.wait(DEADLINE) == 1
            told = re.fullmatch(r"pylingo: (\d+) lines were not confirmed by the server\n", client.err)
            assert told is not None, client.err
            assert arrived < 3_000
            # What the server handled between the last confirmation and the goodbye may be in the room as well.
            assert 3_000 - arrived <= int(told[1]) <= 3_000 - arrived + 50


@pytest.mark.parametrize("controlling", [True, False], ids=["our terminal", "a terminal"])
def test_a_terminal_that_hangs_up(tmp_path: Path, address: str, tag: str, peer: Peer, controlling: bool):
    def take_terminal() -> None:
        os.setsid()
        if controlling:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    ours, theirs = pty.openpty()
    try:
        with Client(tmp_path, address, "--name", tag, "--room", tag, stdin=theirs, preexec_fn=take_terminal) as client:
            os.close(theirs)
            theirs = -1
            os.write(ours, b"typed\n")
            peer.until(Message, text="typed")
            os.close(ours)
            ours = -1
            assert peer.until(Left).name == tag
            _, status, used = os.wait4(client.process.pid, 0)
            client.process.returncode = os.waitstatus_to_exitcode(status)
            assert client.process.returncode in (0, 128 + signal.SIGHUP)
            assert used.ru_utime + used.ru_stime < 5
            assert client.err == ""
    finally:
        for fd in (ours, theirs):
            if fd >= 0:
                os.close(fd)


def test_the_end_of_input_on_a_terminal(tmp_path: Path, address: str, tag: str, peer: Peer):
    ours, theirs = pty.openpty()
    try:
        with Client(tmp_path, address, "--name", tag, "--room", tag, stdin=theirs) as client:
            os.write(ours, b"typed\n")
            peer.until(Message, text="typed")
            os.write(ours, b"\x04")
            assert peer.until(Left).reason == "close"
            assert client.end() == 0
    finally:
        os.close(ours)
        os.close(theirs)


def test_nothing_is_done_while_nothing_happens(tmp_path: Path):
    """It waits in the selector: the time it has used does not grow while it is idle."""
    with Played() as played, Client(tmp_path, played.address) as client:
        played.let_in()
        client.see("* you are in lobby")
        stat = Path(f"/proc/{client.process.pid}/stat")
        if not stat.exists():
            pytest.skip("this system shows no processor times in /proc")

        def ticks() -> int:
            fields = stat.read_text().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])

        before = ticks()
        with pytest.raises(subprocess.TimeoutExpired):
            client.process.wait(0.5)
        assert ticks() - before <= 10  # hundredths of a second; a loop that spins takes 50


# --- nobody reads what we print ---------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["words", "JSON"])
def test_output_that_nobody_reads_any_more(tmp_path: Path, tag: str, options: list[str]):
    """As in `| head -1`, with an input that stays open: the name is free again at once."""
    errors = tmp_path / "errors"
    with (
        ServerProcess() as server,
        Peer(server.port) as peer,
        errors.open("wb") as err,
        subprocess.Popen(
            [sys.executable, str(ROOT / "client/chat.py"), f"127.0.0.1:{server.port}", "--name", tag, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=err,
        ) as process,
    ):
        try:
            peer.join("lobby")
            assert process.stdout is not None
            assert process.stdout.readline()
            process.stdout.close()
            peer.fence()
            wait_until(lambda: peer.send(Say("anybody there?")) or process.poll() is not None, "its end")
            assert process.returncode == 1
            assert errors.read_text() == ""
            assert peer.until(Left).reason == "close"
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_politely_also_while_nobody_takes_the_output(
    tmp_path: Path, address: str, tag: str, peer: Peer, number: int
):
    """As in `| less`, which reads one screen."""
    with (
        (tmp_path / "errors").open("wb") as err,
        subprocess.Popen(
            [sys.executable, str(ROOT / "client/chat.py"), address, "--name", tag, "--room", tag],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=err,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            peer.until(Joined, name=tag)
            peer.send(*(Say("x" * 4_000) for _ in range(100)))  # far more than a pipe holds
            peer.fence()

            def waiting() -> int:
                """Bytes in the pipe."""
                size = fcntl.ioctl(process.stdout, termios.FIONREAD, b"\0" * 4)  # type: ignore[arg-type]
                return int.from_bytes(size, sys.byteorder)

            wait_until(lambda: waiting() > 60_000, "a full pipe")
            process.send_signal(number)
            assert peer.until(Left).reason == "close"
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()


def test_a_full_disk(tmp_path: Path, address: str):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, str(ROOT / "client/chat.py"), address],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
