"""Accepting: how many at a time, how many from where, and what happens when descriptors run out."""

import errno
import ipaddress
import os
import signal
import socket
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.reactor.engine.listener import ACCEPTS, LOOPBACK, PAUSE, ConnectionLimiter, Listener, is_in, listen
from pylingo.reactor.engine.loop import EVENT_READ
from tests.support import DEADLINE, ROOT, wait_until

EXHAUSTED = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM]
NO_MEMORY = 0  # stands for Python's own error where an errno is asked for
LOCALHOST = "127.0.0.1"


class Accepted:
    """Notes who was accepted and who was refused, and closes them in the end."""

    def __init__(self):
        self.accepted, self.refused, self.addresses = [], [], []

    def accept(self, sock, address):
        self.accepted.append(sock)
        self.addresses.append(address)

    def refuse(self, sock):
        self.refused.append(sock.fileno())


class FakeSocket:
    """A listening socket whose `accept` gives or raises what the test has scripted.

    Its descriptor is real and always readable, as that of a listening socket is while somebody waits.
    """

    def __init__(self):
        self._reader, self._writer = socket.socketpair()
        self._writer.send(b"x")
        self.script = []
        self.calls = 0
        self.made = []

    def fileno(self):
        return self._reader.fileno()

    def setblocking(self, flag):
        assert flag is False

    def accept(self):
        self.calls += 1
        step = self.script.pop(0) if self.script else BlockingIOError(errno.EAGAIN, "nobody")
        if isinstance(step, Exception):
            raise step
        sock = socket.socket()
        self.made.append(sock)
        return sock, (step, 1_234)

    def close(self):
        self._reader.close()
        self._writer.close()


def failure(number):
    if number == NO_MEMORY:
        return MemoryError()
    return OSError(number, os.strerror(number))


@pytest.fixture
def fake():
    fake = FakeSocket()
    yield fake
    fake.close()
    for sock in fake.made:
        sock.close()


@pytest.fixture
def people():
    people = Accepted()
    yield people
    for sock in people.accepted:
        sock.close()


@pytest.fixture
def opened():
    """Sockets to close in the end."""
    socks = []
    yield socks
    for sock in socks:
        sock.close()


@pytest.fixture
def listener(reactor, fake, people):
    listener = Listener(reactor, fake, people.accept, people.refuse)
    yield listener
    listener.close()


def descriptors():
    """The numbers of this process's open descriptors, but for that of the look itself."""

    def is_open(number):
        try:
            os.fstat(number)
        except OSError:
            return False
        return True

    return {number for number in map(int, os.listdir("/dev/fd")) if is_open(number)}


def registered(selector, sock):
    return sock.fileno() in selector.get_map()


def tick_until(reactor, condition):
    def ticked():
        reactor.tick(0)
        return condition()

    wait_until(ticked)


def test_the_numbers_are_the_documented_ones():
    assert (ACCEPTS, PAUSE) == (64, 1.0)


# --- accepting --------------------------------------------------------------------------------------------------


def test_everybody_who_waits_is_accepted(reactor, people, opened):
    (sock,) = listen(LOCALHOST, 0)
    listener = Listener(reactor, sock, people.accept, people.refuse)
    try:
        host, port = listener.address
        assert host == LOCALHOST
        for _ in range(5):
            opened.append(socket.create_connection((host, port)))
        tick_until(reactor, lambda: len(people.accepted) == 5)
        assert sorted(people.addresses) == sorted(client.getsockname() for client in opened)
        people.accepted[0].send(b"hello")
        assert [client.recv(5) for client in opened if client.getsockname() == people.addresses[0]] == [b"hello"]
        assert people.refused == []
    finally:
        listener.close()


@pytest.mark.parametrize("accepts", [1, 3, ACCEPTS])
def test_only_so_many_are_accepted_in_a_tick(reactor, fake, people, accepts, monkeypatch):
    hurries = []  # a busy loop must not make a rate of the number
    monkeypatch.setattr(reactor.coalescer, "hurry", lambda: hurries.append(len(people.accepted)))
    fake.script = [LOCALHOST] * (2 * accepts + 1)
    listener = Listener(reactor, fake, people.accept, people.refuse, accepts)
    counts = []
    for _ in range(4):
        reactor.tick(0)
        counts.append(len(people.accepted))
    assert counts == [accepts, 2 * accepts, 2 * accepts + 1, 2 * accepts + 1]
    assert hurries == ([1, 2, 3] if accepts == 1 else counts[:2])
    listener.close()


