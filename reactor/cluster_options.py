"""The options by which a command finds a cluster. They are those of the server."""

import argparse
import os
from collections.abc import Iterable

from pylingo.reactor.bus.redis.settings import ClusterSettings
from pylingo.reactor.config import SETTINGS, ServerSettings, cluster_settings
from pylingo.shared.launch import LaunchError

_NAMES = ("cluster", "cluster_name", "cluster_ca", "cluster_password_file")


def add_cluster_options(parser: argparse.ArgumentParser, is_required: bool, more: Iterable[str] = ()) -> None:
    """Add the options to the parser of a command, with `more` settings of the server."""
    for name in (*_NAMES, *more):
        row = SETTINGS[name]
        needed = is_required and name == "cluster"
        parser.add_argument(row.option, metavar=row.metavar, required=needed, help=row.help.replace("%", "%%"))


def read_cluster_options(given: argparse.Namespace) -> ClusterSettings:
    """Return the settings of a command line that has `--cluster`. Raises `LaunchError`."""
    texts = {name: text for name, text in vars(given).items() if name.startswith("cluster") and text is not None}
    values = {name: SETTINGS[name].read_option(text) for name, text in texts.items()}
    settings = cluster_settings(ServerSettings(**values), os.environ)
    if settings is None:
        raise LaunchError("--cluster needs an address, such as redis://127.0.0.1:6379")
    return settings
