"""The lines of the log about connections: one when a connection begins, one when its socket is closed.

There may be a thousand a second, so nothing is made where the level leaves them out.
"""

import logging
from typing import Any

from pylingo.reactor.engine.tcp_bytes import TcpBytes

logger = logging.getLogger(__name__)


def log_connected(address: str, name: str) -> None:
    """Log that somebody has connected from `HOST:PORT`, and is called `name` at first."""
    if logger.isEnabledFor(logging.INFO):
        _log(f"connected: {address}, {name}", {"event": "connected", "address": address, "name": name})


def log_ended(
    reason: str, address: str, name: str, duration: float, traffic: TcpBytes | None = None, unsent: int = 0
) -> None:
    """Log the end of a connection after `duration` seconds.

    `traffic` are the bytes that have gone over it, if they are known. `unsent` bytes were discarded, since the peer did
    not read them.
    """
    if not logger.isEnabledFor(logging.INFO):
        return
    words = f"ended {reason}: {address}, {name}, {duration:.1f} s"
    fields: dict[str, Any] = {
        "event": "ended",
        "reason": reason,
        "address": address,
        "name": name,
        "duration": round(duration, 3),
    }
    if traffic is not None:
        words += f", {traffic.received} bytes in, {traffic.sent} bytes out"
        fields |= {"bytes_in": traffic.received, "bytes_out": traffic.sent}
    if unsent:
        words += f", {unsent} bytes queued"
        fields["bytes_queued"] = unsent
    _log(words, fields)


def _log(words: str, fields: dict[str, Any]) -> None:
    """As `logger.info`, which would look for the line of the caller: that is 40% of its time."""
    logger.handle(logger.makeRecord(logger.name, logging.INFO, "", 0, words, (), None, extra={"fields": fields}))
