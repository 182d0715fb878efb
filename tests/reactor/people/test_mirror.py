"""The mirror: what is to be stored, what is taken over, and what Redis has lost."""

import pytest

from pylingo.reactor.people.mirror import LINEAGE, Mirror, number_of
from pylingo.reactor.people.owned_names import OwnedName
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.rows import Row, RowKey, encode_row, show_row
from tests.fakes.people import WallClock, fingerprint

ADA, BOB = fingerprint(1), fingerprint(2)
APE, BEE = RowKey("names", "ape"), RowKey("names", "bee")
HOST = "127.0.0.1"


def name(key: RowKey, owner: str, used: int = WallClock().now, order: int = 1) -> str:
    return show_row(order, 0, encode_row(OwnedName(key.key, owner, used)))


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def register(clock: WallClock) -> Register:
    return Register(clock)


@pytest.fixture
def mirror(register: Register) -> Mirror:
    return Mirror(register)


def owner(register: Register, key: RowKey) -> frozenset[str]:
    return register.keys_of_owner(key.key)


def test_versions_count_and_differ(mirror: Mirror) -> None:
    assert mirror.next_version("a") == "1 a"
    mirror.confirm("17 x", {})
    assert mirror.next_version("b") == "18 b"
    assert [number_of(version) for version in ("", "17 x")] == [0, 17]


def test_only_what_differs_is_stored(mirror: Mirror, register: Register, clock: WallClock) -> None:
    register.take_name("ape", ADA, HOST)
    found = mirror.differences([APE, BEE])
    assert found == {APE: name(APE, ADA)}
    mirror.confirm("1 a", found)
    assert mirror.differences([APE, BEE]) == {}
    register.release_name("ape")
    assert mirror.differences([APE, BEE]) == {APE: None}


@pytest.mark.parametrize(
    ("keep", "seconds", "is_stored"),
    [
        (180 * 86_400.0, 86_399, False),
        (180 * 86_400.0, 86_400, True),
        (0, 86_399, False),
        (100, 9, False),
        (100, 10, True),
    ],
)
def test_a_use_is_stored_once_in_a_while(
    mirror: Mirror, register: Register, clock: WallClock, keep: float, seconds: float, is_stored: bool
) -> None:
    register.name_keep = keep
    register.take_name("ape", ADA, HOST)
    mirror.confirm("1 a", mirror.differences([APE]))
    clock.advance(seconds)
    register.refresh_name("ape", ADA)
    assert bool(mirror.differences([APE])) == is_stored


def test_rows_of_others_are_taken_over(mirror: Mirror, register: Register) -> None:
    assert mirror.accept("1 a", {APE: name(APE, ADA), RowKey("operators", ADA): "1.0 true"}) == {"names", "operators"}
    assert (owner(register, APE), register.is_operator(ADA), mirror.version) == ({ADA}, True, "1 a")
    assert mirror.differences([APE]) == {}
    assert mirror.accept("2 b", {APE: None}) == {"names"}
    assert (owner(register, APE), register.is_operator(ADA)) == (frozenset(), True)
    assert mirror.accept("3 c", {APE: None}) == set()


def test_a_wrong_row_changes_nothing(mirror: Mirror, register: Register) -> None:
    with pytest.raises(ValueError, match="must have the fields"):
        mirror.accept("1 a", {APE: name(APE, ADA), BEE: "1 {}"})
    assert (owner(register, APE), mirror.version) == (frozenset(), "")


def test_a_pending_name_that_another_server_has_stored_clashes(mirror: Mirror, register: Register) -> None:
    change = register.claim_name("ape", ADA, HOST)
    assert change is not None
    texts = {APE: name(APE, BOB)}
    assert mirror.clashes(texts, [APE, BEE]) == {APE}
    assert mirror.clashes(texts, [BEE]) == set()
    assert mirror.clashes({APE: name(APE, ADA)}, [APE]) == set()
    change.undo()
    mirror.accept("1 a", texts)
    assert owner(register, APE) == {BOB}


def test_a_pending_name_of_the_same_key_is_kept_if_its_own_storing_fails(mirror: Mirror, register: Register) -> None:
    change = register.claim_name("ape", ADA, HOST)
    assert change is not None
    mirror.accept("1 a", {APE: name(APE, ADA)})
    change.undo()
    assert owner(register, APE) == {ADA}


