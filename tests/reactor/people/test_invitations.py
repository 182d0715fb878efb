"""Invitations: codes that are kept as hashes, with a number of uses and an end."""

import re

import pytest

from pylingo.reactor.people import invitations as module
from pylingo.reactor.people.invitations import MOST_USES, Invitation, Invitations, digest_of
from pylingo.shared.errors import RequestError
from tests.fakes.people import WallClock, fingerprint

ADA, EVE = fingerprint(1), fingerprint(2)
WEEK = 7 * 86_400.0


def test_a_code_has_128_random_bits_and_is_not_kept() -> None:
    invitations = Invitations(WallClock())
    codes = {invitations.create(None, 1, WEEK, False)[0] for _ in range(100)}
    assert len(codes) == 100
    assert all(re.fullmatch("[0-9a-f]{32}", code) for code in codes)
    assert not codes & set(re.findall("[0-9a-f]{32}", repr(invitations.items())))


def test_it_is_used_as_often_as_it_says() -> None:
    invitations = Invitations(WallClock())
    code, invitation = invitations.create(None, 2, WEEK, False)
    assert invitations.find(code, ADA) == invitation
    invitations.use(invitation, ADA)
    again = invitations.find(code, EVE)
    assert again is not None
    assert (again.uses, again.used_by) == (1, (ADA,))
    invitations.use(again, EVE)
    assert invitations.find(code, fingerprint(3)) is None
    assert invitations.open_ones() == []


def test_a_person_who_has_used_it_finds_it_again() -> None:
    invitations = Invitations(WallClock())
    code, invitation = invitations.create(None, 1, WEEK, False)
    invitations.use(invitation, ADA)
    found = invitations.find(code, ADA)
    assert found is not None
    assert found.used_by == (ADA,)
    assert invitations.find(code, EVE) is None


def test_a_use_can_be_given_back() -> None:
    invitations = Invitations(WallClock())
    code, invitation = invitations.create(None, 1, WEEK, False)
    invitations.use(invitation, ADA)
    invitations.give_back(invitation.digest, ADA)
    assert invitations.find(code, EVE) == invitation
    invitations.remove(invitation.digest)
    invitations.remove(invitation.digest)
    invitations.give_back(invitation.digest, ADA)
    assert invitations.find(code, EVE) is None


def test_it_ends() -> None:
    clock = WallClock()
    invitations = Invitations(clock)
    code, invitation = invitations.create(None, 1, 60, False)
    assert invitation.until == clock.now + 60_000_000
    clock.advance(60 - 1e-6)
    assert invitations.find(code, ADA) is not None
    clock.advance(1e-6)
    assert invitations.find(code, ADA) is None
    assert invitations.items() == []
    invitations.create(None, 1, 60, False)
    assert len(invitations) == 1  # the old one is forgotten


@pytest.mark.parametrize("code", ["", "0" * 32, "\ud800", "x" * 30_000])
def test_a_text_that_is_no_code_finds_nothing(code: str) -> None:
    invitations = Invitations(WallClock())
    invitations.create(None, 1, WEEK, False)
    assert invitations.find(code, ADA) is None


def test_the_digest_of_a_code_finds_nothing() -> None:
    invitations = Invitations(WallClock())
    code, invitation = invitations.create(None, 1, WEEK, False)
    assert invitation.digest == digest_of(code) != code
    assert invitations.find(invitation.digest, ADA) is None


def test_those_of_somebody_can_be_revoked() -> None:
    invitations = Invitations(WallClock())
    own, _ = invitations.create(ADA, 1, WEEK, False)
    used, invitation = invitations.create(ADA, 1, WEEK, False)
    invitations.use(invitation, EVE)
    other, _ = invitations.create(EVE, 1, WEEK, False)
    from_line, _ = invitations.create(None, 1, WEEK, False)
    assert invitations.revoke([ADA]) == 1
    assert invitations.find(own, EVE) is invitations.find(used, EVE) is None
    assert invitations.find(other, ADA) is not None
    assert invitations.find(from_line, ADA) is not None
    assert invitations.revoke([]) == 0


@pytest.mark.parametrize(
    ("uses", "seconds", "words"),
    [
        (0, WEEK, f"an invitation must have 1 to {MOST_USES} uses, not 0"),
        (-1, WEEK, "uses, not -1"),
        (MOST_USES + 1, WEEK, "uses, not 1001"),
        (1, 0, "an invitation must be valid for at most 366 days"),
        (1, 367 * 86_400, "at most 366 days"),
        (1, float("nan"), "at most 366 days"),
        (1, float("inf"), "at most 366 days"),
    ],
)
def test_the_limits_of_one(uses: int, seconds: float, words: str) -> None:
    invitations = Invitations(WallClock())
    with pytest.raises(RequestError, match=words) as caught:
        invitations.create(None, uses, seconds, False)
    assert caught.value.reason == "bad-argument"
    assert len(invitations) == 0


def test_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    clock = WallClock()
    invitations = Invitations(clock)
    invitations.create(None, 1, 60, False)
    _, second = invitations.create(None, 1, WEEK, False)
    with pytest.raises(RequestError, match="there are 2 open invitations") as caught:
        invitations.create(None, 1, WEEK, False)
    assert caught.value.reason == "not-allowed"
    invitations.use(second, ADA)
    invitations.create(None, 1, WEEK, False)
    clock.advance(60)
    invitations.create(None, 1, WEEK, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"digest": "0" * 63},
        {"digest": "G" * 64},
        {"uses": -1},
        {"uses": MOST_USES + 1},
        {"until": -1},
        {"by": "ada"},
        {"used_by": ("ada",)},
    ],
    ids=str,
)
def test_a_value_that_is_no_invitation_is_refused(wrong: dict[str, object]) -> None:
    good = {"digest": "0" * 64, "uses": 1, "until": 0, "operator": False, "by": None, "used_by": ()}
    Invitation(**good)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must be"):
        Invitation(**{**good, **wrong})  # type: ignore[arg-type]
