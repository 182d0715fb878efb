"""The terminal as the window uses it: taken, painted, and given back to the shell.

After a key it is painted at once, otherwise at most every `FRAME` seconds, and never while the terminal has not taken
the last frame.
"""

import contextlib
import math
import os
from collections.abc import Callable

from pylingo.client.terminal.bare import Bare
from pylingo.client.terminal.capabilities import Capabilities
from pylingo.client.terminal.inline import Inline
from pylingo.client.terminal.input_events import Focus
from pylingo.client.terminal.model import Model, Notify, Resized
from pylingo.client.terminal.notifications import carrier, notification
from pylingo.client.terminal.painter import Painter, as_usual
from pylingo.client.terminal.printer import Printer
from pylingo.client.terminal.theme import make_theme
from pylingo.client.terminal.tty import Tty
from pylingo.client.terminal.window_title import POP, PUSH, has_title, set_title, title_words
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer

FRAME = 0.016  # seconds between two frames, except after a key


class Display:
    """See the module. `typed(data)` gets the input. `happen` gets what the display finds: another size, the focus."""

    def __init__(
        self,
        reactor: Reactor,
        model: Model,
        terminal: Capabilities,
        typed: Callable[[bytes], object],
        happen: Callable[[Resized | Focus], object],
        fd: int,
    ) -> None:
        self._reactor = reactor
        self._model = model
        self._terminal = terminal
        self._happen = happen
        self._tty = Tty(reactor, typed, self.paint_soon, fd)
        self._painter = self._make_painter()
        self._is_given_up = False
        self._was_released = False  # without an end to what the painter had begun
        self._is_spoiled = False  # by a program that was killed
        self._painted_at = -math.inf
        self._timer: Timer | None = None
        self._bell = self._notification = ""  # for the next frame
        self._has_title = has_title(os.environ.get("TERM", ""))
        self._title = ""  # which the terminal shows
        self._is_title_kept = False  # whether the terminal remembers the title from before

    @property
    def has_lines(self) -> bool:
        """Whether the terminal edits the input and passes on whole lines, as in the layout `plain`."""
        return isinstance(self._painter, Printer)

    def size(self) -> Resized:
        return Resized(*self._tty.size())

    # --- taking the terminal and giving it back

    def take(self) -> None:
        """Take the terminal, unless it is taken, given up or still the shell's. Raises `OSError` if it is gone."""
        if self._tty.is_held or self._is_given_up or not self._tty.is_foreground:
            return
        self._painter = self._make_painter()
        self._tty.enter(by_key=not self.has_lines)
        if self._was_released and not self.has_lines:
            self._tty.write(f"{self._terminal.keyboard[1]}\r{self._terminal.clear_eol}")
        self._was_released = False
        if self._is_spoiled:
            self._tty.write(as_usual(self._terminal))
        self._is_spoiled = False
        self._tty.write(self._painter.enter() + self._keep_title())
        self._happen(Focus(True))  # without the focus, nobody could have brought us here
        self._notification = ""
        self.paint()

    def leave(self) -> None:
        """Restore the terminal, until `take`."""
        title, self._is_title_kept = POP if self._is_title_kept else "", False
        self._tty.leave(self._painter.leave() + title)

    def release(self) -> None:
        """Leave the terminal as it is to the shell, until `take`: the process was stopped and continued."""
        self._was_released = self._tty.is_held
        self._tty.release()

    def spoil(self) -> None:
        """Another program had the terminal and was killed: bring it to its usual state with the next `take`."""
        self._is_spoiled = True

    def end(self) -> None:
        """Restore the terminal at the end of this program, even if another program that had it was killed."""
        if self._is_spoiled:
            with contextlib.suppress(OSError):  # it is gone
                self.take()
        self.leave()

    def give_up(self) -> None:
        """Restore the terminal for good."""
        self.leave()
        self._is_given_up = True

    # --- painting

    def ring(self) -> None:
        """Ring the bell with the next frame."""
        self._bell = "\a"

    def notify(self, note: Notify) -> None:
        """Show a notification with the next frame."""
        self._notification = notification(note, carrier(os.environ, self._model.preferences.notify_with))

    def change_layout(self) -> bool:
        """Prepare to paint everything again. Returns whether `take` must follow, because the layout is another one."""
        painter = self._make_painter()
        if type(self._painter) is type(painter):
            self._painter.forget(self._make_theme())
            return False
        self.leave()
        if isinstance(self._painter, Painter) and isinstance(painter, Inline | Printer):
            for buffer in self._model.buffers:
                buffer.scrollback.print_last(self._model.rows)
        return True

    def paint_soon(self) -> None:
        """Paint when the next frame is due."""
        if self._timer is None:
            delay = max(0.0, self._painted_at + FRAME - self._reactor.clock())
            self._timer = self._reactor.call_later(delay, self.paint)

    def paint(self) -> None:
        """Paint now, if the terminal is ours and has taken the last frame."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._tty.is_held or self._tty.is_busy:
            return
        size = self.size()
        if size != Resized(self._model.columns, self._model.rows):  # a key may come before the signal for the new size
            self._happen(size)
        now = self._reactor.clock()
        frame = self._painter.frame(self._model, now)
        self._painted_at = now
        if output := self._bell + self._notification + self._new_title() + frame:
            self._tty.write(output)
        self._bell = self._notification = ""
        if self._painter.is_behind:
            self.paint_soon()

    def _keep_title(self) -> str:
        """The output that has the terminal remember its title, once until `leave`."""
        self._title = ""
        if self.has_lines or not self._has_title or self._is_title_kept:
            return ""
        self._is_title_kept = True
        return PUSH

    def _new_title(self) -> str:
        """The output that changes the title, if it is another one."""
        words = title_words(self._model) if self._is_title_kept else ""
        if words == self._title:
            return ""
        self._title = words
        return set_title(words)

    def _make_painter(self) -> Painter | Inline | Printer | Bare:
        if self._model.is_bare:
            return Bare(self._terminal)
        layout = self._model.preferences.layout
        if layout == "plain":
            return Printer()
        theme = self._make_theme()
        return Inline(self._terminal, theme) if layout == "inline" else Painter(self._terminal, theme)

    def _make_theme(self) -> dict[str, str]:
        likes = self._model.preferences
        has_colors = likes.colors and not os.environ.get("NO_COLOR")
        return make_theme(self._terminal, has_colors, likes.theme, likes.styles)
