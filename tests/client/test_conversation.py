"""A client's knowledge of its conversation, against a model of the server: no sockets, no clock."""

import itertools
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pylingo.client import history_reader
from pylingo.client.conversation import Conversation
from pylingo.client.events import FramesMissed, NameWanted, PongReceived, QueryReply, Refused
from pylingo.client.history_reader import SHOWN_ON_JOINING
from pylingo.shared import PROTOCOL_VERSION
from pylingo.shared.codec import encode
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import (
    MAX_PAGE,
    Command,
    Entry,
    Error,
    Hello,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Message,
    Notice,
    PingRequest,
    Pong,
    Ready,
    Renamed,
    Rooms,
    Say,
    Sent,
    Skipped,
    Users,
)
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from tests.fakes.conversation import SortedConversation, Step

TOKEN = "0" * 32


def make(name: str | None = "ada", room: str | None = "lobby") -> SortedConversation:
    numbers = itertools.count(1)
    return SortedConversation(Conversation(name, room, lambda: f"k{next(numbers)}"))


def ready(room: str | None = None, resumed: bool = False, name: str = "ada") -> Ready:
    return Ready(name, room, TOKEN, resumed)


def joined(room: str = "lobby", name: str = "ada") -> Joined:
    return Joined(room, name, 2)


def message(at: int, text: str = "", room: str = "lobby") -> Message:
    return Message(room, "bob", text or str(at), at)


def page(asked: Record, *entries: Entry, room: str = "lobby", more: bool = False) -> HistoryPage:
    assert isinstance(asked, HistoryRequest)
    return HistoryPage(room, list(entries), more, None, asked.id)


def entry(at: int, key: str | None = None, name: str = "bob") -> Entry:
    return Entry(name, str(at), at, key)


def in_lobby(*entries: Entry) -> SortedConversation:
    """Somebody who is in the lobby, whose log has these messages."""
    talk = make()
    talk.connected()
    talk.received(ready())
    [asked] = talk.received(joined()).send
    talk.received(page(asked, *entries))
    return talk


def without_id(record: Record) -> Record:
    """A request but for its id, which is of no meaning."""
    return replace(record, id=None) if isinstance(record, Command) else record


def back(talk: SortedConversation, room: str | None = "lobby") -> list[Record]:
    """The connection breaks and the session is resumed; what the client then sends."""
    talk.disconnected()
    talk.connected()
    return talk.received(ready(room, resumed=True)).send


# --- arriving ---------------------------------------------------------------------------------------------------


def rooms_asked_for(step) -> list[str]:
    """The rooms that a step asks to join."""
    return [record.argument for record in step.send if isinstance(record, Command) and record.name == "join"]


def test_the_first_words_on_a_connection():
    talk = make("ada", "pool")
    [hello] = talk.connected().send
    assert isinstance(hello, Hello)
    assert (hello.protocol, hello.name) == (PROTOCOL_VERSION, "ada")
    assert rooms_asked_for(talk.received(ready())) == ["pool"]


def test_without_a_room_one_is_there_at_once():
    talk = make(room=None)
    talk.connected()
    assert talk.received(ready()).send == []
    assert talk.is_settled


def test_joining_shows_the_newest_of_the_log_before_what_came_meanwhile():
    talk = make()
    talk.connected()
    talk.received(ready())
    step = talk.received(joined())
    [asked] = step.send
    assert step.show == [joined()]
    assert isinstance(asked, HistoryRequest)
    assert (asked.since, asked.before, asked.limit) == (None, None, SHOWN_ON_JOINING)
    assert SHOWN_ON_JOINING == 50
    assert talk.received(message(3)).show == []
    assert talk.received(message(4)).show == []
    shown = talk.received(page(asked, entry(1), entry(2), entry(3), more=True))
    assert shown.show == [message(1), message(2), message(3), message(4)]
    assert shown.send == [], "what was said long before is not asked for"


@pytest.mark.parametrize("first", [message(3), Skipped("lobby", 2, 2, 4)], ids=["message", "gap"])
def test_what_came_since_the_join_is_shown_though_the_first_page_has_no_place_for_it(first: Record):
    talk = make()
    talk.connected()
    talk.received(ready())
    [asked] = talk.received(joined()).send
    for record in (first, message(5), message(6)):
        assert talk.received(record) == Step()
    step = talk.received(page(asked, entry(5), entry(6), more=True))
    assert step.show == []
    [asked] = step.send
    assert isinstance(asked, HistoryRequest)
    assert (asked.since, asked.before) == (2, None)
    step = talk.received(page(asked, entry(3), entry(4), more=True))
    assert step.show == [message(3), message(4)]
    step = talk.received(page(step.send[0], entry(5), entry(6)))
    assert step.show == [message(5), message(6)]
    if step.send:  # the gap is asked for once more, for nothing
        talk.received(page(step.send[0]))
    assert talk.received(message(7)).show == [message(7)]


