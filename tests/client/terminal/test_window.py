"""What of the window needs no terminal; the rest is in `tests/e2e/test_terminal_e2e.py`, on a real one."""

from typing import get_args

from pylingo.client.terminal.model import Effect
from pylingo.client.terminal.window import _EFFECTS


def test_every_effect_is_carried_out():
    assert set(_EFFECTS) == set(get_args(Effect.__value__))
