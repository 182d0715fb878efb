"""The members file: who is listed, under which name, and which lines are skipped."""

import os
from pathlib import Path

import pytest

from pylingo.reactor.people import members as module
from pylingo.reactor.people.members import NOBODY, Member, parse_members, read_members
from tests.fakes.people import fingerprint, key
from tests.fakes.small_order import as_text, small_keys

ONE, TWO, THREE = key(1).text, key(2).text, key(3).text


def listed(text: str) -> dict[str, tuple[str | None, bool]]:
    """Name and rank by fingerprint. No line may be skipped."""
    members = parse_members(text)
    assert members.warnings == ()
    return {fingerprint: (member.name, member.operator) for fingerprint, member in members.items()}


def test_nobody_is_listed_in_an_empty_file() -> None:
    assert listed("") == listed("\n# nobody yet\n\n") == {}
    assert len(NOBODY) == 0


def test_the_keys_as_a_forge_gives_them_are_members_without_names() -> None:
    assert listed(f"{ONE}\n{TWO}") == {fingerprint(1): (None, False), fingerprint(2): (None, False)}


def test_a_comment_is_the_name_if_it_is_a_valid_one() -> None:
    text = f"{ONE} ada\n{TWO} grace@laptop\r\n{THREE} Jean Bartik\n{key(4).text} guest-7\n"
    assert [name for name, _ in listed(text).values()] == ["ada", None, None, None]


def test_options_give_the_name_and_the_rank() -> None:
    text = f'operator {ONE} ada\nname="grace" {TWO} laptop\noperator,name="Jean" {THREE}\n'
    assert listed(text) == {
        fingerprint(1): ("ada", True),
        fingerprint(2): ("grace", False),
        fingerprint(3): ("Jean", True),
    }


def test_lines_with_one_name_are_one_persons_keys() -> None:
    members = parse_members(f'name="ada" {ONE}\nname="Ada" {TWO}\n{THREE} grace\n')
    assert members.warnings == ()
    assert [member.person for member in members.values()] == ["ada", "ada", None]


def test_a_comment_makes_nobody_of_two_people_one() -> None:
    members = parse_members(f"{ONE} laptop\n{TWO} Laptop\noperator {THREE} desk\n")
    assert [(member.name, member.person) for member in members.values()] == [(None, None), (None, None), ("desk", None)]
    assert [number for number, _ in members.warnings] == [1, 2]
    assert "write name=" in members.warnings[0][1]


def test_a_comment_gives_no_name_that_another_line_gives_with_the_option() -> None:
    members = parse_members(f'operator {ONE} ada\nname="ada" {TWO}\n')
    assert members[fingerprint(1)] == Member(key(1), None, True)
    assert members[fingerprint(2)] == Member(key(2), "ada", False, "ada")
    assert [number for number, _ in members.warnings] == [1]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f'from="10.0.0.0/8" {ONE}', "the option 'from' is not known here, and the key might be restricted by it"),
        (f'name="ada",expiry-time="20260101" {ONE}', "the option 'expiry-time' is not known here"),
        (f"cert-authority {ONE}", "the option 'cert-authority' is not known here"),
        (f"restrict {ONE}", "the option 'restrict' is not known here"),
        (f'command="/bin/false",operator {ONE}', "the option 'command' is not known here"),
        (f'operator="no" {ONE}', "the options are operator, without a value"),
        (f"name {ONE}", "the options are operator, without a value"),
        (f'name="ada",name="grace" {ONE}', 'and name="ada", once'),
        (f'name="ada lovelace" {ONE}', "can contain only letters, digits and - _ ."),
        (f'name="guest-1" {ONE}', "names like guest-12 are reserved"),
        (f'name="" {ONE}', "a name must have 1 to 32 characters"),
        (f'name="аlice" {ONE}', "letters of one script only"),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB ada", "make one with ssh-keygen -t ed25519"),
        ("<!DOCTYPE html>", "this is neither a key nor an option"),
        ("Not Found", "make one with ssh-keygen"),
        (ONE[:-1], "copy the whole line"),
        *((f"operator {as_text(raw)} eve", "with this key anybody can sign") for raw in small_keys()),
        (ONE + TWO, "two keys are in this line"),
        (f'name="\udcff" {ONE}', "name="),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_skipped(line: str, sentence: str) -> None:
    members = parse_members(f"{TWO} grace\n{line}\n{THREE} jean\n")
    assert [*members] == [fingerprint(2), fingerprint(3)]
    ((number, words),) = members.warnings
    assert number == 2
    assert sentence in words
    assert words.isprintable()