def test_a_room_that_is_refused_leaves_one_without_and_what_was_typed_is_sent():
    talk = make(room="no room")
    talk.connected()
    [join] = talk.received(ready()).send
    talk.command("list")
    refusal = Error("bad-room", "a room's name …", join.id)
    step = talk.received(refusal)
    assert step.show == [refusal]
    [asked] = step.send
    assert without_id(asked) == Command("list")
    assert talk.room is None
    assert not talk.is_settled
    talk.received(Rooms([], False, asked.id))  # type: ignore[attr-defined]
    assert talk.is_settled


def test_a_name_that_is_refused_does_not_keep_one_from_the_room():
    talk = make()
    talk.connected()
    assert rooms_asked_for(talk.received(ready(name="guest-1"))) == ["lobby"]
    refusal = Error("name-taken", "somebody has it")
    assert talk.received(refusal) == Step(show=[refusal])
    assert not talk.is_settled
    talk.received(joined(name="guest-1"))
    assert talk.is_settled


def taken() -> SortedConversation:
    """Somebody in the lobby whose name somebody else has."""
    talk = make()
    [hello] = talk.connected().send
    talk.received(ready(name="guest-1"))
    assert isinstance(hello, Hello)
    refusal = Error("name-taken", "somebody has it", hello.id)
    assert talk.received(refusal) == Step(show=[refusal], other=[NameWanted("ada")])
    [asked] = talk.received(joined(name="guest-1")).send
    talk.received(page(asked))
    assert talk.wanted == "ada"
    return talk


@pytest.mark.parametrize(
    "record", [Left("lobby", "Ada", "lost"), Renamed("ada", "eve", "lobby")], ids=["lost", "renamed"]
)
def test_a_name_that_comes_free_in_sight_is_asked_for_once(record: Record):
    talk = taken()
    step = talk.received(record)
    [asked] = step.send
    assert without_id(asked) == Command("name", "ada")
    assert step.show == [record]
    assert talk.received(record).send == [], "the answer is still to come"
    assert len(talk.unanswered) == 0, "nobody has typed it"
    renamed = Renamed("guest-1", "ada", re=asked.id)  # type: ignore[attr-defined]
    assert talk.received(renamed) == Step(show=[renamed], other=[NameWanted(None)])
    assert (talk.name, talk.wanted) == ("ada", None)
    assert talk.received(record).send == []


def test_a_name_that_is_still_taken_is_not_told_again_and_stays_wanted():
    talk = taken()
    [asked] = talk.claim().send
    assert isinstance(asked, Command)
    assert talk.claim() == Step()
    assert talk.received(Error("name-taken", "somebody has it", asked.id)) == Step()
    assert talk.wanted == "ada"
    [asked] = talk.claim().send
    assert isinstance(asked, Command)
    refusal = Error("name-owned", "it belongs to a key", asked.id)
    assert talk.received(refusal) == Step(show=[refusal], other=[NameWanted(None)])
    assert talk.wanted is None
    assert talk.claim() == Step()


def test_a_name_that_one_chose_is_wanted_instead():
    talk = taken()
    talk.received(Renamed("guest-1", "eve"))
    assert (talk.name, talk.wanted) == ("eve", None)
    talk.disconnected()
    [hello] = talk.connected().send
    assert isinstance(hello, Hello)
    assert hello.name == "eve"


def test_a_wish_outlives_a_loss_and_is_asked_for_on_the_new_connection():
    talk = taken()
    talk.claim()
    talk.disconnected()
    assert talk.wanted == "ada"
    assert talk.claim() == Step(), "there is no connection"
    talk.connected()
    talk.received(ready("lobby", resumed=True, name="guest-1"))
    assert len(talk.claim().send) == 1
    talk.disconnected()
    talk.connected()
    talk.received(ready("lobby", name="ada"))
    assert talk.wanted is None


