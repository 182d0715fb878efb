"""A conversation in several rooms and with several people, against a model of the server: no sockets, no clock."""

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pylingo.client.conversation import Conversation
from pylingo.client.events import FramesMissed, NewSince, QueryReply, Received, Refused
from pylingo.client.features import UNSUPPORTED
from pylingo.client.history_reader import CONTEXT, SHOWN_ON_JOINING
from pylingo.client.wording import UNCONFIRMED
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import (
    MAX_PAGE,
    Away,
    Command,
    Entry,
    Error,
    Hello,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Limits,
    Message,
    Private,
    Ready,
    Renamed,
    Say,
    Sent,
    Skipped,
    Topic,
    Users,
    Welcome,
)
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from tests.fakes.conversation import SortedConversation, Step

TOKEN = "0" * 32
ALL = ["rooms", "private", "people"]


def make(*rooms: str, **seen: int) -> SortedConversation:
    numbers = itertools.count(1)
    first = rooms[0] if rooms else None
    return SortedConversation(
        Conversation("ada", first, lambda: f"k{next(numbers)}", rooms=rooms[1:], seen=seen),
    )


def welcome(features: list[str] | None) -> Welcome:
    return Welcome(1, "PyLingo/1.1.0", "guest-1", Limits(32_768, 4_096, 32, 64), features)


def ready(*rooms: str, resumed: bool = False) -> Ready:
    return Ready("ada", rooms[0] if rooms else None, TOKEN, resumed, rooms=list(rooms))


def message(at: int, room: str = "lobby") -> Message:
    return Message(room, "bob", str(at), at)


def private(at: int, from_: str = "grace", to: str = "ada") -> Private:
    return Private(from_, to, str(at), at)


def entry(at: int, key: str | None = None, name: str = "bob", to: str | None = None) -> Entry:
    return Entry(name, str(at), at, key, to)


def page(asked: Record, *entries: Entry, more: bool = False) -> HistoryPage:
    assert isinstance(asked, HistoryRequest)
    return HistoryPage(asked.room, list(entries), more, None, asked.id)


def arrive(talk: SortedConversation, *answer: Record, features: Sequence[str] = ALL) -> Step:
    """A connection begins; returns what follows the last frame of the answer."""
    talk.connected()
    step = talk.received(welcome(list(features)))
    for record in answer:
        step = talk.received(record)
    return step


def in_rooms(*rooms: str) -> SortedConversation:
    """Somebody who is in these rooms, none of which has a history."""
    talk = make(*rooms)
    step = arrive(talk, ready())
    for command in step.send:
        assert isinstance(command, Command)
        [asked, *_] = talk.received(Joined(command.argument or "", "ada", 2, command.id)).send
        talk.received(page(asked))
    assert talk.rooms == list(rooms)
    assert talk.is_at_rest
    return talk


def back(talk: SortedConversation, *rooms: str, resumed: bool = True) -> Step:
    talk.disconnected()
    return arrive(talk, ready(*rooms, resumed=resumed))


def without_ids(records: list[Record]) -> list[Record]:
    return [replace(record, id=None) if isinstance(record, (Command, HistoryRequest)) else record for record in records]


# --- coming and returning ----------------------------------------------------------------------------------------


def test_all_rooms_are_entered_and_read_each_by_its_name() -> None:
    talk = make("lobby", "ops", "deploys")
    step = arrive(talk, ready())
    assert without_ids(step.send) == [Command("open", "deploys"), Command("open", "ops"), Command("open", "lobby")]
    talk.say("hello")
    for room, command in zip(("deploys", "Ops", "lobby"), step.send, strict=True):
        assert isinstance(command, Command)
        step = talk.received(Joined(room, "ada", 2, command.id))
        assert without_ids(step.send[:1]) == [HistoryRequest(limit=SHOWN_ON_JOINING, room=room)]
    [_, say] = step.send
    assert isinstance(say, Say)
    assert (say.text, say.room) == ("hello", "lobby")
    assert (talk.room, talk.rooms) == ("lobby", ["lobby", "Ops", "deploys"])


