"""How settings are written: numbers, sizes, times and the like, each with its range.

A parser says itself what is right, so that `--help`, the README's table and the answer to a mistake say the same.
"""

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pylingo.reactor.engine.listener import LOOPBACK, Network, read_network
from pylingo.shared.text import without_controls

_NUMBER = re.compile(r"[\d.eE+-]{1,64}\Z", re.ASCII)  # `float` also reads other digits, spaces and underscores
_SIZE = re.compile(r"(\d{1,18})([KMG]?)\Z", re.ASCII)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)([smhd]?)\Z", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True, slots=True)
class Parser:
    """Makes a setting's value of its text. `right` says which texts there are, `show` makes the text of a value."""

    right: str
    parse: Callable[[str], Any]
    show: Callable[[Any], str] = str

    def __call__(self, text: str) -> Any:
        """Raises `ValueError` saying what would be right."""
        try:
            return self.parse(text)
        except ValueError:
            raise ValueError(self.right) from None


def integer(low: int, high: int) -> Parser:
    """A whole number within limits."""

    def parse(text: str) -> int:
        return _within(low, int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else -1, high)

    return Parser(f"a whole number from {low} to {high}", parse)


def number(low: float, high: float, or_none: bool = False) -> Parser:
    """A number within limits, or also 0 for no limit."""

    def parse(text: str) -> float:
        value = float(text) if _NUMBER.match(text) else math.nan
        return value if or_none and value == 0 else _within(low, value, high)

    right = f"a number from {_plain(low)} to {_plain(high)}"
    return Parser(f"0 or {right}" if or_none else right, parse, _plain)


def size(low: int, high: int, or_none: bool = False) -> Parser:
    """Bytes: a whole number, with K, M or G behind it for the powers of 1,024; or also 0 for no bound."""

    def parse(text: str) -> int:
        match = _SIZE.match(text)
        value = int(match[1]) * _UNITS[match[2]] if match else -1
        return value if or_none and value == 0 else _within(low, value, high)

    right = f"a size from {show_size(low)} to {show_size(high)}, such as 64K or 2M"
    return Parser(f"0 or {right}" if or_none else right, parse, show_size)


def show_size(value: int) -> str:
    """Bytes as `size` reads them, in the largest unit that divides them."""
    for unit in "GMK":
        if value and value % _UNITS[unit] == 0:
            return f"{value // _UNITS[unit]}{unit}"
    return str(value)


def duration(low: float, high: float) -> Parser:
    """Seconds: a number, with s, m, h or d behind it for seconds, minutes, hours and days; or 0 for no bound."""

    def parse(text: str) -> float:
        match = _DURATION.match(text)
        value = float(match[1]) * _SECONDS[match[2]] if match else math.nan
        return value if value == 0 else _within(low, value, high)

    right = f"0 or a time from {show_duration(low)} to {show_duration(high)}, such as 45s, 30m, 12h or 90d"
    return Parser(right, parse, show_duration)


def show_duration(value: float) -> str:
    """Seconds as `duration` reads them, in the largest unit that divides them."""
    for unit in "dhm":
        if value and value % _SECONDS[unit] == 0:
            return f"{_plain(value / _SECONDS[unit])}{unit}"
    return _plain(value) + "s" * bool(value)


def one_of(*choices: str) -> Parser:
    def parse(text: str) -> str:
        return choices[choices.index(text.lower())]

    return Parser(f"one of {', '.join(choices)}", parse)


def path() -> Parser:
    """A file's name, or none. A leading ~ stands for somebody's home."""

    def parse(text: str) -> str:
        found = os.path.expanduser(text)
        if "\0" in text or found.startswith("~"):  # TOML can write NUL, and no system call takes it
            raise ValueError
        return found

    return Parser("a path without NUL; a leading ~ stands for the home of a user who exists", parse)


def host_name() -> Parser:
    """What can be listened on. Nothing at all would mean every address to the system."""

    def parse(text: str) -> str:
        if not text.strip():
            raise ValueError
        return text

    return Parser("an address or a host name, such as 127.0.0.1 or :: for everybody", parse)


def words(longest: int) -> Parser:
    """A text for people: newlines and tabs stay, other control characters are replaced."""

    def parse(text: str) -> str:
        _within(0, len(text), longest)
        return without_controls(text)

    return Parser(f"at most {longest} characters", parse)


def networks() -> Parser:
    """IP networks, between commas. Loopback is always one of them, unless `none` is named as well."""

    def parse(text: str) -> tuple[Network, ...]:
        names = [name.strip() for name in text.split(",")]
        found = [] if "none" in names else [*LOOPBACK]
        found += [read_network(name) for name in names if name not in ("", "none")]
        return tuple(dict.fromkeys(found))

    right = "none, or a network such as 10.0.0.0/8, with nothing but 0 after its prefix"
    return Parser(right, parse, lambda value: ", ".join(map(str, value)) or "none")


def _within[N: (int, float)](low: N, value: N, high: N) -> N:
    if not low <= value <= high:  # not for NaN either
        raise ValueError
    return value


def _plain(value: float) -> str:
    """A number as people write it, without an exponent."""
    return f"{value:.15g}"
