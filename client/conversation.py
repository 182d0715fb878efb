"""What a client knows of its conversation, over as many connections as it takes. Pure: no sockets, no clock.

Records that came go in, records to send and records to show come out. After a connection broke, the next one resumes
the session where the server still knows it, else comes back by name and room; then the room's log fills the gap, what
was seen already is dropped, and what was typed meanwhile, or was not confirmed, is said again. A key with each `say`
keeps it single. So a person, or a bot, is shown every message of its room once, in the order of all. Every request of
the person is kept until it is answered, and a refusal names the request that it is for.
"""

import collections
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pylingo.client.unanswered import Refusal, Unanswered
from pylingo.client.wish import TAKEN, Wish
from pylingo.shared import PROTOCOL_VERSION, __version__
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import (
    MAX_PAGE,
    Command,
    Error,
    Hello,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Message,
    Ready,
    Renamed,
    Say,
    Sent,
    Skipped,
)
from pylingo.shared.names import fold
from pylingo.shared.schema import MAX_ID, Record
from pylingo.shared.text import message_text

SHOWN_ON_JOINING = 50
"""Messages of a room's log that are shown on joining it for the first time."""
_MOST_ALONE = 2_000  # messages of ours, with none of others between, before the log is asked whether that is all
_MOST_HELD = 20_000  # frames, while the log is being read; a server that says more meanwhile has forgotten us
_ROOMS_KEPT = 1_000
_LAST_STAMP = 2**63 - 1
_HELLO = MAX_ID  # the id of every hello; all others are small
_ROOM_FRAMES = (Message, Joined, Left, Renamed, Skipped)


@dataclass(slots=True)
class Step:
    """What follows from something that happened: records for the server, records for the person, and refusals."""

    send: list[Record] = field(default_factory=list)
    show: list[Record] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


