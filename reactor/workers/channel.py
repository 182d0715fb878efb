"""The channel between the supervisor and a worker: sockets and orders in one direction, reports in the other.

It is a pair of sockets that keep messages apart. Each message is JSON. An accepted socket is a descriptor with the
address of its peer. A channel that ends tells each side that the other process has ended, however it did.
"""

import enum
import errno
import json
import os
import socket
import struct
from collections import Counter
from dataclasses import dataclass, field

from pylingo.reactor.engine.listener import Address
from pylingo.reactor.inherited import NATIVE
from pylingo.reactor.ops.catalogue import Snapshot

MOST_ENDED = 1_000
"""Addresses in one report. With the longest addresses, that is a third of what a socket's buffer takes."""
_MOST = 131_072  # bytes of a message
_DESCRIPTOR = struct.Struct("i")


class Order(enum.StrEnum):
    """An order of the supervisor to a worker."""

    STOP = "stop"
    """Say goodbye to everybody and end. Every connection that was passed before is still welcomed."""
    LEAVE = "leave"
    """End, and leave the people to servers on other machines, if the cluster has any."""
    HURRY = "hurry"
    """End at once."""
    RELOAD = "reload"
    REOPEN = "reopen"
    """Open the file of the log again."""
    COUNT = "count"
    """Log the counters."""
    MEASURE = "measure"
    """Report the snapshot of the metrics."""


@dataclass(slots=True)
class Passed:
    """An accepted socket. It is None if the worker has no descriptor left for it."""

    sock: socket.socket | None
    address: Address
    door: str = NATIVE
    """The name of the port at which it was accepted (see `inherited`)."""


@dataclass(slots=True)
class Report:
    """A report of a worker to the supervisor.

    `taken` is how many of the passed sockets it has taken over since the last report. `ended` is how many of its
    connections from each host have ended. `is_ready` asks for sockets; `is_closed` gives back those not taken yet.
    """

    taken: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    is_ready: bool = False
    is_closed: bool = False
    first_code: str = ""
    """The invitation of the first operator, from the first worker of a new cluster."""
    snapshot: Snapshot | None = None
    """The values of the metrics, if they were asked for."""


def make_channel() -> tuple[socket.socket, socket.socket]:
    """Return the supervisor's and the worker's end, both non-blocking. Raises `OSError`."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


def pass_socket(channel: socket.socket, sock: socket.socket, address: Address, door: str = NATIVE) -> None:
    """Send a copy of a socket that was accepted at the port with the name `door`. Raises `OSError`."""
    socket.send_fds(channel, [json.dumps([door, *address]).encode()], [sock.fileno()])


def send_order(channel: socket.socket, order: Order) -> None:
    """Raises `OSError`."""
    channel.send(json.dumps(order).encode())


def receive(channel: socket.socket) -> Passed | Order | None:
    """Return the next message of the supervisor, None at the end of the channel. Raises `BlockingIOError`."""
    try:
        # `socket.recv_fds` ignores the flag, and our children would inherit the descriptor.
        data, ancillary, _, _ = channel.recvmsg(_MOST, socket.CMSG_LEN(_DESCRIPTOR.size), socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:  # the supervisor has ended with reports unread
        return None
    if not data:
        return None
    message = json.loads(data)
    if isinstance(message, str):
        return Order(message)
    descriptors = [_DESCRIPTOR.unpack(content)[0] for _, _, content in ancillary if len(content) == _DESCRIPTOR.size]
    door, *address = message
    return Passed(socket.socket(fileno=descriptors[0]) if descriptors else None, tuple(address), door)


def send_report(channel: socket.socket, report: Report) -> None:
    """Raises `OSError`."""
    message = [report.taken, report.ended, report.is_ready, report.is_closed, report.first_code, report.snapshot]
    channel.send(json.dumps(message).encode())


def receive_report(channel: socket.socket) -> Report | None:
    """Return the next report of a worker, None at the end of the channel. Raises `BlockingIOError`."""
    try:
        data = channel.recv(_MOST)
    except ConnectionResetError:  # the worker has ended with messages unread
        return None
    if not data:
        return None
    taken, ended, *more = json.loads(data)
    return Report(taken, Counter(ended), *more)


def channel_of_stdin() -> socket.socket:
    """Return the worker's end, which the supervisor has made its standard input. Raises `OSError` if it is not one."""
    descriptor = os.dup(0)
    try:
        channel = socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise
    if (channel.family, channel.type) != (socket.AF_UNIX, socket.SOCK_SEQPACKET):
        channel.close()
        raise OSError(errno.ENOTSOCK, "standard input is not a channel")
    channel.setblocking(False)
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.close(null)
    return channel
