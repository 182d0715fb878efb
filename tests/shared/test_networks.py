"""Networks in settings: how they are written, and which ones are added."""

from ipaddress import ip_network

import pytest

from pylingo.shared.networks import networks, parse_network

LOCAL = ip_network("127.0.0.0/8")
TEN = ip_network("10.0.0.0/8")


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("192.0.2.1", "192.0.2.1/32"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::/0", "::/0"),
    ],
)
def test_a_network(text: str, network: str) -> None:
    assert parse_network(text) == ip_network(network)


@pytest.mark.parametrize("text", ["", "office", "10.1.2.3/8", "10.0.0.0/33", "10.0.0.0 192.0.2.1"])
def test_a_text_that_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_network(text)
    if text:
        with pytest.raises(ValueError, match=r"^none, or a network such as 10\.0\.0\.0/8"):
            networks([])([text])


def test_a_list_of_networks_has_each_once_and_those_that_are_always_there() -> None:
    assert networks([LOCAL])(["10.0.0.0/8, 127.0.0.0/8", "10.0.0.0/8"]) == (LOCAL, TEN)
    assert networks([LOCAL])([]) == (LOCAL,)
    assert networks([LOCAL])(["10.0.0.0/8", "none"]) == (TEN,)


@pytest.mark.parametrize("value", [(), (TEN,), (LOCAL, TEN)])
def test_networks_are_read_as_they_are_shown(value: tuple[object, ...]) -> None:
    kind = networks([])
    assert kind([kind.show(value)]) == value
