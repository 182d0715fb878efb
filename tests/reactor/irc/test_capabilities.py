"""The negotiation of capabilities, as pure state."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.irc.capabilities import CAPABILITIES, MAX_LIST, InvalidSubcommandError, Negotiation, Phase

OFFERED = {"batch": "", "cap-notify": "", "sasl": "PLAIN", "server-time": ""}


def negotiation() -> Negotiation:
    return Negotiation(OFFERED)


def test_a_client_of_the_newer_version_is_told_values() -> None:
    cap = negotiation()
    assert cap.handle(["LS", "302"], False) == [("LS", "batch cap-notify sasl=PLAIN server-time")]
    assert cap.enabled == {"cap-notify"}
    assert cap.handle(["LIST"], False) == [("LIST", "cap-notify")]


@pytest.mark.parametrize("version", [[], ["301"], ["x"], [""], ["9" * 5_000], ["²"]])
def test_a_client_of_the_older_version_is_told_names(version: list[str]) -> None:
    cap = negotiation()
    assert cap.handle(["LS", *version], False) == [("LS", "batch cap-notify sasl server-time")]
    assert cap.enabled == frozenset()


def test_the_version_does_not_fall() -> None:
    cap = negotiation()
    cap.handle(["LS", "302"], False)
    assert cap.handle(["LS"], False) == [("LS", "batch cap-notify sasl=PLAIN server-time")]


def test_registration_is_held_from_the_first_request_to_the_end() -> None:
    cap = negotiation()
    assert cap.phase is Phase.NONE
    cap.handle(["LIST"], False)
    assert cap.phase is Phase.NONE
    cap.handle(["REQ", "batch"], False)
    assert cap.phase is Phase.OPEN
    assert cap.handle(["END"], False) == []
    assert cap.phase is Phase.ENDED


def test_a_registered_client_is_not_held() -> None:
    cap = negotiation()
    cap.handle(["LS", "302"], True)
    cap.handle(["END"], True)
    assert cap.phase is Phase.NONE


def test_a_request_is_acknowledged_as_a_whole() -> None:
    cap = negotiation()
    assert cap.handle(["req", "batch server-time"], False) == [("ACK", "batch server-time")]
    assert cap.enabled == {"batch", "server-time"}
    assert cap.handle(["REQ", " -batch  sasl "], True) == [("ACK", " -batch  sasl ")]
    assert cap.enabled == {"server-time", "sasl"}


def test_a_request_is_refused_as_a_whole() -> None:
    cap = negotiation()
    assert cap.handle(["REQ", "batch nonsense"], False) == [("NAK", "batch nonsense")]
    assert cap.enabled == frozenset()
    assert cap.handle(["REQ", "-nonsense"], False) == [("NAK", "-nonsense")]


def test_what_the_version_implies_cannot_be_removed() -> None:
    cap = negotiation()
    cap.handle(["LS", "302"], False)
    assert cap.handle(["REQ", "-cap-notify"], False) == [("NAK", "-cap-notify")]
    old = negotiation()
    old.handle(["REQ", "cap-notify"], False)
    assert old.handle(["REQ", "-cap-notify"], False) == [("ACK", "-cap-notify")]


@pytest.mark.parametrize("params", [[], ["NOPE"], ["ACK", "batch"], [""]])
def test_an_unknown_subcommand(params: list[str]) -> None:
    with pytest.raises(InvalidSubcommandError) as caught:
        negotiation().handle(params, False)
    assert caught.value.numeric.number == "410"


def test_a_long_list_is_on_several_lines() -> None:
    many = {f"vendor.example/capability-{number}": "value" for number in range(40)}
    cap = Negotiation(many)
    replies = cap.handle(["LS", "302"], False)
    assert len(replies) > 1
    assert [reply[1] for reply in replies[:-1]] == ["*"] * (len(replies) - 1)
    assert all(len(reply[-1]) <= MAX_LIST for reply in replies)
    words = itertools.chain.from_iterable(reply[-1].split() for reply in replies)
    assert sorted(word.partition("=")[0] for word in words) == sorted(many)


def test_everything_offered_fits_the_lines_of_an_old_client() -> None:
    ((_, words),) = Negotiation().handle(["LS"], False)
    assert len(words) < 450
    assert words.split() == sorted(CAPABILITIES)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["LS", "LIST", "REQ", "END", "ACK", ""]),
            st.sampled_from(["302", "", "batch", "-batch", "batch sasl", "-cap-notify", "x y", "sasl=PLAIN"]),
        )
    )
)
def test_only_what_is_offered_is_ever_enabled(steps: list[tuple[str, str]]) -> None:
    cap = negotiation()
    for step in steps:
        try:
            cap.handle(step, False)
        except InvalidSubcommandError:
            assert step[0] not in ("LS", "LIST", "REQ", "END")
        assert cap.enabled <= set(OFFERED)


def test_clients_that_have_asked_for_the_same_share_one_set() -> None:
    one, other = negotiation(), negotiation()
    assert one.enabled is other.enabled
    one.handle(["REQ", "batch sasl"], False)
    other.handle(["REQ", "sasl"], False)
    other.handle(["REQ", "batch"], False)
    assert one.enabled is other.enabled
