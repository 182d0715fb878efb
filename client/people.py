"""The keys and the ranks of people, by name, as far as the server has told them. Pure.

The server vouches for it: it has checked the proof of each key, and gives a name to one key alone. A name that we have
talked to and that belongs to another key later may be another person, so that is said.
"""

from pylingo.client.events import KeyChanged
from pylingo.shared.messages import Joined, Moderated, People, PersonDetails, Private, Ready, Renamed, Sent
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from pylingo.shared.value_class import value_class

PEOPLE_KEPT = 4_096
"""Names that are remembered: those of which the server spoke last."""


@value_class
class Mark:
    """The server's words on a name: the fingerprint of its key, None for a guest, and whether it is an operator."""

    fingerprint: str | None = None
    is_operator: bool = False


class Marks:
    """The marks of names, in their compared form."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}
        self.operators: set[str] = set()
        """The compared names that are known to be operators'."""
        self._talked_to: dict[str, Mark | None] = {}  # the mark at that time; None if the server had not said it

    def __getitem__(self, name: str) -> Mark:
        """The mark of a name, which is that of a guest if the server has not spoken of it."""
        return self._marks.get(fold(name), Mark())

    def note(self, record: Record, me: str | None) -> list[KeyChanged]:
        """Note what a frame says. `me` is our own name. Returns the changes that the person should hear of."""
        match record:
            case Ready(name=name, identity=fingerprint, operator=operator):
                self._mark(name, fingerprint, operator)
            case Joined(name=name, fingerprint=fingerprint, operator=operator):
                return self._mark(name, fingerprint, operator)
            case Renamed(old=old, new=new, fingerprint=fingerprint, operator=operator):
                self._forget(fold(old))
                return self._mark(new, fingerprint, operator)
            case People(people=people):
                found = (self._mark(person.name, person.fingerprint, person.operator) for person in people)
                return [change for changes in found for change in changes]
            case PersonDetails(name=name, fingerprint=fingerprint, operator=operator):
                return self._mark(name, fingerprint, operator)
            case Moderated(action="op" | "deop" as action, name=str(name)):
                return self._mark(name, self[name].fingerprint, action == "op")
            case Sent(to=str(name)):
                self._talk(name)
            case Private(from_=name) if fold(name) != fold(me or ""):
                changes = self._mark(name, record.fingerprint, record.operator)
                self._talk(name)
                return changes
        return []

    def _mark(self, name: str, fingerprint: str | None, operator: bool | None) -> list[KeyChanged]:
        place = fold(name)
        mark = Mark(fingerprint, bool(operator))
        self._forget(place)
        self._marks[place] = mark
        if mark.is_operator:
            self.operators.add(place)
        if len(self._marks) > PEOPLE_KEPT:
            self._forget(next(iter(self._marks)))
        if place not in self._talked_to:
            return []
        before, self._talked_to[place] = self._talked_to[place], mark
        if before is None or before.fingerprint == fingerprint:
            return []
        return [KeyChanged(name, before.fingerprint, fingerprint)]

    def _forget(self, place: str) -> None:
        self._marks.pop(place, None)
        self.operators.discard(place)

    def _talk(self, name: str) -> None:
        place = fold(name)
        if place not in self._talked_to:
            self._talked_to[place] = self._marks.get(place)
        if len(self._talked_to) > PEOPLE_KEPT:
            del self._talked_to[next(iter(self._talked_to))]
