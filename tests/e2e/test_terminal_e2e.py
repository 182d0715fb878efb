"""The real client on a terminal, with a real server: what a person does and sees."""

import os
import re
import signal
import socket
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pylingo.client.terminal.attention import CALL_EVERY
from pylingo.shared.codec import encode
from pylingo.shared.messages import Command, Goodbye, Left, Message, Say
from tests.console import Console
from tests.support import ROOT, Peer, ServerProcess, in_turn, late_names, put_zone, wait_until

type Environment = dict[str, str | None]
type Open = Callable[..., Console]
type Meet = Callable[..., Peer]


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0") as process:
        yield process


@pytest.fixture
def open_client(server: ServerProcess, tmp_path: Path) -> Iterator[Open]:
    """Starts clients, in the lobby of the server if nothing else is said. Those of one name have one key."""
    with ExitStack() as stack:

        def open_(
            *arguments: str, name: str = "ada", environment: Environment | None = None, **options: Any
        ) -> Console:
            given = arguments or (server.address,)
            environment = {"XDG_DATA_HOME": str(tmp_path / "keys" / name), **(environment or {})}
            console = stack.enter_context(Console(*given, "--name", name, environment=environment, **options))
            if not arguments:
                console.wait(f"in lobby as {name}")
            return console

        yield open_


@pytest.fixture
def meet(server: ServerProcess) -> Iterator[Meet]:
    """Peers in the lobby."""
    with ExitStack() as stack:

        def meet_(name: str) -> Peer:
            peer = stack.enter_context(Peer(server.port))
            peer.hello(name)
            peer.join("lobby")
            return peer

        yield meet_


def input_row(console: Console) -> str:
    return console.rows[1]


# --- talking


@pytest.mark.usefixtures("wire")
@in_turn("layout", ["top", "bottom", "inline", "plain"])
def test_two_people_talk(server: ServerProcess, open_client: Open, layout: str):
    ada = open_client()
    bob = open_client(server.address, "--layout", layout, name="bob")
    bob.wait("in lobby as bob")
    ada.wait("bob joined")
    ada.press("hello bob\r")
    bob.wait("ada: hello bob")
    bob.press("hi ada\r")
    ada.wait("bob: hi ada")
    ada.wait("ada: hello bob")
    assert ada.text.index("ada: hello bob") < ada.text.index("bob: hi ada")
    for console in (bob, ada):
        console.press("/close\r")
        assert console.end() == 0
        assert console.is_restored


def test_a_name_that_somebody_else_has_stays_in_sight_until_it_is_free(
    server: ServerProcess, open_client: Open, meet: Meet
):
    other = meet("ada")
    ada = open_client(server.address)
    ada.wait(", wanted ada")
    other.send(Command("name", "eve"))
    ada.wait("you are now ada")
    ada.wait(lambda: "wanted" not in ada.text)


def test_the_times_follow_the_zone(open_client: Open, meet: Meet, tmp_path: Path):
    put_zone(tmp_path / "localtime", 0)
    ada = open_client(environment={"TZ": f":{tmp_path / 'localtime'}"})
    meet("bob").send(Say("what time is it"))

    def hour() -> int:
        found = re.search(r"(\d\d):\d\d bob: what time is it", ada.text)
        return int(found[1]) if found else -1

    ada.wait(lambda: hour() >= 0)
    before = hour()
    put_zone(tmp_path / "localtime", 5)
    ada.wait(lambda: hour() == (before + 5) % 24)  # without a key or a message


def test_a_line_that_is_no_command_is_said_or_left(open_client: Open, meet: Meet):
    ada, bob = open_client(), meet("bob")
    ada.press("/usr/bin/ld: not found\r")
    bob.until(Message, text="/usr/bin/ld: not found")
    ada.press("/jion pool\r")
    ada.wait("there is no command '/jion'")
    assert input_row(ada) == "> /jion pool"


def test_a_message_does_not_disturb_the_line_that_is_typed(open_client: Open, meet: Meet):
    ada, bob = open_client(), meet("bob")
    ada.press("a draft\x1b[D\x1b[D")
    for number in range(40):
        bob.send(Say(f"number {number}"))
        if number % 10 == 0:
            ada.wait(f"bob: number {number}")
    ada.wait("bob: number 39")
    assert input_row(ada) == "> a draft"
    assert (ada.screen.cursor.y, ada.screen.cursor.x) == (1, len("> a dra"))
    ada.press("X\r")
    bob.until(Message, text="a draXft")
    ada.wait("ada: a draXft")
    assert input_row(ada) == ">"


