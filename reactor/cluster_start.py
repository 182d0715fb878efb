"""The start of a server in a cluster: whether it may join, and who becomes the first operator."""

from collections.abc import Callable
from functools import partial

from pylingo.reactor.bus.redis.pact import Pact
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.people.certificate import certificate_fingerprint
from pylingo.reactor.people.data_dir import DataDir
from pylingo.reactor.people.rows import rows_of_state
from pylingo.reactor.registry import Registry
from pylingo.shared.address import is_loopback
from pylingo.shared.launch import LaunchError

PATIENCE = 10.0
"""Seconds for Redis to answer."""


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


def join(reactor: Reactor, pact: Pact, settings: ServerSettings) -> None:
    """Join the cluster with or without TLS. Raises `LaunchError` if that is impossible."""
    is_excused = settings.no_tls and is_loopback(settings.host)
    if sentence := answer_of(reactor, partial(pact.join, bool(settings.tls_cert), is_excused)):
        raise LaunchError(sentence)


def invite_first(reactor: Reactor, pact: Pact, registry: Registry) -> None:
    """If this is the first server of a new cluster, set the `first_code` of the registry, which is valid then.

    Call it when nothing else can keep the server from starting, and only if the code will be shown. Raises
    `LaunchError`.
    """
    register = registry.register
    is_new = not rows_of_state(register.to_state())
    if not answer_of(reactor, pact.found) or not is_new:
        return
    issued, change = register.invite(None, operator=True)
    if not answer_of(reactor, partial(registry.store, change)):
        raise LaunchError("Redis does not store the invitation of the first operator: see its log", 1)
    registry.first_code = issued.code


def answer_of[T](reactor: Reactor, ask: Callable[[Callable[[T], object]], object]) -> T:
    """Run the reactor until `ask` has its answer, and return that. Raises `LaunchError` if there is none in time."""
    answers: list[T] = []

    def answered(answer: T) -> None:
        answers.append(answer)
        reactor.stop()

    timer = reactor.call_later(PATIENCE, reactor.stop)
    ask(answered)
    if not answers:
        reactor.run()
    timer.cancel()
    if not answers:
        raise LaunchError("stopped before Redis had answered: try again later", 1)
    return answers[0]
