"""Sockets that another process has bound: which are taken, which are refused, and a restart that refuses nobody."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from pylingo.reactor.ops import listen_fds
from pylingo.reactor.ops.listen_fds import adopt, inherited_sockets
from pylingo.shared.launch import LaunchError
from tests.support import DEADLINE, ROOT, Peer, wait_until

NAMES = ("pylingo", "irc", "irc-tls")
RUN = str(ROOT / "reactor" / "run.py")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The first inherited descriptor is one that is free in this process; so are some after it."""
    probe = [os.open(os.devnull, os.O_RDONLY)]
    first = 500 + probe[0]
    os.close(probe[0])
    monkeypatch.setattr(listen_fds, "FIRST", first)
    yield first
    for descriptor in range(first, first + 4):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def put(sock: socket.socket, descriptor: int) -> None:
    os.dup2(sock.fileno(), descriptor, inheritable=True)
    sock.close()


def environment(**variables: str) -> dict[str, str]:
    return {"HOME": "/", "LISTEN_PID": str(os.getpid()), **variables}


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_sockets_are_found_by_their_names_and_the_variables_removed(at: int) -> None:
    ports = []
    for number in range(3):
        sock = listening()
        ports.append(sock.getsockname()[1])
        put(sock, at + number)
    given = environment(LISTEN_FDS="3", LISTEN_FDNAMES="irc:pylingo:irc")
    found = inherited_sockets(given, NAMES)
    assert given == {"HOME": "/"}
    assert {name: [sock.getsockname()[1] for sock in socks] for name, socks in found.items()} == {
        "irc": [ports[0], ports[2]],
        "pylingo": [ports[1]],
    }
    assert not any(os.get_inheritable(sock.fileno()) for socks in found.values() for sock in socks)
    for sock in (sock for socks in found.values() for sock in socks):
        sock.close()


def test_without_names_all_have_the_first_one(at: int) -> None:
    put(listening(), at)
    [[name, [sock]]] = inherited_sockets(environment(LISTEN_FDS="1"), NAMES).items()
    assert name == "pylingo"
    sock.close()


@pytest.mark.parametrize("process", ["1", "", "x"])
def test_variables_for_another_process_are_removed_and_count_for_nothing(process: str) -> None:
    given = environment(LISTEN_FDS="1", LISTEN_PID=process, LISTEN_FDNAMES="pylingo", LISTEN_PIDFDID="7")
    assert inherited_sockets(given, NAMES) == {}
    assert given == {"HOME": "/"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"LISTEN_FDS": "x"}, "LISTEN_FDS must be a whole number from 0 to 64, not 'x'"),
        ({"LISTEN_FDS": ""}, "LISTEN_FDS must be a whole number from 0 to 64, not ''"),
        ({"LISTEN_FDS": "65"}, "LISTEN_FDS must be a whole number from 0 to 64, not '65'"),
        ({"LISTEN_FDS": "2", "LISTEN_FDNAMES": "irc"}, "LISTEN_FDNAMES must have 2 names, as LISTEN_FDS says, not"),
        (
            {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "pylingo.socket"},
            "the inherited socket 'pylingo.socket' is unknown: name it pylingo, irc or irc-tls, with FileDescriptorN",
        ),
        ({"LISTEN_FDS": "1"}, "for pylingo is unusable: Bad file descriptor"),
    ],
)
def test_variables_that_cannot_be_meant(at: int, variables: dict[str, str], words: str) -> None:
    with pytest.raises(LaunchError) as caught:
        inherited_sockets(environment(**variables), NAMES)
    assert words in str(caught.value)
    assert caught.value.status == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), "is not one of TCP: use ListenStream= with a port"),
        (lambda: socket.socket(socket.AF_UNIX), "is not one of TCP"),
        (socket.socket, "does not listen: use Accept=no"),
    ],
)
def test_sockets_of_another_kind_are_refused(at: int, make, words: str) -> None:
    put(make(), at)
    with pytest.raises(LaunchError, match=words):
        adopt(at, "irc")
    os.fstat(at)  # it is left open


