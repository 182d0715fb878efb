"""The public keys of people, in the format of OpenSSH, and the proofs of their private keys.

One kind of key exists here, Ed25519: it has one size, one signature algorithm and no parameters. The package
`cryptography` is imported by the first `verify`, or earlier by `prepare`, because that takes some 50 ms.
"""

import base64
import binascii
from dataclasses import dataclass
from functools import cached_property

from pylingo.shared.identity import ANYBODYS, fingerprint, has_small_order, parse_fingerprint
from pylingo.shared.identity import proof_message as proof_message
from pylingo.shared.text import quote

KIND = "ssh-ed25519"
"""The kind of key that is accepted."""
MAX_TEXT = 8_192
"""The longest text that is read as a public key, in characters, the comment included."""
SIGNATURE_SIZE = 64
"""Bytes of a signature."""

_KEY_SIZE = 32
_HEADER = b"\0\0\0\x0b" + KIND.encode() + b"\0\0\0\x20"  # two strings of RFC 4251: the kind, then the 32 bytes
_ENCODED_SIZE = (len(_HEADER) + _KEY_SIZE) * 4 // 3  # of base64; 51 bytes need no padding
_PRIVATE = "-----BEGIN"
_COMMAND = "ssh-keygen -t ed25519"
_RIGHT = f"'{KIND}' and {_ENCODED_SIZE} characters of base64"


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key: its 32 bytes."""

    raw: bytes

    @classmethod
    def parse(cls, text: str) -> "PublicKey":
        """Read `ssh-ed25519 AAAA… [comment]`. Raises `ValueError` with a sentence that says what would be right."""
        if len(text) > MAX_TEXT:
            raise ValueError(f"a public key must have at most {MAX_TEXT} characters, not {len(text)}")
        kind, *rest = text.split(maxsplit=2) or [""]
        if not kind:
            raise ValueError(f"a public key must be {_RIGHT}, not empty")
        if text.lstrip().startswith(_PRIVATE):
            raise ValueError("this is a private key, which nobody else may see: use the file that ends with .pub")
        if kind != KIND:
            raise ValueError(f"a public key must be {_RIGHT}, not {quote(kind)}: make one with {_COMMAND}")
        if not rest or len(rest[0]) != _ENCODED_SIZE:
            size = len(rest[0]) if rest else 0
            raise ValueError(f"a public key must be {_RIGHT}, not {size} characters: copy the whole line")
        try:
            blob = base64.b64decode(rest[0], validate=True)
        except (binascii.Error, ValueError):  # ValueError: not ASCII
            raise ValueError(f"a public key must be {_RIGHT}: other characters are in this one") from None
        if not blob.startswith(_HEADER) or len(blob) != len(_HEADER) + _KEY_SIZE:  # `validate` lets padding through
            raise ValueError(f"the key is damaged: it is called {KIND} and holds something else; copy the line anew")
        raw = blob[len(_HEADER) :]
        if has_small_order(raw):
            raise ValueError(f"{ANYBODYS}: make one with {_COMMAND}")
        return cls(raw)

    @property
    def text(self) -> str:
        """The key as OpenSSH writes it, without a comment."""
        return f"{KIND} {base64.b64encode(_HEADER + self.raw).decode()}"

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint as `ssh-keygen -l` prints it, such as `SHA256:…`."""
        return fingerprint(_HEADER + self.raw)

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether the owner of the private key has signed `message`. Takes about 0.1 ms."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if len(signature) != SIGNATURE_SIZE:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):  # ValueError: the bytes are no point of the curve
            return False
        return True


def read_proof(text: str) -> bytes:
    """Return the signature in the base64 of a proof. Raises `ValueError` with a sentence."""
    right = f"a proof must be the base64 of a signature of {SIGNATURE_SIZE} bytes"
    if len(text) != -(-SIGNATURE_SIZE // 3) * 4:
        raise ValueError(f"{right}, not {len(text)} characters")
    try:
        signature = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{right}: other characters are in this one") from None
    if len(signature) != SIGNATURE_SIZE:
        raise ValueError(f"{right}, not of {len(signature)}")
    return signature


def is_fingerprint(text: str) -> bool:
    """Whether `text` has the form of a key's fingerprint."""
    try:
        parse_fingerprint(text)
    except ValueError:
        return False
    return True


def prepare() -> None:
    """Import what `verify` needs now, and not while somebody waits. Raises `ModuleNotFoundError`."""
    import cryptography.hazmat.primitives.asymmetric.ed25519  # noqa: F401
