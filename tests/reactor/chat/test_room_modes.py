"""The command mode: what it takes, who may use it, what is told, and the limits."""

import pytest

from pylingo.reactor.chat.room_modes import KINDS, MAX_KEY, MOST_CHANGES, ModeChange, read_change, read_changes
from pylingo.reactor.history.charter import MOST_MASKS, MOST_NAMED, Charter, operator_field
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Modes, Notice, RoomInfo, Rooms
from pylingo.shared.schema import Record
from tests.fakes.chat import Chat, Person, error, words_left_out
from tests.fakes.identity import key


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def tea(chat: Chat) -> list[Person]:
    """Ann, who came first, and bob."""
    return chat.people("ann", "bob")


def answers(chat: Chat, person: Person, *requests: Record) -> list[Record]:
    chat.tick()
    person.got()
    person.ask(*requests)
    chat.tick()
    return words_left_out(person.got())


CHANGES = {
    "moderated on": ModeChange("moderated", True),
    "Moderated OFF": ModeChange("moderated", False),
    "key sesame": ModeChange("key", True, "sesame"),
    "key off": ModeChange("key", False),
    "key on off": ModeChange("key", True, "off"),
    "limit 20": ModeChange("limit", True, "20"),
    "ban eve*": ModeChange("ban", True, "eve*"),
    "ban off eve*": ModeChange("ban", False, "eve*"),
    "voice off off": ModeChange("voice", False, "off"),
    "voice on": ModeChange("voice", True, "on"),
}


@pytest.mark.parametrize("text", CHANGES)
def test_a_change_is_read(text: str) -> None:
    assert read_change(text) == CHANGES[text]


@pytest.mark.parametrize("change", CHANGES.values(), ids=str)
def test_a_change_is_written_as_it_is_read(change: ModeChange) -> None:
    assert read_change(str(change)) == change


@pytest.mark.parametrize(
    "text", ["x on", "moderated", "moderated yes", "key", "key a b", "voice", "voice off", "ban off", "key off x"]
)
def test_what_is_no_change(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_change(text)
    assert caught.value.reason == "bad-argument"


def test_several_changes_have_commas_between_them() -> None:
    assert read_changes("moderated on,, key a") == [ModeChange("moderated", True), ModeChange("key", True, "a")]
    with pytest.raises(RequestError, match="at most 8 changes"):
        read_changes("key a," * (MOST_CHANGES + 1))


# --- the command


def test_changes_are_told_to_the_room_and_shown_to_everybody_there(chat: Chat, tea: list[Person]) -> None:
    ann, bob = tea
    assert answers(chat, ann, Command("mode", "moderated on, key sesame, ban Eve", 1)) == [
        Modes("tea", ["moderated on", "key sesame", "ban Eve!*@*"], "ann", 1)
    ]
    assert words_left_out(bob.got()) == [Modes("tea", ["moderated on", "key sesame", "ban Eve!*@*"], "ann")]
    shown = ["moderated on", "key sesame", "ban Eve!*@*"]
    assert answers(chat, bob, Command("mode", id=2)) == [Modes("tea", shown, None, 2)]
    assert answers(chat, ann, Command("mode", "ban off EVE, key off, limit off", 3)) == [
        Modes("tea", ["ban off Eve!*@*", "key off"], "ann", 3)
    ], "a mode that was not set is not told"


def test_nothing_new_is_told_to_nobody(chat: Chat, tea: list[Person]) -> None:
    ann, bob = tea
    answers(chat, ann, Command("mode", "secret on, ban eve, voice bob"))
    bob.got()
    again = Command("mode", "secret on, ban EVE, voice BOB, key off, exception off eve", 1)
    assert answers(chat, ann, again) == [Modes("tea", [], "ann", 1)]
    assert words_left_out(bob.got()) == []


def test_only_operators_change_modes(chat: Chat, tea: list[Person]) -> None:
    assert answers(chat, tea[1], Command("mode", "moderated on", 1)) == [error("not-allowed", 1)]
    assert chat.hub.rooms["tea"].charter.fields.keys() == {operator_field(tea[0].session.number)}


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("key " + "x" * (MAX_KEY + 1), "bad-argument"),
        ("key \xe4", "bad-argument"),
        ("limit 0", "bad-argument"),
        ("limit -1", "bad-argument"),
        ("limit many", "bad-argument"),
        ("ban " + "x" * 100, "bad-argument"),
        ("voice nobody", "no-such-user"),
        ("voice cid", "no-such-user"),
        ("invited nobody", "no-such-user"),
        ("x", "bad-argument"),
    ],
)
def test_what_cannot_be_set(chat: Chat, tea: list[Person], argument: str, code: str) -> None:
    chat.person("cid")
    assert answers(chat, tea[0], Command("mode", argument, 1)) == [error(code, 1)]


