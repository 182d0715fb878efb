"""Every request, command and error code over a real socket: what the sender is answered, what the others are told.

Frames are written and compared as plain maps, so that a field too many or too few is noticed. In the tables `{me}`,
`{other}`, `{room}` and `{fresh}` stand for the two people in a room, the room, and a name that nobody has.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgpack
import pytest

from pylingo.shared.commands import COMMANDS
from pylingo.shared.framing import encode_frame
from pylingo.shared.messages import Command, Goodbye, Hello, Joined, Left, Renamed, Rooms, Users
from pylingo.shared.names import fold
from tests.support import EVERYWHERE, Peer, ServerProcess, everywhere, in_turn, one_server, plain_only, wait_until

pytestmark = [pytest.mark.usefixtures("wire"), everywhere]

IDS = [None, 0, 7, 2**63 - 1]
MAX_ID = 2**63 - 1
_numbers = itertools.count(1)


class Some:
    """Equal to every value of exactly this type for which `check` holds."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, kind: type, check: Any = None) -> None:
        self.kind = kind
        self.check = check or (lambda value: True)

    def __eq__(self, other: object) -> bool:
        return type(other) is self.kind and bool(self.check(other))

    def __repr__(self) -> str:
        return f"<some {self.kind.__name__}>"


SENTENCE = Some(str, lambda text: 0 < len(text) <= 1_024)
TOKEN = Some(str, lambda text: len(text) == 32 and set(text) <= set("0123456789abcdef"))
CHALLENGE = Some(str, lambda text: len(text) == 64 and set(text) <= set("0123456789abcdef"))
STAMP = Some(int, lambda at: at > 1_600_000_000_000_000)  # microseconds: seconds or milliseconds would be less


@dataclass
class Scene:
    """`me` and `other` are guests in `room`; nothing is on its way to them."""

    me: Peer
    other: Peer
    room: str
    fresh: str

    def fill(self, value: Any) -> Any:
        """`value` with the words in braces replaced."""
        if isinstance(value, str):
            words = {"me": self.me.name, "other": self.other.name, "room": self.room, "fresh": self.fresh}
            for word, replacement in words.items():
                value = value.replace("{" + word + "}", replacement)
            return value
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        return value

    def ask(self, request: dict[str, Any], id: int | None = None) -> None:
        """Send a request; its values are filled in."""
        send(self.me, self.fill(request) | ({} if id is None else {"id": id}))


def send(peer: Peer, *requests: dict[str, Any]) -> None:
    peer.raw(b"".join(encode_frame(msgpack.packb(request)) for request in requests))


def up_to_pong(peer: Peer) -> list[dict[str, Any]]:
    """The maps that come up to the answer to a ping."""
    peer.settle()
    send(peer, {"type": "ping", "id": MAX_ID - 1})
    maps = []
    while (frame := peer.recv_map()) != {"type": "pong", "re": MAX_ID - 1}:
        assert frame is not None, f"the stream ended after {maps}"
        maps.append(frame)
    return maps


def fresh() -> str:
    return f"fresh{next(_numbers)}"


def command(name: str, *argument: str | None, **fields: Any) -> dict[str, Any]:
    return {"type": "command", "name": name, **fields} | ({"argument": argument[0]} if argument else {})


def say(text: str = "hi", **fields: Any) -> dict[str, Any]:
    return {"type": "say", "text": text, **fields}


def hello(**fields: Any) -> dict[str, Any]:
    return {"type": "hello", "protocol": 1, **fields}


@pytest.fixture(scope="module")
def server(is_encrypted: bool) -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0", tls=is_encrypted) as server:
        yield server


@pytest.fixture
def scene(server: ServerProcess) -> Iterator[Scene]:
    room = fresh()
    with server.peers(2, room=room) as (me, other):
        yield Scene(me, other, room, fresh())


@pytest.fixture
def alone(server: ServerProcess) -> Iterator[Peer]:
    """A guest in no room."""
    with Peer(server.port) as peer:
        yield peer


def test_the_first_frame_is_the_welcome(server: ServerProcess) -> None:
    limits = {"frame": 32_768, "text": 4_096, "name": 32, "room": 64}
    guest = Some(str, lambda name: name.startswith("guest-") and name[6:].isdigit())
    version = Some(str, lambda text: text.startswith("PyLingo/"))
    with Peer(server.port, greet=False) as peer:
        assert peer.recv_map() == {
            "type": "welcome",
            "protocol": 1,
            "server": version,
            "name": guest,
            "limits": limits,
            "features": ["rooms", "private", "people", "identity", "moderation", "search", "servers", "room-operators"],
            "challenge": CHALLENGE,
        }


# --- answers