class Conversation:
    """See the module. `new_key` makes the keys of messages; by default they are random."""

    def __init__(
        self, name: str | None, room: str | None, new_key: Callable[[], str] = lambda: secrets.token_hex(8)
    ) -> None:
        self.name = name
        """How the server calls us; before that, how we want to be called."""
        self.room: str | None = None
        """Where we are, as the server has said."""
        self.gaps = 0
        """How often we read too slowly, and were left out of room frames for a while."""
        self._wish = Wish(name)
        self._claim = 0  # the id of the request for that name that is not answered yet
        self._goal = room  # where we want to be: the room asked for last, whether the server has answered or not
        self._joining = 0  # the id of the join that is not answered yet
        self._new_key = new_key
        self._token = secrets.token_hex(16)  # until the server gives one: it knows by it a hello that is said again
        self._live = False  # whether what is typed can be sent at once
        self._unanswered = Unanswered()
        self._newest: dict[str, int] = {}  # of each room: the stamp up to which all is seen
        self._alone = 0  # messages of ours that were confirmed since that last grew
        self._held: collections.deque[Record] | None = None  # room frames, while the log is being read
        self._asked = 0  # the id of the page that is due
        self._since: int | None = None
        self._before: int | None = None
        self._last_id = 0

    @property
    def unconfirmed(self) -> int:
        """How many messages and commands wait to be sent, to be confirmed or to be answered."""
        return len(self._unanswered)

    @property
    def wanted(self) -> str | None:
        """The name that we asked for and that somebody else has."""
        return self._wish.name if self._wish.is_taken else None

    @property
    def is_settled(self) -> bool:
        """Whether all that was typed has been sent and confirmed."""
        return self._live and not self.unconfirmed

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is waited for any more, not even the room's log."""
        return self.is_settled and self._held is None

    def forget(self) -> int:
        """Give up what is not confirmed; returns how many messages and commands that are."""
        return self._unanswered.forget()

    # --- what the connection tells

    def connected(self) -> Step:
        """There is a new connection."""
        program = f"PyLingo/{__version__}"
        return Step([Hello(PROTOCOL_VERSION, self._wish.name, program, resume=self._token, id=_HELLO)])

    def disconnected(self) -> None:
        """The connection is gone. What was held is in the log: of a room that was new, from the first of it on."""
        for record in self._held or ():
            if isinstance(record, Message):
                self._newest.setdefault(fold(record.room), record.at - 1)
            elif isinstance(record, Skipped):
                self._newest.setdefault(fold(record.room), record.after)
        self._live = False
        self._claim = 0
        self._stop_reading()

    def received(self, record: Record) -> Step:
        """A frame came. Raises `ConnectionError` if the server does not answer what it was asked for."""
        step = Step()
        if type(record) is not Error:
            self._unanswered.command_answered(getattr(record, "re", None) or 0)
        if self._held is not None and isinstance(record, _ROOM_FRAMES) and not _is_own(record):
            self._held.append(record)
            if len(self._held) > _MOST_HELD:
                raise ConnectionError("the server does not answer a question for the room's log")
        else:
            self._take(record, step)
        return step

    # --- what the person does

    def say(self, text: str, key: str | None = None) -> Step:
        """Say something, now or as soon as that is possible. Raises `RequestError` if no server would take it."""
        _check(text)
        message_text(text)
        return self._request(Say(text, key=key or self._new_key()))

    def command(self, name: str, argument: str | None = None) -> Step:
        """Ask for a command, now or as soon as that is possible. Raises `RequestError` if it cannot be sent."""
        _check(name + (argument or ""))
        return self._request(Command(name, argument))

    def claim(self) -> Step:
        """Ask again for the name that somebody else had."""
        step = Step()
        if self._live and self.wanted is not None and not self._claim:
            self._claim = self._next_id()
            step.send.append(Command("name", self.wanted, self._claim))
        return step

    # --- sending

    def _request(self, request: Say | Command) -> Step:
        step = Step()
        if self._live:
            self._send(request, step)
        else:
            self._unanswered.waiting.append(request)
        return step

    def _send(self, request: Say | Command, step: Step) -> None:
        number = self._next_id()
        request = replace(request, id=number)
        room = fold(self._goal or "")
        self._unanswered.sent(request, room, self._newest.get(room, 0))
        step.send.append(request)
        match request:
            case Command("join", str(room)):
                self._set_out(room, number)
            case Command("leave", None | ""):  # with an argument it is refused
                self._goal = None

    def _join(self, room: str, step: Step) -> None:
        number = self._next_id()
        self._set_out(room, number)
        step.send.append(Command("join", room, number))

    def _set_out(self, room: str, number: int) -> None:
        self._goal = room.strip().removeprefix("#")
        self._joining = number

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    # --- receiving

    def _take(self, record: Record, step: Step) -> None:
        match record:
            case Ready():
                self._ready(record, step)
            case Joined() if record.users is not None:
                self._joined(record, step)
            case Left() if record.reason is None:
                self.room = None
                self._stop_reading()
                step.show.append(record)
            case Renamed() if record.room is None:
                self.name = record.new
                self._wish.chosen(record.new)
                self._claim = 0
                step.show.append(record)
            case Message():
                self._message(record, step)
            case Skipped():
                self.gaps += 1
                self._read_log(record.after, min(record.until + 1, _LAST_STAMP), step)
            case Sent():
                if record.key is None or self._unanswered.is_said(record.key):
                    self._confirm(record, step)
            case HistoryPage():
                if record.re == self._asked:  # any other is for a room that was left meanwhile
                    self._page(record, step)
            case Error():
                self._error(record, step)
            case _:
                step.show.append(record)
        if self._wish.comes_free(record):
            step.send += self.claim().send

    def _ready(self, ready: Ready, step: Step) -> None:
        step.show.append(ready)
        self.name = ready.name
        self._wish.given(ready.name)
        self._token = ready.token
        self.room = ready.room
        if self._goal and (self.room is None or fold(self.room) != fold(self._goal)):
            self._join(self._goal, step)
            return
        if self.room is not None:
            self._catch_up(self.room, step)
            if self._goal is None:  # a leave was lost with the connection
                self._unanswered.waiting.insert(0, Command("leave"))
        self._go_live(step)

    def _joined(self, joined: Joined, step: Step) -> None:
        step.show.append(joined)
        self.room = joined.room
        if joined.re is None or joined.re == self._joining:
            self._joining = 0
            self._goal = joined.room
        self._stop_reading()
        self._catch_up(joined.room, step)
        if not self._live and not self._joining:
            self._go_live(step)

    def _go_live(self, step: Step) -> None:
        """Say again what was not confirmed, ask again what was not answered, then send what was typed meanwhile."""
        self._live = True
        again, anew, unknown = self._unanswered.after_return(fold(self.room or ""))
        step.send += again
        for refusal in unknown:
            _refuse(refusal, step)
        for request in anew:
            self._send(request, step)

    def _message(self, message: Message, step: Step) -> None:
        room = fold(message.room)
        if message.at > self._newest.get(room, 0):
            self._saw(room, message.at)
            step.show.append(message)
            self._asked = 0  # a page that nothing is held for could only tell what this one has told

    def _saw(self, room: str, at: int) -> None:
        """All up to `at` is seen. A `sent` does not say that: it may come before a gap that lies before it."""
        self._newest[room] = at
        self._alone = 0
        if len(self._newest) > _ROOMS_KEPT:
            self._newest = {room: at}

    def _confirm(self, sent: Sent, step: Step) -> None:
        if sent.key is not None:
            self._unanswered.confirm(sent.key)
        step.show.append(sent)
        self._alone += 1
        if self._alone >= _MOST_ALONE and not self._asked and self.room is not None:
            # Else the next one to come back would read all of them, and know the last ones only for its own. Nothing
            # is held meanwhile: a page waits behind all that we say, and others are not to wait for that.
            self._alone = 0
            self._ask_log(self._newest.get(fold(self.room)), None, step)

    def _error(self, error: Error, step: Step) -> None:
        if error.re == _HELLO or (self._claim and error.re == self._claim):
            is_told = error.re == self._claim and error.code == TAKEN
            self._wish.refused(error.code)
            self._claim = 0
            if not is_told:
                step.show.append(error)
            return
        if error.re is not None and (request := self._unanswered.answered(error.re)) is not None:
            _refuse(Refusal(request, error), step)
        else:
            step.show.append(error)
        if error.re is None:
            return
        if error.re == self._asked:  # there is no log to be had: go on with what comes
            self._release(step)
        elif error.re == self._joining:
            self._refused_room(step)

    def _refused_room(self, step: Step) -> None:
        """We stay where we were, and so does what was said since."""
        wrong, here = fold(self._goal or ""), fold(self.room or "")
        self._joining = 0
        self._goal = self.room
        self._unanswered.move(wrong, here)
        if not self._live:
            if self.room is not None:
                self._catch_up(self.room, step)
            self._go_live(step)

    # --- reading the log

    def _catch_up(self, room: str, step: Step) -> None:
        """Read what we have not seen of a room; of one that is new to us, the newest messages."""
        since = self._newest.get(fold(room))
        if since is not None:  # also what we said ourselves and do not know to have arrived
            since = min([since, *self._unanswered.seen_before(fold(room))])
        self._read_log(since, None, step)

    def _read_log(self, since: int | None, before: int | None, step: Step) -> None:
        """Ask for what is missing, and hold what comes meanwhile."""
        if self._held is None:
            self._held = collections.deque()
        self._ask_log(since, before, step)

    def _ask_log(self, since: int | None, before: int | None, step: Step) -> None:
        self._since, self._before = since, before
        self._asked = self._next_id()
        limit = SHOWN_ON_JOINING if since is None else MAX_PAGE
        step.send.append(HistoryRequest(since, before, limit, self._asked))

    def _stop_reading(self) -> None:
        """The room is another one: what was held is in the log of the one before, should we come back."""
        self._held = None
        self._asked = 0

    def _page(self, page: HistoryPage, step: Step) -> None:
        room = fold(page.room)
        missed = self._first_held()
        if self._since is None and page.messages and missed is not None and missed < page.messages[0].at:
            # A page is no larger than a frame: it has no place for all that came since we joined.
            self._ask_log(missed - 1, None, step)
            return
        self._newest.setdefault(room, 0)
        for entry in page.messages:
            if entry.key is not None and self._unanswered.is_said(entry.key):
                self._confirm(Sent(page.room, entry.at, key=entry.key), step)
            elif entry.at > self._newest[room] and not self._unanswered.is_mine(entry.key):
                step.show.append(Message(page.room, entry.from_, entry.text, entry.at))
            if entry.at > self._newest[room]:
                self._saw(room, entry.at)
        if page.more and self._since is not None and page.messages:
            self._ask_log(page.messages[-1].at, self._before, step)
        else:
            self._release(step)

    def _first_held(self) -> int | None:
        """The stamp from which on messages came while the log is being read, or were left out."""
        for record in self._held or ():
            if isinstance(record, Message):
                return record.at
            if isinstance(record, Skipped):
                return record.after + 1
        return None

    def _release(self, step: Step) -> None:
        """The log is read: go on with what came meanwhile."""
        held = self._held or collections.deque()
        self._stop_reading()
        while held:
            self._take(held.popleft(), step)
            if self._held is not None:  # one of them was a gap: the rest waits for what fills it
                self._held.extend(held)
                return


def _check(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestError("bad-text", "this was not sent: it has characters that are none in UTF-8") from None


def _refuse(refusal: Refusal, step: Step) -> None:
    step.show.append(refusal.error)
    step.refused.append(refusal)


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
