"""The name that the person wants, and whether somebody else has it. Pure."""

from dataclasses import dataclass

from pylingo.shared.messages import Left, Renamed
from pylingo.shared.names import fold
from pylingo.shared.schema import Record

TAKEN = "name-taken"
ABOUT_NAMES = frozenset({TAKEN, "name-owned", "bad-name"})
"""The codes that may follow a `ready` because of the name that was asked for."""
KICKED = "kicked"
_STAYS = frozenset({"leave", "moved", KICKED})  # reasons to leave a room that keep the name in use


@dataclass(slots=True)
class Wish:
    """Every hello asks the server for `name`. While `is_taken`, the client asks for it again from time to time."""

    name: str | None
    is_taken: bool = False

    def given(self, name: str) -> None:
        """The server calls us `name`."""
        if self._is_it(name):
            self.is_taken = False

    def chosen(self, name: str) -> None:
        """The person chose `name`, and the server accepted it."""
        self.name, self.is_taken = name, False

    def refused(self, code: str) -> None:
        """The server refused the name. Asking again is useful only if it is taken."""
        self.is_taken = code == TAKEN

    def comes_free(self, record: Record) -> bool:
        """Whether a frame about somebody else shows that the name may be free now."""
        if not self.is_taken:
            return False
        match record:
            case Left(name=name, reason=str(reason)):
                return reason not in _STAYS and self._is_it(name)
            case Renamed(room=str(), old=old, new=new):
                return self._is_it(old) and not self._is_it(new)
        return False

    def _is_it(self, name: str) -> bool:
        return self.name is not None and fold(name) == fold(self.name)
