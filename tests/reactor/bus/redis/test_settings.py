"""The addresses of a Redis."""

import pytest

from pylingo.reactor.bus.redis.settings import Kind, RedisAddress, parse_redis_address

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
