"""Who watches for which names: one line for each change, a bounded number of names, and nothing left behind."""

from collections.abc import Callable

import pytest

from pylingo.reactor.irc import monitors as module
from pylingo.reactor.irc.monitors import MOST, Monitors


class World:
    """People who are here, and what the clients were told."""

    def __init__(self) -> None:
        self.here: dict[str, str] = {}
        self.told: list[tuple[str, str, bool]] = []
        self.scheduled: list[Callable[[], object]] = []
        self.monitors: Monitors[str] = Monitors(
            self.here.get, lambda *words: self.told.append(words), self.scheduled.append
        )

    def come(self, name: str) -> None:
        self.here[name.lower()] = name
        self.monitors.note(name.lower())

    def go(self, key: str) -> None:
        self.here.pop(key, None)
        self.monitors.note(key)

    def news(self) -> list[tuple[str, str, bool]]:
        """What was told since the last call."""
        scheduled, self.scheduled[:] = [*self.scheduled], []
        for callback in scheduled:
            callback()
        told, self.told[:] = [*self.told], []
        return told


@pytest.fixture
def world() -> World:
    return World()


def test_a_client_is_told_of_those_whom_it_watches(world: World) -> None:
    assert world.monitors.watch("c1", "ada", "Ada")
    assert world.monitors.watch("c2", "ada", "ADA")
    world.come("bob")
    assert world.news() == []
    world.come("ada")
    assert world.news() == [("c1", "ada", True), ("c2", "ada", True)]
    world.come("aDa")
    assert world.news() == []
    world.go("ada")
    assert world.news() == [("c1", "aDa", False), ("c2", "aDa", False)]


def test_what_comes_and_goes_at_once_is_nothing(world: World) -> None:
    world.monitors.watch("c1", "ada", "ada")
    world.come("ada")
    world.go("ada")
    assert len(world.scheduled) == 1
    assert world.news() == []
    world.come("ada")
    world.news()
    world.go("ada")
    world.come("ada")  # under another spelling
    assert world.news() == []


def test_somebody_who_is_here_already_is_not_told_of(world: World) -> None:
    world.come("ada")
    world.monitors.watch("c1", "ada", "ada")
    world.monitors.note("ada")
    assert world.news() == []


def test_a_name_is_watched_no_more(world: World) -> None:
    world.monitors.watch("c1", "ada", "ada")
    world.monitors.watch("c1", "bob", "bob")
    world.monitors.unwatch("c1", ["ada", "eve"])
    assert world.monitors.names("c1") == {"bob": "bob"}
    world.come("ada")
    assert world.news() == []


def test_nothing_is_left_of_a_client_that_has_gone(world: World) -> None:
    world.monitors.watch("c1", "ada", "ada")
    world.come("ada")
    world.monitors.forget("c1")
    assert world.news() == []
    assert len(world.monitors) == 0
    assert world.monitors.names("c1") == {}
    world.monitors.forget("c1")


def test_a_client_watches_a_bounded_number(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST == 100
    monkeypatch.setattr(module, "MOST", 2)
    assert [world.monitors.watch("c1", name, name) for name in "abca"] == [True, True, False, True]
    world.monitors.unwatch("c1", ["a"])
    assert world.monitors.watch("c1", "c", "c")


def test_the_names_that_are_watched_are_known(world: World):
    world.monitors.watch("one", "ada", "Ada")
    world.monitors.watch("two", "ada", "ada")
    world.monitors.watch("two", "bob", "bob")
    world.monitors.forget("one")
    assert {*world.monitors.keys()} == {"ada", "bob"}
    world.monitors.forget("two")
    assert {*world.monitors.keys()} == set()


def test_who_watches_a_name():
    monitors: Monitors[str] = Monitors(lambda key: None, lambda client, name, is_here: None, lambda look: None)
    monitors.watch("ada", "bob", "Bob")
    monitors.watch("cid", "bob", "bob")
    assert monitors.watchers("bob") == ("ada", "cid")
    assert monitors.watchers("eve") == ()
