"""The server's script, as a child process: what it says when it starts, and when it cannot."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from pylingo.reactor.run import main
from pylingo.shared import __version__
from pylingo.shared.messages import Goodbye, Notice
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, late_names

SCRIPT = ROOT / "reactor" / "run.py"
OLD_PYTHON = "/usr/bin/python3"
_PR_CAPBSET_DROP, _CAP_NET_BIND_SERVICE = 24, 10  # linux/prctl.h, linux/capability.h


def run(*arguments, python=(sys.executable,), **options):
    """The script's exit status, output and errors."""
    options.setdefault("timeout", DEADLINE)
    done = subprocess.run(
        [*python, str(SCRIPT), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, **options
    )
    return done.returncode, done.stdout, done.stderr


def refusal(*arguments, **options):
    """The one line on stderr with which the script ends."""
    status, out, errors = run(*arguments, **options)
    assert "Traceback" not in errors, errors
    assert status == 2, errors
    assert out == ""
    assert re.fullmatch(r"pylingo-server: [^\n]+\n", errors), errors
    line = errors.removeprefix("pylingo-server: ")[:-1]
    assert line.isprintable()
    return line


@pytest.fixture
def taken():
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


# --- when it cannot start ---------------------------------------------------------------------------------------


def test_a_port_in_use(taken):
    line = refusal("--port", str(taken))
    assert line == f"port {taken} on 127.0.0.1 is in use: stop the other program or choose a port with --port"


def drop_privilege():
    """Even root may not bind a low port without this one."""
    ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_NET_BIND_SERVICE, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="privileges are dropped as Linux has them")
def test_a_privileged_port():
    probe = "import socket; socket.socket().bind(('127.0.0.1', 1))"
    if not subprocess.run([sys.executable, "-c", probe], preexec_fn=drop_privilege, capture_output=True).returncode:
        pytest.skip("every port can be bound here, even without privileges")
    line = refusal("--port", "1", preexec_fn=drop_privilege)
    assert line == "port 1 needs privileges: choose a port above 1023 with --port"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nope"], "--nope"),
        (["--port", "http"], "--port must be a whole number from 0 to 65535, not 'http'"),
        (["--queue-soft", "1M"], "--queue-hard (256K) must be at least --queue-soft (1M)"),
        (["--config", "no-such-file.toml"], "cannot read the configuration file no-such-file.toml"),
        (["--config", os.devnull, "--rate", "-1"], "--rate"),
        (["--rate", "1e-7"], "--rate must be 0 or a number from 0.001 to 1000000, not '1e-7'"),
        (["--rate", "1e-320"], "--rate must be 0 or a number from 0.001 to 1000000"),
        (["--host", ""], "--host must be an address or a host name, such as 127.0.0.1 or :: for all addresses, not ''"),
        (["--tcp-timeout", "86400"], "--tcp-timeout must be a number from 0.1 to 32767"),
        (["--no-tls"], "--no-tls has no effect without --data or --cluster: give both, or leave it out"),
        (["--irc-name", "a"], "--irc-name has no effect without --irc-port or --irc-tls-port: "),
        (["--history", "~nobody-of-that-name/h"], "--history must be a path without NUL; a leading ~ stands for the"),
    ],
)
def test_bad_options(arguments, words):
    assert words in refusal(*arguments)


def test_a_bad_configuration_file(tmp_path):
    path = tmp_path / "server.toml"
    path.write_text("port = true\n")
    assert f"{path}:1: port must be a whole number from 0 to 65535, not true" in refusal("--config", str(path))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--members"], "--members needs a FILE, or the folder of --data, where the file is called members"),
        (["--members", "none"], "cannot read the members file none: No such file or directory"),
        (["--password-file", "none"], "cannot read the password file none: No such file or directory"),
        (["--data", "a/b"], "cannot use the data folder a/b: there is no folder"),
        (["--data", "/dev/null"], "cannot use the data folder /dev/null: it is not a folder"),
    ],
)
def test_files_that_decide_about_people_must_be_there(arguments, words, tmp_path):
    assert words in refusal(*arguments, cwd=tmp_path)


def test_the_first_operator_is_invited_on_stdout_alone_and_once(tmp_path):
    data = str(tmp_path / "data")
    for is_first in (True, False):
        with ServerProcess("--data", data) as server:
            assert server.stop(signal.SIGTERM) == 0
            rest = server.process.stdout.read()
            found = re.fullmatch(r"open this link to become the operator: (pylingo://\S+\?invite=(\w{32})#\S+)\n", rest)
            assert (found is not None) == is_first
            if found:
                code = found[2]
            assert rest == "" or is_first
            assert code not in server.log()
    assert code not in (tmp_path / "data" / "people.json").read_text()


