"""The file of the register: replaced as a whole, in a thread, and refused if anything in it is wrong."""

import errno
import logging
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pylingo.reactor.people import state_file as module
from pylingo.reactor.people.state_file import StateFile, read_state, write_state
from tests.fakes.loop import Loop
from tests.support import DEADLINE


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.json"


class Disk:
    """Stands before `write_state`: it can be full, and it can hang."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        self.written: list[object] = []
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.begun = threading.Semaphore(0)
        self._write = module.write_state
        monkeypatch.setattr(module, "write_state", self)

    def __call__(self, path: str, state: object) -> None:
        self.begun.release()
        assert self.goes_on.wait(DEADLINE)
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.written.append(state)
        self._write(path, state)


def constant(value: object) -> Callable[[], object]:
    return lambda: value


# --- reading and writing


def test_a_written_state_is_read(path: Path) -> None:
    assert read_state(str(path)) is None
    before = os.umask(0)
    try:
        write_state(str(path), {"version": 1})
    finally:
        os.umask(before)
    assert read_state(str(path)) == {"version": 1}
    assert mode(path) == 0o600
    path.chmod(0o644)
    write_state(str(path), {"version": 2})  # the mode is right again
    assert read_state(str(path)) == {"version": 2}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "people.json is empty, and must not be: put back a copy of it"),
        (b" \n", "people.json is empty, and must not be: put back a copy of it"),
        (b'{"version": 1, "names"', "people.json is damaged: line 1 is not JSON: .*; put back a copy"),
        (b"\0" * 4_096, "people.json is damaged: line 1 is not JSON"),
        (b"\xff\xfe", "people.json is damaged: byte 0 is not UTF-8"),
    ],
)
def test_a_damaged_file_is_an_error_in_a_sentence(path: Path, data: bytes, sentence: str) -> None:
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(ValueError, match=sentence):
        read_state(str(path))


@pytest.mark.parametrize("wrong", [0o644, 0o640, 0o660, 0o606, 0o610, 0o604])
def test_a_file_that_others_can_use_is_refused(path: Path, wrong: int) -> None:
    path.write_text("{}")
    path.chmod(wrong)
    with pytest.raises(ValueError, match=f"others can use the people file {path}: change that with  chmod 600 {path}"):
        read_state(str(path))


def test_a_file_that_is_not_ours_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.mkdir()
    with pytest.raises(ValueError, match=f"cannot read the people file {path}: Is a directory"):
        read_state(str(path))
    path.rmdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(ValueError, match="must be a regular file"):  # and does not wait for a writer
        read_state(str(path))
    path.unlink()
    path.write_text("{}")
    path.chmod(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: 4_711)
    with pytest.raises(ValueError, match=f"belongs to another user: change that with  chown 4711 {path}"):
        read_state(str(path))
    monkeypatch.undo()
    monkeypatch.setattr(module, "MAX_FILE", 1)
    with pytest.raises(ValueError, match="must have at most 1 bytes"):
        read_state(str(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_that_cannot_be_read_is_an_error(path: Path) -> None:
    path.write_text("{}")
    path.chmod(0)
    with pytest.raises(ValueError, match=r"cannot read .*: Permission denied"):
        read_state(str(path))


# --- in the loop


def test_it_is_written_in_a_thread_and_said_in_the_loop(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, loop, answers = Disk(monkeypatch), Loop(), []
    file = StateFile(str(path), loop.call_from_thread, loop.call_later)
    disk.goes_on.clear()
    file.save(constant({"version": 1}), answers.append)
    assert disk.begun.acquire(timeout=DEADLINE)
    assert not path.exists()
    disk.goes_on.set()
    loop.turn()
    assert answers == [True]
    assert read_state(str(path)) == {"version": 1}
    assert file.close(DEADLINE)


def test_changes_during_a_write_are_in_the_next_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, loop, answers = Disk(monkeypatch), Loop(), []
    file = StateFile(str(path), loop.call_from_thread, loop.call_later)
    state = {}
    disk.goes_on.clear()
    for number in range(100):
        state["number"] = number
        file.save(state.copy, lambda is_written, number=number: answers.append((number, is_written)))
    disk.goes_on.set()
    loop.turn_until(lambda: len(answers) == 100)
    assert answers == [(number, True) for number in range(100)]
    assert disk.written == [{"number": 0}, {"number": 99}]
    assert file.close(DEADLINE)


def test_a_change_that_cannot_be_written_is_said_before_the_next_state_is_taken(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a failure undoes must not come to the disk with a later change."""
    disk, loop, answers = Disk(monkeypatch), Loop(), []
    file = StateFile(str(path), loop.call_from_thread, loop.call_later)
    doors = {"eve"}

    def undo(is_written: bool) -> None:
        answers.append(is_written)
        if not is_written:
            doors.discard("eve")

    disk.is_full = True
    disk.goes_on.clear()
    file.save(lambda: sorted(doors), undo)
    assert disk.begun.acquire(timeout=DEADLINE)
    doors.add("bob")
    file.save(lambda: sorted(doors), answers.append)
    disk.goes_on.set()
    loop.turn_until(lambda: len(answers) == 2)
    assert answers == [False, False]
    disk.is_full = False
    file.save(lambda: sorted(doors), answers.append)
    loop.turn_until(lambda: len(answers) == 3)
    assert answers[-1]
    assert read_state(str(path)) == ["bob"]
    assert file.close(DEADLINE)


