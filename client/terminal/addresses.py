"""Where the addresses are in a text: links of the web, other URLs, and mail. Pure.

What ends a link is what ends one at GitHub: white space, `<`, signs of a sentence behind it, and a closing bracket that
was not opened in it. Letters of any script belong to a link; the signs of Chinese and Japanese sentences end it, as
these have no space behind them.
"""

import re
from collections.abc import Iterator

# An address does not begin within a word of ASCII; behind Chinese or Japanese, without a space, it does. The bound
# keeps the search linear, and no scheme is longer.
_URL = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+.-]{0,30}://|www\.)"
    r"[^\s<>\"、。，．！？：；（）［］｛｝「」『』【】〈〉《》〔〕“”„«»\ufffd]+",
    re.IGNORECASE,
)
_MAIL = re.compile(r"(?<![A-Za-z0-9._+-])[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_WEB = ("http://", "https://")
_TRAILING = frozenset("?!.,:;*_~'\"…‘’·।॥،؛؟")
_PAIRS = {")": "(", "]": "[", "}": "{"}


def links(text: str) -> list[tuple[int, int]]:
    """Where the addresses of the web begin and end in `text`, in their order."""
    return [(begin, end) for begin, end in _urls(text) if text[begin : begin + 8].lower().startswith(_WEB)]


def without_addresses(text: str) -> str:
    """`text` with a blank in the place of each URL and each address of mail."""
    if "://" not in text and "@" not in text and "www." not in text.lower():
        return text
    kept: list[str] = []
    done = 0
    for begin, end in _urls(text):
        kept += [text[done:begin], " "]
        done = end
    return _MAIL.sub(" ", "".join(kept) + text[done:])


def _urls(text: str) -> Iterator[tuple[int, int]]:
    for found in _URL.finditer(text):
        begin, end = found.start(), _end(found.group()) + found.start()
        if text[begin:end].rpartition("://")[2].strip("/"):
            yield begin, end


def _end(address: str) -> int:
    """Where the address ends that `address` begins with: without the signs behind it that are not its own."""
    surplus = {close: address.count(close) - address.count(opening) for close, opening in _PAIRS.items()}
    end = len(address)
    while end:
        last = address[end - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return end
