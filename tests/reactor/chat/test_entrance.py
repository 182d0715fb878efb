"""What somebody must show before requests are handled: password, proof, membership, invitation, in that order."""

import base64
from typing import Any

import pytest

from pylingo.reactor.chat.access import Access
from pylingo.reactor.chat.entrance import is_let_in
from pylingo.reactor.chat.session import FEATURES, State
from pylingo.reactor.people.keys import proof_message
from pylingo.reactor.people.members import parse_members
from pylingo.reactor.people.register import Register
from pylingo.shared.messages import (
    Command,
    Error,
    Goodbye,
    Hello,
    HistoryRequest,
    Joined,
    PingRequest,
    Pong,
    PongRequest,
    Private,
    Ready,
    Say,
    Sent,
    Welcome,
)
from pylingo.shared.schema import Record
from tests.fakes.access import Door
from tests.fakes.chat import NOON, Person, error, goodbye, words_left_out
from tests.fakes.identity import key
from tests.fakes.small_order import as_text, forge, small_keys

ADA, BOB, EVE = (key(word).fingerprint for word in "abe")
FAR = "192.0.2.7"
ADMITTED = [Command("join", "tea"), Say("hi"), Command("help"), HistoryRequest()]


@pytest.fixture
def door() -> Door:
    return Door()


def ready(name: str, fingerprint: str | None = None, operator: bool = False, resumed: bool = False) -> Ready:
    return Ready(name, None, "", resumed, None, [], fingerprint, operator)


def tokenless(records: list[Record]) -> list[Record]:
    return [
        Ready(it.name, it.room, "", it.resumed, it.re, it.rooms, it.identity, it.operator)
        if isinstance(it, Ready)
        else it
        for it in records
    ]


# --- the proof


def test_the_welcome_says_what_there_is_to_sign(door):
    challenges = set()
    for _ in range(10):
        (welcome,) = Person(door.hub).got()
        assert isinstance(welcome, Welcome)
        assert {"identity", "moderation"} <= set(FEATURES) == set(welcome.features)
        assert len(bytes.fromhex(welcome.challenge)) == 32
        challenges.add(welcome.challenge)
    assert len(challenges) == 10


def test_a_key_is_known_by_its_fingerprint(door):
    ada = door.come()
    ada.ask(PingRequest(1), PongRequest())
    hello = key("a").hello(ada.challenge, "ada")
    assert tokenless(door.answers(ada, hello)) == [Pong(1), ready("ada", ADA)]
    assert door.disk.states[-1]["names"][0]["name"] == "ada"


def test_a_guest_is_told_in_bytes_that_there_is_no_identity(door):
    guest = door.come()
    assert tokenless(door.answers(guest, Hello(1, "ada"))) == [ready("ada")]
    (data,) = (bytes(data) for data in guest.out.buffers if b"token" in bytes(data))
    assert b"\xa8identity\xc0" in data
    assert b"\xa8operator\xc2" in data


def broken(name: str) -> Hello:
    """A `hello` with an identity that proves nothing."""
    good = key("a").hello("00" * 32)
    return {
        "no proof": Hello(1, identity=good.identity),
        "no identity": Hello(1, proof=good.proof),
        "an empty proof": Hello(1, identity=good.identity, proof=""),
        "an empty identity": Hello(1, identity="", proof=good.proof),
        "a proof cut off": Hello(1, identity=good.identity, proof=good.proof[:-8]),
        "a huge proof": Hello(1, identity=good.identity, proof="A" * 30_000),
        "a huge identity": Hello(1, identity="ssh-ed25519 " + "A" * 30_000, proof=good.proof),
        "a proof in no base64": Hello(1, identity=good.identity, proof="!" * 88),
        "another kind of key": Hello(1, identity="ssh-rsa " + "A" * 68, proof=good.proof),
        "a key cut off": Hello(1, identity=good.identity[:-3], proof=good.proof),
        "another challenge": good,
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        "no proof",
        "no identity",
        "an empty proof",
        "an empty identity",
        "a proof cut off",
        "a huge proof",
        "a huge identity",
        "a proof in no base64",
        "another kind of key",
        "a key cut off",
        "another challenge",
    ],
)
def test_a_proof_that_is_none_ends_the_connection_with_a_reason(door, name):
    person = door.come()
    person.ask(broken(name), PingRequest(1))
    door.tick()
    (farewell,) = person.got()
    assert isinstance(farewell, Goodbye)
    assert farewell.reason == "identity"
    assert 20 < len(farewell.text) < 400
    assert person.endings == ["identity"]
    assert door.disk.states == []


