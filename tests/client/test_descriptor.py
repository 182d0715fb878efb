"""A descriptor of our own for a terminal leaves the one that was given as it is."""

import os
import pty

import pytest

from pylingo.client.descriptor import OwnDescriptor, is_foreground


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