@pytest.mark.parametrize("error", [BlockingIOError(), InterruptedError()], ids=repr)
def test_a_false_alarm_is_no_error(reactor, fake, people, listener, caplog, error):
    fake.script = [error, LOCALHOST]
    reactor.tick(0)
    assert people.accepted == []
    reactor.tick(0)
    assert len(people.accepted) == 1
    assert caplog.text == ""


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EPROTO, errno.EPERM])
def test_one_who_is_gone_already_does_not_keep_the_next_from_being_accepted(
    reactor, selector, fake, people, listener, number
):
    fake.script = [failure(number), LOCALHOST, failure(number), failure(number), LOCALHOST]
    reactor.tick(0)
    assert len(people.accepted) == 2
    assert registered(selector, fake)


def test_a_storm_of_aborted_connections_is_capped_as_well(reactor, fake, people, listener):
    fake.script = [failure(errno.ECONNABORTED)] * 1_000
    reactor.tick(0)
    assert fake.calls == ACCEPTS


def test_a_failure_in_accepted_does_not_end_the_listener(reactor, fake, people, caplog):
    def accepted(sock, address):
        people.accept(sock, address)
        if len(people.accepted) == 1:
            raise RuntimeError("our bug")

    listener = Listener(reactor, fake, accepted, people.refuse)
    fake.script = [LOCALHOST, LOCALHOST]
    reactor.tick(0)
    reactor.tick(0)
    assert len(people.accepted) == 2
    assert "our bug" in caplog.text
    listener.close()


# --- holding ----------------------------------------------------------------------------------------------------


def test_whoever_connects_while_accepting_is_held_is_accepted_afterwards(reactor, fake, people, listener):
    listener.hold()
    fake.script = [LOCALHOST, LOCALHOST]
    reactor.tick(0)
    assert (people.accepted, fake.calls) == ([], 0)
    listener.go_on()
    listener.go_on()
    reactor.tick(0)
    assert len(people.accepted) == 2


def test_whom_it_accepts_may_hold_a_listener_at_once(reactor, fake, people):
    fake.script = [LOCALHOST, LOCALHOST]
    listener = Listener(reactor, fake, lambda *args: (people.accept(*args), listener.hold()), people.refuse)
    for _ in range(3):
        reactor.tick(0)
    assert len(people.accepted) == 1
    listener.close()


@pytest.mark.parametrize("goes_on_first", [True, False])
def test_a_listener_is_held_over_the_end_of_a_pause(reactor, clock, fake, people, listener, goes_on_first):
    fake.script = [failure(errno.EMFILE), failure(errno.EMFILE)]
    reactor.tick(0)
    listener.hold()
    fake.script = [LOCALHOST]
    if goes_on_first:
        listener.go_on()
    clock.now += 2 * PAUSE
    reactor.tick(0)
    assert len(people.accepted) == goes_on_first
    listener.go_on()
    reactor.tick(0)
    assert len(people.accepted) == 1


def test_a_closed_listener_can_neither_be_held_nor_go_on(reactor, people):
    (sock,) = listen(LOCALHOST, 0)
    listener = Listener(reactor, sock, people.accept, people.refuse)
    listener.close()
    listener.hold()
    listener.go_on()
    reactor.tick(0)
    assert people.accepted == []


# --- closing ----------------------------------------------------------------------------------------------------


def test_a_closed_listener_accepts_nobody(reactor, people, opened):
    (sock,) = listen(LOCALHOST, 0)
    listener = Listener(reactor, sock, people.accept, people.refuse)
    address = listener.address
    opened.append(socket.create_connection(address))
    listener.close()
    listener.close()
    reactor.tick(0)
    assert people.accepted == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_a_listener_may_be_closed_by_whom_it_accepts(reactor, fake, people, caplog):
    fake.script = [LOCALHOST]
    listener = Listener(reactor, fake, lambda *args: (people.accept(*args), listener.close()), people.refuse)
    for _ in range(3):
        reactor.tick(0)
    assert len(people.accepted) == 1
    assert caplog.text == ""


def test_closing_gives_the_reserve_back(reactor, people):
    before = descriptors()
    (sock,) = listen(LOCALHOST, 0)
    listener = Listener(reactor, sock, people.accept, people.refuse)
    assert len(descriptors() - before) == 2
    listener.close()
    assert descriptors() == before