def test_a_pending_name_that_looks_like_a_new_one_has_a_rival(mirror: Mirror, register: Register) -> None:
    cyrillic = RowKey("names", "аре")
    assert register.claim_name("ape", ADA, HOST) is not None
    assert register.claim_name("bee", ADA, HOST) is not None
    assert mirror.rivals([APE, BEE, RowKey("bans", "x")]) == set()
    mirror.accept("1 a", {cyrillic: name(cyrillic, BOB)})
    assert mirror.rivals([APE, BEE]) == {APE}
    mirror.confirm("2 b", {APE: name(APE, ADA)})
    assert mirror.rivals([APE, BEE]) == set()  # it is stored, whatever it looks like


# --- after everything was read anew


def mirrored(mirror: Mirror, *stores: dict[RowKey, str | None]) -> list[str]:
    """Have rows in the mirror and in the register, one store after the other; return the lineage."""
    for number, texts in enumerate(stores, 1):
        mirror.accept(f"{number} x", texts)
    return [f"{number} x" for number in range(1, len(stores) + 1)]


def test_the_first_reading_takes_everything(mirror: Mirror) -> None:
    assert mirror.compare({APE: name(APE, ADA)}, ["1 x"]) == ({APE: name(APE, ADA)}, set())


def test_what_was_stored_meanwhile_is_taken(mirror: Mirror) -> None:
    lineage = mirrored(mirror, {APE: name(APE, ADA, order=1)}, {BEE: name(BEE, ADA, order=2)})
    found = {BEE: name(BEE, BOB, order=3)}
    assert mirror.compare(found, [*lineage, "3 y"]) == ({APE: None, BEE: found[BEE]}, set())


def test_what_was_lost_is_newer_here(mirror: Mirror) -> None:
    lineage = mirrored(mirror, {APE: name(APE, ADA, order=1)}, {BEE: name(BEE, ADA, order=2)}, {APE: None})
    lost = {APE: name(APE, ADA, order=1)}
    assert mirror.compare(lost, lineage[:1]) == ({}, {APE, BEE})
    mirror.restart("1 x", lineage[:1], {APE: lost[APE], BEE: None})
    assert mirror.version == "1 x"
    assert mirror.differences([APE, BEE]) == {APE: None, BEE: name(BEE, ADA, order=2)}


def test_what_was_stored_after_the_loss_is_taken(mirror: Mirror) -> None:
    lineage = mirrored(mirror, {APE: name(APE, ADA, order=1)}, {BEE: name(BEE, ADA, order=2)})
    found = {APE: name(APE, ADA, order=1), BEE: name(BEE, BOB, order=2)}
    assert mirror.compare(found, [*lineage[:1], "2 other"]) == ({BEE: found[BEE]}, set())


def test_an_empty_redis_has_lost_everything(mirror: Mirror) -> None:
    mirrored(mirror, {APE: name(APE, ADA, order=1)}, {BEE: name(BEE, ADA, order=2)})
    assert mirror.compare({}, []) == ({}, {APE, BEE})


def test_a_server_that_was_away_for_long_has_nothing_newer(mirror: Mirror) -> None:
    mirrored(mirror, {APE: name(APE, ADA, order=1)})
    lineage = [f"{number} y" for number in range(10, 10 + LINEAGE)]
    assert mirror.compare({}, lineage) == ({APE: None}, set())


def test_a_deletion_that_is_long_ago_is_forgotten(mirror: Mirror) -> None:
    keys = [RowKey("operators", fingerprint(number)) for number in range(1, LINEAGE + 3)]
    mirror.accept("1 x", dict.fromkeys(keys, "1.0 true"))
    mirror.accept("2 x", dict[RowKey, str | None].fromkeys(keys))
    rows: dict[RowKey, str] = dict.fromkeys(keys, "1.0 true")
    theirs, newer = mirror.compare(rows, ["1 x"])
    assert (len(theirs), len(newer)) == (2, LINEAGE)


def test_rows_are_records_of_the_register(mirror: Mirror, register: Register) -> None:
    mirror.accept("1 a", {APE: name(APE, ADA)})
    rows: dict[RowKey, Row] = register.rows([APE, BEE])
    assert rows == {APE: OwnedName("ape", ADA, WallClock().now)}
