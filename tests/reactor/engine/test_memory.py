"""The reserve that is held back for the moment when memory runs out."""

import mmap
import resource

import pytest

from pylingo.reactor.engine.loop import Reactor, log_error
from pylingo.reactor.engine.memory import Memory, reserve_size
from tests.fakes.selector import Selector


@pytest.mark.parametrize(
    ("limit", "size"),
    [(2**20, 2**22), (2**24, 2**22), (60 * 2**20, 15 * 2**20), (2**40, 2**24), (resource.RLIM_INFINITY, 2**22)],
)
def test_the_reserve_is_a_quarter_within_bounds(limit: int, size: int) -> None:
    assert reserve_size(limit) == size


def test_the_reserve_is_released_once_and_held_again_when_there_is_place(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    told: list[int] = []
    memory.on_shortage = lambda: told.append(1)
    assert memory.ran_out()
    assert not memory.ran_out()
    assert len(told) == 2
    with monkeypatch.context() as patch:
        patch.setattr(mmap, "mmap", lambda *arguments: (_ for _ in ()).throw(OSError(12, "no memory")))
        memory.hold()
    assert not memory.ran_out()
    memory.hold()
    memory.hold()
    assert memory.ran_out()


def test_a_loop_that_has_no_memory_to_wait_goes_on() -> None:
    selector, calls = Selector(), []
    reactor = Reactor(selector=selector)
    failures = iter([True, True, True, False])

    def run_out(timeout: float | None) -> None:
        if next(failures, False):
            raise MemoryError

    selector.before_select = run_out  # type: ignore[method-assign]
    reactor.memory.on_shortage = lambda: calls.append("told")
    reactor.call_soon(calls.append, "called")
    reactor.call_from_thread(calls.append, "from a thread")
    for _ in range(6):
        reactor.tick(0)
    assert calls[-1] == "from a thread"
    assert calls[:2] == ["told", "called"]
    reactor.close()


def test_a_call_that_runs_out_of_memory_fails_alone(caplog: pytest.LogCaptureFixture) -> None:
    reactor, calls = Reactor(), []

    def fails() -> None:
        raise MemoryError

    reactor.memory.on_shortage = lambda: calls.append("told")
    reactor.run_safely(fails)
    assert calls == ["told"]
    assert "not enough memory for" in caplog.text
    assert "Traceback" not in caplog.text
    reactor.close()


def test_memory_may_run_out_while_an_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Large:
        def __repr__(self) -> str:
            raise MemoryError

    log_error(Large(), MemoryError())
    log_error(Large(), ValueError())
    assert caplog.text == ""
