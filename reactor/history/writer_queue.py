"""The event loop's queue of tasks for the writer thread: bounded, and it notices a disk that hangs.

A system call on a hanging disk does not return, so the thread cannot say that it is stuck. The loop counts the tasks
that it has given away and those that are done instead. The disk counts as hanging if no task is done for two seconds,
or if more is waiting than the bound allows for two seconds. From then on, batches are held back here within that bound,
and queries are to be answered from memory.
"""

from collections import deque

from pylingo.reactor.history.writer_tasks import Inbox, Query, Task, WriteBatch

CHECK_EVERY = 0.5
"""Seconds between two calls of `check`."""
_PATIENCE = 4  # checks: two seconds in which the loop ran, so that a suspended machine does not count


class WriterQueue:
    """Gives tasks to the thread's inbox. `most` bounds the bytes of batches that are not committed."""

    def __init__(self, inbox: Inbox, most: int) -> None:
        self._inbox = inbox
        self._most = most
        self._given: deque[Task] = deque([WriteBatch()])  # not done yet; the first one stands for the opening
        self._done = 0
        self._held: deque[WriteBatch] = deque()
        self._size = 0
        self._done_before = 0
        self._late_checks = 0
        self.is_hanging = False
        self.checks = 0
        """Checks since the disk began to hang."""
        self.lost = 0
        """Messages discarded since then."""

    @property
    def is_busy(self) -> bool:
        """Whether any task is not done yet."""
        self._collect()
        return bool(self._given or self._held)

    @property
    def waiting(self) -> int:
        """Messages that are not committed."""
        self._collect()
        return sum(len(task.rows) for task in (*self._given, *self._held) if isinstance(task, WriteBatch))

    def put(self, task: Task) -> list[WriteBatch]:
        """Give a task to the thread, or hold it back. Return the batches that are discarded for it."""
        self._collect()
        if isinstance(task, WriteBatch):
            self._size += task.size
            if self.is_hanging:
                self._held.append(task)
                return self._discard_oldest()
        self._give(task)
        return []

    def check(self) -> None:
        """See whether the disk has begun or ceased to hang. Call it every `CHECK_EVERY` seconds while `is_busy`."""
        self._collect()
        if self.is_hanging:
            self.checks += 1
            if not self._given:
                self.release()
        elif self._late_checks >= _PATIENCE:
            self.is_hanging = True
            self.checks = _PATIENCE
            self.lost = 0
        is_late = (self._given and self._done == self._done_before) or self._size > self._most
        self._late_checks = self._late_checks + 1 if is_late else 0
        self._done_before = self._done

    def unanswered(self) -> list[Query]:
        """Return the queries that the thread has not answered yet."""
        return [task for task in self._given if isinstance(task, Query)]

    def release(self) -> None:
        """Give the thread everything that was held back: the disk responds, or the end has come."""
        self.is_hanging = False
        self._late_checks = 0
        while self._held:
            self._give(self._held.popleft())

    def _give(self, task: Task) -> None:
        self._given.append(task)
        self._inbox.put(task)

    def _collect(self) -> None:
        """Forget the tasks that are done."""
        done = self._inbox.done
        for _ in range(done - self._done):
            task = self._given.popleft()
            if isinstance(task, WriteBatch):
                self._size -= task.size
        self._done = done

    def _discard_oldest(self) -> list[WriteBatch]:
        """Discard held batches while they are more than the bound allows. Their messages are never confirmed."""
        discarded = []
        while self._size > self._most and len(self._held) > 1:
            batch = self._held.popleft()
            self._size -= batch.size
            self.lost += len(batch.rows)
            discarded.append(batch)
        return discarded
