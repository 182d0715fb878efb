"""The commands for a cluster: a single server's people come in, and the operator invites and frees names."""

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor.administer import invite, release
from pylingo.reactor.bus.redis.changes import read_topic
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.log_reader import log_of, read_page
from pylingo.reactor.cluster_commands import cluster
from pylingo.reactor.cluster_console import open_console
from pylingo.reactor.history.database import prepare
from pylingo.reactor.history.history import Page
from pylingo.reactor.history.store import insert, write_topics
from pylingo.reactor.history.topics import StoredTopic
from pylingo.reactor.people.data_dir import open_data_dir
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.state_file import read_state, write_state
from pylingo.shared.launch import LaunchError
from pylingo.shared.link import parse_link
from pylingo.shared.messages import Entry, HistoryRequest
from tests.fakes.people import fingerprint, key
from tests.redis_server import RedisProcess
from tests.support import DEADLINE, ROOT

ADA, BOB, EVE = fingerprint(1), fingerprint(2), fingerprint(3)
HOST = "127.0.0.1"
PIN = "SHA256:" + "A" * 43


def person(register: Register, name: str, identity: str) -> None:
    register.take_name(name, identity, HOST)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of a single server that is stopped."""
    data = open_data_dir(str(tmp_path / "d"))
    register = Register()
    for number in range(600):  # more than one call takes besides those that somebody waits for
        person(register, f"name{number}", fingerprint(number + 10))
    person(register, "Ape", ADA)
    register.op(ADA).commit()
    issued, _ = register.invite(None)
    redeemed = register.redeem(issued.code, key(2))
    assert redeemed is not None
    redeemed.commit()
    for number in range(10, 0, -1):
        register.moderation.ban(f"eve{number}", fingerprint(number + 2_000), None, "ada", "flood", None)
    register.moderation.mute("eve", EVE, None, "ada", None, None)
    write_state(data.people, register.to_state())
    rows = [(10 * number, "tea", "ada", f"word {number}") for number in range(1, 1_501)]
    make_history(data.history, *rows, (7, "Łódź".casefold(), "bob", "hi"))
    return tmp_path / "d"


def make_history(path: str, *rows: tuple[int, str, str, str]) -> None:
    """Write a history with these messages, and a topic of the room tea."""
    with contextlib.closing(sqlite3.connect(path)) as file:
        prepare(file)
        insert(file, [(*row, None, None, None, None, None, None, None) for row in rows])
        with file:
            write_topics(file, {"tea": StoredTopic("leaves", "ada", 5)})


def pages(redis: RedisProcess, room: str) -> list[Entry]:
    """The newest messages of a room, as a server of the cluster reads them."""
    with open_console(redis.settings(), founds=True) as console:
        steps = read_page(log_of(console.keys, room), HistoryRequest(limit=3))
        replies: list[Any] = []
        while True:
            try:
                commands = steps.send(replies) if replies else next(steps)
            except StopIteration as end:
                page: Page = end.value
                return page.messages
            replies = console.call(console.keys.lane(room), commands)


def imported(folder: Path, redis: RedisProcess, *more: str) -> int:
    return cluster(["import", "--data", str(folder), "--cluster", redis.url, *more])


def cluster_state(redis: RedisProcess) -> dict[str, Any]:
    with open_console(redis.settings(), founds=True) as console:
        return console.register.to_state()


def by_name(state: dict[str, Any]) -> dict[str, Any]:
    """A state without the order of what has none."""
    return {
        name: rows if name == "bans" else sorted(rows, key=str) for name, rows in state.items() if name != "version"
    }


def refusal(folder: Path, redis: RedisProcess, *more: str) -> LaunchError:
    with pytest.raises(LaunchError) as caught:
        imported(folder, redis, *more)
    assert str(caught.value).isprintable()
    return caught.value


def test_everything_comes_into_the_cluster(
    folder: Path, redis: RedisProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "people.json").read_bytes()
    assert imported(folder, redis) == 0
    words = "601 names, 1 member, 1 operator, 10 bans, 1 mute, 1 invitation, 2 rooms"
    assert capsys.readouterr().out == f"brought into the cluster: {words}\n"
    state = cluster_state(redis)
    assert by_name(state) == by_name(Register.from_state(read_state(str(folder / "people.json"))).to_state())
    assert (folder / "people.json").read_bytes() == before
    with open_console(redis.settings(), founds=True) as console:
        assert console.register.keys_of_owner("APE") == {ADA}
        assert console.register.is_operator(ADA)
        assert console.register.is_listed(BOB)
        assert not console.found()  # no server invites a first operator


def test_a_cluster_in_use_is_left_alone(folder: Path, redis: RedisProcess) -> None:
    with open_console(redis.settings(), founds=True) as console:
        assert console.store(console.register.op(BOB))
    before = cluster_state(redis)
    error = refusal(folder, redis)
    assert str(error).startswith("this cluster has people already: give --merge ")
    assert error.status == 1
    assert cluster_state(redis) == before
    assert imported(folder, redis, "--cluster-name", "another") == 0


def test_merging_takes_what_does_not_conflict_and_lists_the_rest(
    folder: Path, redis: RedisProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_console(redis.settings(), founds=True) as console:
        register = console.register
        person(register, "name7", BOB)
        person(register, "аре", EVE)  # in Cyrillic letters
        person(register, "name8", fingerprint(18))  # the same one's
        register.op(ADA).commit()
        register.moderation.ban("eve10", fingerprint(2_010), None, "bob", "insults", None)
        assert console.store()
    assert imported(folder, redis, "--merge") == 0
    assert capsys.readouterr().out.splitlines() == [
        "left out: the name 'name7' belongs to somebody else in the cluster",
        "left out: 'eve10' is banned or muted otherwise in the cluster",
        "left out: the name 'Ape' looks like that of somebody else in the cluster",
        "brought into the cluster: 598 names, 1 member, 9 bans, 1 mute, 1 invitation, 2 rooms",
    ]
    with open_console(redis.settings(), founds=True) as console:
        assert console.register.keys_of_owner("name7") == {BOB}
        assert console.register.keys_of_owner("name9") == {fingerprint(19)}
        assert console.register.keys_of_owner("ape") == frozenset()
        assert len(console.register.moderation.bans()) == 10
    capsys.readouterr()
    assert imported(folder, redis, "--merge") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "left out: the messages of 'tea': the room has some in the cluster" in lines
    assert lines[-1] == "brought into the cluster: nothing"


def test_the_list_of_what_is_left_out_is_short(
    folder: Path, redis: RedisProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_console(redis.settings(), founds=True) as console:
        for number in range(100):
            person(console.register, f"name{number}", BOB)
        assert console.store()
    assert imported(folder, redis, "--merge") == 0
    lines = capsys.readouterr().out.splitlines()
    assert (len(lines), lines[-2]) == (52, "left out: 50 more")


@pytest.mark.parametrize("lanes", [1, 8])
def test_the_newest_messages_and_the_topic_of_each_room_come_too(folder: Path, redis: RedisProcess, lanes: int) -> None:
    assert imported(folder, redis, "--cluster-lanes", str(lanes), "--cluster-keep", "100") == 0
    assert [(entry.at, entry.text) for entry in pages(redis, "tea")] == [
        (14_980, "word 1498"),
        (14_990, "word 1499"),
        (15_000, "word 1500"),
    ]
    assert [entry.from_ for entry in pages(redis, "łódź")] == ["bob"]
    keys = Keys(lanes=lanes)
    assert redis.call("XLEN", keys.of_room("r", "tea")) == 100
    assert redis.call("GET", keys.of_room("h", "tea")) == b"15000"
    assert read_topic(redis.call("GET", keys.of_room("t", "tea"))) == StoredTopic("leaves", "ada", 5)
    assert all(redis.call("TTL", keys.of_room(kind, "tea")) > 0 for kind in "rht")


def test_a_folder_without_a_history_has_people_alone(
    folder: Path, redis: RedisProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "history.db").unlink()
    assert imported(folder, redis) == 0
    assert "rooms" not in capsys.readouterr().out


def test_a_history_of_another_version_is_refused_before_anything_is_stored(folder: Path, redis: RedisProcess) -> None:
    with contextlib.closing(sqlite3.connect(folder / "history.db")) as file:
        file.execute("pragma user_version = 3")
    assert "start the single server once with this program, which upgrades it" in str(refusal(folder, redis))
    assert redis.call("KEYS", "*") == []


def test_a_server_that_runs_keeps_its_people(folder: Path, redis: RedisProcess) -> None:
    data = open_data_dir(str(folder))
    assert data.lock()
    try:
        assert str(refusal(folder, redis)).startswith("a server uses the data folder ")
    finally:
        data.unlock()


@pytest.mark.parametrize(
    ("contents", "words"), [(None, "there is no people file "), ("{", "is damaged: "), ("{}", "is damaged: ")]
)
def test_a_folder_without_people_is_refused(
    folder: Path, redis: RedisProcess, contents: str | None, words: str
) -> None:
    if contents is None:
        (folder / "people.json").unlink()
    else:
        (folder / "people.json").write_text(contents)
    assert words in str(refusal(folder, redis))
    assert redis.call("KEYS", "*") == []
    assert by_name(cluster_state(redis)) == by_name(Register().to_state())


def test_a_redis_that_does_not_take_it(folder: Path, redis: RedisProcess) -> None:
    redis.call("CONFIG", "SET", "maxmemory", "1")
    assert str(refusal(folder, redis)).startswith("Redis does not take the functions of this server: OOM ")


def test_without_hiredis_the_command_says_what_to_install(folder: Path, redis: RedisProcess) -> None:
    code = (
        "import sys; sys.modules['hiredis'] = None\n"
        "from pylingo.reactor.cluster_commands import cluster\n"
        "from pylingo.shared.launch import launch\n"
        "sys.exit(launch('pylingo-server', lambda: cluster(sys.argv[1:])))"
    )
    arguments = ["import", "--data", str(folder), "--cluster", redis.url]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("pylingo-server: a cluster needs hiredis, which is missing: install it with ")
    assert done.stderr.count("\n") == 1


def test_the_script_has_the_command(folder: Path, redis: RedisProcess) -> None:
    script = str(ROOT / "reactor" / "run.py")

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, script, "cluster", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)

    done = run("import", "--data", str(folder), "--cluster", redis.url)
    assert (done.returncode, done.stderr) == (0, "")
    done = run()
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "import" in run("--help").stdout


# --- invitations and names


def test_an_invitation_to_a_cluster_has_the_shared_certificate(
    redis: RedisProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    redis.call("HSET", "pylingo:{0}config", "certificate", PIN, "layout", "1")
    arguments = ["--cluster", redis.url, "--operator", "--address", "chat.example.org:7"]
    assert invite(arguments) == 0
    link = parse_link(capsys.readouterr().out.strip())
    assert (link.host, link.port, link.fingerprint) == ("chat.example.org", 7, PIN)
    assert link.invite is not None
    with open_console(redis.settings(), founds=True) as console:
        change = console.register.redeem(link.invite, key(1))
        assert change is not None
        assert console.store(change)
        assert console.register.is_operator(ADA)


def test_nobody_is_invited_to_a_cluster_that_is_not_there(redis: RedisProcess) -> None:
    with pytest.raises(LaunchError, match="there is no cluster called two in the Redis at redis"):
        invite(["--cluster", redis.url, "--address", "a", "--cluster-name", "two"])


def test_an_invitation_to_a_cluster_needs_an_address(redis: RedisProcess) -> None:
    with pytest.raises(LaunchError, match="an invitation to a cluster needs --address"):
        invite(["--cluster", redis.url])
    with pytest.raises(LaunchError, match="a port must be"):
        invite(["--cluster", redis.url, "--address", "a:b"])


def test_a_name_in_a_cluster_is_freed(redis: RedisProcess, capsys: pytest.CaptureFixture[str]) -> None:
    with open_console(redis.settings(), founds=True) as console:
        person(console.register, "ape", ADA)
        assert console.store()
    assert release(["ape", "--cluster", redis.url]) == 0
    assert capsys.readouterr().out == "the name ape is free\n"
    assert cluster_state(redis)["names"] == []
    with pytest.raises(LaunchError, match="belongs to nobody"):
        release(["ape", "--cluster", redis.url])


def test_a_change_that_redis_does_not_take_is_told(redis: RedisProcess) -> None:
    cluster_state(redis)  # loads the functions
    redis.call("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(LaunchError, match="Redis did not take the change"):
        invite(["--cluster", redis.url, "--address", "a"])
