"""One IRC client: its lines, its pace, its labels, its echoes, and what it is told after it was slow."""

import random

import pytest

from pylingo.reactor.irc.client import REGISTRATION, Client, Stage
from pylingo.reactor.irc.message import parse
from pylingo.reactor.irc.responses import Responses
from pylingo.reactor.irc.sasl import Exchange
from pylingo.shared.messages import Command, Notice, Say
from tests.fakes.chat import Chat
from tests.fakes.irc_client import Desk, numbers

TAGS = "message-tags server-time"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def words(line: str) -> str:
    """A line without its tags."""
    return line.partition(" ")[2] if line.startswith("@") else line


def test_bytes_in_any_cut_are_the_same(desk: Desk):
    text = "NICK ada\r\nUSER ada 0 * :Ada\r\nJOIN #tea\r\nPRIVMSG #tea :hi\r\nPING 1\r\n"
    somebody = desk.stranger()
    for byte in text.encode():
        somebody.sends_bytes(bytes([byte]))
    lines = somebody.got()
    assert numbers(lines)[0] == "001"
    assert lines[-1] == ":irc.test PONG irc.test 1"


def test_garbage_is_answered_and_harms_nobody(desk: Desk):
    chance = random.Random(7)
    bob = desk.client("bob", "#tea")
    for _ in range(300):
        ada = desk.stranger() if chance.random() < 0.5 else desk.client(f"a{chance.randrange(10**9)}", "#tea")
        head = chance.choice([b"", b"PRIVMSG #tea :", b"JOIN ", b"NICK ", b"MODE ", b"@", b":", b"WHO ", b"CAP "])
        ada.sends_bytes(head + chance.randbytes(chance.randrange(200)).replace(b"\n", b"") + b"\r\n")
        ada.got()
        if ada.client.is_open:
            ada.session.lost()
    assert bob.asks("PING still")[-1] == ":irc.test PONG irc.test still"


def test_a_byte_that_is_not_utf_8(desk: Desk):
    ada = desk.client("ada", "#tea", caps="standard-replies")
    ada.sends_bytes(b"PRIVMSG #tea :\xff\r\n")
    assert ada.got() == [":irc.test FAIL PRIVMSG INVALID_UTF8 :a line must be UTF-8; set your client to it"]
    plain = desk.client("bob")
    plain.sends_bytes(b"PRIVMSG #tea :\xff\r\n")
    assert numbers(plain.got()) == ["FAIL"]


def test_a_line_that_is_too_long_is_refused_and_the_next_is_handled(desk: Desk):
    ada = desk.client("ada")
    assert numbers(ada.asks("PRIVMSG bob :" + "x" * 600, "PING 1")) == ["417", "PONG"]


def test_a_line_without_an_end_for_too_long_breaks_the_stream(desk: Desk):
    from pylingo.shared.errors import FrameError

    with pytest.raises(FrameError):
        desk.client("ada").sends_bytes(b"x" * 17_000)


def test_an_unknown_command_and_one_with_too_few_parameters(desk: Desk):
    ada = desk.client("ada")
    assert ada.asks("FROB x", "JOIN") == [
        ":irc.test 421 ada FROB :Unknown command",
        ":irc.test 461 ada JOIN :Not enough parameters",
    ]


def test_nothing_is_handled_before_registration(desk: Desk):
    assert numbers(desk.stranger().asks("JOIN :", "PRIVMSG a :b", "FROB")) == ["451", "451", "451"]


def test_an_endless_negotiation_does_not_hold_a_place(desk: Desk):
    ada = desk.stranger()
    for _ in range(50):
        ada.sends("CAP LS 302")
    [alarm] = desk.alarms
    assert alarm.when == REGISTRATION
    alarm.ring()
    assert ada.got()[-1].startswith("ERROR :Closing link: (silent)")
    assert ada.endings == ["silent"]


def test_the_deadline_ends_with_the_registration_and_with_the_connection(desk: Desk):
    desk.client("ada")
    desk.stranger().client.closed()
    assert all(alarm.cancelled for alarm in desk.alarms)
    ada = desk.client("bob")
    desk.alarms[-1].ring()
    assert ada.client.is_open


def test_light_commands_count_an_eighth(desk: Desk):
    ada = desk.client("ada", "#tea")
    light = []
    for _ in range(16):
        ada.sends("MODE #tea")
        light.append(ada.client.is_light)
    assert light.count(False) == 2
    ada.sends("JOIN #lobby")
    assert not ada.client.is_light


def test_an_echo_is_what_the_others_get(desk: Desk):
    ada = desk.client("ada", "#tea", caps=f"echo-message {TAGS}")
    bob = desk.client("bob", "#tea", caps=TAGS)
    ada.got()
    ada.sends("PRIVMSG #tea :hi")
    assert ada.got() == bob.got()
    silent = desk.client("cid", "#tea", caps=TAGS)
    assert silent.asks("PRIVMSG #tea :hi") == []