def test_a_name_that_is_not_allowed_is_not_waited_for():
    talk = make("a b")
    [hello] = talk.connected().send
    talk.received(ready(name="guest-1"))
    assert isinstance(hello, Hello)
    talk.received(Error("bad-name", "a name …", hello.id))
    assert talk.wanted is None


# --- who one is after the return --------------------------------------------------------------------------------


def test_the_token_is_shown_on_the_return():
    talk = in_lobby()
    talk.disconnected()
    [hello] = talk.connected().send
    assert isinstance(hello, Hello)
    assert (hello.name, hello.resume) == ("ada", TOKEN)


def test_a_hello_whose_answer_was_lost_is_said_again_as_it_was():
    """The server knows by its token that it is the same person; a guess of somebody else's must be hopeless."""
    talk = make()
    [first] = talk.connected().send
    talk.disconnected()
    assert talk.connected().send == [first]
    assert isinstance(first, Hello)
    assert len(bytes.fromhex(first.resume or "")) == 16
    assert make().connected().send != [first]


def test_a_new_name_is_asked_for_on_the_return():
    talk = in_lobby()
    assert talk.received(Renamed("ada", "lovelace")).show == [Renamed("ada", "lovelace")]
    talk.disconnected()
    [hello] = talk.connected().send
    assert isinstance(hello, Hello)
    assert hello.name == "lovelace"


@pytest.mark.parametrize("wish", [None, "ada"], ids=["a guest by choice", "the name was taken"])
def test_a_guest_name_is_never_asked_for(wish: str | None):
    """It is the server's alone to give: to ask for it is refused. Who wished another one wishes it again."""
    talk = make(wish)
    talk.connected()
    talk.received(ready(name="guest-7"))
    talk.disconnected()
    [hello] = talk.connected().send
    assert isinstance(hello, Hello)
    assert hello.name == wish


def test_the_room_one_went_to_is_joined_after_a_restart():
    talk = in_lobby()
    talk.command("join", "pool")
    [asked] = talk.received(joined("pool")).send
    talk.received(page(asked, room="pool"))
    talk.disconnected()
    talk.connected()
    assert rooms_asked_for(talk.received(ready())) == ["pool"]


def test_a_client_that_left_its_room_is_in_no_room_after_a_restart():
    talk = in_lobby()
    talk.command("leave")
    talk.received(Left("lobby", "ada"))
    talk.disconnected()
    talk.connected()
    assert talk.received(ready()).send == []
    assert talk.is_settled


def test_a_client_whose_leave_was_refused_is_still_in_its_room_after_a_restart():
    talk = in_lobby()
    talk.command("leave", "lobby")
    talk.received(Error("bad-argument", "/leave takes no argument"))
    talk.disconnected()
    talk.connected()
    assert rooms_asked_for(talk.received(ready())) == ["lobby"]


def test_a_loss_before_the_leave_was_handled_does_not_keep_one_in_the_room():
    talk = in_lobby()
    [said] = talk.say("a").send
    talk.command("leave")
    talk.disconnected()
    talk.command("join", "pool")
    log, *sent = back(talk)
    assert isinstance(log, HistoryRequest)
    assert [*map(without_id, sent)] == [said, Command("leave"), Command("join", "pool")]


def test_a_loss_before_the_join_was_handled_does_not_lose_the_room():
    talk = make()
    talk.connected()
    assert rooms_asked_for(talk.received(ready())) == ["lobby"]
    talk.disconnected()  # and the join never arrived, but the seat was taken
    talk.connected()
    assert rooms_asked_for(talk.received(ready(None, resumed=True))) == ["lobby"]


# --- what was missed --------------------------------------------------------------------------------------------


def test_the_return_asks_for_what_came_after_the_newest_seen():
    talk = in_lobby(entry(5))
    assert talk.received(message(7)).show == [message(7)]
    [asked] = back(talk)
    assert isinstance(asked, HistoryRequest)
    assert (asked.since, asked.before, asked.limit) == (7, None, MAX_PAGE)
    assert talk.received(message(10)).show == []
    [more] = talk.received(page(asked, entry(8), more=True)).send
    assert isinstance(more, HistoryRequest)
    assert (more.since, more.before) == (8, None)
    assert talk.received(page(more, entry(9), entry(10))).show == [message(9), message(10)]
    assert talk.received(message(11)).show == [message(11)]


