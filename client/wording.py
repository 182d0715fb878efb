"""The lines that a person reads for a frame, and other sentences about the conversation. Pure.

Text of other people and of the server passes through `printable` or `readable`, so no line can control a terminal. The
first line of a frame starts in the first column and all others are indented, so no text can imitate another frame.
"""

import time
from collections.abc import Callable
from typing import Any

from pylingo.client.events import KeyChanged
from pylingo.client.help_groups import help_rows
from pylingo.client.people import Marks
from pylingo.client.wish import KICKED
from pylingo.client.zone import local_time
from pylingo.shared import messages
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from pylingo.shared.text import counted, printable, quote, readable

UNCONFIRMED = "unconfirmed"
"""The code of the client's own error: it is not known whether the server carried out a request."""
INDENT = "    "
REMOVED = "(removed)"
"""The words in place of a text that an operator has taken out of the history. No other text is empty."""
_DEEDS = {
    "ban": "banned {whom}",
    "unban": "lifted the ban of {whom}",
    "mute": "muted {whom}{place}",
    "unmute": "lets {whom} speak again{place}",
    "op": "made {whom} an operator",
    "deop": "took the rank of operator from {whom}",
}
_TOLD_BEFORE = frozenset({"kick", "redact", "announce"})
"""Deeds that everybody concerned has read in another frame, the operator too: `left`, `redacted`, `notice`."""
_AWAY = "away"  # the role of a Redis that does not answer
_WHY_LEFT = {"leave": "left {room}", "moved": "went to another room", "close": "left", "lost": "lost the connection"}


def wording(record: Record, me: str | None = None, marks: Marks | None = None) -> list[str]:
    """The lines for a frame, without line ends. Frames that are not for people have none.

    `me` is our name, and `marks` says whose name belongs to which key.
    """
    match record:
        case messages.Moderated() if record.action in _TOLD_BEFORE:
            return []
        case messages.Private():
            text = _private(record, me)
        case messages.Users() if marks is not None:
            text = _users(record, marks)
        case messages.Left() if me is not None and fold(record.name) == fold(me):
            text = _left(record, is_mine=True)
        case _ if type(record) in _WORDS:
            text = _WORDS[type(record)](record)
        case _:
            return []
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
    return f"{counted(count, f'{what} was', f'{what}s were')} not confirmed by the server"


def key_changed(change: KeyChanged) -> str:
    """A sentence that says that a name belongs to another key now."""
    name = printable(change.name)
    if change.before is None:
        return f"{name} was a guest when you talked, and is verified now by the key {printable(change.after or '')}"
    now = f"belongs to {printable(change.after)}" if change.after is not None else "is used by a guest"
    return (
        f"THE KEY OF {name} HAS CHANGED: the name belonged to {printable(change.before)} when you talked, and {now};"
        " this may be somebody else"
    )


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
    text = message.text or REMOVED
    said = f"* {name} {text}" if message.action else f"{name}: {text}"
    return f"{clock_time(message.at)} {said}"


def _private(message: messages.Private | messages.Entry, me: str | None = None) -> str:
    """A private message. Our own name, if it is known, becomes "you"."""
    from_, to = (printable("you" if name == me else name) for name in (message.from_, message.to or ""))
    sign = "* " if message.action else ""
    return f"{clock_time(message.at)} {sign}{from_} -> {to}: {message.text or REMOVED}"


def _joined(joined: messages.Joined) -> str:
    name, room = printable(joined.name), printable(joined.room)
    if joined.users is None:
        return f"* {name} joined {room}"
    others = joined.users - 1
    lock = "; only operators set the topic" if joined.topic_locked else ""
    company = "nobody else is here" if not others else counted(others, "other is here", "others are here")
    return f"* you are in {room} as {name}; {company}{lock}"


def _left(left: messages.Left, is_mine: bool = False) -> str:
    name, room = printable(left.name), printable(left.room)
    if left.reason is None:
        return f"* you left {room}"
    if left.reason == KICKED:
        whom = "you were" if is_mine else f"{name} was"
        return f"* {whom} kicked out of {room}{_by(left.by)}{_why(left.text)}"
    reason = _WHY_LEFT.get(left.reason, "was disconnected ({reason})")
    return f"* {name} {reason.format(room=room, reason=printable(left.reason))}"


def _renamed(renamed: messages.Renamed) -> str:
    old, new = printable(renamed.old), printable(renamed.new)
    return f"* {old} is now {new}" if renamed.room is not None else f"* you are now {new}"


def _users(users: messages.Users, marks: Marks) -> str:
    """Everybody in a room: in one row, or in one row each if somebody is verified."""
    operators = set(users.operators or ())
    names = [(_marked(printable(name), marks[name].is_operator or name in operators), name) for name in users.users]
    if not any(marks[name].fingerprint or marks[name].is_operator for name in users.users):
        return f"* in {printable(users.room)}: {', '.join(shown for shown, _ in names)}"
    rows = (f"{shown}{_fingerprint(marks[name].fingerprint)}" for shown, name in names)
    return "\n".join([f"* in {printable(users.room)}:", *rows])


def _marked(name: str, is_operator: bool | None) -> str:
    """A name with the sign of operators."""
    return f"@{name}" if is_operator else name


def _fingerprint(fingerprint: str | None) -> str:
    return f"  {printable(fingerprint)}" if fingerprint is not None else ""


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
        name = _marked(printable(person.name), person.operator)
        rows.append(f"{name}  {rooms}{away}{_fingerprint(person.fingerprint)}")
    return "\n".join(["* people here:", *rows])


