"""The types of values in settings: each one reads a text, prints a value, and says which texts are right.

The server, the client and the benchmark use the same types, on the command line and in TOML files. `--help`, the
documentation and the error for a wrong text therefore agree.
"""

import math
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from pylingo.shared.address import DEFAULT_HOST, Address, parse_address, show_address
from pylingo.shared.link import Link, parse_server, show_link, show_servers
from pylingo.shared.text import without_controls
from pylingo.shared.value_class import value_class

_NUMBER = re.compile(r"[\d.eE+-]{1,64}\Z", re.ASCII)  # `float` accepts other digits, spaces and underscores as well
_SIZE = re.compile(r"(\d{1,18})([KMG]?)\Z", re.ASCII)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|[smhd]?)\Z", re.ASCII)
_SERVER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}\Z", re.ASCII)
_SECONDS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


class ExplainedError(ValueError):
    """A wrong value whose message is a sentence of its own."""


@value_class
class ValueType:
    """Reads and prints the values of a setting.

    `right` describes the right texts. `parse` converts a text, or a list of texts if `is_list`, or raises `ValueError`.
    `show` converts a value back. `toml` has the TOML types that a file may use. With `is_list` it may use a list
    of strings, with `keys` a table with some of these, each of its own type, and with `is_table` any table of strings.
    """

    right: str
    parse: Callable[[Any], Any]
    show: Callable[[Any], str] = str
    toml: tuple[type, ...] = (str, int, float)
    is_list: bool = False
    keys: "Mapping[str, ValueType] | None" = None
    is_table: bool = False

    def __call__(self, text: str | list[str] | dict[str, str]) -> Any:
        """Return the value of a text. Raises `ValueError` with a description of what would be right."""
        try:
            return self.parse(text)
        except ExplainedError:
            raise
        except ValueError:
            raise ValueError(self.right) from None

    def read_toml(self, value: object) -> Any:
        """Return the value of a TOML value. Raises `ValueError` like `__call__`."""
        if self.is_list and type(value) is list and all(type(part) is str for part in value):
            return self(value)
        if self.is_table and type(value) is dict and all(type(part) is str for part in value.values()):
            return self(value)
        if type(value) not in self.toml:
            raise ValueError(self.right)
        text = show_toml(value)
        return self([text] if self.is_list else text)


def show_toml(value: object) -> str:
    """Return a TOML value as a text: true for True, and a string without quotation marks."""
    try:
        return str(value).lower() if type(value) is bool else str(value)
    except ValueError:  # CPython prints no integer of more than 4,300 digits
        return "a number of thousands of digits"


def integer(low: int, high: int) -> ValueType:
    """A whole number within limits."""

    def parse(text: str) -> int:
        return _within(low, int(text) if re.fullmatch(r"\d{1,19}", text, re.ASCII) else low - 1, high)

    return ValueType(f"a whole number from {low} to {high}", parse)


def number(low: float, high: float, or_none: bool = False) -> ValueType:
    """A number within limits, or 0 for no limit if `or_none`."""

    def parse(text: str) -> float:
        value = float(text) if _NUMBER.match(text) else math.nan
        return value if or_none and value == 0 else _within(low, value, high)

    right = f"a number from {_plain(low)} to {_plain(high)}"
    return ValueType(f"0 or {right}" if or_none else right, parse, _plain)


def size(low: int, high: int, or_none: bool = False) -> ValueType:
    """Bytes: a whole number and K, M or G for powers of 1,024. 0 stands for no limit if `or_none`."""

    def parse(text: str) -> int:
        match = _SIZE.match(text)
        value = int(match[1]) * _UNITS[match[2]] if match else -1
        return value if or_none and value == 0 else _within(low, value, high)

    right = f"a size from {show_size(low)} to {show_size(high)}, such as 64K or 2M"
    return ValueType(f"0 or {right}" if or_none else right, parse, show_size)


def show_size(value: int) -> str:
    """Return bytes as `size` reads them, in the largest unit that divides them."""
    for unit in "GMK":
        if value and value % _UNITS[unit] == 0:
            return f"{value // _UNITS[unit]}{unit}"
    return str(value)


def duration(low: float, high: float, or_none: bool = True, such_as: str = "45s, 30m, 12h or 90d") -> ValueType:
    """Seconds: a number and ms, s, m, h or d for milliseconds to days. 0 stands for no limit if `or_none`.

    `such_as` has the examples for a person.
    """

    def parse(text: str) -> float:
        match = _DURATION.match(text)
        value = float(match[1]) * _SECONDS[match[2]] if match else math.nan
        return value if or_none and value == 0 else _within(low, value, high)

    right = f"a time from {show_duration(low)} to {show_duration(high)}, such as {such_as}"
    return ValueType(f"0 or {right}" if or_none else right, parse, show_duration)