def test_of_two_lines_with_one_key_the_first_counts() -> None:
    members = parse_members(f"{ONE} ada\n\noperator {ONE} ada\n")
    assert [*members.values()] == [Member(key(1), "ada")]
    assert members.warnings == ((3, "the key is in line 1 already, which counts"),)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "members"
    path.write_bytes(b"\xef\xbb\xbf" + f"{ONE} ada\r\n{TWO} ".encode() + b"caf\xe9\r\n")
    members = read_members(str(path))
    assert [member.name for member in members.values()] == ["ada", None]
    assert members.warnings == ()


def test_a_file_that_cannot_be_used_is_an_error_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def error(path: str) -> str:
        with pytest.raises(ValueError, match="members") as caught:
            read_members(path)
        return str(caught.value)

    assert error("members") == "cannot read the members file members: No such file or directory"
    assert error(".") == "cannot read the members file .: Is a directory"
    assert error("/dev/null") == "the members file /dev/null must be a regular file"
    Path("members").write_bytes(b"\n")
    words = "put back a copy of it, or write a comment into it"
    assert error("members") == f"the members file members is empty: {words}"
    Path("members").write_bytes(ONE.encode() + b"\n\0\0\0\0")
    assert error("members") == "the members file members is damaged: it has NUL bytes"
    monkeypatch.setattr(module, "MAX_FILE", 10)
    assert error("members") == "the members file members must have at most 10 bytes"


@pytest.mark.parametrize("last", [TWO, f'operator,name="ada" {TWO}'])
def test_a_file_that_is_cut_off_in_a_key_is_refused(tmp_path: Path, last: str) -> None:
    path = tmp_path / "members"
    for size in range(1, len(last)):
        path.write_text(f"{ONE}\n{last[:size]}")
        if last[:size].strip():
            with pytest.raises(ValueError, match="is cut off: the last line is not whole and has no end of line"):
                read_members(str(path))
    path.write_text(f"{ONE}\n{last[:-1]}\n")
    assert [*read_members(str(path))] == [fingerprint(1)]
    path.write_text(f"{ONE}\n{last}")
    assert [*read_members(str(path))] == [fingerprint(1), fingerprint(2)]


@pytest.mark.parametrize("last", ["# words", "ssh-rsa AAAAB3Nza ada", "ecdsa-sha2-nistp256 AAAA", f'from="x" {TWO}'])
def test_a_last_line_without_an_end_may_be_a_comment_or_skipped(tmp_path: Path, last: str) -> None:
    path = tmp_path / "members"
    path.write_text(f"{ONE}\n{last}")
    assert [*read_members(str(path))] == [fingerprint(1)]


@pytest.mark.parametrize(
    ("mode", "folder", "is_fine"),
    [
        (0o600, 0o755, True),
        (0o644, 0o755, True),
        (0o664, 0o755, False),
        (0o646, 0o755, False),
        (0o664, 0o700, True),  # nobody else reaches it
        (0o666, 0o700, True),
        (0o664, 0o701, True),
        (0o646, 0o710, True),
        (0o646, 0o701, False),
    ],
)
def test_a_file_that_others_can_write_is_refused(tmp_path: Path, mode: int, folder: int, is_fine: bool) -> None:
    path = tmp_path / "data" / "members"
    path.parent.mkdir()
    path.write_text(ONE)
    path.chmod(mode)
    path.parent.chmod(folder)
    if is_fine:
        assert len(read_members(str(path))) == 1
    else:
        with pytest.raises(ValueError, match=f"others can write the members file .*: .* chmod go-w {path}"):
            read_members(str(path))


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "members"
    path.write_text(ONE)
    os.chmod(path, 0o600)
    monkeypatch.setattr(os, "geteuid", lambda: 4_711)
    if os.stat(path).st_uid:
        with pytest.raises(ValueError, match="belongs to another user"):
            read_members(str(path))
    else:  # root's files are trusted, as those of the system are
        assert len(read_members(str(path))) == 1
        os.chown(path, 4_712, -1)
        with pytest.raises(ValueError, match="belongs to another user"):
            read_members(str(path))
