"""Reading the configuration again while the server runs, on SIGHUP.

The file may be on a disk that hangs, so a thread reads it. A mistake in it changes nothing.
"""

import logging
import threading
from collections.abc import Sequence

from pylingo.reactor.config import Settings, has_file, parse_arguments
from pylingo.reactor.server import Server
from pylingo.shared.launch import LaunchError

logger = logging.getLogger(__name__)


class Reload:
    """Reads what `arguments` say, the command line over its file, and has the server take it over."""

    def __init__(self, server: Server, arguments: Sequence[str]) -> None:
        self._server = server
        self._arguments = arguments
        self._is_reading = False
        self._is_asked = False  # meanwhile: what is being read may be the file before its change

    def ask(self) -> None:
        """Read the file soon. In the loop."""
        if not has_file(self._arguments):
            logger.warning("nothing to read again: the server was started without --config")
        elif self._is_reading:
            self._is_asked = True
        else:
            self._is_reading = True
            threading.Thread(target=self._read, name="reload", daemon=True).start()

    def _read(self) -> None:
        """In the thread."""
        found: Settings | Exception
        try:
            found = parse_arguments(self._arguments)
        except Exception as error:
            found = error
        self._server.reactor.call_from_thread(self._take, found)

    def _take(self, found: Settings | Exception) -> None:
        self._is_reading = False
        if isinstance(found, Settings):
            self._server.reconfigure(found)
        elif isinstance(found, LaunchError):
            logger.error("the configuration stays as it is: %s", found)
        else:
            logger.error("the configuration stays as it is, as reading it failed", exc_info=found)
        if self._is_asked:
            self._is_asked = False
            self.ask()
