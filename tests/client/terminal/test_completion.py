"""Tab, Shift-Tab and what they offer: | is where the cursor is."""

import pytest

from pylingo.client.terminal.completion import Completer, Sources

SOURCES = Sources(
    commands=["join", "ignore", "help", "names", "name", "quit"],
    names=["bob", "alice", "Alfred", "Élodie", "al-x"],
    rooms=["lobby", "Lounge", "books"],
    arguments={
        "join": ["room"],
        "ignore": ["username"],
        "help": ["topic"],
        "name": ["own name"],
        "colors": ["on|off"],
        "ban": ["username", "time", "reason"],
        "log": ["file"],
        "topic": ["current topic"],
        "me": ["text"],
    },
    words={
        "topic": lambda begun: ["keys", "names", "name"],
        "own name": lambda begun: ["ada"],
        "time": lambda begun: ["10m", "1h"],
        "file": lambda begun: [path for path in ("my log", "my logs/", "notes/") if path.startswith(begun)],
        "current topic": lambda begun: ["tea at four"],
    },
)


def press(completer: Completer, text: str, backwards: bool = False, sources: Sources = SOURCES) -> str | None:
    before, _, behind = text.partition("|")
    result = completer.complete(before + behind, len(before), sources, backwards)
    if result is None:
        return None
    return f"{result.text[: result.cursor]}|{result.text[result.cursor :]}"


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
    ("/help k|", "/help keys |"),
    ("/name al|", None),
    ("/name |", "/name ada |"),
    ("/colors o|", "/colors on |"),
    ("/colors x|", None),
    ("/ban al|", "/ban alice |"),
    ("/ban alice |", "/ban alice 10m |"),
    ("/ban alice 1h al|", "/ban alice 1h alice |"),
    ("/ban alice 1h and al|", "/ban alice 1h and alice |"),
    ("/log my|", "/log my log |"),
    ("/log my log|", "/log my log |"),
    ("/log n|", "/log notes/|"),
    ("/log x|", None),
    ("/topic |", "/topic tea at four |"),
    ("/topic tea at|", "/topic tea at four |"),
    ("/topic ask al|", "/topic ask alice |"),
    ("/me hugs al|", "/me hugs alice |"),
    ("/me see #lo|", "/me see #lobby |"),
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


def test_the_text_behind_is_kept_while_going_round() -> None:
    assert cycle("hi al| there", False, False) == ["hi alice |there", "hi Alfred |there"]


def test_the_candidates_are_told() -> None:
    completer = Completer()
    for text, made, chosen in (("hi @al", "hi @alice ", 0), ("hi @alice ", "hi @Alfred ", 1)):
        done = completer.complete(text, len(text), SOURCES)
        assert done is not None
        assert (done.text, done.cursor) == (made, len(made))
        assert (list(done.offer.candidates), done.offer.chosen) == (["@alice", "@Alfred", "@al-x"], chosen)


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


def test_a_label_may_be_typed_in_the_place_of_its_candidate() -> None:
    labels = {"17": "bob hi", "18": "al tea", "19": "bob 17"}
    sources = Sources(arguments={"redact": ["at", "reason"]}, words={"at": lambda begun: labels})
    completer = Completer()
    for typed, candidates in (("", "17 18 19"), ("B", "17 19"), ("1", "17 18 19"), ("18", "18"), ("al", "18")):
        done = completer.complete(f"/redact {typed}", 8 + len(typed), sources)
        assert done is not None
        assert list(done.offer.candidates) == candidates.split()
        assert list(done.offer.labels) == list(done.offer.shown) == [labels[one] for one in candidates.split()]
        assert done.text == f"/redact {done.offer.candidates[0]} "
    assert completer.complete("/redact x", 9, sources) is None
    assert completer.complete("/redact 17 b", 12, sources) is None  # the reason is a text


def test_a_name_is_offered_once() -> None:
    done = Completer().complete("a", 1, Sources(names=["al", "al"]))
    assert done is not None
    assert (done.text, list(done.offer.candidates)) == ("al: ", ["al"])


def test_the_only_folder_is_entered_by_the_next_tab() -> None:
    paths = ["notes/", "notes/a", "notes/b"]
    words = {"file": lambda begun: [path for path in paths if path.startswith(begun)][:1] if begun == "n" else paths}
    sources = Sources(arguments={"log": ["file"]}, words=words)
    completer = Completer()
    assert press(completer, "/log n|", sources=sources) == "/log notes/|"
    assert press(completer, "/log notes/|", sources=sources) == "/log notes/|"
    assert press(completer, "/log notes/|", sources=sources) == "/log notes/a |"


def test_the_kind_that_was_tried_is_known() -> None:
    completer = Completer()
    for text, kind in (("/join x", "room"), ("/ban x", "username"), ("/ban x y z", "username"), ("/jo", "command")):
        completer.complete(text, len(text), SOURCES)
        assert completer.kind == kind
