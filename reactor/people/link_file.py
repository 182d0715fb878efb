"""The file with the link to the server, in the data folder.

The server writes it at each start and after each reload, and the command line makes invitations from it.
"""

from pylingo.reactor.people.files import check_unchangeable, read_regular, replace_file
from pylingo.shared.link import Link, parse_link, show_link

_WHAT = "the link"
_MOST = 4_096  # bytes


def read_link(path: str) -> Link | None:
    """Return the link in the file, None if there is no file. Raises `ValueError` with one sentence."""
    try:
        data, status = read_regular(path, _WHAT, _MOST)
    except FileNotFoundError:
        return None
    check_unchangeable(path, _WHAT, status)
    text = data.decode(errors="replace")
    try:
        if not text.endswith("\n"):  # a link without its end may still be one
            raise ValueError("it is cut off")
        return parse_link(text.strip())
    except ValueError as error:
        words = "remove it, and start the server, which writes it"
        raise ValueError(f"{_WHAT} {path} is damaged: {error}; {words}") from None


def write_link(path: str, link: Link) -> None:
    """Replace the file. Raises `OSError`."""
    replace_file(path, f"{show_link(link)}\n".encode())
