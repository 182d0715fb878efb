"""The addresses in a text: web links, other URLs and mail addresses. Pure.

A link ends as it does at GitHub: at white space, at `<`, before punctuation that ends a sentence, and before a closing
bracket that it did not open. Letters of any script belong to a link. Chinese and Japanese punctuation ends it, because
no space follows there.
"""

import re
from collections.abc import Iterator

# An address may follow Chinese or Japanese without a space, but does not begin inside an ASCII word. The bound keeps
# the search linear; no scheme is longer.
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
    """The start and end of each web address in `text`, in order."""
    return [(begin, end) for begin, end in _urls(text) if text[begin : begin + 8].lower().startswith(_WEB)]


def without_addresses(text: str) -> str:
    """`text` with a blank instead of each URL and mail address."""
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
    """The length of the address at the start of `address`, without trailing punctuation that is not part of it."""
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