NOBODY = {"identity": None, "operator": False}
READY = {
    "type": "ready",
    "name": "{me}",
    "room": "{room}",
    "token": TOKEN,
    "resumed": False,
    "rooms": ["{room}"],
} | NOBODY
ENTERED = {"type": "joined", "room": "{fresh}", "name": "{me}", "users": 1, "room_operator": True}
PRESENT = {"type": "users", "room": "{room}", "users": ["{me}", "{other}"], "more": False, "operators": ["{me}"]}
SENT = {"type": "sent", "room": "{room}", "at": STAMP}
SENT_TO = {"type": "sent", "room": None, "at": STAMP, "to": "{other}"}
PAGE = {"type": "history", "room": None, "messages": [], "more": False, "oldest": None}
ANSWERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "hello": (hello(), READY),
    "hello-name": (hello(name="{fresh}"), READY | {"name": "{fresh}"}),
    "hello-name-nil": (hello(name=None, client=None, password=None, resume=None), READY),
    "hello-client": (hello(client="test/1"), READY),
    "hello-unasked-password": (hello(password="open sesame"), READY),
    "hello-unknown-token": (hello(resume="0" * 32, name="{fresh}"), READY | {"name": "{fresh}"}),
    "hello-token-that-is-none": (hello(resume="none at all \x00"), READY),
    "say-key": (say(key="k" * 32), {"type": "sent", "room": "{room}", "at": STAMP, "key": "k" * 32}),
    "name": (command("name", "{fresh}"), {"type": "renamed", "old": "{me}", "new": "{fresh}"}),
    "name-trimmed": (command("name", " \t{fresh}\n "), {"type": "renamed", "old": "{me}", "new": "{fresh}"}),
    "name-nfc": (command("name", "{fresh}e\u0301"), {"type": "renamed", "old": "{me}", "new": "{fresh}\u00e9"}),
    "join": (command("join", "{fresh}"), ENTERED),
    "join-hash": (command("join", "#{fresh}"), ENTERED),
    "join-trimmed": (command("join", " #{fresh} "), ENTERED),
    "join-same": (command("join", "{room}"), ENTERED | {"room": "{room}", "users": 2}),
    "join-guest-rule-is-for-users": (
        command("join", "guest-1-{fresh}"),
        ENTERED | {"room": "guest-1-{fresh}"},
    ),
    "users": (command("users"), PRESENT),
    "users-nil": (
        command("users", None),
        PRESENT,
    ),
    "users-blank": (
        command("users", " \t"),
        PRESENT,
    ),
    "leave": (command("leave"), {"type": "left", "room": "{room}", "name": "{me}", "current": None}),
    "open": (command("open", "#{fresh}"), ENTERED),
    "open-same": (command("open", "{room}"), ENTERED | {"room": "{room}", "users": 2}),
    "join-in-a-room": (command("join", "{fresh}", room="{room}"), ENTERED),
    "say-in-a-room": (say(key="k", room="#{room}"), SENT | {"key": "k"}),
    "say-to": (say(key="k", to="{other}"), SENT_TO | {"key": "k"}),
    "say-action": (say(key="k", action=True), SENT | {"key": "k"}),
    "topic": (
        command("topic"),
        {"type": "topic", "room": "{room}", "topic": None, "by": None, "at": None},
    ),
    "topic-set": (
        command("topic", " Assam "),
        {"type": "topic", "room": "{room}", "topic": "Assam", "by": "{me}", "at": STAMP},
    ),
    "topic-cleared": (
        command("topic", "-", room="{room}"),
        {"type": "topic", "room": "{room}", "topic": None, "by": "{me}", "at": STAMP},
    ),
    "whois": (
        command("whois", "{other}"),
        {"type": "person", "name": "{other}", "rooms": ["{room}"], "operator": False, "since": STAMP},
    ),
    "away": (command("away", " lunch "), {"type": "away", "name": "{me}", "text": "lunch"}),
    "back": (command("away"), {"type": "away", "name": "{me}", "text": None}),
    "history-with": ({"type": "history", "with": "{other}"}, PAGE | {"with": "{other}"}),
    "history-inbox": ({"type": "history", "inbox": True}, PAGE),
    "history-room": ({"type": "history", "room": "{room}"}, PAGE | {"room": "{room}"}),
    "help": (
        command("help"),
        {
            "type": "help",
            "commands": [{"name": c.name, "argument": c.argument, "description": c.description} for c in COMMANDS],
        },
    ),
    "close": (command("close"), {"type": "goodbye", "reason": "close", "text": SENTENCE}),
    "ping": ({"type": "ping"}, {"type": "pong"}),
    "unknown-fields": ({"type": "ping", "colour": "red", "nested": {"a": [1, None]}}, {"type": "pong"}),
}


