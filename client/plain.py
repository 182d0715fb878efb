"""Plain mode: one line after another, no cursor movement. For pipes, scripts, bots, screen readers and dumb terminals.

Lines of input are messages or commands; frames are printed a line each, or as JSON. Input and socket are served by
one reactor. Input is read no faster than the server takes it. A connection that is lost is taken up again.
"""

import functools
import json
import os
import select
import signal
import sys
from typing import TextIO

from client.client import RETRY, Client, Status
from client.lines import LineReader
from client.link import why_no_connection
from client.terminal.tty import open_again
from client.wording import wording
from reactor.engine.loop import EVENT_READ, Reactor
from shared.address import show_address
from shared.commands import parse_line
from shared.errors import RequestError
from shared.messages import Command, Say
from shared.schema import Record, to_map
from shared.text import printable

PATIENCE = 2.0
"""Seconds that leaving may take before the connection is given up."""
_READ_SIZE = 65_536


class Plain:
    """One run of the plain client. `run` returns the exit status."""

    def __init__(
        self,
        host: str,
        port: int,
        name: str | None,
        room: str | None,
        as_json: bool = False,
        retry: float = RETRY,
        insist: bool = False,
        stdin: int = 0,
    ) -> None:
        self._host = host
        self._port = port
        self._as_json = as_json
        self._stdin = stdin
        self._own: int | None = None  # the same terminal, opened a second time: Ctrl+C throws away what was typed
        self._stdin_is_file = False
        self._reading = False
        self._reader = LineReader()
        self._reactor = Reactor()
        self._client = Client(
            host,
            port,
            name,
            room,
            retry=retry,
            insist=insist,
            reactor=self._reactor,
            show=self._show,
            changed=self._changed,
            drained=self._go_on_reading,
        )
        self._was_online = False
        self._told = False  # whether this loss of the connection was mentioned
        self._leaving = False
        self._polite = False  # whether the person wanted to go: then it is no failure if the server was quicker
        self._status = 0

    def run(self) -> int:
        """Talk until the input, the server or the person ends it; returns the exit status."""
        self._client.connect()
        if os.isatty(self._stdin):
            self._stdin = self._own = open_again(self._stdin)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            interrupted = functools.partial(self._interrupted, number)
            self._reactor.on_signal(number, interrupted, unless_ignored=number != signal.SIGTERM)
        self._reactor.run()
        self._reactor.close()
        if self._own is not None:
            os.close(self._own)
        return self._status

    # --- the connection

    def _show(self, record: Record) -> None:
        lines = [json.dumps(to_map(record))] if self._as_json else wording(record)
        for line in lines:
            self._print(line, sys.stdout)
        self._go_on_reading()

    def _changed(self, status: Status) -> None:
        where = show_address(self._host, self._port)
        match status.state:
            case "online":
                if self._was_online:
                    self._note(f"connected to {where} again")
                self._was_online = True
                self._go_on_reading()
            case "waiting" if not self._told:
                self._told = True
                again = "trying to come back" if self._was_online else "trying again"
                self._note(f"{self._why(status.error, where)}; {again}")
            case "over":
                goodbye = self._client.goodbye
                if not self._polite and (goodbye is None or goodbye.reason != "close"):
                    self._fail(self._why(status.error, where))
                self._reactor.stop()
        if status.state == "online":
            self._told = False

    def _why(self, error: Exception | None, where: str) -> str:
        return why_no_connection(error, self._client.goodbye, where)

    def _go_on_reading(self) -> None:
        if self._was_online and not self._leaving and not self._reading and not self._client.is_full:
            self._read_input()

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
        elif self._client.is_full:
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
            match parse_line(line):
                case Say(text):
                    self._client.say(text)
                case Command(name, argument):
                    self._client.command(name, argument)
        except RequestError as error:
            self._fail(error.text)

    def _end_of_input(self) -> None:
        if self._reading:
            self._pause_input()
        self._leave()

    # --- leaving

    def _leave(self) -> None:
        """Have the server handle all that was sent, and say goodbye; without a connection, go at once."""
        self._leaving = True
        self._client.close()

    def _interrupted(self, number: int) -> None:
        if self._leaving or self._client.status.state != "online":
            self._status = 128 + number
            self._polite = True
            self._client.stop()
            return
        if self._reading:
            self._pause_input()
        self._polite = True
        self._leave()
        self._reactor.call_later(PATIENCE, self._reactor.stop)

    # --- words

    def _note(self, sentence: str) -> None:
        self._print(f"pylingo: {printable(sentence)}", sys.stderr)

    def _fail(self, sentence: str) -> None:
        self._status = 1
        self._note(sentence)

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
