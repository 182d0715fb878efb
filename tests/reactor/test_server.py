"""The wiring: who is let in, what is counted and logged, and how it all stops."""

import dataclasses
import errno
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.listener import PAUSE
from pylingo.reactor.people.passwords import hash_password
from pylingo.reactor.server import Server
from pylingo.shared.messages import (
    Command,
    Goodbye,
    Hello,
    Joined,
    Left,
    Message,
    Notice,
    PingRequest,
    PongRequest,
    Say,
    Welcome,
)
from tests.fakes.bench import LATE, Bench, Wire, benches, dial, fill, goodbye_of
from tests.support import Peer, ServerProcess, wait_until


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    with benches() as make:
        yield make


def test_a_server_that_was_never_started_can_be_closed():
    server = Server(ServerSettings(port=0))
    assert server.settings.port == 0
    server.close()


def bound_to(desk: Bench, address: str, **settings: Any) -> str:
    """The address of a server whose intake says that it has bound this one."""
    desk.server.service.settings = dataclasses.replace(desk.server.settings, **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.server.admission.intake, "bind", lambda *_: address)
        desk.server.start()
    return desk.server.address


def test_the_address_is_the_one_that_others_reach(bench):
    assert bench().server.address == ""
    assert bound_to(bench(), "chat.example.org:5001") == "chat.example.org:5001"
    everywhere = bound_to(bench(), "0.0.0.0:5001", host="0.0.0.0")
    assert everywhere.endswith(":5001")
    assert not everywhere.startswith("0.0.0.0")


def test_the_address_of_a_worker_is_that_of_its_supervisor(bench):
    assert bound_to(bench(), "", host="chat.example.org", port=5001) == "chat.example.org:5001"
    assert bound_to(bench(), "", host="chat.example.org", port=0) == ""
    assert bound_to(bench(), "", host="0.0.0.0", port=0) == ""


def hear(desk: Bench, wire: Wire, count: int = 1) -> list[Any]:
    """The next frames that come to a wire, or fewer at the end of the stream."""
    records = []
    desk.turn_until(lambda: records.extend(wire.got()) or wire.ended or len(records) >= count)
    return records


def goodbye_of_stream(desk: Bench, wire: Wire) -> str:
    """The reason of the goodbye, once the stream has ended."""
    records = hear(desk, wire, 1_000_000)
    assert wire.ended
    return records[-1].reason


# --- listening ------------------------------------------------------------------------------------------------


def test_the_address_is_as_a_client_would_write_it(bench):
    desk = bench(host="127.0.0.1")
    address = desk.server.start()
    assert re.fullmatch(r"127\.0\.0\.1:\d+", address)
    (welcome,) = hear(desk, dial(desk, address))
    assert type(welcome) is Welcome


def test_a_host_given_by_name_is_shown_by_name(bench):
    assert re.fullmatch(r"localhost:\d+", bench(host="localhost").server.start())


def test_ipv6(bench):
    desk = bench(host="::1")
    try:
        address = desk.server.start()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    assert re.fullmatch(r"\[::1\]:\d+", address)
    (welcome,) = hear(desk, dial(desk, address))
    assert type(welcome) is Welcome


def test_a_port_in_use_is_an_error(bench):
    address = bench().server.start()
    with pytest.raises(OSError, match="in use") as caught:
        bench(port=int(address.rpartition(":")[2])).server.start()
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize(
    ("queue_soft", "wanted"), [(1_024, 65_536), (65_536, 65_536), (200_000, 200_000), (2**24, 2**20)]
)
def test_accepted_sockets_are_prepared(bench, queue_soft, wanted):
    desk = bench(queue_soft=queue_soft, queue_hard=2**25, tcp_timeout=12)
    hear(desk, dial(desk, desk.server.start()))
    (connection,) = desk.connections
    with (
        socket.socket(fileno=os.dup(connection.transport.fileno())) as sock,
        socket.socket() as plain,
    ):  # the system doubles what it is asked for, and has a limit of its own
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wanted)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == plain.getsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF
        )
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for option, value in (
            ("TCP_KEEPIDLE", 12),
            ("TCP_KEEPINTVL", 4),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", 12_000),
        ):
            if hasattr(socket, option):
                assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, option)) == value


# --- limits ---------------------------------------------------------------------------------------------------


