"""Fingerprints, the message that a key signs to prove who connects, and the keys that prove nothing. Pure.

A fingerprint looks as `ssh-keygen -l` prints it. The signed message contains the certificate that the client saw, so a
proof that somebody with another certificate relays is worth nothing to the server.
"""

import base64
import hashlib
import re

CHALLENGE_SIZE = 32
"""Bytes of a server's challenge, which `welcome` has in hexadecimal digits."""
NO_CERTIFICATE = bytes(32)
"""The place of the certificate's hash on a connection without TLS."""
_CONTEXT = b"PyLingo identity v1\0"
_PREFIX = "SHA256:"
_DIGEST = re.compile(r"[A-Za-z0-9+/]{43}", re.ASCII)


ANYBODYS = "with this key anybody can sign, so it proves nothing"
"""The error for a key that `has_small_order`."""
_P = 2**255 - 19  # of the field of Ed25519, and D of its curve -x²+y² = 1+Dx²y² (RFC 8032, section 5.1)
_D = -121665 * pow(121666, -1, _P) % _P


def has_small_order(key: bytes) -> bool:
    """Whether the 32 bytes of an Ed25519 key are, in any encoding, a point whose order divides 8.

    No private key belongs to such a point, and anybody can make signatures that OpenSSL verifies with it (Chalkias,
    Garillot and Nikolaenko, "Taming the Many EdDSAs", 2020). libsodium refuses them by a list of their encodings.

    The points of the orders 1, 2 and 4 have y = 1, -1 and 0. Doubling a point of order 8 gives one with y = 0, so its
    x² = -y², and the equation of the curve becomes Dy⁴ + 2y² = 1. The sign of x, which is the highest bit, does not
    matter, nor whether y is reduced.
    """
    y = int.from_bytes(key, "little") % 2**255
    square = y * y
    return y * (square - 1) * (_D * square * square + 2 * square - 1) % _P == 0


def fingerprint(data: bytes) -> str:
    """Return the fingerprint of a public key's blob, or of a certificate in DER."""
    return _PREFIX + _unpadded(hashlib.sha256(data).digest())


def parse_fingerprint(text: str) -> str:
    """Return `text` if it is a whole fingerprint. Raises `ValueError` with a sentence."""
    digest = text.removeprefix(_PREFIX)
    if text.startswith(_PREFIX) and _DIGEST.fullmatch(digest) and _unpadded(base64.b64decode(digest + "=")) == digest:
        return text
    raise ValueError(f"a fingerprint must be {_PREFIX} and 43 characters of base64")


def proof_message(challenge: bytes, certificate: bytes | None) -> bytes:
    """Return the message that an identity signs.

    `certificate` is the server's, in DER, as the client saw it in this connection's handshake; None without TLS.
    """
    if len(challenge) != CHALLENGE_SIZE:
        raise ValueError(f"a challenge must have {CHALLENGE_SIZE} bytes, not {len(challenge)}")
    return _CONTEXT + challenge + (NO_CERTIFICATE if certificate is None else hashlib.sha256(certificate).digest())


def _unpadded(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")
