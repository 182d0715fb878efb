"""What happens in rooms whose members are on two servers, on a real Redis."""

import itertools
import random

from pylingo.reactor.bus.redis.blob import Author, Event, Run, encode_batch, read_batch
from pylingo.reactor.bus.redis.feed import Feed
from pylingo.reactor.bus.redis.room_effects import RoomEffects
from pylingo.shared.codec import head_of_messages
from pylingo.shared.messages import (
    Command,
    Entry,
    Error,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Message,
    Private,
    Redacted,
    Say,
    Sent,
    Skipped,
    Users,
)
from tests.fakes.cluster import ChatServer, ClusterWorld

type Pair = tuple[ChatServer, ChatServer]


def effects(server: ChatServer) -> RoomEffects:
    return server.bus.effects


def test_words_reach_the_members_on_both_servers(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    assert [type(it) for it in ann.got()] == [Joined]
    sent, *_ = world.ask(ann, Say("hi", id=3))
    assert isinstance(sent, Sent)
    assert world.got(bob) == [Message("tea", "ann", "hi", sent.at)]


def test_a_message_counts_at_the_server_where_it_was_said_and_each_delivery_where_it_is_made(
    world: ClusterWorld, pair: Pair
) -> None:
    ann, bob, eve = (world.come(server, name, "tea") for server, name in zip((*pair, pair[1]), "abe", strict=True))
    ann.ask(Say("one"), Say("two"), Say("three"), Say("privately", to="b"))
    bob.ask(Say("four"), Command("open", "water"))
    world.settle()
    words = [sum(isinstance(it, Message | Private) for it in person.got()) for person in (ann, bob, eve)]
    ticks = [server.hub.tick for server in pair]
    assert [tick.messages for tick in ticks] == [4, 1]
    assert [tick.deliveries for tick in ticks] == [words[0], words[1] + words[2]] == [1, 8]


def test_the_order_of_replies_and_words_is_that_of_the_room(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.got(ann)
    for index in range(20):
        ann.ask(Say(f"a{index}", id=index))
        bob.ask(Say(f"b{index}", id=index))
        world.reactor.tick(0.001)
    world.settle()
    stamps = [[it.at for it in person.got() if isinstance(it, Message | Sent)] for person in (ann, bob)]
    assert stamps[0] == sorted(stamps[0]) == stamps[1]
    assert len(stamps[0]) == 40


def test_nobody_hears_their_own_words_from_the_server_that_they_came_from(world: ClusterWorld, pair: Pair) -> None:
    """They were in Redis, and came to this server behind the session."""
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[0], "bob", "tea")
    world.got(ann)
    runs = [
        Run(Author(number, name), None, head_of_messages("tea", name), [text], ["k"])
        for number, name, text in ((ann.session.number, "ann", b"hi"), (ann.session.number + 99, "eve", b"hello"))
    ]
    (feed,) = [feed for feed in [pair[0].bus.followed.feed("tea")] if feed is not None]
    effects(pair[0]).applied(feed, 77, read_batch(encode_batch(pair[1].number, 1, runs)), None)
    world.reactor.tick(0)
    assert [[it.text for it in person.got() if isinstance(it, Message)] for person in (ann, bob)] == [
        ["hello"],
        ["hi", "hello"],
    ]


def test_what_somebody_says_in_one_tick_is_one_piece_for_the_others(world: ClusterWorld, pair: Pair) -> None:
    ann, bob, eve = (world.come(server, name, "tea") for server, name in zip((*pair, pair[0]), "abe", strict=True))
    for person in (ann, bob, eve):
        world.got(person)
    buffers = [len(person.out.buffers) for person in (bob, eve)]
    ann.ask(Say("one", id=1), Say("two"), Say("three", id=3), Say("waves", id=4, action=True))
    sent = [(it.re, it.at) for it in world.got(ann) if isinstance(it, Sent)]
    heard = [[it for it in world.got(person) if isinstance(it, Message)] for person in (bob, eve)]
    assert heard[0] == heard[1]
    assert [it.text for it in heard[0]] == ["one", "two", "three", "waves"]
    first = heard[0][0].at
    assert [it.at for it in heard[0]] == [*range(first, first + 4)]
    assert sent == [(1, first), (3, first + 2), (4, first + 3)]
    assert [len(person.out.buffers) for person in (bob, eve)] == [count + 1 for count in buffers]


def test_somebody_who_says_too_much_in_one_piece_waits_until_it_is_confirmed(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    room, texts = ann.session.room, [str(number) for number in range(700)]
    assert room is not None
    pair[0].bus.speak_many(ann.session, room, [text.encode() for text in texts])
    assert ann.session.is_busy
    world.got(ann)
    assert not ann.session.is_busy
    heard = [it for it in world.got(bob) if isinstance(it, Message)]
    assert [it.text for it in heard] == texts
    assert [it.at for it in heard] == [*range(heard[0].at, heard[0].at + len(texts))]


def test_a_gap_makes_clients_ask_for_the_messages(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann", "tea")
    feed = Feed("tea", "tea")
    effects(pair[0]).missed(feed, 5, 9)
    assert world.got(ann) == [Skipped("tea", 1, 5, 9)]


def test_somebody_who_leaves_hears_the_room_up_to_their_own_left(world: ClusterWorld, pair: Pair) -> None:
    ann, bob, eve = (
        world.come(pair[0], "ann", "tea"),
        world.come(pair[1], "bob", "tea"),
        world.come(pair[0], "eve", "tea"),
    )
    for person in (ann, bob, eve):
        world.got(person)
    bob.ask(Say("before"))
    world.reactor.tick(0)  # it is on its way
    ann.ask(Command("leave", id=1), Command("users", id=2))
    heard, seen = world.got(ann), world.got(eve)
    place = seen.index(Left("tea", "ann", "leave"))
    assert [record for record in heard[:-1] if isinstance(record, Message)] == seen[:place]
    assert heard[place] == Left("tea", "ann", re=1)
    assert isinstance(heard[-1], Error)  # the next request has waited
    assert "tea" in pair[0].hub.rooms
    world.ask(eve, Command("leave"))
    assert "tea" not in pair[0].hub.rooms


def test_one_whom_another_server_has_put_out_comes_back_and_can_leave(world: ClusterWorld, pair: Pair) -> None:
    """The other server held the session to be lost, and it is not."""
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    for person in (ann, bob):
        world.got(person)
    pair[1].bus.rooms.propose("tea", Event(op=["leave", ann.session.number, "lost", None, None]))
    assert world.got(ann) == []
    assert world.got(bob) == [Left("tea", "ann", "lost"), Joined("tea", "ann", room_operator=True)]
    assert pair[0].cluster.counters.foreign_leaves == 1
    assert world.stored("SMEMBERS", f"here:{pair[0].number}") == [b"%d tea" % ann.session.number]
    assert [it.users for it in world.ask(ann, Command("users")) if isinstance(it, Users)] == [["ann", "bob"]]
    assert [it.re for it in world.ask(ann, Command("leave", id=1)) if isinstance(it, Left)] == [1]
    assert ann.session.rooms == ()
    assert not pair[0].hub.rooms
    world.ask(bob, Say("hi"))
    assert world.got(ann) == []


def test_what_comes_together_is_the_same_everywhere_and_in_pages_from_any_stamp(
    world: ClusterWorld, pair: Pair
) -> None:
    chance = random.Random(3)
    watchers = [world.come(server, f"watcher{number}", "tea") for number, server in enumerate(pair)]
    people = [
        world.come(server, name, "tea") for server, name in ((pair[0], "ann"), (pair[0], "eve"), (pair[1], "bob"))
    ]
    said: dict[str, list[str]] = {person.name: [] for person in people}
    for number in range(40):
        person = chance.choice(people)
        keyed = [Say(f"k{number}{letter}", f"k{number}{letter}", 1) for letter in "ab"]
        single = Say("w", action=True), Say("n", notice=True), Say("a\nb"), Say("z" * 300)
        many = [Say("x" * chance.randrange(40, 90)) for _ in range(chance.randrange(5, 9))]
        says = chance.choice([many, many, keyed, [chance.choice(single)]])
        person.ask_together(*says)
        said[person.name] += [say.text for say in says]
        if chance.random() < 0.4:
            world.reactor.tick(0.001)
    world.settle()
    heard = [[it for it in person.got() if isinstance(it, Message)] for person in watchers]
    assert heard[0] == heard[1]
    assert all(one.at < other.at for one, other in itertools.pairwise(heard[0]))
    for person in people:
        assert [it.text for it in heard[0] if it.from_ == person.name] == said[person.name]
        keys = [it for it in heard[0] if it.from_ == person.name and it.text.startswith("k")]
        assert [(it.at, it.key) for it in person.got() if isinstance(it, Sent)] == [(it.at, it.text) for it in keys]

    def page(**request: int) -> list[Entry]:
        (found,) = [it for it in world.ask(watchers[1], HistoryRequest(**request)) if isinstance(it, HistoryPage)]
        return found.messages

    middle = heard[0][len(heard[0]) // 2].at
    redacted = Redacted("tea", middle, "watcher0")
    done: list[bool] = []
    (room,) = watchers[0].session.rooms
    pair[0].bus.redact(watchers[0].session, room, redacted, done.append)
    world.until(lambda: done)
    told = [("" if it.at == middle else it.text, it.from_, it.at) for it in heard[0]]
    for place in {*chance.sample(range(1, len(told) - 1), 4), len(told) // 2}:
        at = told[place][2]
        assert [(it.text, it.from_, it.at) for it in page(since=at, limit=5)] == told[place + 1 : place + 6]
        assert [(it.text, it.from_, it.at) for it in page(before=at, limit=5)] == told[max(0, place - 5) : place]
    assert [it.at for it in page(since=middle - 1, limit=1) if it.redacted] == [middle]
