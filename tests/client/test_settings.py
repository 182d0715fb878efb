"""The configuration file: what it may say, and that writing it back loses nothing."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import tempfile
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.client import locked_file
from pylingo.client import settings as module
from pylingo.client.settings import LAYOUTS, ClientSettings, Preferences, default_path, load
from pylingo.client.styles import Style
from pylingo.shared.launch import LaunchError
from pylingo.shared.link import parse_server
from tests.support import DEADLINE, ROOT

FULL = """\
address = "chat.example:7"
name = "ada"
room = "deep-end"
identity = "/keys/mine"
layout = "bottom"
colors = false
times = false
bell = false
ignored = ["Bob", "STRASSE"]
mouse = false
history = false
names = "column"
people = false
notify = "all"
notify_with = 777

[notify_rooms]
"Chat.example/Ops" = "none"
"[::1]:7/straße" = "mention"

[theme]
base = "light"
mention = "bold yellow on 17"
time = 244
own_name = "#ff8000"
names = "red, bold 33"
"""
STYLES = {
    "mention": (Style(3, 17, ("bold",)),),
    "time": (Style(244),),
    "own-name": (Style((255, 128, 0)),),
    "names": (Style(1), Style(33, None, ("bold",))),
}
ROOMS = {"chat.example:5000/ops": "none", "[::1]:7/strasse": "mention"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def read(path: Path, text: str) -> ClientSettings:
    path.write_text(text, "utf-8")
    return load(path)


# --- reading


def test_everything_is_as_it_comes() -> None:
    assert ClientSettings().preferences == Preferences("top", True, True, True, set())


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n"])
def test_an_empty_file_changes_nothing(path: Path, text: str) -> None:
    assert read(path, text) == ClientSettings()


def test_every_key(path: Path) -> None:
    preferences = Preferences(
        "bottom",
        False,
        False,
        False,
        {"bob", "strasse"},
        mouse=False,
        notify="all",
        notify_with="777",
        notify_rooms=ROOMS,
    )
    preferences.names, preferences.theme, preferences.styles = "column", "light", STYLES
    preferences.people = False
    assert read(path, FULL) == ClientSettings(
        parse_server("chat.example:7"), "ada", "deep-end", "/keys/mine", preferences, history=False
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(path: Path, layout: str) -> None:
    assert read(path, f'layout = "{layout}"').preferences.layout == layout


WRONG = ["1", "true", "1.5", '""', '" "', "[]", '["top"]', "{a = 1}", "2020-01-01", '"left"', "[1]", '[""]', "nan"]
FITS = {
    "address": ['"left"'],
    "name": ['"left"'],
    "room": ['"left"'],
    "layout": [],
    "colors": ["true"],
    "times": ["true"],
    "bell": ["true"],
    "history": ["true"],
    "ignored": ["[]", '["top"]'],
    "theme": [],
    "names": [],
    "people": ["true"],
    "mouse": ["true"],
    "notify": [],
    "notify_with": [],
    "notify_rooms": [],
}


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("key", FITS)
def test_a_value_of_the_wrong_type_is_named_in_one_line(path: Path, key: str, value: str) -> None:
    if value in FITS[key]:
        read(path, f"{key} = {value}")
        return
    with pytest.raises(LaunchError) as caught:
        read(path, f"{key} = {value}")
    assert f"{path}:1: {key} must be " in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_theme_is_a_name_or_a_table(path: Path) -> None:
    assert read(path, 'theme = "high-contrast"').preferences == Preferences(theme="high-contrast")
    assert read(path, "[theme]\n").preferences == Preferences()
    assert read(path, "[theme]\nown = ''").preferences == Preferences(styles={"own": (Style(),)})
    assert read(path, "theme = {base = 'light'}").preferences == Preferences(theme="light")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# mine\n[theme]\ntime = 1\nmention = 'bld'", ":4: theme.mention must be a style such as bold "),
        ("[theme]\nmention = 'bold on'", ":2: theme.mention must be a style such as bold"),
        ("[theme]\nmention = 256", ":2: theme.mention must be a style such as bold"),
        ("[theme]\nmention = ['bold']", ":2: theme.mention must be a style such as bold"),
        ("[theme]\nnames = 'red, bl'", ":2: theme.names must be a style such as bold"),
        ("theme = {mention = 'bld'}", ":1: theme.mention must be a style such as bold"),
        ("time = 1\n[theme]", ":1: there is no setting 'time'"),
        ("names = 'column'\n[theme]\nnames = 'x'", ":3: theme.names must be "),
        ("[theme]\nbase = 'gray'", ":2: theme.base must be one of dark, light, high-contrast, not 'gray'"),
        (
            "[theme]\nmentions = 'bold'",
            ":2: theme must be one of dark, light, high-contrast, or a table with any of base",
        ),
        ("[theme.mention]\ncolor = 1", ":1: theme.mention must be "),
        ("[theme]\nown-name = 1\nown_name = 1", ":3: theme.own-name is given twice, with - and with _"),
    ],
)
def test_a_wrong_style_is_one_sentence_with_its_key_and_what_is_right(path: Path, text: str, words: str) -> None:
    with pytest.raises(LaunchError) as caught:
        read(path, text)
    assert f"{path}{words}" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'color = "x"',
            "there is no setting 'color' (the settings are address, name, room, identity, layout, colors, times,",
        ),
        ("[preferences]\nbell = true", "there is no setting 'preferences'"),
        ("layout = top", "is not valid TOML"),
        ("bell = true\nbell = true", "is not valid TOML"),
    ],
)
def test_a_value_that_cannot_be_written_is_refused(path: Path, text: str, words: str) -> None:
    with pytest.raises(LaunchError) as caught:
        read(path, text)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_cannot_be_read(path: Path) -> None:
    path.write_bytes(b'room = "a"\nname = "\xff"')
    with pytest.raises(LaunchError, match=r"config\.toml:2: this is not UTF-8"):
        load(path)
    with pytest.raises(OSError, match="directory"):
        load(path.parent)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# a comment\n\nbell = 1\n", ":3: bell must be true or false, not 1"),
        ('room = "a"\r\n  "layout" = "left"\r\n', ":2: layout must be one of "),
        ("bell = true\n\ncolor = 1", ":3: there is no setting 'color'"),
        ("bell = true\n\n[window]\nx = 1", ":3: there is no setting 'window'"),
        ("bell = true\nlayout = top", ":2: this is not valid TOML: Invalid value"),
        ("bell = true\nbell = true", ":2: this is not valid TOML: Cannot overwrite a value"),
        ('room = "a"\n\nname = "ada\n', ":3: this is not valid TOML: "),
        ("room = 1\nignored = [", ":2: this is not valid TOML: "),
        ("\ufeffbell = 1", ":1: bell must be true or false"),
    ],
)
def test_an_error_names_the_file_and_the_line(path: Path, text: str, words: str) -> None:
    path.write_bytes(text.encode())
    with pytest.raises(LaunchError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}{words}")


def test_a_mark_before_the_text_and_the_ends_of_lines_stay(path: Path) -> None:
    """As Windows' editors write it."""
    before = '\ufeffname = "ada"\r\n# loud\r\nbell = true\r\n'
    path.write_bytes(before.encode())
    assert load(path).name == "ada"
    save(path, Preferences(bell=False))
    assert path.read_bytes() == before.replace("true", "false").encode()


