"""A tick: its phases, their order, and that one failure stays one failure."""

import math
import selectors
import socket

import pytest

from pylingo.reactor.engine.coalescing import Load
from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE, MOST_LATE, Reactor
from pylingo.reactor.engine.transport import Transport
from tests.support import wait_until


class Connection:
    """The part of a connection that the flush phase uses."""

    def __init__(self, name, calls, error=None, queued=10):
        self.queued = queued
        self.name, self.calls, self.error = name, calls, error

    def flush(self):
        self.calls.append(f"send {self.name}")
        if self.error:
            raise self.error

    def fail(self, error):
        self.calls.append(f"fail {self.name} {error}")


class Handler:
    """Notes its events; what it `does` with them may raise."""

    def __init__(self, does=lambda: None, on_fail=lambda: None):
        self.masks, self.errors, self.does, self.on_fail = [], [], does, on_fail

    def handle(self, mask):
        self.masks.append(mask)
        self.does()

    def fail(self, error):
        self.errors.append(error)
        self.on_fail()


class Received:
    """A transport's receiver that notes everything."""

    def __init__(self, on_data=lambda: None):
        self.data, self.lost, self.on_data = b"", [], on_data

    def data_received(self, data):
        self.data += data
        self.on_data()

    def eof_received(self): ...
    def drained(self): ...
    def connection_lost(self, error):
        self.lost.append(error)


@pytest.fixture
def pair():
    """Makes pairs of connected sockets and closes them in the end."""
    socks = []

    def make():
        made = socket.socketpair()
        socks.extend(made)
        return made

    yield make
    for sock in socks:
        sock.close()


def flush_all(reactor, connections, is_backlog=False):
    for connection in connections:
        reactor.flush_soon(connection, is_backlog)


def tick_until(reactor, condition):
    def ticked():
        reactor.tick(0)
        return condition()

    wait_until(ticked)


# --- the phases of a tick ---------------------------------------------------------------------------------------


def test_a_tick_hands_out_then_flushes_then_closes(reactor, pair):
    """Whatever the order in which they are asked for."""
    calls = []
    near, far = pair()
    far.send(b"x")

    def ask():
        calls.append("handler")
        reactor.close_soon(lambda: calls.append("close 1"))
        reactor.flush_soon(Connection("a", calls))
        reactor.call_before_flush(lambda: (calls.append("room 1"), reactor.flush_soon(Connection("c", calls))))
        reactor.flush_soon(Connection("b", calls))
        reactor.call_before_flush(lambda: (calls.append("room 2"), reactor.close_soon(lambda: calls.append("close 2"))))

    reactor.register(near.fileno(), EVENT_READ, Handler(ask))
    reactor.call_soon(calls.append, "call")
    reactor.call_later(0, calls.append, "timer")
    reactor.tick(0)
    assert sorted(calls[:3]) == ["call", "handler", "timer"]
    assert calls[3:] == ["room 1", "room 2", "send a", "send b", "send c", "close 1", "close 2"]


def test_each_asked_for_once_is_called_once(reactor):
    calls = []
    reactor.call_before_flush(lambda: calls.append("room"))
    reactor.flush_soon(Connection("a", calls))
    reactor.close_soon(lambda: calls.append("close"))
    for _ in range(3):
        reactor.tick(0)
    assert calls == ["room", "send a", "close"]


@pytest.mark.parametrize("method", ["call_before_flush", "close_soon"])
def test_a_call_that_a_phase_asks_of_itself_waits_for_the_next_tick_which_does_not_sleep(reactor, selector, method):
    calls = []
    ask = getattr(reactor, method)

    def again():
        calls.append(1)
        ask(lambda: calls.append(2))

    ask(again)
    reactor.tick()
    assert calls == [1]
    selector.asked.clear()
    reactor.tick()
    assert calls == [1, 2]
    assert selector.asked == [0]


