"""One connection of a scraper: HTTP/1.1, one request after the other.

A request is read, answered when there is time for it, and its answer taken by the socket, before the next one is looked
at. Meanwhile the peer is not read. So a connection holds one request and one answer at most, however many were sent.
"""

import contextlib
import enum
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol

import h11

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.engine.transport import Transport

logger = logging.getLogger(__name__)

MOST_HEAD = 8_192
"""Bytes of a request."""
REQUEST_TIME = 5.0
"""Seconds for a request from its first byte, or from the connect, and for taking the answer."""
PIECE = 4_096
"""Bytes of an answer that are sent at a time: a busy loop sends what is longer after everything else."""
IDLE_TIME = 120.0
"""Seconds between two requests."""
TEXT = "text/plain; charset=utf-8"
"""The content type of a sentence."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `path` is without its query; `headers` are by their names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. A body of text ends with a newline."""

    status: int
    body: bytes
    content_type: str = TEXT
    more: tuple[tuple[str, str], ...] = ()
    """Further headers."""


type Respond = Callable[[Callable[[], Response]], None]
"""Sends what the function returns. It is called at once, and its time is charged."""
type Answer = Callable[[Request, Respond], None]
"""Answers a request by calling `Respond`, once, now or later."""


class Host(Protocol):
    """The port that a scraper has connected to."""

    def delay(self) -> float:
        """The seconds until there is time for an answer."""

    def charge(self, seconds: float) -> None:
        """An answer took so many seconds."""

    def answered(self, scraper: "Scraper") -> None:
        """A scraper has been answered."""

    def gone(self, scraper: "Scraper") -> None:
        """The connection of a scraper is closed."""


class Phase(enum.Enum):
    """The state of the connection of a scraper."""

    READING = enum.auto()
    ANSWERING = enum.auto()
    """A request waits for its answer."""
    SENDING = enum.auto()
    CLOSED = enum.auto()


class Scraper:
    """See the module. It is the receiver of `transport`."""

    def __init__(self, reactor: Reactor, transport: Transport, host: Host, answer: Answer) -> None:
        self._reactor = reactor
        self._transport = transport
        self._host = host
        self._answer = answer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD)
        self._phase = Phase.READING
        self._request: Request | None = None
        self._unsent = b""  # of the answer
        self._is_last = False  # whether the connection ends with the answer
        self._is_head = False  # whether the answer to the present request has no body, even if it is a refusal
        self._is_charged = False  # whether the present work is
        self._timer: Timer | None = None
        self._is_idle = False
        self._expect(REQUEST_TIME)

    # --- from the transport

    def data_received(self, data: bytes) -> None:
        """Look at what has come."""
        if self._is_idle:
            self._is_idle = False
            self._expect(REQUEST_TIME)
        self._feed(data)

    def eof_received(self) -> None:
        """The peer will send no more. It still gets the answer to a whole request."""
        self._feed(b"")

    def drained(self) -> None:
        """Send more of the answer. If all of it is out, look at the next request."""
        if self._phase is Phase.SENDING and self._unsent:
            self._send_piece()
        elif self._phase is Phase.SENDING:
            self._phase = Phase.READING
            self._is_idle = not self._http.trailing_data[0]
            self._expect(IDLE_TIME if self._is_idle else REQUEST_TIME)
            self._transport.resume_reading()
            self._reactor.call_soon(self._next_request, owner=self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is closed."""
        self._phase = Phase.CLOSED
        if self._timer is not None:
            self._timer.cancel()
        self._host.gone(self)

    # --- from the port

    @property
    def is_waiting(self) -> bool:
        """Whether a request waits for its answer."""
        return self._phase is Phase.ANSWERING

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    # --- requests

    def _feed(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._next_request()

    def _next_request(self) -> None:
        """Take the next request, if it is whole."""
        if self._phase is not Phase.READING:
            return
        try:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._is_head = event.method == b"HEAD"
                has_body = not isinstance(self._http.next_event(), h11.EndOfMessage)
                self._begin(event, has_body)
            elif isinstance(event, h11.ConnectionClosed):
                self._close()
        except h11.RemoteProtocolError as error:
            self._host.charge(0.0)
            self._refuse(error.error_status_hint, f"this is no request: {error}")

    def _begin(self, event: h11.Request, has_body: bool) -> None:
        self._phase = Phase.ANSWERING
        self._transport.pause_reading()
        if has_body:
            self._host.charge(0.0)
            self._refuse(413, "a request must have no body")
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        path = _path_of(event.target.decode("latin-1"))
        self._request = Request(event.method.decode("latin-1"), path, headers)
        self._answer_in_time()

    def _answer_in_time(self) -> None:
        """Have the request answered as soon as there is time for it."""
        if self._phase is not Phase.ANSWERING or self._request is None:
            return  # the connection has ended meanwhile
        if delay := self._host.delay():
            self._expect(delay + REQUEST_TIME)
            self._reactor.call_later(delay, self._answer_in_time, owner=self._transport)
            return
        self._expect(REQUEST_TIME)
        with self._charged():
            self._answer(self._request, self._respond)

    def _respond(self, make: Callable[[], Response]) -> None:
        if self._phase is Phase.ANSWERING:
            self._host.answered(self)
            with self._charged():
                self._send(make(), [])

    @contextlib.contextmanager
    def _charged(self) -> Iterator[None]:
        """Charge the time of what is done inside, once if that is nested."""
        is_outer, self._is_charged = not self._is_charged, True
        begin = self._reactor.clock()
        try:
            yield
        finally:
            if is_outer:
                self._is_charged = False
                self._host.charge(self._reactor.clock() - begin)

    def _refuse(self, status: int, sentence: str) -> None:
        """Answer a malformed request, and close."""
        logger.debug("a scraper gets %d: %s", status, sentence)
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._send(Response(status, f"{sentence}\n".encode()), [("Connection", "close")])
        else:
            self._close()

    def _send(self, response: Response, more: list[tuple[str, str]]) -> None:
        headers = [
            ("Date", formatdate(usegmt=True)),
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            ("Cache-Control", "no-store"),
            *response.more,
            *more,
        ]
        data = (
            self._http.send(
                h11.Response(status_code=response.status, reason=HTTPStatus(response.status).phrase, headers=headers)
            )
            or b""
        )
        if not self._is_head:
            data += self._http.send(h11.Data(data=response.body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        self._request = None
        self._is_head = False
        self._phase = Phase.SENDING
        self._expect(REQUEST_TIME)
        self._unsent = data
        self._is_last = self._http.our_state is h11.MUST_CLOSE or self._http.their_state is not h11.DONE
        if not self._is_last:
            self._http.start_next_cycle()
        self._send_piece()

    def _send_piece(self) -> None:
        piece, self._unsent = self._unsent[:PIECE], self._unsent[PIECE:]
        self._transport.write(piece)
        if self._is_last and not self._unsent:
            self._close()
        else:
            self._transport.tell_drained = True

    def _close(self) -> None:
        """Close the connection once everything that was written is out."""
        self._phase = Phase.CLOSED
        self._transport.close()

    # --- deadlines

    def _expect(self, seconds: float) -> None:
        """Cut the connection unless it goes on within so many seconds."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._reactor.call_later(seconds, self._transport.abort)


def _path_of(target: str) -> str:
    """The path of a request's target, which may be a whole address."""
    if target.startswith(("http://", "https://")):
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target.partition("?")[0]
