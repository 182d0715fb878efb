"""What operators can do, who is told of it, and that nobody else can."""

import itertools
from typing import Any

import pytest

from pylingo.reactor.chat.access import Access
from pylingo.reactor.chat.moderation import HANDLERS, enforce
from pylingo.reactor.people.members import parse_members
from pylingo.reactor.people.register import Register
from pylingo.shared.messages import (
    Away,
    Ban,
    Bans,
    Command,
    Entry,
    Goodbye,
    Hello,
    HistoryPage,
    HistoryRequest,
    Invitation,
    Joined,
    Left,
    Message,
    Moderated,
    Notice,
    People,
    PersonDetails,
    PersonInfo,
    PingRequest,
    Pong,
    Private,
    Redacted,
    Renamed,
    Say,
    Sent,
    Topic,
)
from pylingo.shared.schema import Record
from tests.fakes.access import Door
from tests.fakes.chat import NOON, Person, error, goodbye
from tests.fakes.identity import key

ADA, BOB, EVE = (key(word).fingerprint for word in "abe")
FAR = "192.0.2.7"
DAY = 86_400_000_000


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def ada(door: Door) -> Person:
    """An operator in the room tea."""
    return door.operator()


def read(door: Door, *people: Person) -> list[list[Record]]:
    door.tick()
    return [person.got() for person in people]


def restarted(door: Door) -> Register:
    """What a server that is started again knows."""
    return Register.from_state(door.disk.states[-1], lambda: door.now)


# --- who may


@pytest.mark.parametrize("argument", [None, "", "x", "bob 7d spam", "\x1b" * 5_000], ids=repr)
@pytest.mark.parametrize("name", HANDLERS)
def test_everything_is_for_operators_and_that_is_checked_first(door, name, argument):
    bob = door.device("bob", "b", "tea")
    guest = door.person("guest", "tea")
    for person in (bob, guest):
        read(door, person)
        assert door.answers(person, Command(name, argument, 7, "no such room")) == [error("not-allowed", 7)]
    assert door.register.moderation.bans() == door.register.moderation.mutes() == []


def test_somebody_who_is_no_operator_any_more_may_nothing(door, ada):
    assert door.answers(ada, Command("deop", "ada", 1)) == [Moderated("deop", "ada", "ada"), deed("deop", "ada", re=1)]
    assert door.answers(ada, Command("op", "ada", 2)) == [error("not-allowed", 2)]


def deed(action: str, name: str | None = None, by: str = "ada", **rest: Any) -> Moderated:
    return Moderated(action, by, name, **rest)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (Command("kick", "nobody"), "no-such-user"),
        (Command("kick", "eve"), "no-such-user"),  # who is elsewhere
        (Command("kick", "bob", room="coffee"), "not-in-room"),
        (Command("kick", "bob " + "x" * 513), "text-too-long"),
        (Command("ban", "nobody"), "no-such-user"),
        (Command("ban", "10.0.0.1/8"), "no-such-user"),
        (Command("ban", "bob 10 minutes"), "bad-argument"),
        (Command("ban", "bob 0m"), "bad-argument"),
        (Command("ban", "bob 5y"), "bad-argument"),
        (Command("unban", "bob"), "bad-argument"),
        (Command("mute", "nobody"), "no-such-user"),
        (Command("mute", "bob for ever"), "bad-argument"),
        (Command("mute", "bob 10"), "bad-argument"),
        (Command("unmute", "bob"), "bad-argument"),
        (Command("op", "nobody"), "no-such-user"),
        (Command("op", "guest"), "no-identity"),
        (Command("redact", "yesterday"), "bad-argument"),
        (Command("redact", "5"), "bad-argument"),
        (Command("redact", "9" * 19), "bad-argument"),
        (Command("redact", "\u0665"), "bad-argument"),
        (Command("announce", "x" * 1_025), "text-too-long"),
        (Command("invite", "soon"), "bad-argument"),
        (Command("invite", "0"), "bad-argument"),
        (Command("invite", "9999999"), "bad-argument"),
        (Command("invite", "1 99999d"), "bad-argument"),
        *[(Command(name), "bad-argument") for name in HANDLERS if name not in ("bans", "servers", "invite")],
        (Command("bans", "x"), "bad-argument"),
        (Command("servers", "x"), "bad-argument"),
    ],
    ids=str,
)
def test_a_command_that_cannot_be_is_refused_and_changes_nothing(door, ada, command, code):
    bob, _, guest = door.device("bob", "b", "tea"), door.device("eve", "e", "coffee"), door.person("guest")
    read(door, ada, bob, guest)
    states = len(door.disk.states)
    command.id = 5
    assert door.answers(ada, command) == [error(code, 5)]
    assert read(door, bob, guest) == [[], []]
    assert len(door.disk.states) == states