def test_a_room_that_is_refused_does_not_hold_up_the_others() -> None:
    talk = make("lobby", "ops")
    ops, lobby = arrive(talk, ready()).send
    assert isinstance(ops, Command)
    assert isinstance(lobby, Command)
    talk.say("for ops", room="ops")
    talk.say("for all", room="lobby")
    talk.received(Error("too-many-rooms", "no more", ops.id))
    step = talk.received(Joined("lobby", "ada", 1, lobby.id))
    assert [record.room for record in step.send if isinstance(record, Say)] == ["ops", "lobby"], "the server says no"
    assert talk.rooms == ["lobby"]
    assert without_ids(back(talk, resumed=False).send) == [Command("open", "lobby")]


def test_the_current_room_is_entered_however_many_are_wanted() -> None:
    rooms = ["urgent", *(f"r{number}" for number in range(22))]
    talk = make(*rooms)
    step = arrive(talk, ready())
    assert [record.argument for record in step.send if isinstance(record, Command)] == rooms[19::-1]
    [error] = (record for record in step.show if isinstance(record, Error))
    assert error == Error("too-many-rooms", "you can be in 20 rooms at a time; not entered: r19, r20, r21")


def test_a_message_for_a_current_room_that_is_refused_goes_to_no_other_room() -> None:
    talk = make("urgent", "ops")
    ops, urgent = arrive(talk, ready()).send
    assert isinstance(ops, Command)
    assert isinstance(urgent, Command)
    talk.say("before")
    talk.received(Joined("ops", "ada", 1, ops.id))
    step = talk.received(Error("bad-room", "no", urgent.id))
    [refused] = step.refused
    assert refused.request == Say("before", "k1")
    assert refused.error.text == "'urgent' could not be entered, so this was not sent: name a room, or enter one"
    for _ in range(2):
        with pytest.raises(RequestError, match="'urgent' could not be entered"):
            talk.say("after")
        assert len(talk.say("there", room="ops").send) == len(talk.say("psst", to="grace").send) == 1
        back(talk, "ops")
    [again] = talk.command("open", "ops").send
    assert isinstance(again, Command)
    talk.received(Joined("ops", "ada", 1, again.id))
    assert len(talk.say("now").send) == 1


def test_a_return_to_the_session_catches_up_everything_and_repeats_what_was_said() -> None:
    talk = in_rooms("lobby", "ops")
    talk.received(message(5, "ops"))
    talk.received(private(7))
    says = [talk.say("a", room="ops").send[0], talk.say("b", to="grace").send[0], talk.say("c", room="lobby").send[0]]
    step = back(talk, "lobby", "ops")
    assert without_ids(step.send) == [
        HistoryRequest(0, limit=MAX_PAGE, room="lobby"),
        HistoryRequest(5, limit=MAX_PAGE, room="ops"),
        HistoryRequest(7, limit=MAX_PAGE, inbox=True),
        *says,
    ]
    assert step.refused == []
    assert len(talk.unanswered) == 3


def test_the_inbox_is_read_from_its_beginning_if_nothing_private_came_before() -> None:
    talk = in_rooms()
    step = back(talk)
    assert without_ids(step.send) == [HistoryRequest(0, limit=MAX_PAGE, inbox=True)]
    [asked] = step.send
    step = talk.received(page(asked, entry(3, to="ada", name="grace")))
    assert step.show == [Private("grace", "ada", "3", 3)]


def test_in_a_new_session_rooms_are_entered_again_and_conversations_are_over() -> None:
    talk = in_rooms("lobby", "ops")
    talk.received(private(7))
    [lost] = talk.say("a", to="grace").send
    [again] = talk.say("b", room="ops").send
    talk.disconnected()
    talk.say("later", to="grace")
    step = arrive(talk, ready())
    assert without_ids(step.send) == [Command("open", "ops"), Command("open", "lobby")], "the inbox is empty"
    assert [refused.request for refused in step.refused] == [
        lost,
        Say("later", "k3", to="grace"),
    ]
    assert {refused.error.code for refused in step.refused} == {UNCONFIRMED}
    assert [record for record in step.show if isinstance(record, Error)] == [refused.error for refused in step.refused]
    ops, lobby = step.send
    assert isinstance(ops, Command)
    assert isinstance(lobby, Command)
    assert len(talk.received(Joined("ops", "ada", 1, ops.id)).send) == 1, "not before all rooms are entered"
    assert talk.received(Joined("lobby", "ada", 1, lobby.id)).send[1:] == [again]
    assert talk.received(private(3)).show == [private(3)], "the stamps of another session's inbox tell nothing"


