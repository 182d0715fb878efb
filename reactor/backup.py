"""The command `pylingo-server backup`: copies a history file, even while a server writes it.

The copy is a snapshot of one moment. Meanwhile the server writes to the journal beside the file, which grows until the
copy is done.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from urllib.parse import quote

from pylingo.reactor.config import read_file
from pylingo.shared.files import open_private
from pylingo.shared.launch import LaunchError, OneLineParser

_PAGES = 1_000  # copied in one step; Ctrl+C works between two steps
_PATIENCE = 5.0  # seconds to wait for a lock


def backup(arguments: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit status. Raises `LaunchError`."""
    parser = OneLineParser(
        prog="pylingo-server backup",
        description="Copy a history file, even while a server writes it. Only you can read the copy.",
        allow_abbrev=False,
    )
    parser.add_argument("--history", metavar="FILE", help="the history file of the server")
    parser.add_argument("--config", metavar="FILE", help="a TOML file with settings that name the history file")
    parser.add_argument("target", metavar="TARGET", help="the copy: a file that does not exist yet")
    given = parser.parse_args(arguments)
    source = given.history
    if source is None and given.config is not None:
        source = read_file(given.config).get("history")
    if not source:
        raise LaunchError("name the history file with --history FILE")
    size = copy(os.path.expanduser(source), os.path.expanduser(given.target))
    print(f"{source} was copied to {given.target}: {size / 2**20:,.1f} MiB")
    return 0


def copy(source: str, target: str) -> int:
    """Copy the file and return its size in bytes. Raises `LaunchError`, and then leaves no part of a copy behind."""
    if not os.path.isfile(source):
        raise LaunchError(f"there is no history file {source}")
    try:
        os.close(open_private(target, os.O_CREAT | os.O_EXCL | os.O_RDWR))
    except FileExistsError:
        raise LaunchError(f"{target} exists already: name a file that does not") from None
    except OSError as error:
        raise LaunchError(f"cannot write {target}: {error.strerror}") from None
    try:
        _copy(source, target)
        return os.path.getsize(target)
    except BaseException as error:
        os.unlink(target)
        if isinstance(error, sqlite3.Error):
            raise LaunchError(f"cannot copy {source} to {target}: {error}", 1) from None
        raise


def _copy(source: str, target: str) -> None:
    # A read-only connection would leave files beside it behind if no server has the file open.
    name = f"file:{quote(os.path.abspath(source))}?mode=rw"
    with (
        closing(sqlite3.connect(name, uri=True, timeout=_PATIENCE)) as file,
        closing(sqlite3.connect(os.path.abspath(target))) as copied,
    ):
        # A transaction keeps its view of the file. Without one, each new message would start the copy over.
        file.execute("begin")
        tables = file.execute("select count(*) from sqlite_master where name = 'message'").fetchone()[0]
        if not tables or not file.execute("pragma user_version").fetchone()[0]:
            raise LaunchError(f"{source} is no history file")
        file.backup(copied, pages=_PAGES)
