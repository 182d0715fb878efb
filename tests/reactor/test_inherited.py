"""The settings of a server that inherits listening sockets."""

import socket

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.inherited import NAMES, targets_of, with_sockets


def test_the_addresses_of_inherited_sockets_replace_the_options():
    assert NAMES == ("pylingo", "irc", "irc-tls", "metrics")
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        settings = with_sockets(ServerSettings(host="::", port=7), {"pylingo": [first, second], "irc": [second]})
        assert (settings.host, settings.port) == first.getsockname()
        assert settings.irc_port == second.getsockname()
        assert settings.irc_tls_port is None
        assert targets_of([first]) == [(socket.AF_INET, first.getsockname())]
    assert with_sockets(settings, {}) == settings
    assert targets_of([]) == []
