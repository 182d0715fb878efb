"""What has gone wrong on small IRC servers, by public reports: each has a test here, and some are in `tests/e2e`."""

import re
from collections.abc import Callable

import pytest

from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.irc.client import REGISTRATION
from pylingo.reactor.irc.commands.rooms import MOST_TARGETS
from pylingo.shared.messages import Command, Message, Say
from pylingo.shared.names import MAX_ROOM
from pylingo.shared.text import MAX_MOTD
from tests.fakes.chat import Chat
from tests.fakes.irc_client import Desk, numbers

LINE = 510
"""The longest line without its end, in bytes."""


@pytest.fixture
def desk() -> Desk:
    return Desk()


def said(lines: list[str]) -> list[str]:
    return [line.partition(" :")[2] for line in lines if " PRIVMSG " in line]


def sizes(lines: list[str]) -> list[int]:
    return [len(line.encode()) for line in lines]


def test_a_byte_that_is_no_utf_8(desk: Desk) -> None:
    """miniircd 32: it killed the server."""
    ada, bob = desk.client("ada", "#tea"), desk.client("bob", "#tea")
    ada.sends_bytes(b"\xff\r\nNICK \xff\r\nPRIVMSG #tea :\xff\r\n\xff\xfe \xff\r\nPRIVMSG #tea :on\r\n")
    assert said(bob.got()) == ["on"]


def test_the_names_of_a_large_room(desk: Desk) -> None:
    """miniircd 23: a line of more than 512 bytes lost names, or ended the connection."""
    names = [f"{number:03}{'x' * 29}" for number in range(100)]
    for name in names:
        desk.client(name, "#tea")
    lines = desk.client("ada", caps="userhost-in-names multi-prefix").asks("JOIN #tea")
    assert max(sizes(lines)) <= LINE
    found = [
        word.partition("!")[0].lstrip("@") for line in lines if " 353 " in line for word in line.split(" :")[1].split()
    ]
    assert sorted(found) == sorted([*names, "ada"])


def test_somebody_who_goes_while_the_room_is_told(desk: Desk) -> None:
    """ngircd 344: a client was closed while the list with it was walked."""
    people = [desk.client(f"p{number}", "#tea") for number in range(10)]
    people[0].sends("PRIVMSG #tea :one")
    for person in people[3:6]:
        person.session.lost()
    people[0].sends("PRIVMSG #tea :two")
    desk.chat.tick()
    for person in [*people[1:3], *people[6:]]:
        assert said(person.got())[-2:] == ["one", "two"]


def test_a_long_notice_of_the_day() -> None:
    """ngircd 328: it overflowed a buffer."""
    motd = "\n".join(["é" * 1_000, "x" * 1_000, "", "end"])
    assert len(motd) < MAX_MOTD
    stranger = Desk(motd=motd).stranger()
    lines = stranger.asks("NICK ada", "USER ada 0 * :Ada")
    assert max(sizes(lines)) <= LINE
    text = "".join(line.partition(" :- ")[2] for line in lines if " 372 " in line)
    assert text == motd.replace("\n", "")


def test_the_longest_texts_fit_the_lines(desk: Desk) -> None:
    """A topic, a reason and a real name may be as long as a line, and stand in longer ones."""
    bob, caps = desk.chat.person("bob", "tea"), "away-notify extended-join setname"
    ada = desk.client("ada", "#tea", caps=caps)
    bob.ask(Command("topic", "\U0001f600" * 512), Command("away", "é" * 512))
    lines = [*ada.got(), *ada.asks("TOPIC #tea", "LIST", "WHOIS bob", "PRIVMSG bob :x", "SETNAME :" + "€" * 150)]
    eve = desk.client("eve", caps=caps)
    lines += eve.asks("JOIN #tea", "WHO #tea", "WHOIS ada")
    assert {"TOPIC", "AWAY", "332", "301", "322", "311", "352"} <= set(numbers(lines))
    assert max(sizes(lines)) <= LINE


def test_a_line_that_is_too_long(desk: Desk) -> None:
    """ngircd 121: it ended the connection."""
    ada = desk.client("ada")
    assert numbers(ada.asks("PRIVMSG ada :" + "x" * 600, "PING 1")) == ["417", "PONG"]


@pytest.mark.parametrize("command", ["PRIVMSG", "NOTICE"])
def test_a_target_that_is_named_many_times(desk: Desk, command: str) -> None:
    """ngircd 187: the message was multiplied."""
    ada, bob = desk.client("ada", "#tea"), desk.client("bob", "#tea")
    ada.sends(f"{command} #tea,#TEA,#tea,#Tea,bob,BOB,bob :hi")
    assert len([line for line in bob.got() if f" {command} " in line]) == 2


@pytest.mark.parametrize("command", ["JOIN", "PART", "NAMES", "TOPIC", "WHO", "MODE", "WHOIS", "KICK", "ISON", "LIST"])
def test_a_list_of_targets_is_bounded(desk: Desk, command: str) -> None:
    """One line must not be work for hundreds."""
    ada = desk.client("ada")
    words = ",".join(f"#r{number}" for number in range(80))
    assert len(ada.asks(f"{command} {words} {words}"[:500])) <= 4 * MOST_TARGETS + 10
    assert len(ada.session.rooms) <= MOST_TARGETS


@pytest.mark.parametrize("line", ["PING 1", "ISON bob", "MODE #tea", "WHO #tea", "NAMES #tea", "CAP LIST"])
def test_polling_counts_little_for_the_pace(desk: Desk, line: str) -> None:
    """ngircd 125 and 148, colloquy 3066: the queries of clients themselves ran into the limits."""
    ada = desk.client("ada", "#tea")
    counted = 0
    for _ in range(40):
        ada.asks(line)
        counted += not ada.client.is_light
    assert counted == 5


