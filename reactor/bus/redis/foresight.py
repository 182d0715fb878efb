"""A room as it is once everything that has come has taken effect. Pure.

While replicas are waited for, batches wait. A Redis that has lost its newest data gets them back with the members, the
topic and the charter that they lead to, not with those of now.
"""

from pylingo.reactor.bus.redis.blob import Batch, read_batch
from pylingo.reactor.bus.redis.changes import founder
from pylingo.reactor.bus.redis.feed import Arrival, Feed, Reading
from pylingo.reactor.bus.redis.roll import Member
from pylingo.reactor.history import charter
from pylingo.reactor.history.charter import LOGGED, ON, Charter
from pylingo.reactor.history.topics import StoredTopic


def foresee(feed: Feed) -> Reading:
    """The room at the stamp `feed.received`."""
    room = Reading(feed.name, feed.received, dict(feed.roll.sessions()), feed.topic, feed.charter)
    for item in feed.ready:
        if isinstance(item, Reading):
            room = item._replace(members=dict(item.members))
        elif isinstance(item, Arrival):
            room = _after(room, item.top, read_batch(item.data, item.offset))
    return room._replace(head=feed.received)


def _after(room: Reading, top: int, batch: Batch) -> Reading:
    members, topic, rules = room.members, room.topic, room.charter
    if batch.message_count:
        rules = rules.changed({LOGGED: ON})
    for at, part in batch.in_place(top) if batch.has_ops else ():
        match part.op:
            case ["join", int(number), str(name), fingerprint, operator]:
                if not members and not rules.fields:
                    rules = Charter(dict([founder(number, name, fingerprint)]))
                members[number] = Member(name, fingerprint, operator)
            case ["rename", int(number), str(name), fingerprint, operator] if number in members:
                members[number] = Member(name, fingerprint, operator)
            case ["leave", int(number), *_]:
                members.pop(number, None)
                if not members and LOGGED not in rules.fields:
                    rules = charter.NONE
            case ["topic", text, by]:
                topic = StoredTopic(text, by, at) if text is not None else None
            case ["charter", fields, _]:
                rules = rules.changed(fields)
    return room._replace(members=members, topic=topic, charter=rules)
