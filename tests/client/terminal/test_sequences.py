"""Single sequences: the same key in the forms of several terminals, and what is no key."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.client.terminal.input_events import CursorReport, Focus, InputEvent, Key, Mouse, Text
from pylingo.client.terminal.sequences import ALT, SEQUENCE, meaning

KEYS = {
    "up": ["[A", "OA"],
    "home": ["[H", "OH", "[1~", "[7~"],
    "end": ["[F", "OF", "[4~", "[8~"],
    "insert": ["[2~"],
    "page-up": ["[5~"],
    "page-down": ["[6~"],
    "shift-tab": ["[Z", "[9;2u"],
    "ctrl-left": ["[57417;5u", "[1;5D", "Od", "O5D", "O1;5D", "[1;5:1D"],
    "shift-up": ["[1;2A", "[a"],
    "alt-right": ["[1;3C"],
    "ctrl-alt-shift-down": ["[1;8B"],
    "ctrl-delete": ["[3;5~", "[3^"],
    "shift-delete": ["[3;2~", "[3$"],
    "ctrl-shift-delete": ["[3;6~", "[3@"],
    "f1": ["OP", "[11~", "[[A", "[P"],
    "f3": ["OR", "[13~", "[[C"],
    "f5": ["[15~", "[[E"],
    "f12": ["[24~"],
    "ctrl-f4": ["[1;5S"],
    "enter": ["OM", "[13u", "[57414u", "[109;5u"],
    "alt-enter": ["[13;3u", "[27;3;13~"],
    "shift-enter": ["[13;2u", "[27;2;13~"],
    "escape": ["[27u", "[27;1u", "[91;5u"],
    "tab": ["[105;5u", "[9u"],
    "backspace": ["[127u", "[104;5u"],
    "alt-backspace": ["[127;3u"],
    "ctrl-a": ["[97;5u", "[97;69u", "[97:65;5u", "[27;5;97~"],
    "ctrl-space": ["[32;5u"],
    "ctrl-_": ["[47;5u", "[95;5u", "[45:95;6u", "[95;6u", "[27;6;95~"],
    "alt-b": ["[98;3u", "[1080::98;3u"],
    "alt-B": ["[98;4u", "[98:66;4u", "[1080:1048:98;4u"],
    "alt-<": ["[44:60;4u", "[60;3u", "[60;4u"],
    "ctrl-c": ["[99;5u", "[1089::99;5u", "[1089:1057:99;69u"],
    "ctrl-shift-c": ["[99;6u", "[99:67;6u", "[67;6u"],
    "alt-\u0441": ["[1089;3u"],
    "ctrl-enter": ["[13;5u", "[27;5;13~"],
    "delete": ["[3~", "[57426u"],
    "alt-space": ["[32;3u"],
    "ctrl-alt-x": ["[120;7u"],
    "ctrl-;": ["[59;5u"],
}
NOTHING = {
    "attributes": "[?62;22c",
    "secondary attributes": "[>0;276;0c",
    "mode": "[?2004;1$y",
    "mode without a question mark": "[4;1$y",
    "size": "[8;24;80t",
    "mouse moved": "[<35;12;7M",
    "wheel let go": "[<64;12;7m",
    "wheel sideways": "[<66;12;7M",
    "button 8": "[<128;12;7M",
    "mouse released": "[<0;12;7m",
    "mouse of urxvt": "[32;12;7M",
    "mouse released of X10": "[M#!!",
    "a key released": "[1;5:3D",
    "a number that no key has": "[99~",
    "a letter that no key has": "[Y",
    "a control character": "[7u",
    "a C1 control": "[155u",
    "a surrogate": "[55296u",
    "beyond Unicode": "[99999999999999999999u",
    "a key that types nothing": "[57441u",
}


def read(sequence: str, bits: int = 0) -> InputEvent | None:
    found = SEQUENCE.fullmatch(b"\x1b" + sequence.encode())
    assert found, sequence
    return meaning(found, bits)


@pytest.mark.parametrize(("name", "sequence"), [(name, form) for name, forms in KEYS.items() for form in forms])
def test_a_key_has_one_name_in_every_form(name: str, sequence: str) -> None:
    assert read(sequence) == Key(name)


@pytest.mark.parametrize(("sequence", "column"), [("[24;80R", 79), ("[1;2R", 1), ("[24;0R", 0), ("[R", 0)])
def test_where_the_cursor_is(sequence: str, column: int) -> None:
    assert read(sequence) == CursorReport(column), "and not F3 with a modifier"


@pytest.mark.parametrize("sequence", NOTHING.values(), ids=NOTHING)
def test_sequences_that_are_no_key(sequence: str) -> None:
    assert read(sequence) is None


def test_characters_sent_as_sequences() -> None:
    assert [
        read(sequence)
        for sequence in (
            *("[97u", "[97;2u", "[97:65;2u", "[223:63;2u", "[223;2u", "[228u", "[32;2u", "[27;2;65~"),
            *("[57399u", "[57413u", "Op", "Ok"),
        )
    ] == list(map(Text, [*"aAA?ßä A", *"0+0+"]))


NUMBERS = st.one_of(st.integers(0, 0x250), st.sampled_from([1089, 57358, 57399, 57417, 0xD800, 0x110000, 10**30]))
SUBNUMBERS = st.lists(NUMBERS, min_size=1, max_size=3).map(lambda numbers: ":".join(map(str, numbers)))


@given(SUBNUMBERS, st.lists(SUBNUMBERS, max_size=2), st.sampled_from("u~"), st.booleans())
def test_no_sequence_becomes_text_unless_it_stands_for_a_character(
    first: str, others: list[str], final: str, is_xterm: bool
) -> None:
    parameters = ["27", first, *others] if is_xterm else [first, *others]
    event = read(f"[{';'.join(parameters)}{final}")
    assert event is None or isinstance(event, Key | Text)
    if isinstance(event, Text):
        assert len(event.text) == 1
        assert unicodedata.category(event.text) not in ("Cc", "Cs", "Co")
        modifiers = int((parameters[1:] or ["1"])[0].split(":")[0])
        assert not max(0, modifiers - 1) & 6, "with Ctrl or Alt it is a key"


def test_reports_of_the_focus() -> None:
    assert [read("[I"), read("[O")] == [Focus(True), Focus(False)]
    assert read("[1I") is None


@pytest.mark.parametrize(
    ("sequence", "event"),
    [
        ("[<0;12;7M", Mouse("left", 11, 6)),
        ("[<1;1;1M", Mouse("middle", 0, 0)),
        ("[<2;0;0M", Mouse("right", 0, 0)),
        ("[<64;300;200M", Mouse("wheel-up", 299, 199)),
        ("[<4;1;1M", Mouse("shift-left", 0, 0)),
        ("[<81;1;1M", Mouse("ctrl-wheel-down", 0, 0)),
        ("[M +#", Mouse("left", 10, 2)),
        ("[M   ", Mouse("left", 0, 0)),
    ],
)
def test_the_mouse_and_where_it_is(sequence: str, event: Mouse) -> None:
    assert read(sequence) == event


def test_alt_is_added() -> None:
    assert read("[A", ALT) == Key("alt-up")
    assert read("[1;5A", ALT) == Key("ctrl-alt-up")
    assert read("[1;3A", ALT) == Key("alt-up")


@pytest.mark.parametrize(
    "beginning", ["", "[", "[1", "[1;", "[[", "[M", "[M !", "O", "[?1$", "[\x1b", "[1\rA", "[\xe9"]
)
def test_a_sequence_that_is_not_whole_is_not_found(beginning: str) -> None:
    assert SEQUENCE.match(b"\x1b" + beginning.encode("latin-1")) is None
