"""What a client is told once it is registered."""

from pylingo.reactor.irc.welcome import ISUPPORT
from tests.fakes.irc_client import Desk, numbers


def test_the_numbers_come_in_the_order_that_clients_expect():
    ada = Desk().stranger()
    lines = ada.asks("NICK ada", "USER ada 0 * :Ada")
    assert numbers(lines) == (
        ["001", "002", "003", "004", "005", "005", "005", "251", "252", "253", "254", "255", "265", "266", "422", "221"]
    )
    assert ":irc.test 251 ada :There is 1 user and 0 invisible on 1 server" in lines
    assert ":irc.test 255 ada :I have 1 client and 0 servers" in lines
    assert all(len(line.encode()) <= 510 for line in lines)
    tokens = " ".join(line for line in lines if " 005 " in line)
    assert all(token in tokens for token in ISUPPORT)


def test_the_notice_of_the_day_is_cut_into_lines():
    ada = Desk(motd="welcome\n" + "tea " * 200).stranger()
    lines = [line for line in ada.asks("NICK ada", "USER ada 0 * :Ada") if " 37" in line]
    assert numbers(lines) == ["375", "372", "372", "372", "376"]
    assert lines[1] == ":irc.test 372 ada :- welcome"
    assert all(len(line) <= 510 for line in lines)
