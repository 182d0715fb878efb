"""Keys for tests that need no signatures: the bytes of each are its number."""

from pylingo.reactor.people.keys import PublicKey


def key(number: int) -> PublicKey:
    """A public key, another one for each number."""
    return PublicKey(number.to_bytes(32, "big"))


def fingerprint(number: int) -> str:
    """The fingerprint of `key(number)`."""
    return key(number).fingerprint


class WallClock:
    """Microseconds since 1970 that only the test moves."""

    def __init__(self, now: int = 1_800_000_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += round(seconds * 1e6)
