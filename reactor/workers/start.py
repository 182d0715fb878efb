"""The supervisor of a server with `--workers`, made from its settings."""

import socket
from collections.abc import Mapping, Sequence

from pylingo.reactor.bus.redis.settings import require_hiredis
from pylingo.reactor.certificates import load_tls
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.inherited import IRC, IRC_TLS, NATIVE
from pylingo.reactor.workers.process import worker_command
from pylingo.reactor.workers.redis_server import find_redis_server
from pylingo.reactor.workers.supervisor import Supervisor
from pylingo.shared.address import show_address


def require_redis(settings: ServerSettings) -> None:
    """Raises `LaunchError` if the workers could not have a Redis. Call it before anything is made."""
    require_hiredis()
    if settings.cluster is None:
        find_redis_server(settings.data)


def make_supervisor(
    settings: ServerSettings,
    arguments: Sequence[str],
    program: str,
    reactor: Reactor,
    inherited: Mapping[str, Sequence[socket.socket]] | None = None,
) -> Supervisor:
    """Return a supervisor whose workers run the script `program` with the server's `arguments`.

    Without a Redis in the settings, it starts one in the data folder. It listens with the sockets that are `inherited`,
    by name, if there are any. Call `require_redis` before. Raises `LaunchError`.
    """
    load_tls(settings)  # what is wrong with the certificate is said before anything starts
    further: list[str] = []
    inherited = inherited or {}
    if NATIVE in inherited:  # their address is that of the settings, and the workers tell it to others
        further += ["--host", settings.host, "--port", str(settings.port)]
    for name, option, target in (
        (IRC, "--irc-port", settings.irc_port),
        (IRC_TLS, "--irc-tls-port", settings.irc_tls_port),
    ):
        if name in inherited and target is not None:  # the workers need not listen, but speak IRC
            further += [option, show_address(*target)]
    if settings.metrics is not None:  # which may come from a socket: the workers measure
        further += ["--metrics", show_address(*settings.metrics)]
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
