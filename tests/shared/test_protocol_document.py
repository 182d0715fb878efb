"""The protocol's document is held to the code: its frames decode, its names are judged as it says, nothing is missing.

A block tagged `hex` is one frame. Its first line is `# C->S type` or `# S->C type`, the comment lines after it are the
frame's map as JSON, and each row of bytes ends in a comment that says what the bytes since the last comment are:
`size N`, `map of N`, `array of N`, `"key":`, `"key": value` or a value in JSON.
"""

import base64
import dataclasses
import hashlib
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pylingo.shared import PROTOCOL_VERSION, messages
from pylingo.shared.codec import encode, event_codec, request_codec
from pylingo.shared.commands import COMMANDS
from pylingo.shared.errors import RequestError
from pylingo.shared.framing import HEADER, MAX_BODY, FrameDecoder
from pylingo.shared.messages import DEFAULT_PAGE, EVENTS, MAX_PAGE, REPLIES, REQUESTS
from pylingo.shared.names import MAX_NAME, MAX_ROOM, fold, room_name, user_name
from pylingo.shared.schema import Field, Schema, read_record, to_map
from pylingo.shared.search import COUNTED_LETTERS, COUNTED_WORDS, MAX_SEARCH, MAX_TERMS, parse_search, words_of
from pylingo.shared.text import MAX_LINE, MAX_MOTD, MAX_QUOTE, MAX_TEXT, MAX_WORDS

DOCUMENT = (Path(__file__).parents[2] / "shared" / "PROTOCOL.md").read_text(encoding="utf-8")
CODECS = {"C->S": request_codec, "S->C": event_codec}


@dataclasses.dataclass(frozen=True)
class Example:
    side: str
    type: str
    claim: str
    rows: list[tuple[bytes, str]]
    """The bytes up to each comment, and the comment."""

    @property
    def data(self) -> bytes:
        return b"".join(data for data, _ in self.rows)


def parse_example(block: str) -> Example:
    first, *lines = block.splitlines()
    _, side, type_ = first.split(" ")
    claim, rows, pending = [], [], b""
    for line in lines:
        digits, hash_, comment = line.partition("#")
        if not digits.strip():
            claim.append(comment.strip())
            continue
        pending += bytes.fromhex(digits)
        if hash_:
            rows.append((pending, comment.strip()))
            pending = b""
    assert not pending, "bytes without a comment at the end of a block"
    return Example(side, type_, " ".join(claim), rows)


EXAMPLES = [parse_example(block) for block in re.findall(r"^```hex\n(.*?)\n```$", DOCUMENT, re.DOTALL | re.MULTILINE)]
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.side}-{example.type}")


