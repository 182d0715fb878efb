"""Operators of rooms on real servers, alone and in a cluster, and what people read of it in the client."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pylingo.shared.messages import Command, Error, Joined, Left, Message, Moderated, RoomOp, Say, Sent, Topic, Users
from tests.console import Console
from tests.support import EVERYWHERE, Peer, ServerProcess, everywhere, in_turn, one_server

pytestmark = [pytest.mark.usefixtures("wire"), everywhere]

type Open = Callable[[str], Console]


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0") as server:
        yield server


def entered(peer: Peer, room: str = "tea") -> Joined:
    peer.send(Command("join", room))
    joined = peer.expect(Joined)
    peer.settle()
    return joined


def test_a_room_and_its_operator(server: ServerProcess) -> None:
    with server.peers(3) as (ann, bob, eve):
        assert [entered(peer).room_operator for peer in (ann, bob, eve)] == [True, None, None]
        for peer in (ann, bob):
            peer.fence()
        bob.send(Command("kick", eve.name, 1))
        assert bob.expect(Error, re=1).code == "not-allowed"
        ann.send(Command("roomop", bob.name, 2))
        told = RoomOp("tea", bob.name, ann.name, True)
        assert ann.fence() == [RoomOp("tea", bob.name, ann.name, True, 2)]
        assert bob.fence() == eve.fence() == [told]
        eve.send(Command("users", id=3))
        assert eve.expect(Users).operators == sorted([ann.name, bob.name])
        bob.send(Command("topiclock", "on", 4), Command("mute", eve.name, 5))
        assert [type(record) for record in bob.fence()] == [Moderated, Moderated]
        assert [record.action for record in eve.fence() if isinstance(record, Moderated)] == ["topiclock", "mute"]
        eve.send(Say("hi", id=6), Command("topic", "x", 7))
        assert [record.code for record in eve.fence() if isinstance(record, Error)] == ["muted", "muted"]
        bob.send(Command("unmute", eve.name))
        bob.fence()
        eve.send(Say("hi", id=8), Command("topic", "x", 9))
        unmuted, *rest = eve.fence()
        assert isinstance(unmuted, Moderated)
        assert unmuted.action == "unmute"
        assert {record.re: type(record) for record in rest if isinstance(record, Sent | Error)} == {8: Sent, 9: Error}
        for peer in (ann, bob):
            peer.fence()
        bob.send(Command("kick", f"{eve.name} enough"))
        bob.fence()
        assert [(record.by, record.text) for record in ann.fence() if isinstance(record, Left)] == [
            (bob.name, "enough")
        ]
        assert [record.by for record in eve.fence() if isinstance(record, Left)] == [bob.name]
        assert entered(eve).topic_locked is True


def test_a_room_is_kept_with_its_log(server: ServerProcess) -> None:
    with server.peers(2) as (ann, bob):
        for peer in (ann, bob):
            entered(peer, "spoken")
        ann.fence()
        ann.send(Say("hi", id=1))
        ann.expect(Sent)
        assert [type(record) for record in bob.fence()] == [Message]
        for peer in (ann, bob):
            peer.send(Command("leave"))
            peer.fence()
        assert entered(bob, "spoken").room_operator is None
        assert entered(ann, "spoken").room_operator is True
        assert [record.room_operator for record in bob.fence() if isinstance(record, Joined)] == [True]


def test_a_room_without_a_log_belongs_to_the_next_one(server: ServerProcess) -> None:
    with server.peers(2) as (ann, bob):
        assert entered(ann, "silent").room_operator is True
        ann.send(Command("topiclock", "on"), Command("topic", "mine"), Command("leave"))
        ann.fence()
        joined = entered(bob, "silent")
        assert (joined.room_operator, joined.topic_locked) == (True, None)
        bob.expect(Topic)
        assert entered(ann, "silent").room_operator is None


@one_server("in a cluster the log is in Redis")
def test_operators_with_a_key_outlive_the_server(tmp_path: Path) -> None:
    from tests.fakes.keys import UNENCRYPTED

    key = tmp_path / "id_ed25519"
    key.touch(0o600)
    key.write_bytes(UNENCRYPTED)
    options = ("--rate", "0", "--history", str(tmp_path / "chat.db"))
    for is_first in (True, False):
        with ServerProcess(*options) as server, Peer(server.port) as bob, ExitStack() as stack:
            if not is_first:
                assert entered(bob).room_operator is None, "the room has a log, which is in the file"
            given = (server.address, "--name", "ada", "--room", "tea", "--identity", str(key))
            ada = stack.enter_context(Console(*given))
            ada.wait("in tea as ada")
            if is_first:
                entered(bob)
            bob.fence()
            bob.send(Say("hi", id=1), Command("users", id=2))
            assert [record.operators for record in bob.fence() if isinstance(record, Users)] == [["ada"]]
            server.stop()


@in_turn("layout", ["top", "plain"], EVERYWHERE)
def test_what_people_read(server: ServerProcess, layout: str) -> None:
    with ExitStack() as stack:

        def open_(name: str) -> Console:
            given = (server.address, "--name", name, "--room", "tea", "--layout", layout)
            console = stack.enter_context(Console(*given))
            console.wait(f"in tea as {name}")
            return console

        ann, bob = open_("ann"), open_("bob")
        ann.wait("bob joined")
        bob.press("/users\r")
        bob.wait("@ann")
        ann.press("/roomop bob\r")
        for console in (ann, bob):
            console.wait("ann made bob an operator of tea")
        bob.press("/topiclock on\r")
        for console in (ann, bob):
            console.wait("bob lets only operators set the topic of tea")
        ann.press("/users\r")
        ann.wait("@bob")
