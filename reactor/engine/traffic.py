"""Counts of the bytes and calls of a group of transports since the start, as plain integers."""


class Traffic:
    """The counters of the transports that share it. Bytes are counted without encryption."""

    __slots__ = ("bytes_received", "reads", "sends")

    def __init__(self) -> None:
        self.bytes_received = 0
        self.reads = 0
        """Reads that brought bytes."""
        self.sends = 0
        """System calls with which a socket took something that was queued, not those of `Transport.write_now`."""
