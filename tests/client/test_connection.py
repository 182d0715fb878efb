"""The client's connection, against a server played by the test on a real socket."""

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import pytest

from pylingo.client.connection import HIGH_WATER, ClientConnection
from pylingo.reactor.engine.dial import Target
from pylingo.reactor.engine.handshake import NotTlsError
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.tls import ClientTls
from pylingo.shared.codec import encode, request_codec
from pylingo.shared.framing import FrameDecoder, encode_frame
from pylingo.shared.messages import Goodbye, Message, Notice, Ping, Pong, PongRequest, Say
from pylingo.shared.schema import Record
from tests.fakes.tls import client_tls, der, server_tls
from tests.support import DEADLINE, wait_until


def frame(value: Any) -> bytes:
    """A frame around anything at all."""
    return encode_frame(msgpack.packb(value))


class Played:
    """A link, what it has told, and the server's end of it, over TLS if that is wanted."""

    def __init__(self, targets: list[Target] | None = None, tls: ClientTls | None = None) -> None:
        self.tls = tls
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE)
        self.address = self.listener.getsockname()
        self.reactor = Reactor()
        self.told: list[Any] = []
        self.received: list[Record] = []
        self.ended: list[Exception | None] = []
        self.drains = 0
        self.peer: socket.socket | None = None
        self.decoder = FrameDecoder()
        self.link = ClientConnection(
            self.reactor,
            [(socket.AF_INET, self.address)] if targets is None else targets,
            lambda: self.told.append("connected"),
            self._on_received,
            self._on_drained,
            self._on_ended,
            tls,
        )

    def _on_received(self, record: Record) -> None:
        self.told.append("received")
        self.received.append(record)

    def _on_drained(self) -> None:
        self.told.append("drained")
        self.drains += 1

    def _on_ended(self, error: Exception | None) -> None:
        self.told.append("ended")
        self.ended.append(error)

    def turn_until(self, condition: Callable[[], Any], what: str = "the condition") -> None:
        def turned() -> Any:
            if not condition():
                self.reactor.tick(0.02)
            return condition()

        wait_until(turned, what)

    def settle(self) -> None:
        """A few turns more, in which nothing further must happen."""
        for _ in range(5):
            self.reactor.tick(0)

    def connect(self) -> "Played":
        if self.tls is not None:
            accepted = self.accept()
            accepted.setblocking(False)
            self.peer = secure = server_tls().wrap(accepted)
            self.turn_until(lambda: shaken(secure), "the handshake")
        self.turn_until(lambda: "connected" in self.told, "the connection")
        self.peer = self.peer or self.accept()
        self.peer.settimeout(DEADLINE)
        return self

    def accept(self) -> socket.socket:
        self.reactor.tick(0)
        return self.listener.accept()[0]

    def say(self, data: bytes) -> None:
        assert self.peer is not None
        self.peer.sendall(data)

    def hang_up(self) -> None:
        assert self.peer is not None
        self.peer.close()

    def requests(self, count: int) -> list[Record]:
        """The next requests that the link has sent."""
        assert self.peer is not None
        found: list[Record] = []
        self.peer.setblocking(False)

        def arrived() -> bool:
            assert self.peer is not None
            self.reactor.tick(0.01)
            # Read all that is there: TLS gives 16 KiB at once, and a turn for each piece would take seconds.
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
                while data := self.peer.recv(1 << 20):
                    found.extend(request_codec.decode(body) for body in self.decoder.feed(data))
            return len(found) >= count

        wait_until(arrived, f"{count} requests")
        return found

    def close(self) -> None:
        self.link.close()
        if self.peer is not None:
            self.peer.close()  # so that the link's linger ends at once
        self.listener.close()
        wait_until(lambda: self.reactor.tick(0.01) or not self.link.is_open)
        if "connected" in self.told:
            self.turn_until(lambda: self.ended, "the end")
        self.reactor.close()
        assert len(self.ended) <= 1


def shaken(sock: ssl.SSLSocket) -> bool:
    try:
        sock.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


@pytest.fixture(params=["plain", "tls"])
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    game = Played(tls=client_tls() if request.param == "tls" else None)
    yield game
    game.close()


def test_nothing_is_told_before_the_first_turn(played: Played):
    assert played.told == []
    assert not played.link.is_open
    assert not played.link.is_full
    assert played.link.target is None
    played.connect()
    assert played.told == ["connected"]
    assert played.link.target == (socket.AF_INET, played.address)
    assert played.link.is_open


