"""Requests that wait: for a disk or a thread that has to answer before the next request of a session is handled."""

from collections.abc import Callable

from pylingo.reactor.chat.session import Session


def wait_for[T](session: Session, ask: Callable[[Callable[[T], None]], object], step: Callable[[T], object]) -> None:
    """Have `ask` answer, perhaps at once, and take `step` with the answer. Until then, the requests behind wait.

    The step is taken whatever has become of the session. If it is not taken at once, it must not raise. The session may
    have no connection, as when that broke while the session waited for something else.
    """
    peer = session.peer
    is_waiting = has_answer = False

    def answer(value: T) -> None:
        nonlocal has_answer
        has_answer = True
        if not is_waiting:
            step(value)
            return
        session.is_busy = False
        step(value)
        if (carrier := session.peer or peer) is not None:  # after the step, another session may have the peer
            carrier.go_on()

    ask(answer)
    if not has_answer:
        is_waiting = session.is_busy = True
