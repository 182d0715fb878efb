"""The connections of one command to Redis, which may be there, away or silent."""

from collections.abc import Iterator

import pytest

from pylingo.reactor import cluster_errand as module
from pylingo.reactor.cluster_errand import Errand
from pylingo.shared.launch import LaunchError
from tests.redis_server import RedisProcess


class Command:
    """What an errand is for."""

    def __init__(self, redis: RedisProcess) -> None:
        self.events: list[str] = []
        self.errand = Errand(redis.settings(), self)

    def up(self) -> None:
        self.events.append("up")

    def down(self, why: str) -> None:
        self.events.append("down")

    def pushed(self, channel: bytes, data: bytes) -> None:
        self.events.append(f"{channel.decode()} {data.decode()}")


@pytest.fixture
def command(redis: RedisProcess) -> Iterator[Command]:
    made = Command(redis)
    yield made
    made.errand.close()


def test_the_command_hears_of_the_connections(redis: RedisProcess, command: Command) -> None:
    command.errand.wait(lambda: command.events == ["up"])
    command.errand.deployment.ears(0).tell("SSUBSCRIBE", "news")
    command.errand.wait(lambda: redis.call("SPUBLISH", "news", "hello") == 1)
    command.errand.wait(lambda: "news hello" in command.events)


def test_a_redis_that_is_not_there(redis: RedisProcess) -> None:
    redis.kill()
    command = Command(redis)
    with pytest.raises(LaunchError, match="cannot reach the cluster at redis") as caught:
        command.errand.wait(lambda: False)
    command.errand.close()
    assert (caught.value.status, set(command.events)) == (1, {"down"})


def test_a_redis_that_goes_away_later_is_waited_for(redis: RedisProcess, command: Command) -> None:
    command.errand.wait(lambda: command.events == ["up"])
    redis.kill()
    command.errand.wait(lambda: command.events == ["up", "down"])
    redis.start()
    command.errand.wait(lambda: command.events[-1] == "up")


def test_a_redis_that_hangs(redis: RedisProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    redis.pause()
    command = Command(redis)
    with pytest.raises(LaunchError, match=r"the Redis at redis.* does not answer"):
        command.errand.wait(lambda: False)
    redis.resume()
    command.errand.close()


def test_the_first_reason_is_told(command: Command) -> None:
    command.errand.lacks_cluster()
    command.errand.fail("another reason")
    with pytest.raises(LaunchError, match="there is no cluster called pylingo in the Redis at redis"):
        command.errand.wait(lambda: True)
