"""A descriptor of our own for a terminal leaves the one that was given as it is."""

import os
import pty
import signal
import subprocess
import sys

import pytest

from pylingo.client.descriptor import OwnDescriptor, give_foreground, is_foreground
from tests.support import ROOT


def test_the_given_descriptor_stays_blocking() -> None:
    master, slave = pty.openpty()
    try:
        own = OwnDescriptor(slave)
        assert (os.get_blocking(own.fileno()), os.get_blocking(slave)) == (False, True)
        assert os.ttyname(own.fileno()) == os.ttyname(slave)
        own.close()
        assert os.get_blocking(slave)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(own.fileno())
    finally:
        os.close(master)
        os.close(slave)


def test_a_terminal_that_does_not_control_us_has_no_background() -> None:
    master, slave = pty.openpty()
    try:
        assert is_foreground(slave)
    finally:
        os.close(master)
        os.close(slave)


def test_a_terminal_that_does_not_control_us_is_given_to_nobody() -> None:
    master, slave = pty.openpty()
    try:
        give_foreground(slave, os.getpgrp())
        assert is_foreground(slave)
        assert signal.SIGTTOU not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
    finally:
        os.close(master)
        os.close(slave)


GIVE = """
import fcntl, os, sys, termios, time
sys.path.insert(0, sys.argv[1])
from pylingo.client.descriptor import give_foreground, is_foreground
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
child = os.fork()
if not child:
    os.setpgid(0, 0)
    time.sleep(60)
os.setpgid(child, child)
give_foreground(0, child)
given = os.tcgetpgrp(0) == child and not is_foreground(0)
give_foreground(0, os.getpgrp())
os.kill(child, 9)
sys.exit(0 if given and is_foreground(0) else 3)
"""


def test_the_foreground_is_given_and_taken_back_without_a_stop() -> None:
    master, slave = pty.openpty()
    try:
        done = subprocess.run([sys.executable, "-c", GIVE, str(ROOT)], stdin=slave, start_new_session=True, timeout=60)
        assert done.returncode == 0
    finally:
        os.close(master)
        os.close(slave)
