"""Stamps that are reserved on disk ahead: how far, how often, and what the clock may not reach."""

from pylingo.reactor.history.history import FOREVER
from pylingo.reactor.history.reservation import AHEAD, SPARE, Reservation

NOON = 1_700_000_000_000_000


def test_nothing_is_reserved_at_first():
    reservation = Reservation()
    assert not reservation
    assert reservation.limit == FOREVER


def test_the_limit_stays_below_what_is_reserved():
    reservation = Reservation()
    assert reservation.renew(NOON) == NOON + AHEAD
    assert reservation
    assert reservation.limit == NOON + AHEAD - SPARE


def test_stamps_are_reserved_again_when_half_of_them_are_over():
    reservation = Reservation()
    reservation.renew(NOON)
    half = NOON + AHEAD // 2
    assert reservation.renew(half) is None
    assert reservation.renew(half + 1) == half + 1 + AHEAD
    assert reservation.limit == NOON + AHEAD - SPARE  # until the disk has it
    reservation.committed(NOON + AHEAD)  # an older one
    assert reservation.limit == NOON + AHEAD - SPARE
    reservation.committed(half + 1 + AHEAD)
    assert reservation.limit == half + 1 + AHEAD - SPARE


def test_a_clock_that_is_set_back_takes_the_limit_along_at_once():
    reservation = Reservation()
    reservation.renew(NOON)
    assert reservation.renew(NOON - 1) == NOON - 1 + AHEAD
    assert reservation.limit == NOON - 1 + AHEAD - SPARE


def test_nothing_is_reserved_after_it_was_given_up():
    reservation = Reservation()
    reservation.renew(NOON)
    reservation.give_up()
    reservation.committed(NOON + AHEAD)  # which was under way
    reservation.committed(0)  # by a server on which nothing was ever said
    assert not reservation
    assert reservation.limit == FOREVER
