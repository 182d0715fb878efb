"""What INFO says about the state of a Redis."""

from pylingo.reactor.bus.redis.redis_state import RedisState

INFO = {
    "redis_version": "7.0.15",
    "role": "master",
    "used_memory": "1048576",
    "maxmemory": "0",
    "maxmemory_policy": "noeviction",
    "connected_slaves": "2",
    "aof_enabled": "1",
}


def test_a_primary_without_a_limit() -> None:
    assert RedisState.of(INFO) == RedisState("7.0.15", "primary", 1_048_576, None, "noeviction", 2, durable=True)


def test_a_replica_with_a_limit_that_forgets() -> None:
    info = INFO | {"role": "slave", "maxmemory": "5000000", "maxmemory_policy": "allkeys-lru", "aof_enabled": "0"}
    assert RedisState.of(info) == RedisState("7.0.15", "replica", 1_048_576, 5_000_000, "allkeys-lru", 2, durable=False)


def test_a_redis_whose_disk_is_full_is_not_durable() -> None:
    assert RedisState.of(INFO | {"aof_last_write_status": "ok"}).durable
    assert not RedisState.of(INFO | {"aof_last_write_status": "err"}).durable


def test_valkey_says_its_own_version() -> None:
    assert RedisState.of(INFO | {"redis_version": "7.2.4", "valkey_version": "8.0.1"}).version == "8.0.1"


def test_a_redis_that_tells_little() -> None:
    assert RedisState.of({"used_memory": "many"}) == RedisState("", "", 0, None, "noeviction", 0, durable=False)
