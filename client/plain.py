"""Plain mode: one line after another, without cursor movement. For pipes, scripts, screen readers and dumb terminals.

Lines of input are messages or commands, and each frame is printed as text or as one line of JSON. Messages go to the
current room, or to the one person that `--to` names. A lost connection is made again. At the end every line has been
confirmed by the server; otherwise the exit status is not 0 and a sentence says how many were not.
"""

import contextlib
import functools
import gc
import json
import os
import select
import signal
import sys
import time
from dataclasses import replace
from typing import TextIO

from pylingo.client.access import Access, for_person
from pylingo.client.client import PATIENCE, Client
from pylingo.client.disconnection import why_no_connection
from pylingo.client.events import ClientEvent, KeyChanged, NameWanted, PageReply, Received, Refused, Remark, Status
from pylingo.client.help_topics import explain
from pylingo.client.histories import INBOX, place_of
from pylingo.client.line_input import LineInput
from pylingo.client.local_commands import LOCAL
from pylingo.client.options import ClientOptions
from pylingo.client.plain_past import COMMANDS, PlainPast
from pylingo.client.prompt import ask_secret
from pylingo.client.wording import (
    date_line,
    key_changed,
    local_day,
    not_confirmed,
    refused,
    wording,
)
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.commands import BY_NAME, message_of, parse_line, parse_piped, unknown_command
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Help, Invitation, Message, Private, Say
from pylingo.shared.schema import Record, to_map
from pylingo.shared.text import printable, quote


