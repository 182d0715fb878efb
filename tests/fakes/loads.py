"""Shared parts of the load generator's tests: a small plan, and waiting until a server is empty."""

from pylingo.client.bench.load import Load
from pylingo.client.bench.plan import Plan
from pylingo.shared.messages import Command, Rooms
from tests.support import Peer, ServerProcess, wait_until

PLAN = Plan(clients=8, rooms=2, senders=2)


def wait_until_empty(server: ServerProcess) -> None:
    """Wait until the clients of earlier tests have left; every test uses the same names and rooms."""

    def is_empty() -> bool:
        peer.send(Command("list"))
        return not peer.until(Rooms).rooms

    with Peer(server.port) as peer:
        wait_until(is_empty, "the clients of earlier tests leave")


def ready(load: Load) -> Load:
    """Connect the load's clients; from then on every byte that they receive is checked."""
    load.connect()
    load.settle()
    return load
