"""One run of the client on a terminal. A reactor joins the connection, the terminal and the signals; no threads.

Everything that happens goes through `update`, which returns effects. Carrying them out is the window's only other job,
apart from signals and job control.
"""

import contextlib
import dataclasses
import functools
import gc
import math
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from pylingo.client.access import Access, for_person
from pylingo.client.client import Client
from pylingo.client.events import Received, Status
from pylingo.client.options import ClientOptions
from pylingo.client.prompt import ask_secret
from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffers import of_rooms
from pylingo.client.terminal.capabilities import read_capabilities
from pylingo.client.terminal.display import Display
from pylingo.client.terminal.effects import Effects
from pylingo.client.terminal.external_editor import ExternalEditor
from pylingo.client.terminal.files import matching_files
from pylingo.client.terminal.input_events import InputEvent, Key
from pylingo.client.terminal.input_reader import InputReader
from pylingo.client.terminal.key_table import FIRST_WORDS
from pylingo.client.terminal.model import Do, Edited, Event, Interrupted, Model, Pasting, Report, SecondPassed
from pylingo.client.terminal.questions import answer
from pylingo.client.terminal.tty import Tty, stop_group
from pylingo.client.terminal.update import update
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.address import show_address
from pylingo.shared.launch import LaunchError
from pylingo.shared.messages import Invitation
from pylingo.shared.text import counted

INTERRUPT, QUIT = Key("ctrl-c"), Key("ctrl-\\")
"""Keys for which a terminal would send a signal. We read them as keys, so that they are harmless in a paste."""


