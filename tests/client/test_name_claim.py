"""A name that somebody else has is asked for again."""

import math
import random
from collections.abc import Iterator

import pytest

from pylingo.client.client import Client
from pylingo.client.name_claim import FIRST_CLAIM, LONGEST_CLAIM, NameClaim
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.messages import (
    Command,
    Error,
    Joined,
    Notice,
    Ready,
    Renamed,
)
from tests.fakes.clock import Clock
from tests.fakes.game import WELCOME, Game
from tests.support import Peer, ServerProcess


@pytest.fixture
def game() -> Iterator[Game]:
    playing = Game()
    yield playing
    playing.close()


def test_a_name_is_asked_for_while_it_is_wanted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(random, "uniform", lambda low, high: 1.0)
    clock = Clock()
    reactor = Reactor(clock, most_late=math.inf)
    asked: list[float] = []
    claim = NameClaim(reactor, lambda: asked.append(clock.now))

    def pass_time(seconds: float) -> int:
        """The number of questions in that time."""
        count = len(asked)
        clock.now += seconds
        reactor.tick(0)
        return len(asked) - count

    claim.watch("ada")
    claim.watch("ada")
    assert pass_time(FIRST_CLAIM - 0.1) == 0
    assert pass_time(0.2) == 1
    assert pass_time(LONGEST_CLAIM) == 0, "nobody has said that it is still wanted"
    claim.watch("ada")
    assert pass_time(2 * FIRST_CLAIM - 0.1) == 0
    claim.cancel()
    assert pass_time(LONGEST_CLAIM) == 0
    claim.watch("ada")
    assert pass_time(4 * FIRST_CLAIM + 0.1) == 1
    claim.watch("ada")
    claim.watch(None)
    assert pass_time(LONGEST_CLAIM) == 0
    claim.watch("ada")
    assert pass_time(FIRST_CLAIM + 0.1) == 1, "the delays begin anew"
    reactor.close()


def test_a_name_that_is_taken_is_asked_for_again_and_ever_less_often(game: Game, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(random, "uniform", lambda low, high: 1.0)
    game.turn_until(lambda: game.heard, "its hello")
    game.say(WELCOME, Ready("guest-1", None, "0" * 32, False), Error("name-taken", "no", game.heard[0].id))  # type: ignore[attr-defined]
    game.turn_until(lambda: game.client.conversation.wanted == "ada", "the refusal")
    times = []
    for delay in (5, 10, 20, 40, 80, 160, 300, 300):
        game.heard.clear()
        game.pass_time(delay - 0.5)
        game.settle()
        asked = [record for record in game.heard if isinstance(record, Command)]
        assert asked == []
        game.say(Notice("alive"))
        game.settle()
        game.pass_time(0.6)
        game.turn_until(lambda: any(isinstance(record, Command) for record in game.heard), "the question")
        [asked] = [record for record in game.heard if isinstance(record, Command)]
        times.append(delay)
        game.say(Error("name-taken", "no", asked.id))
        game.settle()
    game.heard.clear()
    game.pass_time(301)
    game.turn_until(lambda: any(isinstance(record, Command) for record in game.heard), "the question")
    [asked] = [record for record in game.heard if isinstance(record, Command)]
    game.say(Renamed("guest-1", "ada", re=asked.id))
    game.turn_until(lambda: game.client.conversation.wanted is None, "the name")
    game.heard.clear()
    game.pass_time(1_000)
    game.settle()
    assert not any(isinstance(record, Command) for record in game.heard)


def test_a_bot_that_was_killed_has_its_name_back_when_its_seat_is_given_up():
    with ServerProcess("--resume-grace", "0.3") as server, Peer(server.port) as ghost:
        ghost.hello("ada")
        ghost.send(Command("join", "lobby"))
        with Client("127.0.0.1", server.port, name="ada") as bot:
            frames = bot.frames()
            while not isinstance(next(frames), Joined):
                pass
            assert bot.conversation.wanted == "ada"
            ghost.until(Joined, name=bot.conversation.name)
            ghost.reset()
            while not isinstance(frame := next(frames), Renamed):
                pass
            assert frame.new == bot.conversation.name == "ada"
