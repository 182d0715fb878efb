"""The native face: frames in, frames out."""

import pytest

from pylingo.reactor.face import NATIVE
from pylingo.shared.codec import encode
from pylingo.shared.errors import FrameError
from pylingo.shared.messages import Message, Ping, PingRequest, Pong, Say
from tests.fakes.chat import Chat


def test_a_request_is_handled():
    person = Chat().person()
    NATIVE.begin(person.session)
    [body] = NATIVE.decoder().feed(encode(PingRequest(7)))
    NATIVE.handle(person.session, NATIVE.decode(body))
    assert person.got() == [Pong(7)]


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
