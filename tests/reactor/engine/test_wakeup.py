"""Signals and threads that want a word with the loop."""

import contextlib
import os
import signal
import threading
import time

import pytest

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.wakeup import Wakeup
from tests.support import DEADLINE, wait_until

MANY = 5_000
"""Calls, each with its byte: far more than the socketpair holds."""


@pytest.fixture
def reactor():
    reactor = Reactor()
    yield reactor
    reactor.close()


@pytest.fixture
def wakeup():
    """A wake-up without a loop, and what it has handed to the loop's queue."""
    handed = []
    wakeup = Wakeup(lambda callback, *args, owner=None: handed.append((callback, args)))
    yield wakeup, handed
    wakeup.close()


def test_a_descriptor_that_takes_nothing_is_waited_for_until_a_signal_comes(reactor):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    seen = []
    try:
        reactor.on_signal(signal.SIGUSR1, lambda: seen.append("signal"))
        assert reactor.wait_writable(writer)
        with contextlib.suppress(BlockingIOError):
            while os.write(writer, b"x" * 4_096):
                pass
        reactor.call_from_thread(seen.append, "call")  # is no reason to stop waiting
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        assert not reactor.wait_writable(writer)
        timer.join()
        assert seen == [], "the callbacks are the loop's to call"
        wait_until(lambda: reactor.tick(0.01) or len(seen) == 2)
        threading.Timer(0.2, os.read, (reader, 65_536)).start()
        assert reactor.wait_writable(writer)
    finally:
        os.close(reader)
        os.close(writer)


@pytest.fixture
def handler_before():
    """A handler of SIGUSR1 that somebody else has installed."""
    seen = []

    def handler(number, frame):
        seen.append(number)

    before = signal.signal(signal.SIGUSR1, handler)
    yield handler, seen
    signal.signal(signal.SIGUSR1, before)


def turn_until(reactor, condition):
    def turned():
        reactor.tick(0)
        return condition()

    wait_until(turned)


# --- threads ----------------------------------------------------------------------------------------------------


def test_a_call_waits_for_the_loop_and_takes_its_arguments_along(wakeup):
    wakeup, handed = wakeup
    wakeup.call(print, 1, "two")
    assert handed == []
    wakeup.handle(0)
    assert handed == [(print, (1, "two"))]
    wakeup.handle(0)
    assert handed == [(print, (1, "two"))], "nothing is handed on twice"


def test_the_calls_of_each_thread_keep_their_order(reactor):
    calls = []

    def call(thread):
        for index in range(200):
            reactor.call_from_thread(calls.append, (thread, index))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    turn_until(reactor, lambda: len(calls) == 800)
    for thread in threads:
        thread.join(DEADLINE)
    for number in range(4):
        assert [index for thread, index in calls if thread == number] == list(range(200))


def test_a_call_runs_in_the_thread_of_the_loop(reactor):
    threads = []
    thread = threading.Thread(target=reactor.call_from_thread, args=(lambda: threads.append(threading.get_ident()),))
    thread.start()
    turn_until(reactor, lambda: threads)
    thread.join(DEADLINE)
    assert threads == [threading.get_ident()]


def test_a_call_wakes_a_sleeping_loop(reactor):
    calls = []
    thread = threading.Thread(target=reactor.call_from_thread, args=(calls.append, 1))
    start = time.monotonic()
    thread.start()
    while not calls:
        reactor.tick(DEADLINE)
    thread.join(DEADLINE)
    assert time.monotonic() - start < DEADLINE / 2, "the loop slept on"


def test_more_calls_than_the_socket_holds_are_all_handed_on(wakeup):
    wakeup, handed = wakeup
    for index in range(MANY):
        wakeup.call(print, index)
    while len(handed) < MANY:
        before = len(handed)
        wakeup.handle(0)
        assert len(handed) > before
    assert [args for _, args in handed] == [(index,) for index in range(MANY)]
    wakeup.call(print, "another")
    wakeup.handle(0)
    assert handed[-1] == (print, ("another",))


def test_a_call_from_within_a_call_is_not_lost(reactor):
    calls = []
    reactor.call_from_thread(reactor.call_from_thread, calls.append, 1)
    turn_until(reactor, lambda: calls)
    assert calls == [1]


def test_handling_without_anything_to_read_is_harmless(wakeup):
    wakeup, handed = wakeup
    wakeup.handle(0)
    assert handed == []


def test_a_call_after_the_end_is_harmless():
    wakeup = Wakeup(lambda *args: None)
    wakeup.close()
    wakeup.call(print)


