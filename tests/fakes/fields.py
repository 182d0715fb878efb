"""Every field of every frame by the tables of PROTOCOL.md, with sound and wrong values for each kind."""

import copy

from pylingo.shared.codec import event_codec, request_codec

# A name that ends in ? may be left out or be nil. A kind that ends in ? is always sent, perhaps as nil.
REQUEST_FIELDS = {
    "hello": {
        "protocol": "int",
        "name?": "str",
        "client?": "str",
        "password?": "str",
        "resume?": "str",
        "id?": "id",
        "identity?": "str",
        "proof?": "str",
        "invite?": "str",
    },
    "say": {
        "text": "str",
        "key?": "key",
        "id?": "id",
        "room?": "str",
        "to?": "str",
        "action?": "bool",
        "notice?": "bool",
    },
    "command": {"name": "str", "argument?": "str", "id?": "id", "room?": "str"},
    "history": {
        "since?": "at",
        "before?": "at",
        "limit?": "limit",
        "id?": "id",
        "room?": "str",
        "with?": "str",
        "inbox?": "bool",
        "search?": "str",
    },
    "ping": {"id?": "id"},
    "pong": {"id?": "id"},
}
VERIFIED = {"fingerprint?": "str", "operator?": "bool"}
EVENT_FIELDS = {
    "welcome": {
        "protocol": "int",
        "server": "str",
        "name": "str",
        "limits": "{limits}",
        "features?": "[str]",
        "challenge?": "str",
    },
    "ready": {
        "name": "str",
        "room": "str?",
        "token": "str",
        "resumed": "bool",
        "re?": "id",
        "rooms?": "[str]",
        "identity?": "str",
        "operator?": "bool",
    },
    "message": {"room": "str", "from": "str", "text": "str", "at": "at", "action?": "bool", "notice?": "bool"},
    "private": {"from": "str", "to": "str", "text": "str", "at": "at", "action?": "bool", "notice?": "bool"} | VERIFIED,
    "sent": {"room": "str?", "at": "at", "re?": "id", "key?": "key", "to?": "str"},
    "joined": {"room": "str", "name": "str", "users?": "int", "re?": "id"}
    | VERIFIED
    | {"room_operator?": "bool", "topic_locked?": "bool"},
    "left": {"room": "str", "name": "str", "reason?": "str", "re?": "id", "current?": "str", "by?": "str"}
    | {"text?": "str"},
    "renamed": {"old": "str", "new": "str", "room?": "str", "re?": "id"} | VERIFIED,
    "rooms": {"rooms": "[room]", "more": "bool", "re?": "id"},
    "users": {"room": "str", "users": "[str]", "more": "bool", "re?": "id", "operators?": "[str]"},
    "help": {"commands": "[command]", "re?": "id"},
    "topic": {"room": "str", "topic": "str?", "by": "str?", "at": "at?", "re?": "id"},
    "people": {"people": "[person]", "more": "bool", "re?": "id"},
    "person": {"name": "str", "rooms": "[str]", "operator": "bool", "since": "at", "away?": "str", "re?": "id"}
    | {"fingerprint?": "str"},
    "away": {"name": "str", "text": "str?", "re?": "id"},
    "history": {
        "room": "str?",
        "messages": "[entry]",
        "more": "bool",
        "oldest": "at?",
        "re?": "id",
        "with?": "str",
        "next?": "at",
    },
    "skipped": {"room": "str?", "count": "int", "after": "at", "until": "at"},
    "roomop": {"room": "str", "name": "str", "by": "str", "on": "bool", "re?": "id"},
    "modes": {"room": "str", "modes": "[str]", "by?": "str", "re?": "id"},
    "moderated": {
        "action": "str",
        "by": "str",
        "name?": "str",
        "address?": "str",
        "room?": "str",
        "text?": "str",
        "until?": "at",
        "re?": "id",
    },
    "bans": {"bans": "[ban]", "more": "bool", "re?": "id"},
    "redacted": {"room": "str", "at": "at", "by": "str", "text?": "str"},
    "tagged": {"from": "str", "tags": "[str]", "room?": "str", "to?": "str"},
    "irc-password": {"name": "str", "password?": "str", "re?": "id"},
    "servers": {"servers": "[server]", "redis": "{redis}?", "more": "bool", "re?": "id"},
    "invitation": {"code": "str", "uses": "int", "until": "at", "re?": "id"},
    "notice": {"text": "str"},
    "error": {"code": "str", "text": "str", "re?": "id"},
    "goodbye": {"reason": "str", "text": "str", "re?": "id"},
    "ping": {},
    "pong": {"re?": "id"},
}
PARTS = {
    "{limits}": {"frame": "int", "text": "int", "name": "int", "room": "int"},
    "[room]": {"room": "str", "users": "int"},
    "[command]": {"name": "str", "argument": "str?", "description": "str"},
    "[person]": {"name": "str", "rooms": "int", "away?": "str"} | VERIFIED,
    "[ban]": {"by": "str", "name?": "str", "address?": "str", "text?": "str", "until?": "at"},
    "[server]": {"server": "int", "address": "str", "version": "str", "people": "int", "lag": "int", "own": "bool"},
    "{redis}": {"address": "str", "version": "str", "role": "str", "used": "int", "limit": "int?", "replicas": "int"}
    | {"durable": "bool"},
    "[entry]": {"from": "str", "text": "str", "at": "at", "key?": "key", "to?": "str", "action?": "bool"}
    | VERIFIED
    | {"redacted?": "bool"},
}

