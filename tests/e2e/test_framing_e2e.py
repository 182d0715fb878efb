"""Streams cut anywhere, glued together, broken and hostile: what is whole counts, what is broken ends one connection.

A fence is what makes the pieces arrive apart: when the server has answered somebody else's `ping`, it has also read
what was sent to it before, as one turn of its loop reads from everybody who has sent something.
"""

import itertools
import socket
import struct
from collections.abc import Iterator

import msgpack
import pytest

from pylingo.shared.codec import encode
from pylingo.shared.framing import MAX_BODY, encode_frame
from pylingo.shared.messages import (
    Command,
    Error,
    Goodbye,
    Joined,
    Left,
    Message,
    PingRequest,
    Pong,
    Renamed,
    Say,
    Sent,
)
from tests.support import Peer, ServerProcess

PING = {"type": "ping", "id": 1}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0") as server:
        yield server


@pytest.fixture
def room() -> str:
    return f"room{next(_numbers)}"


class Chat:
    """Two who chat in a room, whatever a third one does there."""

    def __init__(self, one: Peer, two: Peer) -> None:
        self.one = one
        self.two = two
        self._count = 0

    def goes_on(self) -> None:
        """A message in each direction arrives at once; other frames may come between."""
        self._count += 1
        for speaker, listener in ((self.one, self.two), (self.two, self.one)):
            speaker.send(Say(f"message {self._count}"))
            listener.until(Message, from_=speaker.name, text=f"message {self._count}")


@pytest.fixture
def chat(server: ServerProcess, room: str) -> Iterator[Chat]:
    with server.peers(2, room=room) as (one, two):
        yield Chat(one, two)


@pytest.fixture
def peer(server: ServerProcess, chat: Chat, room: str) -> Iterator[Peer]:
    """The one who sends pieces and worse; in the room of the chat, who have read of the join."""
    with Peer(server.port) as peer:
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.join(room)
        for listener in (chat.one, chat.two):
            listener.expect(Joined)
        yield peer


def refused(peer: Peer) -> Goodbye:
    """The peer gets a goodbye `bad-frame` next, and then the end of the stream."""
    goodbye = peer.expect(Goodbye, reason="bad-frame")
    assert peer.recv() is None
    assert 0 < len(goodbye.text) <= 1_024
    return goodbye


# --- pieces


def test_a_frame_in_single_bytes(chat: Chat, peer: Peer) -> None:
    *first, last = encode(Say("piecemeal", id=5))
    for byte in first:
        peer.raw(bytes([byte]))
        chat.goes_on()
    peer.raw(bytes([last]))
    peer.until(Sent, re=5)
    chat.one.until(Message, text="piecemeal")


def test_a_frame_cut_at_every_position(chat: Chat, peer: Peer) -> None:
    for cut in range(1, len(encode(Say("cut 000", id=100)))):
        frame = encode(Say(f"cut {cut:03}", id=100 + cut))
        peer.raw(frame[:cut])
        assert chat.one.fence() == []  # nothing comes of a part
        peer.raw(frame[cut:])
        peer.expect(Sent, re=100 + cut)
        chat.one.expect(Message, text=f"cut {cut:03}")


def test_two_frames_cut_at_every_position(chat: Chat, peer: Peer) -> None:
    stream = encode(PingRequest(1)) + encode(PingRequest(2))
    for cut in range(1, len(stream)):
        peer.raw(stream[:cut])
        chat.one.fence()
        peer.raw(stream[cut:])
        peer.expect(Pong, re=1)
        peer.expect(Pong, re=2)


@pytest.mark.parametrize("step", [2, 3, 7, 64, 1_000])
def test_a_stream_in_pieces_of_one_size(chat: Chat, peer: Peer, step: int) -> None:
    stream = b"".join(encode(PingRequest(number)) for number in range(20)) + encode(Say("x" * 4_000, id=20))
    for start in range(0, len(stream), step):
        peer.raw(stream[start : start + step])
        if start % 5 == 0:
            chat.one.fence()
    for number in range(20):
        peer.expect(Pong, re=number)
    peer.expect(Sent, re=20)


