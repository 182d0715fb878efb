"""Faults that need more than a socket: stopped processes, crowds, links that go down, every field gone wrong.

The tests with links make two network namespaces of their own, joined by a pair of virtual interfaces; they leave the
machine's own interfaces alone. Where that cannot be done they are skipped, and say why.
"""

import contextlib
import gc
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import pytest

from pylingo.shared.codec import encode, request_codec
from pylingo.shared.framing import encode_frame
from pylingo.shared.messages import Command, Error, Goodbye, Left, Message, Ping, PongRequest, Say, Welcome
from pylingo.shared.schema import Record
from tests.fakes.fields import WRONG, drop, field_cases, put
from tests.fuzz.fuzz_session import meet
from tests.fuzz.world import World
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, plain_only, wait_until

pytestmark = pytest.mark.usefixtures("wire")

Start = Callable[..., ServerProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server with options; it has ended when the test has."""
    with contextlib.ExitStack() as stack:
        yield lambda *options, **more: stack.enter_context(ServerProcess(*options, **more))


def skipped_so_far(server: ServerProcess) -> int:
    """How many messages slow readers were not sent, from the server's log."""
    pattern = r"(\d+) messages? skipped"
    before = len(re.findall(pattern, server.log()))
    os.kill(server.pid, signal.SIGUSR1)
    return int(wait_until(lambda: re.findall(pattern, server.log())[before:], "the counters in the log")[0])


def resident(pid: int) -> int:
    """Bytes of memory that the process has."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise AssertionError(f"no size of {pid}")


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """This process may open 2,500 descriptors, which is more than systems give at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2_500:
        pytest.skip(f"a process may open {hard} descriptors only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2_500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- a process that does not run

READER = """
import sys
sys.path.insert(0, sys.argv[1])
from pylingo.shared.messages import Message, Skipped
from tests.support import Peer
with Peer(int(sys.argv[2]), tls=sys.argv[3] == "True") as peer:
    peer.join("tea")
    print(peer.name, flush=True)
    received = missed = gaps = ends = 0
    while (record := peer.recv()) is not None:
        if isinstance(record, Skipped):
            gaps += 1
            missed += record.count
        if isinstance(record, Message):
            if record.text.startswith("the end"):
                ends = int(record.text.split()[-1])
                break
            received += 1
    print(received, missed, gaps, ends, flush=True)
"""
"""Joins a room and reads; at an end it says how many messages came, how many it missed, and which end that was."""


@contextlib.contextmanager
def reader_process(server: ServerProcess) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(ROOT), str(server.port), str(server.is_encrypted)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("guest-")
        try:
            yield process
        finally:
            process.kill()


def test_a_stopped_process_in_a_busy_room(start: Start) -> None:
    """The others get everything, the server's memory does not grow, and on waking it is told what it missed."""
    if not os.path.exists("/proc/self/status"):
        pytest.skip("the system has no /proc/PID/status to read the memory from")
    server = start("--rate", "0", "--history-memory", "64K")
    with server.peers(3, room="tea") as (speaker, *listeners), reader_process(server) as reader:
        for peer in (speaker, *listeners):
            peer.fence()
        reader.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(reader.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        sent = 0

        def talk(count: int) -> None:
            nonlocal sent
            for number in range(sent, sent + count):
                speaker.send(Say(f"{number} " + "x" * 4_000))
                for listener in listeners:
                    assert listener.expect(Message).text.startswith(f"{number} ")
            sent += count

        while not skipped_so_far(server):
            talk(50)
            assert sent < 20_000, "the systems' buffers have no end"
        before = resident(server.pid)
        talk(1_500)  # 6 MB
        assert resident(server.pid) - before < 2 * 2**20
        reader.send_signal(signal.SIGCONT)
        for end in range(100):  # while it still catches up it is left out of the end, too
            speaker.send(Say(f"the end {end}"))
            with contextlib.suppress(subprocess.TimeoutExpired):
                reader.wait(0.2)
                break
        assert reader.stdout is not None
        received, missed, gaps, ends = map(int, reader.stdout.readline().split())
        assert gaps >= 1
        assert received + missed == sent + ends
        assert received < sent


# --- crowds


@plain_only("no handshake can be made with a server that does not run")
def test_a_thousand_connects_at_once(start: Start, many_descriptors: None) -> None:
    """All are waiting when the server looks; all get in, and those who are inside go on meanwhile."""
    with contextlib.suppress(OSError), open("/proc/sys/net/core/somaxconn") as file:
        if int(file.read()) < 1_100:
            pytest.skip("the system's own queue of connections is shorter than a thousand (net.core.somaxconn)")
    server = start("--rate", "0")
    with contextlib.ExitStack() as stack:
        one, two = stack.enter_context(server.peers(2, room="tea"))
        with server.stopped():
            crowd = [stack.enter_context(Peer(server.port, greet=False)) for _ in range(1_000)]
        one.send(Say("is it crowded?"))
        two.until(Message, text="is it crowded?")
        names = {peer.expect(Welcome).name for peer in crowd}
        assert len(names) == 1_000
        assert one.fence() == []
        for peer in crowd:
            assert peer.fence() == []


@plain_only("thousands of handshakes take long, and other tests have the end of an encrypted server")
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_sigint_while_thousands_are_connected(start: Start, many_descriptors: None, twice: bool) -> None:
    server = start("--first-frame-timeout", "600")
    with server.peers(2_000) as (first, *others):
        server.process.send_signal(signal.SIGINT)
        first.expect(Goodbye, reason="shutdown")
        if twice:
            server.process.send_signal(signal.SIGINT)  # nobody has closed: the server would wait for their ends
            assert server.process.wait(DEADLINE) == 0
            assert "stopping at once" in server.log()
        for peer in (first, *others):
            if peer is not first:
                peer.expect(Goodbye, reason="shutdown")
            assert peer.recv() is None
            peer.close()
        assert server.process.wait(DEADLINE) == 0


# --- fields


FIELDS = [
    pytest.param(frame, path, name, kind, id=f"{frame['type']}-{'.'.join(map(str, path))}")
    for codec, frame, path, name, kind in field_cases()
    if codec is request_codec
]


@pytest.fixture(scope="module")
def unpaced(is_encrypted: bool) -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0", tls=is_encrypted) as server:
        yield server


@pytest.mark.parametrize(("frame", "path", "name", "kind"), FIELDS)
def test_every_field_of_every_request_gone_wrong(
    unpaced: ServerProcess, frame: dict[str, Any], path: tuple[str, ...], name: str, kind: str
) -> None:
    """Missing, nil, of each wrong type, out of range: an error with the request's id, and the connection goes on."""
    wrong = [put(frame, path, value) for value in WRONG[kind]]
    if not name.endswith("?"):
        wrong += [drop(frame, path), put(frame, path, None)]
    with Peer(unpaced.port) as peer, Peer(unpaced.port) as other:
        for request in wrong:
            peer.raw(encode_frame(msgpack.packb(request, use_bin_type=False)))
            error = peer.expect(Error, code="bad-message")
            assert error.re == (None if path == ("id",) else frame["id"])
        assert peer.fence() == other.fence() == []


@pytest.mark.parametrize("value", ["", "x" * 30_000], ids=["empty", "too long"])
@pytest.mark.parametrize(
    ("frame", "path", "name", "kind"),
    [case for case in FIELDS if case.values[3] == "str" and case.values[2] not in ("identity?", "proof?")],
)
def test_every_string_empty_and_too_long(
    unpaced: ServerProcess, frame: dict[str, Any], path: tuple[str, ...], name: str, kind: str, value: str
) -> None:
    """Each is answered or refused, whichever the field asks for, and the connection goes on."""
    frame = put(frame, path, value)
    if frame["type"] == "hello":
        frame["protocol"] = 1  # another version is a goodbye, and so is a proof that is none
        del frame["identity"], frame["proof"]
    with Peer(unpaced.port) as peer, Peer(unpaced.port) as other:
        peer.raw(encode_frame(msgpack.packb(frame)))
        answers = peer.fence()
        assert answers
        assert all(getattr(answer, "re", None) == frame["id"] for answer in answers)
        assert peer.fence() == other.fence() == []


# --- links


def inside[T](space: int, function: Callable[[], T]) -> T:
    """Call `function` in the network namespace `space`; a socket made there stays there."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            if space >= 0:
                os.setns(space, os.CLONE_NEWNET)
            results.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)  # a namespace is a thread's own, so this one is the only one to change
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def new_space() -> int:
    os.unshare(os.CLONE_NEWNET)
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class ClientConnection:
    """A server's namespace and a client's, and the link between them. They are gone when both are closed."""

    SERVER, CLIENT = "10.77.0.1", "10.77.0.2"

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.spaces = []
        for _ in range(2):
            self.spaces.append(inside(-1, new_space))
            stack.callback(os.close, self.spaces[-1])
        self.near, self.far = self.spaces
        target = f"/proc/{os.getpid()}/fd/{self.far}"
        self.ip(self.near, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", target)
        for space, device, address in ((self.near, "near", self.SERVER), (self.far, "far", self.CLIENT)):
            self.ip(space, "addr", "add", f"{address}/24", "dev", device)
            self.ip(space, "link", "set", device, "up")
            self.ip(space, "link", "set", "lo", "up")

    def ip(self, space: int, *words: str) -> None:
        inside(space, lambda: subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=10))

    def set(self, state: str) -> None:
        """`up` or `down`, at the client's end."""
        self.ip(self.far, "link", "set", "far", state)

    def enter(self) -> None:
        os.setns(self.near, os.CLONE_NEWNET)

    def remote(self, server: ServerProcess, **options: Any) -> Peer:
        """A peer at the far end."""
        return inside(self.far, lambda: Peer(server.port, self.SERVER, **options))

    def local(self, server: ServerProcess) -> Peer:
        """A peer beside the server, whom the link does not matter to."""
        return inside(self.near, lambda: Peer(server.port, "127.0.0.1"))


@pytest.fixture
def link() -> Iterator[ClientConnection]:
    if not hasattr(os, "unshare"):
        pytest.skip("the system has no network namespaces, or this Python cannot make them")
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip` program to join network namespaces with")
    with contextlib.ExitStack() as stack:
        try:
            made = ClientConnection(stack)
        except OSError as error:
            pytest.skip(f"no network namespace can be made: {error.strerror} (it takes root)")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"the namespaces cannot be joined: {error.stderr.strip()}")
        yield made


NEVER = "600"


@plain_only("the kernel notices, or a deadline does: the tests of the limits have those over TLS")
@pytest.mark.parametrize(
    ("options", "messages", "reason"),
    [
        (["--tcp-timeout", "1", "--ping-after", NEVER, "--stall-timeout", NEVER], 0, "lost"),
        (["--tcp-timeout", "1", "--ping-after", NEVER, "--stall-timeout", NEVER], 1, "lost"),
        (["--tcp-timeout", "1", "--ping-after", NEVER, "--stall-timeout", NEVER], 200, "lost"),
        (["--tcp-timeout", NEVER, "--ping-after", "1", "--ping-timeout", "1"], 0, "idle"),
        (["--tcp-timeout", NEVER, "--ping-after", "1", "--ping-timeout", "1", "--stall-timeout", NEVER], 1, "idle"),
        (["--tcp-timeout", NEVER, "--ping-after", NEVER, "--stall-timeout", "1"], 400, "stalled"),
    ],
    ids=[
        "idle-keepalive",
        "in flight-user timeout",
        "more than the kernel takes-user timeout",
        "idle-ping",
        "in flight-ping",
        "more than the kernel takes-stalled",
    ],
)
def test_a_link_that_goes_down_is_noticed(
    start: Start, link: ClientConnection, options: list[str], messages: int, reason: str
) -> None:
    """By each of the means alone, the others being set to ten minutes."""
    server = start("--host", "0.0.0.0", "--rate", "0", *options, preexec=link.enter)
    with link.local(server) as witness, link.remote(server) as far:
        witness.join("tea")
        far.join("tea")
        witness.fence()
        far.fence()
        link.set("down")
        for _ in range(messages):
            witness.send(Say("x" * 4_000))
        left: Record | None = None
        while not isinstance(left, Left):
            left = witness.recv()
            if isinstance(left, Ping):
                witness.send(PongRequest())
            assert left is not None
        assert (left.name, left.reason) == (far.name, reason)
        assert witness.fence() == []


def test_a_link_that_is_down_for_a_moment_loses_nothing(start: Start, link: ClientConnection) -> None:
    server = start("--host", "0.0.0.0", "--rate", "0", preexec=link.enter)
    with link.local(server) as near, link.remote(server) as far:
        near.join("tea")
        far.join("tea")
        near.fence()
        link.set("down")
        near.send(*(Say(str(number)) for number in range(100)))
        near.fence()
        link.set("up")
        for number in range(100):
            assert far.expect(Message).text == str(number)
        far.send(Say("back"))
        near.until(Message, text="back")


@plain_only("a peer that is refused is told so in plain: the tests of the limits have that")
def test_seventeen_connections_of_one_address(start: Start, link: ClientConnection) -> None:
    server = start("--host", "0.0.0.0", "--max-per-address", "16", preexec=link.enter)
    with contextlib.ExitStack() as stack:
        inside_peers = [stack.enter_context(link.remote(server)) for _ in range(16)]
        with link.remote(server, greet=False) as late:
            late.expect(Goodbye, reason="address-limit")
            assert late.recv() is None
        for peer in (*inside_peers, stack.enter_context(link.local(server))):
            assert peer.fence() == []
        inside_peers[0].send(Command("close"))
        inside_peers[0].rest()
        inside_peers[0].close()

        def admitted() -> bool:
            with link.remote(server, greet=False) as peer:
                return isinstance(peer.recv(), Welcome)

        wait_until(admitted, "the place that is free again")


# --- pauses


def test_a_hangup_of_an_unread_peer_is_noticed_at_once_by_reset_and_in_order_by_fin(start: Start) -> None:
    """Over its pace a peer is not read: a RST shows all the same, a FIN when what was sent before it is handled."""
    server = start("--rate", "2", "--burst", "3")
    with server.peers(1, room="tea") as (witness,), Peer(server.port) as resets, Peer(server.port) as leaves:
        for peer in (resets, leaves):
            peer.join("tea")
        records: list[Record] = []

        def heard(name: str) -> list[Message | Left]:
            while not any(isinstance(record, Left) and record.name == name for record in records):
                record = witness.recv()
                assert record is not None
                records.append(record)
            return [
                record
                for record in records
                if (isinstance(record, Message) and record.from_ == name)
                or (isinstance(record, Left) and record.name == name)
            ]

        for peer in (resets, leaves):
            peer.send(*(Say(str(number)) for number in range(8)))
        leaves.sock.shutdown(socket.SHUT_WR)
        resets.reset()
        *_, left = heard(resets.name)
        assert isinstance(left, Left)
        assert left.reason == "lost"
        assert sum(isinstance(record, Message) and record.from_ == leaves.name for record in records) < 8  # at once
        *messages, left = heard(leaves.name)
        assert [message.text for message in messages if isinstance(message, Message)] == list("01234567")
        assert isinstance(left, Left)
        assert left.reason == "lost"


# --- what is left


ENDS = {
    "close": encode(Command("close")),
    "reset": b"",
    "a broken frame": b"\0\0\0\0",
    "a broken body": encode_frame(b"\xc1"),
    "a refused request": encode_frame(b"\x80"),
}


@plain_only("no server is started")
@pytest.mark.parametrize("end", ENDS)
def test_a_connection_that_is_over_leaves_nothing_to_the_collector(end: str) -> None:
    """It runs only after tens of thousands of new objects: what waited for it would be megabytes, and a long tick."""
    world = World(rate=0.0)
    try:
        meet(world, [encode(Command("join", "tea")), ENDS[end]], 0)  # the first object of a class makes its __init__
        gc.collect()
        gc.disable()
        try:
            for _ in range(10):
                meet(world, [encode(Command("join", "tea")), ENDS[end]], 0)
            assert gc.collect() < 10  # not one for each
        finally:
            gc.enable()
    finally:
        world.close()
