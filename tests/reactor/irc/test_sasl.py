"""The exchange of SASL PLAIN: pieces, faults, and what the message says."""

import base64

import pytest

from pylingo.reactor.irc.sasl import MOST, PIECE, Credentials, Exchange, Fault, Wanted, read_plain


def plain(*parts: str) -> str:
    return base64.b64encode("\0".join(parts).encode()).decode()


def outcome(*words: str) -> Fault | Credentials | None:
    exchange = Exchange()
    for word in words[:-1]:
        assert exchange.take(word) is None
    return exchange.take(words[-1])


def test_somebody_logs_in() -> None:
    assert outcome("PLAIN", plain("", "ada", "s3cret")) == Credentials("ada", "s3cret")
    assert outcome("plain", plain("ada", "ada", "s3cret")) == Credentials("ada", "s3cret")


def test_the_server_asks_for_the_message_after_the_mechanism() -> None:
    exchange = Exchange()
    assert exchange.wanted is Wanted.MECHANISM
    exchange.take("PLAIN")
    assert exchange.wanted is Wanted.MESSAGE
    exchange.take(plain("", "ada", "x"))
    assert exchange.wanted is Wanted.MECHANISM


def test_a_message_may_come_in_pieces() -> None:
    message = plain("", "ada", "x" * 400)
    pieces = [message[at : at + PIECE] for at in range(0, len(message), PIECE)]
    assert len(pieces) > 1
    assert outcome("PLAIN", *pieces) == Credentials("ada", "x" * 400)


def test_a_message_of_whole_pieces_is_ended_by_a_plus() -> None:
    message = plain("", "ada", "x" * (PIECE * 3 // 4 - 5))
    assert len(message) == PIECE
    assert outcome("PLAIN", message, "+") == Credentials("ada", "x" * (PIECE * 3 // 4 - 5))


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["EXTERNAL"], Fault.NO_SUCH_MECHANISM),
        (["*"], Fault.ABORTED),
        (["PLAIN", "*"], Fault.ABORTED),
        (["PLAIN", "x" * (PIECE + 1)], Fault.TOO_LONG),
        (["PLAIN", *["x" * PIECE] * (MOST // PIECE), "x"], Fault.TOO_LONG),
        (["PLAIN", "+"], Fault.MALFORMED),
        (["PLAIN", "no base64!"], Fault.MALFORMED),
        (["PLAIN", "é"], Fault.MALFORMED),
    ],
)
def test_a_fault(words: list[str], fault: Fault) -> None:
    assert outcome(*words) is fault


@pytest.mark.parametrize(
    "message",
    [
        plain("ada", "s3cret"),
        plain("", "", "s3cret"),
        plain("", "ada", ""),
        plain("bob", "ada", "s3cret"),
        plain("", "ada", "s3", "cret"),
        base64.b64encode(b"\0\xff\0x").decode(),
        "AAA",
    ],
)
def test_a_message_that_is_not_plain(message: str) -> None:
    assert read_plain(message) is Fault.MALFORMED


def test_after_a_fault_it_begins_anew() -> None:
    exchange = Exchange()
    for words in (["PLAIN", "*"], ["PLAIN", "x" * 401], ["PLAIN", "!"], ["X"]):
        for word in words:
            exchange.take(word)
        assert exchange.take("PLAIN") is None
        assert exchange.take(plain("", "ada", "s3cret")) == Credentials("ada", "s3cret")