# Packed with `use_bin_type=False`, so bytes stand for strings of any bytes here.
NOT_UTF8 = [
    b"\xff",
    b"caf\xe9",
    b"\xe2\x82",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xed\xa0\x80",
    b"\xed\xa0\xbd\xed\xb8\x80",
]
NOT_INTS = ["", "1", True, False, 1.0, float("nan"), float("inf"), {}, [], {"a": 1}, [1]]
NOT_STRINGS = [0, -1, True, False, 1.5, float("nan"), {}, [], {"a": "b"}, ["a"], *NOT_UTF8]
GOOD = {
    "str": ["", "x", "Grüße, 世界 👋", "a" * 10_000, "\0\x1b[2J"],
    "int": [0, 1, -1, 2**64 - 1, -(2**63)],
    "bool": [True, False],
    "id": [0, 1, 2**63 - 1],
    "at": [0, 1, 1_700_000_000_000_000, 2**63 - 1],
    "limit": [1, 2, 100],
    "key": ["k", "k" * 32, "~ !"],
    "{limits}": [{"frame": 32_768, "text": 4_096, "name": 32, "room": 64}],
    "[str]": [[], ["a"], ["a", "ж", ""]],
    "[room]": [[], [{"room": "lobby", "users": 2}] * 3],
    "[command]": [[], [{"name": "list", "argument": None, "description": "d"}]],
    "[person]": [[], [{"name": "ada", "rooms": 2}, {"name": "bob", "rooms": 0, "away": "lunch"}]],
    "[ban]": [[], [{"by": "ada", "name": "eve"}, {"by": "ada", "address": "10.0.0.0/8", "until": 5}]],
    "[server]": [[], [{"server": 1, "address": "a", "version": "1", "people": 2, "lag": 3, "own": True}]],
    "{redis}": [
        {"address": "a", "version": "7", "role": "primary", "used": 1, "limit": None, "replicas": 0, "durable": True}
    ],
    "[entry]": [[], [{"from": "a", "text": "t", "at": 5}, {"from": "b", "text": "u", "at": 6, "key": "k"}]],
}
WRONG = {
    "str": NOT_STRINGS,
    "int": NOT_INTS,
    "bool": [0, 1, "", "true", 1.0, {}, []],
    "id": [*NOT_INTS, -1, 2**63, 2**64 - 1, -(2**63)],
    "at": [*NOT_INTS, -1, -(2**63)],
    "limit": [*NOT_INTS, 0, -1, 101, 2**63],
    "key": [*NOT_STRINGS, "", "k" * 33, "é", "k" * 30_000],
    "{limits}": [0, True, 1.5, "", "x", [], {}],
    "[str]": [0, True, 1.5, "", "x", {}, [1], [None], [[]], [{}], ["a", b"\xff"]],
    "[room]": [0, True, 1.5, "", "x", {}, [1], [None], [[]], [{}], ["a"], [{"room": "lobby", "users": 2}, {}]],
    "[command]": [0, True, 1.5, "", "x", {}, [1], [None], [[]], [{}], ["a"]],
    "[person]": [0, True, 1.5, "", "x", {}, [1], [None], [[]], [{}], ["a"]],
    "[ban]": [0, True, 1.5, "", "x", {}, [1], [None], [[]], [{}], ["a"]],
    "[server]": [0, True, 1.5, "", "x", {}, [1], [None], [[]], [{}], ["a"]],
    "{redis}": [0, True, 1.5, "", "x", [], {}],
    "[entry]": [0, True, 1.5, "", "x", {}, [1], [None], [[]], [{}], ["a"]],
}


def filled(fields: dict[str, str]) -> dict[str, object]:
    """A sound map with all of `fields`."""
    return {name.removesuffix("?"): GOOD[kind.removesuffix("?")][-1] for name, kind in fields.items()}


def field_cases():
    """Each field of each frame, and of the parts of frames: codec, a full frame, the path to the field, name, kind."""
    for codec, tables in ((request_codec, REQUEST_FIELDS), (event_codec, EVENT_FIELDS)):
        for type_, fields in tables.items():
            frame = {"type": type_, **filled(fields)}
            for name, kind in fields.items():
                key = name.removesuffix("?")
                yield codec, frame, (key,), name, kind
                for part_name, part_kind in PARTS.get(kind.removesuffix("?"), {}).items():
                    path = (key, 0) if kind.startswith("[") else (key,)
                    full = put(frame, path, filled(PARTS[kind.removesuffix("?")]))
                    yield codec, full, (*path, part_name.removesuffix("?")), part_name, part_kind


def put(frame, path, value):
    frame = copy.deepcopy(frame)
    inner = frame
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return frame


def drop(frame, path):
    frame = copy.deepcopy(frame)
    inner = frame
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return frame
