"""Plain mode: one line after another, no cursor movement. For pipes, scripts, bots, screen readers and dumb terminals.

Lines of input are messages or commands; frames are printed a line each, or as JSON. Input and socket are served by
one reactor. Input is read no faster than the server takes it. A connection that is lost is taken up again. All that was
read is confirmed by the server before the end, or the end is a failure that says how much was not.
"""

import contextlib
import functools
import json
import os
import select
import signal
import sys
import time
from typing import TextIO

from pylingo.client.client import PATIENCE, Client
from pylingo.client.descriptor import OwnDescriptor, is_foreground
from pylingo.client.events import ClientEvent, NameWanted, Received, Refused, Status
from pylingo.client.lines import LineReader
from pylingo.client.local_commands import LOCAL
from pylingo.client.reconnect import RETRY
from pylingo.client.wording import date_line, local_day, not_confirmed, refused, why_no_connection, wording
from pylingo.reactor.engine.loop import EVENT_READ, Reactor
from pylingo.shared.address import show_address
from pylingo.shared.commands import BY_NAME, parse_line, parse_piped, unknown_command
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Help, Message, Say
from pylingo.shared.schema import Record, to_map
from pylingo.shared.text import printable, quote

LOOK_AGAIN = 1.0
"""Seconds after which to look whether the shell has us in the foreground again: it says nothing of that."""
_READ_SIZE = 65_536


