"""The conditions of LIST."""

import pytest

from pylingo.reactor.chat.room import Room
from pylingo.reactor.history.topics import StoredTopic
from pylingo.reactor.irc.room_filters import ELIST, MINUTE, room_filter
from pylingo.shared.messages import RoomInfo

NOW = 1_000 * MINUTE


def listed(words: str) -> list[str]:
    """Of tea, which is 10 minutes old with a topic of 5 minutes, and den, of which nothing is known here."""
    tea: Room[object] = Room("Tea", "tea", NOW - 10 * MINUTE)
    tea.topic = StoredTopic("leaves", "ada", NOW - 5 * MINUTE)
    matches = room_filter(words, NOW)
    rooms = [(RoomInfo("Tea", 3), tea), (RoomInfo("den", 1), None)]
    return [info.room for info, room in rooms if matches(info, room)]


@pytest.mark.parametrize(
    ("words", "rooms"),
    [
        ("", ["Tea", "den"]),
        ("#t*", ["Tea"]),
        ("*E?", ["Tea", "den"]),
        ("*E?,", ["Tea", "den"]),
        ("?[t]ea", []),
        ("!#t*", ["den"]),
        (">1", ["Tea"]),
        ("<3", ["den"]),
        ("<100,>0", ["Tea", "den"]),
        ("C>9", ["Tea"]),
        ("c<9", []),
        ("T<6", ["Tea"]),
        ("T>5", []),
        (">1,#d*", []),
        ("*a*b*c*d", []),
        ("x" * 300, []),
    ],
)
def test_which_rooms_are_listed(words: str, rooms: list[str]) -> None:
    assert listed(words) == rooms


def test_clients_are_told_of_all_conditions() -> None:
    assert ELIST == "CMNTU"
