"""The client's settings, and the configuration file that keeps the preferences.

The file is TOML, in the platform's configuration folder. The client starts without one. A preference that changes while
the client runs is written back; comments, other keys and the changes of another window stay as they are.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pylingo.client.locked_file import locked, replace
from pylingo.client.styles import RIGHT, Style, parse_style
from pylingo.client.themes import ELEMENTS, THEMES, styles_of_names
from pylingo.shared.address import DEFAULT_HOST, DEFAULT_PORT, parse_address, show_address
from pylingo.shared.errors import RequestError
from pylingo.shared.launch import LaunchError
from pylingo.shared.link import Link
from pylingo.shared.names import MAX_NAME, MAX_ROOM, fold, is_guest, room_name
from pylingo.shared.settings import Setting, Source, read_file, table
from pylingo.shared.settings_file import BOM, SettingsFile
from pylingo.shared.values import ValueType, explained, flag, one_of, path, server, utf8

LONGEST_NAME = 1_024
"""A longer name is refused here. The server refuses shorter ones, because they fit a frame."""
DEFAULT_ROOM = "lobby"

NOTIFY: Mapping[str, str] = {
    "mention": "a mention or a private message",
    "all": "every message",
    "none": "no message",
}
"""The messages that call the person."""
LAYOUTS: Mapping[str, str] = {
    "top": "the input line above the messages",
    "bottom": "the input line below the messages",
    "inline": "messages go to the terminal's own scrollback",
    "plain": "one line after another, no cursor movement",
}
NAME_PLACES: Mapping[str, str] = {
    "column": "right-aligned in a column",
    "plain": "before the text",
}
"""The places for the names of speakers."""
PRINTING = frozenset({"inline", "plain"})
"""The layouts that print each line once, to the terminal's own scrollback."""


def _user_name(text: str) -> str:
    if len(utf8(text)) > LONGEST_NAME:
        raise ValueError(f"a name must have at most {MAX_NAME} characters, not {len(text)}")
    return text


def _room(text: str) -> str | None:
    try:
        return room_name(utf8(text)) if text else None
    except RequestError as error:
        raise ValueError(error.text) from None


def _ignored(names: list[str]) -> set[str]:
    if not all(map(str.strip, names)):
        raise ValueError
    return {fold(name) for name in names if not is_guest(name)}  # the server assigns a guest's name anew


def _style(text: str) -> tuple[Style, ...]:
    return (parse_style(text),)


def room_place(where: str, room: str) -> str:
    """The name of a room at a server in the settings: HOST:PORT/ROOM in compared form, as in a link."""
    return f"{where.lower()}/{fold(room.removeprefix('#'))}"


def _notify_rooms(levels: Mapping[str, str]) -> dict[str, str]:
    return {_place(place): _LEVEL(level) for place, level in levels.items()}


def _place(text: str) -> str:
    """A place as a person wrote it, in the form of `room_place`. Raises `ValueError`."""
    where, slash, room = text.partition("/")
    if not slash or not room.strip():
        raise ValueError
    return room_place(show_address(*parse_address(where)), room)


_required = functools.partial(Setting, must_not_be_blank=True)
_SERVER = show_address(DEFAULT_HOST, DEFAULT_PORT)
_NAME = ValueType(f"at most {MAX_NAME} characters", explained(_user_name), toml=(str,))
_ROOM = ValueType(f"at most {MAX_ROOM} characters", explained(_room), toml=(str,))
_LEVEL = one_of(*NOTIFY)
_LEVELS = ValueType(
    f"a table of rooms, HOST:PORT/ROOM, with {_LEVEL.right}", _notify_rooms, ", ".join, toml=(), is_table=True
)
_NAMES = ValueType("a list of names", _ignored, ", ".join, toml=(), is_list=True)
_STYLE = ValueType(RIGHT, _style, toml=(str, int))
_THEME = ValueType(
    f"{one_of(*THEMES).right}, or a table with any of base, {', '.join(ELEMENTS)}",
    one_of(*THEMES).parse,
    toml=(str,),
    keys={
        "base": one_of(*THEMES),
        **dict.fromkeys(ELEMENTS, _STYLE),
        "names": dataclasses.replace(_STYLE, parse=styles_of_names),
    },
)

SETTINGS = table(
    [
        _required(
            name="address",
            type=server(),
            metavar="HOST[:PORT][,...]",
            about="the server, or several of one chat, or a link pylingo://…",
            default=_SERVER,
            positional=True,
        ),
        _required(name="name", type=_NAME, metavar="NAME", about="your name in the chat", default="your login name"),
        _required(name="room", type=_ROOM, metavar="ROOM", about="the room to join", default=DEFAULT_ROOM),
        Setting(
            name="identity",
            type=path(),
            metavar="FILE",
            about="your Ed25519 key, in OpenSSH's format",
            default="one is made in the platform's folder, and offered over TLS",
        ),
        Setting(name="layout", type=one_of(*LAYOUTS), metavar="LAYOUT", about="where the input line is", default="top"),
        Setting(name="colors", type=flag(), about="names have colours", source=Source.FILE),
        Setting(name="times", type=flag(), about="each line has its time", source=Source.FILE),
        Setting(name="bell", type=flag(), about="the terminal rings when a message calls you", source=Source.FILE),
        Setting(name="mouse", type=flag(), about="the wheel scrolls, and a click acts", source=Source.FILE),
        Setting(name="people", type=flag(), about="a wide window lists the people in the room", source=Source.FILE),
        Setting(name="theme", type=_THEME, about="how it looks", default="dark", source=Source.FILE),
        Setting(
            name="names",
            type=one_of(*NAME_PLACES),
            about="where the names of speakers are",
            default="plain",
            source=Source.FILE,
        ),
        Setting(
            name="notify",
            type=_LEVEL,
            about="which messages ring and, while you look elsewhere, show a notification",
            source=Source.FILE,
        ),
        Setting(
            name="notify_with",
            type=one_of("auto", "9", "99", "777", "bell"),
            about="the sequence that shows a notification in your terminal, by its number",
            source=Source.FILE,
        ),
        Setting(
            name="notify_rooms", type=_LEVELS, about="the same for single rooms, which /notify sets", source=Source.FILE
        ),
        Setting(
            name="history",
            type=flag(),
            about="the lines that you type are kept for the next run",
            source=Source.FILE,
        ),
        Setting(name="ignored", type=_NAMES, about="people whose messages are hidden", source=Source.FILE),
    ]
)
"""The settings of the file. `options` adds those of the command line alone."""


