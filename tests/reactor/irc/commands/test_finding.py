"""Looking people up by name."""

from collections.abc import Callable

import pytest

from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.session import Session
from pylingo.reactor.irc.commands.finding import find_people
from tests.fakes.irc_client import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_those_who_are_here_are_found_in_any_spelling(desk: Desk):
    ada = desk.client("ada")
    desk.client("Bob")
    found: list[str] = []
    find_people(
        ada.client, ["BOB", "nobody", "x" * 1_000, "ada"], lambda people: found.extend(it.nick for it in people)
    )
    assert found == ["Bob", "ada"]


def test_the_command_waits_for_the_answers(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    ada, asked = desk.client("ada"), list[Callable[[], object]]()
    eve: Person[Session] = Person("Eve", 0)
    eve.away = "lunch"

    def look_up(session: Session, name: str, re: int | None, then: Callable[[], object]) -> None:
        session.is_busy = True
        asked.append(then)

    monkeypatch.setattr(desk.chat.hub.bus, "look_up", look_up)
    ada.sends("USERHOST eve ada", "PING 1")
    assert ada.got() == []
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(desk.chat.hub.bus, "stranger", {"eve": eve}.get)
            asked.pop()()
        ada.session.is_busy = False
        ada.go_on()
    assert ada.got() == [":irc.test 302 ada :Eve=-native@pylingo ada=+ada-user@pylingo", ":irc.test PONG irc.test 1"]
