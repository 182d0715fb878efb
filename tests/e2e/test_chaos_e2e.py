"""A short chaos run: people talk on three servers while these and their Redis break, and nobody misses anything.

tests/measure/chaos.py makes long ones, with all faults by chance.
"""

# Runs once: what TLS changes is tested with one server.

from pathlib import Path

from tests.chaos.run import chaos

FAULTS = ("cut", "kill-server", "rewrite", "kill-redis")
CLIENTS = 18


def test_nobody_misses_anything(tmp_path: Path) -> None:
    result = chaos(tmp_path, 3, CLIENTS, None, FAULTS, seed=1)
    assert result.wrong == []
    assert [fault.name for fault in result.happened] == list(FAULTS)
    assert len(result.evidence.said) > CLIENTS
