"""Rooms full of people: one order for all, nobody misses a thing between their own join and leave, nobody hears more.

The heart is `views`: from what silent witnesses saw in each room it works out what everybody else must have seen,
their own answers included, frame by frame.
"""

import contextlib
import dataclasses
import itertools
import random
import resource
import socket
from collections.abc import Iterator, Sequence

import pytest

from pylingo.shared.messages import Command, Joined, Left, Message, Renamed, Say, Sent, Welcome
from pylingo.shared.schema import Record
from tests.support import EVERYWHERE, Peer, ServerProcess, everywhere, in_turn, plain_only

Deed = Say | Command
_numbers = itertools.count(1)
pytestmark = everywhere


@pytest.fixture(scope="module")
def server(is_encrypted: bool) -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0", tls=is_encrypted) as server:
        yield server


@pytest.fixture
def room() -> str:
    """A room that no other test of this module uses."""
    return f"room{next(_numbers)}"


# --- working out what somebody must have seen


class Log:
    """The records that a silent witness, who was there first, received in one room."""

    def __init__(self, room: str, records: Sequence[Record]) -> None:
        self.room = room
        self.records = list(records)

    def users(self, upto: int) -> int:
        """How many were in the room after the first `upto` records, the witness included."""
        came = sum(isinstance(record, Joined) for record in self.records[:upto])
        return 1 + came - sum(isinstance(record, Left) for record in self.records[:upto])


def view(name: str, deeds: Sequence[Deed], logs: dict[str, Log]) -> list[Record]:
    """The records that a member called `name` receives, whose requests are `deeds`, each with its index as id.

    Walks through the rooms' logs: up to one's own next deed there is what the others did, then comes one's own answer.
    """
    seen: list[Record] = []
    places = dict.fromkeys(logs, 0)  # how far each room's log has been walked through
    room: str | None = None

    def walk(room: str | None, deed: Record, inside: bool = True) -> Record:
        """Go on in the room's log to behind `deed`; who is inside sees what comes before it."""
        assert room is not None
        records, start = logs[room].records, places[room]
        for index in range(start, len(records)):
            if _without_time(records[index]) == deed:
                places[room] = index + 1
                if inside:
                    seen.extend(records[start:index])
                return records[index]
        raise AssertionError(f"the witness in {room} did not see {deed}")

    for number, deed in enumerate(deeds):
        match deed:
            case Say(text=text):
                said = walk(room, Message(str(room), name, text, 0))
                assert isinstance(said, Message)
                seen.append(Sent(said.room, said.at, re=number))
            case Command("name", str(new)):
                walk(room, Renamed(name, new, room))
                seen.append(Renamed(name, new, re=number))
                name = new
            case Command("leave"):
                walk(room, Left(str(room), name, "leave"))
                seen.append(Left(str(room), name, re=number))
                room = None
            case Command("join", str(target)):
                if room is not None:
                    walk(room, Left(room, name, "moved"))
                room = target
                walk(room, Joined(room, name), inside=False)
                seen.append(Joined(room, name, logs[room].users(places[room]), re=number))
            case _:
                raise AssertionError(f"what does {deed} do?")
    if room is not None:
        seen += logs[room].records[places[room] :]
    return seen


def _without_time(record: Record) -> Record:
    return dataclasses.replace(record, at=0) if isinstance(record, Message) else record


def random_deeds(source: random.Random, name: str, rooms: Sequence[str], count: int) -> list[Deed]:
    """Things to do for somebody who is in no room; all of them can be done."""
    deeds: list[Deed] = []
    inside: str | None = None
    for number in range(count):
        kind = source.choice(["say", "say", "say", "join", "leave", "name"]) if inside else "join"
        if kind == "say":
            deeds.append(Say(f"{name} {number} " + "x" * source.choice([0, 10, 2_000])))
        elif kind == "name":
            deeds.append(Command("name", f"n{name}-{number}"))
        elif kind == "leave":
            deeds.append(Command("leave"))
            inside = None
        else:
            inside = source.choice([room for room in rooms if room != inside])
            deeds.append(Command("join", inside))
    return deeds


def numbered(deeds: Sequence[Deed]) -> list[Record]:
    """The deeds with their indexes as ids."""
    return [
        Say(deed.text, id=number) if isinstance(deed, Say) else Command(deed.name, deed.argument, id=number)
        for number, deed in enumerate(deeds)
    ]


@contextlib.contextmanager
def witnesses(server: ServerProcess, rooms: Sequence[str]) -> Iterator[dict[str, Peer]]:
    with server.peers(len(rooms)) as peers:
        for peer, room in zip(peers, rooms, strict=True):
            peer.join(room)
        yield dict(zip(rooms, peers, strict=True))


def check_views(witness: dict[str, Peer], peers: Sequence[Peer], deeds: Sequence[Sequence[Deed]]) -> None:
    """Everybody saw what follows from what the witnesses saw. All deeds have been sent."""
    seen = [until_answer(peer, len(done) - 1) for peer, done in zip(peers, deeds, strict=True)]
    for records, peer in zip(seen, peers, strict=True):  # by now all deeds are done
        records += peer.fence()
    logs = {room: Log(room, peer.fence()) for room, peer in witness.items()}
    for records, peer, done in zip(seen, peers, deeds, strict=True):
        assert records == view(peer.name, done, logs)