@pytest.mark.parametrize("command", ["kick bob", "ban bob", "mute bob", "kick ada", "ban ada", "mute ada"])
def test_operators_cannot_be_put_out_or_silenced(door, ada, command):
    door.operator("bob", "b")
    ada.got()
    name, argument = command.split()
    assert door.answers(ada, Command(name, argument, 5)) == [error("not-allowed", 5)]


# --- kick


def test_somebody_is_put_out_of_a_room(door, ada):
    bob, eve = door.device("bob", "b", "ops"), door.device("eve", "e", "tea")
    bob.ask(Command("open", "tea"))
    read(door, ada, bob, eve)
    assert door.answers(ada, Command("kick", " BOB  be\nnice ", 5)) == [
        Left("tea", "bob", "kicked", None, None, "ada", "be nice"),
        deed("kick", "bob", room="tea", text="be nice", re=5),
    ]
    assert read(door, bob, eve) == [
        [Left("tea", "bob", "kicked", None, "ops", "ada", "be nice")],
        [
            Left("tea", "bob", "kicked", None, None, "ada", "be nice"),
            deed("kick", "bob", room="tea", text="be nice"),
        ],
    ]
    assert [room.name for room in bob.session.rooms] == ["ops"]
    assert door.answers(bob, Command("join", "tea"))[-1] == Joined("tea", "bob", 3, None, BOB)


def test_all_connections_of_somebody_are_put_out(door, ada):
    laptop, phone, tablet = (door.device("bob", "b", room) for room in ("tea", "tea", "ops"))
    ada.got()
    assert door.answers(ada, Command("kick", "bob"))[0] == Left("tea", "bob", "kicked", None, None, "ada")
    left = [Left("tea", "bob", "kicked", None, None, "ada")]
    assert read(door, laptop, phone, tablet) == [left, left, []]
    assert door.answers(ada, Command("users"))[0].users == ["ada"]


# --- ban


def test_a_person_is_banned_by_key(door, ada):
    laptop, phone = door.device("bob", "b", "tea"), door.device("bob", "b", "ops")
    eve = door.device("eve", "e", "tea")
    read(door, ada, laptop, phone, eve)
    until = NOON + 2 * 3_600_000_000
    got = door.answers(ada, Command("ban", "bob 2h spam", 5))
    assert got == [
        deed("ban", "bob", text="spam", until=until, re=5),
        Left("tea", "bob", "banned"),
    ]
    for person in (laptop, phone):
        (farewell,) = person.got()
        assert farewell == Goodbye("banned", "you are banned from this server until 2026-01-01 14:00 UTC: spam")
        assert person.endings == ["banned"]
    assert eve.got() == [Left("tea", "bob", "banned"), deed("ban", "bob", room="tea", text="spam", until=until)]
    again = door.come("198.51.100.1", b"certificate")
    assert door.answers(again, key("b").hello(again.challenge, None, b"certificate")) == [goodbye("banned")]
    assert restarted(door).moderation.key_ban(BOB).text == "spam"
    door.now = until
    assert door.device("bob", "b").name == "bob"


