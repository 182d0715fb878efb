"""A proxy that does to a sound server's frames what a faulty server would do."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pylingo.shared.codec import event_codec, request_codec
from pylingo.shared.framing import FrameDecoder, encode_frame
from pylingo.shared.messages import Hello, Message, Say
from pylingo.shared.schema import Record
from tests.support import DEADLINE

Tamper = Callable[[str, bytes, Record], list[bytes] | None]
"""The name of who gets a frame, the frame, what it says: the frames to pass on instead; None ends the connection."""


class Proxy:
    """Passes all on between clients and the server on `port`, but what `tamper` makes of the server's frames.

    One thread. It may block in sending: both sides always read.
    """

    def __init__(self, port: int, tamper: Tamper) -> None:
        self._target = port
        self._tamper = tamper
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.said = threading.Event()
        """Set when a client has said something."""
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._waker, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._socks: set[socket.socket] = set()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waker.close()
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()
        for sock in (self._listener, self._woken, *self._socks):
            sock.close()
        self._selector.close()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while True:
                for key, _ in self._selector.select():
                    if key.data is None:
                        return
                    if key.fileobj in self._socks or key.fileobj is self._listener:  # else closed in this round
                        key.data()
        except BaseException as error:
            self._error = error

    def _accept(self) -> None:
        client = self._listener.accept()[0]
        server = socket.create_connection(("127.0.0.1", self._target))
        name = ""
        requests, events = FrameDecoder(), FrameDecoder()

        def end() -> None:
            for sock in (client, server):
                if sock in self._socks:
                    self._socks.remove(sock)
                    with contextlib.suppress(KeyError):
                        self._selector.unregister(sock)
                    sock.close()

        def read(sock: socket.socket) -> bytes:
            try:
                return sock.recv(65_536, socket.MSG_DONTWAIT)
            except OSError:
                return b""

        def from_client() -> None:
            nonlocal name
            data = read(client)
            for body in requests.feed(data):
                record = request_codec.decode(body)
                if type(record) is Hello:
                    name = record.name or ""
                elif type(record) is Say:
                    self.said.set()
            pass_on(server, data)

        def from_server() -> None:
            data = read(server)
            passed: list[bytes] = []
            for body in events.feed(data):
                frames = self._tamper(name, encode_frame(body), event_codec.decode(body))
                if frames is None:  # an orderly end: no reset that depends on what is unread
                    with contextlib.suppress(OSError):
                        client.shutdown(socket.SHUT_WR)
                    self._selector.unregister(server)
                    return
                passed += frames
            pass_on(client, b"".join(passed))
            if not data:
                end()

        def pass_on(sock: socket.socket, data: bytes) -> None:
            with contextlib.suppress(OSError):
                if data:
                    sock.sendall(data)
                elif sock is server:
                    sock.shutdown(socket.SHUT_WR)
                    self._selector.unregister(client)  # the rest of the server's frames still goes there

        for sock, read_it in ((client, from_client), (server, from_server)):
            sock.settimeout(DEADLINE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socks.add(sock)
            self._selector.register(sock, selectors.EVENT_READ, read_it)


class Fault:
    """Does `kind` once to what `victim` gets, at its frame number `at` of the type `what`."""

    def __init__(self, kind: str, victim: str, at: int = 5, what: type[Record] = Message) -> None:
        self.kind = kind
        self.victim = victim
        self.at = at
        self.what = what
        self.done = False
        self._seen = 0
        self._held: list[bytes] = []

    def __call__(self, name: str, frame: bytes, record: Record) -> list[bytes] | None:
        if name != self.victim or type(record) is not self.what or self.done:
            return [frame]
        self._seen += 1
        if self._seen < self.at:
            return [frame]
        self.done = self.kind != "reorder" or bool(self._held)
        match self.kind:
            case "lose":
                return []
            case "double":
                return [frame, frame]
            case "alter":
                return [frame.replace(b"....", b"..,.", 1)]
            case "end":
                return None
            case "reorder" if not self._held:
                self._held.append(frame)
                return []
            case "reorder":
                return [frame, *self._held]
        raise AssertionError(self.kind)
