"""One run of the client on a terminal: the edges joined by one reactor. No threads, no waiting but in the loop.

What happens goes through `update`, what is wanted comes back as effects, and what is to be seen is painted: after a
key at once, otherwise at most every 16 ms, and never while the terminal has not taken the last frame.
"""

import contextlib
import functools
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from pylingo.client.client import Client, Status
from pylingo.client.connection import why_no_connection
from pylingo.client.lines import LineReader
from pylingo.client.settings import Preferences
from pylingo.client.terminal.capabilities import Capabilities, read_capabilities
from pylingo.client.terminal.inline import Inline
from pylingo.client.terminal.input_events import InputEvent, Key, Text
from pylingo.client.terminal.keys import KeyDecoder
from pylingo.client.terminal.model import (
    Ask,
    Bell,
    Connection,
    Done,
    Event,
    Failure,
    Gap,
    Interrupted,
    Leave,
    Model,
    Pasting,
    Received,
    Reconnect,
    Refused,
    Remember,
    Repaint,
    Resized,
    SendCommand,
    Shown,
    Speak,
    Suspend,
    Tick,
    Transcribe,
    Wanted,
)
from pylingo.client.terminal.painter import Painter
from pylingo.client.terminal.paste_detection import PasteDetector
from pylingo.client.terminal.printer import Printer
from pylingo.client.terminal.theme import make_theme
from pylingo.client.terminal.transcript import Transcript
from pylingo.client.terminal.tty import Tty, stop_group
from pylingo.client.terminal.update import update
from pylingo.client.unanswered import Refusal
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.shared.address import show_address
from pylingo.shared.errors import RequestError
from pylingo.shared.launch import LaunchError
from pylingo.shared.messages import Say
from pylingo.shared.schema import Record

FRAME = 0.016
"""Seconds between two frames at least, but for those after a key."""
SECOND = 1.0
PATIENCE = 2.0
"""Seconds that leaving may take before the connection is given up."""
_SIGNALS: dict[InputEvent, int] = {Key("ctrl-c"): signal.SIGINT, Key("ctrl-\\"): signal.SIGQUIT}
"""Keys that mean what a terminal would make of them. We read them as keys, so that in a paste they are none."""