def test_a_session_that_began_with_a_ready_that_was_lost_is_a_new_one() -> None:
    """The server was restarted, and the first connection to the new one broke too early: the second one resumes it."""
    talk = in_rooms("lobby")
    talk.received(private(7))
    [lost] = talk.say("a", to="grace").send
    talk.disconnected()
    arrive(talk)
    talk.disconnected()
    resumed = replace(ready(resumed=True), token="1" * 32)
    step = arrive(talk, resumed)
    assert replace(resumed, resumed=False) in step.show
    assert [refused.request for refused in step.refused] == [lost], "grace may be somebody else now"
    assert without_ids(step.send) == [HistoryRequest(0, limit=MAX_PAGE, inbox=True), Command("open", "lobby")]
    [asked, _] = step.send
    step = talk.received(page(asked, entry(3, to="ada", name="grace")))
    assert step.show == [Private("grace", "ada", "3", 3)], "the stamps of another session's inbox tell nothing"


def test_private_words_said_before_the_first_session_are_sent() -> None:
    talk = make()
    talk.say("a", to="grace")
    [say] = arrive(talk, ready()).send
    assert isinstance(say, Say)
    assert (say.to, say.room) == ("grace", None)


def test_words_for_a_room_that_is_not_entered_again_are_refused() -> None:
    talk = in_rooms("lobby", "ops")
    [lost] = talk.say("a", room="ops").send
    step = back(talk, resumed=False)
    ops, lobby = step.send
    assert isinstance(ops, Command)
    assert isinstance(lobby, Command)
    talk.received(Error("bad-room", "no", ops.id))
    step = talk.received(Joined("lobby", "ada", 1, lobby.id))
    [refused] = step.refused
    assert refused.request == lost
    assert refused.error.text == "it is not known whether this arrived in ops: a"
    assert talk.unanswered.is_said("k1") is False


def test_moves_that_were_lost_are_made_after_the_return() -> None:
    talk = in_rooms("lobby", "ops")
    talk.command("open", "deploys")
    talk.command("leave", room="ops")
    step = back(talk, "lobby", "ops")
    *_, move = without_ids(step.send)
    assert move == Command("join", "deploys", room="ops")


# --- reading one place while others go on ------------------------------------------------------------------------


def test_while_one_room_is_read_all_else_is_shown() -> None:
    talk = in_rooms("lobby", "ops")
    [asked] = talk.received(Skipped("ops", 2, 0, 4)).send
    assert without_ids([asked]) == [HistoryRequest(0, 5, MAX_PAGE, room="ops")]
    held = [message(5, "ops"), Renamed("bob", "eve", "ops"), Topic("ops", "tea", "eve", 6), Left("ops", "eve", "lost")]
    for record in held:
        assert talk.received(record) == Step()
    for record in (message(6), private(7), Renamed("bob", "eve", "lobby"), Topic("ops", None, None, None, 9)):
        assert talk.received(record).show == [record]
    assert talk.received(page(asked, entry(2), entry(4))).show == [message(2, "ops"), message(4, "ops"), *held]


def test_private_messages_left_out_are_fetched_from_the_inbox() -> None:
    talk = in_rooms("lobby")
    step = talk.received(Skipped(None, 2, 3, 9))
    assert step.other == [FramesMissed(None)]
    assert without_ids(step.send) == [HistoryRequest(3, 10, MAX_PAGE, inbox=True)]
    assert talk.received(private(11)).show == []
    assert talk.received(message(12)).show == [message(12)]
    [asked] = step.send
    answer = page(asked, entry(4, to="ada", name="grace"), entry(8, "other", name="ada", to="eve"))
    assert talk.received(answer).show == [private(4), Private("ada", "eve", "8", 8), private(11)]
    assert talk.is_at_rest


