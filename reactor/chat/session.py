"""One person's conversation: requests in, coming and going, and the seat that is kept when a connection breaks.

`requests` has the handlers, `view` what goes out and in what order.
"""

from collections.abc import Callable

from reactor.chat.hub import Hub
from reactor.chat.listing import Listing
from reactor.chat.requests import HANDLERS
from reactor.chat.room import Room
from reactor.chat.seats import Timer
from reactor.chat.view import NOWHERE, Farewell, Outlet, Peer, Piece, Recipient
from shared import PROTOCOL_VERSION, __version__
from shared.codec import encode
from shared.errors import RequestError
from shared.framing import MAX_BODY
from shared.messages import Error, Goodbye, Hello, Joined, Left, Limits, Notice, Ready, Renamed, Welcome
from shared.schema import Record
from shared.text import MAX_NAME, MAX_ROOM, MAX_TEXT

LIMITS = Limits(frame=MAX_BODY, text=MAX_TEXT, name=MAX_NAME, room=MAX_ROOM)
_KEEP_SEAT = frozenset({"lost", "idle", "stalled", "frame-timeout"})


class Session(Recipient):
    """What one connected person is and does. `name` is unique on the server, and so is `key`, its compared form."""

    __slots__ = (
        "_grace",
        "_heir",
        "_is_full",
        "key",
        "leaving",
        "listing",
        "name",
        "number",
        "origin",
        "token",
        "waiting",
    )

    def __init__(self, hub: Hub, peer: Peer, out: Outlet, motd: str = "", origin: str | None = None) -> None:
        """Welcome somebody. `motd` is the notice of the day, `origin` a key that connections with one bound share."""
        super().__init__(hub, peer, out)
        self.origin = origin
        self.token: str | None = None
        self._grace: Timer | None = None  # runs while the seat is kept for a connection that broke
        self._heir: Session | None = None  # who took over the connection
        self.waiting = False
        """Whether an answer must be out before anything more is handled. The peer's `go_on` tells of its end."""
        self.listing: Listing | None = None  # an answer that is not complete yet
        self._is_full = False  # whether the next of them waits until the connection has drained
        self.leaving = False  # whether nothing is handled any more, though the log is still waited for
        self.number = hub.number()
        self.name = self.key = hub.admit(self)
        self.answer(Welcome(PROTOCOL_VERSION, f"PyLingo/{__version__}", self.name, LIMITS))
        if motd:
            self.answer(Notice(motd))

    @property
    def ready(self) -> bool:
        """Whether it has said hello."""
        return self.token is not None

    @property
    def is_away(self) -> bool:
        """Whether the connection broke and the seat is kept."""
        return self._grace is not None

    # --- what comes in

    def handle(self, request: Record) -> None:
        """Do what is asked, and answer."""
        if self.leaving:
            return
        try:
            HANDLERS[type(request)](self, self._hub, request)
        except RequestError as error:
            error.re = getattr(request, "id", None)
            self.refuse(error)

    def refuse(self, error: RequestError) -> None:
        """Answer with an error."""
        self.answer(Error(error.reason, error.text, error.re))

    def end(self, reason: str, text: str, re: int | None = None, drop: bool = False) -> None:
        """Say goodbye, and tell the room. With `drop` the room's frames of this tick are not sent any more."""
        if self.closing is not None:
            return
        goodbye = encode(Goodbye(reason, text, re))
        if self._keeps_seat(reason):
            self._part(reason, goodbye, drop)
            return
        self.leave(reason)
        view = self._view()
        if drop:
            view.clear()
        view.append(goodbye)
        self._over(reason)

    def shut_down(self, text: str) -> None:
        """Say goodbye to everybody at once: no room is told, as nobody stays who could be."""
        if self.closing is None:
            self._view().append(encode(Goodbye("shutdown", text)))
            self.room = None
            self._over("shutdown")

    def lost(self) -> None:
        """The connection broke."""
        if self.closing is not None:
            return
        if self._keeps_seat("lost"):
            self._part("lost", b"", drop=False)
        else:
            self.expire("close" if self.leaving else "lost")

    def drained(self) -> None:
        """The connection has taken all that was queued: say what was left out meanwhile, and go on with a listing."""
        if self.closing is None and self.gap is not None:
            self._close_gap()
        if self.listing is not None and self._is_full:
            self._is_full = False
            self._hub.pager.go_on(self.listing)

    def go_on(self) -> None:
        """No more `waiting`: what has come meanwhile is handled."""
        self.waiting = False
        self._peer.go_on()

    def end_when_kept(self, reason: str, text: str, re: int | None) -> None:
        """Handle nothing more, and say goodbye as soon as all that was said is in the log and confirmed.

        If the disk hangs, say it at once. From now on nobody can resume the session: it would be handed nothing,
        however long the log takes.
        """
        self.leaving = True
        self._give_up_token()
        self._hub.log.when_settled(lambda: self.end(reason, text, re))

    def deliverer(self, size: int) -> Callable[[Record | None], None]:
        """What delivers an answer that waits for the log, of at most about `size` bytes.

        It goes to the connection that has asked, or to nobody. None if there is to be no answer after all.
        """
        peer = self._peer
        self._owed += size
        self.pending += size

        def deliver(record: Record | None) -> None:
            session = self._heir or self
            if session._peer is peer:
                session._owed -= size
                session.pending -= size
                if record is not None:
                    session.answer(record)

        return deliver

    # --- answers in pages

    def begin_listing(self, listing: Listing) -> None:
        """Answer with a listing; nothing more is handled before its last page is out."""
        self.listing = listing
        self._hub.pager.begin(listing)
        self.waiting = self.listing is not None

    def takes_page(self) -> bool:
        """Whether the connection has taken enough of what is queued. If not, `drained` goes on."""
        self._is_full = self.out.queued > self._hub.soft
        if self._is_full:
            self.out.tell_drained = True
        return not self._is_full

    def end_listing(self) -> None:
        """The last page is out."""
        self.listing = None
        if self.waiting:
            self.go_on()

    def _drop_listing(self) -> None:
        """The connection that asked is gone."""
        if self.listing is not None:
            self.listing = None
            self.waiting = False

    # --- coming and going

    def join(self, room: Room) -> None:
        """Go into `room`, out of the one before."""
        self.leave("moved")
        self._view()
        self.room = room
        self._mark = len(room.batch.frames)
        if room.members:
            self.tell_room(Joined(room.name, self.name))
        room.add(self)
        self._hub.directory.changed()

    def leave(self, reason: str) -> Room | None:
        """Go out of the room, telling the others; returns it, or None if there was none."""
        room = self.room
        if room is None:
            return None
        self._view()
        if self.gap is not None:
            self._close_gap()
        room.remove(self)
        self._hub.directory.changed()
        if room.members:
            self.tell_room(Left(room.name, self.name, reason))
        else:
            self._hub.forget(room)
        self.room = None
        self._mark = 0
        return room

    def rename(self, name: str) -> str:
        """Take a name; returns the old one. Raises `RequestError` `name-taken`."""
        old = self.name
        if name != old:
            key = self._hub.rename(self, name)
            if self.room is not None:
                self.room.directory.remove(self.key)
                self.room.directory.add(key)
                if len(self.room.members) > 1:
                    self.tell_room(Renamed(old, name, self.room.name))
            self.name, self.key = name, key
        return old

    def _over(self, reason: str) -> None:
        self.closing = reason
        self._hub.release(self)
        self._drop_listing()
        self._give_up_token()
        self._stop_grace()

    def _give_up_token(self) -> None:
        if self.token is not None:
            self._hub.revoke_token(self, self.token)
            self.token = None

    # --- a connection that broke, and the one that takes its place

    def _keeps_seat(self, reason: str) -> bool:
        """Whether the session outlives its connection; if so, its grace time begins."""
        if self.token is None or reason not in _KEEP_SEAT:
            return False
        self._grace = self._hub.seats.keep(self)
        return self._grace is not None

    def _part(self, reason: str, goodbye: bytes, drop: bool) -> None:
        """Go on without the connection, which still gets what was said so far and its goodbye."""
        view = self._view()
        if drop:
            view.clear()
        view.append(goodbye)
        self._peer.abandon()
        self._hub.session_acted(Farewell(view, self.out, self._peer, reason))
        self._peer = self.out = NOWHERE
        self._drop_listing()
        self.view = []
        self.gap = None
        self.pending = self._owed = 0

    def expire(self, reason: str = "lost") -> None:
        """Nobody has come back in time, or there was no seat to keep."""
        self.leave(reason)
        self._view()
        self._over(reason)

    def _stop_grace(self) -> None:
        if self._grace is not None:
            self._hub.seats.give_up(self)
            self._grace.cancel()
            self._grace = None

    def become_ready(self, hello: Hello) -> None:
        """Get a token, with which the session can be resumed."""
        self.token = self._hub.issue_token(self)
        if hello.resume is not None:
            self._hub.note_claim(self, hello.resume)

    def hand_over(self, seat: "Session", re: int | None) -> None:
        """This connection resumes `seat`; the session that it had so far is over."""
        self.leave("moved")
        view = self._view()
        seat._take(self, view, re)
        self._peer = self.out = NOWHERE
        self.view = None
        self._heir = seat
        self._over("resumed")

    def _take(self, asker: "Session", view: list[Piece], re: int | None) -> None:
        """Go on with the connection of `asker`, for which `view` is waiting already."""
        if self._peer is not NOWHERE:
            goodbye = Goodbye("replaced", "this session was resumed from another connection")
            self._part("replaced", encode(goodbye), drop=False)
        self._stop_grace()
        self.origin = asker.origin
        self._view()  # up to here nobody was there to get it: it is in the log
        self._peer, self.out, self.view, self._owed = asker._peer, asker.out, view, asker._owed
        self.pending = self._hub.hard  # what waits on that connection already is counted at the next look
        self._peer.adopt(self)
        self.answer_ready(True, re)

    def answer_ready(self, resumed: bool, re: int | None) -> None:
        """Say who one is, where, and with what token one comes back."""
        assert self.token is not None
        self.answer(Ready(self.name, self.room.name if self.room is not None else None, self.token, resumed, re))