@pytest.mark.parametrize("change", ["bottom", "inline", "plain", "top"])
def test_the_layout_changes_while_running_and_is_remembered(open_client: Open, meet: Meet, tmp_path, change: str):
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    ada, bob = open_client(environment=environment), meet("bob")
    bob.send(Say("before"))
    ada.wait("bob: before")
    ada.press(f"/layout {change}\r")
    wait_until(lambda: ada.pump(0.01) or (tmp_path / "pylingo" / "config.toml").exists() or change == "top")
    bob.send(Say("after"))
    ada.wait("bob: after")
    ada.press("still here\r")
    bob.until(Message, text="still here")
    ada.press("/layout top\r")
    ada.wait(lambda: "online" in ada.rows[0])
    ada.wait("bob: after")
    ada.press("\x03\x03")
    assert ada.end() == 0
    assert ada.is_restored


def test_a_setting_of_one_window_stays_when_another_sets_something_else(open_client: Open, tmp_path: Path):
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    ada, eve = open_client(environment=environment), open_client(environment=environment, name="eve")
    ada.press("/ignore bob\r")
    ada.wait("bob is hidden")
    eve.press("/time off\r")
    file = tmp_path / "pylingo" / "config.toml"
    wait_until(lambda: ada.pump(0.01) or eve.pump(0.01) or "times = false" in file.read_text())
    assert 'ignored = ["bob"]' in file.read_text()


def test_a_home_that_is_none_is_said_in_the_window(open_client: Open):
    ada = open_client(environment={"HOME": "/dev/null", "XDG_CONFIG_HOME": None})
    ada.wait("Not a directory")
    ada.press("/time off\r")
    ada.wait("the change was not saved: ")


def test_history_is_shown_on_joining(open_client: Open, meet: Meet):
    bob = meet("bob")
    bob.send(*(Say(f"earlier {number}") for number in range(10)))
    bob.fence()
    ada = open_client()
    ada.wait("bob: earlier 9")
    assert [number for number in range(10) if f"earlier {number}" in ada.text] == list(range(10))


def test_tab_completes(open_client: Open, meet: Meet):
    ada, _ = open_client(), meet("barbara")
    ada.wait("barbara joined")
    ada.press("barb\t")
    ada.wait(lambda: input_row(ada) == "> barbara:")
    ada.press("\x15/he\t")
    ada.wait(lambda: input_row(ada) == "> /help")
    ada.press("\r")
    ada.wait("/switch [buffer]")


def test_scrolling_back_and_what_comes_meanwhile(open_client: Open, meet: Meet):
    ada, bob = open_client(), meet("bob")
    bob.send(*(Say(f"line {number:03}") for number in range(100)))
    ada.wait("line 099")
    ada.press("\x1b[5~")
    ada.wait(lambda: "line 099" not in ada.text and "below" in ada.rows[0])
    seen = ada.rows[2:]
    bob.send(Say("news"))
    ada.wait("new below")
    ada.pump()
    assert ada.rows[2:] == seen
    ada.press("\x1b[6~" * 5)
    ada.wait("bob: news")
    assert "below" not in ada.rows[0]


# --- pastes


def test_a_paste_of_a_few_lines_is_one_message(open_client: Open, meet: Meet):
    ada, bob = open_client(), meet("bob")
    ada.wait("bob joined")
    ada.press("\x1b[200~one\r\ntwo\r\nthree\x1b[201~")
    ada.wait(lambda: ada.rows[1:4] == ["> one", "  two", "  three"])
    ada.press("\r")
    assert bob.until(Message).text == "one\ntwo\nthree"


@pytest.mark.parametrize("form", ["bracketed", "unbracketed"])
def test_a_paste_of_5000_lines(open_client: Open, meet: Meet, form: str):
    ada, bob = open_client(), meet("bob")
    ada.wait("bob joined")
    lines = "".join(f"line {number}\r" for number in range(5_000))
    ada.press({"bracketed": f"\x1b[200~{lines}\x1b[201~", "unbracketed": lines}[form])
    ada.wait("nothing pasted: too long")
    ada.pump(0.3)
    assert input_row(ada) == ">"
    ada.press("after it\r")
    assert bob.until(Message).text == "after it"


def test_a_paste_that_stalls_says_nothing_to_the_room(open_client: Open, meet: Meet):
    ada, bob = open_client(), meet("bob")
    ada.wait("bob joined")
    ada.press("\x1b[200~the password is\rhunter2\r")
    ada.wait("receiving a paste")
    ada.pump(1.5)  # longer than a line over a network stalls now and then
    ada.press("\x03\x1a\x1c\rand the rest\r\x1b[201~")
    ada.wait("and the rest")
    ada.press("\r")
    assert bob.until(Message).text == "the password is\nhunter2\n\ufffd\ufffd\ufffd\nand the rest", "one message"
    assert ada.process.poll() is None


