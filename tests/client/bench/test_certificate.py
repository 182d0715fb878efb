"""The certificates that are made on the fly."""

import datetime
import os
import ssl
import stat
from pathlib import Path

from cryptography import x509

from pylingo.client.bench.certificate import HOST, make_certificate, trust_anybody


def test_a_server_can_use_it_and_nobody_else_can_read_it(tmp_path: Path):
    paths = make_certificate(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*paths)
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in paths] == [0o600, 0o600]


def test_it_is_for_the_host_of_the_benchmark_and_for_a_short_time(tmp_path: Path):
    known = x509.load_pem_x509_certificate(Path(make_certificate(tmp_path)[0]).read_bytes())
    names = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == [HOST]
    assert known.not_valid_after_utc - known.not_valid_before_utc == datetime.timedelta(days=2)


def test_a_second_one_replaces_the_first(tmp_path: Path):
    first = Path(make_certificate(tmp_path)[0]).read_bytes()
    assert Path(make_certificate(tmp_path)[0]).read_bytes() != first


def test_the_benchmark_trusts_anybody():
    tls = trust_anybody()
    assert tls.context.verify_mode == ssl.CERT_NONE
    assert not tls.context.check_hostname
