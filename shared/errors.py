"""Exceptions for a peer's mistakes.

A `ProtocolError` is the peer's fault. It becomes a frame to that peer and never appears in the log as a traceback.
Every other exception is a bug in PyLingo.
"""


class ProtocolError(Exception):
    """A peer broke the protocol.

    `reason` is an error code or a goodbye reason of the protocol. `text` is one English sentence for a person. It says
    what was wrong and what would be right.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason, text)
        self.reason = reason
        self.text = text


class FrameError(ProtocolError):
    """The byte stream is broken. The rest of it cannot be trusted, and the connection ends."""

    def __init__(self, text: str) -> None:
        super().__init__("bad-frame", text)


class RequestError(ProtocolError):
    """A request in a valid frame is refused. The answer is `error`, and the connection stays open.

    `re` is the id of the refused request, if it had one.
    """

    def __init__(self, code: str, text: str, re: int | None = None) -> None:
        super().__init__(code, text)
        self.re = re
