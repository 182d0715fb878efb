"""Private messages as they are stored in Redis: one entry of a stream for each. Pure.

A message stands in the stream of its conversation and in the streams of both inboxes. The ID of the entry is the stamp
of the message, and its value is a MessagePack array of the other fields, the number of the sender's session last.
"""

import msgpack

from pylingo.shared.messages import Entry

_pack = msgpack.Packer(use_bin_type=True).pack


def encode_private(entry: Entry, session: int) -> bytes:
    """Return the value of a message that the session with that number has sent. The stamp is not part of it."""
    value: bytes = _pack(
        [
            entry.from_,
            entry.text,
            entry.key,
            entry.to,
            entry.action,
            entry.fingerprint,
            entry.operator,
            entry.redacted,
            session,
        ]
    )
    return value


def read_private(at: int, value: bytes) -> tuple[Entry, int]:
    """Return the message with that stamp, and the number of the session that sent it."""
    name, text, key, to, action, fingerprint, operator, redacted, session = msgpack.unpackb(value)
    return Entry(name, text, at, key, to, action, fingerprint, operator, redacted), session
