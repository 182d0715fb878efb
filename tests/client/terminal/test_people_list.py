"""The list of people beside the messages: who is in it, in which order, and that a frame looks at few of them."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.terminal import people_list as module
from pylingo.client.terminal.areas import list_columns
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.cells import width
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.people_list import EDGE_COLUMNS, people_rows, person_in, scroll_people
from pylingo.client.terminal.view import person_at, screen
from pylingo.shared.messages import Joined
from pylingo.shared.names import fold
from tests.fakes.window import make, plain


def room(*names: str, operators: tuple[str, ...] = (), columns: int = 110, rows: int = 12) -> Model:
    """A room with these people, in a wide window."""
    model = make(columns=columns, rows=rows)
    model.state, model.buffer.room = "online", "lobby"
    for name in names:
        model.buffer.know(name)
        model.marks.note(Joined("lobby", name, operator=name in operators), "ada")
    return model


def shown(model: Model, height: int = 9) -> list[str]:
    return [plain(row) for row in people_rows(model, height)]


def test_operators_come_first_and_all_are_sorted_as_the_server_sorts_them() -> None:
    model = room("bob", "Ada", "zoe", "éric", "Cy", "ÉVA", operators=("zoe", "Cy"))
    assert shown(model) == ["@Cy", "@zoe", " Ada", " bob", " éric", " ÉVA", "", "", ""]
    assert [row.strip(" @") for row in shown(model)[2:6]] == sorted(["bob", "Ada", "éric", "ÉVA"], key=fold)


def test_operators_of_the_room_come_first_as_well() -> None:
    model = room("bob", "cy", "zoe", operators=("zoe",))
    model.buffer.rank("CY", True)
    assert shown(model)[:3] == ["@cy", "@zoe", " bob"]
    model.buffer.rank("cy", False)
    assert shown(model)[:3] == ["@zoe", " bob", " cy"]


def test_the_list_follows_who_comes_goes_and_is_renamed() -> None:
    model = room("bob", "cy")
    assert shown(model)[:2] == [" bob", " cy"]
    model.buffer.know("ada")
    model.buffer.know("BOB")
    assert shown(model)[:3] == [" ada", " BOB", " cy"]
    assert model.buffer.forget("Bob")
    assert not model.buffer.forget("bob")
    assert shown(model)[:3] == [" ada", " cy", ""]
    model.buffer.set_people({"eve": "Eve"})
    assert shown(model)[:2] == [" Eve", ""]


def test_whoever_is_away_has_the_word_and_not_the_style_alone() -> None:
    model = room("bob", "cy", "n" * 32, operators=("cy",))
    model.away = {"bob": "lunch", "cy": "out", "n" * 32: "x"}
    rows = people_rows(model, 9)
    assert [plain(row) for row in rows[:3]] == ["@cy away", " bob away", f" {'n' * 10}+ away"]
    assert {row[0].style for row in rows[:3]} == {"away"}
    model.away.clear()
    assert [row[0].style for row in people_rows(model, 9)[:3]] == ["operator", "person", "person"]


@pytest.mark.parametrize(("columns", "longest"), [(100, 16), (150, 21), (300, 24)])
def test_long_names_are_cut_and_marked(columns: int, longest: int) -> None:
    model = room("n" * 32, "漢" * 20, "m" * longest, columns=columns)
    rows = shown(model)
    assert rows[:2] == [f" {'m' * longest}", f" {'n' * (longest - 1)}+"]
    assert rows[2].endswith("漢+")
    assert all(width(row) <= list_columns(model) - EDGE_COLUMNS for row in rows)


def test_more_people_than_rows_are_counted_at_the_end() -> None:
    model = room(*(f"user{number:04}" for number in range(1_000)))
    assert shown(model, 4) == [" user0000", " user0001", " user0002", "+997 more"]
    assert shown(model, 1) == ["+1,000 more"]
    assert shown(model, 0) == []
    assert shown(room("a", "b", "c", "d"), 4) == [" a", " b", " c", " d"]


def test_the_list_scrolls_to_its_end_and_back() -> None:
    model = room(*"abcdefghij", operators=("j", "b"))
    seen = []
    for count in (0, 1, 3, 99, 1, -1, -3, -99):
        scroll_people(model, count, 5)
        seen.append([row.strip() for row in shown(model, 5)])
    assert seen == [
        ["@b", "@j", "a", "c", "+6 more"],
        ["+1 above", "@j", "a", "c", "+6 more"],
        ["+4 above", "d", "e", "f", "+3 more"],
        ["+6 above", "f", "g", "h", "i"],
        ["+6 above", "f", "g", "h", "i"],
        ["+5 above", "e", "f", "g", "+2 more"],
        ["+2 above", "a", "c", "d", "+5 more"],
        ["@b", "@j", "a", "c", "+6 more"],
    ]


def test_a_list_that_has_become_shorter_than_its_place_is_shown_from_its_start() -> None:
    model = room(*"abcdefghij")
    scroll_people(model, 99, 5)
    for name in "abcdef":
        model.buffer.forget(name)
    assert shown(model, 5) == [" g", " h", " i", " j", ""]


def test_people_whose_names_are_not_known_yet_are_counted() -> None:
    model = room("ada", "bob")
    model.buffer.expected = 50
    assert shown(model, 5) == [" ada", " bob", "+48 more", "", ""]


def test_there_is_no_list_of_what_is_not_known() -> None:
    model = room("ada", "bob")
    model.buffer.is_stale = True
    assert shown(model, 3) == ["…", "", ""]
    model.state = "waiting"
    assert shown(model, 3) == ["offline", "", ""]
    model.state, model.buffer.is_outside = "online", True
    assert shown(model, 3) == ["", "", ""]
    assert person_in(model, 0, 3) is None


@pytest.mark.parametrize(
    ("columns", "layout", "people", "expected"),
    [
        (99, "top", True, 0),
        (100, "top", True, 20),
        (100, "bottom", True, 20),
        (150, "top", True, 25),
        (300, "bottom", True, 28),
        (300, "inline", True, 0),
        (300, "plain", True, 0),
        (300, "top", False, 0),
    ],
)
def test_where_there_is_a_list(columns: int, layout: str, people: bool, expected: int) -> None:
    model = make(layout, columns, people=people)
    model.buffer.room = "lobby"
    assert list_columns(model) == expected
    assert bool(people_rows(model, 5)) is bool(expected)
    model.buffers = [Buffer(person="bob")]
    assert list_columns(model) == 0, "a conversation has none"
    model.buffers = [Buffer()]
    assert list_columns(model) == 0


@pytest.mark.parametrize("layout", ["top", "bottom"])
def test_a_place_of_the_window_has_the_person_who_stands_there(layout: str) -> None:
    model = room(*(f"user{number}" for number in range(5)), operators=("user3",), rows=6)
    model.preferences.layout = layout
    view = screen(model, 0.0)
    found = {}
    for row in range(model.rows):
        for column in (0, view.side_column - 1, view.side_column, model.columns - 1):
            if (name := person_at(model, row, column)) is not None:
                found[row, column] = name
    rows = [view.body_top + index for index in range(3)]
    names = ["user3", "user0", "user1"]
    expected = {
        (row, column): name
        for row, name in zip(rows, names, strict=True)
        for column in (view.side_column, model.columns - 1)
    }
    assert found == expected
    assert [plain(row).strip(" @") for row in view.side] == [*names, "+2 more"]
    assert person_at(model, -1, model.columns - 1) is None
    model.preferences.people = False
    assert person_at(model, view.body_top, model.columns - 1) is None


@given(
    st.lists(st.tuples(st.sampled_from(["know", "forget", "set", "op", "deop"]), st.integers(0, 30)), max_size=60),
    st.integers(-5, 40),
    st.integers(1, 12),
)
@settings(max_examples=200, deadline=None)
def test_every_part_of_the_list_is_that_of_the_whole(deeds: list[tuple[str, int]], first: int, height: int) -> None:
    model = room()
    for deed, number in deeds:
        name = f"user{number:02}"
        match deed:
            case "know":
                model.buffer.know(name)
            case "forget":
                model.buffer.forget(name)
            case "set":
                model.buffer.set_people({f"user{each:02}": f"user{each:02}" for each in range(number)})
            case _:
                model.marks.note(Joined("lobby", name, operator=deed == "op"), "ada")
        people_rows(model, 3)  # the order is kept from now on
    operators = sorted(key for key in model.buffer.people if key in model.marks.operators)
    whole = [*operators, *sorted(set(model.buffer.people) - set(operators))]
    scroll_people(model, first, height)
    rows = [row.strip(" @") for row in shown(model, height)]
    assert len(rows) == height
    names = [row for row in rows if row.startswith("user")]
    at = model.buffer.first_person
    assert names == whole[at : at + len(names)]
    counts = [int(row[1:].split()[0]) for row in rows if row.startswith("+")]
    assert sum(counts) + len(names) == len(whole)
    assert [person_in(model, index, height) for index in range(-1, height + 1)] == [
        None,
        *(row if row.startswith("user") else None for row in rows),
        None,
    ]


def test_a_frame_looks_at_the_people_in_view_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"user{number:05}" for number in range(20_000)]
    random.Random(1).shuffle(names)
    model = room(*names, operators=tuple(names[:5]))
    looked: list[str] = []
    monkeypatch.setattr(module, "printable", lambda name: looked.append(name) or name)
    people_rows(model, 50)
    order = model.buffer.keys
    model.buffer.know("user10000")
    model.buffer.know("newcomer")
    model.buffer.forget("user10001")
    people_rows(model, 50)
    assert len(looked) < 2 * 50
    assert model.buffer.keys is order, "it was not sorted anew"
