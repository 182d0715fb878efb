"""A person: a name, and the form by which it is compared."""

import sys

import pytest

from pylingo.reactor.chat.outbox import Outbox
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room, Tick


@pytest.mark.parametrize(("name", "key"), [("ada", "ada"), ("Ada", "ada"), ("\uff21da", "ada"), ("STRASSE", "strasse")])
def test_names_are_shown_as_typed_and_compared_folded(name, key):
    person = Person(name, 5)
    assert (person.name, person.key, person.since, person.away) == (name, key, 5, None)


def test_another_name_of_a_person_has_the_same_key_came_at_the_same_time_and_is_as_far_away():
    person = Person("ada", 5, "SHA256:x")
    person.away = "lunch"
    other = person.another("Countess")
    assert (other.name, other.key, other.fingerprint) == ("Countess", "countess", "SHA256:x")
    assert (other.since, other.away, other.sessions) == (5, "lunch", ())


class Device:
    """A session, as its person knows it."""

    def __init__(self, number: int, *rooms: Room, identity: str | None = None) -> None:
        self.number = number
        self.identity = identity
        self.rooms = rooms
        self.outbox = Outbox(Tick(lambda flush: None, 0, 0))


def test_a_person_is_known_by_a_key_of_a_session_that_is_there():
    person = Person("ada", 5, "SHA256:x")
    devices = [Device(number, identity=f"SHA256:{word}") for number, word in enumerate("xyxz")]
    for device in devices:
        person.add(device)
    shown = [person.fingerprint]
    for device in devices:
        person.remove(device)
        shown.append(person.fingerprint)
    assert shown == ["SHA256:x", "SHA256:x", "SHA256:x", "SHA256:z", "SHA256:z"]


def test_a_person_is_there_as_long_as_a_session_is():
    person = Person("ada", 5)
    assert (person.sessions, person.rooms, person.is_alone) == ((), (), True)
    devices = [Device(number) for number in (1, 2, 3)]
    for count, device in enumerate(devices, 1):
        person.add(device)
        assert person.sessions == tuple(devices[:count])
        assert person.is_alone is (count == 1)
    assert person.others(devices[1]) == (devices[0], devices[2])
    person.remove(devices[0])
    assert person.sessions == (devices[1], devices[2])
    person.remove(devices[2])
    assert person.sessions == (devices[1],)
    assert person.others(devices[1]) == ()
    person.remove(devices[1])
    assert person.sessions == ()


def test_a_room_is_one_of_a_person_if_any_session_is_in_it():
    tea, ops, dev = (Room(name, name) for name in ("tea", "ops", "dev"))
    person = Person("ada", 5)
    one, other = Device(1, tea, ops), Device(2, ops)
    person.add(one)
    assert person.rooms == (tea, ops)
    assert not person.is_in(ops, one)
    person.add(other)
    assert person.rooms == (tea, ops)
    assert person.is_in(tea)
    assert not person.is_in(tea, one)
    assert person.is_in(ops, one)
    assert not person.is_in(dev)


def test_a_guest_is_known_by_the_number_of_the_session():
    guest = Person("guest-7", 5)
    guest.add(Device(7))
    assert guest.number == 7


def test_the_inbox_is_that_of_all_sessions_and_goes_with_the_last():
    person = Person("ada", 5, "SHA256:x")
    one, other, late = (Device(number) for number in (1, 2, 3))
    person.add(one)
    person.add(other)
    assert person.inbox is None
    inbox = person.open_inbox()
    assert person.open_inbox() is inbox
    person.add(late)
    assert list(inbox.members.values()) == [one, other, late]
    person.remove(one)
    assert list(inbox.members.values()) == [other, late]
    assert one.outbox.inbox is None
    person.remove(other)
    person.remove(late)
    assert person.inbox is None
    assert inbox.members == {}


def test_a_guest_takes_little_memory():
    """24 bytes more than before there were keys."""
    assert sys.getsizeof(Person("guest-7", 5)) <= 7 * 8 + 16 + 16
