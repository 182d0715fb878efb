"""Going through sent lines and searching them."""

from pylingo.client.terminal.history import LONGEST, LineHistory


def history(*lines: str) -> LineHistory:
    made = LineHistory()
    for line in lines:
        made.add(line)
    made.leave()
    return made


def test_blank_lines_and_doubled_neighbours_are_not_remembered() -> None:
    made = history("a", "a", "", "  \n", "b", "a")
    assert len(made) == 3
    assert [made.go(place, "draft") for place in (2, 1, 0)] == ["a", "b", "a"]


def test_the_oldest_are_forgotten() -> None:
    made = history(*map(str, range(LONGEST + 5)))
    assert len(made) == LONGEST == 1_000
    assert made.go(0, "") == "5"


def test_the_draft_and_what_was_edited_are_kept_until_leaving() -> None:
    made = history("a", "b")
    assert made.place == 2
    assert [made.go(1, "draft"), made.go(0, "b!"), made.go(1, "a"), made.go(2, "b!!")] == ["b", "a", "b!", "draft"]
    assert [made.go(3, "x"), made.go(-1, "x"), made.place] == [None, None, 2]
    made.leave()
    assert [made.go(1, ""), made.go(2, "b")] == ["b", ""]


def test_find() -> None:
    made = history("Hello world", "bye", "hello again")
    assert made.find("HELLO", 9) == (2, "hello again", 0)
    assert made.find("hello", 1) == (0, "Hello world", 0)
    assert made.find("world", 2) == (0, "Hello world", 6)
    assert made.find("ello", -1) is None
    assert made.find("nothing", 9) is None
    assert made.find("", 9) is None
    assert history("İİİx").find("x", 0) == (0, "İİİx", 4)
