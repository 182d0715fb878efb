"""Reading pages until there are enough messages, and batches of lines."""

from collections.abc import Callable

import pytest

from pylingo.reactor.history.history import Page
from pylingo.reactor.irc.playback import Entries, batch, collect, lines_of, within
from pylingo.reactor.irc.selection import Part
from pylingo.shared.messages import Entry, HistoryRequest
from tests.fakes.irc_client import Desk, Somebody


@pytest.fixture
def ada() -> Somebody:
    return Desk().client("ada", caps="batch")


class Pages:
    """A history of the stamps 1 to `count`, of which a page has at most `most` messages."""

    def __init__(self, count: int, most: int) -> None:
        self.entries = [Entry("bob", f"m{at}", at) for at in range(1, count + 1)]
        self.most = most
        self.asked: list[HistoryRequest] = []

    def read(self, request: HistoryRequest, answer: Callable[[Page], object]) -> None:
        self.asked.append(request)
        after = [entry for entry in self.entries if request.since is None or entry.at > request.since]
        found = [entry for entry in after if request.before is None or entry.at < request.before]
        limit = min(request.limit, self.most)
        page = found[:limit] if request.since is not None else found[-limit:]
        answer(Page(page, len(page) < len(found), 1))


def collected(ada: Somebody, pages: Pages, *parts: Part) -> list[int]:
    found: list[Entries] = []
    collect(ada.client, pages.read, parts, found.append)
    (entries,) = found
    return [entry.at for entry in entries]


@pytest.mark.parametrize(
    ("parts", "stamps"),
    [
        ([Part(5)], range(16, 21)),
        ([Part(50)], range(1, 21)),
        ([Part(5, before=10)], range(5, 10)),
        ([Part(5, since=10, is_forward=True)], range(11, 16)),
        ([Part(50, since=10, is_forward=True)], range(11, 21)),
        ([Part(50, since=15)], range(16, 21)),
        ([Part(2, since=15)], range(19, 21)),
        ([Part(50, 5, 9, is_forward=True)], range(6, 9)),
        ([Part(50, 5, 9)], range(6, 9)),
        ([Part(3, before=10), Part(3, since=9, is_forward=True)], range(7, 13)),
        ([Part(5, before=1)], range(0)),
        ([], range(0)),
    ],
)
@pytest.mark.parametrize("most", [1, 2, 100])
def test_short_pages_are_not_the_end(ada: Somebody, parts: list[Part], stamps: range, most: int) -> None:
    assert collected(ada, Pages(20, most), *parts) == [*stamps]


def test_no_page_is_asked_for_beyond_a_bound(ada: Somebody) -> None:
    pages = Pages(20, 2)
    collected(ada, pages, Part(50, since=17))
    assert len(pages.asked) == 2


def test_for_somebody_who_has_gone_nothing_more_is_read(ada: Somebody) -> None:
    pages = Pages(20, 1)
    ada.session.lost()
    collected(ada, pages, Part(20))
    assert len(pages.asked) == 1


def test_reading_is_work(ada: Somebody) -> None:
    tick = ada.desk.chat.hub.tick
    before = tick.work
    collected(ada, Pages(4, 1), Part(4))
    assert tick.work - before >= 4 * 100


def test_lines_of_a_room_and_of_a_conversation(ada: Somebody) -> None:
    entries = [Entry("bob", "hi", 1), Entry("ada", "ho", 2, None, "bob"), Entry("bob", "", 3, redacted=True)]
    assert lines_of(ada.client, entries, "tea").decode().split("\r\n") == [
        ":bob!native@pylingo PRIVMSG #tea :hi",
        ":ada!ada-user@pylingo PRIVMSG #tea :ho",
        "",
    ]
    assert lines_of(ada.client, entries, None, "bob").decode().split("\r\n") == [
        ":bob!native@pylingo PRIVMSG ada :hi",
        ":ada!ada-user@pylingo PRIVMSG bob :ho",
        "",
    ]


def test_a_batch(ada: Somebody) -> None:
    assert batch(ada.client, "chathistory", ["#tea"], b"A\r\n").decode().split("\r\n") == [
        ":irc.test BATCH +b1 chathistory #tea",
        "@batch=b1 A",
        ":irc.test BATCH -b1",
        "",
    ]
    plain = ada.desk.client("bob").client
    assert batch(plain, "chathistory", ["#tea"], b"A\r\n") == b"A\r\n"


def test_only_the_beginning_of_an_inner_batch_is_marked() -> None:
    lines = b"@time=1 :a BATCH +m1 k #t\r\n@batch=m1 :a PRIVMSG #t :batch=x BATCH -y\r\n"
    lines += b":s BATCH -m1\r\n:a PRIVMSG #t :BATCH -z\r\n"
    assert within(lines, "b1").decode().split("\r\n") == [
        "@batch=b1;time=1 :a BATCH +m1 k #t",
        "@batch=m1 :a PRIVMSG #t :batch=x BATCH -y",
        ":s BATCH -m1",
        "@batch=b1 :a PRIVMSG #t :BATCH -z",
        "",
    ]
