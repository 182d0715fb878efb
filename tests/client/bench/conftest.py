"""Fixtures of the load generator's tests: one server for each module, and loads on it."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.load import Load
from pylingo.client.bench.scenarios import UNLIMITED
from tests.fakes.loads import PLAN, wait_until_empty
from tests.support import ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--max-per-address", "0", "--resume-grace", "0", *UNLIMITED) as running:
        yield running


@pytest.fixture
def make(server: ServerProcess) -> Iterator[Callable[..., Load]]:
    """Makes a load, for the server or for another port, with changes to the plan."""
    with contextlib.ExitStack() as stack:

        def load(port: int | None = None, dialect: PyLingo | None = None, **changes: Any) -> Load:
            plan = dataclasses.replace(PLAN, **changes)
            made = Load(plan, dialect or PyLingo(), port or server.port)
            stack.callback(made.close)
            return made

        wait_until_empty(server)
        yield load
