"""Lines of OpenSSH's authorized_keys: options, key, comment."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.people.authorized_keys import MAX_LINE, parse_line
from tests.fakes.people import key

KEY = key(1).text


@pytest.mark.parametrize("text", ["", "  \t", "#", f"# {KEY}", "  # words", "\r"])
def test_blank_lines_and_comments_are_nothing(text: str) -> None:
    assert parse_line(text) is None


@pytest.mark.parametrize(
    ("before", "options"),
    [
        ("", ()),
        ("operator ", (("operator", None),)),
        ("OPERATOR\t", (("operator", None),)),
        ('name="ada" ', (("name", "ada"),)),
        ('operator,name="ada"  ', (("operator", None), ("name", "ada"))),
        ('name="Ada \\"x\\" L",no-pty ', (("name", 'Ada "x" L'), ("no-pty", None))),
        ('from="10.0.0.0/8,!10.0.0.1" ', (("from", "10.0.0.0/8,!10.0.0.1"),)),
        ('command="ssh-ed25519 x" ', (("command", "ssh-ed25519 x"),)),
        ('name="" ', (("name", ""),)),
        ("cert-authority ", (("cert-authority", None),)),
        ('name="a\\b" ', (("name", "a\\b"),)),
    ],
)
def test_the_options_stand_before_the_key(before: str, options: object) -> None:
    line = parse_line(f"  {before}{KEY} ada@laptop in the office \r")
    assert line is not None
    assert line.options == options
    assert line.key == key(1)
    assert line.comment == "ada@laptop in the office"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f'name="ada {KEY}', "the value of the option 'name' has no closing quotation mark"),
        (f'name="ada"{KEY}', "the option 'name' must be followed by a comma, a space or"),
        (f"name=ada {KEY}", "the option 'name' must be followed by a comma, a space or"),
        (f",operator {KEY}", "this is neither a key nor an option: ',operator'"),
        (f"operator, {KEY}", "this is neither a key nor an option: 'ssh-ed25519'"),
        ("operator", "a line must have a key, 'ssh-ed25519 AAAA…', and this one has 'operator' alone"),
        ("operator,", "this is neither a key nor an option: ''"),
        ("<html>", "this is neither a key nor an option: '<html>'"),
        ("Not Found", "make one with ssh-keygen"),
        (f"{KEY}{KEY}", "two keys are in this line: put each on a line of its own"),
        (f"{KEY} ada@laptop{KEY}", "two keys are in this line"),
        ("ssh-rsa AAAAB3Nza ada", "not 'ssh-rsa': make one with"),
        ("sk-ssh-ed25519@openssh.com AAAA", "make one with"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "this is a private key"),
        ("x" * (MAX_LINE + 1), "a line must have at most 16384 characters"),
    ],
)
def test_a_wrong_line_is_told_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_line(text)


@given(st.text() | st.text(alphabet=f'{KEY},"\\ =operatname#', max_size=120))
def test_any_text_is_a_line_or_a_value_error(text: str) -> None:
    try:
        parse_line(text)
    except ValueError as error:
        assert len(str(error)) < 300