def test_a_gap_is_filled_in_its_place():
    talk = in_lobby(entry(1))
    [asked] = talk.received(Skipped("lobby", 3, 1, 4)).send
    assert isinstance(asked, HistoryRequest)
    assert (asked.since, asked.before) == (1, 5)
    for record in (message(5), Joined("lobby", "eve"), Skipped("lobby", 1, 5, 6), message(7)):
        assert talk.received(record) == Step()
    step = talk.received(page(asked, entry(2), entry(3), entry(4)))
    assert step.show == [message(2), message(3), message(4), message(5), Joined("lobby", "eve")]
    [asked] = step.send
    assert isinstance(asked, HistoryRequest)
    assert (asked.since, asked.before) == (5, 7)
    assert talk.received(page(asked, entry(6))).show == [message(6), message(7)]


def test_a_loss_while_the_log_is_read_loses_nothing():
    talk = in_lobby(entry(1))
    [asked] = back(talk)
    talk.received(message(4))
    talk.received(page(asked, entry(2), more=True))
    [again] = back(talk)
    assert isinstance(again, HistoryRequest)
    assert again.since == 2
    assert talk.received(page(asked, entry(9))).show in ([], [page(asked, entry(9))])
    assert talk.received(page(again, entry(3), entry(4))).show == [message(3), message(4)]


def test_a_loss_while_the_log_of_a_new_room_is_read_loses_nothing_that_was_left_out():
    talk = make()
    talk.connected()
    talk.received(ready())
    talk.received(joined())
    talk.received(Skipped("lobby", 70, 4, 90))
    talk.received(message(91))
    [asked] = back(talk)
    assert isinstance(asked, HistoryRequest)
    assert asked.since == 4


def test_more_than_a_page_is_fetched_for_a_room_in_which_nothing_was_said_before():
    """All that was said since one joined counts as missed, also if that is more than is shown on joining."""
    talk = in_lobby()
    [asked] = back(talk)
    missed = [entry(at) for at in range(1, 81)]
    shown: list[Record] = []
    for _ in range(5):
        assert isinstance(asked, HistoryRequest)
        if asked.since is not None:
            found = [said for said in missed if said.at > asked.since][: asked.limit]
            more = bool(found) and found[-1] is not missed[-1]
        else:
            found = missed[-asked.limit :]
            more = found[0] is not missed[0]
        step = talk.received(page(asked, *found, more=more))
        shown += step.show
        if not step.send:
            break
        [asked] = step.send
    assert shown == [message(at) for at in range(1, 81)]


def test_a_page_that_was_for_the_room_before_is_not_shown_as_an_answer():
    """The person moved on while the log was being read: nobody asked for that page with a command."""
    talk = in_lobby(entry(1))
    [asked] = back(talk)
    talk.command("join", "pool")
    [pool] = talk.received(joined("pool")).send
    step = talk.received(page(asked, entry(2)))
    assert not [record for record in step.show if isinstance(record, HistoryPage)]
    assert talk.received(page(pool, room="pool")).show == []
    assert talk.received(message(3, room="pool")).show == [message(3, room="pool")]


def test_what_is_held_for_the_room_before_is_not_shown_in_the_new_one():
    talk = in_lobby(entry(1))
    [asked] = back(talk)
    talk.received(message(5))  # of the lobby, behind a gap
    talk.command("join", "pool")
    [pool] = talk.received(joined("pool")).send
    talk.received(page(asked, entry(2), more=True))
    shown = talk.received(page(pool, room="pool")).show
    assert message(5) not in shown
    talk.command("join", "lobby")
    [asked] = talk.received(joined("lobby")).send
    assert isinstance(asked, HistoryRequest)
    assert asked.since is not None
    assert asked.since < 5, "what was in the gap has still not been seen"


def test_a_client_that_leaves_while_it_reads_the_history_goes_on_in_the_next_room():
    talk = in_lobby(entry(1))
    [asked] = back(talk)
    talk.command("leave")
    assert talk.received(Left("lobby", "ada")).show == [Left("lobby", "ada")]
    step = talk.received(page(asked, entry(2), more=True))
    assert step.send == [], "outside a room there is no history to ask for"
    talk.command("join", "pool")
    [asked] = talk.received(joined("pool")).send
    talk.received(page(asked, room="pool"))
    assert talk.received(message(9, room="pool")).show == [message(9, room="pool")]


def test_a_log_that_cannot_be_read_holds_nothing_up():
    talk = in_lobby(entry(1))
    [asked] = back(talk)
    assert isinstance(asked, HistoryRequest)
    talk.received(message(2))
    step = talk.received(Error("no-room", "join a room first", asked.id))
    assert message(2) in step.show or message(3) in talk.received(message(3)).show


