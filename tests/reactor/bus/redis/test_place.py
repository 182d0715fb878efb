"""Where a Redis listens."""

import socket
from pathlib import Path

import pytest

from pylingo.reactor.bus.redis.place import Place, Places, places_for
from pylingo.reactor.bus.redis.settings import parse_redis_address
from pylingo.reactor.engine.dial import Resolver
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.launch import LaunchError
from tests.fakes.tls import certificate


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://[::1]:5", ["[::1]:5"]),
        ("redis://example.org", ["example.org:6379"]),
        ("unix:///a/b", ["/a/b"]),
        ("redis+sentinel://a,b:7/main", ["a:26379", "b:7"]),
    ],
)
def test_the_places_of_an_address(url: str, shown: list[str], reactor: Reactor) -> None:
    places = Places().of(parse_redis_address(url))
    assert [str(place) for place in places] == shown
    assert [place.tls for place in places] == [None] * len(places)


def test_what_is_dialled(reactor: Reactor) -> None:
    assert Place(path="/a").where(reactor) == [(socket.AF_UNIX, "/a")]
    assert isinstance(Place("h", 1).where(reactor), Resolver)


def test_encrypted_places_name_their_host_and_are_equal_for_the_same_host() -> None:
    places = places_for(parse_redis_address("rediss://a"), certificate()[0])
    place = places.at("b", 1)
    assert place.tls is not None
    assert place.tls.server_hostname == "b"
    assert place == places.at("b", 1)
    assert len({place, places.at("b", 1), places.at("a", 1)}) == 2


def test_without_a_file_the_certificates_of_the_system_count() -> None:
    tls = places_for(parse_redis_address("rediss://a"), "").at("a", 1).tls
    assert tls is not None
    assert tls.context.check_hostname


@pytest.mark.parametrize(
    ("url", "content", "words"),
    [
        ("redis://a", "", "needs an encrypted Redis"),
        ("rediss://a", "", "No such file"),
        ("rediss://a", "nothing", "it has no certificate"),
    ],
)
def test_a_file_of_certificates_that_cannot_be_used(url: str, content: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    with pytest.raises(LaunchError, match=words):
        places_for(parse_redis_address(url), str(file))
