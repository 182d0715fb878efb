"""A proxy that passes everything on, and resets connections or stalls them when it is told to."""

import random
import socket
import struct
import threading
import time
from typing import Any


def free_port() -> int:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class ResettingProxy:
    """Passes bytes on between clients and the server, in a thread for each direction, and resets what it is told to.

    With a small `receive_buffer`, the server soon notices that a client is stalled.
    """

    def __init__(self, port: int, receive_buffer: int | None = None) -> None:
        self.target = port
        self.receive_buffer = receive_buffer
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = int(self.listener.getsockname()[1])
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.lock = threading.Lock()
        self.stalled: dict[tuple[socket.socket, socket.socket], float] = {}  # until when nothing reaches the client
        self.resets = 0
        self.is_over = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self.is_over:
            try:
                ours, _ = self.listener.accept()
            except OSError:
                return
            try:
                theirs = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                _reset(ours)
                continue
            theirs.settimeout(None)
            if self.receive_buffer is not None:
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
            pair = (ours, theirs)
            with self.lock:
                self.pairs.append(pair)
            for source, sink in (pair, pair[::-1]):
                threading.Thread(target=self._pass_on, args=(source, sink, pair), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, pair: tuple[Any, Any]) -> None:
        try:
            while data := source.recv(65_536):
                while sink is pair[0] and self.stalled.get(pair, 0.0) > time.monotonic():
                    time.sleep(0.01)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(pair)

    def _drop(self, pair: tuple[Any, Any]) -> None:
        with self.lock:
            if pair not in self.pairs:
                return
            self.pairs.remove(pair)
        for sock in pair:
            _reset(sock)

    def reset_one(self, chance: random.Random) -> None:
        with self.lock:
            pair = chance.choice(self.pairs) if self.pairs else None
        if pair is not None:
            self.resets += 1
            self._drop(pair)

    def stall_one(self, chance: random.Random, seconds: float) -> None:
        """Let a client get nothing for a while."""
        with self.lock:
            if self.pairs:
                self.stalled[chance.choice(self.pairs)] = time.monotonic() + seconds

    def close(self) -> None:
        self.is_over = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        while self.pairs:
            self._drop(self.pairs[0])


def _reset(sock: socket.socket) -> None:
    """End a connection with a RST; what it has not yet sent is lost."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RD)  # wakes the thread that reads it
    except OSError:
        pass
    sock.close()
