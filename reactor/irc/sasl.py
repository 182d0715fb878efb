"""Logging in by SASL PLAIN: what a client sends with AUTHENTICATE, as pure state.

https://ircv3.net/specs/extensions/sasl-3.1 describes it. The client names a mechanism, the server answers `+`, and the
client sends its message in base64, in pieces of 400 bytes. A shorter piece ends it.
"""

import base64
import binascii
from enum import Enum
from typing import NamedTuple

MECHANISM = "PLAIN"
PIECE = 400
"""The longest piece, in bytes. A piece of this length is followed by another one, perhaps an empty one (`+`)."""
MOST = 3 * PIECE
"""The longest message, in bytes of base64."""


class Fault(Enum):
    """Why a client is not logged in. The value is the text for a person."""

    ABORTED = "SASL authentication aborted"
    TOO_LONG = "SASL message too long"
    NO_SUCH_MECHANISM = "this server has PLAIN alone"
    MALFORMED = "the message must be base64 of: authzid, NUL, name, NUL, password, in UTF-8"


class Wanted(Enum):
    """The parameter that the client is to send next."""

    MECHANISM = "the name of a mechanism"
    MESSAGE = "its message"


class Credentials(NamedTuple):
    """The name of a person and a password, as a client sent them."""

    name: str
    password: str


class Login(NamedTuple):
    """A successful login: the name of the account, and the fingerprint of the key that made the password."""

    account: str
    fingerprint: str


class Exchange:
    """One client's exchange. After a fault or credentials, it begins anew."""

    __slots__ = ("_message", "wanted")

    def __init__(self) -> None:
        self.wanted = Wanted.MECHANISM
        self._message = ""

    def take(self, word: str) -> Fault | Credentials | None:
        """Take the parameter of an AUTHENTICATE. None if the client has to send more.

        If that is the message of a mechanism which was just named, answer with `AUTHENTICATE +`.
        """
        if word == "*":
            return self._end(Fault.ABORTED)
        if self.wanted is Wanted.MECHANISM:
            if word.upper() != MECHANISM:
                return Fault.NO_SUCH_MECHANISM
            self.wanted = Wanted.MESSAGE
            return None
        if len(word) > PIECE or len(self._message) + len(word) > MOST:
            return self._end(Fault.TOO_LONG)
        if word != "+":
            self._message += word
        if len(word) == PIECE:
            return None
        return self._end(read_plain(self._message))

    def _end[T](self, outcome: T) -> T:
        self.wanted = Wanted.MECHANISM
        self._message = ""
        return outcome


def read_plain(message: str) -> Fault | Credentials:
    """Return what the message of PLAIN says. Somebody may log in as nobody but the one whose password it is."""
    try:
        parts = base64.b64decode(message, validate=True).decode().split("\0")
    except (binascii.Error, ValueError):  # not base64, not ASCII or not UTF-8
        return Fault.MALFORMED
    if len(parts) != 3 or not parts[1] or not parts[2] or parts[0] not in ("", parts[1]):
        return Fault.MALFORMED
    return Credentials(parts[1], parts[2])
