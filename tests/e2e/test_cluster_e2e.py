"""Two servers of a cluster, as their people see them: races, moderation, private words, resuming, stops and kills."""

# Runs once: what TLS changes is tested with one server.

import contextlib
import itertools
import signal
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from pylingo.reactor.bus.redis.hearts import read_state
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.shared.messages import (
    Command,
    Entry,
    Error,
    Goodbye,
    Hello,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Message,
    Moderated,
    Notice,
    People,
    PersonDetails,
    PingRequest,
    Pong,
    Private,
    Ready,
    Renamed,
    RoomInfo,
    Rooms,
    Say,
    Sent,
    Topic,
    Users,
    Welcome,
)
from pylingo.shared.schema import Record
from tests.fakes.cluster_fence import ClusterFence
from tests.fakes.history_server import kill
from tests.fakes.identity import key
from tests.redis_server import RedisProcess
from tests.support import DEADLINE, Peer, ServerProcess, wait_until

_numbers = itertools.count(1)


class Pair:
    """Two servers of a cluster of their own."""

    def __init__(self, stack: contextlib.ExitStack, redis: RedisProcess, *options: str) -> None:
        name = f"pair-{next(_numbers)}"
        self._stack, self._redis, self._keys = stack, redis, Keys(name)
        self._options = ("--rate", "0", "--cluster", redis.url, "--cluster-name", name, *options)
        self.one, self.two = self.start(), self.start()
        self.tokens: dict[Peer, str] = {}
        self._fence = ClusterFence(redis.url, name, DEADLINE)
        stack.callback(self._fence.close)

    def start(self) -> ServerProcess:
        return self._stack.enter_context(ServerProcess(*self._options, tls=False))

    def fence(self, *peers: Peer) -> list[list[Record]]:
        """What has come to each of these, once both servers have done everything and know it of each other."""
        self._fence()
        return [peer.fence() for peer in peers]

    def wait_for_beats(self) -> None:
        """Wait until each server has heard the heart of the other."""

        def beats() -> dict[bytes, int]:
            flat = self._redis.call("HGETALL", self._keys.key(0, "servers"))
            return {server: read_state(state).beat for server, state in zip(flat[::2], flat[1::2], strict=True)}

        before = beats()
        assert len(before) == 2
        wait_until(lambda: all(beats()[server] > beat + 1 for server, beat in before.items()), "two beats")

    @contextlib.contextmanager
    def people(self, *names: str, room: str | None = None) -> Iterator[list[Peer]]:
        """Guests with these names, at the one server and at the other in turn. Their seats are free afterwards."""
        self._fence()
        with contextlib.ExitStack() as stack:
            servers = itertools.cycle((self.one, self.two))
            peers = [stack.enter_context(Peer(next(servers).port)) for _ in names]
            for peer, name in zip(peers, names, strict=True):
                self.tokens[peer] = peer.hello(name).token
                assert peer.name == name
                if room is not None:
                    peer.join(room)
            self.fence(*peers)
            yield peers
            for peer in peers:
                with contextlib.suppress(OSError):  # those of a server that has ended
                    peer.send(Command("close"))
                    peer.rest()


