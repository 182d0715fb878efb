"""Reports a disk that hangs, to the people and in the log."""

import logging
from collections.abc import Callable

from pylingo.reactor.history.clock import show_span
from pylingo.reactor.history.writer_queue import CHECK_EVERY, WriterQueue

logger = logging.getLogger(__name__)

_REPEAT_EVERY = 600  # checks between two lines in the log; before that, a line each time that the span has doubled
_HANGS = "the server's disk does not answer: new messages are confirmed as soon as it does"
_LOSES = "the server's disk does not answer: some of the new messages will be kept in memory only"
_ANSWERS = "the server's disk answers again"


class HangAlerts:
    """Checks `tasks` for a hanging disk and reports changes. For `announce` see `sqlite.SqliteHistory`."""

    def __init__(self, path: str, tasks: WriterQueue, announce: Callable[[str, str], object]) -> None:
        self._path = path
        self._tasks = tasks
        self._announce = announce
        self._is_losing = False

    def check(self, is_open: bool, trouble: str) -> None:
        """Check once, every `CHECK_EVERY` seconds. Answer the queries that wait for a disk that hangs.

        Before `is_open`, nobody is connected, so only the log reports it. `trouble` is the notice for newcomers while
        the disk does not hang.
        """
        tasks = self._tasks
        was_hanging = tasks.is_hanging
        tasks.check()
        if tasks.is_hanging and is_open:
            self._report_hang(not was_hanging)
        elif tasks.is_hanging:
            if not was_hanging or self._is_due():
                logger.warning("nobody can connect yet: waiting for %s, which does not open", self._path)
        elif was_hanging and is_open:
            logger.warning(
                "the disk of the history in %s answers again, after %s: %d messages did not fit in memory and are lost",
                self._path,
                show_span(tasks.checks * CHECK_EVERY),
                tasks.lost,
            )
            self._announce(_ANSWERS, trouble)

    def _report_hang(self, is_new: bool) -> None:
        tasks = self._tasks
        if is_new:
            self._is_losing = False
            self._announce(_HANGS, _HANGS)
            for query in tasks.unanswered():
                query.settle(query.fallback)
        begins_to_lose = bool(tasks.lost) and not self._is_losing
        if begins_to_lose:
            self._is_losing = True
            self._announce(_LOSES, _LOSES)
        if is_new or begins_to_lose or self._is_due():
            logger.error(
                "the disk of the history in %s has not answered for %s: %d messages wait, and %d did not fit in memory",
                self._path,
                show_span(tasks.checks * CHECK_EVERY),
                tasks.waiting,
                tasks.lost,
            )

    def _is_due(self) -> bool:
        checks = self._tasks.checks
        return not checks & checks - 1 or not checks % _REPEAT_EVERY