@in_turn("case, id", itertools.product(ANSWERS, IDS), EVERYWHERE)
def test_the_answer_to_the_sender(scene: Scene, case: str, id: int | None) -> None:
    request, answer = ANSWERS[case]
    expected = scene.fill(answer) | ({} if id is None else {"re": id})
    scene.ask(request, id)
    got = scene.me.recv_map()
    if expected["type"] == "users":  # guest-10 comes before guest-9: what "sorted" means has a test of its own
        expected["users"].sort()
    assert got == expected


@pytest.mark.parametrize("id", [7, 0, MAX_ID])
@pytest.mark.parametrize("key", [None, "~"])
def test_sent_carries_the_id_and_the_key(scene: Scene, id: int, key: str | None) -> None:
    scene.ask(say(key=key), id)
    expected = {"type": "sent", "room": scene.room, "at": STAMP, "re": id} | ({"key": key} if key else {})
    assert scene.me.recv_map() == expected


def test_sent_and_the_message_of_the_others_have_one_time(scene: Scene) -> None:
    scene.ask(say(), 1)
    sent = scene.me.recv_map()
    message = scene.other.recv_map()
    assert sent is not None
    assert message == {"type": "message", "room": scene.room, "from": scene.me.name, "text": "hi", "at": sent["at"]}


@one_server("in a cluster, times of different rooms increase for each server, and along causes")
def test_times_increase_strictly_over_all_rooms(server: ServerProcess) -> None:
    with server.peers(3) as peers:
        for peer in peers:
            peer.join(fresh())
        stamps = []
        for round_ in range(20):
            for peer in peers:
                send(peer, *(say(key=f"k-{round_}-{number}") for number in range(5)))
                stamps += [peer.recv_map()["at"] for _ in range(5)]  # type: ignore[index]
        assert all(before < after for before, after in itertools.pairwise(stamps))


QUIET = {
    "say-without-id-or-key": say(),
    "say-with-nil-for-both": say(id=None, key=None),
    "pong": {"type": "pong"},
    "pong-with-id": {"type": "pong", "id": 3},
}


@pytest.mark.parametrize("case", QUIET)
def test_no_answer(scene: Scene, case: str) -> None:
    scene.ask(QUIET[case])
    assert up_to_pong(scene.me) == []


@pytest.mark.parametrize("id", IDS)
def test_a_page_of_history_has_its_fields(scene: Scene, id: int | None) -> None:
    scene.ask({"type": "history", "since": 0, "before": None, "limit": 100}, id)
    got = scene.me.recv_map()
    assert got is not None
    assert type(got.pop("oldest")) in (int, type(None))
    expected = {"type": "history", "room": scene.room, "messages": Some(list), "more": Some(bool)}
    assert got == expected | ({} if id is None else {"re": id})


def test_answers_come_in_the_order_of_the_requests(scene: Scene) -> None:
    requests = [command("users"), command("help"), {"type": "ping"}, command("nope"), command("join", scene.fresh)]
    send(scene.me, *(request | {"id": number} for number, request in enumerate(requests * 10)))
    assert [scene.me.recv_map()["re"] for _ in range(50)] == list(range(50))  # type: ignore[index]


def test_close_is_the_last_that_is_answered(scene: Scene) -> None:
    send(scene.me, say("before", id=1), command("close") | {"id": 2}, say("after", id=3), {"type": "ping"})
    assert [type(record).__name__ for record in scene.me.rest()] == ["Sent", "Goodbye"]
    told = [scene.other.recv_map(), scene.other.recv_map()]
    assert [frame["type"] for frame in told if frame] == ["message", "left"]
    assert up_to_pong(scene.other) == []


@pytest.mark.parametrize(
    "end", [command("close"), {"type": "hello", "protocol": 2}], ids=["close", "another version of the protocol"]
)
@pytest.mark.parametrize("behind", [command("join", "{room}"), command("name", "{fresh}"), say("still here?")], ids=str)
def test_requests_behind_the_cause_of_a_goodbye_are_not_handled(
    scene: Scene, alone: Peer, end: dict[str, Any], behind: dict[str, Any]
) -> None:
    """Even if it came in one piece with it: nobody haunts a room, and no name stays taken."""
    send(alone, end, scene.fill(behind))
    assert [type(record) for record in alone.rest()] == [Goodbye]
    assert up_to_pong(scene.other) == []
    send(scene.me, command("users"), command("name", scene.fresh))
    assert scene.me.expect(Users).users == sorted([scene.me.name, scene.other.name])
    assert scene.me.expect(Renamed).new == scene.fresh