class Plain:
    """One run of the plain client."""

    def __init__(self, options: ClientOptions, access: Access) -> None:
        self._options = options
        self._commands = dict(BY_NAME)  # the server's commands that we know of
        self._reactor = Reactor()
        self._client = Client(
            options.host,
            options.port,
            options.name,
            options.room,
            retry=options.retry,
            insist=options.insist,
            reactor=self._reactor,
            on_event=self._happened,
            drained=self._resume,
            access=access or for_person(options, ask_secret),
        )
        self._input = LineInput(
            self._reactor, 0, self._typed, lambda: self._client.is_full, self._resume, self._leave, self._input_failed
        )
        self._past = PlainPast(
            self._client.page,
            lambda line: self._print(line, sys.stdout),
            lambda: self._client.conversation.name,
            options.to,
        )
        self._day = local_day(time.time_ns() // 1_000)  # of the last message; at first, today
        self._was_online = False
        self._where = ""  # of the server where we were online last
        self._told = False  # whether a note has mentioned this loss of the connection
        self._leaving = False
        self._polite = False  # whether somebody asked us to end, so that a lost connection is no failure
        self._interrupted = False
        self._status = 0

    def run(self) -> int:
        """Chat until the input, the server or the person ends it. Returns the exit status."""
        gc.enable()  # the start is over, see `chat`
        self._client.connect()
        self._input.open()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            interrupt = functools.partial(self._interrupt, number)
            self._reactor.on_signal(number, interrupt, unless_ignored=number != signal.SIGTERM)
        self._reactor.run()
        self._reactor.close()
        self._input.close()
        return self._status

    # --- the connection

    def _happened(self, event: ClientEvent) -> None:
        match event:
            case Received(record):
                self._show(record)
            case Refused(request, error) if not self._input.is_terminal:  # on a terminal, the error was shown
                self._refuse(refused(request, error))
            case NameWanted(str(wanted)):
                name = self._client.conversation.name
                self._note(f"you are {name}, wanted {wanted}: it is asked for again until it is free")
            case KeyChanged():
                self._note(key_changed(event))
            case PageReply():
                self._show_page(event)
            case Remark(text):
                self._note(text)
            case Status():
                self._changed(event)

    def _show(self, record: Record) -> None:
        if isinstance(record, Help):
            self._commands |= {info.name: info for info in record.commands}
        lines = [json.dumps(to_map(record))] if self._options.as_json else [*self._date(record), *self._words(record)]
        for line in lines:
            self._print(line, sys.stdout)
        self._past.printed(record)
        self._resume()

    def _show_page(self, reply: PageReply) -> None:
        if self._options.as_json:
            self._print(json.dumps(to_map(reply.record)), sys.stdout)
        else:
            self._past.received(reply)

    def _words(self, record: Record) -> list[str]:
        """The lines for a frame. In several rooms, what somebody else did in one of them begins with its name."""
        if isinstance(record, Invitation):
            record = replace(record, code=self._client.invitation_link(record.code))
        lines = wording(record, self._client.conversation.name, self._client.conversation.marks)
        place = place_of(record)
        if lines and place not in (None, INBOX) and len(self._client.conversation.rooms) > 1:
            lines[0] = f"[{printable(getattr(record, 'room', place))}] {lines[0]}"
        return lines

    def _date(self, record: Record) -> list[str]:
        """The line with the date, before the first message of another day."""
        day = local_day(record.at) if isinstance(record, Message | Private) else self._day
        if day == self._day:
            return []
        self._day = day
        return [date_line(day)]

    def _changed(self, status: Status) -> None:
        match status.state:
            case "online":
                if self._was_online and (self._told or status.where != self._where):
                    self._note(f"connected to {status.where}{' again' * (status.where == self._where)}")
                self._was_online, self._told, self._where = True, False, status.where
                self._resume()
            case "waiting" if not self._told:
                self._told = True
                again = "trying to come back" if self._was_online else "trying again"
                self._note(f"{self._why(status)}; {again}")
            case "over":
                words = []
                if not self._polite and (status.goodbye is None or status.goodbye.reason != "close"):
                    words.append(self._why(status))
                if self._client.unconfirmed:
                    words.append(not_confirmed("line", self._client.unconfirmed))
                if words:
                    self._fail("; ".join(words))
                self._reactor.stop()

    def _why(self, status: Status) -> str:
        return why_no_connection(status.error, status.goodbye, status.where)

    # --- the input

    def _resume(self) -> None:
        """Read input, unless the server has to take earlier lines first."""
        if self._was_online and not self._leaving and not self._input.is_reading and not self._client.is_full:
            self._input.resume()

    def _input_failed(self) -> None:
        self._status = 1
        self._leave(PATIENCE)

    def _typed(self, line: str | RequestError) -> None:
        if self._leaving:
            return
        try:
            if isinstance(line, RequestError):
                raise line
            match self._meant(line):
                case Say() as say:
                    self._client.say(say.text, to=say.to or self._options.to, action=bool(say.action))
                case Command("close", None):
                    self._leave()
                case Command("help", str(topic)) if self._input.is_terminal and not self._options.as_json:
                    self._print(explain(topic, self._commands), sys.stdout)
                case Command(name, argument) if name in COMMANDS and self._input.is_terminal:
                    self._look_back(name, argument)
                case Command(name, argument):
                    self._client.command(name, argument)
        except RequestError as error:
            is_named = line is error or self._input.is_terminal
            self._refuse(error.text if is_named else f"the line {quote(str(line))} was not sent: {error.text}")

    def _look_back(self, name: str, argument: str | None) -> None:
        """Print older messages. Raises `RequestError`."""
        if self._client.status.state != "online":
            raise RequestError("offline", "not connected: older messages can be read once the connection is back")
        conversation = self._client.conversation
        self._past.run(name, argument, conversation.room, conversation.features)

    def _meant(self, line: str) -> Say | Command | None:
        """The meaning of a line. Raises `RequestError` for an unknown command that was typed on a terminal."""
        if self._options.only_text:
            return Say(line) if line.strip() else None
        meant = parse_line(line) if self._input.is_terminal else parse_piped(line)
        if not isinstance(meant, Command):
            return meant
        if meant.name in self._commands or not self._input.is_terminal:
            return message_of(meant) or meant
        if meant.name in COMMANDS:
            return meant
        if meant.name == "quit":
            return Command("close", meant.argument)
        if meant.name in {info.name for info in LOCAL}:
            raise RequestError("unknown-command", f"/{meant.name} is a command of the window, and this is plain mode")
        raise unknown_command(meant.name, self._commands)

    # --- leaving

    def _leave(self, patience: float | None = None) -> None:
        """Say goodbye when the server has confirmed every line, or after `patience` seconds."""
        self._input.pause()
        self._leaving = True
        self._client.close(patience)

    def _interrupt(self, number: int) -> None:
        """Leave politely at the first signal, and at once at the second."""
        self._polite = True
        if self._interrupted or not (self._client.is_connected or self._client.unconfirmed):
            self._status = 128 + number
            self._client.stop()
            return
        self._interrupted = True
        self._input.finish()
        self._leave(PATIENCE)

    def _refuse(self, sentence: str) -> None:
        (self._note if self._input.is_terminal else self._fail)(sentence)

    # --- words

    def _note(self, sentence: str) -> None:
        self._print(f"pylingo: {printable(sentence)}", sys.stderr)

    def _fail(self, sentence: str) -> None:
        self._status = self._status or 1
        self._note(sentence)

    def _print(self, line: str, stream: TextIO) -> None:
        """Write a line, and wait until it is taken or a signal comes.

        The descriptor stays blocking because other processes may share it. A writable pipe takes `PIPE_BUF` bytes.
        """
        rest = f"{line}\n".encode(stream.encoding, "replace")
        try:
            while rest:
                if not self._reactor.wait_writable(stream.fileno()):  # nobody reads, and a signal tells us to end
                    _discard(stream)
                    return
                with contextlib.suppress(BlockingIOError):  # another process may have made it non-blocking
                    rest = rest[os.write(stream.fileno(), rest[: select.PIPE_BUF]) :]
        except OSError:  # the reader is gone
            self._status = self._status or 1
            self._polite = True
            _discard(stream)
            self._leave(PATIENCE)


def _discard(stream: TextIO) -> None:
    """Send everything written to `stream` from now on to the null device."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
