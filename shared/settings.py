"""Tables of settings: one row describes an option of the command line and a key of the TOML file.

The server, the client and the benchmark each have a table. `argument_parser` and `read_options` make the command line
from it, `read_file` the file, and the documentation its tables of options. A wrong value is reported in one sentence:
where it is, and what would be right.
"""

import argparse
import enum
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pylingo.shared import __version__
from pylingo.shared.launch import LaunchError, OneLineParser
from pylingo.shared.settings_file import SettingsFile
from pylingo.shared.text import printable, quote
from pylingo.shared.value_class import value_class
from pylingo.shared.values import ExplainedError, ValueType, show_toml


class Source(enum.Flag):
    """The places where a setting can be given."""

    COMMAND_LINE = enum.auto()
    FILE = enum.auto()
    BOTH = COMMAND_LINE | FILE


@value_class(kw_only=True)
class Setting:
    """One row of a table.

    `default` is as `--help` shows it, "" for none. `outcome` says what happens when a limit is reached. A setting that
    `needs_restart` does not change while the program runs. A flag has no `metavar`, a `positional` setting no option.
    """

    name: str
    type: ValueType
    about: str
    metavar: str = ""
    default: str = ""
    outcome: str = ""
    source: Source = Source.BOTH
    needs_restart: bool = False
    positional: bool = False
    without_value: str | None = None
    """The value of the option without an argument; None if it needs one."""
    must_not_be_blank: bool = False
    """Whether a file may leave it out but not set it to a blank string."""

    @property
    def option(self) -> str:
        """The option of the command line, or the name of the positional argument."""
        return self.metavar if self.positional else "--" + self.name.replace("_", "-")

    @property
    def help(self) -> str:
        """One sentence for `--help`: what the setting is, its default, which values are right, and the outcome."""
        words = self.about + (f" ({self.default})" if self.default else "")
        if self.metavar and not self.positional:
            words += f": {self.type.right}"
        return words + (f"; at the limit: {self.outcome}" if self.outcome else "")

    def read_option(self, text: str | list[str]) -> Any:
        """Return the value of an option. Raises `LaunchError`."""
        return _checked(self.option, lambda: self.type(text), text if type(text) is str else ",".join(text))

    def read_toml(self, value: object, place: str) -> Any:
        """Return the value of a key in a file. Raises `LaunchError`."""

        def read() -> Any:
            if self.must_not_be_blank and type(value) is str and not value.strip():
                raise ValueError(self.type.right)
            return self.type.read_toml(value)

        return _checked(f"{place}: {self.name}", read, value)


type Table = Mapping[str, Setting]
"""Settings by name."""


def table(settings: Iterable[Setting]) -> Table:
    """Return a table of rows."""
    return {setting.name: setting for setting in settings}


def argument_parser(settings: Table, program: str, description: str, epilog: str, **more: Any) -> OneLineParser:
    """Return a parser of the command line. It leaves out every option that is not given."""
    parser = OneLineParser(
        prog=program,
        description=description,
        epilog=epilog,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        **more,
    )
    for setting in settings.values():
        words = setting.help.replace("%", "%%")
        if Source.COMMAND_LINE not in setting.source:
            continue
        if setting.positional:
            parser.add_argument(setting.name, nargs="?", metavar=setting.metavar, help=words)
        elif not setting.metavar:
            parser.add_argument(setting.option, action="store_const", const="true", help=words)
        else:
            action = "append" if setting.type.is_list else "store"
            bare: dict[str, Any] = (
                {} if setting.without_value is None else {"nargs": "?", "const": setting.without_value}
            )
            parser.add_argument(setting.option, action=action, metavar=setting.metavar, help=words, **bare)
    parser.add_argument("--version", action="version", version=f"PyLingo {__version__}")
    return parser


def read_options(settings: Table, parser: argparse.ArgumentParser, arguments: Sequence[str]) -> dict[str, Any]:
    """Return the values of the options on a command line, by name.

    Raises `LaunchError`. Exits the process after `--help` and `--version`.
    """
    given = vars(parser.parse_args(arguments))
    return {name: settings[name].read_option(text) for name, text in given.items()}


def read_file(settings: Table, file: SettingsFile, known: str) -> dict[str, Any]:
    """Return the values in a file, by name; those of a table as a dict. A name may be written with - or _.

    Raises `LaunchError`. `known` tells where the names of the settings are found.
    """
    values: dict[str, Any] = {}
    for key, value in file.values.items():
        name = key.replace("-", "_")
        place = file.place(key)
        if name not in settings or Source.FILE not in settings[name].source:
            raise LaunchError(f"{place}: there is no setting {quote(key)} ({known})")
        if name in values:
            raise LaunchError(f"{place}: {name} is given twice, with - and with _")
        if type(value) is dict and settings[name].type.keys is not None:
            values[name] = _read_table(settings[name].type, value, file, key)
        else:
            values[name] = settings[name].read_toml(value, place)
    return values


def _read_table(type_: ValueType, entries: Mapping[str, Any], file: SettingsFile, key: str) -> dict[str, Any]:
    """Return the values in the table called `key`. Raises `LaunchError`."""
    keys, values = type_.keys or {}, dict[str, Any]()
    for inner, value in entries.items():
        name, place = inner.replace("_", "-"), file.place(key, inner)
        if name not in keys:
            raise LaunchError(f"{place}: {key} must be {type_.right}, not one with {quote(inner)}")
        if name in values:
            raise LaunchError(f"{place}: {key}.{name} is given twice, with - and with _")
        values[name] = _checked(f"{place}: {key}.{inner}", functools.partial(keys[name].read_toml, value), value)
    return values


def _checked(where: str, read: Callable[[], Any], value: object) -> Any:
    try:
        return read()
    except ExplainedError as error:
        raise LaunchError(f"{where}: {error}") from None
    except ValueError as error:
        given = quote(value) if type(value) is str else printable(show_toml(value)[:64])
        raise LaunchError(f"{where} must be {error}, not {given}") from None
