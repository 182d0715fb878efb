"""The limit of open descriptors, with a system that the test plays."""

import resource

import pytest

from pylingo.reactor.engine.descriptors import raise_descriptor_limit


@pytest.mark.parametrize(
    ("limits", "refuses", "result", "raised"),
    [
        ((1_024, 4_096), False, 4_096, [(4_096, 4_096)]),
        ((4_096, 4_096), False, 4_096, []),
        ((256, 10_000), True, 256, [(10_000, 10_000)]),
        ((1_024, resource.RLIM_INFINITY), False, 1_000_000, [(resource.RLIM_INFINITY, resource.RLIM_INFINITY)]),
    ],
)
def test_the_descriptor_limit_is_raised_as_far_as_it_goes(monkeypatch, limits, refuses, result, raised):
    asked = []

    def setrlimit(what: int, limits: tuple[int, int]) -> None:
        assert what == resource.RLIMIT_NOFILE
        asked.append(limits)
        if refuses:
            raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda what: limits)
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    assert raise_descriptor_limit() == result
    assert asked == raised
