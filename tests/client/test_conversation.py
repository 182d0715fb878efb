"""A client's knowledge of its conversation: no sockets, no clock."""

import pytest

from pylingo.client.conversation import Conversation
from pylingo.client.events import PageReply, PongReceived, QueryReply, Refused
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import (
    Command,
    Error,
    HistoryRequest,
    Joined,
    PingRequest,
    Pong,
    Rooms,
    Say,
    Sent,
    Skipped,
    Users,
)
from tests.fakes.conversation import (
    SortedConversation,
    Step,
    back,
    entry,
    in_lobby,
    joined,
    make,
    message,
    page,
    ready,
    without_id,
)


def test_without_a_room_one_is_there_at_once():
    talk = make(room=None)
    talk.connected()
    assert talk.received(ready()).send == []
    assert talk.is_settled


# --- what was said ----------------------------------------------------------------------------------------------


def test_a_message_has_a_key_and_an_id():
    talk = in_lobby()
    [first] = talk.say("a").send
    [second] = talk.say("b").send
    assert isinstance(first, Say)
    assert isinstance(second, Say)
    assert (first.text, first.key, second.key) == ("a", "k1", "k2")
    assert first.id is not None
    assert first.id != second.id
    assert len(talk.unanswered) == 2
    assert not talk.is_settled
    assert talk.received(Sent("lobby", 1, first.id, "k1")).show == [Sent("lobby", 1, first.id, "k1")]
    assert talk.received(Sent("lobby", 1, first.id, "k1")).show == [], "twice is once"
    talk.received(Sent("lobby", 2, second.id, "k2"))
    assert talk.is_settled


def test_the_keys_are_random():
    keys = set()
    for _ in range(20):
        talk = SortedConversation(Conversation("ada", None))
        talk.connected()
        talk.received(ready())
        [say] = talk.say("a").send
        assert isinstance(say, Say)
        assert say.key is not None
        assert 1 <= len(say.key) <= 32
        assert say.key.isascii()
        keys.add(say.key)
    assert len(keys) == 20


def test_a_text_that_no_server_would_take_is_refused_at_once():
    talk = in_lobby()
    for text in ("", "  ", "x" * 4_097):
        with pytest.raises(RequestError):
            talk.say(text)
    assert talk.is_settled


def test_unconfirmed_messages_are_said_again_before_those_typed_meanwhile():
    talk = in_lobby()
    [first] = talk.say("a").send
    [second] = talk.say("b").send
    assert isinstance(first, Say)
    talk.received(Sent("lobby", 1, first.id, first.key))
    talk.disconnected()
    assert talk.say("c").send == []
    assert talk.command("users").send == []
    assert talk.say("d").send == []
    talk.connected()
    asked, *sent = talk.received(ready("lobby", resumed=True)).send
    assert isinstance(asked, HistoryRequest)
    assert sent[0] == second
    assert [getattr(record, "text", without_id(record)) for record in sent] == ["b", "c", Command("users"), "d"]


def test_a_refused_message_is_not_said_again():
    talk = in_lobby()
    [say] = talk.say("a").send
    assert isinstance(say, Say)
    refusal = Error("bad-text", "no", say.id)
    assert talk.received(refusal).show == [refusal]
    assert talk.is_settled
    [asked] = back(talk)
    assert isinstance(asked, HistoryRequest)


def test_words_said_in_the_room_before_are_not_said_in_the_new_one():
    talk = in_lobby()
    talk.say("for the lobby")
    talk.command("join", "pool")
    sent = back(talk, "pool")
    assert not [record for record in sent if isinstance(record, Say)]
    assert talk.is_settled


def test_the_person_is_told_what_may_not_have_arrived():
    talk = in_lobby()
    talk.say("for the lobby")
    talk.command("join", "pool")
    talk.disconnected()
    talk.connected()
    step = talk.received(ready("pool", resumed=True))
    [told] = [record for record in step.show if isinstance(record, Error)]
    assert "lobby" in told.text
    assert "for the lobby" in told.text


def test_words_said_after_a_move_are_not_said_in_the_room_before():
    """`/join pool`, then words for the pool; the connection broke before the server handled either."""
    talk = in_lobby()
    talk.command("join", "pool")
    talk.say("for the pool alone")
    sent = back(talk, "lobby")
    for record in sent:
        if isinstance(record, Command) and (record.name, record.argument) == ("join", "pool"):
            break
        assert not isinstance(record, Say), "said in the lobby what was for the pool"


def test_words_said_after_a_move_are_said_again_in_the_new_room():
    """`/join pool`, then words for the pool; the connection broke before the answer to either came."""
    talk = in_lobby()
    talk.command("join", "pool")
    talk.say("for the pool")
    assert [record.text for record in back(talk, "pool") if isinstance(record, Say)] == ["for the pool"]


def test_a_text_that_has_no_utf8_is_refused_or_forgotten():
    """It can never be sent, so it must not wait to be said again."""
    talk = in_lobby()
    try:
        talk.say("a\ud800b")
    except (RequestError, UnicodeEncodeError):
        assert talk.is_settled
    else:
        pytest.fail("words that cannot be encoded were taken")


