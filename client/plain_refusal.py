"""The goodbye of a server that refuses a connection before the TLS handshake, in the bytes that came without TLS."""

from pylingo.reactor.engine.handshake import NotTlsError
from pylingo.shared.codec import encode, event_codec
from pylingo.shared.errors import FrameError, RequestError
from pylingo.shared.framing import HEADER_SIZE, FrameDecoder
from pylingo.shared.messages import Goodbye

_GOODBYE_MAP = encode(Goodbye("full", ""))[HEADER_SIZE:][:1]
_REASONS = frozenset({"full", "address-limit"})
"""Reasons of a goodbye that are believed without encryption."""


def refusal_in(error: Exception) -> Goodbye | None:
    """The goodbye in the bytes of a `NotTlsError`, if it has one that is believed; None for other errors."""
    if not isinstance(error, NotTlsError):
        return None
    # The length and the first byte of the map are missing; the byte is the same for all of them.
    frames = [_GOODBYE_MAP + error.received] if error.missing else FrameDecoder().feed(error.received)
    try:
        records = list(map(event_codec.decode, frames))
    except (FrameError, RequestError):
        return None
    match records:
        case [Goodbye(reason=reason) as goodbye] if reason in _REASONS:
            return goodbye
    return None
