"""The settings: from the command line, from a file, and what is said about wrong ones."""

import dataclasses
import importlib.util
import os
import unicodedata
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.reactor.bus.redis.settings import ClusterSettings, Kind, RedisAddress, parse_redis_address
from pylingo.reactor.config import LOG_LEVELS, SETTINGS, ServerSettings, cluster_settings, parse_arguments, with_data
from pylingo.reactor.engine.listener import LOOPBACK
from pylingo.shared import __version__
from pylingo.shared.launch import LaunchError
from pylingo.shared.text import MAX_MOTD

WHOLE = "a whole number from"
NUMBER = "a number from"
SIZE = "a size from"
TIME = "0 or a time from 1s to 10000d, such as 45s, 30m, 12h or 90d"
NETWORKS = "none, or a network such as 10.0.0.0/8, with nothing but 0 after its prefix"
TEN = ip_network("10.0.0.0/8")

# name: what can be written, and what it means
GOOD = {
    "host": {"127.0.0.1": "127.0.0.1", "::": "::", "localhost": "localhost"},
    "port": {"0": 0, "5000": 5000, "65535": 65535, "007": 7},
    "tls_cert": {"": ""},  # see `test_a_certificate_and_its_key_come_together`
    "tls_key": {"": ""},
    "motd": {"": "", "Grüße": "Grüße", "a\nb\tc": "a\nb\tc", "\x1b[2J": "\ufffd[2J", "x" * MAX_MOTD: "x" * MAX_MOTD},
    "log_level": {level: level for level in LOG_LEVELS} | {"DEBUG": "debug", "Info": "info"},
    "log_format": {"text": "text", "json": "json", "JSON": "json"},
    "log_file": {"": "", "/var/log/pylingo.log": "/var/log/pylingo.log"},
    "rate": {"0": 0.0, "0.0": 0.0, "0.001": 0.001, "1e6": 1e6, "4": 4.0, "0.5": 0.5, "1e3": 1000.0},
    "burst": {"1": 1, "1000000": 1_000_000},
    "queue_soft": {"1024": 1024, "1K": 1024, "64K": 65_536, "256K": 262_144, "200000": 200_000},
    "queue_hard": {"64K": 65_536, "1M": 2**20, "2G": 2**31, "4G": 2**32},
    "stall_timeout": {"0.1": 0.1, "30": 30.0, "86400": 86_400.0},
    "max_connections": {"0": 0, "1": 1, "1000000": 1_000_000},
    "max_per_address": {"0": 0, "16": 16},
    "max_seats": {"0": 0, "1": 1, "1000000": 1_000_000},
    "exempt": {
        "none": (),
        "": LOOPBACK,
        "127.0.0.0/8": LOOPBACK,
        "10.0.0.0/8": (*LOOPBACK, TEN),
        "none, 10.0.0.0/8 ,192.0.2.1": (TEN, ip_network("192.0.2.1/32")),
        "::ffff:10.0.0.0/104": (*LOOPBACK, TEN),
        "2001:db8::/32": (*LOOPBACK, ip_network("2001:db8::/32")),
    },
    "proxy_protocol": {"none": (), "": (), "10.0.0.0/8": (TEN,), "192.0.2.1": (ip_network("192.0.2.1/32"),)},
    "accepts": {"1": 1, "4096": 4096},
    "coalesce": {"0": 0.0, "5ms": 0.005, "0.1": 0.1},
    "first_frame_timeout": {"2.5": 2.5},
    "frame_timeout": {"2.5": 2.5},
    "ping_after": {"2.5": 2.5},
    "ping_timeout": {"2.5": 2.5},
    "tcp_timeout": {"2.5": 2.5, "32767": 32767.0},
    "resume_grace": {"0": 0.0, "60": 60.0, "86400": 86_400.0, "2.5": 2.5},
    "data": {"": "", "/var/lib/pylingo": "/var/lib/pylingo"},
    "no_tls": {"true": True},
    "members": {"": "", "false": "", "true": "true", "/etc/members": "/etc/members"},
    "open": {"true": True},
    "members_invite": {"true": True},
    "bans": {"": "", "/etc/pylingo/bans": "/etc/pylingo/bans"},
    "name_keep": {"0": 0.0, "180d": 15_552_000.0, "12h": 43_200.0},
    "password_file": {"": "", "/etc/password": "/etc/password"},
    "history": {"": "", "/var/lib/pylingo/chat.db": "/var/lib/pylingo/chat.db", "Grüße.db": "Grüße.db"},
    "history_memory": {"64K": 65_536, "64M": 2**26, "1024G": 2**40},
    "history_keep": {"0": 0.0, "45s": 45.0, "30m": 1_800.0, "12h": 43_200.0, "0.5d": 43_200.0, "90d": 7_776_000.0},
    "history_max": {"0": 0, "1M": 2**20, "2G": 2**31},
    "cluster": {
        "redis://h": RedisAddress(kind=Kind.SERVER, hosts=(("h", 6379),)),
        "rediss://u@h:7/1": RedisAddress(kind=Kind.SERVER, hosts=(("h", 7),), user="u", db=1, is_encrypted=True),
        "redis+unix:///run/redis.sock": RedisAddress(kind=Kind.UNIX, path="/run/redis.sock"),
        "": None,
    },
    "cluster_ca": {"": "", "/etc/ca.pem": "/etc/ca.pem"},
    "cluster_password_file": {"": "", "/etc/password": "/etc/password"},
    "cluster_name": {"pylingo": "pylingo", "a.B-9_": "a.B-9_"},
    "cluster_lanes": {"1": 1, "64": 64, "1024": 1_024},
    "cluster_patience": {"1s": 1.0, "10": 10.0, "2500ms": 2.5, "1h": 3_600.0},
    "cluster_wait": {"0": 0, "1": 1, "100": 100},
    "cluster_keep": {"10": 10, "1000": 1_000, "1000000": 1_000_000},
    "workers": {"0": 0},  # see `test_workers_need_a_redis`
    "irc_port": {
        "0": ("127.0.0.1", 0),
        "6667": ("127.0.0.1", 6_667),
        "irc.example.org:6667": ("irc.example.org", 6_667),
        "[::1]:7": ("::1", 7),
        "": None,
    },
    "irc_tls_port": {"0.0.0.0:6697": ("0.0.0.0", 6_697), "": None},
    "irc_name": {"irc.example.org": "irc.example.org", "a": "a"},
    "metrics": {"9464": ("127.0.0.1", 9_464), "[::]:9464": ("::", 9_464), "": None},
    "drain_timeout": {"2.5": 2.5},
}
DIGITS = "9" * 5_000  # more than the interpreter converts