@pytest.mark.parametrize("raw", small_keys(), ids=bytes.hex)
def test_a_key_with_which_anybody_can_sign_is_no_identity(door, raw):
    person = door.come()
    proof = base64.b64encode(forge(raw, proof_message(bytes.fromhex(person.challenge), None))).decode()
    person.ask(Hello(1, "eve", identity=as_text(raw), proof=proof))
    door.tick()
    (farewell,) = person.got()
    assert isinstance(farewell, Goodbye)
    assert (farewell.reason, farewell.text.partition(",")[0]) == ("identity", "with this key anybody can sign")
    assert door.disk.states == []


def test_a_proof_of_somebody_else_is_none(door):
    person = door.come()
    stolen = key("e").hello(person.challenge).proof
    assert door.answers(person, Hello(1, identity=key("a").text, proof=stolen)) == [goodbye("identity")]


def test_a_proof_is_for_one_connection(door):
    first, second = door.come(), door.come()
    hello = key("a").hello(first.challenge, "ada")
    assert door.answers(second, hello) == [goodbye("identity")]
    assert tokenless(door.answers(first, hello)) == [ready("ada", ADA)]


@pytest.mark.parametrize(
    ("signed", "shown", "host", "is_right"),
    [
        (b"certificate", b"certificate", FAR, True),
        (b"certificate", b"certificate", "127.0.0.1", True),
        (b"of a proxy", b"certificate", FAR, False),  # relayed by somebody with a certificate of their own
        (None, b"certificate", FAR, False),
        (b"certificate", None, "127.0.0.1", False),  # relayed from an encrypted connection to a plain one
        (None, None, "127.0.0.1", True),
        (None, None, "::1", True),
        (None, None, "::ffff:127.0.0.1", True),
        (None, None, FAR, False),
        (None, None, "2001:db8::1", False),
    ],
    ids=str,
)
def test_a_proof_is_bound_to_the_certificate_and_plain_ones_are_for_loopback(door, signed, shown, host, is_right):
    person = door.come(host, shown)
    got = door.answers(person, key("a").hello(person.challenge, "ada", signed))
    assert tokenless(got) == ([ready("ada", ADA)] if is_right else [goodbye("identity")])


@pytest.mark.parametrize("request_", [*ADMITTED, Command("name", "ada")], ids=str)
def test_an_identity_comes_first(door, request_):
    person = door.come()
    hello = key("a").hello(person.challenge, "ada", id=7)
    person.ask(request_)
    person.got()
    assert door.answers(person, hello)[-1:] == [error("bad-message", 7)]
    assert person.session.identity is None
    assert door.answers(person, Hello(1, "bob"))[-1].type == "ready"


def test_an_identity_is_shown_once(door):
    ada = door.device("ada", "a")
    assert door.answers(ada, key("e").hello(ada.challenge, id=1)) == [error("already-ready", 1)]


def test_the_version_of_the_protocol_is_checked_first(door):
    person = door.come()
    assert door.answers(person, Hello(2, identity="x", id=1)) == [goodbye("protocol", 1)]


def test_a_proof_counts_as_work(door):
    ada = door.come()
    door.hub.take_work()
    door.answers(ada, key("a").hello(ada.challenge))
    assert door.hub.take_work() >= 100


