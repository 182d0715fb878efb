"""The person's key: an Ed25519 key in OpenSSH's format, made on first use or given with `--identity`.

`cryptography` takes some 50 ms to import, so it is imported when something is signed, decrypted or made. The public
half and the kind of a key are read without it.
"""

import base64
import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pylingo.client.openssh import MAKE_ONE, KeyHeader, read_header
from pylingo.client.reconnect import FinalError
from pylingo.shared.identity import fingerprint, proof_message

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_LARGEST = 1 << 16  # bytes
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_TRIES = 3  # as many as ssh gives for a passphrase


class IdentityError(FinalError):
    """A key cannot be used. The message is a whole sentence without anything secret."""


class Identity:
    """One key. `data` is the content of its file, `name` the path for error messages.

    Raises `IdentityError` if it is not the right kind of key. A key with a passphrase must be unlocked before it signs.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self._name = name
        self._data = data
        self._key: Ed25519PrivateKey | None = None
        try:
            self._header: KeyHeader = read_header(data)
        except ValueError as error:
            raise IdentityError(f"{name} {error}") from None

    def __repr__(self) -> str:
        return f"<Identity {self.fingerprint}>"

    @property
    def public_key(self) -> str:
        """The public key in the form `ssh-ed25519 AAAA…`."""
        return self._header.public_key

    @property
    def fingerprint(self) -> str:
        """The public key's fingerprint as `ssh-keygen -l` prints it."""
        return fingerprint(self._header.blob)

    @property
    def is_locked(self) -> bool:
        """Whether a passphrase is still needed."""
        return self._header.is_encrypted and self._key is None

    def unlock(self, passphrase: str) -> bool:
        """Decrypt the key. Returns whether the passphrase is right."""
        from cryptography.exceptions import UnsupportedAlgorithm

        try:
            self._load(passphrase.encode(errors="surrogateescape"))
        except (ValueError, TypeError):  # the latter for an empty one
            return False
        except UnsupportedAlgorithm as error:
            raise IdentityError(f"{self._name} is encrypted in a way that is not supported: {error}") from None
        return True

    def prove(self, challenge: bytes, certificate: bytes | None) -> str:
        """Return the proof for a connection, in base64. Raises `IdentityError`, and `ValueError` for a bad challenge.

        `certificate` is the server's, in DER, as this connection's handshake showed it; None without TLS.
        """
        message = proof_message(challenge, certificate)
        if self.is_locked:
            raise IdentityError(f"{self._name} needs its passphrase first")
        if self._key is None:
            from cryptography.exceptions import UnsupportedAlgorithm

            try:
                self._load(None)
            except (ValueError, UnsupportedAlgorithm):
                raise IdentityError(f"{self._name} is a damaged OpenSSH private key") from None
        assert self._key is not None
        return base64.b64encode(self._key.sign(message)).decode()

    def _load(self, passphrase: bytes | None) -> None:
        """Raises `ValueError` if the passphrase is wrong or the private half is damaged."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

        key = load_ssh_private_key(self._data, passphrase)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        if public.decode() != self.public_key:
            raise ValueError
        self._key = key
        self._data = b""


def read(path: Path) -> Identity:
    """Read a key. Raises `IdentityError`, and `FileNotFoundError`."""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise IdentityError(f"{path} cannot be read: {error.strerror}") from None
    if stat.S_IMODE(mode) & _OTHERS:
        raise IdentityError(f"{path} can be read by others: run  chmod 600 {path}")
    return Identity(data, str(path))


def read_unlocked(path: Path, ask: Callable[[str], str]) -> Identity:
    """Read a key, and have the person asked for its passphrase if it has one. Raises `IdentityError`."""
    try:
        identity = read(path)
    except FileNotFoundError:
        raise IdentityError(f"{path} is not there; make it with  {MAKE_ONE} -f {path}") from None
    for _ in range(_TRIES if identity.is_locked else 0):
        if identity.unlock(ask(f"Passphrase for {path}: ")):
            return identity
    if identity.is_locked:
        raise IdentityError(f"the passphrase is wrong, or {path} is damaged")
    return identity


def read_or_make(path: Path | None) -> Identity:
    """Read the person's own key, and make it on first use. Raises `IdentityError`."""
    if path is None:
        raise IdentityError("there is no home folder for a key: name one with --identity")
    try:
        return read(path)
    except FileNotFoundError:
        pass
    try:
        make(path)
    except FileExistsError:  # another client was faster
        pass
    except OSError as error:
        raise IdentityError(f"the key {path} cannot be made: {error.strerror}") from None
    try:
        return read(path)
    except FileNotFoundError:
        raise IdentityError(f"the key {path} was removed while it was made") from None


def make(path: Path) -> None:
    """Make a key and, for the lists of others, its public half in a file with .pub. Raises `OSError`.

    The file is there as a whole or not at all, and an existing one is never replaced.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    data = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    _write_whole(path, data)
    public = path.with_name(path.name + ".pub")
    with contextlib.suppress(OSError):  # it is a convenience
        public.unlink(missing_ok=True)  # of a key that is gone
        _write_whole(public, Identity(data, str(path)).public_key.encode() + b"\n")


def _write_whole(path: Path, data: bytes) -> None:
    """Create a private file in one step. Raises `FileExistsError` if it is there already, and other `OSError`s."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        _publish(name, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _publish(name: str, path: Path) -> None:
    """Give a file its own name, unless another one has it."""
    try:
        os.link(name, path)
    except FileExistsError:
        raise
    except OSError:  # some file systems have no links; there, two clients at once may make a key each
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.rename(name, path)
