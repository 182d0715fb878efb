"""Notifications: which terminal gets which sequence, and that nothing in the words is alive."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.client.terminal.cells import width
from pylingo.client.terminal.model import Notify
from pylingo.client.terminal.notifications import (
    LONGEST_TEXT,
    LONGEST_TITLE,
    Carrier,
    Protocol,
    carrier,
    notification,
)
from tests.support import is_live

XTERM = {"TERM": "xterm-256color"}
TMUX = {"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0/default,1,0", "TERM_PROGRAM": "tmux"}
PROTOCOLS = [protocol for protocol in Protocol if protocol is not Protocol.BELL]


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({}, "bell"),
        (XTERM, "bell"),
        ({"TERM": "xterm-kitty"}, "99"),
        (XTERM | {"KITTY_WINDOW_ID": "1"}, "99"),
        ({"TERM": "xterm-ghostty"}, "777"),
        (XTERM | {"TERM_PROGRAM": "ghostty"}, "777"),
        ({"TERM": "foot-extra"}, "777"),
        ({"TERM": "rxvt-unicode-256color"}, "777"),
        (XTERM | {"TERM_PROGRAM": "WezTerm"}, "777"),
        (XTERM | {"TERM_PROGRAM": "iTerm.app"}, "9"),
        (XTERM | {"LC_TERMINAL": "iTerm2"}, "9"),
        (XTERM | {"WT_SESSION": "0"}, "777"),
        (XTERM | {"TERM_PROGRAM": "Apple_Terminal"}, "bell"),
        (XTERM | {"TERM_PROGRAM": "WezTerm", "KITTY_WINDOW_ID": "1"}, "777"),  # begun from kitty
        ({"TERM": "xterm-kitty", "TERM_PROGRAM": "WezTerm"}, "99"),  # and the other way round
    ],
)
def test_sequences_that_a_terminal_understands(environment: dict[str, str], protocol: str) -> None:
    assert carrier(environment) == Carrier(Protocol(protocol))


def test_tmux_passes_on_what_the_terminal_around_it_understands() -> None:
    assert carrier(TMUX) == Carrier(Protocol.BELL, is_in_tmux=True)
    assert carrier(TMUX | {"KITTY_WINDOW_ID": "1"}) == Carrier(Protocol.OSC_99, is_in_tmux=True)
    assert carrier(TMUX | {"TERM": "screen-256color", "WEZTERM_PANE": "0"}) == Carrier(Protocol.OSC_777, True)
    assert carrier(XTERM | {"TMUX": "/tmp/x", "KITTY_WINDOW_ID": "1"}) == Carrier(Protocol.OSC_99), "not in tmux itself"


@pytest.mark.parametrize("term", ["screen", "tmux-256color"])
def test_a_multiplexer_that_we_cannot_pass_through(term: str) -> None:
    assert carrier({"TERM": term, "KITTY_WINDOW_ID": "1"}) == Carrier(Protocol.BELL)


@pytest.mark.parametrize("wanted", ["9", "99", "777", "bell"])
def test_the_setting_is_stronger(wanted: str) -> None:
    assert carrier({"TERM": "xterm-kitty"}, wanted) == Carrier(Protocol(wanted))
    assert carrier(TMUX, wanted) == Carrier(Protocol(wanted), is_in_tmux=True)


@pytest.mark.parametrize(
    ("protocol", "output"),
    [
        (Protocol.OSC_9, "\x1b]9;bob in lobby: hi there\x1b\\"),
        (Protocol.OSC_777, "\x1b]777;notify;bob in lobby;hi there\x1b\\"),
        (Protocol.BELL, ""),
    ],
)
def test_the_sequences(protocol: Protocol, output: str) -> None:
    assert notification(Notify("bob in lobby", "hi there", "lobby"), Carrier(protocol)) == output


def test_the_sequence_of_kitty_names_the_buffer() -> None:
    output = notification(Notify("bob", "hi", "@bob"), Carrier(Protocol.OSC_99))
    parts = (r"\x1b]99;i=(.*?):o=unfocused:d=0;bob\x1b\\", r"\x1b]99;i=(.*?):o=unfocused:p=body;hi\x1b\\")
    found = re.fullmatch("".join(parts), output)
    assert found is not None
    assert found[1] == found[2]
    assert re.fullmatch("[a-z0-9-]+", found[1])
    assert notification(Notify("bob", "hi", "lobby"), Carrier(Protocol.OSC_99)) != output


def test_tmux_gets_the_sequence_to_pass_on() -> None:
    output = notification(Notify("bob", "hi", "@bob"), Carrier(Protocol.OSC_9, is_in_tmux=True))
    assert output == "\x1bPtmux;\x1b\x1b]9;bob: hi\x1b\x1b\\\x1b\\"
    assert notification(Notify("bob", "hi", "@bob"), Carrier(Protocol.BELL, is_in_tmux=True)) == ""


def words_of(output: str) -> str:
    """What is left without the frame of the sequences."""
    frame = r"\x1b]9;|\x1b]777;notify;|\x1b]99;i=[a-z0-9-]+:o=unfocused:(?:d=0|p=body);|\x1b\\"
    return re.sub(frame, "", output)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(title=st.text(max_size=100), text=st.text(max_size=300))
def test_nothing_in_the_words_is_alive(protocol: Protocol, title: str, text: str) -> None:
    output = notification(Notify(title, text, title), Carrier(protocol))
    words = words_of(output)
    assert not any(map(is_live, words))
    assert words.count(";") == (protocol is Protocol.OSC_777)
    assert output.count("\x1b") == (4 if protocol is Protocol.OSC_99 else 2)
    assert "\n" not in output
    assert width(words) <= LONGEST_TITLE + LONGEST_TEXT + len(": ")


@pytest.mark.parametrize("text", ["4;1;50", "9;/tmp", "\x1b\\4;1", "4\x07;3"])
def test_no_words_are_taken_for_the_progress_of_a_program(text: str) -> None:
    for title in ("", "4", "4;1", text):
        output = notification(Notify(title, text, "x"), Carrier(Protocol.OSC_9))
        assert not re.match(r"\x1b]9;[0-9]*;", output)


def test_long_words_are_cut_and_rows_joined() -> None:
    output = notification(Notify("n" * 100, "one\n\ntwo  " + "x" * 300, "x"), Carrier(Protocol.OSC_777))
    title, text = words_of(output).split(";")
    assert title == "n" * (LONGEST_TITLE - 1) + "\u2026"
    assert text.startswith("one two xxx")
    assert text.endswith("x\u2026")
    assert len(text) == LONGEST_TEXT


def test_a_message_of_many_marks_stays_within_its_row() -> None:
    output = notification(Notify("b", "a" + "\u0301" * 1_000, "x"), Carrier(Protocol.OSC_9))
    assert output.count("\u0301") == 4
