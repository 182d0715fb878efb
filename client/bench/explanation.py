"""The explanation of every row that a run prints, for `--explain`."""

import textwrap

EXPLANATIONS = {
    "machine": "The processor and the number of CPUs, which the load generator and a server on this machine share.",
    "system": "The kernel.",
    "python": "The interpreter of the load generator, and of a server that it starts.",
    "msgpack": "The version of the MessagePack library.",
    "pylingo": "The version, and the commit of the checkout.",
    "connections": "Open connections. One silent client in each room, the observer, is among them.",
    "connects a second": "Connections that were made and had entered their room, for each second of that phase.",
    "seconds": "Wall time of the measured phase, until the last delivery.",
    "messages": "Messages that clients sent. In churn: joins, messages and leaves that the observer saw.",
    "deliveries": "Messages times the readers that each one reached. A sender gets no copy of its own messages.",
    "deliveries a second": "Deliveries for each second of wall time.",
    "server CPU, seconds": """CPU time of all threads of the server in the measured phase, with the kernel's work for
        its sockets. Only known for a server that the benchmark starts.""",
    "server CPU, % of one": "That time in relation to the wall time: 100 is one busy core.",
    "server CPU, microseconds a delivery": """That time for each delivery. This is the figure to compare servers by: it
        depends least on what else the machine does.""",
    "latency p50, ms": """Time from a sender's clock to a reader's, which are the same clock. Half of the samples took
        less. One of 16 received pieces is a sample. The delays of the load generator are in it.""",
    "latency p90, ms": "As above: 90% of the samples took less.",
    "latency p99, ms": "As above: 99% of the samples took less.",
    "latency p99.9, ms": "As above: 99.9% of the samples took less.",
    "latency max, ms": "The longest sample.",
    "resident bytes for each connection": """Growth of the server's resident memory from the start until everybody had
        entered, for each connection.""",
    "peak memory, MB": "The most resident memory that the server had, in millions of bytes.",
    "load generator CPU, % of one": """CPU time of the benchmark itself in relation to the wall time. Close to 100, the
        load generator is the limit, and the latencies are its own.""",
    "load generator late p99, ms": """How late messages were sent in relation to the plan, at a rate. If that is much,
        the load was not the planned one.""",
    "stalled readers": "Clients that did not read.",
    "p99 without them, ms": "The p99 of the same load when everybody reads, measured before.",
    "ratio of p99": "The p99 with stalled readers in relation to the one without: 1 means that nobody else noticed.",
    "seconds until everybody had seen everything": """Time from the first join until each client had seen everybody who
        joined after it.""",
    "clients a second": "Short lives for each second: connect, join, say something, close.",
    "memory growth, bytes a client": "Growth of the server's resident memory for each short life.",
}
"""One or a few sentences for each row, by its name."""
_BEGIN = "Each row of a run, in order. Rows that a scenario does not measure are left out."
_CHECKS = """The checks: the frames of each room's observer are decoded. The messages of each sender are numbered,
    so the observer notices a lost, doubled or reordered one. The bytes of every other reader are compared with those of
    the observer. The last line of a run says what was checked. If anything is wrong, a line on stderr names it, no
    figures are printed, and the exit status is 1."""


def explain(width: int) -> str:
    """The explanation of all rows, in lines of at most `width` columns, and of at least 40."""
    lines = [*_wrap(_BEGIN, width), ""]
    for name, words in EXPLANATIONS.items():
        lines += [name, *_wrap(words, width, "    ")]
    return "\n".join([*lines, "", *_wrap(_CHECKS, width)])


def _wrap(text: str, width: int, indent: str = "") -> list[str]:
    plain = " ".join(text.split())
    return textwrap.wrap(plain, max(40, width), initial_indent=indent, subsequent_indent=indent)
