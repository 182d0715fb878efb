"""PyLingo: a terminal chat for engineers. This module is its public interface for programs.

`Client` joins rooms, reconnects after a loss and yields the frames that come from the server::

    from pylingo import Client, Message

    with Client("127.0.0.1", name="echo", room="lobby") as bot:
        for frame in bot.frames():
            if isinstance(frame, Message):
                bot.say(f"{frame.from_} said {frame.text}")

`__all__` lists the public names: the client and its `Status`, a class for each frame and its parts, and the errors.
`RequestError` is raised for a message that no server would accept. Everything else in the package is internal.

A public name is imported on first use, so `import pylingo` imports neither sockets nor other packages.
"""

from typing import TYPE_CHECKING, Any

from pylingo.shared import __version__

if TYPE_CHECKING:
    from pylingo.client.client import Client
    from pylingo.client.events import Status
    from pylingo.shared.errors import ProtocolError, RequestError
    from pylingo.shared.messages import (
        Away,
        Ban,
        Bans,
        CommandInfo,
        Entry,
        Error,
        Goodbye,
        Help,
        HistoryPage,
        Invitation,
        Joined,
        Left,
        Message,
        Moderated,
        Modes,
        Notice,
        People,
        PersonDetails,
        PersonInfo,
        Private,
        Ready,
        Redacted,
        RedisInfo,
        Renamed,
        RoomInfo,
        RoomOp,
        Rooms,
        Sent,
        ServerInfo,
        Servers,
        Skipped,
        Topic,
        Users,
        Welcome,
    )

__all__ = [
    "Away",
    "Ban",
    "Bans",
    "Client",
    "CommandInfo",
    "Entry",
    "Error",
    "Goodbye",
    "Help",
    "HistoryPage",
    "Invitation",
    "Joined",
    "Left",
    "Message",
    "Moderated",
    "Modes",
    "Notice",
    "People",
    "PersonDetails",
    "PersonInfo",
    "Private",
    "ProtocolError",
    "Ready",
    "Redacted",
    "RedisInfo",
    "Renamed",
    "RequestError",
    "RoomInfo",
    "RoomOp",
    "Rooms",
    "Sent",
    "ServerInfo",
    "Servers",
    "Skipped",
    "Status",
    "Topic",
    "Users",
    "Welcome",
    "__version__",
]

_MODULES = {
    "Client": "pylingo.client.client",
    "ProtocolError": "pylingo.shared.errors",
    "RequestError": "pylingo.shared.errors",
    "Status": "pylingo.client.events",
}
_FRAMES = "pylingo.shared.messages"  # the module of all other names


def __getattr__(name: str) -> Any:
    """Import a public name on first use. Raises `AttributeError` for any other name."""
    if name not in __all__:
        raise AttributeError(f"module 'pylingo' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_MODULES.get(name, _FRAMES)), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
