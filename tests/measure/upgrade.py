#!/usr/bin/env python3
"""Upgrade and restart a server again and again while people talk, check every delivery, and print the pauses.

    python tests/measure/upgrade.py                      # all parts, about four minutes
    python tests/measure/upgrade.py upgrades restarts
    python tests/measure/upgrade.py --people 50 --times 3 upgrades

- `upgrades`: 200 people talk, and the server is upgraded ten times. Nothing may be lost, doubled or out of order,
  nobody may be seen coming or going, and no connection may be refused.
- `disk`: the same with a history on disk.
- `broken`: the same people, and new versions that cannot start, that end, or that hang. Nobody may notice.
- `restarts`: ten restarts, while this script holds the listening socket as systemd does. No connection may be refused.
- `state`: an upgrade with 10,000 sessions and a full memory of 64 MiB. Nothing may stand still for more than 1 s of a
  processor's time: other programs on the machine make it longer.

The exit status is 1 if anything was wrong.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import argparse
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.server import Server
from pylingo.reactor.succession.child import Child
from pylingo.reactor.succession.handover import Seat, Seats
from pylingo.reactor.succession.snapshot import Restoring
from pylingo.reactor.succession.upgrade import Phase, Upgrade
from pylingo.shared.messages import Entry
from tests.fakes.talkers import Crowd

RUN = str(ROOT / "reactor" / "run.py")
BETWEEN = 1.0
"""Seconds between two messages of a person, about."""
A_ROOM = 20
"""People in a room."""
SESSIONS, ROOMS = 10_000, 500
DISK = ("--history", "{folder}/history")
BROKEN = {
    "a syntax error": "this is no Python",
    "an end": "raise SystemExit(3)",
    "a hang": "import time; time.sleep(3600)",
}
"""Programs that cannot take over, by what is wrong with them."""
# As systemd does, the socket is descriptor 3, and the variables name the process that gets it.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "pylingo"}
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


class Subject:
    """A server and its successors: one program, which a part of the measurement may break."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.program = folder / "program.py"
        self.repair()
        self._options = [*options, "--rate", "0", "--max-per-address", "0"]
        self.log_file = folder / "log"
        self.held = socket.create_server(("127.0.0.1", 0), backlog=4_096)
        self.port: int = self.held.getsockname()[1]
        self.process = self.start()

    def repair(self) -> None:
        self.program.write_text(f"import runpy\nrunpy.run_path({RUN!r}, run_name='__main__')\n")

    def start(self) -> "subprocess.Popen[bytes]":
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", ACTIVATE, str(self.held.fileno()), str(self.program), *self._options],
                stdout=subprocess.DEVNULL,
                stderr=log,
                pass_fds=[self.held.fileno()],
            )
        self.pid = process.pid
        return process

    def found(self, words: str) -> list[str]:
        return re.findall(words, self.log_file.read_text())

    def end(self) -> None:
        for number in {self.pid, self.process.pid}:
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        self.held.close()