def test_a_guest_is_banned_by_address_and_so_is_whoever_else_comes_from_it(door, ada):
    door.register.members = parse_members(key("b").text)
    guest, other, eve = door.far("mallory", None, FAR, "tea"), door.far(None, None, FAR), door.far("eve", "e", FAR)
    bob, elsewhere = door.far("bob", "b", FAR, "tea"), door.far("carl", None, "192.0.2.8")
    read(door, ada, bob)
    assert door.answers(ada, Command("ban", "mallory", 5)) == [
        deed("ban", "mallory", address=FAR, re=5),
        Left("tea", "mallory", "banned"),
    ]
    assert bob.got() == [Left("tea", "mallory", "banned"), deed("ban", "mallory", room="tea")]
    assert [person.endings for person in (guest, other, eve, bob, elsewhere)] == [["banned"]] * 3 + [[], []]


@pytest.mark.parametrize(
    ("network", "banned"),
    [
        ("192.0.2.7", [True, False, False]),
        ("192.0.2.0/24", [True, True, False]),
        ("2001:db8::/64", [False, False, True]),
    ],
)
def test_addresses_and_networks_are_banned(door, ada, network, banned):
    people = [door.far(None, None, host, "tea") for host in (FAR, "192.0.2.8", "2001:db8::7")]
    ada.got()
    (first, *_) = door.answers(ada, Command("ban", f"{network} 7d", 5))
    assert first == deed("ban", address=network, until=NOON + 7 * DAY, re=5)
    assert [person.endings == ["banned"] for person in people] == banned
    assert [ban.address for ban in restarted(door).moderation.bans()] == [network]


def test_a_ban_ends_seats(ada, door):
    door.hub.seats.grace = 60.0
    guest = door.far("mallory", None, FAR, "tea")
    token = guest.session.token
    guest.lose()
    read(door, ada)
    assert door.answers(ada, Command("ban", "mallory"))[-1] == Left("tea", "mallory", "banned")
    assert door.hub.tokens.find(token, None) is None
    assert len(door.hub.seats) == 0


@pytest.mark.parametrize("request_", [Command("list"), Say("hi"), Hello(1), Hello(1, "mallory")], ids=str)
def test_somebody_banned_before_saying_anything_is_not_let_in(door, ada, request_):
    lurker = door.come(FAR)
    assert door.answers(ada, Command("ban", FAR))[0].address == FAR
    assert door.answers(lurker, request_) == [goodbye("banned")]


@pytest.mark.parametrize("is_proven", [True, False])
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_ban_of_an_address_spares_a_listed_key_that_was_not_shown_yet(door, ada, is_listed, is_proven):
    """It was given its welcome before the ban, and says who it is afterwards."""
    door.register.members = parse_members(key("b" if is_listed else "e").text)
    bob = door.come(FAR, b"certificate")
    assert door.answers(ada, Command("ban", "192.0.2.0/24"))[0].address == "192.0.2.0/24"
    assert bob.endings == []
    hello = key("b").hello(bob.challenge if is_proven else "00" * 32, "bob", b"certificate")
    (answer,) = door.answers(bob, hello)
    if is_proven and is_listed:
        assert (answer.name, answer.identity) == ("bob", BOB)
    else:
        assert answer == goodbye("identity" if is_listed else "banned")


@pytest.mark.parametrize(("word", "is_spared"), [("b", True), ("e", False)])
def test_a_ban_of_an_address_while_a_password_is_compared(door, ada, word, is_spared):
    door.register.members = parse_members(key("b").text)
    door.hub.access.password, door.gate.answers_at_once = door.gate, False
    person = door.come(FAR, b"certificate")
    person.ask(key(word).hello(person.challenge, "bob", b"certificate", password="right"))
    assert door.answers(ada, Command("ban", FAR))[0].address == FAR
    door.gate.answer()
    door.tick()
    assert person.endings == ([] if is_spared else ["banned"])


def test_a_ban_of_somebody_who_is_away(door, ada):
    bob = door.device("bob", "b")
    bob.ask(Command("close"))
    assert door.answers(ada, Command("ban", "bob", 5)) == [deed("ban", "bob", re=5)]
    again = door.come()
    assert door.answers(again, key("b").hello(again.challenge)) == [goodbye("banned")]


