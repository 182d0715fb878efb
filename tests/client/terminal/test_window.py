"""Bugs and a lack of memory in the window; the rest is in `tests/e2e/test_terminal_e2e.py`, with the real program."""

from collections.abc import Iterator
from typing import Any

import pytest

from pylingo.client.settings import Preferences
from pylingo.client.terminal import window as module
from pylingo.client.terminal.model import SecondPassed
from pylingo.client.terminal.window import Window
from pylingo.shared.launch import LaunchError
from tests.fakes.pty import Pty


@pytest.fixture
def pty() -> Iterator[Pty]:
    with Pty() as made:
        yield made


def window(pty: Pty) -> Window:
    """A window that finds no server."""
    return Window("127.0.0.1", 1, "ada", None, Preferences(), lambda _: None, "xterm-256color", fd=pty.fd)


def raising(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[int]:
    """Have each keystroke raise `error`; the result grows with each."""
    real, count = module.update, []

    def update(model: Any, event: Any, now: float, clock: Any) -> Any:
        if not isinstance(event, SecondPassed) and type(event).__name__ in ("Text", "Key"):
            count.append(1)
            if len(count) == 1:
                raise error
        return real(model, event, now, clock)

    monkeypatch.setattr(module, "update", update)
    return count


def test_an_unexpected_exception_ends_the_window_and_is_raised_when_the_terminal_is_restored(
    pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = RuntimeError("a bug")
    raising(monkeypatch, error)
    pty.type(b"x")
    with pytest.raises(RuntimeError) as caught:
        window(pty).run()
    assert caught.value is error
    assert pty.is_restored


def test_a_terminal_that_is_none_is_a_launch_error() -> None:
    with Pty() as pty:
        made = window(pty)
    with pytest.raises(LaunchError, match="the terminal cannot be used"):
        made.run()
