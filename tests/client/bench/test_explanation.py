"""Each row that a run can print is explained, and no other."""

import re
from pathlib import Path

import pytest

from pylingo.client.bench import scenarios
from pylingo.client.bench.explanation import EXPLANATIONS, explain
from pylingo.client.bench.plan import Measured, Plan
from pylingo.client.bench.report import figures, where
from pylingo.client.bench.scenarios import Result

EXTRA = re.findall(r'"([^"]+)": (?:plan|before|after|result)\b', Path(scenarios.__file__).read_text(encoding="utf-8"))
"""The names of the rows that single scenarios add."""


def test_every_row_is_explained_in_the_order_of_a_run():
    measured = Measured(seconds=1, messages=1, deliveries=1, latencies=[1], lateness=[1.0], client_cpu=1)
    result = Result("x", 1, measured, 1.0, 1.0, 1, 1.0)
    usual = [*where(), *figures(result, Plan(clients=1))]
    assert list(EXPLANATIONS)[: len(usual)] == usual
    assert {"stalled readers", "ratio of p99", "clients a second"} <= set(EXTRA)
    added = {*EXTRA, "memory growth, bytes a client"}
    assert set(EXPLANATIONS) == {*usual, *added}


@pytest.mark.parametrize("width", [0, 60, 100])
def test_the_explanation_keeps_to_the_width(width: int):
    lines = explain(width).splitlines()
    assert max(map(len, lines)) <= max(60, width)
    assert all(name in lines for name in EXPLANATIONS)
    assert all("  " not in line.strip() for line in lines)
