"""Dialects: other forms than the frames of the protocol in which a connection may be sent what happens.

The chat speaks in frames. A connection without a voice gets them as they are. One with a `Voice` gets what its voice
and its dialect make of the records in them. A room translates its batch once for each dialect that somebody there
speaks, whatever the number of members. Nothing here knows which dialects there are.
"""

from collections.abc import Hashable
from typing import Protocol

from pylingo.shared.codec import event_codec
from pylingo.shared.framing import HEADER_SIZE, FrameDecoder, frame_end
from pylingo.shared.messages import Joined, Left, Renamed, Topic
from pylingo.shared.names import fold
from pylingo.shared.schema import Record


class Dialect(Protocol):
    """A form other than frames. Connections that have made the same choices share one."""

    def encode(self, record: Record) -> bytes:
        """The bytes that members of a room are sent for `record`. There are none if the dialect lacks it."""


class Voice(Protocol):
    """How one connection is spoken to. Everything returned may be empty: then nothing is sent."""

    heard: Hashable
    """The last deed of a person that was told (see `Outbox.hear`)."""
    user: str
    """The user name that the client has given, by which masks may know its person."""

    @property
    def dialect(self) -> Dialect:
        """The dialect that is spoken now."""

    def reply(self, record: Record) -> bytes:
        """A direct reply, and everything else that is for this connection alone."""

    def echo(self, frame: bytes) -> bytes:
        """The frame of a message of this connection itself, at its place among those of the others."""

    def told(self, record: Record) -> bytes:
        """`record` about somebody, who may be in several of the rooms here: it is told once for all of them."""

    def caught_up(self, room: str, count: int, changes: "Changes") -> bytes:
        """The bytes in place of `count` messages that were left out, and of the `changes` meanwhile.

        `room` is the name of the room, empty for private messages.
        """


class Changes:
    """The people who came to a room and left it while frames were left out, and whether its topic was set."""

    __slots__ = ("came", "has_new_topic", "went")

    def __init__(self) -> None:
        self.came: dict[str, str] = {}
        """The names of those who have come, by the form by which names are compared."""
        self.went: dict[str, str] = {}
        """The names of those who have gone."""
        self.has_new_topic = False

    def note(self, record: Record) -> None:
        """`record` was left out."""
        match record:
            case Joined(name=name):
                self._note(name, self.came, self.went)
            case Left(name=name):
                self._note(name, self.went, self.came)
            case Renamed(old=old, new=new):
                self._note(old, self.went, self.came)
                self._note(new, self.came, self.went)
            case Topic():
                self.has_new_topic = True

    def _note(self, name: str, now: dict[str, str], before: dict[str, str]) -> None:
        key = fold(name)
        if before.pop(key, None) is None:
            now[key] = name


def record_of(frame: bytes) -> Record:
    """The record in a frame of this server."""
    return event_codec.decode(frame[HEADER_SIZE:])


def records_of(frames: bytes) -> list[Record]:
    """The records in frames that are joined."""
    if frames and frame_end(frames, 1) == len(frames):  # most often it is one
        return [record_of(frames)]
    return [event_codec.decode(body) for body in FrameDecoder().feed(frames)]
