"""The negotiation of capabilities: what a client and the server agree on beyond plain IRC. Pure.

https://ircv3.net/specs/extensions/capability-negotiation describes it. The server offers a table of capabilities. A
client lists them and requests those that it wants; a request is acknowledged as a whole or refused as a whole.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from pylingo.reactor.irc.formatting import packed
from pylingo.reactor.irc.numerics import Numeric

CAPABILITIES: Mapping[str, str] = {
    "account-notify": "",
    "account-tag": "",
    "away-notify": "",
    "batch": "",
    "cap-notify": "",
    "draft/chathistory": "",
    "draft/event-playback": "",
    "draft/multiline": "max-bytes=4096,max-lines=100",
    "echo-message": "",
    "extended-join": "",
    "extended-monitor": "",
    "labeled-response": "",
    "message-tags": "",
    "multi-prefix": "",
    "sasl": "PLAIN",
    "server-time": "",
    "setname": "",
    "standard-replies": "",
    "userhost-in-names": "",
}
"""The capabilities that a server can offer, each with its value."""

WITH_VALUES = 302
"""Since this version of the negotiation, capabilities have values, and clients are told about changes."""
MAX_LIST = 400
"""The most bytes of capabilities on a line."""
MAX_VERSION_DIGITS = 9
_NONE: frozenset[str] = frozenset()
_SETS = 256  # of capabilities that are kept

Reply = tuple[str, ...]
"""The parameters of a CAP line behind the client's name."""


class Phase(Enum):
    """Whether registration waits for CAP END."""

    NONE = "no negotiation was begun"
    OPEN = "registration waits"
    ENDED = "the client has sent CAP END"


class InvalidSubcommandError(Exception):
    """There is no such subcommand of CAP. The answer is `numeric` 410 with `subcommand`."""

    numeric = Numeric.ERR_INVALIDCAPCMD

    def __init__(self, subcommand: str) -> None:
        super().__init__(subcommand)
        self.subcommand = subcommand


class Negotiation:
    """The capabilities that one client has negotiated. `offered` has those of the server with their values."""

    __slots__ = ("_offered", "enabled", "phase", "version")

    def __init__(self, offered: Mapping[str, str] = CAPABILITIES) -> None:
        self._offered = offered
        self.enabled: frozenset[str] = _NONE
        self.phase = Phase.NONE
        self.version = 0

    def handle(self, params: Sequence[str], is_registered: bool) -> list[Reply]:
        """Return the replies to `CAP params`. Raises `InvalidSubcommandError`.

        Before registration, LS and REQ hold it until END.
        """
        subcommand = params[0].upper() if params else ""
        argument = params[1] if len(params) > 1 else ""
        if subcommand in ("LS", "REQ") and not is_registered:
            self.phase = Phase.OPEN
        match subcommand:
            case "LS":
                return self._list_offered(argument)
            case "LIST":
                return list(self._listing("LIST", sorted(self.enabled)))
            case "REQ":
                return self._request(argument)
            case "END":
                self.phase = Phase.ENDED if not is_registered else self.phase
                return []
            case _:
                raise InvalidSubcommandError(params[0] if params else "*")

    def _list_offered(self, version: str) -> list[Reply]:
        if version.isascii() and version.isdecimal() and len(version) <= MAX_VERSION_DIGITS:
            self.version = max(self.version, int(version))
        if self.version >= WITH_VALUES and "cap-notify" in self._offered:
            self.enabled = _shared(self.enabled | {"cap-notify"})  # implied by the version
        return list(self._listing("LS", [self._shown(name) for name in sorted(self._offered)]))

    def _shown(self, name: str) -> str:
        value = self._offered[name]
        return f"{name}={value}" if value and self.version >= WITH_VALUES else name

    def _listing(self, subcommand: str, words: list[str]) -> Iterator[Reply]:
        """The words on as few lines as possible. Only clients of the newer version understand several lines."""
        lines = list(packed(words, MAX_LIST)) if self.version >= WITH_VALUES else [words]
        for line in lines[:-1]:
            yield subcommand, "*", " ".join(line)
        yield subcommand, " ".join(lines[-1] if lines else ())

    def _request(self, argument: str) -> list[Reply]:
        wanted = set(self.enabled)
        for word in argument.split():
            name = word.removeprefix("-").partition("=")[0]
            is_removal = word.startswith("-")
            if name not in self._offered or (is_removal and self._is_implied(name)):
                return [("NAK", argument)]
            if is_removal:
                wanted.discard(name)
            else:
                wanted.add(name)
        self.enabled = _shared(frozenset(wanted))
        return [("ACK", argument)]

    def _is_implied(self, name: str) -> bool:
        return name == "cap-notify" and self.version >= WITH_VALUES


@functools.lru_cache(_SETS)
def _shared(names: frozenset[str]) -> frozenset[str]:
    """One object for all clients with the same capabilities: a set of ten has 700 bytes."""
    return names
