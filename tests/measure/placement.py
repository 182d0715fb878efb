#!/usr/bin/env python3
"""Compute what the bus of a large cluster carries, for several ways to place people on servers; print a Markdown table.

    python tests/measure/placement.py                            # 10 million people, 200 servers; 20 s of CPU
    python tests/measure/placement.py --exponent 0               # all rooms have the same size
    python tests/measure/placement.py --people 100000 --servers 8 --mean 20

No server runs here. The population is a model. The sizes of rooms follow Zipf's law between 2 people and `--largest`,
with `--mean` people on average. A person is in 1 to 5 rooms (`ROOMS_OF_A_PERSON`) and says `--talk` messages a minute,
spread over these rooms. A room in which more would be said has `--fastest` messages a second, since people have to read
them. Rooms belong to communities of `--community` people on average. Each room of a person is one of the own community
with the probability `--loyalty`, otherwise any room. The members of a sample of rooms are drawn one by one, with a
fixed seed. The sample has rooms of every size; each stands for those of about the same rank.

The ways to place people:

- random: everybody is on any server. A message goes to Redis once, and from there to each server with a member.
- home: the same, but each room has a home server by its hash, which orders its messages, keeps them in Redis and sends
  them to the other servers with members.
- first room: a person is on the home server of one of the own rooms, chosen by chance.
- affinity: a person is on the server of the own community. Communities are placed where there is most room.

The costs of Redis are inputs, measured with Redis 7.0 on one core: see `PUSH_COSTS`, `COMMIT_COST`, `AOF_COST`.
"""

import argparse
import bisect
import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

ROOMS_OF_A_PERSON = {1: 0.40, 2: 0.25, 3: 0.15, 4: 0.10, 5: 0.10}
"""The part of the people who are in so many rooms: 2.25 on average."""
SMALLEST = 2
PUSH_COSTS = ((2, 13.3), (10, 16.3), (50, 41.5))
"""Redis's CPU for a batch in µs by the number of subscribers: commit, stream and pushes, where a range was measured its
middle. Between and beyond these numbers the cost is a straight line."""
COMMIT_COST = 12.5
"""µs for a batch without subscribers: the line through the first two costs, continued to none."""
AOF_COST = 3.0
"""µs more for a batch with an append-only file, `appendfsync everysec`."""
PUSH_BYTES = 300
"""Bytes of a push, rounded up: a message of 60 characters with its key is 190 as a batch, and 277 as a push."""
UTILISATION = 0.5
"""The part of its core that a shard of Redis is meant to use, which leaves room for bursts and a lost shard."""
SHARD_BITS = 2e9
"""Bits a second that a shard is meant to send."""
STRATA, ROOMS_OF_A_STRATUM = 50, 16


@dataclass(frozen=True, slots=True)
class Model:
    """The population and the servers. `talk` is in messages a minute for each person, `fastest` a second in a room."""

    people: int = 10_000_000
    servers: int = 200
    mean: float = 50.0
    exponent: float = 1.0
    largest: int = 5_000
    community: int = 5_000
    talk: float = 1.0
    fastest: float = 1.0
    seed: int = 1

    @property
    def memberships(self) -> float:
        return self.people * rooms_of_a_person()


@dataclass(frozen=True, slots=True)
class Room:
    """A room and its place in the model. `weight` is how many rooms it stands for."""

    index: int
    size: int
    weight: float


@dataclass(slots=True)
class Load:
    """The load of the bus. All but `fullest` are a second, or sums over the rooms."""

    messages: float = 0.0
    deliveries: float = 0.0
    commits: float = 0.0
    """Sends to whatever orders a room's messages."""
    pushes: float = 0.0
    """Sends from there to servers."""
    redis: float = 0.0
    """Cores of Redis."""
    redis_bits: float = 0.0
    """Bits that Redis sends."""
    rooms: float = 0.0
    touched: float = 0.0
    """Servers touched, summed over the rooms."""
    fullest: float = 1.0
    """People on the fullest server, as a multiple of the mean."""

    @property
    def sends(self) -> float:
        return self.commits + self.pushes

    @property
    def bits(self) -> float:
        return self.sends * PUSH_BYTES * 8

    @property
    def shards(self) -> int:
        return max(1, math.ceil(self.redis / UTILISATION), math.ceil(self.redis_bits / SHARD_BITS))


# --- the population


def rooms_of_a_person() -> float:
    """The mean number of a person's rooms."""
    return sum(count * part for count, part in ROOMS_OF_A_PERSON.items())


