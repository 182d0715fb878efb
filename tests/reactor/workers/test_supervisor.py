"""The supervisor in this process, with small programs as workers."""

import ipaddress
import socket

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.workers.supervisor import Supervisor
from pylingo.shared.address import parse_address
from pylingo.shared.launch import LaunchError
from tests.fakes.bench import Wire
from tests.fakes.small_worker import READY, SERVE, command
from tests.support import wait_until


@pytest.fixture
def reactor():
    return Reactor()  # which the supervisor closes


def supervisor_of(reactor, body, count=1, **settings):
    return Supervisor(ServerSettings(port=0, **settings), count, lambda number: command(body), reactor)


@pytest.fixture
def start(reactor):
    """Starts a supervisor that is stopped in the end."""
    made = []

    def start(body, count=1, **settings):
        supervisor = supervisor_of(reactor, body, count, **settings)
        made.append(supervisor)
        return supervisor, parse_address(supervisor.start())

    yield start
    for supervisor in made:
        supervisor.stop()
        supervisor.stop()
        supervisor.serve()


@pytest.fixture
def connect(reactor):
    wires = []

    def connect(address):
        wires.append(Wire(socket.create_connection(address)))
        return wires[-1]

    yield connect
    for wire in wires:
        wire.hang_up()


def test_a_first_worker_that_fails_ends_the_program_with_its_status(reactor, capfd):
    supervisor = supervisor_of(reactor, "print('because', file=sys.stderr); sys.exit(7)", count=3)
    with pytest.raises(SystemExit) as failure:
        supervisor.start()
    assert failure.value.code == 7
    assert capfd.readouterr().err == "because\n"


def test_a_stop_during_the_start_ends_it(reactor):
    supervisor = supervisor_of(reactor, "assert receive() == 'stop'")
    reactor.call_later(0.01, supervisor.stop)
    with pytest.raises(LaunchError, match="stopped before") as failure:
        supervisor.start()
    assert failure.value.status == 0
    assert len(supervisor.children) == 0


def test_without_a_port_no_worker_is_started(reactor):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        supervisor = Supervisor(ServerSettings(port=taken.getsockname()[1]), 1, lambda number: command(SERVE), reactor)
        with pytest.raises(OSError, match="in use"):
            supervisor.start()
    assert len(supervisor.children) == 0
    reactor.close()


def test_connections_count_until_a_worker_reports_their_end(reactor, start, connect):
    supervisor, address = start(
        READY + "receive(); report(taken=1); receive(); report(ended={'127.0.0.1': 1}); receive()"
    )
    connect(address)
    wait_until(lambda: reactor.tick(0.01) or supervisor.limiter.count == 1)
    connect(address)
    wait_until(lambda: reactor.tick(0.01) or supervisor.pool.workers[0].passed == 2)
    wait_until(lambda: reactor.tick(0.01) or supervisor.limiter.count == 1)


def test_the_limits_may_change_while_it_runs(reactor, start, connect):
    supervisor, address = start(SERVE, max_connections=1)
    connect(address)
    wait_until(lambda: reactor.tick(0.01) or supervisor.limiter.count == 1)
    refused = connect(address)
    records = []
    wait_until(lambda: reactor.tick(0.01) or records.extend(refused.got()) or records)
    assert [record.reason for record in records] == ["full"]
    assert supervisor.counts == {"full": 1}
    supervisor.reconfigure(ServerSettings(max_connections=2, host="ignored"), None)
    assert (supervisor.settings.max_connections, supervisor.settings.host) == (2, "127.0.0.1")
    connect(address)
    wait_until(lambda: reactor.tick(0.01) or supervisor.limiter.count == 2)


def test_a_port_of_irc_is_one_more_way_in_within_the_same_limits(reactor, start, connect):
    body = f"{READY}assert receive()[0] == 'irc'; report(taken=1, ended={{'127.0.0.1': 1}}); receive(); receive()"
    supervisor, _ = start(body, max_connections=1, irc_port=("127.0.0.1", 0))
    [irc_address] = map(parse_address, supervisor.irc_addresses)
    connect(irc_address)
    wait_until(lambda: reactor.tick(0.01) or (supervisor.pool.workers[0].passed == 1 and not supervisor.limiter.count))
    connect(irc_address)
    wait_until(lambda: reactor.tick(0.01) or supervisor.limiter.count == 1)
    refused, data = connect(irc_address), []
    wait_until(lambda: reactor.tick(0.01) or data.append(refused.take()) or refused.ended)
    assert b"".join(data).startswith(b"ERROR :Closing link: (full) ")


