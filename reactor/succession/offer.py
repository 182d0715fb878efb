"""The terms of an upgrade: the old server offers what it has, and the successor says whether it can take that over."""

import os
from collections.abc import Callable, Mapping, Sequence

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.succession.handover import FORMAT, READABLE, Offer, decode
from pylingo.shared import __version__
from pylingo.shared.launch import LaunchError

_INSTEAD = "restart the server instead"
_FIXED: Mapping[str, Callable[[ServerSettings], str]] = {
    "--data": lambda settings: os.path.abspath(settings.data) if settings.data else "",
    "--history": lambda settings: os.path.abspath(settings.history) if settings.history else "",
    "--cluster": lambda settings: str(settings.cluster or ""),
    "--cluster-name": lambda settings: settings.cluster_name,
    "--workers": lambda settings: str(settings.workers),
}
"""The settings on which both servers must agree."""


def make_offer(
    settings: ServerSettings, sockets: Sequence[str], locks: int, ports: Mapping[str, str] | None = None
) -> Offer:
    """Return the offer of a server with these settings. `sockets` and `ports` are as those of `Offer`."""
    return Offer(FORMAT, __version__, [*sockets], locks, _fixed(settings), {**(ports or {})})


def read_offer(body: bytes) -> Offer:
    """Return the offer that has come. Raises `LaunchError` if this version cannot take over what is offered."""
    try:
        offer = decode(body)
    except ValueError as error:
        raise LaunchError(f"{error}: {_INSTEAD}") from None
    if not isinstance(offer, Offer):
        raise LaunchError(f"the old server offers nothing that this version knows: {_INSTEAD}")
    if offer.format not in READABLE:
        words = f"release {offer.release} hands its state over in format {offer.format}"
        raise LaunchError(f"{words}, which {__version__} cannot read: {_INSTEAD}")
    return offer


def check_settings(offered: Mapping[str, str], settings: ServerSettings) -> None:
    """Check that the settings are such that an upgrade is possible. Raises `LaunchError` if they are not."""
    changed = [option for option, value in _fixed(settings).items() if offered.get(option) != value]
    if changed:
        raise LaunchError(f"an upgrade cannot change {', '.join(changed)}: {_INSTEAD}")


def _fixed(settings: ServerSettings) -> dict[str, str]:
    return {option: show(settings) for option, show in _FIXED.items()}
