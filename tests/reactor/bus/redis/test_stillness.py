"""Noticing that talk stands still."""

from pylingo.reactor.bus.redis.stillness import Stillness


def test_it_is_told_once_when_talk_stands_still_and_once_when_it_goes_on() -> None:
    told: list[tuple[bool, str]] = []
    stillness = Stillness(lambda *how: told.append(how))
    for lag, trouble in [(0.0, ""), (1.9, "full"), (2.0, "full"), (9.0, "away"), (0.1, "away"), (0.0, ""), (3.0, "")]:
        stillness.check(lag, trouble)
    assert told == [(True, "full"), (False, ""), (True, "Redis does not answer")]
