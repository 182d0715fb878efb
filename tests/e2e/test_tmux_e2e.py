"""Two clients side by side in tmux, as two people have them; and what pyte shows otherwise than terminals do."""

import os
import re
import shutil
import subprocess
import sys
import termios
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.shared.messages import Command, Goodbye, Message, Say
from tests.console import Console
from tests.support import ROOT, Peer, ServerProcess, wait_until

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """A tmux server of its own. Panes are numbered in the order in which they were opened."""

    def __init__(self, folder: Path) -> None:
        self.name = f"pylingo-{uuid.uuid4().hex[:12]}"
        self.folder = folder
        self.panes: list[str] = []

    def run(self, *command: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self.name, "-f", "/dev/null", *command],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
            env={**os.environ, "LC_ALL": "C.UTF-8", "TMUX_TMPDIR": str(self.folder), "TERM": "xterm-256color"},
        )
        return done.stdout

    def open(self, *arguments: str, columns: int = 120, rows: int = 24, environment: tuple[str, ...] = ()) -> int:
        """A pane with a client in it, which has settings and a key of its own.

        `environment` has `NAME=VALUE` pairs, which hold for the client alone.
        """
        own = [f"XDG_{kind}_HOME={self.folder}/{len(self.panes)}" for kind in ("CONFIG", "DATA")]
        client = ["env", *own, *environment, sys.executable, str(ROOT / "client" / "chat.py"), "--no-state", *arguments]
        if self.panes:
            pane = self.run("split-window", "-h", "-P", "-F", "#{pane_id}", *client)
        else:
            size = ("-x", str(columns), "-y", str(rows))
            pane = self.run("new-session", "-d", *size, "-P", "-F", "#{pane_id}", *client)
            self.run("set-option", "-g", "remain-on-exit", "on")
        self.panes.append(pane.strip())
        return len(self.panes) - 1

    def press(self, pane: int, *keys: str) -> None:
        self.run("send-keys", "-t", self.panes[pane], *keys)

    def write(self, pane: int, text: str) -> None:
        self.run("send-keys", "-t", self.panes[pane], "-l", text)

    def resize(self, pane: int, columns: int, rows: int) -> None:
        """Make the window another size; tmux tells the program of it some time after it has done so itself."""
        self.run("resize-window", "-t", self.panes[pane], "-x", str(columns), "-y", str(rows))
        tty = self.run("display-message", "-p", "-t", self.panes[pane], "#{pane_tty}").strip()
        with open(tty) as terminal:
            wait_until(lambda: termios.tcgetwinsize(terminal) == (rows, columns), "the size of the terminal")

    def rows(self, pane: int) -> list[str]:
        return [row.rstrip() for row in self.run("capture-pane", "-p", "-t", self.panes[pane]).split("\n")]

    def all_rows(self, pane: int) -> list[str]:
        """The rows with those that have been scrolled off."""
        return self.run("capture-pane", "-p", "-S", "-", "-t", self.panes[pane]).split("\n")

    def wait(self, pane: int, text: str) -> list[str]:
        try:
            wait_until(lambda: text in "\n".join(self.rows(pane)), f"{text!r} in pane {pane}")
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.rows(pane)])) from None
        return self.rows(pane)

    def is_over(self, pane: int) -> bool:
        """Whether the program has ended. tmux does not always know with what status."""
        return self.run("display-message", "-p", "-t", self.panes[pane], "#{pane_dead}").strip() == "1"

    def cursor(self, pane: int) -> tuple[int, int]:
        x, y = self.run("display-message", "-p", "-t", self.panes[pane], "#{cursor_x} #{cursor_y}").split()
        return int(x), int(y)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    tmux = Tmux(tmp_path)
    yield tmux
    if tmux.panes:
        tmux.run("kill-server")


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as process:
        yield process


