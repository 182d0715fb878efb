"""The arithmetic of tests/measure/placement.py, and that the same seed gives the same table."""

import random
import subprocess
import sys

import pytest

from tests.measure.placement import (
    AOF_COST,
    COMMIT_COST,
    PUSH_BYTES,
    PUSH_COSTS,
    SMALLEST,
    Model,
    Population,
    Room,
    anywhere,
    at_community,
    at_first_room,
    carry,
    compare,
    push_cost,
    rate,
    report,
    rooms_of_a_person,
    sample,
    sizes,
    spread,
    touch,
)
from tests.support import DEADLINE, ROOT

SMALL = Model(people=20_000, servers=10, mean=20.0, largest=500, community=1_000)
EQUAL = Model(people=20_000, servers=10, mean=20.0, exponent=0.0, community=1_000)


def test_the_sizes_of_rooms_follow_zipf_s_law_and_add_up() -> None:
    found = sizes(SMALL)
    assert found == sorted(found, reverse=True)
    assert found[0] == SMALL.largest
    assert min(found) >= SMALLEST
    assert sum(found) == pytest.approx(SMALL.people * rooms_of_a_person(), rel=0.02)
    assert sum(found) / len(found) == pytest.approx(SMALL.mean, rel=0.02)
    assert found[199] / found[399] == pytest.approx(2, rel=0.1)
    assert set(sizes(EQUAL)) == {20}


def test_the_sample_stands_for_all_rooms() -> None:
    counts = sizes(SMALL)
    rooms = sample(counts, random.Random(1))
    assert len({room.index for room in rooms}) == len(rooms) < len(counts)
    assert sum(room.weight for room in rooms) == pytest.approx(len(counts))
    assert sum(room.weight * room.size for room in rooms) == pytest.approx(sum(counts), rel=0.05)
    assert all(room.size == counts[room.index] for room in rooms)


def test_a_room_has_the_messages_of_its_people_up_to_a_bound() -> None:
    assert rate(Model(talk=1.0), 50) == pytest.approx(50 / 60 / rooms_of_a_person())
    assert rate(Model(talk=2.0), 50) == pytest.approx(100 / 60 / rooms_of_a_person())
    assert rate(Model(fastest=5.0), 1_000_000) == 5.0


@pytest.mark.parametrize(("subscribers", "cost"), PUSH_COSTS)
def test_the_costs_that_were_measured(subscribers: int, cost: float) -> None:
    assert push_cost(subscribers) == cost


def test_between_and_beyond_the_costs_there_are_lines() -> None:
    assert push_cost(6) == pytest.approx((13.3 + 16.3) / 2)
    assert push_cost(30) == pytest.approx((16.3 + 41.5) / 2)
    assert push_cost(90) == pytest.approx(41.5 + (41.5 - 16.3))
    assert COMMIT_COST == pytest.approx(push_cost(0), abs=0.1)


def test_groups_are_spread_where_there_is_most_room() -> None:
    places, loads = spread([5.0, 3.0, 3.0, 2.0], 2)
    assert loads == [7.0, 6.0]
    assert places[0] != places[1] == places[2]
    assert [
        sum(people for people, place in zip([5, 3, 3, 2], places, strict=True) if place == i) for i in (0, 1)
    ] == loads


def test_what_the_bus_carries() -> None:
    model = Model(servers=4, talk=60 * rooms_of_a_person(), fastest=100.0)  # a message a second from each member
    load = carry(model, [Room(0, 10, 2.0)], [3])
    assert (load.messages, load.deliveries, load.commits, load.pushes) == (20, 200, 20, 60)
    assert load.sends == 80
    assert load.bits == 80 * PUSH_BYTES * 8
    assert load.redis_bits == 60 * PUSH_BYTES * 8
    assert load.redis == pytest.approx(20 * (push_cost(3) + AOF_COST) / 1e6)
    assert load.touched / load.rooms == 3
    assert load.shards == 1
    home = carry(model, [Room(0, 10, 2.0)], [3], by_home=True)
    assert (home.messages, home.commits, home.pushes) == (20, 40, 45)
    assert home.redis < load.redis
    assert home.redis_bits == 0


def test_there_are_shards_for_the_work_and_for_the_bytes() -> None:
    load = carry(SMALL, [], [])
    assert load.shards == 1
    load.redis = 1.1
    assert load.shards == 3
    load.redis_bits = 9e9
    assert load.shards == 5


def test_at_random_a_room_touches_as_many_servers_as_its_people_make_likely() -> None:
    population = Population(EQUAL)
    touched = touch(population, anywhere, 0.0)
    assert sum(touched) / len(touched) == pytest.approx(10 * (1 - 0.9**20), rel=0.03)


def test_the_more_loyal_people_are_the_fewer_servers_a_room_touches() -> None:
    population = Population(EQUAL)
    means = []
    for loyalty in (0.0, 0.8, 0.99, 1.0):
        touched = touch(population, at_community, loyalty)
        means.append(sum(touched) / len(touched))
    assert means == sorted(means, reverse=True)
    assert means[0] == pytest.approx(10 * (1 - 0.9**20), rel=0.05)
    assert means[-1] == 1


def test_the_members_of_a_room_who_have_no_other_are_on_its_home_server() -> None:
    population = Population(EQUAL)
    generator = random.Random(1)
    places = [at_first_room(population, 7, 0.0, generator) for _ in range(4_000)]
    # Of the people in a room, 1 / 2.25 have drawn it as their first, and a tenth of the others is there by chance.
    expected = 1 / rooms_of_a_person() + (1 - 1 / rooms_of_a_person()) / 10
    assert places.count(population.homes[7]) / len(places) == pytest.approx(expected, abs=0.05)


def test_the_same_seed_gives_the_same_table() -> None:
    def table(model: Model) -> str:
        population = Population(model)
        return report(population, compare(population, [0.9]))

    assert table(SMALL) == table(SMALL)
    assert table(SMALL) != table(Model(people=20_000, servers=10, mean=20.0, largest=500, community=1_000, seed=2))


def run(*arguments: str) -> str:
    command = [sys.executable, str(ROOT / "tests" / "measure" / "placement.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True).stdout


def test_the_program_prints_a_row_for_each_way() -> None:
    out = run("--people", "5000", "--servers", "4", "--mean", "10", "--largest", "200", "--loyalty", "0.9", "1")
    assert out.startswith("5,000 people on 4 servers, in 1,125 rooms of ")
    rows = [row.split(" | ")[0] for row in out.splitlines() if row.startswith("| ")][2:]
    ways = [
        "random",
        "home",
        *(f"{way}, loyalty {part}" for part in ("0.9", "1") for way in ("first room", "affinity")),
    ]
    assert rows == [f"| {way}" for way in ways]
    assert "--loyalty" in run("--help")
