"""A server that stood still (SIGSTOP, a virtual machine's pause) blames nobody for what it did not hear meanwhile."""

import time

import pytest

from pylingo.shared.codec import encode
from pylingo.shared.messages import Command, Goodbye, Ping, PingRequest, Pong, PongRequest, Say
from pylingo.shared.schema import Record
from tests.support import Peer, ServerProcess

pytestmark = pytest.mark.usefixtures("wire")

TIMEOUT = 2.0
"""Seconds of every deadline."""
OPTIONS = [
    part
    for name in ("first-frame-timeout", "frame-timeout", "ping-after", "ping-timeout", "stall-timeout")
    for part in (f"--{name}", f"{TIMEOUT:g}")
]


def answers(peer: Peer, number: int) -> list[Record]:
    """The records up to the reply to a `ping`; the end of the stream is a failure."""
    records = []
    while (record := peer.recv()) != Pong(number):
        assert not isinstance(record, Goodbye | None), f"{peer.name} was ended: {record}"
        records.append(record)
        if type(record) is Ping:
            peer.send(PongRequest())
    return records


def test_a_peer_that_answered_while_the_server_was_stopped_stays() -> None:
    with (
        ServerProcess("--rate", "0", *OPTIONS) as server,
        server.peers(2, room="tea") as (speaker, silent),
        Peer(server.port, receive_buffer=2_048) as slow,
        Peer(server.port) as slicing,
        Peer(server.port) as late,
    ):
        slow.join("tea")
        speaker.send(*[Say("x" * 4_000)] * 100)  # more than fits the sockets: the server waits for `slow`
        speaker.fence()
        frame = encode(PingRequest(2))
        slicing.send(PingRequest(1))
        slicing.expect(Pong)
        slicing.raw(frame[:3])
        silent.fence()
        with server.stopped():
            slow.raw(encode(PingRequest(3)))
            slicing.raw(frame[3:])
            late.send(PingRequest(4))  # the first frame of all
            silent.send(PingRequest(5))
            end = time.monotonic() + 2 * TIMEOUT + 1
            while (left := end - time.monotonic()) > 0:  # and `slow` takes what the systems have for it
                try:
                    slow.recv_body(left)
                except TimeoutError:
                    break
        for peer, number in ((late, 4), (slicing, 2), (silent, 5), (slow, 3)):
            answers(peer, number)


def test_a_silent_peer_has_the_whole_timeout_after_a_stop_of_the_server() -> None:
    with ServerProcess(*OPTIONS) as server, Peer(server.port) as quiet, Peer(server.port) as slicing:
        slicing.send(Command("join", "tea"))
        slicing.fence()
        slicing.raw(b"\0\0")
        with server.stopped():
            time.sleep(2 * TIMEOUT)
        begin = time.monotonic()
        for peer, reason in ((quiet, "silent"), (slicing, "frame-timeout")):
            *_, last = peer.rest()
            assert type(last) is Goodbye
            assert last.reason == reason
        assert time.monotonic() - begin > TIMEOUT / 2
