"""The members of a server: the keys in a file in the format of OpenSSH's `authorized_keys`.

Two options are known, `name="ada"` and `operator`. Without a name, the comment is the name if it is a valid one that
belongs to nobody else. Lines
with the same `name=` are the keys of one person. A line that cannot be used as it stands is skipped and reported, and
never used in part: an option of OpenSSH that is unknown here, such as `expiry-time`, takes rights away from the key.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from pylingo.reactor.people.authorized_keys import Line, parse_line
from pylingo.reactor.people.files import check_writers, read_regular
from pylingo.reactor.people.keys import PublicKey
from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold, user_name
from pylingo.shared.text import quote
from pylingo.shared.value_class import value_class

MAX_FILE = 2**20
"""The largest file of members, in bytes: some 10,000 keys. The loop takes over so many within 0.1 s."""

_BOM = "\ufeff"
_WITH_KEY = re.compile(r"(^|\s)(ssh-(rsa|dss)|ecdsa-|sk-|ssh-ed25519\s+\S{68})")  # a skipped line that is whole


@value_class
class Member:
    """A key that is listed. `name` belongs to it, if there is one. `operator` gives it an operator's rights.

    `person` is the compared form of the name if the line has it as `name=`; None for a name from a comment. The keys
    of one `person` are one person's.
    """

    key: PublicKey
    name: str | None = None
    operator: bool = False
    person: str | None = None


@value_class
class Members(Mapping[str, Member]):
    """The members by the fingerprint of their key.

    `warnings` has the skipped lines: number and sentence. `lines` has the numbers of the others.
    """

    by_fingerprint: Mapping[str, Member] = field(default_factory=dict)
    warnings: tuple[tuple[int, str], ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)

    def __getitem__(self, fingerprint: str) -> Member:
        return self.by_fingerprint[fingerprint]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_fingerprint)

    def __len__(self) -> int:
        return len(self.by_fingerprint)


NOBODY = Members()
"""No members."""


def read_members(path: str) -> Members:
    """Read a file of members. Raises `ValueError` with one sentence if it cannot be used at all."""
    try:
        data, status = read_regular(path, "the members file", MAX_FILE)
        check_writers(path, "the members file", status)
    except OSError as error:
        raise ValueError(f"cannot read the members file {path}: {error.strerror}") from None
    if not data.strip():  # as a write that failed leaves it
        raise ValueError(f"the members file {path} is empty: put back a copy of it, or write a comment into it")
    if b"\0" in data:
        raise ValueError(f"the members file {path} is damaged: it has NUL bytes")
    text = data.decode(errors="surrogateescape").removeprefix(_BOM)
    members, end = parse_members(text), text.rpartition("\n")[2]
    if any(number == text.count("\n") + 1 for number, _ in members.warnings) and not _WITH_KEY.search(end):
        raise ValueError(f"the members file {path} is cut off: the last line is not whole and has no end of line")
    return members


def parse_members(text: str) -> Members:
    """Read the text of a file of members. No text is an error as a whole: lines that cannot be used are skipped."""
    members: dict[str, Member] = {}
    lines: dict[str, int] = {}
    warnings: list[tuple[int, str]] = []
    for number, one in enumerate(text.split("\n"), start=1):
        try:
            line = parse_line(one)
            if line is None:
                continue
            member = _member(line)
            before = lines.setdefault(member.key.fingerprint, number)
            if before != number:
                raise ValueError(f"the key is in line {before} already, which counts")
        except ValueError as error:
            warnings.append((number, str(error)))
        else:
            members[member.key.fingerprint] = member
    for fingerprint, sentence in _ambiguous(members):
        members[fingerprint] = Member(members[fingerprint].key, None, members[fingerprint].operator)
        warnings.append((lines[fingerprint], sentence))
    return Members(members, tuple(sorted(warnings)), lines)


def _member(line: Line) -> Member:
    """Apply the options of a line. Raises `ValueError` with a sentence."""
    name: str | None = None
    operator = False
    for option, value in line.options:
        if option == "operator" and value is None:
            operator = True
        elif option == "name" and value is not None and name is None:
            try:
                name = user_name(value)
            except RequestError as error:
                raise ValueError(f'name="…": {error.text}') from None
        elif option in ("operator", "name"):
            raise ValueError('the options are operator, without a value, and name="ada", once')
        else:
            raise ValueError(f"the option {quote(option)} is not known here, and the key might be restricted by it")
    if name is not None:
        return Member(line.key, name, operator, fold(name))
    return Member(line.key, _comment_name(line.comment), operator)


def _comment_name(comment: str) -> str | None:
    try:
        return user_name(comment)
    except RequestError:
        return None


def _ambiguous(members: Mapping[str, Member]) -> Iterator[tuple[str, str]]:
    """The keys whose comment names them as it names another key, each with a sentence.

    Comments are notes, such as `laptop`, and make nobody of two people one.
    """
    owners: dict[str, list[str]] = {}
    for fingerprint, member in members.items():
        if member.name is not None:
            owners.setdefault(fold(member.name), []).append(fingerprint)
    for fingerprints in owners.values():
        if len(fingerprints) > 1:
            for fingerprint in fingerprints:
                member = members[fingerprint]
                if member.person is None and member.name is not None:
                    words = f"the comment {quote(member.name)} names other keys as well, and so this one has no name"
                    yield fingerprint, f'{words}: write name="…" before the key'