def test_a_port_of_irc_that_is_in_use_starts_nothing(reactor):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        supervisor = supervisor_of(reactor, SERVE, irc_port=taken.getsockname())
        with pytest.raises(LaunchError, match="cannot listen for IRC on"):
            supervisor.start()
    assert len(supervisor.children) == 0


def test_behind_a_balancer_the_workers_get_the_address_of_the_peer(reactor, start, connect):
    supervisor, address = start(
        SERVE, proxy_protocol=(ipaddress.ip_network("127.0.0.1"),), max_per_address=1, exempt=()
    )
    connect(address).raw(b"PROXY TCP4 203.0.113.9 127.0.0.1 4321 5000\r\n")
    wait_until(lambda: reactor.tick(0.01) or supervisor.limiter.count == 1)
    refused = connect(address)
    refused.raw(b"PROXY TCP4 203.0.113.9 127.0.0.1 4322 5000\r\n")
    records = []
    wait_until(lambda: reactor.tick(0.01) or records.extend(refused.got()) or records)
    assert [record.reason for record in records] == ["address-limit"]
    connect(address)
    wait_until(lambda: reactor.tick(0.01) or supervisor.limiter.pending == 1)
    supervisor.reconfigure(ServerSettings(max_per_address=1, exempt=()), None)
    connect(address)
    wait_until(lambda: reactor.tick(0.01) or supervisor.limiter.count == 2)


def test_without_a_limit_the_descriptors_of_all_workers_are_one(reactor, start, monkeypatch):
    monkeypatch.setattr("pylingo.reactor.workers.supervisor.descriptors_for_connections", lambda: 10)
    supervisor, _ = start(SERVE, count=2)
    assert supervisor.limiter.most == 20
    supervisor.pool.workers[0].kill()
    wait_until(lambda: reactor.tick(0.01) or supervisor.pool.serving_count == 1)
    supervisor.reconfigure(ServerSettings(), None)
    assert supervisor.limiter.most == 10


def test_who_waits_for_room_at_a_stop_gets_a_goodbye(reactor, start, connect):
    supervisor, address = start(READY + "time.sleep(60)")
    wires = [connect(address) for _ in range(65)]
    wait_until(lambda: reactor.tick(0.01) or supervisor.limiter.count == 65)
    supervisor.stop()
    last, records = wires[-1], []
    wait_until(lambda: reactor.tick(0.01) or records.extend(last.got()) or records)
    assert [record.reason for record in records] == ["shutdown"]


@pytest.mark.parametrize(("words", "code"), [("", None), (", first_code='c0de'", "c0de")])
def test_the_invitation_that_a_worker_has_made_is_known_after_the_start(start, words, code):
    supervisor, _ = start(SERVE.replace("ready=True", f"ready=True{words}"))
    assert supervisor.first_code == code


@pytest.mark.parametrize(("has_others", "order"), [(False, "stop"), (True, "leave")])
def test_a_stop_leaves_people_to_other_machines_if_there_are_any(reactor, capfd, has_others, order):
    body = READY + "print(receive(), file=sys.stderr)"
    supervisor = Supervisor(ServerSettings(port=0), 1, lambda number: command(body), reactor, has_others)
    supervisor.start()
    supervisor.stop()
    supervisor.serve()
    assert capfd.readouterr().err == f"{order}\n"


def test_all_workers_open_their_logs_again(reactor, start, caplog):
    supervisor, _ = start(READY + "while receive() != 'reopen': pass\nreport(closed=True)\nreceive()", count=2)
    supervisor.reopen_logs()
    wait_until(lambda: reactor.tick(0.01) or supervisor.pool.serving_count == 0)


def test_it_counts_on_demand(reactor, start, connect, caplog):
    caplog.set_level("INFO")
    supervisor, address = start(SERVE, count=2)
    connect(address)
    wait_until(lambda: reactor.tick(0.01) or supervisor.limiter.count == 1)
    supervisor.log_counters()
    assert "1 connected, by worker 1: 1, 2: 0; 0 workers started again; nobody refused" in caplog.text
