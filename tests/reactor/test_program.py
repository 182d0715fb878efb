"""The program around a server. What it says and does as a process is tested with its script, in `test_run`."""

import errno
import os

import pytest

from pylingo.reactor.program import why_not_listening


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EADDRINUSE, "port 7 on host is in use"),
        (errno.EACCES, "port 7 needs privileges"),
        (errno.EPERM, "port 7 needs privileges"),
        (errno.EADDRNOTAVAIL, "cannot listen on host port 7: Cannot assign"),
    ],
)
def test_the_reason_is_the_system_s(number, words):
    assert why_not_listening(OSError(number, os.strerror(number)), "host", 7).startswith(words)


def test_a_reason_without_words_is_said_as_it_is():
    assert why_not_listening(OSError("odd"), "host", 7) == "cannot listen on host port 7: odd"
