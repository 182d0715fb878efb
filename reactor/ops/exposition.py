"""Snapshots as the text that Prometheus reads, in the format that the scraper asks for."""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from pylingo.reactor.ops.catalogue import BUILD_INFO, CATALOGUE, PREFIX, Kind, Row, Source, Value
from pylingo.shared import __version__


class Families(Collector):
    """The metrics of `sources` as families, which the encoders of prometheus-client ask for."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = list(sources)

    def collect(self) -> Iterator[Metric]:
        """All families, in the order of the catalogue."""
        info = InfoMetricFamily(BUILD_INFO, "Versions of the running program")
        info.add_metric([], {"version": __version__, "python": platform.python_version()})
        yield info
        for row in CATALOGUE:
            if any(row.name in source.snapshot for source in self._sources):
                yield self._family(row)
        yield from self._processes()

    def _family(self, row: Row) -> Metric:
        shared = ["worker"] if any(source.worker for source in self._sources) else []
        family, add = _KINDS[row.kind](row, [*shared, *([row.label] if row.label else [])])
        for source in self._sources:
            if (value := source.snapshot.get(row.name)) is not None:
                labels = [source.worker] if shared else []
                for label, number in value.items() if isinstance(value, Mapping) else [("", value)]:
                    add([*labels, label] if row.label else labels, number)
        return family

    def _processes(self) -> Iterable[Metric]:
        """The standard metrics of the processes, of each with the label of its source."""
        found: dict[str, Metric] = {}
        for source in self._sources:
            process = str(source.process)
            for metric in ProcessCollector(pid=lambda process=process: process, registry=None).collect():  # type: ignore[misc]
                family = found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                labels = {"worker": source.worker} if source.worker else {}
                for sample in metric.samples:
                    family.add_sample(sample.name, labels, sample.value)
        return found.values()


type _Add = Callable[[list[str], Value], None]


def _counter(row: Row, labels: list[str]) -> tuple[Metric, _Add]:
    family = CounterMetricFamily(PREFIX + row.name, row.about, labels=labels)
    return family, lambda values, number: family.add_metric(values, _number(number))


def _gauge(row: Row, labels: list[str]) -> tuple[Metric, _Add]:
    family = GaugeMetricFamily(PREFIX + row.name, row.about, labels=labels)
    return family, lambda values, number: family.add_metric(values, _number(number))


def _histogram(row: Row, labels: list[str]) -> tuple[Metric, _Add]:
    family = HistogramMetricFamily(PREFIX + row.name, row.about, labels=labels)
    names = [*map(floatToGoString, row.bounds), "+Inf"]

    def add(values: list[str], value: Value) -> None:
        assert isinstance(value, tuple | list)
        counts, total = value
        buckets = [(name, float(count)) for name, count in zip(names, accumulate(counts), strict=True)]
        family.add_metric(values, buckets, total)

    return family, add


_KINDS: dict[Kind, Callable[[Row, list[str]], tuple[Metric, _Add]]] = {
    Kind.COUNTER: _counter,
    Kind.GAUGE: _gauge,
    Kind.HISTOGRAM: _histogram,
}


def _number(value: Value) -> float:
    assert isinstance(value, int | float)
    return value


def expose(sources: Iterable[Source], accept: str) -> tuple[bytes, str]:
    """Return the metrics and their content type, in the format that the header `accept` prefers."""
    try:
        encode, content_type = choose_encoder(accept if accept.isascii() else "")
    except TypeError:  # the version of a format is not a number
        encode, content_type = generate_latest, CONTENT_TYPE_PLAIN_0_0_4
    return encode(Families(sources)), content_type
