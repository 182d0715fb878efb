"""Labelled responses: none, one line, a batch."""

from pylingo.reactor.irc.labels import Labelled, is_batch, tagged


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


def test_a_batch_carries_the_label_itself():
    label = Labelled("x", "s", "b1")
    lines = b":s BATCH +c chathistory #t\r\n@batch=c :a PRIVMSG #t :hi\r\n:s BATCH -c\r\n"
    assert label.add(lines) == b"@label=x " + lines
    assert label.add(b":s PONG\r\n") == b":s PONG\r\n"
    assert label.end() == b""


def test_what_is_one_batch():
    batch = b"@time=1 :a BATCH +c k\r\n:s BATCH -c\r\n"
    assert is_batch(batch)
    assert not is_batch(b":s PONG\r\n" + batch)
    assert not is_batch(b":s BATCH +c k\r\n:s BATCH -d\r\n")
    assert not is_batch(b":s PRIVMSG +c :x\r\n:s PRIVMSG -c :x\r\n")
    assert not is_batch(b":s BATCH +c\r\n")