class Plain:
    """One run of the plain client. `run` returns the exit status. With `only_text` no line is a command."""

    def __init__(
        self,
        host: str,
        port: int,
        name: str | None,
        room: str | None,
        as_json: bool = False,
        retry: float = RETRY,
        insist: bool = False,
        only_text: bool = False,
        stdin: int = 0,
    ) -> None:
        self._host = host
        self._port = port
        self._as_json = as_json
        self._only_text = only_text
        self._stdin = stdin
        self._is_terminal = os.isatty(stdin)  # somebody types, and sees what is refused
        self._commands = set(BY_NAME)  # those that there are, as far as we know
        self._own: OwnDescriptor | None = None  # the same terminal once more: Ctrl+C throws away what was typed
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
            on_event=self._happened,
            drained=self._go_on_reading,
        )
        self._day = local_day(time.time_ns() // 1_000)  # of the last message, at first today
        self._was_online = False
        self._told = False  # whether this loss of the connection was mentioned
        self._leaving = False
        self._polite = False  # whether the person wanted to go: then it is no failure if the server was quicker
        self._interrupted = False
        self._status = 0

    def run(self) -> int:
        """Talk until the input, the server or the person ends it; returns the exit status."""
        self._client.connect()
        if self._is_terminal:
            with contextlib.suppress(OSError):  # it may be for reading alone: that will do
                self._own = OwnDescriptor(self._stdin)
                self._stdin = self._own.fileno()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            interrupt = functools.partial(self._interrupt, number)
            self._reactor.on_signal(number, interrupt, unless_ignored=number != signal.SIGTERM)
        self._reactor.run()
        self._reactor.close()
        if self._own is not None:
            self._own.close()
        return self._status

    # --- the connection

    def _happened(self, event: ClientEvent) -> None:
        match event:
            case Received(record):
                self._show(record)
            case Refused(request, error) if not self._is_terminal:  # on a terminal, the error was shown
                self._refuse(refused(request, error))
            case NameWanted(str(wanted)):
                name = self._client.conversation.name
                self._note(f"you are {name}, wanted {wanted}: it is asked for again until it is free")
            case Status():
                self._changed(event)

    def _show(self, record: Record) -> None:
        if isinstance(record, Help):
            self._commands |= {info.name for info in record.commands}
        lines = [json.dumps(to_map(record))] if self._as_json else [*self._date(record), *wording(record)]
        for line in lines:
            self._print(line, sys.stdout)
        self._go_on_reading()

    def _date(self, record: Record) -> list[str]:
        """The line with the date, before a message of another day than the one before."""
        day = local_day(record.at) if isinstance(record, Message) else self._day
        if day == self._day:
            return []
        self._day = day
        return [date_line(day)]

    def _changed(self, status: Status) -> None:
        where = show_address(self._host, self._port)
        match status.state:
            case "online":
                if self._told and self._was_online:
                    self._note(f"connected to {where} again")
                self._was_online = True
                self._go_on_reading()
            case "waiting" if not self._told:
                self._told = True
                again = "trying to come back" if self._was_online else "trying again"
                self._note(f"{self._why(status.error, where)}; {again}")
            case "over":
                goodbye = self._client.goodbye
                words = []
                if not self._polite and (goodbye is None or goodbye.reason != "close"):
                    words.append(self._why(status.error, where))
                if self._client.unconfirmed:
                    words.append(not_confirmed("line", self._client.unconfirmed))
                if words:
                    self._fail("; ".join(words))
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
        if self._is_terminal and not is_foreground(self._stdin):  # it is the shell's, and reading it would stop us
            self._pause_input()
            self._reactor.call_later(LOOK_AGAIN, self._go_on_reading)
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
        self._leave(PATIENCE)

    def _typed(self, line: str | RequestError) -> None:
        if self._leaving:
            return
        try:
            if isinstance(line, RequestError):
                raise line
            match self._meant(line):
                case Say(text):
                    self._client.say(text)
                case Command("close", None):
                    self._leave()
                case Command(name, argument):
                    self._client.command(name, argument)
        except RequestError as error:
            is_named = line is error or self._is_terminal
            self._refuse(error.text if is_named else f"the line {quote(str(line))} was not sent: {error.text}")

    def _meant(self, line: str) -> Say | Command | None:
        """What a line means. Raises `RequestError` for a command, typed on a terminal, that there is not."""
        if self._only_text:
            return Say(line) if line.strip() else None
        if not self._is_terminal:
            return parse_piped(line)
        meant = parse_line(line)
        if not isinstance(meant, Command) or meant.name in self._commands:
            return meant
        if meant.name == "quit":
            return Command("close", meant.argument)
        if meant.name in {info.name for info in LOCAL}:
            raise RequestError("unknown-command", f"/{meant.name} is a command of the window, and this is plain mode")
        raise unknown_command(meant.name)

    def _end_of_input(self) -> None:
        self._leave()

    # --- leaving

    def _leave(self, patience: float | None = None) -> None:
        """Say goodbye when the server has confirmed all that was read, or after `patience` seconds."""
        if self._reading:
            self._pause_input()
        self._leaving = True
        self._client.close(patience)

    def _interrupt(self, number: int) -> None:
        """The first signal leaves politely, a second one at once."""
        self._polite = True
        if self._interrupted or not (self._client.is_connected or self._client.unconfirmed):
            self._status = 128 + number
            self._client.stop()
            return
        self._interrupted = True
        for line in self._reader.finish():
            self._typed(line)
        self._leave(PATIENCE)

    def _refuse(self, sentence: str) -> None:
        if self._is_terminal:
            self._note(sentence)
        else:
            self._fail(sentence)

    # --- words

    def _note(self, sentence: str) -> None:
        self._print(f"pylingo: {printable(sentence)}", sys.stderr)

    def _fail(self, sentence: str) -> None:
        self._status = self._status or 1
        self._note(sentence)

    def _print(self, line: str, stream: TextIO) -> None:
        """Write a line, waiting for whoever reads it, but not longer than until a signal comes.

        The descriptor stays blocking, as others may have it, too. A pipe that takes something takes `PIPE_BUF` bytes.
        """
        rest = f"{line}\n".encode(stream.encoding, "replace")
        try:
            while rest:
                if not self._reactor.wait_writable(stream.fileno()):  # nobody reads, and we are to go
                    _discard(stream)
                    return
                with contextlib.suppress(BlockingIOError):  # a parent may have made it non-blocking
                    rest = rest[os.write(stream.fileno(), rest[: select.PIPE_BUF]) :]
        except OSError:  # nobody reads us any more
            self._status = self._status or 1
            self._polite = True
            _discard(stream)
            self._leave(PATIENCE)


def _discard(stream: TextIO) -> None:
    """Have all that is written to `stream` from now on go nowhere."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