def test_a_paste_that_was_asked_about_is_one_message(open_client: Open, meet: Meet):
    ada, bob = open_client(), meet("bob")
    ada.wait("bob joined")
    text = "\n".join(f"row {number}" for number in range(8))
    ada.press(f"\x1b[200~{text}\x1b[201~")
    ada.wait("Paste 8 lines")
    ada.press("\r")
    ada.wait("row 7")
    ada.press("\r")
    assert bob.until(Message).text == text


# --- the connection


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.parametrize("key", ["\x03\x03", "\x1b", "/quit\r", "\x04"], ids=["Ctrl+C", "Esc", "/quit", "Ctrl+D"])
def test_refused_at_the_start(open_client: Open, key: str):
    port = closed_port()
    ada = open_client(f"127.0.0.1:{port}")
    ada.wait(f"connection refused: no server listens on 127.0.0.1:{port}")
    ada.wait("next try in")
    ada.press("a draft\x15")
    ada.press(key)
    ada.end()
    assert ada.is_restored


@pytest.mark.usefixtures("wire")
def test_a_server_that_comes_later_is_found(open_client: Open):
    with ServerProcess() as server:
        where, port = server.address, server.port
    ada = open_client(where)
    ada.wait("next try in")
    with ServerProcess("--port", str(port)):
        ada.wait("in lobby as ada")


def test_a_name_server_that_comes_later_is_waited_for(server: ServerProcess, open_client: Open, tmp_path: Path):
    environment = {**os.environ, **late_names(tmp_path, 1)}
    ada = open_client(f"chat.example:{server.port}", "--plain", environment=environment)
    ada.wait("cannot be looked up at present: Temporary")
    ada.wait("failure in name resolution; trying again")
    ada.wait("in lobby as ada")


@pytest.mark.usefixtures("wire")
def test_the_server_goes_away_while_something_is_typed(open_client: Open, tmp_path):
    log = str(tmp_path / "log")
    with ServerProcess("--history", log) as server:
        port = server.port
        ada = open_client(server.address)
        ada.wait("in lobby as ada")
        ada.press("said before\r")
        ada.wait("ada: said before")
        ada.press("half a dra")
        ada.wait("half a dra")
        server.process.kill()
        server.process.wait()
        ada.wait("the server went away; trying to")
        assert "half a dra" in input_row(ada)
        ada.press("ft\r")
        ada.wait("\u2026 ada: half a draft")  # marked: not sent yet
        ada.wait("1 unsent")
    with ServerProcess("--port", str(port), "--history", log):
        ada.wait("again")
        ada.wait(lambda: re.search(r"\d\d:\d\d ada: half a draft", ada.text))
        with Peer(port) as bob:
            bob.hello("bob")
            bob.join("lobby")
            bob.send(Command("users"))
            bob.fence()
            ada.wait("bob joined")


@pytest.mark.usefixtures("wire")
def test_a_restart_of_the_client_enters_the_same_rooms_and_marks_what_is_new(
    server: ServerProcess, open_client: Open, meet: Meet, tmp_path: Path
):
    where, environment = server.address, {"XDG_STATE_HOME": str(tmp_path)}
    ada, bob = open_client(environment=environment), meet("bob")
    ada.wait("/help lists commands, C-r searches your lines, PgUp shows older messages")
    ada.press("/open dev\r")
    ada.wait("in dev as ada")
    bob.send(Say("was seen", room="lobby"))
    ada.wait("[1:lobby 1]")
    ada.press("\x1b1")
    ada.wait("bob: was seen")
    ada.press("/quit\r")
    assert ada.end() == 0
    state = (tmp_path / "pylingo" / "state.json").read_text()
    assert "dev" in state
    assert not any(words in state for words in ("was seen", "bob"))
    bob.send(Say("was missed", room="lobby"))
    again = open_client(where, environment=environment)
    again.wait("bob: was missed")
    rows = [row.partition(" ")[2] if ":" in row else row for row in again.rows]
    said = [row for row in rows if "bob: was" in row or row == "--- new ---"]
    assert said == ["bob: was seen", "--- new ---", "bob: was missed"]
    assert "C-r searches" not in again.text, "only the first start says that"
    again.press("\x1b2")
    again.wait("in dev as ada")
    fresh = open_client(where, "--no-state", name="eve", environment=environment)
    fresh.wait("in lobby as eve")
    fresh.press("\x1b2/quit\r")
    assert fresh.end() == 0
    assert b"in dev" not in fresh.written