@pytest.mark.usefixtures("wire")
def test_two_people_talk_while_both_type(tmux: Tmux, server: ServerProcess):
    where = server.address
    ada = tmux.open(where, "--name", "ada")
    tmux.wait(ada, "in lobby as ada")
    bob = tmux.open(where, "--name", "bob", "--layout", "bottom")
    tmux.wait(bob, "in lobby as bob")
    tmux.wait(ada, "bob joined")
    tmux.write(bob, "bob is still typing")
    for number in range(30):
        tmux.write(ada, f"message {number}")
        tmux.press(ada, "Enter")
    tmux.wait(bob, "ada: message 29")
    typed = "> bob is still typing"  # a frame is not shown at once in tmux
    wait_until(lambda: (tmux.rows(bob)[23], tmux.cursor(bob)) == (typed, (len(typed), 23)), "the line of bob")
    tmux.press(bob, "Enter")
    tmux.wait(ada, "bob: bob is still typing")
    wait_until(lambda: tmux.rows(ada)[1] == ">", "the empty line of ada")
    tmux.press(ada, "C-c", "C-c")
    tmux.press(bob, "C-d")
    for pane in (ada, bob):
        wait_until(lambda pane=pane: tmux.is_over(pane), f"the end of the client in pane {pane}")


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    "text",
    [FAMILY, "\U0001f1e9\U0001f1ea", "\u2764\ufe0f", "\U0001f44d\U0001f3fd", "e\u0301", "\u05e9\u05dc", "\u4e2d" * 30],
    ids=["a family", "a flag", "a heart", "a skin tone", "an accent", "right to left", "wide"],
)  # fmt: skip
def test_characters_that_terminals_show_in_their_own_ways(tmux: Tmux, server: ServerProcess, text: str):
    """However wide a terminal takes it for: the rows below stay, and the line goes on where it was."""
    ada = tmux.open(server.address, "--name", "ada", columns=50)
    tmux.wait(ada, "in lobby as ada")
    with Peer(server.port) as bob:
        bob.hello("bob")
        bob.join("lobby")
        tmux.wait(ada, "bob joined")
        tmux.write(ada, text)
        tmux.write(ada, "|end")
        tmux.wait(ada, "|end")
        bob.send(Say(f"{text} said"), Say("the row below"))
        rows = tmux.wait(ada, "bob: the row below")
        assert rows[1].startswith("> ")
        assert rows[1 + (len(text) == 30)].endswith("|end"), "thirty wide characters take two rows"
        assert sum("bob: the row below" in row for row in rows) == 1
        tmux.press(ada, "Left", "Left", "Left", "Left", "Left", "BSpace")
        tmux.write(ada, "<")
        tmux.press(ada, "Enter")
        assert bob.until(Message).text.endswith("|end")


def test_a_window_made_smaller_and_larger(tmux: Tmux, server: ServerProcess):
    ada = tmux.open(server.address, "--name", "ada", "--layout", "inline")
    tmux.wait(ada, "in lobby as ada; nobody else is here")
    tmux.write(ada, "a draft that is rather long for a window that will be narrow")
    for keys, columns in enumerate((100, 40, 25, 60, 120), 1):
        tmux.resize(ada, columns, 24)
        tmux.write(ada, ".")
        # A key that is painted while tmux has another size already, and the client does not know of it, leaves a ghost.
        wait_until(lambda keys=keys: "".join(tmux.rows(ada)).count(".") == keys, f"the key at {columns} columns")
        wait_until(lambda: sum("[lobby]" in row for row in tmux.rows(ada)) == 1, f"one input row at {columns} columns")
    assert any("in lobby as ada; nobody else is here" in row for row in tmux.all_rows(ada)), "what was printed stays"
    tmux.press(ada, "C-u")
    wait_until(lambda: [row for row in tmux.rows(ada) if "draft" in row] == [], "no ghost of the input row")


@pytest.mark.parametrize("layout", ["top", "bottom", "inline"])
def test_a_draft_of_several_rows(tmux: Tmux, server: ServerProcess, layout: str):
    with Peer(server.port) as bob:
        bob.hello("bob")
        bob.join("lobby")
        ada = tmux.open(f"127.0.0.1:{server.port}", "--name", "ada", "--layout", layout, columns=50)
        tmux.run("set-option", "-s", "extended-keys", "on")
        tmux.wait(ada, "in lobby as ada")
        tmux.write(ada, "one")
        tmux.press(ada, "M-Enter")
        tmux.write(ada, "two " + FAMILY)
        tmux.press(ada, "S-Enter")
        tmux.write(ada, "three")
        tmux.press(ada, "C-Enter", "Up", "Up", "End")
        tmux.write(ada, "!")
        for number in range(30):
            bob.send(Say(f"number {number}"))
        rows = tmux.wait(ada, "bob: number 29")
        first = next(index for index, row in enumerate(rows) if row.endswith(" one"))
        assert [row.strip() for row in rows[first + 1 : first + 4]] == [f"two {FAMILY}!", "three", ""]
        assert tmux.cursor(ada)[1] == first + 1
        assert sum("number 29" in row for row in rows) == 1
        tmux.press(ada, "Enter")
        assert bob.until(Message).text == f"one\ntwo {FAMILY}!\nthree\n"


