"""A visit to a server: one that is well, ones that refuse, and whatever else may listen on a port."""

import contextlib
import socket
import threading

import pytest

from pylingo.reactor.probe import ProbeError, Target, probe
from pylingo.reactor.proxy_protocol import LOCAL_HEADER
from pylingo.shared.codec import encode
from pylingo.shared.messages import Goodbye, Limits, Notice, Ping, Pong, Welcome
from tests.fakes.tls_server import TlsServer
from tests.support import DEADLINE

WELCOME = encode(Welcome(1, "PyLingo/9.9", "guest-1", Limits(32_768, 4_096, 32, 64)))
HIDDEN = (2**20).to_bytes(4)
UNKNOWN = b"\0\0\0\x0c\x81\xa4type\xa5later"


class Scripted:
    """Says these bytes to one peer, reads what that says, and then closes, or waits for the peer to do so."""

    def __init__(self, said: bytes, closes: bool = False) -> None:
        self.heard = b""
        self._said, self._closes = said, closes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            with sock:
                sock.settimeout(DEADLINE)
                sock.sendall(self._said)
                while not self._closes and (data := sock.recv(65_536)):
                    self.heard += data

    def __enter__(self) -> "Scripted":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(DEADLINE)


def answer(said: bytes, timeout: float = DEADLINE, closes: bool = False, **options: object) -> str:
    """What a visit to a scripted server finds."""
    with Scripted(said, closes) as server:
        return probe(Target(host="127.0.0.1", port=server.port, **options), timeout)


def trouble(said: bytes, timeout: float = DEADLINE, closes: bool = False, **options: object) -> str:
    """What is wrong with a scripted server."""
    with pytest.raises(ProbeError) as failure:
        answer(said, timeout, closes, **options)
    return str(failure.value)


def test_a_server_that_greets_and_answers_a_ping_is_well():
    said = [Notice("Be kind."), Ping(), Pong(), Pong(7), Pong(1)]
    assert answer(WELCOME + UNKNOWN + b"".join(map(encode, said))) == "PyLingo/9.9"


@pytest.mark.parametrize("reason", ["full", "address-limit"])
@pytest.mark.parametrize("is_encrypted", [False, True])
def test_a_server_without_a_place_is_well_with_tls_or_without(reason, is_encrypted):
    assert answer(encode(Goodbye(reason, "no place")), is_encrypted=is_encrypted) == f"no place ({reason})"


@pytest.mark.parametrize("reason", ["shutdown", "tls", "protocol"])
def test_another_goodbye_is_not_what_a_server_that_is_well_says(reason):
    assert trouble(encode(Goodbye(reason, "go away"))) == f"it says goodbye: go away ({reason})"


@pytest.mark.parametrize("said", [b"", b"\0\0", WELCOME, encode(Pong(1)), WELCOME + encode(Pong(2))])
def test_a_server_that_says_nothing_more_is_too_slow(said):
    assert trouble(said, 0.2).startswith("it does not answer within 0.2 s")


_TLS = ", or its port is encrypted (give --data, --config or a link)"
_HEADER = ", or it expects a PROXY header (give --proxy-header)"


@pytest.mark.parametrize(
    ("is_encrypted", "sends_header", "hint"),
    [(False, False, _TLS + _HEADER), (False, True, _TLS), (True, False, _HEADER), (True, True, "")],
)
def test_what_else_silence_may_mean_is_told(is_encrypted, sends_header, hint):
    told = trouble(b"", 0.2, is_encrypted=is_encrypted, sends_header=sends_header)
    assert told == f"it does not answer within 0.2 s{hint}"


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_a_server_that_closes_is_not_well(is_encrypted):
    assert trouble(b"", closes=True, is_encrypted=is_encrypted) == "it has closed the connection"


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", HIDDEN, b"\0\0\0\1\xc0"])
@pytest.mark.parametrize("is_encrypted", [False, True])
def test_another_program_on_the_port_is_not_ours(said, is_encrypted):
    assert trouble(said, is_encrypted=is_encrypted).startswith("something else than PyLingo answers")


def test_a_handshake_that_breaks_is_not_well():
    assert "handshake failure" in trouble(b"\x15\x03\x03\0\x02\x02\x28", is_encrypted=True)


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with pytest.raises(ProbeError, match="the connection was refused"):
        probe(Target(host="127.0.0.1", port=port), DEADLINE)
    with pytest.raises(ProbeError):
        probe(Target(host="no.such.host.invalid", port=port), DEADLINE)


def test_a_proxy_header_goes_first():
    with Scripted(WELCOME + encode(Pong(1))) as server:
        probe(Target(host="127.0.0.1", port=server.port, sends_header=True), DEADLINE)
    assert server.heard.startswith(LOCAL_HEADER + b"\0\0\0")


def test_the_certificate_must_be_the_expected_one_or_vouched_for(tmp_path):
    with TlsServer(tmp_path) as server:
        target = Target(host="127.0.0.1", port=server.port, is_encrypted=True, pin=server.fingerprint)
        assert probe(target, DEADLINE) == "PyLingo/1.1.0"
        server.renew()
        with pytest.raises(ProbeError, match="it has another certificate than it should have"):
            probe(target, DEADLINE)
        with pytest.raises(ProbeError, match="its certificate is not trusted: self-signed certificate"):
            probe(Target(host="127.0.0.1", port=server.port, is_encrypted=True), DEADLINE)