PORT = "PORT, HOST:PORT or [IPV6]:PORT"

# name: what cannot be written; and what is said to be right
BAD = {
    "tls_cert": (["a\0b", "~nobody-of-that-name/x"], "a path without NUL"),
    "tls_key": (["a\0b", "~nobody-of-that-name/x"], "a path without NUL"),
    "host": (["", " ", "\t"], "an address or a host name, such as 127.0.0.1 or :: for all addresses"),
    "port": (["-1", "65536", "http", "", "5000.0", "0x10", "1_000", " 5", "5\n", "٣", "²", DIGITS], WHOLE),
    "motd": (["x" * (MAX_MOTD + 1)], f"at most {MAX_MOTD} characters"),
    "log_level": (["", "loud", "warn", "10"], "one of debug, info, warning, error, critical"),
    "log_format": (["", "xml"], "one of text, json"),
    "bans": (["a\0b", "~nobody-of-that-name/b"], "a path without NUL"),
    "log_file": (["a\0b", "~nobody-of-that-name/l"], "a path without NUL"),
    "rate": (
        ["-1", "nan", "inf", "-inf", "1e7", "", "fast", "4/s", "1e-7", "1e-320", "0.0009", " 4", "1_0", "٤", DIGITS],
        "0 or a number from 0.001 to 1000000",
    ),
    "burst": (["0", "1000001", "-1", "1.5"], WHOLE),
    "queue_soft": (["1023", "0", "-1K", "2G", "64k", "64KB", "64 K", "K", "", "1.5K", "1K\n", "٣٠٠٠K", DIGITS], SIZE),
    "queue_hard": (["1023", "5G", "lots"], SIZE),
    "stall_timeout": (["0", "0.09", "86401", "nan", "soon"], NUMBER),
    "max_connections": (["-1", "1000001", "many"], WHOLE),
    "max_per_address": (["-1", "1000001"], WHOLE),
    "max_seats": (["-1", "1000001", "some"], WHOLE),
    "exempt": (["10.1.2.3/8", "10.0.0.0/33", "10.0.0.0 192.0.2.1", "office", "all", "::1/129"], NETWORKS),
    "proxy_protocol": (["10.1.2.3/8", "balancer"], NETWORKS),
    "data": (["a\0b", "~nobody-of-that-name/x"], "a path without NUL"),
    "no_tls": ([], ""),
    "members": (["a\0b", "~nobody-of-that-name/x"], "true for the file `members` in the folder of --data, or a path"),
    "open": ([], ""),
    "members_invite": ([], ""),
    "name_keep": (["-1", "", "90 d", "10001d"], TIME),
    "password_file": (["a\0b", "~nobody-of-that-name/x"], "a path without NUL"),
    "history": (["a\0b", "\0", "~nobody-of-that-name/x"], "a path without NUL"),
    "accepts": (["0", "4097"], WHOLE),
    "coalesce": (["0.5ms", "101ms", "5"], "0 or a time from 1ms to 100ms, such as 5ms"),
    "first_frame_timeout": (["0", "inf"], NUMBER),
    "frame_timeout": (["0", "inf"], NUMBER),
    "ping_after": (["0", "inf"], NUMBER),
    "ping_timeout": (["0", "inf"], NUMBER),
    "tcp_timeout": (["0", "inf", "32768"], "a number from 0.1 to 32767"),
    "resume_grace": (["-1", "86401", "inf", "nan", "1m", ""], NUMBER),
    "history_memory": (["0", "63K", "1025G", "much"], SIZE),
    "history_keep": (
        ["-1", "", "d", "90 d", "90D", "1e3", "1w", "0.1", "10001d", "inf", "nan", "٣d", "1d\n", DIGITS],
        TIME,
    ),
    "history_max": (["-1", "2g", "", "all", "1", "1023K"], "0 or a size from 1M to 1048576G, such as 64K or 2M"),
    "cluster": ([], ""),  # see `test_a_wrong_address_of_a_redis_is_refused_with_a_sentence_of_its_own`
    "cluster_ca": (["a\0b", "~nobody-of-that-name/x"], "a path without NUL"),
    "cluster_password_file": (["a\0b", "~nobody-of-that-name/x"], "a path without NUL"),
    "cluster_name": (["", "a b", "{a}", "a:b", "x" * 65], "1 to 64 letters, digits, dots, hyphens and underscores"),
    "cluster_lanes": (["0", "1025", "many"], WHOLE),
    "cluster_patience": (["0", "999ms", "2h", "soon"], "a time from 1s to 1h, such as 45s, 30m, 12h or 90d"),
    "cluster_wait": (["-1", "101"], WHOLE),
    "cluster_keep": (["9", "1000001", "all"], WHOLE),
    "workers": (["-1", "65", "all"], WHOLE),
    "irc_port": (["x", "65536", "-1", ":7", "::1:7", "[]:7", "h:", "h:p", "7 ", "٣"], PORT),
    "irc_tls_port": (["6697x"], PORT),
    "metrics": (["x", ":9464", "65536"], PORT),
    "irc_name": (["", "a b", ".a", "a_b", "x" * 64, "é"], "1 to 63 letters, digits, dots and hyphens"),
    "drain_timeout": (["0", "inf"], NUMBER),
}