def test_an_inbox_that_is_read_has_the_own_messages_once() -> None:
    talk = in_rooms()
    [first] = talk.say("a", to="grace").send
    [second] = talk.say("b", to="grace").send
    assert isinstance(first, Say)
    assert isinstance(second, Say)
    confirmed = Sent(None, 1, first.id, first.key, "grace")
    assert talk.received(confirmed).show == [confirmed]
    asked, again = back(talk).send
    assert again == second
    step = talk.received(page(asked, entry(1, first.key, "ada", "grace"), entry(2, second.key, "ada", "grace")))
    assert step.show == [Sent(None, 2, key=second.key, to="grace")]
    assert talk.received(Sent(None, 2, second.id, second.key, "grace")).show == []
    assert talk.is_at_rest


def test_a_room_that_was_left_is_not_read_any_further() -> None:
    talk = in_rooms("lobby", "ops")
    [asked] = talk.received(Skipped("ops", 2, 0, 4)).send
    [leave] = talk.command("leave", room="ops").send
    assert isinstance(leave, Command)
    talk.received(message(5, "ops"))
    talk.received(Left("ops", "ada", None, leave.id, "lobby"))
    assert (talk.rooms, talk.room) == (["lobby"], "lobby")
    assert talk.received(page(asked, entry(2), more=True)) == Step()
    assert talk.is_at_rest
    [asked] = talk.received(Skipped("lobby", 2, 0, 4)).send
    talk.received(Left("lobby", "ada", None, None, None))
    assert isinstance(asked, HistoryRequest)
    assert talk.received(Error("not-in-room", "you are not in lobby", asked.id)) == Step(), "nobody asked for that"


def test_a_history_that_is_refused_is_not_waited_for() -> None:
    talk = in_rooms("lobby")
    [asked] = talk.received(Skipped("lobby", 2, 0, 4)).send
    assert isinstance(asked, HistoryRequest)
    talk.received(message(5))
    refusal = Error("bad-message", "no", asked.id)
    assert talk.received(refusal).show == [refusal, message(5)]
    assert talk.is_at_rest


def test_another_room_that_becomes_current_is_not_read_again() -> None:
    talk = in_rooms("lobby", "ops")
    [opened] = talk.command("open", "ops").send
    assert isinstance(opened, Command)
    assert talk.received(Joined("ops", "ada", 2, opened.id)) == Step(show=[Joined("ops", "ada", 2, opened.id)])
    assert talk.rooms == ["ops", "lobby"]
    [moved] = talk.command("join", "deploys").send
    assert isinstance(moved, Command)
    [asked] = talk.received(Joined("deploys", "ada", 1, moved.id)).send
    assert without_ids([asked]) == [HistoryRequest(limit=SHOWN_ON_JOINING, room="deploys")]
    assert talk.rooms == ["deploys", "lobby"]


# --- what is new since an earlier run ----------------------------------------------------------------------------


def test_a_room_of_an_earlier_run_shows_some_context_and_everything_since() -> None:
    talk = make("lobby", lobby=50)
    [opened] = arrive(talk, ready()).send
    assert isinstance(opened, Command)
    [asked] = talk.received(Joined("lobby", "ada", 2, opened.id)).send
    assert without_ids([asked]) == [HistoryRequest(None, 51, CONTEXT, room="lobby")]
    assert talk.received(message(70)).show == []
    step = talk.received(page(asked, entry(40), entry(50), more=True))
    assert step.show == [message(40), message(50)]
    assert step.other == [NewSince("lobby", 50)]
    assert without_ids(step.send) == [HistoryRequest(50, None, MAX_PAGE, room="lobby")]
    step = talk.received(page(step.send[0], entry(60), more=True))
    assert (step.show, step.other) == ([message(60)], [])
    assert without_ids(step.send) == [HistoryRequest(60, None, MAX_PAGE, room="lobby")]
    assert talk.received(page(step.send[0], entry(70))).show == [message(70)]
    assert talk.is_at_rest


# --- requests ----------------------------------------------------------------------------------------------------


def test_words_name_their_room_and_it_is_the_one_that_will_be_current() -> None:
    talk = in_rooms("lobby", "ops")
    texts = [talk.say("a").send, talk.say("b", room="#ops").send, talk.command("open", "deploys").send]
    texts.append(talk.say("c", action=True).send)
    assert [(say.text, say.room, say.action) for [say] in texts if isinstance(say, Say)] == [
        ("a", "lobby", None),
        ("b", "ops", None),
        ("c", "deploys", True),
    ]


