"""The messages of a client that come back to it, and the labels that they answer."""

from pylingo.reactor.irc.echoes import Echoes
from pylingo.reactor.irc.labels import Labelled
from pylingo.shared.messages import Private


def label(word: str) -> Labelled:
    return Labelled(word, "irc.test", "b1")


def test_messages_to_a_room_come_back_in_their_order():
    echoes, one, three = Echoes(), label("1"), label("3")
    echoes.expect("tea", one)
    echoes.expect("tea", None)
    echoes.expect("tea", three)
    echoes.expect("coffee", None)
    assert [echoes.take("tea"), echoes.take("tea"), echoes.take("tea")] == [one, None, three]
    assert echoes
    assert echoes.take("coffee") is None
    assert not echoes


def test_the_newest_message_is_the_one_that_was_refused():
    echoes, one, two = Echoes(), label("1"), label("2")
    echoes.expect("tea", one)
    echoes.expect("tea", two)
    assert echoes.take_back("tea") is two
    assert echoes.take("tea") is one
    assert not echoes


def test_a_private_message_is_known_by_its_request():
    echoes, one, words = Echoes(), label("1"), Private("ada", "bob", "hi", 0)
    echoes.expect_private(1, words, one)
    echoes.expect_private(2, words, None)
    assert echoes.private(1) == echoes.private(2) == words
    assert echoes.take_private(1) is one
    assert echoes.private(1) is None
    assert echoes
    assert echoes.take_private(2) is None
    assert not echoes


def test_a_message_that_nobody_expects_has_no_label():
    echoes = Echoes()
    assert echoes.take("tea") is echoes.take_back("tea") is None
    assert echoes.private(7) is echoes.take_private(7) is None
