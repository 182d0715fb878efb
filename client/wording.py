"""The lines that a person reads for a frame, and other sentences about the conversation. Pure.

Text of other people and of the server passes through `printable` or `readable`, so no line can control a terminal. The
first line of a frame starts in the first column and all others are indented, so no text can imitate another frame.
"""

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from pylingo.client.help_groups import help_rows
from pylingo.client.zone import local_time
from pylingo.reactor.engine.handshake import NotTlsError
from pylingo.reactor.engine.tls import reason_of
from pylingo.shared import messages
from pylingo.shared.schema import Record
from pylingo.shared.text import printable, quote, readable

UNCONFIRMED = "unconfirmed"
"""The code of the client's own error: it is not known whether the server carried out a request."""
INDENT = "    "
_BAD_CERTIFICATES = {  # by OpenSSL's X509_V_ERR_ number
    9: "is not valid yet: is the clock of this machine right?",
    10: "has expired",
    18: "is its own issuer, and nobody else vouches for it",
    19: "ends in an issuer that this machine does not trust",
    20: "is from an issuer that this machine does not know",
    62: "is for another host",
    64: "is for another address",
}
_WHY_LEFT = {"leave": "left {room}", "moved": "went to another room", "close": "left", "lost": "lost the connection"}


def wording(record: Record, me: str | None = None) -> list[str]:
    """The lines for a frame, without line ends. Frames that are not for people have none. `me` is our name."""
    words = _WORDS.get(type(record))
    if words is None:
        return []
    text = _private(record, me) if isinstance(record, messages.Private) else words(record)
    first, *rest = readable(text).split("\n")
    return [first, *(INDENT + row for row in rest)]


def typed(request: messages.Say | messages.Command) -> str:
    """The line that a person would type for a request."""
    match request:
        case messages.Say(text, to=str(name)):
            return f"/msg {name} {text}"
        case messages.Say(text, action=True):
            return f"/me {text}"
        case messages.Say(text):
            return f"/{text}" if text.startswith("/") else text
        case messages.Command(name, argument):
            return f"/{name} {argument or ''}".rstrip()


def refused(request: messages.Say | messages.Command, error: messages.Error) -> str:
    """A sentence that says why a request will not be carried out."""
    if error.code == UNCONFIRMED:
        return error.text
    return f"the line {quote(typed(request))} was refused: {error.text}"


def not_confirmed(what: str, count: int) -> str:
    """A sentence that says how many of `what` the server has not confirmed."""
    return f"{count} {what}{' was' if count == 1 else 's were'} not confirmed by the server"


def why_no_connection(error: Exception | None, goodbye: messages.Goodbye | None, where: str) -> str:
    """A sentence that says why there is no connection to the server at `where`."""
    if goodbye is not None:
        return f"{where} ended the connection: {printable(goodbye.text)}"
    if isinstance(error, NotTlsError):
        return f"{where} does not speak TLS: connect to it without encryption, or to another port"
    if isinstance(error, ssl.SSLCertVerificationError):
        words = _BAD_CERTIFICATES.get(error.verify_code, f"was refused: {printable(reason_of(error))}")
        return f"the certificate of {where} {words}"
    if isinstance(error, ssl.SSLError):
        return f"no encrypted connection to {where}: {printable(reason_of(error))}"
    # The system reports a reset, not an end, if the server had not read everything.
    if error is None or isinstance(error, ConnectionResetError | BrokenPipeError):
        return f"the connection to {where} broke: the server went away"
    if isinstance(error, ConnectionRefusedError):
        return f"connection refused: no server listens on {where}"
    if isinstance(error, socket.gaierror):
        later = error.errno == socket.EAI_AGAIN
        words = f"the host in {where} cannot be looked up at present" if later else f"unknown host in {where}"
        return f"{words}: {error.strerror}"
    return f"no connection to {where}: {getattr(error, 'strerror', None) or error}"


def clock_time(at: int) -> str:
    """The local time of a stamp (microseconds since 1970), in hours and minutes."""
    return time.strftime("%H:%M", local_time(at))


def local_day(at: int) -> tuple[int, int, int]:
    """The local date of a stamp: year, month, day."""
    return local_time(at)[:3]


def date_line(day: tuple[int, int, int]) -> str:
    """The line that separates days."""
    return "--- {}-{:02}-{:02} ---".format(*day)


def _message(message: messages.Message | messages.Entry) -> str:
    name = printable(message.from_)
    said = f"* {name} {message.text}" if message.action else f"{name}: {message.text}"
    return f"{clock_time(message.at)} {said}"


