"""The native face: frames in, frames out."""

import pytest

from pylingo.reactor.face import NATIVE
from pylingo.shared.codec import encode, request_codec
from pylingo.shared.errors import FrameError
from pylingo.shared.messages import Command, Message, Ping, PingRequest, Pong, Say
from tests.fakes.chat import Chat


def test_a_request_is_handled():
    person = Chat().person()
    NATIVE.begin(person.session)
    [body] = NATIVE.decoder().feed(encode(PingRequest(7)))
    NATIVE.handle(person.session, NATIVE.decode(body))
    assert person.got() == [Pong(7)]


def test_plain_messages_that_come_first_are_handled_together():
    chat = Chat()
    ada, bob = chat.people("ada", "bob")
    decoder = NATIVE.decoder().feed(b"".join(map(encode, [*[Say("x" * 64)] * 5, PingRequest(7), Say("last")])))
    assert NATIVE.handle_many(ada.session, decoder)
    assert [request_codec.decode(body) for body in decoder] == [PingRequest(7), Say("last")]
    chat.tick()
    assert [record.text for record in bob.got()] == ["x" * 64] * 5
    assert ada.got() == []


def test_what_must_be_looked_at_is_not_handled_together():
    chat = Chat()
    ada, bob = chat.people("ada", "bob")
    stranger = chat.person()
    says = encode(Say("x" * 64)) * 5
    others = encode(Say("x" * 64, id=1)) + says
    for person, data in ((ada, says[:80]), (ada, others), (stranger, says)):
        decoder = NATIVE.decoder().feed(data)
        assert not NATIVE.handle_many(person.session, decoder)
        assert decoder.pending == len(data)
    ada.ask(Command("mode", "moderated on"))
    assert not NATIVE.handle_many(bob.session, NATIVE.decoder().feed(says))
    ada.ask(Command("mode", "moderated off"))
    assert NATIVE.handle_many(bob.session, NATIVE.decoder().feed(says))
    chat.hub.access.register.moderation.mute("somebody", None, "192.0.2.8", "ada", None, None)
    assert not NATIVE.handle_many(bob.session, NATIVE.decoder().feed(says))


def test_what_is_no_request_ends_a_connection():
    with pytest.raises(FrameError):
        NATIVE.decode(b"\xc1")


def test_a_native_connection_says_frames():
    assert NATIVE.ping == encode(Ping())
    assert NATIVE.voice is None
    assert not NATIVE.is_light
    frames = encode(Say("a")) + encode(Message("r", "a", "b", 1))
    assert NATIVE.unit_end(frames, 3) == len(encode(Say("a")))
    NATIVE.went_on()
    NATIVE.closed()
