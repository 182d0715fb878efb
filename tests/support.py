"""Helpers of the end-to-end tests: a server as a child process, a peer on a real socket, waiting with a deadline."""

import contextlib
import fcntl
import functools
import itertools
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgpack
import pytest

from pylingo.client.bench.certificate import trust_anybody
from pylingo.shared.codec import encode, event_codec
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.identity import fingerprint
from pylingo.shared.link import Link, show_link
from pylingo.shared.messages import Command, Hello, Joined, PingRequest, Pong, Ready, Welcome
from pylingo.shared.schema import Record
from tests.fakes.tls import certificate, der, trusting

ROOT = Path(__file__).resolve().parent.parent
DEADLINE = 20.0
"""Seconds after which a test gives up; far more than anything takes, because machines can be slow."""

decode_event = functools.lru_cache(8_192)(event_codec.decode)
"""Decodes a body once; a room's frame is the same for each of its many members."""
_fences = itertools.count(2**62)  # ids that no test uses


SHOWN_FORMATS = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
    + "".join(map(chr, range(0x13430, 0x13440)))
)
"""Characters of the category Cf that are drawn, as signs around a number or between hieroglyphs."""


def is_live(char: str) -> bool:
    """Whether a terminal acts on `char` or shows nothing for it, by Unicode's categories."""
    category = unicodedata.category(char)
    return (
        category in {"Cc", "Cs", "Zl", "Zp"}
        or (category == "Cf" and char not in SHOWN_FORMATS)
        or char in "\u115f\u1160\u3164\uffa0"
    )


def ready(name: str, room: str | None, token: str, resumed: bool, re: int | None = None) -> Ready:
    """The `ready` of a session that is in one room, or in none."""
    return Ready(name, room, token, resumed, re, [room] if room is not None else [], operator=False)


def wait_until(condition: Callable[[], Any], what: str = "the condition", deadline: float = DEADLINE) -> Any:
    """Wait until `condition()` is true and return its value; fail after `deadline` seconds."""
    end = time.monotonic() + deadline
    while not (value := condition()):
        assert time.monotonic() < end, f"{what} did not come true within {deadline} s"
        time.sleep(0.005)
    return value


_encrypted_ports: set[int] = set()
_twins: dict[int, "Twins"] = {}
"""By the port of a server that has a twin."""
_by_default = {"tls": False}
_clusters: list[str] = []
"""The address of the Redis on which servers that start are two that share a chat, if there is one."""
_names = itertools.count(1)


class Twins:
    """Two servers of one cluster: their `ports` in turn, and a `fence` that holds for both."""

    def __init__(self, ports: tuple[int, int], fence: Callable[[], object]) -> None:
        self.ports = itertools.cycle(ports)
        self.fence = fence


@contextlib.contextmanager
def encrypting(tls: bool) -> Iterator[None]:
    """Servers that start meanwhile are encrypted, or not, unless they say otherwise themselves."""
    before = _by_default["tls"]
    _by_default["tls"] = tls
    try:
        yield
    finally:
        _by_default["tls"] = before


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Servers that start meanwhile have no twin."""
    before = _clusters[:]
    _clusters.clear()
    try:
        yield
    finally:
        _clusters[:] = before


@contextlib.contextmanager
def clustering(redis: str) -> Iterator[None]:
    """Each server that starts meanwhile has a twin, with which it shares its chat. A `Peer` comes to them in turn."""
    _clusters.append(redis)
    try:
        yield
    finally:
        _clusters.remove(redis)


def is_clustered() -> bool:
    """Whether a server that starts now has a twin."""
    return bool(_clusters)


def plain_only(why: str) -> pytest.MarkDecorator:
    """Run a test of a module that uses `wire` without TLS, on one server. The reason is for the reader."""
    return pytest.mark.runs("plain")


def one_server(why: str) -> pytest.MarkDecorator:
    """Run a test of a module that is marked `everywhere` on one server alone. The reason is for the reader."""
    return pytest.mark.runs("plain", "tls")


EVERYWHERE = ("plain", "tls", "cluster")
everywhere = pytest.mark.runs(*EVERYWHERE)
"""For a test or a module that uses `wire`: it runs a third time, on two servers of a cluster in turn."""


def in_turn(
    names: str, values: Iterable[Any], kinds: Sequence[str] = ("plain", "tls")
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test that uses `wire` once with each of the `values`, on the kinds of servers in turn.

    `parametrize` would run it with each value on each kind, and what is tested depends on the one or on the other.
    `names` and `values` are those of `parametrize`. There is a run on each kind, with a value again if there are more
    kinds than values. `conftest.py` leaves out the others.
    """
    given = list(values)
    rows = range(max(len(given), len(kinds)))
    pairs = {(row % len(kinds), row % len(given)) for row in rows}

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        test = pytest.mark.runs(*kinds)(pytest.mark.parametrize(names, given)(test))
        return pytest.mark.in_turn(names.partition(",")[0], len(given), pairs)(test)

    return mark


def tls_options() -> tuple[str, ...]:
    """The options of a server with the certificate of `tests.fakes.tls`."""
    cert, key = certificate()
    return "--tls-cert", cert, "--tls-key", key


