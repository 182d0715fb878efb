"""The command `pylingo-server cluster`, and what `invite` and `release` do in a cluster."""

import argparse
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from pylingo.reactor.bus.redis.settings import ClusterSettings
from pylingo.reactor.cluster_options import add_cluster_options, read_cluster_options
from pylingo.reactor.old_history import OldHistory
from pylingo.reactor.people.administration import administer
from pylingo.reactor.people.data_dir import DataDir, open_data_dir
from pylingo.reactor.people.owned_names import OwnedName
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.rows import Row, RowKey, rows_of_state
from pylingo.reactor.people.sanctions import Sanction
from pylingo.reactor.people.state_file import damaged, read_state
from pylingo.shared.launch import LaunchError, OneLineParser
from pylingo.shared.text import counted, printable, quote

if TYPE_CHECKING:
    from pylingo.reactor.cluster_console import ClusterConsole

_MOST_LINES = 50  # about what was left out
_NOT_STORED = "Redis did not take the change, so nothing has changed: see the log of Redis"


def cluster(arguments: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit status. Raises `LaunchError`."""
    given = parser().parse_args(arguments)
    status: int = given.run(given)
    return status


def parser() -> OneLineParser:
    """The parser of the command line."""
    made = OneLineParser(
        prog="pylingo-server cluster", description="Commands for servers that are one chat.", allow_abbrev=False
    )
    commands = made.add_subparsers(metavar="COMMAND", required=True, parser_class=OneLineParser)
    importer = commands.add_parser(
        "import",
        help="bring a single server into a cluster",
        description="Bring a single server, which must be stopped, into a cluster: names that belong to keys, members,"
        " operators, bans, mutes, invitations, topics, and the newest messages of each room. Private messages stay in"
        " the history file. Nothing in the data folder is changed.",
        allow_abbrev=False,
    )
    importer.add_argument("--data", metavar="DIR", required=True, help="the data folder of the single server")
    importer.add_argument("--merge", action="store_true", help="take what does not conflict with a cluster in use")
    add_cluster_options(importer, is_required=True, more=("cluster_keep", "cluster_lanes"))
    importer.set_defaults(run=_import)
    teller = commands.add_parser(
        "status",
        help="show the servers of a cluster and the state of its Redis",
        description="Show the servers of a cluster, whether their hearts beat, and the state of its Redis. The exit"
        " status is 1 if no server is alive, or if Redis cannot be reached or used.",
        allow_abbrev=False,
    )
    teller.add_argument("--json", action="store_true", help="print it as one line of JSON")
    add_cluster_options(teller, is_required=True)
    teller.set_defaults(run=_status)
    return made


def _status(given: argparse.Namespace) -> int:
    settings = read_cluster_options(given)
    from pylingo.reactor.cluster_status import status  # imports hiredis, which only clusters need

    return status(settings, given.json)


# --- importing


def _import(given: argparse.Namespace) -> int:
    settings = read_cluster_options(given)
    data = _open(os.path.expanduser(given.data))
    try:
        _bring(data, settings, given.merge)
    finally:
        data.unlock()
    return 0


def _open(path: str) -> DataDir:
    """Return a data folder that nobody else uses meanwhile. Raises `LaunchError`."""
    try:
        data = open_data_dir(path, create=False)
        if not data.lock():
            raise LaunchError(f"a server uses the data folder {data.path}: stop it, and try again", 1)
    except ValueError as error:
        raise LaunchError(str(error)) from None
    return data


def _bring(data: DataDir, settings: ClusterSettings, merges: bool) -> None:
    rows, rooms = _read_rows(data), OldHistory(data.history)
    with rooms, _opened(settings, founds=True) as console:
        if rows_of_state(console.register.to_state()) and not merges:
            words = "give --merge to add those who do not conflict, or name another cluster with --cluster-name"
            raise LaunchError(f"this cluster has people already: {words}", 1)
        taken, left = adopt(console.register, rows)
        if not console.store(rows=taken):
            raise LaunchError(_NOT_STORED, 1)
        console.found()  # nobody else may invite the first operator
        count = _bring_rooms(console, rooms, settings.keep, left)
    for line in left[:_MOST_LINES]:
        print(f"left out: {printable(line)}")
    if len(left) > _MOST_LINES:
        print(f"left out: {len(left) - _MOST_LINES} more")
    print(f"brought into the cluster: {_count(taken, count)}")


def _bring_rooms(console: "ClusterConsole", rooms: OldHistory, keep: int, left: list[str]) -> int:
    """Write the rooms that have no log in the cluster yet. Return how many, and add lines about the others."""
    from pylingo.reactor.bus.redis.old_rooms import room_commands

    count = 0
    for room, entries, topic, charter in rooms.read(keep):
        lane, stream = console.keys.lane(room), console.keys.of_room("r", room)
        if console.call(lane, [("EXISTS", stream)])[0]:
            left.append(f"the messages of {quote(room)}: the room has some in the cluster")
        else:
            console.call(lane, room_commands(console.keys, room, entries, topic, charter))
            count += 1
    return count


def _read_rows(data: DataDir) -> dict[RowKey, Row]:
    """Return what the people file in a data folder has. Raises `LaunchError`."""
    try:
        state = read_state(data.people)
        if state is None:
            raise LaunchError(f"there is no people file {data.people}: nobody can be brought into a cluster")
        try:
            return rows_of_state(Register.from_state(state).to_state())
        except ValueError as error:
            raise damaged(data.people, error) from None
    except ValueError as error:
        raise LaunchError(str(error)) from None


def adopt(register: Register, rows: Mapping[RowKey, Row]) -> tuple[list[RowKey], list[str]]:
    """Add the rows that do not conflict with the register. Return their keys, and a line about each other one."""
    there = register.rows(rows)
    new = {key: row for key, row in rows.items() if key not in there}
    left = [_why_left(row) for key, row in rows.items() if key in there and not _is_same(row, there[key])]
    register.take_over({key: row for key, row in new.items() if not isinstance(row, OwnedName)})
    for key, row in [*new.items()]:
        if isinstance(row, OwnedName):
            register.take_over({key: row})
            if register.has_rival(key.key):
                register.take_over({key: None})
                del new[key]
                left.append(f"the name {quote(row.name)} looks like that of somebody else in the cluster")
    return [*new], left


def _is_same(row: Row, other: Row) -> bool:
    """Whether nothing is lost if the cluster's row stays: when a name was used last, or a key admitted, is no loss."""
    if isinstance(row, OwnedName) and isinstance(other, OwnedName):
        return row.key == other.key
    return row == other or not isinstance(row, OwnedName | Sanction)


def _why_left(row: Row) -> str:
    if isinstance(row, OwnedName):
        return f"the name {quote(row.name)} belongs to somebody else in the cluster"
    assert isinstance(row, Sanction)
    return f"{quote(row.name or row.address or '')} is banned or muted otherwise in the cluster"


_WORDS = {
    "names": ("name",),
    "admitted": ("member",),
    "operators": ("operator",),
    "bans": ("ban",),
    "mutes": ("mute",),
    "invitations": ("invitation",),
    "app_passwords": ("password for IRC", "passwords for IRC"),
    "rooms": ("room",),
}


def _count(keys: Sequence[RowKey], rooms: int) -> str:
    counts = {table: sum(key.table == table for key in keys) for table in _WORDS} | {"rooms": rooms}
    return ", ".join(counted(counts[table], *words) for table, words in _WORDS.items() if counts[table]) or "nothing"


# --- invitations and names


def administer_cluster(settings: ClusterSettings, request: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Do what a request of `people.administration` asks for. Raises `LaunchError`.

    Return the reply, and the fingerprint of the certificate that the servers share, if they do.
    """
    with _opened(settings) as console:
        reply, change = administer(console.register, request)
        if change is not None and not console.store(change):
            reply = {"error": _NOT_STORED}
        if "error" in reply:
            raise LaunchError(printable(str(reply["error"])), 1)
        return reply, console.certificate()


def _opened(settings: ClusterSettings, founds: bool = False) -> "AbstractContextManager[ClusterConsole]":
    from pylingo.reactor.cluster_console import open_console  # imports hiredis, which only clusters need

    return open_console(settings, founds)