@pytest.mark.parametrize("target", ["bob", "BOB", BOB])
def test_a_ban_is_ended(door, ada, target):
    door.device("bob", "b")
    ada.ask(Command("ban", "bob"))
    door.tick()
    ada.got()
    assert door.answers(ada, Command("unban", target, 5)) == [deed("unban", "bob", re=5)]
    assert door.device("bob", "b").name == "bob"
    assert restarted(door).moderation.bans() == []


def test_a_ban_ends_once_that_is_stored(door, ada):
    ada.ask(Command("ban", FAR))
    read(door, ada)
    door.disk.is_full = True
    assert door.answers(ada, Command("unban", FAR, 5)) == [error("not-allowed", 5)]
    assert door.register.moderation.address_ban(FAR, None) is not None
    door.disk.is_full = door.disk.answers_at_once = False
    ada.ask(Command("unban", FAR, 6), PingRequest(7))
    assert read(door, ada) == [[]]
    assert door.register.moderation.address_ban(FAR, None) is not None
    door.disk.answer()
    assert door.register.moderation.address_ban(FAR, None) is None
    assert read(door, ada) == [[deed("unban", address=FAR, re=6), Pong(7)]]


def test_bans_are_listed(door, ada):
    assert door.answers(ada, Command("bans", id=1)) == [Bans([], False, 1)]
    door.device("bob", "b")
    ada.ask(Command("ban", "bob 1d spam"), Command("ban", "10.0.0.0/8"))
    read(door, ada)
    bans = [Ban("ada", "bob", None, "spam", NOON + DAY), Ban("ada", None, "10.0.0.0/8")]
    assert door.answers(ada, Command("bans", id=2)) == [Bans(bans, False, 2)]
    door.now += DAY
    assert door.answers(ada, Command("bans", id=3)) == [Bans(bans[1:], False, 3)]


def test_many_bans_come_in_several_frames(door, ada):
    for number in range(300):
        door.register.moderation.ban_address(f"10.0.{number // 256}.{number % 256}", "ada", "\U0001f600" * 100, None)
    ada.ask(Command("bans", id=1))
    for _ in range(5):
        door.tick()
    pages = ada.got()
    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]
    assert len(pages) > 2
    addresses = [ban.address for page in pages for ban in page.bans]
    assert addresses == [f"10.0.{number // 256}.{number % 256}" for number in range(300)]


def test_a_change_that_holds_and_could_not_be_stored_is_told(door, ada, caplog):
    door.disk.is_full = True
    got = door.answers(ada, Command("ban", f"{FAR} spam"))
    assert [type(record) for record in got] == [Moderated, Notice]
    assert door.register.moderation.address_ban(FAR, None) is not None
    assert "could not be stored" in caplog.text


# --- members


def test_somebody_who_is_no_member_any_more_goes(door):
    door.close(f'name="ada" {key("a").text}\nname="bob" {key("b").text}')
    ada, bob, lurker = door.device("ada", "a", "tea"), door.device("bob", "b", "tea"), door.come()
    read(door, ada)
    door.register.members = parse_members(f"operator {key('a').text}")
    enforce(door.hub)
    assert read(door, ada) == [[Left("tea", "bob", "members-only")]]
    assert bob.endings == ["members-only"]
    assert lurker.endings == []
    assert door.answers(ada, Command("who"))[0] == People(
        [PersonInfo("ada", 1, None, ADA, True), PersonInfo("guest-3", 0)], False
    )


DUO = [f'operator,name="duo" {key(word).text}' for word in "ab"]


def duo(door: Door, lines: list[str] = DUO) -> list[Person]:
    """Two connections of one person, with a key each."""
    door.register.members = parse_members("\n".join(lines))
    people = [door.device("duo", word, "tea") for word in "ab"]
    assert people[0].session.person is people[1].session.person
    return people