def show_duration(value: float) -> str:
    """Return seconds as `duration` reads them, in the largest unit that divides them."""
    for unit in "dhm":
        if value and value % _SECONDS[unit] == 0:
            return f"{_plain(value / _SECONDS[unit])}{unit}"
    if 0 < value < 1:
        return f"{_plain(value * 1_000)}ms"
    return _plain(value) + "s" * bool(value)


def one_of(*choices: str) -> ValueType:
    """One of some words, in any case."""

    def parse(text: str) -> str:
        return choices[choices.index(text.lower())]

    return ValueType(f"one of {', '.join(choices)}", parse)


def flag() -> ValueType:
    """True or false: an option without a value, and a boolean in a file."""

    def parse(text: str) -> bool:
        return ("false", "true").index(text) == 1

    return ValueType("true or false", parse, show_toml, toml=(bool,))


def path() -> ValueType:
    """The path of a file, or none. A leading ~ is expanded."""

    def parse(text: str) -> str:
        found = os.path.expanduser(text)
        if "\0" in text or found.startswith("~"):  # a TOML string can contain NUL, which no system call accepts
            raise ValueError
        return found

    return ValueType("a path without NUL; a leading ~ stands for the home of a known user", parse)


TRUE = "true"
"""The value of `path_or_true` that is no path."""


def path_or_true(meaning: str) -> ValueType:
    """A path as for `path`, or the word true: a file that `meaning` describes. False is none."""
    plain = path()

    def parse(text: str) -> str:
        return "" if text == "false" else str(plain.parse(text))

    right = f"true for {meaning}, or {plain.right}"
    return ValueType(right, parse, toml=(*plain.toml, bool))


def host_name() -> ValueType:
    """A host to listen on. The system would take an empty one for every address."""

    def parse(text: str) -> str:
        if not text.strip():
            raise ValueError
        return text

    return ValueType("an address or a host name, such as 127.0.0.1 or :: for all addresses", parse)


def address() -> ValueType:
    """The address of a server, as a host and a port."""

    parse = explained(lambda text: parse_address(utf8(text)))
    return ValueType("HOST, HOST:PORT or [IPV6]:PORT", parse, lambda value: show_address(*value), toml=(str,))


def listening() -> ValueType:
    """A port to listen on, on loopback unless a host stands in front; None for an empty text."""

    def parse(text: str) -> Address | None:
        if not text:
            return None
        host, colon, port = utf8(text).rpartition(":")
        number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else -1
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if (colon and not bare.strip()) or (":" in bare and bare == host):
            raise ValueError
        return (bare or DEFAULT_HOST), int(_within(0, number, 65_535))

    right = "PORT, HOST:PORT or [IPV6]:PORT, with a port from 0 to 65535; 0 lets the system choose one"
    return ValueType(right, parse, lambda value: show_address(*value) if value is not None else "", toml=(str,))


def server_name() -> ValueType:
    """The name of an IRC server."""

    def parse(text: str) -> str:
        if not _SERVER_NAME.match(text):
            raise ValueError
        return text

    return ValueType("1 to 63 letters, digits, dots and hyphens, such as irc.example.org", parse, toml=(str,))


def server() -> ValueType:
    """The addresses of servers, or a link to them, which may hold an invitation: no error quotes that."""

    parse = explained(lambda text: parse_server(utf8(text)))
    return ValueType(
        "HOST, HOST:PORT, [IPV6]:PORT, a list of these with commas, or a link", parse, _show_server, toml=(str,)
    )


def _show_server(link: Link) -> str:
    return show_link(link) if link.is_link else show_servers(link)


def notice(longest: int) -> ValueType:
    """A text for people. Newlines and tabs stay, other control characters are replaced."""

    def parse(text: str) -> str:
        _within(0, len(text), longest)
        return without_controls(text)

    return ValueType(f"at most {longest} characters", parse)


def texts() -> ValueType:
    """Any texts: an option that may be repeated."""
    return ValueType("any text", tuple, ", ".join, is_list=True)


def explained[T](parse: Callable[[str], T]) -> Callable[[str], T]:
    """Return `parse` with the message of its `ValueError` as the whole error message."""

    def parse_or_explain(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise ExplainedError(str(error)) from None

    return parse_or_explain


def utf8(text: str) -> str:
    """Return `text` itself. Raises `ValueError` if it has lone surrogates, which stand for bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it must be valid UTF-8") from None
    return text


def _within[N: (int, float)](low: N, value: N, high: N) -> N:
    if not low <= value <= high:  # false for NaN
        raise ValueError
    return value


def _plain(value: float) -> str:
    """Return a number as people write it, without an exponent."""
    return f"{value:.15g}"
