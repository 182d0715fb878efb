"""The wall clock, which may be wrong: its log lines, and when it may delete messages."""

import itertools
import logging
import time

import pytest

from pylingo.reactor.history import clock
from pylingo.reactor.history.clock import (
    DAY,
    Clock,
    ClockTrust,
    JumpDetector,
    running,
    show_span,
    show_stamp,
    wall_clock,
)

NOON = 1_767_268_800_000_000
HOUR = 3_600.0
KEEP = 90 * DAY


class Sky:
    """Two clocks that a test sets: the one that shows the time, and the one that nobody sets."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now
        self.running = 50.0

    def jumps(self) -> JumpDetector:
        return JumpDetector(lambda: self.now, lambda: self.running)

    def trust(self, newest: int, keep: float = KEEP, sound: int | None = None, ran: float = 0.0) -> ClockTrust:
        return ClockTrust(newest, keep, sound, ran, self.jumps())

    def go_on(self, seconds: float) -> None:
        self.now += int(seconds * 1e6)
        self.running += seconds

    def jump(self, seconds: float) -> None:
        self.now += int(seconds * 1e6)


def later(seconds: float) -> int:
    return NOON + int(seconds * 1e6)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_clock_that_nobody_sets_goes_on(monkeypatch):
    readings = [running() for _ in range(1_000)]
    assert all(0 <= after - before for before, after in itertools.pairwise(readings))
    monkeypatch.setattr(clock, "_BOOT", None)  # a system without a clock that counts the sleep
    assert time.monotonic() <= running() <= time.monotonic()


def test_the_clock_that_nobody_sets_is_read_once_a_second_at_most():
    """Both are asked for each message otherwise."""
    sky = Sky()
    readings = []

    def counted() -> float:
        readings.append(sky.running)
        return sky.running

    clock = Clock(JumpDetector(lambda: sky.now, counted))
    stamps = []
    for _ in range(300):
        sky.go_on(0.01)
        stamps.append(clock())
    assert stamps == [NOON + 10_000 * number for number in range(1, 301)]
    assert readings == [50.0, pytest.approx(51.0), pytest.approx(52.0), pytest.approx(53.0)]


@pytest.mark.parametrize(
    ("at", "shown"),
    [(0, "1970-01-01 00:00 UTC"), (NOON, "2026-01-01 12:00 UTC"), (-1, "1969-12-31 23:59 UTC")],
)
def test_a_stamp_is_shown_as_a_date(at, shown):
    assert show_stamp(at) == shown


@pytest.mark.parametrize("at", [2**62, 2**63 - 1, 2**80, -(2**80)])
def test_no_stamp_is_too_large_to_be_shown(at):
    assert show_stamp(at)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "0 seconds"),
        (119, "119 seconds"),
        (-600, "10 minutes"),
        (47 * HOUR, "47 hours"),
        (-3_650 * DAY, "3650 days"),
    ],
)
def test_a_span_is_shown_in_a_unit_that_fits(seconds, shown):
    assert show_span(seconds) == shown


# --- jumps


@pytest.mark.parametrize("by", [DAY + 1, -DAY - 1, 3_650 * DAY, -3_650 * DAY])
def test_a_clock_that_is_set_is_told_once(caplog, by):
    sky = Sky()
    read = Clock(sky.jumps())
    sky.go_on(30 * DAY)  # nobody has looked for a month, which is no jump
    assert read() == sky.now
    assert lines(caplog) == []
    sky.jump(by)
    assert [read(), read()] == [sky.now] * 2
    [line] = lines(caplog)
    assert f"jumped {show_span(by)} {'ahead' if by > 0 else 'back'}" in line
    assert show_stamp(sky.now) in line


def test_steps_of_a_time_server_are_no_matter(caplog):
    sky = Sky()
    read = Clock(sky.jumps())
    for step in (0.5, -2.0, 3_600.0, -3_600.0, DAY - 1):
        sky.go_on(10)
        sky.jump(step)
        assert read() == sky.now
    assert lines(caplog) == []


def test_a_clock_for_a_hub_is_the_wall_clock():
    assert abs(Clock()() - wall_clock()) < 10**7


# --- trust


@pytest.mark.parametrize("newest", [0, later(-60), later(-DAY + 1), later(30)])
def test_a_clock_near_the_newest_message_is_believed_at_once(caplog, newest):
    trust = Sky().trust(newest)
    assert trust.oldest() == later(-KEEP)
    assert trust.doubted is None
    assert lines(caplog) == []


@pytest.mark.parametrize("ahead", [DAY + 1, 3_650 * DAY])
def test_a_clock_far_ahead_deletes_nothing_before_a_day_has_passed(caplog, ahead):
    sky = Sky()
    trust = sky.trust(later(-ahead))
    assert f"{show_span(ahead)} ahead of the newest message" in lines(caplog)[0]
    assert "another 24 hours" in lines(caplog)[0]
    for _ in range(23):
        sky.go_on(HOUR)
        assert trust.oldest() == 0
    assert len(lines(caplog)) == 1
    sky.go_on(HOUR + 1)
    assert trust.oldest() == sky.now - int(KEEP * 1e6)
    assert "by their age again" in lines(caplog)[1]
    assert trust.doubted is None


def test_without_a_bound_of_age_nothing_is_ever_too_old_and_no_deletion_is_spoken_of(caplog):
    sky = Sky()
    trust = sky.trust(later(-3_650 * DAY), keep=0.0)
    assert trust.oldest() == 0
    sky.go_on(2 * DAY)
    assert trust.oldest() == 0
    assert "deleted" not in lines(caplog)[0]


def test_a_clock_that_comes_back_is_believed_at_once():
    sky = Sky()
    trust = sky.trust(later(-60))
    sky.jump(3_650 * DAY)
    assert trust.oldest() == 0
    sky.go_on(HOUR)
    assert trust.oldest() == 0
    sky.jump(-3_650 * DAY)
    assert trust.oldest() == sky.now - int(KEEP * 1e6)


def test_a_jump_begins_the_day_anew():
    sky = Sky()
    trust = sky.trust(later(-10 * DAY))
    sky.go_on(23 * HOUR)
    assert trust.oldest() == 0
    sky.jump(100 * DAY)
    assert trust.oldest() == 0
    sky.go_on(23 * HOUR)
    assert trust.oldest() == 0
    sky.go_on(HOUR + 1)
    assert trust.oldest() > 0


def test_a_machine_that_slept_is_no_jump():
    sky = Sky()
    trust = sky.trust(later(-60))
    sky.go_on(30 * DAY)
    assert trust.oldest() == sky.now - int(KEEP * 1e6)


def test_a_doubt_outlives_a_restart_and_messages_stamped_in_doubt_do_not_end_it():
    sky = Sky()
    first = sky.trust(later(-3_650 * DAY))
    sky.go_on(10 * HOUR)
    first.oldest()
    assert first.doubted == (later(-3_650 * DAY), 10 * HOUR)
    sound, ran = first.doubted
    second = sky.trust(sky.now - 1, sound=sound, ran=ran)
    sky.go_on(13 * HOUR)
    assert second.oldest() == 0
    sky.go_on(HOUR + 1)
    assert second.oldest() > 0


def test_a_clock_that_is_right_again_after_a_restart_is_believed(caplog):
    sky = Sky()
    trust = sky.trust(later(3_650 * DAY), sound=later(-HOUR))
    assert trust.oldest() == later(-KEEP)
    [line] = lines(caplog)
    assert f"{show_span(3_650 * DAY)} behind the newest message" in line
    assert show_stamp(later(3_650 * DAY)) in line


@pytest.mark.parametrize(("behind", "is_told"), [(0.5, False), (59, False), (61, True), (HOUR, True)])
def test_a_clock_behind_the_newest_message_is_told(caplog, behind, is_told):
    trust = Sky().trust(later(behind))
    assert ["behind the newest message" in line for line in lines(caplog)] == [True] * is_told
    assert trust.oldest() == later(-KEEP)  # that is no reason to keep more
