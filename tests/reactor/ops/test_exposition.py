"""Snapshots as text, read back with the parsers of prometheus-client."""

import math
import os

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from pylingo.reactor.ops.catalogue import CATALOGUE, SIZES, Source
from pylingo.reactor.ops.exposition import expose

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def samples(text, read=parse):
    """The values by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in read(text)
        for sample in family.samples
    }


def histogram(*counts, total=0.0):
    return [*counts, *[0] * (len(SIZES) + 1 - len(counts))], total


def test_numbers_labels_and_histograms():
    snapshot = {
        "rooms": 3,
        "messages": 7,
        "goodbyes": {"full": 2, 'lo"st': 1},
        "batch_frames": histogram(4, 2, total=9),
    }
    body, kind = expose([Source(snapshot)], "")
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    found = samples(body.decode())
    assert found["pylingo_rooms",] == 3
    assert found["pylingo_messages_total",] == 7
    assert found["pylingo_goodbyes_total", ("reason", "full")] == 2
    assert found["pylingo_goodbyes_total", ("reason", 'lo"st')] == 1
    assert found["pylingo_batch_frames_bucket", ("le", "1.0")] == 4
    assert found["pylingo_batch_frames_bucket", ("le", "2.0")] == 6
    assert found["pylingo_batch_frames_bucket", ("le", "+Inf")] == found["pylingo_batch_frames_count",] == 6
    assert found["pylingo_batch_frames_sum",] == 9
    assert not any(name.startswith("pylingo_bus") for name, *_ in found)
    [build] = [labels for name, *labels in found if name == "pylingo_build_info"]
    assert {label for label, _ in build} == {"python", "version"}


def test_openmetrics_is_chosen_by_the_header():
    body, kind = expose([Source({"messages": 7})], OPENMETRICS)
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")
    assert samples(body.decode(), parse_openmetrics)["pylingo_messages_total",] == 7


def test_headers_that_make_no_sense_get_plain_text():
    for accept in ("", "text/plain; version=x", "application/openmetrics-text; version=9.\xff", ";;=,", "a" * 9_000):
        body, kind = expose([Source({"rooms": 1})], accept)
        assert kind == "text/plain; version=0.0.4; charset=utf-8", accept
        assert b"pylingo_rooms 1.0" in body


def test_all_metrics_fit_into_both_formats():
    snapshot = {
        row.name: ([1] * (len(row.bounds) + 1), 1.5) if row.bounds else {"a": 1} if row.label else 1
        for row in CATALOGUE
    }
    body, _ = expose([Source(snapshot)], "")
    found = samples(body.decode())
    assert samples(expose([Source(snapshot)], OPENMETRICS)[0].decode(), parse_openmetrics).keys() >= {
        key for key in found if key[0].startswith("pylingo") and not key[0].endswith("_created")
    }
    assert {name for name, *_ in found} >= {row.full_name for row in CATALOGUE if not row.bounds}


def test_each_worker_has_its_label_and_its_process():
    own = Source({"goodbyes": {"full": 1}}, worker="supervisor")
    first = Source({"rooms": 2, "goodbyes": {"full": 5}}, os.getpid(), "1")
    gone = Source({"worker_up": 0}, 0, "2")
    found = samples(expose([own, first, gone], "")[0].decode())
    assert found["pylingo_goodbyes_total", ("reason", "full"), ("worker", "supervisor")] == 1
    assert found["pylingo_goodbyes_total", ("reason", "full"), ("worker", "1")] == 5
    assert found["pylingo_rooms", ("worker", "1")] == 2
    assert found["pylingo_worker_up", ("worker", "2")] == 0
    memory = {
        dict(labels)["worker"]: value
        for (name, *labels), value in found.items()
        if name.endswith("resident_memory_bytes")
    }
    assert memory.keys() == {"supervisor", "1"}
    assert math.isclose(memory["1"], memory["supervisor"], rel_tol=0.1)
