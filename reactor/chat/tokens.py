"""The tokens with which a session is resumed after its connection broke."""

import hashlib
import re
import secrets
from typing import Any, Protocol

from pylingo.reactor.chat.person import Person

_TOKEN = re.compile(r"[0-9A-Fa-f]{32}")


class Resumable(Protocol):
    """A session, as the tokens see it."""

    person: Person[Any]

    @property
    def is_away(self) -> bool: ...


class Tokens[S: Resumable]:
    """Finds sessions by token.

    A token is a number of 128 random bits, which takes 32 bytes less than its hex digits. The time of a look-up tells
    nothing about the tokens there are: a dict compares no keys but those whose hashes, of 61 bits, are equal.
    """

    def __init__(self) -> None:
        self._sessions: dict[int, S] = {}
        # A session whose `ready` was lost on the way is found by the unknown token that its `hello` came with.
        self._claims: dict[bytes, S] = {}
        self._claim_of: dict[S, bytes] = {}

    def __len__(self) -> int:
        """The number of tokens and claims that are kept."""
        return len(self._sessions) + len(self._claims)

    def issue(self, session: S) -> int:
        """A token for `session`."""
        token = secrets.randbits(128)
        self._sessions[token] = session
        return token

    def put(self, session: S, token: int, claim: bytes | None = None) -> None:
        """Keep the token that another server has issued for `session`, and its claim as `claim_of` gives it there."""
        self._sessions[token] = session
        if claim is not None:
            self._claims[claim] = session
            self._claim_of[session] = claim

    def claim(self, session: S, token: str) -> None:
        """Remember that the `hello` of `session` had the unknown `token`. Ignored unless it is 32 hex digits.

        Anything else could be guessed. A claim that another session has is ignored as well: a client may say its
        `hello` again before its first connection is found to be lost, and then comes a third time.
        """
        if _TOKEN.fullmatch(token) and (claim := _digest(token)) not in self._claims:
            self._claims[claim] = session
            self._claim_of[session] = claim

    def claim_of(self, session: S) -> bytes | None:
        """The claim of a session, as a hash."""
        return self._claim_of.get(session)

    def revoke(self, session: S, token: int) -> None:
        """Forget the token of `session`, and its claim."""
        self._sessions.pop(token, None)
        if (claim := self._claim_of.pop(session, None)) is not None:
            del self._claims[claim]

    def find(self, token: str, key: str | None) -> S | None:
        """The session that a `hello` with `token` and a name of the compared form `key` resumes.

        If a client says the same `hello` again because its `ready` was lost, the name is taken by its own seat. Such
        a seat is found by the claim of the first `hello`, if the name is the same.
        """
        session = self._sessions.get(int(token, 16)) if _TOKEN.fullmatch(token) else None
        if session is None:
            claimed = self._claims.get(_digest(token))
            if claimed is not None and claimed.is_away and claimed.person.key == key:
                session = claimed
        return session


def show_token(token: int) -> str:
    """Return a token as it is sent: 32 hex digits."""
    return f"{token:032x}"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