def test_outside_any_room_words_name_none_and_the_server_refuses_them() -> None:
    talk = in_rooms()
    [say] = talk.say("a").send
    assert isinstance(say, Say)
    assert (say.room, say.to) == (None, None)


def test_me_and_msg_are_messages_with_a_key() -> None:
    talk = in_rooms("lobby", "ops")
    [emote] = talk.command("me", "waves", "ops").send
    [private_] = talk.command("msg", "grace hello there").send
    [incomplete] = talk.command("msg", "grace").send
    assert emote == Say("waves", "k1", emote.id, "ops", action=True)
    assert private_ == Say("hello there", "k2", private_.id, to="grace")
    assert without_ids([incomplete]) == [Command("msg", "grace")]
    with pytest.raises(RequestError):
        talk.command("me", "x" * 5_000)


def test_a_message_is_for_a_room_or_a_person() -> None:
    with pytest.raises(RequestError, match="for a room or for a person, not for both") as caught:
        in_rooms("lobby").say("a", room="lobby", to="grace")
    assert caught.value.reason == "bad-argument"


@pytest.mark.parametrize("field", ["room", "to"])
def test_a_place_that_has_no_utf8_is_refused(field: str) -> None:
    talk = in_rooms("lobby")
    with pytest.raises(RequestError, match="none in UTF-8"):
        talk.say("a", **{field: "\ud800"})
    with pytest.raises(RequestError, match="none in UTF-8"):
        talk.command("users", None, "\ud800")


def test_queries_name_their_room() -> None:
    talk = in_rooms("lobby", "ops")
    [asked] = talk.query("users", "ops").send
    assert without_ids([asked]) == [Command("users", room="ops")]
    answer = Users("ops", ["ada"], False, asked.id)
    assert talk.received(answer).other == [QueryReply("users", answer, True)]


def test_being_away_is_told_once_though_several_rooms_are_shared() -> None:
    talk = in_rooms("lobby", "ops")
    away = Away("grace", "lunch")
    assert talk.received(away).show == [away]
    assert talk.received(away).show == []
    assert talk.received(Away("grace", None)).show == [Away("grace", None)]
    assert talk.received(away).show == [away]


# --- a server of version 1.0 -------------------------------------------------------------------------------------


def old_server(*rooms: str) -> SortedConversation:
    """Somebody in the first of these rooms, on a server of version 1.0."""
    talk = make(*rooms)
    talk.connected()
    talk.received(Welcome(1, "PyLingo/1.0.0", "guest-1", Limits(32_768, 4_096, 32, 64)))
    [join] = talk.received(Ready("ada", None, TOKEN, False)).send
    assert join == Command("join", rooms[0], 1)
    [asked] = talk.received(Joined(rooms[0], "ada", 2, 1)).send
    assert asked == HistoryRequest(limit=SHOWN_ON_JOINING, id=asked.id)
    talk.received(HistoryPage(rooms[0], [], False, None, asked.id))
    return talk


def test_a_server_of_version_1_0_gets_the_frames_of_version_1_0() -> None:
    talk = old_server("lobby", "ops")
    assert (talk.rooms, talk.features) == (["lobby"], frozenset())
    assert talk.say("a", room="Lobby").send == [Say("a", "k1", 3)]
    assert talk.command("users", None, "lobby").send == [Command("users", None, 4)]
    assert talk.query("list").send == [Command("list", None, 5)]
    talk.disconnected()
    talk.connected()
    talk.received(Welcome(1, "PyLingo/1.0.0", "guest-1", Limits(32_768, 4_096, 32, 64)))
    step = talk.received(Ready("ada", "lobby", TOKEN, True))
    assert without_ids(step.send) == [
        HistoryRequest(0, limit=MAX_PAGE),
        Say("a", "k1", 3),
        Command("users"),
    ]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(("a",), {"to": "grace"}), (("a",), {"action": True}), (("a",), {"room": "ops"})],
    ids=["private", "emote", "room"],
)
def test_a_request_that_a_server_lacks_is_refused_at_once_or_after_the_wait(
    arguments: tuple[str], named: dict[str, str]
) -> None:
    talk = old_server("lobby")
    with pytest.raises(RequestError) as caught:
        talk.say(*arguments, **named)
    assert caught.value.reason == UNSUPPORTED
    talk = make("lobby")
    talk.say(*arguments, **named)
    talk.connected()
    talk.received(Welcome(1, "PyLingo/1.0.0", "guest-1", Limits(32_768, 4_096, 32, 64)))
    talk.received(Ready("ada", None, TOKEN, False))
    step = talk.received(Joined("lobby", "ada", 1, 1))
    assert not [record for record in step.send if isinstance(record, Say)]
    [refused] = step.refused
    assert refused == Refused(Say("a", "k1", **named), Error(UNSUPPORTED, caught.value.text))
    assert refused.error in step.show
    assert talk.is_settled


