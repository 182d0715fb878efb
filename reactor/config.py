"""The server's settings: each with its default, its limits and what happens when a limit is reached.

Each setting is a field of `ServerSettings`. The command line, the TOML file, `--help` and the table of options in the
documentation are made from `SETTINGS`, the table of these fields.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pylingo.reactor.bus.redis.settings import (
    ClusterSettings,
    RedisAddress,
    cluster_name,
    read_password,
    redis_address,
    require_hiredis,
)
from pylingo.reactor.chat.hub import GRACE, QUEUE_HARD, QUEUE_SOFT
from pylingo.reactor.combinations import check_conflicts, check_needs
from pylingo.reactor.engine.listener import ACCEPTS, LOOPBACK, Network
from pylingo.reactor.history.memory import MEMORY
from pylingo.reactor.log_format import FORMATS
from pylingo.reactor.people.data_dir import DataDir
from pylingo.reactor.people.owned_names import KEEP
from pylingo.shared.address import Address
from pylingo.shared.launch import LaunchError, OneLineParser
from pylingo.shared.networks import networks
from pylingo.shared.settings import Setting, Source, argument_parser, read_options, table
from pylingo.shared.settings import read_file as read_settings_file
from pylingo.shared.settings_file import SettingsFile
from pylingo.shared.text import MAX_MOTD
from pylingo.shared.values import (
    TRUE,
    ValueType,
    duration,
    flag,
    host_name,
    integer,
    listening,
    notice,
    number,
    one_of,
    path,
    path_or_true,
    server_name,
    show_size,
    size,
)

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

_seconds = number(0.1, 86_400)
_cluster_name = cluster_name()
_tcp_seconds = number(0.1, 32_767)  # the largest TCP_KEEPIDLE that Linux accepts


def _setting(
    default: Any, type: ValueType, metavar: str, about: str, outcome: str = "", needs_restart: bool = False, **more: Any
) -> Any:
    """Return a field of `ServerSettings`. `Server.reconfigure` applies a new value unless it `needs_restart`."""
    row = {"type": type, "metavar": metavar, "about": about, "outcome": outcome, "needs_restart": needs_restart}
    return dataclasses.field(default=default, metadata={**row, **more, "default": type.show(default)})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The settings of a server. Times are in seconds, sizes in bytes."""

    host: str = _setting(
        "127.0.0.1",
        host_name(),
        "HOST",
        "the address or host name to listen on",
        needs_restart=True,
    )
    port: int = _setting(
        5000, integer(0, 65_535), "PORT", "the TCP port; 0 lets the system choose one", needs_restart=True
    )
    tls_cert: str = _setting(
        "",
        path(),
        "FILE",
        "the server's certificate, followed by those of its issuers, in PEM; makes the port an encrypted one",
        "a client without TLS gets goodbye `tls`",
    )
    tls_key: str = _setting("", path(), "FILE", "the private key of --tls-cert in PEM, without a password")
    motd: str = _setting("", notice(MAX_MOTD), "TEXT", "a notice that is sent to everybody who connects")
    log_level: str = _setting("info", one_of(*LOG_LEVELS), "LEVEL", "the least severe level that is logged")
    log_format: str = _setting(
        "text",
        one_of(*FORMATS),
        "FORMAT",
        "the form of the log: text, or json with one object a line",
        needs_restart=True,
    )
    log_file: str = _setting(
        "",
        path(),
        "FILE",
        "a file for the log, instead of stderr; opened again on SIGHUP, after it was renamed",
        needs_restart=True,
    )
    rate: float = _setting(
        4.0,
        number(0.001, 1e6, or_none=True),
        "N",
        "sustained requests a second of one connection, and 16 times as many of one address; 0 for no limit",
        "the connection is read more slowly; nothing is lost",
    )
    burst: int = _setting(
        10,
        integer(1, 1_000_000),
        "N",
        "requests in one burst of one connection, and 16 times as many of one address",
        "as for --rate",
    )
    queue_soft: int = _setting(
        QUEUE_SOFT,
        size(1024, 2**30),
        "SIZE",
        "bytes queued for a slow reader before room frames are left out",
        "room frames are left out; after the reader has caught up, `skipped` tells it what it missed",
    )
    queue_hard: int = _setting(
        QUEUE_HARD,
        size(1024, 2**32),
        "SIZE",
        "bytes of direct replies queued for one connection",
        "its further requests wait until it has read them",
    )
    stall_timeout: float = _setting(
        30.0, _seconds, "SECONDS", "time without progress while data is queued for a connection", "goodbye `stalled`"
    )
    max_connections: int = _setting(
        0,
        integer(0, 1_000_000),
        "N",
        "open connections; 0 for the limit of open files minus 32",
        "goodbye `full`",
    )
    max_per_address: int = _setting(
        64,
        integer(0, 1_000_000),
        "N",
        "open connections, and kept seats, of one address or IPv6 /64; 0 for no limit",
        "goodbye `address-limit`; for seats as for --max-seats",
    )
    max_seats: int = _setting(
        0,
        integer(0, 1_000_000),
        "N",
        "kept seats of broken connections; 0 for as many as connections",
        "the oldest seat of the same address is freed, unless it is younger than half the grace time: then the"
        " new one is not kept; without a seat of that address, the oldest seat of all is freed",
    )
    exempt: tuple[Network, ...] = _setting(
        LOOPBACK,
        networks(LOOPBACK),
        "NETWORK",
        "a network without limits for one address, such as 10.0.0.0/8; can be repeated, and be a list in the file;"
        " loopback is exempt unless `none` is given",
    )
    proxy_protocol: tuple[Network, ...] = _setting(
        (),
        networks(()),
        "NETWORK",
        "a network of balancers, such as 10.0.0.7: each connection from there begins with a PROXY header, whose address"
        " is that of the peer; can be repeated, and be a list in the file",
        "a connection without a right header is closed",
    )
    accepts: int = _setting(
        ACCEPTS, integer(1, 4_096), "N", "connections accepted in one tick", "the rest wait for the next tick"
    )
    coalesce: float = _setting(
        0.005,
        duration(0.001, 0.1, such_as="5ms"),
        "TIME",
        "under load, the time between the beginnings of two ticks, so that messages leave together; 0 for never",
        "a message waits no longer for others, and on an idle server not at all",
    )
    first_frame_timeout: float = _setting(
        10.0, _seconds, "SECONDS", "time for the first frame of a connection", "goodbye `silent`"
    )
    frame_timeout: float = _setting(
        10.0, _seconds, "SECONDS", "time for a complete frame, from its first byte", "goodbye `frame-timeout`"
    )
    ping_after: float = _setting(
        20.0, _seconds, "SECONDS", "time without a byte from a connection", "the server sends a `ping`"
    )
    ping_timeout: float = _setting(20.0, _seconds, "SECONDS", "time for any byte after a `ping`", "goodbye `idle`")
    tcp_timeout: float = _setting(
        30.0,
        _tcp_seconds,
        "SECONDS",
        "time for the peer's system to acknowledge data or keepalives",
        "the connection is lost",
    )
    resume_grace: float = _setting(
        GRACE,
        number(0, 86_400),
        "SECONDS",
        "time for which the seat of a broken connection is kept; 0 for none",
        "the room sees `left` with reason `lost`",
    )
    data: str = _setting(
        "",
        path(),
        "DIR",
        "the folder for everything that the server keeps: history, certificate, people; made if it is not there",
        needs_restart=True,
    )
    no_tls: bool = _setting(
        False, flag(), "", "with --data, the port is not encrypted and has no certificate", needs_restart=True
    )
    members: str = _setting(
        "",
        path_or_true("the file `members` in the folder of --data"),
        "FILE",
        "only the keys in this file and invited ones may come in; a file as OpenSSH's authorized_keys",
        "goodbye `members-only`",
        without_value=TRUE,
    )
    open: bool = _setting(
        False, flag(), "", "with --members, everybody may come in; the keys in the file keep their names and ranks"
    )
    members_invite: bool = _setting(False, flag(), "", "members may invite, and not only operators")
    bans: str = _setting(
        "",
        path(),
        "FILE",
        "a file with keys, addresses and networks that may not come in, one in a line; see docs/security.md",
        "goodbye `banned`",
    )
    name_keep: float = _setting(
        KEEP,
        duration(1, 10_000 * 86_400),
        "TIME",
        "time for which a name belongs to a key that does not use it; 0 for ever",
        "the name is free",
    )
    password_file: str = _setting(
        "",
        path(),
        "FILE",
        "a file with the hash of a password that everybody must give; pylingo-server hash-password makes it",
        "goodbye `password`",
    )
    history: str = _setting(
        "",
        path(),
        "FILE",
        "the SQLite file for the history; without it, memory alone keeps the history",
        needs_restart=True,
    )
    history_memory: int = _setting(
        MEMORY,
        size(2**16, 2**40),
        "SIZE",
        "memory for the history of all rooms, at most 1,000 messages of each",
        "empty rooms lose their history, least recently used first; then the oldest messages are deleted",
        needs_restart=True,
    )
    history_keep: float = _setting(
        90 * 86_400.0,
        duration(1, 10_000 * 86_400),
        "TIME",
        "age of messages in the file; 0 for no limit",
        "older messages are deleted",
        needs_restart=True,
    )
    history_max: int = _setting(
        2 * 2**30,
        size(2**20, 2**50, or_none=True),
        "SIZE",
        "size of the file; 0 for no limit",
        "the oldest messages are deleted",
        needs_restart=True,
    )
    cluster: RedisAddress | None = _setting(  # noqa: RUF009 - it makes a field
        None,
        redis_address(),
        "URL",
        "the Redis that joins several servers to one chat; keeps the history, instead of --history",
        needs_restart=True,
    )
    cluster_ca: str = _setting(
        "",
        path(),
        "FILE",
        "the certificates that may sign that of a Redis with rediss://, in PEM; without it, those of the system",
        needs_restart=True,
    )
    cluster_password_file: str = _setting(
        "",
        path(),
        "FILE",
        "a file with the password of Redis; without it, the environment's PYLINGO_CLUSTER_PASSWORD counts",
        needs_restart=True,
    )
    cluster_name: str = _setting(
        "pylingo",
        _cluster_name,
        "NAME",
        "the name of the cluster, in front of everything that it has in Redis",
        needs_restart=True,
    )
    cluster_lanes: int = _setting(
        1,
        integer(1, 1_024),
        "N",
        "parts into which the rooms are divided, each on one node of a Redis Cluster; counts when a cluster is created",
        needs_restart=True,
    )
    cluster_patience: float = _setting(
        10.0,
        duration(1, 3_600, or_none=False),
        "TIME",
        "time without a sign of life from another server of the cluster",
        "the other server is given up; rooms see `left` with reason `lost` after --resume-grace",
        needs_restart=True,
    )
    cluster_wait: int = _setting(
        0,
        integer(0, 100),
        "N",
        "replicas of Redis that must have a message or a new name before it is confirmed",
        "messages and names wait, and people are told",
        needs_restart=True,
    )
    cluster_keep: int = _setting(
        1_000,
        integer(10, 1_000_000),
        "N",
        "messages of each room that Redis keeps",
        "older messages are deleted",
        needs_restart=True,
    )
    workers: int = _setting(
        0,
        integer(0, 64),
        "N",
        "servers behind the port, as processes for the cores of this machine; needs --data, in which a redis-server is"
        " started, or --cluster; 0 for one server alone",
        "one that ends is started again",
        needs_restart=True,
    )
    irc_port: Address | None = _setting(  # noqa: RUF009 - it makes a field
        None,
        listening(),
        "[HOST:]PORT",
        "where IRC clients connect without TLS, such as 6667; on 127.0.0.1 unless a host is named",
        needs_restart=True,
    )
    irc_tls_port: Address | None = _setting(  # noqa: RUF009 - it makes a field
        None,
        listening(),
        "[HOST:]PORT",
        "where IRC clients connect with TLS, such as 6697, with the certificate of the server",
        needs_restart=True,
    )
    irc_name: str = _setting(
        "irc.pylingo", server_name(), "NAME", "what the server is called in IRC", needs_restart=True
    )
    metrics: Address | None = _setting(  # noqa: RUF009 - it makes a field
        None,
        listening(),
        "[HOST:]PORT",
        "where Prometheus finds metrics over HTTP, such as 9464, with /healthz and /readyz; on 127.0.0.1 unless a host"
        " is named; not encrypted",
        "a scraper waits, or makes room for another one",
        needs_restart=True,
    )
    drain_timeout: float = _setting(
        5.0,
        _seconds,
        "SECONDS",
        "time for goodbyes and writes to disk when the server stops",
        "the server stops without waiting longer",
    )

    def __post_init__(self) -> None:
        """Raises `LaunchError` for settings that contradict each other."""
        if self.queue_hard < self.queue_soft:
            raise LaunchError(
                f"--queue-hard ({show_size(self.queue_hard)}) must be at least --queue-soft"
                f" ({show_size(self.queue_soft)})"
            )
        if bool(self.tls_cert) != bool(self.tls_key):
            given, missing = ("--tls-cert", "--tls-key") if self.tls_cert else ("--tls-key", "--tls-cert")
            raise LaunchError(f"{given} needs {missing}: give both, or none")
        if self.workers and self.cluster is None and not self.data:
            raise LaunchError("--workers needs a Redis: give --data, to have one started there, or --cluster")
        check_conflicts(self)