def until_answer(peer: Peer, number: int) -> list[Record]:
    """The records up to the reply to the request with that id."""
    records: list[Record] = []
    while not records or getattr(records[-1], "re", None) != number:
        record = peer.recv()
        assert record is not None, f"the stream ended after {records}"
        records.append(record)
    return records


# --- the tests


def test_two_who_talk(server: ServerProcess, room: str) -> None:
    with server.peers(2, room=room) as (alice, bob):
        for number in range(50):
            alice.send(Say(f"ping {number}"))
            bob.expect(Message, room=room, from_=alice.name, text=f"ping {number}")
            bob.send(Say(f"pong {number}"))
            alice.expect(Message, room=room, from_=bob.name, text=f"pong {number}")
        # Neither got a copy of what they said themselves.
        assert alice.fence() == bob.fence() == []


@in_turn("seed, at_once", [(seed, at_once) for at_once in (False, True) for seed in range(3)], EVERYWHERE)
def test_fifty_who_talk_come_and_go(server: ServerProcess, room: str, seed: int, at_once: bool) -> None:
    """With `at_once` the server wakes to find all of it: joins, talk and leaves of one person in one tick."""
    source = random.Random(seed)
    rooms = [f"{room}-{number}" for number in range(5)]
    with witnesses(server, rooms) as witness, server.peers(50) as peers:
        deeds = [random_deeds(source, peer.name, rooms, 12) for peer in peers]
        if at_once:
            with server.stopped():
                for peer, done in zip(peers, deeds, strict=True):
                    peer.send(*numbered(done))
        else:
            # Any mixture that keeps each person's own order.
            pending = [(peer, iter(numbered(done))) for peer, done in zip(peers, deeds, strict=True) for _ in done]
            turns = [pending[index] for index in range(0, len(pending), len(deeds[0]))] * len(deeds[0])
            source.shuffle(turns)
            for peer, records in turns:
                peer.send(next(records))
        check_views(witness, peers, deeds)


SHORT_STAYS: dict[str, list[Deed]] = {
    "joins": [Command("join", "{a}")],
    "joins and leaves": [Command("join", "{a}"), Command("leave")],
    "speaks in between": [Command("join", "{a}"), Say("1"), Command("leave")],
    "comes back": [Command("join", "{a}"), Say("1"), Command("leave"), Command("join", "{a}"), Say("2")],
    "moves": [Command("join", "{a}"), Say("1"), Command("join", "{b}"), Say("2")],
    "moves and moves back": [
        *(Command("join", "{a}"), Say("1"), Command("join", "{b}"), Say("2")),
        *(Command("join", "{a}"), Say("3"), Command("leave")),
    ],
    "is renamed": [Command("join", "{a}"), Say("1"), Command("name", "{new}"), Say("2"), Command("leave")],
    "leaves three times": [Command("join", "{a}"), Command("leave")] * 3,
}


@pytest.mark.parametrize("case", SHORT_STAYS)
@pytest.mark.parametrize("crowd", [1, 10])
def test_a_stay_within_one_tick(server: ServerProcess, room: str, case: str, crowd: int) -> None:
    """While others speak, all of somebody's stay is in one piece; the first and the last speak before and after it."""
    words = {"{a}": f"{room}-a", "{b}": f"{room}-b"}

    def filled(deed: Deed, name: str) -> Deed:
        if isinstance(deed, Say) or deed.argument is None:
            return deed
        return Command(deed.name, words.get(deed.argument, f"renamed-{name}"))

    with (
        witnesses(server, list(words.values())) as witness,
        server.peers(crowd) as visitors,
        server.peers(4) as speakers,
    ):
        deeds: list[list[Deed]] = []
        talk: list[list[Deed]] = []
        for index, speaker in enumerate(speakers):
            home = list(words.values())[index % 2]
            talk.append([Command("join", home), *(Say(f"{index} {number}") for number in range(20))])
            speaker.send(*numbered(talk[-1][:1]))
        for visitor in visitors:
            deeds.append([filled(deed, visitor.name) for deed in SHORT_STAYS[case]])
        with server.stopped():
            for speaker, said in zip(speakers[:2], talk[:2], strict=True):
                speaker.send(*numbered(said)[1:])
            for visitor, done in zip(visitors, deeds, strict=True):
                visitor.send(*numbered(done))
            for speaker, said in zip(speakers[2:], talk[2:], strict=True):
                speaker.send(*numbered(said)[1:])
        check_views(witness, [*visitors, *speakers], [*deeds, *talk])


def test_all_rooms_are_silent_to_who_is_outside(server: ServerProcess, room: str) -> None:
    with server.peers(2, room=room) as (speaker, leaver), Peer(server.port) as outsider:
        leaver.send(Command("leave"))
        leaver.expect(Left)
        speaker.send(*(Say(str(number)) for number in range(100)))
        assert len(speaker.fence()) == 1
        assert leaver.fence() == outsider.fence() == []


