"""Reading the history of a place: asks for its pages, shows what is new in them, and releases what was held back. Pure.

`Histories` knows which pages are awaited. `Incoming` hands over the frames that begin or continue the reading.
"""

from collections.abc import Callable

from pylingo.client import events
from pylingo.client.histories import INBOX, Histories, place_of
from pylingo.client.outgoing import Outgoing
from pylingo.client.unanswered import Unanswered
from pylingo.shared import messages
from pylingo.shared.schema import Record

_LAST_STAMP = 2**63 - 1


class Reading:
    """The arguments belong to the conversation.

    `name()` is our own name. `take(record)` handles a frame that is held back no longer, and `confirmed(sent)` one of
    our own messages that was found in the history.
    """

    def __init__(
        self,
        histories: Histories,
        out: Outgoing,
        unanswered: Unanswered,
        *,
        name: Callable[[], str | None],
        take: Callable[[Record], object],
        confirmed: Callable[[messages.Sent], object],
    ) -> None:
        self._histories = histories
        self._out = out
        self._unanswered = unanswered
        self._name = name
        self._take = take
        self._confirmed = confirmed

    def catch_up(self, place: str) -> None:
        """Fetch the messages of a place that were not seen; of a new room, the newest messages."""
        self._out.ask(place, self._histories[place].catch_up(self._unanswered.seen_before(place)))

    def skipped(self, skipped: messages.Skipped) -> None:
        """Fetch the messages that the server has left out."""
        place = place_of(skipped) or INBOX
        self._out.add(events.FramesMissed(skipped.room))
        self._out.ask(place, self._histories[place].start(skipped.after, min(skipped.until + 1, _LAST_STAMP)))

    def page(self, page: messages.HistoryPage) -> None:
        """A page came. Show it if it is the awaited one, and ask for the next."""
        place = self._histories.answered(page.re)
        if place is not None and self._histories[place].is_awaited(page.re):
            self._read(place, page)

    def refused(self, place: str, error: messages.Error) -> None:
        """There is no page for a place: go on with the live frames."""
        if self._histories[place].is_awaited(error.re):
            self._out.show(error)
            self._release(place)

    def own_confirmed(self, place: str) -> None:
        """One of our messages was confirmed. After many in a row, look for missed ones of others."""
        request = self._histories[place].confirmed_own()
        if request is not None:
            self._out.ask(place, request)

    def _read(self, place: str, page: messages.HistoryPage) -> None:
        reader = self._histories[place]
        if (request := reader.request_since_join(page)) is not None:
            self._out.ask(place, request)
            return
        is_news = reader.is_catching_up
        for entry, is_new in reader.entries(page):
            if entry.key is not None and self._unanswered.is_said(entry.key):
                self._confirmed(messages.Sent(page.room, entry.at, key=entry.key, to=entry.to))
            elif is_new and not self._unanswered.is_mine(entry.key):
                self._out.show(as_live(page, entry, self._name()), is_news)
        if (seen := reader.context_shown()) is not None:
            self._out.add(events.NewSince(page.room or place, seen))
            request = reader.start(seen)
        else:
            request = reader.request_next(page)
        if request is not None:
            self._out.ask(place, request)
        else:
            self._release(place)

    def _release(self, place: str) -> None:
        """The history is read: handle the frames that were held back."""
        reader = self._histories[place]
        for record in reader.stop():
            if reader.is_reading:  # one before it was a gap, so it waits for the messages that fill that
                reader.hold(record)
            else:
                self._take(record)


def as_live(page: messages.HistoryPage, entry: messages.Entry, me: str | None) -> messages.Message | messages.Private:
    """The frame that an entry of the history would have been if it had come live; `me` is our name."""
    if page.room is None:
        who = entry.fingerprint, entry.operator
        return messages.Private(entry.from_, entry.to or me or "", entry.text, entry.at, entry.action, *who)
    return messages.Message(page.room, entry.from_, entry.text, entry.at, entry.action)
