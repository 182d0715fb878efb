"""The passwords with which people come in by IRC, because an IRC client cannot sign a challenge.

The server makes them at random, tells each once and keeps its scrypt hash. Such a password has 120 random bits and
needs no slow hash: comparing takes 1 MiB and some milliseconds, so a thousand clients can come back at once.
"""

import base64
import secrets
from collections.abc import Callable, Iterable, Mapping

from pylingo.reactor.people.keys import is_fingerprint
from pylingo.reactor.people.passwords import PasswordHash, hash_password
from pylingo.reactor.people.records import check, nothing
from pylingo.reactor.people.roster import Change
from pylingo.shared.errors import RequestError
from pylingo.shared.value_class import value_class

MOST = 20_000
"""Passwords that are kept. Further ones are refused."""
_BYTES = 15
_LN = 10  # the cost, as a power of two


def _is_hash(text: str) -> bool:
    try:
        return PasswordHash.parse(text).text == text
    except ValueError:
        return False


@value_class
class AppPassword:
    """The `hash` of the password of the person with this `key` (a fingerprint)."""

    key: str
    hash: str

    def __post_init__(self) -> None:
        check(self.key, is_fingerprint, "the fingerprint of a key")
        check(self.hash, _is_hash, "a scrypt hash")


class AppPasswords:
    """The passwords, by the fingerprints of the keys whose owners asked for them."""

    def __init__(self, passwords: Iterable[AppPassword] = ()) -> None:
        """Raises `ValueError` if two of the passwords are of one key."""
        self.note: Callable[[str], object] = nothing
        """Called with the fingerprint of each password that changes."""
        self._all: dict[str, AppPassword] = {}
        for password in passwords:
            if password.key in self._all:
                raise ValueError(f"the password of {password.key} is there twice")
            self._all[password.key] = password

    def create(self, key: str, keys: Iterable[str]) -> tuple[str, Change]:
        """Return a new password for `key` instead of that of any of `keys`. Tell it when the change is stored.

        Raises `RequestError` `not-allowed` if there are too many. Takes some milliseconds.
        """
        before = {one: self._all[one] for one in {key, *keys} if one in self._all}
        if not before and len(self._all) >= MOST:
            raise RequestError("not-allowed", "this server keeps no more passwords for IRC: ask an operator")
        word = base64.b32encode(secrets.token_bytes(_BYTES)).decode().lower()
        made = AppPassword(key, hash_password(word, _LN).text)
        self._replace(before, {key: made})

        def undo() -> None:
            if self._all.get(key) == made:  # not if another one was made meanwhile
                self._replace([key], before)

        return word, Change(undo)

    def remove(self, keys: Iterable[str]) -> bool:
        """Remove the passwords of these keys. Return whether there were any."""
        found = [key for key in keys if key in self._all]
        self._replace(found, {})
        return bool(found)

    def find(self, keys: Iterable[str]) -> AppPassword | None:
        """The password of the person with these keys."""
        return next((self._all[key] for key in sorted(keys) if key in self._all), None)

    def stored(self) -> list[AppPassword]:
        """The passwords that are to be stored."""
        return [*self._all.values()]

    def rows(self, keys: Iterable[str]) -> dict[str, AppPassword]:
        """The passwords of these keys that are to be stored."""
        return {key: self._all[key] for key in keys if key in self._all}

    def take_over(self, rows: Mapping[str, AppPassword | None]) -> None:
        """Take over passwords as another server has stored them; None for one that is gone."""
        for key, password in rows.items():
            self._all.pop(key, None)
            if password is not None:
                self._all[key] = password

    def _replace(self, old: Iterable[str], new: Mapping[str, AppPassword]) -> None:
        for key in [*old]:
            self._all.pop(key, None)
            self.note(key)
        for key, password in new.items():
            self._all[key] = password
            self.note(key)
