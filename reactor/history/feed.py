"""The loop's end of the line to the thread that owns the history file: bounded, and it notices a disk that hangs.

The thread may stand in a call that does not return: a disk that hangs lets go of nobody. So the loop counts what it has
given away and what became of it. If nothing is done for two seconds, the disk hangs; so it does if it is behind by more
than there is place for. From then on batches are held back here, within that bound, and questions are to be answered
from memory.
"""

from collections import deque
from typing import Protocol

from pylingo.reactor.history.tasks import Batch, Question, Task

LOOK = 0.5
"""Seconds between two looks."""
_PATIENCE = 4  # looks, which is two seconds in which the loop ran: a machine that slept does not count


class _Thread(Protocol):
    """What of the thread is used here."""

    done: int

    def put(self, task: Task) -> None: ...


class Feed:
    """Gives tasks to the thread. `most` is in bytes, of batches that are not committed."""

    def __init__(self, thread: _Thread, most: int) -> None:
        self._thread = thread
        self._most = most
        self._given: deque[Task] = deque([Batch()])  # not done yet; the first one stands for the opening
        self._done = 0
        self._held: deque[Batch] = deque()
        self._size = 0
        self._done_before = 0
        self._late_looks = 0
        self.is_hanging = False
        self.looks = 0
        """Looks since the disk has begun to hang."""
        self.lost = 0
        """Messages that had no place since then."""

    @property
    def is_busy(self) -> bool:
        """Whether something is not done yet."""
        self._collect()
        return bool(self._given or self._held)

    @property
    def waiting(self) -> int:
        """Messages that are not committed."""
        self._collect()
        return sum(len(task.rows) for task in (*self._given, *self._held) if isinstance(task, Batch))

    def put(self, task: Task) -> list[Batch]:
        """Give a task to the thread. A batch may have to wait here; returns those that there is no more place for."""
        self._collect()
        if isinstance(task, Batch):
            self._size += task.size
            if self.is_hanging:
                self._held.append(task)
                return self._make_place()
        self._give(task)
        return []

    def look(self) -> None:
        """Has the disk begun or ceased to hang? Twice a second, as long as there is something to wait for."""
        self._collect()
        if self.is_hanging:
            self.looks += 1
            if not self._given:
                self.release()
        elif self._late_looks >= _PATIENCE:
            self.is_hanging = True
            self.looks = _PATIENCE
            self.lost = 0
        is_late = (self._given and self._done == self._done_before) or self._size > self._most
        self._late_looks = self._late_looks + 1 if is_late else 0
        self._done_before = self._done

    def unsettled(self) -> list[Question]:
        """Questions that have no answer yet."""
        return [task for task in self._given if isinstance(task, Question)]

    def release(self) -> None:
        """The disk answers, or the end has come: give the thread what was held back."""
        self.is_hanging = False
        self._late_looks = 0
        while self._held:
            self._give(self._held.popleft())

    def _give(self, task: Task) -> None:
        self._given.append(task)
        self._thread.put(task)

    def _collect(self) -> None:
        """Forget what is done."""
        done = self._thread.done
        for _ in range(done - self._done):
            task = self._given.popleft()
            if isinstance(task, Batch):
                self._size -= task.size
        self._done = done

    def _make_place(self) -> list[Batch]:
        """The oldest of what is held back goes when there is too much: nobody is told that it is kept."""
        lost = []
        while self._size > self._most and len(self._held) > 1:
            batch = self._held.popleft()
            self._size -= batch.size
            self.lost += len(batch.rows)
            lost.append(batch)
        return lost
