"""Lines in the format of OpenSSH's `authorized_keys`: `[OPTION,OPTION="value"] KIND BASE64 [COMMENT]`.

OpenSSH's options restrict what a key may do. An option that is unknown here may therefore never be ignored: the reader
of such a line skips the whole line.
"""

from pylingo.reactor.people.keys import KIND, PublicKey
from pylingo.shared.text import quote
from pylingo.shared.value_class import value_class

MAX_LINE = 16_384
"""The longest line that is read, in characters."""

_KINDS = ("ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-", "-----BEGIN")  # the last one for the words about it
_TWO_KEYS = KIND + " "


@value_class
class Line:
    """One line with a key. `options` are in lower case; one without a value has None."""

    options: tuple[tuple[str, str | None], ...]
    key: PublicKey
    comment: str


def parse_line(text: str) -> Line | None:
    """Read one line; None for a blank line and a comment. Raises `ValueError` with a sentence."""
    text = text.strip()
    if not text or text.startswith("#"):
        return None
    if len(text) > MAX_LINE:
        raise ValueError(f"a line must have at most {MAX_LINE} characters, not {len(text)}")
    options: tuple[tuple[str, str | None], ...] = ()
    if not text.startswith(_KINDS):
        options, text = _split_options(text)
    if text.count(_TWO_KEYS) > 1:
        raise ValueError("two keys are in this line: put each on a line of its own")
    key = PublicKey.parse(text)
    _, _, *comment = text.split(maxsplit=2)
    return Line(options, key, "".join(comment).strip())


def _split_options(text: str) -> tuple[tuple[tuple[str, str | None], ...], str]:
    """Return the options at the start of a line, and what follows them.

    A value is in double quotation marks, in which `\\"` stands for one of them, as in OpenSSH.
    """
    options = []
    at = 0
    while True:
        start = at
        while at < len(text) and (text[at].isalnum() or text[at] in "-_@."):
            at += 1
        name, value = text[start:at].lower(), None
        if not name:
            word = "".join(text[start:].split(maxsplit=1)[:1])
            raise ValueError(f"this is neither a key nor an option: {quote(word)}")
        if text.startswith('="', at):
            value, at = _quoted(text, at + 2, name)
        options.append((name, value))
        if not text.startswith(",", at):
            break
        at += 1
    rest = text[at:]
    if rest and not rest[0].isspace():
        raise ValueError(f'the option {quote(name)} must be followed by a comma, a space or ="value"')
    if not rest.strip():
        raise ValueError(f"a line must have a key, '{KIND} AAAA…', and this one has {quote(text)} alone")
    return tuple(options), rest.strip()


def _quoted(text: str, at: int, name: str) -> tuple[str, int]:
    """Return the value that begins at `at`, and where the text goes on after its closing quotation mark."""
    value = ""
    while at < len(text) and text[at] != '"':
        if text.startswith('\\"', at):
            at += 1
        value += text[at]
        at += 1
    if at == len(text):
        raise ValueError(f"the value of the option {quote(name)} has no closing quotation mark")
    return value, at + 1