def test_one_too_many_is_told_that_the_server_is_full(bench, caplog):
    caplog.set_level("INFO")
    desk = bench(max_connections=2)
    address = desk.server.start()
    first, second = dial(desk, address), dial(desk, address)
    assert [type(hear(desk, wire)[0]) for wire in (first, second)] == [Welcome, Welcome]
    third = dial(desk, address)
    third.send(Hello(1, "alice"), PingRequest(1))  # nothing of it is handled, and it does not destroy the goodbye
    assert [record.reason for record in hear(desk, third, 2)] == ["full"]
    assert third.ended
    assert desk.server.service.counts == {"accepted": 2, "full": 1}
    host, port = third.sock.getsockname()
    assert f"refused full: {host}:{port}" in caplog.messages
    assert len(desk.connections) == len(desk.server.hub) == 2
    # A place that is left can be taken.
    first.send(Command("close"))
    assert goodbye_of_stream(desk, first) == "close"
    first.hang_up()
    desk.turn_until(lambda: len(desk.connections) == 1)
    (welcome,) = hear(desk, dial(desk, address))
    assert welcome.name == "guest-3"


def test_one_address_has_a_number_of_connections(bench, caplog):
    caplog.set_level("INFO")
    desk = bench()
    wires = [desk.connect(("192.0.2.1", port)) for port in range(65)]
    assert [type(wire.got()[0]) for wire in wires[:64]] == [Welcome] * 64
    assert goodbye_of(wires[64]) == "address-limit"
    assert wires[64].ended
    assert "refused address-limit: 192.0.2.1:64" in caplog.messages
    assert desk.server.service.counts == {"accepted": 64, "address-limit": 1}
    assert type(desk.connect(("192.0.2.2", 1)).got()[0]) is Welcome
    # Whoever goes makes room, whatever the reason.
    wires[0].send(Command("close"))
    desk.turn()
    wires[0].hang_up()
    wires[1].hang_up()
    desk.turn(6)
    for _ in range(2):
        assert type(desk.connect(("192.0.2.1", 99)).got()[0]) is Welcome
    assert goodbye_of(desk.connect(("192.0.2.1", 99))) == "address-limit"


@pytest.mark.parametrize(
    ("hosts", "refused"),
    [
        (["127.0.0.1"] * 3, 0),
        (["127.1.2.3", "127.1.2.3", "::1", "::1", "::ffff:127.0.0.1", "::ffff:127.0.0.1"], 0),
        (["192.0.2.1", "192.0.2.1"], 1),
        (["192.0.2.1", "192.0.2.2"], 0),
        (["192.0.2.1", "::ffff:192.0.2.1"], 1),
        (["2001:db8::1", "2001:db8::ffff:2"], 1),
        (["2001:db8::1", "2001:db8:0:1::1"], 0),
        (["fe80::1%eth0", "fe80::2%eth0"], 1),
    ],
)
def test_addresses_that_count_as_one(bench, hosts, refused):
    desk = bench(max_per_address=1)
    for host in hosts:
        desk.connect((host, 1_000))
    assert desk.server.service.counts["address-limit"] == refused
    assert desk.server.service.counts["accepted"] == len(hosts) - refused


def test_without_a_limit_one_address_may_have_any_number(bench):
    desk = bench(max_per_address=0)
    for port in range(40):
        desk.connect(("192.0.2.1", port))
    assert desk.server.service.counts == {"accepted": 40}


def test_when_memory_runs_out_a_quarter_of_the_connections_must_go_before_anybody_is_let_in(bench, caplog):
    caplog.set_level("ERROR")
    desk = bench()
    wires = [desk.connect() for _ in range(8)]
    for _ in range(3):  # as it does again and again until there is some
        desk.server.reactor.memory.ran_out()
    assert "memory has run out with 8 connections: at most 6 from now on" in caplog.messages
    assert len(caplog.messages) == 1
    assert goodbye_of(desk.connect()) == "full"
    for wire in wires[:3]:
        wire.hang_up()
    desk.turn()
    assert type(desk.connect().got()[0]) is Welcome
    assert goodbye_of(desk.connect()) == "full"
    desk.server.reactor.memory.ran_out()
    assert caplog.messages[1] == "memory has run out with 6 connections: at most 4 from now on"


def test_however_often_memory_runs_out_one_connection_is_let_in(bench):
    desk = bench()
    wire = desk.connect()
    for _ in range(3):
        desk.server.reactor.memory.ran_out()
    assert goodbye_of(desk.connect()) == "full"
    wire.hang_up()
    desk.turn()
    assert type(desk.connect().got()[0]) is Welcome


