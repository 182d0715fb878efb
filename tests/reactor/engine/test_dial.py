"""A connect that does not block."""

import errno
import os
import socket
import threading

import pytest

from pylingo.reactor.engine.dial import ATTEMPT_DELAY, LOOK_UP_TIMEOUT, TIMEOUT, Dial, Resolver, alternate, resolve
from tests.support import DEADLINE, wait_until


class Outcome:
    """How a dial ended, and how often."""

    def __init__(self):
        self.socks, self.errors = [], []

    @property
    def count(self):
        return len(self.socks) + len(self.errors)


@pytest.fixture
def outcome():
    outcome = Outcome()
    yield outcome
    for sock in outcome.socks:
        sock.close()


@pytest.fixture
def opened():
    """Sockets to close in the end."""
    socks = []
    yield socks
    for sock in socks:
        sock.close()


def target(sock):
    return sock.family, sock.getsockname()


@pytest.fixture
def answering(opened):
    """A target that takes connections."""
    sock = socket.create_server(("127.0.0.1", 0))
    opened.append(sock)
    return target(sock)


@pytest.fixture
def refusing(opened):
    """A target that nobody listens on, nor can while the test runs."""
    sock = socket.socket()
    opened.append(sock)
    sock.bind(("127.0.0.1", 0))
    return target(sock)


@pytest.fixture
def silent(opened):
    """A target that neither takes nor refuses: the queue of its listener is full."""
    sock = socket.socket()
    opened.append(sock)
    sock.bind(("127.0.0.1", 0))
    sock.listen(0)
    for _ in range(8):
        client = socket.socket()
        opened.append(client)
        client.setblocking(False)
        client.connect_ex(sock.getsockname())
    probe = opened[-1]
    with pytest.raises(BlockingIOError):
        probe.recv(1)
    with pytest.raises(OSError, match="not connected"):
        probe.getpeername()
    return target(sock)


@pytest.fixture
def impossible():
    """A target whose connect fails at once, before there is anything to wait for."""
    return socket.AF_INET, ("255.255.255.255", 1)


@pytest.fixture
def dial(reactor, outcome):
    def start(*targets, **options):
        return Dial(reactor, targets, outcome.socks.append, outcome.errors.append, **options)

    return start


def tick_until(reactor, condition):
    def ticked():
        reactor.tick(0)
        return condition()

    wait_until(ticked)


def watched(selector):
    """How many descriptors the reactor waits for besides its own."""
    return len(selector.get_map()) - 1


def settle(reactor, selector, outcome):
    """Turn a little longer: nothing more must come of it, and nothing be left."""
    count = outcome.count
    for _ in range(5):
        reactor.tick(0)
    assert outcome.count == count
    assert watched(selector) == 0
    assert reactor.pending_timers == 0


def test_success(reactor, selector, dial, outcome, answering):
    dial(answering)
    assert outcome.count == 0, "never from within the constructor"
    tick_until(reactor, lambda: outcome.count)
    (sock,) = outcome.socks
    assert sock.getpeername() == answering[1]
    assert sock.getblocking() is False
    settle(reactor, selector, outcome)
    assert sock.fileno() >= 0, "the socket is the caller's now"


@pytest.mark.parametrize("name", ["refusing", "impossible"])
def test_failure_has_its_reason(reactor, selector, dial, outcome, request, name):
    dial(request.getfixturevalue(name))
    assert outcome.count == 0
    tick_until(reactor, lambda: outcome.count)
    (error,) = outcome.errors
    assert isinstance(error, OSError)
    if name == "refusing":
        assert isinstance(error, ConnectionRefusedError)
    assert error.strerror == os.strerror(error.errno)
    settle(reactor, selector, outcome)


def test_no_targets_is_a_failure(reactor, selector, dial, outcome):
    dial()
    assert outcome.count == 0
    reactor.tick(0)
    assert [error.errno for error in outcome.errors] == [errno.EADDRNOTAVAIL]
    settle(reactor, selector, outcome)


@pytest.mark.parametrize(
    "names", [["refusing"], ["impossible"], ["refusing", "impossible", "refusing"], ["impossible", "impossible"]]
)
def test_the_first_that_answers_is_taken(reactor, selector, dial, outcome, request, answering, names):
    targets = [request.getfixturevalue(name) for name in names]
    dial(*targets, answering, answering)
    tick_until(reactor, lambda: outcome.count)
    assert outcome.errors == []
    assert outcome.socks[0].getpeername() == answering[1]
    settle(reactor, selector, outcome)


def test_where_none_answers_the_last_error_is_told(reactor, selector, clock, dial, outcome, silent, refusing):
    dial(refusing, silent, timeout=1)
    tick_until(reactor, lambda: reactor.pending_timers and watched(selector))
    for _ in range(20):
        reactor.tick(0)
    clock.now += 1
    tick_until(reactor, lambda: outcome.count)
    assert [type(error) for error in outcome.errors] == [TimeoutError]


