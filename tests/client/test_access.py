"""From an address or a link to how a program gets in."""

import ssl
from pathlib import Path

import pytest

from pylingo.client import known_hosts
from pylingo.client.access import Access, for_bot, for_person
from pylingo.client.data_folder import known_hosts_path
from pylingo.client.identity import Identity, IdentityError
from pylingo.client.options import ClientOptions
from pylingo.client.reconnect import FinalError
from pylingo.client.trust_errors import TrustError
from pylingo.shared.identity import fingerprint
from pylingo.shared.link import parse_link
from pylingo.shared.messages import Limits, Welcome
from tests.fakes.keys import CERTIFICATE, CHALLENGE, ENCRYPTED, PASSPHRASE, RSA, UNENCRYPTED, UNENCRYPTED_PUBLIC

LINK = f"pylingo://127.0.0.1:7/ops?invite=code#{fingerprint(CERTIFICATE)}"
WELCOME = Welcome(1, "PyLingo/1.1.0", "guest-1", Limits(1, 1, 1, 1), challenge=CHALLENGE)


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    found = known_hosts_path()
    assert found is not None
    return found


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_bytes(UNENCRYPTED)
    return path


def no_answer(prompt: str) -> str:
    raise AssertionError(prompt)


def person(host: str = "127.0.0.1", **more: object) -> Access:
    return for_person(ClientOptions(host=host, **more), no_answer)  # type: ignore[arg-type]


def bot(host: str = "127.0.0.1", tls: ssl.SSLContext | bool | None = None, **more: object) -> Access:
    arguments: dict[str, object] = {"server_hostname": None, "identity": None, "password": None, **more}
    return for_bot(host, 7, tls, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("access", [person, bot])
def test_loopback_is_plain_and_everything_else_is_not(access) -> None:
    assert not access("127.0.0.1").endpoints[0].security.is_encrypted
    assert not access("localhost").endpoints[0].security.is_encrypted
    assert access("chat.example").endpoints[0].security.is_encrypted
    assert access("10.0.0.1").endpoints[0].security.is_encrypted


def test_a_known_server_on_loopback_is_encrypted(path: Path) -> None:
    known_hosts.add(path, "127.0.0.1", 7, fingerprint(CERTIFICATE))
    assert bot().endpoints[0].security.is_encrypted
    assert person(port=7).endpoints[0].security.is_encrypted
    assert not person(port=8).endpoints[0].security.is_encrypted
    assert not bot(tls=False).endpoints[0].security.is_encrypted
    assert not person(port=7, is_unencrypted=True).endpoints[0].security.is_encrypted


def test_plain_is_only_what_was_asked_for() -> None:
    assert not person("chat.example", is_unencrypted=True).endpoints[0].security.is_encrypted
    assert not bot("chat.example", tls=False).endpoints[0].security.is_encrypted


def test_a_link_is_encrypted_everywhere() -> None:
    access = person(link=parse_link(LINK))
    assert access.endpoints[0].security.is_encrypted
    assert access.server == parse_link(LINK)
    assert bot(LINK).server == parse_link(LINK)
    assert bot(LINK, tls=False).endpoints[0].security.is_encrypted
    assert bot(tls=True).endpoints[0].security.is_encrypted
    for one in (access, bot(LINK)):
        trust = one.endpoints[0].security.trust
        assert trust is not None
        trust.begin()
        trust.check(CERTIFICATE)
        assert trust.may_invite


def test_a_wrong_link_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="a fingerprint must be"):
        bot("pylingo://h#SHA256:cut")
    with pytest.raises(ValueError, match="without an empty place"):
        bot("a,,b")


def test_each_server_of_a_list_has_its_own_trust(path: Path) -> None:
    known_hosts.add(path, "127.0.0.1", 8, fingerprint(CERTIFICATE))
    access = bot("127.0.0.1,127.0.0.1:8,chat.example:9")
    assert [endpoint.where for endpoint in access.endpoints] == ["127.0.0.1:7", "127.0.0.1:8", "chat.example:9"]
    assert [endpoint.security.is_encrypted for endpoint in access.endpoints] == [False, True, True]
    assert access.server.addresses == (("127.0.0.1", 7), ("127.0.0.1", 8), ("chat.example", 9))
    options = ClientOptions(host="127.0.0.1", port=7, others=access.server.others)
    assert [one.where for one in for_person(options, no_answer).endpoints] == [one.where for one in access.endpoints]


