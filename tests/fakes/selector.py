"""A selector for tests: a real one that never waits."""

import selectors


class Selector(selectors.DefaultSelector):
    """Notes the timeouts that it was asked to wait for, and the events that it reported.

    `select` calls `before_select(timeout)` first: there, time may pass, or memory run out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float | None] = []
        self.events: list[tuple[selectors.SelectorKey, int]] = []

    def before_select(self, timeout: float | None) -> None:
        """Replace this to have something happen during the wait."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.asked.append(timeout)
        self.before_select(timeout)
        events = super().select(0)
        self.events += events
        return events
