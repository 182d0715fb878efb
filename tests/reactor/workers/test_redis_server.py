"""The Redis of the workers: a real one, and programs that are none."""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.workers.children import Children
from pylingo.reactor.workers.redis_server import RedisServer, RedisState
from pylingo.shared.launch import LaunchError
from tests.fakes.clock import Clock
from tests.support import wait_until

needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")


@pytest.fixture
def told():
    return []


@pytest.fixture
def make(reactor, children, told, tmp_path):
    def make(**options):
        return RedisServer(reactor, children, str(tmp_path), lambda: told.append("ready"), told.append, **options)

    return make


@pytest.fixture
def turn_until(reactor):
    return lambda condition: wait_until(lambda: reactor.tick(0.01) or condition())


def ask(path, *words):
    """Send Redis a command, and return the first line of its reply."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(path)
        sock.sendall(" ".join(words).encode() + b"\r\n")
        return sock.makefile("rb").readline().strip()


@needs_redis
def test_it_keeps_its_data_over_a_kill_and_a_stop(make, told, turn_until, tmp_path, caplog):
    redis = make()
    redis.start()
    turn_until(lambda: told == ["ready"])
    assert redis.url == f"redis+unix://{tmp_path}/redis/redis.sock"
    assert [os.stat(path).st_mode & 0o777 for path in (redis.folder, redis.path)] == [0o700, 0o700]
    for number in (signal.SIGUSR1, signal.SIGUSR2):  # meant for the supervisor
        os.kill(redis.process, number)
    assert ask(redis.path, "SET", "tea", "green") == b"+OK"
    os.kill(redis.process, signal.SIGKILL)
    turn_until(lambda: redis.starts == 2 and redis.state is RedisState.UP)
    assert "redis-server was killed by SIGKILL: starting it again in 0.1 s" in caplog.text
    assert ask(redis.path, "STRLEN", "tea") in (b":5", b":0")  # everysec may lose a second
    assert ask(redis.path, "SET", "tea", "black") == b"+OK"
    redis.stop(lambda: told.append("stopped"))
    turn_until(lambda: "stopped" in told)
    assert (redis.state, redis.process) == (RedisState.DOWN, 0)
    again = make()
    again.start()
    turn_until(lambda: told.count("ready") == 2)
    assert ask(again.path, "STRLEN", "tea") == b":5"
    again.stop(lambda: told.append("stopped"))
    turn_until(lambda: told.count("stopped") == 2)


@needs_redis
@pytest.mark.parametrize(
    ("setting", "value"),
    [("appendonly", b"yes"), ("appendfsync", b"everysec"), ("maxmemory-policy", b"noeviction"), ("port", b"0")],
)
def test_its_settings(make, told, turn_until, setting, value):
    redis = make()
    redis.start()
    turn_until(lambda: told)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(redis.path)
        sock.sendall(f"CONFIG GET {setting}\r\n".encode())
        reply = sock.makefile("rb")
        assert [reply.readline().strip() for _ in range(5)][-1] == value


def script(tmp_path, text):
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def test_a_redis_that_cannot_start_has_said_why(make, told, turn_until, tmp_path, caplog):
    caplog.set_level("INFO")
    redis = make(program=script(tmp_path, "echo 'Fatal error, no room'; exit 3"))
    redis.start()
    turn_until(lambda: told)
    assert told == ["redis-server has ended with status 3 before it could be used: its last words say why"]
    assert "redis: Fatal error, no room" in caplog.text
    assert redis.state is RedisState.DOWN
    redis.stop(lambda: told.append("stopped"))
    assert told[1:] == ["stopped"]


def test_a_program_that_is_none(make, told, turn_until, tmp_path):
    path = tmp_path / "program"
    path.write_bytes(b"\0")
    path.chmod(0o700)
    make(program=str(path)).start()
    turn_until(lambda: told)
    assert told == ["redis-server cannot be started: Exec format error"]


def test_without_the_program_it_says_how_to_get_it(make):
    with pytest.raises(LaunchError, match=r"apt install redis-server .*--cluster"):
        make(program="no-such-program")


def test_a_path_that_is_too_long_for_a_socket(reactor, children, told, tmp_path):
    with pytest.raises(LaunchError, match="too long for a socket: choose a shorter --data"):
        RedisServer(reactor, children, str(tmp_path / ("x" * 100)), print, print, program="sh")


def test_a_folder_that_others_can_enter_is_refused(make, tmp_path):
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis").chmod(0o755)
    with pytest.raises(LaunchError, match="chmod 700"):
        make(program="sh")


def test_it_is_never_beside_another_redis_in_the_same_folder(told, tmp_path):
    clock = Clock()
    reactor = Reactor(clock=clock, most_late=float("inf"))
    children = Children(reactor)
    program = script(tmp_path, "exit 0")
    redis = RedisServer(reactor, children, str(tmp_path), print, told.append, program=program)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(redis.path)
        other.listen()
        other.settimeout(20)
        redis.start()
        while not told:
            peer, _ = other.accept()
            with peer:
                assert peer.recv(64) == b"PING\r\n"
                peer.sendall(b"+PONG\r\n")
                wait_until(lambda: reactor.tick(0) or redis.state is RedisState.DOWN or reactor.pending_timers)
            clock.now += 1.0
            reactor.tick(0)
    assert told == [f"another redis-server uses the folder {redis.folder}: stop it, or name another --data"]
    assert redis.starts == 0
    children.end()
    reactor.close()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
def test_it_ends_with_a_parent_that_is_killed(tmp_path):
    program = script(tmp_path, "exec sleep 60")
    code = (
        "import sys\n"
        "from pylingo.reactor.engine.loop import Reactor\n"
        "from pylingo.reactor.workers.children import Children\n"
        "from pylingo.reactor.workers.redis_server import RedisServer\n"
        "reactor = Reactor()\n"
        f"redis = RedisServer(reactor, Children(reactor), {str(tmp_path)!r}, print, print, program={program!r})\n"
        "redis.start()\n"
        "print(redis.process, flush=True)\n"
        "reactor.run()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        number = int(parent.stdout.readline())
        watch = os.pidfd_open(number)
        parent.kill()
    assert select.select([watch], [], [], 20)[0]
    os.close(watch)