def test_a_port_in_use_leaves_the_first_start_to_the_next_one(tmp_path, taken):
    data = str(tmp_path / "data")
    assert "is in use" in refusal("--data", data, "--no-tls", "--port", str(taken))
    with ServerProcess("--data", data) as server:
        server.stop(signal.SIGTERM)
        assert server.process.stdout.read().startswith("open this link to become the operator: ")


def test_without_tls_there_is_no_link_for_the_operator(tmp_path):
    data = str(tmp_path / "data")
    with ServerProcess("--data", data, "--no-tls") as server:
        assert server.stop(signal.SIGTERM) == 0
        assert server.process.stdout.read() == (
            "links need TLS: to become the operator, start without --no-tls, "
            f"then run  pylingo-server invite --operator --data {data}\n"
        )
    with ServerProcess("--data", data) as server:  # which is the first start that can print one
        server.stop(signal.SIGTERM)
        assert server.process.stdout.read().startswith("open this link to become the operator: ")


@pytest.mark.parametrize(("host", "is_told"), [("127.0.0.1", False), ("::1", False), ("0.0.0.0", True), ("::", True)])
def test_the_meaning_of_a_port_without_encryption_is_told(host, is_told):
    with ServerProcess("--host", host) as server:
        server.stop(signal.SIGTERM)
        assert ("this port is not encrypted: everybody on the network" in server.log()) == is_told


def test_the_data_folder_has_the_history(tmp_path):
    data = tmp_path / "data"
    with ServerProcess("--data", str(data)) as server:
        with Peer(server.port) as peer:
            peer.join("tea")
        assert server.stop(signal.SIGTERM) == 0
    assert {"history.db", "people.json", "link"} <= {path.name for path in data.iterdir()}
    assert {path.stat().st_mode & 0o777 for path in data.iterdir()} == {0o600}


HOSTS = {
    "unknown": "host.invalid",
    "an address of another machine": "192.0.2.1",
    "an empty label": "chat..example",
    "a label that is too long": "x" * 64 + ".example",
    "a lone surrogate": "chat\udcff.example",
    "a line break": "chat\nexample",
    "an escape sequence": "\x1b[2Jchat",
}


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_a_host_that_cannot_be_listened_on(host, tmp_path):
    line = refusal("--port", "0", "--host", host, env={**os.environ, **late_names(tmp_path, 0)})
    assert line.startswith("cannot listen on ")


def test_a_missing_package():
    """Without its site-packages the interpreter has the standard library alone."""
    line = refusal("--port", "0", python=(sys.executable, "-S"), env={**os.environ, "PYTHONPATH": ""})
    assert line.startswith("msgpack is missing: install PyLingo with ")
    assert line.endswith(f"-m pip install {ROOT}")


def test_an_old_python():
    if not os.access(OLD_PYTHON, os.X_OK):
        pytest.skip(f"there is no {OLD_PYTHON}")
    code = "import sys; sys.exit(sys.version_info >= (3, 12))"
    if subprocess.run([OLD_PYTHON, "-c", code], timeout=DEADLINE).returncode:
        pytest.skip(f"{OLD_PYTHON} is new enough")
    line = refusal(python=(OLD_PYTHON,))
    assert re.fullmatch(rf"PyLingo needs Python 3\.12 or newer, and {OLD_PYTHON}\S* is 3\.\d+", line)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_an_output_that_takes_nothing():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=DEADLINE,
        )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_log_that_cannot_be_written_is_no_reason_not_to_serve():
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), "--port", "0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=full
        )
    with process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(b":")[2])
            with Peer(port) as peer:
                assert peer.fence() == []
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) in (0, 120), "120 is what Python says where stderr cannot be flushed"


# --- when it can ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--help", "-h", "--version"])
def test_help_and_version(option):
    status, out, errors = run(option)
    assert (status, errors) == (0, "")
    assert out == f"PyLingo {__version__}\n" if option == "--version" else "--max-connections" in out


