"""Effects on the connection, the display and files."""

from pathlib import Path
from typing import Any, get_args
from unittest import mock

import pytest

from pylingo.client.client import Client
from pylingo.client.events import Refused
from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.display import Display
from pylingo.client.terminal.effects import PATIENCE, Effects
from pylingo.client.terminal.model import (
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
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import HistoryRequest, Say


class Bench:
    """Effects whose outside is played by the test."""

    def __init__(self) -> None:
        self.outside = mock.Mock()
        self.client = mock.create_autospec(Client, instance=True)
        self.display = mock.create_autospec(Display, instance=True)
        self.happened: list[Event] = []
        self.model = Model("x", Preferences())
        self.effects = Effects(
            self.model,
            self.client,
            self.display,
            remember=self.outside.remember,
            keep=self.outside.keep,
            keep_line=self.outside.keep_line,
            take=self.outside.take,
            suspend=self.outside.suspend,
            ask_password=self.outside.ask_password,
            edit=self.outside.edit,
            exit_=self.outside.exit,
            happen=self.happened.append,
            happen_soon=self.outside.happen_soon,
        )


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_every_effect_is_carried_out(bench: Bench) -> None:
    assert set(bench.effects.handlers) == {*get_args(Effect.__value__), *Do} - {Do}


@pytest.mark.parametrize(
    ("effect", "call"),
    [
        (Speak("hi", "k"), mock.call.say("hi", "k", room=None, to=None, action=False)),
        (Speak("hi", "k", "dev"), mock.call.say("hi", "k", room="dev", to=None, action=False)),
        (Speak("hi", "k", to="bob", is_action=True), mock.call.say("hi", "k", room=None, to="bob", action=True)),
        (SendCommand("list", None), mock.call.command("list", None, room=None)),
        (SendCommand("topic", "x", "dev"), mock.call.command("topic", "x", room="dev")),
        (Query("users", "dev"), mock.call.query("users", room="dev")),
        (AskPage(HistoryRequest(room="dev")), mock.call.page(HistoryRequest(room="dev"))),
        (Do.PING, mock.call.ping()),
        (Do.LEAVE, mock.call.close(PATIENCE)),
        (Do.RECONNECT, mock.call.connect()),
    ],
)
def test_effects_on_the_connection(bench: Bench, effect: Effect, call: Any) -> None:
    bench.effects.carry_out(effect)
    assert bench.client.mock_calls == [call]
    assert bench.happened == []


def test_a_command_that_cannot_be_sent_is_a_failure(bench: Bench) -> None:
    bench.client.command.side_effect = RequestError("bad-text", "it is not UTF-8")
    bench.effects.carry_out(SendCommand("x", None))
    assert bench.happened == [Report("it is not UTF-8", is_error=True)]


@pytest.mark.parametrize(
    ("effect", "call"),
    [
        (Do.SUSPEND, mock.call.suspend()),
        (Edit("x"), mock.call.edit("x")),
        (Do.EXIT, mock.call.exit()),
        (Do.SEARCH_ON, mock.call.happen_soon(SearchGoesOn())),
    ],
)
def test_effects_on_the_program(bench: Bench, effect: Effect, call: Any) -> None:
    bench.effects.carry_out(effect)
    assert bench.outside.mock_calls == [call]


def test_effects_on_the_display(bench: Bench) -> None:
    bench.effects.carry_out(Do.BELL)
    bench.display.ring.assert_called_once_with()
    bench.display.change_layout.return_value = False
    bench.effects.carry_out(Do.REPAINT)
    assert bench.outside.mock_calls == []
    bench.display.change_layout.return_value = True
    bench.effects.carry_out(Do.REPAINT)
    assert bench.outside.mock_calls == [mock.call.take()]
    note = Notify("bob", "hi", "@bob")
    bench.effects.carry_out(note)
    bench.display.notify.assert_called_once_with(note)


@pytest.mark.parametrize("error", [OSError("no room"), ValueError("no room")])
def test_preferences_that_cannot_be_saved_are_a_failure(bench: Bench, error: Exception) -> None:
    bench.effects.carry_out(Do.REMEMBER)
    bench.outside.remember.assert_called_once_with(bench.model.preferences)
    bench.outside.remember.side_effect = error
    bench.effects.carry_out(Do.REMEMBER)
    assert bench.happened == [Report("the change was not saved: no room", is_error=True)]


def test_a_transcript_from_its_begin_to_its_end(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "log"
    bench.effects.carry_out(Shown("before"))
    bench.effects.carry_out(Transcribe(str(path)))
    bench.effects.carry_out(Shown("words"))
    bench.effects.carry_out(Transcribe(None))
    bench.effects.carry_out(Shown("after"))
    assert path.read_text() == "words\n"
    begun, ended = bench.happened
    assert not begun.is_error
    assert str(path) in begun.text
    assert ended == Report("no longer writing to a file")
    bench.effects.carry_out(Transcribe(str(tmp_path)))
    assert bench.happened[-1].is_error
    bench.effects.close()


def test_words_that_the_server_has_no_feature_for_are_refused_and_told(bench: Bench) -> None:
    bench.client.say.side_effect = RequestError("unsupported", "this server has no private messages")
    bench.effects.carry_out(Speak("psst", "k", to="bob"))
    refused, report = bench.happened
    assert isinstance(refused, Refused)
    assert (refused.request, refused.error.code) == (Say("psst", "k", to="bob"), "unsupported")
    assert report == Report("this server has no private messages", is_error=True)


def test_rooms_are_kept_when_they_have_changed(bench: Bench) -> None:
    bench.model.buffers = [Buffer("lobby", seen=5), Buffer("Dev"), Buffer(person="grace", seen=6)]
    for _ in range(2):
        bench.effects.carry_out(Do.KEEP_PLACES)
    assert bench.outside.keep.mock_calls == [mock.call(["lobby", "Dev"], {"lobby": 5})]
    bench.model.buffers[1].seen = 7
    bench.effects.carry_out(Do.KEEP_PLACES)
    assert bench.outside.keep.mock_calls[1:] == [mock.call(["lobby", "Dev"], {"lobby": 5, "dev": 7})]


def test_that_rooms_cannot_be_kept_is_told_once(bench: Bench) -> None:
    bench.outside.keep.side_effect = OSError("disk full")
    for number in range(3):
        bench.model.buffer.room, bench.model.buffer.seen = "lobby", number
        bench.effects.carry_out(Do.KEEP_PLACES)
    assert bench.happened == [Report("the next start will not know your rooms: disk full", is_error=True)]


def test_the_transcript_names_the_buffer_if_there_are_several(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "log"
    bench.effects.carry_out(Transcribe(str(path)))
    bench.effects.carry_out(Shown("one", "lobby"))
    bench.model.buffers.append(Buffer(person="grace"))
    bench.effects.carry_out(Shown("two", "@grace"))
    bench.effects.close()
    assert path.read_text() == "one\n[@grace] two\n"


def test_lines_that_cannot_be_kept_are_one_failure(bench: Bench) -> None:
    bench.effects.carry_out(KeepLine("one"))
    bench.outside.keep_line.assert_called_once_with("one")
    bench.outside.keep_line.side_effect = OSError("no room")
    bench.effects.carry_out(KeepLine("two"))
    bench.effects.carry_out(KeepLine("three"))
    assert bench.outside.keep_line.call_count == 3, "it is tried again"
    assert bench.happened == [Report("the next start will not know your lines: no room", is_error=True)]
