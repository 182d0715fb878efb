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
