"""Keys and pastes: the same events however the bytes arrive, no reply taken for text, and linear work."""

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pylingo.client.terminal.input_events import CursorReport, Focus, InputEvent, Key, Mouse, Paste, Text
from pylingo.client.terminal.keys import (
    LONGEST_PASTE,
    LONGEST_SEQUENCE,
    LONGEST_STRING,
    PASTE_PATIENCE,
    SEQUENCE_PATIENCE,
    KeyDecoder,
)

OWN = {"\x1bOA": "own-up", "\x1b?x": "own-x", "\x1b?xy": "own-xy", "q": "own-q", "\x7f": "delete"}


def read(*pieces: bytes, own: dict[str, str] | None = None) -> list[InputEvent]:
    """The events of these pieces and of the flush after them, adjacent texts as one."""
    decoder = KeyDecoder(own or {})
    events = [event for piece in pieces for event in decoder.feed(piece)]
    events += decoder.flush()
    assert decoder.patience is None
    merged: list[InputEvent] = []
    for event in events:
        if isinstance(event, Text) and merged and isinstance(merged[-1], Text):
            merged[-1] = Text(merged[-1].text + event.text)
        else:
            merged.append(event)
    return merged


def keys(*names: str) -> list[InputEvent]:
    return [Key(name) for name in names]


