"""Who people are, on two servers and a real Redis: one owner for each name, bans everywhere, nothing lost."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pylingo.reactor.bus.redis import people as module
from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.people import ClusterPeople
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.people.members import parse_members
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.roster import Change
from pylingo.shared.errors import RequestError
from tests.fakes.people import WallClock, fingerprint, key
from tests.fakes.redis_listeners import turn_until
from tests.redis_server import RedisProcess, running

ADA, BOB, EVE = fingerprint(1), fingerprint(2), fingerprint(3)
HOST = "127.0.0.1"


class PeopleServer:
    """One server of the cluster: its register, its connection, and what it was told."""

    def __init__(self, reactor: Reactor, redis: RedisProcess, clock: WallClock) -> None:
        self.reactor = reactor
        self.register = Register(clock)
        self.answers: list[bool] = []
        self.changes = 0
        self.reads = 0
        self.faults: list[str] = []
        self.is_deaf = False
        self.deployment = Deployment(reactor, redis.settings(), self)
        self.people = ClusterPeople(reactor, self.deployment, Keys(), self.register, self)

    def up(self) -> None:
        self.people.up()

    def down(self, why: str) -> None:
        self.people.down(why)

    def refused(self, why: str) -> None:
        self.faults.append(why)

    def pushed(self, channel: bytes, data: bytes) -> None:
        if not self.is_deaf:
            self.people.pushed(channel, data)

    def people_read(self) -> None:
        self.reads += 1

    def people_unreadable(self, why: str) -> None:
        self.faults.append(why)

    def people_changed(self) -> None:
        self.changes += 1

    def store(self, change: Change | None = None) -> None:
        """Store, and have the outcome in `answers`."""
        self.people.store(change or Change(), self.answers.append)

    def stored(self, change: Change | None = None) -> bool:
        """Store, and return the outcome."""
        number = len(self.answers)
        self.store(change)
        turn_until(self.reactor, lambda: len(self.answers) > number, "the answer")
        return self.answers[-1]

    def claim(self, name: str, identity: str) -> Change:
        change = self.register.claim_name(name, identity, HOST)
        assert change is not None
        return change

    def owner(self, name: str) -> frozenset[str]:
        return self.register.keys_of_owner(name)


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


type Begin = Callable[[], PeopleServer]


@pytest.fixture
def begin(reactor: Reactor, redis: RedisProcess, clock: WallClock) -> Iterator[Begin]:
    """Start a server, and wait until it has read everything."""
    made: list[PeopleServer] = []

    def begin() -> PeopleServer:
        server = PeopleServer(reactor, redis, clock)
        made.append(server)
        turn_until(reactor, lambda: server.people.is_ready or server.faults, "the first reading")
        return server

    yield begin
    for server in made:
        server.deployment.close()


@pytest.fixture
def ann(begin: Begin) -> PeopleServer:
    return begin()


@pytest.fixture
def ben(begin: Begin, ann: PeopleServer) -> PeopleServer:
    return begin()


def agree(*servers: PeopleServer) -> None:
    """Wait until the servers have the same register."""

    def states() -> list[dict[str, list[object]]]:
        return [
            {name: sorted(rows, key=str) for name, rows in server.register.to_state().items() if name != "version"}
            for server in servers
        ]

    turn_until(servers[0].reactor, lambda: all(state == states()[0] for state in states()), "one register")


def outage(redis: RedisProcess, *servers: PeopleServer) -> None:
    """Take Redis away until the servers have noticed."""
    redis.kill()
    turn_until(servers[0].reactor, lambda: not any(server.people.is_ready for server in servers), "the outage")


def back(redis: RedisProcess, *servers: PeopleServer) -> None:
    redis.start()
    turn_until(servers[0].reactor, lambda: all(server.people.is_ready for server in servers), "the return of Redis")


def test_everything_that_is_stored_is_known_to_all(ann: PeopleServer, ben: PeopleServer, begin: Begin) -> None:
    assert ann.stored(ann.claim("Ada", ADA))
    issued, change = ann.register.invite(None, 2, operator=True)
    assert ann.stored(change)
    redeemed = ann.register.redeem(issued.code, key(2))
    assert redeemed is not None
    assert ann.stored(redeemed)
    ann.register.moderation.ban("eve", EVE, "192.0.2.7", "ada", "flood", 60)
    ann.register.moderation.mute("guest-7", None, "192.0.2.8", "ada", None, None)
    assert ann.stored()
    agree(ann, ben)
    assert ben.owner("ADA") == {ADA}
    assert ben.register.is_operator(BOB)
    assert ben.register.moderation.key_ban(EVE) is not None
    assert ben.register.moderation.mute_of("192.0.2.8", None) is not None
    assert ben.changes >= 2
    late = begin()
    agree(ann, late)
    assert (late.reads, late.changes) == (1, 0)
    assert ann.changes == 0


def test_rows_that_go_are_gone_for_all(ann: PeopleServer, ben: PeopleServer, begin: Begin) -> None:
    assert ann.stored(ann.claim("ada", ADA))
    assert ann.stored(ann.register.op(ADA))
    ann.register.moderation.ban("eve", EVE, None, "ada", None, None)
    assert ann.stored()
    agree(ann, ben)
    _, change = ben.register.moderation.unban("eve")
    assert ben.register.moderation.key_ban(EVE) is not None  # until it is stored
    assert ben.stored(change)
    ben.register.deop(ADA)
    assert ben.stored()
    assert ben.stored(ben.register.release_name("ada"))
    agree(ann, ben, begin())
    assert ann.owner("ada") == frozenset()
    assert ann.register.moderation.bans() == []
    assert not ann.register.is_operator(ADA)


@pytest.mark.parametrize("other", ["Ape", "ape", "аре"])  # the last one in Cyrillic letters
def test_one_of_two_who_take_a_name_at_once_gets_it(ann: PeopleServer, ben: PeopleServer, other: str) -> None:
    ann.store(ann.claim("ape", ADA))
    ben.store(ben.claim(other, BOB))
    turn_until(ann.reactor, lambda: ann.answers and ben.answers, "both answers")
    assert sorted([*ann.answers, *ben.answers]) == [False, True]
    agree(ann, ben)
    loser, wish, identity = (ann, "ape", ADA) if ben.answers == [True] else (ben, other, BOB)
    with pytest.raises(RequestError, match="belongs to somebody's key"):
        loser.register.check_name(wish, identity)


def test_a_race_for_many_names_has_one_winner_each(ann: PeopleServer, ben: PeopleServer) -> None:
    names = [f"name{number}" for number in range(100)]
    for name in names:
        ann.store(ann.claim(name, ADA))
        ben.store(ben.claim(name, BOB))
        ann.reactor.tick(0)
    turn_until(ann.reactor, lambda: len(ann.answers) == len(ben.answers) == len(names), "all answers")
    agree(ann, ben)
    for number, name in enumerate(names):
        owner = ADA if ann.answers[number] else BOB
        assert ann.answers[number] != ben.answers[number]
        assert ann.owner(name) == {owner}


def test_two_servers_that_claim_for_the_same_key_agree(ann: PeopleServer, ben: PeopleServer) -> None:
    ann.store(ann.claim("ada", ADA))
    ben.store(ben.claim("ada", ADA))
    turn_until(ann.reactor, lambda: ann.answers and ben.answers, "both answers")
    assert (ann.answers, ben.answers) == ([True], [True])
    agree(ann, ben)
    assert ann.owner("ada") == {ADA}


@pytest.mark.parametrize(("uses", "granted"), [(1, 1), (2, 2), (3, 2)])
def test_an_invitation_is_used_as_often_as_it_says(
    ann: PeopleServer, ben: PeopleServer, uses: int, granted: int
) -> None:
    issued, change = ann.register.invite(None, uses)
    assert ann.stored(change)
    agree(ann, ben)
    ann.answers.clear()
    for server, number in ((ann, 1), (ben, 2)):
        redeemed = server.register.redeem(issued.code, key(number))
        assert redeemed is not None
        server.store(redeemed)
    turn_until(ann.reactor, lambda: ann.answers and ben.answers, "both answers")
    assert sum([*ann.answers, *ben.answers]) == granted
    agree(ann, ben)
    assert [ann.register.is_listed(ADA), ann.register.is_listed(BOB)] == [*ann.answers, *ben.answers]
    (invitation,) = ann.register.to_state()["invitations"]
    assert (invitation.uses, len(invitation.used_by)) == (uses - granted, granted)


def test_two_bans_at_once_both_hold(ann: PeopleServer, ben: PeopleServer) -> None:
    ann.register.moderation.ban("eve", EVE, None, "ada", None, None)
    ann.register.moderation.ban("bob", BOB, None, "ada", None, None)
    ben.register.moderation.ban("eve", EVE, None, "bea", "again", 60)
    ann.store()
    ben.store()
    turn_until(ann.reactor, lambda: ann.answers and ben.answers, "both answers")
    assert (ann.answers, ben.answers) == ([True], [True])
    agree(ann, ben)
    assert sorted(ban.name or "" for ban in ann.register.moderation.bans()) == ["bob", "eve"]


def test_bans_are_listed_in_the_order_of_their_storing(ann: PeopleServer, begin: Begin) -> None:
    for number in range(40, 0, -1):
        ann.register.moderation.ban(f"name{number}", fingerprint(number), None, "ada", None, None)
        if number <= 20:  # those before are stored at once
            assert ann.stored()
    assert begin().register.moderation.bans() == ann.register.moderation.bans()


def test_a_lost_push_is_noticed(ann: PeopleServer, ben: PeopleServer) -> None:
    ben.is_deaf = True
    assert ann.stored(ann.claim("ada", ADA))
    ben.reactor.tick(0.05)
    ben.is_deaf = False
    assert ben.owner("ada") == frozenset()
    assert ann.stored(ann.claim("bob", BOB))
    agree(ann, ben)


def test_a_store_that_follows_a_lost_push_reads_first(ann: PeopleServer, ben: PeopleServer) -> None:
    ben.is_deaf = True
    assert ann.stored(ann.claim("ada", ADA))
    assert not ben.stored(ben.claim("Ada", BOB))
    assert ben.stored(ben.claim("bob", BOB))
    agree(ann, ben)


def test_a_name_that_is_claimed_again_waits_for_the_first_claim(ann: PeopleServer, ben: PeopleServer) -> None:
    ann.store(ann.claim("ada", ADA))
    turn_until(ann.reactor, lambda: ann.answers, "the answer")
    ben.store(ben.claim("eve", EVE))
    ben.store(ben.claim("eve", EVE))
    turn_until(ben.reactor, lambda: len(ben.answers) == 2, "both answers")
    assert ben.answers == [True, True]
    agree(ann, ben)
    assert ann.owner("eve") == {EVE}


def test_nothing_that_opens_a_door_is_stored_while_redis_is_away(
    ann: PeopleServer, ben: PeopleServer, redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    outage(redis, ann, ben)
    change = ann.claim("ada", ADA)
    assert ann.owner("ada") == {ADA}
    assert not ann.stored(change)
    assert not ann.stored(ann.claim("ada", ADA))  # at once from now on
    assert ann.owner("ada") == frozenset()
    ann.register.moderation.ban("eve", EVE, None, "ada", None, None)
    assert not ann.stored()
    assert ann.register.moderation.key_ban(EVE) is not None  # what closes a door holds
    back(redis, ann, ben)
    agree(ann, ben)
    assert ben.register.moderation.key_ban(EVE) is not None
    assert ann.stored(ann.claim("ada", ADA))


def test_what_is_stored_during_a_short_outage_waits(ann: PeopleServer, ben: PeopleServer, redis: RedisProcess) -> None:
    outage(redis, ann, ben)
    ann.store(ann.claim("ada", ADA))
    assert ann.answers == []
    back(redis, ann, ben)
    turn_until(ann.reactor, lambda: ann.answers, "the answer")
    assert ann.answers == [True]
    agree(ann, ben)


def test_a_redis_that_comes_back_empty_gets_everything_again(
    ann: PeopleServer, ben: PeopleServer, redis: RedisProcess, begin: Begin
) -> None:
    for number in range(1, 1_203):  # more than one call takes
        ann.claim(f"name{number}", fingerprint(number)).commit()
    ann.register.moderation.ban("eve", EVE, None, "ada", None, None)
    assert ann.stored(ann.register.op(ADA))
    agree(ann, ben)
    outage(redis, ann, ben)
    back(redis, ann, ben)
    agree(ann, ben)
    assert len(ann.register.to_state()["names"]) == 1_202
    third = begin()
    turn_until(ann.reactor, lambda: third.register.to_state() != Register().to_state())
    agree(ann, ben, third)


def test_a_redis_that_has_lost_its_last_changes_gets_them_again(
    ann: PeopleServer, ben: PeopleServer, redis: RedisProcess, begin: Begin
) -> None:
    assert ann.stored(ann.claim("ada", ADA))
    ann.register.moderation.ban("eve", EVE, None, "ada", None, None)
    assert ann.stored(ann.register.op(ADA))
    agree(ann, ben)
    names = [Keys().key(0, f"people:{name}") for name in ("version", "lineage", "names", "operators", "bans")]
    older = [redis.call("DUMP", name) for name in names]
    assert ann.stored(ann.claim("bob", BOB))
    assert ann.stored(ann.register.moderation.unban("eve")[1])
    ann.register.deop(ADA)
    assert ann.stored()
    agree(ann, ben)
    state = ben.register.to_state()
    outage(redis, ann, ben)
    redis.start()
    for name, value in zip(names, older, strict=True):
        redis.call("RESTORE", name, 0, value, "REPLACE")
    # They may have come up before that, and have stored everything in an empty Redis: have them look again.
    turn_until(ann.reactor, lambda: all(server.people.is_ready for server in (ann, ben)), "the return of Redis")
    for server in (ann, ben):
        server.people.up()
    agree(ann, ben)
    assert ben.register.to_state() == state
    assert ben.register.moderation.bans() == []
    turn_until(ann.reactor, lambda: redis.call("HLEN", names[4]) == 0, "the end of the ban in Redis")
    agree(ann, begin())


def test_a_refusal_undoes_what_opens_a_door_and_is_tried_again(
    ann: PeopleServer, ben: PeopleServer, redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", 0.05)
    redis.call("CONFIG", "SET", "maxmemory", "1")
    ann.register.moderation.ban("eve", EVE, None, "ada", None, None)
    assert not ann.stored(ann.claim("ada", ADA))
    assert ann.owner("ada") == frozenset()
    redis.call("CONFIG", "SET", "maxmemory", "0")
    turn_until(ann.reactor, lambda: ben.register.moderation.key_ban(EVE), "the ban")
    assert ben.owner("ada") == frozenset()


def test_functions_that_were_flushed_are_loaded_again(
    ann: PeopleServer, redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", 0.01)
    redis.call("FUNCTION", "FLUSH")
    assert not ann.stored(ann.claim("ada", ADA))
    turn_until(ann.reactor, lambda: ann.people.is_ready and redis.call("FUNCTION", "LIST"))
    assert ann.stored(ann.claim("ada", ADA))


def test_a_use_is_shared_once_in_a_while(ann: PeopleServer, ben: PeopleServer, clock: WallClock) -> None:
    assert ann.stored(ann.claim("ada", ADA))
    agree(ann, ben)
    first = clock.now
    clock.advance(3_600)
    ann.register.refresh_name("ada", ADA)
    assert ann.stored()
    assert [owned.used for owned in ben.register.to_state()["names"]] == [first]
    clock.advance(86_400)
    ann.register.refresh_name("ada", ADA)
    assert ann.stored()
    agree(ann, ben)
    assert [owned.used for owned in ben.register.to_state()["names"]] == [clock.now]


def test_uses_that_need_not_be_shared_do_not_hide_those_that_must(
    ann: PeopleServer, ben: PeopleServer, clock: WallClock
) -> None:
    names = [f"name{number}" for number in range(module.AT_ONCE + 2)]
    for name in names:
        ann.claim(name, ADA).commit()
    assert ann.stored()
    agree(ann, ben)
    for name in names[:-1]:
        ann.register.refresh_name(name, ADA)
    clock.advance(86_400)
    ann.register.refresh_name(names[-1], ADA)
    assert ann.stored()
    agree(ann, ben)


def test_a_store_whose_reply_was_lost_is_not_repeated(
    ann: PeopleServer, ben: PeopleServer, redis: RedisProcess
) -> None:
    ann.store(ann.register.op(ADA))
    ann.people.down("the connection is cut")  # the reply and the push come too late
    turn_until(ann.reactor, lambda: ben.register.is_operator(ADA), "the operator")
    ben.register.deop(ADA)
    assert ben.stored()
    assert ann.answers == []
    ann.people.up()
    turn_until(ann.reactor, lambda: ann.answers, "the answer")
    assert ann.answers == [True]
    agree(ann, ben)
    assert not ann.register.is_operator(ADA)


def test_a_row_of_another_version_is_left_out(ann: PeopleServer, redis: RedisProcess, begin: Begin) -> None:
    assert ann.stored(ann.claim("ada", ADA))
    redis.call("HSET", Keys().key(0, "people:bans"), "x", '7 {"kind": "new"}')
    redis.call("SET", Keys().key(0, "people:version"), "7 x")
    late = begin()
    assert late.faults == [
        "the row 'x' of bans must have the fields address, by, keys, name, text, until and no others"
    ]
    assert ann.stored(ann.claim("bob", BOB))


def test_names_in_comments_of_the_members_file_are_compared_with_what_was_read(
    ann: PeopleServer, begin: Begin, reactor: Reactor, redis: RedisProcess, clock: WallClock
) -> None:
    assert ann.stored(ann.claim("ada", ADA))
    server = PeopleServer(reactor, redis, clock)
    server.register.members = parse_members(f"{key(2).text} ada")
    assert server.register.conflicts == []
    turn_until(reactor, lambda: server.people.is_ready)
    assert [conflict.owner.keys for conflict in server.register.conflicts] == [{ADA}]
    assert server.owner("ada") == {ADA}
    server.deployment.close()


def test_pushes_of_other_channels_are_not_taken(ann: PeopleServer) -> None:
    assert not ann.people.pushed(b"other", b"")


def test_the_cost_of_a_new_name_does_not_grow_with_the_names(
    ann: PeopleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 2_001):
        ann.claim(f"name{number}", fingerprint(number)).commit()
    assert ann.stored()
    asked: list[int] = []
    rows = ann.register.rows
    monkeypatch.setattr(ann.register, "rows", lambda keys: (asked.append(len([*keys])), rows(keys))[1])
    assert ann.stored(ann.claim("zoe", EVE))
    assert sum(asked) <= 3


def test_a_register_survives_a_restart_of_redis_with_a_file(tmp_path: Path, reactor: Reactor, clock: WallClock) -> None:
    with running(tmp_path / "r", "appendonly yes", "appendfsync always") as redis:
        server = PeopleServer(reactor, redis, clock)
        turn_until(reactor, lambda: server.people.is_ready)
        assert server.stored(server.claim("ada", ADA))
        server.deployment.close()
        redis.kill()
        redis.start()
        again = PeopleServer(reactor, redis, clock)
        turn_until(reactor, lambda: again.people.is_ready)
        assert again.owner("ada") == {ADA}
        again.deployment.close()
