"""What operators are told of their own commands, and what the log says."""

import logging

import pytest

from pylingo.reactor.chat.confirming import confirm, who
from pylingo.shared.messages import Command, Moderated
from tests.fakes.chat import Chat


def test_a_deed_is_confirmed_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    chat = Chat()
    ada, eve = chat.device("ada", "a", "tea"), chat.person("eve", "tea")
    ada.got()
    caplog.set_level(logging.INFO)
    told = Moderated("mute", "ada", "eve", None, "tea", "too loud", 5)
    confirm(ada.session, Command("mute", "eve", 7), told, eve.session.person)
    assert ada.got() == [Moderated("mute", "ada", "eve", None, "tea", "too loud", 5, 7)]
    fingerprint = ada.session.identity
    assert caplog.messages == [f"mute by ada [{fingerprint}]: eve, tea, until 5 (too loud)"]


def test_somebody_in_the_log() -> None:
    chat = Chat()
    assert who(chat.person("eve").session.person) == "eve"