def test_a_connection_that_has_more_after_its_send_waits_for_the_next_tick(reactor, selector):
    calls = []

    class Writes(Connection):
        def flush(self):
            super().flush()
            reactor.flush_soon(Connection("b", calls))

    reactor.flush_soon(Writes("a", calls))
    reactor.tick()
    assert calls == ["send a"]
    selector.asked.clear()
    reactor.tick()
    assert calls == ["send a", "send b"]
    assert selector.asked == [0]


def ask_from_call(reactor, pair, callback):
    reactor.call_soon(reactor.call_soon, callback)


def ask_from_timer(reactor, pair, callback):
    reactor.call_later(0, reactor.call_soon, callback)


def ask_from_handler(reactor, pair, callback):
    near, far = pair()
    far.send(b"x")
    reactor.register(near.fileno(), EVENT_READ, Handler(lambda: (near.recv(1), reactor.call_soon(callback))))


def ask_from_flush(reactor, pair, callback):
    reactor.call_before_flush(lambda: reactor.call_soon(callback))


def ask_from_closing(reactor, pair, callback):
    reactor.close_soon(lambda: reactor.call_soon(callback))


@pytest.mark.parametrize("ask", [ask_from_call, ask_from_timer, ask_from_handler, ask_from_flush, ask_from_closing])
def test_call_soon_waits_for_the_next_tick_which_does_not_sleep(reactor, selector, pair, ask):
    calls = []
    ask(reactor, pair, lambda: calls.append(reactor.ticks))
    reactor.tick()
    assert calls == [], "in the tick in which it was asked for"
    selector.asked.clear()
    reactor.tick()
    assert calls == [1]
    assert selector.asked == [0]


def test_calls_keep_their_order_and_their_arguments(reactor):
    calls = []
    for index in range(5):
        reactor.call_soon(lambda *args: calls.append(args), index, str(index))
    reactor.tick(0)
    assert calls == [(index, str(index)) for index in range(5)]


# --- time -------------------------------------------------------------------------------------------------------


def test_a_timer_fires_when_the_clock_has_reached_it(reactor, clock):
    calls = []
    reactor.call_later(2, calls.append, "two")
    reactor.call_later(1, calls.append, "one")
    reactor.call_later(2, calls.append, "two again")
    cancelled = reactor.call_later(1, calls.append, "never")
    cancelled.cancel()
    for step, expected in ((0.999, []), (0.001, ["one"]), (0.5, ["one"]), (0.5, ["one", "two", "two again"])):
        clock.now += step
        reactor.tick(0)
        assert calls == expected


def test_a_timer_counts_from_the_moment_it_is_asked_for_not_from_the_start_of_the_tick(reactor, clock):
    calls = []

    def slow():
        clock.now += 5
        reactor.call_later(1, calls.append, "late")

    reactor.call_soon(slow)
    reactor.tick(0)
    reactor.tick(0)
    assert calls == []
    clock.now += 1
    reactor.tick(0)
    assert calls == ["late"]


def test_now_is_the_start_of_the_tick(reactor, clock):
    seen = []
    clock.now = 1_234.0
    reactor.call_soon(lambda: (setattr(clock, "now", 1_240.0), seen.append(reactor.now)))
    reactor.tick(0)
    assert seen == [1_234.0]


def test_ticks_are_counted_and_the_longest_is_remembered(reactor, clock):
    def work(seconds):
        clock.now += seconds

    for seconds in (1, 3, 2):
        reactor.call_soon(work, seconds)
        reactor.tick(0)
    assert reactor.ticks == 3
    assert reactor.longest_tick == 3


@pytest.mark.parametrize(
    ("timer", "longest", "asked"),
    [
        (None, None, None),
        (None, 7.0, 7.0),
        (3.0, None, 3.0),
        (3.0, 7.0, 3.0),
        (9.0, 7.0, 7.0),
        (-1.0, 7.0, 0.0),
        (3.0, 0.0, 0.0),
    ],
)
def test_the_wait_ends_with_the_next_timer(reactor, selector, timer, longest, asked):
    if timer is not None:
        reactor.call_later(timer, print)
    reactor.call_later(0.5, print).cancel()  # must not wake anybody
    reactor.tick(longest)
    assert selector.asked == [asked]


