"""Several servers behind one port: a supervisor and its workers as real processes, each worker a chat of its own."""

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pytest

from pylingo.shared.messages import Goodbye, Hello, Left, Message, Notice, Ready, Say, Welcome
from tests.irc_server import Irc
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, in_turn, wait_until

PROGRAM = (str(ROOT / "tests" / "fakes" / "supervised.py"),)

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")


def supervised(count, *options, **more):
    return ServerProcess("--workers", str(count), *options, program=PROGRAM, **more)


def children(pid):
    """The processes that a process has started, with their command lines."""
    numbers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(number): Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0") for number in numbers}


def workers(server):
    """The process of each worker, by its number."""
    found = children(server.pid).items()
    return {int(words[words.index(b"worker") + 1]): pid for pid, words in found if b"worker" in words}


def is_alive(pid):
    """Whether there is such a process, which nobody has to reap."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def counters(server):
    """The connections of each worker, as the supervisor says them on demand."""
    before = server.log().count(" by worker ")
    os.kill(server.pid, signal.SIGUSR1)
    wait_until(lambda: server.log().count(" by worker ") > before, "the counters")
    line = re.findall(r"connected, by worker (.*?);", server.log())[-1]
    return {int(number): int(count) for number, count in re.findall(r"(\d+): (\d+)", line)}


def summed(url, name):
    """The sum of a metric over all workers."""
    with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
        found = re.findall(rf'^pylingo_{name}{{worker="\d+"}} (\S+)$', answer.read().decode(), re.MULTILINE)
    assert len(found) == 3
    return sum(map(float, found))


def connected(server, total):
    """Wait for so many connections in all; return those of each worker."""
    return wait_until(lambda: sum((found := counters(server)).values()) == total and found, f"{total} connections")


# --- one chat


needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")


@needs_redis
def test_people_of_all_workers_are_in_one_room_and_come_back_from_one_that_is_killed(tmp_path):
    options = ("--workers", "3", "--metrics", "0", "--irc-port", "0", "--data", str(tmp_path / "data"))
    with ServerProcess(*options) as server, contextlib.ExitStack() as stack:
        irc_port = int(server.process.stdout.readline().rpartition(":")[2])
        url = server.process.stdout.readline().split()[-1]
        assert server.process.stdout.readline().startswith("open this link to become the operator: pylingo://")
        peers = [stack.enter_context(Peer(server.port)) for _ in range(6)]
        assert sorted(counters(server).values()) == [2, 2, 2]
        tokens = [peer.hello(f"person-{index}").token for index, peer in enumerate(peers)]
        for peer in peers:
            peer.join("tea")
        for peer in peers:
            peer.fence()
        peers[0].send(Say("hello", id=1))
        assert [peer.until(Message).text for peer in peers[1:]] == ["hello"] * 5
        assert summed(url, "messages_total") == 1  # counted by the worker at which it was said
        assert summed(url, "deliveries_total") == 5
        assert summed(url, "connections") == summed(url, "people") == 6
        assert summed(url, "worker_up") == 3
        assert summed(url, "commit_seconds_count") > 0
        with Irc(irc_port).register("ada", "#tea") as ada, Irc(irc_port).register("bob", "#tea") as bob:
            ada.send("PRIVMSG #tea :from IRC")
            assert [peer.until(Message).text for peer in peers] == ["from IRC"] * 6
            assert bob.until("PRIVMSG")[-1].endswith(" PRIVMSG #tea :from IRC")
            for irc in (ada, bob):
                irc.send("QUIT")
                irc.rest()
        for peer in peers:
            peer.until(Left, name="bob")
        os.kill(workers(server)[1], signal.SIGKILL)
        lost = [index for index, peer in enumerate(peers) if _has_lost(peer)]
        assert len(lost) == 2
        for index in lost:
            peers[index] = stack.enter_context(Peer(server.port))
            peers[index].send(Hello(1, f"person-{index}", resume=tokens[index]))
            assert peers[index].until(Ready).resumed
        peers[0].send(Say("back", id=2))
        assert [peer.until(Message, text="back").text for peer in peers[1:]] == ["back"] * 5
        server.process.send_signal(signal.SIGTERM)
        for peer in peers:
            assert [record.reason for record in peer.rest() if type(record) is Goodbye] == ["shutdown"]
            peer.close()
        assert server.process.wait(DEADLINE) == 0


def _has_lost(peer):
    """Whether a peer's connection has ended."""
    try:
        peer.fence()
    except (AssertionError, OSError):
        return True
    return False


@needs_redis
def test_a_second_server_cannot_use_the_folder(tmp_path):
    with ServerProcess("--workers", "1", "--data", str(tmp_path / "data")):
        command = [sys.executable, str(ROOT / "reactor" / "run.py"), "--workers", "1", "--port", "0"]
        done = subprocess.run(
            [*command, "--data", str(tmp_path / "data")], capture_output=True, text=True, timeout=DEADLINE
        )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "another server uses the data folder" in done.stderr


