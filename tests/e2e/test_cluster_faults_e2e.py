"""What people see when a server of a cluster, Redis or the network between them fails."""

# Runs once: what TLS changes is tested with one server.

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.reactor.bus.redis.cluster import GOES_ON, STANDS_STILL
from pylingo.shared.messages import Command, Goodbye, Hello, Joined, Left, Message, Notice, Ready, Renamed, Say, Sent
from pylingo.shared.schema import Record
from tests.redis_server import RedisProcess, free_port, running
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, wait_until

DURABLE = ("appendonly yes", "appendfsync everysec")
SILENT = 0.3  # seconds in which nothing comes


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    with running(tmp_path / "redis", *DURABLE) as process:
        yield process


def options(redis: RedisProcess, *more: str) -> tuple[str, ...]:
    return "--cluster", redis.url, "--rate", "0", *more


@contextlib.contextmanager
def servers(redis: RedisProcess, *more: str) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """Two servers of one cluster."""
    with ServerProcess(*options(redis, *more)) as one, ServerProcess(*options(redis, *more)) as other:
        yield one, other


@contextlib.contextmanager
def two_people(one: ServerProcess, other: ServerProcess) -> Iterator[tuple[Peer, Peer]]:
    """Ann on one server and Bob on the other, in one room."""
    with Peer(one.port) as ann, Peer(other.port) as bob:
        for peer, name in ((ann, "ann"), (bob, "bob")):
            peer.hello(name)
            peer.join("tea")
        ann.until(Joined, name="bob")
        yield ann, bob


def notices(records: list[Record]) -> list[str]:
    return [it.text for it in records if isinstance(it, Notice)]


def gets(peer: Peer, *wanted: str) -> None:
    """All of these words come, in any order: texts of messages and notices, and keys that are confirmed."""
    missing = set(wanted)
    while missing:
        match record := peer.recv():
            case Message(text=words) | Notice(text=words) | Sent(key=str(words)):
                missing.discard(words)
        assert record is not None, f"the stream ended before {missing}"


def is_told(ann: Peer, bob: Peer, text: str) -> None:
    """What Ann says is confirmed, and Bob gets it."""
    ann.send(Say(text, key=text, id=7))
    ann.until(Sent, key=text)
    bob.until(Message, text=text)


# --- Redis


def test_redis_is_killed_and_starts_again(redis: RedisProcess) -> None:
    with servers(redis) as pair, two_people(*pair) as (ann, bob):
        redis.kill()
        ann.send(Say("meanwhile", key="k", id=1))
        for peer in (ann, bob):
            peer.until(Notice, text=STANDS_STILL)
        bob.nothing(SILENT)
        redis.start()
        gets(bob, "meanwhile", GOES_ON)
        gets(ann, "k", GOES_ON)
        assert notices([*ann.fence(), *bob.fence()]) == []
        is_told(bob, ann, "and on")
        assert all("Traceback" not in server.log() for server in pair)


def test_redis_hangs_and_nobody_is_given_up(redis: RedisProcess) -> None:
    with servers(redis, "--cluster-patience", "2") as pair, two_people(*pair) as (ann, bob):
        redis.pause()
        ann.send(Say("late", key="k", id=1))
        for peer in (ann, bob):
            peer.until(Notice, text=STANDS_STILL)
        time.sleep(2.0)  # longer than the patience
        redis.resume()
        gets(bob, "late", GOES_ON)
        gets(ann, "k", GOES_ON)
        is_told(bob, ann, "and on")
        assert [server.log().count("given up") for server in pair] == [0, 0]


def test_all_links_are_cut_twice(redis: RedisProcess) -> None:
    with servers(redis) as pair, two_people(*pair) as (ann, bob):
        for index in range(60):
            ann.send(Say(f"a {index}", key=f"a{index}"))
            bob.send(Say(f"b {index}", key=f"b{index}"))
            if index in (20, 40):
                for kind in ("normal", "pubsub"):
                    redis.call("CLIENT", "KILL", "TYPE", kind)
        for peer, own, other in ((ann, "a", "b"), (bob, "b", "a")):
            heard, confirmed = [], []
            while len(heard) < 60 or len(confirmed) < 60:
                record = peer.recv()
                assert record is not None
                if isinstance(record, Message):
                    heard.append(record.text)
                elif isinstance(record, Sent):
                    confirmed.append(record.key)
            assert heard == [f"{other} {index}" for index in range(60)]
            assert confirmed == [f"{own}{index}" for index in range(60)]


