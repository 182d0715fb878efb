"""Private messages between people on two servers."""

from typing import cast

from pylingo.reactor.bus.redis.deeds import Unconfirmed
from pylingo.reactor.bus.redis.history import RedisHistory
from pylingo.reactor.bus.redis.link import LinkLost
from pylingo.reactor.bus.redis.private_words import PrivateWords
from pylingo.reactor.bus.redis.questions import Questions
from pylingo.shared.messages import Command, Entry, HistoryPage, HistoryRequest, Private, Say, Sent
from pylingo.shared.schema import Record
from tests.fakes.chat import Person
from tests.fakes.cluster import ChatServer, ClusterWorld
from tests.fakes.redis_logs import HandLinks

type Pair = tuple[ChatServer, ChatServer]


def private(got: list[Record]) -> list[tuple[str, str, str]]:
    return [(it.from_, it.to, it.text) for it in got if isinstance(it, Private)]


def page(world: ClusterWorld, person: Person, **where: str | bool) -> list[Entry]:
    (found,) = [it for it in world.ask(person, HistoryRequest(50, **where)) if isinstance(it, HistoryPage)]
    return found.messages


def test_somebody_on_another_server_gets_it(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    (sent,) = world.ask(ann, Say("psst", id=3, to="BOB"))
    assert isinstance(sent, Sent)
    assert (sent.to, sent.re) == ("bob", 3)
    (got,) = world.got(bob)
    assert got == Private("ann", "bob", "psst", sent.at)
    assert private(world.ask(bob, Say("well", to="ann"))) == []
    assert private(world.got(ann)) == [("bob", "ann", "well")]


def test_somebody_here_gets_it_once(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[0], "bob")
    world.ask(ann, Say("psst", to="bob"))
    assert private(world.got(bob)) == [("ann", "bob", "psst")]


def test_nobody_else_gets_it(world: ClusterWorld, pair: Pair) -> None:
    ann, _ = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    others = [world.come(server, name, "tea") for server, name in zip(pair, ("eve", "zoe"), strict=True)]
    for other in others:
        world.got(other)
    world.ask(ann, Say("psst", to="bob"))
    assert [world.got(other) for other in others] == [[], []]


def test_stamps_rise_whichever_server_it_was_said_on(world: ClusterWorld, pair: Pair) -> None:
    people = [world.come(server, name) for server, name in zip(pair, ("ann", "bob"), strict=True)]
    for index in range(10):
        people[index % 2].ask(Say(str(index), id=index, to=("bob", "ann")[index % 2]))
    for person in people:
        world.until(lambda person=person: not person.held and not person.session.is_busy)
    world.settle()
    got = [it.at for person in people for it in person.got() if isinstance(it, Private)]
    assert len(got) == len(set(got)) == 10
    stamps = [it.at for it in page(world, people[0], with_="bob")]
    assert sorted(got) == stamps


def test_all_sessions_of_both_get_it_but_for_the_one_that_said_it(world: ClusterWorld, pair: Pair) -> None:
    adas = [world.device(server, "ada", "word") for server in (*pair, pair[0])]
    bobs = [world.device(server, "bob", "other") for server in pair]
    world.ask(adas[0], Say("psst", to="bob"))
    expected = [("ada", "bob", "psst")]
    assert [private(world.got(it)) for it in bobs] == [expected, expected]
    assert [private(world.got(it)) for it in adas] == [[], expected, expected]


def test_it_is_in_the_history_of_both(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    world.ask(ann, Say("psst", to="bob"))
    world.got(bob)
    for person, other in ((ann, "bob"), (bob, "ann")):
        assert [it.text for it in page(world, person, with_=other)] == ["psst"]
        assert [it.text for it in page(world, person, inbox=True)] == ["psst"]


def test_a_key_makes_saying_it_again_safe(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    (first,) = world.ask(ann, Say("psst", id=1, key="k", to="bob"))
    (second,) = world.ask(ann, Say("psst", id=2, key="k", to="bob"))
    assert isinstance(first, Sent)
    assert isinstance(second, Sent)
    assert first.at == second.at
    assert private(world.got(bob)) == [("ann", "bob", "psst")]


def test_a_key_said_twice_at_once(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    got = world.ask(ann, *(Say("psst", id=index, key="k", to="bob") for index in range(3)))
    assert len({it.at for it in got if isinstance(it, Sent)}) == 1
    assert private(world.got(bob)) == [("ann", "bob", "psst")]


def test_somebody_who_is_away_finds_it_later(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.device(pair[1], "bob", "word")
    bob.session.end("close", "bye")
    world.settle()
    world.ask(ann, Say("psst", to="bob"))
    back = world.device(pair[0], "bob", "word")
    assert [it.text for it in page(world, back, inbox=True)] == ["psst"]


def test_the_order_of_words_and_private_words_is_kept(world: ClusterWorld, pair: Pair) -> None:
    """Each reply stands in the order of the requests."""
    ann, _ = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.got(ann)
    got = world.ask(ann, Say("one", id=1), Say("psst", id=2, to="bob"), Say("two", id=3))
    assert [it.re for it in got if isinstance(it, Sent)] == [1, 2, 3]


def test_an_action_is_one_for_both(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    world.ask(ann, Say("waves", to="bob", action=True))
    (got,) = world.got(bob)
    assert isinstance(got, Private)
    assert got.action is True
    assert page(world, bob, with_="ann")[0].action is True


def test_a_call_whose_reply_was_lost_is_made_again(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[0], "bob")
    hub, bus, links, counts = pair[0].hub, pair[0].bus, HandLinks(), Unconfirmed()
    questions = Questions(links, links.call_later)
    history = cast(RedisHistory, hub.history)
    words = PrivateWords(
        hub, questions, questions, world.keys, bus.sessions, history, counts, 100, lambda: 5, lambda: 1.0
    )
    sent: list[Record | None] = []
    words.speak(ann.session, bob.session.person, Say("psst", id=3), "psst", sent.append)
    (first,) = links.calls
    links.reply(LinkLost("gone"))
    questions.up()
    (second,) = links.calls
    assert (first == second, len(counts)) == (True, 1)
    links.reply(b"7")
    assert (sent, len(counts)) == ([Sent(None, 7, 3, None, "bob")], 0)


def test_a_link_that_is_lost_is_no_reason_to_say_it_twice(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    for index in range(5):
        ann.ask(Say(str(index), id=index, to="bob"))
        world.reactor.tick(0)
        world.reactor.tick(0)
        world.lose_links(pair[0])
        world.until(lambda: not ann.session.is_busy)
    world.settle()
    assert [text for _, _, text in private(bob.got())] == [str(index) for index in range(5)]
    assert [it.re for it in ann.got() if isinstance(it, Sent)] == list(range(5))


def test_nothing_is_said_twice_to_oneself(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann")
    (error,) = world.ask(ann, Say("me", id=1, to="ann"), Command("who"))[:1]
    assert getattr(error, "code", "") == "bad-argument"


def test_what_came_while_a_server_was_cut_off_is_read(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    world.ask(ann, Say("before", to="bob"))
    world.got(bob)
    world.kill_links(pair[1])
    world.until(lambda: not pair[1].cluster.deployment.is_up, "the loss of the links")
    ann.ask(Say("meanwhile", id=1, to="bob"), Say("and more", id=2, to="bob"))
    world.come_back(pair[1])
    assert private(world.got(bob)) == [("ann", "bob", "meanwhile"), ("ann", "bob", "and more")]
    world.ask(ann, Say("after", to="bob"))
    assert private(world.got(bob)) == [("ann", "bob", "after")]


def test_a_redis_that_has_lost_private_messages_gets_them_again(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    for index in range(3):
        world.ask(ann, Say(str(index), to="bob"))
    world.ask(bob, Say("well", to="ann"))
    before = page(world, bob, inbox=True)
    for name in world.redis.call("KEYS", "*p:@*"):
        world.redis.call("DEL", name)
    pair[0].bus.healed()
    pair[1].bus.healed()
    world.settle()
    assert page(world, bob, inbox=True) == page(world, ann, with_="bob") == before
    assert len(before) == 4


def test_somebody_who_has_just_taken_another_name_gets_it(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    ann.ask(Say("psst", id=1, to="bob"))
    bob.ask(Command("name", "rob"))
    assert [text for _, _, text in private(world.got(bob))] == ["psst"]
    assert bob.name == "rob"


def test_a_session_is_given_away_when_what_it_has_told_is_in_redis(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    token = world.token(ann)
    ann.ask(Say("psst", id=1, key="k", to="bob"))
    back, ready = world.resume(pair[1], token)
    assert ready.resumed
    world.ask(back, Say("psst", id=2, key="k", to="bob"))
    assert private(world.got(bob)) == [("ann", "bob", "psst")]
