"""The paths for scrapers: the metrics, whether the loop answers, and whether people may be sent here."""

from collections.abc import Callable

from pylingo.reactor.ops.catalogue import Subject
from pylingo.reactor.ops.exposition import expose
from pylingo.reactor.ops.scraper import Request, Respond, Response

METHODS = "GET, HEAD"


class Endpoints:
    """Answers the requests of scrapers about `subject`."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._paths: dict[str, Callable[[Request, Respond], None]] = {
            "/metrics": self._metrics,
            "/healthz": self._health,
            "/readyz": self._readiness,
        }

    def answer(self, request: Request, respond: Respond) -> None:
        """See `Answer`."""
        handler = self._paths.get(request.path)
        if handler is None:
            respond(lambda: Response(404, f"there is nothing here: try {', '.join(self._paths)}\n".encode()))
        elif request.method not in METHODS.split(", "):
            sentence = f"only {METHODS} can be used here\n".encode()
            respond(lambda: Response(405, sentence, more=(("Allow", METHODS),)))
        else:
            handler(request, respond)

    def _metrics(self, request: Request, respond: Respond) -> None:
        accept = request.headers.get("accept", "")
        self._subject.ask(lambda sources: respond(lambda: Response(200, *expose(sources, accept))))

    def _health(self, request: Request, respond: Respond) -> None:
        """The loop answers, or nobody could read this."""
        respond(lambda: Response(200, b"ok\n"))

    def _readiness(self, request: Request, respond: Respond) -> None:
        def answer(trouble: str) -> None:
            respond(lambda: Response(503, f"{trouble}\n".encode()) if trouble else Response(200, b"ok\n"))

        self._subject.ask_trouble(answer)
