"""When to try again: delays that grow with each attempt, and the decision whether to reconnect at all. Pure."""

import random
from dataclasses import dataclass

RETRY = 60.0
"""Seconds without a connection after which a client gives up."""
FIRST_DELAY = 0.25
"""Seconds, on average, before the first attempt to reconnect. Each further delay is twice as long."""
LONGEST_DELAY = 15.0
NEVER_AGAIN = frozenset(
    {
        *("close", "replaced", "bad-frame", "protocol", "password", "address-limit"),
        *("identity", "members-only", "banned", "killed", "tls"),
    }
)
"""Reasons of a goodbye after which a reconnect is unwanted or useless."""
ELSEWHERE = frozenset({None, "shutdown", "full", "address-limit"})
"""Reasons of a goodbye after which another address may be better; None if the connection ended without one."""
_MOST_DOUBLINGS = 64  # far beyond every longest delay; 2.0**1024 is no float any more


class FinalError(ConnectionError):
    """The end of a connection after which a reconnect is useless. The message is a whole sentence."""


class HelloRefusedError(FinalError):
    """The server refused the hello with an error, whose code is `code`."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(slots=True)
class Backoff:
    """Delays of `first`, twice that, and so on up to `longest` seconds, each varied at random by up to a half.

    The variation keeps clients that lost their server at the same moment from returning at the same moment.
    """

    first: float
    longest: float
    attempts: int = 0
    """How many delays were given since the beginning or since the owner last set this."""

    def next(self) -> float:
        """The delay before the next attempt, in seconds."""
        delay = min(self.longest, self.first * 2.0 ** min(self.attempts, _MOST_DOUBLINGS))
        self.attempts += 1
        return delay * random.uniform(0.5, 1.5)


class ReconnectPolicy:
    """Decides whether a client reconnects: within `retry` seconds after it was last online.

    Without `insist`, a client whose very first attempt fails does not try again.
    """

    def __init__(self, retry: float, insist: bool) -> None:
        self._retry = retry
        self._insist = insist
        self._backoff = Backoff(FIRST_DELAY, LONGEST_DELAY)
        self._was_online = False
        self._lost_at: float | None = None

    def restart(self) -> None:
        self._was_online = False
        self._lost_at = None
        self._backoff.attempts = 0

    def online(self) -> None:
        self.restart()
        self._was_online = True

    def hurry(self) -> None:
        """Make the next delays short again."""
        self._backoff.attempts = 1

    def goes_on(self, now: float) -> bool:
        """Whether another address may be tried at once after a connection ended at `now`."""
        is_first = not self._was_online and self._backoff.attempts == 0
        if self._lost_at is None:
            self._lost_at = now
        return is_first or now - self._lost_at < self._retry

    def delay(self, now: float, reason: str | None) -> float | None:
        """The delay before the next attempt after a connection ended at `now`, or None to give up.

        `reason` is that of the server's goodbye, if there was one.
        """
        if self._lost_at is None:
            self._lost_at = now
        failed_at_once = not self._was_online and self._backoff.attempts == 0 and reason is None
        if (failed_at_once and not self._insist) or reason in NEVER_AGAIN or now - self._lost_at >= self._retry:
            return None
        self._was_online = False
        return self._backoff.next()
