"""Whether a Redis can carry a chat."""

import pytest

from pylingo.reactor.bus.redis.fitness import Fitness, examine, parse_info, why_evicts
from tests.redis_server import RedisProcess

GOOD = {"redis_version": "7.0.15", "role": "master", "maxmemory_policy": "noeviction", "cluster_enabled": "0"}
REPLICA = {"role": "slave", "master_host": "10.0.0.1", "master_port": "6379"}


@pytest.mark.parametrize(
    ("more", "is_found", "fitness", "words"),
    [
        ({}, False, Fitness.FIT, ""),
        ({"redis_version": "10.1"}, False, Fitness.FIT, ""),
        ({"redis_version": "6.2.14"}, False, Fitness.UNFIT, "version 6.2.14: install 7.0 or newer"),
        ({"redis_version": ""}, False, Fitness.UNFIT, "version unknown"),
        ({"redis_version": "6.0", "valkey_version": "8.0.1"}, False, Fitness.FIT, ""),
        ({"loading": "1"}, False, Fitness.LATER, "is loading"),
        ({"async_loading": "1"}, False, Fitness.LATER, "is loading"),
        ({"loading": "0"}, False, Fitness.FIT, ""),
        (REPLICA, False, Fitness.UNFIT, "give the address of its primary, 10.0.0.1:6379"),
        (REPLICA, True, Fitness.LATER, "is a replica of 10.0.0.1:6379 now"),
        ({"cluster_enabled": "1"}, False, Fitness.CLUSTER, ""),
        ({"cluster_enabled": "1", **REPLICA}, False, Fitness.CLUSTER, ""),
        ({"cluster_enabled": "1"}, True, Fitness.FIT, ""),
        ({"maxmemory_policy": "allkeys-lru"}, True, Fitness.UNFIT, "is allkeys-lru: set it to noeviction"),
    ],
)
def test_verdicts(more: dict[str, str], is_found: bool, fitness: Fitness, words: str) -> None:
    verdict = examine(GOOD | more, is_found)
    assert verdict.fitness is fitness
    assert words in verdict.why
    assert bool(verdict.why) == bool(words)


def test_a_redis_cluster_has_one_database() -> None:
    assert examine(GOOD | {"cluster_enabled": "1"}, False, db=1).fitness is Fitness.UNFIT
    assert examine(GOOD, False, db=1).fitness is Fitness.FIT


def test_a_real_one(redis: RedisProcess) -> None:
    info = parse_info(redis.call("INFO"))
    assert info["role"] == "master"
    assert examine(info, False).fitness is Fitness.FIT
    redis.call("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    assert "volatile-lru" in why_evicts(parse_info(redis.call("INFO")))
