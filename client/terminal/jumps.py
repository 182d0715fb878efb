"""The keys that show another buffer. Pure."""

from collections.abc import Callable

from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.buffers import show, step, with_news
from pylingo.client.terminal.model import Effect, Model

type Choose = Callable[[Model], Buffer | None]
"""Finds the buffer that is to be shown, if there is one."""


def go(choose: Choose) -> Callable[[Model, float, int], list[Effect]]:
    """Show the buffer that `choose` finds."""

    def show_chosen(model: Model, now: float, at: int) -> list[Effect]:
        buffer = choose(model)
        if buffer is not None:
            show(model, buffer)
        return []

    return show_chosen


def _numbered(number: int) -> Choose:
    return lambda model: model.buffers[number - 1] if 0 < number <= len(model.buffers) else None


def _most_urgent(model: Model) -> Buffer | None:
    return next(iter(with_news(model)), None)


def _last_shown(model: Model) -> Buffer | None:
    return model.last_shown if model.last_shown in model.buffers else None


# --- a number of two digits


_DIGITS = 2


def _begin_number(model: Model, now: float, at: int) -> list[Effect]:
    model.number = ""
    model.hint = "the number of a buffer: two digits"
    return []


def take_digits(model: Model, text: str) -> str:
    """Take the digits of the number of a buffer from the start of a typed text, and show the buffer after the last one.

    Return the rest of the text. Anything that is no digit ends the number. One digit is enough if no buffer has a
    number that continues it.
    """
    while model.number is not None and text:
        digit, number = text[0], model.number
        model.number = None
        if not (digit.isascii() and digit.isdecimal()):
            return text
        text, number = text[1:], number + digit
        model.hint = ""
        is_whole = len(number) == _DIGITS or (digit != "0" and int(number) * 10 > len(model.buffers))
        buffer = _numbered(int(number))(model)
        if not is_whole:
            model.number = number
            model.hint = f"the number of a buffer: {number}"
        elif buffer is None:
            model.hint = f"there is no buffer {int(number)}"
        else:
            show(model, buffer)
    return text


BUFFER_KEYS = {
    **{f"alt-{number % 10}": go(_numbered(number)) for number in range(1, 11)},
    "alt-j": _begin_number,
    **dict.fromkeys(("alt-page-up", "alt-up", "f5"), go(step(-1))),
    **dict.fromkeys(("alt-page-down", "alt-down", "f6"), go(step(1))),
    "alt-a": go(_most_urgent),
    "alt-/": go(_last_shown),
}
