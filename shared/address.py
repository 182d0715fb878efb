"""Server addresses: reads and prints HOST[:PORT]."""

import ipaddress

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 5000


def parse_address(text: str, default_port: int = DEFAULT_PORT) -> tuple[str, int]:
    """Return the host and the port. An IPv6 address needs brackets if a port follows.

    Without a port in `text`, it is `default_port`. Raises `ValueError` with a sentence that says what would be right.
    """
    host, port = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"an address must be HOST, HOST:PORT or [IPV6]:PORT, not '{text}'")
        port = rest[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if port and not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65_535):
        raise ValueError(f"a port must be a whole number from 1 to 65535, not '{port[:20]}'")
    return host or DEFAULT_HOST, int(port or default_port)


def show_address(host: str, port: int) -> str:
    """Return HOST:PORT as `parse_address` reads it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_of(address: str) -> str:
    """Return the host of an address made by `show_address`."""
    return address.rpartition(":")[0].strip("[]")


def is_loopback(host: str) -> bool:
    """Whether `host` is this computer, by its name or address alone."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
