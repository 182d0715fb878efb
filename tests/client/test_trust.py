"""Which certificates are accepted, and on whose word."""

from pathlib import Path
from typing import Any

import pytest

from pylingo.client import known_hosts
from pylingo.client.trust import Basis, Trust, is_known
from pylingo.client.trust_errors import TrustError, UnknownCertificateError
from pylingo.shared.identity import fingerprint

OLD, NEW = b"the old certificate", b"the new certificate"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def trust(path: Path | None, pin: bytes | None = None, **more: Any) -> Trust:
    return Trust("chat.example", 7, pin=fingerprint(pin) if pin is not None else None, path=path, **more)


def know(path: Path, certificate: bytes) -> None:
    known_hosts.add(path, "chat.example", 7, fingerprint(certificate))


def connect(trust: Trust, certificate: bytes, by_authority: bool = False) -> Basis | None:
    """What the client does for a connection."""
    trust.begin()
    if trust.asks_authorities and not by_authority:
        trust.not_verified("self-signed certificate")
    trust.check(certificate)
    return trust.basis


# --- the link


def test_a_link_pins_the_certificate_and_it_is_remembered(path: Path) -> None:
    assert connect(trust(path, OLD), OLD) is Basis.LINK
    assert [known.fingerprint for known in known_hosts.find(path, "chat.example", 7)] == [fingerprint(OLD)]
    assert connect(trust(path), OLD) is Basis.KNOWN


def test_a_link_accepts_no_other_certificate_whoever_vouches_for_it(path: Path) -> None:
    for by_authority in (True, False):
        with pytest.raises(TrustError, match="another one than the one that the link pins"):
            connect(trust(path, OLD, accept_new=True), NEW, by_authority)
    assert not path.exists()


def test_a_link_does_not_ask_authorities(path: Path) -> None:
    one = trust(path, OLD)
    one.begin()
    assert not one.asks_authorities


def test_a_link_that_contradicts_what_is_known_is_refused_before_the_connection(path: Path) -> None:
    know(path, OLD)
    with pytest.raises(TrustError, match=rf"the link contradicts {path}:1, which knows another certificate of chat"):
        trust(path, NEW).begin()


def test_a_link_can_pin_one_of_several_known_certificates(path: Path) -> None:
    know(path, OLD)
    know(path, NEW)
    assert connect(trust(path, NEW), NEW) is Basis.LINK
    with pytest.raises(TrustError, match="HAS CHANGED"):
        connect(trust(path, NEW), OLD)


# --- known hosts


def test_a_known_certificate_is_accepted_without_authorities(path: Path) -> None:
    know(path, OLD)
    one = trust(path)
    one.begin()
    assert not one.asks_authorities
    one.check(OLD)
    assert one.basis is Basis.KNOWN


@pytest.mark.parametrize("more", [{}, {"accept_new": True}])
def test_a_certificate_that_changed_is_refused_naming_the_line(more: dict[str, Any], path: Path) -> None:
    know(path, OLD)
    before = path.read_bytes()
    for by_authority in (True, False):
        one = trust(path, **more)
        with pytest.raises(TrustError, match=f"HAS CHANGED.*{path}:1.*{fingerprint(NEW)[:12]}.*remove that line") as e:
            connect(one, NEW, by_authority)
        assert not isinstance(e.value, UnknownCertificateError)
        assert one.basis is None
    assert path.read_bytes() == before


def test_a_damaged_file_is_no_way_in(path: Path) -> None:
    path.write_text("chat.example:7 SHA256:trunc")
    path.chmod(0o600)
    for more in ({}, {"accept_new": True}, {"pin": OLD}):
        with pytest.raises(TrustError, match=f"{path}:1 must be"):
            trust(path, **more).begin()  # type: ignore[arg-type]


def test_a_file_that_cannot_be_read_is_no_way_in(path: Path) -> None:
    path.mkdir()
    with pytest.raises(TrustError, match=f"the known hosts in {path} cannot be read: Is a directory"):
        trust(path).begin()


def test_another_port_is_another_server(path: Path) -> None:
    know(path, OLD)
    other = Trust("chat.example", 8, path=path)
    with pytest.raises(UnknownCertificateError):
        connect(other, OLD)


# --- authorities


