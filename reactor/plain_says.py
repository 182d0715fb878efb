"""Plain messages: the most frequent request, read with comparisons instead of a decoder.

A `say` that has a text and nothing else begins with bytes that depend on the size of the text alone, and the text is
the rest. Everything else goes to the codec, which knows the whole protocol: other requests, long texts, and the same
map as another encoder may write it.
"""

import itertools

from pylingo.shared.codec import encode, request_codec
from pylingo.shared.framing import HEADER_SIZE
from pylingo.shared.messages import Say
from pylingo.shared.schema import Record
from pylingo.shared.value_class import constructor

LONGEST = 238
"""The longest text that is read here, in bytes. The size of the body fits the last byte of the header then."""

_ZEROS = bytes(HEADER_SIZE - 1)  # the first bytes of a small frame; no other byte of a plain message is zero
# The bytes between these and the text, by the size of all bytes behind these. Two sizes are those of no plain message.
_HEADS = {
    len(frame) - len(_ZEROS): frame[len(_ZEROS) : -size]
    for size in range(1, LONGEST + 1)
    for frame in [encode(Say("x" * size))]
}
_BODY_HEADS = {size - 1: head[1:] for size, head in _HEADS.items()}
# Replaces all bytes but those of printable ASCII.
_PRINTABLE = bytes(code if 32 <= code < 127 else 0 for code in range(256))


_say = constructor(Say)


def decode_request(body: bytes) -> Record:
    """Return the request in `body` as `request_codec.decode` does, in a third of the time for a plain message."""
    text = body.removeprefix(_BODY_HEADS.get(len(body), b""))
    if len(text) != len(body):
        try:
            return _say(text.decode())
        except UnicodeDecodeError:
            pass  # the codec says what is wrong
    return request_codec.decode(body)


def take_texts(stream: bytes) -> tuple[list[bytes], int]:
    """Return the texts of the plain messages with which `stream` begins, in UTF-8, and where the last of them ends.

    They end before a text that `message_text` would change or refuse, or earlier.
    """
    texts: list[bytes] = []
    before, *parts = stream.split(_ZEROS)
    for part in parts if not before else ():
        text = part.removeprefix(_HEADS.get(len(part), b""))
        if len(text) == len(part) or text.isspace():
            break
        texts.append(text)
    words = b"".join(texts)
    if words.translate(_PRINTABLE) != words:
        texts = list(itertools.takewhile(_is_printable, texts))
    return texts, len(texts) * len(_ZEROS) + sum(map(len, parts[: len(texts)]))


def _is_printable(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return text.isprintable() and not text.isspace()
