"""The password of a server: its scrypt hash, and threads that compare without holding up the loop.

The hash has the text format of passlib, `$scrypt$ln=15,r=8,p=1$SALT$HASH`. One comparison takes 32 MiB and some 80 ms
of a processor, and releases the interpreter meanwhile; at most two run at a time.
"""

import base64
import binascii
import enum
import hashlib
import hmac
import logging
import queue
import re
import secrets
import threading
from collections import deque
from collections.abc import Callable
from functools import partial

from pylingo.reactor.people.addresses import network_of
from pylingo.reactor.people.files import read_regular
from pylingo.shared.networks import IpNetwork
from pylingo.shared.value_class import value_class

logger = logging.getLogger(__name__)

MOST_FAILURES = 10
"""Wrong passwords from one address within `PERIOD`, after which the address is refused for as long."""
PERIOD = 60.0
"""Seconds."""
WORKERS = 2
"""Comparisons at a time."""
MOST_WAITING = 64
"""Comparisons that wait, some 3 s of work. Further ones are refused."""
MOST_HELD = 10
"""Passwords from one address that wait because those before them may be its last wrong ones."""

_LN, _R, _P = 15, 8, 1
_SALT, _HASH = 16, 32  # bytes
_MOST_MEMORY = 256 * 2**20
_FORM = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{22,86})")
_MOST_FILE = 4_096  # bytes


@value_class
class PasswordHash:
    """A hash and what it was made with. Takes 128 * r * 2**ln bytes of memory."""

    ln: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    @classmethod
    def parse(cls, text: str) -> "PasswordHash":
        """Read the text of a hash. Raises `ValueError` with a sentence."""
        right = "a password hash must be as pylingo-server hash-password prints it: $scrypt$ln=15,r=8,p=1$…$…"
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError(right)
        ln, r, p = map(int, match.groups()[:3])
        if not (10 <= ln <= 20 and 1 <= r <= 32 and 1 <= p <= 16 and 128 * r * 2**ln <= _MOST_MEMORY):
            raise ValueError(f"{right}; the costs of this one are out of range")
        try:
            salt, digest = (base64.b64decode(part + "=" * (-len(part) % 4)) for part in match.groups()[3:])
        except binascii.Error:
            raise ValueError(right) from None
        return cls(ln, r, p, salt, digest)

    @property
    def text(self) -> str:
        """The hash as `parse` reads it."""
        salt, digest = (base64.b64encode(part).decode().rstrip("=") for part in (self.salt, self.digest))
        return f"$scrypt$ln={self.ln},r={self.r},p={self.p}${salt}${digest}"

    def verify(self, password: str) -> bool:
        """Whether this is the password. Takes some 80 ms."""
        digest = _scrypt(password, self.salt, self.ln, self.r, self.p, len(self.digest))
        return hmac.compare_digest(digest, self.digest)


def hash_password(password: str, ln: int = _LN) -> PasswordHash:
    """Return the hash of a new password. Raises `ValueError` with a sentence for one that is empty.

    `ln` may be less for a password that is long and random. Each one less halves the time.
    """
    if not password:
        raise ValueError("a password must have at least one character")
    salt = secrets.token_bytes(_SALT)
    return PasswordHash(ln, _R, _P, salt, _scrypt(password, salt, ln, _R, _P, _HASH))


