"""The file of the register, `people.json`: read strictly at the start, and replaced as a whole after each change.

A thread writes it, so the loop never waits for the disk. The new file is complete and on the disk before it takes the
place of the old one. While one is written, later changes wait, and are all in the next one.
"""

import logging
import os
import queue
import threading
from collections.abc import Callable

from pylingo.reactor.people.files import check_private, read_regular, replace_file
from pylingo.reactor.people.records import dump, load

logger = logging.getLogger(__name__)

MAX_FILE = 64 * 2**20
"""The largest file that is read, in bytes. The largest that is written has some 10 MiB."""
RETRY = 5.0
"""Seconds until another attempt after a failure."""
_WHAT = "the people file"
_FORGET = "to forget who the members are, who is banned and to whom names belong"

type Done = Callable[[bool], object]


def read_state(path: str) -> object:
    """Return the JSON value in the file, None if there is no file. Raises `ValueError` with one sentence."""
    try:
        data, status = read_regular(path, _WHAT, MAX_FILE)
    except FileNotFoundError:
        return None
    check_private(path, _WHAT, status)
    if not data.strip():
        raise ValueError(f"{_WHAT} {path} is empty, and must not be: {_help(path)}")
    try:
        return load(data)
    except ValueError as error:
        raise damaged(path, error) from None


def damaged(path: str, reason: object) -> ValueError:
    """The error for a file that cannot be understood."""
    return ValueError(f"{_WHAT} {path} is damaged: {reason}; {_help(path)}")


def lost(path: str, trace: str) -> ValueError:
    """The error for a file that is not there, while the file `trace` shows that it was."""
    return ValueError(f"{_WHAT} {path} is missing, and must not be where {trace} is: {_help(path, is_there=False)}")


def _help(path: str, is_there: bool = True) -> str:
    command = f"pylingo-server forget --data {os.path.dirname(path)}"
    return f"put back a copy of it, or, {_FORGET}, {'move it away and ' if is_there else ''}run  {command}"


def write_state(path: str, state: object) -> None:
    """Replace the file by one with `state`. Raises `OSError`, and then the old file is still there."""
    replace_file(path, dump(state))


class StateFile:
    """Writes the state in a thread. `call_from_thread` and `call_later` are those of the loop.

    If the file cannot be written, that is logged, and tried again every few seconds until it can be: what closes a door
    holds in memory and must come to the disk.
    """

    def __init__(
        self,
        path: str,
        call_from_thread: Callable[..., object],
        call_later: Callable[..., object],
    ) -> None:
        self._path = path
        self._call_from_thread = call_from_thread
        self._call_later = call_later
        self._state: Callable[[], object] = lambda: None
        self._waiting: list[Done] = []
        self._is_writing = False
        self._has_timer = False
        self._error = ""  # why the last attempt has failed
        self._jobs: queue.SimpleQueue[tuple[object, list[Done]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def is_behind(self) -> bool:
        """Whether the last attempt to write the file has failed."""
        return bool(self._error)

    def save(self, state: Callable[[], object], done: Done) -> None:
        """Write what `state()` returns when the writing begins. Then `done(is_written)` is called in the loop."""
        self._state = state
        self._waiting.append(done)
        if not self._is_writing:
            self._begin()

    def close(self, timeout: float) -> bool:
        """Write what waits; return whether the file has everything within `timeout` seconds. Call it after the loop."""
        if self._waiting or self._error:
            self._begin()
        if self._thread is None:
            return True
        self._jobs.put(None)
        self._thread.join(timeout)
        if self._thread.is_alive() or self._error:
            logger.error("%s does not have the last changes: the disk did not take them", self._path)
            return False
        return True

    def _begin(self) -> None:
        dones, self._waiting = self._waiting, []
        self._is_writing = True
        self._jobs.put((self._state(), dones))
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="people", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # no memory for a thread
                self._jobs.get()
                self._error = str(error)
                self._log(self._error)
                self._call_later(0.0, self._finish, False, dones)
            else:
                self._thread = thread

    def _run(self) -> None:
        """Do the jobs, in the thread."""
        while (job := self._jobs.get()) is not None:
            state, dones = job
            error = ""
            try:
                write_state(self._path, state)
            except OSError as failure:
                error = failure.strerror or str(failure)
            except Exception as failure:
                logger.exception("a bug in the writing of %s", self._path)
                error = str(failure)
            self._error, before = error, self._error
            if error != before:
                self._log(error)
            self._call_from_thread(self._finish, not error, dones)

    def _log(self, error: str) -> None:
        if error:
            logger.error("cannot write %s: %s; trying again every %g s", self._path, error, RETRY)
        else:
            logger.warning("%s can be written again, and has everything", self._path)

    def _finish(self, is_written: bool, dones: list[Done]) -> None:
        """Report, in the loop, and write what has changed meanwhile."""
        self._is_writing = False
        for done in dones:
            try:
                done(is_written)
            except Exception:
                logger.exception("unexpected error after the writing of %s", self._path)
        if self._is_writing:  # `done` has saved something
            return
        if self._waiting:
            self._begin()
        elif not is_written and not self._has_timer:
            self._has_timer = True
            self._call_later(RETRY, self._try_again)

    def _try_again(self) -> None:
        self._has_timer = False
        if self._error and not self._is_writing:
            self._begin()
