"""The switch from the old server to its successor, during which no peer is read and none is accepted.

The server stops reading, finishes the requests that it has read, and sends its state. Until the successor has all of
it, `undo` makes the server go on as if nothing had been.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from pylingo.reactor.bus.local import LocalBus
from pylingo.reactor.chat.session import State
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.server import Server
from pylingo.reactor.succession.handover import Failed, Go, Restored, decode, encode
from pylingo.reactor.succession.line import Line, LineError
from pylingo.reactor.succession.snapshot import collect
from pylingo.shared.codec import encode as encode_frame
from pylingo.shared.messages import Goodbye

_FINISHING = 0.3  # seconds for the requests that were read, and for PROXY headers and handshakes
_SETTLING = 2.0  # seconds until the history must have everything
_SENDING = 5.0  # seconds for the state, on both sides
_CLOSING = 4.0  # seconds for the files: the successor gives up after ten, when nobody else serves any more
_LOOK_AGAIN = 0.005  # seconds between two looks at those

_GOODBYE = encode_frame(Goodbye("shutdown", "the server is being upgraded: connect again"))
"""For IRC clients, which cannot resume a session."""


class Switch:
    """Hands the people of `server` over to the successor on `line`. Then `over` is called, or `failed` with a reason.

    `copied` and `parts` say what the successor has of the logs (see `collect`). `totals` returns those of the metrics.
    """

    def __init__(
        self,
        server: Server,
        line: Line,
        copied: Mapping[str, int],
        parts: int,
        over: Callable[[], object],
        failed: Callable[[str], object],
        totals: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._totals = totals
        self._server = server
        self._line = line
        self._copied = copied
        self._parts = parts
        self._over = over
        self._failed = failed
        self._timer: Timer | None = None
        self._stopped = time.monotonic()
        self._is_off = False  # undone: steps may still come
        self._is_finished = self._is_settled = False
        server.admission.hold()
        server.reactor.call_soon(self._stop_reading)  # what has come is read in this turn

    def undo(self) -> None:
        """Read again, and let people in, unless the server is stopping anyway."""
        self._is_off = True
        self._cancel()
        if not self._server.ending.is_draining:
            self._server.ending.keep_pace()
            self._server.admission.go_on()
            for connection in self._server.admission.connections():
                connection.read_again()

    def _stop_reading(self) -> None:
        if self._is_off:
            return
        server = self._server
        for connection in server.admission.connections():
            connection.stop_reading()
        self._timer = server.reactor.call_later(_FINISHING, self._finish)
        server.ending.finish_requests(self._await_unfinished)

    def _await_unfinished(self) -> None:
        """Go on when those who were accepted are connections. Otherwise they would have to come again."""
        if not self._is_off and not self._is_finished and self._server.admission.unfinished:
            self._server.reactor.call_later(_LOOK_AGAIN, self._await_unfinished)
        else:
            self._finish()

    def _finish(self) -> None:
        """Everything was handled, or time is up: what was not is as good as unread."""
        if self._is_off or self._is_finished:
            return
        self._is_finished = True
        self._cancel()
        self._timer = self._server.reactor.call_later(_SETTLING, self._failed, "the history takes too long")
        self._server.hub.history.when_settled(self._hand_over)

    def _hand_over(self) -> None:
        """Send everything. The loop stands still meanwhile, so nothing can happen that the successor misses."""
        if self._is_off or self._is_settled:
            return
        self._is_settled = True
        self._cancel()
        server = self._server
        if server.ending.is_draining:  # it was told to while the requests were finished
            self._failed("the server is stopping")
            return
        try:
            self._send_state(time.monotonic() + _SENDING)
        except (LineError, ValueError) as error:
            self._failed(str(error))
            return
        except Exception:
            self._failed("there is a bug")
            raise
        server.ending.let_go(min(server.settings.drain_timeout, _CLOSING))
        with contextlib.suppress(LineError):  # if it ends now, nobody serves: our end is the best that is left
            self._line.send(encode(Go()), time.monotonic() + _SENDING)
        self._end_streams()
        self._over()

    def _send_state(self, until: float) -> None:
        """Send everything, and wait for the word that it has arrived. Raises `LineError` and `ValueError`."""
        hub = self._server.hub
        assert isinstance(hub.bus, LocalBus)
        for part in collect(hub, hub.bus, self._stopped, self._copied, self._parts, self._totals()):
            self._line.send(encode(part), until)
        step = decode(self._line.receive(until))
        if isinstance(step, Failed):
            raise LineError(step.reason)
        if step != Restored():
            raise LineError("the new version says something unexpected")

    def _end_streams(self) -> None:
        """End all streams without a goodbye. Everything queued for a connection is sent."""
        for session in self._server.hub.sessions():
            if session.state is State.ATTACHED:
                session.detach("upgrade", _GOODBYE if session.outbox.voice is not None else b"")
        for connection in self._server.admission.connections():
            if connection.is_attached:  # its session waits for its goodbye
                connection.transport.close()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