PASTED = b"\x1b[200~%b\x1b[201~"
CASES: dict[str, tuple[bytes, list[InputEvent]]] = {
    "nothing": (b"", []),
    "text": (b"hello world", [Text("hello world")]),
    "beyond ASCII": ("ü漢👩‍💻".encode(), [Text("ü漢👩‍💻")]),
    "not UTF-8": (b"a\xff\xc3b", [Text("a\ufffd\ufffdb")]),
    "half a character before a key": (b"\xe6\xbc\r", [Text("\ufffd"), Key("enter")]),
    "half a character at the end": (b"a\xe6\xbc", [Text("a\ufffd")]),
    "surrogates": (b"\xed\xa0\x80", [Text("\ufffd" * 3)]),
    "C1 controls": ("a\x85\x9bb".encode(), [Text("ab")]),
    "enter": (b"\r\n", keys("enter", "enter")),
    "controls": (b"\x00\x01\x1a\x09\x1c\x1f", keys("ctrl-space", "ctrl-a", "ctrl-z", "tab", "ctrl-\\", "ctrl-_")),
    "backspace": (b"\x7f\x08", keys("backspace", "backspace")),
    "an unbracketed paste": (
        b"a\rb\t\x03",
        [Text("a"), Key("enter"), Text("b"), *keys("tab", "ctrl-c")],
    ),
    "escape": (b"\x1b", keys("escape")),
    "escape twice": (b"\x1b\x1b", keys("escape", "escape")),
    "escape three times": (b"\x1b\x1b\x1b", keys("escape", "escape", "escape")),
    "escape and text": (b"\x1b\x1babc", [*keys("escape", "alt-a"), Text("bc")]),
    "escape and a control": (b"\x1b\x03", keys("escape", "ctrl-c")),
    "alt": (b"\x1bb\x1bB\x1b.\x1b \x1b<", keys("alt-b", "alt-B", "alt-.", "alt-space", "alt-<")),
    "alt enter": (b"\x1b\r\x1b\n", keys("alt-enter", "alt-enter")),
    "alt backspace": (b"\x1b\x7f\x1b\x08", keys("alt-backspace", "alt-backspace")),
    "alt beyond ASCII": (
        "\x1bü\x1b漢\x1b😀x".encode(),
        [*keys("alt-ü", "alt-漢", "alt-😀"), Text("x")],
    ),
    "alt and half a character": (b"\x1b\xe6\xbcx", [Key("escape"), Text("\ufffdx")]),
    "alt and a C1 control": (b"\x1b\xc2\x85x", [Key("escape"), Text("x")]),
    "alt as rxvt sends it": (b"\x1b\x1b[A\x1b\x1bOd\x1b\x1b[3~", keys("alt-up", "ctrl-alt-left", "alt-delete")),
    "escape and a key": (b"\x1b\x1b[200~a\x1b[201~", [Key("escape"), Paste("a")]),
    "escape and a reply": (b"\x1b\x1b[24;80R", [*keys("escape"), CursorReport(79)]),
    "brackets and letters with alt": (b"\x1b[\r\x1bO\r\x1b]", keys("alt-[", "enter", "alt-O", "enter", "alt-]")),
    "keys between text": (b"a\x1b[1;5Db\x1b[3~", [Text("a"), Key("ctrl-left"), Text("b"), Key("delete")]),
    "linux F1": (b"\x1b[[Ax", [Key("f1"), Text("x")]),
    "half a sequence": (b"a\x1b[1;5", [Text("a")]),
    "a sequence broken off by another": (b"\x1b[1;5\x1b[A", keys("up")),
    "a sequence broken off by a key": (b"\x1b[1;5\r", keys("enter")),
    "a sequence broken off by text": ("\x1b[1;5ü".encode(), [Text("ü")]),
    "as long as may be": (b"\x1b[" + b"0" * 60 + b"1Ax", [Key("up"), Text("x")]),
    "too long": (b"\x1b[" + b"0" * 61 + b"1Ax", [Text("x")]),
    "far too long": (b"\x1b[" + b"1;" * 9_999 + b"Ax", [Text("x")]),
    "far too long and broken off": (b"\x1b[" + b"1" * 9_999 + b"\rx", [Key("enter"), Text("x")]),
    "far too long without an end": (b"\x1b[" + b"1" * 9_999, []),
    "SS3 too long": (b"\x1bO" + b"1" * 62 + b"x", [Text("x")]),
    "replies": (b"\x1b[?62;22c\x1b[1;2R\x1b[?2026;2$y\x1b[>1;2cx", [CursorReport(1), Text("x")]),
    "mouse": (
        b"\x1b[<0;1;1Ma\x1b[<0;1;1mb\x1b[M \xff!c",
        [Mouse("left", 0, 0), Text("ab"), Mouse("left", 222, 0), Text("c")],
    ),
    "wheel": (
        b"\x1b[<64;1;1M\x1b[<65;200;9M\x1b[M`\xff!",
        [Mouse("wheel-up", 0, 0), Mouse("wheel-down", 199, 8), Mouse("wheel-up", 222, 0)],
    ),
    "mouse broken off": (b"\x1b[M \rx", [Key("enter"), Text("x")]),
    "OSC with BEL": (b"\x1b]11;rgb:1/2/3\x07x", [Text("x")]),
    "OSC with ST": (b"\x1b]11;rgb:1/2/3\x1b\\x", [Text("x")]),
    "DCS, APC, PM, SOS": (b"\x1bP1$r\x1b\\a\x1b_Gi=1;OK\x1b\\b\x1b^p\x1b\\c\x1bXs\x1b\\d", [Text("abcd")]),
    "a string beyond ASCII": ("\x1b]0;ü漢\x07x".encode(), [Text("x")]),
    "a string broken off": (b"\x1b]11;rgb\x1b[Ax\x1b]11\x18y", [Key("up"), Text("xy")]),
    "a string without an end": (b"\x1b]11;rgb", []),
    "a string without an end and ESC": (b"\x1b]11;rgb\x1b", []),
    "a string as long as may be": (b"\x1b]" + b"s" * (LONGEST_STRING - 1) + b"\x07x", [Text("x")]),
    "a string too long": (b"\x1b]" + b"s" * LONGEST_STRING + b"xyz", [Text("xyz")]),
    "focus": (b"\x1b[Ia\x1b[O", [Focus(True), Text("a"), Focus(False)]),
    "paste": (PASTED % b"a\tb" + b"c", [Paste("a\tb"), Text("c")]),
    "an empty paste": (PASTED % b"", [Paste("")]),
    "line ends in a paste": (PASTED % b"a\r\nb\rc\nd\r\r\n\r", [Paste("a\nb\nc\nd\n\n\n")]),
    "sequences in a paste": (PASTED % b"\x1b[A\x1b[200~\x1b", [Paste("\x1b[A\x1b[200~\x1b")]),
    "not UTF-8 in a paste": (PASTED % b"a\xffb\xe6", [Paste("a\ufffdb\ufffd")]),
    "a paste without an end": (b"\x1b[200~a\r\nb\r", [Paste("a\nb\n")]),
    "a paste with half an end": (b"\x1b[200~ab\x1b[20", [Paste("ab")]),
    "two pastes": (PASTED % b"a" * 2, [Paste("a"), Paste("a")]),
    "the end of a paste alone": (b"\x1b[201~x", [Text("x")]),
    "a paste as long as may be": (PASTED % (b"a\r\n" * (LONGEST_PASTE // 2)), [Paste("a\n" * (LONGEST_PASTE // 2))]),
    "a paste too long": (PASTED % (b"a" * LONGEST_PASTE + b"b") + b"c", [Paste("a" * LONGEST_PASTE, True), Text("c")]),
}


@given(st.lists(st.text("0123456789:", max_size=12), max_size=4), st.sampled_from("u~"))
def test_nothing_of_a_numbered_key_is_left_over_as_text(parameters: list[str], final: str) -> None:
    sequence = f"\x1b[{';'.join(parameters)}{final}".encode()
    if sequence == b"\x1b[200~":
        return
    for pieces in ([sequence + b"x"], [bytes([byte]) for byte in sequence + b"x"]):
        events = read(*pieces)
        typed = [event.text for event in events if isinstance(event, Text)]
        assert len(typed) == 1
        assert typed[0].endswith("x")
        assert len(typed[0]) + len(events) <= 3, "at most one key or character before it"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 4_096, 10**6])
@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=CASES)
def test_events(data: bytes, expected: list[InputEvent], size: int) -> None:
    assert read(*(data[at : at + size] for at in range(0, len(data), size))) == expected


