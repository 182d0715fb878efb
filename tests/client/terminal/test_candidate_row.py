"""The row of candidates: the chosen one is always in it, and the cut ends are marked."""

import pytest

from pylingo.client.terminal.candidate_row import candidate_row
from pylingo.client.terminal.cells import width
from pylingo.client.terminal.completion import Offer

NAMES = ["al", "Alfred", "alice", "\u4e2d\u6587\u540d\u5b57", "e\u0301lodie", "al-x", "alexandra-of-the-long-name", "z"]


def shown(names: list[str], chosen: int, columns: int) -> str:
    return "".join(span.text for span in candidate_row(Offer(names, chosen), columns))


@pytest.mark.parametrize("columns", range(1, 100))
def test_any_width_shows_the_chosen_one_and_is_filled(columns: int) -> None:
    for chosen, name in enumerate(NAMES):
        row = candidate_row(Offer(NAMES, chosen), columns)
        assert width("".join(span.text for span in row)) == columns
        (marked,) = [span for span in row if span.style == "chosen"]
        if columns >= width(name) + 4:
            assert marked.text == f"[{name}]"
        elif columns > 6:
            assert marked.text.endswith("\u2026]")


def test_a_wide_row_shows_all() -> None:
    assert shown(["al", "bo", "cy"], 1, 20) == "  al [bo] cy        "
    assert shown(["al", "bo", "cy"], 0, 14) == " [al] bo  cy  "


def test_pages_stand_still_and_are_marked_where_they_are_cut() -> None:
    names = ["al", "bo", "cy", "di", "ed"]
    rows = [shown(names, chosen, 10) for chosen in range(5)]
    assert rows == [" [al] bo >", "  al [bo]>", "<[cy] di >", "< cy [di]>", "<[ed]     "]


def test_a_name_that_is_wider_than_the_row_is_cut() -> None:
    assert shown(["alexandra", "bo"], 0, 10) == " [alexa\u2026]>"


def test_nothing_in_a_name_reaches_the_terminal_alive() -> None:
    assert shown(["a\x1b[2Jb", "c\u202ed"], 0, 20) == " [a\ufffd[2Jb] c\ufffdd       "


def test_a_label_is_shown_in_the_place_of_its_candidate() -> None:
    row = candidate_row(Offer(["1", "2"], 1, ["bob hi", "al tea"]), 20)
    assert "".join(span.text for span in row) == "  bob hi [al tea]   "
    assert candidate_row(Offer(["1"], 0, ["bob hi"]), 3)[0].text == "bob"


def test_a_crowd_is_worked_out_once() -> None:
    offer = Offer([f"guest-{number}" for number in range(50_000)], 40_000)
    assert candidate_row(offer, 80) is candidate_row(offer, 80)
