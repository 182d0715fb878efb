"""Reading the history: what was missed is shown once and in order."""

import itertools
from collections import deque
from collections.abc import Iterable

import pytest

from pylingo.client.events import FramesMissed
from pylingo.client.histories import Histories
from pylingo.client.history_reader import SHOWN_ON_JOINING
from pylingo.client.membership import Membership
from pylingo.client.outgoing import Outgoing
from pylingo.client.reading import Reading
from pylingo.client.unanswered import Unanswered
from pylingo.shared.codec import encode
from pylingo.shared.messages import (
    MAX_PAGE,
    Entry,
    Error,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Message,
    Notice,
    Renamed,
    Say,
    Sent,
    Skipped,
)
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
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
)


def test_a_page_shows_what_is_new_and_then_what_was_held():
    ids, unanswered = itertools.count(1), Unanswered()
    membership = Membership([])
    histories = Histories(ids, {}, lambda: {"lobby"})
    out = Outgoing(ids, membership, histories, unanswered)
    taken: list[Record] = []
    reading = Reading(
        histories, out, unanswered, name=lambda: "ada", take=taken.append, confirmed=lambda sent: taken.append(sent)
    )
    reading.catch_up("lobby")
    [asked] = Step.of(out.taken()).send
    held = message(3)
    reader = histories.reader_holding(held)
    assert reader is not None
    reader.hold(held)
    assert isinstance(asked, HistoryRequest)
    reading.page(HistoryPage("lobby", [entry(1)], False, None, 99))
    assert (Step.of(out.taken()), taken) == (Step(), []), "nobody has asked for it"
    reading.page(page(asked, entry(1), entry(2)))
    assert Step.of(out.taken()) == Step(show=[message(1), message(2)])
    assert taken == [held]
    assert not histories.is_reading


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
def test_messages_since_the_join_are_shown_though_the_first_page_has_no_place_for_them(first: Record):
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


def test_frames_held_for_the_room_before_are_not_shown_in_the_new_one():
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


def test_a_message_that_the_log_already_has_is_confirmed_by_it_once():
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


def test_a_client_that_talks_alone_for_long_reads_the_log_now_and_then_and_not_all_of_it_when_coming_back():
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
