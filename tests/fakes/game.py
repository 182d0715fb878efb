"""A client on a reactor whose clock the test moves, and servers played by the test on real sockets."""

import contextlib
import math
import socket
from collections.abc import Callable
from typing import Any

from pylingo.client.client import Client
from pylingo.client.events import ClientEvent, Received, Status
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.codec import encode, request_codec
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import (
    Hello,
    Limits,
    Ready,
    Say,
    Sent,
    Welcome,
)
from pylingo.shared.schema import Record
from tests.fakes.clock import Clock
from tests.support import wait_until

WELCOME = Welcome(1, "PyLingo/1.0.0", "guest-1", Limits(32_768, 4_096, 32, 64))
READY = Ready("ada", None, "0" * 32, False)


class Game:
    """A client on a reactor, and one server or several played by the test. `at` is the index of the latest accept."""

    def __init__(self, servers: int = 1, **settings: Any) -> None:
        self.clock = Clock()
        self.reactor = Reactor(self.clock, most_late=math.inf)
        self.listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(servers)]
        for listener in self.listeners:
            listener.setblocking(False)
        self.listener = self.listeners[0]
        self.ports = [listener.getsockname()[1] for listener in self.listeners]
        self.port = self.ports[0]
        self.at = 0
        self.peer: socket.socket | None = None
        self.decoder = FrameDecoder()
        self.heard: list[Record] = []
        self.confirmed: set[str | None] = set()
        self.shown: list[Record] = []
        self.states: list[Status] = []
        self.on_shown: Callable[[Record], object] = lambda record: None
        self.on_status: Callable[[Status], object] = lambda status: None
        self.client = Client(
            "127.0.0.1" if servers == 1 else ",".join(f"127.0.0.1:{port}" for port in self.ports),
            self.port,
            "ada",
            settings.pop("room", None),
            reactor=self.reactor,
            on_event=self.happened,
            **settings,
        )
        self.client.connect()

    def happened(self, event: ClientEvent) -> None:
        match event:
            case Received(record):
                self.shown.append(record)
                self.on_shown(record)
            case Status():
                self.states.append(event)
                self.on_status(event)

    @property
    def state(self) -> str:
        return self.client.status.state

    def turn_until(self, condition: Callable[[], Any], what: str = "the condition") -> None:
        wait_until(lambda: self.reactor.tick(0.01) or self.listen() or condition(), what)

    def settle(self) -> None:
        """A few turns more."""
        for _ in range(5):
            self.reactor.tick(0.005)
            self.listen()

    def listen(self) -> None:
        """Accept, and read what has come."""
        if self.peer is None:
            for index, listener in enumerate(self.listeners):
                with contextlib.suppress(OSError):  # nobody, or closed
                    self.peer, _ = listener.accept()
                    self.at = index
                    break
            else:
                return
            self.decoder = FrameDecoder()
        self.peer.setblocking(False)
        try:
            data = self.peer.recv(1 << 16)
        except (BlockingIOError, ConnectionResetError):
            return
        self.heard += [request_codec.decode(body) for body in self.decoder.feed(data)]

    def say(self, *records: Record) -> None:
        assert self.peer is not None
        self.peer.sendall(b"".join(map(encode, records)))

    def arrive(self) -> None:
        """The client is there."""
        count = len([record for record in self.heard if isinstance(record, Hello)])
        self.turn_until(
            lambda: len([record for record in self.heard if isinstance(record, Hello)]) > count, "its hello"
        )
        self.say(WELCOME, READY)
        self.turn_until(lambda: self.state == "online", "its arrival")

    def confirm(self) -> None:
        """Confirm all that was said so far."""
        for record in self.heard:
            if isinstance(record, Say) and record.key not in self.confirmed:
                self.confirmed.add(record.key)
                self.say(Sent("lobby", len(self.confirmed), record.id, record.key))

    def hang_up(self, *last: Record) -> None:
        self.say(*last)
        assert self.peer is not None
        self.peer.close()
        self.peer = None
        self.turn_until(lambda: self.state != "online", "the loss")

    def refuse(self) -> None:
        """From now on nobody listens."""
        for listener in self.listeners:
            listener.close()

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        self.reactor.tick(0)

    def close(self) -> None:
        self.client.stop()
        if self.peer is not None:
            self.peer.close()
        for _ in range(3):
            self.reactor.tick(0.005)
        self.clock.now += 60  # so that what lingers is cut
        for _ in range(3):
            self.reactor.tick(0.005)
        self.refuse()
        self.reactor.close()
