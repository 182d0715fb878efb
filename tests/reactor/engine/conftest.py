"""A reactor for each test, on a clock that the test moves and a selector that never waits."""

import math
from collections.abc import Iterator

import pytest

from pylingo.reactor.engine.loop import Reactor
from tests.fakes.clock import Clock
from tests.fakes.selector import Selector


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def selector() -> Selector:
    return Selector()


@pytest.fixture
def reactor(clock: Clock, selector: Selector) -> Iterator[Reactor]:
    reactor = Reactor(clock=clock, selector=selector, most_late=math.inf)
    yield reactor
    reactor.close()
