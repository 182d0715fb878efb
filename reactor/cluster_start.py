"""The start of a server in a cluster: whether it may join, and who becomes the first operator."""

import logging
from collections.abc import Callable

from pylingo.reactor.bus.redis.pact import Pact
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.people.certificate import certificate_fingerprint
from pylingo.reactor.people.data_dir import DataDir
from pylingo.reactor.people.rows import rows_of_state
from pylingo.reactor.registry import Registry
from pylingo.shared.address import is_loopback
from pylingo.shared.launch import LaunchError

logger = logging.getLogger(__name__)

_COMMAND = "pylingo-server invite --operator --cluster URL --address HOST makes another one"


def shared_certificate(settings: ServerSettings) -> str:
    """Return the fingerprint that all servers of the cluster must have, for the charter. Raises `LaunchError`.

    It is that of the certificate in the data folder, "" without one. A certificate from elsewhere is the operator's
    own affair: each server may have another one, and gets a new one now and then.
    """
    if not settings.data or settings.tls_cert != DataDir(settings.data).certificate:
        return ""
    try:
        return certificate_fingerprint(settings.tls_cert)
    except ValueError as error:
        raise LaunchError(str(error)) from None


def join(pact: Pact, settings: ServerSettings, answer: Callable[[str], object]) -> None:
    """Join the cluster with or without TLS. `answer` gets an empty string, or a sentence that says why not."""
    pact.join(bool(settings.tls_cert), settings.no_tls and is_loopback(settings.host), answer)


def invite_first(pact: Pact, registry: Registry, done: Callable[[], object]) -> None:
    """If this is the first server of a new cluster, set the `first_code` of the registry, which is valid then.

    Call it when the register has everything and nothing else can keep the server from starting, and only if the code
    will be shown: that is the case with TLS alone.
    """

    def found(is_first: bool) -> None:
        if not is_first or rows_of_state(registry.register.to_state()):
            done()
            return
        issued, change = registry.register.invite(None, operator=True)
        registry.store(change, lambda is_stored: stored(issued.code, is_stored))

    def stored(code: str, is_stored: bool) -> None:
        if is_stored:
            registry.first_code = code
        else:
            logger.error("nobody is the operator: Redis did not store the invitation; %s", _COMMAND)
        done()

    pact.found(found)
