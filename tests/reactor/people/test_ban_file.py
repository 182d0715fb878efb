"""The file of bans that the administrator writes."""

import os
from pathlib import Path

import pytest

from pylingo.reactor.people import ban_file
from pylingo.reactor.people.ban_file import BY, MAX_FILE, parse_bans, read_bans
from pylingo.reactor.people.sanctions import Sanction
from tests.fakes.people import fingerprint
from tests.support import ROOT


def test_each_line_is_a_ban_with_its_reason() -> None:
    text = f"""
# a comment
192.0.2.7
  10.0.0.0/8   spam,  again and again\r
::ffff:198.51.100.0/120
2001:db8::/32 \x1b[2J
{fingerprint(1)} no reason is needed
192.0.2.7/32 the last one counts
"""
    assert parse_bans(text) == (
        Sanction(None, (), "192.0.2.7", BY, "the last one counts", None),
        Sanction(None, (), "10.0.0.0/8", BY, "spam, again and again", None),
        Sanction(None, (), "198.51.100.0/24", BY, None, None),
        Sanction(None, (), "2001:db8::/32", BY, "\ufffd[2J", None),
        Sanction(fingerprint(1), (fingerprint(1),), None, BY, "no reason is needed", None),
    )
    assert parse_bans("") == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ada spam", "line 2: 'ada' is no fingerprint of a key (SHA256:…), address or network (10.0.0.0/8)"),
        ("10.0.0.1/8", "line 2: '10.0.0.1/8' is no fingerprint"),
        ("SHA256:short", "line 2: 'SHA256:short' is no fingerprint"),
        ("10.0.0.0/8 " + "x" * 5_000, "line 2: a reason"),
    ],
)
def test_one_wrong_line_is_an_error_of_the_whole_file(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "bans"
    path.write_text(f"192.0.2.7\n{line}\n")
    with pytest.raises(ValueError, match=r"the file of bans .* cannot be used: ") as caught:
        read_bans(str(path))
    assert words in str(caught.value)


def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "bans"
    for prepare, words in (
        (lambda: None, "cannot read the file of bans .*: No such file"),
        (lambda: path.write_bytes(b"\xff"), "cannot be used: it must be UTF-8"),
        (lambda: path.write_text("#" * (MAX_FILE + 1)), "must have at most 1048576 bytes"),
        (
            lambda: (path.write_text("10.0.0.0/8"), path.chmod(0o666), tmp_path.chmod(0o777)),
            "others can write the file",
        ),
    ):
        prepare()
        with pytest.raises(ValueError, match=words):
            read_bans(str(path))
    tmp_path.chmod(0o700)
    assert len(read_bans(str(path))) == 1
    os.unlink(path)


def test_the_examples_of_the_documents_can_be_read() -> None:
    assert ban_file.__doc__ is not None
    lines = [line.strip() for line in ban_file.__doc__.splitlines() if line.startswith("    ")]
    assert [ban.text for ban in parse_bans("\n".join(lines))] == ["spam", None]
    document = (ROOT / "docs" / "security.md").read_text()
    assert all(line in document for line in lines)