@pytest.mark.parametrize("word", ["GET", "POST", "PUT", "HEAD", "OPTIONS"])
def test_the_request_of_a_browser(desk: Desk, word: str) -> None:
    """ergo 2239: a page could make a browser send IRC lines behind its request."""
    bob, browser = desk.client("bob", "#tea"), desk.stranger()
    browser.sends(f"{word} / HTTP/1.1", "Host: a", "", "NICK evil", "USER a 0 * :A", "JOIN #tea", "PRIVMSG #tea :x")
    assert browser.got()[-1].startswith("ERROR :")
    assert browser.endings == ["bad-frame"]
    assert bob.got() == []


def test_somebody_who_never_registers(desk: Desk) -> None:
    """ergo 505: there was no limit for lines before the registration."""
    stranger = desk.stranger()
    for _ in range(100):
        stranger.sends("CAP LS 302", "NICK", "PRIVMSG #tea :hi", "CAP REQ :batch")
    stranger.got()
    (alarm,) = [alarm for alarm in desk.alarms if alarm.when == REGISTRATION]
    alarm.ring()
    assert stranger.got()[-1].startswith("ERROR :Closing link: (silent)")
    assert len(desk.chat.hub) == 0


def test_a_page_of_the_history_that_is_short(desk: Desk) -> None:
    """ergo 1676: clients took it as the end."""
    bob = desk.chat.person("bob", "tea")
    for number in range(60):
        bob.ask(Say(f"{number} " + "x" * 2_000))
    ada = desk.client("ada", "#tea", caps="batch message-tags draft/chathistory")
    lines = ada.asks("CHATHISTORY LATEST #tea * 60")
    assert len({found[1] for line in lines if (found := re.search(r"msgid=(\d+)", line))}) == 60


@pytest.mark.parametrize("caps", ["", "batch", "echo-message", "multi-prefix away-notify", "draft/multiline batch"])
def test_tags_come_only_to_those_who_read_them(desk: Desk, caps: str) -> None:
    """weechat 2359: tags came without the capability."""
    ada = desk.client("ada", "#tea", caps=caps)
    bob = desk.client("bob", "#tea", caps="message-tags server-time account-tag batch draft/multiline")
    native = desk.chat.person("nat", "tea")
    bob.sends("@+typing=active TAGMSG #tea,ada", "@+a=b PRIVMSG #tea :hi", "PRIVMSG ada :hi", "TOPIC #tea :t")
    bob.sends("BATCH +1 draft/multiline #tea", "@batch=1 PRIVMSG #tea :a", "@batch=1 PRIVMSG #tea :b", "BATCH -1")
    bob.sends("NICK robert", "AWAY :gone", "PART #tea")
    native.ask(Say("a\nb"))
    lines = [*ada.got(), *ada.asks("PRIVMSG #tea :x", "WHO #tea", "NAMES #tea")]
    assert len(lines) > 8
    assert [line for line in lines if line.startswith("@")] == []
    assert "TAGMSG" not in numbers(lines)


def test_the_longest_name_of_a_room(desk: Desk) -> None:
    """InspIRCd 422: the limit that was told was one off."""
    stranger = desk.stranger()
    lines = stranger.asks("NICK ada", "USER ada 0 * :Ada")
    told = next(int(found[1]) for line in lines if (found := re.search(r"CHANNELLEN=(\d+)", line)))
    longest = "#" + "x" * (told - 1)
    assert len(longest) == MAX_ROOM + 1
    joined = stranger.asks(f"JOIN {longest}")
    assert numbers(joined) == ["JOIN", "353", "366"]
    assert all(longest in line for line in joined)
    assert numbers(stranger.asks(f"JOIN {longest}x")) in (["403"], ["476"])


@pytest.mark.parametrize("letter", ["é", "€", "\U0001f600", "e\u0301", "\U0001f468\u200d\U0001f469\u200d\U0001f467"])
def test_a_letter_is_never_cut(desk: Desk, letter: str) -> None:
    """weechat 508: half a letter at the end of a line."""
    ada, bob = desk.client("ada", "#tea"), desk.chat.person("bob", "tea")
    ada.got()
    text = letter * (1_500 // len(letter))
    bob.ask(Say(text))
    lines = ada.got()  # which decodes strictly
    assert max(sizes(lines)) <= LINE
    assert "".join(said(lines)) == text
    assert all(len(part) % len(letter) == 0 for part in said(lines))


def test_joining_costs_as_much_as_there_are_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """ergo 1974: joins cost the square of the people."""

    def looked_up(people: int) -> int:
        desk = Desk(Chat())
        for number in range(people):
            desk.client(f"p{number}", "#tea")
        ada = desk.client("ada")
        calls = 0
        here, named = Hub.here, Hub.named

        def counting(self: object, key: str, look: Callable[..., object]) -> object:
            nonlocal calls
            calls += 1
            return look(self, key)

        with monkeypatch.context() as patch:
            patch.setattr(Hub, "here", lambda self, key: counting(self, key, here))
            patch.setattr(Hub, "named", lambda self, key: counting(self, key, named))
            ada.sends("JOIN #tea")
            ada.got()
        return calls

    few, many = looked_up(20), looked_up(80)
    assert few > 20
    assert many <= 4.5 * few


def test_what_natives_say_is_what_clients_read(desk: Desk) -> None:
    ada, bob = desk.client("ada", "#tea"), desk.chat.person("bob", "tea")
    ada.sends("PRIVMSG #tea :\x02bold\x02 \x0304red")
    desk.chat.tick()
    assert [record.text for record in bob.got() if isinstance(record, Message)] == ["bold red"]