@pytest.mark.skipif(shutil.which("vi") is None, reason="there is no vi here")
def test_a_draft_is_edited_in_vi(tmux: Tmux, server: ServerProcess, tmp_path: Path):
    environment = ("VISUAL=", "EDITOR=vi", f"TMPDIR={tmp_path}")
    ada = tmux.open(f"127.0.0.1:{server.port}", "--name", "ada", environment=environment)
    tmux.wait(ada, "in lobby as ada")
    tmux.write(ada, "one")
    tmux.press(ada, "C-x", "C-e")
    wait_until(lambda: tmux.rows(ada)[0] == "one", "the editor")
    tmux.write(ada, "otwo")
    tmux.press(ada, "Escape")
    tmux.press(ada, "C-z")
    assert tmux.wait(ada, "the editor is stopped; C-x C-e continues it")[1] == "> one"
    tmux.press(ada, "C-x", "C-e")
    wait_until(lambda: tmux.rows(ada)[:2] == ["one", "two"], "the editor")
    tmux.write(ada, "A!")
    tmux.press(ada, "Escape", "Z", "Z")
    wait_until(lambda: tmux.rows(ada)[1:3] == ["> one", "  two!"], "the text in the line")
    assert tmux.cursor(ada) == (len("  two!"), 2)
    assert list(tmp_path.glob("pylingo-*")) == []


def type_line(tmux: Tmux, pane: int, line: str) -> None:
    tmux.write(pane, line)
    tmux.press(pane, "Enter")


@pytest.mark.usefixtures("wire")
def test_two_people_hold_a_private_conversation_while_a_room_is_busy(tmux: Tmux, server: ServerProcess):
    where = server.address
    ada = tmux.open(where, "--name", "ada")
    grace = tmux.open(where, "--name", "grace", "--layout", "bottom")
    for pane, name in ((ada, "ada"), (grace, "grace")):
        tmux.wait(pane, f"in lobby as {name}")
        type_line(tmux, pane, "/open ops")
        tmux.wait(pane, f"in ops as {name}")
    type_line(tmux, ada, "/msg grace are you there?")
    tmux.wait(grace, "[3:@ada 1!]")
    tmux.press(grace, "M-3")
    tmux.wait(grace, "ada: are you there?")
    with Peer(server.port) as bob:
        bob.hello("bob")
        bob.join("ops")
        for number in range(12):
            bob.send(Say(f"noise {number}", room="ops"))
            if number % 4 == 0:
                type_line(tmux, grace, f"answer {number}")
        tmux.write(grace, "half a draft")
        tmux.wait(ada, "grace: answer 8")
        for pane in (ada, grace):
            rows = tmux.wait(pane, "[2:ops 12]")
            assert not any("noise" in row for row in rows), rows
            assert any("ada: are you there?" in row for row in rows)
        tmux.press(grace, "M-2")
        rows = tmux.wait(grace, "bob: noise 11")
        assert rows.index("--- new ---") < next(index for index, row in enumerate(rows) if "noise 0" in row)
        assert rows[23] == ">"
        tmux.press(grace, "M-PageDown")
        assert tmux.wait(grace, "half a draft")[23] == "> half a draft"