@pytest.mark.parametrize("ask", ["call_soon", "call_before_flush", "close_soon"])
def test_a_callback_for_the_next_tick_keeps_it_from_sleeping(reactor, selector, ask):
    getattr(reactor, ask)(lambda: None)
    reactor.tick()
    reactor.tick()
    assert selector.asked == [0, None]


def test_run_turns_until_it_is_stopped_and_can_run_again(reactor):
    calls = []
    for count in (1, 2):
        reactor.call_soon(reactor.call_soon, lambda: (calls.append("call"), reactor.stop()))
        reactor.call_before_flush(lambda: reactor.call_before_flush(lambda: calls.append("flush")))
        reactor.run()
        assert calls == ["call", "flush"] * count, "the tick in which it was stopped is finished"


# --- descriptors ------------------------------------------------------------------------------------------------


def test_a_handler_is_told_what_it_asked_for(reactor, pair):
    near, far = pair()
    handler = Handler()
    reactor.register(near.fileno(), EVENT_READ, handler)
    reactor.tick(0)
    assert handler.masks == []
    far.send(b"x")
    tick_until(reactor, lambda: handler.masks)
    assert handler.masks[-1] == EVENT_READ
    reactor.modify(near.fileno(), EVENT_READ | EVENT_WRITE, handler)
    reactor.tick(0)
    assert handler.masks[-1] == EVENT_READ | EVENT_WRITE
    reactor.unregister(near.fileno())
    count = len(handler.masks)
    reactor.tick(0)
    assert len(handler.masks) == count
    reactor.unregister(near.fileno())  # nothing happens if there were none to come


def test_waiting_for_nothing_still_tells_that_the_peer_is_gone(reactor, pair):
    near, far = pair()
    handler = Handler()
    reactor.register(near.fileno(), EVENT_READ, handler)
    reactor.modify(near.fileno(), 0, handler)
    far.send(b"x")
    reactor.tick(0)
    assert handler.masks == []
    far.close()
    tick_until(reactor, lambda: handler.masks)
    assert set(handler.masks) == {0}


def test_one_that_the_selector_has_let_go_of_is_brought_back(reactor, pair):
    near, far = pair()
    handler = Handler()
    far.send(b"x")
    reactor.modify(near.fileno(), EVENT_READ, handler)
    tick_until(reactor, lambda: handler.masks)


def test_where_the_system_cannot_wait_for_nothing_that_is_no_error(clock, pair):
    """`select` is one that cannot, as `kqueue` is."""
    reactor = Reactor(clock=clock, selector=selectors.SelectSelector(), most_late=math.inf)
    near, far = pair()
    handler = Handler(lambda: near.recv(10))
    try:
        reactor.register(near.fileno(), EVENT_READ, handler)
        reactor.modify(near.fileno(), 0, handler)
        far.send(b"x")
        reactor.tick(0)
        assert handler.masks == []
        reactor.modify(near.fileno(), EVENT_READ, handler)
        tick_until(reactor, lambda: handler.masks)
        assert handler.masks == [EVENT_READ]
        with pytest.raises(ValueError, match=r"[Ii]nvalid"):
            reactor.modify(near.fileno(), 1_000, handler)
    finally:
        reactor.close()


def test_a_plain_file_cannot_be_waited_for(reactor, tmp_path):
    path = tmp_path / "file"
    path.touch()
    with path.open() as file, pytest.raises(OSError, match="permitted"):
        reactor.register(file.fileno(), EVENT_READ, Handler())


def test_closing_lets_go_of_the_selector_and_the_wake_up(selector):
    reactor = Reactor(selector=selector)
    reactor.close()
    assert selector.get_map() is None
    reactor.call_from_thread(print)  # a thread that knows nothing of it yet


# --- failures ---------------------------------------------------------------------------------------------------


