"""The functions that run inside Redis, in `library.lua`, and loading them.

Their names carry a version, so the servers of a rolling upgrade use their own ones beside each other. A new version of
the library is needed whenever a function changes; `LAYOUT` changes only when the keys mean something else.
"""

from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from pylingo.reactor.bus.redis.link import Link, RedisError

LIBRARY = "pylingo_1"
"""The name of the library in Redis."""
LAYOUT = 1
"""The version of what the keys contain. Servers with different ones cannot be in one cluster."""

type Loaded = Callable[[RedisError | None], object]
"""Gets None, or why the library could not be loaded."""


def function(name: str) -> str:
    """The name of a function of `library.lua` in Redis, for FCALL."""
    return f"{LIBRARY}_{name}"


@cache
def source() -> str:
    """The text of the library."""
    return files(__package__).joinpath("library.lua").read_text(encoding="utf-8")


def load(links: Iterable[Link], loaded: Loaded) -> None:
    """Load the library into the Redis servers of `links`, one link for each primary. It may be there already."""
    waiting = list(links)
    troubles: list[RedisError] = []
    count = len(waiting)

    def answer(reply: Any) -> None:
        nonlocal count
        count -= 1
        if isinstance(reply, RedisError) and "already exists" not in str(reply):
            troubles.append(reply)
        if not count:
            loaded(troubles[0] if troubles else None)

    for link in waiting:
        link.call(answer, "FUNCTION", "LOAD", source())
