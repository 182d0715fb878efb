"""Logs in a real Redis, written and read without a reactor, and links that are answered by hand."""

import itertools
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hiredis

from pylingo.reactor.bus.redis.blob import PLACEHOLDER, Author, Event, Part, Run, encode_batch, read_batch
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.private_log import encode_private
from pylingo.reactor.bus.redis.questions import Steps
from pylingo.reactor.history.memory import folded
from pylingo.shared.codec import encode, head_of_messages
from pylingo.shared.messages import Entry, Message
from tests.redis_server import RedisProcess
from tests.support import DEADLINE

JOIN = Event(op=["join", 7, "ada", None, None])
"""An event that is no message."""


def message(text: str = "hi", name: str = "ada", key: str | None = None, session: int = 1, action: bool = False) -> Run:
    """A message of a batch."""
    run = Run(Author(session, folded(name)))
    if action:
        run.add(encode(Message("tea", name, text, PLACEHOLDER, action)), key)
    else:
        run.head = head_of_messages("tea", name)
        run.add(text.encode(), key)
    return run


class RedisLogs:
    """Writes streams over one connection to `process`, and answers the steps of questions at once."""

    def __init__(self, process: RedisProcess, keys: Keys | None = None) -> None:
        self.keys = keys or Keys()
        self.steps = 0
        """The steps that were asked."""
        self.rests = 0
        """The rests between two parts of a long step."""
        self.asked = deque[tuple[Any, ...]](maxlen=100)
        """The newest commands of the steps."""
        self._sequence = itertools.count(1)
        self._reader = hiredis.Reader(notEnoughData=...)
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(DEADLINE)
        self._sock.connect(process.path)

    def close(self) -> None:
        self._sock.close()

    def call(self, *args: bytes | str | int) -> Any:
        """The reply to a command. Raises the error if it is one."""
        self._sock.sendall(hiredis.pack_command(args))  # type: ignore[arg-type]
        while (reply := self._reader.gets()) is ...:
            self._reader.feed(self._sock.recv(65_536))
        if isinstance(reply, Exception):
            raise reply
        return reply

    def answer[T](self, steps: Steps[T]) -> T:
        """The answer to a question."""
        replies: Any = None
        while True:
            try:
                commands = steps.send(replies)
            except StopIteration as end:
                result: T = end.value
                return result
            self.steps += bool(commands)
            self.rests += not commands
            self.asked.extend(commands)
            replies = [self.call(*command) for command in commands]

    def clear(self) -> None:
        self.call("FLUSHALL")

    def add(self, room: str, top: int, parts: Sequence[Part]) -> list[Entry]:
        """Add a batch to a room. Returns its messages."""
        data = encode_batch(1, next(self._sequence), parts)
        self.call("XADD", self.keys.of_room("r", room), f"{top}-0", "b", data, "p", "0")
        return read_batch(data).entries(top)

    def add_private(self, place: str, entry: Entry, session: int = 1) -> None:
        """Add a private message to a conversation or an inbox."""
        value = encode_private(entry, session, 1, 2)
        self.call("XADD", self.keys.key(0, f"p:{place}"), f"{entry.at}-0", "b", value)


@contextmanager
def logs_in(process: RedisProcess) -> Iterator[RedisLogs]:
    logs = RedisLogs(process)
    try:
        yield logs
    finally:
        logs.close()


class HandLinks:
    """Links that write down the commands, which `reply` answers in their order."""

    def __init__(self) -> None:
        self.calls: deque[tuple[int, tuple[Any, ...]]] = deque()
        """The lanes and the commands without a reply."""
        self._answers: deque[Callable[[Any], object] | None] = deque()
        self._lane = 0
        self.is_up = True
        self.later: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()

    def ears(self, lane: int) -> "HandLinks":
        self._lane = lane
        return self

    def call(self, answer: Callable[[Any], object] | None, *args: bytes | str | int) -> None:
        self.calls.append((self._lane, args))
        self._answers.append(answer)

    def reply(self, *replies: Any) -> None:
        """Answer the calls that are open with these replies."""
        for reply in replies:
            self.calls.popleft()
            answer = self._answers.popleft()
            if answer is not None:
                answer(reply)

    def call_later(self, seconds: float, callback: Callable[..., object], *args: Any) -> None:
        """As that of the reactor: `run_later` makes the calls."""
        self.later.append((callback, args))

    def run_later(self) -> None:
        for _ in range(len(self.later)):
            callback, args = self.later.popleft()
            callback(*args)