def test_frames_are_passed_on_in_order(played: Played):
    records = [Notice(f"number {number}") for number in range(500)]
    played.connect().say(b"".join(map(encode, records)))
    played.turn_until(lambda: len(played.received) >= 500)
    assert played.received == records


def test_frames_come_through_byte_by_byte(played: Played):
    records = [Notice("ü"), Message("lobby", "bob", "x", 1), Pong(7)]
    played.connect()
    assert played.peer is not None
    played.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"".join(map(encode, records)):
        played.say(bytes([byte]))
        played.reactor.tick(0)
    played.turn_until(lambda: len(played.received) >= 3)
    assert played.received == records


def test_pings_are_answered_and_not_passed_on(played: Played):
    played.connect().say(encode(Notice("a")) + encode(Ping()) * 3 + encode(Notice("b")))
    assert played.requests(3) == [PongRequest()] * 3
    assert played.received == [Notice("a"), Notice("b")]


def test_pings_are_not_answered_without_end_to_a_server_that_reads_nothing(played: Played):
    played.connect()
    while not played.link.is_full:
        played.link.send(Say("x" * 4_000))
    queued = played.link.queued
    for _ in range(100):
        played.link.data_received(encode(Ping()))
    assert played.link.queued == queued


@pytest.mark.parametrize(
    "unknown",
    [
        {"type": "weather", "text": "rain"},
        {"type": "weather", "deep": [{"a": [1, 2, {"b": None}]}] * 20},
        {"type": ""},
        {"type": "say", "text": "a request is no event"},
        {"type": "NOTICE", "text": "case counts"},
        {"type": "x" * 30_000},
        {"type": "\x1b]0;title\x07"},
    ],
    ids=lambda value: repr(value)[:30],
)
def test_unknown_frame_types_are_passed_over(played: Played, unknown: dict[str, Any]):
    played.connect().say(frame(unknown) + encode(Notice("after")) + frame(unknown) + encode(Ping()))
    assert played.requests(1) == [PongRequest()]
    assert played.received == [Notice("after")]
    assert played.ended == []


def test_unknown_fields_are_passed_over(played: Played):
    played.connect().say(frame({"type": "notice", "text": "hi", "colour": ["red", {"a": 1}], "id": -1}))
    played.turn_until(lambda: played.received)
    assert played.received == [Notice("hi")]