def test_a_file_is_refused(at: int) -> None:
    file = os.open(os.devnull, os.O_RDONLY)
    os.dup2(file, at)
    os.close(file)
    with pytest.raises(LaunchError, match="for irc is unusable: Socket operation on non-socket"):
        adopt(at, "irc")


# --- a stand-in for systemd

# Moves the descriptors that the test has passed to 3 and so on, and becomes the server, as the child of systemd does.
START = """
import os, sys
names, descriptors, program = sys.argv[1], [int(number) for number in sys.argv[2].split(":")], sys.argv[3:]
copies = [os.dup(os.dup(number)) for number in descriptors]
for place, copy in enumerate(copies, 3):
    os.dup2(copy, place, inheritable=True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(descriptors)), "LISTEN_FDNAMES": names}
os.execv(sys.executable, [sys.executable, *program])
"""


def start(sockets: dict[str, socket.socket], *options: str, **more: str) -> "subprocess.Popen[str]":
    descriptors = [sock.fileno() for sock in sockets.values()]
    place = ":".join(map(str, descriptors))
    return subprocess.Popen(
        [sys.executable, "-c", START, ":".join(sockets), place, RUN, *options],
        pass_fds=descriptors,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **more},
    )


@contextlib.contextmanager
def started(sockets: dict[str, socket.socket], *options: str) -> "Iterator[subprocess.Popen[str]]":
    process = start(sockets, *options)
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE)


def test_a_restart_refuses_nobody_while_the_sockets_are_held() -> None:
    sockets = {"pylingo": listening(), "irc": listening()}
    port, irc_port = (sock.getsockname()[1] for sock in sockets.values())
    trouble: list[Exception] = []
    welcomed = 0
    is_over = threading.Event()

    def come_again_and_again() -> None:
        nonlocal welcomed
        while not is_over.wait(0.005):  # leaves the server some of the processor
            try:
                peer = Peer(port, greet=False)
            except OSError as error:
                trouble.append(error)
                return
            with peer, contextlib.suppress(OSError):  # a reset by a server that ends, after the connect
                welcomed += peer.recv() is not None

    visitor = threading.Thread(target=come_again_and_again)
    with contextlib.ExitStack() as stack:
        for sock in sockets.values():
            stack.enter_context(sock)
        waiting = stack.enter_context(Peer(port, greet=False))  # before there is a server
        visitor.start()
        try:
            with started(sockets, "--port", "1", "--drain-timeout", "1") as process:
                assert process.stdout is not None
                assert process.stdout.readline().endswith(f"listening on 127.0.0.1:{port}\n")
                assert process.stdout.readline().endswith(f"IRC clients connect to 127.0.0.1:{irc_port}\n")
                assert waiting.recv() is not None
                waiting.close()  # the end of the server waits for nobody
                wait_until(lambda: welcomed)
                with socket.create_connection(("127.0.0.1", irc_port)) as irc:
                    irc.sendall(b"PING x\r\n")
                    irc.settimeout(DEADLINE)
                    assert irc.recv(100)
                process.send_signal(signal.SIGTERM)
                assert process.wait(DEADLINE) == 0
            last = stack.enter_context(Peer(port, greet=False))  # nobody serves, and nobody is refused
            is_over.set()
            with started(sockets):
                assert last.recv() is not None
                visitor.join(DEADLINE)
        finally:
            is_over.set()
            visitor.join(DEADLINE)
    assert trouble == []


def test_a_socket_of_another_kind_is_one_sentence() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        process = start({"pylingo": sock})
        out, errors = process.communicate(timeout=DEADLINE)
    assert (process.returncode, out) == (2, "")
    assert errors == "pylingo-server: the inherited socket pylingo is not one of TCP: use ListenStream= with a port\n"
