"""A buffer as it is at first, and whom it knows."""

from pylingo.client.terminal.buffer import Buffer


def test_who_did_something_last_comes_last_and_each_once() -> None:
    buffer = Buffer()
    for name in ("ada", "bob", "cy", "ADA"):
        buffer.know(name)
    assert list(buffer.people.items()) == [("bob", "bob"), ("cy", "cy"), ("ada", "ADA")]
    buffer.know("straße")
    buffer.know("STRASSE")
    assert list(buffer.people.values()) == ["bob", "cy", "ADA", "STRASSE"]