class Window:
    """See the module. `remember` keeps the preferences when the person has changed them.

    `kind` is of which kind the terminal is. `hint` is in the status row until the first key, and `troubles` are shown.
    """

    def __init__(
        self,
        host: str,
        port: int,
        name: str | None,
        room: str | None,
        preferences: Preferences,
        remember: Callable[[Preferences], None],
        kind: str,
        hint: str = "",
        troubles: Sequence[str] = (),
        fd: int = 0,
    ) -> None:
        self._remember = remember
        self._troubles = troubles
        self._reactor = Reactor()
        self._client = Client(
            host,
            port,
            name,
            room,
            retry=math.inf,
            insist=True,
            reactor=self._reactor,
            show=self._show,
            changed=self._changed,
            on_refusal=self._refused,
        )
        self._tty = Tty(self._reactor, self._typed, self._paint_soon, fd)
        self._terminal = read_capabilities(kind)
        self._decoder = KeyDecoder(self._terminal.keys)
        self.model = Model(show_address(host, port), preferences, hint=hint)
        self._painter = _make_painter(self.model, self._terminal)
        self._painted_at = -math.inf
        self._paint_timer: Timer | None = None
        self._patience: Timer | None = None
        self._bursts = PasteDetector()
        self._wants_terminal = True
        self._lines = LineReader()
        self._gaps = 0
        self._bell = ""
        self._transcript = Transcript()
        self._status = 0
        self._bug: BaseException | None = None

    def run(self) -> int:
        """Talk until the person, the server or the system ends it; returns the exit status.

        What is raised by a mistake of ours is raised here, after the terminal was brought back.
        """
        self._client.connect()
        catcher = _Catcher(self._caught)
        logging.getLogger().addHandler(catcher)
        try:
            self._handle_signals()
            try:
                self._enter()
            except OSError as error:
                raise LaunchError(f"the terminal cannot be used: {error.strerror}", status=1) from None
            for trouble in self._troubles:
                self._happen(Failure(trouble))
            self._tick()
            self._reactor.run()
        finally:
            self._leave()
            self._transcript.end()
            logging.getLogger().removeHandler(catcher)
            self._reactor.close()
        if self._bug is not None:
            raise self._bug
        if unsent := len(self.model.scrollback.unsent):
            words = f"pylingo: {unsent} of your messages {'was' if unsent == 1 else 'were'} not sent"
            with contextlib.suppress(OSError):  # the terminal is gone
                print(words, file=sys.stderr)
            return self._status or 1
        return self._status

    # --- the terminal

    def _enter(self) -> None:
        """Take the terminal; while it is the shell's, a later tick does."""
        if not self._tty.is_foreground:
            return
        self._tty.enter(by_key=not self._is_plain)
        self._tty.write(self._painter.enter())
        self._paint()

    @property
    def _is_plain(self) -> bool:
        return isinstance(self._painter, Printer)

    def _leave(self) -> None:
        self._tty.leave(self._painter.leave())

    def _handle_signals(self) -> None:
        on_signal = self._reactor.on_signal
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            on_signal(number, functools.partial(self._interrupted, number), unless_ignored=number != signal.SIGTERM)
        on_signal(signal.SIGHUP, self._hung_up, unless_ignored=True)
        on_signal(signal.SIGTSTP, self._suspend, unless_ignored=True)
        on_signal(signal.SIGCONT, self._continued)
        on_signal(signal.SIGWINCH, lambda: self._happen(Resized(*self._tty.size())))

    def _typed(self, data: bytes) -> None:
        if not data:
            self._end_of_input()
            return
        if self._is_plain:
            self._pressed([event for line in self._lines.feed(data) for event in self._line(line)])
            return
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._pressed(self._decoder.feed(data))
        if self._decoder.is_pasting:
            self._happen(Pasting())
        if self._decoder.patience is not None:
            self._patience = self._reactor.call_later(
                self._decoder.patience, lambda: self._pressed(self._decoder.flush())
            )

    def _line(self, line: str | RequestError) -> list[InputEvent]:
        """What a whole line means, where the terminal has it: an answer, or what is to be said."""
        if isinstance(line, RequestError):
            self._happen(Failure(line.text))
            return []
        if self.model.question is not None:
            return [Key("enter" if line.strip().lower() in ("", "y", "yes") else "escape")]
        empty: list[InputEvent] = [Key("ctrl-e"), Key("ctrl-u")]  # of a line before that could not be sent
        return [*empty, Text(line), Key("enter")] if line else [*empty, Key("enter")]

    def _pressed(self, events: list[InputEvent]) -> None:
        for event in self._bursts.meant(events, self._reactor.clock()):
            number = _SIGNALS.get(event)
            if number is not None:
                self._interrupted(number)
            else:
                self._happen(event)
        self._paint()

    def _end_of_input(self) -> None:
        """The terminal is gone; or, where it has the line, the person wants to go."""
        if self._is_plain and not self.model.is_leaving:
            self._happen(Interrupted())
        else:
            self._hung_up()

    def _hung_up(self) -> None:
        """The terminal is gone. The server is told: else nobody could have the name until the seat is given up."""
        self._status = 128 + signal.SIGHUP
        self._leave()
        self._wants_terminal = False
        if not self.model.is_leaving:
            self._happen(Interrupted())

    def _interrupted(self, number: int) -> None:
        if self.model.is_leaving or number == signal.SIGQUIT:
            self._status = 128 + number
            self._reactor.stop()
        else:
            self._happen(Key("ctrl-c") if number == signal.SIGINT else Interrupted())

    def _suspend(self) -> None:
        self._leave()
        if not stop_group():
            self.model.hint = "there is no shell to come back from"
            self._return()

    def _continued(self) -> None:
        """We go on after a stop, perhaps in the background, and perhaps one that we did not see coming.

        The shell has its own modes and words on the screen.
        """
        self._tty.release()
        self._return()

    def _return(self) -> None:
        """Take the terminal again, if it is not the shell's any more."""
        if self._tty.is_held or not self._wants_terminal:
            return
        self._painter = _make_painter(self.model, self._terminal)
        try:
            self._enter()
        except OSError:  # the window was closed meanwhile
            self._hung_up()

    # --- the connection

    def _show(self, record: Record) -> None:
        self._happen(Received(record))
        if self._client.conversation.gaps != self._gaps:
            self._gaps = self._client.conversation.gaps
            self._happen(Gap())
        if self._client.conversation.wanted != self.model.wanted:
            self._happen(Wanted(self._client.conversation.wanted))

    def _refused(self, refusal: Refusal) -> None:
        if isinstance(refusal.request, Say) and refusal.request.key is not None:
            self._happen(Refused(refusal.request.key))

    def _changed(self, status: Status) -> None:
        goodbye = self._client.goodbye
        why = why_no_connection(status.error, goodbye, self.model.where) if status.state != "online" else ""
        self._happen(Connection(status.state, status.delay, goodbye, why))
        if status.state == "over" and (self.model.is_leaving or (goodbye is not None and goodbye.reason == "close")):
            self._reactor.stop()

    def _tick(self) -> None:
        self._return()  # a shell says nothing to a program that it brings from the background to the front
        self._happen(Tick())
        self._reactor.call_later(SECOND, self._tick)

    # --- what happens, and what is wanted

    def _happen(self, event: Event) -> None:
        for effect in update(self.model, event, self._reactor.clock(), _microseconds):
            _EFFECTS[type(effect)](self, effect)
        self._paint_soon()

    def _speak(self, effect: Speak) -> None:
        self._client.say(effect.text, effect.key)

    def _order(self, effect: SendCommand) -> None:
        try:
            self._client.command(effect.name, effect.argument)
        except RequestError as error:
            self._happen(Failure(error.text))

    def _ask(self, effect: Ask) -> None:
        self._client.ask(effect.record)

    def _part(self, effect: Leave) -> None:
        self._client.close(PATIENCE)

    def _reconnect(self, effect: Reconnect) -> None:
        self._client.connect()

    def _ring(self, effect: Bell) -> None:
        self._bell = "\a"

    def _repaint(self, effect: Repaint) -> None:
        painter = _make_painter(self.model, self._terminal)
        if type(self._painter) is type(painter):
            self._painter.forget(make_theme(self._terminal, _has_colors(self.model)))
        else:
            self._leave()
            if not isinstance(painter, Painter):
                self.model.scrollback.print_last(self.model.rows)
            self._return()

    def _stop(self, effect: Suspend) -> None:
        self._suspend()

    def _keep(self, effect: Remember) -> None:
        try:
            self._remember(self.model.preferences)
        except (OSError, ValueError) as error:
            self._happen(Failure(f"this is not remembered: {error}"))

    def _transcribe(self, effect: Transcribe) -> None:
        trouble = self._transcript.begin(effect.path)
        if trouble is not None:
            self._happen(Failure(trouble))
        elif effect.path is not None:
            self._happen(Done(f"what is shown is written to {effect.path} from now on; /log alone ends that"))
        else:
            self._happen(Done("nothing is written to a file any more"))

    def _write_down(self, effect: Shown) -> None:
        trouble = self._transcript.write(effect.text)
        if trouble is not None:
            self._happen(Failure(trouble))

    # --- what is to be seen

    def _paint_soon(self) -> None:
        if self._paint_timer is None:
            delay = max(0.0, self._painted_at + FRAME - self._reactor.clock())
            self._paint_timer = self._reactor.call_later(delay, self._paint)

    def _paint(self) -> None:
        if self._paint_timer is not None:
            self._paint_timer.cancel()
            self._paint_timer = None
        if not self._tty.is_held or self._tty.is_busy:  # it is gone, or the shell's; or it says when it can take more
            return
        size = self._tty.size()
        if size != (self.model.columns, self.model.rows):  # a key may have come before the signal that says so
            self._happen(Resized(*size))
        now = self._reactor.clock()
        frame = self._painter.frame(self.model, now)
        self._painted_at = now
        bell, self._bell = self._bell, ""
        if frame or bell:
            self._tty.write(bell + frame)
        if self._painter.is_behind:
            self._paint_soon()

    def _caught(self, error: BaseException) -> None:
        self._bug = self._bug or error
        self._reactor.stop()


class _Catcher(logging.Handler):
    """The reactor logs what handlers raise and goes on, as a server must: here it is the end."""

    def __init__(self, caught: Callable[[BaseException], None]) -> None:
        super().__init__(logging.ERROR)
        self._caught = caught

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self._caught(record.exc_info[1])


def _make_painter(model: Model, terminal: Capabilities) -> Painter | Inline | Printer:
    if model.preferences.layout == "plain":
        return Printer()
    theme = make_theme(terminal, _has_colors(model))
    return Inline(terminal, theme) if model.preferences.layout == "inline" else Painter(terminal, theme)


def _has_colors(model: Model) -> bool:
    return model.preferences.colors and not os.environ.get("NO_COLOR")


def _microseconds() -> int:
    return time.time_ns() // 1_000


_EFFECTS: dict[type[Any], Callable[[Window, Any], None]] = {
    Speak: Window._speak,
    SendCommand: Window._order,
    Ask: Window._ask,
    Leave: Window._part,
    Reconnect: Window._reconnect,
    Bell: Window._ring,
    Repaint: Window._repaint,
    Suspend: Window._stop,
    Remember: Window._keep,
    Transcribe: Window._transcribe,
    Shown: Window._write_down,
}