def test_a_target_of_a_family_that_is_not_there_is_passed_over(reactor, selector, dial, outcome, answering):
    dial((9_999, ("127.0.0.1", 1)), answering)
    tick_until(reactor, lambda: outcome.count)
    assert len(outcome.socks) == 1
    settle(reactor, selector, outcome)


def test_an_address_that_does_not_answer_is_given_up_in_time(reactor, selector, clock, dial, outcome, silent):
    dial(silent)
    reactor.tick(0)
    clock.now += TIMEOUT - 0.01
    for _ in range(5):
        reactor.tick(0)
    assert outcome.count == 0
    assert watched(selector) == 1
    clock.now += 0.01
    reactor.tick(0)
    (error,) = outcome.errors
    assert isinstance(error, TimeoutError)
    assert error.errno == errno.ETIMEDOUT
    settle(reactor, selector, outcome)


def test_each_target_has_the_whole_time(reactor, selector, clock, dial, outcome, silent, answering):
    dial(silent, silent, timeout=3)
    reactor.tick(0)
    clock.now += ATTEMPT_DELAY  # the second begins
    reactor.tick(0)
    assert watched(selector) == 2
    clock.now += 3 - ATTEMPT_DELAY
    reactor.tick(0)
    assert watched(selector) == 1, "the first is given up"
    assert outcome.count == 0
    clock.now += ATTEMPT_DELAY
    reactor.tick(0)
    assert [type(error) for error in outcome.errors] == [TimeoutError]
    settle(reactor, selector, outcome)


def test_the_next_is_tried_a_quarter_of_a_second_after_one_that_does_not_answer(
    reactor, selector, clock, dial, outcome, silent, answering
):
    dial(silent, answering, answering)
    reactor.tick(0)
    clock.now += ATTEMPT_DELAY - 0.01
    for _ in range(5):
        reactor.tick(0)
    assert (watched(selector), outcome.count) == (1, 0)
    clock.now += 0.01
    tick_until(reactor, lambda: outcome.count)
    assert outcome.socks[0].getpeername() == answering[1]
    settle(reactor, selector, outcome)


def test_a_first_address_that_answers_late_may_still_win(reactor, selector, clock, dial, outcome, silent, answering):
    dial(answering, silent, silent)
    reactor.tick(0)
    wait_until(lambda: selector.select(0))
    clock.now += ATTEMPT_DELAY  # its answer is handled in the tick in which the next would begin
    reactor.tick(0)
    assert outcome.socks[0].getpeername() == answering[1]
    settle(reactor, selector, outcome)


def test_two_answers_in_one_tick_leave_one_connection_and_the_other_is_closed(
    reactor, selector, clock, dial, outcome, answering, opened, monkeypatch
):
    other = socket.create_server(("127.0.0.1", 0))
    opened.append(other)
    other.settimeout(DEADLINE)
    dial(answering, target(other))
    reactor.tick(0)
    clock.now += ATTEMPT_DELAY
    with monkeypatch.context() as patch:
        patch.setattr(selector, "select", lambda timeout: [])
        reactor.tick(0)  # the second begins, and neither is handled yet
    wait_until(lambda: len(selector.select(0)) == 2)
    reactor.tick(0)
    assert outcome.count == 1
    settle(reactor, selector, outcome)
    winner = outcome.socks[0].getpeername()
    if winner != other.getsockname():
        accepted, _ = other.accept()
        opened.append(accepted)
        accepted.settimeout(DEADLINE)
        assert accepted.recv(1) == b""


def test_one_that_answers_in_the_tick_of_its_deadline_is_taken(reactor, selector, clock, dial, outcome, answering):
    dial(answering)
    reactor.tick(0)
    wait_until(lambda: selector.select(0))
    clock.now += TIMEOUT
    reactor.tick(0)
    assert len(outcome.socks) == 1
    settle(reactor, selector, outcome)


@pytest.mark.parametrize("ticks", [0, 1, 3])
@pytest.mark.parametrize("name", ["silent", "impossible", "refusing"])
def test_nothing_comes_after_cancel(reactor, selector, clock, outcome, dial, request, name, ticks):
    goal = request.getfixturevalue(name)
    dial = dial(goal, goal, goal, goal, goal)
    for _ in range(ticks):
        reactor.tick(0)
    before = outcome.count
    dial.cancel()
    dial.cancel()
    clock.now += 10 * TIMEOUT
    settle(reactor, selector, outcome)
    assert outcome.count == before


def test_an_answer_to_a_cancelled_dial_is_not_heard(reactor, selector, dial, outcome, answering):
    dial = dial(answering)
    reactor.tick(0)
    ((key, _),) = wait_until(lambda: selector.select(0))
    attempt = key.data
    dial.cancel()
    attempt.handle(2)  # the event that may be on its way in the same tick
    settle(reactor, selector, outcome)
    assert outcome.count == 0