NONSENSE = {
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "SMTP": b"220 mail.example ESMTP\r\n",
    "TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "size 0": b"\0\0\0\0",
    "size 32,769": b"\x00\x00\x80\x01",
    "size of four gigabytes": b"\xff\xff\xff\xff",
    "c1": encode_frame(b"\xc1"),
    "two values": encode_frame(b"\x80\x80"),
    "cut off": encode_frame(b"\x82\xa4type"),
    "an array": frame([1]),
    "an integer": frame(1),
    "nil": frame(None),
    "ext": encode_frame(b"\x81\xa4type\xc7\x00\x05"),
    "seventeen pairs": frame({"type": "notice", "text": "x", **{str(key): 0 for key in range(15)}}),
    "keys that are no strings": frame({"type": "notice", "text": "x", 1: 2}),
    "nested": encode_frame(b"\x81\xa4type" + b"\x91" * 30_000 + b"\xc0"),
    "no type": frame({"text": "x"}),
    "an empty map": frame({}),
    "a type that is no string": frame({"type": 1}),
    "a type that is not UTF-8": frame({"type": b"\xff"}),
    "a field missing": frame({"type": "notice"}),
    "a field of the wrong type": frame({"type": "notice", "text": 1}),
    "a text that is not UTF-8": frame({"type": "notice", "text": b"\xff"}),
    "a surrogate": frame({"type": "notice", "text": b"\xed\xa0\x80"}),
    "a negative stamp": frame({"type": "message", "room": "r", "from": "a", "text": "x", "at": -1}),
    "a list of wrong things": frame({"type": "users", "room": "r", "users": [1], "more": False}),
    "a name that could not be sent back": frame({"type": "renamed", "old": "a", "new": "x" * 1_025}),
    "a room that could not be sent back": frame({"type": "joined", "room": "x" * 1_025, "name": "a", "users": 1}),
    "true for an integer": frame({"type": "joined", "room": "r", "name": "a", "users": True}),
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_ends_it_once_with_an_error(played: Played, nonsense: bytes):
    played.connect().say(encode(Notice("before")) + nonsense + encode(Notice("after")))
    played.turn_until(lambda: played.ended, "the end")
    played.settle()
    assert played.received == [Notice("before")]
    [error] = played.ended
    assert isinstance(error, ConnectionError)
    assert "does not speak PyLingo's protocol" in str(error)
    assert not played.link.is_open
    assert played.told[-1] == "ended"


def test_the_server_hangs_up(played: Played):
    played.connect().say(encode(Notice("last")))
    played.hang_up()
    played.turn_until(lambda: played.ended, "the end")
    played.settle()
    assert played.received == [Notice("last")]
    assert played.ended == [None]
    assert not played.link.is_open


@pytest.mark.parametrize("kept", range(1, len(encode(Notice("half")))))
def test_the_server_hangs_up_inside_a_frame(played: Played, kept: int):
    played.connect().say(encode(Notice("whole")) + encode(Notice("half"))[:kept])
    played.hang_up()
    played.turn_until(lambda: played.ended, "the end")
    played.settle()
    assert played.received == [Notice("whole")]
    assert len(played.ended) == 1


def test_the_server_resets(played: Played):
    played.connect()
    assert played.peer is not None
    played.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    played.hang_up()
    played.turn_until(lambda: played.ended, "the end")
    played.settle()
    [error] = played.ended
    assert isinstance(error, ConnectionResetError) or played.tls is not None  # to OpenSSL, it is merely the end


def nobody() -> socket.socket:
    """A port that is taken and on which nobody listens."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


def test_refused():
    with nobody() as taken:
        game = Played([(socket.AF_INET, taken.getsockname())])
        game.turn_until(lambda: game.ended, "the end")
        game.settle()
        [error] = game.ended
        assert isinstance(error, ConnectionRefusedError)
        assert game.told == ["ended"]
        assert not game.link.is_open
        game.link.send(Say("into the void"))
        game.close()


def test_no_address_at_all():
    game = Played([])
    game.turn_until(lambda: game.ended, "the end")
    assert isinstance(game.ended[0], OSError)
    game.close()


def test_the_next_address_is_tried(played: Played):
    with nobody() as taken:
        game = Played([(socket.AF_INET, taken.getsockname()), (socket.AF_INET, played.address)])
        game.turn_until(lambda: game.told, "the connection")
        assert game.told == ["connected"]
        game.peer, _ = played.listener.accept()
        game.close()


def test_large_sends_are_drained_in_order(played: Played):
    played.connect()
    count = 3_000  # 12 MB, more than the system's buffers hold
    for number in range(count):
        played.link.send(Say(f"{number:04} " + "x" * 4_000))
    assert played.link.is_full
    for _ in range(20):
        played.reactor.tick(0.01)
    assert played.link.is_full
    assert played.drains == 0
    requests = played.requests(count)
    assert [int(request.text[:4]) for request in requests if type(request) is Say] == list(range(count))
    played.turn_until(lambda: played.drains, "drained")
    played.settle()
    assert played.drains == 1
    assert not played.link.is_full


def test_drained_is_told_again_after_the_next_send(played: Played):
    played.connect()
    for number in (1, 2, 3):
        played.link.send(Say("x"))
        played.turn_until(lambda number=number: played.drains == number, "drained")
        played.settle()
        assert played.drains == number


def test_full_means_more_than_the_high_water_mark(played: Played):
    played.connect()
    size = len(encode(Say("x" * 1_000)))
    for _ in range(HIGH_WATER // size):
        played.link.send(Say("x" * 1_000))
    assert not played.link.is_full
    played.link.send(Say("x" * 1_000))
    assert played.link.is_full


@pytest.mark.parametrize(
    ("text", "error"), [("a\ud800b", UnicodeEncodeError), ("x" * 40_000, ValueError)], ids=["surrogate", "too large"]
)
def test_a_frame_that_cannot_be_sent_raises_and_harms_nothing(played: Played, text: str, error: type[Exception]):
    played.connect()
    with pytest.raises(error):
        played.link.send(Say(text))
    played.link.send(Say("sound"))
    assert played.requests(1) == [Say("sound")]
    assert played.ended == []


def test_close_sends_what_is_queued_and_ends_once(played: Played):
    played.connect()
    for number in range(100):
        played.link.send(Say(str(number)))
    played.link.close()
    played.link.close()
    assert not played.link.is_open
    played.link.send(Say("too late"))
    assert played.requests(100) == [Say(str(number)) for number in range(100)]
    played.hang_up()
    played.turn_until(lambda: played.ended, "the end")
    played.settle()
    assert played.ended == [None]


def test_nothing_is_told_of_a_connection_given_up_before_it_stood(played: Played):
    played.link.close()
    for _ in range(10):
        played.reactor.tick(0.01)
    assert "connected" not in played.told
    assert not played.link.is_open
    assert len(played.ended) <= 1


def test_small_frames_leave_at_once(monkeypatch: pytest.MonkeyPatch, played: Played):
    # Nagle's algorithm would hold a second line back until the first is acknowledged; how long depends on the other
    # side's system, so what is asked of ours is looked at.
    asked: list[tuple[Any, ...]] = []
    real = socket.socket.setsockopt

    def setsockopt(self: socket.socket, *arguments: Any) -> None:
        asked.append(arguments)
        real(self, *arguments)

    monkeypatch.setattr(socket.socket, "setsockopt", setsockopt)
    played.connect()
    assert (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) in asked


# --- without a handshake


def test_the_certificate_is_known_once_the_connection_stands(played: Played):
    assert played.link.certificate is None
    played.connect()
    assert played.link.certificate == (der() if played.tls is not None else None)


@pytest.fixture
def refused() -> Iterator[Callable[[bytes], Played]]:
    """A link over TLS to a server that says something plain at once, or after the hello."""
    games = []

    def play(said: bytes, after_hello: bool = False) -> Played:
        game = Played(tls=client_tls())
        games.append(game)
        game.peer = game.accept()
        if after_hello:
            game.peer.settimeout(0.01)
            game.turn_until(lambda: heard(game.peer), "the hello")
        game.say(said)
        game.turn_until(lambda: game.ended, "the end")
        return game

    yield play
    for game in games:
        game.close()


def heard(sock: socket.socket | None) -> bytes:
    assert sock is not None
    try:
        return sock.recv(10_000)
    except TimeoutError:
        return b""


@pytest.mark.parametrize("after_hello", [False, True])
@pytest.mark.parametrize("reason", ["full", "address-limit"])
def test_a_refusal_before_the_handshake_is_passed_on(refused: Callable[..., Played], reason: str, after_hello: bool):
    game = refused(encode(Goodbye(reason, "no place")), after_hello)
    assert game.told == ["received", "ended"]
    assert game.received == [Goodbye(reason, "no place")]
    assert [type(error) for error in game.ended] == [NotTlsError]


@pytest.mark.parametrize("after_hello", [False, True])
@pytest.mark.parametrize(
    "said",
    [
        encode(Notice("trust me")),
        encode(Goodbye("banned", "visit evil.example")),
        encode(Goodbye("full", "x")) + encode(Notice("trust me")),
        encode(Goodbye("full", "x"))[:-1],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0\0\0\0",
    ],
)
def test_nothing_else_is_believed_without_encryption(refused: Callable[..., Played], said: bytes, after_hello: bool):
    game = refused(said, after_hello)
    assert game.told == ["ended"]
    assert [type(error) for error in game.ended] == [NotTlsError]


def test_a_refusal_that_comes_while_our_hello_is_made(monkeypatch: pytest.MonkeyPatch):
    """After our look at the first byte: OpenSSL takes a part of the frame."""
    game = Played(tls=client_tls())
    game.peer = game.accept()
    wrap = ClientTls.wrap

    def speak_and_wrap(tls: ClientTls, sock: socket.socket) -> ssl.SSLSocket:
        game.say(encode(Goodbye("full", "no place")))
        return wrap(tls, sock)

    with monkeypatch.context() as patch:
        patch.setattr(ClientTls, "wrap", speak_and_wrap)
        game.turn_until(lambda: game.ended, "the end")
    game.close()
    assert game.received == [Goodbye("full", "no place")]
    assert [type(error) for error in game.ended] == [NotTlsError]


def test_giving_up_a_connection_in_its_handshake_tells_nothing():
    game = Played(tls=client_tls())
    game.peer = game.accept()
    game.peer.settimeout(0.01)
    game.turn_until(lambda: heard(game.peer), "the hello")
    game.link.close()
    game.settle()
    assert heard(game.peer) == b""
    game.close()
    assert game.told == []
