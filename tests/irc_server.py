"""A server with an IRC port as a child process, and IRC clients on real sockets."""

import contextlib
import random
import re
import socket
import ssl

from tests.support import DEADLINE, Peer, ServerProcess


class Irc:
    """A blocking IRC client."""

    def __init__(self, port: int, receive_buffer: int | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.sock: socket.socket = socket.socket()
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(("127.0.0.1", port))
        if tls is not None:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self._data = b""

    def send(self, *lines: str) -> None:
        self.raw("".join([f"{line}\r\n" for line in lines]).encode())

    def raw(self, data: bytes) -> None:
        self.sock.sendall(data)

    def line(self) -> str | None:
        """The next line; None at the end of the stream."""
        while b"\r\n" not in self._data:
            data = self.sock.recv(65_536)
            if not data:
                return None
            self._data += data
        line, _, self._data = self._data.partition(b"\r\n")
        return line.decode()

    def until(self, words: str) -> list[str]:
        """The lines up to the first one that has these words."""
        lines: list[str] = []
        while not lines or words not in lines[-1]:
            line = self.line()
            assert line is not None, f"the stream has ended without {words!r}: {lines}"
            lines.append(line)
        return lines

    def rest(self) -> list[str]:
        """The lines to the end of the stream."""
        lines = []
        with contextlib.suppress(ConnectionResetError):
            while (line := self.line()) is not None:
                lines.append(line)
        return lines

    def fence(self) -> list[str]:
        """The lines that come before everything sent so far is handled."""
        word = f"fence-{random.randrange(10**12)}"
        self.send(f"PING {word}")
        return self.until(word)[:-1]

    def register(self, nick: str, *rooms: str) -> "Irc":
        self.send(f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        self.until(" 221 ")
        for room in rooms:
            self.send(f"JOIN {room}")
            self.until(" 366 ")
        return self

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> "Irc":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class IrcServer:
    """A server with an IRC port."""

    def __init__(self, process: ServerProcess) -> None:
        assert process.process.stdout is not None
        self.process = process
        self.port = process.port
        line = process.process.stdout.readline()
        match = re.fullmatch(r"IRC clients connect to 127\.0\.0\.1:(\d+)( with TLS)?\n", line)
        assert match is not None, line
        self.irc_port = int(match[1])
        self.stack = contextlib.ExitStack()

    def irc(self, nick: str = "", *rooms: str, receive_buffer: int | None = None) -> Irc:
        """A client, which is registered if it has a name."""
        made = self.stack.enter_context(Irc(self.irc_port, receive_buffer))
        return made.register(nick, *rooms) if nick else made

    def native(self, name: str, room: str) -> Peer:
        made = self.stack.enter_context(Peer(self.port))
        made.hello(name)
        made.join(room)
        return made