GOOD_CASES = [(name, text, value) for name, cases in GOOD.items() for text, value in cases.items()]
BAD_CASES = [(name, text, right) for name, (texts, right) in BAD.items() for text in texts]


def case_ids(cases):
    return [f"{name}={text[:20]!r}" for name, text, _ in cases]


@pytest.fixture
def config_file(tmp_path):
    """Writes a configuration file and gives its path."""

    def write(content):
        path = tmp_path / "server.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def assert_inert(sentence):
    bad = {char for char in sentence if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")}
    assert bad == set(), f"{sentence!r} is more than a line, or acts on a terminal"


def refusal(*arguments):
    """The one sentence with which a command line is refused."""
    with pytest.raises(LaunchError) as caught:
        parse_arguments(arguments)
    sentence = str(caught.value)
    assert caught.value.status == 2
    assert_inert(sentence)
    assert len(sentence) < 400
    return sentence


def toml(value):
    """`value` as a TOML string."""
    return '"' + "".join(f"\\u{ord(char):04x}" for char in value) + '"'


def test_each_setting_has_cases_here():
    assert list(GOOD) == list(SETTINGS)
    assert set(BAD) == set(SETTINGS)


# --- the command line -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "text", "value"), GOOD_CASES, ids=case_ids(GOOD_CASES))
@pytest.mark.parametrize("equals", [False, True], ids=["", "with ="])
def test_an_option_means_what_it_says(name, text, value, equals):
    arguments = [f"{SETTINGS[name].option}={text}"] if equals else [SETTINGS[name].option, text]
    if not SETTINGS[name].metavar:
        arguments = [SETTINGS[name].option]
    if name == "queue_hard":
        arguments += ["--queue-soft", "1K"]
    settings = parse_arguments(arguments)
    assert getattr(settings, name) == value
    assert type(getattr(settings, name)) is type(value)
    others = set(SETTINGS) - {name, "queue_soft"}
    assert all(getattr(settings, other) == getattr(ServerSettings(), other) for other in others)


@pytest.mark.parametrize(("name", "text", "right"), BAD_CASES, ids=case_ids(BAD_CASES))
def test_a_wrong_value_is_refused_with_what_would_be_right(name, text, right):
    sentence = refusal(f"{SETTINGS[name].option}={text}")
    assert sentence.startswith(f"{SETTINGS[name].option} must be {right}")


WRONG = {
    "an unknown option": (["--nope", "1"], "--nope"),
    "an option cut short": (["--por", "1"], "--por"),
    "an option without its value": (["--port"], "--port"),
    "a value without its option": (["5000"], "5000"),
    "an option that is none": (["-x"], "-x"),
    "a value for a flag": (["--no-tls=1"], "--no-tls"),
    "hard below soft": (["--queue-soft", "128K", "--queue-hard", "64K"], "--queue-hard (64K) must be at least"),
    "soft above the default of hard": (
        ["--queue-soft", "1M"],
        "--queue-hard (256K) must be at least --queue-soft (1M)",
    ),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_command_line_is_refused_in_one_sentence(arguments, words):
    assert words in refusal(*arguments)


def test_hard_may_be_as_small_as_soft():
    settings = parse_arguments(["--queue-soft", "8K", "--queue-hard", "8K"])
    assert settings.queue_soft == settings.queue_hard == 8_192


def test_the_last_of_two_wins():
    assert parse_arguments(["--port", "1", "--port", "2"]).port == 2


def test_networks_come_one_after_the_other(config_file):
    arguments = ["--exempt", "none", "--exempt", "10.0.0.0/8"]
    assert parse_arguments(arguments).exempt == (TEN,)
    path = config_file('exempt = ["none", "10.0.0.0/8"]')
    assert parse_arguments(["--config", path]).exempt == (TEN,)
    assert parse_arguments(["--config", path, "--exempt", "192.0.2.1"]).exempt == (
        *LOOPBACK,
        ip_network("192.0.2.1/32"),
    ), "as with every option, the command line takes the file's place"
    assert "exempt must be none, or a network" in refusal("--config", config_file("exempt = [10]"))
    assert "exempt must be" in refusal("--config", config_file('exempt = ["office"]'))


def test_without_options_it_is_the_defaults():
    assert parse_arguments([]) == ServerSettings()


@pytest.mark.parametrize("name", SETTINGS)
def test_a_default_is_within_its_own_limits_and_shown_as_it_is_written(name):
    setting = SETTINGS[name]
    shown = [setting.default] if setting.type.is_list else setting.default
    assert setting.type(shown) == getattr(ServerSettings(), name)
    assert setting.about


def test_settings_cannot_be_changed_and_are_made_by_name_only():
    settings = ServerSettings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        ServerSettings("127.0.0.1")  # type: ignore[call-arg]
    with pytest.raises(LaunchError):
        ServerSettings(queue_soft=2, queue_hard=1)


def test_version_exits_with_success(capsys):
    with pytest.raises(SystemExit) as caught:
        parse_arguments(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"PyLingo {__version__}\n"


def test_help_exits_with_success_and_names_every_option_with_its_default(capsys):
    with pytest.raises(SystemExit) as caught:
        parse_arguments(["--help"])
    assert caught.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for setting in SETTINGS.values():
        metavar = f"[{setting.metavar}]" if setting.without_value is not None else setting.metavar
        assert f"{setting.option} {metavar}".strip() in shown
        assert setting.about in shown
        assert setting.type.right in shown or not setting.metavar
        assert setting.outcome.replace(" ", "") in shown.replace(" ", ""), "a line may break after a hyphen"
    assert "(64K)" in shown
    assert "(127.0.0.1)" in shown
    assert "--config FILE" in shown


def test_a_certificate_and_its_key_come_together():
    settings = parse_arguments(["--tls-cert", "cert.pem", "--tls-key", "~/key.pem"])
    assert (settings.tls_cert, settings.tls_key) == ("cert.pem", os.path.expanduser("~/key.pem"))
    for one, other in (("--tls-cert", "--tls-key"), ("--tls-key", "--tls-cert")):
        with pytest.raises(LaunchError, match=f"^{one} needs {other}: give both, or none$"):
            parse_arguments([one, "x.pem"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("localhost", "--cluster: it must be redis://HOST:PORT, rediss://HOST:PORT,"),
        ("redis://h:x", "--cluster: a port must be a whole number"),
        ("redis://:hunter2@h", "--cluster: a password in an argument can be read by every user of this computer"),
    ],
)
def test_a_wrong_address_of_a_redis_is_refused_with_a_sentence_of_its_own(config_file, text, words):
    sentence = refusal("--cluster", text)
    assert sentence.startswith(words)
    assert "hunter2" not in sentence
    assert words.partition(": ")[2] in refusal("--config", config_file(f'cluster = "{text}"'))


def test_a_cluster_keeps_no_history_of_its_own(tmp_path):
    assert refusal("--cluster", "redis://h", "--history", "chat.db").startswith(
        "--history cannot be used with --cluster"
    )
    settings = with_data(parse_arguments(["--cluster", "redis://h", "--data", str(tmp_path)]))
    assert settings.history == ""
    assert settings.tls_cert.startswith(str(tmp_path))


def test_the_settings_of_a_cluster(tmp_path):
    assert cluster_settings(parse_arguments([]), {}) is None
    file = tmp_path / "password"
    file.write_text("secret\n")
    words = (
        "--cluster-name n --cluster-lanes 2 --cluster-patience 3s --cluster-wait 4 --cluster-keep 50 --cluster-ca ca"
    )
    settings = parse_arguments(["--cluster", "rediss://h", *words.split(), "--cluster-password-file", str(file)])
    assert cluster_settings(settings, {}) == ClusterSettings(
        address=parse_redis_address("rediss://h"),
        ca="ca",
        password="secret",
        name="n",
        lanes=2,
        patience=3.0,
        replicas=4,
        keep=50,
    )
    plain = cluster_settings(parse_arguments(["--cluster", "redis://h"]), {"PYLINGO_CLUSTER_PASSWORD": "other"})
    assert plain == ClusterSettings(address=parse_redis_address("redis://h"), password="other")


def test_a_cluster_needs_hiredis(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LaunchError, match=r"pip install 'pylingo-chat\[cluster\]'"):
        cluster_settings(parse_arguments(["--cluster", "redis://h"]), {})


# --- the file ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dash", ["-", "_"])
def test_a_file_may_hold_every_setting_under_its_name(config_file, dash):
    values = {name: list(GOOD[name].values())[-1] for name in SETTINGS}

    def shown(name):
        value = values[name] if not SETTINGS[name].type.is_list else list(GOOD[name])[-1]
        if isinstance(value, bool):
            return str(value).lower()
        if value is None:
            return '""'
        return toml(value) if isinstance(value, str) else value

    lines = [f"{name.replace('_', dash)} = {shown(name)}" for name in values]
    settings = parse_arguments(["--config", config_file("\n".join(lines))])
    assert dataclasses.asdict(settings) == values


@pytest.mark.parametrize(("name", "text", "value"), GOOD_CASES, ids=case_ids(GOOD_CASES))
def test_a_string_in_a_file_means_what_it_means_on_the_command_line(config_file, name, text, value):
    if type(value) is bool:
        pytest.skip("a flag is no string")
    path = config_file(
        f"queue-soft = 1024\n{name} = {toml(text)}" if name != "queue_soft" else f"{name} = {toml(text)}"
    )
    assert getattr(parse_arguments(["--config", path]), name) == value


@pytest.mark.parametrize(
    ("content", "name", "value"),
    [
        ("port = 6_000", "port", 6_000),
        ("port = 0x10", "port", 16),
        ("rate = 2", "rate", 2.0),
        ("rate = 2.5", "rate", 2.5),
        ("queue-soft = 2048", "queue_soft", 2_048),
        ("queue-soft = '2K'", "queue_soft", 2_048),
        ('motd = """\nHello,\nworld\n"""', "motd", "Hello,\nworld\n"),
        ("members = true", "members", "true"),
        ("members = false", "members", ""),
        ("no-tls = true", "no_tls", True),
        ("open = false", "open", False),
        ("# nothing\n", "port", 5_000),
        ("", "port", 5_000),
    ],
)
def test_numbers_and_strings_of_toml(config_file, content, name, value):
    assert getattr(parse_arguments(["--config", config_file(content)]), name) == value


def test_the_command_line_wins_over_the_file(config_file):
    path = config_file("port = 1\nburst = 2")
    for arguments in (["--config", path, "--port", "3"], ["--port", "3", "--config", path]):
        settings = parse_arguments(arguments)
        assert (settings.port, settings.burst) == (3, 2)


def test_the_file_and_the_command_line_must_go_together(config_file):
    path = config_file('queue-hard = "128K"')
    assert "--queue-hard (128K)" in refusal("--config", path, "--queue-soft", "256K")


# --- the data folder --------------------------------------------------------------------------------------------


def test_the_option_for_members_has_its_file_in_the_data_folder():
    assert parse_arguments(["--members"]).members == "true"
    assert parse_arguments(["--members", "--data", "d"]).members == "true"
    assert parse_arguments(["--members", "keys", "--data", "d"]).members == "keys"


def test_the_paths_in_the_data_folder_are_those_that_are_not_given():
    settings = with_data(parse_arguments(["--data", "d"]))
    assert (settings.history, settings.members) == ("d/history.db", "")
    settings = with_data(parse_arguments(["--data", "d", "--members", "--history", "chat.db"]))
    assert (settings.history, settings.members) == ("chat.db", "d/members")
    settings = with_data(parse_arguments(["--data", "d", "--members", "keys"]))
    assert settings.members == "keys"
    assert with_data(ServerSettings()) == ServerSettings()


def test_without_the_data_folder_the_members_need_a_file():
    with pytest.raises(LaunchError) as caught:
        with_data(parse_arguments(["--members"]))
    words = "--members needs a FILE, or the folder of --data, where the file is called members"
    assert str(caught.value) == words


BAD_FILES = {
    "an unknown key": ("prot = 1", "there is no setting 'prot'"),
    "a table": ("[server]\nport = 1", "there is no setting 'server'"),
    "a setting that is a table": ("[port]\na = 1", "port must be a whole number"),
    "a hostile key": ('"\\u001b[2J\\n" = 1', "there is no setting '\ufffd[2J\ufffd'"),
    "a config in a config": ("config = 'a.toml'", "there is no setting 'config'"),
    "a list": ("port = [1]", "port must be a whole number"),
    "a bool for a number": ("port = true", "port must be a whole number"),
    "a bool for a string": ("motd = false", "motd must be at most 4096 characters, not false"),
    "a string for a bool": ("open = 'yes'", "open must be true or false"),
    "a date": ("port = 2026-01-01", "port must be a whole number"),
    "a float for a whole number": ("port = 5000.0", "port must be a whole number from 0 to 65535, not 5000.0"),
    "a number out of range": ("port = 65536", "port must be a whole number"),
    "an empty host": ("host = ''", "host must be an address or a host name"),
    "a negative size": ("queue-soft = -1", "queue_soft must be a size"),
    "not a number": ("ping-after = nan", "ping_after must be a number"),
    "a hostile value": ('port = "\\u001b[2J\\n"', "port must be a whole number"),
    "hard below soft": ("queue-soft = 4096\nqueue-hard = 2048", "--queue-hard (2K) must be at least"),
    "no TOML": ("port: 1", "not valid TOML"),
    "a key twice": ("port = 1\nport = 2", "not valid TOML"),
    "a key twice in two spellings": ("ping-after = 1\nping_after = 2", "ping"),
    "no UTF-8": (b"motd = '\xff'", "not UTF-8"),
    "UTF-16": ("port = 1".encode("utf-16"), "not UTF-8"),
    "a number that is too long to be read": (f"port = {DIGITS}", ""),
    "a number that is too long to be shown": (f"port = 0x{'f' * 5_000}", ""),
    "brackets without end": ("port = " + "[" * 20_000, ""),
}


@pytest.mark.parametrize(("content", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_wrong_file_is_refused_in_one_sentence_that_names_it(config_file, content, words):
    path = config_file(content)
    sentence = refusal("--config", path)
    assert words in sentence
    assert "server.toml" in sentence or sentence.startswith("--queue")


@pytest.mark.parametrize(("name", "words"), [("missing.toml", "No such file"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, words):
    assert words in refusal("--config", str(tmp_path / name))


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_file_is_settings_or_one_sentence(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    try:
        assert isinstance(parse_arguments(["--config", str(path)]), ServerSettings)
    except LaunchError as error:
        assert_inert(str(error))


# --- several workers --------------------------------------------------------------------------------------------


def test_workers_need_a_redis(tmp_path):
    with pytest.raises(LaunchError, match="--workers needs a Redis: give --data"):
        parse_arguments(["--workers", "2"])
    assert parse_arguments(["--workers", "2", "--cluster", "redis://localhost"]).workers == 2
    settings = with_data(parse_arguments(["--workers", "2", "--data", str(tmp_path)]))
    assert (settings.workers, settings.history) == (2, "")


def test_workers_keep_no_history_in_a_file(tmp_path):
    with pytest.raises(LaunchError, match="--history cannot be used with --workers"):
        parse_arguments(["--workers", "2", "--data", str(tmp_path), "--history", "chat.db"])
