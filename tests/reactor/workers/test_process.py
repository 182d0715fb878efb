"""The process of a worker. What it does with its channel is in `test_handover`."""

import os
import signal
import subprocess
import sys

import pytest

from pylingo.reactor.workers.channel import Order, make_channel, receive_report, send_order
from pylingo.reactor.workers.process import work, worker_command
from pylingo.shared.launch import LaunchError
from tests.support import DEADLINE, ROOT, wait_until

RUN = str(ROOT / "reactor" / "run.py")


def test_the_command_of_a_worker():
    assert worker_command("run.py", 2, ["--port", "0"]) == [sys.executable, "run.py", "worker", "2", "--port", "0"]


@pytest.mark.parametrize("arguments", [[], ["1"], ["1", "--port", "0"]])
def test_without_a_channel_there_is_no_worker(arguments):
    with pytest.raises(LaunchError, match="start it with --workers"):
        work(arguments)


def test_it_is_ready_obeys_and_ends_once_however_often_it_is_told(tmp_path):
    ours, theirs = make_channel()
    log, renamed = tmp_path / "log", tmp_path / "log.1"
    with ours:
        with theirs:
            command = worker_command(RUN, 2, ["--port", "0", "--log-file", str(log)])
            process = subprocess.Popen(command, stdin=theirs)
        try:
            assert reports(ours).is_ready
            log.rename(renamed)
            send_order(ours, Order.REOPEN)
            wait_until(log.exists)
            process.send_signal(signal.SIGSTOP)  # or it might be gone before the last order is sent
            os.waitpid(process.pid, os.WUNTRACED)
            for order in (Order.COUNT, Order.STOP, Order.STOP):
                send_order(ours, order)
            process.send_signal(signal.SIGCONT)
            assert reports(ours).is_closed
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()
            process.wait()
    assert renamed.read_text() == ""
    lines = log.read_text().splitlines()
    assert all(" worker 2: " in line for line in lines)
    assert [line.partition(" worker 2: ")[2].partition(" ")[0] for line in lines] == ["the", "0", "stopping:", "0"]


def reports(channel):
    """The next report."""

    def read():
        try:
            return receive_report(channel)
        except BlockingIOError:
            return None

    return wait_until(read)
