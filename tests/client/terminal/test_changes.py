"""The changes of a line and how they are undone."""

from pylingo.client.terminal.changes import UNDOS, Changes


def test_the_last_change_is_undone_first() -> None:
    changes = Changes()
    changes.add(0, "", 3, 0)  # "" to "abc"
    changes.add(1, "b", 2, 2)  # "abc" to "axyc"
    assert changes.undo("axyc") == ("abc", 2)
    assert changes.undo("abc") == ("", 0)
    assert changes.undo("") is None


def test_text_added_at_the_end_of_a_change_may_belong_to_it() -> None:
    changes = Changes()
    assert not changes.extend(0, 1), "there is none"
    changes.add(2, "", 1, 2)
    assert changes.extend(3, 2)
    assert not changes.extend(4, 1)
    assert not changes.extend(6, 1)
    assert changes.undo("abXYZ") == ("ab", 2)
    assert changes.undo("ab") is None


def test_the_oldest_are_forgotten() -> None:
    changes = Changes()
    for number in range(UNDOS + 5):
        changes.add(number, "", 1, number)
    text = "x" * (UNDOS + 5)
    while (undone := changes.undo(text)) is not None:
        text = undone[0]
    assert text == "x" * 5
