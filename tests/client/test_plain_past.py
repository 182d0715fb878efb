"""The output of `/history` and `/search` in plain mode, and how far back each goes."""

import pytest

from pylingo.client.events import PageReply
from pylingo.client.plain_past import PRINTED, PlainPast
from pylingo.client.wording import clock_time, date_line, local_day
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Entry, Error, HistoryPage, HistoryRequest, Message, Notice, Private

NOON = 1_700_000_000_000_000
TIME, DATE = clock_time(NOON), date_line(local_day(NOON))
FEATURES = frozenset({"rooms", "search"})


class Bench:
    """`PlainPast` for somebody called ada, and what it prints and asks for."""

    def __init__(self, with_: str | None = None) -> None:
        self.asked: list[HistoryRequest] = []
        self.lines: list[str] = []
        self.past = PlainPast(self.asked.append, self.lines.append, lambda: "ada", with_)

    def run(self, name: str, argument: str | None = None, room: str | None = "lobby") -> HistoryRequest:
        self.past.run(name, argument, room, FEATURES)
        return self.asked[-1]

    def answer(self, *entries: Entry, more: bool = False, next_: int | None = None, room: str | None = "lobby") -> None:
        self.past.received(PageReply(self.asked[-1], HistoryPage(room, list(entries), more, None, next=next_)))

    def printed(self) -> list[str]:
        lines, self.lines[:] = list(self.lines), []
        return lines


def entry(number: int, text: str = "") -> Entry:
    return Entry("bob", text or str(number), NOON + number)


def test_history_goes_back_from_what_was_printed() -> None:
    bench = Bench()
    for number in (7, 5, 9):
        bench.past.printed(Message("Lobby", "bob", "x", NOON + number))
    bench.past.printed(Message("ops", "bob", "x", NOON))
    bench.past.printed(Notice("x"))
    assert bench.run("history") == HistoryRequest(before=NOON + 5, limit=PRINTED, room="lobby")
    bench.answer(entry(3), entry(4, "two\nrows"), more=True)
    head, end = "--- earlier in lobby ---", "--- end of the earlier ---"
    assert bench.printed() == [head, DATE, f"{TIME} bob: 3", f"{TIME} bob: two", "    rows", end]
    assert bench.run("history").before == NOON + 3
    bench.answer(entry(2))
    assert bench.printed() == ["--- beginning of lobby ---", head, DATE, f"{TIME} bob: 2", end]
    bench.run("history")
    bench.answer()
    assert bench.printed() == ["--- beginning of lobby ---"]


def test_a_conversation_is_that_with_the_one_person() -> None:
    bench = Bench("Grace")
    bench.past.printed(Private("grace", "ada", "x", NOON + 5))
    bench.past.printed(Private("eve", "ada", "x", NOON + 1))
    assert bench.run("history", room=None) == HistoryRequest(before=NOON + 5, limit=PRINTED, with_="Grace")
    bench.answer(Entry("ada", "hi", NOON, to="Grace"), more=True, room=None)
    assert f"{TIME} you -> Grace: hi" in bench.printed()


def test_a_search_goes_further_back_when_it_is_repeated() -> None:
    bench = Bench()
    assert bench.run("search", "deploy") == HistoryRequest(limit=PRINTED, room="lobby", search="deploy")
    bench.answer(entry(7, "deployed"), next_=NOON + 5)
    head, rest = "--- found in lobby: deploy ---", "--- /search deploy goes further back ---"
    assert bench.printed() == [head, DATE, f"{TIME} bob: deployed", rest]
    assert bench.run("search", "deploy").before == NOON + 5
    bench.answer(next_=NOON + 3)
    assert bench.asked[-1] == HistoryRequest(before=NOON + 3, limit=PRINTED, room="lobby", search="deploy")
    assert bench.printed() == [], "the server searches on"
    bench.answer(entry(1, "deploy"))
    assert bench.printed() == [head, DATE, f"{TIME} bob: deploy", "--- nothing older ---"]
    assert bench.run("search", "deploy").before is None, "it begins anew"
    assert bench.run("search", "other").before is None
    bench.answer()
    assert bench.printed() == ["--- nothing has been found for other ---"]


def test_a_search_in_another_room_begins_anew() -> None:
    bench = Bench()
    bench.run("search", "deploy")
    bench.answer(entry(7), next_=NOON + 5)
    assert bench.run("search", "deploy", room="ops").before is None


def test_errors_and_other_replies() -> None:
    bench = Bench()
    bench.run("history")
    bench.past.received(PageReply(bench.asked[-1], Error("no-room", "no\x1broom")))
    assert bench.printed() == ["! no\ufffdroom"]
    bench.past.received(PageReply(HistoryRequest(), HistoryPage("lobby", [entry(1)], False, None)))
    assert bench.printed() == [], "that was for somebody else"


@pytest.mark.parametrize(
    ("name", "argument", "room", "features", "code"),
    [
        ("history", None, None, FEATURES, "no-room"),
        ("history", "5", "lobby", FEATURES, "bad-argument"),
        ("search", None, "lobby", FEATURES, "bad-argument"),
        ("search", "...", "lobby", FEATURES, "bad-text"),
        ("search", "x", "lobby", frozenset({"rooms"}), "unsupported"),
    ],
)
def test_a_request_that_cannot_be_made(
    name: str, argument: str | None, room: str | None, features: frozenset[str], code: str
) -> None:
    bench = Bench()
    with pytest.raises(RequestError) as caught:
        bench.past.run(name, argument, room, features)
    assert caught.value.reason == code
    assert bench.asked == []
