"""The messages between the supervisor and a worker."""

import contextlib
import os
import socket
from collections import Counter

import pytest

from pylingo.reactor.workers.channel import (
    MOST_ENDED,
    Order,
    Passed,
    Report,
    channel_of_stdin,
    make_channel,
    pass_socket,
    receive,
    receive_report,
    send_order,
    send_report,
)


@pytest.fixture
def ends():
    ours, theirs = make_channel()
    with ours, theirs:
        yield ours, theirs


def test_sockets_and_orders_keep_their_order_and_a_socket_lives_on_without_the_copy(ends):
    ours, theirs = ends
    near, far = socket.socketpair()
    with far:
        with near:
            pass_socket(ours, near, ("2001:db8::1", 4_000, 0, 3))
            pass_socket(ours, near, ("192.0.2.1", 4_000), "irc")
        for order in Order:
            send_order(ours, order)
        passed = receive(theirs)
        assert isinstance(passed, Passed)
        assert (passed.address, passed.door) == (("2001:db8::1", 4_000, 0, 3), "pylingo")
        with passed.sock as sock:
            assert not sock.get_inheritable()
            sock.send(b"hello")
            assert far.recv(5) == b"hello"
        other = receive(theirs)
        assert (other.address, other.door) == (("192.0.2.1", 4_000), "irc")
        other.sock.close()
    assert [receive(theirs) for _ in Order] == list(Order)
    with pytest.raises(BlockingIOError):
        receive(theirs)


def test_reports(ends):
    ours, theirs = ends
    reports = [Report(3), Report(0, Counter({"192.0.2.1": 2})), Report(is_ready=True), Report(is_closed=True)]
    reports.append(Report(snapshot={"rooms": 3, "goodbyes": {"full": 1}, "batch_frames": [[1, 2], 0.5]}))
    for report in reports:
        send_report(theirs, report)
    assert [receive_report(ours) for _ in reports] == reports
    with pytest.raises(BlockingIOError):
        receive_report(ours)


def test_the_longest_report_fits_a_message(ends):
    ours, theirs = ends
    longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%interface-name-1"
    report = Report(64, Counter({longest[:-4] + f"{index:04}": 9_999 for index in range(MOST_ENDED)}))
    send_report(theirs, report)
    assert receive_report(ours) == report


@pytest.mark.parametrize("has_unread", [False, True])
def test_each_side_sees_the_end_of_the_other(has_unread):
    for side, read in ((0, receive_report), (1, receive)):
        ends = make_channel()
        if has_unread:
            ends[side].send(b"[]")
        ends[1 - side].close()
        with ends[side]:
            assert read(ends[side]) is None


def test_the_channel_is_taken_from_the_standard_input(ends):
    ours, theirs = ends
    with standard_input(theirs.fileno()):
        channel = channel_of_stdin()
        assert os.fstat(0).st_rdev == os.stat(os.devnull).st_rdev
    with channel:
        send_order(ours, Order.COUNT)
        assert receive(channel) is Order.COUNT


def test_another_standard_input_is_none():
    pair = socket.socketpair()
    with pair[0], pair[1], open(os.devnull) as null:
        before = len(os.listdir("/dev/fd"))
        for file in (pair[0], null):
            with standard_input(file.fileno()), pytest.raises(OSError, match=r"not a channel|non-socket"):
                channel_of_stdin()
        assert len(os.listdir("/dev/fd")) == before


@contextlib.contextmanager
def standard_input(descriptor):
    saved = os.dup(0)
    os.dup2(descriptor, 0)
    try:
        yield
    finally:
        os.dup2(saved, 0)
        os.close(saved)
