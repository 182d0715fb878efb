"""The delays before a process is started again."""

from pylingo.reactor.workers.backoff import FIRST, MOST, STEADY, Backoff


def test_the_delay_doubles_up_to_a_limit():
    backoff = Backoff()
    assert [backoff.delay(0.0) for _ in range(4)] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert [backoff.delay(STEADY / 2) for _ in range(2_000)][-1] == MOST


def test_what_has_worked_for_a_while_is_started_again_at_once():
    backoff = Backoff()
    backoff.delay(0.0)
    backoff.delay(0.0)
    assert [backoff.delay(STEADY), backoff.delay(0.0)] == [0.0, FIRST]