def test_a_full_disk_is_tried_again_and_logged_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk, loop, answers = Disk(monkeypatch), Loop(), []
    file = StateFile(str(path), loop.call_from_thread, loop.call_later)
    disk.is_full = True
    for _ in range(3):
        file.save(constant({"bans": 1}), answers.append)
        loop.turn()
    assert answers == [False] * 3
    assert file.is_behind
    assert [delay for delay, _, _ in loop.timers] == [module.RETRY]
    for _ in range(3):
        loop.fire()
        loop.turn()
    assert len(loop.timers) == 1
    disk.is_full = False
    loop.fire()
    loop.turn()
    assert read_state(str(path)) == {"bans": 1}
    assert not file.is_behind
    assert loop.timers == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    assert "No space left on device" in caplog.text
    assert "can be written again" in caplog.text
    assert file.close(DEADLINE)


def test_the_end_writes_what_waits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, loop = Disk(monkeypatch), Loop()
    file = StateFile(str(path), loop.call_from_thread, loop.call_later)
    disk.goes_on.clear()
    file.save(constant(1), lambda _: None)
    file.save(constant(2), lambda _: None)
    disk.goes_on.set()
    assert file.close(DEADLINE)
    assert read_state(str(path)) == 2


def test_the_end_tries_once_more_after_a_failure(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, loop = Disk(monkeypatch), Loop()
    file = StateFile(str(path), loop.call_from_thread, loop.call_later)
    disk.is_full = True
    file.save(constant(1), lambda _: None)
    loop.turn()
    disk.is_full = False
    assert file.close(DEADLINE)
    assert read_state(str(path)) == 1


def test_an_end_without_the_last_changes_is_said(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk, loop = Disk(monkeypatch), Loop()
    file = StateFile(str(path), loop.call_from_thread, loop.call_later)
    disk.goes_on.clear()
    file.save(constant(1), lambda _: None)
    assert not file.close(0.01)
    assert "does not have the last changes" in caplog.text
    disk.goes_on.set()


def test_an_end_without_changes_writes_nothing(path: Path) -> None:
    loop = Loop()
    assert StateFile(str(path), loop.call_from_thread, loop.call_later).close(0)
    assert not path.exists()


def test_without_a_thread_nothing_is_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, answers = Loop(), []
    file = StateFile(str(path), loop.call_from_thread, loop.call_later)

    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        file.save(constant(1), answers.append)
        loop.fire()
    assert answers == [False]
    loop.fire()  # it is tried again
    loop.turn()
    assert read_state(str(path)) == 1
    assert file.close(DEADLINE)


def test_a_mistake_in_what_is_called_keeps_nobody_else_waiting(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loop, answers = Loop(), []
    file = StateFile(str(path), loop.call_from_thread, loop.call_later)

    def fail(is_written: bool) -> None:
        raise KeyError("a bug")

    file.save(constant(1), fail)
    loop.turn()
    assert "unexpected error" in caplog.text
    file.save(lambda: {1, 2}, answers.append)  # no JSON
    loop.turn()
    assert answers == [False]
    file.save(constant(3), answers.append)
    loop.turn()
    assert answers == [False, True]
    assert file.close(DEADLINE)
