"""The seats that a server keeps for others."""

from pylingo.reactor.bus.redis.ghosts import Ghosts


class Buried:
    def __init__(self) -> None:
        self.log: list[tuple[int, list[str]]] = []
        self.ghosts = Ghosts(lambda *it: self.log.append(it))


def test_ghosts_are_buried_with_their_rooms() -> None:
    buried = Buried()
    those = {1: ["tea"], 2: []}
    buried.ghosts.keep(those, {})
    assert (len(buried.ghosts), buried.log) == (2, [])
    buried.ghosts.bury(those)
    assert (len(buried.ghosts), buried.log) == (0, [(1, ["tea"]), (2, [])])


def test_a_ghost_that_was_given_away_is_not_buried() -> None:
    buried = Buried()
    those = {1: ["tea"]}
    buried.ghosts.keep(those, {})
    assert (buried.ghosts.give(1), buried.ghosts.give(1), buried.ghosts.give(7)) == (True, False, False)
    buried.ghosts.bury(those)
    assert buried.log == []


def test_a_ghost_that_has_come_again_has_its_own_time() -> None:
    buried = Buried()
    first, second = {1: ["tea"]}, {1: ["rum"]}
    buried.ghosts.keep(first, {})
    buried.ghosts.keep(second, {})
    buried.ghosts.bury(first)
    assert buried.log == []
    buried.ghosts.bury(second)
    assert buried.log == [(1, ["rum"])]


def test_the_records_of_those_that_are_kept() -> None:
    buried = Buried()
    those: dict[int, list[str]] = {1: ["tea"], 2: [], 3: []}
    buried.ghosts.keep(those, {1: {"s": 7}, 2: {"s": 7}})
    buried.ghosts.give(1)
    assert buried.ghosts.records == {2: {"s": 7}}
    buried.ghosts.bury(those)
    assert buried.ghosts.records == {}