def test_a_handler_that_fails_is_given_up_alone(reactor, pair, caplog):
    def explode():
        raise RuntimeError("our bug")

    broken, fine = Handler(explode), Handler()
    for handler in (broken, fine, Handler()):
        near, far = pair()
        far.send(b"x")
        reactor.register(near.fileno(), EVENT_READ, handler)
    reactor.tick(0)
    assert [str(error) for error in broken.errors] == ["our bug"]
    assert fine.masks == [EVENT_READ]
    assert fine.errors == []
    assert caplog.text.count("Traceback") == 1
    assert "our bug" in caplog.text


def test_giving_up_may_fail_as_well(reactor, pair, caplog):
    def explode():
        raise RuntimeError("our bug")

    handler = Handler(explode, lambda: 1 / 0)
    near, far = pair()
    far.send(b"x")
    reactor.register(near.fileno(), EVENT_READ, handler)
    reactor.tick(0)
    assert "our bug" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert reactor.ticks == 1


@pytest.mark.parametrize("ask", ["call_soon", "call_later", "call_from_thread", "call_before_flush", "close_soon"])
def test_a_callback_that_fails_does_so_alone(reactor, caplog, ask):
    calls = []
    extra = (0,) if ask == "call_later" else ()
    getattr(reactor, ask)(*extra, lambda: 1 / 0)
    getattr(reactor, ask)(*extra, lambda: calls.append("next"))
    tick_until(reactor, lambda: calls)
    assert calls == ["next"]
    assert "ZeroDivisionError" in caplog.text
    reactor.tick(0)
    assert calls == ["next"]


def test_a_flush_that_fails_ends_that_connection_alone(reactor, caplog):
    calls = []
    reactor.flush_soon(Connection("a", calls, RuntimeError("our bug")))
    reactor.flush_soon(Connection("b", calls))
    reactor.close_soon(lambda: calls.append("close"))
    reactor.tick(0)
    assert calls == ["send a", "fail a our bug", "send b", "close"]
    assert "our bug" in caplog.text


@pytest.mark.parametrize("ask", ["call_soon", "call_before_flush", "register"])
def test_an_interrupt_is_no_failure_of_a_handler(reactor, pair, caplog, ask):
    """Ctrl-C before the signals are ours has to end the program."""

    def interrupt():
        raise KeyboardInterrupt

    if ask == "register":
        near, far = pair()
        far.send(b"x")
        reactor.register(near.fileno(), EVENT_READ, Handler(interrupt))
    else:
        getattr(reactor, ask)(interrupt)
    with pytest.raises(KeyboardInterrupt):
        reactor.tick(0)
    assert caplog.text == ""


@pytest.fixture
def told():
    """The errors that a reactor has reported: where each of them came from, and its text."""
    return []


@pytest.fixture
def telling(clock, told):
    reactor = Reactor(clock=clock, on_error=lambda source, error: told.append((source, str(error))))
    yield reactor
    reactor.close()


def explode(words="our bug"):
    raise RuntimeError(words)


@pytest.mark.parametrize("ask", ["call_soon", "call_later", "call_from_thread", "run_safely"])
def test_the_owner_of_a_call_that_fails_is_told_after_the_reactor_s_owner(telling, told, caplog, ask):
    owner = Handler(on_fail=lambda: told.append("fail"))
    getattr(telling, ask)(*(0,) if ask == "call_later" else (), explode, "why", owner=owner)
    tick_until(telling, lambda: told)
    assert told == [(owner, "why"), "fail"]
    assert [str(error) for error in owner.errors] == ["why"]
    assert caplog.text == ""


@pytest.mark.parametrize("ask", ["call_soon", "call_from_thread", "call_before_flush", "close_soon"])
def test_the_source_of_an_error_without_an_owner_is_the_callback(telling, told, ask):
    getattr(telling, ask)(explode)
    tick_until(telling, lambda: told)
    assert told == [(explode, "our bug")]


def test_the_source_of_a_handler_s_error_is_the_handler(telling, told, pair):
    near, far = pair()
    far.send(b"x")
    handler = Handler(explode, lambda: explode("failing failed"))
    telling.register(near.fileno(), EVENT_READ, handler)
    telling.tick(0)
    assert told == [(handler, "our bug"), (handler.fail, "failing failed")]


