"""MONITOR: watching for people by name."""

from collections.abc import Iterable
from functools import partial

from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.session import Session
from pylingo.reactor.chat.waiting import wait_for
from pylingo.reactor.irc.client import Client
from pylingo.reactor.irc.formatting import packed
from pylingo.reactor.irc.gateway import Gateway, Handler
from pylingo.reactor.irc.message import Message, format_message
from pylingo.reactor.irc.monitors import MOST
from pylingo.reactor.irc.numerics import Numeric
from pylingo.shared.errors import RequestError
from pylingo.shared.names import MAX_TYPED, fold, user_name

_ROOM = 400  # bytes of names on a line


def _monitor(client: Client, message: Message) -> None:
    action = message.params[0].upper()
    handler = _ACTIONS.get(action)
    if handler is None:
        client.numeric(Numeric.ERR_UNKNOWNERROR, command="MONITOR", text="use one of + - C L S")
    else:
        handler(client, message.params[1] if len(message.params) > 1 else "")


def _add(client: Client, words: str) -> None:
    names = _names(words)
    ask = partial(client.gateway.hub.bus.present, [*map(fold, names)])
    client.do(wait_for, client.session, ask, partial(_watch, client, names))


def _watch(client: Client, names: list[str], found: dict[str, str]) -> None:
    """Watch names. `found` has those that somebody has on another server."""
    if not client.is_open:
        return
    gateway, monitors = client.gateway, client.gateway.monitors
    if not gateway.hub.bus.is_alone:
        gateway.lookout.watch(found)
    added: list[str] = []
    refused: list[str] = []
    for name in names:
        (added if monitors.watch(client, fold(name), name) else refused).append(name)
    _tell_state(client, added)
    for name in refused:
        client.numeric(Numeric.ERR_MONLISTFULL, limit=MOST, targets=name)


def tell_watchers(gateway: Gateway, person: Person[Session], capability: str, line: bytes) -> None:
    """Send a line about somebody to the clients that watch the name, unless they hear of it in a room."""
    for client in gateway.monitors.watchers(person.key):
        if not (client.has("extended-monitor") and client.has(capability)) or client.session.person is person:
            continue
        if not any(room.directory.has(person.key) for room in client.session.rooms):
            client.session.outbox.write_lines(line)


def tell_away(gateway: Gateway, person: Person[Session]) -> None:
    """Somebody on this server is away, or back."""
    if gateway.monitors.watchers(person.key):
        text = [person.away] if person.away is not None else []
        tell_watchers(gateway, person, "away-notify", format_message("AWAY", text, gateway.people.mask(person.name)))


def _remove(client: Client, words: str) -> None:
    client.gateway.monitors.unwatch(client, map(fold, _names(words)))


def _clear(client: Client, words: str) -> None:
    client.gateway.monitors.forget(client)


def _list(client: Client, words: str) -> None:
    _lines(client, partial(client.numeric, Numeric.RPL_MONLIST), client.gateway.monitors.names(client).values())
    client.numeric(Numeric.RPL_ENDOFMONLIST)


def _status(client: Client, words: str) -> None:
    _tell_state(client, client.gateway.monitors.names(client).values())


def _names(words: str) -> list[str]:
    """The names in a list with commas; those that nobody can have are left out, such as masks."""
    found = []
    for word in words.split(",")[: 2 * MOST]:
        try:
            found.append(user_name(word) if len(word) <= MAX_TYPED else "")
        except RequestError:
            continue
    return [name for name in dict.fromkeys(found) if name]


def _tell_state(client: Client, names: Iterable[str]) -> None:
    """Say who of these is here and who is not."""
    here: list[str] = []
    gone: list[str] = []
    for name in names:
        (here if client.gateway.spelling(fold(name)) is not None else gone).append(name)
    people = client.gateway.people
    _lines(client, partial(client.numeric, Numeric.RPL_MONONLINE), [people.who(name).mask for name in here])
    _lines(client, partial(client.numeric, Numeric.RPL_MONOFFLINE), gone)


def tell_change(client: Client, name: str, is_here: bool) -> None:
    """Tell a client that somebody has come, or has gone."""
    if is_here:
        client.numeric(Numeric.RPL_MONONLINE, targets=client.gateway.people.who(name).mask)
    else:
        client.numeric(Numeric.RPL_MONOFFLINE, targets=name)


def _lines(client: Client, numeric: "partial[None]", words: Iterable[str]) -> None:
    """As many lines as the words need."""
    for group in packed(words, _ROOM):
        numeric(targets=",".join(group))


_ACTIONS = {"+": _add, "-": _remove, "C": _clear, "L": _list, "S": _status}
HANDLERS = {"MONITOR": Handler(_monitor, 1, is_light=True)}
