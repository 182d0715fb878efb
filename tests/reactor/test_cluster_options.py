"""The options that name a cluster, and the password of its Redis."""

import argparse
import importlib.util
from pathlib import Path

import pytest

from pylingo.reactor.bus.redis.settings import PASSWORD, ClusterSettings, parse_redis_address
from pylingo.reactor.cluster_options import add_cluster_options, read_cluster_options
from pylingo.shared.launch import LaunchError, OneLineParser


def read(*arguments: str) -> ClusterSettings:
    parser = OneLineParser(prog="x")
    add_cluster_options(parser, is_required=True)
    given: argparse.Namespace = parser.parse_args(arguments)
    return read_cluster_options(given)


def test_a_cluster_has_a_name_and_no_password() -> None:
    assert read("--cluster", "redis://a:7/2") == ClusterSettings(address=parse_redis_address("redis://a:7/2"))


def test_everything_is_given(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("se cret\n")
    file.chmod(0o600)
    options = ["--cluster-name", "two", "--cluster-ca", "ca.pem", "--cluster-password-file", str(file)]
    settings = read("--cluster", "rediss://a", *options)
    assert (settings.name, settings.ca, settings.password) == ("two", "ca.pem", "se cret")


def test_the_password_may_be_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, "secret")
    assert read("--cluster", "redis://a").password == "secret"


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(LaunchError) as caught:
        read("--cluster", "redis://:hunter2@a")
    assert "--cluster: a password in an argument can be read" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--cluster", "redis://a", "--cluster-password-file", "none"], "cannot read the password file none"),
        (["--cluster", "redis://a", "--cluster-name", "a{b"], "--cluster-name must be 1 to 64 letters"),
        (["--cluster", "http://a"], "--cluster: "),
        (["--cluster", ""], "--cluster needs an address"),
        ([], "the following arguments are required: --cluster"),
    ],
)
def test_options_that_cannot_be_used(options: list[str], words: str) -> None:
    with pytest.raises(LaunchError, match=words):
        read(*options)


def test_without_hiredis_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LaunchError, match="a cluster needs hiredis, which is missing: install it with "):
        read("--cluster", "redis://a")
