"""The frames of the server, and what they change: our name, our rooms, our session."""

import pytest

from pylingo.client.events import NameWanted
from pylingo.client.incoming import HELLO_ID
from pylingo.client.reconnect import HelloRefusedError
from pylingo.shared import PROTOCOL_VERSION
from pylingo.shared.messages import (
    Command,
    Error,
    Hello,
    HistoryRequest,
    Joined,
    Left,
    Renamed,
    Rooms,
    Say,
)
from pylingo.shared.schema import Record
from tests.fakes.conversation import (
    TOKEN,
    SortedConversation,
    Step,
    back,
    in_lobby,
    joined,
    make,
    page,
    ready,
    without_id,
)

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


def test_words_said_after_a_refused_join_belong_to_the_present_room():
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


def test_a_hello_that_is_refused_is_the_end_only_before_the_server_is_ready():
    talk = make()
    [hello] = talk.connected().send
    assert isinstance(hello, Hello)
    assert hello.id == HELLO_ID
    refusal = Error("identity", "show a key", HELLO_ID)
    with pytest.raises(HelloRefusedError, match=r"^show a key$"):
        talk.received(refusal)
    talk.received(ready())
    assert talk.received(refusal).show == [refusal]