def test_a_call_that_fails_leaves_the_others_and_the_wake_up_alone(reactor, caplog):
    calls = []
    reactor.call_from_thread(lambda: 1 / 0)
    reactor.call_from_thread(calls.append, "same tick")
    turn_until(reactor, lambda: calls)
    reactor.call_from_thread(calls.append, "later")
    turn_until(reactor, lambda: len(calls) == 2)
    assert calls == ["same tick", "later"]
    assert "ZeroDivisionError" in caplog.text


# --- signals ----------------------------------------------------------------------------------------------------


def test_a_signal_calls_back_in_the_loop_and_nowhere_else(reactor, handler_before):
    calls = []
    reactor.on_signal(signal.SIGUSR1, lambda: calls.append("loop"))
    os.kill(os.getpid(), signal.SIGUSR1)
    assert calls == [], "not in the middle of what is going on"
    turn_until(reactor, lambda: calls)
    assert calls == ["loop"]
    assert handler_before[1] == [], "the handler before is replaced meanwhile"


def test_a_signal_wakes_a_sleeping_loop(reactor, handler_before):
    calls = []
    reactor.on_signal(signal.SIGUSR1, lambda: calls.append("loop"))
    thread = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
    start = time.monotonic()
    thread.start()
    while not calls:
        reactor.tick(DEADLINE)
    thread.join(DEADLINE)
    assert time.monotonic() - start < DEADLINE / 2, "the loop slept on"


def test_each_signal_has_its_own_callback_and_the_last_one_counts(reactor, handler_before):
    calls = []
    reactor.on_signal(signal.SIGUSR1, lambda: calls.append("first"))
    reactor.on_signal(signal.SIGUSR1, lambda: calls.append("usr1"))
    reactor.on_signal(signal.SIGWINCH, lambda: calls.append("winch"))
    for number in (signal.SIGUSR1, signal.SIGWINCH, signal.SIGUSR1):
        os.kill(os.getpid(), number)
    turn_until(reactor, lambda: len(calls) >= 3)
    assert calls == ["usr1", "winch", "usr1"]


def test_a_signal_of_somebody_else_is_not_ours(reactor, handler_before):
    calls = []
    reactor.on_signal(signal.SIGWINCH, lambda: calls.append("winch"))
    os.kill(os.getpid(), signal.SIGUSR1)
    reactor.tick(0)
    reactor.tick(0)
    assert calls == []
    assert handler_before[1] == [signal.SIGUSR1]


def test_closing_gives_the_signals_and_the_wakeup_descriptor_back(handler_before):
    handler, seen = handler_before
    before = signal.set_wakeup_fd(-1)
    try:
        reactor = Reactor()
        reactor.on_signal(signal.SIGUSR1, print)
        reactor.on_signal(signal.SIGUSR1, print)  # must not take itself for the handler before
        assert signal.getsignal(signal.SIGUSR1) is not handler
        reactor.close()
        assert signal.getsignal(signal.SIGUSR1) is handler
        assert signal.set_wakeup_fd(-1) == -1
        os.kill(os.getpid(), signal.SIGUSR1)
        assert seen == [signal.SIGUSR1]
    finally:
        signal.set_wakeup_fd(before)


def test_a_signal_that_is_ignored_stays_so_where_that_is_asked_for(handler_before):
    reactor, calls = Reactor(), []
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    reactor.on_signal(signal.SIGUSR1, lambda: calls.append("polite"), unless_ignored=True)
    os.kill(os.getpid(), signal.SIGUSR1)
    reactor.tick(0)
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
    reactor.on_signal(signal.SIGUSR1, lambda: calls.append("insisting"))
    reactor.on_signal(signal.SIGUSR1, lambda: calls.append("polite"), unless_ignored=True)
    os.kill(os.getpid(), signal.SIGUSR1)
    turn_until(reactor, lambda: calls)
    assert calls == ["polite"], "what we have taken ourselves is not ignored"
    reactor.close()
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN


def test_without_signals_nobody_else_s_are_touched(handler_before):
    handler, _ = handler_before
    reactor = Reactor()
    reactor.close()
    assert signal.getsignal(signal.SIGUSR1) is handler


def test_a_signal_is_not_lost_among_more_calls_than_the_socket_holds(reactor, handler_before):
    """A history writer that is done with many things must not make the server deaf to SIGTERM."""
    calls = []
    reactor.on_signal(signal.SIGUSR1, lambda: calls.append("signal"))
    for _ in range(MANY):
        reactor.call_from_thread(calls.append, "call")
    os.kill(os.getpid(), signal.SIGUSR1)
    turn_until(reactor, lambda: calls.count("call") == MANY)
    for _ in range(3):
        reactor.tick(0)
    assert calls.count("signal") == 1
