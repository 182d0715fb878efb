"""Unanswered requests, and their fate after a loss."""

from pylingo.client import unanswered as module
from pylingo.client.unanswered import Unanswered
from pylingo.shared.messages import Command, Say

SAY = Say("hello", "k1", 1)


def test_a_message_is_kept_until_it_is_confirmed() -> None:
    requests = Unanswered()
    requests.sent(SAY, "lobby", 7)
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
    requests.sent(SAY, "lobby", 0)
    requests.sent(Command("list", None, 2), "lobby", 0)
    assert requests.answered(3) is None
    assert requests.answered(1) == SAY
    assert requests.answered(2) == Command("list", None, 2)
    assert requests.answered(1) is requests.answered(2) is None
    assert len(requests) == 0


def test_after_the_return_to_the_room() -> None:
    requests = Unanswered()
    requests.sent(SAY, "lobby", 0)
    for number, name in enumerate(("name", "join", "leave", "kick", "users"), 2):
        requests.sent(Command(name, None, number), "lobby", 0)
    requests.waiting.append(Say("later", "k2"))
    assert len(requests) == 7
    again, anew, unknown = requests.after_return("lobby")
    assert again == [SAY]
    assert anew == [Command("name", None, 2), Command("users", None, 6), Say("later", "k2")]
    [refused] = unknown
    assert refused.request == Command("kick", None, 5)
    assert "/kick" in refused.error.text
    assert len(requests) == 1


def test_after_the_return_to_another_room() -> None:
    requests = Unanswered()
    requests.sent(SAY, "lobby", 0)
    again, anew, unknown = requests.after_return("pool")
    assert (again, anew, len(requests)) == ([], [], 0)
    [refused] = unknown
    assert refused.request == SAY
    assert "hello" in refused.error.text


def test_what_was_for_a_room_that_was_refused_is_for_the_one_before() -> None:
    requests = Unanswered()
    requests.sent(SAY, "pool", 0)
    requests.move("pool", "lobby")
    assert requests.after_return("lobby") == ([SAY], [], [])


def test_all_can_be_given_up() -> None:
    requests = Unanswered()
    requests.sent(SAY, "lobby", 0)
    requests.sent(Command("list", None, 2), "lobby", 0)
    requests.waiting.append(SAY)
    assert requests.forget() == 3
    assert len(requests) == 0


def test_keys_without_end_are_not_kept(monkeypatch) -> None:
    monkeypatch.setattr(module, "KEYS_KEPT", 3)
    requests = Unanswered()
    for number in range(5):
        requests.confirm(str(number))
    assert [requests.is_mine(str(number)) for number in range(5)] == [False, False, True, True, True]