SETTINGS = table(Setting(name=field.name, **field.metadata) for field in dataclasses.fields(ServerSettings))

_CONFIG = Setting(
    name="config",
    type=path(),
    metavar="FILE",
    about="a TOML file with settings; the command line overrides it",
    source=Source.COMMAND_LINE,
)
_OPTIONS = {**SETTINGS, "config": _CONFIG}


def parse_arguments(arguments: Sequence[str]) -> ServerSettings:
    """Return the settings of a command line. They override those of its `--config` file, which override the defaults.

    Raises `LaunchError`. Exits the process after `--help` and `--version`.
    """
    given = read_options(_OPTIONS, parser(), arguments)
    file = given.pop("config", None)
    return ServerSettings(**({} if file is None else read_file(file)) | given)


def with_data(settings: ServerSettings) -> ServerSettings:
    """Return the settings with the paths in the folder of `--data` in place of those that are not given.

    Raises `LaunchError` for settings that need the folder, or another setting.
    """
    check_needs(settings)
    if not settings.data:
        if settings.members == TRUE:
            raise LaunchError("--members needs a FILE, or the folder of --data, where the file is called members")
        return settings
    data = DataDir(settings.data)
    is_shared = settings.cluster is not None or settings.workers > 0
    found: dict[str, Any] = {} if is_shared else {"history": settings.history or data.history}
    if not settings.no_tls and not settings.tls_cert:
        found |= {"tls_cert": data.certificate, "tls_key": data.key}
    if settings.members == TRUE:
        found["members"] = data.members
    return dataclasses.replace(settings, **found)