def test_without_redis_server_the_program_says_how_to_get_it_and_makes_nothing_else(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "reactor" / "run.py"),
            "--workers",
            "2",
            "--port",
            "0",
            "--data",
            str(tmp_path / "d"),
        ],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "apt install redis-server" in done.stderr
    assert not (tmp_path / "d" / "redis").exists()


# --- who gets a connection


@pytest.mark.usefixtures("wire")
def test_200_connections_are_spread_evenly_and_each_worker_is_named_in_the_log():
    with supervised(3) as server, server.peers(200) as peers:
        assert sorted(counters(server).values()) == [66, 67, 67]
        wait_until(lambda: re.search(r"INFO +worker 3: 6[67] connected", server.log()), "the counters of worker 3")
        for peer in peers[:100]:
            peer.close()
        connected(server, 100)
        with server.peers(100):
            assert max(counters(server).values()) <= 67
        assert server.stop(signal.SIGTERM) == 0


def test_the_limit_for_one_address_holds_over_all_workers_together():
    with (
        supervised(3, "--max-per-address", "2", "--exempt", "none") as server,
        server.peers(2) as peers,
        Peer(server.port, greet=False) as third,
    ):
        assert third.expect(Goodbye).reason == "address-limit"
        peers[0].close()
        connected(server, 1)
        with Peer(server.port):
            connected(server, 2)


def test_the_limit_of_connections_holds_over_all_workers_together():
    with supervised(3, "--max-connections", "5") as server, server.peers(5):
        for _ in range(3):
            with Peer(server.port, greet=False) as sixth:
                assert sixth.expect(Goodbye).reason == "full"


def test_no_descriptor_is_left_of_500_connections():
    with supervised(2) as server:
        with server.peers(4):
            processes = [server.pid, *workers(server).values()]
        connected(server, 0)

        def descriptors():
            return [len(os.listdir(f"/proc/{pid}/fd")) for pid in processes]

        before = descriptors()
        for _ in range(10):
            with server.peers(50):
                pass
        connected(server, 0)
        wait_until(lambda: descriptors() == before, f"{before} descriptors")


# --- workers that end


@pytest.mark.usefixtures("wire")
def test_of_a_worker_that_is_killed_nobody_but_its_own_people_notices():
    with supervised(3) as server, server.peers(9, "tea") as peers:
        before = workers(server)
        os.kill(before[2], signal.SIGKILL)
        ended = 0
        for peer in peers:
            try:
                peer.fence()
            except (AssertionError, OSError):
                ended += 1
        assert ended == 3
        with server.peers(9, "tea"):
            pass
        after = wait_until(lambda: len(found := workers(server)) == 3 and found, "another worker 2")
        assert (after[1], after[3]) == (before[1], before[3])
        wait_until(lambda: "worker 2 was killed by SIGKILL: starting it again" in server.log(), "the line of the log")
        connected(server, 6)
        wait_until(lambda: _worker_2_gets_somebody(server), "a connection of the new worker")
        assert server.stop() == 0


def _worker_2_gets_somebody(server):
    with Peer(server.port):
        return counters(server)[2] == 1


def test_who_waits_in_the_queue_of_a_worker_that_is_killed_gets_another_one():
    with supervised(2) as server, server.peers(2):
        stopped = workers(server)[1]
        os.kill(stopped, signal.SIGSTOP)
        peers = [Peer(server.port, greet=False) for _ in range(20)]
        try:
            assert connected(server, 22) == {1: 11, 2: 11}
            os.kill(stopped, signal.SIGKILL)
            assert [type(peer.recv()) for peer in peers] == [Welcome] * 20
            for peer in peers:
                peer.fence()
        finally:
            for peer in peers:
                peer.close()


def test_whoever_comes_while_no_worker_has_room_waits_and_is_served():
    with supervised(2) as server:
        pids = workers(server).values()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        peers = [Peer(server.port, greet=False) for _ in range(2 * 64 + 40)]
        try:
            assert connected(server, 2 * 64) == {1: 64, 2: 64}
            wait_until(lambda: counters(server) and "INFO    129 connected" in server.log(), "one in the hand")
            assert "130 connected" not in server.log()
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            assert [type(peer.recv()) for peer in peers] == [Welcome] * len(peers)
            assert min(connected(server, len(peers)).values()) >= 64
        finally:
            for peer in peers:
                peer.close()


def test_a_worker_that_is_asked_to_end_says_goodbye_and_is_replaced():
    with supervised(2) as server, server.peers(4) as peers:
        os.kill(workers(server)[1], signal.SIGTERM)
        left = [peer for peer in peers if counters(server) and _was_sent_away(peer)]
        assert len(left) == 2
        wait_until(lambda: "worker 1 has ended: starting it again" in server.log(), "the end")
        with server.peers(4):
            pass


def _was_sent_away(peer):
    try:
        record = peer.recv(0.5)
    except TimeoutError:
        return False
    assert type(record) is Goodbye
    assert (record.reason, peer.recv()) == ("shutdown", None)
    return True


# --- the end