@pytest.mark.parametrize("is_enforced", [False, True])
@pytest.mark.parametrize("command", ["ban", "mute"])
def test_a_ban_and_a_mute_reach_whoever_is_still_here_of_a_person_that_lost_a_key(door, command, is_enforced):
    boss = door.operator("boss", "e")
    _, stays = duo(door, [f'name="duo" {key(word).text}' for word in "ab"])
    door.register.members = parse_members(f'name="duo" {key("b").text}')
    if is_enforced:
        enforce(door.hub)
    read(door, boss, stays)
    assert deed(command, "duo", "boss", re=5) in door.answers(boss, Command(command, "duo", 5))
    if command == "ban":
        assert stays.endings == ["banned"]
    else:
        stays.got()
        assert door.answers(stays, Say("hi", id=1)) == [error("muted", 1)]


@pytest.mark.parametrize("gone", [0, 1])
@pytest.mark.parametrize("is_away", [False, True])
def test_a_key_taken_out_of_the_lines_of_a_person_is_that_person_no_more(gone, is_away):
    door = Door(grace=60.0)
    eve, people = door.device("eve", "e", "tea"), duo(door)
    taken, stays = people[gone], people[1 - gone]
    if is_away:
        taken.lose()
    read(door, eve, stays)
    door.register.members = parse_members(DUO[1 - gone])
    enforce(door.hub)
    assert read(door, eve, stays) == [[], []]
    assert taken.endings == (["lost"] if is_away else ["members-only"])
    assert len(door.hub.seats) == 0
    eve.ask(Say("hi", to="duo"))
    assert [type(record) for record in read(door, stays)[0]] == [Private]
    assert not any(isinstance(record, Private) for record in taken.got())
    shown = door.hub.find("duo")
    assert (shown.sessions, shown.fingerprint) == ((stays.session,), (ADA, BOB)[1 - gone])
    assert door.device("duo", "ab"[gone]).name != "duo"


@pytest.mark.parametrize(
    ("name", "word"), [("ape", None), ("APE", None), ("\u0430\u0440\u0435", None), ("ape", "e"), ("APE", "e")]
)
def test_a_name_that_is_listed_for_a_key_is_nobody_elses_any_more(door, name, word):
    holder = door.device(name, word, "tea") if word is not None else door.person(name, "tea")
    other = door.device("fay", "f", "tea")
    read(door, holder, other)
    door.register.members = parse_members(f'name="ape" {key("b").text}')
    enforce(door.hub)
    assert read(door, other) == [[Left("tea", name, "members-only")]]
    assert holder.endings == ["members-only"]
    assert other.endings == []
    assert door.device("ape", "b").name == "ape"


# --- mute

QUIET: list[tuple[Record, type[Record]]] = [
    (Say("hi", id=1), Sent),
    (Say("hi", id=1, to="ada"), Sent),
    (Command("me", "waves", 1), Sent),
    (Command("msg", "ada hi", 1), Sent),
    (Command("topic", "x", 1), Topic),
    (Command("topic", "-", 1), Topic),
    (Command("away", "x", 1), Away),
    (Command("away", None, 1), Away),
    (Command("name", "other", 1), Renamed),
]


@pytest.mark.parametrize(("request_", "answer"), QUIET, ids=str)
def test_somebody_muted_says_nothing(door, ada, request_, answer):
    bob = door.device("bob", "b", "tea")
    read(door, ada, bob)
    assert door.answers(ada, Command("mute", "bob 10m", 5)) == [deed("mute", "bob", until=NOON + 600_000_000, re=5)]
    assert read(door, bob) == [[deed("mute", "bob", until=NOON + 600_000_000)]]
    assert door.answers(bob, request_) == [error("muted", 1)]
    assert read(door, ada) == [[]]
    assert door.answers(bob, Command("topic", id=2)) == [Topic("tea", None, None, None, 2)]
    door.now += 600_000_000
    assert type(door.answers(bob, request_)[-1]) is answer


def test_a_muted_person_is_told_until_when(door, ada):
    bob = door.device("bob", "b", "tea")
    ada.ask(Command("mute", "bob 10m"))
    read(door, bob)
    bob.ask(Say("hi"))
    assert bob.got()[0].text == "you are muted until 2026-01-01 12:10 UTC"