class Window:
    """See the module. `remember` saves preferences that the person has changed.

    `kind` is the terminal's type. The status row shows `hint` until the first key. `rooms` are entered, the first one
    is shown; `seen` has the newest stamp that was seen in each in an earlier run. `keep` saves both for the next run.
    In the run that `is_first`, a line says where to find out more. `past` are the lines that were entered in earlier
    runs, the oldest first, and `keep_line`, if given, gets each further one.
    """

    def __init__(
        self,
        options: ClientOptions,
        remember: Callable[[Preferences], None],
        kind: str,
        hint: str = "",
        fd: int = 0,
        *,
        access: Access | None = None,
        rooms: Sequence[str] | None = None,
        seen: Mapping[str, int] = MappingProxyType({}),
        keep: Callable[[Sequence[str], Mapping[str, int]], None] = lambda rooms, seen: None,
        is_first: bool = False,
        past: Sequence[str] = (),
        keep_line: Callable[[str], None] | None = None,
    ) -> None:
        self._trouble = options.trouble
        self._is_first = is_first
        self._reactor = Reactor(on_error=self._failed)
        host, port, name = options.host, options.port, options.name
        if rooms is None:
            rooms = [options.room] if options.room is not None else []
        self._client = Client(
            host,
            port,
            name,
            next(iter(rooms), None),
            rooms=rooms[1:],
            seen=seen,
            retry=math.inf,
            insist=True,
            reactor=self._reactor,
            on_event=self._happen,
            access=access or for_person(options, ask_secret),
        )
        terminal = read_capabilities(kind)
        self.model = Model(show_address(host, port), options.preferences, hint=hint, buffers=of_rooms(rooms, seen))
        self.model.keeps_lines = keep_line is not None
        for buffer in self.model.buffers:
            buffer.editor.begin_with(past)
        self.model.list_files = matching_files
        self.model.is_encrypted = self._client.is_encrypted
        self.model.marks = self._client.conversation.marks
        self._input = InputReader(self._reactor, terminal.keys, self._pressed)
        self._display = Display(self._reactor, self.model, terminal, self._typed, self._happen, fd)
        self._editor = ExternalEditor(fd, self._edited, self._display.spoil)
        self._asks_password_later = False
        self._effects = Effects(
            self.model,
            self._client,
            self._display,
            remember=remember,
            keep=keep,
            keep_line=keep_line or (lambda line: None),
            take=self._take,
            suspend=self._suspend,
            ask_password=lambda: self._reactor.call_soon(self._ask_password),
            edit=self._edit,
            exit_=self._reactor.stop,
            happen=self._happen,
            happen_soon=lambda event: self._reactor.call_soon(self._happen, event),
        )
        self._status = 0
        self._bug: Exception | None = None

    def run(self) -> int:
        """Chat until the person, the server or the system ends it. Returns the exit status.

        An unexpected exception is raised here, after the terminal was restored.
        """
        self._client.connect()
        try:
            self._handle_signals()
            try:
                self._display.take()
            except OSError as error:
                raise LaunchError(f"the terminal cannot be used: {error.strerror}", status=1) from None
            gc.enable()  # the start is over, see `chat`
            if self._is_first:
                self._happen(Report(FIRST_WORDS[self.model.preferences.layout]))
            if self._trouble is not None:
                self._tell(self._trouble)
            self._second_passed()
            self._reactor.run()
        finally:
            self._editor.close()
            self._display.end()
            self._effects.carry_out(Do.KEEP_PLACES)
            self._effects.close()
            self._reactor.close()
        if self._bug is not None:
            raise self._bug
        if unsent := sum(len(buffer.scrollback.unsent) for buffer in self.model.buffers):
            words = f"pylingo: {counted(unsent, 'of your messages was', 'of your messages were')} not sent"
            with contextlib.suppress(OSError):  # the terminal is gone
                print(words, file=sys.stderr)
            return self._status or 1
        return self._status

    def _happen(self, event: Event) -> None:
        if isinstance(event, Status):
            self.model.is_encrypted = self._client.is_encrypted  # one address may be on loopback, and another one not
        if isinstance(event, Received) and isinstance(event.record, Invitation):
            link = self._client.invitation_link(event.record.code)
            event = Received(dataclasses.replace(event.record, code=link))
        for effect in update(self.model, event, self._reactor.clock(), time.time_ns() // 1_000):
            self._effects.carry_out(effect)
        self._display.paint_soon()

    def _second_passed(self) -> None:
        self._take()  # a shell sends no signal when it brings a running program to the foreground
        self._happen(SecondPassed())
        self._reactor.call_later(1.0, self._second_passed)

    def _failed(self, source: object, error: Exception) -> None:
        """End the program after an unexpected exception. A lack of memory costs only the connection that needed it."""
        if not isinstance(error, MemoryError) or isinstance(source, Tty):  # without input, nobody could end it
            self._bug = self._bug or error
            self._reactor.stop()

    # --- input

    def _typed(self, data: bytes) -> None:
        if not data:
            self._end_of_input()
        elif self._display.has_lines:
            self._input.feed_lines(data, self._answer, self._tell)
        else:
            self._input.feed(data)
            if self._input.decoder.is_pasting:
                self._happen(Pasting())

    def _answer(self, line: str) -> list[InputEvent] | None:
        return answer(self.model.question, line) if self.model.question is not None else None

    def _tell(self, why: str) -> None:
        self._happen(Report(why, is_error=True))

    def _pressed(self, events: list[InputEvent]) -> None:
        for event in events:
            if event == QUIT or (event == INTERRUPT and self.model.is_leaving):
                self._interrupted(signal.SIGQUIT if event == QUIT else signal.SIGINT)
            else:
                self._happen(event)
        self._display.paint()

    def _end_of_input(self) -> None:
        """The terminal is gone or, if it edits lines, the person typed Ctrl+D."""
        if self._display.has_lines and not self.model.is_leaving:
            self._happen(Interrupted())
        else:
            self._hung_up()

    # --- signals and job control

    def _handle_signals(self) -> None:
        on_signal = self._reactor.on_signal
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            on_signal(number, functools.partial(self._interrupted, number), unless_ignored=number != signal.SIGTERM)
        on_signal(signal.SIGHUP, self._hung_up, unless_ignored=True)
        on_signal(signal.SIGTSTP, self._suspend, unless_ignored=True)
        on_signal(signal.SIGCONT, self._continued)
        on_signal(signal.SIGCHLD, self._editor.look)
        on_signal(signal.SIGWINCH, lambda: self._happen(self._display.size()))

    def _interrupted(self, number: int) -> None:
        """Leave politely; the second time, and after SIGQUIT, end at once."""
        if self.model.is_leaving or number == signal.SIGQUIT:
            self._status = 128 + number
            self._reactor.stop()
        else:
            is_answer = number == signal.SIGINT and self._display.has_lines and self.model.question is not None
            self._happen(INTERRUPT if is_answer else Interrupted())

    def _hung_up(self) -> None:
        """The terminal is gone. Say goodbye to the server, so that the name becomes free at once."""
        self._status = 128 + signal.SIGHUP
        self._display.give_up()
        if not self.model.is_leaving:
            self._happen(Interrupted())

    def _ask_password(self) -> None:
        """Give the terminal back while the person types the server's password, which must not be seen."""
        if self._client.status.state != "over" or self.model.is_leaving:
            return
        self._asks_password_later = self._editor.is_in_front
        if self._asks_password_later:
            return
        self._display.leave()
        try:
            password = ask_secret(f"Password of {self.model.server} (empty: none): ")
        except (LaunchError, KeyboardInterrupt):
            password = ""
        self._take()
        if password:
            self._client.set_password(password)
            self._client.connect()

    def _edit(self, text: str) -> None:
        """Give the terminal to the person's editor. The connection goes on."""
        self._display.leave()
        try:
            self._editor.start(text)
        except (OSError, ValueError) as error:
            self._edited(Edited(None, str(error)))

    def _edited(self, event: Edited) -> None:
        self._take()
        self._happen(event)
        if self._asks_password_later:
            self._ask_password()

    def _suspend(self) -> None:
        self._display.leave()
        if not stop_group():
            self.model.hint = "no shell can resume this program, so it was not suspended"
            self._take()

    def _continued(self) -> None:
        """The process was stopped and continued, perhaps in the background, perhaps by SIGSTOP without notice."""
        if self._editor.is_in_front:
            self._editor.resume()
            return
        self._display.release()
        self._take()

    def _take(self) -> None:
        """Take the terminal, if it is ours again."""
        try:
            if not self._editor.is_in_front:
                self._display.take()
        except OSError:  # the window was closed meanwhile
            self._hung_up()