@dataclass(slots=True)
class Preferences:
    """The settings that can change while the client runs.

    `ignored` has compared names (`shared.names.fold`), and `notify_rooms` has places (`room_place`). `styles` are the
    person's own, by element (`themes.ELEMENTS`).
    """

    layout: str = "top"
    colors: bool = True
    times: bool = True
    bell: bool = True
    ignored: set[str] = field(default_factory=set)
    theme: str = "dark"
    names: str = "plain"
    people: bool = True
    styles: Mapping[str, tuple[Style, ...]] = field(default_factory=dict)
    mouse: bool = True
    notify: str = "mention"
    notify_with: str = "auto"
    notify_rooms: dict[str, str] = field(default_factory=dict)


PREFERENCES = tuple(name for name in Preferences.__dataclass_fields__ if name in SETTINGS)


@dataclass(slots=True)
class ClientSettings:
    """The contents of the file: the server, the name, the room and the preferences."""

    address: Link | None = None
    name: str | None = None
    room: str | None = None
    identity: str | None = None
    preferences: Preferences = field(default_factory=Preferences)
    history: bool = True


def default_path() -> Path | None:
    """Return the path of the file if no other is named; None without a home folder."""
    from platformdirs import user_config_path

    try:
        path = user_config_path("pylingo", appauthor=False) / "config.toml"
    except RuntimeError:  # older versions return a relative path
        return None
    return path if path.is_absolute() else None


def load(path: Path) -> ClientSettings:
    """Read the file. Raises `OSError` if it cannot be read, and `LaunchError` if a setting in it is wrong."""
    try:
        file = SettingsFile(path, path.read_bytes())
    except ValueError as error:
        raise LaunchError(str(error)) from None
    names = ", ".join(name for name, setting in SETTINGS.items() if Source.FILE in setting.source)
    values = read_file(SETTINGS, file, f"the settings are {names}")
    preferences = Preferences(**{name: values.pop(name) for name in PREFERENCES if name in values})
    if isinstance(preferences.theme, dict):
        preferences.styles = preferences.theme
        preferences.theme = preferences.styles.pop("base", Preferences().theme)
    return ClientSettings(**values, preferences=preferences)


def save(path: Path, before: Preferences, after: Preferences) -> None:
    """Write the differences between `before` and `after` into the file, and change nothing else.

    Another window may have changed other preferences, so the file is locked, read again and replaced as a whole. Raises
    `OSError`, and `ValueError` if the file is not TOML any more.
    """
    changed = [name for name in PREFERENCES if getattr(before, name) != getattr(after, name)]
    if not changed:
        return
    with locked(path) as target:
        file = SettingsFile(path, target.read_bytes())
        text = _changed(file, changed, before, after)
        if text != file.text:
            replace(target, text)


def _changed(file: SettingsFile, names: Sequence[str], before: Preferences, after: Preferences) -> str:
    import tomlkit

    document = tomlkit.parse(file.text.removeprefix(BOM))
    for name in names:
        value = getattr(after, name)
        if name == "theme" and isinstance(document.get(name), dict):
            document[name]["base"] = value
        elif name == "notify_rooms":
            if not _is_right(file, name):
                document[name] = {}
            _change_levels(document[name], before.notify_rooms, value)
        elif name != "ignored":
            if repr(file.values.get(name)) != repr(value):
                document[name] = value
        elif _is_right(file, name):
            _change_names(document[name], value - before.ignored, before.ignored - value)
        else:
            document[name] = sorted(value)
    return (BOM if file.text.startswith(BOM) else "") + tomlkit.dumps(document)


def _is_right(file: SettingsFile, name: str) -> bool:
    """Whether the file has a right value for a setting."""
    try:
        SETTINGS[name].type.read_toml(file.values.get(name))
    except ValueError:
        return False
    return True


def _change_levels(levels: Any, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Change the levels of rooms that differ. Their names stay as they were typed."""
    typed = {_place(place): place for place in levels}
    for place in sorted(before.keys() | after.keys()):
        if before.get(place) == after.get(place):
            continue
        if place in after:
            levels[typed.get(place, place)] = after[place]
        else:
            levels.pop(typed.get(place, place), None)


def _change_names(names: Any, more: set[str], fewer: set[str]) -> None:
    """Add and remove names by their compared forms. The others stay as they were typed."""
    for index in range(len(names) - 1, -1, -1):
        if fold(names[index]) in fewer:
            del names[index]
    for name in sorted(more - set(map(fold, names))):
        names.append(name)
