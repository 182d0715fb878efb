"""The totals of an old server, with which the counters of its successor go on."""

from pylingo.reactor.ops.totals import totals_of, with_totals


def test_only_values_that_rise_go_on() -> None:
    snapshot = {"messages": 7, "rooms": 2, "goodbyes": {"lost": 1}, "tick_seconds": ([1, 2], 0.5), "ready": 1}
    assert totals_of(snapshot) == {"messages": 7, "goodbyes": {"lost": 1}, "tick_seconds": ([1, 2], 0.5)}


def test_the_values_of_both_servers_are_added() -> None:
    totals = {"messages": 7, "goodbyes": {"lost": 1, "full": 2}, "tick_seconds": [[1, 2], 0.5], "reads": 1.5}
    new = {"messages": 1, "rooms": 2, "goodbyes": {"lost": 4, "idle": 1}, "tick_seconds": ([0, 1], 0.25), "reads": 2}
    assert with_totals(new, totals) == {
        "messages": 8,
        "rooms": 2,
        "goodbyes": {"lost": 5, "full": 2, "idle": 1},
        "tick_seconds": ([1, 3], 0.75),
        "reads": 3.5,
    }
    assert with_totals(new, {}) == new


def test_totals_of_another_shape_are_left_out() -> None:
    new = {"messages": 1, "tick_seconds": ([0, 1], 0.25), "goodbyes": {"lost": 4}}
    assert with_totals(new, {"messages": {"a": 1}, "tick_seconds": [[1, 2, 3], 0.5], "goodbyes": 3, "gone": 1}) == new
    for shape in ([1, 2], [1, [2]], [[1, 2]], "12"):
        assert with_totals(new, {"tick_seconds": shape}) == new
