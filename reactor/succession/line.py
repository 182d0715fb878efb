"""The line between a server and its successor: a pair of stream sockets that carries messages, and descriptors once.

A message is its length, 4 bytes, big-endian, and its body. Descriptors come with the first byte of a message.
"""

import array
import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence

VARIABLE = "PYLINGO_UPGRADE"
"""The variable of the environment with the descriptor of the successor's end."""
_HEADER = 4
_MOST_DESCRIPTORS = 64
_CHUNK = 2**18
_BUFFER = 2**20  # bytes that a socket takes, so that both sides work at once


class LineError(Exception):
    """The line cannot be used any more. The message is a sentence."""


class Line:
    """One end. `timeout` bounds each call that waits, in seconds; without one, nothing waits.

    Every method but `close` raises `LineError`.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = bytearray()
        self._unsent = memoryview(b"")
        self.descriptors: list[int] = []
        """The descriptors that have come and that nobody has taken yet."""

    def fileno(self) -> int:
        """The descriptor of this end; -1 once it is closed."""
        return self._sock.fileno()

    def send(self, body: bytes, until: float, descriptors: Sequence[int] = ()) -> None:
        """Send a message before `until`, on the monotonic clock."""
        data = memoryview(b"".join((self._unsent, len(body).to_bytes(_HEADER), body)))
        self._unsent = memoryview(b"")
        with _explained():
            if descriptors:
                self._sock.settimeout(_left(until))
                data = data[socket.send_fds(self._sock, [data], descriptors) :]
            while data:
                self._sock.settimeout(_left(until))
                data = data[self._sock.send(data) :]

    def begin(self, body: bytes) -> bool:
        """Begin to send a message, without waiting; return whether it is sent. Otherwise call `go_on` before another.

        What `send` sends comes behind it.
        """
        self._unsent = memoryview(len(body).to_bytes(_HEADER) + body)
        return self.go_on()

    def go_on(self) -> bool:
        """Send what the other process takes now of the message that was begun; return whether that is all."""
        with _explained():
            self._sock.settimeout(0.0)
            with contextlib.suppress(BlockingIOError):
                while self._unsent:
                    self._unsent = self._unsent[self._sock.send(self._unsent) :]
        return not self._unsent

    def receive(self, until: float) -> bytes:
        """Return the next message, which must come before `until`, on the monotonic clock."""
        with _explained():
            while (body := self._next()) is None:
                self._sock.settimeout(_left(until))
                self._read()
        return body

    def pending(self) -> Iterator[bytes]:
        """Yield the messages that have come, without waiting."""
        with _explained():
            self._sock.settimeout(0.0)
            with contextlib.suppress(BlockingIOError):
                self._read()
        while (body := self._next()) is not None:
            yield body

    def close(self) -> None:
        """Close this end, and the descriptors that nobody has taken."""
        self._sock.close()
        while self.descriptors:
            os.close(self.descriptors.pop())

    def _next(self) -> bytes | None:
        end = _HEADER + int.from_bytes(self._data[:_HEADER])
        if len(self._data) < max(end, _HEADER):
            return None
        body = bytes(self._data[_HEADER:end])
        del self._data[:end]
        return body

    def _read(self) -> None:
        size = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize)
        # `socket.recv_fds` ignores the flag, and our children would inherit the descriptors.
        data, ancillary, _, _ = self._sock.recvmsg(_CHUNK, size, socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                found = array.array("i")
                found.frombytes(content[: len(content) - len(content) % found.itemsize])
                self.descriptors += found
        if not data:
            raise LineError("the other process has ended")
        self._data += data


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise LineError("the other process did not answer in time") from None
    except (BrokenPipeError, ConnectionResetError):
        raise LineError("the other process has ended") from None
    except OSError as error:
        raise LineError(f"the other process cannot be reached: {error.strerror or error}") from None


def _left(until: float) -> float:
    """The seconds that are left. Raises `TimeoutError` if none are."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def make_line() -> tuple[Line, socket.socket]:
    """Return this process's end, and the socket for the successor. Raises `OSError`."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    return Line(ours), theirs


def is_successor(environment: Mapping[str, str]) -> bool:
    """Whether this process was started to take over from another one."""
    return VARIABLE in environment


def inherited_line(environment: MutableMapping[str, str]) -> Line:
    """Return the end that a successor was started with, and remove the variable.

    Raises `LineError` if the variable names no socket.
    """
    named = environment.pop(VARIABLE, "")
    try:
        os.set_inheritable(int(named), False)
        return Line(socket.socket(fileno=int(named)))
    except (ValueError, OSError):
        raise LineError(f"{VARIABLE} is set by a server that is upgraded, and is not to be set by hand") from None
