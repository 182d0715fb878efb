"""What a peer did wrong, as exceptions.

There are two worlds of errors. A `ProtocolError` is the peer's doing and ends in a frame to that peer; it never
reaches the log as a traceback. Every other exception is a bug of ours.
"""


class ProtocolError(Exception):
    """A peer broke the protocol.

    `reason` is one of the protocol's words (an error code or a goodbye reason), `text` one English sentence for a
    person that says what was wrong and what would be right.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason, text)
        self.reason = reason
        self.text = text


class FrameError(ProtocolError):
    """The byte stream itself is broken, so nothing after this point can be trusted: the connection ends."""

    def __init__(self, text: str) -> None:
        super().__init__("bad-frame", text)


class RequestError(ProtocolError):
    """A sound frame asked for something that cannot be had: it is answered with `error`, the connection goes on.

    `re` is the id of the refused request, where it had one.
    """

    def __init__(self, code: str, text: str, re: int | None = None) -> None:
        super().__init__(code, text)
        self.re = re