def test_a_cancelled_timer_holds_its_owner_no_longer(telling):
    timer = telling.call_later(1, print, owner=Handler())
    timer.cancel()
    assert timer.call is None


def test_an_exception_of_on_error_ends_run():
    def raise_it(source, error):
        raise error

    reactor = Reactor(on_error=raise_it)
    reactor.call_soon(explode)
    with pytest.raises(RuntimeError, match="our bug"):
        reactor.run()
    reactor.close()


def test_a_receiver_that_fails_loses_its_connection_and_no_other(reactor, pair, caplog):
    def explode():
        raise RuntimeError("our bug")

    broken, fine = Received(explode), Received()
    fars = []
    for receiver in (broken, fine):
        near, far = pair()
        Transport(reactor, near, receiver)
        far.send(b"hello")
        fars.append(far)
    tick_until(reactor, lambda: broken.lost)
    assert [str(error) for error in broken.lost] == ["our bug"]
    assert "our bug" in caplog.text
    fars[1].send(b" again")
    tick_until(reactor, lambda: fine.data == b"hello again")
    assert fine.lost == []
    with pytest.raises(OSError, match=r"[Bb]roken|reset"):
        fars[0].send(b"more")


# --- descriptors that are used again ----------------------------------------------------------------------------


def test_no_stale_event_reaches_who_gets_the_descriptor_of_one_closed_in_the_same_tick(reactor, pair):
    """Both have something to read: whoever comes first closes the other."""
    receivers, transports, numbers = [], [], []

    def close_the_other(index):
        transports[1 - index].abort()

    for index in range(2):
        near, far = pair()
        receiver = Received(lambda index=index: close_the_other(index))
        receivers.append(receiver)
        transports.append(Transport(reactor, near, receiver))
        numbers.append(near.fileno())
        far.send(b"x")
    reactor.tick(0)
    assert sorted(receiver.data for receiver in receivers) == [b"", b"x"], "the second one is closed by then"
    closed = [receiver.lost for receiver in receivers].index([None])
    near, far = pair()
    assert numbers[closed] in (near.fileno(), far.fileno()), "the system gives the lowest free number"
    if far.fileno() == numbers[closed]:
        near, far = far, near
    newcomer = Received()
    Transport(reactor, near, newcomer)
    for _ in range(3):
        reactor.tick(0)
    assert newcomer.data == b""
    assert newcomer.lost == []
    far.send(b"for the newcomer")
    tick_until(reactor, lambda: newcomer.data == b"for the newcomer")


def test_a_descriptor_is_not_closed_before_the_end_of_the_tick(reactor, pair):
    """So nobody can get its number while events of the tick are still to be handed out."""
    near, _ = pair()
    number = near.fileno()
    transport = Transport(reactor, near, Received())
    seen = []
    reactor.call_soon(transport.abort)
    reactor.call_soon(lambda: seen.append(near.fileno()))
    reactor.call_before_flush(lambda: seen.append(near.fileno()))
    reactor.tick(0)
    assert seen == [number, number]
    assert near.fileno() == -1


def test_a_socket_made_when_another_was_closed_in_this_tick_may_have_its_number(reactor, pair):
    near, other = pair()
    number = near.fileno()
    made = []

    class Successor(Received):
        def connection_lost(self, error):
            ends = pair()
            receiver = Received()
            index = [end.fileno() for end in ends].index(number)
            Transport(reactor, ends[index], receiver)
            made.append((receiver, ends[1 - index]))

    Transport(reactor, near, Received()).abort()
    Transport(reactor, other, Successor()).abort()
    reactor.tick(0)
    receiver, far = made[0]
    far.send(b"hello")
    tick_until(reactor, lambda: receiver.data == b"hello")
    assert receiver.lost == []


def test_a_timer_of_years_is_no_more_than_the_selector_can_wait():
    reactor = Reactor()
    reactor.call_later(1e10, print)
    reactor.call_from_thread(reactor.stop)
    reactor.run()  # OverflowError: timeout is too large
    reactor.close()


