"""Accepting connections, within limits.

At most a fixed number is accepted in a tick, so that a storm of connects does not starve the connections that exist.
When descriptors or memory run out, one peer is refused with a descriptor held in reserve, so that it learns why, and
accepting pauses. Without the pause the loop would spin (253,000 times a second were measured), since the selector keeps
reporting peers to accept. The reserve is Twisted's idea, the pause asyncio's, and the cap Redis's.
"""

import contextlib
import errno
import functools
import ipaddress
import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from pylingo.reactor.engine.dial import Target, resolve
from pylingo.reactor.engine.loop import EVENT_READ, Reactor

logger = logging.getLogger(__name__)

ACCEPTS = 64
"""Connections accepted in one tick."""
PAUSE = 1.0
"""Seconds without accepting after descriptors or memory ran out."""
# Errors of accept(2) that concern a single peer. Every other error would come again at once, so accepting pauses.
_PEER_GONE = {
    *(errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.ENOPROTOOPT, errno.EOPNOTSUPP),
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH),
}
_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_BACKLOG = 4_096

Address = tuple[Any, ...]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK: tuple[Network, ...] = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))


@functools.lru_cache(4_096)
def _read(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


@functools.lru_cache(4_096)
def address_key(host: str) -> str:
    """The key under which connections from `host` are counted: an IPv6 /64 counts as one address."""
    address = _read(host)
    return str(address if address.version == 4 else ipaddress.ip_network((address, 64), strict=False))


def is_in(host: str, networks: Sequence[Network]) -> bool:
    """Whether the address `host` is in one of the networks. IPv4 in IPv6 counts as IPv4."""
    address = _read(host)
    return any(address in network for network in networks)


class ConnectionLimiter:
    """Counts the connections, in all and from each address (see `address_key`), against limits.

    `most` and `most_per_address` are the limits, 0 for none. The latter does not apply to the networks of `exempt`. All
    three may be changed at any time. `pending` are connections whose address is not known yet. They count for `most`.
    """

    def __init__(self, most: int, most_per_address: int, exempt: Sequence[Network] = LOOPBACK) -> None:
        self.most = most
        self.most_per_address = most_per_address
        self.exempt = exempt
        self.count = 0
        self.pending = 0
        self._counts: dict[str, int] = {}

    @property
    def addresses(self) -> int:
        """The number of addresses that have connections."""
        return len(self._counts)

    def is_exempt(self, host: str) -> bool:
        """Whether `host` has no limit for each address, because many people may come from there."""
        return is_in(host, self.exempt)

    @property
    def is_full(self) -> bool:
        """Whether there is no place for another connection."""
        return bool(self.most) and self.count + self.pending >= self.most

    def admit(self, host: str) -> str | None:
        """Count a connection from `host` and return None, or return why it is refused: `full` or `address-limit`."""
        if self.is_full:
            return "full"
        key = address_key(host)
        taken = self._counts.get(key, 0)
        if self.most_per_address and taken >= self.most_per_address and not self.is_exempt(host):
            return "address-limit"
        self._counts[key] = taken + 1
        self.count += 1
        return None

    def release(self, host: str) -> None:
        """Count a connection that was admitted no longer."""
        self.count -= 1
        key = address_key(host)
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]