def test_one_fingerprint_pins_all_servers(path: Path) -> None:
    access = bot(LINK.replace(":7/", ":7,chat.example:8/"))
    for endpoint in access.endpoints:
        trust = endpoint.security.trust
        assert trust is not None
        trust.begin()
        with pytest.raises(TrustError, match=f"THE CERTIFICATE OF {endpoint.where} HAS CHANGED"):
            trust.check(b"another")
        trust.check(CERTIFICATE)
        assert known_hosts.find(path, endpoint.host, endpoint.port)


def test_a_context_decides_for_bots() -> None:
    access = bot("chat.example", tls=ssl.create_default_context(), server_hostname="other.example")
    assert access.endpoints[0].security.trust is None
    tls = access.endpoints[0].security.begin()
    assert tls is not None
    assert tls.server_hostname == "other.example"
    hosts = [endpoint.security.begin() for endpoint in bot("a,b", tls=ssl.create_default_context()).endpoints]
    assert [tls.server_hostname for tls in hosts if tls is not None] == ["a", "b"]


def test_a_damaged_file_of_known_hosts_is_an_error(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("garbage")
    for access in (person, bot):
        with pytest.raises(TrustError, match=":1 must be HOST:PORT"):
            access("127.0.0.1")  # type: ignore[operator]


# --- keys


def test_a_person_has_a_key_over_tls_that_is_made_once(tmp_path: Path) -> None:
    access = person("chat.example")
    assert not (tmp_path / "pylingo" / "id_ed25519").exists()
    access.credentials.connected(CERTIFICATE, False)
    first = access.credentials.hello(WELCOME)["identity"]
    assert (tmp_path / "pylingo" / "id_ed25519").exists()
    again = person("chat.example")
    again.credentials.connected(CERTIFICATE, False)
    assert again.credentials.hello(WELCOME)["identity"] == first


def test_on_loopback_there_is_no_key(tmp_path: Path) -> None:
    access = person()
    access.credentials.connected(None, False)
    assert access.credentials.hello(WELCOME) == {}
    assert not (tmp_path / "pylingo" / "id_ed25519").exists()


def test_a_named_key(key: Path) -> None:
    for access in (person(identity=key), bot(identity=str(key)), bot(identity=Identity(UNENCRYPTED, "key"))):
        assert access.credentials.hello(WELCOME)["identity"] == UNENCRYPTED_PUBLIC


def test_a_key_is_not_shown_without_tls_on_a_network(key: Path) -> None:
    with pytest.raises(FinalError, match="--identity needs TLS"):
        person("chat.example", identity=key, is_unencrypted=True)
    with pytest.raises(FinalError, match="--identity needs TLS"):
        person("127.0.0.1", others=(("chat.example", 7),), identity=key, is_unencrypted=True)


def test_a_key_of_another_kind_is_an_error_at_once(key: Path) -> None:
    key.write_bytes(RSA)
    with pytest.raises(IdentityError, match="make one with  ssh-keygen -t ed25519"):
        person(identity=key)
    with pytest.raises(IdentityError, match="make one with  ssh-keygen -t ed25519"):
        bot(identity=key)


def test_a_passphrase_is_asked_for_where_somebody_is_there(key: Path) -> None:
    key.write_bytes(ENCRYPTED)
    access = for_person(ClientOptions(identity=key), lambda prompt: PASSPHRASE)
    assert access.credentials.hello(WELCOME)["proof"]
    with pytest.raises(FinalError, match=r"Passphrase for .* cannot be asked for"):
        bot(identity=key)


def test_nothing_secret_is_printed() -> None:
    options = ClientOptions(link=parse_link(LINK), password="s3cret")
    assert "s3cret" not in repr(options) + repr(for_person(options, no_answer))
    assert "code" not in repr(for_person(options, no_answer))
