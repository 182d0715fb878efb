"""PyLingo's protocol the usual way: an asyncio protocol for each connection, one write for each recipient.

`python servers.py asyncio` or `python servers.py uvloop` prints the port and serves until it is ended. It has only what
the benchmark uses: hello, join, say, ping. Messages are encoded once, because the comparison is about the fan-out;
nothing else is slower than necessary.
"""

import asyncio
import sys
from pathlib import Path
from typing import ClassVar, cast

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from pylingo.shared.codec import encode, request_codec
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import Command, Hello, Joined, Message, PingRequest, Pong, Ready, Say


class Member(asyncio.Protocol):
    """One connection."""

    rooms: ClassVar[dict[str, set["Member"]]] = {}
    stamp = 0

    def __init__(self) -> None:
        self.decoder = FrameDecoder()
        self.name = "?"
        self.room = ""
        self.others: set[Member] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(2**30)

    def connection_lost(self, error: Exception | None) -> None:
        self.others.discard(self)

    def data_received(self, data: bytes) -> None:
        for body in self.decoder.feed(data):
            request = request_codec.decode(body)
            if type(request) is Say:
                Member.stamp += 1
                self.tell(encode(Message(self.room, self.name, request.text, Member.stamp)))
            elif type(request) is PingRequest:
                self.transport.write(encode(Pong(request.id)))
            elif type(request) is Hello:
                self.name = request.name or "?"
                self.transport.write(encode(Ready(self.name, None, "0" * 32, False)))
            elif type(request) is Command and request.name == "join":
                self.join(request.argument or "")

    def join(self, room: str) -> None:
        self.room = room
        self.others = self.rooms.setdefault(room, set())
        self.tell(encode(Joined(room, self.name)))
        self.others.add(self)
        self.transport.write(encode(Joined(room, self.name, len(self.others))))

    def tell(self, frame: bytes) -> None:
        for member in self.others:
            if member is not self:
                member.transport.write(frame)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Member, "127.0.0.1", 0, backlog=4_096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "uvloop":
        import uvloop

        uvloop.run(serve())
    else:
        asyncio.run(serve())