def sizes(model: Model) -> list[int]:
    """The sizes of all rooms, largest first: Zipf's law, scaled to the number of memberships."""
    count = max(1, round(model.memberships / model.mean))
    powers = [rank**-model.exponent for rank in range(1, count + 1)]

    def scaled(factor: float) -> Iterator[float]:
        return (min(model.largest, max(SMALLEST, factor * power)) for power in powers)

    low, high = 0.0, float(model.largest) * count
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(scaled(middle)) < model.memberships else (low, middle)
    return [round(size) for size in scaled(high)]


def sample(sizes: Sequence[int], generator: random.Random) -> list[Room]:
    """Rooms of every stratum of ranks. Their weights add up to the number of rooms."""
    bounds = sorted({round(len(sizes) ** (step / STRATA)) for step in range(STRATA + 1)} | {0, len(sizes)})
    drawn = []
    for first, last in itertools.pairwise(bounds):
        ranks = range(first, last)
        chosen = ranks if len(ranks) <= ROOMS_OF_A_STRATUM else generator.sample(ranks, ROOMS_OF_A_STRATUM)
        drawn += [Room(rank, sizes[rank], len(ranks) / len(chosen)) for rank in chosen]
    return drawn


def rate(model: Model, size: int) -> float:
    """Messages a second in a room."""
    return min(model.fastest, size * model.talk / 60 / rooms_of_a_person())


class Population:
    """Rooms, their communities, and where both are placed."""

    def __init__(self, model: Model) -> None:
        generator = random.Random(model.seed)
        self.model = model
        self.sizes = sizes(model)
        count = max(1, round(model.people / model.community))
        self.communities = [generator.randrange(count) for _ in self.sizes]
        self.rooms_of: list[list[int]] = [[] for _ in range(count)]
        for room, community in enumerate(self.communities):
            self.rooms_of[community].append(room)
        self.ends_of = [list(itertools.accumulate(self.sizes[room] for room in rooms)) for rooms in self.rooms_of]
        self.ends = list(itertools.accumulate(self.sizes))
        self.homes = [generator.randrange(model.servers) for _ in self.sizes]
        people = [ends[-1] / rooms_of_a_person() if ends else 0.0 for ends in self.ends_of]
        self.servers_of, self.by_affinity = spread(people, model.servers)
        self.by_first_room = [0.0] * model.servers
        for room, size in enumerate(self.sizes):
            self.by_first_room[self.homes[room]] += size / rooms_of_a_person()
        self.sample = sample(self.sizes, generator)

    def room_of(self, community: int, generator: random.Random) -> int:
        """A room of a community, as a member of any of them chooses."""
        ends = self.ends_of[community]
        return self.rooms_of[community][bisect.bisect_right(ends, generator.random() * ends[-1])]

    def any_room(self, generator: random.Random) -> int:
        """A room, as any member of any room chooses."""
        return bisect.bisect_right(self.ends, generator.random() * self.ends[-1])


def spread(people: Sequence[float], servers: int) -> tuple[list[int], list[float]]:
    """Put each group of people on the server with the fewest, the largest groups first.

    Returns the server of each group, and the people of each server.
    """
    places, loads = [0] * len(people), [0.0] * servers
    for group in sorted(range(len(people)), key=lambda group: -people[group]):
        server = min(range(servers), key=loads.__getitem__)
        places[group] = server
        loads[server] += people[group]
    return places, loads


# --- where the members of a room are


type Placement = Callable[[Population, int, float, random.Random], int]
"""Draws a member of a room, by the room's index and the loyalty, and returns the member's server."""


def anywhere(population: Population, room: int, loyalty: float, generator: random.Random) -> int:
    return generator.randrange(population.model.servers)


_COUNTS = list(ROOMS_OF_A_PERSON)
_ENDS = list(itertools.accumulate(count * part for count, part in ROOMS_OF_A_PERSON.items()))  # seen from a room


def at_first_room(population: Population, room: int, loyalty: float, generator: random.Random) -> int:
    count = _COUNTS[bisect.bisect_right(_ENDS, generator.random() * _ENDS[-1])]
    if generator.random() * count < 1:
        return population.homes[room]
    first = population.any_room(generator)
    if generator.random() < loyalty:  # this room is one of the member's community, and that one as well
        first = population.room_of(population.communities[room], generator)
    return population.homes[first]


def at_community(population: Population, room: int, loyalty: float, generator: random.Random) -> int:
    community = population.communities[room]
    if generator.random() >= loyalty:
        community = population.communities[population.any_room(generator)]
    return population.servers_of[community]


