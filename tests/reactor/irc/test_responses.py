"""The labelled responses of a client: those of the line that is handled, and those that come later."""

from pylingo.reactor.irc.labels import Labelled
from pylingo.reactor.irc.responses import Responses
from pylingo.shared.messages import Private

PRIVATE = Private("ada", "bob", "hi", 0)


def responses() -> Responses:
    """Those of a client that has sent a line with the label `x`."""
    one = Responses()
    one.begin(Labelled("x", "irc.test", "b1"))
    return one


def test_a_line_without_a_label_is_sent_as_it_is():
    one = Responses()
    assert not one
    assert one.add(b"A\r\n") + one.end() == b"A\r\n"
    assert one.echo("tea", b"B\r\n") == b"B\r\n"
    assert one.private_kept(1, b"C\r\n") == b"C\r\n"
    assert not one


def test_a_response_ends_with_its_line():
    one = responses()
    assert one
    assert one.add(b"A\r\n") + one.end() == b"@label=x A\r\n"
    assert one.add(b"B\r\n") + one.end() == b"B\r\n"
    assert not one


def test_a_label_that_is_postponed_answers_a_later_line():
    one = responses()
    one.postpone()
    assert one.add(b"A\r\n") + one.end() == b"A\r\n"
    assert one
    one.resume()
    assert one.add(b"B\r\n") + one.end() == b"@label=x B\r\n"
    assert not one


def test_a_part_of_something_has_no_response():
    one = responses()
    one.drop()
    assert one.add(b"") + one.end() == b""
    assert not one


def test_an_echo_has_the_label_and_a_refusal_has_it():
    one = responses()
    one.expect_echo("tea")
    assert one.add(b"A\r\n") + one.end() == b"A\r\n"
    assert one.echo("tea", b"B\r\n") == b"@label=x B\r\n"
    assert not one
    two = responses()
    two.expect_echo("tea")
    two.refused("tea")
    assert two.add(b"A\r\n") + two.end() == b"@label=x A\r\n"
    assert not two


def test_private_messages_of_one_line_share_its_label():
    one = responses()
    one.share(2)
    one.expect_private(1, PRIVATE)
    one.expect_private(2, PRIVATE)
    assert one.end() == b""
    assert one.private(1) == one.private(2) == PRIVATE
    first = one.private_kept(1, b"A\r\n")
    assert first == b""  # until it is known whether there are several lines
    assert one.private_kept(2, b"B\r\n") == (
        b"@label=x :irc.test BATCH +b1 labeled-response\r\n@batch=b1 A\r\n@batch=b1 B\r\n:irc.test BATCH -b1\r\n"
    )
    assert not one


def test_a_private_message_that_is_refused_gives_its_label_back():
    one = responses()
    one.expect_private(1, PRIVATE)
    one.private_refused(7)
    one.private_refused(1)
    assert one.private(1) is None
    assert one.add(b"A\r\n") + one.end() == b"@label=x A\r\n"
    assert not one
