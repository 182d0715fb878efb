"""Bans and mutes by key and by address."""

import pytest

from pylingo.reactor.people import sanctions as module
from pylingo.reactor.people.sanctions import Sanction, Sanctions, nobody
from pylingo.shared.errors import RequestError
from tests.fakes.people import WallClock, fingerprint

ADA, EVE = fingerprint(1), fingerprint(2)


def of_key(*keys: str, address: str | None = None, until: int | None = None, name: str | None = "eve") -> Sanction:
    return Sanction(name, keys, address, "ada", None, until)


def of_address(address: str, until: int | None = None, name: str | None = None) -> Sanction:
    return Sanction(name, (), address, "ada", "flood", until)


def test_a_key_is_found() -> None:
    sanctions = Sanctions(WallClock())
    sanctions.add(of_key(ADA, EVE))
    assert sanctions.of_keys([EVE]) == sanctions.of_keys([fingerprint(3), ADA]) == of_key(ADA, EVE)
    assert sanctions.of_keys([fingerprint(3)]) is None
    assert sanctions.of_keys([]) is None
    assert sanctions.of_host("192.0.2.7", with_keys=True) is None


@pytest.mark.parametrize(
    ("address", "host", "is_found"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("10.0.0.0/8", "10.255.1.2", True),
        ("10.0.0.0/8", "11.0.0.0", False),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("0.0.0.0/0", "203.0.113.9", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("2001:db8::/64", "2001:db8::ffff:1", True),
        ("2001:db8::/64", "2001:db8:0:1::1", False),
        ("2001:db8::1", "2001:db8::2", False),
        ("::/0", "2001:db8::2", True),
        ("fe80::/64", "fe80::1%eth0", True),
    ],
)
def test_an_address_is_found_in_its_network(address: str, host: str, is_found: bool) -> None:
    sanctions = Sanctions(WallClock(), [of_address("198.51.100.1"), of_address(address)])
    assert (sanctions.of_host(host, with_keys=False) is not None) == is_found


def test_the_address_of_a_key_counts_only_where_it_is_asked_for() -> None:
    sanctions = Sanctions(WallClock(), [of_key(EVE, address="192.0.2.7")])
    assert sanctions.of_host("192.0.2.7", with_keys=False) is None
    assert sanctions.of_host("192.0.2.7", with_keys=True) == of_key(EVE, address="192.0.2.7")
    sanctions.add(of_address("192.0.2.7"))
    assert sanctions.of_host("192.0.2.7", with_keys=False) == of_address("192.0.2.7")


def test_it_ends() -> None:
    clock = WallClock()
    sanctions = Sanctions(clock)
    sanctions.add(of_key(EVE, until=clock.now + 10_000_000))
    sanctions.add(of_address("192.0.2.7", until=clock.now + 20_000_000))
    clock.advance(10 - 1e-6)
    assert sanctions.of_keys([EVE]) is not None
    clock.advance(1e-6)
    assert sanctions.of_keys([EVE]) is None
    assert [sanction.address for sanction in sanctions.items()] == ["192.0.2.7"]
    assert sanctions.end(lambda sanction: bool(sanction.keys))[0] == []
    clock.advance(10)
    assert sanctions.of_host("192.0.2.7", with_keys=True) is None
    assert sanctions.items() == []


def test_a_new_one_takes_the_place_of_the_old_one() -> None:
    clock = WallClock()
    sanctions = Sanctions(clock)
    later = clock.now + 60_000_000
    for sanction in (of_key(EVE), of_address("192.0.2.7"), of_key(EVE, until=later), of_address("192.0.2.7", later)):
        sanctions.add(sanction)
    assert sanctions.items() == [of_key(EVE, until=later), of_address("192.0.2.7", later)]
    sanctions.add(of_key(EVE, ADA))  # includes the one key
    assert sanctions.items() == [of_address("192.0.2.7", later), of_key(EVE, ADA)]
    sanctions.add(of_key(ADA, address="192.0.2.7"))
    assert len(sanctions.items()) == 3
    assert sanctions.of_keys([EVE]) == of_key(EVE, ADA)


@pytest.mark.parametrize(
    ("target", "addresses"),
    [
        ("Eve", ["203.0.113.1"]),
        (EVE, ["203.0.113.1"]),
        ("192.0.2.7", ["192.0.2.7"]),
        ("::ffff:192.0.2.7", ["192.0.2.7"]),
        ("203.0.113.1", ["203.0.113.1"]),
        ("10.0.0.0/8", ["10.0.0.0/8"]),
        ("10.0.0.0/9", []),
        ("guest-7", ["192.0.2.7"]),
        ("ada", []),
    ],
)
def test_they_are_removed_by_name_address_or_key(target: str, addresses: list[str]) -> None:
    all_of_them = [
        of_key(EVE, address="203.0.113.1"),
        of_address("192.0.2.7", name="guest-7"),
        of_address("10.0.0.0/8"),
    ]
    sanctions = Sanctions(WallClock(), all_of_them)
    removed, change = sanctions.end(lambda sanction: sanction.concerns(target))
    assert [sanction.address for sanction in removed] == addresses
    assert sanctions.items() == all_of_them
    change.commit()
    assert sanctions.items() == [sanction for sanction in all_of_them if sanction not in removed]


def test_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    clock = WallClock()
    sanctions = Sanctions(clock)
    sanctions.add(of_address("192.0.2.1", until=clock.now + 1_000_000))
    sanctions.add(of_address("192.0.2.2"))
    with pytest.raises(RequestError, match="end some first") as caught:
        sanctions.add(of_address("192.0.2.3"))
    assert caught.value.reason == "not-allowed"
    sanctions.add(of_address("192.0.2.2", until=clock.now + 9_000_000))
    clock.advance(1)
    sanctions.add(of_address("192.0.2.3"))
    assert len(sanctions) == 2


@pytest.mark.parametrize(
    ("keys", "address", "until"),
    [((), None, None), (("eve",), None, None), ((), "eve", None), ((), "10.1.2.3/8", None), ((EVE,), None, -1)],
)
def test_a_value_that_is_no_sanction_is_refused(keys: tuple[str, ...], address: str | None, until: int | None) -> None:
    with pytest.raises(ValueError, match=r"must be|need keys"):
        Sanction("eve", keys, address, "ada", None, until)


def test_the_error_for_nobody_names_the_target() -> None:
    error = nobody("ev\x1be", "banned", "/bans lists who is")
    assert (error.reason, error.text) == ("bad-argument", "'ev\ufffde' is not banned: /bans lists who is")
