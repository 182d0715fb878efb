"""Taking the text of a message out of a room's stream for good.

Redis cannot change an entry of a stream, nor add one below the last. So a script there, `redaction.lua`, writes the
whole stream again under its IDs, with one batch replaced, in one step. The stamp goes to the room's set of redacted
messages: a batch that a server brings back after Redis has lost it is compared with this set. The script is sent each
time, which is rare. So it need not be loaded.
"""

from functools import cache
from importlib.resources import files

from pylingo.reactor.bus.redis.blob import redacted
from pylingo.reactor.bus.redis.log_reader import Log, read_entry
from pylingo.reactor.bus.redis.questions import Steps


@cache
def script() -> bytes:
    """The text of the script."""
    return files(__package__).joinpath("redaction.lua").read_bytes()


def redact(log: Log, at: int) -> Steps[bool]:
    """Empty the text of a room's message with that stamp. Returns whether there is one."""
    assert log.dead is not None, "private messages are not redacted"
    while True:
        found = yield from read_entry(log, at)
        if found is None:
            return False
        top, data = found
        batch = redacted(data, top, at)
        if batch is None:
            return False
        call = ("EVAL", script(), 2, log.stream, log.dead, top, data, batch, at)
        (is_done,) = yield [call]
        if is_done:
            return True  # otherwise somebody else has rewritten the batch, or it is gone
