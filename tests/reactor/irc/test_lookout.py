"""Which of the watched names are on other servers."""

from collections.abc import Callable, Collection

import pytest

from pylingo.reactor.irc.lookout import PERIOD, Lookout


class World:
    """The other servers, and the timers."""

    def __init__(self) -> None:
        self.elsewhere: dict[str, str] = {}
        self.watched: set[str] = set()
        self.asked: list[set[str]] = []
        self.noted: list[str] = []
        self.timers: list[tuple[float, Callable[[], object]]] = []
        self.lookout = Lookout(
            self._present,
            lambda: self.watched,
            self.noted.append,
            lambda seconds, callback: self.timers.append((seconds, callback)),
        )

    def _present(self, keys: Collection[str], then: Callable[[dict[str, str]], object]) -> None:
        self.asked.append({*keys})
        then({key: name for key, name in self.elsewhere.items() if key in keys})

    def watch(self, *keys: str) -> None:
        self.watched |= {*keys}
        self.lookout.watch({key: name for key, name in self.elsewhere.items() if key in keys})

    def wait(self) -> list[str]:
        """The names that have come or gone since the last question."""
        [(seconds, callback)] = self.timers
        assert seconds == PERIOD
        self.timers.clear()
        self.noted.clear()
        callback()
        return sorted(self.noted)


@pytest.fixture
def world() -> World:
    return World()


def test_those_who_come_and_go_are_noted_once(world: World):
    world.watch("ada", "bob")
    assert world.wait() == []
    world.elsewhere |= {"ada": "Ada", "eve": "Eve"}
    assert world.wait() == ["ada"]
    assert (world.lookout.spelling("ada"), world.lookout.spelling("bob")) == ("Ada", None)
    assert world.wait() == []
    world.elsewhere = {"bob": "bob"}
    assert world.wait() == ["ada", "bob"]
    assert world.asked == [{"ada", "bob"}] * 4


def test_somebody_who_is_there_already_is_known_at_once(world: World):
    world.elsewhere["ada"] = "Ada"
    world.watch("ada")
    world.watch("bob")
    assert world.lookout.spelling("ada") == "Ada"
    assert world.wait() == []


def test_nobody_is_asked_when_nobody_is_watched(world: World):
    world.elsewhere["ada"] = "Ada"
    world.watch("ada")
    world.watched.clear()
    assert world.wait() == []
    assert (world.asked, world.timers, world.lookout.spelling("ada")) == ([], [], None)
    world.watch("ada")
    assert world.wait() == []
    assert world.asked == [{"ada"}]
