"""The mirror: the rows of the register as all servers of a cluster share them, as far as this server knows.

The shared rows have a version, which each store replaces. A version is a number, a space and a token that no other
store has: after the shared rows were lost in part, two stores may get one number. The newest versions are kept here and
there as the lineage. So a server that reads everything anew finds where the two histories part, and which of its rows
are newer than what was lost.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from pylingo.reactor.people.merging import ClashError, merge
from pylingo.reactor.people.owned_names import OwnedName
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.rows import Row, RowKey, body_of, decode_row, encode_row, order_of, show_row
from pylingo.reactor.people.sanctions import Sanction

LINEAGE = 1_000
"""Versions that are kept, and rows that are known to be gone."""
USE_STEP = 86_400.0
"""Seconds by which the use of a name must have moved to be shared again; less if names are kept for a short time."""

type Texts = Mapping[RowKey, str | None]
"""The texts of rows; None for one that is gone."""


def number_of(version: str) -> int:
    """Return the number in a version, 0 for that of a register that nobody has stored."""
    return order_of(version)


class Mirror:
    """See the module. It keeps the register up to date with the shared rows, and loses no change that is pending."""

    def __init__(self, register: Register) -> None:
        self.version = ""
        """The version of the shared rows that the register has taken over."""
        self._register = register
        self._texts: dict[RowKey, str] = {}
        self._gone: dict[RowKey, int] = {}  # the orders of deletions, the latest last
        self._lineage: deque[str] = deque(maxlen=LINEAGE)

    def next_version(self, token: str) -> str:
        """The version that a store is to give to the shared rows. The token must be a new one."""
        return f"{number_of(self.version) + 1} {token}"

    # --- what is different here

    def differences(self, keys: Iterable[RowKey]) -> dict[RowKey, str | None]:
        """Return those of these rows that are not here as they are shared, with the texts that are to be stored."""
        wanted = frozenset(keys)
        rows = self._register.rows(wanted)
        order = number_of(self.version) + 1
        found: dict[RowKey, str | None] = {key: None for key in wanted if key not in rows and key in self._texts}
        for index, (key, row) in enumerate(rows.items()):
            body, text = encode_row(row), self._texts.get(key)
            if text is None or (body != body_of(text) and not self._is_mere_use(key, text, row)):
                found[key] = show_row(order, index, body)
        return found

    def _is_mere_use(self, key: RowKey, text: str, row: Row) -> bool:
        """Whether a name was used a little later than the others know, and nothing else has changed."""
        if not isinstance(row, OwnedName):
            return False
        known = decode_row(key, text)
        step = min(USE_STEP, self._register.name_keep / 10 or USE_STEP) * 1e6
        is_same = isinstance(known, OwnedName) and (known.name, known.key) == (row.name, row.key)
        return is_same and isinstance(known, OwnedName) and row.used - known.used < step

    def clashes(self, texts: Texts, pending: Iterable[RowKey]) -> set[RowKey]:
        """Return the pending rows that are impossible once these were stored by another server."""
        wanted = [key for key in pending if key in texts]
        rows = self._register.rows(wanted)
        found = set()
        for key in wanted:
            try:
                self._merged(key, rows.get(key), texts[key])
            except ClashError:
                found.add(key)
        return found

    def rivals(self, pending: Iterable[RowKey]) -> set[RowKey]:
        """Return the pending names that are new and look like somebody else's."""
        names = [key for key in pending if key.table == "names"]
        rows = self._register.rows(names)
        return {key for key in names if self._is_claim(key, rows.get(key)) and self._register.has_rival(key.key)}

    def _is_claim(self, key: RowKey, row: Row | None) -> bool:
        known = self._known(key)
        is_same = isinstance(known, OwnedName) and isinstance(row, OwnedName) and known.key == row.key
        return row is not None and not is_same

    # --- what others have stored

    def accept(self, version: str, texts: Texts) -> set[str]:
        """Take over what another server has stored, and return the tables that have changed here.

        Undo what `clashes` first: theirs holds. Raises `ValueError`, and changes nothing, if one of them is no row.
        """
        mine = self._register.rows(texts)
        taken: dict[RowKey, Row | None] = {}
        changed = set()
        for key, text in texts.items():
            own = mine.get(key)
            try:
                row = self._merged(key, own, text)
            except ClashError:
                row = None if text is None else decode_row(key, text)
            if row != own:
                changed.add(key.table)
            if row != own or not isinstance(row, Sanction):  # one that is being ended must stay the same object
                taken[key] = row
        self._register.take_over(taken)
        self.confirm(version, texts)
        return changed

    def confirm(self, version: str, texts: Texts) -> None:
        """Note that these rows are shared since this version. The register has them."""
        for key, text in texts.items():
            if text is not None:
                self._texts[key] = text
                self._gone.pop(key, None)
            elif self._texts.pop(key, None) is not None:
                self._gone[key] = number_of(version)
        while len(self._gone) > LINEAGE:
            del self._gone[next(iter(self._gone))]
        if version != self.version:
            self._lineage.append(version)
            self.version = version

    # --- after everything was read anew

    def compare(
        self, texts: Mapping[RowKey, str], lineage: Sequence[str]
    ) -> tuple[dict[RowKey, str | None], set[RowKey]]:
        """Return what differs in all the shared rows: what is to be accepted, and the rows that are newer here.

        `lineage` has the newest versions of the shared rows, oldest first. Call `restart` next.
        """
        fork = self._fork(lineage)
        theirs: dict[RowKey, str | None] = {}
        newer = set()
        for key in texts.keys() | self._texts.keys() | self._gone.keys():
            own, text = self._texts.get(key), texts.get(key)
            if own == text:
                continue
            order = order_of(own) if own is not None else self._gone.get(key, 0)
            if order > fork and (text is None or order_of(text) <= fork):
                newer.add(key)
            else:
                theirs[key] = text
        return theirs, newer

    def restart(self, version: str, lineage: Sequence[str], newer: Mapping[RowKey, str | None]) -> None:
        """Go on from this version. The rows that are `newer` here are shared with these older texts for now."""
        self.confirm(version, newer)
        self._lineage = deque(lineage, LINEAGE)
        self.version = version

    def _fork(self, lineage: Sequence[str]) -> float:
        """The number of the newest version that both histories have; infinite if the shared one has all of ours."""
        if not self.version or self.version in lineage:
            return math.inf
        if len(lineage) >= LINEAGE and number_of(lineage[0]) > number_of(self.version):
            return math.inf  # many were stored meanwhile, and nothing says that one was lost
        shared = frozenset(lineage)
        return max((number_of(version) for version in self._lineage if version in shared), default=0)

    def _known(self, key: RowKey) -> Row | None:
        text = self._texts.get(key)
        return None if text is None else decode_row(key, text)

    def _merged(self, key: RowKey, mine: Row | None, text: str | None) -> Row | None:
        return merge(self._known(key), mine, None if text is None else decode_row(key, text))