# --- names


@pytest.mark.parametrize("wish", ["ada", "ADA", "\uff21da", "\u0430d\u0430", "ad\u0430"], ids=ascii)
@pytest.mark.parametrize("word", ["e", None], ids=["another key", "no key"])
@pytest.mark.parametrize("is_here", [True, False], ids=["here", "away"])
def test_nobody_gets_an_owned_name_without_its_key(door, wish, word, is_here):
    ada = door.device("ada", "a")
    if not is_here:
        ada.ask(Command("close"))
        door.tick()
    other = door.come()
    hello = Hello(1, wish) if word is None else key(word).hello(other.challenge, wish)
    assert [record.code for record in door.answers(other, hello) if isinstance(record, Error)] in (
        [["name-owned"], ["bad-name"]]  # letters of two scripts are nobody's name
    )
    other.ask(Command("name", wish))
    assert other.name.startswith("guest-")
    again = door.come()
    assert tokenless(door.answers(again, key("a").hello(again.challenge, "ada"))) == [ready("ada", ADA)]


def test_a_whole_name_in_letters_that_look_alike_is_owned(door):
    door.device("ape", "a")
    eve = door.device(None, "e")
    assert door.answers(eve, Command("name", "\u0430\u0440\u0435", 1)) == [error("name-owned", 1)]


def test_a_name_that_a_guest_has_is_taken_and_not_owned(door):
    bob = door.person("bob")
    ada = door.device("bob", "a")
    assert ada.name != "bob"
    assert door.answers(ada, Command("name", "bob", 1)) == [error("name-taken", 1)]
    assert door.register.owner_of("bob") is None
    bob.ask(Command("close"))
    door.tick()
    ada.ask(Command("name", "bob"))
    assert ada.name == "bob"


def test_an_owned_name_outlives_the_server(door):
    door.device("ada", "a")
    again = Door()
    again.register = Register.from_state(door.disk.states[-1], lambda: again.now)
    again.hub.access = Access(again.register)
    assert again.person("ada").name.startswith("guest-")
    assert again.device("ada", "a").name == "ada"


def test_a_name_is_stored_before_it_is_given(door):
    """Or whoever comes first after a crash could have it."""
    door.disk.answers_at_once = False
    ada, guest = door.come(), door.come()
    ada.ask(key("a").hello(ada.challenge, "ada"), PingRequest(1))
    assert ada.got() == []
    guest.ask(Command("name", "ada", 2))
    assert words_left_out(guest.got()) == [error("name-owned", 2)]
    door.disk.answer()
    assert [record.type for record in ada.got()] == ["ready", "pong"]
    ada.ask(Command("name", "anne", 3), PingRequest(4))
    assert ada.got() == []
    assert ada.name == "ada"
    door.disk.answer()
    assert [record.type for record in ada.got()] == ["renamed", "pong"]
    ada.ask(Command("name", "ada", 5))
    assert [record.type for record in ada.got()] == ["renamed"]


def test_a_name_that_cannot_be_stored_is_not_given(door):
    door.disk.is_full = True
    ada = door.come()
    got = door.answers(ada, key("a").hello(ada.challenge, "ada", id=1))
    assert [record.type for record in got] == ["ready", "error"]
    assert got[1] == error("not-allowed", 1)
    assert ada.name.startswith("guest-")
    assert door.answers(ada, Command("name", "anne", 2)) == [error("not-allowed", 2)]
    assert ada.name.startswith("guest-")
    assert door.register.owner_of("ada") is door.register.owner_of("anne") is None
    door.disk.is_full = False
    ada.ask(Command("name", "ada", 3))
    assert ada.name == "ada"


def test_two_devices_that_claim_a_name_wait_for_the_same_disk(door):
    one, two = door.device(None, "a"), door.device(None, "a")
    door.disk.answers_at_once = False
    one.ask(Command("name", "ada", 1))
    two.ask(Command("name", "ada", 2))
    assert one.got() == two.got() == []
    door.disk.answer()
    assert one.name == two.name == "ada"