def cluster_settings(settings: ServerSettings, environment: Mapping[str, str]) -> ClusterSettings | None:
    """Return the settings of `--cluster` with Redis's password, or None without that option.

    Raises `LaunchError` if hiredis is missing, or the file with the password cannot be used.
    """
    if settings.cluster is None:
        return None
    require_hiredis()
    return ClusterSettings(
        address=settings.cluster,
        ca=settings.cluster_ca,
        password=read_password(settings.cluster_password_file, environment),
        name=settings.cluster_name,
        lanes=settings.cluster_lanes,
        patience=settings.cluster_patience,
        replicas=settings.cluster_wait,
        keep=settings.cluster_keep,
    )


def has_file(arguments: Sequence[str]) -> bool:
    """Whether a command line that `parse_arguments` accepts names a configuration file."""
    return "config" in read_options(_OPTIONS, parser(), arguments)


def read_file(path: str) -> dict[str, Any]:
    """Return the settings in a TOML file. Raises `LaunchError`."""
    try:
        with open(path, "rb") as file:
            contents = SettingsFile(path, file.read())
    except OSError as error:
        raise LaunchError(f"cannot read the configuration file {path}: {error.strerror}") from None
    except ValueError as error:
        raise LaunchError(str(error)) from None
    return read_settings_file(SETTINGS, contents, "--help lists them")


def parser() -> OneLineParser:
    """The parser of the command line."""
    return argument_parser(
        _OPTIONS,
        "pylingo-server",
        "The PyLingo chat server.",
        "Sizes take K, M and G. Times are in seconds. A configuration file can contain every option, under its name"
        " without the dashes in front. Further commands: backup, check, cluster, forget, hash-password, invite,"
        " release; see their --help.",
    )
