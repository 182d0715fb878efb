"""Unanswered requests, and their fate after a loss."""

import pytest

from pylingo.client import unanswered as module
from pylingo.client.histories import INBOX
from pylingo.client.unanswered import Unanswered
from pylingo.client.wording import UNCONFIRMED
from pylingo.shared.messages import Command, Error, Say

SAY = Say("hello", "k1", 1)


def test_a_message_is_kept_until_it_is_confirmed() -> None:
    requests = Unanswered()
    requests.said(SAY, "lobby", 7)
    assert len(requests) == 1
    assert requests.is_said("k1")
    assert [*requests.seen_before("lobby")] == [7]
    assert [*requests.seen_before("pool")] == []
    assert not requests.is_mine("k1")
    requests.confirm("k1")
    assert len(requests) == 0
    assert requests.is_mine("k1")
    assert not requests.is_mine(None)


def test_a_refusal_finds_its_request_once() -> None:
    requests = Unanswered()
    requests.said(SAY, "lobby", 0)
    requests.commanded(Command("list", None, 2))
    assert requests.answered(3) is None
    assert requests.answered(1) == SAY
    assert requests.answered(2) == Command("list", None, 2)
    assert requests.answered(1) is requests.answered(2) is None
    assert len(requests) == 0


def test_a_command_that_was_carried_out_is_not_sent_again() -> None:
    requests = Unanswered()
    requests.commanded(Command("list", None, 1))
    requests.command_answered(2)
    assert len(requests) == 1
    requests.command_answered(1)
    assert requests.after_return() == ([], [])


def test_after_the_return_to_the_room() -> None:
    requests = Unanswered()
    requests.said(SAY, "lobby", 0)
    for number, name in enumerate(("name", "join", "leave", "kick", "users"), 2):
        requests.commanded(Command(name, None, number))
    requests.waiting.append(Say("later", "k2"))
    assert len(requests) == 7
    requests.disconnected()
    assert requests.again({"lobby"}) == [SAY]
    anew, unknown = requests.after_return()
    assert anew == [Command("name", None, 2), Command("users", None, 6), Say("later", "k2")]
    [refused] = unknown
    assert refused.request == Command("kick", None, 5)
    assert refused.error.text == "it is not known whether this was done: /kick"
    assert len(requests) == 1


@pytest.mark.parametrize("name", ["name", "list", "users", "help", "who", "whois", "away", "topic"])
def test_a_command_without_a_reply_is_sent_again_if_that_does_no_harm(name: str) -> None:
    requests = Unanswered()
    requests.commanded(Command(name, None, 1))
    assert requests.after_return() == ([Command(name, None, 1)], [])
    assert len(requests) == 0


@pytest.mark.parametrize("name", ["join", "open", "leave"])
def test_a_move_without_a_reply_is_left_to_the_return(name: str) -> None:
    requests = Unanswered()
    requests.commanded(Command(name, "pool", 1))
    assert requests.after_return() == ([], [])


def test_a_topic_is_not_set_twice() -> None:
    """Somebody else may have set another one in between."""
    requests = Unanswered()
    requests.commanded(Command("topic", "tea", 1))
    _, [refused] = requests.after_return()
    assert refused.error.text == "it is not known whether this was done: /topic tea"


def test_after_the_return_to_another_room() -> None:
    requests = Unanswered()
    requests.said(SAY, "lobby", 0)
    requests.disconnected()
    assert requests.again({"pool"}) == []
    anew, [refused] = requests.after_return()
    assert (anew, len(requests)) == ([], 0)
    assert refused.request == SAY
    assert refused.error.text == "it is not known whether this arrived in lobby: hello"


def test_a_lost_message_is_sent_again_once_for_each_loss() -> None:
    requests = Unanswered()
    requests.said(SAY, "lobby", 0)
    assert requests.again({"lobby"}) == [], "it was not lost"
    for _ in range(2):
        requests.disconnected()
        assert requests.again({"lobby", "pool"}) == [SAY]
        assert requests.again({"lobby"}) == []
        assert requests.after_return() == ([], [])
    assert requests.is_said("k1")


def test_conversations_end_with_their_session() -> None:
    requests = Unanswered()
    private, later = Say("psst", "k2", 2, to="grace"), Say("still there?", "k3", to="grace")
    requests.said(SAY, "lobby", 0)
    requests.said(private, INBOX, 0)
    requests.waiting += [Say("later", "k4"), later]
    sent, waited = requests.end_conversations()
    assert (sent.request, waited.request) == (private, later)
    assert sent.error == Error(UNCONFIRMED, "it is not known whether this reached grace: psst")
    assert waited.error.code == UNCONFIRMED
    assert waited.error.text == (
        "this was not sent, because the conversation with grace ended with the connection: still there?"
    )
    assert requests.waiting == [Say("later", "k4")]
    assert requests.is_said("k1")
    assert not requests.is_said("k2")


def test_ending_conversations_compares_no_requests_with_each_other() -> None:
    class Incomparable(Say):
        def __eq__(self, other: object) -> bool:
            raise AssertionError

        __hash__ = None

    requests = Unanswered()
    requests.waiting += [Incomparable("psst", to="grace"), Incomparable("later"), Incomparable("psst", to="grace")]
    assert len(requests.end_conversations()) == 2
    assert len(requests.waiting) == 1


def test_messages_for_a_refused_room_are_for_the_one_before() -> None:
    requests = Unanswered()
    requests.said(SAY, "pool", 0)
    requests.said(Say("psst", "k2", 2, to="grace"), INBOX, 0)
    requests.move("pool", "lobby")
    requests.disconnected()
    assert requests.again({"lobby"}) == [SAY]


def test_all_can_be_given_up() -> None:
    requests = Unanswered()
    requests.said(SAY, "lobby", 0)
    requests.commanded(Command("list", None, 2))
    requests.waiting.append(SAY)
    assert requests.forget() == 3
    assert len(requests) == 0


def test_keys_without_end_are_not_kept(monkeypatch) -> None:
    monkeypatch.setattr(module, "KEYS_KEPT", 3)
    requests = Unanswered()
    for number in range(5):
        requests.confirm(str(number))
    assert [requests.is_mine(str(number)) for number in range(5)] == [False, False, True, True, True]