def _person(person: messages.PersonDetails) -> str:
    rooms = ", ".join(map(printable, person.rooms)) or "no room that you are in"
    rows = [f"* {_marked(printable(person.name), person.operator)} is in {rooms}"]
    rows.append("here since {}-{:02}-{:02} ".format(*local_day(person.since)) + clock_time(person.since))
    if person.away is not None:
        rows.append(f"away: {printable(person.away)}")
    if person.operator:
        rows.append("an operator")
    if person.fingerprint is not None:
        rows.append(f"verified by the key {printable(person.fingerprint)}")
    return "; ".join(rows)


def _moderated(moderated: messages.Moderated) -> str:
    if moderated.action == "topiclock":
        return _topic_lock(moderated)
    whom = printable(moderated.name or moderated.address or "")
    place = f" in {printable(moderated.room)}" if moderated.room is not None else ""
    words = _DEEDS.get(moderated.action, "used /{action} {whom}").format(
        whom=whom or "somebody", action=printable(moderated.action), place=place
    )
    return f"* {printable(moderated.by)} {words}{_until(moderated.until)}{_why(moderated.text)}"


def _topic_lock(moderated: messages.Moderated) -> str:
    deed = "lets everybody set the topic" if moderated.text == "off" else "lets only operators set the topic"
    return f"* {printable(moderated.by)} {deed} of {printable(moderated.room or '')}"


def _room_op(record: messages.RoomOp) -> str:
    by, name, room = printable(record.by), printable(record.name), printable(record.room)
    if record.on:
        return f"* {by} made {name} an operator of {room}"
    return f"* {by} took the rank of operator of {room} from {name}"


def _modes(record: messages.Modes) -> str:
    modes = ", ".join(map(printable, record.modes))
    if record.by is None:
        return f"* modes of {printable(record.room)}: {modes or 'none'}"
    return f"* {printable(record.by)} set in {printable(record.room)}: {modes or 'nothing new'}"


def _bans(bans: messages.Bans) -> str:
    if not bans.bans:
        return "* nobody is banned"
    rows = []
    for ban in bans.bans:
        whom = " at ".join(printable(part) for part in (ban.name, ban.address) if part)
        rows.append(f"{whom}{_by(ban.by)}{_until(ban.until)}{_why(ban.text)}")
    return "\n".join(["* banned:", *rows])


def _redacted(redacted: messages.Redacted) -> str:
    by = printable(redacted.by)
    return (
        f"* {by} removed the message of {clock_time(redacted.at)} from {printable(redacted.room)}{_why(redacted.text)}"
    )


def _invitation(invitation: messages.Invitation) -> str:
    uses = "once" if invitation.uses == 1 else f"{invitation.uses} times"
    return f"* an invitation that can be used {uses}{_until(invitation.until)}: {printable(invitation.code)}"


def _irc_password(told: messages.IrcPassword) -> str:
    name = printable(told.name)
    if told.password is None:
        return f"* {name} has no password for IRC any more"
    return f"* for IRC, log in by SASL PLAIN as {name} with this password, shown once: {printable(told.password)}"


def _servers(servers: messages.Servers) -> str:
    rows = []
    for server in servers.servers:
        place = f" at {printable(server.address)}" if server.address else ""
        people = counted(server.people, "person", "people")
        lag = f", {server.lag} ms behind" if server.lag else ""
        own = ", where you are" if server.own else ""
        rows.append(f"{server.server}{place}  {people}{lag}{own}; version {printable(server.version)}")
    if servers.redis is not None:
        rows.append(_redis(servers.redis))
    return "\n".join(["* servers of this chat:", *rows])


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _redis(redis: messages.RedisInfo) -> str:
    if redis.role == _AWAY:
        return f"Redis at {printable(redis.address)} does not answer: talk stands still"
    limit = f" of {_megabytes(redis.limit)}" if redis.limit else ""
    parts = [f"Redis {printable(redis.version)} at {printable(redis.address)}", printable(redis.role)]
    parts.append(f"{_megabytes(redis.used)}{limit} of memory")
    parts.append(counted(redis.replicas, "replica"))
    parts.append("writes to its disk" if redis.durable else "writes nothing to its disk")
    return ", ".join(parts)


def _by(name: str | None) -> str:
    return f" by {printable(name)}" if name is not None else ""


def _why(text: str | None) -> str:
    return f": {printable(text)}" if text else ""


def _until(at: int | None) -> str:
    return " until {}-{:02}-{:02} ".format(*local_day(at)) + clock_time(at) if at is not None else ""


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
    missed = counted(skipped.count, "message") if skipped.count else "joins and leaves"
    place = f"in {printable(skipped.room)}" if skipped.room is not None else "in private"
    return f"* you read too slowly and missed {missed} {place}"


_WORDS: dict[type[Record], Callable[[Any], str]] = {
    messages.Welcome: lambda welcome: f"* {printable(welcome.server)} calls you {printable(welcome.name)}",
    messages.Ready: lambda ready: f"* you are {_marked(printable(ready.name), ready.operator)}",
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
    messages.Moderated: _moderated,
    messages.RoomOp: _room_op,
    messages.Modes: _modes,
    messages.Bans: _bans,
    messages.Redacted: _redacted,
    messages.Invitation: _invitation,
    messages.IrcPassword: _irc_password,
    messages.Servers: _servers,
    messages.Notice: lambda notice: f"* {notice.text}",
    messages.Error: lambda error: f"! {error.text}",
    messages.Goodbye: lambda goodbye: f"* goodbye ({printable(goodbye.reason)}): {goodbye.text}",
}
