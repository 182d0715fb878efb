"""The zone that is read anew: with a file of the test's own in the place of the system's."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.client.zone import CHECKED_EVERY, Zone
from tests.support import put_zone

NOON = 1_700_000_000_000_000
"""22:13:20 UTC."""


class Clock:
    value = 100.0

    def __call__(self) -> float:
        return self.value


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The file that `TZ` names; afterwards all is as before."""
    before = os.environ.get("TZ")
    file = tmp_path / "localtime"
    os.environ["TZ"] = f":{file}"
    yield file
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_another_zone_is_read_anew(path: Path) -> None:
    clock = Clock()
    put_zone(path, 3)
    zone = Zone(clock)
    assert zone.local(NOON)[:5] == (2023, 11, 15, 1, 13)
    put_zone(path, 5)
    assert zone.local(NOON).tm_hour == 1, "it is looked at once a second at most"
    clock.value += CHECKED_EVERY
    assert zone.local(NOON).tm_hour == 3
    assert os.environ["TZ"] == f":{path}"


def test_a_zone_by_its_name(path: Path) -> None:
    clock = Clock()
    zone = Zone(clock)
    for name, hour in (("UTC0", 22), ("<+02>-2", 0), ("", 22), (":/nowhere/at/all", 22), ("\udcff", 22)):
        os.environ["TZ"] = name
        clock.value += CHECKED_EVERY
        assert zone.local(NOON).tm_hour == hour, name


def test_without_a_name_it_is_the_systems(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pylingo.client.zone._SYSTEM", str(path))
    monkeypatch.delenv("TZ")
    looks = []
    real = os.stat
    monkeypatch.setattr("pylingo.client.zone.os.stat", lambda name: looks.append(name) or real(name))
    clock = Clock()
    put_zone(path, 3)
    zone = Zone(clock)
    for _ in range(1_000):
        zone.local(NOON)
    assert looks == [str(path)], "whatever the number of messages"
    assert "TZ" not in os.environ
    anew = []
    monkeypatch.setattr("pylingo.client.zone.time.tzset", lambda: anew.append(os.environ.get("TZ")))
    for hours, count in ((3, 0), (4, 2), (4, 0)):
        if count:
            put_zone(path, hours)
        anew.clear()
        clock.value += CHECKED_EVERY
        zone.local(NOON)
        assert len(anew) == count
    path.unlink()
    clock.value += CHECKED_EVERY
    assert zone.local(NOON) is not None
