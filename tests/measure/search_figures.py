#!/usr/bin/env python3
"""Measure the search in a history file of five million messages; print a Markdown table.

    python tests/measure/search_figures.py                      # all of it, about ten minutes and 3 GB of disk
    python tests/measure/search_figures.py --messages 200000    # a smaller file
    python tests/measure/search_figures.py --file /var/tmp/big.db pages    # keep the file, and use it again

The file is made in the temporary folder. Three fifths of the messages are in one room, the others in a thousand rooms.
The words follow Zipf's law; one message in fifty is Chinese.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import argparse
import contextlib
import itertools
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.client.bench.process import usage
from pylingo.reactor.history.chapters import read_chapters
from pylingo.reactor.history.database import open_file
from pylingo.reactor.history.indexer import Indexer
from pylingo.reactor.history.store import size, write
from pylingo.shared.messages import HistoryPage, HistoryRequest, Message, PingRequest, Pong, Say, Sent
from tests.measure.figures import Rows, counters, print_table
from tests.support import Peer, ServerProcess

BIG = "plaza"
ROOMS = 1_000
_STEP = 1_000_000  # microseconds between two messages
_AT_ONCE = 50_000  # messages in a commit
_VOCABULARY = 50_000
_TEXTS = 100_000  # different texts; each message adds a word to one of them
_LETTERS = "etaoinshrdlcumwfgypbvkjxqz"
_HAN = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年"
    "过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心"
)
RARE = "zyzzyva"  # in one message in 500,000
SEARCHES = {
    "a word in two of three messages": "the",
    "a word in one message in a hundred": "gamboge",
    "a word in one message in 500,000": RARE,
    "two words that are common, seldom together": f"the {RARE}",
    "two words that never come together": "gamboge quokka",
    "a word in no message": "xylophonist",
    "the beginning of a word, one letter": "q",
    "sixteen letters": "e t a o i n s h r d l c u m w f",
    "a Chinese character": "国",
    "a run of two Chinese characters": "国会",
}


def vocabulary(chance: random.Random) -> list[str]:
    """Different words, the most frequent first; frequent words are short."""
    words = {"the": None, "and": None, "you": None}
    while len(words) < _VOCABULARY:
        length = max(2, min(12, int(chance.gauss(2 + len(words) ** 0.18, 2))))
        words["".join(chance.choices(_LETTERS, weights=range(len(_LETTERS), 0, -1), k=length))] = None
    return list(words)


def texts(chance: random.Random) -> list[str]:
    words = vocabulary(chance)
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(_VOCABULARY)))
    made = []
    for number in range(_TEXTS):
        if number % 50 == 0:
            made.append("".join(chance.choices(_HAN, k=chance.randint(4, 30))))
        else:
            made.append(" ".join(chance.choices(words, cum_weights=weights, k=chance.randint(2, 14))))
    return made


def messages(count: int, newest: int) -> Iterator[tuple[object, ...]]:
    """Rows of the history, as `store.write` takes them."""
    chance = random.Random(1)
    pool = texts(chance)
    rest = (None,) * 7
    for number in range(count):
        text = pool[int(chance.random() * _TEXTS)]
        if number % 3:
            text += " the"
        if number % 100 == 0:
            text += " gamboge" if number % 200 else " quokka"
        if number % 500_000 == 250_000:
            text += " " + RARE
        room = BIG if chance.random() < 0.6 else f"room-{int(chance.random() * ROOMS)}"
        yield newest - (count - number) * _STEP, room, f"user-{number % 5_000}", text, *rest


def make(path: str, count: int) -> Rows:
    """Write a history of `count` messages that ends now, and index it."""
    rows: Rows = []
    with contextlib.closing(open_file(path)) as file:
        indexes = file.execute("select name, sql from sqlite_master where type = 'index' and tbl_name = 'message'")
        made = [(name, sql) for name, sql in indexes.fetchall() if sql]
        for name, _ in made:
            file.execute(f"drop index {name}")
        source = messages(count, time.time_ns() // 1_000)
        while batch := list(itertools.islice(source, _AT_ONCE)):
            with file:
                write(file, batch)  # type: ignore[arg-type]
        for _, sql in made:
            file.execute(sql)
        before = size(file)
        begin, steps = time.monotonic(), []
        index = Indexer(file)
        while index.is_busy:
            step = time.monotonic()
            index.step()
            steps.append(time.monotonic() - step)
        seconds = time.monotonic() - begin
        number = len(read_chapters(file))
        rows.append((f"{count:,} messages without an index, MiB", f"{before / 2**20:,.0f}"))
        rows.append((f"their index, {number} chapters, MiB", f"{(size(file) - before) / 2**20:,.0f}"))
        rows.append(("building it without a pause, s; µs a message", f"{seconds:.0f}; {seconds / count * 1e6:.0f}"))
        shown = (
            f"{statistics.median(steps) * 1e3:.1f}, {steps[len(steps) * 99 // 100] * 1e3:.1f}, {steps[-1] * 1e3:.0f}"
        )
        rows.append(("a step of that, for which a commit may wait: median, p99, longest, ms", shown))
    with open(path, "rb") as written:
        os.fsync(written.fileno())
    return rows


@contextlib.contextmanager
def searched_file(options: argparse.Namespace) -> Iterator[str]:
    """The file of all figures; made when it is needed first."""
    if not os.path.exists(options.path):
        for what, value in make(options.path, options.messages):
            print(f"| {what} | {value} |", flush=True)
    yield options.path


@contextlib.contextmanager
def server_with(path: str) -> Iterator[ServerProcess]:
    with ServerProcess("--history", path, "--history-keep", "0", "--history-max", "0", "--rate", "0") as server:
        yield server


def find(peer: Peer, search: str, before: int | None = None) -> tuple[float, HistoryPage]:
    begin = time.monotonic()
    peer.send(HistoryRequest(before=before, id=1, search=search))
    page = peer.until(HistoryPage, re=1)
    return time.monotonic() - begin, page


def pages(options: argparse.Namespace) -> Rows:
    """First pages, right after the start and later, in the big room and in a small one."""
    rows: Rows = []
    with searched_file(options) as path, server_with(path) as server, Peer(server.port) as peer:
        for room in (BIG, "room-7"):
            peer.join(room)
            for what, search in SEARCHES.items():
                first, page = find(peer, search)
                taken = sorted(find(peer, search)[0] for _ in range(20))
                found = f"{len(page.messages)} messages" if page.next is None or page.messages else "it goes on"
                rows.append(
                    (
                        f"{room}: {what}: first time; median, longest of 20, ms",
                        f"{first * 1e3:.1f}; {statistics.median(taken) * 1e3:.1f}, {taken[-1] * 1e3:.1f} ({found})",
                    )
                )
        rows.append(("resident memory of the server, MiB", f"{usage(server.pid).resident / 2**20:.0f}"))
    return rows


def others(options: argparse.Namespace) -> Rows:
    """The effect on others of four peers that search all the time, in turn with no searches."""
    rows: Rows = []
    with searched_file(options) as path:
        for number in range(options.rounds):
            for searchers in (0, 4):
                with server_with(path) as server:
                    value = busy_chat(server, searchers, options.seconds)
                rows.append((f"round {number + 1}, {searchers} peers search", value))
    return rows


def busy_chat(server: ServerProcess, searchers: int, seconds: float) -> str:
    """A chat of 40 messages a second to 50 people, while peers search."""
    is_over = threading.Event()
    searches = itertools.count()
    pongs: list[float] = []

    def search(number: int) -> None:
        with Peer(server.port) as peer:
            peer.join(BIG if number % 2 else "room-7")
            for word in itertools.cycle(SEARCHES.values()):
                if is_over.is_set():
                    return
                find(peer, word)
                next(searches)

    def ping() -> None:
        with Peer(server.port) as peer:
            while not is_over.wait(0.005):
                begin = time.monotonic()
                peer.send(PingRequest(1))
                peer.until(Pong)
                pongs.append(time.monotonic() - begin)

    def listen(peers: list[Peer]) -> None:
        for peer in itertools.cycle(peers):
            if is_over.is_set():
                return
            with contextlib.suppress(TimeoutError):
                while isinstance(peer.recv(0.001), Message):
                    pass

    with contextlib.ExitStack() as stack:
        people = [stack.enter_context(Peer(server.port)) for _ in range(50)]
        for peer in people:
            peer.join("room-1")
        speaker = people.pop()
        counters(server)
        threads = [threading.Thread(target=search, args=(number,)) for number in range(searchers)]
        threads += [threading.Thread(target=ping), threading.Thread(target=listen, args=(people,))]
        for thread in threads:
            thread.start()
        sents = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            speaker.send(Say("hello the others", f"{random.getrandbits(64):016x}", 1))
            speaker.until(Sent)
            sents.append(time.monotonic() - begin)
            time.sleep(0.025)
        is_over.set()
        for thread in threads:
            thread.join()
        tick = counters(server)[3]
    return (
        f"`sent` {spread(sents)}, `pong` {spread(pongs)}, longest tick {tick:.1f} ms;"
        f" {next(searches) / seconds:.0f} searches a second"
    )


def spread(seconds: list[float]) -> str:
    seconds.sort()
    p99 = seconds[len(seconds) * 99 // 100]
    return f"median {statistics.median(seconds) * 1e3:.1f}, p99 {p99 * 1e3:.1f}, longest {seconds[-1] * 1e3:.1f} ms"


def build(options: argparse.Namespace) -> Rows:
    """The effect on a chat of building the index of an old file, in turn with a file that has one."""
    rows: Rows = []
    with searched_file(options) as path:
        for number in range(options.rounds):
            for has_index in (True, False):
                if not has_index:
                    forget_index(path)
                with server_with(path) as server:
                    value = busy_chat(server, 0, options.seconds)
                with contextlib.closing(open_file(path)) as file:
                    words = sum(chapter.words for chapter in read_chapters(file))
                what = f"{words:,} words in the index at the end" if not has_index else "a file with an index"
                rows.append((f"round {number + 1}, {what}", value))
                if not has_index:
                    with contextlib.closing(open_file(path)) as file:
                        index = Indexer(file)
                        while index.is_busy:
                            index.step()
    return rows


def forget_index(path: str) -> None:
    with contextlib.closing(open_file(path)) as file:
        for chapter in read_chapters(file):
            file.execute(f"drop table {chapter.table}")
        with file:
            file.execute("delete from chapter")


FIGURES: dict[str, Callable[[argparse.Namespace], Rows]] = {
    figure.__name__: figure for figure in (pages, others, build)
}


class _Options(argparse.ArgumentParser):
    """Options with the path of the file."""

    folder = ""

    def parse_args(self, *arguments: object, **more: object) -> argparse.Namespace:  # type: ignore[override]
        options = super().parse_args()
        options.path = options.file or os.path.join(self.folder, "history")
        return options


def main() -> None:
    parser = _Options(description=(__doc__ or "").split("\n", 1)[0], allow_abbrev=False)
    parser.add_argument("--messages", type=int, default=5_000_000, help="of the history (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often what is compared is run (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each chat (%(default)s)")
    parser.add_argument("--file", help="the history, which is kept; it is made if it does not exist")
    with tempfile.TemporaryDirectory() as parser.folder:
        print_table(parser, FIGURES)


if __name__ == "__main__":
    main()
