"""The line to a successor: messages of every size, descriptors, deadlines, and the end of the other process."""

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from pylingo.reactor.succession.line import VARIABLE, Line, LineError, inherited_line, is_successor, make_line
from tests.support import wait_until


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def ends() -> Iterator[tuple[Line, Line]]:
    ours, sock = make_line()
    theirs = Line(sock)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_messages_keep_their_bounds_and_their_order(ends: tuple[Line, Line]) -> None:
    ours, theirs = ends
    messages = [b"", b"a", b"bc" * 200_000, b"d"]
    thread = threading.Thread(target=lambda: [ours.send(body, soon()) for body in messages])
    thread.start()
    assert [theirs.receive(soon()) for _ in messages] == messages
    thread.join()
    theirs.send(b"back", soon())
    assert ours.receive(soon()) == b"back"


def test_messages_that_have_come_are_taken_without_waiting(ends: tuple[Line, Line]) -> None:
    ours, theirs = ends
    assert list(theirs.pending()) == []
    ours.send(b"one", soon())
    ours.send(b"two", soon())
    assert list(theirs.pending()) == [b"one", b"two"]
    assert list(theirs.pending()) == []


def test_descriptors_come_with_a_message_and_no_child_inherits_them(ends: tuple[Line, Line]) -> None:
    ours, theirs = ends
    reader, writer = os.pipe()
    ours.send(b"x", soon(), [reader, writer])
    assert theirs.receive(soon()) == b"x"
    assert len(theirs.descriptors) == 2
    assert not any(map(os.get_inheritable, theirs.descriptors))
    os.write(theirs.descriptors[1], b"through")
    assert os.read(reader, 10) == b"through"
    os.close(reader)
    os.close(writer)
    copies = [*theirs.descriptors]
    theirs.close()
    for copy in copies:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(copy)


def test_nothing_is_waited_for_longer_than_allowed(ends: tuple[Line, Line]) -> None:
    ours, theirs = ends
    with pytest.raises(LineError, match="did not answer in time"):
        theirs.receive(soon(0.01))
    with pytest.raises(LineError, match="did not answer in time"):
        theirs.receive(soon(-1))
    with pytest.raises(LineError, match="did not answer in time"):
        ours.send(b"x" * 10_000_000, soon(0.05))


def test_the_end_of_the_other_process(ends: tuple[Line, Line]) -> None:
    ours, theirs = ends
    ours.send(b"last", soon())
    ours.close()
    assert theirs.receive(soon()) == b"last"
    with pytest.raises(LineError, match="has ended"):
        theirs.receive(soon())
    with pytest.raises(LineError, match="has ended"):
        list(theirs.pending())
    with pytest.raises(LineError, match="has ended"):
        theirs.send(b"x", soon())


def test_an_end_with_something_unread_is_an_end(ends: tuple[Line, Line]) -> None:
    ours, theirs = ends
    theirs.send(b"unread", soon())
    ours.close()
    with pytest.raises(LineError, match="has ended"):
        wait_until(lambda: theirs.receive(soon()))


def test_a_line_that_is_closed_is_no_line(ends: tuple[Line, Line]) -> None:
    ours, _ = ends
    ours.close()
    assert ours.fileno() == -1
    with pytest.raises(LineError, match="cannot be reached"):
        ours.send(b"x", soon())


def test_the_inherited_end_is_found_by_its_variable(ends: tuple[Line, Line]) -> None:
    ours, sock = make_line()
    environment = {VARIABLE: str(sock.fileno()), "HOME": "/"}
    os.set_inheritable(sock.fileno(), True)
    assert is_successor(environment)
    line = inherited_line(environment)
    assert environment == {"HOME": "/"}
    assert not is_successor(environment)
    assert not os.get_inheritable(sock.detach())
    ours.send(b"x", soon())
    assert line.receive(soon()) == b"x"
    ours.close()
    line.close()


@pytest.mark.parametrize("value", ["", "x", "-1", "999999", "null"])
def test_a_variable_that_names_no_socket(value: str) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(LineError, match="is not to be set by hand"):
        inherited_line({VARIABLE: str(null) if value == "null" else value})
    os.close(null)


def test_the_ends_are_sockets_of_streams() -> None:
    line, sock = make_line()
    assert (sock.family, sock.type) == (socket.AF_UNIX, socket.SOCK_STREAM)
    line.close()
    sock.close()
