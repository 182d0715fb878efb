"""Names in a cluster: one winner, rooms that are told on all servers, and persons with several sessions."""

from pylingo.reactor.bus.redis.naming import Naming
from pylingo.reactor.bus.redis.questions import Questions
from pylingo.shared.messages import Command, Error, Hello, Joined, Left, Renamed, Say, Users
from pylingo.shared.schema import Record
from tests.fakes.chat import Person
from tests.fakes.cluster import ChatServer, ClusterWorld
from tests.fakes.identity import key
from tests.fakes.redis_logs import HandLinks

type Pair = tuple[ChatServer, ChatServer]


def names(world: ClusterWorld, person: Person) -> list[str]:
    got = world.ask(person, Command("users"))
    return [name for page in got if isinstance(page, Users) for name in page.users]


def marks(person: Person) -> tuple[str | None, bool | None]:
    return person.session.identity, None


def told(records: list[Record]) -> list[Record]:
    return [record for record in records if isinstance(record, Renamed | Joined | Left)]


def test_a_new_name_is_told_on_both_servers(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.got(ann)
    assert world.ask(ann, Command("name", "zoe", 3)) == [Renamed("ann", "zoe", None, 3)]
    assert world.got(bob) == [Renamed("ann", "zoe", "tea")]
    assert names(world, ann) == names(world, bob) == ["bob", "zoe"]


def test_the_own_name_asks_nobody(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann")
    bus, answers = pair[0].bus, list[object]()
    questions = Questions(HandLinks(), lambda *it: None)
    naming = Naming(pair[0].hub, questions, world.keys, bus.sessions, bus.rooms, lambda *it: None)
    naming.rename(ann.session, "ann", answers.append)
    naming.respelled("nobody", "Nobody")  # who is not here
    assert answers == [None]


def test_a_name_of_somebody_on_another_server_is_taken(world: ClusterWorld, pair: Pair) -> None:
    ann, _ = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    (error,) = world.ask(ann, Command("name", "BOB", 3))
    assert isinstance(error, Error)
    assert (error.code, error.re, ann.name) == ("name-taken", 3, "ann")


def test_of_two_who_claim_a_name_at_once_one_gets_it(world: ClusterWorld, pair: Pair) -> None:
    people = [world.come(server, name) for server, name in zip(pair, ("ann", "bob"), strict=True)]
    for index in range(5):
        for person in people:
            person.ask(Command("name", f"zoe{index}"))
        got = [world.got(person) for person in people]
        assert sorted(type(it[0]).__name__ for it in got) == ["Error", "Renamed"]
        assert [it.name for it in people].count(f"zoe{index}") == 1


def test_the_old_name_is_free_when_the_rooms_were_told(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.ask(ann, Command("name", "zoe"))
    world.got(bob)
    assert world.ask(bob, Command("name", "ann", 3)) == [Renamed("bob", "ann", None, 3)]
    assert names(world, ann) == ["ann", "zoe"]


def test_words_behind_a_rename_have_the_new_name(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.ask(ann, Say("one"), Command("name", "zoe"), Say("two"))
    got = [getattr(it, "from_", type(it).__name__) for it in world.got(bob)]
    assert got == ["ann", "Renamed", "zoe"]


def test_another_spelling_of_the_own_name(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.got(ann)
    assert world.ask(ann, Command("name", "ANN", 3)) == [Renamed("ann", "ANN", None, 3)]
    assert world.got(bob) == [Renamed("ann", "ANN", "tea")]
    assert names(world, bob) == ["ANN", "bob"]


def test_the_own_name_again_is_no_news(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.got(ann)
    assert world.ask(ann, Command("name", "ann", 3)) == [Renamed("ann", "ann", None, 3)]
    assert world.got(bob) == []


def test_one_of_two_sessions_takes_another_name(world: ClusterWorld, pair: Pair) -> None:
    """The other one stays: in the room, somebody has come."""
    ada, bob = world.device(pair[0], "ada", "word", "tea"), world.come(pair[1], "bob", "tea")
    world.device(pair[1], "ada", "word", "tea")
    world.got(ada), world.got(bob)
    world.ask(ada, Command("name", "eve"))
    (joined,) = told(world.got(bob))
    assert isinstance(joined, Joined)
    assert joined.name == "eve"
    assert names(world, bob) == ["ada", "bob", "eve"]


def test_a_session_takes_the_name_of_the_same_person_elsewhere(world: ClusterWorld, pair: Pair) -> None:
    ada, bob = world.device(pair[0], "ada", "word", "tea"), world.come(pair[1], "bob", "tea")
    eve = world.device(pair[1], "eve", "word", "tea")
    world.got(ada), world.got(bob)
    world.ask(eve, Command("name", "ada"))
    (left,) = told(world.got(bob))
    assert isinstance(left, Left)
    assert left.name == "eve"
    assert names(world, ada) == names(world, bob) == ["ada", "bob"]


def test_a_person_is_spelled_in_one_way_on_all_servers(world: ClusterWorld, pair: Pair) -> None:
    ada, bob = world.device(pair[0], "ada", "word", "tea"), world.come(pair[1], "bob", "tea")
    twin = world.device(pair[1], "ada", "word", "tea")
    world.got(ada), world.got(bob), world.got(twin)
    assert world.ask(ada, Command("name", "ADA", 3)) == [Renamed("ada", "ADA", None, 3, *marks(ada))]
    assert [it.new for it in told(world.got(bob)) if isinstance(it, Renamed)] == ["ADA"]
    assert (ada.name, twin.name) == ("ADA", "ADA")
    assert names(world, bob) == ["ADA", "bob"]


def test_the_spelling_of_the_person_elsewhere_counts(world: ClusterWorld, pair: Pair) -> None:
    ada = world.device(pair[0], "Ada", "word", "tea")
    world.ask(ada, Command("away", "lunch"))
    bob = world.come(pair[1], "bob", "tea")
    twin = Person(pair[1].hub)
    world.ask(twin, key("word").hello(twin.challenge, "ADA"), Command("join", "tea"))
    assert (twin.name, twin.session.person.away) == ("Ada", "lunch")
    assert twin.session.person.since == ada.session.person.since
    assert names(world, bob) == ["Ada", "bob"]
    assert told(bob.got()) == []


def test_a_name_that_the_register_gives_away_meanwhile_is_taken_back(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.got(ann)
    ann.ask(Command("name", "zoe", 3))
    pair[0].hub.access.register.claim_name("zoe", key("word").fingerprint, "10.1.2.3")
    (error,) = [it for it in world.got(ann) if isinstance(it, Error)]
    assert (error.code, ann.name) == ("name-owned", "ann")
    assert [(it.old, it.new) for it in told(world.got(bob)) if isinstance(it, Renamed)] == [
        ("ann", "zoe"),
        ("zoe", "ann"),
    ]
    assert names(world, bob) == ["ann", "bob"]
    assert world.stored("HGET", "names", "zoe") is None


def test_a_session_that_ends_while_its_name_is_on_the_way_leaves_both_names(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    ann.ask(Command("name", "zoe"))
    ann.session.end("close", "bye")
    world.settle()
    assert names(world, bob) == ["bob"]
    for name in ("zoe", "ann"):
        world.come(pair[1], name)


def test_a_session_that_ends_while_its_rooms_are_told(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    ann.ask(Command("name", "zoe"))
    world.until(lambda: world.stored("HGET", "names", "zoe"))
    world.reactor.tick(0)
    ann.session.end("close", "bye")
    world.settle()
    assert names(world, bob) == ["bob"]
    for name in ("zoe", "ann"):
        world.come(pair[1], name)


def test_the_name_of_a_hello_is_taken_with_its_room(world: ClusterWorld, pair: Pair) -> None:
    person = Person(pair[0].hub)
    world.ask(person, key("word").hello(person.challenge, "ada"))
    assert person.name == "ada"
    stranger = Person(pair[1].hub)
    got = world.ask(stranger, Hello(1, "ada"))
    assert [it.code for it in got if isinstance(it, Error)] == ["name-owned"]
