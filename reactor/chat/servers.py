"""The reply to `/servers`: the servers of this chat, for operators."""

from collections.abc import Iterator

from pylingo.reactor.chat.listing import Directory, Listing
from pylingo.reactor.chat.session import Session
from pylingo.shared.codec import encode
from pylingo.shared.messages import Command, RedisInfo, ServerInfo, Servers

_ENTRY = 96  # bytes of one server in a list besides its strings


def list_servers(session: Session, argument: str, command: Command) -> None:
    """Answer `/servers`. The caller has checked that the session may know."""

    def show(servers: list[ServerInfo], redis: RedisInfo | None) -> None:
        def listed(keys: list[str]) -> Iterator[tuple[ServerInfo, int]]:
            around = len(redis.address.encode()) if redis is not None else 0  # in each page, however long it is
            for key in keys:
                info = servers[int(key)]
                yield info, _ENTRY + len(info.address.encode()) + len(info.version.encode()) + around
                around = 0

        def make(page: list[ServerInfo], more: bool) -> bytes:
            return encode(Servers(page, redis, more))

        places = Directory.of_positions(len(servers))
        session.begin_listing(Listing(session, places, listed, make, command.id))

    session.hub.bus.list_servers(session, show)