def _scrypt(password: str, salt: bytes, ln: int, r: int, p: int, size: int) -> bytes:
    secret = password.encode(errors="surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=2**ln, r=r, p=p, maxmem=_MOST_MEMORY + 2**20, dklen=size)


def read_password_file(path: str) -> PasswordHash:
    """Read the hash in a file. Raises `ValueError` with one sentence."""
    try:
        data, status = read_regular(path, "the password file", _MOST_FILE)
    except FileNotFoundError as error:
        raise ValueError(f"cannot read the password file {path}: {error.strerror}") from None
    if status.st_mode & 0o022:
        raise ValueError(f"others can write the password file {path}: change that with  chmod 600 {path}")
    try:
        return PasswordHash.parse(data.decode("ascii", "replace"))
    except ValueError as error:
        raise ValueError(f"the password file {path} cannot be used: {error}") from None


class Verdict(enum.Enum):
    """The outcome of a comparison."""

    RIGHT = enum.auto()
    WRONG = enum.auto()
    REFUSED = enum.auto()
    """There were too many wrong ones from this address: it was not compared."""
    BUSY = enum.auto()
    """Too many comparisons wait: it was not compared, and may be tried again soon."""


type _Held = tuple[PasswordHash, str, Callable[[Verdict], object]]


class PasswordGate:
    """Compares passwords in threads. `clock` gives seconds that never go back; `hash` may be replaced.

    Without `hash`, each comparison must name its own.
    """

    def __init__(
        self, hash: PasswordHash | None, call_from_thread: Callable[..., object], clock: Callable[[], float]
    ) -> None:
        self.hash = hash
        self.refused = 0
        """Passwords that were wrong, or not compared after too many wrong ones."""
        self._call_from_thread = call_from_thread
        self._clock = clock
        self._failures: dict[IpNetwork, deque[float]] = {}
        self._running: dict[IpNetwork, int] = {}  # comparisons that wait or run
        self._held: dict[IpNetwork, deque[_Held]] = {}  # not compared yet, as those that run may be wrong
        self._jobs: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._threads = 0

    def check(
        self, password: str, host: str, done: Callable[[Verdict], object], hash: PasswordHash | None = None
    ) -> None:
        """Compare a password that came from `host`, with `hash` if it is given.

        `done` is called in the loop, perhaps before this returns.
        """
        hash = hash or self.hash
        assert hash is not None
        address = network_of(host)
        if len(self._recent(address)) >= MOST_FAILURES:
            self.refused += 1
            done(Verdict.REFUSED)
            return
        waiting = sum(self._running.values()) + sum(map(len, self._held.values()))
        if waiting >= MOST_WAITING + WORKERS or not self._has_thread():
            done(Verdict.BUSY)
        elif self._may_run(address):
            self._begin(address, hash, password, done)
        elif len(held := self._held.setdefault(address, deque())) < MOST_HELD:
            held.append((hash, password, done))
        else:
            done(Verdict.BUSY)

    def _may_run(self, address: IpNetwork) -> bool:
        """Whether one more wrong password is allowed, should all that run be wrong."""
        return len(self._recent(address)) + self._running.get(address, 0) < MOST_FAILURES

    def _begin(self, address: IpNetwork, hash: PasswordHash, password: str, done: Callable[[Verdict], object]) -> None:
        self._running[address] = self._running.get(address, 0) + 1
        self._jobs.put(partial(self._compare, hash, password, address, done))

    def _has_thread(self) -> bool:
        """Start a thread if there are fewer than `WORKERS`; return whether there is any."""
        if self._threads < WORKERS:
            try:
                threading.Thread(target=self._work, name="password", daemon=True).start()
            except RuntimeError as error:  # no memory for a thread
                logger.warning("no further thread for passwords: %s", error)
            else:
                self._threads += 1
        return self._threads > 0

    def _work(self) -> None:
        while True:
            self._jobs.get()()

    def _compare(
        self, hash: PasswordHash, password: str, address: IpNetwork, done: Callable[[Verdict], object]
    ) -> None:
        """Compare, in a thread. A comparison that fails, as without memory, admits nobody."""
        try:
            verdict = Verdict.RIGHT if hash.verify(password) else Verdict.WRONG
        except Exception as error:  # ValueError of OpenSSL for want of memory
            logger.error("a password could not be compared: %s", error)
            verdict = Verdict.BUSY
        self._call_from_thread(self._finish, address, verdict, done)

    def _finish(self, address: IpNetwork, verdict: Verdict, done: Callable[[Verdict], object]) -> None:
        self._running[address] -= 1
        if not self._running[address]:
            del self._running[address]
        if verdict is Verdict.WRONG:
            self.refused += 1
            self._note_failure(address)
        refused = self._go_on(address)
        self.refused += len(refused)
        done(verdict)
        for held in refused:
            held(Verdict.REFUSED)

    def _go_on(self, address: IpNetwork) -> list[Callable[[Verdict], object]]:
        """Begin those that were held, as far as they may run now. Return whom to refuse."""
        held = self._held.pop(address, deque())
        if len(self._recent(address)) >= MOST_FAILURES:
            return [done for *_, done in held]
        while held and self._may_run(address):
            self._begin(address, *held.popleft())
        if held:
            self._held[address] = held
        return []

    def _note_failure(self, address: IpNetwork) -> None:
        failures = self._recent(address)
        failures.append(self._clock())
        self._failures.pop(address, None)
        self._failures[address] = failures  # the latest come last
        while self._failures:
            oldest, times = next(iter(self._failures.items()))
            if times[-1] > self._clock() - PERIOD:
                break
            del self._failures[oldest]

    def _recent(self, address: IpNetwork) -> deque[float]:
        """The failures of an address that count: those of the last minute, or of the one before a refusal."""
        failures = self._failures.get(address)
        if failures is None:
            return deque(maxlen=MOST_FAILURES)
        now = self._clock()
        if len(failures) == MOST_FAILURES and failures[-1] > now - PERIOD and failures[-1] - failures[0] < PERIOD:
            return failures
        while failures and failures[0] <= now - PERIOD:
            failures.popleft()
        return failures

    @property
    def addresses(self) -> int:
        """The number of addresses whose failures are counted."""
        return len(self._failures)
