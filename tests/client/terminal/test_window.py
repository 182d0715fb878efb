"""Bugs and a lack of memory in the window; the rest is in `tests/e2e/test_terminal_e2e.py`, with the real program."""

import gc
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

from pylingo.client.events import Status
from pylingo.client.options import ClientOptions
from pylingo.client.terminal import window as module
from pylingo.client.terminal.input_events import Text
from pylingo.client.terminal.model import Event
from pylingo.client.terminal.window import Window
from pylingo.shared.launch import LaunchError
from tests.fakes.pty import Pty


@pytest.fixture
def pty() -> Iterator[Pty]:
    with Pty() as made:
        yield made


def window(pty: Pty) -> Window:
    """A window that finds no server."""
    options = ClientOptions(host="127.0.0.1", port=1, name="ada", room=None)
    return Window(options, lambda _: None, "xterm-256color", fd=pty.fd)


def raising(monkeypatch: pytest.MonkeyPatch, is_meant: Callable[[Event], bool], error: Exception) -> list[Event]:
    """Have the first event that is meant raise `error`; the result holds it then."""
    real, seen = module.update, []

    def update(model: Any, event: Event, now: float, clock: Any) -> Any:
        if not seen and is_meant(event):
            seen.append(event)
            raise error
        return real(model, event, now, clock)

    monkeypatch.setattr(module, "update", update)
    return seen


@pytest.mark.parametrize("error", [RuntimeError("a bug"), MemoryError()], ids=repr)
def test_an_unexpected_exception_ends_the_window_and_is_raised_when_the_terminal_is_restored(
    pty: Pty, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    raising(monkeypatch, lambda event: isinstance(event, Text), error)
    pty.type(b"x")
    with pytest.raises(type(error)) as caught:
        window(pty).run()
    assert caught.value is error
    assert pty.is_restored


def leave_when_waiting(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Press Ctrl+C twice once no server is found; a lack of memory happens at the same time."""

    def is_meant(event: Event) -> bool:
        if not isinstance(event, Status) or event.state != "waiting":
            return False
        pty.type(b"\x03\x03")
        return True

    return raising(monkeypatch, is_meant, MemoryError())


def test_a_lack_of_memory_for_the_connection_does_not_end_the_window(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = leave_when_waiting(pty, monkeypatch)
    assert window(pty).run() == 0
    assert len(seen) == 1
    assert pty.is_restored


def test_garbage_is_collected_once_the_window_is_painted(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_when_waiting(pty, monkeypatch)
    gc.disable()
    try:
        window(pty).run()
        assert gc.isenabled()
    finally:
        gc.enable()


def test_a_terminal_that_is_none_is_a_launch_error() -> None:
    with Pty() as pty:
        made = window(pty)
    with pytest.raises(LaunchError, match="the terminal cannot be used"):
        made.run()


@pytest.mark.parametrize("is_first", [True, False])
def test_the_first_run_says_where_to_find_out_more(pty: Pty, monkeypatch: pytest.MonkeyPatch, is_first: bool) -> None:
    options = ClientOptions(host="127.0.0.1", port=1, name="ada", room=None)
    made = Window(options, lambda _: None, "xterm-256color", fd=pty.fd, is_first=is_first)
    leave_when_waiting(pty, monkeypatch)
    assert made.run() == 0
    texts = [line.text for line in made.model.buffer.scrollback.lines]
    assert any("/help lists commands, C-r" in text for text in texts) == is_first


def test_the_rooms_of_an_earlier_run_are_the_buffers_and_are_kept_at_the_end(
    pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = mock.Mock()
    options = ClientOptions(host="127.0.0.1", port=1, name="ada", room=None)
    rooms, seen = ["lobby", "Dev"], {"dev": 7}
    made = Window(options, lambda _: None, "xterm-256color", fd=pty.fd, rooms=rooms, seen=seen, keep=keep)
    leave_when_waiting(pty, monkeypatch)
    assert made.run() == 0
    assert [(buffer.room, buffer.seen) for buffer in made.model.buffers] == [("lobby", None), ("Dev", 7)]
    keep.assert_called_once_with(rooms, seen)
