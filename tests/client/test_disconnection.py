"""The sentence that says why there is no connection."""

import socket
import ssl

import pytest

from pylingo.client.disconnection import why_no_connection
from pylingo.client.reconnect import FinalError
from pylingo.reactor.engine.handshake import NotTlsError
from pylingo.shared.messages import Goodbye


@pytest.mark.parametrize(
    ("error", "goodbye", "sentence"),
    [
        (None, None, "the connection to h:1 broke: the server went away"),
        (ConnectionResetError(104, "reset by peer"), None, "the connection to h:1 broke: the server went away"),
        (BrokenPipeError(32, "Broken pipe"), None, "the connection to h:1 broke: the server went away"),
        (ConnectionRefusedError(111, "refused"), None, "connection refused: no server listens on h:1"),
        (socket.gaierror(-2, "Name or service not known"), None, "unknown host in h:1: Name or service not known"),
        (
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure"),
            None,
            "the host in h:1 cannot be looked up at present: Temporary failure",
        ),
        (OSError(113, "No route to host"), None, "no connection to h:1: No route to host"),
        (FinalError("the name\x1b is owned"), None, "the name\ufffd is owned"),
        (TimeoutError("nothing came"), None, "no connection to h:1: nothing came"),
        (
            None,
            Goodbye("tls", "no"),
            "h:1 is encrypted: connect with the link that the server printed, or to pylingo://h:1",
        ),
        (ConnectionResetError(104, "reset"), Goodbye("full", "no\x1broom"), "h:1 ended the connection: no\ufffdroom"),
    ],
    ids=[
        "end",
        "reset",
        "broken pipe",
        "refused",
        "unknown host",
        "no name server",
        "no route",
        "final",
        "silence",
        "encrypted",
        "goodbye",
    ],
)
def test_why_there_is_no_connection(error: Exception | None, goodbye: Goodbye | None, sentence: str):
    assert why_no_connection(error, goodbye, "h:1") == sentence


def bad_certificate(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED]")
    error.verify_code, error.verify_message = code, message
    error.reason = "CERTIFICATE_VERIFY_FAILED"
    return error


def failed_handshake(reason: str | None) -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL] no words (_ssl.c:1)")
    if reason is not None:
        error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NotTlsError(b"\0"), "h:1 does not speak TLS: connect to it without encryption, or to another port"),
        (bad_certificate(10, "certificate has expired"), "the certificate of h:1 has expired"),
        (bad_certificate(9, ""), "the certificate of h:1 is not valid yet: is the clock of this machine right?"),
        (bad_certificate(18, ""), "the certificate of h:1 is its own issuer, and nobody else vouches for it"),
        (bad_certificate(20, ""), "the certificate of h:1 is from an issuer that this machine does not know"),
        (bad_certificate(62, "Hostname mismatch, ..."), "the certificate of h:1 is for another host"),
        (bad_certificate(66, "EE certificate key too weak"),
         "the certificate of h:1 was refused: ee certificate key too weak"),
        (failed_handshake("TLSV1_ALERT_PROTOCOL_VERSION"),
         "no encrypted connection to h:1: tlsv1 alert protocol version"),
        (failed_handshake(None), "no encrypted connection to h:1: [SSL] no words (_ssl.c:1)"),
        (TimeoutError(110, "the TLS handshake was not finished in time"),
         "no connection to h:1: the TLS handshake was not finished in time"),
    ],
)  # fmt: skip
def test_why_there_is_no_encrypted_connection(error: Exception, sentence: str):
    assert why_no_connection(error, None, "h:1") == sentence