def test_the_first_line_comes_through_a_pipe_at_once_and_tells_where():
    """From another working directory, too: `ServerProcess` starts it in one."""
    with ServerProcess(environment={"PYTHONUNBUFFERED": ""}) as server:  # which would hide a missing flush
        assert server.first_line == f"PyLingo {__version__} listening on 127.0.0.1:{server.port}\n"
        assert server.port > 0
        with Peer(server.port) as peer:
            peer.hello("alice")
        assert server.stop() == 0
        log = server.log()
        assert re.search(rf"^join it with: \S.* 127\.0\.0\.1:{server.port}$", log, re.MULTILINE)
        assert server.process.stdout.read() == "", "stdout is for the one line alone"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_farewell_and_success(number):
    with ServerProcess() as server, Peer(server.port) as peer:
        server.process.send_signal(number)
        peer.until(Goodbye, reason="shutdown")
        assert peer.recv() is None
        peer.close()
        assert server.process.wait(DEADLINE) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_right_after_the_first_line_ends_it_with_success(number):
    """Programs that start a server take that line to mean that it is ready.

    A full stderr delays the server right after it has printed the line.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"." * 65_536)
    os.set_blocking(writer, True)
    with (
        open(reader) as errors,
        subprocess.Popen(
            [sys.executable, str(SCRIPT), "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=writer,
            text=True,
        ) as process,
    ):
        os.close(writer)
        try:
            assert "listening on" in process.stdout.readline()
            process.send_signal(number)
            said = errors.read().lstrip(".")
            assert process.wait(DEADLINE) == 0
            assert "Traceback" not in said
        finally:
            process.kill()


def test_a_server_alone_imports_what_an_upgrade_needs_and_nothing_of_several_servers_nor_of_metrics():
    with ServerProcess(environment={"PYTHONPROFILEIMPORTTIME": "1"}) as server:
        with server.peers(1, "tea"):
            assert server.stop() == 0
        modules = set(re.findall(r"import time: +\d+ \| +\d+ \| +(\S+)", server.log()))
    assert "pylingo.reactor.server" in modules
    of_a_cluster = {name for name in modules if name.startswith(("pylingo.reactor.bus.redis.", "hiredis"))}
    assert of_a_cluster <= {"pylingo.reactor.bus.redis.settings"}  # the type of an option
    assert not [name for name in modules if name.startswith("pylingo.reactor.workers")]
    assert not modules & {"pylingo.reactor.metrics_start", "pylingo.reactor.instruments", "h11", "prometheus_client"}
    assert "encodings.idna" not in modules
    # When the server is told to upgrade, the files on the disk are those of another version.
    names = ("child", "copying", "handover", "line", "offer", "switch", "upgrade")
    assert {f"pylingo.reactor.succession.{name}" for name in names} <= modules
    assert "pylingo.reactor.succession.successor" not in modules  # the new version imports its own


PEEK = """
import gc, sys
sys.path[0] = "."
from pylingo.reactor import run
from pylingo.shared.launch import LaunchError
def peek(arguments):
    print(gc.isenabled(), gc.get_freeze_count() > 10_000, flush=True)
    raise LaunchError("that is all")
sys.argv = ["run.py"]
import pylingo.reactor.config
pylingo.reactor.config.parse_arguments = peek
sys.exit(run.main())
"""


def test_garbage_is_collected_but_while_modules_are_imported():
    done = subprocess.run(
        [sys.executable, "-c", PEEK], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with ServerProcess("--host", "::1") as server:
        assert server.first_line.endswith(f" [::1]:{server.port}\n")
        with Peer(server.port, "::1") as peer:
            peer.hello("alice")


def test_a_configuration_file(tmp_path):
    path = tmp_path / "server.toml"
    path.write_text('motd = "Welcome to the café"\nlog-level = "critical"\nhost = "localhost"\n', "utf-8")
    with ServerProcess("--config", str(path)) as server:
        assert server.host == "localhost"
        with Peer(server.port, "127.0.0.1", greet=False) as peer:
            peer.until(Notice, text="Welcome to the café")
        server.stop()
        assert "INFO" not in server.log()


START = {
    "as a module": [sys.executable, "-m", "pylingo.reactor.run"],
    "as a script": [str(SCRIPT)],
    "isolated": [sys.executable, "-I", str(SCRIPT)],
    "by a relative path": [sys.executable, os.path.join("reactor", "run.py")],
}


@pytest.mark.parametrize("command", START.values(), ids=START)
def test_ways_to_start_it(command, tmp_path):
    if shutil.which("env") is None:
        pytest.skip("there is no env for the first line of the script")
    interpreters = tmp_path / "bin"
    interpreters.mkdir()
    wrapper = interpreters / "python3"  # the first on the path, as in an environment that is activated
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    done = subprocess.run(
        [*command, "--version"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=DEADLINE,
        env={**os.environ, "PATH": f"{interpreters}{os.pathsep}{os.environ['PATH']}"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"PyLingo {__version__}\n", "")


@pytest.mark.parametrize("command", ["backup", "check", "cluster", "forget", "hash-password", "invite", "release"])
def test_a_further_command_has_its_own_help(command, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["pylingo-server", command, "--help"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: pylingo-server {command}")