# --- what the others are told

MOVED = {"type": "left", "room": "{room}", "name": "{me}", "reason": "moved"}
RENAMED = {"type": "renamed", "room": "{room}", "old": "{me}", "new": "{fresh}"}
TOLD: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "say": (say("hi"), [{"type": "message", "room": "{room}", "from": "{me}", "text": "hi", "at": STAMP}]),
    "say-key": (
        say("hi", key="k"),
        [{"type": "message", "room": "{room}", "from": "{me}", "text": "hi", "at": STAMP}],
    ),
    "name": (command("name", "{fresh}"), [RENAMED]),
    "name-of-hello": (hello(name="{fresh}"), [RENAMED]),
    "join-another": (command("join", "{fresh}"), [MOVED]),
    "join-the-same": (command("join", "{room}"), []),
    "join-the-same-with-hash": (command("join", "#{room}"), []),
    "open-another": (command("open", "{fresh}"), []),
    "say-in-a-room": (
        say("hi", room="{room}"),
        [{"type": "message", "room": "{room}", "from": "{me}", "text": "hi", "at": STAMP}],
    ),
    "say-action": (
        say("waves", action=True),
        [{"type": "message", "room": "{room}", "from": "{me}", "text": "waves", "at": STAMP, "action": True}],
    ),
    "me": (
        command("me", "waves"),
        [{"type": "message", "room": "{room}", "from": "{me}", "text": "waves", "at": STAMP, "action": True}],
    ),
    "say-to": (
        say("hi", to="{other}"),
        [{"type": "private", "from": "{me}", "to": "{other}", "text": "hi", "at": STAMP}],
    ),
    "msg": (
        command("msg", "{other} hi"),
        [{"type": "private", "from": "{me}", "to": "{other}", "text": "hi", "at": STAMP}],
    ),
    "topic": (
        command("topic", "Assam"),
        [{"type": "topic", "room": "{room}", "topic": "Assam", "by": "{me}", "at": STAMP}],
    ),
    "topic-asked": (command("topic"), []),
    "away": (command("away", "lunch"), [{"type": "away", "name": "{me}", "text": "lunch"}]),
    "back": (command("away"), []),
    "who": (command("who"), []),
    "whois": (command("whois", "{other}"), []),
    "leave": (command("leave"), [{"type": "left", "room": "{room}", "name": "{me}", "reason": "leave"}]),
    "close": (command("close"), [{"type": "left", "room": "{room}", "name": "{me}", "reason": "close"}]),
    "wrong-protocol": (
        {"type": "hello", "protocol": 2},
        [{"type": "left", "room": "{room}", "name": "{me}", "reason": "protocol"}],
    ),
    "hello": (hello(), []),
    "list": (command("list"), []),
    "users": (command("users"), []),
    "help": (command("help"), []),
    "history": ({"type": "history"}, []),
    "ping": ({"type": "ping"}, []),
    "pong": ({"type": "pong"}, []),
    "refused": (command("join", "##"), []),
    "refused-text": (say(" "), []),
}


@pytest.mark.parametrize("case", TOLD)
def test_the_frames_that_the_others_get(scene: Scene, case: str) -> None:
    request, told = TOLD[case]
    scene.ask(request, 5)
    if case == "pong":  # the one request without an answer
        assert up_to_pong(scene.me) == []
    else:
        assert scene.me.recv_map() is not None
    assert up_to_pong(scene.other) == scene.fill(told)


def test_a_join_is_announced_to_the_members_of_the_room(scene: Scene, alone: Peer) -> None:
    send(alone, command("join", scene.room.upper()))
    assert alone.recv_map() == {"type": "joined", "room": scene.room, "name": alone.name, "users": 3}
    for peer in (scene.me, scene.other):
        assert up_to_pong(peer) == [{"type": "joined", "room": scene.room, "name": alone.name}]


def test_a_name_of_the_same_compared_form_is_renamed_to(scene: Scene) -> None:
    send(scene.me, command("name", scene.fresh))
    send(scene.me, command("name", scene.fresh.upper()))
    send(scene.me, command("name", scene.fresh.upper()))
    old, new = scene.fresh, scene.fresh.upper()
    assert [frame["new"] for frame in up_to_pong(scene.me)] == [old, new, new]
    told = up_to_pong(scene.other)
    assert [(frame["old"], frame["new"]) for frame in told] == [(scene.me.name, old), (old, new)]


def test_people_in_other_rooms_or_none_are_told_nothing(server: ServerProcess, scene: Scene) -> None:
    with server.peers(2) as (elsewhere, nowhere):
        elsewhere.join(fresh())
        for request in (say(), command("name", scene.fresh), command("leave"), command("join", scene.room)):
            scene.ask(request, 1)
            assert scene.me.recv_map() is not None
        send(scene.me, command("close"))
        assert scene.me.rest()
        assert up_to_pong(elsewhere) == up_to_pong(nowhere) == []