def test_cancel_after_the_end_leaves_the_caller_s_socket_alone(reactor, dial, outcome, answering):
    dial = dial(answering)
    tick_until(reactor, lambda: outcome.count)
    dial.cancel()
    assert outcome.socks[0].getpeername() == answering[1]


@pytest.mark.parametrize("name", ["answering", "refusing"])
def test_a_failure_of_the_caller_is_logged_and_told_once(reactor, selector, caplog, opened, request, name):
    calls = []

    def explode(what):
        calls.append(what)
        if isinstance(what, socket.socket):
            opened.append(what)
        raise RuntimeError("the caller's bug")

    Dial(reactor, [request.getfixturevalue(name)], explode, explode)
    tick_until(reactor, lambda: calls)
    for _ in range(5):
        reactor.tick(0)
    assert len(calls) == 1
    assert caplog.text.count("Traceback") == 1
    assert "the caller's bug" in caplog.text
    assert watched(selector) == 0
    assert reactor.pending_timers == 0


def test_no_descriptor_is_left_behind(reactor, selector, clock, dial, outcome, silent, refusing, impossible):
    before = len(os.listdir("/dev/fd"))
    dial(refusing, impossible, silent, refusing, timeout=1)
    while not outcome.count:
        tick_until(reactor, lambda: outcome.count or watched(selector))
        for _ in range(20):
            reactor.tick(0)
        clock.now += 1
    assert len(os.listdir("/dev/fd")) == before


def test_without_descriptors_it_fails_and_does_not_raise(reactor, selector, dial, outcome, answering, monkeypatch):
    def none_left(*args):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "socket", none_left)
    dial(answering, answering)
    for _ in range(4):
        reactor.tick(0)
    monkeypatch.undo()
    assert [error.errno for error in outcome.errors] == [errno.EMFILE]
    settle(reactor, selector, outcome)


# --- resolve ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", [(socket.AF_INET, ("127.0.0.1", 5_000))]),
        ("::1", [(socket.AF_INET6, ("::1", 5_000, 0, 0))]),
    ],
)
def test_a_literal_address_is_its_own_target(host, expected):
    assert resolve(host, 5_000) == expected


def test_the_addresses_of_localhost_can_be_dialled(reactor, dial, outcome, opened):
    server = socket.create_server(("127.0.0.1", 0))
    opened.append(server)
    server.settimeout(DEADLINE)
    dial(*resolve("localhost", server.getsockname()[1]))
    tick_until(reactor, lambda: outcome.count)
    assert len(outcome.socks) == 1


BAD_HOSTS = {
    "unknown": "host.invalid",
    "an empty label": "chat..example",
    "a label that is too long": "x" * 64 + ".example",
    "a lone surrogate": "chat\udcff.example",
    "a NUL": "chat\0example",
}


@pytest.mark.parametrize("host", BAD_HOSTS.values(), ids=BAD_HOSTS)
def test_a_host_that_cannot_be_is_an_os_error(host):
    with pytest.raises(OSError):  # noqa: PT011 - the words are the system's
        resolve(host, 5_000)


