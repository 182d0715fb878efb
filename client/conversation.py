"""What a client knows of its conversation, over as many connections as it takes. Pure: no sockets, no clock.

Records that came go in, records to send and records to show come out. After a connection broke, the next one resumes
the session where the server still knows it, else comes back by name and room; then the room's log fills the gap, what
was seen already is dropped, and what was typed meanwhile, or was not confirmed, is said again. A key with each `say`
keeps it single. So a person, or a bot, is shown every message of its room once, in the order of all.
"""

import collections
import secrets
from collections.abc import Callable
from typing import NamedTuple

from shared import PROTOCOL_VERSION, __version__
from shared.messages import (
    MAX_PAGE,
    Command,
    Error,
    Hello,
    History,
    HistoryPage,
    Joined,
    Left,
    Message,
    Ready,
    Renamed,
    Say,
    Sent,
    Skipped,
)
from shared.schema import Record
from shared.text import fold, message_text

SHOWN_ON_JOINING = 50
"""Messages of a room's log that are shown on joining it for the first time."""
_ROOM_FRAMES = (Message, Joined, Left, Renamed, Skipped)


class Step(NamedTuple):
    """What follows from something that happened: records for the server and records for the person."""

    send: list[Record]
    show: list[Record]


class _Pending(NamedTuple):
    """Something said that the server has not confirmed, and the room it is for (None: the one we will be in)."""

    say: Say
    room: str | None


