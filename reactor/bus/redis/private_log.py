"""Private messages as they are stored in Redis: one entry of a stream for each. Pure.

A message stands in the stream of its conversation and in the streams of both inboxes. The ID of the entry is the stamp
of the message, and its value is a MessagePack array of the other fields. The last one is a count, so a message whose
answer was lost is told from a second one with the same words. A notice has one field more.
"""

from typing import NamedTuple

import msgpack

from pylingo.reactor.history import private
from pylingo.reactor.history.private import Owner
from pylingo.shared.messages import Entry

_pack = msgpack.Packer(use_bin_type=True).pack


class PrivateMessage(NamedTuple):
    """A private message, the session that sent it, and to whom it belongs: the sender and the recipient."""

    entry: Entry
    session: int
    sender: Owner
    recipient: Owner
    is_notice: bool = False


def encode_private(
    entry: Entry, session: int, sender: Owner, recipient: Owner, count: int = 0, is_notice: bool = False
) -> bytes:
    """Return the value of a message, the session's `count`-th one. The stamp is not part of it."""
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
            sender,
            recipient,
            count,
            *([True] if is_notice else ()),
        ]
    )
    return value


def read_private(at: int, value: bytes) -> PrivateMessage:
    """Return the message with that stamp."""
    name, text, key, to, action, fingerprint, operator, redacted, *rest = msgpack.unpackb(value)
    session, sender, recipient, _, *notice = rest
    entry = Entry(name, text, at, key, to, action, fingerprint, operator, redacted)
    return PrivateMessage(entry, session, sender, recipient, bool(notice))


def logs_of(sender: Owner, recipient: Owner) -> list[str]:
    """The logs in which a message stands, each once: the conversation first, then the inboxes."""
    conversation = private.conversation(sender, recipient)
    return list(dict.fromkeys((conversation, private.inbox(sender), private.inbox(recipient))))
