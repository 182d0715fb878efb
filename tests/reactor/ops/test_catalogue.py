"""The catalogue, and everything that names its metrics: the documentation, the dashboard and the alerts."""

import json
import re
import shutil
import subprocess

import pytest

from pylingo.reactor.ops.catalogue import BUILD_INFO, CATALOGUE, Kind
from tests.support import DEADLINE, ROOT

DASHBOARD = ROOT / "packaging" / "grafana" / "pylingo.json"
RULES = ROOT / "packaging" / "prometheus" / "pylingo.rules.yml"
PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds"}
_METRIC = re.compile(r"\b(?:pylingo|process)_\w+")


def names():
    """All names that a sample can have."""
    found = {f"{BUILD_INFO}_info", *PROCESS}
    for row in CATALOGUE:
        ends = ("_bucket", "_sum", "_count") if row.kind is Kind.HISTOGRAM else ("",)
        found |= {row.full_name + end for end in ends}
    return found


def expressions(node):
    """The queries of the dashboard, wherever they stand."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "query") and isinstance(value, str):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def test_names_are_unique_and_as_prometheus_wants_them():
    assert len({row.name for row in CATALOGUE}) == len(CATALOGUE)
    for row in CATALOGUE:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", row.name)
        assert not row.name.endswith("_total")
        assert bool(row.bounds) == (row.kind is Kind.HISTOGRAM)
        assert list(row.bounds) == sorted(set(row.bounds))
        assert row.about[0].isupper() or row.about[0].isdigit()


def test_the_dashboard_names_metrics_that_exist():
    dashboard = json.loads(DASHBOARD.read_text())
    used = {name for text in expressions(dashboard) for name in _METRIC.findall(text)}
    assert len(used) > 30
    assert used - names() == set()
    titles = [panel["title"] for panel in dashboard["panels"]]
    assert len(set(titles)) == len(titles)


def test_the_dashboard_shows_every_metric():
    dashboard = json.loads(DASHBOARD.read_text())
    used = " ".join(expressions(dashboard))
    assert [row.full_name for row in CATALOGUE if not re.search(rf"\b{row.full_name}(_\w+)?\b", used)] == []


def test_the_alerts_name_metrics_that_exist():
    texts = re.findall(r"^ +expr: (.*)$", RULES.read_text(), re.MULTILINE)
    assert len(texts) == RULES.read_text().count("- alert: ") > 10
    used = {name for text in texts for name in _METRIC.findall(text)}
    assert used <= names()
    assert len(used) > 10


def test_the_documentation_lists_every_metric():
    table = (ROOT / "docs" / "server.md").read_text().partition("<!-- metrics -->")[2].partition("<!-- end of")[0]
    rows = re.findall(r"^\| `(\w+)(?:\{(\w+)\})?` \| (\w+) \| (.*) \|$", table, re.MULTILINE)
    assert rows == [(row.full_name, row.label, row.kind, row.about) for row in CATALOGUE]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of Debian's package prometheus")
def test_promtool_accepts_the_alerts():
    done = subprocess.run(
        ["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
