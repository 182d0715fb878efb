"""Plain mode: one line after another, no cursor movement. For pipes, scripts, bots, screen readers and dumb terminals.

Lines of input are messages or commands; frames are printed a line each, or as JSON. Input and socket are served by
one reactor. Input is read no faster than the server takes it.
"""

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from typing import TextIO

from client.lines import LineReader
from client.link import Link
from client.wording import wording
from reactor.engine.dial import Target
from reactor.engine.loop import EVENT_READ, Reactor
from shared import PROTOCOL_VERSION, __version__
from shared.address import show_address
from shared.commands import parse_line
from shared.errors import RequestError
from shared.messages import Command, Goodbye, Hello, Say
from shared.schema import Record, to_map
from shared.text import message_text, printable

PATIENCE = 2.0
"""Seconds that leaving may take before the connection is given up."""
_READ_SIZE = 65_536


class Plain:
    """One run of the plain client. `run` returns the exit status."""

    def __init__(
        self, host: str, port: int, name: str | None, room: str | None, as_json: bool = False, stdin: int = 0
    ) -> None:
        self._host = host
        self._port = port
        self._name = name
        self._room = room
        self._as_json = as_json
        self._stdin = stdin
        self._stdin_is_file = False
        self._reading = False
        self._reader = LineReader()
        self._reactor = Reactor()
        self._link: Link | None = None
        self._leaving = False
        self._polite = False  # whether the person wanted to go: then it is no failure if the server was quicker
        self._goodbye: Goodbye | None = None
        self._status = 0

    def run(self, targets: Sequence[Target]) -> int:
        """Talk until the input, the server or the person ends it; returns the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._reactor.on_signal(number, lambda number=number: self._interrupted(number))  # type: ignore[misc]
        self._link = Link(self._reactor, targets, self._connected, self._received, self._drained, self._ended)
        self._reactor.run()
        self._reactor.close()
        return self._status

    # --- the connection

    def _connected(self) -> None:
        self._send(Hello(PROTOCOL_VERSION, self._name, f"PyLingo/{__version__}"))
        if self._room:
            self._send(Command("join", self._room))
        self._read_input()

    def _received(self, record: Record) -> None:
        if type(record) is Goodbye:
            self._goodbye = record
        lines = [json.dumps(to_map(record))] if self._as_json else wording(record)
        for line in lines:
            self._print(line, sys.stdout)

    def _drained(self) -> None:
        if not self._leaving and not self._reading:
            self._read_input()

    def _ended(self, error: Exception | None) -> None:
        where = show_address(self._host, self._port)
        if self._goodbye is not None:
            if self._goodbye.reason != "close":
                self._fail(f"{where} ended the connection: {self._goodbye.text}")
        elif not self._polite:
            self._fail(_why(error, where))
        self._reactor.stop()

    def _send(self, record: Record) -> None:
        assert self._link is not None
        self._link.send(record)

    # --- the input

    def _read_input(self) -> None:
        self._reading = True
        if self._stdin_is_file:
            self._reactor.call_soon(self.handle, EVENT_READ)
            return
        try:
            self._reactor.register(self._stdin, EVENT_READ, self)
        except PermissionError:  # a plain file is always ready, and no selector takes it
            self._stdin_is_file = True
            self._reactor.call_soon(self.handle, EVENT_READ)
        except (OSError, ValueError):  # closed
            self._end_of_input()

    def _pause_input(self) -> None:
        self._reading = False
        if not self._stdin_is_file:
            self._reactor.unregister(self._stdin)

    def handle(self, mask: int) -> None:
        """There is input."""
        if not self._reading:
            return
        try:
            data = os.read(self._stdin, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError:  # the terminal is gone
            data = b""
        for line in self._reader.feed(data) if data else self._reader.finish():
            self._typed(line)
        if not data:
            self._end_of_input()
        elif self._link is not None and self._link.is_full:
            self._pause_input()
        elif self._stdin_is_file:
            self._reactor.call_soon(self.handle, EVENT_READ)

    def fail(self, error: Exception) -> None:
        """Reading the input failed in a way we did not foresee."""
        self._status = 1
        self._reactor.stop()

    def _typed(self, line: str | RequestError) -> None:
        if self._leaving:
            return
        try:
            if isinstance(line, RequestError):
                raise line
            request = parse_line(line)
            if type(request) is Say:
                message_text(request.text)
        except RequestError as error:
            self._fail(error.text)
            return
        if request is not None:
            self._send(request)

    def _end_of_input(self) -> None:
        if self._reading:
            self._pause_input()
        self._leave()

    # --- leaving

    def _leave(self) -> None:
        """Have the server handle all that was sent, and say goodbye."""
        self._leaving = True
        if self._link is not None and self._link.is_open:
            self._send(Command("close"))
        else:
            self._reactor.stop()

    def _interrupted(self, number: int) -> None:
        if self._leaving or self._link is None or not self._link.is_open:
            self._status = 128 + number
            self._reactor.stop()
            return
        if self._reading:
            self._pause_input()
        self._polite = True
        self._leave()
        self._reactor.call_later(PATIENCE, self._reactor.stop)

    # --- words

    def _fail(self, sentence: str) -> None:
        self._status = 1
        self._print(f"pylingo: {printable(sentence)}", sys.stderr)

    def _print(self, line: str, stream: TextIO) -> None:
        """Write a line at once, waiting for whoever reads it: a parent may have made the pipe non-blocking."""
        rest = f"{line}\n".encode(stream.encoding, "replace")
        try:
            while rest:
                try:
                    rest = rest[os.write(stream.fileno(), rest) :]
                except BlockingIOError:
                    select.select([], [stream], [])
        except OSError:  # nobody reads us any more
            self._status = 1
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            self._reactor.stop()


def _why(error: Exception | None, where: str) -> str:
    """Why there is no connection, in a sentence."""
    if error is None:
        return f"the connection to {where} broke: the server went away"
    if isinstance(error, ConnectionRefusedError):
        return f"connection refused: no server listens on {where}"
    if isinstance(error, socket.gaierror):
        return f"unknown host in {where}: {error.strerror}"
    return f"no connection to {where}: {getattr(error, 'strerror', None) or error}"