def test_a_name_that_becomes_another_ones_while_it_is_stored(door):
    ada = door.device("ada", "a")
    door.disk.answers_at_once = False
    ada.ask(Command("name", "second", 1), PingRequest(2))
    door.register.members = parse_members(f'name="second" {key("b").text}')
    door.disk.answer()
    assert words_left_out(ada.got()) == [error("name-owned", 1), Pong(2)]
    assert ada.name == "ada"


@pytest.mark.parametrize("end", [lambda session: session.end("banned", "out"), lambda session: session.shut_down("")])
def test_a_session_that_ends_while_its_name_is_stored(door, end):
    ada = door.device("ada", "a")
    door.disk.answers_at_once = False
    ada.ask(Command("name", "second", 1))
    end(ada.session)
    door.disk.answer()
    assert len(door.hub) == 0


def test_a_name_that_its_key_has_not_used_for_long_is_free(door):
    ada = door.device("ada", "a")
    door.now += 179 * 86_400_000_000
    ada.ask(Command("close"))
    door.tick()
    door.now += 2 * 86_400_000_000
    assert door.person("ada").name.startswith("guest-")
    door.now += 180 * 86_400_000_000
    assert door.person("ada").name == "ada"


def test_one_address_takes_few_new_names_a_day(door):
    def named(number: int, host: str) -> bool:
        person = door.come(host, b"certificate")
        got = door.answers(person, key(f"{number}").hello(person.challenge, f"n{number}", b"certificate"))
        return not any(isinstance(record, Error) for record in got)

    assert [named(number, FAR) for number in range(22)] == [True] * 20 + [False] * 2
    assert named(30, "192.0.2.8")
    assert all(named(number, "127.0.0.1") for number in range(40, 70))


# --- private messages to somebody who is away


def test_the_owner_of_a_name_finds_what_was_said_meanwhile(door):
    ada = door.device("ada", "a")
    ada.ask(Command("close"))
    bob = door.person("bob")
    bob.ask(Say("psst", "k", 1, to="ADA"), HistoryRequest(with_="ada", id=2))
    door.tick()
    sent, page = bob.got()
    assert sent == Sent(None, NOON, 1, "k", "ada")
    assert [entry.text for entry in page.messages] == ["psst"]
    ada = door.device("ada", "a")
    ada.ask(HistoryRequest(inbox=True))
    (page,) = ada.got()
    assert [(entry.from_, entry.to, entry.text) for entry in page.messages] == [("bob", "ada", "psst")]
    bob.ask(Say("hi", to="ada"))
    door.tick()
    assert ada.got() == [Private("bob", "ada", "hi", NOON + 1)]
    bob.ask(Command("whois", "nobody", 3), Say("hi", id=4, to="nobody"))
    assert words_left_out(bob.got()) == [error("no-such-user", 3), error("no-such-user", 4)]


# --- resuming


@pytest.mark.parametrize(("taken", "shown", "resumed"), [("a", "a", True), ("a", "e", False), ("a", None, False)])
def test_a_seat_that_was_taken_with_a_key_is_resumed_with_it_alone(taken, shown, resumed):
    door = Door(grace=60.0)
    ada = door.come()
    (got,) = door.answers(ada, key(taken).hello(ada.challenge, "ada"))
    ada.lose()
    back = door.come()
    name = "ada" if resumed else "other"
    hello = Hello(1, name) if shown is None else key(shown).hello(back.challenge, name)
    hello.resume = got.token
    (answer,) = door.answers(back, hello)
    assert (answer.resumed, answer.name) == (resumed, name)
    assert (answer.identity == ADA) is resumed