def test_many_frames_in_one_piece_while_others_chat(chat: Chat, peer: Peer) -> None:
    peer.send(*(Say(str(number), id=number) for number in range(1_000)))
    chat.goes_on()
    sent = [record for record in (peer.recv() for _ in range(1_000 + 2)) if isinstance(record, Sent)]
    assert [record.re for record in sent] == list(range(1_000))


def test_many_frames_in_one_piece_arrive_in_order(chat: Chat, peer: Peer) -> None:
    peer.send(*(Say(str(number)) for number in range(1_000)))
    for listener in (chat.one, chat.two):
        for number in range(1_000):
            listener.expect(Message, text=str(number))


def test_the_largest_and_the_smallest_frame(chat: Chat, peer: Peer) -> None:
    room = MAX_BODY - len(msgpack.packb({**PING, "padding": b""}, use_bin_type=False)) - 2  # the str16 header's
    body = msgpack.packb({**PING, "padding": "x" * room})
    assert len(body) == MAX_BODY
    for cut in (2, 4, 5, 16_000, MAX_BODY + 3):
        peer.raw(encode_frame(body)[:cut])
        chat.one.fence()
        peer.raw(encode_frame(body)[cut:])
        peer.expect(Pong, re=1)
    peer.raw(encode_frame(b"\x80"))
    assert peer.expect(Error).code == "bad-message"
    peer.raw(encode_frame(body) * 20)
    for _ in range(20):
        peer.expect(Pong, re=1)


# --- the end of the stream


@pytest.mark.parametrize("whole", [0, 1, 2, 500])
@pytest.mark.parametrize("part", [0, 1, 4, 10], ids=lambda size: f"{size} more")
def test_frames_followed_at_once_by_fin_still_count(chat: Chat, peer: Peer, whole: int, part: int) -> None:
    """And what is cut off by it does not."""
    frames = b"".join(encode(Say(str(number))) for number in range(whole))
    peer.raw(frames + encode(Say("cut off"))[:part])
    peer.sock.shutdown(socket.SHUT_WR)
    for listener in (chat.one, chat.two):
        for number in range(whole):
            listener.expect(Message, text=str(number))
        listener.expect(Left, reason="lost", name=peer.name)
    assert peer.recv() is None


def test_frames_followed_at_once_by_close_still_count(chat: Chat, peer: Peer) -> None:
    peer.send(Say("one"), Say("two"))
    peer.close()
    for listener in (chat.one, chat.two):
        listener.expect(Message, text="one")
        listener.expect(Message, text="two")
        listener.expect(Left, reason="lost")


def test_a_hello_and_goodbye_in_one_piece_with_fin(server: ServerProcess, chat: Chat, room: str) -> None:
    """A whole visit that is over before the server looks."""
    with server.stopped():
        visitor = Peer(server.port, greet=False)
        visitor.send(Command("join", room), Say("was here"))
        visitor.close()
    with visitor:
        joined = chat.one.expect(Joined)
        chat.one.expect(Message, from_=joined.name, text="was here")
        chat.one.expect(Left, name=joined.name, reason="lost")


# --- what no client of ours sends

SIZES = {
    "0": b"\0\0\0\0",
    "32769": struct.pack(">I", MAX_BODY + 1),
    "ffffffff": b"\xff\xff\xff\xff",
    "GET ": b"GET ",
    "a request of HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a TLS hello": bytes.fromhex("16030100f4010000f00303") + bytes(range(239)),
    "an SSH banner": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a line of text": b"hello?\n",
    "little-endian": struct.pack("<I", 12),
}


@pytest.mark.parametrize("case", SIZES)
def test_a_size_out_of_range(chat: Chat, peer: Peer, case: str) -> None:
    chat.goes_on()
    peer.until(Message, from_=chat.two.name)
    peer.raw(SIZES[case])
    refused(peer)
    for listener in (chat.one, chat.two):
        listener.until(Left, name=peer.name, reason="bad-frame")
    chat.goes_on()


@pytest.mark.parametrize("case", ["0", "32769", "ffffffff", "GET "])
def test_a_size_is_refused_with_its_fourth_byte_and_not_before(chat: Chat, peer: Peer, case: str) -> None:
    for byte in SIZES[case][:3]:
        peer.raw(bytes([byte]))
        chat.one.fence()
    with pytest.raises(TimeoutError):
        peer.recv(timeout=0.05)
    peer.raw(SIZES[case][3:])
    refused(peer)


