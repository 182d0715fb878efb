"""The table of numerics is sound, and no word of a peer breaks a line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.irc.lines import MAX_LINE
from pylingo.reactor.irc.message import needs_colon, parse
from pylingo.reactor.irc.numerics import MAX_QUOTED, Numeric, as_middle


def fields_of(numeric: Numeric) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", str(numeric.value)))


def test_each_number_is_there_once() -> None:
    numbers = [numeric.number for numeric in Numeric]
    assert len(numbers) == len(set(numbers)) == len(Numeric.__members__)
    assert all(re.fullmatch(r"\d{3}", number) for number in numbers)


def test_the_table_is_in_the_order_of_the_numbers() -> None:
    numbers = [numeric.number for numeric in Numeric]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("numeric", Numeric)
def test_the_middle_parameters_need_no_colon(numeric: Numeric) -> None:
    assert not any(map(needs_colon, numeric.middle))


def test_a_line() -> None:
    line = Numeric.RPL_TOPIC.line("irc.example", "ada", channel="#tea", topic="leaves and cups")
    assert line == b":irc.example 332 ada #tea :leaves and cups\r\n"
    assert Numeric.ERR_NOMOTD.line("s", "*") == b":s 422 * :MOTD File is missing\r\n"
    assert Numeric.RPL_UMODEIS.line("s", "ada", modes="+i") == b":s 221 ada +i\r\n"


def test_tokens_are_parameters_of_their_own() -> None:
    line = Numeric.RPL_ISUPPORT.line("s", "ada", tokens="CHANTYPES=# UTF8ONLY")
    assert line == b":s 005 ada CHANTYPES=# UTF8ONLY :are supported by this server\r\n"


def test_a_missing_value_is_a_bug() -> None:
    with pytest.raises(KeyError):
        Numeric.RPL_TOPIC.line("s", "ada", channel="#tea")


@pytest.mark.parametrize(
    ("word", "safe"),
    [
        ("#tea", "#tea"),
        ("", "*"),
        (" ", "*"),
        (":", "*"),
        ("::a", "a"),
        ("a b", "a"),
        (" a", "a"),
        ("a\r\nb", "a"),
        ("a\0b", "a"),
        ("x" * 200, "x" * MAX_QUOTED),
    ],
)
def test_a_word_is_made_fit_for_its_place(word: str, safe: str) -> None:
    assert as_middle(word) == safe


@given(st.sampled_from(list(Numeric)), st.text(st.characters(exclude_categories=["Cs"])))
def test_no_word_breaks_a_line(numeric: Numeric, word: str) -> None:
    values = dict.fromkeys(fields_of(numeric) - {"tokens"}, word) | {"tokens": "A=1 B"}
    line = numeric.line("irc.example", word, **values)
    assert line.count(b"\n") == line.count(b"\r") == 1
    message = parse(line[:-2])
    count = 1 + len(numeric.middle) + (numeric.trailing is not None) + ("{tokens}" in numeric.middle)
    assert (message.command, message.source) == (numeric.number, "irc.example")
    is_cut = len(line) > MAX_LINE - 4  # a character may be left out as a whole
    assert len(message.params) <= count if is_cut else len(message.params) == count