def test_a_query_that_a_server_lacks_has_an_answer_at_once() -> None:
    talk = old_server("lobby")
    step = talk.query("who")
    [reply] = step.other
    assert step.send == []
    assert isinstance(reply, QueryReply)
    assert (reply.query, reply.is_last) == ("who", True)
    assert isinstance(reply.record, Error)
    assert reply.record.code == UNSUPPORTED


def test_a_session_that_a_server_of_version_1_0_goes_on_with_has_no_inbox() -> None:
    talk = in_rooms("lobby", "ops")
    [lost] = talk.say("a", room="ops").send
    [again] = talk.say("b", room="lobby").send
    talk.disconnected()
    talk.connected()
    talk.received(Welcome(1, "PyLingo/1.0.0", "guest-1", Limits(32_768, 4_096, 32, 64)))
    step = talk.received(Ready("ada", "lobby", TOKEN, True))
    assert without_ids(step.send) == [HistoryRequest(0, limit=MAX_PAGE), again]
    assert [refused.request for refused in step.refused] == [lost]


# --- any order of events -----------------------------------------------------------------------------------------

PLACES = ("lobby", "ops", "deploys", "@")
ROOMS = PLACES[:3]


class Model:
    """A server with some rooms and an inbox, and the wire to one client, on which frames wait."""

    def __init__(self, keeps_log: bool, page_size: int) -> None:
        self.keeps_log = keeps_log
        self.page_size = page_size
        self.logs: dict[str, list[Entry]] = {place: [] for place in PLACES}
        self.everything: dict[int, tuple[str, Entry]] = {}
        self.at = 100
        self.session = 0  # the number of the session, whose inbox is a new one
        self.seat: str | None = None
        self.rooms: list[str] = []
        self.is_seated = False
        self.up: deque[Record] = deque()
        self.down: deque[Record] = deque()
        self.on_disk: deque[Sent] = deque()
        self.gaps: dict[str, list[int]] = {}
        self.tokens = itertools.count(1)

    def add(self, place: str, name: str, text: str, key: str | None = None, to: str | None = None) -> int:
        self.at += 10
        said = Entry(name, text, self.at, key, to)
        self.logs[place].append(said)
        self.everything[self.at] = (place, said)
        return self.at

    def others_say(self, place: str) -> None:
        to = "ada" if place == "@" else None
        if place == "@" and self.seat is None:
            return  # there is nobody to write to
        at = self.add(place, "bob", f"bob {self.at}", to=to)
        if self.is_seated and (place in self.rooms or place == "@"):
            text = self.logs[place][-1].text
            if place in self.gaps:
                self.gaps[place].append(at)
            else:
                self.down.append(Private("bob", "ada", text, at) if to else Message(place, "bob", text, at))

    def skip(self, place: str) -> None:
        if self.is_seated and (place in self.rooms or place == "@"):
            self.gaps.setdefault(place, [])

    def caught_up(self) -> None:
        for place, gap in self.gaps.items():
            first, last = (gap[0] - 1, gap[-1]) if gap else (self.at, self.at)
            self.down.append(Skipped(None if place == "@" else place, len(gap), first, last))
        self.gaps.clear()

    def commit(self) -> None:
        while self.on_disk:
            self.down.append(self.on_disk.popleft())

    def lose(self) -> None:
        self.is_seated = False
        self.up.clear()
        self.down.clear()
        self.on_disk.clear()
        self.gaps.clear()

    def restart(self) -> None:
        self.lose()
        self.seat, self.rooms = None, []
        self.logs["@"] = []
        if not self.keeps_log:
            self.logs = {place: [] for place in PLACES}

    def handle(self) -> None:
        request = self.up.popleft()
        match request:
            case Hello():
                resumed = self.seat is not None and request.resume == self.seat
                if not resumed:
                    self.seat, self.rooms, self.logs["@"] = f"{next(self.tokens):032}", [], []
                    self.session += 1
                assert self.seat is not None
                self.is_seated = True
                self.down.append(welcome(ALL))
                room = self.rooms[0] if self.rooms else None
                self.down.append(Ready("ada", room, self.seat, resumed, request.id, list(self.rooms)))
            case Command("open" | "join" | "leave"):
                self.move(request)
            case Say():
                self.say(request)
            case HistoryRequest():
                self.page(request)
            case _:
                raise AssertionError(request)

    def move(self, command: Command) -> None:
        self.caught_up()  # `skipped` comes before a reply that takes one out of a room
        room = command.argument or command.room or (self.rooms[0] if self.rooms else "")
        gone = [command.room or (self.rooms[0] if self.rooms else "")] if command.name != "open" else []
        if command.room is not None and command.room not in self.rooms:
            self.down.append(Error("not-in-room", "you are not in it", command.id))
            return
        self.rooms = [each for each in self.rooms if each not in (*gone, room)]
        if command.name == "leave":
            current = self.rooms[0] if self.rooms else None
            self.down.append(Left(room, "ada", None, command.id, current))
        else:
            self.rooms.insert(0, room)
            self.down.append(Joined(room, "ada", 2, command.id))

    def say(self, say: Say) -> None:
        place = "@" if say.to is not None else say.room or self.rooms[0]
        if place not in (*self.rooms, "@"):
            self.down.append(Error("not-in-room", "you are not in it", say.id))
            return
        at = next((said.at for said in self.logs[place] if said.key == say.key), None)
        if at is None:
            at = self.add(place, "ada", say.text, say.key, say.to)
        self.on_disk.append(Sent(None if say.to else place, at, say.id, say.key, say.to))

    def page(self, request: HistoryRequest) -> None:
        place = "@" if request.inbox else request.room or ""
        if place not in (*self.rooms, "@"):
            self.down.append(Error("not-in-room", "you are not in it", request.id))
            return
        begin = request.since if request.since is not None else -1
        end = request.before if request.before is not None else 1 << 62
        found = [said for said in self.logs[place] if begin < said.at < end]
        size = request.limit if request.since is None else min(request.limit, self.page_size)
        messages = found[-size:] if request.since is None else found[:size]
        more = len(found) > len(messages)
        self.down.append(HistoryPage(None if place == "@" else place, messages, more, None, request.id))