def test_the_next_run_finds_the_lines_of_this_one(server: ServerProcess, open_client: Open, tmp_path: Path):
    where, environment = f"127.0.0.1:{server.port}", {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    ada = open_client(environment=environment)
    ada.press("for the next run\r secret\r/open dev\r")
    ada.wait("in dev as ada")
    ada.press("/quit\r")
    assert ada.end() == 0
    file = tmp_path / "pylingo" / "input-history"
    assert file.read_text().splitlines() == ['"for the next run"', '"/open dev"', '"/quit"']
    again = open_client(where, environment=environment)
    again.wait("in lobby as ada")
    for buffer in ("1", "2"):
        again.press(f"\x1b{buffer}\x12next")
        again.wait(lambda: input_row(again) == "(search 'next') for the next run")
        again.press("\x07")
        again.wait(lambda: input_row(again) == ">")
    again.press("/close\r")
    assert again.end() == 0
    (tmp_path / "pylingo" / "config.toml").write_text("history = false\n")
    before = file.read_text()
    file.write_text("damaged")
    for arguments in ((where,), (where, "--no-state")):
        silent = open_client(*arguments, environment=environment, name="eve")
        silent.wait("in lobby as eve")
        silent.press("never kept\r\x10\x10")
        silent.wait("eve: never kept")
        silent.wait(lambda: input_row(silent) == "> never kept")  # noqa: B023
        assert "damaged" not in silent.text
        silent.press("\x15/close\r")
        assert silent.end() == 0
    assert file.read_text() == "damaged"
    assert '"/close"' in before


def test_a_damaged_history_of_lines_is_said_and_the_chat_goes_on(
    server: ServerProcess, open_client: Open, tmp_path: Path
):
    file = tmp_path / "pylingo" / "input-history"
    file.parent.mkdir()
    file.write_text("damaged\n")
    ada = open_client(environment={"XDG_STATE_HOME": str(tmp_path)})
    ada.wait("is damaged: a line cannot be")
    ada.press("hello\r")
    ada.wait("ada: hello")
    ada.press("/close\r")
    assert ada.end() == 0
    assert file.read_text() == '"hello"\n"/close"\n'


@pytest.mark.usefixtures("wire")
def test_shutdown_says_why_and_comes_back(server: ServerProcess, open_client: Open):
    ada = open_client()
    server.stop()
    ada.wait("the server is shutting down")
    ada.wait("next try in")


def test_a_replaced_client_does_not_reconnect_by_itself(server: ServerProcess, open_client: Open, meet: Meet):
    with socket.create_server(("127.0.0.1", 0)) as fake:
        ada = open_client(f"127.0.0.1:{fake.getsockname()[1]}")
        sock, _ = fake.accept()
        with sock:
            sock.sendall(encode(Goodbye("replaced", "this session was resumed from another connection")))
            sock.shutdown(socket.SHUT_WR)
            ada.wait("resumed from")
            ada.wait("not connected")
        ada.press("\r")
        fake.accept()[0].close()


def test_ctrl_backslash_ends_at_once_and_ctrl_c_after_ctrl_c(server: ServerProcess, open_client: Open):
    ada, bob = open_client(), open_client(name="bob")
    server.process.send_signal(signal.SIGSTOP)  # nobody answers a goodbye
    try:
        ada.press("\x1c")
        assert ada.end() == 128 + signal.SIGQUIT
        bob.press("\x03\x03\x03")
        assert bob.end() == 128 + signal.SIGINT
        assert ada.is_restored
        assert bob.is_restored
    finally:
        server.process.send_signal(signal.SIGCONT)


# --- other sizes of inline


def test_inline_narrowing_a_terminal_that_cuts_rows_off_keeps_all_messages(
    server: ServerProcess, open_client: Open, meet: Meet
):
    ada = open_client(server.address, "--layout", "inline", columns=100)
    ada.wait("in lobby as ada")
    bob = meet("bob")
    ada.wait("bob joined")
    for number in range(5):
        bob.send(Say(f"m{number}"))
    ada.press("x" * 80)
    ada.wait("x" * 80)
    ada.wait("m4")
    for columns in (60, 45, 30):
        ada.resize(columns, 24)
        bob.send(Say(f"at {columns}"))
        ada.wait(f"bob: at {columns}")
    said = [row.partition("bob: ")[2] for row in ada.rows if "bob: " in row]
    assert said == ["m0", "m1", "m2", "m3", "m4", "at 60", "at 45", "at 30"]
    assert sum(row.count("x") for row in ada.rows) == 80


# --- ways out


@pytest.mark.parametrize(
    ("number", "layout"),
    [(signal.SIGINT, "top"), (signal.SIGTERM, "inline"), (signal.SIGQUIT, "inline"), (signal.SIGHUP, "top")],
)
def test_a_signal_restores_the_terminal(server: ServerProcess, open_client: Open, number: int, layout: str):
    ada = open_client(server.address, "--layout", layout)
    ada.wait("in lobby as ada")
    ada.signal(number)
    status = ada.end()
    assert status == (0 if number in (signal.SIGINT, signal.SIGTERM) else 128 + number)
    assert ada.is_restored
    for mode in (b"\x1b[?2004l", b"\x1b[?25h", b"\x1b[>4m\x1b[<u") + ((b"\x1b[?1049l",) if layout == "top" else ()):
        assert mode in ada.written


@pytest.mark.usefixtures("wire")
@in_turn("is_stopped", [False, True])
def test_the_window_is_closed(open_client: Open, meet: Meet, is_stopped: bool):
    ada, bob = open_client(), meet("bob")
    ada.wait("bob joined")
    if is_stopped:
        ada.signal(signal.SIGSTOP)
        wait_until(lambda: os.waitpid(ada.process.pid, os.WUNTRACED | os.WNOHANG)[1], "the stop")
    ada.hang_up()
    assert ada.end() == 128 + signal.SIGHUP
    bob.until(Left, name="ada", reason="close")
    open_client().press("\x03\x03")  # the name is free at once


def test_the_window_is_closed_while_something_is_unsent(server: ServerProcess, open_client: Open):
    ada = open_client()
    server.stop()
    ada.wait("next try")
    ada.press("never sent\r")
    ada.wait("1 unsent")
    ada.hang_up()
    assert ada.end() == 128 + signal.SIGHUP


WATCHED = """
import os, signal, sys
sys.path.insert(0, sys.argv.pop(1))
child = os.fork()
if child:
    os.waitpid(child, os.WUNTRACED)
    os.write(1, f"stopped: {child};".encode())
    os.waitpid(child, 0)
    sys.exit()
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
os.setpgid(0, 0)
os.tcsetpgrp(0, os.getpid())
signal.signal(signal.SIGTTOU, signal.SIG_DFL)
from pylingo.client.chat import main
sys.exit(main())
"""
"""Its parent watches over it, as a shell does."""


@pytest.mark.usefixtures("wire")
def test_suspended_and_continued(server: ServerProcess, open_client: Open, meet: Meet):
    ada = open_client(server.address, program=("-c", WATCHED, str(ROOT)))
    ada.wait("in lobby as ada")
    bob = meet("bob")
    ada.press("a draft")
    ada.wait("a draft")  # the system throws away what is typed and not read when Ctrl+Z is pressed
    ada.press("\x1a")
    child = int(ada.wait(lambda: re.search(rb"stopped: (\d+);", ada.written))[1])
    assert ada.is_restored
    bob.send(Say("while you were away"))
    os.kill(child, signal.SIGCONT)
    ada.wait("while you were away")
    assert input_row(ada) == "> a draft"
    assert not ada.is_restored


def test_a_mistake_of_ours_restores_the_terminal_and_is_told(server: ServerProcess, open_client: Open):
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1))\n"
        "from pylingo.client.terminal import keys, update\n"
        "def broken(*_): raise ZeroDivisionError('a mistake of ours')\n"
        "update.EVENTS[keys.Text] = broken\n"
        "from pylingo.client.chat import main\n"
        "sys.exit(main())\n"
    )
    with Console(server.address, "--name", "eve", program=("-c", code, str(ROOT))) as eve:
        eve.wait("in lobby as eve")
        eve.press("x")
        assert eve.end() == 1
        assert eve.is_restored
        said = eve.written.rpartition(b"\x1b[?1049l")[2]
        assert b"ZeroDivisionError" in said, "newer Pythons colour it"
        assert b"a mistake of ours" in said


