"""The errors of trust."""

from pylingo.client.reconnect import FinalError
from pylingo.client.trust_errors import TrustError, UnknownCertificateError


def test_an_unknown_certificate_says_what_to_do() -> None:
    error = UnknownCertificateError("h:1", "SHA256:abc", "self-signed")
    assert isinstance(error, TrustError)
    assert isinstance(error, FinalError)
    assert (error.where, error.fingerprint, error.why) == ("h:1", "SHA256:abc", "self-signed")
    assert str(error).startswith("the certificate of h:1 is not known (self-signed): its fingerprint is SHA256:abc")
    assert "--accept-new" in str(error)
