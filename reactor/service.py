"""The service: everything that the connections of a server share. They know this, and never the server."""

import collections
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.session import Session
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.traffic import Traffic
from pylingo.reactor.fair_queue import FairQueue, Requester
from pylingo.reactor.pace import AddressPace, Pace


@dataclass(slots=True)
class Service:
    """See the module. `is_exempt(host)` says whether no limit for one address holds for `host`."""

    reactor: Reactor
    hub: Hub[Session]
    settings: ServerSettings
    is_exempt: Callable[[str], bool]
    queue: FairQueue[Requester]
    """Decides whose request is handled next, if there is a rate limit."""
    pace: Pace = field(default_factory=Pace)
    """The rate of one connection."""
    address_pace: AddressPace = field(default_factory=AddressPace)
    """The rate of one address."""
    counts: "collections.Counter[str]" = field(default_factory=collections.Counter)
    """How many connections were accepted, and how many ended or were refused for which reason."""
    traffic: Traffic | None = None
    """The bytes of all connections that came since it was set, and the system calls for them."""
    closed: Callable[[Any], object] = lambda connection: None
    """Called with each connection whose socket was closed."""
    notice: str = ""
    """A notice for everybody who comes, for as long as something is wrong."""