def test_a_certificate_that_an_authority_vouches_for_is_accepted_and_not_remembered(path: Path) -> None:
    one = trust(path)
    assert connect(one, OLD, by_authority=True) is Basis.AUTHORITY
    assert not path.exists()
    assert connect(one, NEW, by_authority=True) is Basis.AUTHORITY  # renewed


@pytest.mark.parametrize("more", [{}, {"accept_new": True}])
def test_a_certificate_that_an_authority_vouched_for_must_stay_so(more: dict[str, Any], path: Path) -> None:
    one = trust(path, **more)
    connect(one, OLD, by_authority=True)
    with pytest.raises(TrustError, match=r"vouches for the certificate of chat\.example:7 any more") as e:
        connect(one, NEW)
    assert not isinstance(e.value, UnknownCertificateError)


# --- asking


def test_an_unknown_certificate_is_shown(path: Path) -> None:
    one = trust(path)
    with pytest.raises(UnknownCertificateError) as caught:
        connect(one, OLD)
    assert caught.value.fingerprint == fingerprint(OLD)
    assert caught.value.where == "chat.example:7"
    assert caught.value.why == "self-signed certificate"
    assert fingerprint(OLD) in str(caught.value)
    assert one.basis is None
    assert not path.exists()


def test_only_the_certificate_that_was_shown_is_accepted(path: Path) -> None:
    one = trust(path)
    one.accept(fingerprint(OLD))
    with pytest.raises(TrustError, match="HAS CHANGED"):
        connect(one, NEW)
    assert connect(one, OLD) is Basis.KNOWN
    assert connect(trust(path), OLD) is Basis.KNOWN


def test_a_certificate_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "a file").touch(0o600)
    trust(tmp_path / "a file" / "known_hosts", note=said.append).accept(fingerprint(OLD))
    assert len(said) == 1
    assert "is not remembered" in said[0]
    assert "a file/known_hosts: File exists" in said[0]


def test_a_certificate_that_cannot_be_remembered_is_expected_for_this_run() -> None:
    said: list[str] = []
    one = trust(None, note=said.append)
    one.accept(fingerprint(OLD))
    assert said == ["the certificate of chat.example:7 is not remembered: there is no home folder"]
    assert connect(one, OLD) is Basis.KNOWN
    with pytest.raises(TrustError, match="than the one that you accepted"):
        connect(one, NEW)


def test_accept_new_accepts_once_and_remembers(path: Path) -> None:
    assert connect(trust(path, accept_new=True), OLD) is Basis.NEW
    with pytest.raises(TrustError, match="HAS CHANGED"):
        connect(trust(path, accept_new=True), NEW)


def test_accept_new_accepts_nothing_that_it_cannot_remember(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    with pytest.raises(TrustError, match="there is no home folder; so --accept-new does not accept it"):
        connect(trust(None, accept_new=True), OLD)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(known_hosts, "add", full)
    with pytest.raises(TrustError, match="No space left on device; so --accept-new does not accept it"):
        connect(trust(path, accept_new=True), OLD)


def test_a_server_without_a_certificate_is_refused(path: Path) -> None:
    one = trust(path, accept_new=True)
    with pytest.raises(TrustError, match="has no certificate"):
        connect(one, b"")


# --- invitations


def test_an_invitation_goes_only_to_a_server_that_is_pinned_or_vouched_for(path: Path) -> None:
    one = trust(path)
    assert not one.may_invite
    connect(one, OLD, by_authority=True)
    assert one.may_invite
    one.begin()
    assert not one.may_invite  # until the next certificate is checked
    pinned = trust(path, OLD)
    connect(pinned, OLD)
    assert pinned.may_invite
    known = trust(path)
    connect(known, OLD)
    assert not known.may_invite
    new = Trust("other.example", 7, path=path, accept_new=True)
    connect(new, OLD)
    assert not new.may_invite


# --- where TLS is meant


def test_a_server_is_known_by_its_host_and_port(path: Path) -> None:
    assert not is_known(path, "127.0.0.1", 7)
    known_hosts.add(path, "127.0.0.1", 7, fingerprint(OLD))
    assert is_known(path, "127.0.0.1", 7)
    assert not is_known(path, "127.0.0.1", 8)
    path.write_text("garbage")
    with pytest.raises(TrustError, match=":1 must be"):
        is_known(path, "127.0.0.1", 7)
