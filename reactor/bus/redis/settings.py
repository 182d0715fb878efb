"""The settings of a cluster: the address of its Redis, and how a server uses it."""

import enum
import importlib.util
import re
import sys
from collections.abc import Mapping

from pylingo.reactor.people.files import read_regular
from pylingo.shared.address import parse_address, show_address
from pylingo.shared.launch import LaunchError
from pylingo.shared.value_class import value_class
from pylingo.shared.values import ValueType, explained, utf8

REDIS_PORT = 6379
SENTINEL_PORT = 26379
MOST_DB = 999_999
"""Redis itself limits the number of databases by its setting `databases`, 16 by default."""


PASSWORD = "PYLINGO_CLUSTER_PASSWORD"
"""The environment variable with Redis's password."""
MOST_PASSWORD = 4_096
"""Bytes of the file with the password."""


class Kind(enum.Enum):
    """How an address names a Redis: `SERVER` may turn out to be a node of a Redis Cluster."""

    SERVER = enum.auto()
    UNIX = enum.auto()
    SENTINEL = enum.auto()


@value_class(kw_only=True)
class RedisAddress:
    """A Redis: its host and port, the path of its socket, or its sentinels and the name that they know it by.

    `user` is empty for Redis's default one.
    """

    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    service: str = ""
    user: str = ""
    db: int = 0
    is_encrypted: bool = False

    def __str__(self) -> str:
        """As `parse_redis_address` reads it."""
        user = f"{self.user}@" if self.user else ""
        if self.kind is Kind.UNIX:
            return f"redis+unix://{user}{self.path}" + (f"?db={self.db}" if self.db else "")
        scheme = ("rediss" if self.is_encrypted else "redis") + ("+sentinel" if self.service else "")
        parts = [",".join(show_address(host, port) for host, port in self.hosts), self.service, str(self.db or "")]
        return f"{scheme}://{user}" + "/".join(part for part in parts if part)


@value_class(kw_only=True)
class ClusterSettings:
    """How a server takes part in a cluster. `patience` is in seconds; `keep` counts the messages of each room in Redis.

    `ca` is the file with the certificates that may sign Redis's one, or empty for those of the system. `replicas` is
    the number of replicas that must have a message before it is `sent`. `lanes` counts only when a cluster is created.
    """

    address: RedisAddress
    ca: str = ""
    password: str = ""
    name: str = "pylingo"
    lanes: int = 1
    patience: float = 10.0
    replicas: int = 0
    keep: int = 1000


_FORMS = "it must be redis://HOST:PORT, rediss://HOST:PORT, redis+sentinel://HOST,HOST/NAME or redis+unix:///PATH"
_URL = re.compile(r"([a-z+]+)://(?:([^@/?]*)@)?([^/?]*)(/[^?]*)?(?:\?db=([^?]*))?\Z", re.ASCII)
_SCHEMES = {
    "redis": (Kind.SERVER, False),
    "rediss": (Kind.SERVER, True),
    "redis+sentinel": (Kind.SENTINEL, False),
    "rediss+sentinel": (Kind.SENTINEL, True),
    "redis+unix": (Kind.UNIX, False),
    "unix": (Kind.UNIX, False),
}
_DEFAULT_PORTS = {Kind.SERVER: REDIS_PORT, Kind.SENTINEL: SENTINEL_PORT}


def parse_redis_address(text: str) -> RedisAddress:
    """Return the address that a URL names.

    `redis://HOST[:PORT][/DB]`, `rediss://…` for TLS, `redis+sentinel://HOST[:PORT],…/NAME[/DB]`, or
    `redis+unix:///PATH[?db=DB]`; each may have `USER@` in front. Raises `ValueError` with a sentence, which never
    quotes a password.
    """
    match = _URL.match(text)
    if match is None or match[1] not in _SCHEMES:
        raise ValueError(_FORMS)
    scheme, user, hosts, path, query_db = match.groups(default="")
    if ":" in user:
        raise ValueError(
            "a password in an argument can be read by every user of this computer:"
            " leave it out, and use --cluster-password-file or PYLINGO_CLUSTER_PASSWORD"
        )
    kind, is_encrypted = _SCHEMES[scheme]
    if kind is Kind.UNIX:
        if hosts or len(path) < 2:
            raise ValueError("the path of a socket must be absolute, as in redis+unix:///run/redis.sock")
        return RedisAddress(kind=kind, path=path, user=user, db=_parse_db(query_db))
    parts = path.strip("/").split("/") if path.strip("/") else []
    service = parts.pop(0) if kind is Kind.SENTINEL and parts else ""
    if len(parts) > 1 or query_db or (kind is Kind.SENTINEL) != bool(service):
        raise ValueError(_FORMS)
    places = tuple(parse_address(part, _DEFAULT_PORTS[kind]) for part in hosts.split(","))
    if len(places) > 1 and kind is Kind.SERVER:
        raise ValueError("only sentinels can be several: give one address, and for a Redis Cluster any of its nodes")
    db = _parse_db(parts[0] if parts else "")
    return RedisAddress(kind=kind, hosts=places, service=service, user=user, db=db, is_encrypted=is_encrypted)


def _parse_db(text: str) -> int:
    if not re.fullmatch(r"\d{0,6}", text, re.ASCII):
        raise ValueError(f"the number of a database must be a whole number from 0 to {MOST_DB}")
    return int(text or 0)


def redis_address() -> ValueType:
    """The address of a Redis, or None for an empty text."""

    def parse(text: str) -> RedisAddress | None:
        return parse_redis_address(utf8(text)) if text else None

    right = "redis://HOST:PORT/DB, rediss:// for TLS, redis+sentinel://HOST,HOST/NAME or redis+unix:///PATH"
    return ValueType(right, explained(parse), lambda address: str(address or ""), toml=(str,))


def cluster_name() -> ValueType:
    """The name of a cluster. Braces would change which node of a Redis Cluster has a key."""

    def parse(text: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text):
            raise ValueError
        return text

    return ValueType("1 to 64 letters, digits, dots, hyphens and underscores", parse, toml=(str,))


def read_password(path: str, environment: Mapping[str, str]) -> str:
    """Return Redis's password: that in the file at `path`, or else that of the environment; empty if there is none.

    Raises `LaunchError`.
    """
    if not path:
        return environment.get(PASSWORD, "")
    try:
        data, status = read_regular(path, "the password file", MOST_PASSWORD)
        if status.st_mode & 0o022:
            raise ValueError(f"others can write the password file {path}: change that with  chmod 600 {path}")
        password = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise LaunchError(f"the password file {path} is not UTF-8") from None
    except OSError as error:
        raise LaunchError(f"cannot read the password file {path}: {error.strerror}") from None
    except ValueError as error:
        raise LaunchError(str(error)) from None
    if not password or "\n" in password:
        raise LaunchError(f"the password file {path} must have the password of Redis in its only line")
    return password


def require_hiredis() -> None:
    """Raises `LaunchError` if hiredis is missing."""
    if importlib.util.find_spec("hiredis") is None:
        install = f"{sys.executable} -m pip install 'pylingo-chat[cluster]'"
        raise LaunchError(f"a cluster needs hiredis, which is missing: install it with  {install}")