def test_a_hello_that_is_said_again_finds_the_seat_of_its_key_alone():
    door = Door(grace=60.0)
    token = "5" * 32
    ada = door.come()
    door.answers(ada, key("a").hello(ada.challenge, "ada", resume=token))
    ada.lose()
    eve = door.come()
    *_, refused = door.answers(eve, key("e").hello(eve.challenge, "ada", resume=token))
    assert refused == error("name-owned")
    back = door.come()
    (answer,) = door.answers(back, key("a").hello(back.challenge, "ada", resume=token))
    assert answer.resumed


def test_a_seat_is_taken_over_while_the_disk_is_waited_for():
    """The requests behind a `hello` go on with the session that it has resumed."""
    door = Door(grace=60.0)
    door.hub.access.password = door.gate
    ada = door.come()
    (got,) = door.answers(ada, Hello(1, "ada", password="right"))
    ada.ask(Command("join", "tea"))
    ada.lose()
    door.gate.answers_at_once = False
    back = door.come()
    back.ask(Hello(1, "ada", password="right", resume=got.token), PingRequest(7))
    assert back.got() == []
    door.gate.answer()
    door.tick()
    answer, pong = back.got()
    assert (answer.resumed, answer.room, pong) == (True, "tea", Pong(7))


# --- the password


def test_nothing_is_handled_before_the_password(door):
    door.hub.access.password = door.gate
    guest = door.come()
    for number, request in enumerate([Command("join", "tea"), Say("hi"), Command("close"), HistoryRequest()]):
        request.id = number
        guest.ask(request)
        assert words_left_out(guest.got()) == [error("no-password", number)]
    guest.ask(PingRequest(1), PongRequest())
    assert guest.got() == [Pong(1)]
    assert tokenless(door.answers(guest, Hello(1, "ada", password="right"))) == [ready("ada")]
    assert door.gate.asked == [("right", "127.0.0.1")]
    assert door.answers(guest, Command("join", "tea")) == [Joined("tea", "ada", 1, room_operator=True)]


@pytest.mark.parametrize(
    ("password", "reason"), [("wrong", "password"), (None, "password"), ("again", "password"), ("busy", "full")]
)
def test_a_wrong_password_ends_the_connection(door, password, reason):
    door.hub.access.password = door.gate
    guest = door.come()
    assert door.answers(guest, Hello(1, password=password, identity="x", id=1)) == [goodbye(reason, 1)]
    assert guest.endings == [reason]


def test_requests_wait_while_a_password_is_compared(door):
    door.hub.access.password = door.gate
    door.gate.answers_at_once = False
    guest, other = door.come(), door.come()
    guest.ask(Hello(1, "ada", password="right"), Command("join", "tea"))
    other.ask(PingRequest(1))
    assert (guest.got(), other.got()) == ([], [Pong(1)])
    door.gate.answer()
    door.tick()
    assert [record.type for record in guest.got()] == ["ready", "joined"]


def test_somebody_who_goes_while_a_password_is_compared_is_gone(door):
    door.hub.access.password = door.gate
    door.gate.answers_at_once = False
    guest = door.come()
    guest.ask(Hello(1, "ada", password="right"))
    guest.lose()
    door.gate.answer()
    assert len(door.hub) == 0
    assert guest.session.state is State.ENDED


def test_the_password_comes_before_the_proof(door):
    door.hub.access.password = door.gate
    person = door.come()
    assert door.answers(person, Hello(1, identity="x", password="wrong")) == [goodbye("password")]
    person = door.come()
    assert door.answers(person, Hello(1, identity="x", password="right")) == [goodbye("identity")]


# --- members


