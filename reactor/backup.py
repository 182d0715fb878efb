"""`pylingo-server backup`: copies a history file, whether or not a server has it open.

The copy is the file as it was at one moment. The server goes on writing meanwhile, into the file beside it, which
grows for as long.
"""

import os
import sqlite3
from collections.abc import Sequence
from urllib.parse import quote

from pylingo.reactor.config import read_file
from pylingo.shared.files import open_private
from pylingo.shared.launch import LaunchError, OneLineParser

_PAGES = 1_000  # in one step, between which Ctrl+C is heard
_PATIENCE = 5.0  # seconds that a lock is waited for


def backup(arguments: Sequence[str]) -> int:
    """Copy as the command line says; returns the exit status. Raises `LaunchError`."""
    parser = OneLineParser(
        prog="pylingo-server backup",
        description="Copy a history file while a server writes it, or while none does. The copy is its owner's alone.",
        allow_abbrev=False,
    )
    parser.add_argument("--history", metavar="FILE", help="the history file of the server")
    parser.add_argument("--config", metavar="FILE", help="a TOML file with settings, where the history file is named")
    parser.add_argument("target", metavar="TARGET", help="the copy, a file that is not there yet")
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
    """Copy the file; returns its size in bytes. Raises `LaunchError`, and leaves no half of a copy behind."""
    if not os.path.isfile(source):
        raise LaunchError(f"there is no history file {source}")
    try:
        os.close(open_private(target, os.O_CREAT | os.O_EXCL | os.O_RDWR))
    except FileExistsError:
        raise LaunchError(f"{target} is there already: name a file that is not") from None
    except OSError as error:
        raise LaunchError(f"cannot write {target}: {error.strerror}") from None
    try:
        return _copy(source, target)
    except BaseException as error:
        os.unlink(target)
        if isinstance(error, sqlite3.Error):
            raise LaunchError(f"cannot copy {source} to {target}: {error}", 1) from None
        raise


def _copy(source: str, target: str) -> int:
    # One that may only read would leave files beside it behind, where no server has it open.
    file = sqlite3.connect(f"file:{quote(os.path.abspath(source))}?mode=rw", uri=True, timeout=_PATIENCE)
    copied = sqlite3.connect(os.path.abspath(target))
    try:
        # From here on the connection sees the file as it is now: or each message that is said would begin it again.
        file.execute("begin")
        tables = file.execute("select count(*) from sqlite_master where name = 'message'").fetchone()[0]
        if not tables or not file.execute("pragma user_version").fetchone()[0]:
            raise LaunchError(f"{source} is no history file")
        file.backup(copied, pages=_PAGES)
        size: int = copied.execute("select page_count * page_size from pragma_page_count, pragma_page_size").fetchone()[
            0
        ]
    finally:
        file.close()
        copied.close()
    return size
