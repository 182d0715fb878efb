"""The plan of a run, and the figures that its clients measured."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The size of a run. `senders` is the number for each room, `prefix` the beginning of the clients' names.

    `rate` is in messages a second for each sender; 0 sends as fast as the sockets allow, with `window` messages of a
    room under way. `messages` ends the run by count instead of by `seconds`. `size` is in bytes of ASCII.
    """

    clients: int
    rooms: int = 1
    senders: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    messages: int = 0
    size: int = 64
    stalled: int = 0
    window: int = 2_000
    seed: int = 1
    prefix: str = "c"


@dataclass(slots=True)
class Measured:
    """The figures of the clients. Times in seconds, latencies in nanoseconds."""

    seconds: float = 0.0
    messages: int = 0
    deliveries: int = 0
    latencies: list[int] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    client_cpu: float = 0.0
