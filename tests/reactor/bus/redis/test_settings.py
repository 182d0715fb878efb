"""The addresses of a Redis, and what else a server must be told."""

import importlib.util
from pathlib import Path

import pytest

from pylingo.reactor.bus.redis.settings import (
    PASSWORD,
    Kind,
    RedisAddress,
    cluster_name,
    parse_redis_address,
    read_password,
    redis_address,
    require_hiredis,
)
from pylingo.shared.launch import LaunchError

SERVER, UNIX, SENTINEL = Kind.SERVER, Kind.UNIX, Kind.SENTINEL


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("redis://example.org", RedisAddress(kind=SERVER, hosts=(("example.org", 6379),))),
        ("redis://example.org:7000/", RedisAddress(kind=SERVER, hosts=(("example.org", 7000),))),
        ("redis://[::1]:7000/12", RedisAddress(kind=SERVER, hosts=(("::1", 7000),), db=12)),
        ("redis://chat@h", RedisAddress(kind=SERVER, hosts=(("h", 6379),), user="chat")),
        ("rediss://h", RedisAddress(kind=SERVER, hosts=(("h", 6379),), is_encrypted=True)),
        ("redis+unix:///run/redis.sock", RedisAddress(kind=UNIX, path="/run/redis.sock")),
        ("unix:///run/redis.sock?db=2", RedisAddress(kind=UNIX, path="/run/redis.sock", db=2)),
        (
            "redis+sentinel://a,b:7,[::1]/main",
            RedisAddress(kind=SENTINEL, hosts=(("a", 26379), ("b", 7), ("::1", 26379)), service="main"),
        ),
        (
            "rediss+sentinel://u@a/main/3",
            RedisAddress(kind=SENTINEL, hosts=(("a", 26379),), service="main", user="u", db=3, is_encrypted=True),
        ),
    ],
)
def test_right_addresses(text: str, address: RedisAddress) -> None:
    assert parse_redis_address(text) == address
    assert parse_redis_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it must be redis://"),
        ("example.org", "it must be redis://"),
        ("http://example.org", "it must be redis://"),
        ("redis://h/1/2", "it must be redis://"),
        ("redis://h?db=1", "it must be redis://"),
        ("redis+sentinel://h", "it must be redis://"),
        ("redis://h/name", "a database"),
        ("redis://h/1234567", "a database"),
        ("redis://h:0", "a port"),
        ("redis://a,b", "any of its nodes"),
        ("unix://relative/path", "absolute"),
        ("unix:///", "absolute"),
        ("unix:///a?db=x", "a database"),
    ],
)
def test_wrong_addresses(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_redis_address(text)


@pytest.mark.parametrize("text", ["redis://:hunter2@h", "rediss://chat:hunter2@h/1", "unix://u:hunter2@/a"])
def test_a_password_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="--cluster-password-file or PYLINGO_CLUSTER_PASSWORD") as caught:
        parse_redis_address(text)
    assert "hunter2" not in str(caught.value)


def test_addresses_as_a_setting() -> None:
    type_ = redis_address()
    assert type_("") is None
    assert type_.show(None) == ""
    assert type_.show(type_("redis://h")) == "redis://h:6379"
    with pytest.raises(ValueError, match="it must be redis://"):
        type_("h")
    with pytest.raises(ValueError, match="UTF-8"):
        type_("unix:///\udcff")


@pytest.mark.parametrize("text", ["", "a{b}", "a:b", "a b", "x" * 65, "\u00e9", "a\n"])
def test_wrong_names_of_clusters(text: str) -> None:
    with pytest.raises(ValueError, match="1 to 64 letters"):
        cluster_name()(text)


def test_right_names_of_clusters() -> None:
    assert [cluster_name()(text) for text in ("pylingo", "a.B-9_")] == ["pylingo", "a.B-9_"]


@pytest.mark.parametrize(
    ("content", "password"), [("s\u00e9cret\n", "s\u00e9cret"), ("a b\r\n", "a b"), (" x ", " x ")]
)
def test_the_password_in_a_file(tmp_path: Path, content: str, password: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content.encode())
    assert read_password(str(file), {PASSWORD: "other"}) == password


def test_the_password_in_the_environment() -> None:
    assert read_password("", {PASSWORD: "secret"}) == "secret"
    assert read_password("", {}) == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "in its only line"),
        (b"\n", "in its only line"),
        (b"a\nb\n", "in its only line"),
        (b"\xff", "is not UTF-8"),
        (b"x" * 5_000, "password file"),
    ],
)
def test_a_file_that_has_no_password(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(LaunchError, match=words):
        read_password(str(file), {PASSWORD: "other"})


def test_a_file_that_is_missing_or_that_others_can_write(tmp_path: Path) -> None:
    file = tmp_path / "password"
    with pytest.raises(LaunchError, match="No such file"):
        read_password(str(file), {})
    file.write_text("secret\n")
    file.chmod(0o622)
    with pytest.raises(LaunchError, match="others can write"):
        read_password(str(file), {})


def test_without_hiredis(monkeypatch: pytest.MonkeyPatch) -> None:
    require_hiredis()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LaunchError, match=r"pip install 'pylingo-chat\[cluster\]'"):
        require_hiredis()