def test_only_listed_keys_come_in(door):
    door.close(f'name="ada" {key("a").text}')
    guest = door.come()
    for number, request in enumerate([Command("join", "tea"), Say("hi"), Command("help"), HistoryRequest()]):
        request.id = number
        guest.ask(request)
        assert words_left_out(guest.got()) == [error("no-identity", number)]
    guest.ask(PingRequest(1))
    assert guest.got() == [Pong(1)]
    assert door.answers(guest, Hello(1, "eve", id=2)) == [goodbye("members-only", 2)]
    eve = door.come()
    assert door.answers(eve, key("e").hello(eve.challenge, "eve")) == [goodbye("members-only")]
    ada = door.come()
    assert tokenless(door.answers(ada, key("a").hello(ada.challenge, "ada"))) == [ready("ada", ADA)]
    assert len(door.hub) == 1


def test_keys_that_are_listed_under_one_name_are_one_person(door):
    lines = f'name="ada" {key("a").text}\nname="ada",operator {key("b").text}'
    door.close(lines)
    laptop, phone = door.device("ada", "a"), door.device("ADA", "b")
    assert phone.name == "ada"
    assert laptop.session.person is phone.session.person
    phone.ask(Say("me", to="ada", id=1))
    assert words_left_out(phone.got()) == [error("bad-argument", 1)]


def test_without_members_keys_have_their_rank(door):
    door.register.members = parse_members(f"operator {key('a').text}")
    ada = door.come()
    assert tokenless(door.answers(ada, key("a").hello(ada.challenge, "ada"))) == [ready("ada", ADA, True)]
    bob = door.device("bob", "b", "tea")
    ada.ask(Command("join", "tea"))
    door.tick()
    assert bob.got() == [Joined("tea", "ada", None, None, ADA, True)]


# --- invitations


def invited(door: Door, **options: Any) -> str:
    issued, change = door.register.invite(None, **options)
    change.commit()
    return issued.code


def test_an_invitation_lists_a_key_once(door):
    door.close()
    code = invited(door)
    ada, eve = door.come(), door.come()
    assert tokenless(door.answers(ada, key("a").hello(ada.challenge, "ada", invite=code))) == [ready("ada", ADA)]
    assert len(door.disk.states[-1]["admitted"]) == 1
    assert door.answers(eve, key("e").hello(eve.challenge, "eve", invite=code)) == [goodbye("members-only")]
    ada.ask(Command("close"))
    again = door.come()
    assert tokenless(door.answers(again, key("a").hello(again.challenge, "ada"))) == [ready("ada", ADA)]


def test_an_operators_invitation_makes_one(door):
    code = invited(door, operator=True)
    ada = door.come()
    assert tokenless(door.answers(ada, key("a").hello(ada.challenge, "ada", invite=code))) == [ready("ada", ADA, True)]


def test_an_invitation_is_used_up_after_the_proof(door):
    door.close()
    code = invited(door)
    eve = door.come()
    hello = key("e").hello("00" * 32, invite=code)
    assert door.answers(eve, hello) == [goodbye("identity")]
    ada = door.come()
    assert door.answers(ada, key("a").hello(ada.challenge, invite=code))[-1].type == "ready"


def test_a_bad_invitation_is_told_after_the_ready_where_everybody_may_come_in(door):
    ada = door.come()
    got = door.answers(ada, key("a").hello(ada.challenge, "no name", invite="0" * 32, id=3))
    assert [record.type for record in got] == ["ready", "error", "error"]
    assert got[1:] == [error("bad-invite", 3), error("bad-name", 3)]
    guest = door.come()
    assert door.answers(guest, Hello(1, invite=invited(door)))[1:] == [error("bad-invite")]


def test_an_invitation_counts_once_it_is_on_the_disk(door):
    door.close()
    code = invited(door)
    door.disk.answers_at_once = False
    ada = door.come()
    ada.ask(key("a").hello(ada.challenge, "ada", invite=code), PingRequest(1))
    for _ in range(2):  # the member, and the name
        assert ada.got() == []
        door.disk.answer()
    door.tick()
    assert [record.type for record in ada.got()] == ["ready", "pong"]


