"""The program around a server. What it says and does as a process is tested with its script, in `test_run`."""

import contextlib
import errno
import os
import socket

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.ops.notify import Notifier
from pylingo.reactor.program import keep_link, tell_systemd, why_not_listening
from pylingo.shared.launch import LaunchError


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


class Reloads:
    """The reload of a server."""

    def began(self): ...
    def ended(self): ...


def test_a_reload_makes_nobody_ready_before_people_may_come(tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, contextlib.closing(Reactor()) as reactor:
        systemd.bind(path)
        systemd.settimeout(5)
        reload, notifier = Reloads(), Notifier(reactor, {"NOTIFY_SOCKET": path})
        reload.began()
        reload.ended()
        tell_systemd(notifier, reload, "listening")
        reload.began()
        reload.ended()
        states = [systemd.recv(4_096).split(b"\n")[0] for _ in range(3)]
        notifier.close()
    assert states == [b"READY=1", b"RELOADING=1", b"READY=1"]


class Links:
    """A registry that keeps a link, or cannot."""

    def __init__(self):
        self.kept = []
        self.is_full = False

    def write_link(self, address, certificate):
        if self.is_full:
            raise LaunchError("cannot write link: No space left on device")
        self.kept.append((address, certificate))


def test_the_link_follows_the_certificate(caplog):
    links = Links()
    keep_link(links, "host:5000", ServerSettings(tls_cert="new.pem", tls_key="key.pem"))
    assert links.kept == [("host:5000", "new.pem")]
    links.is_full = True
    keep_link(links, "host:5000", ServerSettings())
    assert caplog.messages == ["the link in the data folder is as it was: cannot write link: No space left on device"]
