"""Addresses in the registers: an IPv6 /64 is one address, and IPv4 in IPv6 is IPv4."""

import ipaddress

from pylingo.shared.networks import IpNetwork, parse_network

type IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def read_host(host: str) -> IpAddress:
    """Return the address of a peer. Raises `ValueError`."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def network_of(host: str) -> IpNetwork:
    """Return what counts as the one address of a peer: the address, or the /64 that it is in."""
    address = read_host(host)
    if isinstance(address, ipaddress.IPv4Address):
        return ipaddress.IPv4Network(address)
    return ipaddress.IPv6Network((address, 64), strict=False)


def as_network(text: str) -> IpNetwork | None:
    """Return what parses as an address or a network, or None. The bits after the prefix of a network must be 0."""
    try:
        return parse_network(text.strip())
    except ValueError:
        return None


def show_network(network: IpNetwork) -> str:
    """Return a network as a person writes it: an address without its prefix."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