def section(title: str) -> str:
    """The text under a heading, up to the next one of the same depth or above."""
    match = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^(?!\1#)#|\Z)", without_blocks(), re.DOTALL | re.M)
    assert match, f"no section {title!r}"
    return match[2]


def without_blocks() -> str:
    """The document without its fenced blocks, whose comments look like headings."""
    return re.sub(r"^```.*?^```$", "", DOCUMENT, flags=re.DOTALL | re.MULTILINE)


def table(title: str) -> dict[str, str]:
    """The rows of a section's tables: what stands in the first cell, and the rest of the row."""
    rows = re.findall(r"^\| (.+?) \|(.*)\|$", section(title), re.MULTILINE)
    return {first.strip("`"): rest for first, rest in rows}


def unescape(name: str) -> str:
    return re.sub(r"\\u([0-9A-F]{4})", lambda match: chr(int(match[1], 16)), name)


def pairs(title: str, nth: int = 0) -> list[tuple[str, list[str]]]:
    """The rows of a section's nth table, without its head: the first cell as a name, and the other cells."""
    bodies = re.findall(r"^\|(?: --- \|)+\n((?:\|.*\|\n)+)", section(title), re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in bodies[nth].splitlines()]
    return [(unescape(first.strip("`")), rest) for first, *rest in rows]


# --- frames in bytes --------------------------------------------------------------------------------------------


def test_the_examples_are_a_whole_conversation() -> None:
    assert [(example.side, example.type) for example in EXAMPLES[:8]] == [
        ("S->C", "welcome"),
        ("C->S", "hello"),
        ("S->C", "ready"),
        ("C->S", "command"),
        ("S->C", "joined"),
        ("C->S", "say"),
        ("S->C", "sent"),
        ("S->C", "message"),
    ]
    assert [example.type for example in EXAMPLES].index("goodbye") == 15  # the last one of the first conversation


@each_example
def test_an_example_is_the_frame_that_it_claims_to_be(example: Example) -> None:
    decoder = FrameDecoder()
    bodies = list(decoder.feed(example.data))
    assert len(bodies) == 1
    assert decoder.pending == 0
    record = CODECS[example.side].decode(bodies[0])
    assert record.type == example.type
    written = [record]
    if example.side == "S->C" and example.type.encode() in REPLIES:  # the server writes it in a form of its own
        written.append(read_record(REPLIES, msgpack.unpackb(bodies[0], raw=True)))
    assert json.loads(example.claim) in [to_map(form) for form in written]
    assert example.data in [encode(form) for form in written]


def claims(title: str) -> list[dict[str, Any]]:
    """The maps of the examples of a section."""
    begin = DOCUMENT.index(f"\n## {title}\n") + 1
    part = DOCUMENT[begin : DOCUMENT.index("\n## ", begin)]
    blocks = re.findall(r"^```hex\n(.*?)\n```$", part, re.DOTALL | re.MULTILINE)
    return [json.loads(parse_example(block).claim) for block in blocks]


def test_the_proof_of_the_example_is_one_for_its_challenge() -> None:
    welcome, hello, ready, *_ = claims("Keys and operators in bytes")
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    message = b"PyLingo identity v1\0" + bytes.fromhex(welcome["challenge"]) + bytes(32)
    assert base64.b64decode(hello["proof"]) == private.sign(message)
    blob = base64.b64decode(hello["identity"].split()[1])
    assert blob[-32:] == private.public_key().public_bytes_raw()
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    assert ready["identity"] == f"SHA256:{digest}"


@each_example
def test_the_comments_of_an_example_say_what_its_bytes_are(example: Example) -> None:
    for data, comment in example.rows:
        if size := re.fullmatch(r"size (\d+)", comment):
            assert data == HEADER.pack(int(size[1]))
        elif count := re.fullmatch(r"map of (\d+)", comment):
            assert data == msgpack.Packer().pack_map_header(int(count[1]))
        elif count := re.fullmatch(r"array of (\d+)", comment):
            assert data == msgpack.Packer().pack_array_header(int(count[1]))
        elif key := re.fullmatch(r'("\w+"):', comment):
            assert data == msgpack.packb(json.loads(key[1]))
        elif pair := re.fullmatch(r'("\w+"): (.+)', comment):
            assert data == msgpack.packb(json.loads(pair[1])) + msgpack.packb(json.loads(pair[2]))
        else:
            assert data == msgpack.packb(json.loads(comment))


# --- nothing is missing -----------------------------------------------------------------------------------------


def is_optional(field: Field) -> bool:
    return field.omit_none or field.default is not None


@pytest.mark.parametrize(
    ("title", "schemas"), [("Requests", REQUESTS), ("Server frames", EVENTS)], ids=["requests", "events"]
)
def test_every_frame_type_and_field_is_in_its_table(title: str, schemas: dict[bytes, Schema]) -> None:
    rows = table(title)
    for schema in schemas.values():
        assert schema.record.type in rows
        for field in schema.fields:
            if title == "Requests" and field.name == "id":
                assert "`id?`" in rows["type"]
                continue
            shown = f"`{field.name}?`" if is_optional(field) else f"`{field.name}`"
            assert shown in rows[schema.record.type], f"{shown} of {schema.record.type}"


@pytest.mark.parametrize(
    ("row", "part"),
    [
        ("limits` of `welcome", messages.Limits),
        ("rooms` of `rooms", messages.RoomInfo),
        ("people` of `people", messages.PersonInfo),
        ("commands` of `help", messages.CommandInfo),
        ("messages` of `history", messages.Entry),
        ("bans` of `bans", messages.Ban),
        ("servers` of `servers", messages.ServerInfo),
        ("redis` of `servers", messages.RedisInfo),
    ],
)
def test_every_field_of_the_maps_inside_is_in_their_table(row: str, part: type) -> None:
    for field in dataclasses.fields(part):
        name = field.name.removesuffix("_")
        shown = f"`{name}`" if field.default is dataclasses.MISSING else f"`{name}?`"
        assert shown in table("Server frames")[row]


def test_every_command_is_in_the_table_with_an_argument_where_it_has_one() -> None:
    rows = pairs("Commands")
    assert [name for name, _ in rows] == [command.name for command in COMMANDS]
    assert [bool(rest[0]) for _, rest in rows] == [command.argument is not None for command in COMMANDS]


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ("body of a frame", MAX_BODY),
        ("text of a message", MAX_TEXT),
        ("user name", MAX_NAME),
        ("room name", MAX_ROOM),
        ("messages of a history page", MAX_PAGE),
        ("topic of a room, reason of being away", MAX_LINE),
        ("text` of `error`, `goodbye`, `notice", MAX_WORDS),
        ("a peer's words quoted in such a text", MAX_QUOTE),
        ("search` of a `history` request", MAX_SEARCH),
    ],
)
def test_the_limits_are_those_of_the_code(row: str, limit: int) -> None:
    assert re.match(rf" {limit:,} (bytes|characters|messages) \|", table("Limits")[row])


