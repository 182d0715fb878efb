"""The face of a connection: what is spoken on it. One is native, the frames of the protocol.

A connection takes care of sockets, pace and deadlines, whatever is spoken. Its face cuts the bytes into requests,
handles them, and says the few things that a connection says itself.
"""

from collections.abc import Iterator
from typing import Any, Protocol, Self

from pylingo.reactor.chat.dialect import Voice
from pylingo.reactor.chat.requests import handle
from pylingo.reactor.chat.session import Session
from pylingo.reactor.chat.speaking import place_for_many, say_many
from pylingo.reactor.engine.send_queue import Buffer
from pylingo.reactor.plain_says import LONGEST, decode_request, take_texts
from pylingo.shared.codec import encode
from pylingo.shared.framing import FrameDecoder, frame_end
from pylingo.shared.messages import Ping

_ONE = LONGEST + 21  # bytes of the largest frame that `take_texts` takes: it does not pay for one message


class Decoder(Protocol):
    """Cuts the bytes that come into requests. Iterating raises `FrameError` if they make no sense."""

    @property
    def pending(self) -> int:
        """The bytes held back."""

    def feed(self, data: bytes) -> Self: ...
    def put_back(self, body: bytes) -> None:
        """Return `body`, which the last step returned, again in the next step."""

    def __iter__(self) -> Iterator[bytes]: ...


class Face(Protocol):
    """See the module."""

    is_light: bool
    """Whether the request handled last does not count for the rate of the connection."""

    @property
    def ping(self) -> bytes:
        """Makes the peer send something."""

    @property
    def voice(self) -> Voice | None:
        """The voice of a session that speaks another dialect than frames."""

    def unit_end(self, stream: Buffer, offset: int) -> int:
        """See `Transport.discard_unsent`."""

    def decoder(self) -> Decoder:
        """A decoder for a new connection."""

    def begin(self, session: Session) -> None:
        """The connection carries `session`, which is new."""

    def decode(self, body: bytes, /) -> Any:
        """The request that `handle` gets. Raises `RequestError` and `FrameError` as `handle` does."""

    def handle(self, session: Session, request: Any, /) -> None:
        """Handle a request. Raises `RequestError` if it is refused, and `FrameError` if it makes no sense."""

    def handle_many(self, session: Session, decoder: Any, /) -> bool:
        """Handle the requests that come first in `decoder`, one of this face, if they can be handled together.

        Return whether there were any.
        """

    def went_on(self) -> None:
        """The session is no longer busy."""

    def closed(self) -> None:
        """The connection is over."""


class Native:
    """The face of the protocol. All native connections share one.

    `decode` and `handle` are what they stand for, and no methods around them: each request would cost two calls more.
    """

    ping = encode(Ping())
    voice: Voice | None = None
    is_light = False

    def __init__(self) -> None:
        self.decode = decode_request
        self.handle = handle

    def unit_end(self, stream: Buffer, offset: int) -> int:
        """The end of the frame that holds the byte before `offset`."""
        return frame_end(stream, offset)

    def decoder(self) -> FrameDecoder:
        """A decoder for a new connection."""
        return FrameDecoder()

    def begin(self, session: Session) -> None:
        """The session speaks for itself."""

    def handle_many(self, session: Session, decoder: FrameDecoder) -> bool:
        """Handle the plain messages that come first."""
        room = place_for_many(session) if decoder.pending > _ONE else None
        if room is None:
            return False
        texts, end = take_texts(decoder.rest)
        if not texts:
            return False
        decoder.skip(end)
        say_many(session, room, texts)
        return True

    def went_on(self) -> None:
        """There is nothing to do."""

    def closed(self) -> None:
        """There is nothing to do."""


NATIVE: Face = Native()
"""The face of native connections."""