def test_text_that_came_together_is_one_event() -> None:
    assert KeyDecoder().feed("a bü漢".encode()) == [Text("a bü漢")]


def test_the_terminal_s_own_sequences() -> None:
    """The longest wins, also over a built-in one; what does not begin with ESC is left as it was."""
    expected = [Key("own-up"), Key("own-x"), Text("z"), *keys("own-xy", "backspace"), Text("q"), *keys("down", "alt-?")]
    data = b"\x1bOA\x1b?xz\x1b?xy\x7fq\x1bOB\x1b?"
    assert read(data, own=OWN) == expected
    assert read(*(bytes([byte]) for byte in data), own=OWN) == expected
    assert read(b"\x1b?x", own=OWN) == keys("own-x")


@pytest.mark.parametrize(
    ("data", "patience"),
    [
        (b"", None),
        (b"abc\r", None),
        (b"\x1b[A", None),
        (b"\x1b", SEQUENCE_PATIENCE),
        (b"\x1b[1;", SEQUENCE_PATIENCE),
        (b"\x1b[" + b"1" * 100, SEQUENCE_PATIENCE),
        (b"\x1b]0;t", SEQUENCE_PATIENCE),
        (b"\xe6\xbc", SEQUENCE_PATIENCE),
        (b"\x1b[200~", PASTE_PATIENCE),
        (b"\x1b[200~abc\x1b", PASTE_PATIENCE),
        (PASTED % b"a", None),
    ],
)
def test_patience(data: bytes, patience: float | None) -> None:
    decoder = KeyDecoder()
    decoder.feed(data)
    assert decoder.patience == patience
    decoder.flush()
    assert decoder.patience is None
    assert decoder.feed(b"x") == [Text("x")]


def test_a_paste_that_stalls_is_waited_for() -> None:
    decoder = KeyDecoder()
    assert decoder.feed(b"\x1b[200~first\rsec") == []
    assert (decoder.is_pasting, decoder.patience) == (True, 10.0)
    assert decoder.feed(b"ret\r\x03\x1a\x1c\x1b[201~") == [Paste("first\nsecret\n\x03\x1a\x1c")]
    assert (decoder.is_pasting, decoder.patience) == (False, None)


@pytest.mark.parametrize("rest", [b"secret\r\x1b[201~", b"a line\r" * 10, b"x\r\x1b[201~\x1b[200~y\x1b[201~"])
def test_the_rest_of_a_paste_that_was_given_up_is_no_typing(rest: bytes) -> None:
    decoder = KeyDecoder()
    decoder.feed(b"\x1b[200~first\r")
    assert decoder.flush() == [Paste("first\n")]
    events = [*decoder.feed(rest), *decoder.flush()]
    assert events
    assert all(isinstance(event, Paste) for event in events)


