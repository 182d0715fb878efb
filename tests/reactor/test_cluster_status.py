"""The state of a cluster for operators: its servers, its Redis, and the exit status for a monitor."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from pylingo.reactor.bus.redis.redis_state import RedisState
from pylingo.reactor.cluster_status import NodeRow, ServerRow, Survey, status, table
from pylingo.shared import __version__
from pylingo.shared.launch import LaunchError
from tests.redis_server import RedisProcess
from tests.support import DEADLINE, ROOT, ServerProcess, wait_until

NODE = NodeRow(
    "r:6379", RedisState("7.0.15", "primary", 12_340_000, None, "noeviction", 1, durable=True), ("pylingo_1",)
)
SERVERS = (
    ServerRow(3, "a.example:5000", "1.1.0", 1_234, 5, is_fresh=True),
    ServerRow(12, "", "1.2\x1b", 0, 0, is_fresh=False),
)


def survey(*servers: ServerRow, lanes: int = 1) -> Survey:
    return Survey("pylingo", "redis://r", "1", lanes, 7, 4, 20, servers, (NODE,))


def test_a_table_for_a_person() -> None:
    assert table(survey(*SERVERS)) == [
        "cluster pylingo at redis://r: layout 1, 1 lane",
        "20 sessions, 7 rooms with people",
        "",
        "server  address         version  people  lag   heart",
        "3       a.example:5000  1.1.0    1234    5 ms  beats",
        "12      -               1.2\ufffd     0       0 ms  silent for 3 s or longer",
        "",
        "redis   version  role     memory   limit  at the limit  replicas  on disk  libraries",
        "r:6379  7.0.15   primary  12.3 MB  none   noeviction    1         yes      pylingo_1",
    ]


def test_one_session_and_one_room_are_not_many() -> None:
    assert table(Survey("x", "redis://r", "1", 1, 1, 1, 1, (), (NODE,)))[1] == "1 session, 1 room with people"


def test_several_lanes_show_the_fullest() -> None:
    assert table(survey(*SERVERS, lanes=64))[:2] == [
        "cluster pylingo at redis://r: layout 1, 64 lanes",
        "20 sessions, 7 rooms with people, at most 4 in one lane",
    ]


def test_a_redis_without_disk_and_with_a_limit() -> None:
    state = RedisState("7.4.0", "primary", 5, 64_000_000, "noeviction", 0, durable=False)
    row = table(Survey("x", "redis://r", "1", 1, 0, 0, 0, (), (NodeRow("r", state, ()),)))[-1]
    assert row.split() == ["r", "7.4.0", "primary", "0.0", "MB", "64.0", "MB", "noeviction", "0", "no", "none"]


def test_a_cluster_is_well_if_one_server_lives() -> None:
    assert survey(*SERVERS).is_well
    assert not survey(SERVERS[1]).is_well
    assert "no server has ever been here, or all have stopped" in table(survey())


# --- on a Redis


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "reactor" / "run.py"), "cluster", "status", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)


@pytest.fixture
def server(redis: RedisProcess) -> Iterator[ServerProcess]:
    with ServerProcess("--cluster", redis.url, "--cluster-patience", "1h", tls=False) as server:
        wait_until(lambda: redis.call("HGETALL", "pylingo:{0}servers"), "the first beat")
        yield server


def found(capsys: pytest.CaptureFixture[str], redis: RedisProcess) -> tuple[int, dict[str, Any]]:
    code = status(redis.settings(), as_json=True)
    return code, json.loads(capsys.readouterr().out)


def test_a_server_that_lives_and_hangs(
    redis: RedisProcess, server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    with server.peers(2, "tea"):
        wait_until(lambda: found(capsys, redis)[1]["servers"][0]["people"] == 2, "both people")
        code, survey = found(capsys, redis)
        (row,) = survey["servers"]
        assert (code, survey["is_well"], survey["rooms"], survey["sessions"]) == (0, True, 1, 2)
        assert row["address"] == f"127.0.0.1:{server.port}"
        assert (row["version"], row["is_fresh"]) == (__version__, True)
        (node,) = survey["nodes"]
        assert (node["state"]["role"], node["libraries"]) == ("primary", ["pylingo_1", "pylingo_people_1"])
        with server.stopped():
            code, survey = found(capsys, redis)
        assert (code, survey["is_well"], survey["servers"][0]["is_fresh"]) == (1, False, False)


def test_the_command_prints_a_table(redis: RedisProcess, server: ServerProcess) -> None:
    done = run("--cluster", redis.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"127.0.0.1:{server.port}" in done.stdout
    assert "beats" in done.stdout
    assert server.stop() == 0
    assert "cluster: 0 events in 0 batches in 0 commits" in server.log()
    assert run("--cluster", redis.url).returncode == 1


def test_nothing_is_changed_where_there_is_no_cluster(redis: RedisProcess) -> None:
    with pytest.raises(LaunchError, match="there is no cluster called pylingo in the Redis at") as error:
        status(redis.settings(), as_json=False)
    assert error.value.status == 1
    assert redis.call("KEYS", "*") == []
    assert redis.call("FUNCTION", "LIST") == []


def test_a_redis_that_cannot_be_used_is_named(redis: RedisProcess) -> None:
    redis.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    done = run("--cluster", redis.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "its maxmemory-policy is allkeys-lru: set it to noeviction\n" in done.stderr
    assert "cannot reach" not in done.stderr


def test_a_redis_that_is_away_is_one_sentence(redis: RedisProcess) -> None:
    redis.stop()
    done = run("--cluster", redis.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"pylingo-server: cannot reach the cluster at {redis.url}: ")
    assert done.stderr.count("\n") == 1