def test_answers_to_the_person_pass_while_the_log_is_read():
    talk = in_lobby()
    back(talk)
    for record in (Notice("words"), Renamed("ada", "eve"), Left("lobby", "ada")):
        assert talk.received(record).show == [record]


# --- what was said ----------------------------------------------------------------------------------------------


def test_what_is_said_has_a_key_and_an_id():
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


def test_what_no_server_would_take_is_refused_at_once():
    talk = in_lobby()
    for text in ("", "  ", "x" * 4_097):
        with pytest.raises(RequestError):
            talk.say(text)
    assert talk.is_settled


def test_what_was_not_confirmed_is_said_again_before_what_was_typed_meanwhile():
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


def test_what_the_log_already_has_is_confirmed_by_it_once():
    talk = in_lobby()
    [say] = talk.say("a").send
    assert isinstance(say, Say)
    asked, again = back(talk)
    assert again == say
    assert talk.received(page(asked, entry(1, say.key, "ada"), entry(2))).show == [
        Sent("lobby", 1, key=say.key),
        message(2),
    ]
    assert talk.received(Sent("lobby", 1, say.id, say.key)).show == []
    assert talk.is_settled
    [asked] = back(talk)
    assert talk.received(page(asked, entry(1, say.key, "ada"))).show == []


def say_and_confirm(talk: SortedConversation, ats: Iterable[int]) -> tuple[list[Entry], list[Record]]:
    """Say something for each of the stamps; the log's entries, and what the client sent besides."""
    entries, sent = [], []
    for at in ats:
        [say] = talk.say(str(at)).send
        assert isinstance(say, Say)
        entries.append(entry(at, say.key, "ada"))
        sent += talk.received(Sent("lobby", at, say.id, say.key)).send
    return entries, sent


def test_who_talks_alone_for_long_reads_the_log_now_and_then_and_not_all_of_it_when_coming_back():
    talk = in_lobby(entry(1))
    _, sent = say_and_confirm(talk, range(2, 2_001))
    assert sent == []
    talk.received(message(2_001))
    more, sent = say_and_confirm(talk, range(2_002, 4_002))
    [asked] = sent
    assert isinstance(asked, HistoryRequest)
    assert (asked.since, asked.before) == (2_001, None)
    step = talk.received(page(asked, *more[:100], more=True))
    assert step.show == []
    [asked] = step.send
    assert talk.received(page(asked, *more[100:], entry(4_002))).show == [message(4_002)]
    assert talk.received(message(4_002)).show == [], "it came in the meantime"
    [asked] = back(talk)
    assert isinstance(asked, HistoryRequest)
    assert asked.since == 4_002


def test_others_do_not_wait_for_the_log_of_who_talks_alone():
    """A page of it stands behind all that was said, which may take minutes where somebody pipes something in."""
    talk = in_lobby(entry(1))
    mine, [asked] = say_and_confirm(talk, range(2, 2_002))
    assert talk.received(message(2_002)).show == [message(2_002)]
    step = talk.received(page(asked, *mine[:100], more=True))
    assert (step.send, step.show) == ([], []), "what came tells as much"
    [asked] = talk.received(Skipped("lobby", 1, 2_002, 2_003)).send
    assert talk.received(page(asked, entry(2_003))).show == [message(2_003)]


def test_a_gap_while_who_talks_alone_reads_the_log_is_filled_once():
    talk = in_lobby(entry(1))
    mine, [first] = say_and_confirm(talk, range(2, 2_002))
    step = talk.received(page(first, *mine, entry(2_002), more=True))  # which was left out, as it shows later
    assert step.show == [message(2_002)]
    [asked] = talk.received(Skipped("lobby", 2, 2_001, 2_003)).send
    assert talk.received(message(2_004)).show == []
    [late] = step.send
    assert talk.received(page(late, entry(2_003))).show == []
    assert talk.received(page(asked, entry(2_002), entry(2_003))).show == [message(2_003), message(2_004)]


def test_a_client_alone_in_its_room_is_never_shown_its_own_messages():
    talk = in_lobby()
    log: list[Entry] = []
    for start in range(0, 24_000, 2_000):
        entries, [asked] = say_and_confirm(talk, range(start + 1, start + 2_001))
        log += entries
        assert isinstance(asked, HistoryRequest)
        assert talk.received(page(asked, *log[asked.since or 0 :])).show == []
    [asked] = back(talk)
    assert isinstance(asked, HistoryRequest)
    assert asked.since == 24_000


