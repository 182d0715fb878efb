"""The probes, each of which measures nothing after its end."""

import gc

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.ops.probes import LOOK_EVERY, GcProbe, LagProbe
from tests.fakes.clock import Clock


def test_the_lag_is_how_late_a_due_call_is_made():
    clock, seen = Clock(), []
    reactor = Reactor(clock)
    probe = LagProbe(reactor, seen.append)
    for late in (0.0, 0.25, 0.0):
        clock.advance(LOOK_EVERY + late)
        reactor.tick(0)
    assert [round(lag, 6) for lag in seen] == [0.0, 0.25, 0.0]
    probe.close()
    clock.advance(LOOK_EVERY)
    reactor.tick(0)
    assert len(seen) == 3
    reactor.close()


def test_a_pass_of_the_garbage_collector_is_timed():
    readings, seen = iter([1.0, 1.5]), []
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        probe = GcProbe(seen.append, lambda: next(readings))
        gc.collect()
        probe.close()
        gc.collect()
    finally:
        if was_enabled:
            gc.enable()
    assert seen == [0.5]
