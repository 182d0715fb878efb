"""The password of a server: its hash, its file, and the threads that compare."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from pylingo.reactor.people import passwords as module
from pylingo.reactor.people.passwords import (
    MOST_FAILURES,
    MOST_HELD,
    MOST_WAITING,
    PERIOD,
    WORKERS,
    PasswordGate,
    PasswordHash,
    Verdict,
    hash_password,
    read_password_file,
)
from tests.fakes.clock import Clock
from tests.fakes.loop import Loop

HOST, OTHER = "192.0.2.7", "192.0.2.8"
SALT = bytes(range(16))


def cheap(password: str) -> PasswordHash:
    """A hash that is compared in a moment."""
    digest = hashlib.scrypt(password.encode(), salt=SALT, n=2**10, r=1, p=1, dklen=32)
    return PasswordHash(10, 1, 1, SALT, digest)


# --- hashes


def test_a_password_is_right_or_wrong() -> None:
    made = hash_password("Grüße")
    again = PasswordHash.parse(made.text + "\n")
    assert again == made
    assert again.verify("Grüße")
    for wrong in ("", "Grüsse", "grüße", "Grüße ", "\ud800", "x" * 32_000):
        assert not again.verify(wrong)


def test_a_hash_is_another_one_each_time_and_expensive() -> None:
    one, other = hash_password("x"), hash_password("x")
    assert one.text != other.text
    assert one.text.startswith("$scrypt$ln=15,r=8,p=1$")
    assert 128 * one.r * 2**one.ln == 32 * 2**20


def test_an_empty_password_is_none() -> None:
    with pytest.raises(ValueError, match="at least one character"):
        hash_password("")


GOOD = cheap("x").text


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "$2b$12$abc", GOOD[:-30], GOOD + "$", GOOD.replace("scrypt", "argon2"), GOOD.replace("$", "", 1)),
        *(GOOD.replace("ln=10", f"ln={ln}") for ln in ("9", "21", "99", "-1", "x", "100")),
        *(GOOD.replace("r=1", f"r={r}") for r in ("0", "33", "99")),
        *(GOOD.replace("p=1", f"p={p}") for p in ("0", "17")),
        GOOD.replace("ln=10,r=1", "ln=20,r=32"),  # 4 GiB
        GOOD + "\n" + GOOD,
    ],
)
def test_a_wrong_hash_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="a password hash must be as pylingo-server hash-password prints it"):
        PasswordHash.parse(text)


# --- the file


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"\n{GOOD}\r\n")
    path.chmod(0o644)
    assert read_password_file(str(path)) == cheap("x")


def test_a_file_that_cannot_be_used_closes_the_door(tmp_path: Path) -> None:
    path = tmp_path / "password"

    def error() -> str:
        with pytest.raises(ValueError, match="password file") as caught:
            read_password_file(str(path))
        return str(caught.value).replace(str(tmp_path), "…")

    assert error() == "cannot read the password file …/password: No such file or directory"
    path.mkdir()
    assert error() == "cannot read the password file …/password: Is a directory"
    path.rmdir()
    os.mkfifo(path)
    assert error() == "the password file …/password must be a regular file"
    path.unlink()
    for data in (b"", b"\n", b"secret", b"\xff\xfe", GOOD[:40].encode()):
        path.write_bytes(data)
        assert error().startswith("the password file …/password cannot be used: a password hash must be as")
    path.write_bytes(b"x" * 5_000)
    assert error() == "the password file …/password must have at most 4096 bytes"
    path.write_text(GOOD)
    for mode in (0o620, 0o602, 0o666):
        path.chmod(mode)
        assert error() == "others can write the password file …/password: change that with  chmod 600 …/password"


# --- comparing


class Bench:
    """A gate, and the verdicts that it gave."""

    def __init__(self, password: PasswordHash) -> None:
        self.loop, self.clock = Loop(), Clock()
        self.gate = PasswordGate(password, self.loop.call_from_thread, self.clock)
        self.verdicts: list[Verdict] = []

    def check(self, password: str, host: str = HOST) -> Verdict:
        """Compare, and wait for the verdict."""
        before = len(self.verdicts)
        self.gate.check(password, host, self.verdicts.append)
        self.loop.turn_until(lambda: len(self.verdicts) > before)
        return self.verdicts[-1]


@pytest.fixture
def bench() -> Bench:
    return Bench(cheap("secret"))


def test_a_verdict_comes_in_the_loop(bench: Bench) -> None:
    thread = []
    bench.gate.check("secret", HOST, lambda verdict: thread.append(threading.current_thread()))
    assert thread == []
    bench.loop.turn()
    assert thread == [threading.current_thread()]
    assert bench.check("wrong") is Verdict.WRONG
    assert bench.check("secret") is Verdict.RIGHT


def test_the_hash_can_be_replaced(bench: Bench) -> None:
    bench.gate.hash = cheap("other")
    assert bench.check("secret") is Verdict.WRONG
    assert bench.check("other") is Verdict.RIGHT


def test_a_comparison_may_name_a_hash_of_its_own(bench: Bench) -> None:
    gate = PasswordGate(None, bench.loop.call_from_thread, bench.clock)
    for word in ("other", "secret"):
        gate.check(word, HOST, bench.verdicts.append, cheap("other"))
    bench.loop.turn_until(lambda: len(bench.verdicts) == 2)
    assert {*bench.verdicts} == {Verdict.RIGHT, Verdict.WRONG}


def test_ten_failures_a_minute_refuse_an_address_for_a_minute(bench: Bench) -> None:
    for _ in range(MOST_FAILURES):
        bench.clock.advance(1)
        assert bench.check("wrong") is Verdict.WRONG
    assert bench.check("secret") is Verdict.REFUSED
    assert bench.check("secret", OTHER) is Verdict.RIGHT
    bench.clock.advance(PERIOD - 0.1)  # after the last of them; the first is long past
    assert bench.check("secret") is Verdict.REFUSED
    bench.clock.advance(0.1)
    assert bench.check("secret") is Verdict.RIGHT
    assert bench.check("wrong") is Verdict.WRONG
    assert bench.gate.refused == MOST_FAILURES + 3


def test_fewer_failures_refuse_nobody(bench: Bench) -> None:
    for _ in range(3 * MOST_FAILURES):
        bench.clock.advance(PERIOD / (MOST_FAILURES - 1))
        assert bench.check("wrong") is Verdict.WRONG
    assert bench.check("secret") is Verdict.RIGHT


def test_right_ones_do_not_count(bench: Bench) -> None:
    for _ in range(2 * MOST_FAILURES):
        assert bench.check("secret") is Verdict.RIGHT
    assert bench.gate.addresses == 0


def test_many_at_once_from_one_address_have_no_more_tries(bench: Bench) -> None:
    for number in range(100):
        bench.gate.check(f"guess-{number}", HOST, bench.verdicts.append)
    bench.loop.turn_until(lambda: len(bench.verdicts) == 100)
    assert bench.verdicts.count(Verdict.WRONG) == MOST_FAILURES
    assert bench.verdicts.count(Verdict.REFUSED) == MOST_HELD
    assert bench.verdicts.count(Verdict.BUSY) == 100 - MOST_FAILURES - MOST_HELD


def test_right_ones_at_once_from_one_address_refuse_nobody() -> None:
    slow = Slow()
    bench = Bench(slow)  # type: ignore[arg-type]
    for _ in range(MOST_FAILURES + MOST_HELD):
        bench.gate.check("secret", HOST, bench.verdicts.append)
    assert bench.verdicts == []
    bench.gate.check("secret", HOST, bench.verdicts.append)
    assert bench.verdicts == [Verdict.BUSY]
    slow.goes_on.set()
    bench.loop.turn_until(lambda: len(bench.verdicts) == MOST_FAILURES + MOST_HELD + 1)
    assert bench.verdicts.count(Verdict.RIGHT) == MOST_FAILURES + MOST_HELD
    assert bench.check("secret") is Verdict.RIGHT


def test_a_network_of_ipv6_is_one_address(bench: Bench) -> None:
    for number in range(MOST_FAILURES):
        assert bench.check("wrong", f"2001:db8::{number}") is Verdict.WRONG
    assert bench.check("secret", "2001:db8::ffff") is Verdict.REFUSED
    assert bench.check("secret", "2001:db8:0:1::1") is Verdict.RIGHT


def test_addresses_are_forgotten(bench: Bench) -> None:
    for number in range(50):
        bench.check("wrong", f"198.51.100.{number}")
    assert bench.gate.addresses == 50
    bench.clock.advance(PERIOD)
    bench.check("wrong")
    assert bench.gate.addresses == 1


class Slow:
    """A hash whose comparison waits, and which counts how many run."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.begun = threading.Semaphore(0)
        self.lock = threading.Lock()
        self.running = self.most = 0

    def verify(self, password: str) -> bool:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.begun.release()
        assert self.goes_on.wait(20)
        with self.lock:
            self.running -= 1
        return password == "secret"


