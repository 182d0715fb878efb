"""IP networks in settings."""

import ipaddress
from collections.abc import Sequence

from pylingo.shared.values import ValueType

type IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_network(text: str) -> IpNetwork:
    """Return a network, or a single address as one. IPv4 in IPv6 becomes IPv4. Raises `ValueError`."""
    network = ipaddress.ip_network(text)
    first = network.network_address
    if network.version == 6 and network.prefixlen >= 96 and (mapped := getattr(first, "ipv4_mapped", None)):
        return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


def networks(always: Sequence[IpNetwork]) -> ValueType:
    """Networks, separated by commas or in a list. The ones in `always` are added, unless the word `none` is given."""

    def parse(texts: list[str]) -> tuple[IpNetwork, ...]:
        words = [word.strip() for text in texts for word in text.split(",")]
        found = [] if "none" in words else [*always]
        found += [parse_network(word) for word in words if word not in ("", "none")]
        return tuple(dict.fromkeys(found))

    right = "none, or a network such as 10.0.0.0/8, with nothing but 0 after its prefix"
    return ValueType(right, parse, lambda value: ", ".join(map(str, value)) or "none", is_list=True)
