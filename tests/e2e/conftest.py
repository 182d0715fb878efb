"""Shared by the end-to-end tests."""

from collections.abc import Iterator

import pytest

from tests.support import encrypting


@pytest.fixture(params=["plain", "tls"])
def wire(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every server of the test is plain, and in a second run encrypted."""
    with encrypting(request.param == "tls"):
        yield request.param
