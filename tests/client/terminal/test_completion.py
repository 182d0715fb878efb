"""Tab, Shift-Tab and what they offer: | is where the cursor is."""

import pytest

from pylingo.client.terminal.completion import Completer, Sources

SOURCES = Sources(
    commands=["join", "ignore", "unignore", "help", "names", "name", "quit"],
    names=["bob", "alice", "Alfred", "Élodie", "al-x"],
    rooms=["lobby", "Lounge", "books"],
    arguments={"join": "room", "ignore": "username", "unignore": "username", "help": "command", "name": "new name"},
)


def press(completer: Completer, text: str, backwards: bool = False, sources: Sources = SOURCES) -> str | None:
    before, _, behind = text.partition("|")
    result = completer.complete(before + behind, len(before), sources, backwards)
    if result is None:
        return None
    made, cursor, _ = result
    return f"{made[:cursor]}|{made[cursor:]}"


CASES = [
    ("/jo|", "/join |"),
    ("/JO|", "/join |"),
    ("/jo| lobby", "/join |lobby"),
    ("/x|", None),
    ("/join lo|", "/join lobby |"),
    ("/join #lo|", "/join #lobby |"),
    ("/join |", "/join lobby |"),
    ("/JOIN bo|", "/JOIN books |"),
    ("/ignore al|", "/ignore alice |"),
    ("/ignore @al|", "/ignore @alice |"),
    ("/ignore lo|", None),
    ("/join lobby al|", "/join lobby alice |"),
    ("/help na|", "/help names |"),
    ("/help /na|", "/help /names |"),
    ("/name al|", None),
    ("/quit see you al|", "/quit see you alice |"),
    ("al|", "alice: |"),
    ("AL|", "alice: |"),
    ("é|", "Élodie: |"),
    ("e\u0301l|", "Élodie: |"),
    ("@al|", "@alice |"),
    ("@|", "@bob |"),
    ("|", "bob: |"),
    ("hello al|", "hello alice |"),
    ("hello @al|", "hello @alice |"),
    ("hello #lo|", "hello #lobby |"),
    ("hello al| there", "hello alice |there"),
    ("hello al|!", "hello alice |!"),
    ("hello |", "hello bob |"),
    ("hello\nal|", "hello\nalice |"),
    ("hello /jo|", None),
    ("zzz|", None),
    ("al|zzz", "alice: |zzz"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_the_first_tab(text: str, expected: str | None) -> None:
    assert press(Completer(), text) == expected


def cycle(text: str, *backwards: bool) -> list[str | None]:
    completer = Completer()
    shown = []
    for back in backwards:
        made = press(completer, text, back)
        shown.append(made)
        text = made or text
    return shown


def test_tab_goes_round_in_the_order_given() -> None:
    first, second, third = "alice: |", "Alfred: |", "al-x: |"
    assert cycle("al|", *[False] * 4) == [first, second, third, first]
    assert cycle("al|", *[True] * 4) == [third, second, first, third]
    assert cycle("al|", False, True, True, False) == [first, third, second, third]


def test_what_stands_behind_is_kept_while_going_round() -> None:
    assert cycle("hi al| there", False, False) == ["hi alice |there", "hi Alfred |there"]


def test_the_candidates_are_told() -> None:
    completer = Completer()
    assert completer.complete("hi @al", 6, SOURCES) == ("hi @alice ", 10, ["@alice", "@Alfred", "@al-x"])
    assert completer.complete("hi @alice ", 10, SOURCES) == ("hi @Alfred ", 11, ["@alice", "@Alfred", "@al-x"])


@pytest.mark.parametrize(
    ("text", "expected"), [("alice: al|", "alice: alice |"), ("al|ice: ", "alice: |ice: "), ("b|", "bob: |")]
)
def test_a_change_of_text_or_cursor_begins_anew(text: str, expected: str) -> None:
    completer = Completer()
    assert press(completer, "al|") == "alice: |"
    assert press(completer, text) == expected


def test_after_nothing_fitted_tab_begins_anew() -> None:
    completer = Completer()
    assert press(completer, "al|") == "alice: |"
    assert press(completer, "zzz|") is None
    assert press(completer, "alice: |") == "alice: bob |"


def test_those_who_come_and_go_meanwhile_change_nothing() -> None:
    completer = Completer()
    assert press(completer, "al|") == "alice: |"
    assert press(completer, "alice: |", sources=Sources(names=["alan"])) == "Alfred: |"


def test_the_second_tab_behind_the_only_command_is_for_its_argument() -> None:
    assert cycle("/jo|", False, False, False) == ["/join |", "/join lobby |", "/join Lounge |"]
    assert cycle("/q|", False, False) == ["/quit |", "/quit |"]
    assert cycle("/na|", False, False, False) == ["/names |", "/name |", "/names |"]


def test_a_name_is_offered_once() -> None:
    assert Completer().complete("a", 1, Sources(names=["al", "al"])) == ("al: ", 4, ["al"])
