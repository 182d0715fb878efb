"""The output of `redis-server` as lines in our own log."""

import logging
import os
import re

from pylingo.reactor.engine.loop import EVENT_READ, Reactor

logger = logging.getLogger(__name__)

_AT_ONCE = 65_536  # bytes
_MOST = 4_096  # bytes of a line
_HEAD = re.compile(rb"\d+:\S+ .*? [.*#-] (?=\S)")  # its process, the date and the level


class RedisLog:
    """Reads a pipe, and logs each line that comes. It takes over the descriptor, and closes it at its end."""

    def __init__(self, reactor: Reactor, descriptor: int) -> None:
        self._reactor = reactor
        self._descriptor = descriptor
        self._rest = b""
        os.set_blocking(descriptor, False)
        reactor.register(descriptor, EVENT_READ, self)

    def handle(self, mask: int = EVENT_READ) -> None:
        """Log what has come."""
        if self._descriptor < 0:
            return
        try:
            data = os.read(self._descriptor, _AT_ONCE)
        except BlockingIOError:
            return
        *lines, rest = (self._rest + data).split(b"\n")
        if not data or len(rest) > _MOST:
            lines, rest = [*lines, rest], b""
        self._rest = rest
        for line in filter(None, lines):
            logger.info("redis: %s", _HEAD.sub(b"", line, count=1)[:_MOST].decode(errors="replace"))
        if not data:
            self.close()

    def fail(self, error: Exception) -> None:
        """Do nothing: the error is logged."""

    def close(self) -> None:
        """Read no more."""
        if self._descriptor >= 0:
            self._reactor.unregister(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
