"""Frames as text for people, and that no text of others acts on a terminal."""

import time
import unicodedata
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.events import KeyChanged
from pylingo.client.people import Marks
from pylingo.client.wording import (
    INDENT,
    UNCONFIRMED,
    clock_time,
    date_line,
    key_changed,
    local_day,
    not_confirmed,
    refused,
    typed,
    wording,
)
from pylingo.shared.messages import (
    EVENTS,
    Away,
    Ban,
    Bans,
    Command,
    CommandInfo,
    Entry,
    Error,
    Goodbye,
    Help,
    HistoryPage,
    Invitation,
    IrcPassword,
    Joined,
    Left,
    Limits,
    Message,
    Moderated,
    Modes,
    Notice,
    People,
    PersonDetails,
    PersonInfo,
    Ping,
    Pong,
    Private,
    Ready,
    Redacted,
    RedisInfo,
    Renamed,
    RoomInfo,
    RoomOp,
    Rooms,
    Say,
    Sent,
    ServerInfo,
    Servers,
    Skipped,
    Tagged,
    Topic,
    Users,
    Welcome,
)
from pylingo.shared.schema import Record
from tests.support import is_live

AT = 1_700_000_040_000_000  # 22:14 in UTC
LIMITS = Limits(32_768, 4_096, 32, 64)
KEY = "SHA256:key"
TOKEN = "0" * 32


