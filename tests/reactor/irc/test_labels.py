"""Labelled responses: none, one line, a batch."""

from pylingo.reactor.irc.labels import Labelled, tagged


def response(*parts: bytes) -> bytes:
    label = Labelled("a b", "irc.test", "l1")
    return b"".join([label.add(part) for part in parts]) + label.end()


def test_nothing_is_acknowledged():
    assert response() == response(b"") == b"@label=a\\sb :irc.test ACK\r\n"


def test_one_line_has_the_label():
    assert response(b":irc.test PONG x\r\n") == b"@label=a\\sb :irc.test PONG x\r\n"
    assert response(b"@time=1 :a JOIN #b\r\n", b"") == b"@label=a\\sb;time=1 :a JOIN #b\r\n"


def test_several_lines_are_a_batch_whatever_the_pieces():
    expected = (
        b"@label=a\\sb :irc.test BATCH +l1 labeled-response\r\n"
        b"@batch=l1 A\r\n@batch=l1;time=1 B\r\n@batch=l1 C\r\n:irc.test BATCH -l1\r\n"
    )
    assert response(b"A\r\n@time=1 B\r\nC\r\n") == expected
    assert response(b"A\r\n", b"@time=1 B\r\n", b"C\r\n") == expected
    assert response(b"A\r\n@time=1 B\r\n", b"C\r\n") == expected


def test_a_tag_is_put_in_front():
    assert tagged(b"A b", b"x=1") == b"@x=1 A b"
    assert tagged(b"@y A b", b"x=1") == b"@x=1;y A b"
