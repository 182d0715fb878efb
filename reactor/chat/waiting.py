"""Requests that wait: for a disk or a thread that has to answer before the next request of a session is handled."""

from collections.abc import Callable

from pylingo.reactor.chat.session import Session


def wait_for[T](session: Session, ask: Callable[[Callable[[T], None]], object], step: Callable[[T], object]) -> None:
    """Have `ask` answer, perhaps at once, and take `step` with the answer. Until then, the requests behind wait.

    The step is taken whatever has become of the session. If it is not taken at once, it must not raise.
    """
    peer = session.peer
    assert peer is not None
    is_waiting = has_answer = False

    def answer(value: T) -> None:
        nonlocal has_answer
        has_answer = True
        if not is_waiting:
            step(value)
            return
        session.is_busy = False
        step(value)
        (session.peer or peer).go_on()  # after the step, another session may have the peer

    ask(answer)
    if not has_answer:
        is_waiting = session.is_busy = True