def test_a_listener_closed_during_a_pause_stays_closed(reactor, clock, fake, people, listener, caplog):
    fake.script = [failure(errno.EMFILE)] * 2
    reactor.tick(0)
    listener.close()
    clock.now += 2 * PAUSE
    reactor.tick(0)
    reactor.tick(0)
    assert "Traceback" not in caplog.text
    assert people.accepted == []


# --- when descriptors or memory run out -------------------------------------------------------------------------


@pytest.mark.parametrize("number", [*EXHAUSTED, NO_MEMORY], ids=lambda number: errno.errorcode.get(number, "Python"))
def test_one_is_refused_with_the_reserve_then_accepting_pauses(
    reactor, selector, clock, fake, people, listener, caplog, number
):
    fake.script = [LOCALHOST, failure(number), "192.0.2.1", "192.0.2.2"]
    reactor.tick(0)
    assert len(people.accepted) == 1
    assert len(people.refused) == 1
    assert people.refused[0] >= 0, "still open, or it could not be told why"
    assert fake.made[1].fileno() == -1, "closed after that"
    assert fake.calls == 3
    assert os.strerror(number or errno.ENOMEM) in caplog.text

    for step in (0, PAUSE / 2, PAUSE / 2 - 0.01):
        clock.now += step
        reactor.tick(0)
        assert fake.calls == 3, "not asked again before the pause is over"
        assert not registered(selector, fake)

    clock.now += 0.01
    reactor.tick(0)
    assert registered(selector, fake)
    reactor.tick(0)
    assert len(people.accepted) == 2
    assert people.addresses[-1] == ("192.0.2.2", 1_234)


def test_the_refused_one_is_accepted_with_the_descriptor_of_the_reserve(reactor, fake, people, listener, monkeypatch):
    """Nothing may be opened in between: then there would be none."""
    accept = fake.accept
    free = []

    def watch():
        free.append(descriptors())
        return accept()

    monkeypatch.setattr(fake, "accept", watch)
    fake.script = [failure(errno.EMFILE), LOCALHOST]
    reactor.tick(0)
    before, during = free
    (reserve,) = before - during
    assert during < before
    assert people.refused == [reserve]
    assert len(descriptors()) == len(before), "and the reserve is there again"


def test_a_pause_is_followed_by_another_while_nothing_gets_better(reactor, clock, fake, people, listener, caplog):
    fake.script = [failure(errno.EMFILE)] * 20
    for _ in range(5):
        before = fake.calls
        for _ in range(20):
            reactor.tick(0)
        assert fake.calls == before + 2, "once, and once with the reserve"
        clock.now += PAUSE
        reactor.tick(0)
    assert people.refused == []
    assert caplog.text.count("accepting pauses") == 1, "said once, not every second"


def test_every_spell_of_exhaustion_is_logged(reactor, clock, fake, people, listener, caplog):
    for spell in range(1, 4):
        fake.script = [failure(errno.EMFILE), LOCALHOST]
        reactor.tick(0)
        assert caplog.text.count("accepting pauses") == spell
        clock.now += PAUSE
        reactor.tick(0)
        fake.script = [LOCALHOST] * 3  # all is well again, for a while
        reactor.tick(0)
        assert len(people.accepted) == 3 * spell


def test_without_a_reserve_accepting_pauses_all_the_same(reactor, selector, clock, fake, people, monkeypatch):
    """There may have been no descriptor for it even at the start, and there may be one later."""
    monkeypatch.setattr(
        "pylingo.reactor.engine.listener.os.open", lambda *args: (_ for _ in ()).throw(failure(errno.EMFILE))
    )
    listener = Listener(reactor, fake, people.accept, people.refuse)
    fake.script = [failure(errno.EMFILE), LOCALHOST]
    reactor.tick(0)
    assert fake.calls == 1
    assert people.refused == []
    assert not registered(selector, fake)
    monkeypatch.undo()
    before = len(descriptors())
    clock.now += PAUSE
    reactor.tick(0)
    assert len(descriptors()) == before + 1
    reactor.tick(0)
    assert len(people.accepted) == 1
    listener.close()


