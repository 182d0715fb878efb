"""The file of bans, which the administrator writes: keys and networks that may not come in, one in a line.

    # the first word is who, the rest why
    192.0.2.0/24 spam
    SHA256:x9fLwfW3X3tCj5Zz0bDjmRbrk2vgsAgOxpBTaA3aGbE

Operators see these bans beside their own, and cannot end them. A line that cannot be read is an error of the whole
file: without it, somebody who is banned could come in.
"""

from pylingo.reactor.people.addresses import as_network, show_network
from pylingo.reactor.people.files import check_writers, read_regular
from pylingo.reactor.people.keys import is_fingerprint
from pylingo.reactor.people.sanctions import Sanction
from pylingo.shared.errors import RequestError
from pylingo.shared.text import line_text, quote

MAX_FILE = 2**20
"""The largest file, in bytes: some 20,000 bans."""
BY = "the administrator"
"""The one who has made these bans, as `/bans` tells it."""
_WHAT = "the file of bans"


def read_bans(path: str) -> tuple[Sanction, ...]:
    """Read a file of bans. Raises `ValueError` with one sentence if it cannot be used."""
    try:
        data, status = read_regular(path, _WHAT, MAX_FILE)
        check_writers(path, _WHAT, status)
    except OSError as error:
        raise ValueError(f"cannot read {_WHAT} {path}: {error.strerror}") from None
    try:
        return parse_bans(data.decode())
    except ValueError as error:
        why = "it must be UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise ValueError(f"{_WHAT} {path} cannot be used: {why}") from None


def parse_bans(text: str) -> tuple[Sanction, ...]:
    """Read the text of a file of bans. Raises `ValueError` with a sentence that names the line."""
    found = {}
    for number, line in enumerate(text.split("\n"), start=1):
        who, *why = line.split() or ["#"]
        if who.startswith("#"):
            continue
        try:
            ban = _ban(who, why)
        except RequestError as error:
            raise ValueError(f"line {number}: {error.text}") from None
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        found[ban.row] = ban
    return tuple(found.values())


def _ban(who: str, why: list[str]) -> Sanction:
    reason = line_text(" ".join(why), "a reason") or None
    if is_fingerprint(who):
        return Sanction(who, (who,), None, BY, reason, None)
    network = as_network(who)
    if network is None:
        raise ValueError(f"{quote(who)} is no fingerprint of a key (SHA256:…), address or network (10.0.0.0/8)")
    return Sanction(None, (), show_network(network), BY, reason, None)