def test_a_label_is_on_the_echo_or_on_the_refusal(desk: Desk):
    ada = desk.client("ada", "#tea", caps="echo-message labeled-response batch message-tags")
    desk.client("bob")
    [echo] = ada.asks("@label=1 PRIVMSG #tea :hi")
    assert parse(echo.encode()).tags["label"] == "1"
    [echo] = ada.asks("@label=2 PRIVMSG bob :hi")
    assert parse(echo.encode()).tags["label"] == "2"
    assert words(echo) == ":ada!ada-user@pylingo PRIVMSG bob :hi"
    [refusal] = ada.asks("@label=3 PRIVMSG #nowhere :hi")
    assert refusal == "@label=3 :irc.test 403 ada #nowhere :No such channel"
    [refusal] = ada.asks("@label=4 PRIVMSG nobody :hi")
    assert refusal == "@label=4 :irc.test 401 ada nobody :No such nick"
    assert ada.asks("@label=5 PONG x") == ["@label=5 :irc.test ACK"]
    assert numbers(ada.asks("@label=6 WHO #tea")) == ["BATCH", "352", "315", "BATCH"]


def test_a_label_means_nothing_to_those_who_did_not_ask_for_it(desk: Desk):
    assert desk.client("ada").asks("@label=1 PING x") == [":irc.test PONG irc.test x"]


def test_away_is_told_to_those_who_asked_for_it_once(desk: Desk):
    ada = desk.client("ada", "#tea,#lobby")
    told = desk.client("bob", "#tea,#lobby", caps="away-notify")
    other = desk.client("cid", "#tea")
    told.got(), other.got()
    ada.sends("AWAY :at lunch", "AWAY")
    assert told.got() == [":ada!ada-user@pylingo AWAY :at lunch", ":ada!ada-user@pylingo AWAY"]
    assert other.got() == []


def test_a_slow_reader_is_told_who_went_and_came_and_how_many_messages_are_missing():
    desk = Desk(Chat(soft=200))
    ada, bob = desk.client("ada", "#tea"), desk.client("bob", "#tea")
    slow = desk.client("slow", "#tea")
    slow.got()
    slow.out.stuck = True
    for number in range(5):
        ada.sends(f"PRIVMSG #tea :{'x' * 100} {number}")
        ada.got()
    desk.client("cid", "#tea")
    bob.sends("QUIT :bye")
    bob.got()
    ada.sends("TOPIC #tea :scones", "PRIVMSG #tea :last")
    ada.got()
    slow.got()
    slow.out.take_all()
    slow.session.drained()
    lines = slow.got()
    assert lines[0] == ":bob!bob-user@pylingo PART #tea"
    assert lines[1] == ":cid!cid-user@pylingo JOIN #tea"
    assert lines[2] == ":ada!ada-user@pylingo TOPIC #tea :scones"
    assert lines[3] == ":irc.test NOTICE #tea :4 messages were left out here, as you read too slowly"
    ada.sends("PRIVMSG #tea :again")
    assert slow.got() == [":ada!ada-user@pylingo PRIVMSG #tea :again"]


def test_the_end_of_a_line_in_a_stream():
    client = Client(Desk().gateway)
    stream = b"one\r\ntwo\r\n"
    assert [client.unit_end(stream, offset) for offset in (1, 5, 6, 10)] == [5, 5, 10, 10]


def test_native_people_and_clients_of_irc_hear_each_other_in_one_order(desk: Desk):
    ada = desk.client("ada", "#tea", caps="echo-message")
    bob = desk.client("bob", "#tea")
    eve = desk.chat.person("eve", "tea")
    ada.got(), bob.got(), eve.got()
    for number in range(3):
        eve.ask(Say(f"native {number}"))
        ada.sends(f"PRIVMSG #tea :irc {number}")
    expected = [f"{kind} {number}" for number in range(3) for kind in ("native", "irc")]
    heard = bob.got()
    assert [line.partition(" :")[2] for line in heard] == expected
    assert ada.got() == heard
    assert [record.text for record in eve.got()] == ["irc 0", "irc 1", "irc 2"]


def test_a_notice_of_the_server_waits_for_nobody_who_is_not_registered(desk: Desk):
    ada, stranger = desk.client("ada"), desk.stranger()
    desk.chat.hub.tell_everybody(Notice("soon"))
    assert ada.got() == [":irc.test NOTICE ada :soon"]
    assert stranger.got() == []
    assert stranger.client.stage is Stage.REGISTERING


def test_somebody_who_was_renamed_in_several_rooms_has_one_line(desk: Desk):
    ada = desk.chat.person("ada", "tea")
    ada.ask(Command("open", "lobby"))
    bob = desk.client("bob", "#tea,#lobby")
    ada.ask(Command("name", "lovelace"))
    assert bob.got() == [":ada!native@pylingo NICK :lovelace"]
    ada.lose()
    assert bob.got() == [":lovelace!native@pylingo QUIT :lost"]


def test_an_idle_client_keeps_no_empty_containers(desk: Desk):
    ada = desk.client("ada", "#tea", caps="echo-message labeled-response batch")
    desk.client("bob")
    ada.asks("@label=1 PRIVMSG #tea :hi", "@label=2 PRIVMSG bob :hi", "PRIVMSG #no :hi", "WHOIS bob")
    held = {name: getattr(ada.client, name) for name in Client.__slots__}
    assert {name for name, kept in held.items() if isinstance(kept, list | dict | Responses | Exchange)} == set()


def test_words_wait_for_what_was_asked_before(desk: Desk):
    ada = desk.client("ada", "#tea")
    ada.session.is_busy = True
    ada.client.do(ada.client.line, "PING", "late")
    assert ada.got() == []
    ada.session.is_busy = False
    ada.client.went_on()
    assert ada.got() == [":irc.test PING late"]


def test_nothing_is_done_for_a_client_that_has_ended(desk: Desk):
    ada = desk.client("ada", "#tea")
    ada.session.end("close", "over")
    done: list[str] = []
    ada.client.do(done.append, "late")
    assert done == []
