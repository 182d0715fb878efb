"""Another dialect than frames: what a voice makes of them, at which place, and what it hears once."""

from collections.abc import Hashable
from typing import Any

import pytest

from pylingo.reactor.chat.dialect import Changes, record_of, records_of
from pylingo.reactor.chat.session import Session
from pylingo.shared.codec import encode
from pylingo.shared.messages import Command, Joined, Left, Message, Notice, Private, Renamed, Say, Topic, Welcome
from pylingo.shared.schema import Record
from tests.fakes.chat import Chat, Outlet


class Plain:
    """A dialect of one line for each record, which counts its work."""

    def __init__(self) -> None:
        self.encoded = 0

    def encode(self, record: Record) -> bytes:
        self.encoded += 1
        return said(record)


def said(record: Record) -> bytes:
    match record:
        case Message(from_=name, text=text):
            return f"{name}: {text}\n".encode()
        case Joined(room=room, name=name):
            return f"{name} joins {room}\n".encode()
        case Left(room=room, name=name, reason=reason):
            return f"{name} leaves {room} ({reason})\n".encode()
        case Renamed(old=old, new=new):
            return f"{old} is {new}\n".encode()
        case Private(from_=name, text=text):
            return f"{name} to you: {text}\n".encode()
    return b""


class Speaker:
    """A session that speaks a dialect."""

    def __init__(self, chat: Chat, dialect: Plain) -> None:
        self.dialect = dialect
        self.heard: Hashable = None
        self.host = "127.0.0.1"
        self.certificate: bytes | None = None
        self.endings: list[str] = []
        self.out = Outlet()
        self.gaps: list[tuple[str, int, Changes]] = []
        self._read = 0
        self.session = Session(chat.hub, self, self.out, voice=self)

    # the voice

    def reply(self, record: Record) -> bytes:
        return b"" if isinstance(record, Welcome) else f"reply {type(record).__name__}\n".encode()

    def echo(self, frame: bytes) -> bytes:
        return b"me " + said(record_of(frame))

    def told(self, record: Record) -> bytes:
        return said(record)

    def caught_up(self, room: str, count: int, changes: Changes) -> bytes:
        self.gaps.append((room, count, changes))
        return f"{count} missed in {room}\n".encode()

    # the peer

    def ended(self, reason: str) -> None:
        self.endings.append(reason)

    def attach(self, session: Session) -> None: ...
    def said_hello(self) -> None: ...
    def go_on(self) -> None: ...

    # what a test does

    def got(self) -> list[str]:
        """The lines since the last call."""
        data = b"".join(bytes(data) for data in self.out.buffers[self._read :])
        self._read = len(self.out.buffers)
        return data.decode().splitlines()

    def enter(self, *rooms: str) -> None:
        for room in rooms:
            self.session.hub.bus.enter(self.session, room, lambda room: None)

    def say(self, room: str, text: str) -> None:
        place = self.session.hub.rooms[room]
        self.session.hub.bus.speak(self.session, place, Say(text), text, None)


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def dialect() -> Plain:
    return Plain()


def named(chat: Chat, name: str, *rooms: str) -> Any:
    person = chat.person(name)
    person.ask(*[Command("open", room) for room in rooms])
    chat.tick()
    person.got()
    return person


def speaker(chat: Chat, dialect: Plain, *rooms: str) -> Speaker:
    made = Speaker(chat, dialect)
    made.enter(*rooms)
    chat.tick()
    made.got()
    return made


def test_members_of_one_dialect_get_one_and_the_same_buffer(chat: Chat, dialect: Plain):
    ada = named(chat, "ada", "tea")
    one, two = speaker(chat, dialect, "tea"), speaker(chat, dialect, "tea")
    chat.tick()
    one.got(), two.got()
    dialect.encoded = 0
    ada.ask(Say("hello"), Say("again"))
    chat.tick()
    assert one.out.buffers[-1] is two.out.buffers[-1]
    assert one.got() == two.got() == ["ada: hello", "ada: again"]
    assert dialect.encoded == 2


def test_a_room_without_them_translates_nothing(chat: Chat, dialect: Plain):
    ada, bob = named(chat, "ada", "tea"), named(chat, "bob", "tea")
    speaker(chat, dialect, "lobby")
    dialect.encoded = 0
    ada.ask(Say("hello"))
    chat.tick()
    assert [record.text for record in bob.got() if isinstance(record, Message)] == ["hello"]
    assert dialect.encoded == 0


def test_an_echo_stands_among_the_messages_of_the_others(chat: Chat, dialect: Plain):
    ada = named(chat, "ada", "tea")
    me = speaker(chat, dialect, "tea")
    ada.ask(Say("one"))
    me.say("tea", "two")
    ada.ask(Say("three"))
    chat.tick()
    assert me.got() == ["ada: one", f"me {me.session.person.name}: two", "ada: three"]


