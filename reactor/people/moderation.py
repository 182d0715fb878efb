"""The rules of bans and mutes: whom they keep out or silence, and whom they spare.

A ban and a mute hold at once. They end only when that is on disk, so the methods that end them return a `Change` (see
`register`).
"""

from collections.abc import Callable, Iterable

from pylingo.reactor.people.addresses import as_network, network_of, read_host, show_network
from pylingo.reactor.people.roster import Change
from pylingo.reactor.people.sanctions import Sanction, Sanctions, nobody
from pylingo.reactor.people.tables import Tables
from pylingo.shared.errors import RequestError
from pylingo.shared.text import quote

type Maybe = str | None
type Keys = Iterable[str]
"""Fingerprints."""


class Moderation:
    """See the module. An `identity` is the fingerprint of a key whose owner has proven it, None for a guest.

    `clock` gives microseconds since 1970.
    """

    def __init__(self, clock: Callable[[], int], tables: Tables) -> None:
        self.covers_addresses = True
        """Whether the ban or the mute of a key covers its address: where people may come without a key."""
        self._clock = clock
        self._listed_bans = Sanctions(clock)
        self.hold(tables)

    def hold(self, tables: Tables) -> None:
        """Hold these tables instead of those before."""
        self._roster, self._invitations = tables.roster, tables.invitations
        self._bans, self._mutes = tables.bans, tables.mutes

    def is_operator(self, identity: str | None) -> bool:
        """Whether the owner of the key is an operator. Nobody who is banned is."""
        keys = self._roster.keys_of(identity)
        return self._roster.has_rank(keys) and self._ban_of_keys(keys) is None

    # --- bans

    def address_ban(self, host: str, identity: str | None) -> Sanction | None:
        """The ban of an address, for everybody who comes from it. It spares listed keys and operators.

        It may be asked with an identity that is not proven yet, if the proof follows.
        """
        listed = self._listed_bans.of_host(host, with_keys=True)
        ban = listed or self._bans.of_host(host, with_keys=self.covers_addresses)
        is_spared = self._roster.is_listed(identity) or self.is_operator(identity)
        return None if ban is None or is_spared else ban

    def key_ban(self, identity: str) -> Sanction | None:
        """The ban of a key, or of another key of the same person."""
        return self._ban_of_keys(self._roster.keys_of(identity))

    def _ban_of_keys(self, keys: frozenset[str]) -> Sanction | None:
        return self._listed_bans.of_keys(keys) or self._bans.of_keys(keys)

    @property
    def listed_bans(self) -> list[Sanction]:
        """The bans of the administrator's file, as it was last read. They are not stored."""
        return self._listed_bans.items()

    @listed_bans.setter
    def listed_bans(self, bans: Iterable[Sanction]) -> None:
        self._listed_bans.replace(bans)

    def ban(
        self, name: str, identity: Maybe, host: Maybe, by: str, text: Maybe, seconds: float | None, more: Keys = ()
    ) -> Sanction:
        """Ban a person by key, a guest by address; `host` is None for somebody who is not here.

        `seconds` is None for a ban without an end. `more` are further keys with which the person is here. Revokes the
        invitations of the banned one. Raises `RequestError` `not-allowed` for an operator.
        """
        ban = self._sanction("banned", name, identity, host, by, text, seconds, more)
        self._bans.add(ban)
        self._invitations.revoke(ban.keys)
        return ban

    def ban_address(self, address: str, by: str, text: str | None, seconds: float | None) -> Sanction:
        """Ban an address or a network. Raises `RequestError` `bad-argument` if `address` is neither."""
        network = as_network(address)
        if network is None:
            raise RequestError("bad-argument", "an address must be such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/64")
        ban = Sanction(None, (), show_network(network), by, text, self._until(seconds))
        self._bans.add(ban)
        return ban

    def unban(self, target: str) -> tuple[list[Sanction], Change]:
        """End the bans of a name, an address or a fingerprint. Raises `RequestError` `bad-argument` if none is.

        One of the administrator's file stays: `RequestError` `not-allowed`.
        """
        if any(ban.concerns(target) for ban in self._listed_bans.items()):
            raise RequestError(
                "not-allowed", f"the administrator has banned {quote(target)}, in the server's file of bans"
            )
        ended, change = self._bans.end(lambda ban: ban.concerns(target))
        if not ended:
            raise nobody(target, "banned", "/bans lists who is")
        return ended, change

    def bans(self) -> list[Sanction]:
        """The bans in force: those of the administrator, then those of operators, oldest first."""
        return [*self._listed_bans.items(), *self._bans.items()]

    # --- mutes

    def mute_of(self, host: str, identity: str | None) -> Sanction | None:
        """The mute of somebody. That of an address spares listed keys; operators have none.

        On an open server the mute of a key covers its address: coming back without the key is no way out.
        """
        if self.is_operator(identity):
            return None
        mute = self._mutes.of_keys(self._roster.keys_of(identity))
        if mute is None and not self._roster.is_listed(identity):
            mute = self._mutes.of_host(host, with_keys=self.covers_addresses)
        return mute

    def mute(
        self, name: str, identity: Maybe, host: Maybe, by: str, text: Maybe, seconds: float | None, more: Keys = ()
    ) -> Sanction:
        """Mute a person as `ban` bans one. Raises `RequestError` `not-allowed` for an operator."""
        mute = self._sanction("muted", name, identity, host, by, text, seconds, more)
        self._mutes.add(mute)
        return mute

    def unmute(
        self, target: str, identity: str | None = None, host: str | None = None
    ) -> tuple[list[Sanction], Change]:
        """End the mutes of a name, and of the one who has it now. Raises `RequestError` `bad-argument` if none is."""
        keys = self._roster.keys_of(identity)
        network = network_of(host) if host is not None and not self._roster.is_listed(identity) else None

        def is_of_address(mute: Sanction) -> bool:
            return network is not None and network == mute.network

        def concerned(mute: Sanction) -> bool:
            is_theirs = not keys.isdisjoint(mute.keys) or (identity is None and is_of_address(mute))
            return is_theirs or mute.concerns(target)

        ended, change = self._mutes.end(concerned)
        if not ended:  # an unlisted key has none of its own, and may be silent because of its address
            ended, change = self._mutes.end(is_of_address)
        if not ended:
            raise nobody(target, "muted", "/mute is the command that mutes")
        return ended, change

    @property
    def is_anybody_muted(self) -> bool:
        """Whether there may be a mute. If not, `mute_of` need not be asked."""
        return not self._mutes.is_empty

    def mutes(self) -> list[Sanction]:
        """The mutes in force, oldest first."""
        return self._mutes.items()

    # --- parts

    def _sanction(
        self,
        what: str,
        name: str,
        identity: str | None,
        host: str | None,
        by: str,
        text: str | None,
        seconds: float | None,
        more: Iterable[str],
    ) -> Sanction:
        identities = {identity, *more}
        if any(map(self.is_operator, identities)):
            raise RequestError("not-allowed", f"operators cannot be {what}: /deop them first")
        keys = tuple(sorted(frozenset[str]().union(*map(self._roster.keys_of, identities))))
        address = None
        if host is not None and not (keys and read_host(host).is_loopback):  # many people may come by loopback
            address = show_network(network_of(host))
        return Sanction(name, keys, address, by, text, self._until(seconds))

    def _until(self, seconds: float | None) -> int | None:
        return None if seconds is None else self._clock() + round(seconds * 1e6)
