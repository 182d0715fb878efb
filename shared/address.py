"""Server addresses: reads and prints HOST[:PORT], and reads lists of them."""

import ipaddress
from collections.abc import Callable

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 5000
MOST_ADDRESSES = 16
"""The addresses that a list can have."""
_MAPPED = "::ffff:"  # in front of IPv4, as the system spells it on a socket for both

type Address = tuple[str, int]
"""A host and a port."""


def parse_address(text: str, default_port: int = DEFAULT_PORT) -> Address:
    """Return the host and the port. An IPv6 address needs brackets if a port follows.

    Without a port in `text`, it is `default_port`. Raises `ValueError` with a sentence that says what would be right.
    """
    host, port = text, ""
    is_right = True
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        is_right = bool(bracket) and (not rest or rest.startswith(":"))
        port = rest[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    elif ":" in text:
        is_right = _is_ipv6(text)
    if not is_right:
        raise ValueError(f"an address must be HOST, HOST:PORT or [IPV6]:PORT, not '{text}'")
    if port and not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65_535):
        raise ValueError(f"a port must be a whole number from 1 to 65535, not '{port[:20]}'")
    return host or DEFAULT_HOST, int(port or default_port)


def parse_addresses(text: str, read: Callable[[str], Address] = parse_address) -> tuple[Address, ...]:
    """Return the addresses of a list with commas, each of which `read` reads. One address alone is a list as well.

    Raises `ValueError` with a sentence.
    """
    parts = text.split(",")
    if len(parts) > MOST_ADDRESSES:
        raise ValueError(f"a list of addresses can have {MOST_ADDRESSES} of them, not {len(parts)}")
    if len(parts) > 1 and not all(map(str.strip, parts)):
        raise ValueError("a list of addresses must be HOST[:PORT],HOST[:PORT] and so on, without an empty place")
    addresses = tuple(map(read, parts))
    for index, address in enumerate(addresses):
        if address in addresses[:index]:
            raise ValueError(f"{show_address(*address)} stands twice in the list of addresses")
    return addresses


def show_address(host: str, port: int) -> str:
    """Return HOST:PORT as `parse_address` reads it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def plain_host(host: str) -> str:
    """Return IPv4 in IPv6, such as `::ffff:192.0.2.1`, as IPv4, and every other host as it is."""
    return host.removeprefix(_MAPPED) if "." in host else host


def is_loopback(host: str) -> bool:
    """Whether `host` is this computer, by its name or address alone."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