def test_an_echo_comes_where_nobody_else_is(chat: Chat, dialect: Plain):
    me = speaker(chat, dialect, "tea")
    me.say("tea", "hello")
    chat.tick()
    assert me.got() == [f"me {me.session.person.name}: hello"]


def test_a_reply_is_made_by_the_voice_and_keeps_its_place(chat: Chat, dialect: Plain):
    ada = named(chat, "ada", "tea")
    me = speaker(chat, dialect, "tea")
    ada.ask(Say("one"))
    me.session.reply(Notice("a reply"))
    me.session.outbox.write_lines(b"made already\n")
    ada.ask(Say("two"))
    chat.tick()
    assert me.got() == ["ada: one", "reply Notice", "made already", "ada: two"]


def test_somebody_in_several_rooms_is_told_of_once(chat: Chat, dialect: Plain):
    ada = named(chat, "ada", "tea", "lobby", "garden")
    bob = named(chat, "bob", "tea", "lobby")
    ada.got()
    both, one = speaker(chat, dialect, "tea", "lobby"), speaker(chat, dialect, "garden")
    bob.got()
    ada.ask(Say("bye", room="tea"), Command("name", "lovelace"), Say("really", room="lobby"))
    chat.tick()
    assert both.got() == ["ada: bye", "ada is lovelace", "lovelace: really"]
    assert one.got() == ["ada is lovelace"]
    assert {record.room for record in bob.got() if isinstance(record, Renamed)} == {"lobby", "tea"}
    ada.lose()
    chat.tick()
    assert [line.partition("(")[2] for line in both.got()] == ["lost)"]
    assert one.got() == ["lovelace leaves garden (lost)"]
    assert len([record for record in bob.got() if isinstance(record, Left)]) == 2


def test_the_same_change_of_a_name_is_told_each_time(chat: Chat, dialect: Plain):
    ada = named(chat, "ada", "tea", "lobby")
    me = speaker(chat, dialect, "tea", "lobby")
    for name in ("lovelace", "ada", "lovelace"):
        ada.ask(Command("name", name))
    chat.tick()
    assert me.got() == ["ada is lovelace", "lovelace is ada", "ada is lovelace"]


def test_a_slow_reader_is_told_who_has_come_and_gone(dialect: Plain):
    chat = Chat(soft=100)
    ada = named(chat, "ada", "tea")
    me = speaker(chat, dialect, "tea")
    me.out.stuck = True
    ada.ask(Say("x" * 200))
    chat.tick()
    bob = named(chat, "bob", "tea")
    ada.ask(Say("one"), Say("two"), Command("leave"))
    chat.tick()
    cid = named(chat, "cid", "tea")
    cid.lose()
    bob.ask(Command("name", "robert"))
    chat.tick()
    me.got()
    me.out.take_all()
    me.session.drained()
    chat.tick()
    assert me.got() == ["2 missed in tea"]
    [(_, _, changes)] = me.gaps
    assert (changes.came, changes.went) == ({"robert": "robert"}, {"ada": "ada"})


def test_a_slow_reader_who_speaks_is_told_who_has_gone_before(dialect: Plain):
    chat = Chat(soft=100)
    ada = named(chat, "ada", "tea")
    me = speaker(chat, dialect, "tea")
    me.out.stuck = True
    ada.ask(Say("x" * 200))
    chat.tick()
    ada.ask(Say("one"), Command("leave"))
    me.say("tea", "and I")
    chat.tick()
    me.out.take_all()
    me.session.drained()
    [(_, count, changes)] = me.gaps
    assert (count, changes.came, changes.went) == (1, {}, {"ada": "ada"})


def test_the_end_is_said_by_the_voice_and_the_seat_is_not_kept(dialect: Plain):
    chat = Chat(grace=60.0)
    me = speaker(chat, dialect, "tea")
    me.session.end("idle", "nothing came")
    chat.tick()
    assert me.got() == ["reply Goodbye"]
    assert me.endings == ["idle"]
    assert "tea" not in chat.hub.rooms


def test_changes_that_cancel_each_other_are_none():
    changes = Changes()
    for record in (Joined("tea", "Ada"), Left("tea", "ada"), Left("tea", "bob"), Joined("tea", "Bob")):
        changes.note(record)
    assert (changes.came, changes.went, changes.has_new_topic) == ({}, {}, False)
    changes.note(Topic("tea", "scones", "bob", 1))
    assert changes.has_new_topic


def test_records_come_out_of_frames():
    frame = encode(Notice("hi"))
    assert record_of(frame) == Notice("hi")
    assert records_of(frame * 2) == [Notice("hi")] * 2
    assert records_of(b"") == []
