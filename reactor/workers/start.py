"""The supervisor of a server with `--workers`, made from its settings."""

import socket
from collections.abc import Sequence

from pylingo.reactor.bus.redis.settings import require_hiredis
from pylingo.reactor.certificates import load_tls
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.workers.process import worker_command
from pylingo.reactor.workers.supervisor import Supervisor
from pylingo.shared.address import show_address


def make_supervisor(
    settings: ServerSettings,
    arguments: Sequence[str],
    program: str,
    reactor: Reactor,
    inherited: Sequence[socket.socket] = (),
) -> Supervisor:
    """Return a supervisor whose workers run the script `program` with the server's `arguments`.

    Without a Redis in the settings, it starts one in the data folder. It listens with the sockets that are `inherited`,
    if there are any. Raises `LaunchError`.
    """
    load_tls(settings)  # what is wrong with the certificate is said before anything starts
    further: list[str] = []
    if inherited:  # their address is that of the settings, and the workers tell it to others
        further += ["--host", settings.host, "--port", str(settings.port)]
    if settings.metrics is not None:  # which may come from a socket: the workers measure
        further += ["--metrics", show_address(*settings.metrics)]
    require_hiredis()
    supervisor = Supervisor(
        settings,
        settings.workers,
        lambda number: worker_command(program, number, [*arguments, *further]),
        reactor,
        has_others=settings.cluster is not None,
        inherited=inherited,
    )
    if settings.cluster is None:
        further += ["--cluster", supervisor.use_redis(settings.data)]
    return supervisor
