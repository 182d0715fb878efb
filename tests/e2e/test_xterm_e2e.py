"""The client in a real xterm, on a screen that nobody sees: its keys, its mouse and its widths are not tmux's.

xterm prints its screen into a file when F12 is pressed, so a test reads what xterm shows and not what it was sent.
"""

# Runs once: the connection matters neither to the keys nor to the widths of a terminal.

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.shared.messages import Message, Say
from tests.support import ROOT, Peer, ServerProcess, wait_until

_MISSING = [program for program in ("Xvfb", "xterm", "xdotool") if shutil.which(program) is None]
pytestmark = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}")

COLUMNS, ROWS = 110, 20


class Xterm:
    """A virtual screen with an xterm on it, which runs the client."""

    def __init__(self, folder: Path) -> None:
        self._printed = folder / "screen"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        read, write = os.pipe()
        # Without -noreset, Xvfb begins anew when its first client has gone, and refuses others meanwhile.
        screen = ("-screen", "0", "1600x900x24", "-nolisten", "tcp", "-noreset")
        self._start("Xvfb", "-displayfd", str(write), *screen, pass_fds=(write,))
        os.close(write)
        with open(read) as answer:
            number = answer.readline().strip()
        assert number, "Xvfb has found no display"
        self._environment["DISPLAY"] = f":{number}"

    def open(self, *arguments: str, term: str = "xterm-256color", then: str = "") -> None:
        """Run the client in a window that has the focus. `then` is a shell command that runs after it."""
        client = [sys.executable, str(ROOT / "client" / "chat.py"), "--no-state", *arguments]
        resources = (
            f"*printerCommand: cat > {self._printed}",
            "*printAttributes: 0",
            "*VT100.translations: #override <Key>F12: print()",
        )
        options = [word for resource in resources for word in ("-xrm", resource)]
        window = ["-u8", "-tn", term, "-geometry", f"{COLUMNS}x{ROWS}"]
        self._start("xterm", *window, *options, "-e", "sh", "-c", f'"$@"; {then}', "sh", *client)
        wait_until(lambda: self._do("search", "--onlyvisible", "--class", "xterm", check=False), "the window")
        self._window = self._do("search", "--onlyvisible", "--class", "xterm").split()[-1]
        self._do("windowfocus", "--sync", self._window)

    def press(self, *keys: str) -> None:
        """Press keys by their X11 names, such as `shift+Return`."""
        self._do("key", *keys)

    def type(self, text: str) -> None:
        self._do("type", text)

    def click(self, column: int, row: int, button: int = 1) -> None:
        """Click in a cell, counted from 0."""
        size = dict(line.split("=") for line in self._do("getwindowgeometry", "--shell", self._window).split())
        x = int((column + 0.5) * int(size["WIDTH"]) / COLUMNS)
        y = int((row + 0.5) * int(size["HEIGHT"]) / ROWS)
        self._do("mousemove", "--window", self._window, str(x), str(y), "click", str(button))

    def resize(self, columns: int, rows: int) -> None:
        self._do("windowsize", "--usehints", self._window, str(columns), str(rows))

    def rows(self) -> list[str]:
        """What xterm shows now."""
        self._printed.unlink(missing_ok=True)
        self.press("F12")
        wait_until(lambda: self._printed.exists() and self._printed.read_bytes().endswith(b"\n"), "the printed screen")
        return [row.rstrip() for row in self._printed.read_text().split("\n")]

    def wait(self, text: str) -> list[str]:
        """Wait until `text` is on the screen."""
        seen: list[str] = []

        def is_there() -> bool:
            seen[:] = self.rows()
            return text in "\n".join(seen)

        try:
            wait_until(is_there, f"{text!r} on the screen")
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *seen])) from None
        return seen

    def close(self) -> None:
        for process in reversed(self._processes):
            process.terminate()  # not killed, so that Xvfb removes its socket
            process.wait()

    def _start(self, *command: str, pass_fds: tuple[int, ...] = ()) -> None:
        null = subprocess.DEVNULL
        process = subprocess.Popen(command, env=self._environment, pass_fds=pass_fds, stdout=null, stderr=null)
        self._processes.append(process)

    def _do(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(
            ["xdotool", *command], capture_output=True, text=True, timeout=30, env=self._environment, check=check
        )
        return done.stdout


@pytest.fixture
def xterm(tmp_path: Path) -> Iterator[Xterm]:
    xterm = Xterm(tmp_path)
    yield xterm
    xterm.close()


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as process:
        yield process


@pytest.fixture
def bob(server: ServerProcess) -> Iterator[Peer]:
    with Peer(server.port) as peer:
        peer.hello("bob")
        peer.join("lobby")
        yield peer


@pytest.mark.parametrize("term", ["xterm", "xterm-256color"])
def test_shift_enter_begins_a_row_and_afterwards_the_keyboard_is_as_before(
    xterm: Xterm, server: ServerProcess, bob: Peer, term: str
):
    xterm.open(f"127.0.0.1:{server.port}", "--name", "ada", term=term, then="stty raw -echo; echo over; exec cat -v")
    xterm.wait("in lobby as ada")
    xterm.type("one")
    xterm.press("shift+Return")
    xterm.type("two")
    xterm.press("ctrl+Return")
    xterm.type("three")
    rows = xterm.wait("three")
    assert rows[1:4] == ["> one", "  two", "  three"]
    xterm.press("Return")
    assert bob.until(Message).text == "one\ntwo\nthree"
    xterm.press("ctrl+d")
    xterm.wait("over")
    xterm.press("shift+Return", "ctrl+a", "alt+1")
    assert "^M^AM-BM-1" in "".join(xterm.wait("M-B"))
    xterm.click(3, 3)
    xterm.type("end")
    assert "M-1end" in "".join(xterm.wait("end")), "the mouse and the focus are not reported any more"


@pytest.mark.parametrize("layout", ["top", "bottom", "inline"])
def test_messages_leave_the_line_alone_however_wide_their_characters(
    xterm: Xterm, server: ServerProcess, bob: Peer, layout: str
):
    xterm.open(f"127.0.0.1:{server.port}", "--name", "ada", "--layout", layout)
    xterm.wait("in lobby as ada")
    xterm.type("a draft")
    xterm.press("Left", "Left")
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    for number in range(30):
        bob.send(Say(f"{'中' * (20 + number % 10)} e\u0301 {family} row {number}"))
    rows = xterm.wait("row 29")
    xterm.type("|")
    rows = xterm.wait("a dra|ft")
    assert sum("a dra|ft" in row for row in rows) == 1
    numbers = [int(found[1]) for row in rows if (found := re.search(r"row (\d+)", row))]
    assert numbers == list(range(30))[-len(numbers) :]


def test_a_click_in_the_list_and_the_wheel(xterm: Xterm, server: ServerProcess, bob: Peer):
    for number in range(60):
        bob.send(Say(f"number {number}"))
    xterm.open(f"127.0.0.1:{server.port}", "--name", "ada")
    rows = xterm.wait("number 49")
    place = next((at, row.rindex("bob")) for at, row in enumerate(rows) if "│ @bob" in row)
    xterm.click(place[1], place[0])
    wait_until(lambda: "@bob" in xterm.rows()[0], "the conversation")
    xterm.press("alt+1")
    xterm.wait("number 49")
    xterm.click(5, 10, button=4)
    rows = xterm.wait("below")
    assert not any("number 59" in row for row in rows)
    xterm.press("Escape")
    xterm.wait("number 59")


def test_a_window_of_another_size(xterm: Xterm, server: ServerProcess, bob: Peer):
    xterm.open(f"127.0.0.1:{server.port}", "--name", "ada")
    xterm.wait("in lobby as ada")
    xterm.type("a draft that is rather long for a window that will be narrow")
    bob.send(Say("some words that are wrapped in a narrow window, and are not in a wide one"))
    draft, words = "adraftthatisratherlongforawindowthatwillbenarrow", "somewordsthatarewrapped"

    def is_painted(columns: int) -> bool:
        rows = xterm.rows()
        text = "".join("".join(rows).split())
        return max(map(len, rows)) <= columns and text.count(draft) == text.count(words) == 1

    for columns in (40, 90, 60):
        xterm.resize(columns, 16)
        xterm.type(".")
        draft += "."
        wait_until(lambda columns=columns: is_painted(columns), f"a window of {columns} columns with everything once")