def test_a_confirmation_does_not_hide_a_gap_that_lies_before_it():
    talk = in_lobby(entry(1))
    say_and_confirm(talk, [5])
    [asked] = talk.received(Skipped("lobby", 3, 1, 4)).send
    assert talk.received(page(asked, entry(2), entry(3), entry(4))).show == [message(2), message(3), message(4)]


def test_a_late_confirmation_and_the_log_keep_the_order_of_what_was_said():
    """The disk was slow: another's message came before the confirmation of ours, which then was lost."""
    talk = in_lobby()
    [first] = talk.say("a").send  # at 1
    talk.received(message(2))
    [second] = talk.say("b").send  # at 3
    assert isinstance(first, Say)
    assert isinstance(second, Say)
    [asked, *_] = back(talk)
    assert isinstance(asked, HistoryRequest)
    log = [entry(1, first.key, "ada"), entry(2), entry(3, second.key, "ada")]
    shown = talk.received(page(asked, *(said for said in log if said.at > (asked.since or 0)))).show
    shown += talk.received(Sent("lobby", 1, first.id, first.key)).show
    shown += talk.received(Sent("lobby", 3, second.id, second.key)).show
    assert [record.at for record in shown if isinstance(record, Sent)] == [1, 3]


def test_a_refused_message_is_not_said_again():
    talk = in_lobby()
    [say] = talk.say("a").send
    assert isinstance(say, Say)
    refusal = Error("bad-text", "no", say.id)
    assert talk.received(refusal).show == [refusal]
    assert talk.is_settled
    [asked] = back(talk)
    assert isinstance(asked, HistoryRequest)


def test_what_was_said_in_the_room_before_is_not_said_in_the_new_one():
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


def test_what_was_said_after_a_move_is_not_said_in_the_room_before():
    """`/join pool`, then words for the pool; the connection broke before the server handled either."""
    talk = in_lobby()
    talk.command("join", "pool")
    talk.say("for the pool alone")
    sent = back(talk, "lobby")
    for record in sent:
        if isinstance(record, Command) and (record.name, record.argument) == ("join", "pool"):
            break
        assert not isinstance(record, Say), "said in the lobby what was for the pool"


def test_what_was_said_after_a_move_is_said_again_in_the_new_room():
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
    talk.command("kick", "bob")
    talk.command("join", "lobby")
    assert len(talk.unanswered) == 3
    talk.disconnected()
    talk.connected()
    step = talk.received(ready("lobby", resumed=True))
    assert [without_id(record) for record in step.send if isinstance(record, Command)] == [Command("name", "eve")]
    [refused] = step.refused
    assert without_id(refused.request) == Command("kick", "bob")
    assert "/kick bob" in refused.error.text
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


# --- any order of events ----------------------------------------------------------------------------------------

LOBBY = "lobby"


