"""What the deeds of operators do to the window."""

from pylingo.client.events import KeyChanged, Received, Remark
from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffers import of_rooms
from pylingo.client.terminal.model import Effect, Model, Shown
from pylingo.client.terminal.moderation_events import is_our_kick
from pylingo.client.terminal.status import status_line
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import screen
from pylingo.client.wording import REMOVED
from pylingo.shared.messages import (
    Ban,
    Bans,
    Invitation,
    IrcPassword,
    Joined,
    Left,
    Message,
    Moderated,
    Ready,
    Redacted,
    Renamed,
    RoomOp,
    Users,
)
from pylingo.shared.schema import Record
from tests.fakes.window import NOON, plain

KEY = "SHA256:key"


def make(*rooms: str) -> Model:
    model = Model("chat:7", Preferences(), buffers=of_rooms(list(rooms), {}))
    take(model, Ready("ada", rooms[0], "0" * 32, False, rooms=list(rooms), identity=KEY))
    model.state = "online"
    return model


def take(model: Model, *records: Record) -> list[Effect]:
    return [effect for record in records for effect in update(model, Received(record), 0.0, NOON)]


def texts(model: Model) -> list[str]:
    return [line.text for line in model.buffer.scrollback.lines if line.kind != "day"]


def on_screen(model: Model) -> str:
    return "\n".join(map(plain, screen(model, 0.0).body))


def test_a_banned_name_is_noted_for_tab() -> None:
    model = make("lobby")
    take(
        model,
        Bans([Ban("root", "eve"), Ban("root", address="192.0.2.1")], more=True),
        Bans([Ban("root", "eve")], False),
    )
    assert model.banned == ["eve", "192.0.2.1"]
    take(model, Moderated("unban", "root", name="eve"), Moderated("ban", "root", name="dan"))
    assert model.banned == ["192.0.2.1"]


def test_a_redacted_message_disappears_from_the_screen() -> None:
    model = make("lobby")
    take(model, Message("lobby", "bob", "my password is hunter2", NOON), Message("lobby", "bob", "oh", NOON + 1))
    assert "hunter2" in on_screen(model)
    before = model.buffer.scrollback.loaded.characters
    take(model, Redacted("lobby", NOON, "root", "a secret"))
    assert "hunter2" not in on_screen(model)
    assert texts(model)[:2] == [REMOVED, "oh"]
    assert "root removed the message of" in texts(model)[2]
    removed = len("my password is hunter2") - len(REMOVED)
    assert model.buffer.scrollback.loaded.characters == before - removed + len(texts(model)[2])


def test_a_redacted_message_of_another_room_disappears_there() -> None:
    model = make("lobby", "ops")
    take(model, Message("ops", "bob", "hunter2", NOON), Message("lobby", "bob", "hi", NOON))
    take(model, Redacted("ops", NOON, "root"))
    assert texts(model) == ["hi"]
    assert model.buffers[1].scrollback.lines[-2].text == REMOVED


def test_a_message_that_was_redacted_before_has_no_text() -> None:
    model = make("lobby")
    take(model, Message("lobby", "bob", "", NOON))
    assert texts(model) == [REMOVED]


def test_an_invitation_is_shown_and_never_written_down() -> None:
    model = make("lobby")
    effects = take(model, Invitation("pylingo://chat:7/lobby?invite=s3cret", 1, NOON, 5))
    assert "s3cret" in on_screen(model)
    assert not [effect for effect in effects if isinstance(effect, Shown)]


def test_a_password_is_shown_and_never_written_down() -> None:
    model = make("lobby")
    effects = take(model, IrcPassword("ada", "s3cret"))
    assert "s3cret" in on_screen(model)
    assert not [effect for effect in effects if isinstance(effect, Shown)]


def test_a_kick_closes_our_room() -> None:
    model = make("lobby", "ops")
    kick = Left("lobby", "Ada", "kicked", by="root", text="spam")
    assert is_our_kick(model, kick)
    take(model, kick)
    assert [buffer.room for buffer in model.buffers] == ["ops"]
    assert texts(model)[-1] == "* you were kicked out of lobby by root: spam"
    assert not is_our_kick(model, Left("lobby", "bob", "kicked", by="root"))
    assert not is_our_kick(model, Left("lobby", "ada", "lost"))


def test_verified_names_are_marked() -> None:
    model = make("lobby")
    model.marks.note(Joined("lobby", "bob", fingerprint=KEY, operator=True), "ada")
    take(model, Users("lobby", ["ada", "bob"], False, 7))
    assert texts(model) == [f"* in lobby:\nada\n@bob  {KEY}"]


def test_the_status_row_shows_the_lock_and_the_rank() -> None:
    model = make("lobby")
    assert plain(status_line(model, 0.0)).startswith(" lobby · online · 0 here · ada")
    model.is_encrypted = True
    assert plain(status_line(model, 0.0)).startswith(" lobby · TLS online · 0 here · ada")
    assert "@ada" not in plain(status_line(model, 0.0))
    take(model, Ready("ada", "lobby", "0" * 32, True, rooms=["lobby"], identity=KEY, operator=True))
    assert "@ada" in plain(status_line(model, 0.0))


def test_conversations_of_a_key_outlive_the_session() -> None:
    model = make("lobby")
    take(model, Ready("ada", "lobby", "0" * 32, False, rooms=["lobby"], identity=KEY))
    assert texts(model) == []


def test_a_change_of_a_key_and_a_remark_are_shown() -> None:
    model = make("lobby")
    update(model, KeyChanged("bob", "SHA256:a", "SHA256:b"), 0.0, NOON)
    update(model, Remark("the invitation was not sent"), 0.0, NOON)
    assert "THE KEY OF bob HAS CHANGED" in texts(model)[0]
    assert texts(model)[1] == "! the invitation was not sent"


def test_the_operators_of_a_room_are_known() -> None:
    model = make("tea")
    buffer = model.buffer
    take(model, Joined("tea", "ada", 3, room_operator=True), Users("tea", ["ada", "bob", "eve"], False, 1, ["ada"]))
    assert buffer.operators == {"ada"}
    take(model, RoomOp("tea", "Bob", "ada", True), Joined("tea", "cy", room_operator=True))
    assert buffer.operators == {"ada", "bob", "cy"}
    take(model, Renamed("bob", "rob", "tea"), Left("tea", "cy", "leave"))
    assert buffer.operators == {"ada", "rob"}
    take(model, Joined("tea", "cy"), RoomOp("tea", "ada", "rob", False))
    assert buffer.operators == {"rob"}
    take(model, Users("tea", ["ada", "rob"], False, 2))
    assert buffer.operators == set(), "a list says it anew"
    take(model, RoomOp("tea", "rob", "ada", True), Left("tea", "ada"))
    assert buffer.operators == set()
