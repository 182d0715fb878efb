"""The credentials that a client shows a server: a password, an invitation, the person's key. Pure.

The key is offered over TLS, or where the person has named one. A proof is for one connection: it is bound to the
challenge in the server's welcome, and to the certificate that the handshake has shown.
"""

from collections.abc import Callable
from typing import Protocol

from pylingo.client.reconnect import FinalError
from pylingo.shared.messages import Welcome


class Key(Protocol):
    """A key that can prove who has it, such as `client.identity.Identity`."""

    @property
    def public_key(self) -> str: ...
    def prove(self, challenge: bytes, certificate: bytes | None) -> str: ...


class Credentials:
    """See the module.

    `identity` is the key that the person has named. Without it, `own_key` returns the person's own key, which is
    offered over TLS alone; it may make the key and raise `FinalError`. `note` is told in a sentence what was not sent.
    """

    def __init__(
        self,
        *,
        password: str | None = None,
        invite: str | None = None,
        identity: Key | None = None,
        own_key: Callable[[], Key] | None = None,
        note: Callable[[str], object] = lambda sentence: None,
    ) -> None:
        self.password = password
        self.note = note
        self._invite = invite
        self._identity = identity
        self._own_key = own_key
        self._certificate: bytes | None = None
        self._may_invite = False

    def __repr__(self) -> str:
        return "<Credentials>"

    @property
    def needs_welcome(self) -> bool:
        """Whether the hello must wait for the server's welcome, which has the challenge."""
        return self._offered is not None or self._invite is not None

    def connected(self, certificate: bytes | None, may_invite: bool) -> None:
        """There is a new connection. `certificate` is the server's, in DER; None without TLS."""
        self._certificate = certificate
        self._may_invite = may_invite

    def hello(self, welcome: Welcome | None) -> dict[str, str]:
        """Return the fields of a hello. Raises `FinalError` if the key cannot be used."""
        fields = {} if self.password is None else {"password": self.password}
        if welcome is None or not self.needs_welcome:
            return fields
        if welcome.challenge is None:
            if self._identity is not None or self._invite is not None:
                self.note("this server knows neither keys nor invitations: you are a guest here")
            return fields
        if self._offered is not None:
            key = self._offered()
            fields["identity"] = key.public_key
            fields["proof"] = key.prove(_challenge(welcome.challenge), self._certificate)
        if self._invite is not None:
            if self._may_invite:
                fields["invite"] = self._invite
            else:
                self.note(
                    "the invitation was not sent: the link does not pin the server's certificate, and no authority"
                    " vouches for it; ask for a link that ends in #SHA256:…"
                )
        return fields

    def accepted(self) -> None:
        """The server has said ready: an invitation is used up now, or was no good."""
        if self._may_invite:
            self._invite = None

    @property
    def _offered(self) -> Callable[[], Key] | None:
        if (identity := self._identity) is not None:
            return lambda: identity
        return self._own_key if self._certificate is not None else None


def _challenge(text: str) -> bytes:
    from pylingo.shared.identity import CHALLENGE_SIZE

    try:
        challenge = bytes.fromhex(text)
    except ValueError:
        challenge = b""
    if len(challenge) != CHALLENGE_SIZE or len(text) != 2 * CHALLENGE_SIZE:
        raise FinalError(f"the server's challenge must have {2 * CHALLENGE_SIZE} hexadecimal digits")
    return challenge
