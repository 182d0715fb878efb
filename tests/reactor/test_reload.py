"""SIGHUP reads the configuration again, without keeping anybody waiting, and a mistake changes nothing."""

import dataclasses
import ipaddress
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.reactor.config import SETTINGS, ServerSettings, parse_arguments
from pylingo.reactor.people.passwords import hash_password
from pylingo.reactor.people.register import Register
from pylingo.reactor.registry import Registry, read_people_files
from pylingo.reactor.reload import Reload, ReloadState
from pylingo.reactor.server import Server
from pylingo.shared.messages import Goodbye, Notice, PingRequest, Pong, Say
from tests.fakes.people import fingerprint, key
from tests.fakes.tls import certificate, server_tls
from tests.support import DEADLINE, Peer, ServerProcess, wait_until

READ = "the configuration was read again: "

# The settings that can change at run time, each with a new value.
LIVE = {
    "tls_cert": "cert.pem",
    "tls_key": "key.pem",
    "motd": "hello",
    "log_level": "warning",
    "rate": 8.0,
    "burst": 3,
    "queue_soft": 2_048,
    "queue_hard": 4_096,
    "stall_timeout": 1.5,
    "max_connections": 7,
    "max_per_address": 5,
    "max_seats": 6,
    "exempt": (ipaddress.IPv4Network("10.0.0.0/8"),),
    "proxy_protocol": (ipaddress.IPv4Network("10.0.0.7/32"),),
    "accepts": 9,
    "coalesce": 0.02,
    "first_frame_timeout": 1.5,
    "frame_timeout": 1.5,
    "ping_after": 1.5,
    "ping_timeout": 1.5,
    "tcp_timeout": 1.5,
    "resume_grace": 1.5,
    "members": "/etc/members",
    "open": True,
    "members_invite": True,
    "bans": "/etc/bans",
    "name_keep": 86_400.0,
    "password_file": "/etc/password",
    "drain_timeout": 1.5,
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("logging.root.level", 20)
    server = Server(ServerSettings(port=0))
    server.start()
    yield server
    server.reactor.call_soon(server.ending.drain)
    server.reactor.run()
    server.close()


def turn_until(server: Server, condition) -> None:
    def turned() -> object:
        server.reactor.tick(0)
        return condition()

    wait_until(turned)


def test_it_is_decided_for_each_setting_whether_it_needs_a_restart() -> None:
    """One that does not must be taken over by `Server.reconfigure`, or be asked anew each time: name it above, then."""
    assert set(LIVE) == {name for name, setting in SETTINGS.items() if not setting.needs_restart}


def test_every_setting_that_can_change_arrives_where_it_is_used(server: Server) -> None:
    server.reconfigure(dataclasses.replace(server.settings, **LIVE, port=7), None)
    assert {name: getattr(server.settings, name) for name in LIVE} == LIVE
    assert server.settings.port == 0
    assert (server.service.pace.emission_interval, server.service.pace.burst_tolerance) == (1 / 8, 2 / 8)
    assert (server.hub.tick.soft, server.hub.tick.hard) == (2_048, 4_096)
    seats = server.hub.seats
    assert (seats.grace, seats.most, seats.most_per_origin) == (1.5, 6, 5)
    assert (server.admission.limiter.most, server.admission.limiter.most_per_address) == (7, 5)
    assert server.service.is_exempt("10.1.2.3")
    assert not server.service.is_exempt("127.0.0.1")
    assert [listener.accepts for listener in server.admission.intake.listeners] == [9]
    assert server.reactor.coalescer.longest == 0.02


def test_a_certificate_is_used_from_the_reload_on(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    cert, key = certificate()
    encrypted = dataclasses.replace(server.settings, tls_cert=cert, tls_key=key)
    server.reconfigure(encrypted, server_tls())
    assert server.admission.tls is server_tls()
    server.reconfigure(encrypted, server_tls())
    server.reconfigure(dataclasses.replace(encrypted, tls_cert="", tls_key=""), None)
    assert server.admission.tls is None
    assert caplog.messages == [
        f"{READ}--tls-cert is {cert[:64]!r}, --tls-key is {key[:64]!r}, the certificate is a new one",
        f"{READ}no option has changed",
        f"{READ}--tls-cert is '', --tls-key is ''",
    ]


def test_changed_settings_are_told_and_those_that_need_a_restart(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.reconfigure(dataclasses.replace(server.settings, motd="a\x1b[2J" + "x" * 500, rate=0.0), None)
    assert caplog.messages == [f"{READ}--motd is {'a\x1b[2J' + 'x' * 59!r}, --rate is '0'"]
    caplog.clear()
    server.reconfigure(dataclasses.replace(server.settings, port=7, history="/there"), None)
    nothing = f"{READ}no option has changed"
    assert caplog.messages == [nothing, "a change of --port, --history needs a restart"]


def noted(reload: Reload) -> list[str]:
    """The beginnings and the ends of reloads from now on."""
    told: list[str] = []
    reload.began, reload.ended = lambda: told.append("began"), lambda: told.append("ended")
    return told


def test_without_a_file_there_is_nothing_to_read(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    reload = Reload(server, ["--port", "0"])
    told = noted(reload)
    reload.request()
    assert told == ["began", "ended"]
    assert caplog.messages == ["no configuration to reload: the server was started without --config"]


def test_a_file_that_hangs_keeps_nobody_waiting(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    os.mkfifo(path)
    reload = Reload(server, ["--port", "0", "--config", str(path)])
    told = noted(reload)
    reload.request()
    reload.request()  # counted once, and read behind the first
    reload.request()
    server.reactor.tick(0)
    assert server.settings.motd == ""
    path.write_text('motd = "first"')
    turn_until(server, lambda: server.settings.motd == "first")
    path.write_text('motd = "second"')
    turn_until(server, lambda: server.settings.motd == "second")
    assert reload.state is ReloadState.IDLE
    assert set(told[:-1]) == {"began"}
    assert told[-1] == "ended"


def test_settings_are_completed_as_at_the_start(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    path.write_text('motd = "hello"')
    arguments = ["--port", "7", "--config", str(path)]
    reload = Reload(server, arguments, complete=lambda given: dataclasses.replace(given, port=0, burst=3))
    told = noted(reload)
    applied: list[ServerSettings] = []
    reload.applied = applied.append
    reload.request()
    turn_until(server, lambda: told[-1] == "ended")
    assert (server.settings.motd, server.settings.burst) == ("hello", 3)
    turn_until(server, lambda: applied)
    assert [settings.motd for settings in applied] == ["hello"]
    path.write_text("motd =")
    reload.request()
    turn_until(server, lambda: told == ["began", "ended"] * 2)
    assert len(applied) == 1


def test_a_mistake_of_ours_is_logged_and_changes_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pylingo.reactor.reload.parse_arguments", lambda arguments: 1 / 0)
    Reload(server, ["--config", "x"]).request()
    turn_until(server, lambda: caplog.records)
    assert "ZeroDivisionError" in caplog.text


def test_members_and_the_password_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("logging.root.level", 20)
    path, password = tmp_path / "members", tmp_path / "password"
    path.write_text(key(1).text)
    password.write_text(hash_password("secret").text)
    arguments = ["--port", "0", "--members", str(path), "--password-file", str(password)]
    settings = parse_arguments(arguments)
    server = Server(settings)
    registry = Registry(Register())
    registry.apply(settings, read_people_files(settings))
    asked: list[bool] = []
    registry.changed = lambda: asked.append(registry.register.may_enter(fingerprint(1)))
    reload = Reload(server, arguments, registry)

    def read(files_changed: bool) -> None:
        before = len(asked)
        reload.request()
        turn_until(server, lambda: reload.state is ReloadState.IDLE)
        assert (len(asked) > before) == files_changed

    path.write_text(key(2).text)
    password.write_text(hash_password("other").text)
    read(True)
    assert asked == [False]
    assert registry.register.may_enter(fingerprint(2))
    assert registry.password is not None
    assert registry.password.verify("other")
    for wrong, words in (
        ("", "is empty"),
        (key(3).text[:-1], "is cut off"),
        ('from="10.0.0.0/8" ' + key(3).text, "lists nobody"),
    ):
        path.write_text(wrong)
        caplog.clear()
        read(False)
        assert "the configuration is unchanged: the members file" in caplog.text
        assert words in caplog.text
        assert registry.register.may_enter(fingerprint(2))
    path.write_text(key(3).text)
    password.write_text("")
    read(False)
    assert not registry.register.may_enter(fingerprint(3))
    password.unlink()
    read(False)
    assert registry.password.verify("other")
    server.close()


def test_bans_are_read_again_and_a_wrong_line_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("logging.root.level", 20)
    path = tmp_path / "bans"
    path.write_text("192.0.2.0/24 spam\n")
    arguments = ["--port", "0", "--bans", str(path)]
    server = Server(parse_arguments(arguments))
    registry = Registry(Register())
    registry.apply(server.settings, read_people_files(server.settings))
    asked: list[int] = []
    registry.changed = lambda: asked.append(len(registry.register.moderation.bans()))
    reload = Reload(server, arguments, registry)
    for text, words in (
        ("192.0.2.0/24\n10.0.0.0/8\n", "the file of bans lists 2"),
        ("192.0.2.0/24\nnobody\n", f"the configuration is unchanged: the file of bans {path} cannot be used: line 2: "),
        ("", "the file of bans lists 0"),
    ):
        path.write_text(text)
        caplog.clear()
        reload.request()
        turn_until(server, lambda: reload.state is ReloadState.IDLE)
        assert words in caplog.text
    assert asked == [2, 0]
    server.close()


# --- the process -------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "server.toml"
    path.write_text('motd = "one"\n')
    return path


def hang_up(server: ServerProcess, words: str) -> None:
    """SIGHUP, and wait for what the log says of it."""
    before = server.log().count(words)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.log().count(words) > before, words)


def test_sighup_reads_the_file_again_and_nobody_is_sent_away(path: Path) -> None:
    with ServerProcess("--config", str(path)) as server, Peer(server.port) as here:
        assert here.expect(Notice).text == "one"
        path.write_text('motd = "two"\nrate = 0\nmax-per-address = 1\nexempt = ["none"]\nhost = "::1"\n')
        hang_up(server, "a change of --host needs a restart")
        assert "--motd is 'two', --rate is '0', --max-per-address is '1', --exempt is 'none'" in server.log()
        here.send(*[PingRequest(id=number) for number in range(50)])
        assert [here.expect(Pong).re for _ in range(50)] == list(range(50))
        with Peer(server.port, greet=False) as late:
            late.expect(Goodbye, reason="address-limit")
        path.write_text('motd = "three"\nlog-level = "debug"\n')
        hang_up(server, READ)
        with Peer(server.port) as late:
            assert late.expect(Notice).text == "three"
        assert server.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('motd = "two"\nport = "x"', "server.toml:2: port must be"),
        ("motd = [", "server.toml"),
        ('motd = "two"\nburst = 0', "server.toml:2: burst must be"),
        ('motd = "two"\nopen = true', "--open has no effect without --members"),
        ('motd = "two"\nirc-name = "a"', "--irc-name has no effect without --irc-port or --irc-tls-port"),
    ],
)
def test_a_mistake_in_the_file_changes_nothing_and_is_said(path: Path, content: str, words: str) -> None:
    with ServerProcess("--config", str(path)) as server:
        path.write_text(content)
        hang_up(server, "the configuration is unchanged: ")
        assert words in server.log().partition("the configuration is unchanged: ")[2]
        with Peer(server.port) as peer:
            assert peer.expect(Notice).text == "one"
        path.unlink()
        hang_up(server, "the configuration is unchanged: cannot read the configuration file")
        with Peer(server.port) as peer:
            assert peer.expect(Notice).text == "one"


def test_the_command_line_still_wins(path: Path) -> None:
    with ServerProcess("--config", str(path), "--motd", "of the line") as server:
        path.write_text('motd = "two"\nburst = 3\n')
        hang_up(server, f"{READ}--burst is '3'")
        with Peer(server.port) as peer:
            assert peer.expect(Notice).text == "of the line"


def test_sighup_without_a_file_ends_nobody() -> None:
    with ServerProcess() as server, Peer(server.port) as peer:
        hang_up(server, "no configuration to reload")
        peer.join("tea")
        peer.send(Say("still here", id=1))
        assert peer.recv() is not None


def ignore_signals() -> None:
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def test_nohup_means_what_it_says_but_sigint_stops_a_server_in_the_background(path: Path) -> None:
    with ServerProcess("--config", str(path), preexec=ignore_signals) as server, Peer(server.port) as peer:
        path.write_text('motd = "two"\n')
        server.process.send_signal(signal.SIGHUP)
        with Peer(server.port) as late:
            assert late.expect(Notice).text == "one"
        server.process.send_signal(signal.SIGINT)
        peer.until(Goodbye, reason="shutdown")
        peer.close()
        assert server.process.wait(DEADLINE) == 0
        assert READ not in server.log()


def test_somebody_whom_the_administrator_bans_is_put_out(tmp_path: Path) -> None:
    path = tmp_path / "bans"
    path.write_text("192.0.2.0/24\n")
    with ServerProcess("--bans", str(path)) as server, Peer(server.port) as peer:
        peer.hello("ada")
        path.write_text("127.0.0.0/8 spam\n")
        hang_up(server, "the file of bans lists 1")
        goodbye = peer.until(Goodbye)
        assert (goodbye.reason, goodbye.text) == ("banned", "you are banned from this server: spam")
        assert peer.recv() is None
