"""Access to the server: the register of people, the storing of its changes, the password, and the challenges.

A server has one `Access`. A change of the register goes to a disk, which takes time and may fail. The register must not
know of that, and `Access` does.
"""

import hashlib
import secrets
from collections.abc import Callable
from typing import Protocol

from pylingo.reactor.people.passwords import Verdict
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.roster import Change

type Stored = Callable[[bool], object]
"""Called with whether a change is stored."""
type Store = Callable[[Change, Stored], object]
"""Stores a register with a change, which is committed then, or undone if that fails. Tells in the loop which."""

_CHALLENGE = 32  # bytes
_UNUSED = 3_600_000_000  # microseconds after which the use of names is stored again


class Gate(Protocol):
    """The password of the server."""

    def check(self, password: str, host: str, done: Callable[[Verdict], object]) -> None:
        """Compare a password that came from `host`. `done` is called in the loop, perhaps before this returns."""


class Access:
    """See the module. Without `store`, everything is in memory alone. Without `password`, none is asked for."""

    def __init__(
        self, register: Register | None = None, store: Store | None = None, password: Gate | None = None
    ) -> None:
        self.register = register or Register()
        self.password = password
        self._store = store or _commit
        self._secret = secrets.token_bytes(_CHALLENGE)
        self._uses_stored = 0  # when the use of names was stored, by the stamps of the caller

    @property
    def lets_guests_in(self) -> bool:
        """Whether people without a key and without a password may come in."""
        return self.password is None and self.register.is_open

    def challenge(self, name: str) -> bytes:
        """The challenge of the connection that was given this guest name: 32 bytes that nobody can foretell.

        Guest names are given once. So a challenge is new for each connection, and takes no memory.
        """
        return hashlib.blake2b(name.encode(), key=self._secret, digest_size=_CHALLENGE).digest()

    def store(self, change: Change | None = None, stored: Stored | None = None) -> None:
        """Store the register with `change`, which is committed then, or undone if that fails. Tell `stored` which."""
        self._store(change or Change(), stored or _ignore)

    def refresh_name(self, name: str, identity: str, now: int) -> None:
        """Note that a name is in use by its owner. That is stored once an hour at most."""
        self.register.refresh_name(name, identity)
        if now - self._uses_stored >= _UNUSED:
            self._uses_stored = now
            self.store()


def _commit(change: Change, stored: Stored) -> None:
    change.commit()
    stored(True)


def _ignore(is_stored: bool) -> None:
    """Nobody waits for it. A disk that fails is in the log."""