class Game:
    """A conversation on the wire to a model."""

    def __init__(self, keeps_log: bool, page_size: int) -> None:
        self.server = Model(keeps_log, page_size)
        self.talk = make(*ROOMS)
        self.said: list[tuple[str, str]] = []
        self.shown: list[Record] = []
        self.refused: list[Refused] = []
        self.is_connected = False

    def follow(self, step: Step) -> None:
        if self.is_connected:
            self.server.up.extend(step.send)
        self.shown += step.show
        self.refused += step.refused

    def connect(self, place: str) -> None:
        if not self.is_connected:
            self.is_connected = True
            self.follow(self.talk.connected())

    def lose(self, place: str) -> None:
        if self.is_connected:
            self.is_connected = False
            self.server.lose()
            self.talk.disconnected()

    def restart(self, place: str) -> None:
        self.server.restart()
        if self.is_connected:
            self.is_connected = False
            self.talk.disconnected()

    def say(self, place: str) -> None:
        text = f"mine {len(self.said)}"
        self.said.append((place, text))
        self.follow(self.talk.say(text, to="bob") if place == "@" else self.talk.say(text, room=place))

    def visit(self, place: str) -> None:
        """Make a room the current one, as a person does who opens it."""
        if place != "@":
            self.follow(self.talk.command("open", place))

    def handle(self, place: str) -> None:
        if self.server.up:
            self.server.handle()

    def hear(self, place: str) -> None:
        if self.server.down:
            self.follow(self.talk.received(self.server.down.popleft()))

    def others_say(self, place: str) -> None:
        self.server.others_say(place)

    def skip(self, place: str) -> None:
        self.server.skip(place)

    def caught_up(self, place: str) -> None:
        self.server.caught_up()

    def commit(self, place: str) -> None:
        self.server.commit()

    def settle(self) -> None:
        self.connect("")
        self.server.caught_up()
        for _ in range(10_000):
            self.server.commit()
            if not self.server.up and not self.server.down:
                return
            self.handle("")
            self.hear("")
        raise AssertionError("they never come to an end")

    def check(self) -> None:
        assert self.talk.is_at_rest
        assert set(self.talk.rooms) == set(ROOMS)
        for place in PLACES:
            self.check_place(place)

    def check_place(self, place: str) -> None:
        kind = Private if place == "@" else Message
        heard = [it for it in self.shown if isinstance(it, kind) and getattr(it, "room", "@") == place]
        others = [it.at for it in heard]  # type: ignore[attr-defined]
        assert others == sorted(set(others)), "others' messages come once each, in order"
        kept = [said.at for said in self.server.logs[place] if said.from_ == "bob"]
        assert set(kept) <= set(others), "nothing was missed"
        assert all(self.server.everything[at][0] == place for at in others), "each in its place"
        name = None if place == "@" else place
        mine = [it.at for it in self.shown if isinstance(it, Sent) and it.room == name]
        refused = [it.request.text for it in self.refused if isinstance(it.request, Say) and in_place(it, place)]
        said = [text for where, text in self.said if where == place]
        assert len(mine) == len(set(mine))
        confirmed = [self.server.everything[at][1].text for at in mine]
        assert sorted(confirmed + refused) == sorted(said), "each message of ours is confirmed or refused"
        if place != "@":
            assert refused == []
        copies = [said.text for said in self.server.logs[place] if said.from_ == "ada"]
        assert len(copies) == len(set(copies))


