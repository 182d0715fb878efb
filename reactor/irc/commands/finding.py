"""Looking people up by name for a command, on this server and on the others."""

from collections.abc import Callable, Iterable

from pylingo.reactor.irc.client import Client
from pylingo.reactor.irc.people import Who
from pylingo.shared.names import MAX_TYPED, fold


def find_people(client: Client, names: Iterable[str], then: Callable[[list[Who]], object]) -> None:
    """Call `then` with those of these people who are here or on another server. It is the last step of a command."""
    found: list[Who] = []
    for name in names:
        if len(name) <= MAX_TYPED:
            client.do(_look_up, client, name, found)
    client.do(then, found)


def _look_up(client: Client, name: str, found: list[Who]) -> None:
    gateway = client.gateway
    key = fold(name)

    def note() -> None:
        if gateway.hub.here(key) is not None or gateway.hub.bus.stranger(key) is not None:
            found.append(gateway.people.who(name))

    gateway.hub.bus.look_up(client.session, name, None, note)
