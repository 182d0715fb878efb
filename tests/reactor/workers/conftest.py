"""A reactor in real time, and its children, for each test."""

from collections.abc import Iterator

import pytest

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.workers.children import Children


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    reactor = Reactor()
    yield reactor
    reactor.close()


@pytest.fixture
def children(reactor: Reactor) -> Iterator[Children]:
    children = Children(reactor)
    yield children
    children.end()