def _private(message: messages.Private | messages.Entry, me: str | None = None) -> str:
    """A private message. Our own name, if it is known, becomes "you"."""
    from_, to = (printable("you" if name == me else name) for name in (message.from_, message.to or ""))
    sign = "* " if message.action else ""
    return f"{clock_time(message.at)} {sign}{from_} -> {to}: {message.text}"


def _joined(joined: messages.Joined) -> str:
    name, room = printable(joined.name), printable(joined.room)
    if joined.users is None:
        return f"* {name} joined {room}"
    others = joined.users - 1
    company = "nobody else is here" if not others else f"{others} other{'s are' if others > 1 else ' is'} here"
    return f"* you are in {room} as {name}; {company}"


def _left(left: messages.Left) -> str:
    name, room = printable(left.name), printable(left.room)
    if left.reason is None:
        return f"* you left {room}"
    reason = _WHY_LEFT.get(left.reason, "was disconnected ({reason})")
    return f"* {name} {reason.format(room=room, reason=printable(left.reason))}"


def _renamed(renamed: messages.Renamed) -> str:
    old, new = printable(renamed.old), printable(renamed.new)
    return f"* {old} is now {new}" if renamed.room is not None else f"* you are now {new}"


def _rooms(rooms: messages.Rooms) -> str:
    if not rooms.rooms:
        return "* there are no rooms: /join one to make it"
    listed = "\n".join(f"{printable(info.room)}  {info.users}" for info in rooms.rooms)
    return f"* rooms and how many are in them:\n{listed}"


def _help(help_: messages.Help) -> str:
    rows = help_rows(help_.commands)
    return "\n".join(["* commands:", *rows, "To send a line that begins with a slash, type two slashes."])


def _topic(topic: messages.Topic) -> str:
    room = printable(topic.room)
    if topic.topic is None:
        return f"* {room} has no topic"
    by = f" ({printable(topic.by)})" if topic.by is not None else ""
    return f"* the topic of {room} is: {printable(topic.topic)}{by}"


def _people(people: messages.People) -> str:
    rows = []
    for person in people.people:
        rooms = f"in {person.rooms} room{'s' * (person.rooms != 1)}"
        away = f", away: {printable(person.away)}" if person.away is not None else ""
        rows.append(f"{printable(person.name)}  {rooms}{away}")
    return "\n".join(["* people here:", *rows])


def _person(person: messages.PersonDetails) -> str:
    rooms = ", ".join(map(printable, person.rooms)) or "no room that you are in"
    rows = [f"* {printable(person.name)} is in {rooms}"]
    rows.append("here since {}-{:02}-{:02} ".format(*local_day(person.since)) + clock_time(person.since))
    if person.away is not None:
        rows.append(f"away: {printable(person.away)}")
    if person.operator:
        rows.append("an operator")
    return "; ".join(rows)


def _away(away: messages.Away) -> str:
    """The reply to our own /away has an id, so the name is ours."""
    who = f"{printable(away.name)} is" if away.re is None else "you are"
    return f"* {who} back" if away.text is None else f"* {who} away: {printable(away.text)}"


def _history(page: messages.HistoryPage) -> str:
    place = f"in {printable(page.room)}" if page.room is not None else "in private"
    if not page.messages:
        return f"* there are no earlier messages {place}"
    entries = map(_message if page.room is not None else _private, page.messages)
    return "\n".join([f"* earlier {place}:", *(entry.replace("\n", "\n" + INDENT) for entry in entries)])


def _skipped(skipped: messages.Skipped) -> str:
    missed = {0: "joins and leaves", 1: "1 message"}.get(skipped.count, f"{skipped.count} messages")
    place = f"in {printable(skipped.room)}" if skipped.room is not None else "in private"
    return f"* you read too slowly and missed {missed} {place}"


_WORDS: dict[type[Record], Callable[[Any], str]] = {
    messages.Welcome: lambda welcome: f"* {printable(welcome.server)} calls you {printable(welcome.name)}",
    messages.Ready: lambda ready: f"* you are {printable(ready.name)}",
    messages.Message: _message,
    messages.Private: _private,
    messages.Joined: _joined,
    messages.Left: _left,
    messages.Renamed: _renamed,
    messages.Rooms: _rooms,
    messages.Users: lambda users: f"* in {printable(users.room)}: {', '.join(map(printable, users.users))}",
    messages.Topic: _topic,
    messages.People: _people,
    messages.PersonDetails: _person,
    messages.Away: _away,
    messages.Help: _help,
    messages.HistoryPage: _history,
    messages.Skipped: _skipped,
    messages.Notice: lambda notice: f"* {notice.text}",
    messages.Error: lambda error: f"! {error.text}",
    messages.Goodbye: lambda goodbye: f"* goodbye ({printable(goodbye.reason)}): {goodbye.text}",
}