@pytest.mark.usefixtures("wire")
@in_turn("number, is_for_all", itertools.product([signal.SIGTERM, signal.SIGINT], [False, True]))
def test_a_stop_says_one_goodbye_to_each_and_leaves_no_process(number, is_for_all):
    with supervised(3) as server, server.peers(30) as peers:
        pids = workers(server).values()
        if is_for_all:  # as Ctrl-C does, or systemd
            for pid in pids:
                os.kill(pid, number)
        assert server.process.poll() is None
        server.process.send_signal(number)
        for peer in peers:
            (goodbye,) = peer.rest()
            assert goodbye.reason == "shutdown"
            peer.close()
        assert server.process.wait(DEADLINE) == 0
        assert not any(map(is_alive, pids))
        assert "stopping at once" not in server.log()


def test_a_second_signal_does_not_wait_for_people_who_do_not_read():
    with supervised(2, "--drain-timeout", "60") as server:
        with server.peers(4):
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: server.log().count("saying goodbye") == 2, "the goodbyes")
            assert server.stop(signal.SIGTERM) == 0
        assert "stopping at once" in server.log()


def test_a_worker_that_hangs_does_not_keep_the_others_from_ending():
    with supervised(2, "--drain-timeout", "0.1") as server, server.peers(4):
        hanging = workers(server)[1]
        os.kill(hanging, signal.SIGSTOP)
        assert server.stop(signal.SIGTERM) == 0
        assert not is_alive(hanging)
        assert "worker 1 was killed by SIGKILL" in server.log()


def test_workers_and_redis_end_with_a_supervisor_that_is_killed(tmp_path):
    options = ("--redis", str(tmp_path)) if shutil.which("redis-server") else ()
    with supervised(3, *options) as server, server.peers(6) as peers:
        pids = list(children(server.pid))
        assert len(pids) == (4 if options else 3)
        server.process.kill()
        for peer in peers:
            (goodbye,) = peer.rest()
            assert goodbye.reason == "shutdown"
            peer.close()
        wait_until(lambda: not any(map(is_alive, pids)), "the end of all processes")


# --- one program


def test_sighup_has_the_supervisor_and_all_workers_read_the_configuration(tmp_path):
    file = tmp_path / "server.toml"
    file.write_text("max-connections = 2\n")
    with supervised(2, "--config", str(file)) as server, server.peers(2):
        with Peer(server.port, greet=False) as third:
            assert third.expect(Goodbye).reason == "full"
        file.write_text('max-connections = 4\nmotd = "tea at five"\n')
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: server.log().count("the configuration was read again") == 2, "both workers")
        with server.peers(2) as peers:
            assert [peer.expect(Notice).text for peer in peers] == ["tea at five"] * 2
        file.write_text("max-connections = many\n")
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: "the configuration is unchanged" in server.log(), "the mistake")
        counters(server)
        assert server.log().count("the configuration is unchanged") == 1


def run(*options, path=None):
    return subprocess.run(
        [sys.executable, *PROGRAM, "--workers", "3", "--port", "0", *options],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        cwd=tempfile.gettempdir(),
        env={**os.environ, **({} if path is None else {"PATH": path})},
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--burst", "0"), "--burst"),
        (("--tls-cert", "/nowhere/cert.pem", "--tls-key", "/nowhere/key.pem"), "cannot read --tls-cert"),
    ],
)
def test_a_wrong_option_is_said_once(options, words):
    done = run(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_without_redis_server_it_says_how_to_get_it(tmp_path):
    done = run("--redis", str(tmp_path), path=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "apt install redis-server" in done.stderr


def test_by_hand_a_worker_cannot_be_started():
    done = subprocess.run(
        [sys.executable, str(ROOT / "reactor" / "run.py"), "worker", "1"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--workers" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare")
def test_as_process_1_it_reaps_the_orphans_of_others():
    script = "sh -c 'sleep 0.1 & exit' & exec \"$@\""
    arguments = [sys.executable, *PROGRAM, "--workers", "2", "--port", "0"]
    process = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "sh", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tempfile.gettempdir(),
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if "listening on" not in line:
            process.wait(DEADLINE)
            pytest.skip("there can be no namespace here")
        (first,) = children(process.pid)
        wait_until(lambda: len(children(first)) == 2, "the two workers alone")
        os.kill(first, signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")
def test_redis_is_started_again_and_ends_last(tmp_path):
    with supervised(2, "--redis", str(tmp_path), preexec=os.setsid) as server:
        redis = next(pid for pid, words in children(server.pid).items() if b"redis-server" in words[0])
        os.kill(redis, signal.SIGKILL)
        wait_until(lambda: "redis-server was killed by SIGKILL: starting it again" in server.log(), "its end")
        path = tmp_path / "redis" / "redis.sock"
        wait_until(lambda: redis_answers(path), "another Redis")
        os.killpg(server.pid, signal.SIGINT)  # as Ctrl-C does
        assert server.process.wait(DEADLINE) == 0
        log = server.log()
        assert "Received SIGINT" not in log
        assert log.rindex("redis: ") > log.rindex("worker 2: ")
    assert not path.exists()
    assert os.stat(path.parent).st_mode & 0o777 == 0o700


def redis_answers(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(DEADLINE)
        try:
            sock.connect(str(path))
            sock.sendall(b"PING\r\n")
            return sock.recv(64).startswith(b"+PONG")
        except OSError:
            return False
