"""What a client shows to be let in, and when."""

import pytest

from pylingo.client.credentials import Credentials
from pylingo.client.reconnect import FinalError
from pylingo.shared.messages import Limits, Welcome
from tests.fakes.keys import CERTIFICATE, CHALLENGE, FakeKey


def welcome(challenge: str | None = CHALLENGE) -> Welcome:
    return Welcome(1, "PyLingo/1.1.0", "guest-1", Limits(1, 1, 1, 1), challenge=challenge)


def no_key() -> FakeKey:
    raise AssertionError("no key is wanted here")


def test_without_anything_the_hello_says_nothing_and_waits_for_nothing() -> None:
    credentials = Credentials()
    credentials.connected(None, False)
    assert not credentials.needs_welcome
    assert credentials.hello(None) == {}
    assert credentials.hello(welcome()) == {}


def test_a_password_waits_for_nothing() -> None:
    credentials = Credentials(password="s3cret")
    assert not credentials.needs_welcome
    assert credentials.hello(None) == {"password": "s3cret"}


def test_the_own_key_is_offered_over_tls_alone() -> None:
    key = FakeKey()
    credentials = Credentials(own_key=lambda: key)
    credentials.connected(None, False)
    assert not credentials.needs_welcome
    assert credentials.hello(welcome()) == {}
    credentials.connected(CERTIFICATE, False)
    assert credentials.needs_welcome
    assert credentials.hello(welcome()) == {"identity": "ssh-ed25519 AAAA", "proof": "the proof"}
    assert key.signed == [(bytes.fromhex(CHALLENGE), CERTIFICATE)]


def test_the_own_key_is_not_made_before_it_is_needed() -> None:
    credentials = Credentials(own_key=no_key)
    credentials.connected(CERTIFICATE, False)
    assert credentials.needs_welcome
    assert credentials.hello(welcome(None)) == {}


def test_a_named_key_is_offered_without_tls_as_well() -> None:
    key = FakeKey()
    credentials = Credentials(identity=key, own_key=no_key)
    credentials.connected(None, False)
    assert credentials.needs_welcome
    assert credentials.hello(welcome())["proof"] == "the proof"
    assert key.signed == [(bytes.fromhex(CHALLENGE), None)]


def test_each_connection_has_its_own_certificate() -> None:
    key = FakeKey()
    credentials = Credentials(identity=key)
    credentials.connected(CERTIFICATE, False)
    credentials.hello(welcome())
    credentials.connected(b"another", False)
    credentials.hello(welcome())
    assert [certificate for _, certificate in key.signed] == [CERTIFICATE, b"another"]


@pytest.mark.parametrize(
    "challenge",
    ["", "0" * 63, "0" * 65, "0" * 66, "g" * 64, " " + "0" * 63, "00 " * 32, "é" * 64, "0" * 30_000],
)
def test_no_other_challenge_is_signed(challenge: str) -> None:
    key = FakeKey()
    credentials = Credentials(identity=key)
    with pytest.raises(FinalError, match="challenge must have 64 hexadecimal digits"):
        credentials.hello(welcome(challenge))
    assert not key.signed


def test_a_person_who_named_a_key_is_told_of_a_server_that_knows_none() -> None:
    for more in ({"identity": FakeKey()}, {"invite": "code"}):
        said: list[str] = []
        credentials = Credentials(note=said.append, **more)  # type: ignore[arg-type]
        assert credentials.hello(welcome(None)) == {}
        assert said == ["this server knows neither keys nor invitations: you are a guest here"]


# --- invitations


def test_an_invitation_is_sent_where_it_may_until_it_is_used_up() -> None:
    credentials = Credentials(invite="code", own_key=FakeKey)
    for _ in range(2):  # the answer to the first was lost
        credentials.connected(CERTIFICATE, True)
        assert credentials.hello(welcome())["invite"] == "code"
    credentials.accepted()
    credentials.connected(CERTIFICATE, True)
    assert "invite" not in credentials.hello(welcome())


def test_an_invitation_is_sent_nowhere_else() -> None:
    said: list[str] = []
    credentials = Credentials(invite="code", own_key=FakeKey, note=said.append)
    credentials.connected(CERTIFICATE, False)
    assert credentials.needs_welcome
    assert credentials.hello(welcome()) == {"identity": "ssh-ed25519 AAAA", "proof": "the proof"}
    credentials.accepted()
    assert len(said) == 1
    assert "the invitation was not sent" in said[0]
    credentials.connected(CERTIFICATE, True)  # an authority vouches for the server now
    assert credentials.hello(welcome())["invite"] == "code"


def test_nothing_secret_is_printed() -> None:
    assert repr(Credentials(password="s3cret", invite="s3cret")) == "<Credentials>"