# --- what the bus carries


def push_cost(subscribers: int) -> float:
    """µs of Redis for a batch that goes to so many servers."""
    for (few, cheap), (many, dear) in itertools.pairwise(PUSH_COSTS):
        if subscribers <= many or many == PUSH_COSTS[-1][0]:
            return cheap + (subscribers - few) * (dear - cheap) / (many - few)
    raise AssertionError


def touch(population: Population, placement: Placement, loyalty: float) -> list[int]:
    """How many servers each room of the sample touches if people are placed so."""
    generator = random.Random(population.model.seed + 1)
    return [
        len({placement(population, room.index, loyalty, generator) for _ in range(room.size)})
        for room in population.sample
    ]


def carry(model: Model, rooms: Sequence[Room], touched: Sequence[int], by_home: bool = False) -> Load:
    """The load of the bus from these rooms. With `by_home`, home servers order messages and send them on."""
    load = Load()
    for room, servers in zip(rooms, touched, strict=True):
        messages = room.weight * rate(model, room.size)
        load.rooms += room.weight
        load.touched += room.weight * servers
        load.messages += messages
        load.deliveries += messages * room.size
        if by_home:  # to the home server, from there into Redis, and to the other servers with members
            load.commits += messages * 2
            load.pushes += messages * servers * (1 - 1 / model.servers)
            load.redis += messages * (COMMIT_COST + AOF_COST) / 1e6
        else:
            load.commits += messages
            load.pushes += messages * servers
            load.redis += messages * (push_cost(servers) + AOF_COST) / 1e6
            load.redis_bits += messages * servers * PUSH_BYTES * 8
    return load


def compare(population: Population, loyalties: Sequence[float]) -> list[tuple[str, Load]]:
    """The load of each way to place people, with its name."""
    model, rooms = population.model, population.sample
    touched = touch(population, anywhere, 0.0)
    rows = [("random", carry(model, rooms, touched)), ("home", carry(model, rooms, touched, by_home=True))]
    for loyalty in loyalties:
        for name, placement, people in (
            ("first room", at_first_room, population.by_first_room),
            ("affinity", at_community, population.by_affinity),
        ):
            load = carry(model, rooms, touch(population, placement, loyalty))
            load.fullest = max(people) * len(people) / sum(people)
            rows.append((f"{name}, loyalty {loyalty:g}", load))
    return rows


COLUMNS: dict[str, Callable[[Model, Load], str]] = {
    "servers touched by a room": lambda model, load: f"{load.touched / load.rooms:.1f}",
    "by a message": lambda model, load: f"{load.pushes / load.messages:.1f}",
    "bus sends/s": lambda model, load: f"{load.sends:,.0f}",
    "bus Gbit/s": lambda model, load: f"{load.bits / 1e9:.2f}",
    "pushes/s to a server": lambda model, load: f"{load.pushes / model.servers:,.0f}",
    "deliveries for a push": lambda model, load: f"{load.deliveries / load.pushes:.1f}",
    "Redis cores": lambda model, load: f"{load.redis:.2f}",
    "Redis shards": lambda model, load: f"{load.shards}",
    "fullest server": lambda model, load: f"{load.fullest:.2f}",
}


def report(population: Population, rows: Sequence[tuple[str, Load]]) -> str:
    """The table, after a sentence about the population."""
    model, counts = population.model, population.sizes
    load = rows[0][1]
    lines = [
        f"{model.people:,} people on {model.servers} servers, in {len(counts):,} rooms of {counts[-1]} to {counts[0]:,}"
        f" people (mean {sum(counts) / len(counts):.1f}, median {counts[len(counts) // 2]}), say {load.messages:,.0f}"
        f" messages a second, which are {load.deliveries:,.0f} deliveries.",
        "",
        f"| placement | {' | '.join(COLUMNS)} |",
        f"| --- |{' --: |' * len(COLUMNS)}",
    ]
    for name, load in rows:
        lines.append(f"| {name} | {' | '.join(show(model, load) for show in COLUMNS.values())} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in Model.__dataclass_fields__:
        default = getattr(Model(), name)
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"by default {default:,}")
    parser.add_argument("--loyalty", type=float, nargs="+", default=[0.8, 0.95, 0.99], help="by default 0.8 0.95 0.99")
    given = vars(parser.parse_args())
    loyalties = given.pop("loyalty")
    population = Population(Model(**given))
    print(report(population, compare(population, loyalties)))


if __name__ == "__main__":
    main()
