"""Workers of a few lines of Python, which do nothing but what a test says with the channel on standard input."""

import sys

_HEAD = """
import json, os, signal, socket, sys, time
channel = socket.socket(fileno=0)
channel.setblocking(True)
def report(taken=0, ended={}, ready=False, closed=False, first_code=""):
    channel.send(json.dumps([taken, ended, ready, closed, first_code]).encode())
def receive():
    data, descriptors, _, _ = socket.recv_fds(channel, 65536, 1)
    return json.loads(data) if data else sys.exit()
"""
READY = "report(ready=True)\n"
SERVE = f"""{READY}
while (message := receive()) not in ("stop", "leave"):
    if isinstance(message, list):
        report(taken=1)
"""
"""Takes over all sockets, keeps them, and ends on the order to stop or with the supervisor."""


def command(body: str) -> list[str]:
    """The command of a worker with this body, which may use `report` and `receive`."""
    return [sys.executable, "-S", "-c", _HEAD + body]