def test_guests_are_somebody_else_the_next_time(path: Path) -> None:
    assert read(path, 'ignored = ["guest-2", "Guest-٣", "guest-x"]\n').preferences.ignored == {"guest-x"}


def test_the_file_is_in_the_folder_of_the_platform() -> None:
    path = default_path()
    assert path is not None
    assert path.name == "config.toml"
    assert path.parent.name == "pylingo"


def test_without_a_home_there_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert default_path() is None


# --- writing


def save(path: Path, after: Preferences) -> None:
    """Act as a window that has read the file as it is."""
    try:
        before = load(path).preferences
    except (OSError, LaunchError):
        before = Preferences()
    module.save(path, before, after)


def test_changes_of_another_window_stay(path: Path) -> None:
    path.write_text('ignored = ["Cy"]\n')
    one, two = load(path).preferences, load(path).preferences
    before = deepcopy(one)
    one.ignored = {"cy", "bob"}
    one.layout = "bottom"
    module.save(path, before, one)
    two.times = False
    two.ignored = {"ada"}
    module.save(path, before, two)
    assert load(path).preferences == Preferences(layout="bottom", times=False, ignored={"bob", "ada"})


def test_the_levels_of_rooms_are_changed_one_by_one(path: Path) -> None:
    path.write_text('[notify_rooms]\n"Chat.example/Ops" = "all"  # loud\n"b/lobby" = "none"\n')
    one, two = load(path).preferences, load(path).preferences
    before = deepcopy(one)
    one.notify_rooms["chat.example:5000/ops"] = "mention"
    one.notify_rooms["c:7/new"] = "all"
    module.save(path, before, one)
    two.notify_rooms.pop("b:5000/lobby")
    two.layout = "bottom"
    module.save(path, before, two)
    assert path.read_text() == (
        'layout = "bottom"\n\n[notify_rooms]\n"Chat.example/Ops" = "mention"  # loud\n"c:7/new" = "all"\n'
    )
    assert load(path).preferences == Preferences(
        layout="bottom", notify_rooms={"chat.example:5000/ops": "mention", "c:7/new": "all"}
    )