def in_place(refused: Refused, place: str) -> bool:
    say = refused.request
    assert isinstance(say, Say)
    return say.to is not None if place == "@" else fold(say.room or "") == place


MOVES = ["others_say", "say", "handle", "hear", "lose", "connect", "restart", "skip", "caught_up", "commit", "visit"]
WEIGHTED = [*MOVES, *["handle"] * 6, *["hear"] * 6, *["others_say"] * 3, "say", "connect", "connect"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.booleans(),
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from(WEIGHTED), st.sampled_from(PLACES)), max_size=150),
)
def test_whatever_happens_every_place_has_everything_once(
    keeps_log: bool, size: int, moves: list[tuple[str, str]]
) -> None:
    game = Game(keeps_log, size)
    for room in ROOMS:
        game.server.others_say(room)
    game.settle()
    for move, place in moves:
        getattr(game, move)(place)
    game.settle()
    game.check()


def test_the_model_is_a_server_of_several_rooms() -> None:
    game = Game(keeps_log=True, page_size=2)
    for room in ROOMS:
        game.server.others_say(room)
    game.settle()
    assert game.talk.rooms == list(ROOMS)
    assert [type(record) for record in game.shown].count(Message) == 3
    assert not [record for record in game.shown if isinstance(record, Received)]


def test_a_private_message_to_an_empty_name_is_for_nobody() -> None:
    talk = in_rooms("lobby")
    for name in ("", " "):
        with pytest.raises(RequestError, match="needs a name"):
            talk.say("psst", to=name)


# --- what is news


def test_the_history_of_a_new_room_is_no_news_but_messages_missed_are() -> None:
    inner = Conversation("ada", "lobby")
    talk = SortedConversation(inner)
    [command] = arrive(talk, ready()).send
    [asked, *_] = talk.received(Joined("lobby", "ada", 2, command.id)).send
    assert inner.received(page(asked, entry(5))) == [Received(Message("lobby", "bob", "5", 5), False)]
    assert inner.received(message(6)) == [Received(message(6))]
    [asked, *_] = back(talk, "lobby").send
    assert Received(message(7)) in inner.received(page(asked, entry(7)))