def test_redis_is_full_for_a_while(redis: RedisProcess) -> None:
    with servers(redis) as pair, two_people(*pair) as (ann, bob):
        redis.call("CONFIG", "SET", "maxmemory", "1mb")
        ann.send(Say("too much", key="k", id=1))
        ann.until(Notice, text=STANDS_STILL)
        wait_until(lambda: "OOM" in pair[0].log(), "the word in the log")
        redis.call("CONFIG", "SET", "maxmemory", "0")
        gets(bob, "too much")
        gets(ann, "k", GOES_ON)
        is_told(bob, ann, "and on")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("maxmemory-policy allkeys-lru", "maxmemory-policy is allkeys-lru: set it to noeviction"),
        ("replicaof 127.0.0.1 1", "is a replica, which takes no writes: give the address of its primary"),
    ],
)
def test_a_redis_that_cannot_be_used_is_refused(tmp_path: Path, setting: str, words: str) -> None:
    with running(tmp_path / "redis", setting) as redis:
        program = [sys.executable, str(ROOT / "reactor" / "run.py"), "--port", "0", "--cluster", redis.url]
        ended = subprocess.run(program, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    last = ended.stderr.strip().splitlines()[-1]
    assert words in last
    assert "Traceback" not in ended.stderr


def test_without_a_replica_nothing_is_confirmed(redis: RedisProcess, tmp_path: Path) -> None:
    with servers(redis, "--cluster-wait", "1") as pair, contextlib.ExitStack() as stack:
        ann = stack.enter_context(Peer(pair[0].port))
        ann.hello()  # with a new name, this would wait as well
        ann.send(Command("join", "tea", id=1), Say("alone", key="k", id=2))
        ann.until(Notice, text=STANDS_STILL)
        wait_until(lambda: "0 of 1 replica has the newest messages" in pair[0].log(), "the reason in the log")
        port = free_port()
        assert redis.call("CONFIG", "SET", "port", port) == b"OK"
        replica = stack.enter_context(running(tmp_path / "replica", tcp=True))
        assert replica.call("REPLICAOF", "127.0.0.1", port) == b"OK"
        gets(ann, "k", GOES_ON)


# --- servers


def test_a_server_that_hangs_too_long_is_given_up_and_its_people_come_back_by_name(redis: RedisProcess) -> None:
    more = "--cluster-patience", "1", "--resume-grace", "1"
    with servers(redis, *more) as (one, other), two_people(one, other) as (ann, bob):
        with one.stopped():
            assert bob.until(Left, name="ann").reason == "lost"
        assert ann.until(Goodbye).reason == "shutdown"
        assert ann.rest() == []
        for server in (one, other):
            with Peer(server.port) as back:
                wait_until(lambda back=back: takes(back, "ann"), "the name")
                back.join("tea")
                is_told(back, bob, f"again {server.port}")
                back.send(Command("close"))
                back.rest()


def takes(peer: Peer, name: str) -> bool:
    """Whether a guest gets a name."""
    peer.send(Command("name", name, id=1))
    while getattr(record := peer.recv(), "re", None) != 1:
        assert record is not None
    if isinstance(record, Renamed):
        peer.name = record.new
    return isinstance(record, Renamed)


# --- the network


def has_namespaces() -> bool:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return made.returncode == 0


class Island:
    """A network namespace with an address, joined with ours by a cable that can be cut."""

    def __init__(self) -> None:
        number = os.getpid() % 60_000
        self.name, self._here = f"isle-{number}", f"pl{number}"
        there = f"pm{number}"
        third = number % 200 + 20
        self.gateway, self.address = f"10.213.{third}.1", f"10.213.{third}.2"
        _ip("netns", "add", self.name)
        try:
            _ip("link", "add", self._here, "type", "veth", "peer", "name", there)
            _ip("link", "set", there, "netns", self.name)
            _ip("addr", "add", f"{self.gateway}/24", "dev", self._here)
            _ip("link", "set", self._here, "up")
            for words in (("addr", "add", f"{self.address}/24", "dev", there), ("link", "set", there, "up")):
                _ip("-n", self.name, *words)
            _ip("-n", self.name, "link", "set", "lo", "up")
        except BaseException:
            self.close()
            raise

    def enter(self) -> None:
        """Be there from now on: for a process that is about to begin."""
        with open(f"/run/netns/{self.name}") as file:
            os.setns(file.fileno(), os.CLONE_NEWNET)

    @contextlib.contextmanager
    def visit(self) -> Iterator[None]:
        """Sockets that are made meanwhile are there."""
        with open("/proc/self/ns/net") as home:
            self.enter()
            try:
                yield
            finally:
                os.setns(home.fileno(), os.CLONE_NEWNET)

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """No packet passes meanwhile, and nobody is told."""
        _ip("link", "set", self._here, "down")
        try:
            yield
        finally:
            _ip("link", "set", self._here, "up")

    def close(self) -> None:
        subprocess.run(["ip", "link", "del", self._here], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.mark.skipif(not has_namespaces(), reason="needs root and network namespaces (ip netns)")
def test_the_network_to_redis_is_cut_for_some_seconds(tmp_path: Path) -> None:
    """One of two servers is behind the cable: its people wait, and miss nothing."""
    island = Island()
    try:
        with running(tmp_path / "redis", f"bind 127.0.0.1 {island.gateway}", "protected-mode no", tcp=True) as redis:
            near = ServerProcess("--cluster", redis.url, "--rate", "0")
            url = f"redis://{island.gateway}:{redis.port}"
            far = ServerProcess("--cluster", url, "--rate", "0", preexec=island.enter)
            with near, far, contextlib.ExitStack() as stack:
                with island.visit():
                    ann = stack.enter_context(Peer(far.port))
                bob = stack.enter_context(Peer(near.port))
                for peer, name in ((ann, "ann"), (bob, "bob")):
                    peer.hello(name)
                    peer.join("tea")
                ann.until(Joined, name="bob")
                is_told(ann, bob, "before")
                with island.cut():
                    bob.send(Say("meanwhile", key="m", id=1))
                    bob.until(Sent, key="m")
                    ann.send(Say("from afar", key="f", id=1))
                    ann.until(Notice, text=STANDS_STILL)
                gets(ann, "meanwhile", "f", GOES_ON)
                gets(bob, "from afar")
                is_told(bob, ann, "after")
    finally:
        island.close()


@pytest.mark.skipif(not has_namespaces(), reason="needs root and network namespaces (ip netns)")
def test_a_server_that_is_cut_off_for_long_sends_its_people_elsewhere(tmp_path: Path) -> None:
    """Without a goodbye, so they resume. When it is back, it lets people in again."""
    more = "--rate", "0", "--cluster-patience", "1", "--resume-grace", "4"
    island = Island()
    try:
        with running(tmp_path / "redis", f"bind 127.0.0.1 {island.gateway}", "protected-mode no", tcp=True) as redis:
            near = ServerProcess("--cluster", redis.url, *more)
            url = f"redis://{island.gateway}:{redis.port}"
            far = ServerProcess("--cluster", url, *more, preexec=island.enter)
            with near, far, contextlib.ExitStack() as stack:
                with island.visit():
                    ann = stack.enter_context(Peer(far.port))
                    second = stack.enter_context(Peer(far.port))
                token = ann.hello("ann").token
                ann.join("tea")
                with island.cut():
                    with contextlib.suppress(ConnectionResetError):
                        assert [it for it in ann.rest() if isinstance(it, Goodbye)] == []
                    with contextlib.suppress(ConnectionResetError):
                        second.rest()
                    with island.visit(), pytest.raises(ConnectionRefusedError):
                        Peer(far.port)
                    with Peer(near.port) as back:
                        back.send(Hello(1, "ann", resume=token))
                        ready = back.until(Ready)
                        assert (ready.resumed, ready.rooms) == (True, ["tea"])
                with island.visit():
                    wait_until(lambda: is_let_in(far.port), "the return of the server")
    finally:
        island.close()


def is_let_in(port: int) -> bool:
    """Whether a server takes a connection."""
    try:
        with Peer(port):
            return True
    except ConnectionRefusedError:
        return False