def test_memory_is_held_back_again_when_a_connection_has_ended(bench):
    desk = bench()
    wire = desk.connect()
    assert desk.server.reactor.memory.ran_out()
    assert not desk.server.reactor.memory.ran_out()
    wire.hang_up()
    desk.turn()
    assert desk.server.reactor.memory.ran_out()


def test_a_connection_that_there_is_no_memory_for_takes_no_place(bench, monkeypatch):
    desk = bench(max_connections=1)
    for what in ("Transport", "Connection"):
        with monkeypatch.context() as patch:
            patch.setattr(f"pylingo.reactor.admission.{what}", lambda *arguments: (_ for _ in ()).throw(MemoryError))
            with pytest.raises(MemoryError):
                desk.connect()
        desk.turn()
        assert (desk.wires[-1].got(), desk.wires[-1].ended) == ([], True)
    assert type(desk.connect().got()[0]) is Welcome


def test_one_too_many_over_ipv6_is_told_so_as_well(bench, caplog):
    desk = bench(max_connections=1)
    desk.connect()
    caplog.set_level("INFO")
    assert goodbye_of(desk.connect(("2001:db8::1", 40_000, 0, 0))) == "full"
    assert "refused full: [2001:db8::1]:40000" in caplog.messages


def test_many_refused_at_once_all_hear_why(bench):
    # Only some of them are read to their end, as each takes a descriptor; the others get what a new socket takes.
    desk = bench(max_connections=1)
    desk.connect()
    wires = [desk.connect() for _ in range(40)]
    assert [goodbye_of(wire) for wire in wires] == ["full"] * 40
    assert all(wire.ended for wire in wires)
    for wire in wires:
        wire.hang_up()
    desk.turn()
    assert goodbye_of(desk.connect()) == "full"


def test_a_refused_peer_that_stays_is_let_go(bench):
    desk = bench(max_connections=1)
    desk.connect()
    for _ in range(3):
        wires = [desk.connect() for _ in range(20)]
        assert desk.server.admission.goodbyes == 16
        desk.wait(4.5)
        assert desk.server.admission.goodbyes == 0
        for wire in wires:
            assert goodbye_of(wire) == "full"


