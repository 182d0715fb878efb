"""Whose name belongs to which key, and when that is news."""

import pytest

from pylingo.client.events import KeyChanged
from pylingo.client.people import PEOPLE_KEPT, Mark, Marks
from pylingo.shared.messages import Joined, Moderated, People, PersonDetails, PersonInfo, Private, Ready, Renamed, Sent
from pylingo.shared.schema import Record

ONE, TWO = "SHA256:one", "SHA256:two"


def private(from_: str, to: str = "me", fingerprint: str | None = None) -> Private:
    return Private(from_, to, "hi", 1, fingerprint=fingerprint)


@pytest.mark.parametrize(
    "record",
    [
        Joined("lobby", "Ada", fingerprint=ONE, operator=True),
        Renamed("bob", "Ada", "lobby", fingerprint=ONE, operator=True),
        People([PersonInfo("bob", 1), PersonInfo("Ada", 1, fingerprint=ONE, operator=True)], False),
        PersonDetails("Ada", [], True, 1, fingerprint=ONE),
        Ready("Ada", None, "0" * 32, False, identity=ONE, operator=True),
        Private("Ada", "me", "hi", 1, fingerprint=ONE, operator=True),
    ],
)
def test_a_frame_that_names_somebody_says_who_it_is(record: Record) -> None:
    marks = Marks()
    assert marks["ada"] == Mark()
    assert marks.note(record, "me") == []
    assert marks["ADA"] == Mark(ONE, True)


def test_a_later_frame_counts() -> None:
    marks = Marks()
    marks.note(Joined("lobby", "ada", fingerprint=ONE, operator=True), "me")
    marks.note(Joined("lobby", "ada"), "me")
    assert marks["ada"] == Mark()


def test_a_rank_that_is_given_or_taken_counts_and_leaves_the_key() -> None:
    marks = Marks()
    marks.note(Joined("lobby", "ada", fingerprint=ONE), "me")
    assert marks.note(Moderated("op", "root", "Ada"), "me") == []
    assert marks["ada"] == Mark(ONE, True)
    marks.note(Moderated("kick", "root", "ada"), "me")
    assert marks["ada"] == Mark(ONE, True)
    marks.note(Moderated("deop", "root", "ada"), "me")
    assert marks["ada"] == Mark(ONE)


def test_the_operators_are_known_by_name() -> None:
    marks = Marks()
    marks.note(Joined("lobby", "Ada", fingerprint=ONE, operator=True), "me")
    marks.note(Joined("lobby", "bob"), "me")
    assert marks.operators == {"ada"}
    marks.note(Renamed("Ada", "Eve", "lobby", fingerprint=ONE, operator=True), "me")
    assert marks.operators == {"eve"}
    marks.note(Moderated("deop", "root", "eve"), "me")
    assert marks.operators == set()


def test_a_name_that_was_given_up_has_no_mark() -> None:
    marks = Marks()
    marks.note(Joined("lobby", "ada", fingerprint=ONE), "me")
    marks.note(Renamed("ada", "grace", "lobby", fingerprint=ONE), "me")
    assert marks["ada"] == Mark()
    assert marks["grace"] == Mark(ONE)


def test_our_own_words_from_another_device_say_nothing_of_our_key() -> None:
    marks = Marks()
    marks.note(Ready("me", None, "0" * 32, False, identity=ONE), "me")
    assert marks.note(private("Me", "bob"), "me") == []
    assert marks["me"] == Mark(ONE)


@pytest.mark.parametrize(
    ("before", "after"), [(ONE, TWO), (ONE, None), (None, ONE)], ids=["another key", "a guest", "a key at last"]
)
@pytest.mark.parametrize("is_answered", [False, True])
def test_a_change_of_the_key_behind_a_name_that_one_talked_to(
    before: str | None, after: str | None, is_answered: bool
) -> None:
    marks = Marks()
    if is_answered:
        marks.note(private("ada", fingerprint=before), "me")
    else:
        marks.note(Joined("lobby", "ada", fingerprint=before), "me")
        marks.note(Sent(None, 1, to="ada"), "me")
    assert marks.note(Joined("lobby", "ADA", fingerprint=before), "me") == []
    assert marks.note(Joined("lobby", "ADA", fingerprint=after), "me") == [KeyChanged("ADA", before, after)]
    assert marks.note(Joined("lobby", "ADA", fingerprint=after), "me") == []  # said once


def test_a_private_message_under_another_key_is_a_change() -> None:
    marks = Marks()
    marks.note(private("ada", fingerprint=ONE), "me")
    assert marks.note(private("ada", fingerprint=TWO), "me") == [KeyChanged("ada", ONE, TWO)]


def test_a_key_that_was_not_known_is_no_change() -> None:
    marks = Marks()
    marks.note(Sent(None, 1, to="ada"), "me")
    assert marks.note(Joined("lobby", "ada", fingerprint=ONE), "me") == []
    assert marks.note(Joined("lobby", "ada"), "me") == [KeyChanged("ada", ONE, None)]


def test_a_change_behind_the_name_of_a_stranger_is_no_news() -> None:
    marks = Marks()
    marks.note(Joined("lobby", "ada", fingerprint=ONE), "me")
    assert marks.note(Joined("lobby", "ada", fingerprint=TWO), "me") == []


def test_several_changes_in_one_list() -> None:
    marks = Marks()
    for name in ("ada", "bob", "eve"):
        marks.note(private(name, fingerprint=ONE), "me")
    people = [PersonInfo("ada", 1, fingerprint=TWO), PersonInfo("bob", 1, fingerprint=ONE), PersonInfo("eve", 1)]
    assert marks.note(People(people, False), "me") == [KeyChanged("ada", ONE, TWO), KeyChanged("eve", ONE, None)]


def test_the_operators_are_bounded() -> None:
    marks = Marks()
    for number in range(PEOPLE_KEPT + 5):
        marks.note(Joined("lobby", f"user{number}", fingerprint=ONE, operator=True), "me")
    assert len(marks.operators) == PEOPLE_KEPT
    assert "user4" not in marks.operators


def test_the_names_are_bounded() -> None:
    marks = Marks()
    for number in range(PEOPLE_KEPT + 1):
        marks.note(private(f"p{number}", fingerprint=ONE), "me")
    assert marks["p0"] == Mark()
    assert marks["p1"] == Mark(ONE)
    assert marks.note(private("p0", fingerprint=TWO), "me") == []