def test_two_run_at_a_time_and_the_others_wait() -> None:
    slow = Slow()
    bench = Bench(slow)  # type: ignore[arg-type]
    for number in range(MOST_WAITING + WORKERS):
        bench.gate.check("secret", f"198.51.100.{number}", bench.verdicts.append)
    for _ in range(WORKERS):
        assert slow.begun.acquire(timeout=20)
    assert bench.verdicts == []
    bench.gate.check("secret", HOST, bench.verdicts.append)
    assert bench.verdicts == [Verdict.BUSY]
    slow.goes_on.set()
    bench.loop.turn_until(lambda: len(bench.verdicts) == MOST_WAITING + WORKERS + 1)
    assert bench.verdicts.count(Verdict.RIGHT) == MOST_WAITING + WORKERS
    assert slow.most == WORKERS


def test_without_a_thread_nobody_comes_in(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        bench.gate.check("secret", HOST, bench.verdicts.append)
        assert bench.verdicts == [Verdict.BUSY]
    assert bench.check("secret") is Verdict.RIGHT


def test_a_comparison_that_fails_lets_nobody_in(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise ValueError("[digital envelope routines] memory limit exceeded")

    with monkeypatch.context() as patch:
        patch.setattr(module.hashlib, "scrypt", fail)
        assert bench.check("secret") is Verdict.BUSY
    assert "could not be compared" in caplog.text
    assert "secret" not in caplog.text
    assert bench.check("secret") is Verdict.RIGHT
