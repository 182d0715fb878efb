"""The configuration file: what a person likes, in TOML, in the folder that the platform has for that.

Nothing is needed to start: without a file everything is as it comes. What is changed while the client runs is written
back, and whatever else stands in the file, comments and what another window wrote, stays as it is.
"""

import errno
import fcntl
import os
import re
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pylingo.shared.launch import LaunchError
from pylingo.shared.names import fold, is_guest

BOM = "\ufeff"
"""The mark that some editors put before a text in UTF-8. It is read, and stays."""
PATIENCE = 0.5
"""Seconds that another window's lock on the file is waited for; it holds it for some milliseconds."""
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
"""A file system that has no locks: two windows may lose a change there, when they make theirs at the same moment."""

LAYOUTS: Mapping[str, str] = {
    "top": "the input line above the messages",
    "bottom": "the input line below the messages",
    "inline": "messages go to the terminal's own scrollback",
    "plain": "one line after another, no cursor movement",
}


@dataclass(slots=True)
class Preferences:
    """What can be changed while the client runs. `ignored` are compared forms of names (`shared.names.fold`)."""

    layout: str = "top"
    colors: bool = True
    times: bool = True
    bell: bool = True
    ignored: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Settings:
    """All that the file can say: where to go and as whom, and the preferences. `places` has FILE:LINE of each key."""

    address: str | None = None
    name: str | None = None
    room: str | None = None
    preferences: Preferences = field(default_factory=Preferences)
    places: dict[str, str] = field(default_factory=dict, compare=False)


def default_path() -> Path | None:
    """Where the file is if no other is named; None without a home folder."""
    from platformdirs import user_config_path

    try:
        path = user_config_path("pylingo", appauthor=False) / "config.toml"
    except RuntimeError:  # older versions return a path that is not absolute
        return None
    return path if path.is_absolute() else None


def load(path: Path) -> Settings:
    """Read the file. Raises `OSError` if it cannot be read, and `LaunchError` if it says what it cannot say."""
    try:
        text = _decode(path, path.read_bytes())
        table = _parse(path, text)
    except ValueError as error:
        raise LaunchError(str(error)) from None
    settings = Settings()
    for key, value in table.items():
        settings.places[key] = place = _place(path, text, key)
        entry = _KEYS.get(key)
        if entry is None:
            raise LaunchError(f"{place}: there is no '{key}'; there are {', '.join(_KEYS)}")
        what, fits, take = entry
        if not fits(value):
            raise LaunchError(f"{place}: {key} is {what}, not {value!r}")
        take(settings, value)
    return settings


def _decode(path: Path, data: bytes) -> str:
    """The file's text, perhaps with a mark (BOM) before it. Raises `ValueError`."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}:{line}: this is not UTF-8") from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    """What the text says. Raises `ValueError`."""
    try:
        return tomllib.loads(text.removeprefix(BOM))
    except RecursionError:
        raise ValueError(f"{path}: this is not valid TOML: it is nested too deeply") from None
    except ValueError as error:  # of numbers without end, too
        sentence, _, place = str(error).rpartition(" (at ")
        found = re.match(r"line (\d+)", place)
        line = int(found[1]) if found else len(text.splitlines())
        raise ValueError(f"{path}:{line}: this is not valid TOML: {sentence or error}") from None


def _place(path: Path, text: str, key: str) -> str:
    """FILE:LINE of a key, as compilers have it."""
    found = re.search(rf"""^{BOM}?[ \t\[]*(["']?){re.escape(key)}\1[ \t]*[=.\]]""", text, re.MULTILINE)
    return f"{path}:{text.count(chr(10), 0, found.start()) + 1}" if found else str(path)


def save(path: Path, before: Preferences, after: Preferences) -> None:
    """Write what has changed from `before` to `after`, and nothing else, onto what the file says now.

    Another window may have changed other things meanwhile: the file is locked, read and replaced as a whole. Raises
    `OSError`, or `ValueError` if it is no TOML any more.
    """
    changed = [name for name in ("layout", "colors", "times", "bell", "ignored") if _differ(name, before, after)]
    if not changed:
        return
    target = path.resolve()  # a link stays a link
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a plain file")
    target.parent.mkdir(0o700, parents=True, exist_ok=True)
    lock = _lock(target)
    try:
        text = _decode(path, target.read_bytes())
        again = _changed(path, text, changed, before, after)
        if again != text:
            _replace(target, again)
    finally:
        os.close(lock)


def _differ(name: str, before: Preferences, after: Preferences) -> bool:
    return bool(getattr(before, name) != getattr(after, name))


def _changed(path: Path, text: str, names: Sequence[str], before: Preferences, after: Preferences) -> str:
    import tomlkit

    table = _parse(path, text)
    document = tomlkit.parse(text.removeprefix(BOM))
    for name in names:
        value = getattr(after, name)
        if name != "ignored":
            if repr(table.get(name)) != repr(value):
                document[name] = value
        elif name in table and _is_names(table[name]):
            _change_names(document[name], value - before.ignored, before.ignored - value)
        else:
            document[name] = sorted(value)
    return (BOM if text.startswith(BOM) else "") + tomlkit.dumps(document)


def _lock(path: Path) -> int:
    """Lock the file, which is made if it is not there; the lock ends with the descriptor. Raises `OSError`."""
    end = time.monotonic() + PATIENCE
    while True:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except BlockingIOError:
            pass
        except FileNotFoundError:  # replaced or removed since it was opened
            pass
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(descriptor)
                raise
            return descriptor
        os.close(descriptor)
        if time.monotonic() > end:
            raise OSError(f"{path} is locked by another program")
        time.sleep(0.005)


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with open(handle, "wb") as file:
            file.write(text.encode())
        os.chmod(name, path.stat().st_mode & 0o777)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _change_names(names: Any, more: set[str], fewer: set[str]) -> None:
    """Change a list in the file by compared forms of names; those that stay are as they were typed."""
    for index in range(len(names) - 1, -1, -1):
        if fold(names[index]) in fewer:
            del names[index]
    for name in sorted(more - set(map(fold, names))):
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
        # A guest's number is somebody else's after a restart of the server.
        lambda settings, value: setattr(settings.preferences, "ignored", {fold(n) for n in value if not is_guest(n)}),
    ),
}
