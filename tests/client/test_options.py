"""The client's command line."""

import getpass
import os
from pathlib import Path

import pytest

from pylingo.client import options
from pylingo.client.options import ClientOptions, login_name, parse_arguments
from pylingo.client.settings import DEFAULT_ROOM, LAYOUTS, Preferences
from pylingo.shared import __version__
from pylingo.shared.launch import LaunchError
from pylingo.shared.link import parse_link

LINK = f"pylingo://chat.example:7/ops?invite=s3cret#SHA256:{'A' * 43}"

GOOD = {
    "nothing": ([], {}),
    "a host": (["chat.example"], {"host": "chat.example"}),
    "host and port": (["chat.example:7"], {"host": "chat.example", "port": 7}),
    "IPv6": (["[::1]:7"], {"host": "::1", "port": 7}),
    "a name": (["--name", "alice"], {"name": "alice"}),
    "a name with =": (["--name=alice"], {"name": "alice"}),
    "a name that the server may refuse": (["--name", "no name"], {"name": "no name"}),
    "an empty name": (["--name", ""], {}),
    "a room": (["--room", "deep-end"], {"room": "deep-end", "is_room_given": True}),
    "a room with #": (["--room", "#deep-end"], {"room": "deep-end", "is_room_given": True}),
    "a room in NFC": (["--room", "u\u0308ber"], {"room": "über", "is_room_given": True}),
    "no room": (["--room", ""], {"room": None, "is_room_given": True}),
    "several servers": (["a,[::1]:6,b:7"], {"host": "a", "others": (("::1", 6), ("b", 7))}),
    "a link to several servers": (
        [LINK.replace(":7/", ":7,b/")],
        {
            "host": "chat.example",
            "port": 7,
            "others": (("b", 5000),),
            "room": "ops",
            "is_room_given": True,
            "link": parse_link(LINK.replace(":7/", ":7,b/")),
        },
    ),
    "a link": (
        [LINK],
        {"host": "chat.example", "port": 7, "room": "ops", "is_room_given": True, "link": parse_link(LINK)},
    ),
    "a link and a room": (
        [LINK, "--room", "r"],
        {"host": "chat.example", "port": 7, "room": "r", "is_room_given": True, "link": parse_link(LINK)},
    ),
    "without TLS": (["chat.example", "--plain"], {"host": "chat.example", "is_unencrypted": True}),
    "new servers": (["--accept-new"], {"accept_new": True}),
    "a key": (["--identity", "/keys/mine"], {"identity": Path("/keys/mine")}),
    "JSON": (["--json"], {"as_json": True}),
    "text": (["--text"], {"only_text": True}),
    "a recipient": (["--to", "grace"], {"to": "grace", "room": None}),
    "a guest as the recipient": (["--to", "guest-7"], {"to": "guest-7", "room": None}),
    "a recipient and a room": (["--to=grace", "--room", "r"], {"to": "grace", "room": "r", "is_room_given": True}),
    "no state": (["--no-state"], {"keeps_state": False, "keeps_history": False}),
    "no return": (["--retry", "0"], {"retry": 0.0, "insist": True}),
    "a patient return": (["--retry=2.5"], {"retry": 2.5, "insist": True}),
    "a layout": (["--layout", "inline"], {"preferences": Preferences(layout="inline")}),
    "all at once": (
        ["--json", "--room", "r", "a:1", "--name", "n"],
        {"host": "a", "port": 1, "name": "n", "room": "r", "is_room_given": True, "as_json": True},
    ),
}
BAD = {
    "a port that is none": (["host:http"], "a port must be a whole number from 1 to 65535"),
    "port 0": (["host:0"], "a port must be a whole number"),
    "an address with two ports": (["host:1:2"], "HOST, HOST:PORT or [IPV6]:PORT, not 'host:1:2'"),
    "a list with an empty place": (["a,,b"], "without an empty place"),
    "a list that is too long": ([",".join("abcdefghijklmnopq")], "can have 16 of them, not 17"),
    "an address that stands twice": (["a,b,a:5000"], "a:5000 stands twice in the list of addresses"),
    "half a bracket": (["[::1"], "HOST, HOST:PORT or [IPV6]:PORT"),
    "a room with a space": (["--room", "a b"], "--room: a room name"),
    "a room that is too long": (["--room", "x" * 65], "at most 64 characters"),
    "a room of # alone": (["--room", "#"], "--room: a room name must have 1 to 64"),
    "an empty recipient": (["--to", " "], "--to: a name must have 1 to 32 characters"),
    "a recipient that fits no frame": (["--to", "x" * 1_025], "--to: a name must have 1 to 32 characters"),
    "a recipient with a lone surrogate": (["--to", "a\udcff"], "UTF-8"),
    "a recipient that is no name": (["--to", "a b"], "--to: a name can contain only letters, digits and - _ ."),
    "a recipient left out": (["--to"], "--to"),
    "a link without TLS": ([LINK, "--plain"], "pylingo:// always means TLS"),
    "a link that is cut": ([LINK[:-1]], "a fingerprint must be SHA256: and 43 characters"),
    "a password file that is not there": (["--password-file", "/nonexistent"], "/nonexistent: No such file"),
    "an empty password file": (["--password-file", "/dev/null"], "must have 1 to 1024 characters"),
    "an unknown option": (["--nope"], "--nope"),
    "an option cut short": (["--na", "alice"], "--na"),
    "two addresses": (["a", "b"], "unrecognized arguments: b"),
    "a name left out": (["--name"], "--name"),
    "a time that is none": (["--retry", "soon"], "--retry must be a number from 0 to 1000000, not 'soon'"),
    "a time before now": (["--retry=-1"], "--retry must be a number"),
    "no number": (["--retry", "nan"], "--retry must be a number"),
    "for ever": (["--retry", "inf"], "--retry must be a number"),
    "an unknown layout": (["--layout", "left"], "--layout"),
    "a layout left out": (["--layout"], "--layout"),
    "a file that is not there": (["--config", "/nonexistent/pylingo.toml"], "there is no such file"),
    "a folder for a file": (["--config", "/"], "/: "),
    "a value for --json": (["--json=yes"], "--json"),
    "an address with a lone surrogate": (["a\udcff"], "UTF-8"),
    "a name with a lone surrogate": (["--name", "a\udcff"], "UTF-8"),
    "a room with a lone surrogate": (["--room", "a\udcff"], "UTF-8"),
}


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "login")


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The path of the settings file, away from the one of the user who runs the tests."""
    path = tmp_path / "config.toml"
    monkeypatch.setattr(options, "default_path", lambda: path)
    return path


@pytest.mark.parametrize(("arguments", "given"), GOOD.values(), ids=GOOD)
def test_options(arguments: list[str], given: dict[str, object]):
    assert parse_arguments(arguments) == ClientOptions(**{"name": "login", **given})  # type: ignore[arg-type]


def test_several_servers_are_one_server_for_the_rest_of_the_program():
    options = parse_arguments(["a,b:7"])
    assert options.server.addresses == (("a", 5000), ("b", 7))
    assert not options.server.is_link


def test_the_defaults():
    assert parse_arguments([]) == ClientOptions(
        host="127.0.0.1", port=5000, name="login", room="lobby", as_json=False, retry=60.0
    )
    assert DEFAULT_ROOM == "lobby"


@pytest.mark.parametrize(("arguments", "words"), BAD.values(), ids=BAD)
def test_a_mistake_is_said_in_one_line_with_status_2(arguments: list[str], words: str):
    with pytest.raises(LaunchError) as caught:
        parse_arguments(arguments)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.status == 2


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--help", "a line that begins with // is sent with one slash"),
        ("--help", "Exit status: 0 after everything was confirmed"),
        ("--help", "128 + N after signal N"),
        ("--version", __version__),
    ],
)
def test_help_and_version_end_well(option: str, words: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        parse_arguments([option])
    assert caught.value.code == 0
    shown = capsys.readouterr()
    assert words in " ".join(shown.out.split()).replace("A line", "a line")
    assert shown.err == ""


@pytest.mark.parametrize("error", [OSError, KeyError, ImportError])
def test_without_a_login_name_one_stays_the_guest(monkeypatch: pytest.MonkeyPatch, error: type[Exception]):
    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert login_name() is None
    assert parse_arguments([]).name is None
    assert parse_arguments(["--name", "alice"]).name == "alice"


def test_a_login_name_that_has_no_utf8_is_not_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "al\udcffice")  # a stray byte in $LOGNAME becomes a surrogate
    try:
        name = parse_arguments([]).name
    except LaunchError:
        return
    assert name is None or name.encode()


def test_a_link_is_read_from_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pylingo.client.prompt.read_link", lambda: LINK)
    assert parse_arguments(["-"]).link == parse_link(LINK)
    assert parse_arguments(["--name", "-"]).name == "-"
    monkeypatch.setattr("pylingo.client.prompt.read_link", lambda: "chat.example")
    with pytest.raises(LaunchError, match="a link must be pylingo://"):
        parse_arguments(["-"])


def test_a_password_is_in_a_file_or_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PYLINGO_PASSWORD", raising=False)
    assert parse_arguments([]).password is None
    monkeypatch.setenv("PYLINGO_PASSWORD", "from outside")
    assert parse_arguments([]).password == "from outside"
    path = tmp_path / "password"
    path.write_bytes(b"hunter2\r\nmore\n")
    assert parse_arguments(["--password-file", str(path)]).password == "hunter2"
    path.write_bytes(b"\xff\n")
    with pytest.raises(LaunchError, match="not UTF-8"):
        parse_arguments(["--password-file", str(path)])


def test_nothing_secret_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYLINGO_PASSWORD", "s3cret")
    assert "s3cret" not in repr(parse_arguments([LINK]))
    for arguments in ([LINK + "x"], [LINK, "--plain"], [LINK.replace("/ops", "/o ps")]):
        with pytest.raises(LaunchError) as caught:
            parse_arguments(arguments)
        assert "s3cret" not in str(caught.value)


# --- the configuration file

FILE = """\
address = "chat.example:7"
name = "ada"
room = "#Deep-End"
layout = "bottom"
colors = false
ignored = ["Bob"]
"""
IN_FILE = {"host": "chat.example", "port": 7, "name": "ada", "room": "Deep-End"}
LIKES = Preferences(layout="bottom", colors=False, ignored={"bob"})


def test_the_file_stands_in_for_the_command_line(config: Path):
    config.write_text(FILE)
    found = parse_arguments([])
    assert found == ClientOptions(**IN_FILE, preferences=LIKES)  # type: ignore[arg-type]
    assert found.config == config


def test_the_file_turns_the_input_history_off(config: Path):
    config.write_text("history = false")
    options = parse_arguments([])
    assert (options.keeps_state, options.keeps_history) == (True, False)


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["other"], {"host": "other", "port": 5000}),
        (["--name", "eve"], {"name": "eve"}),
        (["--name", ""], {"name": "login"}),
        (["--room", "lobby"], {"room": "lobby", "is_room_given": True}),
        (["--to", "grace"], {"to": "grace", "room": None}),
        (["--room", ""], {"room": None, "is_room_given": True}),
        (["--layout", "top"], {"preferences": Preferences(layout="top", colors=False, ignored={"bob"})}),
    ],
)
def test_the_command_line_goes_before_the_file(config: Path, arguments: list[str], given: dict[str, object]):
    config.write_text(FILE)
    assert parse_arguments(arguments) == ClientOptions(**{**IN_FILE, "preferences": LIKES, **given})  # type: ignore[arg-type]


def test_another_file(config: Path, tmp_path: Path):
    config.write_text("nonsense")
    other = tmp_path / "other.toml"
    other.write_text('name = "eve"')
    found = parse_arguments(["--config", str(other)])
    assert (found.name, found.host, found.config) == ("eve", "127.0.0.1", other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "is not valid TOML"),
        ("port = 7", "there is no setting 'port'"),
        ('layout = "left"', "layout must be one of top, bottom, inline, plain, not 'left'"),
        ('\nroom = "a b"', ":2: room: a room name"),
        ('address = "host:http"', "address: a port must be a whole number"),
        (f'name = "{"x" * 1_025}"', "a name must have at most 32 characters"),
    ],
)
def test_a_mistake_in_the_file_is_said_in_one_line_with_status_2(config: Path, text: str, words: str):
    config.write_text(text)
    with pytest.raises(LaunchError) as caught:
        parse_arguments([])
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(config)), "nobody looks for it on the command line"
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.status == 2


@pytest.mark.parametrize("parent", ["a file", "not to be entered", "a loop"])
def test_a_folder_s_fault_keeps_nobody_from_a_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, parent: str):
    folder = tmp_path / "home"
    match parent:
        case "a file":
            folder.write_text("")
        case "not to be entered":
            if os.geteuid() == 0:
                pytest.skip("root may enter everywhere")
            folder.mkdir(0o000)
        case "a loop":
            folder.symlink_to(folder)
    path = folder / "config.toml"
    monkeypatch.setattr(options, "default_path", lambda: path)
    found = parse_arguments([])
    assert found.config == path
    assert found.trouble is not None
    assert found.trouble.startswith(f"the configuration file {path} is not used: ")
    with pytest.raises(LaunchError, match=r"home/config\.toml: "):
        parse_arguments(["--config", str(path)])


def test_without_a_home_it_starts_and_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(options, "default_path", lambda: None)
    found = parse_arguments(["--layout", "bottom"])
    assert found.config is None
    assert found.preferences == Preferences(layout="bottom")
    assert found.trouble is not None
    assert "there is no home folder" in found.trouble


def test_a_file_in_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "other.toml").write_text('name = "eve"')
    assert parse_arguments(["--config=~/other.toml"]).name == "eve"  # which a shell leaves as it is


def test_no_file_is_read_for_the_help_nor_made_for_anything(config: Path, capsys: pytest.CaptureFixture[str]):
    config.write_text("nonsense")
    with pytest.raises(SystemExit):
        parse_arguments(["--help"])
    shown = capsys.readouterr().out
    assert all(layout in shown for layout in LAYOUTS)
    config.unlink()
    parse_arguments(["--layout", "inline"])
    assert not config.exists()


def test_two_runs_share_no_preferences():
    one, two = parse_arguments([]), parse_arguments([])
    one.preferences.ignored.add("bob")
    assert two.preferences == ClientOptions().preferences == Preferences()


def test_the_options_cannot_be_changed():
    with pytest.raises(AttributeError):
        options.ClientOptions().port = 1  # type: ignore[misc]
