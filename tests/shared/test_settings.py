"""Tables of settings: one table makes the command line, the keys of the file, and the errors."""

import pytest

from pylingo.shared.launch import LaunchError
from pylingo.shared.settings import Setting, Source, Table, argument_parser, read_file, read_options, table
from pylingo.shared.settings_file import SettingsFile
from pylingo.shared.values import TRUE, ValueType, explained, flag, integer, one_of, path_or_true, size, texts


def even(text: str) -> int:
    if int(text) % 2:
        raise ValueError(f"{text} is odd")
    return int(text)


SETTINGS = table(
    [
        Setting(name="target", type=one_of("here", "there"), metavar="WHERE", about="the target", positional=True),
        Setting(name="max_size", type=size(1, 2**20), metavar="SIZE", about="100% of it", default="1K", outcome="gone"),
        Setting(name="loud", type=flag(), about="noise"),
        Setting(name="more", type=texts(), metavar="TEXT", about="anything else"),
        Setting(name="even", type=ValueType("an even number", explained(even)), metavar="N", about="no odd one"),
        Setting(name="once", type=integer(1, 9), metavar="N", about="an option", source=Source.COMMAND_LINE),
        Setting(name="kept", type=integer(1, 9), metavar="N", about="a key", source=Source.FILE),
        Setting(name="file", type=path_or_true("one"), metavar="FILE", about="a file", without_value=TRUE),
        Setting(
            name="size",
            type=ValueType("big, or a table", one_of("big").parse, toml=(str,), keys={"wide-ish": integer(1, 9)}),
            about="a word or a table",
        ),
        Setting(name="mood", type=one_of("good", "bad"), metavar="MOOD", about="a mood", must_not_be_blank=True),
    ]
)


def options(*arguments: str, settings: Table = SETTINGS) -> dict[str, object]:
    return read_options(settings, argument_parser(settings, "program", "Does something.", "The end."), arguments)


def keys(text: str) -> dict[str, object]:
    return read_file(SETTINGS, SettingsFile("f", text.encode()), "see the manual")


def test_help_says_which_values_an_option_may_have() -> None:
    assert SETTINGS["max_size"].help == ("100% of it (1K): a size from 1 to 1M, such as 64K or 2M; at the limit: gone")
    assert SETTINGS["target"].help == "the target"
    assert SETTINGS["loud"].help == "noise"


def test_a_command_line_is_read_by_its_table() -> None:
    arguments = ["there", "--max-size", "2K", "--loud", "--more=a,b", "--more", "c", "--even", "4", "--once", "3"]
    assert options(*arguments) == {
        "target": "there",
        "max_size": 2_048,
        "loud": True,
        "more": ("a,b", "c"),
        "even": 4,
        "once": 3,
    }
    assert options() == {}, "what is not given is left out"


@pytest.mark.parametrize(
    ("arguments", "value"),
    [(["--file"], TRUE), (["--file", "x"], "x"), (["--file=x"], "x"), (["--file", "--loud"], TRUE)],
)
def test_an_option_may_do_without_its_value(arguments: list[str], value: str) -> None:
    assert options(*arguments)["file"] == value


def test_a_file_is_read_by_its_table() -> None:
    text = 'max-size = "2K"\nloud = false\nmore = ["a,b", "c"]\neven = 4\nkept = 3\ntarget = "HERE"'
    assert keys(text) == {
        "max_size": 2_048,
        "loud": False,
        "more": ("a,b", "c"),
        "even": 4,
        "kept": 3,
        "target": "here",
    }
    assert keys("max_size = 7") == {"max_size": 7}


@pytest.mark.parametrize("key", ["wide-ish", "wide_ish", '"wide-ish"'])
def test_a_key_may_have_a_table_in_its_place(key: str) -> None:
    assert keys("size = 'big'") == {"size": "big"}
    assert keys(f"[size]\n{key} = 3") == keys(f"size = {{{key} = 3}}") == {"size": {"wide-ish": 3}}
    assert keys("[size]") == {"size": {}}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--max-size", "2T"], "--max-size must be a size from 1 to 1M, such as 64K or 2M, not '2T'"),
        (["nowhere"], "WHERE must be one of here, there, not 'nowhere'"),
        (["--even", "3"], "--even: 3 is odd"),
        (["--even", "x" * 100], f"--even: invalid literal for int() with base 10: '{'x' * 100}'"),
        (["--once", "\x1b[2J"], "--once must be a whole number from 1 to 9, not '\ufffd[2J'"),
        (["--kept=1"], "unrecognized arguments: --kept=1 (see --help)"),
        (["--loud=yes"], "argument --loud: ignored explicit argument 'yes' (see --help)"),
    ],
)
def test_a_wrong_option_is_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(LaunchError) as caught:
        options(*arguments)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("\nmax-size = '2T'", "f:2: max_size must be a size from 1 to 1M, such as 64K or 2M, not '2T'"),
        ("loud = 1", "f:1: loud must be true or false, not 1"),
        ("loud = 'true'", "f:1: loud must be true or false, not 'true'"),
        ("more = [1]", "f:1: more must be any text, not [1]"),
        ("kept = true", "f:1: kept must be a whole number from 1 to 9, not true"),
        ("even = '3'", "f:1: even: 3 is odd"),
        ("once = 1", "f:1: there is no setting 'once' (see the manual)"),
        ("[other]\na = 1", "f:1: there is no setting 'other' (see the manual)"),
        ("max-size = 1\nmax_size = 1", "f:2: max_size is given twice, with - and with _"),
        ("[size]\n\nwide-ish = 10", "f:3: size.wide-ish must be a whole number from 1 to 9, not 10"),
        ("[size]\nhigh = 1", "f:2: size must be big, or a table, not one with 'high'"),
        ("[size]\nwide-ish = 1\nwide_ish = 1", "f:3: size.wide-ish is given twice, with - and with _"),
        ("size = 1", "f:1: size must be big, or a table, not 1"),
        ("mood = ' '", "f:1: mood must be one of good, bad, not ' '"),
        (
            f"kept = 0x{'f' * 5_000}",
            "f:1: kept must be a whole number from 1 to 9, not a number of thousands",
        ),
    ],
)
def test_a_wrong_key_is_one_sentence_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(LaunchError) as caught:
        keys(text)
    assert str(caught.value).startswith(sentence)
    assert len(str(caught.value).splitlines()) == 1


def test_help_has_everything_of_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options("--help")
    shown = " ".join(capsys.readouterr().out.split())
    assert "--max-size SIZE 100% of it (1K): a size from 1 to 1M, such as 64K or 2M; at the limit: gone" in shown
    assert "WHERE the target" in shown
    assert "--loud noise" in shown
    assert "--file [FILE]" in shown
    assert "--kept" not in shown
    assert "Does something." in shown
    assert "The end." in shown
