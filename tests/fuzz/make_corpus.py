#!/usr/bin/env python3
"""The seeds of the fuzzers: one small file for each interesting case. `python tests/fuzz/make_corpus.py` writes them.

The malformed streams and bodies are those of the end-to-end tests, so a new case there is a new seed here. The
fuzzer's findings are beside the seeds, in files whose names begin with `found-`; this script leaves them alone.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = Path(__file__).resolve().parent / "corpus"

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

import msgpack

from pylingo.shared.codec import encode, request_codec
from pylingo.shared.framing import encode_frame
from pylingo.shared.messages import Command, Hello, HistoryRequest, PingRequest, PongRequest, Say
from pylingo.shared.schema import Record
from tests.fakes.fields import WRONG, drop, field_cases, put
from tests.fakes.irc import HOSTILE_STREAMS, SOUND_LINES
from tests.fakes.streams import BAD_BODIES, SIZES, SOUND_BODIES
from tests.fuzz import fuzz_irc, fuzz_lines
from tests.fuzz.fuzz_session import BODY, DEAF, FIN, JOIN, PACED, TIME

CONVERSATION: list[Record] = [
    Hello(1, "Zoë", id=1),
    Command("list", id=2),
    Command("join", "#Tea", id=3),
    Say("hello", "key-1", 4),
    Say("again", "key-1", 5),
    Command("name", "Zoé", 6),
    Command("users", id=7),
    HistoryRequest(id=8),
    PingRequest(9),
    PongRequest(),
    Command("help", id=10),
    Command("join", "elsewhere", id=11),
    Command("leave", id=12),
    Command("nope", id=13),
    Command("close", id=14),
]


def stream_of(*records: Record) -> bytes:
    return b"".join(map(encode, records))


def seeds() -> Iterator[tuple[str, bytes]]:
    """Name and content of each seed. `fuzz_session` says what the first two bytes mean."""
    for name, stream in SIZES.items():
        yield f"size {name}", bytes([0, JOIN]) + stream
    for name, body in BAD_BODIES.items():
        yield f"bad {name}", bytes([0, JOIN | BODY]) + body
    for name, body in SOUND_BODIES.items():
        yield f"sound {name}", bytes([0, JOIN | BODY]) + body
    yield from wrong_fields()
    yield from wrong_utf8()
    talk = stream_of(*CONVERSATION)
    yield "talk", bytes([0, 0]) + talk
    yield "talk in single bytes", bytes([1, 0]) + talk
    yield "talk in pieces", bytes([7, 0]) + talk
    yield "talk at the pace", bytes([60, PACED | TIME]) + talk
    yield "talk and FIN", bytes([0, FIN]) + talk[:-20]
    yield "talk of one who is deaf", bytes([0, JOIN | DEAF]) + talk
    yield "silence", bytes([0, TIME])
    yield "two bytes and silence", bytes([1, JOIN | TIME]) + b"\0\0"
    yield "a frame in drips", bytes([1, JOIN | TIME]) + encode(Say("x" * 40))
    yield "frames and FIN", bytes([0, JOIN | FIN]) + encode(Say("one")) * 3
    yield "frames and half of one and FIN", bytes([0, JOIN | FIN]) + (encode(Say("one")) * 3)[:-5]
    yield "many frames", bytes([0, JOIN]) + encode(PingRequest(1)) * 200
    yield "many frames at the pace", bytes([0, JOIN | PACED]) + encode(PingRequest(1)) * 200
    yield "questions of one who is deaf", bytes([200, JOIN | DEAF]) + encode(Command("help")) * 800
    yield "many names", bytes([0, JOIN]) + stream_of(*(Command("name", f"n{index}") for index in range(100)))
    yield "rooms in a row", bytes([0, 0]) + stream_of(*(Command("join", f"r{index}") for index in range(100)))
    yield "before and after", bytes([0, JOIN]) + encode(Say("a", id=1)) + encode_frame(b"\xc1") + encode(Say("b", id=2))
    yield "the longest text", bytes([0, JOIN]) + encode(Say("\U0001f600" * 4_096, id=1))
    yield "a text of controls", bytes([0, JOIN]) + encode(Say("\x1b]52;c;aGk=\x07\x9b2J\u202e\u2067\u2028\0", id=1))
    for number, name in enumerate(["\u3164", "p\u0430ypal", "a" + "\u0301" * 50, "guest-\u0665", "\ufdfa" * 32, "ß"]):
        yield f"name {number}", bytes([0, JOIN]) + stream_of(Command("name", name), Command("join", name))


def wrong_fields() -> Iterator[tuple[str, bytes]]:
    """Each field of each request: missing, nil, of a wrong type, out of range."""
    for codec, frame, path, _, kind in field_cases():
        if codec is request_codec:
            requests = [drop(frame, path), put(frame, path, None)]
            requests += [put(frame, path, value) for value in WRONG[kind] if len(str(value)) < 100]
            requests += [put(frame, path, value) for value in ("", "x" * 5_000) if kind == "str"]
            bodies = (msgpack.packb(request, use_bin_type=False) for request in requests)
            yield f"field {frame['type']} {'.'.join(path)}", bytes([0, JOIN]) + b"".join(map(encode_frame, bodies))


def wrong_utf8() -> Iterator[tuple[str, bytes]]:
    """Truncated, overlong, surrogates: in a value and in a key."""
    cases = {"truncated": b"\xe2\x82", "overlong": b"\xc0\xaf", "surrogate": b"\xed\xa0\x80", "latin": b"caf\xe9"}
    for name, raw in cases.items():
        packed = bytes([0xA0 + len(raw)]) + raw
        bodies = [b"\x82\xa4type\xa3say\xa4text" + packed, b"\x82\xa4type\xa4ping" + packed + b"\x01"]
        yield f"utf8 {name}", bytes([0, JOIN]) + b"".join(map(encode_frame, bodies))


def file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def line_seeds() -> Iterator[tuple[str, bytes]]:
    """Name and content of each seed of `fuzz_lines`, whose docstring says what the first byte means."""
    talk = b"".join(line + b"\r\n" for line in SOUND_LINES)
    for step, name in enumerate(["talk", "talk in single bytes", "talk in pairs"]):
        yield name, bytes([step]) + talk
    for name, stream in HOSTILE_STREAMS.items():
        yield name, bytes([7]) + stream


IRC_COMMANDS = (
    *("PASS", "NICK", "USER", "CAP", "AUTHENTICATE", "PING", "PONG", "QUIT", "ERROR", "SETNAME"),
    *("JOIN", "PART", "PRIVMSG", "NOTICE", "TAGMSG", "TOPIC", "NAMES", "LIST", "MODE", "KICK", "INVITE"),
    *("WHO", "WHOIS", "WHOWAS", "AWAY", "USERHOST", "ISON", "MONITOR", "CHATHISTORY", "BATCH"),
    *("MOTD", "LUSERS", "VERSION", "TIME", "INFO", "ADMIN"),
    *("OPER", "KILL", "WALLOPS", "HELP", "LINKS"),
)
ODD_PARAMETERS = (
    "",
    ":",
    "* * * *",
    "#tea #tea #tea #tea",
    "#tea :x y",
    "guest-1 :x y",
    "guest-1 guest-2 0 :x",
    "#,##,#tea,,x, :,",
    "+ guest-1,x",
    "-1 x",
    "+1 draft/multiline #tea",
    "LATEST #tea * 5",
    "#tea +o-b+xyz guest-1 a!b@c",
    "\x02\x03\x01ACTION\x01",
    "é" * 100 + " " + "\U0001f600" * 50,
)
IRC_TALKS: dict[str, tuple[str, ...]] = {
    "a message of several lines": (
        "BATCH +1 draft/multiline #tea",
        "@batch=1 PRIVMSG #tea :a",
        "@batch=1;draft/multiline-concat PRIVMSG #tea :b",
        "@label=1 BATCH -1",
        "@batch=1 PRIVMSG #tea :late",
        "BATCH -1",
    ),
    "a log-in": (
        "AUTHENTICATE PLAIN",
        "AUTHENTICATE AGFkYQB4",
        "AUTHENTICATE *",
        "AUTHENTICATE PLAIN",
        "AUTHENTICATE +",
    ),
    "the history": tuple(
        f"CHATHISTORY {words}"
        for words in (
            "BEFORE #tea timestamp=2026-01-01T00:00:00.000Z 5",
            "AROUND #tea msgid=1 5",
            "BETWEEN #tea msgid=1 timestamp=9999-12-31T23:59:59.999Z 100",
            "TARGETS timestamp=1970-01-01T00:00:00Z timestamp=2999-01-01T00:00:00Z 5",
            "AFTER guest-1 msgid=18446744073709551615 1",
        )
    ),
    "modes": (
        *("MODE #tea +iklmst sesame 2", "MODE #tea +beI m:x*!y@* a *@*", "MODE #tea -n+v fuzz", "MODE #tea +b"),
        *("JOIN #tea,#b sesame,x y", "PRIVMSG @#tea :x", "INVITE guest-1 #tea", "INVITE", "KICK #tea,#b guest-1,x :y"),
        *("MODE #tea -iklmst+n", "MODE #tea -beI m:x*!y@* a *@*", "MODE fuzz +iBwZ-o", "MODE fuzz"),
        *("LIST >0,C<5,!*x*,T>1", "WHO * %tcuihsnfdlaor,12", "WHO fuzz o%r", "NAMES #tea,#b", "OPER a b"),
    ),
    "labels": ("@label=1 PRIVMSG #tea :x", "@label=2 NICK fuzz2", "@label=3 WHO #tea", "@label=4 PRIVMSG fuzz2 :me"),
    "watching": ("MONITOR + guest-1,fuzz,x", "NICK x", "NICK fuzz", "MONITOR S", "MONITOR L", "MONITOR C"),
    "typing": ("@+typing=active;+a=\\:\\s;b TAGMSG #tea,guest-1", "@+a=" + "x" * 4_000 + " TAGMSG #tea"),
    "a long text": ("PRIVMSG #tea :" + "é" * 240, "TOPIC #tea :" + "x" * 490, "AWAY :" + "x" * 500),
    "rooms": ("JOIN 0", "JOIN " + ",".join(f"#r{number}" for number in range(30)), "PART #r1,#r2 :x", "JOIN 0"),
}


def irc_seeds() -> Iterator[tuple[str, bytes]]:
    """Name and content of each seed of `fuzz_irc`, whose docstring says what the first two bytes mean."""
    everything = fuzz_irc.CAPS | fuzz_irc.REGISTER
    talk = b"".join(line + b"\r\n" for line in SOUND_LINES)
    yield "talk", bytes([0, 0]) + talk
    yield "talk in single bytes", bytes([1, 0]) + talk[:60]
    yield "talk in pieces", bytes([7, 0]) + talk
    yield "talk of one who is deaf", bytes([0, everything | fuzz_irc.DEAF]) + b"WHO #tea\r\nLIST\r\n" * 300
    yield "silence", bytes([1, fuzz_irc.TIME])
    yield "negotiation and silence", bytes([1, fuzz_irc.TIME | fuzz_irc.CAPS])
    yield "half a line and FIN", bytes([0, everything | fuzz_irc.FIN]) + b"PRIVMSG #tea :ha"
    for name, stream in HOSTILE_STREAMS.items():
        yield f"hostile {name}", bytes([0, everything]) + stream
        yield f"before registration {name}", bytes([9, 0]) + stream
    for name, lines in IRC_TALKS.items():
        yield f"talk of {name}", bytes([0, everything]) + "".join(f"{line}\r\n" for line in lines).encode()
    for command in IRC_COMMANDS:
        lines = [f"{command} {words}" for words in ODD_PARAMETERS]
        order = lines if command != "QUIT" else lines[:1]
        yield f"command {command}", bytes([0, everything]) + "".join(f"{line}\r\n" for line in order).encode()


def files_of(seeds: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """The seeds by the names of their files."""
    files: dict[str, bytes] = {}
    for name, data in seeds:
        assert file_name(name) not in files, name
        files[file_name(name)] = data
    return files


def corpus() -> dict[str, bytes]:
    """The seeds of `fuzz_session`."""
    return files_of(seeds())


def line_corpus() -> dict[str, bytes]:
    """The seeds of `fuzz_lines`."""
    return files_of(line_seeds())


def irc_corpus() -> dict[str, bytes]:
    """The seeds of `fuzz_irc`."""
    return files_of(irc_seeds())


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Make the folder hold these files, beside the findings in it."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in files and not path.name.startswith("found-"):
            path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    print(f"{folder.name}: {len(files)} seeds, {sum(map(len, files.values()))} bytes")


def main() -> None:
    write(CORPUS, corpus())
    write(fuzz_lines.CORPUS, line_corpus())
    write(fuzz_irc.CORPUS, irc_corpus())


if __name__ == "__main__":
    main()
