"""The counters of a server of a cluster, and the time for which talk stands still."""

import pytest

from pylingo.reactor.bus.redis.counters import Counters, Standstill


class Scene:
    def __init__(self) -> None:
        self.now = 100.0
        self.counters = Counters()
        self.standstill = Standstill(self.counters, lambda: self.now)

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_standstill_began_two_seconds_before_people_are_told(scene: Scene) -> None:
    assert scene.standstill.ms == 0
    scene.standstill.note(True)
    assert scene.standstill.ms == 2_000
    scene.pass_(1.5)
    assert (scene.standstill.ms, scene.counters.ms_still, scene.counters.standstills) == (3_500, 0, 1)
    scene.standstill.note(False)
    assert (scene.standstill.ms, scene.counters.ms_still, scene.counters.standstills) == (0, 3_500, 1)


def test_standstills_add_up(scene: Scene) -> None:
    for seconds in (1, 2):
        scene.standstill.note(True)
        scene.pass_(seconds)
        scene.standstill.note(False)
        scene.pass_(60)
    assert (scene.counters.ms_still, scene.counters.standstills) == (7_000, 2)


def test_the_line_has_every_counter() -> None:
    values = range(101, 113)
    counters = Counters(*values)
    line = counters.show()
    assert [value for value in values if str(value) not in line] == []
    assert Counters().show().startswith("0 events in 0 batches in 0 commits; 0 repairs")
