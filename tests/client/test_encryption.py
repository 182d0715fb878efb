"""How clients secure their connections, against servers over TLS that the test plays."""

import contextlib
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.client import known_hosts
from pylingo.client.access import Access
from pylingo.client.address_list import Endpoint
from pylingo.client.client import Client
from pylingo.client.credentials import Credentials
from pylingo.client.data_folder import known_hosts_path
from pylingo.client.encryption import Encryption
from pylingo.client.identity import Identity, IdentityError
from pylingo.client.trust import Basis, Trust
from pylingo.client.trust_errors import TrustError, UnknownCertificateError
from pylingo.reactor.engine.handshake import NotTlsError
from pylingo.shared.identity import fingerprint
from pylingo.shared.link import Link
from pylingo.shared.messages import Error, Goodbye, Ready
from tests.fakes.keys import UNENCRYPTED, UNENCRYPTED_PUBLIC
from tests.fakes.tls_server import TlsServer


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of known hosts."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    found = known_hosts_path()
    assert found is not None
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TlsServer]:
    with TlsServer(tmp_path) as played:
        yield played


def client(server: TlsServer, path: Path | None, pin: str | None = None, **more: Any) -> Client:
    """A client with a key and an invitation."""
    trust = Trust("127.0.0.1", server.port, pin=pin, path=path, accept_new=more.pop("accept_new", False))
    credentials = Credentials(identity=Identity(UNENCRYPTED, "key"), invite="code", password="s3cret")
    return Client(name="ada", room=None, access=access(server, trust, credentials), **more)


def access(server: TlsServer, trust: Trust, credentials: Credentials) -> Access:
    endpoint = Endpoint(trust.host, server.port, Encryption(trust.host, trust))
    return Access(Link(trust.host, server.port), (endpoint,), credentials)


def meet(client: Client) -> None:
    """Connect, and leave."""
    with client:
        pass


def refused(client: Client, kind: type[Exception], words: str) -> None:
    with pytest.raises(ConnectionError, match=words) as caught:
        meet(client)
    assert type(client.status.error) is kind
    assert caught.value.__cause__ is client.status.error


# --- who is trusted


def test_a_link_is_all_that_is_needed(server: TlsServer, path: Path) -> None:
    meet(client(server, path, server.fingerprint))
    (hello,) = server.hellos
    assert (hello.identity, hello.invite, hello.password) == (UNENCRYPTED_PUBLIC, "code", "s3cret")
    assert server.verify(hello)
    assert [known.fingerprint for known in known_hosts.find(path, "127.0.0.1", server.port)] == [server.fingerprint]


def test_nothing_is_sent_to_a_server_that_the_link_does_not_pin(server: TlsServer, path: Path) -> None:
    refused(client(server, path, fingerprint(b"another")), TrustError, "the one that the link pins")
    assert server.hellos == []
    assert server.bytes_of_strangers == 0
    assert not path.exists()


def test_an_unknown_server_is_shown_and_nothing_is_sent(server: TlsServer, path: Path) -> None:
    refused(client(server, path), UnknownCertificateError, re.escape(server.fingerprint))
    assert server.hellos == []
    assert server.bytes_of_strangers == 0
    assert server.connections == 2  # for the authorities, and to see the certificate


def test_once_accepted_it_is_known_and_gets_no_invitation(server: TlsServer, path: Path) -> None:
    first = client(server, path)
    with contextlib.closing(first.reactor):
        with pytest.raises(ConnectionError, match="is not known"):
            first.connect()
        first.accept_certificate(server.fingerprint)
        first.close()
        for _ in first.frames():
            pass
    meet(client(server, path))
    assert [hello.invite for hello in server.hellos] == [None, None]
    assert all(map(server.verify, server.hellos))


def test_a_certificate_that_changed_is_refused(server: TlsServer, path: Path) -> None:
    meet(client(server, path, server.fingerprint))
    server.renew()
    refused(client(server, path), TrustError, f"HAS CHANGED.*{path}:1")
    refused(client(server, path, accept_new=True), TrustError, "HAS CHANGED")
    refused(client(server, path, server.fingerprint), TrustError, f"the link contradicts {path}:1")
    assert len(server.hellos) == 1


def test_a_certificate_that_changes_between_two_connections_ends_the_client(server: TlsServer, path: Path) -> None:
    server.answer = lambda hello: [Ready("ada", None, "0" * 32, False, hello.id, []), Goodbye("idle", "come back")]
    talk = client(server, path, server.fingerprint)
    with contextlib.closing(talk.reactor):
        talk.connect()
        server.renew()
        for _ in talk.frames():
            pass
    assert isinstance(talk.status.error, TrustError)
    assert len(server.hellos) == 1


def test_accept_new_remembers(server: TlsServer, path: Path) -> None:
    meet(client(server, path, accept_new=True))
    assert known_hosts.find(path, "127.0.0.1", server.port)
    assert server.hellos[0].invite is None
    meet(client(server, path))
    server.renew()
    refused(client(server, path, accept_new=True), TrustError, "HAS CHANGED")


