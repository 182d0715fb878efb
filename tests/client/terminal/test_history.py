"""Going through sent lines and searching them."""

from pylingo.client.terminal.changes import Changes
from pylingo.client.terminal.history import LONGEST, LineHistory


def history(*lines: str) -> LineHistory:
    made = LineHistory()
    for line in lines:
        made.add(line)
    made.leave()
    return made


def go(made: LineHistory, place: int, shown: str) -> str | None:
    found = made.go(place, (shown, Changes()))
    return None if found is None else found[0]


def test_blank_lines_and_doubled_neighbours_are_not_remembered() -> None:
    made = history("a", "a", "", "  \n", "b", "a")
    assert len(made) == 3
    assert [go(made, place, "draft") for place in (2, 1, 0)] == ["a", "b", "a"]


def test_the_oldest_are_forgotten() -> None:
    made = history(*map(str, range(LONGEST + 5)))
    assert len(made) == LONGEST == 1_000
    assert go(made, 0, "") == "5"


def test_the_draft_and_what_was_edited_are_kept_until_leaving() -> None:
    made = history("a", "b")
    assert (made.place, made.draft) == (2, None)
    assert [go(made, 1, "draft"), go(made, 0, "b!"), go(made, 1, "a"), go(made, 2, "b!!")] == ["b", "a", "b!", "draft"]
    assert [go(made, 3, "x"), go(made, -1, "x"), made.place] == [None, None, 2]
    made.leave()
    assert [go(made, 1, ""), go(made, 2, "b")] == ["b", ""]


def test_the_changes_of_a_line_are_kept_with_it() -> None:
    made = history("a")
    changes = Changes()
    found = made.go(0, ("draft", changes))
    assert found is not None
    assert made.draft == ("draft", changes)
    assert made.go(1, found) == ("draft", changes)
    assert made.go(0, ("draft", changes)) == found


def test_find() -> None:
    made = history("Hello world", "bye", "hello again")
    assert made.find("HELLO", (2, 1, 0)) == (2, 0)
    assert made.find("HELLO", (0, 1, 2)) == (0, 0)
    assert made.find("hello", (2, 1, 0), unlike="hello again") == (0, 0)
    assert made.find("world", (2, 1, 0)) == (0, 6)
    assert made.find("ello", ()) is None
    assert made.find("nothing", (2, 1, 0)) is None
    assert made.find("", (2, 1, 0)) is None
    assert history("İİİx").find("x", [0]) == (0, 4)


def test_lines_of_earlier_runs_come_before_the_others() -> None:
    made = history("typed")
    made.begin_with(["old", "older than that"])
    assert (made.place, len(made)) == (3, 3)
    assert [go(made, place, "") for place in (2, 1, 0)] == ["typed", "older than that", "old"]
    made.begin_with(map(str, range(2 * LONGEST)))
    assert (len(made), go(made, LONGEST - 1, "")) == (LONGEST, "typed")
