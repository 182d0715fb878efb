"""The powers of people in a room: keys, sessions, and operators of the server."""

from pylingo.reactor.chat.room_powers import is_operator_of, may_moderate, owners_of
from pylingo.reactor.history.charter import NONE, Charter, operator_field
from tests.fakes.chat import Chat


def test_a_guest_is_known_by_the_session_alone() -> None:
    chat = Chat()
    _, bob = chat.person("ada", "tea"), chat.person("bob", "tea").session
    assert list(owners_of(chat.hub, bob.person)) == [], "looking gives no number"
    assert not bob.has_number
    assert chat.hub.owner(bob.person) == bob.number
    assert list(owners_of(chat.hub, bob.person)) == [bob.number]


def test_a_key_counts_on_every_device() -> None:
    chat = Chat()
    laptop, phone = chat.device("ada", "a", "tea").session, chat.device("ada", "a", "tea").session
    known = {phone.identity, laptop.number, phone.number}
    assert set(owners_of(chat.hub, phone.person)) == known
    assert chat.hub.owner(phone.person) == phone.identity


def test_operators_of_the_room_and_of_the_server() -> None:
    chat = Chat()
    ada, bob = chat.device("ada", "a", "tea").session, chat.person("bob", "tea").session
    room = ada.rooms[0]
    assert (is_operator_of(chat.hub, room, ada.person), is_operator_of(chat.hub, room, bob.person)) == (True, False)
    room.charter = Charter({operator_field(bob.number): "bob"})
    assert (is_operator_of(chat.hub, room, ada.person), is_operator_of(chat.hub, room, bob.person)) == (False, True)
    room.charter = NONE
    assert not may_moderate(chat.hub, room, ada.person)
    assert ada.identity is not None
    chat.hub.access.store(chat.hub.access.register.op(ada.identity))
    assert may_moderate(chat.hub, room, ada.person)
    assert not is_operator_of(chat.hub, room, ada.person)