@pytest.mark.parametrize("has_history", [True, False], ids=["with a history", "without a history"])
def test_a_restart_keeps_what_was_confirmed_and_marks_what_was_not(tmux: Tmux, tmp_path: Path, has_history: bool):
    """Between guests, for which there is no TLS: over it the two have keys, and their conversation does not end."""
    options = ("--history", str(tmp_path / "chat.db")) if has_history else ()
    with ServerProcess(*options) as server:
        port = server.port
        ada = tmux.open(server.address, "--name", "ada")
        grace = tmux.open(server.address, "--name", "grace")
        for pane, name in ((ada, "ada"), (grace, "grace")):
            tmux.wait(pane, f"in lobby as {name}")
        type_line(tmux, ada, "said to all")
        tmux.wait(grace, "ada: said to all")
        type_line(tmux, ada, "/msg grace hello")
        tmux.wait(grace, "[2:@ada 1!]")
        type_line(tmux, grace, "/msg ada hello yourself")
        tmux.wait(ada, "grace: hello yourself")
        server.process.kill()
        server.process.wait()
        tmux.wait(ada, "offline")
        type_line(tmux, ada, "is anybody there")
        tmux.press(ada, "M-1")
        type_line(tmux, ada, "said without a server")
        tmux.wait(ada, "2 unsent")
    with ServerProcess("--port", str(port), *options):
        tmux.press(grace, "M-1")
        rows = tmux.wait(grace, "ada: said without a server")
        assert sum("ada: said to all" in row for row in rows) == 1
        tmux.press(ada, "M-2")
        rows = tmux.wait(ada, "\N{MULTIPLICATION SIGN} ada: is anybody there")
        for words in ("ada: hello", "grace: hello yourself", "this conversation ended"):
            assert sum(words in row for row in rows) == 1, rows
        type_line(tmux, ada, "once more")
        tmux.wait(ada, "Enter again sends it")  # the name may belong to somebody else by now
        tmux.press(ada, "Enter")
        tmux.wait(grace, "[2:@ada 1!]")


def test_a_notification_goes_through_tmux_to_the_terminal_around_it(tmux: Tmux, server: ServerProcess):
    where = f"127.0.0.1:{server.port}"
    ada = tmux.open(where, "--name", "ada")
    for option in ("focus-events", "allow-passthrough", "set-titles"):
        tmux.run("set-option", "-g", option, "on")
    tmux.run("set-environment", "-g", "KITTY_WINDOW_ID", "1")  # as in a tmux that was started in kitty
    grace = tmux.open(where, "--name", "grace")
    for pane, name in ((ada, "ada"), (grace, "grace")):
        tmux.wait(pane, f"in lobby as {name}")
    attach = "import os, sys; os.execvp('tmux', ['tmux', *sys.argv[1:]])"
    environment: dict[str, str | None] = {"TMUX_TMPDIR": str(tmux.folder), "LC_ALL": "C.UTF-8", "TMUX": None}
    program, arguments = ("-c", attach), ("-L", tmux.name, "attach-session")
    with Console(*arguments, columns=120, program=program, environment=environment) as outside:
        outside.wait("in lobby as grace")
        outside.press("\x1b[O!")  # it looks elsewhere; the key tells when the client knows that
        tmux.wait(grace, "> !")
        type_line(tmux, ada, "grace, look")
        words = re.compile(rb"\x1b]99;i=[^;]*;ada in lobby\x1b\\\x1b]99;i=[^;]*:p=body;grace, look\x1b\\")
        outside.wait(lambda: words.search(outside.written))
        outside.wait(lambda: "(1) #lobby - PyLingo" in outside.screen.title)
        outside.press("\x1b[I")
        outside.wait(lambda: "(1)" not in outside.screen.title)


