"""The options by which a command finds a cluster: its Redis, its name, and the password."""

import argparse
import os
from typing import Any

from pylingo.reactor.bus.redis.keys import NAME
from pylingo.reactor.bus.redis.settings import (
    ClusterSettings,
    cluster_name,
    read_password,
    redis_address,
    require_hiredis,
)
from pylingo.shared.launch import LaunchError
from pylingo.shared.settings import Setting, table
from pylingo.shared.values import path

CLUSTER_OPTIONS = table(
    [
        Setting(name="cluster", type=redis_address(), metavar="URL", about="the Redis of the cluster"),
        Setting(
            name="cluster_name", type=cluster_name(), metavar="NAME", about="the name of the cluster", default=NAME
        ),
        Setting(name="cluster_ca", type=path(), metavar="FILE", about="the certificates that may sign Redis's one"),
        Setting(name="cluster_password_file", type=path(), metavar="FILE", about="a file with the password of Redis"),
    ]
)
"""The options by name."""


def add_cluster_options(parser: argparse.ArgumentParser, is_required: bool) -> None:
    """Add the options to the parser of a command."""
    for row in CLUSTER_OPTIONS.values():
        needed = is_required and row.name == "cluster"
        parser.add_argument(row.option, metavar=row.metavar, required=needed, help=row.help)


def read_cluster_options(given: argparse.Namespace) -> ClusterSettings:
    """Return the settings of a command line that has `--cluster`. Raises `LaunchError`."""
    texts = {name: getattr(given, name) for name in CLUSTER_OPTIONS}
    values: dict[str, Any] = {
        name: CLUSTER_OPTIONS[name].read_option(text) for name, text in texts.items() if text is not None
    }
    if values["cluster"] is None:
        raise LaunchError("--cluster needs an address, such as redis://127.0.0.1:6379")
    require_hiredis()
    return ClusterSettings(
        address=values["cluster"],
        ca=values.get("cluster_ca", ""),
        name=values.get("cluster_name", NAME),
        password=read_password(values.get("cluster_password_file", ""), os.environ),
    )
