"""Connections without TLS."""

import ssl

from pylingo.client.security import Security, Unencrypted


def test_without_tls_nothing_is_encrypted_and_nothing_is_checked() -> None:
    security: Security = Unencrypted()
    assert not security.is_encrypted
    assert security.trust is None
    assert security.begin() is None
    assert not security.may_invite
    assert not security.tries_again(ssl.SSLCertVerificationError())
    security.check(None)