def test_the_people_of_the_room_are_listed_at_the_side(tmux: Tmux, server: ServerProcess):
    where = f"127.0.0.1:{server.port}"
    ada = tmux.open(where, "--name", "ada", columns=120, rows=16)
    tmux.wait(ada, "in lobby as ada")
    with Peer(server.port) as zoe, Peer(server.port) as bob:
        for peer, name in ((zoe, "zoe"), (bob, "\u4e2d\u56fd")):
            peer.hello(name)
            peer.join("lobby")
        zoe.send(Command("away", "lunch"))
        tmux.wait(ada, "zoe away")
        for number in range(20):
            bob.send(Say(f"number {number} " + FAMILY + " " + "long " * (5 * number)))
        rows = tmux.wait(ada, "number 19")
        assert [row.rpartition("\u2502")[2] for row in rows[2:6]] == [" @ada", "  zoe away", "  \u4e2d\u56fd", ""]
        assert {row.find("\u2502") for row in rows[2:-1] if FAMILY not in row} == {101}
        for peer in (zoe, bob):
            peer.send(Command("close"))
            peer.until(Goodbye)  # a socket that is closed with unread bytes takes its last request with it
    rows = tmux.wait(ada, "zoe and \u4e2d\u56fd left")
    assert [row.rpartition("\u2502")[2] for row in rows[2:5]] == [" @ada", "", ""]
    tmux.write(ada, "/people")
    tmux.press(ada, "Enter")
    wait_until(lambda: not any("\u2502" in row for row in tmux.rows(ada)), "a window without the list")
    tmux.resize(ada, 90, 16)
    tmux.write(ada, "/people")
    tmux.press(ada, "Enter")
    tmux.wait(ada, "people are listed in rooms, in windows of 100 columns")
    tmux.resize(ada, 130, 16)
    rows = tmux.wait(ada, "\u2502 @ada")
    assert rows[2][110:] == "\u2502 @ada"


@pytest.mark.parametrize("layout", ["top", "inline"])
def test_bare_messages_are_joined_when_they_are_selected(tmux: Tmux, server: ServerProcess, layout: str):
    ada = tmux.open(f"127.0.0.1:{server.port}", "--name", "ada", "--layout", layout, columns=60, rows=14)
    tmux.wait(ada, "in lobby as ada")
    address = "http://b.example/" + "y" * 120
    with Peer(server.port) as bob:
        bob.hello("bob")
        bob.join("lobby")
        bob.send(Say(f"see {address} there"), Say("def f():\n    return 1"))
        tmux.wait(ada, "return 1")
        assert address not in joined(tmux, ada), "the window breaks rows"
        tmux.write(ada, "a draft")
        tmux.press(ada, "M-l")
        tmux.wait(ada, "any key brings the window back")
        assert f"bob: see {address} there\n" in joined(tmux, ada)
        assert "\n    return 1\n" in joined(tmux, ada)
        bob.send(Say("meanwhile"))
        tmux.resize(ada, 50, 14)
        assert f"bob: see {address} there\n" in joined(tmux, ada)
        assert not any("meanwhile" in row for row in tmux.rows(ada))
        tmux.press(ada, "x")
        rows = tmux.wait(ada, "bob: meanwhile")
        assert "any key brings" not in "\n".join(rows)
        assert any(row.endswith("> a draft" if layout == "top" else "[lobby] a draft") for row in rows)
    tmux.press(ada, "C-u", "C-d")
    wait_until(lambda: tmux.is_over(ada), "the end of the client")


def joined(tmux: Tmux, pane: int) -> str:
    """The rows as tmux copies them: those that it has wrapped itself are joined."""
    return tmux.run("capture-pane", "-p", "-J", "-S", "-", "-t", tmux.panes[pane])


def test_an_old_message_is_found_and_read_and_left(tmux: Tmux):
    with ServerProcess("--rate", "0") as server, Peer(server.port) as bob:
        bob.hello("bob")
        bob.join("lobby")
        texts = {number: f"message {number}." for number in range(1, 301)} | {20: "message 20. Deployed"}
        bob.send(*map(Say, texts.values()))
        bob.fence()
        ada = tmux.open(f"127.0.0.1:{server.port}", "--name", "ada", columns=60)
        tmux.wait(ada, "message 300.")
        before = tmux.rows(ada)[2:]
        tmux.write(ada, "/search deploy")
        tmux.press(ada, "Enter")
        rows = tmux.wait(ada, "match 1 of 1 for deploy")
        tmux.wait(ada, "message 20. Deployed")
        tmux.wait(ada, "message 21.")
        painted = tmux.run("capture-pane", "-p", "-e", "-t", tmux.panes[ada])
        assert re.search("\x1b\\[[0-9;]*7m[^\x1b]*Deploy\x1b", painted), "it is marked"
        assert rows[1] == ">"
        tmux.press(ada, "Escape")
        wait_until(lambda: tmux.rows(ada)[2:] == before, "where one was")
