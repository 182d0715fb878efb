"""Reloading of the configuration, the certificate, the members, bans and the password on SIGHUP, while the server runs.

A thread reads the files, because their disk may hang. A mistake in them changes nothing.
"""

import enum
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from pylingo.reactor.certificates import load_tls
from pylingo.reactor.config import ServerSettings, has_file, parse_arguments, with_data
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.tls import ServerTls
from pylingo.reactor.people.register import Register
from pylingo.reactor.registry import PeopleFiles, Registry, read_people_files
from pylingo.shared.launch import LaunchError

logger = logging.getLogger(__name__)


class ReloadState(enum.Enum):
    """The progress of a reload."""

    IDLE = enum.auto()
    READING = enum.auto()
    READING_OUTDATED = enum.auto()
    """Another reload was requested. The thread may be reading the file as it was before its last change."""


class Reloadable(Protocol):
    """A server, or the supervisor of several ones."""

    reactor: Reactor

    @property
    def settings(self) -> ServerSettings:
        """The present settings."""

    def reconfigure(self, settings: ServerSettings, tls: ServerTls | None) -> None:
        """Take over the settings that can change at run time. `tls` is what `load_tls` has made of them."""


class Reload:
    """Reads the configuration of `arguments` again, and applies it to the server.

    `complete` is applied to what the options say. `began` is called with each request, `ended` when nothing is left to
    do, whatever came of it. `applied` is called with the settings when they are in use, in a thread, as it may block.
    """

    def __init__(
        self,
        server: Reloadable,
        arguments: Sequence[str],
        registry: Registry | None = None,
        complete: Callable[[ServerSettings], ServerSettings] = with_data,
    ) -> None:
        self._server = server
        self._complete = complete
        self.began: Callable[[], object] = lambda: None
        self.ended: Callable[[], object] = lambda: None
        self.applied: Callable[[ServerSettings], object] = lambda settings: None
        self._registry = registry or Registry(Register())
        self._arguments = arguments
        self.state = ReloadState.IDLE

    def request(self) -> None:
        """Start to read the files, or read them once more after the reading in progress. Call it in the loop."""
        settings = self._server.settings
        self.began()
        files = settings.tls_cert, settings.members, settings.password_file, settings.bans
        if not (has_file(self._arguments) or any(files)):
            if not settings.log_file:  # which was opened again
                logger.warning("no configuration to reload: the server was started without --config")
            self.ended()
        elif self.state is ReloadState.IDLE:
            self.state = ReloadState.READING
            threading.Thread(target=self._read, name="reload", daemon=True).start()
        else:
            self.state = ReloadState.READING_OUTDATED

    def _read(self) -> None:
        """Read the configuration, in the thread."""
        found: tuple[ServerSettings, PeopleFiles, ServerTls | None] | Exception
        try:
            settings = self._complete(parse_arguments(self._arguments))
            found = settings, read_people_files(settings), load_tls(settings)
        except Exception as error:
            found = error
        self._server.reactor.call_from_thread(self._apply, found)

    def _apply(self, found: tuple[ServerSettings, PeopleFiles, ServerTls | None] | Exception) -> None:
        if isinstance(found, tuple):
            settings, files, tls = found
            try:
                self._registry.apply(settings, files)
            except LaunchError as error:
                found = error
            else:
                self._server.reconfigure(settings, tls)
                threading.Thread(target=self.applied, args=(settings,), name="reloaded", daemon=True).start()
        if isinstance(found, LaunchError):
            logger.error("the configuration is unchanged: %s", found)
        elif isinstance(found, Exception):
            logger.error("the configuration is unchanged, because reading it failed", exc_info=found)
        is_outdated = self.state is ReloadState.READING_OUTDATED
        self.state = ReloadState.IDLE
        if is_outdated:
            self.request()
        else:
            self.ended()
