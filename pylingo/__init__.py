"""PyLingo: a terminal chat for engineers.

Programs need `Client` and the frames that it yields::

    from pylingo import Client, Message

    with Client("127.0.0.1", name="echo", room="lobby") as bot:
        for frame in bot.frames():
            if isinstance(frame, Message):
                bot.say(f"{frame.from_} said {frame.text}")

The names in `__all__` are the public interface. They are imported on first use, so `import pylingo` costs nothing.
"""

from typing import TYPE_CHECKING, Any

from pylingo.shared import __version__

if TYPE_CHECKING:
    from pylingo.client.client import Client
    from pylingo.client.events import Status
    from pylingo.shared.errors import ProtocolError, RequestError
    from pylingo.shared.messages import (
        CommandInfo,
        Entry,
        Error,
        Goodbye,
        Help,
        HistoryPage,
        Joined,
        Left,
        Message,
        Notice,
        Ready,
        Renamed,
        RoomInfo,
        Rooms,
        Sent,
        Skipped,
        Users,
        Welcome,
    )

__all__ = [
    "Client",
    "CommandInfo",
    "Entry",
    "Error",
    "Goodbye",
    "Help",
    "HistoryPage",
    "Joined",
    "Left",
    "Message",
    "Notice",
    "ProtocolError",
    "Ready",
    "Renamed",
    "RequestError",
    "RoomInfo",
    "Rooms",
    "Sent",
    "Skipped",
    "Status",
    "Users",
    "Welcome",
    "__version__",
]

_HOMES = {"Client": "client.client", "Status": "client.events"}
_HOMES.update(dict.fromkeys(("ProtocolError", "RequestError"), "shared.errors"))


def __getattr__(name: str) -> Any:
    """Import a public name on first use. Raises `AttributeError` for any other name."""
    if name not in __all__:
        raise AttributeError(f"module 'pylingo' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module("pylingo." + _HOMES.get(name, "shared.messages")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