def test_a_room_has_a_most_of_masks(chat: Chat, tea: list[Person]) -> None:
    ann = tea[0]
    for number in range(MOST_MASKS - 1):
        answers(chat, ann, Command("mode", f"ban x{number}"))
    assert answers(chat, ann, Command("mode", "pass y, exception z", 1)) == [error("not-allowed", 1)]
    assert isinstance(answers(chat, ann, Command("mode", "pass y", 1))[0], Modes)


def test_the_oldest_invitation_goes_and_voices_of_those_who_are_there_stay(chat: Chat, tea: list[Person]) -> None:
    ann, bob = tea
    room, hub = chat.hub.rooms["tea"], chat.hub
    many = {f"invited {number}": "x" for number in range(1_000, 1_000 + MOST_NAMED)}
    hub.set_charter(room, room.charter.changed(dict(many)))
    answers(chat, ann, Command("mode", "invited bob"))
    assert len(room.charter.listed("invited")) == MOST_NAMED
    assert room.charter.value("invited 1000") is None
    hub.set_charter(
        room, room.charter.changed({f"voice {key(chr(97 + n % 26)).fingerprint}{n}": "x" for n in range(64)})
    )
    assert answers(chat, ann, Command("mode", "voice bob", 1)) == [error("not-allowed", 1)]
    hub.set_charter(room, room.charter.changed({"voice 999": "gone"}))
    assert isinstance(answers(chat, ann, Command("mode", "voice bob", 1))[0], Modes)
    assert room.charter.value("voice 999") is None
    assert bob.session.state


def test_somebody_who_is_invited_hears_of_it(chat: Chat, tea: list[Person]) -> None:
    cid = chat.person("cid")
    answers(chat, tea[0], Command("mode", "invited cid"))
    assert words_left_out(cid.got())[-1:] == [Notice("ann invites you to tea: /open tea")]


def test_a_secret_room_is_listed_to_its_members_alone(chat: Chat, tea: list[Person]) -> None:
    ann, bob = tea
    cid = chat.person("cid")
    answers(chat, cid, Command("join", "den"))
    everything = [Rooms([RoomInfo("den", 1), RoomInfo("tea", 2)], False)]
    assert answers(chat, cid, Command("list")) == everything
    answers(chat, ann, Command("mode", "secret on"))
    assert answers(chat, cid, Command("list")) == [Rooms([RoomInfo("den", 1)], False)]
    assert answers(chat, bob, Command("list")) == everything
    answers(chat, ann, Command("mode", "secret off"))
    assert answers(chat, cid, Command("list")) == everything


def test_modes_outlive_the_process_but_not_those_of_guests() -> None:
    ada = key("a").fingerprint
    fields = {"invite-only": "1", f"voice {ada}": "ada", "voice 7": "guest", "invited 7": "guest", "ban x!*@*": "1 ada"}
    kept = Charter(fields).lasting()
    assert kept is not None
    assert kept.fields.keys() == {"invite-only", f"voice {ada}", "ban x!*@*"}


def test_every_mode_has_a_kind() -> None:
    assert set(KINDS) == {
        *("topic-lock", "invite-only", "moderated", "secret", "outside"),
        *("key", "limit", "ban", "exception", "pass", "voice", "invited"),
    }