def test_a_failure_in_refused_neither_spins_nor_leaks(reactor, selector, clock, fake, people, caplog):
    listener = Listener(reactor, fake, people.accept, lambda sock: 1 / 0)
    before = len(descriptors())
    fake.script = [failure(errno.EMFILE), LOCALHOST, LOCALHOST]
    reactor.tick(0)
    assert "ZeroDivisionError" in caplog.text
    assert fake.made[0].fileno() == -1
    assert not registered(selector, fake)
    assert len(descriptors()) == before
    clock.now += PAUSE
    reactor.tick(0)
    reactor.tick(0)
    assert len(people.accepted) == 1
    listener.close()


CROWDED = """
import resource, socket, sys
from pylingo.reactor.engine import listener as module
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.transport import Transport

class Echo:
    def __init__(self, sock):
        self.transport = Transport(reactor, sock, self)
        self.transport.write(b"here")
    def data_received(self, data):
        self.transport.write(data)
    def eof_received(self):
        self.transport.close()
    def drained(self): ...
    def connection_lost(self, error): ...

module.PAUSE = 0.1
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
reactor = Reactor()
(sock,) = module.listen("127.0.0.1", 0)
listener = module.Listener(reactor, sock, lambda sock, _: Echo(sock), lambda sock: sock.send(b"full"))
reactor.on_signal(15, reactor.stop)
print(listener.address[1], flush=True)
reactor.run()
print(reactor.ticks)
"""