def test_the_mute_of_a_guest_follows_the_address(door, ada):
    guest, other = door.far("mallory", None, FAR, "tea"), door.far(None, None, "192.0.2.8", "tea")
    ada.ask(Command("mute", "mallory"))
    read(door, guest, other)
    guest.ask(Command("close"))
    for name, word in (("mallory", None), ("innocent", None), (None, None), ("eve", "e")):
        again = door.far(name, word, FAR, "tea")
        for request, _ in QUIET:
            assert door.answers(again, request) == [error("muted", 1)]
        again.ask(Command("close"))
    read(door, other)
    assert door.answers(other, Say("hi", id=1))[-1] == Sent("tea", NOON, 1)
    assert len(restarted(door).moderation.mutes()) == 1


def test_coming_back_without_the_key_is_no_way_out_of_a_mute(door, ada):
    """Nor with another key, or under another name. Others may be silent because of it, and listed keys are not."""
    door.register.members = parse_members(key("b").text)
    eve, bob = door.far("eve", "e", FAR, "tea"), door.far("bob", "b", FAR, "tea")
    read(door, ada, eve, bob)
    assert door.answers(ada, Command("mute", "eve", 5)) == [deed("mute", "eve", re=5)]
    eve.ask(Command("close"))
    for name, word in (("eve", "e"), ("evelyn", "e"), ("evelyn", None), (None, None), ("mallory", "m")):
        again = door.far(name, word, FAR, "tea")
        for request, _ in QUIET:
            assert door.answers(again, request) == [error("muted", 1)]
        again.ask(Command("close"))
    read(door, ada, bob)
    assert door.answers(bob, Say("hi", id=1)) == [Sent("tea", NOON, 1)]
    guest = door.far("mallory-2", None, FAR, "tea")
    read(door, ada)
    assert door.answers(ada, Command("unmute", "mallory-2", 6)) == [deed("unmute", "mallory-2", re=6)]
    assert read(door, guest) == [[deed("unmute", "mallory-2")]]
    assert type(door.answers(guest, Say("hi", id=1))[-1]) is Sent


@pytest.mark.parametrize("is_here", [True, False])
def test_a_mute_is_ended(door, ada, is_here):
    bob = door.device("bob", "b", "tea")
    ada.ask(Command("mute", "bob"))
    read(door, ada, bob)
    if not is_here:
        bob.ask(Command("close"))
        read(door, ada)
    assert door.answers(ada, Command("unmute", "BOB", 5)) == [deed("unmute", "bob", re=5)]
    if is_here:
        assert read(door, bob) == [[deed("unmute", "bob")]]
        assert door.answers(bob, Say("hi", id=1)) == [Sent("tea", NOON, 1)]
    assert restarted(door).moderation.mutes() == []


def test_the_mute_of_a_guest_who_has_gone_is_ended_by_name(door, ada):
    guest = door.far("mallory", None, FAR)
    ada.ask(Command("mute", "mallory"))
    guest.lose()
    read(door, ada)
    assert door.answers(ada, Command("unmute", "mallory", 5)) == [deed("unmute", "mallory", re=5)]


# --- operators


def test_somebody_becomes_an_operator_and_is_none_again(door, ada):
    laptop, phone = door.device("bob", "b", "tea"), door.device("bob", "b")
    read(door, ada, laptop, phone)
    assert door.answers(ada, Command("who"))[0].people[1] == PersonInfo("bob", 1, None, BOB)
    assert door.answers(ada, Command("op", "bob", 5)) == [deed("op", "bob", re=5)]
    assert read(door, laptop, phone) == [[deed("op", "bob")]] * 2
    assert door.answers(ada, Command("who"))[0].people[1] == PersonInfo("bob", 1, None, BOB, True)
    assert door.answers(ada, Command("whois", "bob"))[0] == PersonDetails("bob", ["tea"], True, NOON, None, None, BOB)
    assert restarted(door).is_operator(BOB)
    assert door.answers(phone, Command("deop", "ada", 6))[-1] == deed("deop", "ada", "bob", re=6)
    assert not restarted(door).is_operator(ADA)