def with_people(
    people: int, measure: Callable[[Subject, Crowd], list[str]], *options: str, with_sightings: bool = True
) -> list[str]:
    """Measure a server on which people talk; return what was wrong. A restart lets people see each other come."""
    with tempfile.TemporaryDirectory() as folder:
        subject = Subject(Path(folder), *[option.format(folder=folder) for option in options])
        crowd = Crowd(
            subject.port, people, tuple(f"room{number}" for number in range(-(-people // A_ROOM))), None, BETWEEN
        )
        try:
            crowd.arrive()
            crowd.talk()
            crowd.turn_for(BETWEEN)
            wrong = measure(subject, crowd)
            crowd.settle()
            wrong += crowd.wrong(with_sightings)
            print(
                f"  {sum(talker.said for talker in crowd.talkers):,} messages, {crowd.deliveries:,} deliveries checked"
            )
            crowd.close()
        finally:
            subject.end()
        return wrong


def upgrades(times: int, subject: Subject, crowd: Crowd) -> list[str]:
    for number in range(times):
        os.kill(subject.pid, signal.SIGUSR2)
        crowd.turn(lambda number=number: len(subject.found("has taken over")) > number, "an upgrade")
        subject.pid = int(subject.found(r"process (\d+) has taken over")[-1])
        crowd.turn(lambda number=number: all(talker.breaks > number for talker in crowd.talkers), "the break")
        crowd.turn(crowd.is_online, "the return")
        crowd.turn_for(BETWEEN)
    print(
        f"  {times} upgrades; nobody was read or let in for: {spread(map(int, subject.found(r'let in for (\d+) ms')))}"
    )
    absences = [seconds * 1e3 for talker in crowd.talkers for seconds in talker.absences]
    print(f"  people were away, with the pause of their clients before they come back: {spread(absences)}")
    return []


def broken(subject: Subject, crowd: Crowd) -> list[str]:
    for number, (what, program) in enumerate(BROKEN.items(), 1):
        subject.program.write_text(program)
        begin = time.monotonic()
        os.kill(subject.pid, signal.SIGUSR2)
        crowd.turn(lambda number=number: len(subject.found("the upgrade has failed")) >= number, what)
        print(f"  {what}: given up after {time.monotonic() - begin:.1f} s")
    subject.repair()
    return [f"{talker.name}: the connection broke" for talker in crowd.talkers if talker.breaks]


def restarts(times: int, subject: Subject, crowd: Crowd) -> list[str]:
    wrong = []
    for number in range(times):
        subject.process.send_signal(signal.SIGTERM)
        crowd.turn(lambda: subject.process.poll() is not None, "the end")
        if subject.process.returncode:
            wrong.append(f"exit status {subject.process.returncode}")
        subject.process = subject.start()
        crowd.turn(lambda number=number: all(talker.breaks > number for talker in crowd.talkers), "the break")
        crowd.turn(crowd.is_online, "the return")
        crowd.turn_for(BETWEEN)
    absences = [seconds * 1e3 for talker in crowd.talkers for seconds in talker.absences]
    print(f"  {times} restarts; people were away for: {spread(absences)}")
    return wrong


def state(is_keyed: bool) -> list[str]:
    """Hand over many sessions and a full memory. The old server is in this process; the successor logs the pause."""
    server = Server(ServerSettings(port=0, max_per_address=0))
    server.start()
    hub, bus = server.hub, server.hub.bus
    at = 1_700_000_000_000_000
    count = 0
    while hub.history.size < hub.history.most * 0.99:  # type: ignore[attr-defined]
        text = f"what somebody says in a room is about that long {count}"
        key = f"{count:016x}" if is_keyed else None
        hub.history.add(f"room{count % ROOMS}", Entry(f"person{count % SESSIONS}", text, at + count, key), 1)
        count += 1
    hub.raise_stamps(at + count)
    seats = [
        Seat(number + 1, f"{number:032x}", None, f"person{number}", at, None, None, "127.0.0.1", None, rooms, None)
        for number in range(SESSIONS)
        for rooms in [[f"room{number % ROOMS}", f"room{(7 * number + 1) % ROOMS}"]]
    ]
    Restoring(hub, bus).take(Seats(seats))  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = [sys.executable, RUN, "--port", "0", "--max-per-address", "0", "--log-file", str(log)]
        children: list[Child] = []

        def start() -> Child:
            children.append(Child(command, os.environ))
            return children[-1]

        upgrade = Upgrade(server, start)
        server.reactor.call_soon(upgrade.request)
        share = share_of_processor()
        server.serve()
        while not (found := re.findall(r"took over .*", log.read_text())) and upgrade.phase is Phase.OVER:
            time.sleep(0.01)
        os.kill(children[0].number, signal.SIGTERM)
    share = (share + share_of_processor()) / 2
    print(f"  {found[0] if found else 'it has failed'}; a busy process had {share:.0%} of a processor")
    return [] if found and int(found[0].split()[-2]) * share <= 1_000 else ["the pause was longer than 1 s"]


def share_of_processor() -> float:
    """The share of a processor that a busy process gets at present: 1 on an idle machine."""
    begin, used = time.perf_counter(), time.process_time()
    while time.perf_counter() < begin + 0.5:
        pass
    return (time.process_time() - used) / (time.perf_counter() - begin)


def spread(milliseconds: "Sequence[float] | map[int]") -> str:
    values = sorted(milliseconds)
    return f"p50 {statistics.median(values):,.0f} ms, max {values[-1]:,.0f} ms" if values else "never"


def main() -> int:
    parser = argparse.ArgumentParser(description="Upgrade and restart a server while people talk.")
    parser.add_argument(
        "parts", nargs="*", help="upgrades, disk, broken, restarts, state; all of them if none is named"
    )
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--times", type=int, default=10)
    given = parser.parse_args()
    parts: dict[str, Callable[[], list[str]]] = {
        "upgrades": lambda: with_people(given.people, partial(upgrades, given.times)),
        "disk": lambda: with_people(given.people, partial(upgrades, given.times), *DISK),
        "broken": lambda: with_people(given.people, broken),
        "restarts": lambda: with_people(given.people, partial(restarts, given.times), *DISK, with_sightings=False),
        "state": lambda: state(is_keyed=True) + state(is_keyed=False),
    }
    wrong = []
    for name in given.parts or parts:
        print(f"{name}:", flush=True)
        found = parts[name]()
        print("  nothing was wrong" if not found else "  wrong: " + "\n  ".join(found[:20]), flush=True)
        wrong += found
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
