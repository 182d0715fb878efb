"""The options of ports through an upgrade: the sockets go on, so a change of these options has no effect.

Each server keeps the options that its sockets were made from, and offers them to its successor. Sockets that systemd
has made come from no option.
"""

import logging
from collections.abc import Collection, Mapping

from pylingo.reactor.config import SETTINGS, ServerSettings
from pylingo.reactor.inherited import IRC, IRC_TLS, METRICS, NATIVE

logger = logging.getLogger(__name__)

_PORTS: Mapping[str, tuple[str, ...]] = {
    NATIVE: ("host", "port"),
    IRC: ("irc_port",),
    IRC_TLS: ("irc_tls_port",),
    METRICS: ("metrics",),
}
"""The settings of sockets, by the name of these."""


def ports_of(settings: ServerSettings, inherited: Collection[str] = ()) -> dict[str, str]:
    """Return the options of the ports, as text by option, without those of the `inherited` sockets.

    Give it the settings as they were read, before the addresses of sockets replace any.
    """
    made = [name for socket, names in _PORTS.items() if socket not in inherited for name in names]
    return {SETTINGS[name].option: SETTINGS[name].type.show(getattr(settings, name)) for name in made}


def kept_ports(ports: Mapping[str, str], settings: ServerSettings, sockets: Collection[str]) -> dict[str, str]:
    """Return the options of the ports after an upgrade: those of the `sockets` that have come are as in `ports`."""
    own, come = ports_of(settings, sockets), ports_of(settings, _PORTS.keys() - sockets)
    return own | {option: ports[option] for option in come if option in ports}


def tell_changed(ports: Mapping[str, str], settings: ServerSettings, sockets: Collection[str]) -> None:
    """Log which options of `sockets` differ from `ports`: the sockets are open, and stay where they are."""
    now = ports_of(settings, _PORTS.keys() - sockets)
    if changed := [option for option, value in now.items() if ports.get(option, value) != value]:
        logger.warning("a change of %s needs a restart: the open port is kept", ", ".join(changed))
