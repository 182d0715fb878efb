"""The terminal for pictures shows what pyte does not know, and nothing of what asks for keys."""

import dataclasses

import pytest

from tests.drawing.terminal import Look, Terminal


def looks(data: str) -> list[tuple[str, Look]]:
    """The runs of the first row that have text, fed as a whole and byte by byte."""
    whole, bytewise = Terminal(40, 2), Terminal(40, 2)
    whole.feed(data.encode())
    for byte in data.encode():
        bytewise.feed(bytes([byte]))
    assert whole.runs(0) == bytewise.runs(0)
    return [(run.text.rstrip(), run.look) for run in whole.runs(0) if run.text.strip()]


@pytest.mark.parametrize(
    ("sequence", "look"),
    [
        ("", Look()),
        ("\x1b[1m", Look(bold=True)),
        ("\x1b[2m", Look(dim=True)),
        ("\x1b[3m", Look(italic=True)),
        ("\x1b[4m", Look(underline=True)),
        ("\x1b[7m", Look(reverse=True)),
        ("\x1b[1;2;7m", Look(bold=True, dim=True, reverse=True)),
        ("\x1b[31m", Look(ink="red")),
        ("\x1b[38;5;110m", Look(ink="87afd7")),
        ("\x1b[48;5;17m", Look(paper="00005f")),
        ("\x1b[38;2;1;2;22m", Look(ink="010216")),
        ("\x1b[38;5;2;2m", Look(ink="00cd00", dim=True)),
        ("\x1b[2m\x1b[38;5;2m", Look(ink="00cd00", dim=True)),
        ("\x1b[1;2m\x1b[22m", Look()),
        ("\x1b[2m\x1b[m", Look()),
        ("\x1b[5m", Look()),
    ],
)
def test_a_rendition_is_shown(sequence: str, look: Look) -> None:
    assert looks(f"{sequence}ada\x1b[m:") == ([("ada", look), (":", Look())] if look != Look() else [("ada:", Look())])


def test_sequences_that_ask_for_keys_show_nothing() -> None:
    assert looks("\x1b[>4;1m\x1b[>5u\x1b[<u\x1b[=1;1uada") == [("ada", Look())]


def test_runs_cover_the_row() -> None:
    terminal = Terminal(10, 1)
    terminal.feed("\x1b[1mé\x1b[m│ 日\x1b[4m本".encode())
    runs = terminal.runs(0)
    assert [(run.column, run.columns, run.text) for run in runs] == [
        (0, 1, "é"),
        (1, 4, "│ 日"),
        (5, 2, "本"),
        (7, 3, "   "),
    ]
    assert [run.look for run in runs] == [Look(bold=True), Look(), dataclasses.replace(Look(), underline=True), Look()]


def test_the_cursor_and_the_title() -> None:
    terminal = Terminal(10, 3)
    terminal.feed(b"\x1b]2;(1) #lobby\x1b\\\x1b[2;4H")
    assert (terminal.title, terminal.cursor) == ("(1) #lobby", (3, 1))
    terminal.feed(b"\x1b[?25l")
    assert terminal.cursor is None
    terminal.feed(b"\x1b[?25h\x1b[1;1H0123456789")
    assert terminal.cursor == (9, 0), "it stays within the row"
