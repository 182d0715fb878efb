"""Addresses: what counts as one, and what parses as one."""

import pytest

from pylingo.reactor.people.addresses import as_network, network_of, read_host, show_network


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_addresses_that_count_as_one(host: str, shown: str) -> None:
    assert show_network(network_of(host)) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("10.1.0.0/8", None),
        ("10.0.0.0/33", None),
        ("ada", None),
        ("", None),
        ("1", None),
        ("12345", None),
        ("192.0.2", None),
    ],
)
def test_a_text_that_parses_as_an_address_is_one(text: str, shown: str | None) -> None:
    network = as_network(text)
    assert (show_network(network) if network is not None else None) == shown


def test_a_host_is_read_once_for_both_families() -> None:
    assert read_host("::ffff:127.0.0.1").is_loopback
    with pytest.raises(ValueError, match="chat"):
        read_host("chat.example.org")