def test_an_operator_is_one_once_that_is_stored(door, ada):
    bob = door.device("bob", "b")
    door.disk.is_full = True
    assert door.answers(ada, Command("op", "bob", 5)) == [error("not-allowed", 5)]
    assert read(door, bob) == [[]]
    assert not door.register.is_operator(BOB)


def test_messages_of_an_operator_are_marked(door, ada):
    bob = door.person("bob", "tea")
    ada.ask(Say("hi"), Say("psst", to="bob"), Command("name", "anne"))
    door.tick()
    message, renamed, private = sorted(bob.got(), key=lambda record: record.type)
    assert message == Message("tea", "ada", "hi", NOON)
    assert (private.fingerprint, private.operator) == (renamed.fingerprint, renamed.operator) == (ADA, True)
    (page,) = door.answers(bob, HistoryRequest())
    assert page.messages == [Entry("ada", "hi", NOON, None, None, None, ADA, True)]


# --- redact


def test_a_message_is_taken_out_of_the_history(door, ada):
    bob, eve = door.device("bob", "b", "tea"), door.person("eve", "ops")
    bob.ask(Say("secret", "k"), Say("fine"))
    read(door, ada, bob, eve)
    redacted = Redacted("tea", NOON, "ada", "a name")
    assert door.answers(ada, Command("redact", f"{NOON} a name", 5)) == [
        redacted,
        deed("redact", room="tea", text="a name", re=5),
    ]
    assert read(door, bob, eve) == [[redacted, deed("redact", room="tea", text="a name")], []]
    (page,) = door.answers(bob, HistoryRequest())
    assert page == HistoryPage(
        "tea",
        [
            Entry("bob", "", NOON, "k", None, None, BOB, None, True),
            Entry("bob", "fine", NOON + 1, None, None, None, BOB),
        ],
        False,
        NOON,
    )
    assert door.answers(bob, Say("secret", "k", 6)) == [Sent("tea", NOON, 6, "k")]  # saying it again brings nothing


def test_a_message_of_another_room_stays(door, ada):
    eve = door.person("eve", "ops")
    eve.ask(Say("words"))
    read(door, eve)
    assert door.answers(ada, Command("redact", f"{NOON}", 5)) == [error("bad-argument", 5)]
    (page,) = door.answers(eve, HistoryRequest())
    assert [entry.text for entry in page.messages] == ["words"]


def test_a_redaction_waits_for_the_disk_and_the_room_may_have_gone(door, ada):
    ada.ask(Say("secret"))
    read(door, ada)
    answers: list[Any] = []
    door.hub.history.redact = lambda room, at, done: answers.append(done)
    ada.ask(Command("redact", f"{NOON}", 5), Command("leave"))
    assert read(door, ada) == [[]]
    answers[0](True)
    assert [type(record) for record in read(door, ada)[0]] == [Redacted, Moderated, Left]
    assert door.hub.rooms == {}


# --- announce


def test_everybody_is_told(door, ada):
    bob, lurker = door.device("bob", "b"), door.come()
    assert door.answers(ada, Command("announce", "the server goes down at 5", 5)) == [
        Notice("the server goes down at 5"),
        deed("announce", text="the server goes down at 5", re=5),
    ]
    assert read(door, bob, lurker) == [[Notice("the server goes down at 5")]] * 2


def test_somebody_not_let_in_hears_nothing_and_cannot_be_reached(door):
    door.close(f"operator {key('a').text}")
    ada, lurker = door.device("ada", "a"), door.come()
    ada.ask(Command("announce", "hi"))
    assert read(door, lurker) == [[]]
    ada.got()
    assert door.answers(ada, Say("hi", id=1, to=lurker.name)) == [error("no-such-user", 1)]


# --- invite


