"""The command `pylingo-server backup`: copies a history file or a whole data folder, even while a server writes it.

The copy of a history is a snapshot of one moment. Meanwhile the server writes to the journal beside the file, which
grows until the copy is done. The copy of a data folder is a data folder.
"""

import contextlib
import os
import shutil
import socket
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from urllib.parse import quote

from pylingo.reactor.config import read_file
from pylingo.reactor.people.data_dir import FOLDER_MODE, DataDir, open_data_dir
from pylingo.reactor.people.files import read_regular, replace_file
from pylingo.reactor.people.state_file import MAX_FILE
from pylingo.shared.files import open_private
from pylingo.shared.launch import LaunchError, OneLineParser

_PAGES = 1_000  # copied in one step; Ctrl+C works between two steps
_PATIENCE = 5.0  # seconds to wait for a lock
_MOST = MAX_FILE  # bytes of a file that is copied at once


def backup(arguments: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit status. Raises `LaunchError`."""
    given = parser().parse_args(arguments)
    named = vars(given)
    if given.data is given.history is None and given.config is not None:
        named = read_file(given.config)
    if named.get("data") and not given.history:
        source, size = named["data"], copy_folder(named["data"], os.path.expanduser(given.target))
    elif named.get("history"):
        source = named["history"]
        size = copy(os.path.expanduser(source), os.path.expanduser(given.target))
    else:
        raise LaunchError("name what to copy with --data DIR or --history FILE")
    print(f"{source} was copied to {given.target}: {size / 2**20:,.1f} MiB")
    return 0


def parser() -> OneLineParser:
    """The parser of the command line."""
    made = OneLineParser(
        prog="pylingo-server backup",
        description="Copy a data folder or a history file, even while a server writes it. Only you can read the copy.",
        allow_abbrev=False,
    )
    made.add_argument("--data", metavar="DIR", help="the data folder of the server")
    made.add_argument("--history", metavar="FILE", help="the history file of the server")
    made.add_argument("--config", metavar="FILE", help="a TOML file with settings that name one of them")
    made.add_argument("target", metavar="TARGET", help="the copy: a folder or a file that does not exist yet")
    return made


def copy_folder(source: str, target: str) -> int:
    """Copy a data folder and return its size in bytes. Raises `LaunchError`, and then leaves no part of it behind."""
    try:
        data = open_data_dir(os.path.expanduser(source), create=False)
        _refuse_redis(data)
        os.mkdir(target, FOLDER_MODE)
    except ValueError as error:
        raise LaunchError(str(error)) from None
    except FileExistsError:
        raise LaunchError(f"{target} exists already: name a folder that does not") from None
    except OSError as error:
        raise LaunchError(f"cannot write {target}: {error.strerror}") from None
    try:
        copied = DataDir(target)
        sizes = [_copy_small(*paths) for paths in zip(data.small_files, copied.small_files, strict=True)]
        sizes.append(copy(data.history, copied.history) if os.path.exists(data.history) else 0)
        return sum(sizes)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _refuse_redis(data: DataDir) -> None:
    """Raises `LaunchError` for the folder of a server with `--workers`, whose messages and people are in its Redis."""
    is_used = os.path.isdir(data.redis) and not os.path.lexists(data.people)
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:  # nobody listens, or there is none
        sock.connect(data.redis_socket)
        is_used = True
    if is_used:
        words = "stop the server, and copy the folder as a whole, such as with  cp -a"
        raise LaunchError(
            f"{data.redis} has the messages and people of --workers, which backup does not copy: {words}", 1
        )


def _copy_small(source: str, target: str) -> int:
    """Copy a file that the server only ever replaces as a whole. One that is not there is left out."""
    try:
        contents, _ = read_regular(source, "the file", _MOST)
        replace_file(target, contents)
    except FileNotFoundError:
        return 0
    except ValueError as error:
        raise LaunchError(str(error), 1) from None
    except OSError as error:
        raise LaunchError(f"cannot copy {source} to {target}: {error.strerror}", 1) from None
    return len(contents)


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
