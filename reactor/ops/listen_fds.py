"""Listening sockets that another process has bound and listens on: socket activation, as systemd does it.

The process that starts the server keeps the sockets, so people who connect while no server runs wait in the backlog,
and a restart refuses nobody. The protocol is that of sd_listen_fds(3): descriptors from 3 on, described by variables of
the environment. Closing such a socket leaves it listening. `shutdown` would stop the other process's copy.
"""

import os
import socket
from collections.abc import Mapping, MutableMapping, Sequence

from pylingo.shared.launch import LaunchError
from pylingo.shared.text import counted

FIRST = 3
"""The first descriptor."""
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")
_MOST = 64  # sockets

type Sockets = Mapping[str, Sequence[socket.socket]]
"""Listening sockets by name. A name can have several, such as one for each version of IP."""


def inherited_sockets(environment: MutableMapping[str, str], names: Sequence[str]) -> dict[str, list[socket.socket]]:
    """Return the sockets that `environment` describes, by name, and remove the variables from it.

    `names` are the known ones. Without `LISTEN_FDNAMES`, all sockets have the first of these. Variables that are for
    another process are removed, and there are no sockets then. Raises `LaunchError` for a descriptor that the server
    cannot listen on.
    """
    process, count, given, _ = (environment.pop(name, "") for name in _VARIABLES)
    if process != str(os.getpid()):
        return {}
    if not count.isascii() or not count.isdecimal() or int(count) > _MOST:
        raise LaunchError(f"LISTEN_FDS must be a whole number from 0 to {_MOST}, not {count!r}")
    called = given.split(":") if given else [names[0]] * int(count)
    if len(called) != int(count):
        raise LaunchError(f"LISTEN_FDNAMES must have {counted(int(count), 'name')}, as LISTEN_FDS says, not {given!r}")
    found: dict[str, list[socket.socket]] = {}
    for descriptor, name in enumerate(called, FIRST):
        if name not in names:
            known = f"{', '.join(names[:-1])} or {names[-1]}"
            raise LaunchError(f"the inherited socket {name!r} is unknown: name it {known}, with FileDescriptorName=")
        found.setdefault(name, []).append(adopt(descriptor, name))
    return found


def adopt(descriptor: int, name: str) -> socket.socket:
    """Return the listening socket at an inherited descriptor, which no child process will inherit.

    Raises `LaunchError` if it is anything else than a TCP socket that listens.
    """
    try:
        os.set_inheritable(descriptor, False)
        sock = socket.socket(fileno=descriptor)
    except OSError as error:
        reason = error.strerror or str(error)
        raise LaunchError(f"the inherited descriptor {descriptor} for {name} is unusable: {reason}") from None
    if why_not := _why_not(sock):
        sock.detach()  # it is not ours to close
        raise LaunchError(f"the inherited socket {name} {why_not}")
    return sock


def _why_not(sock: socket.socket) -> str:
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM:
        return "is not one of TCP: use ListenStream= with a port"
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "does not listen: use Accept=no"
    return ""