def test_a_stop_that_nobody_saw_coming(open_client: Open, meet: Meet):
    """The shell gives the terminal its own modes; back in the foreground it is as before."""
    ada, bob = open_client(), meet("bob")
    ada.press("a draft")
    ada.wait("a draft")
    ours = termios.tcgetattr(ada.terminal)
    ada.signal(signal.SIGSTOP)
    termios.tcsetattr(ada.terminal, termios.TCSANOW, ada.modes)
    bob.send(Say("while you were away"))
    ada.signal(signal.SIGCONT)
    ada.wait("while you were away")
    ada.wait(lambda: termios.tcgetattr(ada.terminal) == ours)
    ada.press("!")
    ada.wait(lambda: input_row(ada) == "> a draft!")


def test_ctrl_c_answers_no_and_clears_before_it_leaves(open_client: Open):
    ada = open_client()
    ada.press("\x1b[200~" + "line\n" * 9 + "\x1b[201~")
    ada.wait("Esc: no")
    ada.press("\x03")
    ada.wait(lambda: "Esc: no" not in ada.text)
    ada.press("\x12abc")
    ada.wait("(no line has 'abc')")
    ada.press("\x03")
    ada.wait(lambda: input_row(ada) == ">")
    ada.press("a draft\x03")
    ada.wait("the line is cleared; C-y inserts it again")
    assert input_row(ada) == ">"
    ada.press("\x19")
    ada.wait(lambda: input_row(ada) == "> a draft")
    ada.press("\x03\x03")
    ada.wait("press C-c again to leave, or type /close")
    ada.press("\x03")
    assert ada.end() == 0