def test_a_process_without_descriptors_refuses_waits_and_recovers(opened):
    with subprocess.Popen(
        [sys.executable, "-c", CROWDED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            port = int(process.stdout.readline())
            answers, inside = [], []
            for _ in range(30):
                client = socket.create_connection((LOCALHOST, port), timeout=DEADLINE)
                opened.append(client)
                answers.append(client.recv(4))
                if answers[-1] == b"full":
                    assert client.recv(4) == b"", "refused, and told so to the end"
                    break
                inside.append(client)
            assert answers == [b"here"] * (len(answers) - 1) + [b"full"]
            assert len(answers) > 3
            inside.pop().close()
            late = socket.create_connection((LOCALHOST, port), timeout=DEADLINE)
            opened.append(late)
            assert late.recv(4) == b"here", "there is a place again, and the pause is over"
            inside[0].send(b"echo")
            assert inside[0].recv(4) == b"echo", "who was in did not notice"
            process.send_signal(signal.SIGTERM)
            ticks = int(process.stdout.readline())
            assert ticks < 300, "it did not spin"
            errors = process.stderr.read()
            assert "accepting pauses" in errors
            assert "Traceback" not in errors
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()


# --- the gate ---------------------------------------------------------------------------------------------------


def test_connections_whose_address_is_not_known_yet_count_for_the_limit_of_all():
    limiter = ConnectionLimiter(2, 0)
    limiter.pending = 1
    assert (limiter.is_full, limiter.admit("192.0.2.1"), limiter.admit("192.0.2.1")) == (False, None, "full")
    limiter.most = 0
    assert not limiter.is_full


@pytest.mark.parametrize(("host", "is_inside"), [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("192.0.2.1", False)])
def test_an_address_is_in_a_network_in_both_forms(host, is_inside):
    assert is_in(host, (ipaddress.ip_network("10.0.0.0/8"),)) == is_inside


def test_no_more_are_admitted_than_there_are_places():
    gate = ConnectionLimiter(2, 0)
    assert [gate.admit("192.0.2.1") for _ in range(4)] == [None, None, "full", "full"]
    assert gate.count == 2
    gate.release("192.0.2.1")
    assert [gate.admit("127.0.0.1") for _ in range(2)] == [None, "full"], "loopback takes a place as well"


@pytest.mark.parametrize("limits", [(0, 0), (0, 5), (10, 0)])
def test_zero_is_no_limit(limits):
    gate = ConnectionLimiter(*limits)
    assert [gate.admit(f"192.0.2.{index}") for index in range(10)] == [None] * 10


SAME = {
    "IPv4": ("192.0.2.1", "192.0.2.1"),
    "IPv4 and IPv4-mapped": ("192.0.2.1", "::ffff:192.0.2.1"),
    "one IPv6 address": ("2001:db8::1", "2001:db8:0:0::1"),
    "one /64": ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
    "link-local with its interface": ("fe80::1%eth0", "fe80::2%eth1"),
}
DIFFERENT = {
    "two IPv4 addresses": ("192.0.2.1", "192.0.2.2"),
    "two IPv4-mapped": ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
    "two /64": ("2001:db8:1:2::1", "2001:db8:1:3::1"),
    "IPv4 and IPv6": ("192.0.2.1", "2001:db8::1"),
    "IPv4-compatible and IPv4": ("192.0.2.1", "::192.0.2.1"),
}


@pytest.mark.parametrize(("first", "second"), SAME.values(), ids=SAME)
def test_addresses_that_count_as_one(first, second):
    gate = ConnectionLimiter(0, 2)
    assert [gate.admit(host) for host in (first, second, first, second)] == [None, None] + ["address-limit"] * 2
    gate.release(second)
    assert gate.admit(first) is None


@pytest.mark.parametrize(("first", "second"), DIFFERENT.values(), ids=DIFFERENT)
def test_addresses_that_count_as_two(first, second):
    gate = ConnectionLimiter(0, 1)
    assert [gate.admit(host) for host in (first, second, first, second)] == [None, None] + ["address-limit"] * 2


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_has_no_limit(host):
    gate = ConnectionLimiter(0, 1)
    assert [gate.admit(host) for _ in range(5)] == [None] * 5
    for _ in range(5):
        gate.release(host)
    assert gate.count == 0


@pytest.mark.parametrize(
    ("networks", "host", "exempt"),
    [
        (LOOPBACK, "127.1.2.3", True),
        (LOOPBACK, "::1", True),
        (LOOPBACK, "::ffff:127.0.0.1", True),
        (LOOPBACK, "10.0.0.1", False),
        ([], "127.0.0.1", False),
        ([ipaddress.ip_network("10.0.0.0/8")], "10.255.0.1", True),
        ([ipaddress.ip_network("10.0.0.0/8")], "::ffff:10.0.0.1", True),
        ([ipaddress.ip_network("10.0.0.0/8")], "11.0.0.1", False),
        ([ipaddress.ip_network("fe80::/10")], "fe80::1%eth0", True),
        ([ipaddress.ip_network("2001:db8::/32")], "2001:db8:1::1", True),
        ([ipaddress.ip_network("::/0")], "10.0.0.1", False),
    ],
)
def test_an_exempt_network_has_no_limit_for_one_address(networks, host, exempt):
    gate = ConnectionLimiter(0, 1, networks)
    assert gate.is_exempt(host) == exempt
    assert [gate.admit(host) for _ in range(3)] == [None, *[None if exempt else "address-limit"] * 2]


def test_limits_and_exemptions_may_change_while_connections_are_there():
    gate = ConnectionLimiter(0, 0)
    hosts = ["192.0.2.1"] * 3 + ["127.0.0.1"] * 2
    assert [gate.admit(host) for host in hosts] == [None] * 5
    gate.most_per_address, gate.exempt = 2, ()
    assert gate.admit("192.0.2.1") == "address-limit", "those who came before the limit count"
    assert gate.admit("127.0.0.1") == "address-limit"
    for host in hosts:
        gate.release(host)
    assert gate.count == 0
    assert gate.addresses == 0


def test_one_who_is_turned_away_takes_no_place():
    gate = ConnectionLimiter(3, 1)
    assert [gate.admit("192.0.2.1") for _ in range(5)] == [None] + ["address-limit"] * 4
    assert gate.count == 1
    assert [gate.admit(f"192.0.2.{index}") for index in (2, 3, 4)] == [None, None, "full"]
    gate.release("192.0.2.2")
    assert gate.admit("192.0.2.4") is None, "it was not counted when there was no place"


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([*SAME["one /64"], *DIFFERENT["two IPv4 addresses"]]))))
def test_the_gate_counts_as_a_plain_list_would(steps):
    gate, inside = ConnectionLimiter(5, 2), []

    def key(host):
        return host[:13]  # long enough for the /64, too short for what differs in it

    for coming, host in steps:
        if coming:
            same = sum(key(other) == key(host) for other in inside)
            expected = "full" if len(inside) == 5 else "address-limit" if same == 2 else None
            assert gate.admit(host) == expected
            if expected is None:
                inside.append(host)
        elif host in inside:
            inside.remove(host)
            gate.release(host)
        assert gate.count == len(inside)
    for host in inside:
        gate.release(host)
    assert gate.addresses == 0, "an address that is gone is forgotten"


# --- listening --------------------------------------------------------------------------------------------------


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


