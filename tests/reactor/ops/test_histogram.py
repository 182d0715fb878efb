"""Histograms."""

from pylingo.reactor.ops.histogram import Histogram


def test_a_value_counts_at_the_first_bound_that_it_does_not_exceed():
    histogram = Histogram((1, 2, 5))
    for value in (0, 1, 1.5, 2, 5, 6, 100):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 1, 2]
    assert histogram.total == 115.5
