"""Carries out the effects that `update` asks for: on the connection, on the display, on files."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pylingo.client.client import Client
from pylingo.client.events import Refused
from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffers import places
from pylingo.client.terminal.display import Display
from pylingo.client.terminal.model import (
    AcceptCertificate,
    AskPage,
    Do,
    Edit,
    Effect,
    Event,
    KeepLine,
    Model,
    Notify,
    Query,
    Report,
    SearchGoesOn,
    SendCommand,
    Shown,
    Speak,
    Transcribe,
)
from pylingo.client.terminal.transcript import Transcript
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Error, Say
from pylingo.shared.text import printable

PATIENCE = 2.0  # seconds that leaving may take before the connection is given up


class Effects:
    """See the module. `take`, `suspend`, `ask_password` and `edit` are about the terminal; `exit_` ends the program.

    `happen` gets an event for what failed, or was done without anything else to show it. `happen_soon` lets an event
    happen after everything that waits to be handled.
    """

    def __init__(
        self,
        model: Model,
        client: Client,
        display: Display,
        *,
        remember: Callable[[Preferences], None],
        keep: Callable[[Sequence[str], Mapping[str, int]], None],
        keep_line: Callable[[str], None],
        take: Callable[[], object],
        suspend: Callable[[], object],
        ask_password: Callable[[], object],
        edit: Callable[[str], object],
        exit_: Callable[[], object],
        happen: Callable[[Event], object],
        happen_soon: Callable[[Event], object],
    ) -> None:
        self._model = model
        self._display = display
        self._remember = remember
        self._keep = keep
        self._kept: tuple[list[str], dict[str, int]] | None = None
        self._has_kept = True
        self._keep_line = keep_line
        self._has_kept_line = True
        self._take = take
        self._happen = happen
        self._transcript = Transcript()
        self.handlers: dict[type[Any] | Do, Callable[[Any], object]] = {
            Speak: lambda effect: self._speak(client, effect),
            SendCommand: lambda effect: self._send_command(client, effect),
            Query: lambda effect: client.query(effect.name, room=effect.room),
            AskPage: lambda effect: client.page(effect.request),
            Do.SEARCH_ON: lambda effect: happen_soon(SearchGoesOn()),
            Do.PING: lambda effect: client.ping(),
            Do.LEAVE: lambda effect: client.close(PATIENCE),
            Do.RECONNECT: lambda effect: client.connect(),
            Do.EXIT: lambda effect: exit_(),
            Do.BELL: lambda effect: display.ring(),
            Notify: display.notify,
            Do.REPAINT: self._repaint,
            AcceptCertificate: lambda effect: client.accept_certificate(effect.fingerprint),
            Do.ASK_PASSWORD: lambda effect: ask_password(),
            Edit: lambda effect: edit(effect.text),
            Do.SUSPEND: lambda effect: suspend(),
            Do.REMEMBER: self._save,
            Do.KEEP_PLACES: self._keep_places,
            KeepLine: self._keep_typed,
            Transcribe: self._transcribe,
            Shown: self._write_down,
        }

    def carry_out(self, effect: Effect) -> None:
        self.handlers[effect if type(effect) is Do else type(effect)](effect)

    def close(self) -> None:
        """Close the transcript."""
        self._transcript.end()

    def _speak(self, client: Client, effect: Speak) -> None:
        try:
            client.say(effect.text, effect.key, room=effect.room, to=effect.to, action=effect.is_action)
        except RequestError as error:
            say = Say(effect.text, effect.key, room=effect.room, to=effect.to)
            self._happen(Refused(say, Error(error.reason, error.text)))
            self._fail(error.text)

    def _send_command(self, client: Client, effect: SendCommand) -> None:
        try:
            client.command(effect.name, effect.argument, room=effect.room)
        except RequestError as error:
            self._fail(error.text)

    def _repaint(self, effect: Do) -> None:
        if self._display.change_layout():
            self._take()

    def _save(self, effect: Do) -> None:
        try:
            self._remember(self._model.preferences)
        except (OSError, ValueError) as error:
            self._fail(f"the change was not saved: {error}")

    def _keep_places(self, effect: Do) -> None:
        """Save the rooms, if they have changed. A failure is told once: it may last, and harms nothing else."""
        now = places(self._model)
        if now == self._kept:
            return
        self._kept = now
        try:
            self._keep(*now)
        except (OSError, ValueError) as error:
            if self._has_kept:
                self._fail(f"the next start will not know your rooms: {error}")
            self._has_kept = False

    def _keep_typed(self, effect: KeepLine) -> None:
        """Keep a line for the next run. A failure is told once, as above."""
        try:
            self._keep_line(effect.text)
        except OSError as error:
            if self._has_kept_line:
                self._fail(f"the next start will not know your lines: {error}")
            self._has_kept_line = False

    def _transcribe(self, effect: Transcribe) -> None:
        trouble = self._transcript.begin(effect.path)
        done = "no longer writing to a file"
        if effect.path is not None:
            done = f"writing every new line to {effect.path}; /log without a file name ends that"
        self._happen(Report(trouble or done, is_error=trouble is not None))

    def _write_down(self, effect: Shown) -> None:
        place = f"[{printable(effect.title)}] " if len(self._model.buffers) > 1 else ""
        trouble = self._transcript.write(place + effect.text)
        if trouble is not None:
            self._fail(trouble)

    def _fail(self, words: str) -> None:
        self._happen(Report(words, is_error=True))