@pytest.mark.parametrize("text", ["", "notify_rooms = 1\n", '[notify_rooms]\n"no room" = "all"\n'])
def test_levels_are_written_where_there_is_no_right_table(path: Path, text: str) -> None:
    path.write_text(text)
    save(path, Preferences(notify_rooms={"b:7/ops": "none"}, bell=False))
    assert load(path).preferences == Preferences(notify_rooms={"b:7/ops": "none"}, bell=False)


@pytest.mark.parametrize(
    "entry",
    ['"ops" = "all"', '"b/" = "all"', '"b:x/ops" = "all"', '"b/ops" = "loud"', '"b/ops" = 1', "b.ops = 'all'"],
)
def test_a_wrong_level_or_place_is_named(path: Path, entry: str) -> None:
    with pytest.raises(LaunchError, match="toml:2: notify_rooms must be a table of rooms, HOST:PORT/ROOM, with one of"):
        read(path, f"\n[notify_rooms]\n{entry}\n")


def test_many_at_once_lose_nothing(path: Path) -> None:
    """Processes, as a lock may hold for a process."""
    program = (
        "import sys, pathlib\n"
        "from pylingo.client import locked_file\n"
        "from pylingo.client.settings import Preferences, save\n"
        "locked_file.PATIENCE = 60.0\n"
        "path, name = pathlib.Path(sys.argv[1]), sys.argv[2]\n"
        "sys.stdin.read()\n"
        "seen = set()\n"
        "for number in range(10):\n"
        "    more = seen | {f'{name}{number}'}\n"
        "    save(path, Preferences(ignored=seen), Preferences(ignored=more))\n"
        "    seen = more\n"
    )
    names = ["ada", "bob", "cy", "dan"]
    children = [
        subprocess.Popen([sys.executable, "-c", program, str(path), name], stdin=subprocess.PIPE, cwd=ROOT)
        for name in names
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
    assert [child.wait(DEADLINE) for child in children] == [0] * len(names)
    assert load(path).preferences.ignored == {f"{name}{number}" for name in names for number in range(10)}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_lock_that_does_not_end_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locked_file, "PATIENCE", 0.0)
    path.write_text("bell = true\n")
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="is locked by another program"):
            save(path, Preferences(bell=False))
    save(path, Preferences(bell=False))
    assert path.read_text() == "bell = false\n"


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_it_is_written_without(path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def none(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", none)
    save(path, Preferences(bell=False))
    assert path.read_text() == "bell = false\n"


def test_a_changed_preference_is_read_again(path: Path) -> None:
    preferences = Preferences("inline", colors=False, times=False, bell=False, ignored={"bob", "álvaro", "漢字"})
    save(path, preferences)
    assert load(path).preferences == preferences
    save(path, Preferences())
    assert load(path) == ClientSettings()


def test_only_what_is_not_as_it_comes_is_written(path: Path) -> None:
    save(path, Preferences(layout="bottom"))
    assert path.read_text("utf-8") == 'layout = "bottom"\n'
    save(path, Preferences(times=False))
    assert path.read_text("utf-8") == 'layout = "top"\ntimes = false\n', "what stands there stays"


def test_nothing_is_written_where_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    save(path, Preferences())
    assert list(tmp_path.iterdir()) == []
    save(path, Preferences(bell=False))
    before = path.stat()
    save(path, Preferences(bell=False))
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


COMMENTED = """\
# my chat

address = "chat.example"   # at work
layout   =  "bottom" # as in irssi

# who is loud
ignored = [
    "bob", # again and again
]
# the end"""


def test_comments_and_everything_else_stay(path: Path) -> None:
    settings = read(path, COMMENTED)
    settings.preferences.layout = "top"
    settings.preferences.bell = False
    save(path, settings.preferences)
    text = path.read_text("utf-8")
    for words in ("# my chat\n\n", '"chat.example"   # at work\n', "# as in irssi\n", "# who is loud\n", "# the end\n"):
        assert words in text
    assert "# again and again" in text, "a list that is as it was is not written anew"
    again = load(path)
    assert again == settings
    assert again.address == parse_server("chat.example")


THEMED = """\
bell = false  # quiet

[theme]  # mine
base = "light" # the sun
mention = "bold yellow"
"""


def test_a_table_of_styles_stays_when_its_theme_changes(path: Path) -> None:
    settings = read(path, THEMED)
    settings.preferences.theme = "dark"
    save(path, settings.preferences)
    assert path.read_text("utf-8") == THEMED.replace('"light"', '"dark"')
    settings.preferences.layout = "bottom"
    save(path, settings.preferences)
    assert load(path) == settings
    assert "# mine" in path.read_text("utf-8")


def test_a_table_of_styles_gets_a_theme(path: Path) -> None:
    settings = read(path, "[theme]\nmention = 'bold'\n")
    settings.preferences.theme = "light"
    save(path, settings.preferences)
    assert load(path) == settings


def test_a_theme_is_saved_by_its_name(path: Path) -> None:
    save(path, Preferences(theme="light"))
    assert path.read_text("utf-8") == 'theme = "light"\n'


def test_names_stay_as_they_were_written(path: Path) -> None:
    settings = read(path, 'ignored = ["Bob"]\n')
    save(path, settings.preferences)
    assert path.read_text("utf-8") == 'ignored = ["Bob"]\n'


def test_names_that_come_and_go_leave_the_others_as_they_were_written(path: Path) -> None:
    settings = read(path, 'ignored = [\n    "Bob", # loud\n    "Cy",\n]\n')
    settings.preferences.ignored |= {"zoe", "ada"}
    settings.preferences.ignored -= {"cy"}
    save(path, settings.preferences)
    assert "Bob" in path.read_text("utf-8")
    assert "# loud" in path.read_text("utf-8")
    assert load(path) == settings
    settings.preferences.ignored.clear()
    save(path, settings.preferences)
    assert load(path) == settings


@given(
    st.lists(st.sampled_from(["Ada", "ADA", "bob", "cy", "漢字"]), max_size=5),
    st.sets(st.sampled_from(["ada", "bob", "cy", "dan", "漢字"])),
    st.sampled_from(["", "\n", " # why\n"]),
    st.sampled_from(["", ","]),
)
def test_any_list_of_names_becomes_any_other(before: list[str], wanted: set[str], gap: str, comma: str) -> None:
    names = f",{gap}".join(f'"{name}"' for name in before) + (comma if before else "")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(f"ignored = [{names}{gap}]\nbell = false\n", "utf-8")
        save(path, Preferences(bell=False, ignored=wanted))
        assert load(path).preferences == Preferences(bell=False, ignored=wanted)


@pytest.mark.parametrize("value", ["5", '"bob"', "[1]", "{}"])
def test_a_value_that_went_wrong_meanwhile_is_replaced(path: Path, value: str) -> None:
    path.write_text(f"ignored = {value}\nlayout = {value}\n", "utf-8")
    save(path, Preferences(layout="bottom", ignored={"ada"}))
    assert load(path).preferences == Preferences(layout="bottom", ignored={"ada"})


def test_a_link_stays_a_link(tmp_path: Path, path: Path) -> None:
    target = tmp_path / "dotfiles" / "pylingo.toml"
    target.parent.mkdir()
    target.write_text('name = "ada"\n', "utf-8")
    path.symlink_to(target)
    save(path, Preferences(bell=False))
    assert path.is_symlink()
    assert target.read_text("utf-8") == 'name = "ada"\nbell = false\n'
    assert [file.name for file in target.parent.iterdir()] == ["pylingo.toml"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_the_file_keeps_its_mode(path: Path, mode: int) -> None:
    path.write_text("")
    path.chmod(mode)
    save(path, Preferences(bell=False))
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_is_ones_own_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "config.toml"
    save(path, Preferences(bell=False))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load(path).preferences.bell is False


@pytest.mark.parametrize("step", ["mkstemp", "replace"])
def test_a_failure_leaves_the_old_file_whole(path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path.write_text(COMMENTED, "utf-8")

    def fail(*arguments: object, **named: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(locked_file.tempfile if step == "mkstemp" else os, step, fail)
    with pytest.raises(PermissionError):
        save(path, Preferences(bell=False))
    assert path.read_text("utf-8") == COMMENTED
    assert [file.name for file in path.parent.iterdir()] == [path.name], "no half of a file is left"


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"directory|File exists"):
        save(tmp_path / "file" / "config.toml", Preferences(bell=False))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(path: Path) -> None:
    path.write_text(COMMENTED, "utf-8")
    path.parent.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            save(path, Preferences(bell=False))
        assert path.read_text("utf-8") == COMMENTED
    finally:
        path.parent.chmod(0o700)


@pytest.mark.parametrize("broken", [b"layout = top", b'name = "\xff"'])
def test_a_file_that_was_broken_meanwhile_is_not_touched(path: Path, broken: bytes) -> None:
    path.write_bytes(broken)
    with pytest.raises(ValueError, match=r"config\.toml:1: this is not"):
        save(path, Preferences(bell=False))
    assert path.read_bytes() == broken


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    link = tmp_path / "config.toml"
    link.symlink_to(os.devnull)
    with pytest.raises(OSError, match="not a plain file"):
        save(link, Preferences(layout="bottom"))
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize("text", ["name = " + "[" * 5_000, "room = " + "1" * 5_000])
def test_a_value_that_toml_cannot_take_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(LaunchError):
        load(path)
