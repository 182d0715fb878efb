"""The certificate that a server makes for itself: ECDSA P-256, self-signed, valid for ten years.

Clients pin it by its fingerprint, so nobody has to vouch for it.
"""

import base64
import binascii
import datetime
import os
import re

from pylingo.reactor.people.files import check_private, check_unchangeable, read_regular, replace_file
from pylingo.shared.identity import fingerprint

YEARS = 10
"""How long a new certificate is valid."""

_MOST = 2**20  # bytes of a PEM file
_NAME = "PyLingo server"
_END = re.compile(rb"-----END ([A-Z0-9 ]+)-----")
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def certificate_fingerprint(path: str) -> str:
    """Return the fingerprint of the first certificate in a PEM file. Raises `ValueError` with one sentence."""
    found = _CERTIFICATE.search(_read(path)[0])
    if found is None:
        raise ValueError(f"there is no certificate in {path}: it must be a PEM file")
    try:
        return fingerprint(base64.b64decode(b"".join(found[1].split()), validate=True))
    except binascii.Error:
        raise ValueError(f"the certificate in {path} is damaged") from None


def ensure_certificate(certificate: str, key: str, is_first: bool = True) -> bool:
    """Make a certificate and its key if neither file is there, and return whether they were made.

    The key comes first: if the server is killed in between, the next start makes a certificate for that key, which
    nobody has seen yet. Unless it `is_first`, a key without a certificate has lost it.

    Raises `ValueError` with one sentence if the files cannot be made, or not be used.
    """
    has_certificate, has_key = os.path.lexists(certificate), os.path.lexists(key)
    if has_certificate and not has_key:
        raise ValueError(_lost("a certificate", certificate, "its key", key))
    if has_key and not has_certificate and not is_first:
        raise ValueError(_lost("a key", key, "its certificate", certificate))
    try:
        if not has_key:
            replace_file(key, _new_key())
        pem, status = _read(key)
        check_private(key, "the key", status)
        if not has_certificate:
            replace_file(certificate, _sign(pem, key))
    except OSError as error:
        raise ValueError(f"cannot write the certificate {certificate}: {error.strerror}") from None
    chain, status = _read(certificate)
    check_unchangeable(certificate, "the certificate", status)
    for path, data, mark in ((certificate, chain, b"CERTIFICATE"), (key, pem, b"PRIVATE KEY")):
        ends = [kind for kind in _END.findall(data) if kind.endswith(mark)]
        if not ends or len(_END.findall(data)) != data.count(b"-----BEGIN"):
            raise ValueError(f"{path} is empty or damaged: put back a copy of it")
    return not has_certificate


def _lost(what: str, path: str, lost: str, lost_path: str) -> str:
    words = f"put it back, or remove {path} as well, which changes the fingerprint that clients know"
    return f"there is {what} {path} without {lost} {lost_path}: {words}"


def _read(path: str) -> tuple[bytes, os.stat_result]:
    try:
        return read_regular(path, "the file", _MOST)
    except FileNotFoundError as error:
        raise ValueError(f"cannot read the file {path}: {error.strerror}") from None


def _new_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _sign(pem: bytes, path: str) -> bytes:
    """Return a certificate for the key in `pem`. Raises `ValueError` with one sentence if that is none."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(f"{path} is empty or damaged: put back a copy of it") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"the key in {path} was not made by this server: put its certificate beside it")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    # It begins a day ago, for the clients whose clocks are slow.
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(days=1)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=365.25 * YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
