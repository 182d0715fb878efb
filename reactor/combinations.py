"""Settings that have no effect without another one, or that contradict one. They are refused together.

A setting counts as given if it differs from its default, because a file may spell a default out.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pylingo.shared.launch import LaunchError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_CLUSTER = ("cluster",)
_SEVERAL = ("cluster", "workers")
_FILE = ("history", "data")

NEEDS: Mapping[str, Sequence[str]] = {
    "no_tls": ("data", "cluster"),
    "open": ("members",),
    "members_invite": ("members", "data", "cluster"),
    "history_keep": _FILE,
    "history_max": _FILE,
    "cluster_ca": _CLUSTER,
    "cluster_password_file": _CLUSTER,
    "cluster_name": _SEVERAL,
    "cluster_lanes": _SEVERAL,
    "cluster_patience": _SEVERAL,
    "cluster_wait": _SEVERAL,
    "cluster_keep": _SEVERAL,
}
"""Settings that have no effect without one of others."""
PORT_NEEDS: Mapping[str, Sequence[str]] = {"irc_name": ("irc_port", "irc_tls_port")}
"""Settings that have no effect without one of these ports, which may be inherited sockets."""
CONFLICTS: Sequence[tuple[Sequence[str], Sequence[str], str]] = (
    (
        ("history", "history_memory", "history_keep", "history_max"),
        _SEVERAL,
        "Redis keeps the history of several servers",
    ),
    (("no_tls",), ("tls_cert",), "a certificate encrypts the port"),
)
"""Settings that cannot be used with any of others, and why."""


def check_needs(settings: "DataclassInstance", needs: Mapping[str, Sequence[str]] = NEEDS) -> None:
    """Raises `LaunchError` for a setting without another one that it needs."""
    given = _given(settings)
    for name, others in needs.items():
        if name in given and given.isdisjoint(others):
            *more, last = map(_option, others)
            words = f"{', '.join(more)} or {last}" if more else last
            raise LaunchError(f"{_option(name)} has no effect without {words}: give both, or leave it out")


def check_conflicts(settings: "DataclassInstance") -> None:
    """Raises `LaunchError` for two settings that cannot be used together."""
    given = _given(settings)
    for names, others, why in CONFLICTS:
        for name, other in itertools.product(names, others):
            if {name, other} <= given:
                raise LaunchError(f"{_option(name)} cannot be used with {_option(other)}: {why}")


def _given(settings: "DataclassInstance") -> set[str]:
    return {field.name for field in dataclasses.fields(settings) if getattr(settings, field.name) != field.default}


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
