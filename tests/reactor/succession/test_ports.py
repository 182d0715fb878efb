"""The options of ports through an upgrade."""

import dataclasses

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.inherited import NAMES
from pylingo.reactor.succession.ports import kept_ports, ports_of, tell_changed

OLD = ServerSettings(host="a", port=1, irc_port=("b", 2))
NEW = ServerSettings(host="a", port=7, irc_port=("c", 2), metrics=("d", 3))
BEFORE = {"--host": "a", "--port": "1", "--irc-port": "b:2", "--irc-tls-port": "", "--metrics": ""}


def test_every_socket_has_its_options() -> None:
    assert ports_of(OLD) == BEFORE
    assert ports_of(OLD, NAMES) == {}
    assert ports_of(OLD, ["pylingo"]) == {name: value for name, value in BEFORE.items() if len(name) > 6}


@pytest.mark.parametrize(
    ("sockets", "said"),
    [
        (["pylingo", "irc"], ["a change of --port, --irc-port needs a restart: the open port is kept"]),
        (["irc"], ["a change of --irc-port needs a restart: the open port is kept"]),
        ([], []),
    ],
)
def test_a_change_of_an_open_port_is_said(
    sockets: list[str], said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    tell_changed(BEFORE, NEW, sockets)
    assert caplog.messages == said
    tell_changed(BEFORE, OLD, sockets)
    tell_changed(ports_of(OLD, NAMES), NEW, sockets)  # systemd has made all of them
    assert caplog.messages == said


def test_the_next_upgrade_compares_with_the_sockets_that_are_there() -> None:
    kept = kept_ports(BEFORE, NEW, ["pylingo", "irc"])
    assert kept == {**BEFORE, "--metrics": "d:3"}  # a port that this server has opened
    assert kept_ports({}, NEW, ["pylingo"]) == ports_of(NEW, ["pylingo"])
    assert kept_ports(kept, dataclasses.replace(NEW, port=9), [*NAMES]) == kept