class ServerProcess:
    """`./reactor/run.py`, or another `program`, as a child process of Python on a port chosen by the system.

    With `tls` it has the certificate of `tests.fakes.tls`, with `--data` that of the folder. A `Peer` on its port then
    speaks TLS by itself.
    """

    def __init__(
        self,
        *options: str,
        environment: dict[str, str] | None = None,
        preexec: Any = None,
        program: Sequence[str] = (str(ROOT / "reactor" / "run.py"),),
        tls: bool | None = None,
    ) -> None:
        has_own = "--data" in options and not {"--no-tls", "--tls-cert"} & set(options)
        self.is_encrypted = has_own or (_by_default["tls"] if tls is None else tls)
        if self.is_encrypted and not has_own:
            options = (*options, *tls_options())
        self._twin: ServerProcess | None = None
        needs_twin = bool(_clusters) and "--cluster" not in options
        if needs_twin:
            name = f"test-{os.getpid()}-{next(_names)}"
            options = (*options, "--cluster", _clusters[-1], "--cluster-name", name)
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        # `tempfile` leaves it to the file's place where something is written, and we share that place with the server.
        fcntl.fcntl(self.errors, fcntl.F_SETFL, fcntl.fcntl(self.errors, fcntl.F_GETFL) | os.O_APPEND)
        self.process = subprocess.Popen(
            [sys.executable, *program, "--port", "0", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            cwd=tempfile.gettempdir(),
            env={**os.environ, **(environment or {})},
            preexec_fn=preexec,
        )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()
        match = re.search(r"listening on (.*):(\d+)$", self.first_line.strip())
        if match is None:
            self.process.wait(DEADLINE)
            log = self.log()
            self.process.stdout.close()
            self.errors.close()
            raise AssertionError(f"the server did not start: {self.first_line!r} {log}")
        self.host = match[1].strip("[]")
        self.port = int(match[2])
        if self.is_encrypted:
            _encrypted_ports.add(self.port)
        if needs_twin:
            try:
                from tests.fakes.cluster_fence import ClusterFence

                self._fence = ClusterFence(_clusters[-1], name, DEADLINE)
                self._twin = ServerProcess(*options, environment=environment, preexec=preexec, program=program, tls=tls)
            except BaseException:
                self.__exit__(*sys.exc_info())
                raise
            _twins[self.port] = Twins((self.port, self._twin.port), self._fence)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def address(self) -> str:
        """The argument of a client: the address or, if the server is encrypted, a link that pins the certificate.

        If the server has a twin, it is that of the one and of the other in turn.
        """
        port = next(_twins[self.port].ports) if self.port in _twins else self.port
        link = Link("127.0.0.1", port, fingerprint=fingerprint(der()))
        return show_link(link) if self.is_encrypted else f"127.0.0.1:{port}"

    @property
    def trusted(self) -> ssl.SSLContext | None:
        """The `tls` of a `Client` that trusts the server, if it is encrypted."""
        return trusting() if self.is_encrypted else None

    def log(self) -> str:
        """The server's stderr so far."""
        file = self.errors.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the server meanwhile: everything that is sent to it is there at once when it continues."""
        os.kill(self.pid, signal.SIGSTOP)
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), f"the server has ended with {status}: {self.log()}"
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def peers(self, count: int, room: str | None = None, **options: Any) -> "Iterator[list[Peer]]":
        """`count` peers that have joined `room`, if there is one, and have read everything so far."""
        with contextlib.ExitStack() as stack:
            peers = []
            for _ in range(count):
                peers.append(peer := stack.enter_context(Peer(self.port, self.host, **options)))
                if room is not None:  # at once: on a busy machine, the others take longer than a silent peer may
                    peer.join(room)
            if room is not None:
                for peer in peers:
                    peer.fence()
            yield peers

    def stop(self, number: int = signal.SIGINT) -> int:
        """Signal the server and wait for its end; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _encrypted_ports.discard(self.port)
        _twins.pop(self.port, None)
        if self._twin is not None:
            self._fence.close()
            self._twin.__exit__(kind, error, trace)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        log = self.log()
        self.errors.close()
        if error is None:
            assert "Traceback" not in log, log


class _TlsSocket(ssl.SSLSocket):
    """TLS that behaves as a plain socket does where that matters to a test."""

    def shutdown(self, how: int) -> None:
        """End the stream as a peer that forgets `close_notify`, and go on reading."""
        socket.socket.shutdown(self, how)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except ssl.SSLWantReadError:
            raise BlockingIOError from None

    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except ssl.SSLWantWriteError:
            raise BlockingIOError from None


@functools.cache
def _peer_context() -> ssl.SSLContext:
    context = trust_anybody().context  # a peer may be a process of its own, which does not know our certificate
    context.sslsocket_class = _TlsSocket
    return context


class Peer:
    """A blocking client that speaks records, or bytes; with TLS where the port is that of an encrypted server.

    One that the server refuses gets a plain goodbye, and needs `tls` to be False for that.
    """

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        greet: bool = True,
        receive_buffer: int | None = None,
        tls: bool | None = None,
    ) -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(DEADLINE)
        self.decoder = FrameDecoder()
        self.name = ""
        self._twins = _twins.get(port)
        try:
            self.sock.connect((host, port if self._twins is None else next(self._twins.ports)))
            if tls if tls is not None else port in _encrypted_ports:
                self.sock = _peer_context().wrap_socket(self.sock)
            if greet:
                self.name = self.expect(Welcome).name
        except BaseException:
            self.sock.close()
            raise

    @property
    def certificate(self) -> bytes | None:
        """The server's, in DER; None without TLS."""
        return self.sock.getpeercert(binary_form=True) if isinstance(self.sock, ssl.SSLSocket) else None

    def send(self, *records: Record) -> None:
        """Send the records as one piece."""
        self.raw(b"".join(map(encode, records)))

    def raw(self, data: bytes) -> None:
        self.sock.sendall(data)

    def recv(self, timeout: float = DEADLINE) -> Record | None:
        """The next record; None at the end of the stream. Raises `TimeoutError`."""
        body = self.recv_body(timeout)
        return None if body is None else decode_event(body)

    def recv_map(self, timeout: float = DEADLINE) -> dict[str, Any] | None:
        """The next frame as the plain map that came; None at the end of the stream. Raises `TimeoutError`."""
        body = self.recv_body(timeout)
        return None if body is None else msgpack.unpackb(body)

    def recv_body(self, timeout: float = DEADLINE) -> bytes | None:
        """The body of the next frame; None at the end of the stream. Raises `TimeoutError`."""
        self.sock.settimeout(timeout)
        while (body := next(iter(self.decoder), None)) is None:
            data = self.sock.recv(65_536)
            if not data:
                return None
            self.decoder.feed(data)
        return body

    def rest(self) -> list[Record]:
        """All records up to the end of the stream."""
        return list(iter(self.recv, None))

    def settle(self) -> None:
        """If the server has a twin, wait until everything that peers have caused on the one is known to the other."""
        if self._twins is not None:
            self._twins.fence()

    def fence(self) -> list[Record]:
        """The records before the answer to a `ping`: everything that was caused for this peer so far."""
        self.settle()
        number = next(_fences)
        self.send(PingRequest(id=number))
        records: list[Record] = []
        while (record := self.recv()) != Pong(re=number):
            assert record is not None, f"the stream ended after {records}"
            records.append(record)
        return records

    def expect[T: Record](self, kind: type[T], **fields: Any) -> T:
        """The next record, which must be a `kind` with these fields."""
        record = self.recv()
        assert type(record) is kind, f"{record} came instead of {kind.__name__}"
        for name, value in fields.items():
            assert getattr(record, name) == value, f"{name} of {record} is not {value!r}"
        return record

    def until[T: Record](self, kind: type[T], **fields: Any) -> T:
        """The next record of that kind with these fields, skipping over others."""
        while True:
            record = self.recv()
            assert record is not None, f"the stream ended before {kind.__name__}"
            if type(record) is kind and all(getattr(record, name) == value for name, value in fields.items()):
                return record

    def nothing(self, timeout: float = 0.2) -> None:
        """Check that nothing arrives for a while. If all requests were handled already, use `fence` instead."""
        with contextlib.suppress(TimeoutError):
            raise AssertionError(f"{self.recv(timeout)} came")

    def hello(self, name: str | None = None) -> Ready:
        self.send(Hello(1, name))
        ready = self.expect(Ready)
        self.name = ready.name
        return ready

    def join(self, room: str) -> Joined:
        self.send(Command("join", room))
        return self.until(Joined, name=self.name)

    def reset(self) -> None:
        """End the connection with a RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_LATE = """
