"""Invitations: codes that list a key when somebody opens them, kept as hashes.

A code has 128 random bits, so its plain SHA-256 gives nothing away: a reader of the file can use no invitation.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from pylingo.reactor.people.keys import is_fingerprint
from pylingo.reactor.people.records import check, nothing
from pylingo.shared.errors import RequestError
from pylingo.shared.value_class import value_class

MOST = 1_000
"""Open invitations of all people together."""
MOST_OF_MEMBER = 10
"""Open invitations of a member who is no operator."""
MOST_USES = 1_000
"""Uses of one invitation."""
SECONDS = 7 * 86_400.0
"""How long an invitation is valid if nothing else is said."""
MOST_SECONDS = 366 * 86_400.0
"""The longest time for which an invitation can be valid."""

_BYTES = 16
_DIGEST = re.compile("[0-9a-f]{64}")


@value_class
class Invitation:
    """`uses` are left until `until`, in microseconds since 1970. `digest` is the SHA-256 of the code, in hex digits.

    `by` is the fingerprint of the key that made it, None for the command line. `used_by` has the keys that have used
    it: whoever opens it again, because the reply was lost, uses it once.
    """

    digest: str
    uses: int
    until: int
    operator: bool
    by: str | None
    used_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check(self.digest, lambda digest: _DIGEST.fullmatch(digest) is not None, "64 hex digits")
        check(self.uses, lambda uses: 0 <= uses <= MOST_USES, f"from 0 to {MOST_USES}")
        check(self.until, lambda until: until >= 0, "a time")
        check(self.by, is_fingerprint, "the fingerprint of a key")
        check(self.used_by, lambda keys: all(map(is_fingerprint, keys)), "fingerprints of keys")


class Invitations:
    """The invitations by their digest. `clock` gives microseconds since 1970."""

    def __init__(self, clock: Callable[[], int], invitations: Iterable[Invitation] = ()) -> None:
        self.note: Callable[[str], object] = nothing
        """Called with the digest of each invitation that changes."""
        self._clock = clock
        self._all = {invitation.digest: invitation for invitation in invitations}

    def __len__(self) -> int:
        return len(self._all)

    def items(self) -> list[Invitation]:
        """The valid invitations, and the used-up ones that would still be valid."""
        return [invitation for invitation in self._all.values() if invitation.until > self._clock()]

    def rows(self, digests: Iterable[str]) -> dict[str, Invitation]:
        """The invitations with these digests that are to be stored."""
        found, now = ((digest, self._all.get(digest)) for digest in digests), self._clock()
        return {digest: item for digest, item in found if item is not None and item.until > now}

    def take_over(self, rows: Mapping[str, Invitation | None]) -> None:
        """Take over invitations, by digest, as another server has stored them; None for one that is gone."""
        for digest, invitation in rows.items():
            if invitation is not None:
                self._all[digest] = invitation
            else:
                self._all.pop(digest, None)

    def open_ones(self) -> list[Invitation]:
        """The invitations that somebody can still use."""
        return [invitation for invitation in self.items() if invitation.uses]

    def create(self, by: str | None, uses: int, seconds: float, operator: bool) -> tuple[str, Invitation]:
        """Return the code of a new invitation, and the invitation. Raises `RequestError`."""
        if not 1 <= uses <= MOST_USES:
            raise RequestError("bad-argument", f"an invitation must have 1 to {MOST_USES} uses, not {uses}")
        if not 0 < seconds <= MOST_SECONDS:
            days = round(MOST_SECONDS / 86_400)
            raise RequestError(
                "bad-argument", f"an invitation must be valid for at most {days} days, such as 7d or 12h"
            )
        for digest in self._all.keys() - {invitation.digest for invitation in self.items()}:
            self.remove(digest)
        if len(self.open_ones()) >= MOST:
            raise RequestError("not-allowed", f"there are {MOST} open invitations: wait until some have ended")
        code = secrets.token_hex(_BYTES)
        invitation = Invitation(digest_of(code), uses, self._clock() + round(seconds * 1e6), operator, by)
        self._all[invitation.digest] = invitation
        self.note(invitation.digest)
        return code, invitation

    def find(self, code: str, key: str) -> Invitation | None:
        """The invitation that `key` can use, or has used; None if there is none."""
        invitation = self._all.get(digest_of(code))
        if invitation is None or invitation.until <= self._clock():
            return None
        return invitation if invitation.uses or key in invitation.used_by else None

    def use(self, invitation: Invitation, key: str) -> None:
        """Take one use of it for `key`."""
        used = replace(invitation, uses=invitation.uses - 1, used_by=(*invitation.used_by, key))
        self._all[invitation.digest] = used
        self.note(invitation.digest)

    def give_back(self, digest: str, key: str) -> None:
        """Undo `use`."""
        if used := self._all.get(digest):
            left = tuple(other for other in used.used_by if other != key)
            self._all[digest] = replace(used, uses=used.uses + 1, used_by=left)
            self.note(digest)

    def remove(self, digest: str) -> None:
        """Forget an invitation."""
        if self._all.pop(digest, None) is not None:
            self.note(digest)

    def revoke(self, keys: Iterable[str]) -> int:
        """Forget the invitations that these keys have made, and return how many could still be used."""
        makers = frozenset(keys)
        revoked = [invitation for invitation in self.items() if invitation.by in makers]
        for invitation in revoked:
            self.remove(invitation.digest)
        return sum(bool(invitation.uses) for invitation in revoked)


def digest_of(code: str) -> str:
    """The form in which a code is kept."""
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()
