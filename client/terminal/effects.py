"""Carries out the effects that `update` asks for: on the connection, on the display, on files."""

from collections.abc import Callable
from typing import Any

from pylingo.client.client import Client
from pylingo.client.settings import Preferences
from pylingo.client.terminal.display import Display
from pylingo.client.terminal.model import (
    Bell,
    Effect,
    Event,
    Exit,
    Failure,
    Info,
    Leave,
    Model,
    Query,
    Reconnect,
    Remember,
    Repaint,
    SendCommand,
    SendPing,
    Shown,
    Speak,
    Suspend,
    Transcribe,
)
from pylingo.client.terminal.transcript import Transcript
from pylingo.shared.errors import RequestError

PATIENCE = 2.0
"""Seconds that leaving may take before the connection is given up."""


class Effects:
    """See the module. `take` and `suspend` are about the terminal, and `exit_` ends the program.

    `happen` gets an event for what failed, or was done without anything else to show it.
    """

    def __init__(
        self,
        model: Model,
        client: Client,
        display: Display,
        *,
        remember: Callable[[Preferences], None],
        take: Callable[[], object],
        suspend: Callable[[], object],
        exit_: Callable[[], object],
        happen: Callable[[Event], object],
    ) -> None:
        self._model = model
        self._display = display
        self._remember = remember
        self._take = take
        self._happen = happen
        self._transcript = Transcript()
        self.handlers: dict[type[Any], Callable[[Any], object]] = {
            Speak: lambda effect: client.say(effect.text, effect.key),
            SendCommand: lambda effect: self._send_command(client, effect),
            Query: lambda effect: client.query(effect.name),
            SendPing: lambda effect: client.ping(),
            Leave: lambda effect: client.close(PATIENCE),
            Reconnect: lambda effect: client.connect(),
            Exit: lambda effect: exit_(),
            Bell: lambda effect: display.ring(),
            Repaint: self._repaint,
            Suspend: lambda effect: suspend(),
            Remember: self._save,
            Transcribe: self._transcribe,
            Shown: self._write_down,
        }
        """How each type of effect is carried out."""

    def carry_out(self, effect: Effect) -> None:
        self.handlers[type(effect)](effect)

    def close(self) -> None:
        """Close the transcript."""
        self._transcript.end()

    def _send_command(self, client: Client, effect: SendCommand) -> None:
        try:
            client.command(effect.name, effect.argument)
        except RequestError as error:
            self._happen(Failure(error.text))

    def _repaint(self, effect: Repaint) -> None:
        if self._display.change_layout():
            self._take()

    def _save(self, effect: Remember) -> None:
        try:
            self._remember(self._model.preferences)
        except (OSError, ValueError) as error:
            self._happen(Failure(f"the change was not saved: {error}"))

    def _transcribe(self, effect: Transcribe) -> None:
        trouble = self._transcript.begin(effect.path)
        if trouble is not None:
            self._happen(Failure(trouble))
        elif effect.path is not None:
            self._happen(Info(f"writing every new line to {effect.path}; /log without a file name ends that"))
        else:
            self._happen(Info("no longer writing to a file"))

    def _write_down(self, effect: Shown) -> None:
        trouble = self._transcript.write(effect.text)
        if trouble is not None:
            self._happen(Failure(trouble))
