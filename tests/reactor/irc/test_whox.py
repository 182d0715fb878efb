"""The fields of WHO that a client chooses."""

import pytest

from pylingo.reactor.irc.whox import choose, read_fields

VALUES = {letter: letter.upper() for letter in "cuihsnfdlaor"}


@pytest.mark.parametrize(("word", "fields"), [("%tn,42", "tn,42"), ("o%n", "n"), ("o", ""), ("%", ""), ("", "")])
def test_the_fields_are_behind_a_percent_sign(word: str, fields: str) -> None:
    assert read_fields(word) == fields


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ("tcuihsnfdlaor,123", ["123", *"CUIHSNFDLAOR"]),
        ("roaldfnshiuct,7", ["7", *"CUIHSNFDLAOR"]),
        ("n", ["N"]),
        ("rn", ["N", "R"]),
        ("nt", ["0", "N"]),
        ("tn,1234", ["0", "N"]),
        ("tn,-1", ["0", "N"]),
        ("xyz,1", []),
    ],
)
def test_the_values_have_one_order(fields: str, values: list[str]) -> None:
    assert choose(fields, VALUES) == values
