"""A proxy in front of a Redis that can keep its replies from the clients."""

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self

from tests.support import DEADLINE


class DeafProxy:
    """Passes everything on between clients of the socket `path` and the Redis on the socket `target`.

    While it `is_deaf`, nothing comes back. `cut` closes all connections.
    """

    def __init__(self, path: str, target: str) -> None:
        self.path = path
        self.is_deaf = False
        self._target = target
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._others: dict[socket.socket, socket.socket] = {}
        self._servers: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waker.send(b"e")
        self._thread.join(DEADLINE)
        for sock in (self._listener, self._woken, self._waker):
            sock.close()
        self._selector.close()

    def cut(self) -> None:
        """Close all connections, and hear again."""
        self._waker.send(b"c")

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock is self._woken:
                    order = sock.recv(1)
                    self._close_all()
                    self.is_deaf = False
                    if order == b"e":
                        return
                elif sock is self._listener:
                    self._accept()
                elif sock in self._others:
                    self._pass_on(sock)

    def _accept(self) -> None:
        client = self._listener.accept()[0]
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._target)
        self._servers.add(server)
        for sock, other in ((client, server), (server, client)):
            self._others[sock] = other
            self._selector.register(sock, selectors.EVENT_READ)

    def _pass_on(self, sock: socket.socket) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = sock.recv(1 << 16)
        if not data:
            self._close(sock)
        elif not (self.is_deaf and sock in self._servers):
            with contextlib.suppress(OSError):
                self._others[sock].sendall(data)

    def _close(self, sock: socket.socket) -> None:
        for one in (self._others[sock], sock):
            self._selector.unregister(one)
            del self._others[one]
            self._servers.discard(one)
            one.close()

    def _close_all(self) -> None:
        while self._others:
            self._close(next(iter(self._others)))
