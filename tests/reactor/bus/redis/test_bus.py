"""The bus of a server among several: what it hands on to all servers, besides rooms, names, words and seats."""

from pylingo.reactor.bus.redis.bus import RedisBus
from pylingo.shared.messages import Away, Command, Left, Notice, RedisInfo, Say, ServerInfo
from pylingo.shared.schema import Record
from tests.fakes.cluster import ChatServer, ClusterWorld

type Pair = tuple[ChatServer, ChatServer]


def aways(got: list[Record]) -> list[tuple[str, str | None]]:
    return [(it.name, it.text) for it in got if isinstance(it, Away)]


def test_a_server_of_a_cluster_has_this_bus(pair: Pair) -> None:
    assert all(isinstance(server.hub.bus, RedisBus) for server in pair)


def test_being_away_is_told_on_both_servers(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    assert aways(world.ask(ann, Command("away", "lunch", 3))) == [("ann", "lunch")]
    assert aways(world.got(bob)) == [("ann", "lunch")]
    world.ask(ann, Command("away"))
    assert aways(world.got(bob)) == [("ann", None)]


def test_a_person_is_away_with_all_sessions_and_is_told_once(world: ClusterWorld, pair: Pair) -> None:
    bob = world.come(pair[1], "bob", "tea")
    adas = [world.device(server, "ada", "word", "tea") for server in pair]
    world.got(bob)
    world.ask(adas[0], Command("away", "lunch"))
    assert aways(world.got(bob)) == [("ada", "lunch")]
    assert [it.session.person.away for it in adas] == ["lunch", "lunch"]


def test_somebody_who_is_away_already_is_no_news(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.ask(ann, Command("away", "lunch"), Command("away", "lunch"))
    assert aways(world.got(bob)) == [("ann", "lunch")]


def test_kicking_puts_all_sessions_of_a_person_out(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    adas = [world.device(server, "ada", "word", "tea") for server in pair]
    for person in (ann, bob, *adas):
        world.got(person)
    room = pair[0].hub.rooms["tea"]
    pair[0].bus.kick(ann.session, adas[0].session.person, room, "ann", "enough")
    for person in adas:
        (left,) = [it for it in world.got(person) if isinstance(it, Left) and it.current is None]
        assert (left.name, left.reason, left.by, left.text) == ("ada", "kicked", "ann", "enough")
        assert person.session.rooms == ()
    assert [it.reason for it in world.got(bob) if isinstance(it, Left)] == ["kicked"]


def test_a_notice_reaches_everybody(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    pair[0].bus.tell_everybody(ann.session, Notice("hear"))
    assert (world.got(ann), world.got(bob)) == ([Notice("hear")], [Notice("hear")])


def test_a_notice_for_a_person_reaches_all_sessions(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann")
    adas = [world.device(server, "ada", "word") for server in pair]
    pair[0].bus.tell_person(ann.session, adas[0].session.person, Notice("hear"))
    assert [world.got(it) for it in adas] == [[Notice("hear")], [Notice("hear")]]
    assert ann.got() == []


def test_each_server_lists_all_and_marks_itself(world: ClusterWorld, pair: Pair) -> None:
    people = [world.come(pair[0], "ann"), world.come(pair[1], "bob")]
    world.come(pair[1], "eve")
    world.until(lambda: all(not server.cluster.is_alone for server in pair))
    answers: list[tuple[list[ServerInfo], RedisInfo | None]] = []
    for server, person in zip(pair, people, strict=True):
        server.bus.list_servers(person.session, lambda *answer: answers.append(answer))
    world.until(lambda: len(answers) == 2)
    answers.sort(key=lambda answer: answer[0][1].own)
    for (servers, redis), own in zip(answers, (1, 2), strict=True):
        assert [(row.server, row.own) for row in servers] == [(1, own == 1), (2, own == 2)]
        assert servers[own - 1].people == own
        assert redis is not None
        assert (redis.address, redis.role) == (world.redis.url, "primary")
        assert redis.used > 100_000
    world.redis.pause()
    try:
        pair[0].bus.list_servers(people[0].session, lambda *answer: answers.append(answer))
        world.until(lambda: len(answers) == 3)
    finally:
        world.redis.resume()
    redis = answers[2][1]
    assert redis is not None
    assert redis.role == "away"


def test_the_record_of_a_session_follows_its_rooms(world: ClusterWorld, pair: Pair) -> None:
    """So another server can go on with it."""
    ann = world.come(pair[0], "ann", "tea", "rum")
    world.ask(ann, Command("leave", room="rum"), Command("open", "gin"), Say("hi"))
    back, ready = world.resume(pair[1], world.token(ann))
    assert ready.rooms == ["gin", "tea"]
    assert [room.name for room in back.session.rooms] == ["gin", "tea"]
