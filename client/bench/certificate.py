"""A self-signed certificate, made when it is needed, for a server under test."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from pylingo.reactor.engine.tls import ClientTls
from pylingo.shared.files import open_private

HOST = "127.0.0.1"


def make_certificate(folder: Path, days: float = 1.0, age: float = 1.0) -> tuple[str, str]:
    """Write a certificate for `HOST` and its key into `folder`, as PEM; return the paths.

    It is valid for `days` from now on, and began `age` days ago. The key is on the curve P-256, as most servers have it
    today.
    """
    from cryptography import x509  # takes a while, and only those who measure TLS need it
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "PyLingo test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=age))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    contents = {
        "certificate.pem": certificate.public_bytes(pem),
        "key.pem": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password),
    }
    paths = []
    for file_name, content in contents.items():
        path = str(folder / file_name)
        with open(path, "wb", opener=open_private) as file:
            file.write(content)
        paths.append(path)
    return paths[0], paths[1]


def trust_anybody() -> ClientTls:
    """TLS that does not ask whose certificate it is: a benchmark tells the server no secrets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return ClientTls(context)