import socket
look_up, failures = socket.getaddrinfo, {failures}
def late(host, *arguments, **named):
    global failures
    if str(host).endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if host != "chat.example":
        return look_up(host, *arguments, **named)
    if named.get("flags", 0) & socket.AI_NUMERICHOST:
        raise socket.gaierror(socket.EAI_NONAME, "not an address")
    failures -= 1
    if failures >= 0:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return look_up("127.0.0.1", *arguments, **named)
socket.getaddrinfo = late
"""


def late_names(folder: Path, failures: int) -> dict[str, str]:
    """The environment of a process in which looking up chat.example fails `failures` times, then gives 127.0.0.1.

    Names that end with .invalid are never found.
    """
    (folder / "sitecustomize.py").write_text(_LATE.format(failures=failures))
    return {"PYTHONPATH": str(folder)}


def _zone_file(hours: int) -> bytes:
    """A zone that is so many hours before UTC, as a TZif file (RFC 8536, version 1)."""
    name = b"T%02d\0" % hours
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, len(name))
    return b"TZif\0" + bytes(15) + counts + struct.pack(">lBB", hours * 3_600, 0, 0) + name


def put_zone(path: Path, hours: int) -> None:
    """Replace the zone at `path` by another one, as `timedatectl` does."""
    fresh = path.with_name(f"zone-{hours}")
    fresh.write_bytes(_zone_file(hours))
    link = path.with_name("link")
    link.symlink_to(fresh)
    os.replace(link, path)