def test_an_authority_vouches_for_the_host(
    server: TlsServer, path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", server.path)
    talk = client(server, path)
    meet(talk)
    assert server.hellos[0].invite == "code"
    assert server.connections == 1
    assert not path.exists()


def test_an_authority_vouches_for_no_other_host(server: TlsServer, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", server.path)
    trust = Trust("localhost", server.port, path=path)
    refused(Client(name="ada", access=access(server, trust, Credentials())), UnknownCertificateError, "mismatch")


def test_a_context_of_the_callers_decides_alone(server: TlsServer, path: Path) -> None:
    context = ssl.create_default_context(cafile=server.path)
    meet(Client("127.0.0.1", server.port, "ada", None, tls=context))
    assert len(server.hellos) == 1
    with pytest.raises(ConnectionError):
        meet(Client("127.0.0.1", server.port, "ada", None, tls=ssl.create_default_context()))
    assert not path.exists()


def test_a_plain_server_is_named(path: Path, tmp_path: Path) -> None:
    with TlsServer(tmp_path, is_encrypted=False) as plain:
        refused(client(plain, path, fingerprint(b"x")), NotTlsError, "does not speak TLS")
        assert plain.hellos == []


# --- proofs


def test_a_proof_that_is_relayed_through_another_certificate_is_worth_nothing(path: Path, tmp_path: Path) -> None:
    """The client was talked into accepting a proxy, which shows it the server's challenge."""
    (tmp_path / "proxy").mkdir()
    with TlsServer(tmp_path) as server, TlsServer(tmp_path / "proxy", challenge=server.challenge) as proxy:
        meet(client(proxy, path, proxy.fingerprint))
        (hello,) = proxy.hellos
        assert proxy.verify(hello)
        assert not server.verify(hello)


def test_a_proof_without_tls_is_worth_nothing_over_tls(path: Path, server: TlsServer, tmp_path: Path) -> None:
    with TlsServer(tmp_path, is_encrypted=False, challenge=server.challenge) as plain:
        meet(Client("127.0.0.1", plain.port, "ada", None, identity=Identity(UNENCRYPTED, "key")))
        (hello,) = plain.hellos
        assert plain.verify(hello)
        assert not server.verify(hello)


def test_each_connection_is_proved_anew(path: Path, server: TlsServer) -> None:
    for number in range(2):
        server.challenge = bytes([number]) * 32
        meet(client(server, path, server.fingerprint))
        assert server.verify(server.hellos[-1])
    assert not server.verify(server.hellos[0])


def test_a_key_that_cannot_be_used_ends_the_client(path: Path, server: TlsServer) -> None:
    def broken() -> Identity:
        raise IdentityError("the key is damaged")

    trust = Trust("127.0.0.1", server.port, pin=server.fingerprint, path=path)
    talk = Client(name="ada", access=access(server, trust, Credentials(own_key=broken)))
    refused(talk, IdentityError, r"^the key is damaged$")
    assert server.hellos == []


@pytest.mark.parametrize("reason", ["identity", "members-only", "banned", "password"])
def test_a_server_that_does_not_let_us_in_is_not_asked_again(reason: str, path: Path, server: TlsServer) -> None:
    server.answer = lambda hello: [Goodbye(reason, "not you")]
    with pytest.raises(ConnectionError, match="ended the connection: not you"):
        meet(client(server, path, server.fingerprint))
    assert server.connections == 1


def test_a_hello_that_is_refused_ends_the_client(path: Path, server: TlsServer) -> None:
    server.answer = lambda hello: [Error("no-identity", "show a key", hello.id)]
    with pytest.raises(ConnectionError, match=r"^show a key$"):
        meet(client(server, path, server.fingerprint))
    assert server.connections == 1


def test_an_invitation_that_was_no_good_is_said(path: Path, server: TlsServer) -> None:
    server.answer = lambda hello: [
        Ready("ada", None, "0" * 32, False, hello.id, []),
        Error("bad-invite", "used up", hello.id),
    ]
    with client(server, path, server.fingerprint) as talk:
        frames = talk.frames()
        assert Error("bad-invite", "used up", server.hellos[0].id) in (next(frames) for _ in range(3))


# --- the parts


def test_other_failures_are_no_reason_to_do_without_authorities(path: Path) -> None:
    security = Encryption("h", Trust("h", 1, path=path))
    tls = security.begin()
    assert tls is not None
    assert tls.context.verify_mode is ssl.CERT_REQUIRED
    assert tls.context.check_hostname
    for error in (None, ssl.SSLError(), ConnectionResetError(), TimeoutError()):
        assert not security.tries_again(error)
    tls = security.begin()
    assert tls is not None
    assert tls.context.verify_mode is ssl.CERT_REQUIRED
    assert security.tries_again(ssl.SSLCertVerificationError())
    tls = security.begin()
    assert tls is not None
    assert tls.context.verify_mode is ssl.CERT_NONE
    tls = security.begin()  # the next connection begins anew
    assert tls is not None
    assert tls.context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(("host", "expected"), [("fe80::1%eth0", "fe80::1"), ("chat.example.", "chat.example")])
def test_the_name_in_a_certificate(host: str, expected: str, path: Path) -> None:
    tls = Encryption(host, Trust(host, 1, path=path)).begin()
    assert tls is not None
    assert tls.server_hostname == expected


def test_a_basis_is_a_sentence() -> None:
    assert all(basis.value for basis in Basis)
