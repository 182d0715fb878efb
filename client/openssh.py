"""The part of an OpenSSH private key that is not encrypted: its kind and its public half. Pure.

This tells at the start of the client whether a key can be used and whether it needs a passphrase, without the package
that signs with it. The format is described in OpenSSH's PROTOCOL.key.
"""

import base64
import binascii

from pylingo.shared.identity import ANYBODYS, has_small_order
from pylingo.shared.value_class import value_class

KIND = b"ssh-ed25519"
MAKE_ONE = "ssh-keygen -t ed25519"
"""The command that makes a key that can be used."""
_BEGIN, _END = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END OPENSSH PRIVATE KEY-----"
_MAGIC = b"openssh-key-v1\0"
_KEY_SIZE = 32


@value_class
class KeyHeader:
    """`blob` is the public key as SSH writes it."""

    blob: bytes
    is_encrypted: bool

    @property
    def public_key(self) -> str:
        """The public key in the form `ssh-ed25519 AAAA…`."""
        return f"{KIND.decode()} {base64.b64encode(self.blob).decode()}"


def read_header(data: bytes) -> KeyHeader:
    """Read a private key. Raises `ValueError` with the rest of a sentence that begins with the name of the file."""
    body = data.strip()
    if body.startswith((b"ssh-", b"ecdsa-", b"sk-")):
        raise ValueError("is a public key; the private key has the same name without .pub")
    if b"PRIVATE KEY-----" in body and not body.startswith(_BEGIN):
        raise ValueError(f"is a key of a kind that cannot be used here; make one with  {MAKE_ONE}")
    if not body.startswith(_BEGIN) or not body.endswith(_END):
        raise ValueError(f"is no whole OpenSSH private key; make one with  {MAKE_ONE}")
    try:
        cipher, blob = _parts(base64.b64decode(body[len(_BEGIN) : -len(_END)]))
        kind, key = _strings(blob, 2)
    except (binascii.Error, ValueError):
        raise ValueError(f"is a damaged OpenSSH private key; make one with  {MAKE_ONE}") from None
    if kind != KIND or len(key) != _KEY_SIZE:
        shown = kind.decode("ascii", "replace")[:32]
        raise ValueError(f"is a key of the kind {shown!r}, not ssh-ed25519; make one with  {MAKE_ONE}")
    if has_small_order(key):
        raise ValueError(f"cannot be used: {ANYBODYS}; make one with  {MAKE_ONE}")
    return KeyHeader(blob, cipher != b"none")


def _parts(data: bytes) -> tuple[bytes, bytes]:
    """The name of the cipher, and the public key. Raises `ValueError`."""
    if not data.startswith(_MAGIC):
        raise ValueError
    cipher, _, options = _strings(data[len(_MAGIC) :], 3)
    rest = data[len(_MAGIC) + 3 * 4 + sum(map(len, (cipher, _, options))) :]
    if int.from_bytes(rest[:4]) != 1:
        raise ValueError
    return cipher, _strings(rest[4:], 1)[0]


def _strings(data: bytes, count: int) -> list[bytes]:
    """The first strings of `data`, each of which has its size in front. Raises `ValueError`."""
    found = []
    for _ in range(count):
        size = int.from_bytes(data[:4])
        if len(data) < 4 + size:
            raise ValueError
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found
