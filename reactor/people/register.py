"""The register: what the server knows about people, by the fingerprints of their keys.

It answers who may come in, to whom a name belongs, and who is an operator; `moderation` has the bans and the mutes. It
touches no file and no clock of its own: `to_state` returns what is to be stored, and `clock` gives microseconds since
1970.

A door opens only when that is on disk. A method that opens one returns a `Change`: store the state, then call its
`commit`, or its `undo` if the state cannot be stored. Everything that closes a door holds at once.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pylingo.reactor.people.app_passwords import AppPassword
from pylingo.reactor.people.invitations import MOST_OF_MEMBER, SECONDS, Invitation
from pylingo.reactor.people.keys import PublicKey
from pylingo.reactor.people.members import Members
from pylingo.reactor.people.moderation import Moderation
from pylingo.reactor.people.owned_names import Conflict, OwnedName, Owner
from pylingo.reactor.people.roster import Change
from pylingo.reactor.people.rows import Row, RowKey
from pylingo.reactor.people.tables import Tables, empty_tables, read_tables
from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold
from pylingo.shared.text import quote


class Issued(NamedTuple):
    """A new invitation. `until` is in microseconds since 1970."""

    code: str
    uses: int
    until: int


def wall_clock() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1_000


class Register:
    """See the module. An `identity` is the fingerprint of a key whose owner has proven it, None for a guest."""

    def __init__(self, clock: Callable[[], int] = wall_clock, tables: Tables | None = None) -> None:
        self.members_invite = False
        """Whether listed keys may invite, and not only operators."""
        self.conflicts: list[Conflict] = []
        """The names in comments of the members file that belong to somebody else, and are therefore not given."""
        self._clock = clock
        self._unwritten: set[tuple[str, frozenset[str]]] = set()  # names, and their owners, that no disk has yet
        tables = tables or empty_tables(clock)
        self.moderation = Moderation(clock, tables)
        """Bans and mutes."""
        self.is_open = True
        self._hold(tables)

    def _hold(self, tables: Tables) -> None:
        self._tables = tables
        self._names, self._roster, self._invitations = tables.names, tables.roster, tables.invitations
        self._app_passwords = tables.app_passwords
        self.moderation.hold(tables)

    @classmethod
    def from_state(cls, state: object, clock: Callable[[], int] = wall_clock) -> "Register":
        """Return the register of a stored state. Raises `ValueError` with one sentence if anything in it is wrong."""
        return cls(clock, read_tables(state, clock))

    def replace(self, state: object) -> None:
        """Replace everything by a state of another process (see `to_state`), but for `members` and `name_keep`.

        Raises `ValueError` with one sentence if anything in it is wrong, and then changes nothing.
        """
        name_keep, members = self.name_keep, self.members
        self._hold(read_tables(state, self._clock))
        self.name_keep, self.members = name_keep, members

    def to_state(self) -> dict[str, Any]:
        """Return everything that is to be stored, as values of JSON that nothing changes afterwards."""
        return self._tables.to_state()

    # --- rows, which several servers share

    def note_rows(self, note: Callable[[RowKey], object], note_use: Callable[[RowKey], object]) -> None:
        """Have `note` called with the key of each row that changes, and `note_use` with that of a name that is used."""
        self._tables.note_rows(note, note_use)

    def rows(self, keys: Iterable[RowKey]) -> dict[RowKey, Row]:
        """Return the rows with these keys that are to be stored, changes that are not committed included."""
        return self._tables.rows(keys)

    def take_over(self, rows: Mapping[RowKey, Row | None]) -> None:
        """Take over rows as another server has stored them; None for one that is gone.

        Set `members` anew after many names: those in comments may belong to somebody by now, or to nobody any more.
        """
        self._tables.take_over(rows)
        stored = {(key.key, row.key) for key, row in rows.items() if isinstance(row, OwnedName)}
        self._unwritten = {
            (name, keys) for name, keys in self._unwritten if not any((name, key) in stored for key in keys)
        }

    def has_rival(self, name: str) -> bool:
        """Whether a name that was taken, given in its compared form, looks like that of somebody else."""
        owned = self._names.rows([name]).get(name)
        return owned is not None and self._names.has_rival(name, self.keys_of(owned.key))

    # --- people

    @property
    def is_open(self) -> bool:
        """Whether people without a listed key may come in."""
        return self._is_open

    @is_open.setter
    def is_open(self, is_open: bool) -> None:
        self._is_open = self.moderation.covers_addresses = is_open

    @property
    def name_keep(self) -> float:
        """Seconds after which a name that its key has not used is free; 0 for never."""
        return self._names.keep

    @name_keep.setter
    def name_keep(self, seconds: float) -> None:
        self._names.keep = seconds

    @property
    def members(self) -> Members:
        """The members file, as it was last read. Set it after each reading."""
        return self._roster.members

    @members.setter
    def members(self, members: Members) -> None:
        self._roster.members = members
        listed = [Owner(name, keys) for name, keys in self._roster.names()]
        self.conflicts = self._names.set_listed(listed, self._roster.noted_names())

    def keys_of(self, identity: str | None) -> frozenset[str]:
        """The keys of the one who has this key: the key, and those listed under the same `name=`. A guest has none."""
        return self._roster.keys_of(identity)

    def person_of(self, identity: str) -> str:
        """A text that is the same for all keys of a person, and another one for everybody else."""
        return self._roster.person_of(identity)

    def first_key(self, identity: str) -> str:
        """The key of the person that is listed first, to which the person's messages belong."""
        return self._roster.first_key(identity)

    def is_listed(self, identity: str | None) -> bool:
        """Whether the key is in the members file, or came by invitation."""
        return self._roster.is_listed(identity)

    def is_operator(self, identity: str | None) -> bool:
        """Whether the owner of the key is an operator. Nobody who is banned is."""
        return self.moderation.is_operator(identity)

    def may_enter(self, identity: str | None) -> bool:
        """Whether the members and the invitations let somebody in. Bans are another question."""
        return self.is_open or self.is_listed(identity)

    def has_way_in(self) -> bool:
        """Whether anybody at all may come in, or may open an operator's invitation."""
        is_invited = any(invitation.operator for invitation in self._invitations.open_ones())
        return self.is_open or is_invited or self._roster.is_anybody_listed()

    # --- names

    def check_name(self, name: str, identity: str | None) -> None:
        """Raises `RequestError` `name-owned` if a name, or one that looks like it, belongs to the key of another."""
        self._names.check(name, self.keys_of(identity))

    def take_name(self, name: str, identity: str | None, host: str) -> bool:
        """Use a name. With an identity it belongs to the key from then on. Returns whether the state is to be stored.

        Call `check_name` first, then see that nobody here has the name, so that nobody owns what another one uses.
        Raises `RequestError` `name-owned`, or `not-allowed` if the address `host` has taken too many new names.
        """
        if identity is None:
            self.check_name(name, None)
            return False
        return self._names.take(name, identity, self.keys_of(identity), host)

    def claim_name(self, name: str, identity: str, host: str) -> Change | None:
        """As `take_name`. Returns the change that is to be stored before the name is given, None if there is none."""
        is_new = self.take_name(name, identity, host)
        mark = fold(name), self.keys_of_owner(name)
        if not is_new and mark not in self._unwritten:
            return None
        self._unwritten.add(mark)
        self._names.note(mark[0])  # of a name that is claimed again as well: it waits for the first storing

        def undo() -> None:
            if mark in self._unwritten:  # not if another claim of the same name was stored meanwhile
                self._unwritten.discard(mark)
                self._names.give_back(name, mark[1])

        return Change(undo, lambda: self._unwritten.discard(mark))

    def keys_of_owner(self, name: str) -> frozenset[str]:
        """The fingerprints of the keys to which a name belongs."""
        owner = self.owner_of(name)
        return owner.keys if owner is not None else frozenset()

    def refresh_name(self, name: str, identity: str | None) -> None:
        """Note that a name is still in use by its owner: call it when a session with a name ends."""
        owner = self.owner_of(name) if identity is not None else None
        if owner is not None and identity in owner.keys:
            self._names.refresh(name)

    def owner_of(self, name: str) -> Owner | None:
        """To whom a name belongs, whether that one is here or not."""
        return self._names.owner(name)

    def release_name(self, name: str) -> Change:
        """Free a name. Raises `RequestError` `no-such-user` or `not-allowed`."""
        try:
            change = self._names.release(name)
        except ValueError as error:
            raise RequestError("not-allowed", str(error)) from None
        if change is None:
            raise RequestError("no-such-user", f"the name {quote(name)} belongs to nobody: there is nothing to free")
        return change

    # --- operators

    def op(self, identity: str) -> Change:
        """Make the owner of a key an operator."""
        return self._roster.promote(identity)

    def deop(self, identity: str) -> None:
        """Make the owner of a key an operator no more. Raises `RequestError` `not-allowed` if the members file does."""
        try:
            self._roster.demote(identity)
        except ValueError as error:
            raise RequestError("not-allowed", str(error)) from None

    # --- invitations

    def invite(
        self, by: str | None, uses: int = 1, seconds: float = SECONDS, operator: bool = False
    ) -> tuple[Issued, Change]:
        """Make an invitation for the owner of the key `by`, or for the command line (None).

        Raises `RequestError` `not-allowed` or `bad-argument`. Tell the code when the state is stored.
        """
        if by is not None and not self.is_operator(by):
            if not (self.members_invite and self.is_listed(by)):
                raise RequestError("not-allowed", "only operators may invite: ask one of them")
            if uses != 1:
                raise RequestError("not-allowed", "a member's invitation is for one use: leave the number out")
            keys = self.keys_of(by)
            if sum(invitation.by in keys for invitation in self._invitations.open_ones()) >= MOST_OF_MEMBER:
                words = f"you have {MOST_OF_MEMBER} open invitations: wait until one is used"
                raise RequestError("not-allowed", words)
        code, invitation = self._invitations.create(by, uses, seconds, operator and by is None)
        change = Change(undo=lambda: self._invitations.remove(invitation.digest))
        return Issued(code, invitation.uses, invitation.until), change

    def redeem(self, code: str, key: PublicKey) -> Change | None:
        """List the key of whoever has proven it and has the code of an invitation. None if there is nothing to store.

        Raises `RequestError` `bad-invite`.
        """
        identity = key.fingerprint
        invitation = self._invitations.find(code, identity)
        if invitation is None or not self._may_still_invite(invitation):
            words = "the invitation is not valid: it was used, has ended or was revoked; ask for another one"
            raise RequestError("bad-invite", words)
        gains_rank = invitation.operator and not self.is_operator(identity)
        if identity in invitation.used_by or (self.is_listed(identity) and not gains_rank):
            return None
        self._invitations.use(invitation, identity)
        changes = [Change(undo=lambda: self._invitations.give_back(invitation.digest, identity))]
        if not self.is_listed(identity):
            changes.append(self._roster.admit(key, invitation.by, self._clock()))
        if gains_rank:
            changes.append(self._roster.promote(identity))
        return Change(lambda: [change.undo() for change in changes], lambda: [change.commit() for change in changes])

    # --- passwords for IRC

    def make_app_password(self, identity: str) -> tuple[str, Change]:
        """Make a password for the owner of a key, in place of any before. Tell it when the change is stored.

        Raises `RequestError` `not-allowed` if there are too many. Takes some milliseconds.
        """
        return self._app_passwords.create(identity, self.keys_of(identity))

    def remove_app_password(self, identity: str) -> bool:
        """Remove the password of the owner of a key. Return whether there was one."""
        return self._app_passwords.remove(self.keys_of(identity))

    def app_password_of(self, name: str) -> AppPassword | None:
        """The password of the one to whom a name belongs."""
        return self._app_passwords.find(self.keys_of_owner(name))

    # --- parts

    def _may_still_invite(self, invitation: Invitation) -> bool:
        """Whether the one who made an invitation still may: not if they were banned, or are listed no more."""
        by = invitation.by
        if by is None:
            return True
        if not self.may_enter(by):  # an operator who is listed no more is still one, and may not come back this way
            return False
        may_as_member = self.members_invite and self.is_listed(by) and self.moderation.key_ban(by) is None
        return self.is_operator(by) or may_as_member
