"""What has gone through a group of transports since the start, as plain integers."""


class Traffic:
    """The counters of the transports that share it. Bytes are counted before their encryption."""

    __slots__ = ("bytes_received", "bytes_sent", "reads", "sends")

    def __init__(self) -> None:
        self.bytes_received = 0
        self.bytes_sent = 0
        """Bytes that sockets have taken."""
        self.reads = 0
        """Reads that brought bytes."""
        self.sends = 0
        """System calls with which a socket took something."""