# --- a process that stood still -------------------------------------------------------------------------------


class Stopped(selectors.DefaultSelector):
    """A selector during whose next wait the process stands still for a while, which ends the wait with nothing."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock
        self.stop = 0.0

    def select(self, timeout=None):
        if self.stop:
            self.clock.now += self.stop
            self.stop = 0.0
            return []
        return super().select(0)


@pytest.fixture
def standstill(clock):
    return Stopped(clock)


@pytest.fixture
def stopped(clock, standstill):
    reactor = Reactor(clock=clock, selector=standstill)
    yield reactor
    reactor.close()


@pytest.mark.parametrize("stop", [0.3, 5.0, 1e4])
def test_after_a_stop_what_has_come_is_read_before_any_timer_fires(stopped, standstill, pair, stop):
    ours, theirs = pair()
    order = []
    received = Received(lambda: order.append("data"))
    Transport(stopped, ours, received)
    stopped.tick(0)
    stopped.call_later(0.1, order.append, "timer")
    theirs.send(b"hello")
    standstill.stop = 0.1 + stop
    stopped.tick()
    assert order[0] == "data"
    standstill.stop = 0.1 + 1e-6
    stopped.tick()
    assert order == ["data", "timer"]


@pytest.mark.parametrize("stop", [1.5, 12.0, 1e4])
def test_time_in_which_the_process_stood_still_is_not_counted(stopped, standstill, stop):
    calls = []
    stopped.tick(0)
    begin = stopped.clock()
    stopped.call_later(1, calls.append, "first")
    stopped.call_later(10, calls.append, "second")
    standstill.stop = 1 + stop
    stopped.tick()
    assert (calls, stopped.now - begin) == ([], 0)
    for step, expected in ((0.9, []), (0.2, ["first"]), (8.8, ["first"]), (0.2, ["first", "second"])):
        standstill.stop = step
        stopped.tick()
        assert calls == expected
    assert stopped.clock() - begin == pytest.approx(10.1)


@pytest.mark.parametrize("late", [0.05, 0.5, MOST_LATE])
def test_a_tick_that_comes_a_little_late_is_counted(stopped, standstill, late):
    stopped.tick(0)
    begin = stopped.clock()
    stopped.call_later(1, lambda: None)
    standstill.stop = 1 + late
    stopped.tick()
    assert stopped.clock() - begin == pytest.approx(1 + late)


def test_a_long_sleep_is_no_stop(stopped, standstill):
    """Nothing was to be done meanwhile."""
    stopped.tick(0)
    begin = stopped.clock()
    standstill.stop = 5_000
    stopped.tick()
    assert stopped.clock() - begin == 5_000
    stopped.call_later(100, lambda: None)
    standstill.stop = 100
    stopped.tick()
    assert stopped.clock() - begin == 5_100


@pytest.mark.parametrize("has_reserve", [True, False])
def test_without_memory_to_wait_with_the_loop_pauses_once_the_reserve_is_gone(
    reactor, selector, monkeypatch, has_reserve
):
    pauses = []
    monkeypatch.setattr("time.sleep", pauses.append)

    def fail(timeout):
        raise MemoryError

    if not has_reserve:
        reactor.memory.ran_out()
    selector.before_select = fail
    reactor.tick(0)
    assert pauses == ([] if has_reserve else [0.01])
    selector.before_select = lambda timeout: None


# --- a bound for what a tick sends ----------------------------------------------------------------------------


def test_sends_that_take_long_go_on_in_the_next_tick_in_order(reactor, clock, selector):
    calls = []
    reactor.sending = 1.0

    class Slow(Connection):
        def flush(self):
            super().flush()
            clock.now += 1 / 2.5

    flush_all(reactor, [Slow(number, calls) for number in range(8)])
    for expected in (3, 6, 8):
        reactor.tick()
        assert calls == [f"send {number}" for number in range(expected)]
    assert set(selector.asked) == {0}, "the loop has waited with something to send"


def test_a_peer_with_something_to_send_meanwhile_waits_behind_those_that_waited_already(reactor, clock):
    calls = []
    reactor.sending = 1.0
    late = Connection("late", calls)

    class Slow(Connection):
        def flush(self):
            super().flush()
            clock.now += 2
            reactor.flush_soon(late)

    flush_all(reactor, [Slow("first", calls), Connection("second", calls)])
    reactor.tick()
    assert calls == ["send first"]
    reactor.tick()
    assert calls == ["send first", "send second", "send late"]


@pytest.mark.parametrize("is_backlog", [False, True])
def test_several_who_have_something_meanwhile_wait_behind_those_who_waited_already(reactor, clock, is_backlog):
    calls = []
    reactor.sending = 1.0

    class Slow(Connection):
        def flush(self):
            super().flush()
            clock.now += 2
            for name in ("late", "later"):
                reactor.flush_soon(Connection(name, calls), is_backlog)

    flush_all(reactor, [Slow("first", calls), Connection("second", calls)], is_backlog=is_backlog)
    reactor.tick()
    reactor.tick()
    assert calls == [f"send {name}" for name in ("first", "second", "late", "later")]


def test_nobody_is_behind_when_all_that_is_new_was_sent(reactor, clock):
    calls = []
    reactor.sending = 1.0

    class Slow(Connection):
        def flush(self):
            super().flush()
            clock.now += 2

    flush_all(reactor, [Slow("old", calls)], is_backlog=True)
    reactor.flush_soon(Slow("new", calls))
    reactor.tick()
    assert (calls, reactor.is_behind) == (["send new"], False)


def test_after_rooms_that_took_all_the_time_connections_have_half_of_it(reactor, clock):
    calls = []
    reactor.sending = 1.0

    def long_batch():
        clock.now += 2

    class Slow(Connection):
        def flush(self):
            super().flush()
            clock.now += 0.2

    reactor.call_before_flush(long_batch)
    flush_all(reactor, [Slow(number, calls) for number in range(5)])
    reactor.tick()
    assert calls == ["send 0", "send 1", "send 2"]


def test_leftovers_of_earlier_ticks_come_after_new_calls(reactor, clock):
    """Many slow readers may take much at the same moment: nobody's answer waits for that."""
    calls = []
    reactor.sending = 1.0

    class Slow(Connection):
        def flush(self):
            super().flush()
            clock.now += 0.6

    flush_all(reactor, [Slow(number, calls) for number in range(4)], is_backlog=True)
    reactor.tick()
    assert (calls, reactor.is_behind) == (["send 0", "send 1"], False)  # as nobody waits for what is new
    reactor.flush_soon(Connection("answer", calls))
    reactor.tick()
    assert (calls[2:], reactor.is_behind) == (["send answer", "send 2", "send 3"], False)


