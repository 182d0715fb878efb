"""Links as people pass them on, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.shared.link import Link, is_link, parse_link, parse_plain, parse_server, show_link, show_servers

PIN = "SHA256:" + "A" * 43
CODE = "s3cret-c0de_of-an-invitation"

GOOD = {
    "pylingo://chat.example.org": Link("chat.example.org", 5000),
    "pylingo://chat.example.org/": Link("chat.example.org", 5000),
    "PyLingo://chat.example.org:7": Link("chat.example.org", 7),
    "pylingo://[::1]:7/lobby": Link("::1", 7, "lobby"),
    "pylingo://[fe80::1%eth0]/lobby": Link("fe80::1%eth0", 5000, "lobby"),
    "pylingo://10.0.0.1/%C3%BCber": Link("10.0.0.1", 5000, "über"),
    "pylingo://bücher.example/über": Link("bücher.example", 5000, "über"),
    f"pylingo://h?invite={CODE}": Link("h", 5000, None, CODE),
    f"pylingo://h#{PIN}": Link("h", 5000, None, None, PIN),
    f"pylingo://h:9/lobby?invite={CODE}#{PIN}": Link("h", 9, "lobby", CODE, PIN),
    "pylingo://a,b:7": Link("a", 5000, others=(("b", 7),)),
    f"pylingo://a,b:7,[::1]/lobby?invite={CODE}#{PIN}": Link(
        "a", 5000, "lobby", CODE, PIN, others=(("b", 7), ("::1", 5000))
    ),
}
BAD = {
    "pylingo:/h": "pylingo://HOST",
    "pylingo:h": "pylingo://HOST",
    "pylingo://": "name a host",
    "pylingo://:5000": "name a host",
    "pylingo://[]/x": "name a host",
    "pylingo://ada@h": "without a user",
    "pylingo://h h": "without a user, spaces",
    "pylingo://h%20h": "without a user, spaces or %",
    "pylingo://h:0": "a port must be",
    "pylingo://h:1:2": r"HOST, HOST:PORT or \[IPV6\]:PORT",
    "pylingo://a,": "without an empty place",
    "pylingo://a,:5000": "name a host",
    "pylingo://a, b": "without a user, spaces",
    "pylingo://a,a:5000": "a:5000 stands twice",
    "pylingo://" + ",".join("abcdefghijklmnopq"): "16 of them, not 17",
    "pylingo://h:70000/lobby": "a port must be",
    "pylingo://[::1": r"HOST, HOST:PORT or \[IPV6\]:PORT",
    "pylingo://h/a b": "the room of the link",
    "pylingo://h/a/b": "the room of the link",
    "pylingo://h/%ff": "UTF-8",
    "pylingo://h/%00": "the room of the link",
    "pylingo://h?": "invite=CODE",
    "pylingo://h?invite=": "invite=CODE",
    "pylingo://h?invite=a&x=b": "invite=CODE",
    "pylingo://h?Invite=a": "invite=CODE",
    "pylingo://h?invite=ä": "invite=CODE",
    "pylingo://h?invite=" + "a" * 129: "invite=CODE",
    "pylingo://h#": "a fingerprint must be",
    "pylingo://h#SHA256:": "a fingerprint must be",
    f"pylingo://h#{PIN[:-1]}": "a fingerprint must be",
    f"pylingo://h#{PIN}A": "a fingerprint must be",
    f"pylingo://h#{PIN[:-1]}B": "a fingerprint must be",
    f"pylingo://h#{PIN.lower()}": "a fingerprint must be",
    f"pylingo://h#{PIN[7:]}": "a fingerprint must be",
    f"pylingo://h#{PIN}#{PIN}": "a fingerprint must be",
    f"pylingo://h#{PIN}\n": "a fingerprint must be",
}


@pytest.mark.parametrize(("text", "expected"), GOOD.items())
def test_a_link(text: str, expected: Link) -> None:
    assert parse_link(text) == expected
    assert parse_link(show_link(expected)) == expected


@pytest.mark.parametrize(("text", "words"), BAD.items())
def test_a_link_that_is_not_whole_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_link(text)


@pytest.mark.parametrize(
    "text",
    [
        f"pylingo:h?invite={CODE}",
        f"pylingo:/h?invite={CODE}",
        f"pylingo://h:5000&invite={CODE}",
        f"pylingo://[h?invite={CODE}",
        f"pylingo://a,b:5000&invite={CODE}",
        f"pylingo://a,?invite={CODE}",
        f"pylingo://h/lobby&invite={CODE}",
        f"pylingo://h/lobby?invite={CODE}!",
        f"pylingo://h/lobby?invite={CODE}?invite={CODE}",
        f"pylingo://h/lobby?invite={CODE}#SHA256:cut",
        f"pylingo://h:x/lobby?invite={CODE}",
        f"pylingo://h/a b?invite={CODE}",
        f"pylingo://u@h/a?invite={CODE}",
    ],
)
def test_no_error_shows_an_invitation(text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - each has words of its own
        parse_server(text)
    assert CODE[:6] not in str(caught.value)


def test_the_invitation_is_not_printed_with_the_link() -> None:
    assert CODE not in repr(parse_link(f"pylingo://h?invite={CODE}"))


def test_an_address_is_no_link() -> None:
    assert parse_server("chat.example:7") == Link("chat.example", 7, is_link=False)
    assert parse_server("pylingo:7") == Link("pylingo", 7, is_link=False)
    assert parse_server("pylingo:") == Link("pylingo", 5000, is_link=False)
    assert parse_server("pylingo://h").is_link
    assert parse_server("a, b:7") == Link("a", 5000, is_link=False, others=(("b", 7),))
    assert is_link("pylingo:/h")
    assert not is_link("chat.example")


def test_the_servers_of_a_link_are_printed_as_a_list() -> None:
    link = parse_plain("a,b:7,[::1]", 8)
    assert link.addresses == (("a", 8), ("b", 7), ("::1", 8))
    assert show_servers(link) == "a:8,b:7,[::1]:8"
    assert parse_plain(show_servers(link)) == link


rooms = st.none() | st.text("abcß漢-_.", min_size=1, max_size=20).map(lambda text: "a" + text.replace("漢", ""))
codes = st.none() | st.text("abcXYZ019-_", min_size=1, max_size=40)
hosts = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,30}", fullmatch=True) | st.ip_addresses().map(str)


@given(hosts, st.integers(1, 65_535), rooms, codes, st.sampled_from([None, PIN]))
def test_a_printed_form_is_read_back(
    host: str, port: int, room: str | None, invite: str | None, pin: str | None
) -> None:
    link = Link(host, port, room, invite, pin)
    assert parse_link(show_link(link)) == link


@given(st.text(max_size=60) | st.text("pylingo:/?#=[]@%1aSHA256", max_size=40).map(lambda text: f"pylingo://{text}"))
def test_any_text_is_a_server_or_a_value_error(text: str) -> None:
    try:
        link = parse_server(text)
    except ValueError as error:
        assert str(error)
    else:
        assert link.host
        assert 1 <= link.port <= 65_535