@pytest.mark.parametrize("typed", [b"a", b"hello\r", PASTED % b"y"])
def test_after_a_paste_was_given_up_keys_are_keys(typed: bytes) -> None:
    decoder = KeyDecoder()
    decoder.feed(b"\x1b[200~first\r")
    decoder.flush()
    assert decoder.feed(typed) == KeyDecoder().feed(typed)
    assert decoder.feed(b"secret\r\x1b[201~") == [Text("secret"), Key("enter")]


def test_a_lone_escape_waits_for_the_flush() -> None:
    decoder = KeyDecoder()
    assert decoder.feed(b"\x1b") == []
    assert decoder.flush() == keys("escape")
    assert decoder.feed(b"b") == [Text("b")]


# --- any bytes

PIECES = [
    *(
        b"\x1b",
        b"\x1b[",
        b"\x1bO",
        b"\x1b]",
        b"\x1bP",
        b"\x1b\\",
        b"[A",
        b"1;5D",
        b"\x1b[200~",
        b"\x1b[201~",
        b"\x1b[M",
    ),
    *(b"\x1b?x", b"y", b"\x07", b"\x18", b"\r", b"\n", b"a", b"R", b";", b"$", b"u", b"\x00", b"\x7f"),
    *(b"\xc3", b"\xbc", b"\xe6\xbc", b"\xa2", b"\xc2\x9b", b"\xff", b"0" * 70, b"s" * LONGEST_STRING),
]
STREAMS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=24).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(STREAMS, st.lists(st.integers(0, 2**16), max_size=12), st.booleans())
@example(b"\x1b[200~\r\n\x1b[201~", [7], False)
@example(b"\xf0\x9f\x98\x80", [1, 2, 3], False)
def test_any_split_gives_the_same_events(data: bytes, places: list[int], own: bool) -> None:
    ends = sorted({place % (len(data) + 1) for place in places})
    pieces = [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]
    table = OWN if own else {}
    whole = read(data, own=table)
    assert read(*pieces, own=table) == whole
    assert read(*(bytes([byte]) for byte in data), own=table) == whole


@settings(max_examples=300, deadline=None)
@given(st.lists(STREAMS | st.none(), max_size=6))
def test_text_has_no_controls_and_little_is_kept(pieces: list[bytes | None]) -> None:
    """With flushes anywhere (None)."""
    decoder = KeyDecoder()
    for piece in pieces:
        for event in decoder.flush() if piece is None else decoder.feed(piece):
            if isinstance(event, Text):
                assert event.text
                assert not any(char < " " or "\x7f" <= char < "\xa0" for char in event.text)
        assert len(decoder.pending) <= LONGEST_SEQUENCE + 1
        assert (piece is not None) or decoder.patience is None


# --- work


class Counted(bytes):
    """Counts the bytes that are copied out of it."""

    copied = 0

    def __getitem__(self, place: Any) -> Any:
        part = super().__getitem__(place)
        Counted.copied += len(part) if isinstance(part, bytes) else 1
        return part


def work(data: bytes, size: int) -> int:
    """Calls, and bytes copied, for `data` in pieces of `size`."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += 1

    decoder = KeyDecoder(OWN)
    pieces = [Counted(data[at : at + size]) for at in range(0, len(data), size)]
    Counted.copied = 0
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for piece in pieces:
            decoder.feed(piece)
        decoder.flush()
    finally:
        sys.setprofile(before)
    return calls + Counted.copied


UNITS = [b"a", b"\x1b", b"\x1b[", b"\x1b]", b"\x1b[200~", b"a line\r", b"\x1b[1", b"\x1b\x1b[1", b"\xe6"]


@pytest.mark.parametrize("size", [1, 10**7])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("before", [b"", b"\x1b[200~"])
def test_twice_the_input_is_twice_the_work(before: bytes, unit: bytes, size: int) -> None:
    once, twice = (work(before + unit * count, size) for count in (1_500, 3_000))
    assert twice <= 2.5 * once + 100  # a string swallows its first 4,096 bytes for next to nothing
    assert once <= 200 * (1_500 * len(unit) + len(before))