def test_a_room_whose_batch_takes_long_leaves_the_rest_of_it_for_the_next_tick(reactor, clock, pair):
    """Data that is not offered to the socket at once is queued whole and in order."""
    reactor.sending = 1.0
    ours, theirs = pair()
    transport = Transport(reactor, ours, Received())

    def flush():
        clock.now += 2
        assert not transport.write_now(b"first")
        transport.write(b"first")
        assert not transport.write_now(b"second")
        transport.write(b"second")

    reactor.call_before_flush(flush)
    reactor.tick()
    reactor.tick()
    reactor.tick()
    assert theirs.recv(100) == b"firstsecond"


def test_a_small_answer_does_not_wait_for_the_copies_of_long_messages(reactor, clock):
    calls = []
    reactor.sending = 1.0

    class Slow(Connection):
        def flush(self):
            super().flush()
            clock.now += 0.6

    flush_all(reactor, [Slow(number, calls, queued=10_000) for number in range(6)])
    reactor.tick()
    assert calls == ["send 0", "send 1"]
    reactor.flush_soon(Connection("answer", calls))
    reactor.tick()
    assert calls[2:4] == ["send answer", "send 2"]


def test_while_some_wait_since_the_last_tick_a_new_batch_goes_behind_them(reactor, clock, pair):
    """Or the first members of a room would get everything at once, and the last ones nothing."""
    reactor.sending = 1.0
    ours, theirs = pair()
    transport = Transport(reactor, ours, Received())
    calls = []

    class Slow(Connection):
        def flush(self):
            super().flush()
            clock.now += 2

    flush_all(reactor, [Slow(number, calls) for number in range(3)])
    reactor.tick()
    assert reactor.is_behind
    reactor.call_before_flush(lambda: transport.write_now(b"new") or transport.write(b"new"))
    reactor.tick()
    assert (calls, transport.queued) == (["send 0", "send 1"], 3)
    reactor.tick()
    reactor.tick()
    assert (calls[2:], theirs.recv(100)) == (["send 2"], b"new")
    assert not reactor.is_behind


