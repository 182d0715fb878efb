"""The start in a cluster: its certificate, and the first operator."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.pact import Pact
from pylingo.reactor.cluster_start import invite_first, join, shared_certificate
from pylingo.reactor.config import ServerSettings, parse_arguments, with_data
from pylingo.reactor.people.certificate import certificate_fingerprint
from pylingo.reactor.registry import Registry, open_registry
from pylingo.shared.launch import LaunchError
from tests.fakes.people import fingerprint, key


class Config:
    """The `config` of a cluster, as Redis would keep it."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    def call(self, answer: Callable[[object], object] | None, command: object, where: object, *args: object) -> None:
        assert where == "pylingo:{0}config"
        field = str(args[0])
        if command == "HSETNX":
            reply: object = int(field not in self.fields)
            self.fields.setdefault(field, str(args[1]))
        else:
            reply = self.fields[field].encode() if field in self.fields else None
        if answer is not None:
            answer(reply)


@pytest.fixture
def pact() -> Pact:
    return Pact(Config(), Keys())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(*arguments: str) -> ServerSettings:
    return with_data(parse_arguments(arguments))


def opened(*arguments: str) -> Registry:
    """The registry of a server in a cluster; its folder is free again."""
    registry = open_registry(settings(*arguments), is_shared=True)
    registry.shared = lambda change, stored: (change.commit(), stored(True))
    if registry.data is not None:
        registry.data.unlock()
    return registry


def joined(pact: Pact, *arguments: str) -> str:
    answers: list[str] = []
    join(pact, settings(*arguments), answers.append)
    (sentence,) = answers
    return sentence


def invited(pact: Pact, registry: Registry) -> None:
    answers: list[None] = []
    invite_first(pact, registry, lambda: answers.append(None))
    assert len(answers) == 1


def test_the_certificate_in_the_data_folder_is_shared(folder: Path) -> None:
    opened("--data", "a")
    assert shared_certificate(settings("--data", "a")) == certificate_fingerprint("a/cert.pem")
    own = ("--tls-cert", "a/cert.pem", "--tls-key", "a/key.pem")
    assert [shared_certificate(settings(*more)) for more in ((), own, ("--data", "a", "--no-tls"))] == ["", "", ""]


def test_a_certificate_that_cannot_be_read(folder: Path) -> None:
    with pytest.raises(LaunchError, match=r"cannot read the file a/cert\.pem"):
        shared_certificate(settings("--data", "a"))


@pytest.mark.parametrize(
    ("arguments", "is_excused"),
    [
        ([], False),
        (["--no-tls"], True),
        (["--no-tls", "--host", "::1"], True),
        (["--no-tls", "--host", "0.0.0.0"], False),
        (["--no-tls", "--data", "a"], True),
    ],
)
def test_without_tls_a_server_joins_encrypted_ones_on_loopback_alone(
    pact: Pact, folder: Path, arguments: list[str], is_excused: bool
) -> None:
    arguments = ["--cluster", "redis://h", *arguments]
    assert joined(pact, *arguments) == ""  # nobody is encrypted yet
    opened("--data", "a")
    assert joined(pact, "--data", "a") == ""
    words = "the servers of this cluster are encrypted, and this one is not: "
    assert joined(pact, *arguments).startswith("" if is_excused else words)
    assert (joined(pact, *arguments) == "") == is_excused


def test_the_first_server_invites_the_operator(pact: Pact, folder: Path) -> None:
    first, second = opened("--data", "a"), opened("--data", "b")
    invited(pact, first)
    invited(pact, second)
    assert first.first_code is not None
    assert second.first_code is None
    change = first.register.redeem(first.first_code, key(1))
    assert change is not None
    change.commit()
    assert first.register.is_operator(fingerprint(1))
    first.write_first(is_shown=True)
    assert not Path("a/people.json").exists()


def test_a_cluster_that_has_people_needs_no_invitation(pact: Pact, folder: Path) -> None:
    registry = opened()
    registry.register.op(fingerprint(1)).commit()
    invited(pact, registry)
    assert registry.first_code is None


def test_an_invitation_that_is_not_stored_is_not_shown(
    pact: Pact, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry = opened()
    registry.shared = lambda change, stored: (change.undo(), stored(False))
    invited(pact, registry)
    assert registry.first_code is None
    assert registry.register.to_state()["invitations"] == []
    assert "nobody is the operator: Redis did not store the invitation" in caplog.text
