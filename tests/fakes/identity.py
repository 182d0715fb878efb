"""Keys that can sign, one for each word, and the `hello` of somebody who has one."""

import base64
import functools
import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pylingo.reactor.people.keys import PublicKey, proof_message
from pylingo.shared.messages import Hello


class Key:
    """An Ed25519 key, the same for the same `word` in every run."""

    def __init__(self, word: str) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(word.encode()).digest())
        self.public = PublicKey(self._private.public_key().public_bytes_raw())
        self.text = self.public.text
        self.fingerprint = self.public.fingerprint

    def sign(self, message: bytes) -> str:
        """The signature as a proof has it."""
        return base64.b64encode(self._private.sign(message)).decode()

    def hello(self, challenge: str, name: str | None = None, certificate: bytes | None = None, **fields: Any) -> Hello:
        """A `hello` with a proof for a challenge, as a `welcome` has it."""
        proof = self.sign(proof_message(bytes.fromhex(challenge), certificate))
        return Hello(1, name, identity=self.text, proof=proof, **fields)


key = functools.cache(Key)
