"""How a client comes and goes."""

import itertools

import pytest

from pylingo.reactor.irc.commands.registration import complete
from pylingo.reactor.people.passwords import Verdict
from tests.fakes.chat import Chat
from tests.fakes.irc_client import Desk, numbers

STEPS = ("NICK ada", "USER ada 0 * :Ada", "CAP LS 302", "CAP REQ :server-time")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("order", [some for some in itertools.permutations(STEPS) if "CAP" in some[0] + some[1]])
def test_a_client_is_registered_whatever_the_order(desk: Desk, order: tuple[str, ...]):
    ada = desk.stranger()
    assert "001" not in numbers(ada.asks(*order))
    assert numbers(ada.asks("CAP END"))[0] == "001"
    assert ada.session.person.name == "ada"


def test_without_a_negotiation_nick_and_user_are_enough(desk: Desk):
    for order in (STEPS[:2], STEPS[1::-1]):
        ada = Desk().stranger()
        assert numbers(ada.asks(*order))[0] == "001"
    complete(ada.client)
    assert ada.got() == []


def test_a_name_that_is_taken_leaves_another_chance(desk: Desk):
    desk.chat.person("ada")
    somebody = desk.stranger()
    assert numbers(somebody.asks("USER a 0 * :A", "NICK Ada")) == ["433"]
    assert numbers(somebody.asks("NICK bob"))[0] == "001"


def test_a_name_that_is_taken_between_nick_and_user_leaves_another_chance(desk: Desk):
    somebody, other = desk.stranger(), desk.stranger()
    somebody.sends("NICK ada")
    other.sends("NICK ada", "USER b 0 * :B")
    assert numbers(somebody.asks("USER a 0 * :A")) == ["433"]
    assert numbers(somebody.asks("NICK cid"))[0] == "001"
    assert somebody.session.person.name == "cid"


@pytest.mark.parametrize("nick", ["guest-7", "a b!", "#x", "\u00e4\u0430", "x" * 400])
def test_a_name_that_is_not_allowed(desk: Desk, nick: str):
    assert numbers(desk.stranger().asks(f"NICK :{nick}")) == ["432"]
    assert numbers(desk.client("ada").asks(f"NICK :{nick}")) == ["432"]


def test_no_name_at_all(desk: Desk):
    assert numbers(desk.stranger().asks("NICK", "NICK :")) == ["431", "431"]


def test_a_name_can_be_changed_and_is_told_once(desk: Desk):
    ada, bob = desk.client("ada", "#tea,#lobby"), desk.client("bob", "#tea,#lobby")
    ada.got()
    assert ada.asks("NICK lovelace", "NICK lovelace", "NICK bob") == [
        ":ada!ada-user@pylingo NICK lovelace",
        ":irc.test 433 lovelace bob :somebody here has that name: choose another one",
    ]
    assert bob.got() == [":ada!ada-user@pylingo NICK :lovelace"]


class Gate:
    """A password, which is compared when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, object]] = []

    def check(self, password: str, host: str, done) -> None:
        self.waiting.append((password, done))


def test_a_password_is_checked_and_what_follows_waits(desk: Desk):
    gate = desk.chat.hub.access.password = Gate()
    ada = desk.stranger()
    assert ada.asks("PASS secret", "NICK ada", "USER a 0 * :A", "JOIN #tea") == []
    [(password, done)] = gate.waiting
    assert password == "secret"
    done(Verdict.RIGHT)
    assert numbers(ada.got())[-3:] == ["JOIN", "353", "366"]


@pytest.mark.parametrize("lines", [("PASS wrong",), ()])
def test_a_wrong_password_ends_the_connection(desk: Desk, lines: tuple[str, ...]):
    gate = desk.chat.hub.access.password = Gate()
    ada = desk.stranger()
    ada.sends(*lines, "NICK ada", "USER a 0 * :A")
    for _, done in gate.waiting:
        done(Verdict.WRONG)
    assert numbers(ada.got()) == ["464", "ERROR"]
    assert ada.endings == ["password"]


def test_nothing_is_registered_twice(desk: Desk):
    assert numbers(desk.client("ada").asks("USER a 0 * :A", "PASS x")) == ["462", "462"]


@pytest.mark.parametrize("word", ["GET / HTTP/1.1", "POST / HTTP/1.1", "post /", "EHLO x"])
def test_another_protocol_is_no_irc(desk: Desk, word: str):
    browser = desk.stranger()
    lines = browser.asks(word, "Host: x", "NICK ada", "USER a 0 * :A")
    assert numbers(lines) == ["ERROR"]
    assert browser.endings == ["bad-frame"]
    assert numbers(desk.client("ada").asks("GET /")) == ["421"]


def test_capabilities_are_listed_and_change_the_dialect(desk: Desk):
    ada = desk.client("ada", "#tea")
    assert ada.asks("CAP LIST", "CAP FROB") == [
        ":irc.test CAP ada LIST :",
        ":irc.test 410 ada FROB :Invalid CAP command",
    ]
    before = ada.client.dialect
    assert ada.asks("CAP REQ :message-tags") == [":irc.test CAP ada ACK message-tags"]
    assert ada.client.dialect is not before
    assert ada.asks("CAP REQ :nonsense") == [":irc.test CAP ada NAK nonsense"]


def test_quitting_is_told_with_the_words(desk: Desk):
    ada, bob = desk.client("ada", "#tea,#lobby"), desk.client("bob", "#tea,#lobby")
    bob.got()
    assert ada.asks("QUIT :see you", "PING 1") == ["ERROR :Closing link: (close) Quit: see you"]
    assert bob.got() == [":ada!ada-user@pylingo QUIT :Quit: see you"]
    assert desk.chat.hub.here("ada") is None


def test_somebody_who_is_lost_is_gone_at_once():
    desk = Desk(Chat(grace=60.0))
    ada, bob = desk.client("ada", "#tea"), desk.client("bob", "#tea")
    bob.got()
    ada.session.lost()
    assert bob.got() == [":ada!ada-user@pylingo QUIT :lost"]
    assert numbers(desk.stranger().asks("NICK ada", "USER a 0 * :A"))[0] == "001"


def test_ping_and_pong(desk: Desk):
    assert desk.stranger().asks("PING x", "PING :", "PONG y") == [
        ":irc.test PONG irc.test x",
        ":irc.test 409 * :No origin specified",
    ]


def test_a_real_name_can_be_changed(desk: Desk):
    ada = desk.client("ada", caps="setname")
    assert ada.asks("SETNAME :The Countess") == [":ada!ada-user@pylingo SETNAME :The Countess"]
    assert "The Countess" in ada.asks("WHOIS ada")[0]


def test_what_is_missing_is_said(desk: Desk):
    assert numbers(desk.stranger().asks("USER a 0 * :", "USER a")) == ["461", "461"]


def test_strangers_are_counted(desk: Desk):
    stranger = desk.stranger()
    assert ":irc.test 253 ada 1 :unregistered connections" in desk.client("ada").asks("LUSERS")
    stranger.session.lost()
    assert desk.gateway.count_unregistered() == 0
    stranger.client.closed()
    assert desk.gateway.unregistered == set()