@pytest.mark.parametrize("end", ["fin", "rst"])
def test_a_lost_connection_leaves_the_room_and_frees_the_name(scene: Scene, alone: Peer, end: str) -> None:
    send(scene.me, command("name", scene.fresh))
    assert scene.me.recv_map() is not None
    assert scene.other.expect(Renamed)
    if end == "fin":
        scene.me.close()
    else:
        scene.me.reset()
    assert scene.other.recv_map() == {"type": "left", "room": scene.room, "name": scene.fresh, "reason": "lost"}
    send(alone, command("name", scene.fresh))
    assert alone.expect(Renamed).new == scene.fresh


# --- errors

NOT_STRINGS = [5, True, 1.5, {}, [], ["x"], {"a": "b"}]
NOT_UTF8 = [b"\xff", b"caf\xe9", b"\xe2\x82", b"\xc0\xaf", b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80"]
NOT_INTS = ["1", True, 1.0, float("nan"), {}, []]
BAD_MESSAGES: list[dict[str, Any]] = [
    {},
    {"text": "hi"},
    *({"type": value} for value in [None, *NOT_STRINGS]),
    {"type": "say"},
    {"type": "say", "text": None},
    *(say(text) for text in NOT_STRINGS),  # type: ignore[arg-type]
    *(say(key=key) for key in ["", "k" * 33, "\u00e9", *NOT_STRINGS]),
    {"type": "command"},
    {"type": "command", "name": None},
    *({"type": "command", "name": value} for value in NOT_STRINGS),
    *({"type": "command", "name": "join", "argument": value} for value in NOT_STRINGS),
    {"type": "hello"},
    {"type": "hello", "protocol": None},
    *({"type": "hello", "protocol": value} for value in NOT_INTS),
    *(hello(**{field: 5}) for field in ("name", "client", "password", "resume")),
    *({"type": "history", "since": value} for value in [-1, -(2**63), *NOT_INTS]),
    *({"type": "history", "before": value} for value in [-1, *NOT_INTS]),
    *({"type": "history", "limit": value} for value in [0, 101, -1, 2**64 - 1, *NOT_INTS]),
]
BAD_IDS = [-1, 2**63, 2**64 - 1, -(2**63), "1", True, 1.0, {}, []]

ERRORS: list[tuple[str, dict[str, Any]]] = [
    *(("bad-message", request) for request in BAD_MESSAGES),
    ("unknown-type", {"type": "nope"}),
    ("unknown-type", {"type": ""}),
    ("unknown-type", {"type": "SAY", "text": "hi"}),
    ("unknown-type", {"type": "welcome"}),
    ("unknown-command", command("nope")),
    ("unknown-command", command("")),
    ("unknown-command", command("LIST")),
    ("unknown-command", command("/list")),
    ("unknown-command", command("list ")),
    ("unknown-command", command("x" * 20_000)),
    *(("bad-argument", command(name)) for name in ("name", "join")),
    *(("bad-argument", command(name, blank)) for name in ("name", "join") for blank in (None, "", " \t\n")),
    *(("bad-argument", command(name, "x")) for name in ("list", "users", "leave", "help", "close")),
    *(
        ("bad-name", command("name", name))
        for name in [
            "-x",
            ".x",
            "two words",
            "x" * 33,
            "#x",
            "guest-5",
            "Guest-05",
            "guest-\u0665",
            "\uff27uest-7",
            "p\u0430ul",
            "a\u200bb",
            "a\u202eb",
            "a\x1b[2J",
            "\u3164",
            "\u0301a",
            "y" * 30_000,
        ]
    ),
    *(("bad-room", command("join", room)) for room in ["-x", "##x", "#", "x" * 65, "a b", "p\u0430ul", "a\x07"]),
    *(("bad-text", say(text)) for text in ["", " ", "\n\t\r ", "\u2003\u3000"]),
    ("text-too-long", say("x" * 4_097)),
    ("text-too-long", say("\U0001f600" * 4_097)),
    ("text-too-long", say(" " * 4_097)),
]


# Not in a cluster: the same code refuses nearly all of these there, and those that it does not have tests of their own.
@in_turn(
    "code, request_, id",
    [(*error, id) for number, error in enumerate(ERRORS) for id in ((None, 9) if number % 2 else (9, None))],
)
def test_the_error(scene: Scene, code: str, request_: dict[str, Any], id: int | None) -> None:
    scene.ask(request_, id)
    error = {"type": "error", "code": code, "text": SENTENCE} | ({} if id is None else {"re": id})
    assert scene.me.recv_map() == error
    # Nothing has changed, nobody is told, and the connection goes on.
    assert up_to_pong(scene.other) == []
    send(scene.me, command("users"))
    assert scene.me.expect(Users).room == scene.room
    send(scene.me, command("name", "After" + scene.fresh))
    assert scene.me.expect(Renamed).old == scene.me.name


@pytest.mark.parametrize("id", [None, 9])
@pytest.mark.parametrize("spelling", ["stra\u00dfe", "STRASSE", "\uff33trasse"])
def test_a_name_that_somebody_has_in_any_spelling_is_taken(scene: Scene, spelling: str, id: int | None) -> None:
    send(scene.other, command("name", f"Strasse{scene.fresh}"))
    scene.other.expect(Renamed)
    scene.me.expect(Renamed)
    scene.ask(command("name", spelling + "{fresh}"), id)
    error = {"type": "error", "code": "name-taken", "text": SENTENCE}
    assert scene.me.recv_map() == error | ({} if id is None else {"re": id})
    assert up_to_pong(scene.other) == []


@pytest.mark.parametrize("raw", NOT_UTF8)
def test_text_that_is_not_utf_8_is_a_bad_message(scene: Scene, raw: bytes) -> None:
    scene.me.raw(encode_frame(b"\x82\xa4type\xa3say\xa4text" + bytes([0xA0 + len(raw)]) + raw))
    assert scene.me.recv_map() == {"type": "error", "code": "bad-message", "text": SENTENCE}
    assert up_to_pong(scene.me) == up_to_pong(scene.other) == []


@one_server("these are refused before anything is asked of the cluster")
@pytest.mark.parametrize("id", BAD_IDS, ids=repr)
@pytest.mark.parametrize("request_", [{"type": "ping"}, say(), command("leave")], ids=lambda request: request["type"])
def test_an_id_that_is_none_refuses_the_request_and_comes_back_nowhere(
    scene: Scene, request_: dict[str, Any], id: Any
) -> None:
    send(scene.me, request_ | {"id": id})
    assert scene.me.recv_map() == {"type": "error", "code": "bad-message", "text": SENTENCE}
    assert up_to_pong(scene.me) == up_to_pong(scene.other) == []


@pytest.mark.parametrize("id", [None, 4])
@pytest.mark.parametrize(
    "request_", [say(), say(key="k"), command("users"), command("leave"), {"type": "history"}], ids=str
)
@pytest.mark.parametrize("been_inside", [False, True])
def test_outside_of_a_room(alone: Peer, request_: dict[str, Any], id: int | None, been_inside: bool) -> None:
    if been_inside:
        send(alone, command("join", fresh()), command("leave"))
        alone.until(Left)
    send(alone, request_ | ({} if id is None else {"id": id}))
    error = {"type": "error", "code": "no-room", "text": SENTENCE}
    assert alone.recv_map() == error | ({} if id is None else {"re": id})
    assert up_to_pong(alone) == []


def test_an_error_quotes_little_of_what_was_sent_and_makes_it_inert(alone: Peer) -> None:
    send(alone, command("x" * 20_000), command("\x1b[2J\x07\u202e"), {"type": "z" * 20_000})
    for letter, frame in zip("x\x1bz", up_to_pong(alone), strict=True):
        assert letter.isprintable() == (letter in frame["text"])
        assert frame["text"].count(letter) <= 64
        assert frame["text"].isprintable()


# --- hello


@pytest.mark.parametrize("id", [None, 3])
@pytest.mark.parametrize("again", [hello(), hello(name="somebody-else"), {"type": "hello", "protocol": 2}], ids=str)
def test_a_second_hello_is_refused(alone: Peer, again: dict[str, Any], id: int | None) -> None:
    alone.hello()
    send(alone, again | ({} if id is None else {"id": id}))
    error = {"type": "error", "code": "already-ready", "text": SENTENCE}
    assert alone.recv_map() == error | ({} if id is None else {"re": id})
    assert up_to_pong(alone) == []


def test_the_fields_of_a_second_hello_are_checked_first(alone: Peer) -> None:
    alone.hello()
    send(alone, {"type": "hello", "protocol": "1"})
    assert alone.recv_map() == {"type": "error", "code": "bad-message", "text": SENTENCE}


def test_a_hello_with_a_wrong_field_does_not_count(alone: Peer) -> None:
    send(alone, hello(name=5), hello())
    assert [frame["type"] for frame in up_to_pong(alone)] == ["error", "ready"]


@pytest.mark.parametrize("id", [None, 6])
@pytest.mark.parametrize(
    ("code", "wish"), [("name-taken", "{OTHER}"), ("bad-name", "guest-1"), ("bad-name", ""), ("bad-name", "-")]
)
def test_a_wish_that_cannot_be_had_leaves_the_guest_name(
    server: ServerProcess, alone: Peer, code: str, wish: str, id: int | None
) -> None:
    taken = fresh()
    with Peer(server.port) as other:
        other.hello(taken)
        request = hello(name=wish.replace("{OTHER}", taken.upper())) | ({} if id is None else {"id": id})
        send(alone, request)
        re = {} if id is None else {"re": id}
        ready = {
            "type": "ready",
            "name": alone.name,
            "room": None,
            "token": TOKEN,
            "resumed": False,
            "rooms": [],
        } | NOBODY
        assert alone.recv_map() == ready | re
        assert alone.recv_map() == {"type": "error", "code": code, "text": SENTENCE} | re
        assert up_to_pong(alone) == []


def test_tokens_differ(server: ServerProcess) -> None:
    with server.peers(10) as peers:
        assert len({peer.hello().token for peer in peers}) == 10


@pytest.mark.parametrize("version", [0, 2, -1, 2**64 - 1])
def test_another_version_of_the_protocol_ends_the_connection(alone: Peer, version: int) -> None:
    send(alone, {"type": "hello", "protocol": version}, {"type": "ping"})
    assert alone.recv_map() == {"type": "goodbye", "reason": "protocol", "text": SENTENCE}
    assert alone.recv_map() is None


# --- texts and names

TEXTS = {
    "newline and tab stay": ("a\n\tb", "a\n\tb"),
    "nothing is trimmed": (" a ", " a "),
    "controls": ("\x00a\x1b[2J\r\x7f\x85\x9b", "\ufffda\ufffd[2J\ufffd\ufffd\ufffd\ufffd"),
    "other invisible characters are the client's business": ("a\u202eb\u200d", "a\u202eb\u200d"),
    "no normalization": ("e\u0301", "e\u0301"),
    "the longest": ("\U0001f600" * 4_096, "\U0001f600" * 4_096),
    "the longest in ASCII": ("x" * 4_096, "x" * 4_096),
    "one character": ("x", "x"),
    "a slash is the client's business": ("/leave", "/leave"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_the_text_that_arrives(scene: Scene, case: str) -> None:
    sent, received = TEXTS[case]
    send(scene.me, say(sent))
    message = scene.other.recv_map()
    assert message is not None
    assert message["text"] == received


def test_a_room_is_called_as_its_first_member_typed_it(server: ServerProcess) -> None:
    name = "Stra\u00dfe" + fresh()
    with server.peers(2) as (first, second):
        first.join("#" + name)
        assert second.join(name.casefold().upper()).room == name
        assert first.expect(Joined).room == name
        for peer in (first, second):
            send(peer, command("leave"))
            assert peer.until(Left, name=peer.name).room == name
        second.fence()
        # Nobody is left, so whoever comes now is the first.
        assert second.join(name.upper()).room == name.upper()


@one_server("in a cluster, each server has guest numbers of its own")
def test_guest_numbers_are_not_used_again() -> None:
    with ServerProcess() as server:
        names = []
        for _ in range(5):
            with Peer(server.port) as peer:
                names.append(peer.name)
                send(peer, command("name", "somebody"))
                peer.expect(Renamed)
                send(peer, command("close"))
                peer.rest()
    assert names == [f"guest-{number}" for number in range(1, 6)]


def test_a_race_for_a_name_has_one_winner(server: ServerProcess) -> None:
    wish = fresh()
    with server.peers(20) as peers:
        with server.stopped():
            for peer in peers:
                send(peer, command("name", wish) | {"id": 1})
        answers = [peer.recv_map() for peer in peers]
        assert all(answer is not None and answer["re"] == 1 for answer in answers)
        kinds = sorted(answer["type"] for answer in answers if answer)
        assert kinds == ["error"] * 19 + ["renamed"]
        assert {answer["code"] for answer in answers if answer and answer["type"] == "error"} == {"name-taken"}


def test_a_thousand_names(scene: Scene) -> None:
    names = [f"{scene.fresh}-{number}" for number in range(1_000)]
    send(scene.me, *(command("name", name) for name in names))
    for name in names:
        assert scene.me.expect(Renamed).new == name
        assert scene.other.expect(Renamed).new == name


# --- lists


@pytest.fixture
def empty_server() -> Iterator[ServerProcess]:
    """A server of its own, as a list shows what other tests have left behind."""
    with ServerProcess("--rate", "0") as server:
        yield server


@in_turn("id", IDS, EVERYWHERE)
def test_the_list_of_no_rooms(empty_server: ServerProcess, id: int | None) -> None:
    with Peer(empty_server.port) as peer:
        send(peer, command("list") | ({} if id is None else {"id": id}))
        expected = {"type": "rooms", "rooms": [], "more": False}
        assert peer.recv_map() == expected | ({} if id is None else {"re": id})


@one_server("in a cluster, the list may be two seconds old as to rooms of other servers")
def test_the_list_is_sorted_by_the_compared_form_and_counts(empty_server: ServerProcess) -> None:
    rooms = ["b", "A", "\u00dfa", "Z", "a1", "\uff42b", "a-b"]
    with empty_server.peers(len(rooms) + 1) as peers:
        for peer, room in zip(peers, rooms, strict=False):
            peer.join(room)
        peers[-1].join("z")
        send(peers[-1], command("list") | {"id": 1})
        expected = [{"room": room, "users": 2 if room == "Z" else 1} for room in sorted(rooms, key=fold)]
        assert peers[-1].recv_map() == {"type": "rooms", "rooms": expected, "more": False, "re": 1}
        # A room without people is gone.
        send(peers[0], command("leave"))
        peers[0].expect(Left)
        send(peers[-1], command("list"))
        listed = peers[-1].expect(Rooms).rooms
        assert [info.room for info in listed] == [room for room in sorted(rooms, key=fold) if room != "b"]


def test_users_are_sorted_by_the_compared_form(server: ServerProcess) -> None:
    room, tail = fresh(), fresh()
    names = [name + tail for name in ("b", "A", "\u00df", "Z", "c", "\uff44", "a-")]
    with server.peers(len(names), room=room) as peers:
        for peer, name in zip(peers, names, strict=True):
            send(peer, command("name", name))
            peer.until(Renamed, new=name, room=None)
        peers[-1].fence()
        send(peers[-1], command("users"))
        expected = sorted(names, key=fold)
        assert peers[-1].expect(Users).users == expected


hundreds = plain_only("hundreds of handshakes take long")


def wide_names(count: int, length: int) -> list[str]:
    """Names that take the most bytes that a name of `length` characters can: four for each letter."""
    source = random.Random(1)
    return ["".join(chr(source.randrange(0x10428, 0x10450)) for _ in range(length)) for _ in range(count)]


@hundreds
@pytest.mark.parametrize("id", [None, 0, 7])
def test_a_list_too_large_for_a_frame_comes_in_several(empty_server: ServerProcess, id: int | None) -> None:
    names = wide_names(250, 64)
    with empty_server.peers(len(names)) as peers:
        for peer, name in zip(peers, names, strict=True):
            send(peer, command("join", name))
        for peer in peers:
            peer.expect(Joined)
        pages = ask_pages(peers[0], "list", id)
    assert len(pages) >= 2
    listed = [info for page in pages for info in page["rooms"]]
    assert listed == [{"room": name, "users": 1} for name in sorted(names, key=fold)]


@hundreds
def test_many_users_come_in_several_frames(empty_server: ServerProcess) -> None:
    names = wide_names(300, 32)
    with empty_server.peers(len(names), room="all") as peers:
        for peer, name in zip(peers, names, strict=True):
            send(peer, command("name", name))
        for peer, name in zip(peers, names, strict=True):
            peer.until(Renamed, new=name, room=None)
        peers[0].fence()
        pages = ask_pages(peers[0], "users", 7)
    assert len(pages) >= 2
    assert {page["room"] for page in pages} == {"all"}
    assert [name for page in pages for name in page["users"]] == sorted(names, key=fold)


def ask_pages(peer: Peer, name: str, id: int | None) -> list[dict[str, Any]]:
    """The frames of one long answer."""
    send(peer, command(name) | ({} if id is None else {"id": id}))
    pages = up_to_pong(peer)
    assert [page["more"] for page in pages] == [True] * (len(pages) - 1) + [False]
    assert [page.get("re") for page in pages] == [id] * len(pages)
    return pages


def test_the_end_of_one_connection_is_seen_in_the_list(empty_server: ServerProcess) -> None:
    with empty_server.peers(2) as (one, other):
        one.join("tea")
        one.close()

        def rooms() -> list[Any]:
            other.send(Command("list"))
            return other.expect(Rooms).rooms

        wait_until(lambda: not rooms(), "the room's end")


def test_the_goodbye_of_close_is_followed_by_the_end_of_the_stream(server: ServerProcess) -> None:
    with Peer(server.port) as peer:
        peer.send(Hello(1), Command("close", id=1))
        *_, last = peer.rest()
        assert isinstance(last, Goodbye)
        assert last.reason == "close"
