"""The capabilities of terminals. curses describes one terminal in a process: each has its own."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pylingo.client.colors import TRUE_COLOR
from pylingo.client.terminal.capabilities import NO_KINDS

ROOT = Path(__file__).resolve().parents[3]
SHOW = """
import json, os, sys
before = dict(os.environ)
from pylingo.client.terminal.capabilities import read_capabilities, usable_kind
kind = sys.argv[1]
found = {"used": usable_kind(kind)}
found["known"] = found["used"] == kind
if found["used"]:
    terminal = read_capabilities(found["used"])
    found |= {name: getattr(terminal, name) for name in terminal.__slots__ if not callable(getattr(terminal, name))}
    found["move"] = terminal.move(2, 5)
    found["region"] = terminal.region(2, 5)
    found["lefts"] = [terminal.left(count) for count in range(4)]
    found["color"] = terminal.color(1)
    found["colors"] = [terminal.on_color(200), terminal.rgb(1, 2, 3), terminal.on_rgb(4, 5, 6)]
    found["links"] = [terminal.link("http://a.example/" + "x" * count, "text") for count in (0, 1_982, 1_983, 5_000)]
found["environment"] = dict(os.environ) == before
print(json.dumps(found), file=sys.stderr)
"""


def show(kind: str, **environment: str) -> dict[str, Any]:
    """The capabilities that a process reads; its standard output must stay empty."""
    variables = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", SHOW, kind],
        cwd=ROOT,
        env={**variables, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return json.loads(done.stderr.splitlines()[-1])  # type: ignore[no-any-return]


def test_links_are_for_terminals_that_pass_over_what_they_do_not_know() -> None:
    short, longest, *too_long = show("xterm-256color")["links"]
    before, address, behind = short.partition("http://a.example/")
    assert before.startswith("\x1b]8;id=")
    assert (before[-1], address, behind) == (";", "http://a.example/", "\x1b\\text\x1b]8;;\x1b\\")
    assert "x" * 1_982 in longest
    assert too_long == ["text", "text"]
    assert show("linux")["links"] == ["text"] * 4, "the Linux console would print the address"


def test_more_keys_are_asked_of_terminals_that_pass_over_what_they_do_not_know() -> None:
    found = show("xterm-256color")
    more, usual = found["keyboard"]
    assert more == f"{found['save']}\x1b[?1036;1039s\x1b[?1036;1039h\x1b[>4;1m\x1b[>5u{found['restore']}"
    assert usual == f"{found['save']}\x1b[>4m\x1b[<u\x1b[?1036;1039r{found['restore']}"
    assert show("xterm")["keyboard"] == [more, usual], "so xterm calls itself, with eight colours"
    assert show("linux")["keyboard"] == ["", ""], "the Linux console would print a part of it"


USUAL = ["xterm-256color", "xterm", "screen", "screen-256color", "tmux-256color", "linux", "rxvt-unicode", "vt100"]


@pytest.mark.parametrize("kind", USUAL)
def test_usual_terminals(kind: str) -> None:
    found = show(kind)
    if not found["known"]:
        pytest.skip(f"there is no description of {kind} here")
    assert found["move"].startswith("\x1b[3;6H"), "rows and columns count from 0"
    assert found["region"].startswith("\x1b[3;6r")
    assert found["clear_eol"].startswith("\x1b[K")
    assert found["clear_eos"].startswith("\x1b[J")
    assert found["lefts"] == ["", "\b", "\x1b[2D", "\x1b[3D"]
    assert not [name for name, text in found.items() if isinstance(text, str) and "$<" in text], "padding is no text"
    keys = found["keys"]
    assert {"up", "down", "left", "right", "backspace"} <= set(keys.values())
    assert all(name == name.lower() and not name.startswith("key_") for name in keys.values())
    assert found["environment"]


def test_xterm_in_full() -> None:
    found = show("xterm-256color")
    assert found["known"]
    assert found["number_of_colors"] >= 256
    assert "1049h" in found["enter_fullscreen"]
    assert "1049l" in found["exit_fullscreen"]
    assert (found["hide_cursor"], found["save"], found["restore"]) == ("\x1b[?25l", "\x1b7", "\x1b8")
    assert "\x1b[?25h" in found["normal_cursor"]
    assert (found["bold"], found["reverse"], found["underline"]) == ("\x1b[1m", "\x1b[7m", "\x1b[4m")
    assert found["color"]
    assert (found["italic"], found["dim"]) == ("\x1b[3m", "\x1b[2m")
    keys = found["keys"]
    expected = {
        "\x1bOA": "up",
        "\x1b[5~": "page-up",
        "\x1b[6~": "page-down",
        "\x1b[3~": "delete",
        "\x1bOP": "f1",
        "\x1b[Z": "shift-tab",
        "\x1b[1;2A": "shift-up",
        "\x1b[1;2B": "shift-down",
    }
    assert {sequence: keys.get(sequence) for sequence in expected} == expected


def test_colorterm_promises_every_colour() -> None:
    found = show("xterm-256color", COLORTERM="truecolor")
    assert found["number_of_colors"] == TRUE_COLOR
    assert found["colors"] == ["\x1b[48;5;200m", "\x1b[38;2;1;2;3m", "\x1b[48;2;4;5;6m"]
    assert show("xterm-256color", COLORTERM="")["number_of_colors"] == 256
    assert show("linux", COLORTERM="")["number_of_colors"] == 8


@pytest.mark.parametrize("kind", ["xterm-kitty", "foot", "xterm-ghostty", "no-such-terminal"])
def test_a_terminal_that_is_not_described_here_is_used_as_xterm(kind: str) -> None:
    found = show(kind)
    if found["used"] == kind:
        pytest.skip(f"{kind} is described here")
    assert found == show("xterm-256color") | {"known": False}


@pytest.mark.parametrize("kind", sorted(NO_KINDS))
def test_a_terminal_whose_cursor_cannot_be_moved_is_not_used(kind: str) -> None:
    assert show(kind)["used"] is None


@pytest.mark.parametrize("variable", ["NO_COLOR", "FORCE_COLOR"])
def test_variables_about_colours_take_no_cursor_moves_away_and_are_kept(variable: str) -> None:
    plain, found = show("xterm-256color"), show("xterm-256color", **{variable: "1"})
    assert found == plain
    assert found["environment"]


def test_no_terminal_is_asked() -> None:
    """Reading the capabilities writes no query: this terminal would never answer one."""
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from pylingo.client.terminal.capabilities import read_capabilities\n"
        "read_capabilities('xterm-256color')\n"
        "os.write(1, b'done')\n"
    )
    master, slave = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-c", program, str(ROOT)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        ) as child:
            assert child.wait(60) == 0
        assert os.read(master, 1_000) == b"done"
    finally:
        os.close(slave)
        os.close(master)
