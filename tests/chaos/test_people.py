"""What a member of a chaos run takes for seen: nothing above a hole, until the hole is filled."""

from pylingo.shared.messages import Entry, HistoryPage
from tests.chaos.people import Place


def page(*stamps: int, more: bool = False) -> HistoryPage:
    return HistoryPage("mess", [Entry("ann", str(at), at) for at in stamps], more, None)


def place() -> Place:
    made = Place("m01", "mess")
    made.knows_base = True
    return made


def test_what_comes_live_is_whole() -> None:
    here = place()
    assert [here.note(5, "5"), here.whole] == ["", 5]


def test_a_reading_that_breaks_off_between_two_pages_leaves_the_hole_open() -> None:
    """What came live meanwhile is above the hole, and the next connection reads from below it."""
    here = place()
    here.note(1, "1")
    here.gaps = 1
    here.note(9, "9")
    assert here.take(page(2, 3, more=True)) == ["", ""]
    assert (here.gaps, here.whole) == (1, 1)
    here.take(page(4, 5))
    assert (here.gaps, here.whole) == (0, 9)


def test_two_messages_with_one_stamp_are_wrong() -> None:
    here = place()
    here.note(1, "one")
    assert here.take(page(1)) == ["two messages with the stamp 1: 'one' and '1'"]
