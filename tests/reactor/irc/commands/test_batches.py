"""Messages of several lines, from clients and to them."""

import re

import pytest

from pylingo.reactor.irc.commands.batches import HANDLERS
from pylingo.reactor.irc.multiline import MAX_BYTES, MAX_LINES
from pylingo.shared.messages import Message, Say
from tests.fakes.chat import Chat, Person
from tests.fakes.irc_client import Desk, Somebody, numbers

CAPS = "batch message-tags server-time draft/multiline standard-replies"


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def desk(chat: Chat) -> Desk:
    return Desk(chat)


@pytest.fixture
def bob(chat: Chat) -> Person:
    return chat.person("bob", "tea")


@pytest.fixture
def ada(desk: Desk, bob: Person) -> Somebody:
    return desk.client("ada", "#tea", caps=CAPS)


def heard(chat: Chat, bob: Person) -> list[str]:
    chat.tick()
    return [record.text for record in bob.got() if isinstance(record, Message)]


def test_a_message_of_several_lines(chat: Chat, ada: Somebody, bob: Person) -> None:
    assert ada.asks("BATCH +1 draft/multiline #tea", "@batch=1 PRIVMSG #tea :one") == []
    assert heard(chat, bob) == []
    assert ada.asks("@batch=1 PRIVMSG #tea :", "@batch=1 PRIVMSG #tea :two", "BATCH -1") == []
    assert heard(chat, bob) == ["one\n\ntwo"]


def test_lines_outside_the_batch_are_messages_of_their_own(chat: Chat, ada: Somebody, bob: Person) -> None:
    ada.asks("BATCH +1 draft/multiline #tea", "PRIVMSG #tea :mine", "@batch=1 PRIVMSG #tea :one", "BATCH -1")
    assert heard(chat, bob) == ["mine", "one"]


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["BATCH -1"], "INVALID_PARAMS"),
        (["BATCH 1"], "INVALID_PARAMS"),
        (["BATCH +1 draft/multiline"], "INVALID_PARAMS"),
        (["BATCH +1 netsplit a b"], "INVALID_PARAMS"),
        (["BATCH +1 draft/multiline #tea", "BATCH -2"], "INVALID_PARAMS"),
        (["BATCH +1 draft/multiline #tea", "BATCH +2 draft/multiline #tea"], "MULTILINE_INVALID"),
        (["BATCH +1 draft/multiline #tea", "BATCH -1"], "MULTILINE_INVALID"),
        (["BATCH +1 draft/multiline #tea", "@batch=1 PRIVMSG bob :x", "BATCH -1"], "MULTILINE_INVALID_TARGET"),
        (
            ["BATCH +1 draft/multiline #tea", *["@batch=1 PRIVMSG #tea :x"] * (MAX_LINES + 1), "BATCH -1"],
            f"MULTILINE_MAX_LINES {MAX_LINES}",
        ),
        (
            ["BATCH +1 draft/multiline #tea", *["@batch=1 PRIVMSG #tea :" + "x" * 480] * 9, "BATCH -1"],
            f"MULTILINE_MAX_BYTES {MAX_BYTES}",
        ),
    ],
)
def test_a_batch_that_is_refused(chat: Chat, ada: Somebody, bob: Person, lines: list[str], answer: str) -> None:
    (line,) = ada.asks(*lines)
    assert line.startswith(f":irc.test FAIL BATCH {answer} ")
    assert heard(chat, bob) == []
    assert ada.client.open_batch is None or lines[0] == lines[-1]


def test_a_client_without_the_capability_opens_none(desk: Desk) -> None:
    ada = desk.client("ada", "#tea", caps="batch message-tags standard-replies")
    assert "INVALID_PARAMS" in ada.asks("BATCH +1 draft/multiline #tea")[0]


def test_the_label_of_the_batch_is_on_the_echo(desk: Desk, bob: Person) -> None:
    ada = desk.client("ada", "#tea", caps=f"{CAPS} labeled-response echo-message")
    assert ada.asks("@label=x BATCH +1 draft/multiline #tea", "@batch=1 PRIVMSG #tea :one") == []
    lines = ada.asks("@batch=1 PRIVMSG #tea :two", "BATCH -1")
    assert "label=x" in lines[0]
    assert [line.rpartition(":")[2] for line in lines if "PRIVMSG" in line] == ["one", "two"]
    assert sum("label=x" in line for line in lines) == 1


# --- to clients


def test_a_native_text_of_several_lines_is_a_batch(desk: Desk, ada: Somebody, bob: Person) -> None:
    bob.ask(Say("one\n\ntwo"))
    begin, *lines, end = ada.got()
    found = re.fullmatch(r"@time=\S+;msgid=(\d+) :bob!native@pylingo BATCH \+(\w+) draft/multiline #tea", begin)
    assert found is not None, begin
    tag = f"@batch={found[2]} :bob!native@pylingo PRIVMSG #tea :"
    assert lines == [f"{tag}one", tag, f"{tag}two"]
    assert end == f":irc.test BATCH -{found[2]}"


def test_blank_lines_are_a_part_of_the_text(desk: Desk, ada: Somebody, bob: Person) -> None:
    bob.ask(Say("\none"))
    assert [line.partition("#tea :")[2] for line in ada.got() if "PRIVMSG" in line] == ["", "one"]


def test_a_long_line_goes_on_in_the_next(desk: Desk, ada: Somebody, bob: Person) -> None:
    text = " ".join(["word"] * 200)
    bob.ask(Say(text))
    lines = [line for line in ada.got() if "PRIVMSG" in line]
    assert "".join(line.partition("#tea :")[2] for line in lines) == text
    assert ["draft/multiline-concat" in line for line in lines] == [False, *[True] * (len(lines) - 1)]


def test_what_needs_no_batch_gets_none(desk: Desk, ada: Somebody, bob: Person) -> None:
    bob.ask(Say("one"), Say("a\nb", action=True), Say("x\n" * 200))
    lines = ada.got()
    assert "BATCH" not in numbers(lines)
    assert "left out" in lines[-1]


def test_clients_without_the_capability_get_single_lines(desk: Desk, bob: Person) -> None:
    ada = desk.client("ada", "#tea", caps="batch message-tags")
    bob.ask(Say("one\ntwo"))
    lines = ada.got()
    assert numbers(lines) == ["PRIVMSG", "PRIVMSG"]
    assert ["msgid=" in line for line in lines] == [True, False]


def test_from_client_to_client(desk: Desk, ada: Somebody) -> None:
    eve = desk.client("eve", "#tea", caps=CAPS)
    ada.got()
    eve.asks("BATCH +1 draft/multiline #tea", "@batch=1 PRIVMSG #tea :one", "@batch=1 PRIVMSG #tea :two", "BATCH -1")
    assert numbers(ada.got()) == ["BATCH", "PRIVMSG", "PRIVMSG", "BATCH"]


def test_in_the_history_it_is_a_batch_in_the_batch(desk: Desk, bob: Person) -> None:
    bob.ask(Say("one\ntwo"))
    ada = desk.client("ada", "#tea", caps=f"{CAPS} draft/chathistory")
    outer, inner, *rows, inner_end, outer_end = ada.asks("CHATHISTORY LATEST #tea * 5")
    name = outer.partition("+")[2].partition(" ")[0]
    assert f"batch={name}" in inner
    assert all("batch=m" in row for row in rows)
    assert (inner_end[-2:-1] != "", outer_end) == (True, f":irc.test BATCH -{name}")


def test_the_command_is_in_the_table(desk: Desk) -> None:
    assert HANDLERS["BATCH"] is desk.gateway.handlers["BATCH"]
