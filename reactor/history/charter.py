"""The charter of a room: its operators, the people who are muted there, and its modes. Pure.

People are known by their key if they have one, otherwise by the number of their session (see `private.Owner`). So the
power of a guest ends with the session, and nobody else gets it with the name.

A charter is a map of strings, so Redis and a file keep it without knowing more about it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from pylingo.reactor.history.per_room import PerRoom
from pylingo.reactor.history.private import Owner
from pylingo.shared.value_class import value_class

MOST_OPERATORS = 32
"""The most operators of a room, besides those of the server."""
MOST_MUTES = 64
"""The most people who are muted in a room."""
TOPIC_LOCK = "topic-lock"
"""The field of a charter whose room has a topic that its operators alone may set."""
INVITE_ONLY = "invite-only"
"""The field of a charter whose room lets nobody in without an invitation."""
MODERATED = "moderated"
"""The field of a charter whose room lets nobody speak but operators and those with a voice."""
SECRET = "secret"
"""The field of a charter whose room is listed to its members alone."""
OUTSIDE = "outside"
"""The field of a charter whose room lets people speak who are not in it."""
KEY = "key"
"""The field of the word that people need to enter the room."""
LIMIT = "limit"
"""The field of the number of people whom the room lets in."""
BAN, EXCEPTION, PASS = "ban", "exception", "pass"
"""The first words of the fields of masks, whose values say when and by whom: `STAMP NAME`.

A ban keeps people out and silent, an exception spares some of them, and a pass is an invitation.
"""
VOICE, INVITED = "voice", "invited"
"""The first words of the fields of people, whose values are names. They are identified as operators are."""
MOST_MASKS = 32
"""The most masks of a room: bans, exceptions and passes together."""
MOST_NAMED = 64
"""The most people with a voice in a room, and the most invited ones."""
LOGGED = "logged"
"""The field of a charter whose room has messages in its log. Only a cluster sets it."""
ON = "1"
"""The value of a field that says something is the case. Without the field, it is not."""
_OPERATOR, _MUTE = "operator ", "mute "
_SILENCING = (_MUTE, f"{BAN} ", MODERATED)
_CLOSING = (KEY, LIMIT, INVITE_ONLY, f"{BAN} ")
_OF_PEOPLE = (_OPERATOR, _MUTE, f"{VOICE} ", f"{INVITED} ")
_FOR_GOOD = "-"


@value_class
class Mute:
    """A mute in one room: what the person was called, and until when it holds, None for good."""

    name: str
    until: int | None


def operator_field(owner: Owner) -> str:
    """The field of an operator, whose value is what the person was called."""
    return f"{_OPERATOR}{owner}"


def mute_field(owner: Owner) -> str:
    """The field of a mute, whose value is `mute_value`."""
    return f"{_MUTE}{owner}"


def mute_value(name: str, until: int | None) -> str:
    """The value of the mute of somebody, until a time in microseconds since 1970; None for good."""
    return f"{_FOR_GOOD if until is None else until} {name}"


@value_class
class Charter:
    """See the module. Nothing in it changes: `changed` returns another one."""

    fields: Mapping[str, str] = field(default_factory=dict)
    silences: bool = field(init=False, compare=False)
    """Whether anybody may be refused a word: asked for each message, so it is found out once."""
    is_closed: bool = field(init=False, compare=False)
    """Whether anybody may be refused to enter."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "silences", any(name.startswith(_SILENCING) for name in self.fields))
        object.__setattr__(self, "is_closed", any(name.startswith(_CLOSING) for name in self.fields))

    @property
    def is_topic_locked(self) -> bool:
        return TOPIC_LOCK in self.fields

    def has(self, name: str) -> bool:
        """Whether a field is there, which is what a mode without a value says."""
        return name in self.fields

    def value(self, name: str) -> str | None:
        """The value of a field."""
        return self.fields.get(name)

    def listed(self, kind: str) -> list[tuple[str, str]]:
        """The second words of the fields that begin with `kind`, and their values: the oldest first."""
        start = f"{kind} "
        return [(name.removeprefix(start), value) for name, value in self.fields.items() if name.startswith(start)]

    def names(self, kind: str, owners: Iterable[Owner]) -> bool:
        """Whether somebody who is known by all of `owners` has a voice, or is invited."""
        return self._find(f"{kind} {owner}" for owner in owners) is not None

    @property
    def has_lasting_operator(self) -> bool:
        """Whether one of its operators is known by a key."""
        return any(session_of(name) is None for name in self.operators)

    @property
    def operators(self) -> list[str]:
        """The fields of the operators, those who became it first in front."""
        return [name for name in self.fields if name.startswith(_OPERATOR)]

    def is_operator(self, owners: Iterable[Owner]) -> bool:
        """Whether somebody who is known by all of `owners` is an operator."""
        return self._find(map(operator_field, owners)) is not None

    def mute_of(self, owners: Iterable[Owner], now: int) -> Mute | None:
        """The mute of somebody who is known by all of `owners`, if it still holds at the time `now`."""
        found = self._find(map(mute_field, owners))
        mute = _read_mute(self.fields[found]) if found is not None else None
        return mute if mute is not None and (mute.until is None or mute.until > now) else None

    def mutes(self, now: int) -> Iterator[tuple[str, Mute]]:
        """The fields of the mutes that hold at the time `now`, and the mutes."""
        for name, value in self.fields.items():
            if name.startswith(_MUTE):
                mute = _read_mute(value)
                if mute.until is None or mute.until > now:
                    yield name, mute

    def changed(self, values: Mapping[str, str | None]) -> "Charter":
        """This charter with other values of some fields; None takes a field out."""
        fields = {**self.fields, **values}
        return Charter({name: value for name, value in fields.items() if value is not None})

    def lasting(self) -> "Charter | None":
        """The part that outlives the process; None if there is none. Sessions do not, and `LOGGED` is known anew."""
        kept = {name: value for name, value in self.fields.items() if name != LOGGED and not _is_of_session(name)}
        return Charter(kept) if kept else None

    def dump(self) -> str:
        """The charter as JSON."""
        return json.dumps(dict(self.fields), ensure_ascii=False)

    def _find(self, names: Iterable[str]) -> str | None:
        return next((name for name in names if name in self.fields), None) if self.fields else None


def load(text: str) -> Charter:
    """The charter that `dump` has written."""
    return Charter(json.loads(text))


def session_of(operator: str) -> int | None:
    """The number of the session that a field of an operator or a mute names; None if it names a key."""
    last = operator.rpartition(" ")[2]
    return int(last) if last.isdecimal() else None


def _is_of_session(name: str) -> bool:
    return name.startswith(_OF_PEOPLE) and session_of(name) is not None


def _read_mute(value: str) -> Mute:
    until, _, name = value.partition(" ")
    return Mute(name, None if until == _FOR_GOOD else int(until))


NONE = Charter()
"""The charter of a room that has none."""
Charters = PerRoom[Charter]
