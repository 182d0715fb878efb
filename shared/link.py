"""Links to a server: reads and prints `pylingo://HOST[:PORT][,...][/ROOM][?invite=CODE][#SHA256:FINGERPRINT]`.

A link stands wherever an address does. It always means TLS. It may list several servers that are one chat. Its
fingerprint pins the certificate of each of them. Its invitation is a secret, so no error message quotes it.
"""

import re
from dataclasses import field

from pylingo.shared.address import DEFAULT_PORT, Address, parse_address, parse_addresses, show_address
from pylingo.shared.errors import RequestError
from pylingo.shared.names import room_name
from pylingo.shared.value_class import value_class

SCHEME = "pylingo:"
FORM = "pylingo://HOST[:PORT][,...][/ROOM][?invite=CODE][#SHA256:FINGERPRINT]"
LONGEST_CODE = 128
"""Characters of an invitation; those of this server have fewer."""
_CODE = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_CODE}}}", re.ASCII)
_HOST = re.compile(r"[\w.-]+|[0-9A-Fa-f:.]+(%[\w.-]+)?")
_INVITE = "invite="


@value_class
class Link:
    """The parts of a link, or of plain addresses. `is_link` says which of the two was read.

    `host` and `port` are those of the first server, and `others` are the addresses of further ones. `fingerprint` is
    the pin, in the form `SHA256:…`.
    """

    host: str
    port: int
    room: str | None = None
    invite: str | None = field(default=None, repr=False)
    fingerprint: str | None = None
    is_link: bool = True
    others: tuple[Address, ...] = ()

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses of all servers."""
        return (self.host, self.port), *self.others


def is_link(text: str) -> bool:
    """Whether `text` is meant to be a link, right or wrong. `pylingo:5000` is a host and a port."""
    rest = text[len(SCHEME) :]
    return text[: len(SCHEME)].lower() == SCHEME and bool(rest) and not rest.isdigit()


def parse_server(text: str) -> Link:
    """Read a link, or HOST[:PORT][,...]. Raises `ValueError` with a sentence."""
    return parse_link(text) if is_link(text) else parse_plain(text)


def parse_plain(text: str, default_port: int = DEFAULT_PORT) -> Link:
    """Read HOST[:PORT][,...]; spaces may follow the commas. Raises `ValueError` with a sentence."""
    first, *others = parse_addresses(text, lambda part: parse_address(part.strip(), default_port))
    return Link(*first, is_link=False, others=tuple(others))


def parse_link(text: str) -> Link:
    """Read a link. Raises `ValueError` with a sentence, in which no invitation occurs.

    Every part is checked: a link that lost its end on the way must not lose its pin unnoticed.
    """
    from pylingo.shared.identity import parse_fingerprint

    if not is_link(text) or not text[len(SCHEME) :].startswith("//"):
        raise ValueError(f"a link must be {FORM}")
    rest, has_pin, pin = text[len(SCHEME) + 2 :].partition("#")
    rest, has_query, query = rest.partition("?")
    authority, _, room = rest.partition("/")
    first, *others = parse_addresses(authority, _host)
    return Link(
        *first,
        _room(room) if room else None,
        _invite(query) if has_query else None,
        parse_fingerprint(pin) if has_pin else None,
        others=tuple(others),
    )


def show_link(link: Link) -> str:
    """Return the text of a link, as `parse_link` reads it. It contains the invitation."""
    from urllib.parse import quote

    room = "/" + quote(link.room, safe="") if link.room else ""
    invite = f"?{_INVITE}{link.invite}" if link.invite else ""
    pin = f"#{link.fingerprint}" if link.fingerprint else ""
    return f"{SCHEME}//{show_servers(link)}{room}{invite}{pin}"


def show_servers(link: Link) -> str:
    """Return HOST:PORT[,...] as `parse_plain` reads it."""
    return ",".join(show_address(*address) for address in link.addresses)


def _host(authority: str) -> Address:
    if not authority or authority.startswith((":", "[]")) or "=" in authority:  # the error below quotes it
        raise ValueError(f"a link must name a host: {FORM}")
    host, port = parse_address(authority)
    if not _HOST.fullmatch(host):
        raise ValueError("the host of a link must be a name or an address, without a user, spaces or %")
    return host, port


def _room(text: str) -> str:
    from urllib.parse import unquote

    try:
        return room_name(unquote(text, errors="strict"))
    except UnicodeDecodeError:
        raise ValueError("the room of a link must be UTF-8, with % where that is needed") from None
    except RequestError as error:
        raise ValueError(f"the room of the link: {error.text}") from None


def _invite(query: str) -> str:
    code = query.removeprefix(_INVITE)
    if not query.startswith(_INVITE) or not _CODE.fullmatch(code):
        raise ValueError(
            f"after the ? of a link stands invite=CODE alone; a code has 1 to {LONGEST_CODE} letters, digits, - or _"
        )
    return code