class Listener:
    """A listening socket. `accepted(sock, address)` is called with each connection.

    `refused(sock)` is called with the connection that is refused when descriptors run out. `accepts` is how many
    connections are accepted in a tick.
    """

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        accepted: Callable[[socket.socket, Address], object],
        refused: Callable[[socket.socket], object],
        accepts: int = ACCEPTS,
    ) -> None:
        self._reactor = reactor
        self._sock = sock
        self._accepted = accepted
        self._refused = refused
        self.accepts = accepts
        self._reserve = _spare_descriptor()
        self._paused = False
        self._is_held = False
        self._away: Address | None = None
        sock.setblocking(False)
        reactor.register(sock.fileno(), EVENT_READ, self)

    @property
    def address(self) -> Address:
        """The address and port that the socket is bound to."""
        name: Address = self._sock.getsockname()
        return name

    def handle(self, mask: int) -> None:
        """Accept the peers that are waiting."""
        for _ in range(self.accepts):
            if self._is_held:  # perhaps by the last peer
                return
            try:
                sock, address = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _PEER_GONE:
                    continue  # others may wait
                self._pause(error.strerror or str(error))
                return
            except MemoryError:  # from Python itself
                self._reactor.memory.ran_out()
                self._pause(os.strerror(errno.ENOMEM))
                return
            self._paused = False
            self._accepted(sock, address)
        self._reactor.coalescer.hurry()  # others may wait

    def fail(self, error: Exception) -> None:
        """Do nothing: the next connection may fare better."""

    def hold(self) -> None:
        """Accept nobody until `go_on`. Peers that connect meanwhile wait in the backlog."""
        if not self._is_held and self._sock.fileno() >= 0:
            self._reactor.unregister(self._sock.fileno())
        self._is_held = True

    def turn_away(self) -> None:
        """Accept nobody until `go_on`. Peers that connect meanwhile are refused; where that is impossible, they wait.

        On Linux, a listening socket is like a new one after `shutdown`. It keeps a port that was asked for, and loses
        one that the system has chosen.
        """
        self.hold()
        with contextlib.suppress(OSError):
            address = self.address
            self._sock.shutdown(socket.SHUT_RDWR)
            self._away = address

    def go_on(self) -> None:
        """Accept again after `hold` or `turn_away`. Does nothing after `close`."""
        if self._sock.fileno() < 0:
            return
        if (address := self._away) is not None:
            self._away = None
            with contextlib.suppress(OSError):  # it has kept its port
                self._sock.bind(address)
            self._sock.listen(_BACKLOG)
        if self._is_held:
            self._is_held = False
            self._resume()

    def close(self) -> None:
        """Stop listening."""
        if self._sock.fileno() >= 0:
            self._reactor.unregister(self._sock.fileno())
            self._sock.close()
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None

    def _pause(self, why: str) -> None:
        """Accept nothing for a while. The reserve is used to refuse one of the peers that are waiting."""
        self._reactor.call_later(PAUSE, self._resume)
        self._reactor.unregister(self._sock.fileno())
        if not self._paused:
            logger.warning("accepting pauses for %g s at a time: %s", PAUSE, why)
        self._paused = True
        if self._reserve is None:
            return
        os.close(self._reserve)
        self._reserve = None
        try:
            sock, _ = self._sock.accept()
            with sock:
                self._refused(sock)
        except (OSError, MemoryError):
            pass
        finally:
            self._reserve = _spare_descriptor()

    def _resume(self) -> None:
        if self._sock.fileno() < 0:
            return
        if self._reserve is None:
            self._reserve = _spare_descriptor()
        if not self._is_held:
            self._reactor.modify(self._sock.fileno(), EVENT_READ, self)  # `go_on` may have come before the pause's end


def listen(host: str, port: int, targets: Sequence[Target] = ()) -> list[socket.socket]:
    """Listening sockets for every address of `host`, all on the same port (chosen by the system for port 0).

    `targets` are these addresses, as `resolve` returns them, if they are known already. Raises `OSError`: there is no
    such host, or the port is in use or not permitted.
    """
    socks: list[socket.socket] = []
    missing: OSError | None = None
    for family, address in dict.fromkeys(targets or resolve(host, port)):
        if port == 0 and socks:
            address = (address[0], socks[0].getsockname()[1], *address[2:])
        both = address[0] == "::" and socket.has_dualstack_ipv6()  # IPv4 peers can reach it as well
        try:
            socks.append(socket.create_server(address, family=family, backlog=_BACKLOG, dualstack_ipv6=both))
        except OSError as error:
            missing = OSError(error.errno, os.strerror(error.errno or 0))  # without the words of `create_server`
            if error.errno not in _NO_SUCH_ADDRESS:  # such as ::1 of localhost where the system has no IPv6
                for sock in socks:
                    sock.close()
                raise missing from None
    if missing is not None and not socks:
        raise missing
    return socks


def _spare_descriptor() -> int | None:
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
