"""A port for scrapers on loopback, peers of it that speak HTTP by hand, and the answers that they get."""

import socket
from collections.abc import Callable

from pylingo.reactor.engine.listener import listen
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.ops.http_port import HttpPort
from pylingo.reactor.ops.scraper import Request, Respond, Response
from tests.support import wait_until

GET = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"


class Desk:
    """A port on `reactor`. `seen` are the requests; each is answered with `body`, unless `holds`."""

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self.seen: list[Request] = []
        self.held: list[Respond] = []
        self.holds = False
        self.body = b"ok\n"
        self.before: Callable[[], object] = lambda: None
        self.socks = listen("127.0.0.1", 0)
        self.address = self.socks[0].getsockname()
        self.port = HttpPort(reactor, self.socks, self.answer)
        self.peers: list[socket.socket] = []

    def answer(self, request: Request, respond: Respond) -> None:
        self.seen.append(request)
        self.before()
        if self.holds:
            self.held.append(respond)
        else:
            respond(lambda: Response(200, self.body))

    def connect(self, data: bytes = b"", receive_buffer: int = 0) -> socket.socket:
        peer = socket.socket()
        if receive_buffer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        peer.connect(self.address)
        peer.setblocking(False)
        if data:
            peer.send(data)
        self.peers.append(peer)
        return peer

    def turn_until(self, condition: Callable[[], object], what: str = "the condition") -> None:
        wait_until(lambda: self.reactor.tick(0.005) or condition(), what)

    def read(self, peer: socket.socket, ends: Callable[[bytes], object]) -> bytes:
        """Turn the loop until what has come `ends`; return it. The end of the stream ends it in any case."""
        found = bytearray()

        def more() -> object:
            try:
                data = peer.recv(2**20)
            except BlockingIOError:
                return ends(bytes(found))
            except ConnectionResetError:
                return True
            found.extend(data)
            return not data or ends(bytes(found))

        self.turn_until(more, "an answer")
        return bytes(found)

    def read_all(self, peer: socket.socket) -> bytes:
        """Everything until the end of the stream."""
        return self.read(peer, lambda found: False)

    def close(self) -> None:
        self.port.close()
        for peer in self.peers:
            peer.close()
        self.turn_until(lambda: not len(self.port))
        self.reactor.close()
