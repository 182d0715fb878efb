"""The history of a cluster, over the connections of a server to a real Redis that comes and goes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pylingo.reactor.bus.redis import questions
from pylingo.reactor.bus.redis.blob import Author
from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.history import RedisHistory
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.link import LinkLost
from pylingo.reactor.bus.redis.log_reader import Keyed
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.history.history import FOREVER, History, Page, cut_page
from pylingo.reactor.history.private import conversation, inbox
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Entry, HistoryRequest
from tests.fakes.redis_listeners import DeploymentLog, turn_until
from tests.fakes.redis_logs import HandLinks, RedisLogs, logs_in, message
from tests.redis_server import RedisProcess

BASE = 1_700_000_000_000_000
ALL = HistoryRequest(limit=100)


class Asker:
    def __init__(self) -> None:
        self.is_closed = False


class Desk:
    """A history on a deployment, and what it answers."""

    def __init__(self, reactor: Reactor, redis: RedisProcess) -> None:
        self.reactor = reactor
        self.log = DeploymentLog()
        self.deployment = Deployment(reactor, redis.settings(), self.log)
        self.settled: list[Callable[[], object]] = []
        self.history = RedisHistory(self.deployment, Keys(), self.settled.append, reactor.call_later, lambda: 0.0)
        turn_until(reactor, lambda: self.deployment.is_up)

    def answer(self, ask: Callable[[Callable[[Any], object]], object]) -> Any:
        """The answer to what `ask` asks."""
        answers: list[Any] = []
        ask(answers.append)
        turn_until(self.reactor, lambda: answers, "the answer")
        return answers[0]

    def page(self, request: HistoryRequest = ALL, room: str = "tea") -> Page:
        page: Page = self.answer(lambda answer: self.history.page(room, request, answer))
        return page

    def look_up(self, key: str, session: int = 1, name: str = "ada", room: str = "tea") -> int | None:
        at: int | None = self.answer(lambda answer: self.history.look_up(room, key, session, name, answer))
        return at


@pytest.fixture
def logs(redis: RedisProcess) -> Iterator[RedisLogs]:
    with logs_in(redis) as logs:
        yield logs


@pytest.fixture
def desk(reactor: Reactor, redis: RedisProcess, logs: RedisLogs) -> Iterator[Desk]:
    made = Desk(reactor, redis)
    yield made
    made.deployment.close()


def fill(logs: RedisLogs, count: int = 200) -> list[Entry]:
    entries: list[Entry] = []
    for n in range(count):
        entries += logs.add("tea", BASE + 3 * n, [message(f"tea {n}", key=f"k{n}"), message(f"red {n}")])
    return entries


def test_it_is_a_history(desk: Desk):
    history: History = desk.history
    opened: list[int] = []
    history.open(opened.append)
    assert (opened, history.newest_stamp, history.stamps_until) == ([0], 0, FOREVER)
    assert history.conversation(1, "SHA256:a") == conversation(1, "SHA256:a")
    history.close(1.0)


def test_pages_of_rooms_and_of_what_was_private(desk: Desk, logs: RedisLogs):
    entries = fill(logs)
    assert desk.page() == cut_page(entries, ALL)
    request = HistoryRequest(since=BASE + 33, limit=70)
    assert desk.page(request) == cut_page(entries, request)
    assert desk.page(room="nowhere") == Page([], False, None)
    private = Entry("ada", "psst", BASE, None, "ben")
    logs.add_private(inbox("SHA256:a"), private)
    assert desk.answer(lambda answer: desk.history.inbox("SHA256:a", ALL, answer)) == Page([private], False, BASE)


def test_searches_of_a_room(desk: Desk, logs: RedisLogs):
    entries = fill(logs)
    page = desk.page(HistoryRequest(search="red 19"))
    found = [it for it in entries if it.text.startswith("red 19")]
    assert (page.messages, page.next, page.oldest) == (found, None, entries[0].at)
    with pytest.raises(RequestError):
        desk.page(HistoryRequest(search="..."))


def test_the_bus_alone_adds_messages(desk: Desk):
    entry = Entry("ada", "hi", BASE)
    with pytest.raises(AssertionError):
        desk.history.add("tea", entry, 1)
    with pytest.raises(AssertionError):
        desk.history.add_private(1, 2, entry)


def test_what_waits_for_the_feeds_is_told_by_them(desk: Desk):
    desk.history.when_committed(lambda: None)
    desk.history.when_settled(lambda: None)
    assert len(desk.settled) == 2


def test_keys_are_known_for_as_long_as_somebody_is_in_the_room(desk: Desk, logs: RedisLogs):
    entries = fill(logs, 3)
    history = desk.history
    assert (history.find("tea", "k1", 1, "ada"), history.may_hold("tea", "k1", 1, "ada")) == (None, True)
    assert (desk.look_up("k1"), desk.look_up("k2", 9, "Ada"), desk.look_up("k9")) == (
        entries[2].at,
        entries[4].at,
        None,
    )
    assert (history.find("tea", "k1", 1, "ada"), history.may_hold("tea", "k9", 1, "ada")) == (entries[2].at, False)
    history.emptied("tea")
    assert history.may_hold("tea", "k9", 1, "ada")
    (added,) = logs.add("tea", BASE + 100, [message(key="k9")])
    assert desk.look_up("k9") == added.at


def test_topics_are_in_memory(desk: Desk):
    topic = StoredTopic("leaves", "ada", BASE)
    desk.history.occupied("tea")
    desk.history.set_topic("tea", topic)
    desk.history.emptied("tea")
    assert desk.history.topics.get("tea") == topic
    desk.history.set_topic("tea", None)
    assert desk.history.topics.get("tea") is None


def test_a_message_is_redacted(desk: Desk, logs: RedisLogs):
    entries = fill(logs, 3)
    assert desk.answer(lambda done: desk.history.redact("tea", entries[3].at, done)) is True
    assert desk.answer(lambda done: desk.history.redact("tea", BASE + 999, done)) is False
    assert [it.text for it in desk.page().messages] == ["tea 0", "red 0", "tea 1", "", "tea 2", "red 2"]
    assert desk.page(HistoryRequest(search="red 1")).messages == []


def test_answers_wait_for_a_redis_that_is_away(desk: Desk, redis: RedisProcess):
    redis.kill()
    turn_until(desk.reactor, lambda: desk.log.downs)
    answers: list[Any] = []
    for request in (ALL, HistoryRequest(search="tea"), HistoryRequest(search="red")):
        desk.history.page("tea", request, answers.append)
    desk.history.look_up("tea", "k1", 1, "ada", answers.append)
    desk.history.redact("tea", BASE, answers.append)
    desk.reactor.tick(0)
    assert answers == []
    redis.start()
    with logs_in(redis) as logs:
        entries = logs.add("tea", BASE, [message("red tea", key="k1")])
    turn_until(desk.reactor, lambda: desk.log.ups == 2)
    desk.history.up()
    turn_until(desk.reactor, lambda: len(answers) == 5)
    gone = Entry("ada", "", BASE, "k1", redacted=True)
    pages = [it for it in answers if isinstance(it, Page)]
    assert all(page.messages in (entries, [gone], []) for page in pages)
    assert pages[0].oldest == BASE
    assert [it for it in answers if not isinstance(it, Page)] == [BASE, True]


def test_a_question_on_its_way_is_asked_again(desk: Desk, redis: RedisProcess, logs: RedisLogs):
    entries = fill(logs, 3)
    redis.pause()
    answers: list[Page] = []
    desk.history.page("tea", ALL, answers.append)
    for _ in range(3):
        desk.reactor.tick(0)
    logs.close()
    redis.kill()
    turn_until(desk.reactor, lambda: desk.log.downs)
    assert answers == []
    redis.start()
    with logs_in(redis) as again:
        fill(again, 3)
    turn_until(desk.reactor, lambda: desk.log.ups == 2)
    desk.history.up()
    turn_until(desk.reactor, lambda: answers)
    assert answers == [cut_page(entries, ALL)]


# --- searches take turns


@pytest.fixture
def links() -> HandLinks:
    return HandLinks()


@pytest.fixture
def by_hand(links: HandLinks) -> RedisHistory:
    return RedisHistory(links, Keys(), lambda callback: None, links.call_later, lambda: 0.0)


class Holes:
    """The rooms in which something has come that has not taken effect, and those who wait for them."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def is_whole(self, room: str) -> bool:
        return not self.waiting

    def when_whole(self, room: str, callback: Callable[[], object]) -> None:
        self.waiting.append(callback)