def test_moved_left_and_renamed_are_told_in_their_rooms_alone(server: ServerProcess, room: str) -> None:
    here, there = f"{room}-here", f"{room}-there"
    with server.peers(1, room=here) as (one,), server.peers(1, room=there) as (two,), server.peers(1) as (traveller,):
        name, new = traveller.name, f"new-{room}"
        traveller.join(here)
        traveller.send(Command("name", new), Command("join", there), Command("leave"), Command("join", here))
        traveller.send(Command("close"))
        assert [type(record) for record in traveller.rest()][:4] == [Renamed, Joined, Left, Joined]
        assert one.fence() == [
            Joined(here, name),
            Renamed(name, new, here),
            Left(here, new, "moved"),
            Joined(here, new),
            Left(here, new, "close"),
        ]
        assert two.fence() == [Joined(there, new), Left(there, new, "leave")]


def test_answers_stand_between_the_rooms_frames(server: ServerProcess, room: str) -> None:
    """Two speak at once, with ids: the place of each `sent` is the place of the message in the others' order."""
    with server.peers(3, room=room) as (left, right, witness):
        with server.stopped():
            for peer in (left, right):
                peer.send(*(Say(str(number), id=number) for number in range(100)))
        order = [(record.from_, record.at) for record in witness_messages(witness, 200)]
        for peer in (left, right):
            seen = until_answer(peer, 99)
            seen += peer.fence()
            stamps = [record.at for record in seen if isinstance(record, Message | Sent)]
            assert stamps == [at for _, at in order]
            assert [record.at for record in seen if isinstance(record, Sent)] == [
                at for name, at in order if name == peer.name
            ]


def until_all(peer: Peer, *kinds: type[Record]) -> list[Record]:
    """The records until one of each kind has arrived, in any order."""
    records: list[Record] = []
    while not all(any(isinstance(record, kind) for record in records) for kind in kinds):
        record = peer.recv()
        assert record is not None, f"the stream ended after {records}"
        records.append(record)
    return records


def witness_messages(peer: Peer, count: int) -> list[Message]:
    return [peer.expect(Message) for _ in range(count)]


@plain_only("no handshake can be made with a server that does not run")
@pytest.mark.parametrize("end", ["close", "fin", "rst"])
def test_somebody_ends_and_somebody_comes_at_once(server: ServerProcess, room: str, end: str) -> None:
    """The descriptor of the one may go to the other; what is meant for the one must not."""
    with server.peers(2, room=room) as (speaker, witness):
        for _ in range(10):
            with Peer(server.port) as old, contextlib.ExitStack() as later:
                old.join(room)
                with server.stopped():
                    speaker.send(Say("before"))
                    if end == "close":
                        old.send(Command("close"))
                        old.sock.shutdown(socket.SHUT_WR)
                    elif end == "fin":
                        old.close()
                    else:
                        old.reset()
                    new = later.enter_context(Peer(server.port, greet=False))
                    new.send(Command("join", f"{room}-other", id=1))
                    speaker.send(Say("after", id=2))
                name = new.expect(Welcome).name
                new.expect(Joined, room=f"{room}-other", name=name, users=1, re=1)
                witness_of_end = until_all(speaker, Sent, Left)
                assert {record.reason for record in witness_of_end if isinstance(record, Left)} == {
                    "close" if end == "close" else "lost"
                }
                assert new.fence() == []
                seen = witness.fence()
                assert [record.text for record in seen if isinstance(record, Message)] == ["before", "after"]
                assert [record.name for record in seen if isinstance(record, Left)] == [old.name]


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Room for a thousand sockets in this process too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2_000:
        pytest.skip(f"a process may open {hard} descriptors only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2_000) if soft >= 0 else soft, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@plain_only("a thousand handshakes take long")
@pytest.mark.usefixtures("many_descriptors")
def test_a_thousand_clients_in_ten_rooms(server: ServerProcess, room: str) -> None:
    rooms = [f"{room}-{number}" for number in range(10)]
    with server.peers(1_000) as peers:
        homes = {name: peers[index::10] for index, name in enumerate(rooms)}
        for name, members in homes.items():
            for peer in members:
                peer.send(Command("join", name))
        for peer in peers:
            peer.until(Joined, name=peer.name)
        for peer in peers:
            peer.fence()
        for peer in peers:
            peer.send(Say(f"I am {peer.name}", id=1))
        seen = {id(peer): until_answer(peer, 1) for peer in peers}
        for peer in peers:  # by now all have spoken
            seen[id(peer)] += peer.fence()
        for name, members in homes.items():
            records = [record for peer in members for record in seen[id(peer)] if isinstance(record, Message)]
            order = sorted(set(records), key=lambda message: message.at)
            assert sorted(record.from_ for record in order) == sorted(peer.name for peer in members)
            assert {record.room for record in order} == {name}
            for peer in members:
                expected = [Sent(name, said.at, re=1) if said.from_ == peer.name else said for said in order]
                assert seen[id(peer)] == expected
