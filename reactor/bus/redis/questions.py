"""Questions to Redis that take several steps, and wait while Redis is away.

A question is a generator. It yields the commands of a step, gets their replies, and returns the answer. So the reading
of a log is written in one piece, and is tested without a connection. If a reply is an error, the commands of that step
are sent again once Redis answers: until then nobody gets an answer, rather than a wrong one.
"""

import logging
from collections import deque
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, Protocol

from pylingo.reactor.bus.redis.link import LinkLost, RedisError

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""The most questions that wait for Redis. Those that cannot be put off are not counted."""
_REST = 0.003  # seconds between two parts of a long step
_AGAIN = 0.5  # seconds after an error that is not the loss of the connection

type Command = tuple[bytes | str | int, ...]
type Steps[T] = Generator[Sequence[Command], list[Any], T]
"""Yields the commands of a step and gets their replies. Without a command, it goes on after a short rest."""


class Asked(Protocol):
    """Takes commands. `Link` is one."""

    def call(self, answer: Callable[[Any], object] | None, *args: bytes | str | int) -> None: ...


class Links(Protocol):
    """Has the connection for each lane. `Deployment` is one."""

    def ears(self, lane: int) -> Asked: ...


class _Question:
    """A question, and where it stands. `finish` gets the answer, `put_off` is called if too many wait."""

    __slots__ = ("commands", "finish", "lane", "missing", "put_off", "replies", "steps")

    def __init__(
        self, lane: int, steps: Steps[Any], finish: Callable[[Any], object], put_off: Callable[[], object] | None
    ) -> None:
        self.lane = lane
        self.steps = steps
        self.finish = finish
        self.put_off = put_off
        self.commands: Sequence[Command] = ()
        self.replies: list[Any] = []
        self.missing = 0


class Questions:
    """The questions of a server. `call_later(seconds, callback, *args)` is the reactor's."""

    def __init__(self, links: Links, call_later: Callable[..., object]) -> None:
        self._links = links
        self._call_later = call_later
        self._waiting: deque[_Question] = deque()
        self._is_asking_again = False
        self._is_held = (
            False  # what is asked now must not overtake what waits, or Redis may not know yet what it should
        )
        self._error = ""  # the last one that was logged

    def __len__(self) -> int:
        """The number of questions that wait for Redis to come back."""
        return len(self._waiting)

    def ask[T](
        self, lane: int, steps: Steps[T], finish: Callable[[T], object], put_off: Callable[[], object] | None = None
    ) -> None:
        """Ask in a lane, and call `finish` with the answer.

        Call `put_off` instead if Redis is away and too many questions wait for it. Without `put_off`, it waits anyway.
        """
        self._go_on(_Question(lane, steps, finish, put_off), None)

    def hold(self) -> None:
        """Ask nothing until `up`: Redis may not know yet what it should."""
        self._is_held = True

    def up(self) -> None:
        """Ask again what has waited: Redis is back."""
        self._is_held = False
        self._ask_waiting()

    def _ask_waiting(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for question in waiting:
            self._send(question)

    def _go_on(self, question: _Question, replies: list[Any] | None) -> None:
        try:
            question.commands = question.steps.send(replies)  # type: ignore[arg-type]  # None begins
        except StopIteration as end:
            question.finish(end.value)
            return
        if question.commands and self._is_held:
            self._wait(question)
        elif question.commands:
            self._send(question)
        else:
            self._call_later(_REST, self._go_on, question, [])

    def _send(self, question: _Question) -> None:
        """Send the commands of the present step."""
        commands = question.commands
        question.replies = [None] * len(commands)
        question.missing = len(commands)
        link = self._links.ears(question.lane)
        for index, command in enumerate(commands):
            link.call(partial(self._replied, question, index), *command)

    def _replied(self, question: _Question, index: int, reply: Any) -> None:
        question.replies[index] = reply
        question.missing -= 1
        if question.missing:
            return
        error = next((reply for reply in question.replies if isinstance(reply, RedisError)), None)
        if error is None:
            self._error = ""
            self._go_on(question, question.replies)
        else:
            self._failed(question, error)

    def _wait(self, question: _Question) -> None:
        """Have a question wait for Redis, or put it off."""
        if question.put_off is not None and len(self._waiting) >= MOST_WAITING:
            question.steps.close()
            question.put_off()
        else:
            self._waiting.append(question)

    def _failed(self, question: _Question, error: RedisError) -> None:
        if error.code == "FENCED":  # the server begins anew, and nobody waits for the answer
            question.steps.close()
            return
        self._wait(question)
        if isinstance(error, LinkLost):
            self._is_held = True
        else:
            if str(error) != self._error:
                self._error = str(error)
                logger.warning("Redis does not read the history, and is asked again: %s", error)
            if not self._is_asking_again:
                self._is_asking_again = True
                self._call_later(_AGAIN, self._ask_again)

    def _ask_again(self) -> None:
        self._is_asking_again = False
        if not self._is_held:
            self._ask_waiting()
