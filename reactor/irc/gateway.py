"""The gateway: the state that all IRC clients on one server share."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.seats import Timer
from pylingo.reactor.chat.session import Session
from pylingo.reactor.history.clock import wall_clock
from pylingo.reactor.irc.dialects import Dialects
from pylingo.reactor.irc.lookout import Lookout
from pylingo.reactor.irc.message import Message, format_message
from pylingo.reactor.irc.monitors import Monitors
from pylingo.reactor.irc.people import People
from pylingo.reactor.people.passwords import PasswordHash, Verdict
from pylingo.shared import __version__
from pylingo.shared.names import MAX_TYPED, fold
from pylingo.shared.schema import Record

type CheckPassword = Callable[[str, str, Callable[[Verdict], object], PasswordHash], object]
"""Compares a password that came from a host with a hash, and calls back in the loop. See `PasswordGate.check`."""

VERSION = f"PyLingo-{__version__}"
NETWORK = "PyLingo"


@dataclass(frozen=True, slots=True)
class Handler:
    """The handler of a command, which needs at least `least` parameters.

    A command that `is_light` counts an eighth for the rate. `is_early` says whether it may come before registration.
    """

    run: Callable[[Any, Message], object]
    least: int = 0
    is_light: bool = False
    is_early: bool = False


class Unregistered(Protocol):
    """A client that is not registered."""

    @property
    def is_open(self) -> bool:
        """Whether its session goes on."""


def room_key(channel: str) -> str:
    """The compared form of the name of a channel's room; empty if no channel can have that name."""
    return fold(channel[1:]) if channel.startswith("#") and len(channel) <= MAX_TYPED else ""


class Gateway:
    """See the module. `name` is the server's in every line; `motd` gives the notice of the day.

    `call_later(seconds, callback)` returns a timer. `handlers` are the commands, and get the client. `reply_to(client,
    record)` returns the lines of a reply. `check_password` compares a password for IRC. `tell_watcher(client, name,
    is_here)` tells a client of somebody whom it monitors.
    """

    def __init__(
        self,
        hub: Hub[Session],
        name: str,
        motd: Callable[[], str],
        call_later: Callable[..., Timer],
        handlers: Mapping[str, Handler],
        reply_to: Callable[[Any, Record], bytes],
        check_password: CheckPassword,
        tell_watcher: Callable[[Any, str, bool], object],
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self.hub = hub
        self.name = name
        self.motd = motd
        self.call_later = call_later
        self.handlers = handlers
        self.reply_to = reply_to
        self.check_password = check_password
        self.monitors: Monitors[Any] = Monitors(self.spelling, tell_watcher, lambda look: call_later(0.0, look))
        self.lookout = Lookout(self._present, self.monitors.keys, self.monitors.note, call_later)
        hub.note_person = self._note_person
        self.clock = clock
        self.people = People(hub)
        self.dialects = Dialects(self.people, clock, name)
        self.ping = format_message("PING", [name], name)
        self.created = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(clock() / 1e6))
        self.unregistered: set[Unregistered] = set()
        """The clients that are not registered yet, until their sockets are closed."""
        self.most_users = 0
        """The most people that were here at the same time."""

    def _note_person(self, key: str) -> None:
        """Somebody has come or gone under this name."""
        self.people.forget_masks()
        self.monitors.note(key)

    def _present(self, keys: Collection[str], then: Callable[[dict[str, str]], object]) -> None:
        self.hub.bus.present(keys, then)  # the bus may be another one later

    def person(self, nick: str) -> Person[Session] | None:
        """The person on this server who is called `nick`, in any spelling."""
        return self.hub.here(fold(nick)) if len(nick) <= MAX_TYPED else None

    def spelling(self, key: str) -> str | None:
        """How somebody who is here spells the name with this compared form; None if nobody has it."""
        person = self.hub.here(key) or self.hub.bus.stranger(key)
        return person.name if person is not None else self.lookout.spelling(key)

    def count_unregistered(self) -> int:
        """The number of clients that are connected and not registered."""
        return sum(client.is_open for client in self.unregistered)