@pytest.fixture(autouse=True, scope="module")
def utc() -> Iterator[None]:
    """One time zone for all, as the words hold the local time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC0")
        time.tzset()
        yield
    time.tzset()


# --- sentences and dates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (Say("hello"), "hello"),
        (Say("/close"), "//close"),
        (Command("list"), "/list"),
        (Command("join", "a b", 7), "/join a b"),
        (Say("waves", action=True), "/me waves"),
        (Say("/psst", to="grace"), "/msg grace /psst"),
        (Say("waves", to="grace", action=True), "/msg grace waves"),
    ],
    ids=str,
)
def test_a_request_as_the_line_that_was_typed(request_: Say | Command, line: str) -> None:
    assert typed(request_) == line
    words = f"the line '{line}' was refused: no"
    assert refused(request_, Error("bad-text", "no")) == words
    assert refused(request_, Error(UNCONFIRMED, "perhaps")) == "perhaps"


def test_a_long_line_is_named_by_its_beginning() -> None:
    assert len(refused(Say("x" * 4_096), Error("no-room", "no"))) < 100


def test_how_many_were_not_confirmed() -> None:
    assert not_confirmed("line", 1) == "1 line was not confirmed by the server"
    assert not_confirmed("message", 2) == "2 messages were not confirmed by the server"


def test_dates() -> None:
    assert local_day(AT) == (2023, 11, 14)
    assert date_line((2023, 1, 4)) == "--- 2023-01-04 ---"


# --- the words --------------------------------------------------------------------------------------------------

WORDS: dict[str, tuple[Record, list[str]]] = {
    "welcome": (Welcome(1, "PyLingo/1.0.0", "guest-7", LIMITS), ["* PyLingo/1.0.0 calls you guest-7"]),
    "ready": (Ready("alice", None, TOKEN, False), ["* you are alice"]),
    "message": (Message("lobby", "bob", "hello", AT), ["22:14 bob: hello"]),
    "message of two lines": (Message("lobby", "bob", "a\nb\n\nc", AT), ["22:14 bob: a", "    b", "    ", "    c"]),
    "message with a tab": (Message("lobby", "bob", "a\n\tb", AT), ["22:14 bob: a", "        b"]),
    "redacted message": (Message("lobby", "bob", "", AT), ["22:14 bob: (removed)"]),
    "redacted emote": (Message("lobby", "bob", "", AT, True), ["22:14 * bob (removed)"]),
    "redacted in history": (
        HistoryPage("lobby", [Entry("a", "", AT, redacted=True)], False, AT),
        ["* earlier in lobby:", "    22:14 a: (removed)"],
    ),
    "message in emoji": (Message("lobby", "bob", "👩‍💻 नमस्ते", AT), ["22:14 bob: 👩‍💻 नमस्ते"]),
    "emote": (Message("lobby", "bob", "waves\nand goes", AT, True), ["22:14 * bob waves", "    and goes"]),
    "private": (Private("grace", "ada", "a\nb", AT), ["22:14 grace -> ada: a", "    b"]),
    "private emote": (Private("grace", "ada", "waves", AT, True), ["22:14 * grace -> ada: waves"]),
    "redacted private": (Private("grace", "ada", "", AT), ["22:14 grace -> ada: (removed)"]),
    "others join": (Joined("lobby", "bob"), ["* bob joined lobby"]),
    "joined alone": (Joined("lobby", "me", 1), ["* you are in lobby as me; nobody else is here"]),
    "joined one": (Joined("lobby", "me", 2), ["* you are in lobby as me; 1 other is here"]),
    "joined two": (Joined("lobby", "me", 3), ["* you are in lobby as me; 2 others are here"]),
    "you left": (Left("lobby", "me"), ["* you left lobby"]),
    "left": (Left("lobby", "bob", "leave"), ["* bob left lobby"]),
    "moved": (Left("lobby", "bob", "moved"), ["* bob went to another room"]),
    "closed": (Left("lobby", "bob", "close"), ["* bob left"]),
    "lost": (Left("lobby", "bob", "lost"), ["* bob lost the connection"]),
    "kicked": (Left("lobby", "bob", "kicked", by="ada"), ["* bob was kicked out of lobby by ada"]),
    "kicked with a reason": (
        Left("lobby", "bob", "kicked", by="ada", text="spam"),
        ["* bob was kicked out of lobby by ada: spam"],
    ),
    "cut off": (Left("lobby", "bob", "stalled"), ["* bob was disconnected (stalled)"]),
    "braces in names": (Left("{name}", "{room}", "{0}"), ["* {room} was disconnected ({0})"]),
    "a room in braces": (Left("{reason}", "bob", "leave"), ["* bob left {reason}"]),
    "renamed": (Renamed("bob", "rob", "lobby"), ["* bob is now rob"]),
    "you are renamed": (Renamed("bob", "rob"), ["* you are now rob"]),
    "rooms": (
        Rooms([RoomInfo("a", 1), RoomInfo("b", 20)], False),
        ["* rooms and how many are in them:", "    a  1", "    b  20"],
    ),
    "no rooms": (Rooms([], False), ["* there are no rooms: /join one to make it"]),
    "users": (Users("lobby", ["alice", "bob"], False), ["* in lobby: alice, bob"]),
    "topic": (Topic("ops", "tea at four", "ada", AT), ["* the topic of ops is: tea at four (ada)"]),
    "topic by nobody": (Topic("ops", "tea", None, None), ["* the topic of ops is: tea"]),
    "no topic": (Topic("ops", None, None, None), ["* ops has no topic"]),
    "people": (
        People([PersonInfo("ada", 1), PersonInfo("bob", 2, "lunch"), PersonInfo("eve", 0)], False),
        ["* people here:", "    ada  in 1 room", "    bob  in 2 rooms, away: lunch", "    eve  in 0 rooms"],
    ),
    "person": (
        PersonDetails("bob", ["lobby", "ops"], False, AT),
        ["* bob is in lobby, ops; here since 2023-11-14 22:14"],
    ),
    "person with all": (
        PersonDetails("bob", [], True, AT, "lunch"),
        ["* @bob is in no room that you are in; here since 2023-11-14 22:14; away: lunch; an operator"],
    ),
    "verified people": (
        People([PersonInfo("ada", 1, None, KEY, True), PersonInfo("bob", 2, "lunch", KEY)], False),
        ["* people here:", f"    @ada  in 1 room  {KEY}", f"    bob  in 2 rooms, away: lunch  {KEY}"],
    ),
    "verified person": (
        PersonDetails("bob", ["lobby"], True, AT, fingerprint=KEY),
        [f"* @bob is in lobby; here since 2023-11-14 22:14; an operator; verified by the key {KEY}"],
    ),
    "ready as an operator": (Ready("ada", None, TOKEN, False, operator=True), ["* you are @ada"]),
    "kick, as it comes after left": (Moderated("kick", "ada", "bob", room="lobby", text="spam", re=1), []),
    "ban": (
        Moderated("ban", "ada", "bob", text="spam", until=AT),
        ["* ada banned bob until 2023-11-14 22:14: spam"],
    ),
    "ban of an address": (Moderated("ban", "ada", address="10.0.0.0/8"), ["* ada banned 10.0.0.0/8"]),
    "unban": (Moderated("unban", "ada", "bob"), ["* ada lifted the ban of bob"]),
    "mute": (Moderated("mute", "ada", "bob"), ["* ada muted bob"]),
    "unmute": (Moderated("unmute", "ada", "bob"), ["* ada lets bob speak again"]),
    "op": (Moderated("op", "ada", "bob"), ["* ada made bob an operator"]),
    "deop": (Moderated("deop", "ada", "bob"), ["* ada took the rank of operator from bob"]),
    "redact, as it comes after redacted": (Moderated("redact", "ada", room="lobby"), []),
    "announce, as it comes after the notice": (Moderated("announce", "ada", text="hi", re=1), []),
    "a deed of tomorrow": (Moderated("{x}", "ada", "bob"), ["* ada used /{x} bob"]),
    "bans": (
        Bans([Ban("ada", "bob", "10.0.0.1", "spam", AT), Ban("ada", None, "::/64"), Ban("ada", "eve")], False),
        [
            "* banned:",
            "    bob at 10.0.0.1 by ada until 2023-11-14 22:14: spam",
            "    ::/64 by ada",
            "    eve by ada",
        ],
    ),
    "no bans": (Bans([], False), ["* nobody is banned"]),
    "redacted": (Redacted("lobby", AT, "ada", "a secret"), ["* ada removed the message of 22:14 from lobby: a secret"]),
    "servers": (
        Servers(
            [
                ServerInfo(3, "a.example:5000", "1.1.0", 12, 0, True),
                ServerInfo(4, "", "1.2\x1b", 1, 250, False),
            ],
            RedisInfo("redis://r", "7.0.15", "primary", 12_340_000, 2_000_000_000, 1, True),
            False,
        ),
        [
            "* servers of this chat:",
            "    3 at a.example:5000  12 people, where you are; version 1.1.0",
            "    4  1 person, 250 ms behind; version 1.2\ufffd",
            "    Redis 7.0.15 at redis://r, primary, 12.3 MB of 2000.0 MB of memory, 1 replica, writes to its disk",
        ],
    ),
    "servers with a Redis that forgets": (
        Servers([], RedisInfo("redis://r", "7.4.0", "primary", 5_000_000, None, 0, False), False),
        [
            "* servers of this chat:",
            "    Redis 7.4.0 at redis://r, primary, 5.0 MB of memory, 0 replicas, writes nothing to its disk",
        ],
    ),
    "servers without their Redis": (
        Servers([], RedisInfo("redis://r", "", "away", 0, None, 0, False), False),
        ["* servers of this chat:", "    Redis at redis://r does not answer: talk stands still"],
    ),
    "a server alone": (
        Servers([ServerInfo(1, "a:5000", "1.1.0", 1, 0, True)], None, False),
        ["* servers of this chat:", "    1 at a:5000  1 person, where you are; version 1.1.0"],
    ),
    "a password for IRC": (
        IrcPassword("ada", "s3cret"),
        ["* for IRC, log in by SASL PLAIN as ada with this password, shown once: s3cret"],
    ),
    "no password for IRC": (IrcPassword("ada"), ["* ada has no password for IRC any more"]),
    "operator of a room": (RoomOp("tea", "bob", "ada", True), ["* ada made bob an operator of tea"]),
    "modes of a room": (Modes("tea", ["moderated on", "key a"], None, 1), ["* modes of tea: moderated on, key a"]),
    "no modes of a room": (Modes("tea", []), ["* modes of tea: none"]),
    "other modes of a room": (Modes("tea", ["voice bob"], "ada"), ["* ada set in tea: voice bob"]),
    "operator of a room no more": (
        RoomOp("tea", "bob", "ada", False, 7),
        ["* ada took the rank of operator of tea from bob"],
    ),
    "mute in a room": (
        Moderated("mute", "ada", "eve", room="tea", until=AT),
        ["* ada muted eve in tea until 2023-11-14 22:14"],
    ),
    "a locked topic": (
        Moderated("topiclock", "ada", room="tea", text="on"),
        ["* ada lets only operators set the topic of tea"],
    ),
    "an open topic": (
        Moderated("topiclock", "ada", room="tea", text="off"),
        ["* ada lets everybody set the topic of tea"],
    ),
    "you join a room whose topic is locked": (
        Joined("tea", "ada", 1, topic_locked=True),
        ["* you are in tea as ada; nobody else is here; only operators set the topic"],
    ),
    "invitation": (
        Invitation("c0de", 1, AT),
        ["* an invitation that can be used once until 2023-11-14 22:14: c0de"],
    ),
    "invitation for more": (
        Invitation("c0de", 5, AT),
        ["* an invitation that can be used 5 times until 2023-11-14 22:14: c0de"],
    ),
    "away": (Away("bob", "lunch"), ["* bob is away: lunch"]),
    "back": (Away("bob", None), ["* bob is back"]),
    "you are away": (Away("ada", "lunch", 7), ["* you are away: lunch"]),
    "you are back": (Away("ada", None, 7), ["* you are back"]),
    "help": (
        Help([CommandInfo("list", None, "x"), CommandInfo("join", "room", "y"), CommandInfo("roll", "dice", "Rolls.")]),
        [
            "* commands:",
            "    rooms   /list                  Lists all rooms.",
            "            /join [room]           Takes you from your room into another one.",
            "    more    /roll [dice]           Rolls.",
            "    To send a line that begins with a slash, type two slashes.",
        ],
    ),
    "history": (
        HistoryPage("lobby", [Entry("a", "x", AT), Entry("b", "y", AT + 60_000_000)], False, AT),
        ["* earlier in lobby:", "    22:14 a: x", "    22:15 b: y"],
    ),
    "no history": (HistoryPage("lobby", [], False, None), ["* there are no earlier messages in lobby"]),
    "private history": (
        HistoryPage(None, [Entry("a", "x\ny", AT, None, "b"), Entry("b", "z", AT, None, "a", True)], False, AT),
        ["* earlier in private:", "    22:14 a -> b: x", "        y", "    22:14 * b -> a: z"],
    ),
    "no private history": (HistoryPage(None, [], False, None), ["* there are no earlier messages in private"]),
    "skipped in private": (Skipped(None, 7, 1, 2), ["* you read too slowly and missed 7 messages in private"]),
    "skipped": (Skipped("lobby", 7, 1, 2), ["* you read too slowly and missed 7 messages in lobby"]),
    "notice": (Notice("a\nb"), ["* a", "    b"]),
    "error": (Error("bad-name", "no such name"), ["! no such name"]),
    "goodbye": (Goodbye("shutdown", "back soon"), ["* goodbye (shutdown): back soon"]),
    "sent": (Sent("lobby", AT, 1), []),
    "pong": (Pong(1), []),
    "tagged": (Tagged("bob", ["+typing=active"], "lobby"), []),
    "ping": (Ping(), []),
}


@pytest.mark.parametrize(("record", "expected"), WORDS.values(), ids=WORDS)
def test_words(record: Record, expected: list[str]):
    assert wording(record) == expected


def test_every_frame_type_is_in_the_table():
    assert {type(record) for record, _ in WORDS.values()} == {schema.record for schema in EVENTS.values()}


def test_the_names_of_a_room_are_marked_if_somebody_is_verified() -> None:
    marks = Marks()
    users = Users("lobby", ["ada", "bob", "eve"], False)
    assert wording(users, "eve", marks) == ["* in lobby: ada, bob, eve"]
    with_operator = Users("lobby", ["ada", "bob", "eve"], False, operators=["bob"])
    assert wording(with_operator, "eve", marks) == ["* in lobby: ada, @bob, eve"]
    marks.note(Joined("lobby", "ada", fingerprint=KEY, operator=True), "eve")
    marks.note(Joined("lobby", "bob", fingerprint=KEY), "eve")
    assert wording(users, "eve", marks) == ["* in lobby:", f"    @ada  {KEY}", f"    bob  {KEY}", "    eve"]


def test_being_kicked_oneself() -> None:
    assert wording(Left("lobby", "ADA", "kicked", by="root", text="spam"), "ada") == [
        "* you were kicked out of lobby by root: spam"
    ]
    assert wording(Left("lobby", "bob", "lost"), "bob") == ["* bob lost the connection"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            "SHA256:a",
            "SHA256:b",
            "THE KEY OF bob HAS CHANGED: the name belonged to SHA256:a when you talked, and belongs",
        ),
        ("SHA256:a", None, "and is used by a guest; this may be somebody else"),
        (None, "SHA256:b", "bob was a guest when you talked, and is verified now by the key SHA256:b"),
    ],
)
def test_a_key_that_changed(before: str | None, after: str | None, words: str) -> None:
    assert words in key_changed(KeyChanged("bob", before, after))


def test_a_key_that_changed_is_inert() -> None:
    changed = key_changed(KeyChanged("b\x1b[2J", "\x1b[A", "\x1b]0;"))
    assert not any(map(is_live, changed))


def test_a_private_message_tells_which_side_is_ours():
    assert wording(Private("grace", "ada", "hi", AT), "ada") == ["22:14 grace -> you: hi"]
    assert wording(Private("ada", "grace", "hi", AT), "ada") == ["22:14 you -> grace: hi"]
    assert wording(Message("lobby", "ada", "hi", AT), "ada") == ["22:14 ada: hi"]


@pytest.mark.parametrize("reason", ["leave", "moved", "close", "lost", "shutdown", "idle", "replaced", "frame-timeout"])
def test_why_somebody_left_begins_with_who(reason: str):
    [row] = wording(Left("lobby", "bob", reason))
    assert row.startswith("* bob ")


def test_skipped_without_messages_speaks_of_what_was_left_out():
    # The protocol: joins, leaves and renames were left out too, and the count may be 0.
    [row] = wording(Skipped("lobby", 0, 1, 1))
    assert "lobby" in row
    assert "0 messages" not in row


def test_one_skipped_message_is_one():
    [row] = wording(Skipped("lobby", 1, 1, 2))
    assert "1 message in" in row


@pytest.mark.parametrize(("at", "shown"), [(0, "00:00"), (AT, "22:14"), (86_399_999_999, "23:59")])
def test_the_time_of_day(at: int, shown: str):
    assert clock_time(at) == shown


def test_the_time_of_day_is_local():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "XXX-05:30")
        time.tzset()
        shown = clock_time(AT)
    time.tzset()
    assert shown == "03:44"


def test_the_last_stamp_of_all_has_a_time_of_day():
    assert wording(Message("lobby", "bob", "x", 2**64 - 1))[0].endswith(" bob: x")


# --- other people's words ---------------------------------------------------------------------------------------

ESCAPES = {
    "clipboard": "\x1b]52;c;aGFjaw==\x07",
    "unterminated title": "\x1b]0;title",
    "cursor report": "\x1b[6n",
    "reset": "\x1bc",
    "mouse": "\x1b[?1003h",
    "DCS request": "\x1bP$qm\x1b\\",
    "colour and up": "\x1b[31m\x1b[A\x1b[2K",
    "CSI in one": "\x9b2J",
    "OSC in one": "\x9d0;title\x9c",
    "CR": "a\rb",
    "LF": "a\nb",
    "CRLF": "a\r\nb",
    "BS": "a\b\bb",
    "BEL": "\x07",
    "NUL": "a\0b",
    "DEL": "a\x7fb",
    "tab": "a\tb",
    "VT and FF": "a\x0b\x0cb",
    "file separators": "a\x1c\x1d\x1eb",
    "NEL": "a\x85b",
    "shift out": "\x0e\x0f",
    "bidi override": "\u202eevil",
    "bidi isolate": "\u2067evil",
    "marks of direction": "\u200e\u200f\u061c",
    "zero width": "a\u200bb\ufeffc\u2060",
    "joiners at the ends": "\u200d\u200c",
    "joiner beside a space": "a\u200d b",
    "tags": "\U000e0001\U000e0041\U000e007f",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
    "fifty marks": "a" + "\u0301" * 50,
    "fifty marks around joiners": "a" + ("\u0301" * 4 + "\u200d") * 12 + "\u0301b",
    "enclosing marks": "a" + "\u20dd" * 50,
    "Cyrillic in Latin": "p\u0430ypal",
    "private use": "\ue000\U000f0000",
    "unassigned": "\u0378\U000e0fff",
    "soft hyphen": "a\u00adb",
    "lone surrogate": "\ud800",
    "interlinear": "\ufff9a\ufffb",
    "format braces": "{0}{name}%s%(x)s",
}

TEXT_PLACES: dict[str, Callable[[str], Record]] = {
    "message": lambda text: Message("lobby", "bob", text, AT),
    "emote": lambda text: Message("lobby", "bob", text, AT, True),
    "private": lambda text: Private("bob", "ada", text, AT),
    "private emote": lambda text: Private("bob", "ada", text, AT, True),
    "private history": lambda text: HistoryPage(None, [Entry("bob", text, AT, None, "ada")], False, AT),
    "notice": Notice,
    "error": lambda text: Error("bad-text", text),
    "goodbye": lambda text: Goodbye("close", text),
    "history": lambda text: HistoryPage("lobby", [Entry("bob", text, AT), Entry("al", "x", AT)], False, AT),
}
"""Fields that may contain newlines."""
WORD_PLACES: dict[str, Callable[[str], Record]] = {
    "kicked by": lambda word: Left("lobby", "bob", "kicked", by=word),
    "kicked why": lambda word: Left("lobby", "bob", "kicked", by="ada", text="x" + word),
    "people fingerprint": lambda word: People([PersonInfo("a", 1, None, word)], False),
    "person fingerprint": lambda word: PersonDetails("a", [], True, AT, fingerprint=word),
    "moderated action": lambda word: Moderated(word, "ada", "bob"),
    "moderated by": lambda word: Moderated("ban", word, "bob"),
    "moderated name": lambda word: Moderated("ban", "ada", "x" + word),
    "moderated address": lambda word: Moderated("ban", "ada", address="x" + word),
    "moderated why": lambda word: Moderated("ban", "ada", "bob", text="x" + word),
    "a password for IRC": lambda word: IrcPassword(word, word),
    "a server's place": lambda word: Servers([ServerInfo(1, word, word, 1, 0, True)], None, False),
    "Redis": lambda word: Servers([], RedisInfo(word, word, word, 1, None, 0, True), False),
    "bans by": lambda word: Bans([Ban(word, "bob")], False),
    "bans name": lambda word: Bans([Ban("ada", "x" + word, "x" + word)], False),
    "bans why": lambda word: Bans([Ban("ada", "bob", text="x" + word)], False),
    "redacted": lambda word: Redacted(word, AT, word, "x" + word),
    "invitation": lambda word: Invitation(word, 1, AT),
    "message from": lambda word: Message("lobby", word, "x", AT),
    "message room": lambda word: Message(word, "bob", "x", AT),
    "welcome server": lambda word: Welcome(1, word, "me", LIMITS),
    "welcome name": lambda word: Welcome(1, "s", word, LIMITS),
    "ready name": lambda word: Ready(word, None, TOKEN, False),
    "ready room": lambda word: Ready("me", word, word, True),
    "joined name": lambda word: Joined("lobby", word),
    "joined room": lambda word: Joined(word, "bob"),
    "own joined name": lambda word: Joined("lobby", word, 2),
    "own joined room": lambda word: Joined(word, "me", 2),
    "left name": lambda word: Left("lobby", word, "leave"),
    "left room": lambda word: Left(word, "bob", "leave"),
    "left reason": lambda word: Left("lobby", "bob", word),
    "own left room": lambda word: Left(word, word),
    "renamed old": lambda word: Renamed(word, "new", "lobby"),
    "renamed new": lambda word: Renamed("old", word, "lobby"),
    "own renamed": lambda word: Renamed(word, word),
    "rooms": lambda word: Rooms([RoomInfo(word, 1), RoomInfo("b", 1)], False),
    "users room": lambda word: Users(word, ["a"], False),
    "users name": lambda word: Users("lobby", ["a", word, "b"], False),
    "emote from": lambda word: Message("lobby", word, "x", AT, True),
    "private from": lambda word: Private(word, "ada", "x", AT),
    "private to": lambda word: Private("bob", word, "x", AT),
    "topic room": lambda word: Topic(word, "x", "bob", AT),
    "topic": lambda word: Topic("lobby", word, "bob", AT),
    "topic by": lambda word: Topic("lobby", "x", word, AT),
    "no topic": lambda word: Topic(word, None, None, None),
    "people name": lambda word: People([PersonInfo(word, 1), PersonInfo("b", 1)], False),
    "people away": lambda word: People([PersonInfo("a", 1, word), PersonInfo("b", 1)], False),
    "person name": lambda word: PersonDetails(word, ["a"], False, AT),
    "person room": lambda word: PersonDetails("a", ["b", word], False, AT),
    "person away": lambda word: PersonDetails("a", [], False, AT, word),
    "away name": lambda word: Away(word, "x"),
    "away text": lambda word: Away("a", word),
    "back name": lambda word: Away(word, None),
    "history to": lambda word: HistoryPage(None, [Entry("a", "x", AT, None, word)], False, AT),
    "help name": lambda word: Help([CommandInfo(word, None, "x")]),
    "help argument": lambda word: Help([CommandInfo("a", word, "x")]),
    "help description": lambda word: Help([CommandInfo("a", "b", word)]),
    "history room": lambda word: HistoryPage(word, [Entry("a", "x", AT)], False, AT),
    "empty history room": lambda word: HistoryPage(word, [], False, None),
    "history from": lambda word: HistoryPage("lobby", [Entry(word, "x", AT)], False, AT),
    "skipped room": lambda word: Skipped(word, 1, 1, 2),
    "error code": lambda word: Error(word, "x"),
    "goodbye reason": lambda word: Goodbye(word, "x"),
    "sent": lambda word: Sent(word, AT),
}
"""Fields with a name, or another word that stays in one row."""


def check_inert(rows: list[str]) -> None:
    """Nothing in the rows that a terminal acts on or that hides; one frame, its further rows indented."""
    for row in rows:
        for index, char in enumerate(row):
            if is_live(char):
                around = row[max(index - 1, 0) : index] + row[index + 1 : index + 2]
                assert char in "\u200c\u200d", f"{char!r} in {row!r}"
                assert len(around) == 2, f"a joiner at an end of {row!r}"
                assert not any(near.isspace() or is_live(near) for near in around)
    assert "\n".join(rows).splitlines() == "\n".join(rows).split("\n")[: None if rows and rows[-1] else -1]
    assert all(row.startswith(INDENT) for row in rows[1:])
    assert not rows or not rows[0].startswith(" ")


def tallest(row: str) -> int:
    """The most marks that stand on one letter."""
    most = marks = 0
    for char in row:
        category = unicodedata.category(char)
        if category in ("Mn", "Me"):
            marks += 1
        elif category != "Cf":  # a joiner shows nothing: what follows still stands on the same letter
            marks = 0
        most = max(most, marks)
    return most


@pytest.mark.parametrize("name", ESCAPES)
def test_a_text_is_inert_and_stays_in_its_rows(name: str):
    for place, make in TEXT_PLACES.items():
        rows = wording(make(ESCAPES[name]))
        check_inert(rows)
        assert len(rows) == len(wording(make("x"))) + ESCAPES[name].count("\n"), place


@pytest.mark.parametrize("name", ESCAPES)
def test_a_name_is_inert_and_stays_in_its_row(name: str):
    for place, make in WORD_PLACES.items():
        rows = wording(make(ESCAPES[name]))
        check_inert(rows)
        assert len(rows) == len(wording(make("x"))), place


@pytest.mark.parametrize("name", [name for name in ESCAPES if "marks" in name])
def test_marks_do_not_tower_over_the_rows_of_others(name: str):
    for make in (*TEXT_PLACES.values(), WORD_PLACES["message from"], WORD_PLACES["users name"]):
        assert max(map(tallest, wording(make(ESCAPES[name])))) <= 4


def test_a_name_of_a_letter_that_shows_nothing_is_made_visible():
    # The Hangul filler is a letter to Unicode's categories, and nothing to the eye.
    for place in ("message from", "users name", "joined name", "rooms"):
        assert "\u3164" not in "".join(wording(WORD_PLACES[place]("\u3164"))), place


@pytest.mark.parametrize("name", [name for name in ESCAPES if name not in ("LF", "tab", "CRLF", "marks of direction")])
def test_a_replaced_text_is_seen(name: str):
    text = ESCAPES[name]
    [row] = wording(Message("lobby", "bob", text, AT))
    shown = row.removeprefix("22:14 bob: ")
    harmful = [char for char in text if is_live(char) and unicodedata.category(char) != "Cf"]
    assert shown.count("\ufffd") >= len(harmful)
    assert shown.strip()


SEPARATORS = ["\n", "\r", "\r\n", "\n\r", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e", "\n\t", "\n    "]
OWN_ROWS = [row for record, rows in WORDS.values() if type(record) is not Notice for row in rows[:1]]


@pytest.mark.parametrize("separator", SEPARATORS, ids=repr)
def test_nobody_can_write_a_row_that_looks_like_the_start_of_a_frame(separator: str):
    for place, make in {**TEXT_PLACES, **WORD_PLACES}.items():
        for forged in OWN_ROWS:
            assert forged not in wording(make(f"hi{separator}{forged}"))[1:], place


def test_nobody_can_write_a_row_of_history_that_looks_like_another_speakers():
    honest = wording(HistoryPage("lobby", [Entry("alice", "hi", AT), Entry("bob", "I quit", AT)], False, AT))
    forged = wording(HistoryPage("lobby", [Entry("alice", "hi\n22:14 bob: I quit", AT)], False, AT))
    assert forged != honest
    assert honest[2] not in forged


@pytest.mark.parametrize("place", ["rooms", "help description", "history from", "history room"])
def test_nobody_can_write_a_row_of_a_list_with_a_name(place: str):
    rows = wording(WORD_PLACES[place]("x\nadmin  9"))
    assert not any(row.strip().startswith("admin") for row in rows)


def test_a_long_text_stays_one_row_and_whole():
    text = "x" * 4_096
    assert wording(Message("lobby", "bob", text, AT)) == [f"22:14 bob: {text}"]


any_text = st.text(st.characters(exclude_categories=[]), max_size=60)
sharp_text = st.text(st.sampled_from("a\u0301\u200d\u200c\n\t\r \x1b\u2028\u202e👩漢\x9b"), max_size=40)


@settings(deadline=None)
@given(st.sampled_from(list(TEXT_PLACES)), any_text | sharp_text)
def test_any_text_is_inert(place: str, text: str):
    rows = wording(TEXT_PLACES[place](text))
    check_inert(rows)
    assert len(rows) == len(wording(TEXT_PLACES[place]("x"))) + text.count("\n")


@settings(deadline=None)
@given(st.sampled_from(list(WORD_PLACES)), any_text | sharp_text)
def test_any_name_is_inert(place: str, word: str):
    rows = wording(WORD_PLACES[place](word))
    check_inert(rows)
    assert len(rows) == len(wording(WORD_PLACES[place]("x")))