@pytest.fixture(scope="module")
def pair(shared_redis: RedisProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two servers, at which ada is an operator. What a test does there must not disturb another test."""
    members = tmp_path_factory.mktemp("members") / "members"
    members.write_text(f'operator,name="ada" {key("a").text}\n')
    members.chmod(0o600)
    with contextlib.ExitStack() as stack:
        yield Pair(stack, shared_redis, "--members", str(members), "--open")


@pytest.fixture
def start_pair(shared_redis: RedisProcess) -> Iterator[Any]:
    """Starts two servers, which the test may stop or kill."""
    with contextlib.ExitStack() as stack:
        yield lambda *options: Pair(stack, shared_redis, *options)


@pytest.fixture
def room() -> str:
    """A room that no other test uses."""
    return f"room{next(_numbers)}"


def member(server: ServerProcess, word: str, name: str) -> Peer:
    """Somebody who comes with a key."""
    peer = Peer(server.port, greet=False)
    challenge = peer.expect(Welcome).challenge
    assert challenge is not None
    peer.send(key(word).hello(challenge, name))
    peer.name = peer.until(Ready).name
    return peer


def resume(server: ServerProcess, token: str, *behind: Record) -> Peer:
    """Somebody who comes back with a token, and sends more in the same breath."""
    peer = Peer(server.port)
    peer.send(Hello(1, resume=token), *behind)
    return peer


def texts(records: Sequence[Record]) -> list[str]:
    return [record.text for record in records if isinstance(record, Message)]


# --- races


def test_a_race_for_fifty_names_has_one_winner_each(pair: Pair) -> None:
    with pair.people(*(f"racer{number}" for number in range(8))) as peers:
        for number in range(50):
            for peer in peers:
                peer.send(Command("name", f"prize{number}", id=number))
            answers = [peer.recv() for peer in peers]
            assert all(isinstance(answer, Renamed | Error) and answer.re == number for answer in answers), answers
            assert {answer.code for answer in answers if isinstance(answer, Error)} == {"name-taken"}
            assert sum(isinstance(answer, Renamed) for answer in answers) == 1


def test_two_spellings_of_a_new_room_at_once(pair: Pair, room: str) -> None:
    """One of the two wins, and everybody sees it, those who come later included."""
    with pair.people("Upper", "lower", "later") as (upper, lower, later):
        for number in range(20):
            spellings = [f"{room.upper()}-{number}", f"{room}-{number}"]
            for peer, spelling in zip((upper, lower), spellings, strict=True):
                peer.send(Command("join", spelling))
            names = {peer.until(Joined, name=peer.name).room for peer in (upper, lower)}
            names.add(later.join(spellings[number % 2].title()).room)
            assert len(names) == 1
            assert names <= set(spellings)
            later.send(Say(str(number), id=number))
            later.until(Sent, re=number)
            for peer in (upper, lower):
                assert {peer.until(Message, text=str(number)).room} == names


# --- history


def pages(peer: Peer, room: str, limit: int, backward: bool) -> list[Entry]:
    """All that a room's log has, read in pages in one direction; oldest first."""
    entries: list[Entry] = []
    more = True
    while more:
        if backward:
            request = HistoryRequest(before=entries[0].at if entries else None, limit=limit, room=room)
        else:
            request = HistoryRequest(since=entries[-1].at if entries else 0, limit=limit, room=room)
        peer.send(request)
        page = peer.until(HistoryPage)
        assert len(page.messages) <= limit
        entries = [*page.messages, *entries] if backward else [*entries, *page.messages]
        more = page.more
    return entries


def test_pages_that_straddle_batches(pair: Pair, room: str) -> None:
    """A batch has what was said at one server in one moment: pages begin and end in the middle of it."""
    with pair.people("Ann", "Bob", "witness", room=room) as (ann, bob, witness):
        for number in range(5):
            for peer in (ann, bob):
                peer.send(*(Say(f"{peer.name} {number} {index}", id=index) for index in range(10)))
            for peer in (ann, bob):
                peer.until(Sent, re=9)
        heard = [(record.at, record.text) for record in pair.fence(witness)[0] if isinstance(record, Message)]
        assert len(heard) == 100
        for peer in (ann, bob):
            for limit in (1, 7, 10, 64):
                for backward in (False, True):
                    found = [(entry.at, entry.text) for entry in pages(peer, room, limit, backward)]
                    assert found == heard


def test_a_key_said_again_over_another_server_while_the_commit_is_in_flight(
    redis: RedisProcess,
) -> None:
    """As a client does whose connection breaks before the answer: nothing is lost, nothing comes twice."""
    with contextlib.ExitStack() as stack:
        pair = Pair(stack, redis)
        with pair.people("alice", "bob", room="tea") as (alice, bob):
            token = pair.tokens[alice]
            alice.send(Say("first", "k-0", 0))
            alice.until(Sent, re=0)
            bob.until(Message, text="first")
            redis.pause()
            try:
                alice.send(Say("once", "k-1", 1), PingRequest(2))
                alice.expect(Pong, re=2)  # it is on its way
                again = stack.enter_context(resume(pair.two, token, Say("once", "k-1", 3)))
            finally:
                redis.resume()
            assert again.until(Ready).resumed
            sent = again.until(Sent, re=3)
            assert bob.until(Message).at == sent.at
            assert texts(pair.fence(bob)[0]) == []
            assert [entry.key for entry in pages(again, "tea", 10, True)] == ["k-0", "k-1"]


# --- people


def test_private_words_to_somebody_who_is_away_rise_in_the_inbox(pair: Pair, room: str) -> None:
    with pair.people("Ann", "Bob") as speakers:
        with contextlib.closing(member(pair.one, "c", "carol")) as carol:
            carol.send(Command("close"))
            carol.until(Goodbye)
        pair.fence()
        said = []
        for number in range(10):
            for peer in speakers:
                peer.send(Say(f"{number} of {peer.name}", to="carol", id=number))
            stamps = {peer.until(Sent, re=number).at: f"{number} of {peer.name}" for peer in speakers}
            assert len(stamps) == 2
            said += [stamps[at] for at in sorted(stamps)]
        for server in (pair.one, pair.two):
            with contextlib.closing(member(server, "c", "carol")) as carol:
                carol.send(HistoryRequest(inbox=True))
                page = carol.until(HistoryPage).messages
                assert [entry.text for entry in page] == said
                assert all(one.at < other.at for one, other in itertools.pairwise(page))


def test_private_words_between_servers_have_one_order(pair: Pair) -> None:
    with pair.people("Ann", "Bob", "Cid", "Dan") as (*speakers, dan):
        for number in range(20):
            for peer in speakers:
                peer.send(Say(f"{peer.name} {number}", to="Dan", id=number))
        stamps = {peer.until(Sent, re=number, to="Dan").at for number in range(20) for peer in speakers}
        heard = [dan.expect(Private).at for _ in range(60)]
        assert heard == sorted(stamps)


def test_lists_have_the_people_and_rooms_of_both(pair: Pair, room: str) -> None:
    with pair.people("Lea", "Max", "Mia", room=room) as (lea, max_, mia):
        for peer in (lea, max_, mia):
            pair.fence(peer)
            peer.send(Command("users"))
            assert peer.until(Users).users == ["Lea", "Max", "Mia"]
        mia.send(Command("away", "lunch", id=1))
        lea.until(type(mia.recv()), name="Mia")

        def listed(peer: Peer) -> bool:
            peer.send(Command("list"))
            return RoomInfo(room, 3) in peer.until(Rooms).rooms

        def known(peer: Peer) -> bool:
            peer.send(Command("who"))
            found = {info.name: info for info in peer.until(People).people}
            return {"Lea", "Max", "Mia"} <= found.keys() and (found["Mia"].rooms, found["Mia"].away) == (1, "lunch")

        for peer in (lea, max_):  # they are up to two seconds old as to the other server
            wait_until(lambda peer=peer: listed(peer), "the list")
            wait_until(lambda peer=peer: known(peer), "the list of people")
            for name in ("Lea", "Max", "Mia"):
                peer.send(Command("whois", name))
                details = peer.until(PersonDetails, name=name)
                assert (details.rooms, details.away) == ([room], "lunch" if name == "Mia" else None)


def test_a_topic_is_seen_on_both_and_by_those_who_come_later(pair: Pair, room: str) -> None:
    with pair.people("Ann", "Bob", room=room) as (ann, bob), pair.people("c1", "c2") as late:
        ann.send(Command("topic", "tea or coffee", id=1))
        topic = ann.until(Topic, re=1)
        assert bob.until(Topic) == Topic(topic.room, "tea or coffee", "Ann", topic.at)
        for peer in late:
            peer.join(room)
            assert peer.expect(Topic) == Topic(topic.room, "tea or coffee", "Ann", topic.at)


def test_a_new_name_is_seen_in_all_rooms(pair: Pair, room: str) -> None:
    rooms = [f"{room}-{number}" for number in range(3)]
    with pair.people("Ann", "Bob", "Cid") as (ann, bob, cid):
        for peer, name in [(ann, name) for name in rooms] + [(bob, rooms[0]), (bob, rooms[1]), (cid, rooms[2])]:
            peer.send(Command("open", name))
            peer.until(Joined, name=peer.name)
        pair.fence(bob, cid)
        ann.send(Command("name", "Annabel"))
        ann.until(Renamed, new="Annabel", room=None)
        seen, there = pair.fence(bob, cid)
        assert {record for record in seen if isinstance(record, Renamed)} == {
            Renamed("Ann", "Annabel", name) for name in rooms[:2]
        }
        assert there == [Renamed("Ann", "Annabel", rooms[2])]
        bob.send(Command("name", "ann"))
        assert bob.until(Renamed, room=None).new == "ann"


# --- operators


def test_a_ban_a_mute_and_a_kick_hold_on_the_other_server(pair: Pair, room: str) -> None:
    with contextlib.ExitStack() as stack:
        ada, eve, too = (
            stack.enter_context(contextlib.closing(member(server, word, name)))
            for server, word, name in [(pair.one, "a", "ada"), (pair.two, "e", "eve"), (pair.one, "e", "eve")]
        )
        for peer in (ada, eve, too):
            peer.join(room)
        ada.send(Command("mute", "eve 10m", id=1))
        ada.until(Moderated, re=1)
        pair.fence()
        for peer in (eve, too):
            peer.send(Say("psst", id=2))
            assert peer.until(Error, re=2).code == "muted"
        ada.send(Command("unmute", "eve", id=3))
        ada.until(Moderated, re=3)
        pair.fence()
        eve.send(Say("thanks", id=4))
        eve.until(Sent, re=4)
        ada.until(Message, text="thanks")
        ada.send(Command("kick", "eve too loud", id=5))
        for peer in (eve, too):
            left = peer.until(Left, reason="kicked")
            assert (left.room, left.by, left.text) == (room, "ada", "too loud")
        assert ada.until(Left, name="eve").reason == "kicked"
        ada.send(Command("ban", "eve flood", id=6))
        for peer in (eve, too):
            assert peer.until(Goodbye).reason == "banned"


# --- resuming


@pytest.mark.parametrize("is_killed", [False, True], ids=["both alive", "after a kill"])
def test_somebody_resumes_on_the_other_server(start_pair: Any, is_killed: bool) -> None:
    """With name and rooms; nobody sees that they left, and what was said meanwhile is there."""
    pair = start_pair()
    with pair.people("Ann", "Bob", room="tea") as (ann, bob):
        token = pair.tokens[ann]
        ann.send(Command("open", "coffee"))
        ann.until(Joined, room="coffee")
        ann.send(Say("before", room="tea", id=1))
        at = ann.until(Sent, re=1).at
        bob.until(Message, text="before")
        if is_killed:
            kill(pair.one)
        begin = time.monotonic()
        bob.send(Say("meanwhile", id=1))
        bob.until(Sent)
        with resume(pair.two, token, HistoryRequest(since=at, room="tea", id=2)) as back:
            ready = back.expect(Ready)
            assert (ready.resumed, ready.name, ready.rooms) == (True, "Ann", ["coffee", "tea"])
            assert [entry.text for entry in back.until(HistoryPage, re=2).messages] == ["meanwhile"]
            assert time.monotonic() - begin < DEADLINE / 2
            if not is_killed:
                assert ann.rest()[-1] == Goodbye("replaced", "this session was resumed from another connection")
            back.send(Say("back", room="tea", id=3))
            back.until(Sent, re=3)
            assert bob.expect(Message).text == "back"
            bob.send(Command("users"))
            assert bob.expect(Users).users == ["Ann", "Bob"]
            back.send(Command("name", "Anna", id=4))
            back.until(Renamed, re=4)
            assert bob.expect(Renamed) == Renamed("Ann", "Anna", "tea")


def test_a_planned_stop_hands_people_over(start_pair: Any) -> None:
    """They come back at the other server: no goodbye, no left, no word lost. The last server says shutdown."""
    pair = start_pair()
    with pair.people("Ann", "Bob", "Cid", room="tea") as (ann, bob, cid):
        tokens = [pair.tokens[peer] for peer in (ann, cid)]
        pair.wait_for_beats()
        ann.send(*(Say(str(number), f"k-{number}") for number in range(20)))
        ann.fence()
        pair.one.process.send_signal(signal.SIGTERM)
        for peer in (ann, cid):
            assert not [record for record in peer.rest() if isinstance(record, Goodbye | Notice | Left)]
            peer.close()  # the server waits for that
        with contextlib.ExitStack() as stack:
            backs = [stack.enter_context(resume(pair.two, token)) for token in tokens]
            for back, name in zip(backs, ("Ann", "Cid"), strict=True):
                ready = back.expect(Ready)
                assert (ready.resumed, ready.name, ready.rooms) == (True, name, ["tea"])
            assert pair.one.process.wait(DEADLINE) == 0
            backs[0].send(Say("19", "k-19", 1), Say("still here", id=2))
            backs[0].until(Sent, re=2)
            records = pair.fence(bob)[0]
            assert texts(records) == [*map(str, range(20)), "still here"]
            assert {type(record) for record in records} == {Message}
            pair.two.process.send_signal(signal.SIGTERM)
            for peer in (bob, *backs):
                assert getattr(peer.rest()[-1], "reason", "") == "shutdown"
                peer.close()
            assert pair.two.process.wait(DEADLINE) == 0


def test_people_of_a_dead_server_who_do_not_come_back_are_lost(start_pair: Any) -> None:
    pair = start_pair("--cluster-patience", "1s", "--resume-grace", "0.5")
    with pair.people("Ann", "Bob", "Cid", room="tea") as (_, bob, cid):
        token = pair.tokens[cid]
        kill(pair.one)
        with resume(pair.two, token) as back:
            assert back.expect(Ready).resumed
            assert bob.expect(Left) == Left("tea", "Ann", "lost")
            back.expect(Left, name="Ann")
            bob.send(Command("users"), Command("name", "Ann"))
            assert bob.expect(Users).users == ["Bob", "Cid"]

            def is_free() -> bool:
                bob.send(Command("name", "Ann"))
                return isinstance(bob.recv(), Renamed)

            bob.recv()
            wait_until(is_free, "the name of somebody who is gone")
