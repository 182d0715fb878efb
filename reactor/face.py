"""The face of a connection: what is spoken on it. One is native, the frames of the protocol.

A connection takes care of sockets, pace and deadlines, whatever is spoken. Its face cuts the bytes into requests,
handles them, and says the few things that a connection says itself.
"""

from collections.abc import Iterator
from typing import Any, Protocol, Self

from pylingo.reactor.chat.dialect import Voice
from pylingo.reactor.chat.requests import handle
from pylingo.reactor.chat.session import Session
from pylingo.reactor.engine.send_queue import Buffer
from pylingo.shared.codec import encode, request_codec
from pylingo.shared.framing import FrameDecoder, frame_end
from pylingo.shared.messages import Ping


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
        self.decode = request_codec.decode
        self.handle = handle

    def unit_end(self, stream: Buffer, offset: int) -> int:
        """The end of the frame that holds the byte before `offset`."""
        return frame_end(stream, offset)

    def decoder(self) -> FrameDecoder:
        """A decoder for a new connection."""
        return FrameDecoder()

    def begin(self, session: Session) -> None:
        """The session speaks for itself."""

    def went_on(self) -> None:
        """There is nothing to do."""

    def closed(self) -> None:
        """There is nothing to do."""


NATIVE: Face = Native()
"""The face of native connections."""