@pytest.mark.parametrize("case", ["GET ", "a TLS hello"])
def test_who_speaks_another_protocol_is_told_so_behind_the_welcome(
    server: ServerProcess, chat: Chat, case: str
) -> None:
    with Peer(server.port) as stranger:
        stranger.raw(SIZES[case])
        refused(stranger)
    chat.goes_on()


def raw_map(*pairs: tuple[bytes, bytes]) -> bytes:
    """A map with up to 15 pairs whose keys and values are already packed."""
    return bytes([0x80 + len(pairs)]) + b"".join(key + value for key, value in pairs)


def with_ping(*pairs: tuple[bytes, bytes]) -> bytes:
    """A sound `ping` with pairs that it does not need."""
    return raw_map((b"\xa4type", b"\xa4ping"), (b"\xa2id", b"\x01"), *pairs)


ARRAYS_OF_ARRAYS = b"\xdd\x00\x00\x20\x00" * 1_600
BAD_BODIES = {
    "never used": b"\xc1",
    "nil": b"\xc0",
    "true": b"\xc3",
    "an int": b"\x05",
    "a float": b"\xcb" + bytes(8),
    "a string": b"\xa4type",
    "an array": b"\x90",
    "an array with a map": b"\x91" + with_ping(),
    "two maps": with_ping() * 2,
    "a byte behind the map": with_ping() + b"\0",
    "nil behind the map": with_ping() + b"\xc0",
    "cut off": with_ping()[:-1],
    "half of it": with_ping()[:5],
    "a header alone": b"\x81",
    "a key without a value": b"\x81\xa4type",
    "a map16 that ends early": b"\xde\x00\x02\xa4type\xa4ping",
    "more pairs than there are bytes": b"\xdf\xff\xff\xff\xff",
    "17 pairs": msgpack.packb(PING | {str(number): number for number in range(15)}),
    "17 pairs inside": msgpack.packb(PING | {"inside": {str(number): number for number in range(17)}}),
    "an int as a key": with_ping((b"\x05", b"\x05")),
    "nil as a key": with_ping((b"\xc0", b"\x05")),
    "true as a key": with_ping((b"\xc3", b"\x05")),
    "a float as a key": with_ping((b"\xca\0\0\0\0", b"\x05")),
    "an array as a key": with_ping((b"\x90", b"\x05")),
    "a map as a key": with_ping((b"\x80", b"\x05")),
    "an ext as a key": with_ping((b"\xd4\x05\x00", b"\x05")),
    "an int as a key inside": with_ping((b"\xa1x", b"\x81\x05\x05")),
    "an ext": with_ping((b"\xa1x", b"\xd4\x05\x00")),
    "an empty ext": with_ping((b"\xa1x", b"\xc7\x00\x05")),
    "an ext16": with_ping((b"\xa1x", b"\xc8\x00\x01\x05\x00")),
    "an ext32": with_ping((b"\xa1x", b"\xc9\x00\x00\x00\x01\x05\x00")),
    "an ext inside": with_ping((b"\xa1x", b"\x91\x81\xa1y\xd4\x05\x00")),
    "a timestamp": with_ping((b"\xa1x", b"\xd6\xff" + bytes(4))),
    "a timestamp of 64 bits": with_ping((b"\xa1x", b"\xd7\xff" + bytes(8))),
    "a timestamp of 96 bits": with_ping((b"\xa1x", b"\xc7\x0c\xff" + bytes(12))),
    "a timestamp for the id": b"\x82\xa4type\xa4ping\xa2id\xd6\xff" + bytes(4),
    "an ext for the type": b"\x81\xa4type\xd4\x05\x00",
    "an ext alone": b"\xd4\x05\x00",
    "a bin": with_ping((b"\xa1x", b"\xc4\x01x")),
    "a string longer than the body": b"\x81\xa4type\xdb\xff\xff\xff\xff",
    "an array of 17": with_ping((b"\xa1x", b"\xdc\x00\x11" + b"\xc0" * 17)),
    "an array of four thousand million": with_ping((b"\xa1x", b"\xdd\xff\xff\xff\xff")),
    "arrays that announce arrays": with_ping((b"\xa1x", ARRAYS_OF_ARRAYS)),
    "nesting without an end": b"\x81\xa1x" * 8_000,
    "brackets without an end": b"\x91" * 30_000,
    "random bytes": bytes(range(256)),
    "JSON": b'{"type": "ping"}',
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_body_that_is_no_map_within_the_limits(chat: Chat, peer: Peer, case: str) -> None:
    chat.goes_on()
    peer.until(Message, from_=chat.two.name)
    peer.raw(encode_frame(BAD_BODIES[case]))
    refused(peer)
    for listener in (chat.one, chat.two):
        listener.until(Left, name=peer.name, reason="bad-frame")
    chat.goes_on()


NESTED = b"\x91" * 500 + b"\xc0"
SOUND_BODIES = {
    "16 pairs": msgpack.packb(PING | {str(number): number for number in range(14)}),
    "a map32": b"\xdf\x00\x00\x00\x02\xa4type\xa4ping\xa2id\x01",
    "keys as str32": b"\x82\xdb\x00\x00\x00\x04type\xa4ping\xd9\x02id\x01",
    "a wide int": b"\x82\xa4type\xa4ping\xa2id\xcf" + struct.pack(">Q", 1),
    "a signed int": b"\x82\xa4type\xa4ping\xa2id\xd3" + struct.pack(">q", 1),
    "a type that comes twice": b"\x83\xa4type\xa3say\xa2id\x01\xa4type\xa4ping",
    "an id that comes twice": b"\x83\xa4type\xa4ping\xa2id\x07\xa2id\x01",
    "unknown keys": with_ping((b"\xa1x", b"\xcb\x7f\xf8" + bytes(6)), (b"\xa1y", b"\x82\xa1a\x90\xa1b\x80")),
    "an empty key": with_ping((b"\xa0", b"\xc0")),
    "nesting": with_ping((b"\xa1x", NESTED)),
    "an array of 16": with_ping((b"\xa1x", b"\xdc\x00\x10" + b"\xc0" * 16)),
}


@pytest.mark.parametrize("case", SOUND_BODIES)
def test_a_body_that_is_unusual_but_sound(peer: Peer, case: str) -> None:
    peer.raw(encode_frame(SOUND_BODIES[case]))
    peer.expect(Pong, re=1)


def test_an_empty_bin_is_an_empty_string(peer: Peer) -> None:
    peer.raw(encode_frame(b"\x82\xa4type\xa3say\xa4text\xc4\x00"))
    peer.expect(Error, code="bad-text")


def test_what_came_before_a_broken_frame_counts_and_what_came_after_does_not(chat: Chat, peer: Peer) -> None:
    peer.raw(encode(Say("before", id=1)) + encode_frame(b"\xc1") + encode(Say("after", id=2)))
    peer.expect(Sent, re=1)
    refused(peer)
    for listener in (chat.one, chat.two):
        listener.expect(Message, text="before")
        listener.expect(Left, reason="bad-frame")
        assert listener.fence() == []


def test_what_is_sent_after_the_goodbye_is_ignored(chat: Chat, peer: Peer) -> None:
    peer.raw(encode_frame(b"\xc1"))
    peer.expect(Goodbye)
    peer.send(Say("too late"), Command("name", "too-late"))
    assert peer.recv() is None
    chat.one.expect(Left)
    assert chat.one.fence() == []


def test_a_large_amount_behind_a_broken_frame_does_not_lose_the_goodbye(chat: Chat, peer: Peer) -> None:
    """Input that is left unread would reset the connection, and the farewell with it."""
    peer.raw(encode_frame(b"\xc1") + bytes(500_000))
    refused(peer)
    chat.goes_on()


def test_a_hundred_broken_connections_at_once(server: ServerProcess, chat: Chat, room: str) -> None:
    bodies = list(BAD_BODIES.values())
    with server.peers(100, room=room) as broken:
        with server.stopped():
            for peer, body in zip(broken, itertools.cycle(bodies), strict=False):
                peer.raw(encode_frame(body))
            chat.one.send(Say("in the middle"), Command("name", f"renamed-{room}"))
        for peer in broken:
            *_, last = peer.rest()
            assert isinstance(last, Goodbye)
            assert last.reason == "bad-frame"
        chat.two.until(Renamed)
        seen = chat.one.fence()
        assert sum(isinstance(record, Left) for record in seen) == 100
