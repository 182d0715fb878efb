"""The room that a request names."""

import pytest

from pylingo.reactor.chat.addressing import find_room, given, need_room, no_room
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command
from tests.fakes.chat import Chat, Person


@pytest.fixture
def ada() -> Person:
    """Somebody in two rooms. The current one is ops."""
    ada = Chat().person("ada", "tea")
    ada.ask(Command("open", "ops"))
    return ada


@pytest.mark.parametrize("name", [None, "", " "])
def test_without_a_name_it_is_the_current_room(ada: Person, name: str | None) -> None:
    room = find_room(ada.session, name)
    assert room is need_room(ada.session, name, "dance") is ada.session.room
    assert room is not None
    assert room.name == "ops"


@pytest.mark.parametrize("name", ["tea", "#tea", " TEA "])
def test_a_room_is_found_in_any_spelling(ada: Person, name: str) -> None:
    room = need_room(ada.session, name, "dance")
    assert room.name == "tea"


@pytest.mark.parametrize("name", ["pool", "#", "##tea", "x" * 10_000])
def test_a_room_that_one_is_not_in_is_refused(ada: Person, name: str) -> None:
    with pytest.raises(RequestError) as caught:
        find_room(ada.session, name)
    assert caught.value.reason == "not-in-room"


def test_comparing_a_name_beyond_ascii_is_work(ada: Person) -> None:
    before = ada.session.hub.tick.work
    with pytest.raises(RequestError):
        find_room(ada.session, "\u00e9" * 50)
    assert ada.session.hub.tick.work > before


def test_somebody_in_no_room_has_no_current_one() -> None:
    session = Chat().person().session
    assert find_room(session, None) is None
    with pytest.raises(RequestError, match="join one to dance") as caught:
        need_room(session, None, "dance")
    assert caught.value.reason == no_room("dance").reason == "no-room"


@pytest.mark.parametrize(("name", "expected"), [(None, None), ("", None), (" \t", None), (" bob ", "bob")])
def test_an_empty_name_counts_as_absent(name: str | None, expected: str | None) -> None:
    assert given(name) == expected
