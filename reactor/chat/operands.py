"""The parts of the arguments of operators' commands: names, times and reasons."""

import re
import time

from pylingo.shared.errors import RequestError
from pylingo.shared.text import line_text, quote

_DURATION = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_UNIT = {"m": 60.0, "h": 3_600.0, "d": 86_400.0}


def split(argument: str) -> tuple[str, str]:
    """The first word of an argument, and the rest."""
    first, *rest = argument.split(maxsplit=1)
    return first, rest[0] if rest else ""


def read_reason(text: str) -> str | None:
    """A reason as one line, None if there is none. Raises `RequestError` `text-too-long`."""
    return line_text(text, "a reason") or None


def take_time(text: str) -> tuple[float | None, str]:
    """The seconds of a time at the front of `text`, None if there is none, and the rest.

    A reason cannot begin with a digit: "10 minutes" would be a ban for good.
    """
    first, rest = split(text) if text else ("", "")
    return (read_seconds(first), rest) if first[:1].isdecimal() else (None, text)


def read_seconds(word: str) -> float:
    """The seconds of a time. Raises `RequestError` `bad-argument`."""
    match = _DURATION.fullmatch(word)
    if match is None or not int(match[1]):
        raise RequestError("bad-argument", f"a time must be such as 10m, 2h or 7d, not {quote(word)}")
    return int(match[1]) * _UNIT[match[2]]


def until_words(until: int | None) -> str:
    """Until when something holds, to be put behind a sentence; nothing if it holds for good."""
    return "" if until is None else time.strftime(" until %Y-%m-%d %H:%M UTC", time.gmtime(until / 1e6))
