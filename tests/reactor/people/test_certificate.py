"""The certificate that a server makes for itself."""

import base64
import datetime
import errno
import hashlib
import os
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from pylingo.reactor.people import certificate as module
from pylingo.reactor.people.certificate import certificate_fingerprint, ensure_certificate


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def ensure(paths: tuple[Path, Path]) -> bool:
    return ensure_certificate(*map(str, paths))


def error(paths: tuple[Path, Path]) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the tests compare the whole sentence
        ensure(paths)
    return str(caught.value).replace(str(paths[0].parent), "…")


def test_a_certificate_is_made_once(paths: tuple[Path, Path]) -> None:
    before = os.umask(0)
    try:
        assert ensure(paths)
    finally:
        os.umask(before)
    contents = [path.read_bytes() for path in paths]
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o600, 0o600]
    assert not ensure(paths)
    assert [path.read_bytes() for path in paths] == contents
    assert sorted(path.name for path in paths[0].parent.iterdir()) == ["cert.pem", "key.pem"]


def test_it_is_what_the_documents_say(paths: tuple[Path, Path]) -> None:
    ensure(paths)
    made = x509.load_pem_x509_certificate(paths[0].read_bytes())
    key = made.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert made.subject == made.issuer
    made.verify_directly_issued_by(made)
    years = (made.not_valid_after_utc - made.not_valid_before_utc) / datetime.timedelta(days=365.25)
    assert years == pytest.approx(10)
    now = datetime.datetime.now(datetime.UTC)
    assert made.not_valid_before_utc < now - datetime.timedelta(hours=23)


def test_openssl_uses_it(paths: tuple[Path, Path]) -> None:
    ensure(paths)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*paths)


def test_two_servers_have_two(tmp_path: Path, paths: tuple[Path, Path]) -> None:
    ensure(paths)
    other = tmp_path / "other-cert.pem", tmp_path / "other-key.pem"
    ensure(other)
    assert certificate_fingerprint(str(paths[0])) != certificate_fingerprint(str(other[0]))


def test_the_fingerprint_is_that_of_the_der(paths: tuple[Path, Path]) -> None:
    ensure(paths)
    der = ssl.PEM_cert_to_DER_cert(paths[0].read_text())
    expected = "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")
    assert certificate_fingerprint(str(paths[0])) == expected
    chain = "words before\r\n" + paths[0].read_text().replace("\n", "\r\n") + paths[0].read_text()
    paths[0].write_text(chain)
    assert certificate_fingerprint(str(paths[0])) == expected


def test_without_a_certificate_there_is_no_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    with pytest.raises(ValueError, match=r"cannot read the file .*cert.pem: No such file or directory"):
        certificate_fingerprint(str(path))
    path.write_text("words")
    with pytest.raises(ValueError, match=r"there is no certificate in .*cert.pem"):
        certificate_fingerprint(str(path))
    path.write_text("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n")
    with pytest.raises(ValueError, match=r"the certificate in .*cert.pem is damaged"):
        certificate_fingerprint(str(path))


def test_a_server_that_was_killed_in_between_makes_the_certificate_of_its_key(
    paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_sign", die)
        with pytest.raises(KeyboardInterrupt):
            ensure(paths)
    key = paths[1].read_bytes()
    assert not paths[0].exists()
    assert ensure(paths)
    assert paths[1].read_bytes() == key
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*paths)


def test_a_full_disk_leaves_no_part_of_it(paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        assert error(paths) == "cannot write the certificate …/cert.pem: No space left on device"
    assert not any(path.exists() for path in paths)
    assert ensure(paths)


def test_a_certificate_without_its_key_is_refused(paths: tuple[Path, Path]) -> None:
    ensure(paths)
    paths[1].unlink()
    assert error(paths).startswith("there is a certificate …/cert.pem without its key …/key.pem: put it back, or")
    assert not paths[1].exists()


def test_a_key_without_its_certificate_is_refused_after_the_first_start(paths: tuple[Path, Path]) -> None:
    ensure(paths)
    paths[0].unlink()
    with pytest.raises(ValueError, match=r"there is a key .*key.pem without its certificate .*cert.pem: put it back"):
        ensure_certificate(*map(str, paths), is_first=False)
    assert not paths[0].exists()


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_certificate_that_others_can_write_is_refused(paths: tuple[Path, Path], mode: int) -> None:
    ensure(paths)
    paths[0].chmod(0o644)  # it is no secret
    ensure(paths)
    paths[0].chmod(mode)
    assert error(paths) == "others can write the certificate …/cert.pem: change that with  chmod go-w …/cert.pem"


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.98])
def test_a_file_that_is_cut_off_is_refused(paths: tuple[Path, Path], index: int, kept: float) -> None:
    ensure(paths)
    text = paths[index].read_text()
    for whole in (text, text + text):  # the second one of a chain
        paths[index].write_text(text * (whole != text) + text[: int(len(text) * kept)])
        assert error(paths) == f"…/{paths[index].name} is empty or damaged: put back a copy of it"


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o660])
def test_a_key_that_others_can_read_is_refused(paths: tuple[Path, Path], mode: int) -> None:
    ensure(paths)
    paths[1].chmod(mode)
    assert error(paths) == "others can use the key …/key.pem: change that with  chmod 600 …/key.pem"


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("data", [b"", b"words\n"])
def test_a_file_that_is_empty_or_damaged_is_refused(paths: tuple[Path, Path], index: int, data: bytes) -> None:
    ensure(paths)
    paths[index].write_bytes(data)
    assert error(paths) == f"…/{paths[index].name} is empty or damaged: put back a copy of it"


def test_a_key_that_cannot_have_a_certificate_is_refused(paths: tuple[Path, Path]) -> None:
    ensure(paths)
    paths[0].unlink()
    paths[1].write_text("-----BEGIN PRIVATE KEY-----\n*\n-----END PRIVATE KEY-----\n")
    assert error(paths) == "…/key.pem is empty or damaged: put back a copy of it"
    assert not paths[0].exists()