def test_a_log_file_that_is_a_pipe_is_refused(open_client: Open, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    ada = open_client(columns=200)
    ada.press(f"/log {tmp_path}/pipe\r")
    ada.wait("cannot write to")
    ada.press(f"/log {tmp_path}/file\r")
    ada.wait("writing every new line to")
    ada.press("for the record\r")
    ada.wait(lambda: re.search(r"\d\d:\d\d ada: for the record", ada.text))
    ada.press("/log\r")
    ada.wait("no longer writing to a file")
    ada.press("/quit\r")
    assert ada.end() == 0
    assert (tmp_path / "file").read_text().endswith(" ada: for the record\n")


def test_unsent_messages_are_told_at_the_end(open_client: Open):
    ada = open_client(f"127.0.0.1:{closed_port()}")
    ada.wait("next try in")
    ada.press("never sent\r")
    ada.wait("1 unsent")
    ada.press("\x03\x03")
    assert ada.end() == 1
    assert b"1 of your messages was not sent" in ada.written.rpartition(b"\x1b[?1049l")[2]


def test_own_words_stay_in_the_room_that_was_left(open_client: Open, tmp_path):
    with ServerProcess("--history", str(tmp_path / "log")) as server:
        ada = open_client(server.address)
        ada.wait("in lobby as ada")
        ada.press("said in the lobby\r/join other\r")
        ada.wait("you are in other")
        ada.wait(lambda: re.search(r"\d\d:\d\d ada: said in the lobby", ada.text))
        assert ada.text.index("said in the lobby") < ada.text.index("you are in other")


def test_plain_takes_whole_lines_as_they_are(server: ServerProcess, open_client: Open, meet: Meet):
    bob = meet("bob")
    ada = open_client(server.address, "--layout", "plain")
    ada.wait("in lobby as ada")
    ada.press("a\tbo\tc\n")
    assert bob.until(Message).text.split() == ["a", "bo", "c"]


# --- odd terminals


def test_a_storm_of_resizes_down_to_1x1(open_client: Open, meet: Meet):
    ada, bob = open_client(), meet("bob")
    ada.press("draft")
    for columns, rows in [(1, 1), (2, 1), (20, 5), (3, 2), (200, 60), (1, 30), (80, 1), (40, 10)] * 3:
        ada.resize(columns, rows)
        bob.send(Say(f"at {columns}x{rows}"))
        ada.pump(0.01)
    ada.wait(lambda: "at 40x10" in ada.text and input_row(ada) == "> draft")
    ada.resize(20, 5)
    ada.wait(lambda: ada.screen.columns == 20 and input_row(ada) == "> draft" and "40x10" in ada.text)
    ada.press("!\r")
    bob.until(Message, text="draft!")


def test_a_terminal_that_is_not_known_here_is_used_as_xterm(server: ServerProcess, open_client: Open, meet: Meet):
    ada = open_client(server.address, environment={"TERM": "xterm-of-tomorrow"})
    ada.wait("TERM=xterm-of-tomorrow is not known here; used as xterm-256color")
    ada.wait("in lobby as ada")
    bob = meet("bob")
    ada.press("hello\r")
    assert bob.until(Message).text == "hello"
    ada.wait(lambda: "online" in ada.rows[0])
    ada.press("\x03\x03")
    assert ada.end() == 0
    assert ada.is_restored


@pytest.mark.parametrize("term", ["dumb", "", None, "unknown"])
def test_without_a_terminal_that_is_known_it_is_plain(server: ServerProcess, open_client: Open, term: str | None):
    ada = open_client(server.address, environment={"TERM": term})
    ada.wait("in lobby as ada")
    assert b"\x1b" not in ada.written
    ada.press("/close\n")
    assert ada.end() == 0


def test_without_colours_where_that_is_asked_for(server: ServerProcess, open_client: Open, meet: Meet):
    ada, bob = open_client(environment={"NO_COLOR": "1"}), meet("bob")
    bob.send(Say("ada, look"))
    ada.wait("bob: ada, look")
    assert not re.search(rb"\x1b\[[0-9;]*[34][0-9][0-9;]*m", ada.written)
    assert b"\x1b[?1049h" in ada.written


def test_late_answers_of_the_terminal_are_no_text(open_client: Open):
    ada = open_client()
    ada.press("\x1b[?62;1;6c\x1b[12;40R\x1b]11;rgb:0000/0000/0000\x07\x1bP>|xterm(370)\x1b\\hi")
    ada.wait(lambda: input_row(ada) == "> hi")


def test_a_lone_escape_and_a_split_sequence(open_client: Open):
    ada = open_client()
    ada.press("ab")
    ada.press("\x1b")
    ada.pump(0.1)
    ada.press("\x1b[")
    ada.pump(0.01)
    ada.press("D")
    ada.press("X")
    ada.wait(lambda: input_row(ada) == "> aXb")


def test_ctrl_s_does_not_freeze(open_client: Open, meet: Meet):
    ada, bob = open_client(), meet("bob")
    ada.press("\x13")
    bob.send(Say("not frozen"))
    ada.wait("bob: not frozen")


HOSTILE = [
    "\x1b]52;c;aGk=\x07", "\x1b]0;title", "\x1b[6n", "\x1bc", "\x1b[?1003h", "\x1bP$qm\x1b\\", "\x9b6n", "\x9d0;x",
    "a\rb", "a\x08b", "\x07", "\x00", "\u202eabc", "\u2067abc", "a\u200bb", "\U000e0041", "a\u2028b",
    "a" + "\u0301" * 50,
]  # fmt: skip


def test_hostile_words_reach_the_terminal_inert(open_client: Open, meet: Meet):
    ada, bob = open_client(), meet("bob")
    ada.wait("bob joined")
    ada.pump()
    before = len(ada.written)
    for index, text in enumerate(HOSTILE):
        bob.send(Say(f"{index} {text} end"))
    ada.wait(f"bob: {len(HOSTILE) - 1} ")
    ada.pump()
    written = ada.written[before:]
    ours = rb"\x1b(\[[0-9;?]*[hlmKHrJ]|[78])|\x1b\(B"
    assert not re.search(rb"[\x00-\x07\x0b-\x1f\x7f]", re.sub(ours, b"", written.replace(b"\r\n", b"\n")))
    assert not re.search("[\x80-\x9f\u202e\u2067\u200b\u2028\U000e0041]", written.decode())
    assert sum(row.lstrip("0123456789:").startswith((" bob:", "\u25b8bob:")) for row in ada.rows[2:]) <= len(HOSTILE)
    assert input_row(ada) == ">"


# --- the mouse


def test_the_wheel_scrolls_and_a_click_shows_a_buffer(open_client: Open, meet: Meet):
    ada, bob = open_client(), meet("bob")
    for number in range(30):
        bob.send(Say(f"number {number}"))
    bob.send(Say("psst", to="ada"))
    ada.wait("[2:@bob 1!]")
    assert b"\x1b[?1000h\x1b[?1006h" in ada.written
    ada.press("\x1b[<64;10;10M" * 3)
    ada.wait("more below")
    column = ada.rows[0].index("[2:@bob 1!]") + 1
    ada.press(f"\x1b[<0;{column};1M\x1b[<0;{column};1m")
    ada.wait("bob: psst")
    ada.resize(120, 24)
    ada.press("\x1b1")
    ada.wait(lambda: re.search(r"\u2502  bob$", ada.text, re.MULTILINE))
    row = next(index for index, text in enumerate(ada.rows, 1) if text.endswith("\u2502  bob"))
    ada.press(f"\x1b[<2;110;{row}M\x1b[<2;110;{row}m")
    ada.wait("bob is in lobby; here since")
    ada.press(f"\x1b[<0;110;{row}M\x1b[<0;110;{row}m")
    ada.wait(lambda: ada.screen.title == "@bob - PyLingo")
    ada.press("/mouse off\r")
    ada.wait(lambda: ada.written.rpartition(b"\x1b[?1000h")[2].count(b"\x1b[?1000l"))
    ada.press("/quit\r")
    assert ada.end() == 0


# --- calling a person who looks elsewhere

FOCUS, NO_FOCUS = "\x1b[I", "\x1b[O"
WEZTERM: dict[str, str | None] = {"TERM_PROGRAM": "WezTerm", "TMUX": None, "LC_TERMINAL": None}


def lose_focus(console: Console) -> None:
    """Look elsewhere, and wait until the program knows."""
    console.press(NO_FOCUS + "!")
    console.wait(lambda: "!" in console.text)
    console.press("\x7f")


def test_a_mention_only_rings_with_the_focus(open_client: Open, meet: Meet):
    ada, bob = open_client(environment=WEZTERM), meet("bob")
    bob.send(Say("ada, with the focus"))
    ada.wait("with the focus")
    ada.wait(lambda: b"\x07" in ada.written)
    assert b"\x1b]777" not in ada.written
    assert ada.screen.title == "#lobby - PyLingo"


@pytest.mark.parametrize("layout", ["top", "inline"])
def test_a_mention_shows_a_notification_without_the_focus(
    server: ServerProcess, open_client: Open, meet: Meet, layout: str
):
    ada = open_client(f"127.0.0.1:{server.port}", "--layout", layout, environment=WEZTERM)
    ada.wait("in lobby as ada")
    bob = meet("bob")
    lose_focus(ada)
    bob.send(Say("nobody is meant"), Say("ada;\x1b]52;c;aGk=\x07 look"))
    words = "\x1b]777;notify;bob in lobby;ada\uff1b\ufffd]52\uff1bc\uff1baGk=\ufffd look\x1b\\"
    ada.wait(lambda: words in ada.written.decode("utf-8", "replace"))
    assert ada.written.count(b"\x1b]777") == 1
    ada.wait(lambda: ada.screen.title == "(1) #lobby - PyLingo")
    ada.press(FOCUS)
    ada.wait(lambda: ada.screen.title == "#lobby - PyLingo")
    ada.press("/quit\r")
    assert ada.end() == 0
    for mode in (b"\x1b[?1004l", b"\x1b[23;2t"):
        assert mode in ada.written


def test_a_private_message_in_the_background_is_in_the_title(server: ServerProcess, open_client: Open, meet: Meet):
    ada = open_client()
    meet("bob").send(Say("psst", to="ada"))
    ada.wait(lambda: ada.screen.title == "(1) #lobby - PyLingo")
    ada.press("\x1b2")
    ada.wait(lambda: ada.screen.title == "@bob - PyLingo")


def test_notify_is_kept_for_a_room(server: ServerProcess, open_client: Open, meet: Meet, tmp_path: Path):
    environment = {**WEZTERM, "XDG_CONFIG_HOME": str(tmp_path)}
    ada = open_client(environment=environment)
    ada.press("/notify none\r")
    ada.wait("in lobby, no message calls you from now on")
    bob = meet("bob")
    lose_focus(ada)
    bob.send(Say("ada, look"), Say("end"))
    ada.wait("bob: end")
    ada.press("/quit\r")
    assert ada.end() == 0
    assert not any(call in ada.written for call in (b"\x07", b"\x1b]777"))
    assert f'"127.0.0.1:{server.port}/lobby" = "none"' in (tmp_path / "pylingo" / "config.toml").read_text()
    again = open_client(environment=environment)
    again.press("/notify\r")
    again.wait("in lobby, no message calls you: notify is none")


# --- floods and figures that are no timings


@pytest.mark.usefixtures("wire")
def test_a_flood_leaves_the_keys_alone(open_client: Open, meet: Meet):
    ada, bob = open_client(), meet("bob")
    ada.wait("bob joined")
    begin = time.monotonic()
    bob.send(*(Say(f"ada, flood {number}") for number in range(2_000)))
    ada.press("typed")
    ada.wait(lambda: input_row(ada) == "> typed")
    ada.wait("flood 1999")
    assert 1 <= ada.written.count(b"\x07") <= 1 + (time.monotonic() - begin) / CALL_EVERY
    assert len(ada.written) < 2_000 * 400


def test_the_program_starts_on_a_mute_terminal_without_asking_it(server: ServerProcess, open_client: Open):
    ada = open_client()
    begin = ada.written.partition(b"in lobby")[0]
    assert not re.search(rb"\x1b\[[0-9;?>]*[cn]|\x1b\[\?[0-9]+\$p|\x1b\][0-9]+;\?", begin)
