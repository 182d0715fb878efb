"""Requests on their way to the server: their ids and rooms, what waits, and what a server has no feature for."""

import itertools

import pytest

from pylingo.client.events import PageReply, PongReceived, QueryReply, Received, Refused, Send
from pylingo.client.features import PRIVATE, ROOMS, UNSUPPORTED
from pylingo.client.histories import INBOX, Histories
from pylingo.client.membership import Membership
from pylingo.client.outgoing import Outgoing
from pylingo.client.unanswered import Unanswered
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Error, HistoryPage, HistoryRequest, Notice, Rooms, Say


class Bench:
    """A way out for somebody in some rooms of a server."""

    def __init__(self, *rooms: str, features: frozenset[str] = frozenset({ROOMS, PRIVATE})) -> None:
        ids = itertools.count(1)
        self.membership = Membership(rooms)
        self.membership.ready(rooms)
        self.membership.restoration(features)
        self.histories = Histories(ids, {}, lambda: self.membership.places)
        self.unanswered = Unanswered()
        self.out = Outgoing(ids, self.membership, self.histories, self.unanswered)
        self.out.features = features

    def sent(self) -> list[object]:
        """The frames sent in this step, which makes no other events."""
        taken = self.out.taken()
        assert all(isinstance(event, Send) for event in taken)
        return [event.record for event in taken if isinstance(event, Send)]


def test_events_keep_their_order_and_are_taken_once() -> None:
    out = Bench().out
    refused = Refused(Say("x"), Error("bad", "no"))
    out.send(Notice("a"))
    out.refuse(refused)
    out.add(PongReceived())
    assert out.taken() == [Send(Notice("a")), Received(refused.error), refused, PongReceived()]
    assert out.taken() == []


def test_requests_wait_in_their_order_until_there_is_a_session() -> None:
    bench = Bench("lobby", "ops")
    bench.out.request(Say("a", "k1"))
    bench.out.request(Command("open", "deploys"))
    bench.out.request(Say("b", "k2"))
    bench.out.request(Say("c", "k3", room="#ops"))
    assert bench.sent() == []
    bench.out.go_live()
    assert bench.sent() == [
        Say("a", "k1", 1, "lobby"),
        Command("open", "deploys", 2),
        Say("b", "k2", 3, "deploys"),
        Say("c", "k3", 4, "ops"),
    ]
    bench.out.request(Command("users", room="ops"))
    assert bench.sent() == [Command("users", None, 5, "ops")]
    bench.out.disconnected()
    bench.out.request(Command("list"))
    assert bench.sent() == []


def test_a_message_remembers_how_far_its_place_was_read() -> None:
    bench = Bench("lobby")
    bench.out.go_live()
    bench.histories["lobby"].saw(5)
    bench.histories[INBOX].saw(7)
    bench.out.request(Say("a", "k1"))
    bench.out.request(Say("b", "k2", to="grace"))
    assert list(bench.unanswered.seen_before("lobby")) == [5]
    assert list(bench.unanswered.seen_before(INBOX)) == [7]


def test_a_request_without_its_feature_is_refused_at_once_or_when_its_turn_comes() -> None:
    bench = Bench("lobby", features=frozenset())
    bench.out.request(Say("a", "k1", to="grace"))
    bench.out.request(Say("b", "k2", room="lobby"))
    bench.out.go_live()
    shown, refused, sent = bench.out.taken()
    error = Error(UNSUPPORTED, "this server has no private messages")
    assert (shown, refused) == (Received(error), Refused(Say("a", "k1", to="grace"), error))
    assert sent == Send(Say("b", "k2", 1))
    with pytest.raises(RequestError, match="no private messages"):
        bench.out.request(Say("c", "k3", to="grace"))
    assert bench.out.taken() == []
    assert len(bench.unanswered) == 1


def test_a_new_connection_leaves_rooms_before_what_waited() -> None:
    bench = Bench("lobby")
    bench.membership.ready(["lobby", "ops"])
    assert not bench.out.enter_rooms()
    bench.out.request(Command("list"))
    bench.out.go_live()
    assert bench.sent() == [Command("leave", None, 1, "ops"), Command("list", None, 2)]


def test_a_new_connection_enters_rooms() -> None:
    bench = Bench("lobby", "ops")
    bench.membership.ready([])
    assert bench.out.enter_rooms()
    assert bench.sent() == [Command("open", "ops", 1), Command("open", "lobby", 2)]
    assert bench.membership.is_entering
    assert bench.membership.refused(1) == "ops"


def test_the_last_reply_ends_a_query() -> None:
    bench = Bench("lobby")
    bench.out.query("list", "lobby")
    assert bench.sent() == [Command("list", None, 1, "lobby")]
    first, last = Rooms([], True, 1), Rooms([], False, 1)
    assert not bench.out.is_query_reply(Rooms([], False, 2))
    assert not bench.out.is_query_reply(Notice("x"))
    assert bench.out.is_query_reply(first)
    assert bench.out.is_query_reply(last)
    assert not bench.out.is_query_reply(last)
    assert bench.out.taken() == [QueryReply("list", first, False), QueryReply("list", last, True)]
    bench.out.query("list", None)
    bench.out.disconnected()
    assert not bench.out.is_query_reply(Rooms([], False, 2))


def test_a_page_is_asked_for_by_its_place() -> None:
    bench = Bench("Lobby")
    bench.out.ask("lobby", HistoryRequest(id=8))
    bench.out.ask("gone", HistoryRequest(id=9))
    bench.out.ask(INBOX, HistoryRequest(id=10))
    assert bench.sent() == [
        HistoryRequest(id=8, room="Lobby"),
        HistoryRequest(id=9, room="gone"),
        HistoryRequest(id=10, inbox=True),
    ]
    assert [bench.histories.answered(number) for number in (8, 9, 10)] == ["lobby", "gone", INBOX]
    bench.out.features = frozenset()
    bench.out.ask("lobby", HistoryRequest(id=11))
    assert bench.sent() == [HistoryRequest(id=11)]


def test_a_page_for_the_program_is_a_reply_of_its_own() -> None:
    bench = Bench("lobby")
    asked = HistoryRequest(before=7, room="lobby")
    bench.out.page(asked)
    assert bench.sent() == [HistoryRequest(before=7, id=1, room="lobby")]
    page = HistoryPage("lobby", [], False, None, 1)
    assert not bench.out.is_page_reply(HistoryPage("lobby", [], False, None, 2))
    assert not bench.out.is_page_reply(HistoryPage("lobby", [], False, None))
    assert bench.out.is_page_reply(page)
    assert bench.out.taken() == [PageReply(asked, page)]
    assert not bench.out.is_page_reply(page), "it was the only one"


def test_an_error_can_be_the_reply_and_a_broken_connection_is_none() -> None:
    bench = Bench("lobby", features=frozenset())
    asked = HistoryRequest(room="lobby")
    bench.out.page(asked)
    assert bench.sent() == [HistoryRequest(id=1)], "this server knows one room"
    assert bench.out.is_page_reply(Error("no-room", "no", 1))
    assert bench.out.taken() == [PageReply(asked, Error("no-room", "no", 1))]
    bench.out.page(asked)
    bench.out.disconnected()
    assert not bench.out.is_page_reply(Error("no-room", "no", 2))
