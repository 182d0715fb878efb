"""What people and the log hear of a disk that hangs."""

import logging
from collections.abc import Callable

from pylingo.reactor.history.clock import show_span
from pylingo.reactor.history.feed import LOOK, Feed

logger = logging.getLogger(__name__)

_OFTEN = 600  # looks after which it is said again; before that, each time that they have doubled
_HANGS = "the server's disk does not answer: what is said now is confirmed as soon as it does"
_LOSES = "the server's disk does not answer: some of what is said now will be kept in memory only"
_ANSWERS = "the server's disk answers again"


class Alarm:
    """Looks at `feed`, and tells what has become of it. `announce(words, trouble)` is as for `disk.SqliteHistory`."""

    def __init__(self, path: str, feed: Feed, announce: Callable[[str, str], object]) -> None:
        self._path = path
        self._feed = feed
        self._announce = announce
        self._is_losing = False

    def look(self, is_open: bool, trouble: str) -> None:
        """Look, twice a second. `is_open` is false before the file is open, when nobody is there to be told.

        `trouble` is what newcomers hear in any case. Questions that wait for a disk that hangs are answered.
        """
        feed = self._feed
        was_hanging = feed.is_hanging
        feed.look()
        if feed.is_hanging and is_open:
            self._tell_of_hang(not was_hanging)
        elif feed.is_hanging:
            if not was_hanging or self._is_time():
                logger.warning("nobody can come in yet: waiting for %s, which does not open", self._path)
        elif was_hanging and is_open:
            logger.warning(
                "the disk of the history in %s answers again, after %s: %d messages had no place to wait and are lost",
                self._path,
                show_span(feed.looks * LOOK),
                feed.lost,
            )
            self._announce(_ANSWERS, trouble)

    def _tell_of_hang(self, is_new: bool) -> None:
        feed = self._feed
        if is_new:
            self._is_losing = False
            self._announce(_HANGS, _HANGS)
            for question in feed.unsettled():
                question.settle(question.without)
        begins_to_lose = bool(feed.lost) and not self._is_losing
        if begins_to_lose:
            self._is_losing = True
            self._announce(_LOSES, _LOSES)
        if is_new or begins_to_lose or self._is_time():
            logger.error(
                "the disk of the history in %s has not answered for %s: %d messages wait, and %d had no place",
                self._path,
                show_span(feed.looks * LOOK),
                feed.waiting,
                feed.lost,
            )

    def _is_time(self) -> bool:
        looks = self._feed.looks
        return not looks & looks - 1 or not looks % _OFTEN
