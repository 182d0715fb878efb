"""The records of a handover: there and back, and what cannot be read."""

import msgpack
import pytest

from pylingo.reactor.succession import handover
from pylingo.reactor.succession.handover import (
    Counters,
    End,
    Failed,
    Go,
    Log,
    Offer,
    People,
    Ready,
    Redacted,
    Restored,
    Rooms,
    Seat,
    Seats,
    Sent,
    Totals,
    decode,
    encode,
    log_parts,
    messages_of,
    seat_parts,
)
from pylingo.shared.messages import Entry

SEAT = Seat(7, "5" * 32, b"\x00\xff", "Ada", 5, "out", "SHA256:x", "192.0.2.7", "192.0.2.7", ["Tea", "ale"], 1.5)
BARE = Seat(2**40, "6" * 32, None, "bob", 6, None, None, "::1", None, [], None)
EVERYTHING: list[Sent] = [
    Offer(1, "1.2.3", ["pylingo", "irc"], 1, {"--data": "/data"}, {"--port": "5000"}),
    Ready(),
    Failed("--port must be a number"),
    Restored(),
    Go(),
    Counters(3, 4, 2**60, None, 0.25),
    Counters(3, 4, 5, 2**62 - 1, 1e6),
    Totals({"messages": 2**40, "goodbyes": {"lost": 1}, "tick_seconds": [[1, 2], 0.5]}),
    People(b"{}\n"),
    Rooms([["tea", "milk first", "ada", 9]], [["tea", {"operator 5": "ada"}]], ["ale"]),  # type: ignore[list-item]
    Redacted("tea", [2**60]),
    Seats([SEAT, BARE]),
    End(8),
]
ENTRIES = [
    (Entry("Ada", "hello \N{HOT BEVERAGE}", 10), 0),
    (Entry("bob", "", 11, "k" * 32, "Ada", True, "SHA256:x", True, True), 9),
]


@pytest.mark.parametrize("sent", EVERYTHING, ids=lambda sent: type(sent).__name__)
def test_there_and_back(sent: Sent) -> None:
    assert decode(encode(sent)) == sent


def test_a_log_there_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "_MESSAGES", 2)
    messages = [*ENTRIES, *ENTRIES, ENTRIES[0]]
    parts = [decode(encode(part)) for part in log_parts("@1|@2", messages)]
    assert [type(part) for part in parts] == [Log] * 3
    assert [message for part in parts if isinstance(part, Log) for message in messages_of(part)] == messages
    assert list(log_parts("tea", [])) == []


def test_many_seats_come_in_several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "_SEATS", 2)
    assert list(seat_parts([SEAT, BARE, SEAT, BARE])) == [Seats([SEAT, BARE])] * 2
    assert list(seat_parts([SEAT, BARE, SEAT]))[1:] == [Seats([SEAT])]
    assert list(seat_parts([])) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        encode(Go()) + b"\x00",
        *(encode(Seats([SEAT]))[:end] for end in (1, 5, 40)),
        msgpack.packb(None),
        msgpack.packb([]),
        msgpack.packb(["nonsense"]),
        msgpack.packb(["go", 1]),
        msgpack.packb(["end"]),
        msgpack.packb(["seats", [["too", "short"]]]),
        msgpack.packb(["seats", 5]),
        msgpack.packb([["go"]]),
    ],
)
def test_something_else_is_one_sentence(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the state of the old server cannot be read: ."):
        decode(body)


@pytest.mark.parametrize("rows", [[[1, 2]], [5], 5])
def test_messages_that_are_none(rows: object) -> None:
    with pytest.raises(ValueError, match=r"^the log of 'tea' cannot be read: ."):
        list(messages_of(Log("tea", rows)))  # type: ignore[arg-type]