@pytest.fixture
def listening(opened):
    def start(host, port=0):
        socks = listen(host, port)
        opened.extend(socks)
        return socks

    return start


@pytest.mark.parametrize("host", [LOCALHOST, pytest.param("::1", marks=needs_ipv6)])
def test_a_literal_address_is_listened_on(listening, opened, host):
    (sock,) = listening(host)
    name = sock.getsockname()
    assert name[0] == host
    assert name[1] > 0
    opened.append(socket.create_connection((host, name[1]), timeout=DEADLINE))


@needs_ipv6
def test_a_name_with_several_addresses_has_one_port_on_all(listening, opened, monkeypatch):
    infos = [
        info
        for address in (LOCALHOST, "::1", LOCALHOST)
        for info in socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: infos)
    first, second = listening("localhost")
    monkeypatch.undo()
    assert [first.family, second.family] == [socket.AF_INET, socket.AF_INET6], "the same address is taken once"
    assert first.getsockname()[1] == second.getsockname()[1]
    for host in (LOCALHOST, "::1"):
        opened.append(socket.create_connection((host, first.getsockname()[1]), timeout=DEADLINE))


def test_localhost_is_listened_on_wherever_it_is(listening, opened):
    ports = {sock.getsockname()[1] for sock in listening("localhost")}
    assert len(ports) == 1
    opened.append(socket.create_connection(("localhost", ports.pop()), timeout=DEADLINE))


@needs_ipv6
@pytest.mark.parametrize("host", ["::", "::0"])
def test_everybody_is_ipv4_as_well_as_ipv6(listening, opened, host):
    ports = {sock.getsockname()[1] for sock in listening(host)}
    (port,) = ports
    for address in (LOCALHOST, "::1"):
        opened.append(socket.create_connection((address, port), timeout=DEADLINE))


@needs_ipv6
def test_an_ipv6_address_alone_leaves_ipv4_to_others(listening):
    (first,) = listening("::1")
    (second,) = listening(LOCALHOST, first.getsockname()[1])
    assert second.getsockname()[1] == first.getsockname()[1]


def test_a_port_in_use_is_an_error(listening):
    (sock,) = listening(LOCALHOST)
    with pytest.raises(OSError, match="in use") as caught:
        listening(LOCALHOST, sock.getsockname()[1])
    assert caught.value.errno == errno.EADDRINUSE


@needs_ipv6
def test_where_one_address_cannot_be_had_none_is_kept(listening, monkeypatch):
    (taken,) = listening("::1")
    port = taken.getsockname()[1]
    infos = [
        info for address in (LOCALHOST, "::1") for info in socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    ]
    before = len(descriptors())
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: infos)
    with pytest.raises(OSError, match="in use"):
        listening("localhost", port)
    assert len(descriptors()) == before
    monkeypatch.undo()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOCALHOST, port))


def test_a_port_can_be_taken_again_right_after_its_connections_have_ended(listening, opened):
    """They linger in TIME_WAIT for a minute; a restart must not wait for them."""
    (sock,) = listening(LOCALHOST)
    port = sock.getsockname()[1]
    client = socket.create_connection((LOCALHOST, port), timeout=DEADLINE)
    accepted, _ = sock.accept()
    accepted.close()  # who closes first has the TIME_WAIT
    assert client.recv(1) == b""
    client.close()
    sock.close()
    listening(LOCALHOST, port)


BAD_HOSTS = {
    "none": "",
    "unknown": "host.invalid",
    "an empty label": "chat..example",
    "a label that is too long": "x" * 64 + ".example",
    "a lone surrogate": "chat\udcff.example",
    "a NUL": "chat\0example",
}


@pytest.mark.parametrize("host", BAD_HOSTS.values(), ids=BAD_HOSTS)
def test_a_host_that_cannot_be_is_an_os_error(listening, host):
    with pytest.raises(OSError):  # noqa: PT011 - the words are the system's
        listening(host)


def test_the_backlog_takes_a_storm(listening, opened):
    """A thousand connects in a second must not meet a queue of a hundred."""
    (sock,) = listening(LOCALHOST)
    for _ in range(200):
        client = socket.socket()
        opened.append(client)
        client.settimeout(DEADLINE)
        client.connect(sock.getsockname())


def test_registered_for_reading(reactor, selector, fake, people, listener):
    assert selector.get_map()[fake.fileno()].events == EVENT_READ