class Model:
    """A server with one room, and the wire to one client, on which frames wait until the test lets them come."""

    def __init__(self, keeps_log: bool) -> None:
        self.keeps_log = keeps_log
        self.log: list[Entry] = []
        self.at = 100
        self.everything: list[Entry] = []  # of all logs
        self.seat: str | None = None  # the token
        self.in_room = False
        self.is_connected = False
        self.is_seated = False  # whether the connection has said who it is
        self.up: deque[Record] = deque()
        self.down: deque[Record] = deque()
        self.on_disk: deque[Sent] = deque()
        self.gap: list[int] | None = None
        self.tokens = itertools.count(1)
        self.page_size = 3

    def stamp(self) -> int:
        self.at += 10
        return self.at

    def add(self, said: Entry) -> None:
        self.log.append(said)
        self.everything.append(said)

    def others_say(self) -> None:
        at = self.stamp()
        self.add(Entry("bob", f"bob {at}", at))
        if self.in_room and self.is_seated:
            if self.gap is not None:
                self.gap.append(at)
            else:
                self.down.append(Message(LOBBY, "bob", f"bob {at}", at))

    def skip(self) -> None:
        """The client reads too slowly from now on."""
        if self.is_seated and self.in_room and self.gap is None:
            self.gap = []

    def caught_up(self) -> None:
        gap, self.gap = self.gap, None
        if gap is not None and self.is_seated:
            first, last = (gap[0] - 1, gap[-1]) if gap else (self.at, self.at)
            self.down.append(Skipped(LOBBY, len(gap), first, last))

    def commit(self) -> None:
        """The disk has what was said: the confirmations go out."""
        while self.on_disk:
            sent = self.on_disk.popleft()
            if self.is_seated:
                self.down.append(sent)

    def restart(self) -> None:
        self.lose()
        self.seat = None
        self.in_room = False
        if not self.keeps_log:
            self.log = []

    def lose(self) -> None:
        self.is_connected = self.is_seated = False
        self.up.clear()
        self.down.clear()
        self.on_disk.clear()  # a confirmation is for the connection that asked for it
        self.gap = None

    def handle(self) -> None:
        """Handle one request."""
        request = self.up.popleft()
        match request:
            case Hello():
                resumed = request.resume is not None and request.resume == self.seat
                if not resumed:
                    self.seat = f"{next(self.tokens):032}"
                    self.in_room = False
                assert self.seat is not None
                self.is_seated = True
                self.down.append(Ready("ada", LOBBY if self.in_room else None, self.seat, resumed))
            case Command("join"):
                self.in_room = True
                self.down.append(Joined(LOBBY, "ada", 2))
            case Say():
                assert self.in_room
                found = next((said.at for said in self.log if said.key == request.key), None)
                if found is None:
                    found = self.stamp()
                    self.add(Entry("ada", request.text, found, request.key))
                self.on_disk.append(Sent(LOBBY, found, request.id, request.key))
            case HistoryRequest():
                self.down.append(self.page(request))
            case _:
                raise AssertionError(request)

    def page(self, request: HistoryRequest) -> HistoryPage:
        begin = request.since if request.since is not None else -1
        end = request.before if request.before is not None else 1 << 62
        found = [said for said in self.log if begin < said.at < end]
        size = min(request.limit, self.page_size)
        if request.since is not None:
            messages = found[:size]
        else:
            size = request.limit  # the first page is as large as asked for, so that all since the join is in it
            messages = found[-size:]
        oldest = self.log[0].at if self.log else None
        return HistoryPage(LOBBY, messages, len(found) > len(messages), oldest, request.id)


class Game:
    """A conversation on the wire to a model."""

    def __init__(self, keeps_log: bool) -> None:
        self.server = Model(keeps_log)
        self.talk = make()
        self.said: list[str] = []
        self.shown: list[Record] = []

    def follow(self, step: Any) -> None:
        self.server.up.extend(step.send)
        self.shown.extend(step.show)

    def connect(self) -> None:
        if not self.server.is_connected:
            self.server.is_connected = True
            self.follow(self.talk.connected())

    def lose(self) -> None:
        if self.server.is_connected:
            self.server.lose()
            self.talk.disconnected()

    def restart(self) -> None:
        was_connected = self.server.is_connected
        self.server.restart()
        if was_connected:
            self.talk.disconnected()

    def say(self) -> None:
        text = f"mine {len(self.said)}"
        self.said.append(text)
        step = self.talk.say(text)
        assert self.server.is_connected or not step.send
        self.follow(step)

    def handle(self) -> None:
        if self.server.up:
            self.server.handle()

    def hear(self) -> None:
        if self.server.down:
            self.follow(self.talk.received(self.server.down.popleft()))

    def settle(self) -> None:
        """All is well for a while: everything arrives."""
        self.connect()
        self.server.caught_up()
        for _ in range(10_000):
            self.server.commit()
            if not self.server.up and not self.server.down:
                return
            self.handle()
            self.hear()
        raise AssertionError("they never come to an end")

    def check(self) -> None:
        talked = [record for record in self.shown if isinstance(record, (Message, Sent))]
        others = [record.at for record in talked if isinstance(record, Message)]
        mine = [record.at for record in talked if isinstance(record, Sent)]
        said_by = {said.at: said for said in self.server.everything}
        assert others == sorted(set(others)), "others' messages come once each, in the order of all"
        assert len(mine) == len(set(mine)) == len(self.said), "each message of ours is confirmed once"
        assert all(said_by[at].from_ == "bob" for at in others)
        # A page of the log may bring a later one of ours before the confirmation of an earlier, which waits for a disk
        # (and then is said again behind it, if the log was lost).
        confirmed = [said_by[at].text for at in sorted(mine)]
        assert confirmed == self.said if self.server.keeps_log else Counter(confirmed) == Counter(self.said)
        kept = [said.at for said in self.server.log if said.from_ == "bob"]
        assert [at for at in kept if at not in set(others)] == [], "nothing was missed"
        assert self.talk.is_settled
        copies = Counter(said.text for said in self.server.log if said.from_ == "ada")
        assert all(count == 1 for count in copies.values())
        if self.server.keeps_log:
            assert copies.keys() == set(self.said)