def test_a_system_that_waits_for_no_more_descriptors_takes_no_place_away(bench, monkeypatch, caplog):
    desk = bench(max_connections=1)
    register = desk.reactor.register

    def no_more(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(desk.reactor, "register", no_more)
    assert goodbye_of(desk.connect()) == "full"
    assert "No space left" in caplog.text
    monkeypatch.setattr(desk.reactor, "register", register)
    (welcome,) = desk.connect().got()
    assert type(welcome) is Welcome
    assert desk.server.service.counts == {"full": 1, "accepted": 1}


def test_out_of_descriptors_one_is_told_and_accepting_pauses(bench, monkeypatch):
    desk = bench()
    address = desk.server.start()
    accept = socket.socket.accept
    failures = [OSError(errno.EMFILE, "Too many open files")]

    def failing(sock: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise failures.pop()
        return accept(sock)

    monkeypatch.setattr(socket.socket, "accept", failing)
    refused = dial(desk, address)
    assert goodbye_of_stream(desk, refused) == "full"
    assert desk.server.service.counts == {"full": 1}
    waiting = dial(desk, address)
    desk.turn(20)
    assert waiting.got() == []
    desk.now += PAUSE
    (welcome,) = hear(desk, waiting)
    assert welcome.name == "guest-1"


# --- every goodbye reason there is without passwords and resuming ---------------------------------------------


def closing(desk: Bench, wire: Wire) -> Wire:
    wire.send(Command("close"))
    return wire


def broken_frame(desk: Bench, wire: Wire) -> Wire:
    wire.raw(b"\0\0\0\0")
    return wire


def unfinished_frame(desk: Bench, wire: Wire) -> Wire:
    wire.raw(b"\0")
    desk.wait(10 + LATE)
    return wire


def no_frame(desk: Bench, wire: Wire) -> Wire:
    wire = desk.connect()
    desk.wait(10 + LATE)
    return wire


def no_byte(desk: Bench, wire: Wire) -> Wire:
    other = desk.wires[0]
    desk.wait(40 + 2 * LATE, lambda: other.send(PongRequest()))
    return wire


def no_reading(desk: Bench, wire: Wire) -> Wire:
    fill(desk, wire)
    desk.wait(30 + LATE)
    return wire


def another_version(desk: Bench, wire: Wire) -> Wire:
    wire.send(Hello(2))
    return wire


def shutdown(desk: Bench, wire: Wire) -> Wire:
    desk.server.ending.drain()
    return wire


def no_proof(desk: Bench, wire: Wire) -> Wire:
    wire = desk.connect()
    wire.send(Hello(1, identity="ssh-ed25519 AAAA"))
    return wire


def no_member(desk: Bench, wire: Wire) -> Wire:
    desk.server.registry.register.is_open = False
    wire = desk.connect()
    wire.send(Hello(1))
    return wire


def banned(desk: Bench, wire: Wire) -> Wire:
    desk.server.registry.register.moderation.ban_address("192.0.2.1", "ada", None, None)
    wire = desk.connect(("192.0.2.1", 1))
    wire.send(Hello(1))
    return wire


def no_place(desk: Bench, wire: Wire) -> Wire:
    desk.connect(("192.0.2.1", 1))
    desk.connect(("192.0.2.2", 1))
    return desk.connect()


def no_place_for_the_address(desk: Bench, wire: Wire) -> Wire:
    desk.connect(("192.0.2.1", 1))
    return desk.connect(("192.0.2.1", 2))


ENDINGS = {
    "close": closing,
    "shutdown": shutdown,
    "bad-frame": broken_frame,
    "frame-timeout": unfinished_frame,
    "silent": no_frame,
    "idle": no_byte,
    "stalled": no_reading,
    "full": no_place,
    "address-limit": no_place_for_the_address,
    "protocol": another_version,
    "identity": no_proof,
    "members-only": no_member,
    "banned": banned,
}
NOT_BUILT = {"password", "replaced"}
ELSEWHERE = {"tls", "identity", "members-only", "banned", "killed"}
"""The first needs a certificate (see `test_admission`), the last an operator of IRC (`irc/commands/test_operators`).

The others need keys (see `test_entrance` and `test_moderation`).
"""


@pytest.mark.parametrize(("reason", "bring_about"), ENDINGS.items(), ids=ENDINGS)
def test_every_goodbye_is_the_last_frame_and_its_reason_is_told_and_counted(bench, reason, bring_about):
    desk = bench(max_connections=4, max_per_address=1)
    other = desk.guest(Command("join", "tea"), address=("127.0.0.1", 40_001))
    wire = desk.guest(Command("join", "tea"), buffer=4_096)
    desk.wait(15)
    for one in (wire, other):
        one.send(PingRequest())
    desk.turn()
    wire.got(), other.got()

    ended = bring_about(desk, wire)
    records = hear(desk, ended, 1_000_000)
    assert ended.ended
    assert type(records[-1]) is Goodbye
    assert records[-1].reason == reason
    assert 0 < len(records[-1].text) <= 1_024
    assert Goodbye not in map(type, records[:-1])
    assert desk.server.service.counts[reason] == (2 if reason == "shutdown" else 1)
    if ended is wire and reason != "shutdown":
        assert Left("tea", "guest-2", reason) in other.got()


def test_no_goodbye_reason_of_the_protocol_is_left_out_here(request):
    document = (request.config.rootpath / "shared" / "PROTOCOL.md").read_text(encoding="utf-8")
    section = document.partition("\n## The end of a connection\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)) == {*ENDINGS, *NOT_BUILT, *ELSEWHERE}


def test_the_use_of_names_is_noted_all_the_time(bench, monkeypatch):
    """A name is free some time after its last use, so a name that is in use for that long must not look unused."""
    desk = bench(name_keep=9.0)
    noted: list[Any] = []
    monkeypatch.setattr(desk.server.hub, "refresh_names", lambda sessions: noted.extend(sessions))
    for _ in range(501):
        desk.connect()
    desk.server.start()
    desk.wait(3.1)
    assert len(noted) == 501
    desk.wait(3.0)
    assert len(noted) == 1_002


# --- counters -------------------------------------------------------------------------------------------------


def test_an_idle_server_says_that_nobody_came(bench, caplog):
    caplog.set_level("INFO")
    bench().server.log_counters()
    (line,) = caplog.messages
    assert line == "0 connected, 0 rooms; nobody came; 0 messages skipped; longest tick 0.0 ms of 0"


def test_the_counters_are_one_line(bench, caplog):
    caplog.set_level("INFO")
    desk = bench(max_connections=3)
    room = [desk.guest(Command("join", "tea")) for _ in range(3)]
    assert goodbye_of(desk.connect()) == "full"
    room[0].send(Command("close"))
    room[1].raw(b"\0\0\0\0")
    desk.turn()
    room[0].hang_up()
    room[1].hang_up()
    desk.turn()
    desk.server.hub.tick.skipped = 5
    caplog.clear()
    desk.server.log_counters()
    (line,) = caplog.messages
    assert line.startswith(
        "1 connected, 1 room; accepted 3, bad-frame 1, close 1, full 1; 5 messages skipped; longest tick "
    )
    assert line.endswith(f" ms of {desk.reactor.ticks}")


# --- signals and notices ---------------------------------------------------------------------------------------


def test_it_is_told_when_people_may_come_and_when_the_server_begins_to_stop(bench, tmp_path):
    desk = bench(history=str(tmp_path / "chat.db"))
    told = []
    desk.server.ending.began = lambda: told.append("draining")
    desk.server.start()
    desk.server.when_open(lambda: told.append("open"))
    assert told == []
    desk.turn_until(lambda: told)
    desk.server.when_open(lambda: told.append("open already"))
    desk.server.ending.drain()
    assert told == ["open", "open already", "draining"]


def test_a_newcomer_is_told_that_the_history_cannot_be_written(bench):
    desk = bench(motd="welcome")
    alice = desk.guest()
    desk.server.announce("it is kept in memory only", "it is kept in memory only")
    desk.turn()
    [notice] = alice.got()
    later = desk.connect()
    welcome, motd, told = later.got()
    assert isinstance(welcome, Welcome)
    assert (motd.text, told) == ("welcome", notice)
    assert "memory only" in notice.text
    desk.server.announce("written again", "")
    desk.turn()
    assert "again" in later.got()[0].text
    assert [type(record) for record in desk.connect().got()] == [Welcome, Notice]


@pytest.fixture
def process() -> Iterator[ServerProcess]:
    with ServerProcess() as server:
        yield server


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_drains_a_real_server(process, number):
    with Peer(process.port) as alice, Peer(process.port) as bob:
        alice.hello("alice")
        for person in (alice, bob):
            person.join("tea")
        alice.expect(Joined, name=bob.name)
        alice.send(Say("hi", id=1), PingRequest(2))
        bob.expect(Message, from_="alice", text="hi")
        os.kill(process.pid, number)
        assert alice.until(Goodbye).reason == "shutdown"
        assert bob.expect(Goodbye).reason == "shutdown"
        assert alice.recv() is bob.recv() is None
    assert process.process.wait(20) == 0
    assert "2 connected" not in process.log().splitlines()[-1]
    assert "accepted 2, shutdown 2" in process.log()


def test_a_second_signal_ends_a_real_server_at_once(process):
    with Peer(process.port) as alice:
        os.kill(process.pid, signal.SIGINT)
        assert alice.until(Goodbye).reason == "shutdown"
        os.kill(process.pid, signal.SIGTERM)  # alice does not hang up
        assert process.process.wait(20) == 0
    log = process.log()
    assert "stopping at once" in log
    assert "INFO    1 connected" in log.splitlines()[-1]  # alice was not waited for


def test_the_counters_on_demand_of_a_real_server(process):
    with Peer(process.port) as alice:
        alice.join("tea")
        os.kill(process.pid, signal.SIGUSR1)
        wait_until(lambda: "1 connected, 1 room; accepted 1;" in process.log(), "the line in the log")
    assert process.stop() == 0


def test_the_table_of_scripts_is_read_before_anybody_comes(bench, monkeypatch):
    reads = []
    monkeypatch.setattr(
        "pylingo.reactor.server.prepare_names", lambda: reads.append(desk.server.admission.intake.listeners)
    )
    desk = bench()
    desk.server.start()
    assert reads == [[]]


# --- people -----------------------------------------------------------------------------------------------------


def test_members_that_are_read_again_hold_for_those_who_are_here(bench):
    desk = bench()
    guest, registry = desk.guest(Command("join", "tea")), desk.server.registry
    registry.register.is_open = False
    registry.changed()
    assert hear(desk, guest)[-1].reason == "members-only"
    late = desk.guest()
    late.send(Command("join", "tea", 1))
    assert hear(desk, late)[-1].code == "no-identity"


def test_a_password_that_is_read_again_holds_for_those_who_come(bench):
    desk = bench()
    registry = desk.server.registry
    for password in ("sesame", "mellon", None):
        registry.password = hash_password(password) if password is not None else None
        registry.changed()
        wire, wrong = desk.guest(), desk.guest()
        wire.send(Hello(1, "ada", password=password))
        assert [record.type for record in hear(desk, wire)] == ["ready"]
        wire.send(Command("close"))
        wrong.send(Hello(1, "eve", password="sesame" if password == "mellon" else "x"))
        assert hear(desk, wrong)[-1].type == ("goodbye" if password is not None else "ready")
