"""The configuration file: what a person likes, in TOML, in the folder that the platform has for that.

Nothing is needed to start: without a file everything is as it comes. What is changed while the client runs is written
back, and whatever else stands in the file, comments too, stays as it is.
"""

import contextlib
import os
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.launch import LaunchError
from shared.text import fold

LAYOUTS: Mapping[str, str] = {
    "top": "the input line above the messages",
    "bottom": "the input line below the messages",
    "inline": "messages go to the terminal's own scrollback",
    "plain": "one line after another, no cursor movement",
}


@dataclass(slots=True)
class Preferences:
    """What can be changed while the client runs. `ignored` are compared forms of names (`shared.text.fold`)."""

    layout: str = "top"
    colors: bool = True
    times: bool = True
    bell: bool = True
    ignored: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Settings:
    """All that the file can say: where to go and as whom, and the preferences."""

    address: str | None = None
    name: str | None = None
    room: str | None = None
    preferences: Preferences = field(default_factory=Preferences)


def default_path() -> Path:
    """Where the file is if no other is named."""
    from platformdirs import user_config_path

    return user_config_path("pylingo", appauthor=False) / "config.toml"


def load(path: Path, must_exist: bool) -> Settings:
    """Read the file. Raises `LaunchError` if it cannot be read or says what it cannot say."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if must_exist:
            raise LaunchError(f"{path}: there is no such file") from None
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise LaunchError(f"{path}: {reason}") from None
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of numbers and of nesting without end, too
        raise LaunchError(f"{path} is not valid TOML: {error}") from None
    settings = Settings()
    for key, value in table.items():
        entry = _KEYS.get(key)
        if entry is None:
            raise LaunchError(f"{path}: there is no '{key}'; there are {', '.join(_KEYS)}")
        what, fits, take = entry
        if not fits(value):
            raise LaunchError(f"{path}: {key} is {what}, not {value!r}")
        take(settings, value)
    return settings


def save(path: Path, preferences: Preferences) -> None:
    """Write what of the preferences is not as the file has it; it is replaced as a whole.

    Raises `OSError`, or `ValueError` if it is no TOML any more.
    """
    import tomlkit

    try:
        document = tomlkit.parse(path.read_text("utf-8"))
    except FileNotFoundError:
        document = tomlkit.document()
    before = tomlkit.dumps(document)
    table = document.unwrap()
    for key in ("layout", "colors", "times", "bell", "ignored"):
        settings = Settings()
        _, fits, take = _KEYS[key]
        is_sound = key in table and fits(table[key])
        if is_sound:
            take(settings, table[key])
        value = getattr(preferences, key)
        if getattr(settings.preferences, key) == value and (is_sound or key not in table):
            continue
        if key == "ignored" and is_sound:
            _change_names(document[key], value)
        else:
            document[key] = sorted(value) if key == "ignored" else value
    if tomlkit.dumps(document) == before:
        return
    target = path.resolve()  # a link stays a link
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a plain file")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(tomlkit.dumps(document))
        with contextlib.suppress(FileNotFoundError):
            os.chmod(name, target.stat().st_mode & 0o777)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _change_names(names: Any, wanted: set[str]) -> None:
    """Make a list in the file one of the names `wanted` (compared forms); those that stay are as they were typed."""
    for index in range(len(names) - 1, -1, -1):
        if fold(names[index]) not in wanted:
            del names[index]
    for name in sorted(wanted - set(map(fold, names))):
        names.append(name)


def _is_text(value: object) -> bool:
    return type(value) is str and bool(value.strip())


def _is_layout(value: object) -> bool:
    return type(value) is str and value in LAYOUTS


def _is_switch(value: object) -> bool:
    return type(value) is bool


def _is_names(value: object) -> bool:
    return type(value) is list and all(map(_is_text, value))


def _set(name: str) -> Callable[[Settings, Any], None]:
    return lambda settings, value: setattr(settings, name, value)


def _prefer(name: str) -> Callable[[Settings, Any], None]:
    return lambda settings, value: setattr(settings.preferences, name, value)


_KEYS: Mapping[str, tuple[str, Callable[[object], bool], Callable[[Settings, Any], None]]] = {
    "address": ('"host" or "host:port"', _is_text, _set("address")),
    "name": ("a text", _is_text, _set("name")),
    "room": ("a text", _is_text, _set("room")),
    "layout": (
        f"one of {', '.join(LAYOUTS)}",
        _is_layout,
        _prefer("layout"),
    ),
    "colors": ("true or false", _is_switch, _prefer("colors")),
    "times": ("true or false", _is_switch, _prefer("times")),
    "bell": ("true or false", _is_switch, _prefer("bell")),
    "ignored": (
        "a list of names",
        _is_names,
        lambda settings, value: setattr(settings.preferences, "ignored", set(map(fold, value))),
    ),
}
