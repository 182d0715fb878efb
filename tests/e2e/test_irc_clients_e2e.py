"""Programs that people use for IRC, in the same rooms as native people, with the commands of docs/irc.md.

Each registers, joins two rooms, sees the history, talks both ways, and comes back after a restart of the server.
"""

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from pylingo.shared.messages import Command, IrcPassword, Joined, Message, Ready, Say, Welcome
from tests.fakes.identity import key
from tests.irc_server import IrcServer
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, wait_until

# Runs once: each test starts a server with a plain IRC port, or with an encrypted one.

ROOMS = ("tea", "lobby")
WEECHAT_FOR_TESTS = (
    "/set logger.file.flush_delay 0",
    "/set irc.server_default.anti_flood_prio_high 0",
    "/set irc.server_default.autoreconnect_delay 1",
)
IRSSI_FOR_TESTS = ("/set autolog on", "/set server_reconnect_time 1s", "/set cmd_queue_speed 10msecs")


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def needs_module(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} of PyPI is not installed")


def commands(heading: str, port: int) -> str:
    """The first block of code under this heading of docs/irc.md, with the port of a test."""
    text = (ROOT / "docs" / "irc.md").read_text(encoding="utf-8")
    found = re.search(rf"^### {re.escape(heading)}\n.*?^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    assert re.search(r"\b66[69]7\b", found[1]), heading
    return re.sub(r"\b66[69]7\b", str(port), found[1])


def text_in(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


@contextlib.contextmanager
def running(words: list[str], folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is ended by its id."""
    own = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8", **environment}
    with (
        (folder / "output").open("ab") as output,
        subprocess.Popen(words, cwd=folder, env=own, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


class Client(Protocol):
    """A program for IRC that shows rooms and has been told to enter them."""

    def say(self, room: str, text: str) -> None: ...

    def shown(self, room: str) -> str:
        """What it has written to its log of a room."""
        ...


class Weechat:
    def __init__(self, folder: Path, lines: list[str]) -> None:
        self.folder = folder
        options = [word for line in (*WEECHAT_FOR_TESTS, *lines) for word in ("-r", line)]
        self.words = ["weechat-headless", "-d", str(folder), *options]

    def say(self, room: str, text: str) -> None:
        (fifo,) = self.folder.glob("weechat_fifo_*")
        fifo.write_text(f"irc.pylingo.#{room} *{text}\n", encoding="utf-8")

    def shown(self, room: str) -> str:
        return text_in(self.folder / "logs" / f"irc.pylingo.#{room}.weechatlog")


class Irssi:
    """Typed into a pane of a tmux server of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"pylingo-{uuid.uuid4().hex[:12]}"

    def tmux(self, *words: str) -> str:
        environment = {**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        environment["TMUX_TMPDIR"] = str(self.folder)
        done = subprocess.run(
            ["tmux", "-L", self.name, "-f", "/dev/null", *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=DEADLINE,
            env=environment,
        )
        return done.stdout

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def wait(self, words: str) -> None:
        try:
            wait_until(lambda: words in " ".join(self.screen().split()), repr(words))
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.screen()}") from None

    def type(self, line: str) -> None:
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def say(self, room: str, text: str) -> None:
        self.type(f"/msg #{room} {text}")

    def shown(self, room: str) -> str:
        return text_in(self.folder / "irclogs" / "pylingo" / f"#{room}.log")


class Ii:
    """Files, and FIFOs to write to. It ends with the connection and leaves starting it again to a loop of the shell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = folder / "127.0.0.1"

    def write(self, line: str, room: str | None = None) -> None:
        fifo = (self.place / f"#{room}" if room is not None else self.place) / "in"
        wait_until(fifo.exists, str(fifo))
        fifo.write_text(f"{line}\n", encoding="utf-8")

    def say(self, room: str, text: str) -> None:
        self.write(text, room)

    def shown(self, room: str) -> str:
        return text_in(self.place / f"#{room}" / "out")


class World:
    """A server with an IRC port that stays when it is started again, and a native person in each room."""

    def __init__(self, folder: Path) -> None:
        self.options = ("--history", str(folder / "history.db"), "--rate", "0")
        self.stack = contextlib.ExitStack()
        self.port = 0
        self.natives: dict[str, Peer] = {}
        self.start()

    def start(self) -> None:
        process = ServerProcess("--irc-port", str(self.port), *self.options, tls=False)
        self.server = IrcServer(self.stack.enter_context(process))
        self.stack.enter_context(self.server.stack)
        self.port = self.server.irc_port
        self.natives = {room: self.server.native(f"native-{room}", room) for room in ROOMS}

    def restart(self) -> None:
        self.stack.close()
        self.start()

    def say(self, room: str, text: str) -> None:
        self.natives[room].send(Say(text))

    def say_before(self, word: str) -> None:
        """Say `word` and the name of the room in each, before anybody else comes."""
        for room in ROOMS:
            self.say(room, f"{word} {room}")
            self.natives[room].fence()

    def await_joined(self, name: str) -> None:
        for room in ROOMS:
            self.natives[room].until(Joined, name=name)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "server"
    folder.mkdir()
    world = World(folder)
    with contextlib.closing(world.stack):
        yield world


def talk(world: World, client: Client, name: str, when: str) -> None:
    """Both ways, in both rooms."""
    for room in ROOMS:
        world.say(room, f"to IRC {when}")
        wait_until(lambda room=room: f"to IRC {when}" in client.shown(room), f"the words in {room}")
        client.say(room, f"from IRC {when}")
        assert world.natives[room].until(Message, from_=name).text == f"from IRC {when}"


def meet(world: World, client: Client, name: str, back: Callable[[], object] = lambda: None) -> None:
    """All that a client must be able to do. `back` has it come back after a restart, if it does not do so by itself."""
    world.await_joined(name)
    for room in ROOMS:
        wait_until(lambda room=room: f"before {room}" in client.shown(room), f"the history of {room}")
    talk(world, client, name, "at first")
    world.restart()
    back()
    world.await_joined(name)
    talk(world, client, name, "after the restart")


def weechat_lines(heading: str, port: int) -> list[str]:
    """The commands for the installed version: before 4, it calls TLS by an older name."""
    version = subprocess.run(["weechat-headless", "--version"], capture_output=True, text=True, check=True).stdout
    text = commands(heading, port)
    if int(version.partition(".")[0]) < 4:
        text = text.replace("-notls", "-nossl").replace("-tls", "-ssl")
    return text.splitlines()


@needs("weechat-headless")
def test_weechat(world: World, tmp_path: Path) -> None:
    world.say_before("before")
    client = Weechat(tmp_path / "weechat", weechat_lines("weechat", world.port))
    client.folder.mkdir()
    with running(client.words, client.folder):
        meet(world, client, "ada")


@contextlib.contextmanager
def irssi(folder: Path, lines: list[str]) -> Iterator[Irssi]:
    """irssi, which has been typed these lines."""
    client = Irssi(folder)
    folder.mkdir()
    client.tmux("new-session", "-d", "-x", "150", "-y", "40", "irssi", f"--home={folder}")
    try:
        client.wait("[(status)]")
        for line in (*IRSSI_FOR_TESTS, *lines):
            client.type(line)
        yield client
    finally:
        client.tmux("kill-server")


@needs("irssi")
@needs("tmux")
def test_irssi(world: World, tmp_path: Path) -> None:
    world.say_before("before")
    with irssi(tmp_path / "irssi", commands("irssi", world.port).splitlines()) as client:
        meet(world, client, "ada")


class Secure:
    """An encrypted server with a self-signed certificate, where ada has a key and a password for IRC."""

    def __init__(self, process: ServerProcess, stack: contextlib.ExitStack) -> None:
        self.server = IrcServer(process)
        self.ada = stack.enter_context(Peer(process.port, greet=False))
        certificate, challenge = self.ada.certificate, self.ada.expect(Welcome).challenge
        assert certificate is not None
        assert challenge is not None
        self.fingerprint = hashlib.sha256(certificate).hexdigest()
        self.ada.send(key("a").hello(challenge, "ada", certificate), Command("irc-password", id=1))
        self.ada.until(Ready)
        self.password = self.ada.until(IrcPassword).password or ""
        self.grace = stack.enter_context(Peer(process.port))
        self.grace.hello("grace")
        self.grace.join("tea")

    def fill(self, text: str, fingerprint: str) -> str:
        for word, value in (("FINGERPRINT", fingerprint), ("PASSWORD", self.password)):
            assert word in text
            text = text.replace(word, value)
        return text.replace("chat.example.org", "127.0.0.1")

    def meet(self, client: Client) -> None:
        """The client says something as ada, whose name is refused without the password."""
        self.grace.until(Joined, name="ada")
        wait_until(lambda: "has joined #tea" in client.shown("tea"), "the client's window of the room")
        client.say("tea", "encrypted")
        assert self.grace.until(Message, from_="ada").text == "encrypted"


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    options = ("--data", str(tmp_path / "data"), "--irc-tls-port", "0")
    with contextlib.ExitStack() as stack:
        yield Secure(stack.enter_context(ServerProcess(*options)), stack)


@needs("weechat-headless")
def test_weechat_with_tls_and_a_password(secure: Secure, tmp_path: Path) -> None:
    text = "\n".join(weechat_lines("weechat with TLS", secure.server.irc_port))
    client = Weechat(tmp_path / "weechat", secure.fill(text, secure.fingerprint).splitlines())
    client.folder.mkdir()
    with running(client.words, client.folder):
        secure.meet(client)


@needs("weechat-headless")
def test_weechat_refuses_another_certificate(secure: Secure, tmp_path: Path) -> None:
    text = "\n".join(weechat_lines("weechat with TLS", secure.server.irc_port))
    client = Weechat(tmp_path / "weechat", secure.fill(text, "0" * 64).splitlines())
    client.folder.mkdir()
    log = client.folder / "logs" / "irc.server.pylingo.weechatlog"
    with running(client.words, client.folder):
        wait_until(lambda: "fingerprint does NOT match" in text_in(log), "the refusal")


@needs("irssi")
@needs("tmux")
def test_irssi_with_tls_and_a_password(secure: Secure, tmp_path: Path) -> None:
    colons = secure.fingerprint.upper()
    colons = ":".join(colons[place : place + 2] for place in range(0, 64, 2))
    text = secure.fill(commands("irssi with TLS", secure.server.irc_port), colons)
    with irssi(tmp_path / "irssi", text.splitlines()) as client:
        secure.meet(client)


@needs("irssi")
@needs("tmux")
def test_irssi_refuses_another_certificate(secure: Secure, tmp_path: Path) -> None:
    text = secure.fill(commands("irssi with TLS", secure.server.irc_port), ":".join(["00"] * 32))
    with irssi(tmp_path / "irssi", text.splitlines()) as client:
        client.wait("Pinned certificate mismatch")


@needs("ii")
def test_ii(world: World, tmp_path: Path) -> None:
    """It knows no capabilities and gets no history."""
    world.say_before("before")
    client = Ii(tmp_path)
    words = ["ii", "-i", str(tmp_path), "-s", "127.0.0.1", "-p", str(world.port), "-n", "ada"]
    for when in ("at first", "after the restart"):
        with running(words, tmp_path) as process:
            wait_until(lambda: "Welcome" in text_in(client.place / "out"), "the welcome")
            for room in ROOMS:
                client.write(f"/j #{room}")
            world.await_joined("ada")
            talk(world, client, "ada", when)
            world.restart()
            process.wait(DEADLINE)
        (client.place / "out").unlink()
    assert "before" not in client.shown("tea")


def bot(heading: str, port: int, *changes: tuple[str, str]) -> str:
    """The bot of docs/irc.md, with these changes."""
    text = commands(heading, port)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


@contextlib.contextmanager
def running_bot(world: World, folder: Path, script: str) -> Iterator[None]:
    """A bot in rooms where somebody has asked for an echo before it came."""
    (folder / "bot.py").write_text(script, encoding="utf-8")
    world.say_before("echo")
    with running([sys.executable, str(folder / "bot.py")], folder):
        world.await_joined("echo")
        yield


def hear(world: World, text: str) -> None:
    """The next words of the bot in each room must be these, with the name of the room for ROOM."""
    for room in ROOMS:
        assert world.natives[room].until(Message, from_="echo").text == text.replace("ROOM", room)


def echoes(world: World, folder: Path, script: str) -> None:
    """The bot answers in both rooms, before and after a restart, and not to the history."""
    with running_bot(world, folder, script):
        for when in ("at first", "after the restart"):
            for room in ROOMS:
                world.say(room, f"echo {when}")
            hear(world, when)
            if when == "at first":
                world.restart()
                world.await_joined("echo")


QUICK_IRC = ("min_interval=5", "min_interval=0.2")
QUICK_PYDLE = ("sleep(5)", "sleep(0.2)")


@needs_module("irc")
def test_the_library_irc(world: World, tmp_path: Path) -> None:
    echoes(world, tmp_path, bot("A bot with irc", world.port, QUICK_IRC))


@needs_module("irc")
def test_the_library_irc_sees_the_history(world: World, tmp_path: Path) -> None:
    asks = ('connection.join("#tea")', 'connection.cap("REQ", "server-time"); connection.join("#tea")')
    with running_bot(world, tmp_path, bot("A bot with irc", world.port, asks)):
        hear(world, "ROOM")


@needs_module("pydle")
def test_the_library_pydle(world: World, tmp_path: Path) -> None:
    echoes(world, tmp_path, bot("A bot with pydle", world.port, QUICK_PYDLE))


@needs_module("pydle")
def test_the_library_pydle_sees_the_history(world: World, tmp_path: Path) -> None:
    asked = "    async def on_capability_server_time_available(self, value):\n        return True\n\n"
    asks = ("    async def on_connect", f"{asked}    async def on_connect")
    with running_bot(world, tmp_path, bot("A bot with pydle", world.port, asks)):
        hear(world, "ROOM")