def test_a_system_that_waits_for_no_more_descriptors_is_a_failure(
    reactor, selector, outcome, dial, answering, monkeypatch
):
    def no_more(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(reactor, "register", no_more)
        dial(answering, answering)
        tick_until(reactor, lambda: outcome.count)
    assert [error.errno for error in outcome.errors] == [errno.ENOSPC]
    settle(reactor, selector, outcome)


def known_as(monkeypatch, *answers):
    """Have the system know the next look-ups' answers by heart; an event is waited for first, and no answer is one."""
    real, asked, rest = socket.getaddrinfo, [], list(answers)

    def getaddrinfo(host, port, *, type, flags=0):
        if flags & socket.AI_NUMERICHOST:
            return real(host, port, type=type, flags=flags)
        asked.append(threading.current_thread())
        answer = rest.pop(0)
        if isinstance(answer, tuple):
            held, answer = answer
            assert held.wait(DEADLINE)
        if isinstance(answer, Exception):
            raise answer
        return [(family, type, 6, "", address) for family, address in answer]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_the_families_take_turns(monkeypatch):
    six = [(socket.AF_INET6, (f"2001:db8::{number}", 7, 0, 0)) for number in range(3)]
    four = [(socket.AF_INET, (f"192.0.2.{number}", 7)) for number in range(2)]
    known_as(monkeypatch, six + four, four + six[:1])
    assert resolve("chat.example", 7) == [six[0], four[0], six[1], four[1], six[2]]
    assert resolve("chat.example", 7) == [four[0], six[0], four[1]]


def test_families_alternate_beginning_with_the_first():
    assert alternate([(6, "a"), (6, "b"), (4, "c"), (6, "d")]) == [(6, "a"), (4, "c"), (6, "b"), (6, "d")]
    assert alternate([]) == []


def test_the_owner_of_a_resolver_arranges_what_was_found(reactor, selector, monkeypatch, outcome, answering, refusing):
    known_as(monkeypatch, [answering, refusing], socket.gaierror(socket.EAI_NONAME, "unknown"))
    seen = []

    def backwards(found):
        seen.append(list(found))
        return found[::-1]

    resolver = Resolver(reactor, "chat.example", 7, backwards)
    answers = []
    for count in (1, 2):
        resolver.resolve(answers.append)
        tick_until(reactor, lambda count=count: len(answers) == count)
    assert seen == [[answering, refusing]], "an error is not arranged"
    assert answers[0] == [refusing, answering]
    settle(reactor, selector, outcome)


def test_a_dial_names_the_address_that_has_answered(reactor, selector, dial, outcome, answering, refusing):
    dialled = dial(refusing, answering)
    assert dialled.target is None
    tick_until(reactor, lambda: outcome.count)
    assert dialled.target == answering
    settle(reactor, selector, outcome)
    dialled = dial(refusing)
    tick_until(reactor, lambda: outcome.count == 2)
    assert dialled.target is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_needs_no_look_up_and_no_thread(reactor, monkeypatch, host):
    asked = known_as(monkeypatch)
    answers = []
    Resolver(reactor, host, 7).resolve(answers.append)
    assert answers == [], "never at once"
    reactor.tick(0)
    assert answers == [resolve(host, 7, socket.AI_NUMERICHOST)]
    assert asked == []


def test_a_look_up_that_hangs_does_not_hold_up_the_loop(
    reactor, selector, clock, monkeypatch, dial, outcome, answering
):
    held = threading.Event()
    asked = known_as(monkeypatch, (held, [answering]))
    resolver = Resolver(reactor, "chat.example", 7)
    Dial(reactor, resolver, outcome.socks.append, outcome.errors.append)
    fired = []
    reactor.call_later(1, fired.append, "a timer")
    wait_until(lambda: asked)
    clock.now += 1
    reactor.tick(0)
    assert fired == ["a timer"]
    assert asked != [threading.main_thread()]
    held.set()
    tick_until(reactor, lambda: outcome.count)
    assert outcome.socks[0].getpeername() == answering[1]
    settle(reactor, selector, outcome)


def test_a_look_up_without_an_end_is_given_up_and_has_no_second_thread_beside_it(
    reactor, selector, clock, monkeypatch, outcome, answering
):
    held = threading.Event()
    asked = known_as(monkeypatch, (held, [answering]))
    resolver = Resolver(reactor, "chat.example", 7)
    Dial(reactor, resolver, outcome.socks.append, outcome.errors.append)
    clock.now += LOOK_UP_TIMEOUT
    reactor.tick(0)
    assert [type(error) for error in outcome.errors] == [TimeoutError]
    Dial(reactor, resolver, outcome.socks.append, outcome.errors.append)
    held.set()
    tick_until(reactor, lambda: outcome.count == 2)
    assert outcome.socks[0].getpeername() == answering[1]
    assert len(asked) == 1
    settle(reactor, selector, outcome)


def test_a_name_that_is_not_found_is_the_dial_s_failure(reactor, selector, monkeypatch, outcome):
    error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    known_as(monkeypatch, error, [])
    resolver = Resolver(reactor, "chat.example", 7)
    for count in (1, 2):
        Dial(reactor, resolver, outcome.socks.append, outcome.errors.append)
        tick_until(reactor, lambda count=count: outcome.count == count)
    assert outcome.errors[0] is error
    assert outcome.errors[1].errno == errno.EADDRNOTAVAIL, "a name with no address"
    settle(reactor, selector, outcome)


def test_nothing_comes_of_a_look_up_that_ends_after_cancel(reactor, selector, monkeypatch, outcome, answering):
    held = threading.Event()
    asked = known_as(monkeypatch, (held, [answering]))
    dial = Dial(reactor, Resolver(reactor, "chat.example", 7), outcome.socks.append, outcome.errors.append)
    wait_until(lambda: asked)
    dial.cancel()
    held.set()
    asked[0].join(DEADLINE)
    settle(reactor, selector, outcome)
    assert outcome.count == 0


def test_without_threads_a_look_up_is_a_failure(reactor, selector, monkeypatch, outcome):
    def none_left(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    Dial(reactor, Resolver(reactor, "chat.example", 7), outcome.socks.append, outcome.errors.append)
    tick_until(reactor, lambda: outcome.count)
    assert "can't start new thread" in str(outcome.errors[0])
    settle(reactor, selector, outcome)