MOVES = ["others_say", "say", "handle", "hear", "lose", "connect", "restart", "skip", "caught_up", "commit"]
WEIGHTED = [*MOVES, *["handle"] * 4, *["hear"] * 4, *["others_say"] * 2, "say", "connect", "connect"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.booleans(),
    st.integers(1, 5),
    st.sampled_from([1, 3, 2_000]),
    st.lists(st.sampled_from(WEIGHTED), max_size=120),
)
def test_whatever_happens_everything_is_shown_once_and_said_once(
    keeps_log: bool, size: int, alone: int, moves: list[str]
):
    with mock.patch.object(history_reader, "OWN_IN_A_ROW", alone):
        play(Game(keeps_log), size, moves)


def play(game: Game, size: int, moves: list[str]) -> None:
    game.server.page_size = size
    # Somebody has said something before: a room without any log is a case of its own above.
    game.server.others_say()
    game.settle()
    for move in moves:
        (getattr(game, move, None) or getattr(game.server, move))()
    game.settle()
    game.check()


def test_a_room_is_one_in_any_spelling():
    talk = in_lobby(entry(3))
    talk.say("a")
    talk.disconnected()
    talk.connected()
    asked, again = talk.received(ready("LOBBY", resumed=True)).send
    assert isinstance(asked, HistoryRequest)
    assert asked.since == 3
    assert isinstance(again, Say)
    assert fold("LOBBY") == fold("lobby")


# --- a server that does not keep to the protocol -----------------------------------------------------------------


def test_a_log_that_is_never_read_is_not_waited_for_without_end():
    talk = in_lobby()
    talk.disconnected()
    talk.connected()
    talk.received(ready("lobby", resumed=True))
    frames = (Message("lobby", "bob", "x", at + 1) for at in range(100_000))
    with pytest.raises(ConnectionError, match="does not answer"):
        deque(map(talk.received, frames))


def test_a_gap_up_to_the_last_stamp_there_is_can_be_asked_for():
    talk = in_lobby()
    step = talk.received(Skipped("lobby", 3, 5, 2**64 - 1))
    [asked] = step.send
    assert isinstance(asked, HistoryRequest)
    assert asked.before == 2**63 - 1
    encode(asked)
    assert step.other == [FramesMissed("lobby")]


# --- changes of the code that no other test notices -------------------------------------------------------------


def test_a_message_held_when_the_connection_broke_is_asked_for_again():
    """It was not shown: only what came before it counts as seen."""
    talk = make()
    talk.connected()
    talk.received(ready())
    talk.received(joined())  # the page of the log never comes
    assert talk.received(message(7)).show == []
    [asked] = [record for record in back(talk) if isinstance(record, HistoryRequest)]
    assert asked.since == 6


def test_each_room_keeps_the_place_up_to_which_it_was_read():
    talk = in_lobby(entry(5))
    for room, seen in (("pool", 9), ("lobby", None)):
        [join] = talk.command("join", room).send
        [asked] = talk.received(Joined(room, "ada", 2, join.id)).send
        if seen is not None:
            talk.received(page(asked, entry(seen), room=room))
    assert asked.since == 5


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


def test_what_was_said_after_a_join_that_is_refused_belongs_to_the_room_one_is_in():
    talk = in_lobby()
    [join] = talk.command("join", "nowhere").send
    [say] = talk.say("x").send
    talk.received(Error("bad-room", "there is no such room", join.id))
    assert [record.text for record in back(talk) if isinstance(record, Say)] == [say.text]


def test_a_refusal_of_something_else_is_no_answer_to_the_wish_for_a_name():
    talk = taken()
    [asked] = talk.claim().send
    [say] = talk.say("x").send
    assert talk.received(Error("text-too-long", "too long", say.id)).refused
    assert talk.claim() == Step(), "the answer is still to come"
    assert isinstance(asked, Command)


def test_the_answer_to_the_first_join_has_what_was_typed_go_out():
    talk = make()
    talk.connected()
    [join] = talk.received(ready()).send
    talk.say("x")
    assert isinstance(join, Command)
    sent = talk.received(Joined("lobby", "ada", 2, join.id)).send
    assert [record.text for record in sent if isinstance(record, Say)] == ["x"]
