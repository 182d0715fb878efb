"""The certificate of the server: what is wrong with it is one sentence, before anybody meets it."""

import os
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from pylingo.client.bench.certificate import make_certificate
from pylingo.reactor.certificates import load_tls
from pylingo.reactor.config import ServerSettings
from pylingo.shared.launch import LaunchError
from tests.fakes.tls import certificate, der


def load(cert: str | Path, key: str | Path):
    return load_tls(ServerSettings(tls_cert=str(cert), tls_key=str(key)))


def trouble(cert: str | Path, key: str | Path) -> str:
    with pytest.raises(LaunchError) as caught:
        load(cert, key)
    assert caught.value.status == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL)


def test_without_a_certificate_there_is_no_tls() -> None:
    assert load_tls(ServerSettings()) is None


def test_a_port_for_irc_over_tls_needs_a_certificate() -> None:
    """At the start, and when the configuration is read again: otherwise the port would be one without TLS."""
    with pytest.raises(LaunchError, match=r"--irc-tls-port needs a certificate: .* or --data without --no-tls"):
        load_tls(ServerSettings(irc_tls_port=("127.0.0.1", 0)))


def test_a_certificate_and_its_key() -> None:
    tls = load(*certificate())
    assert tls is not None
    assert tls.certificate == der()
    assert tls.context.minimum_version == ssl.TLSVersion.TLSv1_2
    near, far = socket.socketpair()
    with far, tls.wrap(near) as sock:
        assert sock.server_side


def test_the_first_certificate_of_a_chain_is_the_servers(tmp_path: Path) -> None:
    other, _ = make_certificate(tmp_path)
    chain = tmp_path / "chain.pem"
    chain.write_text(f"subject=CN = x\n{Path(certificate()[0]).read_text()}\nthe issuer:\n{Path(other).read_text()}")
    tls = load(chain, certificate()[1])
    assert tls is not None
    assert tls.certificate == der()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    cert, key = certificate()
    gone = tmp_path / "gone.pem"
    assert trouble(gone, key) == f"cannot read --tls-cert {gone}: No such file or directory"
    assert trouble(cert, gone) == f"cannot read --tls-key {gone}: No such file or directory"
    assert trouble(tmp_path, key) == f"cannot read --tls-cert {tmp_path}: Is a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_key_that_is_not_ours_to_read(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    os.chmod(key, 0)
    assert trouble(cert, key) == f"cannot read --tls-key {key}: Permission denied"


def test_a_key_of_another_certificate(tmp_path: Path) -> None:
    _, key = make_certificate(tmp_path)
    assert "does not belong to the certificate" in trouble(certificate()[0], key)


@pytest.mark.parametrize(("days", "age", "words"), [(-1, 9, "has expired"), (9, -1, "is not valid yet")])
def test_a_certificate_that_is_out_of_date(tmp_path: Path, days: float, age: float, words: str) -> None:
    cert, key = make_certificate(tmp_path, days, age)
    assert trouble(cert, key) == f"the certificate in --tls-cert {cert} {words}"


@pytest.mark.parametrize("kind", ["pkcs8", "traditional"])
def test_an_encrypted_key_asks_nobody_for_its_password(tmp_path: Path, kind: str) -> None:
    cert, key = certificate()
    locked = str(tmp_path / "locked.pem")
    form = [] if kind == "pkcs8" else ["-traditional"]
    openssl("pkey", "-in", key, "-out", locked, "-aes128", "-passout", "pass:secret", *form)
    words = trouble(cert, locked)
    assert words.startswith(f"the key in --tls-key {locked} is encrypted: decrypt it with  openssl pkey -in {locked}")


@pytest.mark.parametrize("content", ["", "nothing\n", "\0\xff" * 100, "-----BEGIN CERTIFICATE-----\nMIIB\n"])
def test_files_without_pem(tmp_path: Path, content: str) -> None:
    cert, key = certificate()
    file = tmp_path / "file.pem"
    file.write_text(content, encoding="latin-1")
    assert trouble(file, key) == f"there is no certificate in --tls-cert {file}: it must be a PEM file"
    assert trouble(cert, file) == f"there is no private key in --tls-key {file}: it must be a PEM file"


@pytest.mark.parametrize("name", ["CERTIFICATE", "PRIVATE KEY"])
def test_pem_that_holds_nonsense(tmp_path: Path, name: str) -> None:
    cert, key = certificate()
    file = tmp_path / "file.pem"
    file.write_text(f"-----BEGIN {name}-----\nAAAA\n-----END {name}-----\n")
    pair = (str(file), key) if name == "CERTIFICATE" else (cert, str(file))
    assert trouble(*pair).startswith(f"--tls-cert {pair[0]} and --tls-key {pair[1]} cannot be used: ")


def test_the_two_files_in_each_others_place() -> None:
    cert, key = certificate()
    assert trouble(key, cert) == f"there is no certificate in --tls-cert {key}: it must be a PEM file"