# --- resting ----------------------------------------------------------------------------------------------------


class Always:
    """A coalescer that always says the same, and notes the turns."""

    longest = 0.005

    def __init__(self) -> None:
        self.turns: list[int] = []

    def rest(self, now: float) -> float:
        return 0.004

    def turned(self, begin: float, end: float, events: int) -> None:
        self.turns.append(events)


@pytest.fixture
def resting(monkeypatch):
    """A reactor whose coalescer always wants a rest, and the rests that it has taken."""
    reactor, rests = Reactor(clock=lambda: 1_000.0), []
    reactor.coalescer = Always()
    monkeypatch.setattr(reactor.urgent, "rest", rests.append)
    reactor.call_later(0.001, lambda: None)  # so that no tick waits for long; it is never due, as the clock stands
    yield reactor, rests
    reactor.close()


def test_a_loop_rests_once_before_a_tick_and_counts_what_was_ready(resting, pair):
    reactor, rests = resting
    ours, theirs = pair()
    reactor.register(ours.fileno(), EVENT_READ, Handler(lambda: ours.recv(1)))
    theirs.send(b"x")
    reactor.tick()
    assert rests == [0.004]
    assert reactor.coalescer.turns == [1]


@pytest.mark.parametrize(
    "queue",
    [
        lambda reactor: reactor.call_soon(lambda: None),
        lambda reactor: reactor.call_before_flush(lambda: None),
        lambda reactor: reactor.flush_soon(Connection("a", [])),
        lambda reactor: reactor.flush_soon(Connection("a", []), is_backlog=True),
        lambda reactor: reactor.close_soon(lambda: None),
        lambda reactor: reactor.stop(),
    ],
    ids=["call", "flusher", "unsent", "backlog", "closing", "stopped"],
)
def test_a_loop_with_work_for_the_next_tick_does_not_rest(resting, queue):
    reactor, rests = resting
    queue(reactor)
    reactor.tick()
    assert rests == []
    reactor.call_later(0.001, lambda: None)
    reactor.is_stopped = False
    reactor.tick()
    assert rests == [0.004]


def test_a_tick_that_is_told_how_long_to_wait_does_not_rest(resting):
    reactor, rests = resting
    reactor.tick(0)
    assert rests == []


def test_an_urgent_descriptor_that_is_unregistered_ends_no_rest(pair):
    reactor = Reactor()
    ours, _ = pair()
    reactor.register(ours.fileno(), EVENT_READ, Handler())
    reactor.urgent.add(ours.fileno())
    reactor.unregister(ours.fileno())
    ours.close()
    start = reactor.clock()
    reactor.urgent.rest(0.01)  # poll would return at once, because of a descriptor that is closed
    assert reactor.clock() - start >= 0.009
    reactor.close()


def test_a_loop_that_works_all_the_time_is_busy(pair):
    reactor = Reactor()
    ours, theirs = pair()
    theirs.send(b"x")  # never read: it is ready in every tick

    def work():
        end = reactor.clock() + 0.002
        while reactor.clock() < end:
            pass

    reactor.register(ours.fileno(), EVENT_READ, Handler(work))
    wait_until(lambda: reactor.tick(0) or reactor.coalescer.load is Load.BUSY, "the load")
    reactor.close()