@pytest.mark.parametrize(
    ("argument", "uses", "days"),
    [(None, 1, 7), ("3", 3, 7), ("12h", 1, 0.5), ("5 2d", 5, 2), ("2d 5", 5, 2), (" ", 1, 7)],
)
def test_an_invitation_is_made(door, ada, argument, uses, days):
    (invitation,) = door.answers(ada, Command("invite", argument, 5))
    assert invitation == Invitation(invitation.code, uses, NOON + round(days * DAY), 5)
    assert len(bytes.fromhex(invitation.code)) == 16
    assert invitation.code not in str(door.disk.states)
    door.close(key("a").text)
    for number in range(uses + 1):
        person = door.come()
        got = door.answers(person, key(f"{number}").hello(person.challenge, f"n{number}", invite=invitation.code))
        assert got[0].type == ("ready" if number < uses else "goodbye")


def test_an_invitation_is_told_once_it_is_stored(door, ada):
    door.disk.answers_at_once = False
    ada.ask(Command("invite"))
    assert read(door, ada) == [[]]
    door.disk.is_full = True
    door.disk.answer()
    assert [record.type for record in read(door, ada)[0]] == ["error"]
    assert door.register.to_state()["invitations"] == []


def test_members_invite_where_they_may(door):
    door.close(f"{key('b').text}\noperator {key('a').text}")
    bob = door.device("bob", "b")
    assert door.answers(bob, Command("invite", id=1)) == [error("not-allowed", 1)]
    door.register.members_invite = True
    assert door.answers(bob, Command("invite", "2", 2)) == [error("not-allowed", 2)]
    for number in range(10):
        assert door.answers(bob, Command("invite", id=number))[0].uses == 1
    assert door.answers(bob, Command("invite", id=3)) == [error("not-allowed", 3)]
    assert door.answers(bob, Command("kick", "bob", 4)) == [error("not-allowed", 4)]
    door.device("ada", "a").ask(Command("ban", "bob"))
    assert restarted(door).to_state()["invitations"] == []


# --- the log


def test_the_log_says_who_whom_and_why(door, ada, caplog):
    caplog.set_level("INFO")
    bob, guest = door.device("bob", "b", "tea"), door.far("mallory", None, FAR, "tea")
    deeds = [
        (Command("kick", "bob too loud"), f"kick by ada [{ADA}]: bob [{BOB}], tea (too loud)"),
        (Command("mute", "mallory 1h"), f"mute by ada [{ADA}]: mallory, until {NOON + 3_600_000_000}"),
        (Command("ban", "mallory spam"), f"ban by ada [{ADA}]: mallory, {FAR} (spam)"),
        (Command("unban", FAR), f"unban by ada [{ADA}]: mallory, {FAR}"),
        (Command("op", "bob"), f"op by ada [{ADA}]: bob [{BOB}]"),
        (Command("deop", "bob"), f"deop by ada [{ADA}]: bob [{BOB}]"),
        (Command("announce", "hi"), f"announce by ada [{ADA}]: everybody (hi)"),
        (Command("invite", "2"), f"invite by ada [{ADA}]: 2 uses"),
    ]
    for command, line in deeds:
        caplog.clear()
        ada.ask(command)
        assert line in caplog.messages, command
    door.tick()
    assert (guest.endings, bob.endings) == (["banned"], [])
    codes = [record.code for record in read(door, ada)[0] if isinstance(record, Invitation)]
    assert codes[0] not in caplog.text


def test_a_guest_pays_nothing_for_mutes_that_are_none(door):
    """What everybody says asks one question, and not who somebody is."""
    guest = door.person("guest", "tea")
    asked = itertools.count()
    door.register.moderation.mute_of = lambda *_: next(asked) and None
    guest.ask(Say("hi"), Say("ho"))
    assert next(asked) == 0


def test_a_server_without_a_disk_moderates_in_memory(door):
    door.hub.access = Access(door.register)
    ada, bob = door.operator(), door.far("bob", "b", FAR, "tea")
    ada.got()
    assert door.answers(ada, Command("ban", "bob", 1))[0] == deed("ban", "bob", address=FAR, re=1)
    assert bob.endings == ["banned"]
    guest = door.come(FAR)
    assert door.answers(guest, Hello(1)) == [goodbye("banned")]
