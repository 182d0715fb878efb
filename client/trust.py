"""Trust in servers: decides whether a certificate is accepted, without sockets.

The order is that of `ssh` with a certificate authority beside it: what the link pins, what `known_hosts` has, what the
system's authorities vouch for under the host's name, and last the person. Nobody is asked while a connection is open. A
connection to an unknown server ends with `UnknownCertificateError`; once the person has accepted the fingerprint, the
next connection expects exactly that one.
"""

import enum
from collections.abc import Callable
from pathlib import Path

from pylingo.client import known_hosts
from pylingo.client.known_hosts import KnownHost
from pylingo.client.trust_errors import TrustError, UnknownCertificateError
from pylingo.shared.address import show_address
from pylingo.shared.identity import fingerprint


class Basis(enum.Enum):
    """Why a certificate was accepted."""

    LINK = "the link pins its certificate"
    KNOWN = "its certificate is the known one"
    AUTHORITY = "an authority vouches for its certificate"
    NEW = "its certificate is new, and was accepted"


class Trust:
    """The trust in one server.

    Before each connection the client calls `begin`. If `asks_authorities` is true then, the handshake has the system
    verify the certificate, and the client calls `not_verified` if that fails, before it connects once more. After each
    handshake it calls `check`, before anything is sent.

    `pin` is the fingerprint of a link. Without a file of known hosts, `path` is None and nothing is remembered. With
    `accept_new` an unknown server is accepted and remembered; one that has changed never is.
    `note` is told in a sentence what could not be remembered.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        pin: str | None = None,
        path: Path | None,
        accept_new: bool = False,
        note: Callable[[str], object] = lambda sentence: None,
    ) -> None:
        self.host = host
        self.note = note
        self.basis: Basis | None = None
        """Why the certificate of the present connection was accepted; None if there is none."""
        self._port = port
        self._where = show_address(host, port)
        self._pin = pin
        self._path = path
        self._accept_new = accept_new
        self._accepted: str | None = None  # by the person, in this run
        self._known: list[KnownHost] = []
        self._unverified = ""  # why no authority vouches for the certificate
        self._was_vouched_for = False

    @property
    def asks_authorities(self) -> bool:
        """Whether the next handshake must verify the certificate."""
        return not self._unverified and self._expected is None

    @property
    def may_invite(self) -> bool:
        """Whether the server may be sent an invitation: a secret that is worth something to anybody else."""
        return self.basis in (Basis.LINK, Basis.AUTHORITY)

    def begin(self) -> None:
        """A connection begins. Raises `TrustError` if that is useless."""
        self.basis = None
        self._unverified = ""
        self._known = _find(self._path, self.host, self._port)
        if self._pin is not None and self._known and self._pin not in self._known_fingerprints:
            raise TrustError(
                f"the link contradicts {self._known[0].place}, which knows another certificate of {self._where}:"
                " do not connect before you know why; if the server has a new one, remove that line"
            )

    def not_verified(self, why: str) -> None:
        """No authority vouches for the certificate. Raises `TrustError` if one did before."""
        if self._was_vouched_for:
            raise TrustError(f"no authority vouches for the certificate of {self._where} any more: {why}")
        self._unverified = why

    def check(self, certificate: bytes) -> None:
        """Accept the certificate, in DER, of a finished handshake. Raises `TrustError`."""
        if not certificate:
            raise TrustError(f"{self._where} has no certificate")
        found = fingerprint(certificate)
        expected = self._expected
        if expected is not None:
            if found not in expected:
                raise self._changed(found)
            self.basis = Basis.LINK if self._pin is not None else Basis.KNOWN
            if self._pin is not None and not self._known and (problem := self._remember(found)):
                self.note(problem)
        elif not self._unverified:
            self.basis = Basis.AUTHORITY
            self._was_vouched_for = True
        elif self._accept_new:
            self._accept_unseen(found)
        else:
            raise UnknownCertificateError(self._where, found, self._unverified)

    def accept(self, fingerprint: str) -> None:
        """The person accepts the certificate with this fingerprint: it is remembered, and expected from now on."""
        self._accepted = fingerprint
        if problem := self._remember(fingerprint):
            self.note(problem)

    def _accept_unseen(self, found: str) -> None:
        """Accept a new certificate, but only if the next run will notice when it changes."""
        if problem := self._remember(found):
            raise TrustError(f"{problem}; so --accept-new does not accept it")
        self._accepted = found
        self.basis = Basis.NEW

    @property
    def _expected(self) -> set[str] | None:
        """The fingerprints of which the certificate must have one; None if it is unknown."""
        if self._pin is not None:
            return {self._pin}
        if self._known:
            return self._known_fingerprints
        return None if self._accepted is None else {self._accepted}

    @property
    def _known_fingerprints(self) -> set[str]:
        return {known.fingerprint for known in self._known}

    def _remember(self, fingerprint: str) -> str:
        """Write the fingerprint into the file. Returns a sentence if that is impossible, else an empty string."""
        if self._path is None:
            return f"the certificate of {self._where} is not remembered: there is no home folder"
        try:
            known_hosts.add(self._path, self.host, self._port, fingerprint)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            return f"the certificate of {self._where} is not remembered in {self._path}: {why}"
        return ""

    def _changed(self, found: str) -> TrustError:
        if self._pin is not None:
            expected = "than the one that the link pins"
        elif self._known:
            expected = f"than the one in {self._known[0].place}"
        else:
            expected = "than the one that you accepted"
        advice = ": if the operator says that the server has a new one, remove that line" if self._known else ""
        return TrustError(
            f"THE CERTIFICATE OF {self._where} HAS CHANGED: it is another one {expected}; somebody may be between you"
            f" and the server. Its fingerprint is {found}{advice}"
        )


def is_known(path: Path, host: str, port: int) -> bool:
    """Whether the file of known hosts has the server. Raises `TrustError` if the file cannot tell."""
    return bool(_find(path, host, port))


def _find(path: Path | None, host: str, port: int) -> list[KnownHost]:
    if path is None:
        return []
    try:
        return known_hosts.find(path, host, port)
    except OSError as error:
        raise TrustError(f"the known hosts in {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise TrustError(str(error)) from None
