"""A goodbye in the bytes that came instead of a handshake. `test_connection` has the same with sockets."""

import pytest

from pylingo.client.plain_refusal import refusal_in
from pylingo.reactor.engine.handshake import NotTlsError
from pylingo.shared.codec import encode
from pylingo.shared.framing import HEADER_SIZE
from pylingo.shared.messages import Goodbye, Notice

FULL = Goodbye("full", "no place")


def test_a_refusal_is_found() -> None:
    assert refusal_in(NotTlsError(encode(FULL))) == FULL


def test_a_refusal_without_its_first_bytes_is_found() -> None:
    """OpenSSL has taken the length and the first byte of the map."""
    assert refusal_in(NotTlsError(encode(FULL)[HEADER_SIZE + 1 :], HEADER_SIZE + 1)) == FULL


@pytest.mark.parametrize(
    "received",
    [
        b"",
        encode(Notice("trust me")),
        encode(Goodbye("banned", "visit evil.example")),
        encode(FULL) + encode(Notice("trust me")),
        encode(FULL)[:-1],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0\0\0\0",
    ],
)
def test_nothing_else_is_believed(received: bytes) -> None:
    assert refusal_in(NotTlsError(received)) is None
    assert refusal_in(NotTlsError(received, HEADER_SIZE + 1)) is None


def test_other_errors_have_no_refusal() -> None:
    assert refusal_in(ConnectionResetError()) is None