def test_a_full_disk_opens_no_door(door):
    door.close()
    code = invited(door)
    door.disk.is_full = True
    ada = door.come()
    assert door.answers(ada, key("a").hello(ada.challenge, "ada", invite=code)) == [goodbye("members-only")]
    door.disk.is_full = False
    again = door.come()
    assert door.answers(again, key("a").hello(again.challenge, "ada", invite=code))[-1].type == "ready"


# --- bans


def test_a_banned_address_is_refused_with_its_first_request(door):
    door.register.moderation.ban_address("192.0.2.0/24", "ada", "spam", 3_600)
    for request in ADMITTED:
        guest = door.come(FAR)
        guest.ask(request)
        door.tick()
        (farewell,) = guest.got()
        assert farewell.reason == "banned"
        assert farewell.text == "you are banned from this server until 2026-01-01 13:00 UTC: spam"
    guest = door.come(FAR)
    guest.ask(PingRequest(1))
    assert guest.got() == [Pong(1)]
    assert door.answers(guest, Hello(1, "eve", password="x")) == [goodbye("banned")]
    assert door.answers(door.come("192.0.3.7"), Hello(1, "bob"))[-1].type == "ready"


def test_a_ban_of_an_address_spares_listed_keys_that_are_proven(door):
    door.register.members = parse_members(key("a").text)
    door.register.moderation.ban_address(FAR, "ada", None, None)
    eve, ada = (door.come(FAR, b"certificate") for _ in range(2))
    pretended = Hello(1, identity=key("a").text, proof=key("e").hello(eve.challenge).proof)
    assert door.answers(eve, pretended) == [goodbye("identity")]
    assert tokenless(door.answers(ada, key("a").hello(ada.challenge, "ada", b"certificate"))) == [ready("ada", ADA)]
    eve = door.come(FAR, b"certificate")
    assert door.answers(eve, key("e").hello(eve.challenge, None, b"certificate")) == [goodbye("banned")]


def test_a_banned_key_is_refused_after_its_proof(door):
    door.register.moderation.ban("eve", EVE, FAR, "ada", None, None)
    eve = door.come()
    assert door.answers(eve, key("e").hello(eve.challenge, "eve")) == [goodbye("banned")]


def test_the_address_of_a_ban_comes_before_the_password(door):
    door.hub.access.password = door.gate
    door.register.moderation.ban_address(FAR, "ada", None, None)
    guest = door.come(FAR)
    assert door.answers(guest, Hello(1, password="wrong")) == [goodbye("banned")]
    assert door.gate.asked == []


@pytest.mark.parametrize(
    ("is_invited", "change", "reason"),
    [
        (False, lambda door: door.register.moderation.ban("ada", ADA, None, "bob", None, None), "banned"),
        (True, lambda door: door.register.moderation.ban("ada", ADA, None, "bob", None, None), "banned"),
        (False, lambda door: door.close(key("b").text), "members-only"),
    ],
)
def test_a_ban_or_a_removal_while_a_hello_waits_for_the_disk_holds(door, is_invited, change, reason):
    door.close("" if is_invited else key("a").text)
    code = invited(door) if is_invited else None
    door.disk.answers_at_once = False
    ada = door.come()
    assert door.answers(ada, key("a").hello(ada.challenge, "ada", invite=code)) == []
    change(door)
    for _ in range(3):
        door.disk.answer()
    door.tick()
    assert words_left_out(ada.got()) == [goodbye(reason)]
    assert ada.endings == [reason]
    assert ada.session.token is None


# --- those who come without a word


def test_a_guest_of_an_open_server_is_let_in_with_the_first_request(door):
    guest = door.come()
    assert is_let_in(guest.session, PingRequest())
    assert not guest.session.is_admitted
    assert is_let_in(guest.session, Say("hi"))
    assert guest.session.is_admitted


def test_the_message_of_a_proof_is_that_of_the_contract():
    assert proof_message(b"c" * 32, None) == b"PyLingo identity v1\0" + b"c" * 32 + bytes(32)
