"""The register of a cluster for one command: everything is read at the start, and a change is stored at once."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pylingo.reactor.bus.redis.founding import Charter, Founding, found
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.link import RedisError
from pylingo.reactor.bus.redis.pact import Pact
from pylingo.reactor.bus.redis.people import ClusterPeople
from pylingo.reactor.bus.redis.questions import Command
from pylingo.reactor.bus.redis.settings import ClusterSettings
from pylingo.reactor.cluster_errand import Errand
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.roster import Change
from pylingo.reactor.people.rows import RowKey
from pylingo.shared.launch import LaunchError


class ClusterConsole:
    """See the module. Raises `LaunchError`, in all methods, if Redis does not answer or what it says is unusable.

    A cluster that is not there yet is an error, unless the command `founds` it.
    """

    def __init__(self, settings: ClusterSettings, founds: bool = False) -> None:
        self.keys = Keys(settings.name, settings.address.db)
        self.register = Register()
        self.register.name_keep = 0.0  # each server has its own time
        self._settings = settings
        self._founds = founds
        self._is_read = False
        self._people: ClusterPeople | None = None
        self._errand = Errand(settings, self)

    def close(self) -> None:
        """Let go of Redis."""
        if self._people is not None:
            self._people.close()
        self._errand.close()

    def open(self) -> None:
        """Read everything."""
        self._errand.wait(lambda: self._is_read)

    def store(self, change: Change | None = None, rows: Iterable[RowKey] = ()) -> bool:
        """Store what has changed, and these rows; return whether that is done."""
        answers: list[bool] = []
        assert self._people is not None
        self._people.include(rows)
        self._people.store(change or Change(), answers.append)
        self._errand.wait(lambda: bool(answers))
        return answers[0]

    def call(self, lane: int, commands: Iterable[Command]) -> list[Any]:
        """Do commands of a lane in their order, and return the replies."""
        replies: list[Any] = []
        count = 0
        for command in commands:
            self._errand.deployment.ears(lane).call(replies.append, *command)
            count += 1
        self._errand.wait(lambda: len(replies) == count)
        for reply in replies:
            if isinstance(reply, RedisError):
                raise LaunchError(f"Redis does not take the change: {reply}", 1)
        return replies

    def found(self) -> bool:
        """Whether nobody has begun to use the cluster yet. From now on, somebody has."""
        is_first: bool = self._ask(lambda pact, answer: pact.found(answer))
        return is_first

    def certificate(self) -> str | None:
        """The fingerprint of the certificate that the servers share, if they do."""
        fingerprint: str | None = self._ask(lambda pact, answer: pact.certificate(answer))
        return fingerprint

    def _ask(self, ask: Callable[[Pact, Callable[[Any], object]], object]) -> Any:
        answers: list[Any] = []
        ask(Pact(self._errand.deployment.ears(0), self.keys), answers.append)
        self._errand.wait(lambda: bool(answers))
        return answers[0]

    # --- the listener of the errand and of the people

    def up(self) -> None:
        if self._people is not None:
            self._people.up()
            return
        settings = self._settings
        if self._founds:
            found(self._errand.deployment, settings.name, settings.address.db, Charter(settings.lanes), self._agreed)
        else:
            self._errand.deployment.ears(0).call(self._looked, "HEXISTS", self.keys.key(0, "config"), "layout")

    def _agreed(self, founding: Founding) -> None:
        if founding.refusal:
            self._errand.fail(founding.refusal)
        else:
            lanes = founding.charter.lanes
            self.keys = Keys(self._settings.name, self._settings.address.db, lanes)
            self._errand.deployment.use_lanes(lanes)
            self._looked(1)

    def _looked(self, reply: Any) -> None:
        if reply == 0:
            self._errand.lacks_cluster()
        elif not isinstance(reply, RedisError):
            self._people = ClusterPeople(self._errand.reactor, self._errand.deployment, self.keys, self.register, self)
            self._people.up()

    def down(self, why: str) -> None:
        if self._people is not None:
            self._people.down(why)

    def pushed(self, channel: bytes, data: bytes) -> None:
        if self._people is not None:
            self._people.pushed(channel, data)

    def people_read(self) -> None:
        self._is_read = True

    def people_unreadable(self, why: str) -> None:
        self._errand.fail(why)

    def people_changed(self) -> None:
        pass


@contextlib.contextmanager
def open_console(settings: ClusterSettings, founds: bool = False) -> Iterator[ClusterConsole]:
    """Open a cluster's register, and close it afterwards. Raises `LaunchError`."""
    console = ClusterConsole(settings, founds)
    try:
        console.open()
        yield console
    finally:
        console.close()
