"""HOST[:PORT] as people write it, and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.shared.address import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    MOST_ADDRESSES,
    is_loopback,
    parse_address,
    parse_addresses,
    plain_host,
    show_address,
)

GOOD = {
    "": (DEFAULT_HOST, DEFAULT_PORT),
    "chat.example": ("chat.example", DEFAULT_PORT),
    "chat.example:7": ("chat.example", 7),
    "chat.example:": ("chat.example", DEFAULT_PORT),
    ":7": (DEFAULT_HOST, 7),
    ":": (DEFAULT_HOST, DEFAULT_PORT),
    "10.0.0.1:1": ("10.0.0.1", 1),
    "10.0.0.1:65535": ("10.0.0.1", 65_535),
    "10.0.0.1:00080": ("10.0.0.1", 80),
    "::1": ("::1", DEFAULT_PORT),
    "fe80::1%eth0": ("fe80::1%eth0", DEFAULT_PORT),
    "[::1]": ("::1", DEFAULT_PORT),
    "[::1]:": ("::1", DEFAULT_PORT),
    "[::1]:7": ("::1", 7),
    "[fe80::1%eth0]:7": ("fe80::1%eth0", 7),
    "[chat.example]:7": ("chat.example", 7),
    "[]": (DEFAULT_HOST, DEFAULT_PORT),
    "bücher.example:7": ("bücher.example", 7),
}
# Digits of other scripts pass for digits to `str.isdigit` and `int`; nobody means a port by them.
BAD_PORTS = ["0", "65536", "99999999", "-1", "+1", "1.0", "1e3", " 1", "1 ", "http", "0x50", "٣", "１", "²", "1_0"]


def test_parts_left_out_are_this_computer_and_the_port_of_the_server():
    assert parse_address("") == ("127.0.0.1", 5000)


@pytest.mark.parametrize(("text", "expected"), GOOD.items())
def test_an_address(text: str, expected: tuple[str, int]):
    assert parse_address(text) == expected


@pytest.mark.parametrize("port", BAD_PORTS)
@pytest.mark.parametrize("host", ["host", "[::1]", ""])
def test_a_port_out_of_range_is_refused_with_what_would_be_right(host: str, port: str):
    with pytest.raises(ValueError, match="a port must be a whole number from 1 to 65535") as caught:
        parse_address(f"{host}:{port}")
    assert port in str(caught.value)


def test_a_port_of_thousands_of_digits_is_refused_with_what_would_be_right():
    with pytest.raises(ValueError, match="a port must be a whole number from 1 to 65535"):
        parse_address("host:" + "1" * 5_000)  # more digits than `int` reads


@pytest.mark.parametrize("text", ["[::1", "[", "[::1]7", "[::1]x:7", "[::1] :7", "[a][b]", "host:1:2", "::g", "::1:"])
def test_brackets_that_do_not_close_or_go_on_and_two_ports_are_refused(text: str):
    with pytest.raises(ValueError, match=r"HOST, HOST:PORT or \[IPV6\]:PORT") as caught:
        parse_address(text)
    assert text in str(caught.value)


def test_another_port_may_be_the_default():
    assert parse_address("h", 7) == parse_address("h:", 7) == ("h", 7)
    assert parse_address("h:8", 7) == ("h", 8)


# --- lists


def test_a_list_has_a_port_for_each_host():
    assert parse_addresses("a,b:5001,[::1]:7,::2") == (("a", 5000), ("b", 5001), ("::1", 7), ("::2", 5000))


@pytest.mark.parametrize("text", ["", "a", "a:7", "::1"])
def test_one_address_is_a_list(text: str):
    assert parse_addresses(text) == (parse_address(text),)


def test_a_list_has_a_number_of_addresses():
    hosts = [f"h{number}" for number in range(MOST_ADDRESSES + 1)]
    assert len(parse_addresses(",".join(hosts[1:]))) == MOST_ADDRESSES == 16
    with pytest.raises(ValueError, match="a list of addresses can have 16 of them, not 17"):
        parse_addresses(",".join(hosts))


@pytest.mark.parametrize("text", [",", "a,", ",a", "a,,b", "a, ,b"])
def test_a_list_has_no_empty_place(text: str):
    with pytest.raises(ValueError, match=r"must be HOST\[:PORT\],HOST\[:PORT\] and so on, without an empty place"):
        parse_addresses(text)


def test_no_address_stands_twice():
    assert len(parse_addresses("a,a:1")) == 2
    with pytest.raises(ValueError, match="a:5000 stands twice in the list"):
        parse_addresses("a,b,a:5000")


@pytest.mark.parametrize("text", ["a,b:0", "a:1:2,b", "a,[::1"])
def test_each_address_of_a_list_is_checked(text: str):
    with pytest.raises(ValueError, match="must be"):
        parse_addresses(text)


hosts = st.one_of(
    st.from_regex(r"[a-z0-9.-]{1,30}", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
)


@given(hosts, st.integers(1, 65_535))
def test_a_printed_form_is_read_back(host: str, port: int):
    assert parse_address(show_address(host, port)) == (host, port)


@pytest.mark.parametrize(("host", "shown"), [("::1", "[::1]:7"), ("10.0.0.1", "10.0.0.1:7"), ("a.b", "a.b:7")])
def test_only_what_has_colons_is_shown_in_brackets(host: str, shown: str):
    assert show_address(host, 7) == shown


@settings(deadline=None)
@given(st.text(max_size=60) | st.text(st.sampled_from("[]:1a.%"), max_size=12))
def test_any_text_is_an_address_or_a_value_error(text: str):
    try:
        host, port = parse_address(text)
    except ValueError as error:
        assert str(error)
    else:
        assert host
        assert 1 <= port <= 65_535


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LocalHost", True),
        ("localhost.example.org", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("127.0.0.1.example.org", False),
        ("chat.example.org", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) == expected


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:0:1", "::ffff:0:1"),
        ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.1"),
        ("fe80::1%eth0.5", "fe80::1%eth0.5"),
        ("chat.example.org", "chat.example.org"),
    ],
)
def test_ipv4_in_ipv6_is_ipv4(host: str, plain: str) -> None:
    assert plain_host(host) == plain
