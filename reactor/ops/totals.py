"""The totals of an old server, with which the counters of its successor go on. Pure."""

from collections.abc import Mapping
from typing import Any

from pylingo.reactor.ops.catalogue import CATALOGUE, Kind, Snapshot, Value

_RISING = frozenset(row.name for row in CATALOGUE if row.kind is not Kind.GAUGE)


def totals_of(snapshot: Snapshot) -> dict[str, Any]:
    """Return the values that only rise: counters and histograms."""
    return {name: value for name, value in snapshot.items() if name in _RISING}


def with_totals(snapshot: Snapshot, totals: Mapping[str, Any]) -> Snapshot:
    """Return the values of a server after those of its predecessor.

    A total of which the server has no value, or one of another shape, is left out: another version has counted it.
    """
    return {name: _sum(value, totals[name]) if name in totals else value for name, value in snapshot.items()}


def _sum(value: Value, more: Any) -> Value:
    match value, more:
        case Mapping(), Mapping():
            return {label: value.get(label, 0) + more.get(label, 0) for label in [*value, *(more.keys() - value)]}
        case ([*counts], total), ([*earlier], earlier_total) if len(counts) == len(earlier):
            return [one + other for one, other in zip(counts, earlier, strict=True)], total + earlier_total
        case ((int() | float()), (int() | float())):
            return value + more
    return value
