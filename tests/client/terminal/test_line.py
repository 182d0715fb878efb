"""Joins and leaves are folded into one line; `test_scrollback` has it with the lines around it."""

from pylingo.client.terminal.line import Line, Presence


def test_joins_and_leaves_are_counted_and_the_first_are_named() -> None:
    presence = Presence(0)
    for name in ("ada", "bob", "cy"):
        presence.add("joined", name, 0)
    presence.add("left", "ada", 0)
    assert str(presence) == "* ada, bob and cy joined; ada left"
    presence.add("joined", "dan", 0)
    assert str(presence) == "* 4 people joined; ada left"


def test_lines_with_the_same_text_are_different_lines() -> None:
    assert Line("note", "a") != Line("note", "a")


def test_the_arrow_says_which_way_people_went() -> None:
    came, went, both = Presence(0), Presence(0), Presence(0)
    came.add("joined", "ada", 0)
    went.add("lost the connection", "ada", 0)
    both.add("left", "ada", 0)
    both.add("joined", "bob", 0)
    assert [presence.arrow for presence in (came, went, both)] == ["-->", "<--", "<->"]


def test_dates_edges_and_the_line_above_news_stand_across_the_window() -> None:
    kinds = ("message", "own", "note", "error", "day", "edge", "marker")
    assert [kind for kind in kinds if Line(kind, "x").is_across] == ["day", "edge", "marker"]
