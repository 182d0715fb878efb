"""Requests that are refused: every error code that a server without a password has."""

import dataclasses
import itertools
import re
import string

import pytest

from pylingo.shared.codec import request_codec
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import (
    Command,
    Error,
    Hello,
    HistoryRequest,
    Message,
    Say,
)
from tests.fakes.chat import NOON, Chat, error, words_left_out


@pytest.fixture
def chat() -> Chat:
    return Chat()


DECODED = {
    "unknown-type": b"\x82\xa4type\xa3huh\xa2id\x09",
    "bad-message": b"\x82\xa4type\xa3say\xa2id\x09",
}


REFUSED = {
    "unknown-command": [Command("Join", "tea", 9), Command("", None, 9), Command("nope", "x", 9)],
    "bad-argument": [Command("join", None, 9), Command("name", " \t ", 9), Command("list", "x", 9)],
    "bad-name": [Command("name", "guest-1", 9), Command("name", "a b", 9), Command("name", "a\u0430", 9)],
    "name-taken": [Command("name", "bob", 9), Command("name", "\uff22ob", 9), Command("name", "guest1", 9)],
    "bad-room": [Command("join", "##tea", 9), Command("join", "#", 9), Command("join", "a" * 65, 9)],
    "not-in-room": [Say("hi", id=9, room="ops"), Command("leave", id=9, room="ops"), HistoryRequest(id=9, room="ops")],
    "no-such-user": [Say("hi", id=9, to="eve"), Command("whois", "eve", 9), HistoryRequest(id=9, with_="eve")],
    "bad-text": [Say("", id=9), Say(" \n\t ", id=9)],
    "text-too-long": [Say("a" * 4_097, "k", 9)],
    "already-ready": [Hello(1, id=9), Hello(2, "carol", id=9)],
}


OUTSIDE = [Say("hi", id=9), Command("users", id=9), Command("leave", id=9), HistoryRequest(id=9)]


ELSEWHERE = {"no-password", "no-identity", "bad-invite", "not-allowed", "muted", "name-owned"}
ELSEWHERE |= {"moderated", "invite-only", "bad-key", "room-full", "room-banned"}


@pytest.fixture
def pair(chat):
    """Alice, who has said hello, and two others whose names can be taken."""
    alice, bob, guest = chat.people("alice", "bob", "guest1")
    alice.ask(Hello(1))
    chat.tick()
    alice.got()
    return alice, bob, guest


@pytest.mark.parametrize(("code", "request_"), [(code, it) for code, these in REFUSED.items() for it in these], ids=str)
def test_a_refused_request_is_answered_and_changes_nothing(chat, pair, code, request_):
    alice, bob, _ = pair
    alice.ask(request_, dataclasses.replace(request_, id=None))
    chat.tick()
    assert words_left_out(alice.got()) == [error(code, 9), error(code)]
    assert bob.got() == []
    assert (alice.name, alice.session.room.name, alice.endings) == ("alice", "tea", [])
    assert chat.hub.tick.newest_stamp == 0


@pytest.mark.parametrize("request_", OUTSIDE, ids=str)
def test_requests_that_need_a_room_are_refused_outside_of_one(chat, request_):
    person = chat.person()
    person.ask(request_, dataclasses.replace(request_, id=None))
    assert words_left_out(person.got()) == [error("no-room", 9), error("no-room")]


def test_no_error_code_of_the_protocol_is_left_out_here(document_codes):
    assert {*REFUSED, *DECODED, "no-room", "too-many-rooms"} == document_codes - ELSEWHERE


@pytest.fixture
def document_codes(request):
    """The words in the first column of the table of error codes."""
    document = (request.config.rootpath / "shared" / "PROTOCOL.md").read_text(encoding="utf-8")
    section = document.partition("\n## Error codes\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE))


def test_every_sentence_fits_and_is_one_line(chat, pair):
    alice, _, _ = pair
    nasty = "\x1b]0;" + string.ascii_letters * 100 + "\n"
    for request in [
        Command(nasty, None),
        Command("list", nasty),
        Command("name", nasty),
        Command("join", nasty),
        *itertools.chain(*REFUSED.values()),
    ]:
        alice.ask(request)
    chat.tick()
    for record in alice.got():
        assert type(record) is Error
        assert 0 < len(record.text) <= 1_024
        assert record.text.isprintable()


@pytest.mark.parametrize(("code", "body"), DECODED.items())
def test_a_frame_that_the_codec_refuses_is_answered_in_its_place(chat, code, body):
    alice, bob = chat.people("alice", "bob")
    bob.ask(Say("before"))
    with pytest.raises(RequestError) as caught:
        request_codec.decode(body)
    alice.session.refuse(caught.value)
    bob.ask(Say("after"))
    chat.tick()
    assert words_left_out(alice.got()) == [
        Message("tea", "bob", "before", NOON),
        error(code, 9),
        Message("tea", "bob", "after", NOON + 1),
    ]
