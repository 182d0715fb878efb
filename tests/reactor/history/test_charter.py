"""The charter of a room: what it says of people, and what of it outlives the process."""

from pylingo.reactor.history import charter
from pylingo.reactor.history.charter import (
    LOGGED,
    NONE,
    ON,
    TOPIC_LOCK,
    Charter,
    Mute,
    load,
    mute_field,
    mute_value,
    operator_field,
    session_of,
)
from tests.fakes.history import Desk

KEY = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
FULL = Charter(
    {
        operator_field(7): "bob",
        operator_field(KEY): "Ada Zoë",
        mute_field(8): mute_value("eve", 50),
        mute_field(KEY): mute_value("mal", None),
        TOPIC_LOCK: ON,
        LOGGED: ON,
    }
)


def test_an_operator_is_known_by_any_of_the_keys_and_sessions() -> None:
    assert FULL.is_operator([3, 7])
    assert FULL.is_operator(["another", KEY])
    assert not FULL.is_operator([8, "another"])
    assert not NONE.is_operator([7])
    assert FULL.operators == [operator_field(7), operator_field(KEY)]


def test_a_mute_ends_with_its_time() -> None:
    assert FULL.mute_of([8], 49) == Mute("eve", 50)
    assert FULL.mute_of([8], 50) is None
    assert FULL.mute_of([KEY], 10**18) == Mute("mal", None)
    assert FULL.mute_of([7], 0) is None
    assert [mute.name for _, mute in FULL.mutes(49)] == ["eve", "mal"]
    assert [mute.name for _, mute in FULL.mutes(50)] == ["mal"]


def test_fields_are_set_and_taken_out() -> None:
    changed = FULL.changed({operator_field(7): None, TOPIC_LOCK: None, "absent": None, operator_field(9): "carl"})
    assert changed.operators == [operator_field(KEY), operator_field(9)]
    assert (changed.is_topic_locked, FULL.is_topic_locked) == (False, True)


def test_only_what_belongs_to_keys_outlives_the_process() -> None:
    lasting = FULL.lasting()
    assert lasting is not None
    assert set(lasting.fields) == {operator_field(KEY), mute_field(KEY), TOPIC_LOCK}
    assert load(lasting.dump()) == lasting
    assert Charter({operator_field(7): "bob", LOGGED: ON}).lasting() is None


def test_the_session_in_a_field() -> None:
    assert session_of(operator_field(12)) == 12
    assert session_of(operator_field(KEY)) is None


def test_charters_survive_a_restart(tmp_path) -> None:
    first = Desk(tmp_path / "chat.db")
    first.open()
    first.history.set_charter("tea", FULL)
    first.history.set_charter("milk", FULL)
    first.history.set_charter("milk", NONE)
    first.history.set_charter("guests", Charter({operator_field(7): "bob"}))
    first.close()
    second = Desk(tmp_path / "chat.db")
    second.open()
    assert list(second.history.charters) == [("tea", FULL.lasting())]
    second.close()


def test_a_file_says_whether_a_room_has_a_log(tmp_path) -> None:
    first = Desk(tmp_path / "chat.db")
    first.open()
    first.say(1)
    first.page()
    found: list[bool] = []
    first.history.find_log("tea", found.append)
    assert found == [True], "it is in memory"
    first.history.find_log("milk", found.append)
    first.loop.until(lambda: len(found) == 2)
    assert found == [True, False]
    first.close()


def test_the_most() -> None:
    assert (charter.MOST_OPERATORS, charter.MOST_MUTES) == (32, 64)


def test_a_charter_knows_whether_anybody_may_be_muted():
    muted = Charter({operator_field(7): "ada"}).changed({mute_field(8): mute_value("eve", None)})
    assert muted.silences
    assert not muted.changed({mute_field(8): None}).silences
    assert not Charter().silences
