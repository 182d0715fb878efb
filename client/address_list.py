"""The servers of a client and the order in which it tries them. Pure.

Clients choose their first server by chance, which spreads them. After a connection has ended, a client goes through the
other servers and, where a name has several addresses, through these. Only when a round is over, because each of them
has failed once, does it wait. Each client has an order of its own, so those of a server that died spread again.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pylingo.client.security import Security
from pylingo.reactor.engine.dial import Target, alternate
from pylingo.shared.address import show_address
from pylingo.shared.value_class import value_class

MOST_TARGETS = 16
"""The addresses of one name that are tried in a round. A look-up may give others each time."""


@value_class
class Endpoint:
    """A server: its host and port, and how connections to it are secured."""

    host: str
    port: int
    security: Security

    @property
    def where(self) -> str:
        """HOST:PORT."""
        return show_address(self.host, self.port)


@dataclass(slots=True)
class _Turn:
    """One server in the present round."""

    endpoint: Endpoint
    found: set[Target] = field(default_factory=set)
    """The addresses of its name, from the latest look-up."""
    tried: set[Target] = field(default_factory=set)
    """The addresses that answered, but whose connection ended."""
    is_over: bool = False


class AddressList:
    """See the module. `chance()` is a number from 0 to 1."""

    def __init__(self, endpoints: Sequence[Endpoint], chance: Callable[[], float] = random.random) -> None:
        self.endpoints = tuple(endpoints)
        self._turns = sorted(map(_Turn, endpoints), key=lambda turn: chance())
        self._salt = chance()

    @property
    def current(self) -> Endpoint:
        """The server to connect to."""
        return self._turns[0].endpoint

    @property
    def has_others(self) -> bool:
        """Whether this round goes on if no address of the current server answers."""
        return any(not turn.is_over for turn in self._turns[1:])

    def arrange(self, endpoint: Endpoint, found: Sequence[Target]) -> list[Target]:
        """Put the addresses of a server in the order in which to try them: by chance, those tried before last.

        The order is the same until an address is tried. Families alternate, and the system's preferred one stays first.
        """
        turn = next(turn for turn in self._turns if turn.endpoint == endpoint)
        turn.found = set(found)
        families = [family for family, _ in found]
        by_chance = sorted(found, key=lambda target: (families.index(target[0]), hash((self._salt, target))))
        return sorted(alternate(by_chance), key=turn.tried.__contains__)

    def ended(self, answered: Target | None) -> bool:
        """The connection to the current server has ended; None has `answered` if there was none.

        Another server becomes the current one, or the same one with another address. Returns False if the round is
        over, and a new one begins.
        """
        turn = self._turns[0]
        if answered is None or answered in turn.tried or len(turn.tried) == MOST_TARGETS:
            turn.is_over = True
        else:
            turn.tried.add(answered)
            turn.is_over = turn.found <= turn.tried
        self._turns.append(self._turns.pop(0))
        for _ in self._turns:
            if not self._turns[0].is_over:
                return True
            self._turns.append(self._turns.pop(0))
        self.refresh()
        return False

    def refresh(self) -> None:
        """Begin a new round with the current server."""
        for turn in self._turns:
            turn.tried.clear()
            turn.is_over = False