def test_the_other_numbers_are_those_of_the_code() -> None:
    assert f"{DEFAULT_PAGE} where the request does not say" in table("Limits")["messages of a history page"]
    assert f"{MAX_MOTD:,}" in table("Limits")["text` of `error`, `goodbye`, `notice"]
    assert f"describes version {PROTOCOL_VERSION} of the protocol" in DOCUMENT
    assert f"at most {MAX_TERMS} words" in table("Limits")["search` of a `history` request"]
    counted = f"the first {COUNTED_LETTERS} characters count, and of a text the first {COUNTED_WORDS:,} words"
    assert counted in section("Searching")


# --- names ------------------------------------------------------------------------------------------------------


def is_allowed(check: Callable[[str], str], name: str) -> bool:
    try:
        check(name)
    except RequestError:
        return False
    return True


@pytest.mark.parametrize(("one", "rest"), pairs("How they are compared", 0))
def test_names_compare_as_the_table_says(one: str, rest: list[str]) -> None:
    other = unescape(rest[0].strip("`"))
    assert (fold(room_name(one)) == fold(room_name(other))) == {"yes": True, "no": False}[rest[1]]


@pytest.mark.parametrize(("name", "rest"), pairs("How they are compared", 1))
def test_names_are_allowed_as_the_table_says(name: str, rest: list[str]) -> None:
    words = {True: "allowed", False: "refused"}
    assert [words[is_allowed(check, name)] for check in (user_name, room_name)] == rest[:2]


@pytest.mark.parametrize(("one", "rest"), pairs("Names that still look alike"))
def test_cases_that_look_alike_are_told_apart_by_the_code_alone(one: str, rest: list[str]) -> None:
    other = unescape(rest[0].strip("`"))
    assert fold(user_name(one)) != fold(user_name(other))


# --- searching --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("message", "rest"), pairs("Searching"))
def test_a_search_finds_what_the_table_says(message: str, rest: list[str]) -> None:
    search = parse_search(unescape(rest[0].strip("`")))
    assert search.matches(message) == {"yes": True, "no": False}[rest[1]]


def test_the_blocks_of_scripts_without_spaces_are_those_of_the_code() -> None:
    """A letter of them is a word beside another letter of its own kind."""
    (listed,) = re.findall(r"U\+0E01 to .*? 3FFFF\.", section("Searching").replace("\n", " "))
    ends = re.findall(r"([0-9A-F]{4,5}) +to +([0-9A-F]{4,5})", listed.replace("U+", ""))
    blocks = [range(int(first, 16), int(last, 16) + 1) for first, last in ends]
    assert len(blocks) == 18
    for code in range(0x20000):
        char = chr(code)
        if unicodedata.category(char)[0] in "LMN" and fold(char) == char and not_ignored(char):
            alone = any(code in block for block in blocks)
            assert words_of(char + char) == ([char, char] if alone else [char + char]), hex(code)


def not_ignored(char: str) -> bool:
    return words_of(char) != []


# --- form -------------------------------------------------------------------------------------------------------


def test_links_lead_to_headings() -> None:
    headings = re.findall(r"^#+ (.+)$", without_blocks(), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", DOCUMENT)) <= anchors


def test_lines_are_short() -> None:
    assert [line for line in DOCUMENT.splitlines() if len(line) > 120] == []
