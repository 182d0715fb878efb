"""Streams cut anywhere, glued together, broken and hostile: what is whole counts, what is broken ends one connection.

A fence is what makes the pieces arrive apart: when the server has answered somebody else's `ping`, it has also read
what was sent to it before, as one turn of its loop reads from everybody who has sent something.
"""

import itertools
import socket
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
from tests.fakes.streams import BAD_BODIES, PING, SIZES, SOUND_BODIES
from tests.support import Peer, ServerProcess, plain_only

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(is_encrypted: bool) -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0", tls=is_encrypted) as server:
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


@plain_only("no handshake can be made with a server that does not run")
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
def test_another_protocol_is_a_bad_frame_after_the_welcome(server: ServerProcess, chat: Chat, case: str) -> None:
    with Peer(server.port) as stranger:
        stranger.raw(SIZES[case])
        refused(stranger)
    chat.goes_on()


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_body_that_is_no_map_within_the_limits(chat: Chat, peer: Peer, case: str) -> None:
    chat.goes_on()
    peer.until(Message, from_=chat.two.name)
    peer.raw(encode_frame(BAD_BODIES[case]))
    refused(peer)
    for listener in (chat.one, chat.two):
        listener.until(Left, name=peer.name, reason="bad-frame")
    chat.goes_on()


@pytest.mark.parametrize("case", SOUND_BODIES)
def test_a_body_that_is_unusual_but_sound(peer: Peer, case: str) -> None:
    peer.raw(encode_frame(SOUND_BODIES[case]))
    peer.expect(Pong, re=1)


def test_an_empty_bin_is_an_empty_string(peer: Peer) -> None:
    peer.raw(encode_frame(b"\x82\xa4type\xa3say\xa4text\xc4\x00"))
    peer.expect(Error, code="bad-text")


def test_frames_before_a_broken_one_count_and_those_after_it_do_not(chat: Chat, peer: Peer) -> None:
    peer.raw(encode(Say("before", id=1)) + encode_frame(b"\xc1") + encode(Say("after", id=2)))
    peer.expect(Sent, re=1)
    refused(peer)
    for listener in (chat.one, chat.two):
        listener.expect(Message, text="before")
        listener.expect(Left, reason="bad-frame")
        assert listener.fence() == []


def test_frames_sent_after_the_goodbye_are_ignored(chat: Chat, peer: Peer) -> None:
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
