"""Child processes: started, reaped, killed."""

import signal
import sys

import pytest

from pylingo.reactor.workers.children import Children, describe_end
from tests.support import wait_until

ENDS = {
    "well": ("pass", 0),
    "badly": ("raise SystemExit(3)", 3),
    "killed": ("import os; os.kill(os.getpid(), 9)", -9),
}


def program(code):
    return [sys.executable, "-S", "-c", code]


def test_the_end_of_each_child_is_told_with_its_status(reactor, children):
    ended = {}
    for name, (code, _) in ENDS.items():
        children.start(program(code), lambda status, name=name: ended.update({name: status}))
    assert len(children) == 3
    wait_until(lambda: reactor.tick(0.01) or len(ended) == 3)
    assert ended == {name: status for name, (_, status) in ENDS.items()}
    assert len(children) == 0


def test_a_signal_reaches_a_child_and_nobody_after_its_end(reactor, children):
    ended = []
    number = children.start(program("import time; time.sleep(60)"), ended.append)
    children.kill(number, signal.SIGTERM)
    wait_until(lambda: reactor.tick(0.01) or ended)
    assert ended == [-signal.SIGTERM]
    children.kill(number, signal.SIGTERM)


def test_in_the_end_all_are_killed(reactor):
    children, ended = Children(reactor), []
    for _ in range(2):
        children.start(program("import time; time.sleep(60)"), ended.append)
    children.end()
    assert (ended, len(children)) == ([-9, -9], 0)


def test_a_program_that_is_missing_is_an_error(children):
    with pytest.raises(FileNotFoundError):
        children.start(["/nowhere/program"], print)
    assert len(children) == 0


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "has ended"), (3, "has ended with status 3"), (-9, "was killed by SIGKILL"), (-99, "was killed by signal 99")],
)
def test_how_it_has_ended(status, words):
    assert describe_end(status) == words