class Conversation:
    """See the module. `new_key` makes the keys of messages; by default they are random."""

    def __init__(
        self, name: str | None, room: str | None, new_key: Callable[[], str] = lambda: secrets.token_hex(8)
    ) -> None:
        self.name = name
        self.room = room
        self._new_key = new_key
        self._token: str | None = None
        self._live = False  # whether what is typed can be sent at once
        self._waiting: list[Record] = []  # typed before that, in order
        self._pending: collections.OrderedDict[str, _Pending] = collections.OrderedDict()
        self._mine: set[str] = set()  # keys of what was said here and is confirmed
        self._newest: dict[str, int] = {}  # of each room, by its compared name: the newest stamp seen
        self._held: collections.deque[Record] | None = None  # room frames, while the log is being read
        self._asked = 0  # the id of the page that is due
        self._since: int | None = None
        self._before: int | None = None
        self._last_id = 0

    @property
    def unconfirmed(self) -> int:
        """How many requests wait to be sent, and messages to be confirmed."""
        return len(self._waiting) + len(self._pending)

    @property
    def is_settled(self) -> bool:
        """Whether all that was typed has been sent and confirmed."""
        return self._live and not self._waiting and not self._pending

    # --- what the connection tells

    def connected(self) -> Step:
        """There is a new connection."""
        return Step([Hello(PROTOCOL_VERSION, self.name, f"PyLingo/{__version__}", resume=self._token)], [])

    def disconnected(self) -> None:
        """The connection is gone. What was held is in the log."""
        self._live = False
        self._held = None
        self._asked = 0

    def received(self, record: Record) -> Step:
        """A frame came."""
        step = Step([], [])
        if self._held is not None and isinstance(record, _ROOM_FRAMES) and not _is_own(record):
            self._held.append(record)
        else:
            self._take(record, step)
        return step

    # --- what the person does

    def say(self, text: str) -> Step:
        """Say something, now or as soon as that is possible. Raises `RequestError` if no server would take it."""
        message_text(text)
        return self._request(Say(text, key=self._new_key()))

    def command(self, name: str, argument: str | None = None) -> Step:
        """Ask for a command, now or as soon as that is possible."""
        return self._request(Command(name, argument))

    # --- inside

    def _request(self, request: Record) -> Step:
        step = Step([], [])
        if self._live:
            self._send(request, step)
        else:
            self._waiting.append(request)
        return step

    def _send(self, request: Record, step: Step) -> None:
        if isinstance(request, Say):
            self._last_id += 1
            request = Say(request.text, request.key, self._last_id)
            assert request.key is not None
            self._pending[request.key] = _Pending(request, self.room)
        step.send.append(request)

    def _take(self, record: Record, step: Step) -> None:
        match record:
            case Ready():
                self._ready(record, step)
            case Joined() if record.users is not None:
                self._joined(record, step)
            case Left() if record.reason is None:
                self.room = None
                step.show.append(record)
            case Renamed() if record.room is None:
                self.name = record.new
                step.show.append(record)
            case Message():
                self._message(record, step)
            case Skipped():
                self._read_log(record.after, record.until + 1, step)
            case Sent():
                self._sent(record, step)
            case HistoryPage() if record.re is not None and record.re == self._asked:
                self._page(record, step)
            case Error():
                self._error(record, step)
            case _:
                step.show.append(record)

    def _ready(self, ready: Ready, step: Step) -> None:
        step.show.append(ready)
        self.name = ready.name
        self._token = ready.token
        if ready.resumed:
            self.room = ready.room
            if ready.room is not None:
                self._read_log(self._newest.get(fold(ready.room)), None, step)
            self._go_live(step)
        elif self.room:
            step.send.append(Command("join", self.room))
        else:
            self._go_live(step)

    def _joined(self, joined: Joined, step: Step) -> None:
        step.show.append(joined)
        self.room = joined.room
        self._read_log(self._newest.get(fold(joined.room)), None, step)
        if not self._live:
            self._go_live(step)

    def _go_live(self, step: Step) -> None:
        """Say again what was not confirmed, then send what was typed meanwhile."""
        self._live = True
        for key, pending in list(self._pending.items()):
            if pending.room is not None and (self.room is None or fold(pending.room) != fold(self.room)):
                del self._pending[key]
                words = f"it is not known whether this arrived in {pending.room}: {pending.say.text}"
                step.show.append(Error("unconfirmed", words[:1_024]))
            else:
                step.send.append(pending.say)
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            self._send(request, step)

    def _message(self, message: Message, step: Step) -> None:
        room = fold(message.room)
        if message.at > self._newest.get(room, 0):
            self._newest[room] = message.at
            step.show.append(message)

    def _sent(self, sent: Sent, step: Step) -> None:
        if sent.key is None or sent.key in self._pending:
            self._confirm(sent, step)

    def _confirm(self, sent: Sent, step: Step) -> None:
        if sent.key is not None:
            self._pending.pop(sent.key, None)
            self._mine.add(sent.key)
        step.show.append(sent)

    def _error(self, error: Error, step: Step) -> None:
        for key, pending in self._pending.items():
            if error.re is not None and pending.say.id == error.re:
                del self._pending[key]
                break
        if not self._live and error.re is None and self._token is not None and error.code == "bad-room":
            self.room = None  # the join that was to make us live was refused
            self._go_live(step)
        step.show.append(error)

    # --- reading the log

    def _read_log(self, since: int | None, before: int | None, step: Step) -> None:
        """Ask for what is missing, and hold what comes meanwhile."""
        if self._held is None:
            self._held = collections.deque()
        self._since, self._before = since, before
        self._last_id += 1
        self._asked = self._last_id
        limit = SHOWN_ON_JOINING if since is None else MAX_PAGE
        step.send.append(History(since, before, limit, self._asked))

    def _page(self, page: HistoryPage, step: Step) -> None:
        room = fold(page.room)
        for entry in page.messages:
            if entry.key is not None and (entry.key in self._mine or entry.key in self._pending):
                if entry.key in self._pending:
                    self._confirm(Sent(page.room, entry.at, key=entry.key), step)
                continue
            if entry.at > self._newest.get(room, 0):
                self._newest[room] = entry.at
                step.show.append(Message(page.room, entry.from_, entry.text, entry.at))
        if page.more and self._since is not None and page.messages:
            self._read_log(page.messages[-1].at, self._before, step)
            return
        self._asked = 0
        held, self._held = self._held or collections.deque(), None
        while held:
            self._take(held.popleft(), step)
            if self._held is not None:  # one of them was a gap: the rest waits for what fills it
                self._held.extend(held)
                return


def _is_own(record: Record) -> bool:
    """Whether a frame about a room is the answer to something of ours."""
    match record:
        case Joined():
            return record.users is not None
        case Left():
            return record.reason is None
        case Renamed():
            return record.room is None
    return False
