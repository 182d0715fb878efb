"""The conditions of LIST: masks, numbers of people, and the age of rooms and topics. Pure.

https://modern.ircdocs.horse/#elist-parameter describes them. A time is a number of minutes.
"""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from pylingo.reactor.chat.room import Room
from pylingo.shared.messages import RoomInfo
from pylingo.shared.names import MAX_TYPED, fold

ELIST = "CMNTU"
"""The conditions that there are."""
MINUTE = 60_000_000
"""In stamps."""
_MOST_CONDITIONS = 8
_MOST_STARS = 3
_NUMBER = re.compile(r"([CTct]?)([<>])(\d{1,9})", re.ASCII)

type Condition = Callable[[RoomInfo, Room[Any] | None], bool]


def room_filter(words: str, now: int) -> Condition:
    """Whether a room is listed for a LIST with these conditions, all of which must hold. `now` is a stamp."""
    conditions = [_condition(word, now) for word in words.split(",")[:_MOST_CONDITIONS] if word]
    return lambda info, room: all(condition(info, room) for condition in conditions)


def _condition(word: str, now: int) -> Condition:
    if (match := _NUMBER.fullmatch(word)) is not None:
        what, sign, number = match[1].upper(), match[2], int(match[3])
        return lambda info, room: _holds(_measure(what, info, room, now), sign, number * (MINUTE if what else 1))
    is_wanted = not word.startswith("!")
    pattern = fold(word.removeprefix("!")[:MAX_TYPED]).replace("[", "[[]")
    if pattern.count("*") > _MOST_STARS:
        return lambda info, room: False
    return lambda info, room: fnmatchcase(f"#{fold(info.room)}", pattern) == is_wanted


def _measure(what: str, info: RoomInfo, room: Room[Any] | None, now: int) -> int | None:
    """The people in a room, or its age or that of its topic, in stamps; None if that is not known here."""
    if not what:
        return info.users
    since = None if room is None else room.since if what == "C" else room.topic.at if room.topic is not None else None
    return None if since is None else now - since


def _holds(value: int | None, sign: str, number: int) -> bool:
    return value is not None and (value < number if sign == "<" else value > number)