def test_a_key_is_looked_up_when_everything_that_has_come_has_taken_effect(links: HandLinks):
    holes, answers = Holes(), list[Any]()
    history = RedisHistory(links, Keys(), lambda callback: None, links.call_later, lambda: 0.0, holes)
    history.look_up("tea", "k", 1, "ada", answers.append)
    assert (list(links.calls), answers) == ([], [])
    history.look_ups.noted("tea", Keyed(["k"], Author(1, "ada"), 77))
    assert history.may_hold("tea", "another", 1, "ada"), "it may be among what has come"
    holes.waiting.pop()()
    while not answers:
        links.reply([])
    assert not history.may_hold("tea", "another", 1, "ada")


SEARCH = HistoryRequest(search="tea")
EMPTY_SEARCH: list[list[Any]] = [[], [], []]
"""The replies to a search in a room without messages."""


def test_one_search_at_a_time_and_each_asker_in_turn(links: HandLinks, by_hand: RedisHistory):
    done: list[str] = []
    one, other = Asker(), Asker()
    for name, asker in (("1a", one), ("1b", one), ("1c", one), ("2a", other)):
        by_hand.page("tea", SEARCH, lambda page, name=name: done.append(name), asker)  # type: ignore[misc]
    for _ in range(4):
        assert len(links.calls) == 1
        for reply in EMPTY_SEARCH:
            links.reply(reply)
    assert sorted(done) == ["1a", "1b", "1c", "2a"]
    assert done.index("2a") <= 2
    assert not links.calls


def test_a_search_that_nobody_waits_for_is_not_made(links: HandLinks, by_hand: RedisHistory):
    done: list[Page] = []
    gone, other = Asker(), Asker()
    by_hand.page("tea", SEARCH, done.append, other)
    by_hand.page("tea", SEARCH, done.append, gone)
    by_hand.page("tea", SEARCH, done.append, other)
    gone.is_closed = True
    for reply in EMPTY_SEARCH * 2:
        links.reply(reply)
    assert (len(done), len(links.calls)) == (2, 0)


def test_too_many_questions_are_told_that_there_is_more(
    links: HandLinks, by_hand: RedisHistory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(questions, "MOST_WAITING", 0)
    done: list[Page] = []
    by_hand.page("tea", ALL, done.append)
    by_hand.page("tea", SEARCH, done.append)
    by_hand.page("tea", HistoryRequest(before=BASE, search="tea"), done.append)
    while links.calls:
        links.reply(LinkLost("the connection broke"))
    assert done == [Page([], True, None), Page([], True, None, FOREVER), Page([], True, None, BASE)]