def test_commands_typed_while_away_keep_their_order():
    talk = make()
    talk.command("name", "eve")
    talk.say("a")
    talk.command("users")
    assert len(talk.unanswered) == 3
    talk.connected()
    talk.disconnected()  # and once more
    talk.say("b")
    talk.connected()
    talk.received(ready())
    asked, *sent = talk.received(joined()).send
    assert isinstance(asked, HistoryRequest)
    assert [getattr(record, "text", without_id(record)) for record in sent] == [
        *(Command("name", "eve"), "a", Command("users"), "b")
    ]


def test_a_refusal_names_the_request_that_it_is_for():
    talk = in_lobby()
    [said] = talk.say("words").send
    [command] = talk.command("list", "now").send
    [join] = talk.command("join", "no room").send
    for request in (said, command, join):
        assert isinstance(request, (Say, Command))
        error = Error("bad", "no", request.id)
        step = talk.received(error)
        assert step.refused == [Refused(request, error)]
        assert step.show == [error]
    assert talk.is_settled


def test_a_command_is_waited_for_until_its_answer_comes():
    talk = in_lobby()
    [asked] = talk.command("users").send
    assert isinstance(asked, Command)
    talk.received(Rooms([], False))  # for somebody else's question
    assert len(talk.unanswered) == 1
    talk.received(Users("lobby", ["ada"], False, asked.id))
    assert talk.is_settled


def test_a_command_without_an_answer_is_asked_again_or_told():
    talk = in_lobby()
    talk.command("name", "eve")
    talk.command("roll", "bob")
    talk.command("join", "lobby")
    assert len(talk.unanswered) == 3
    talk.disconnected()
    talk.connected()
    step = talk.received(ready("lobby", resumed=True))
    assert [without_id(record) for record in step.send if isinstance(record, Command)] == [Command("name", "eve")]
    [refused] = step.refused
    assert without_id(refused.request) == Command("roll", "bob")
    assert "/roll bob" in refused.error.text
    assert len(talk.unanswered) == 1


# --- requests of the program ------------------------------------------------------------------------------------


def test_the_reply_to_a_query_is_not_shown_and_not_waited_for():
    talk = in_lobby()
    [users] = talk.query("users").send
    [rooms] = talk.query("list").send
    assert isinstance(users, Command)
    assert isinstance(rooms, Command)
    assert (users.name, rooms.name) == ("users", "list")
    assert talk.is_settled
    first, last = Users("lobby", ["ada"], True, users.id), Users("lobby", ["bob"], False, users.id)
    refusal = Error("unknown-command", "no", rooms.id)
    assert talk.received(first) == Step(other=[QueryReply("users", first, False)])
    assert talk.received(refusal) == Step(other=[QueryReply("list", refusal, True)])
    assert talk.received(last) == Step(other=[QueryReply("users", last, True)])
    assert talk.received(last) == Step(show=[last]), "it was the last one"


def test_a_query_is_lost_with_the_connection():
    talk = in_lobby()
    [asked] = talk.query("users").send
    assert isinstance(asked, Command)
    back(talk)
    late = Users("lobby", ["ada"], False, asked.id)
    assert talk.received(late) == Step(show=[late])


def test_a_page_for_the_program_does_not_disturb_the_catching_up():
    talk = in_lobby(entry(10))
    [caught_up] = back(talk)
    asked = HistoryRequest(before=10, room="lobby")
    [sent] = talk.page(asked).send
    assert isinstance(sent, HistoryRequest)
    older = page(sent, entry(8), entry(9))
    assert talk.received(message(12)) == Step(), "it is held back"
    assert talk.received(older) == Step(other=[PageReply(asked, older)])
    assert talk.received(page(caught_up, entry(11), entry(12))).show == [message(11), message(12)]
    [later] = talk.page(asked).send
    [again] = back(talk)
    assert isinstance(again, HistoryRequest)
    assert again.since == 12
    assert talk.received(page(later, entry(8))) == Step(), "it was lost with the connection"


def test_a_ping_is_answered_by_the_pong_with_its_id():
    talk = in_lobby()
    [first] = talk.ping().send
    [second] = talk.ping().send
    assert isinstance(first, PingRequest)
    assert isinstance(second, PingRequest)
    assert talk.received(Pong(first.id)).other == []
    assert talk.received(Pong(second.id)) == Step(other=[PongReceived()])
    assert talk.received(Pong(second.id)).other == []


def test_no_two_requests_have_the_same_id():
    talk = in_lobby()
    steps = [talk.say("a"), talk.query("list"), talk.ping(), talk.command("help"), talk.query("users"), talk.say("b")]
    ids = [record.id for step in steps for record in step.send]
    assert len(set(ids)) == len(steps)


def test_one_is_at_rest_only_while_connected_with_the_log_read():
    talk = in_lobby()
    assert talk.is_at_rest
    talk.received(Skipped("lobby", 1, 1, 2))
    assert (talk.is_settled, talk.is_at_rest) == (True, False)
    talk.disconnected()
    assert not talk.is_at_rest


def test_a_move_to_another_room_gives_up_nothing_that_was_said():
    talk = in_lobby()
    talk.say("once")
    [join] = talk.command("join", "pool").send
    assert talk.received(Joined("pool", "ada", 2, join.id)).refused == []
    assert len(talk.unanswered) == 1
