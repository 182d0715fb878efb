"""The checker of a chaos run, verdict.py: each violation is found, and nothing else."""

import pytest

from tests.chaos.verdict import END, Claim, Evidence, Hearing, Logged, Said, Stay, violations


def evidence() -> Evidence:
    """Two members in one room, with everything right."""
    log = [Logged(10, "m1 1", "k1"), Logged(20, "m2 1", "k2"), Logged(30, "m1 2", "k3")]
    return Evidence(
        said=[
            Said("m1", "hold", "k1", "m1 1", 10, 0.0, 0.1),
            Said("m2", "hold", "k2", "m2 1", 20, 0.0, 0.1),
            Said("m1", None, "k4", "psst", 40, 0.0, 0.1),
        ],
        stays=[
            Stay("m1", "hold", 0, END, {10: "m1 1", 20: "m2 1", 30: "m1 2"}),
            Stay("m2", "hold", 10, 20, {20: "m2 1"}),
        ],
        hearings=[Hearing("m1", "hold", 0.0, [20]), Hearing("m2", "hold", 0.0, [10, 30])],
        claims=[Claim("m1", "ann", 0.0, 1.0), Claim("m2", "ann", 1.5, 2.0), Claim("m2", "bob", 0.0, 1.0)],
        inboxes=[(Stay("m2", "the inbox", 0, END, {40: "psst"}), [Logged(40, "psst")])],
        readings={"Redis": {"hold": log}, "a server": {"hold": list(log)}},
        private={"p:@1|2": [Logged(40, "psst")]},
    )


def found(wrong: Evidence) -> list[str]:
    """The kinds of what is wrong."""
    return [sentence.partition(":")[0].partition(" ")[0] for sentence in violations(wrong)]


def test_nothing_is_wrong() -> None:
    assert violations(evidence()) == []


@pytest.mark.parametrize(
    "said",
    [
        Said("m1", "hold", "k9", "m1 9", 15, 0.0, 0.1),
        Said("m1", "hold", "k1", "m1 1", 11, 0.0, 0.1),
        Said("m1", "hold", "k1", "another text", 10, 0.0, 0.1),
        Said("m1", "mess", "k1", "m1 1", 10, 0.0, 0.1),
        Said("m1", None, "k9", "never told", 50, 0.0, 0.1),
    ],
)
def test_a_confirmed_message_that_is_not_in_the_log(said: Said) -> None:
    wrong = evidence()
    wrong.said.append(said)
    assert found(wrong) == ["lost"]


def test_a_message_that_is_there_twice() -> None:
    wrong = evidence()
    for reading in wrong.readings.values():
        reading["hold"].append(Logged(50, "m1 1", "k1"))
    wrong.stays[0].seen[50] = "m1 1"
    assert found(wrong) == ["doubled"]
    wrong.said.append(Said("m1", "hold", "k1", "m1 1", 50, 0.0, 0.1, may_be_twice=True))
    assert found(wrong) == []


def test_a_private_message_that_is_there_twice() -> None:
    wrong = evidence()
    wrong.private["p:@1|2"].append(Logged(41, "psst"))
    assert found(wrong) == ["doubled"]


@pytest.mark.parametrize(("stamps", "kind"), [([10, 10], "doubled"), ([30, 20], "out")])
def test_what_comes_must_rise(stamps: list[int], kind: str) -> None:
    wrong = evidence()
    wrong.hearings.append(Hearing("m1", "hold", 1.0, stamps))
    assert found(wrong) == [kind]


def test_a_log_out_of_order() -> None:
    wrong = evidence()
    for reading in wrong.readings.values():
        reading["hold"].reverse()
    assert found(wrong) == ["out", "out"]


def test_a_member_who_has_not_seen_something() -> None:
    wrong = evidence()
    del wrong.stays[0].seen[20]
    del wrong.inboxes[0][0].seen[40]
    assert found(wrong) == ["unseen", "unseen"]


def test_what_was_said_before_a_stay_or_after_it_need_not_be_seen() -> None:
    right = evidence()
    right.stays.append(Stay("m3", "hold", 10, 29, {20: "m2 1"}))
    assert violations(right) == []


def test_a_member_who_has_seen_what_is_not_there() -> None:
    wrong = evidence()
    wrong.stays[1].seen[15] = "a ghost"
    wrong.stays[0].seen[20] = "another text"
    assert found(wrong) == ["vanished", "vanished"]


def test_a_name_of_two_members_at_once() -> None:
    wrong = evidence()
    wrong.claims.append(Claim("m3", "ann", 0.5, 1.2))
    assert found(wrong) == ["one"]


def test_a_member_may_take_a_name_again() -> None:
    right = evidence()
    right.claims.append(Claim("m1", "ann", 0.5, 1.2))
    assert violations(right) == []


def test_logs_that_read_differently() -> None:
    wrong = evidence()
    wrong.readings["a server"]["hold"].pop(1)
    assert found(wrong) == ["the"]


def test_what_was_refused_is_wrong() -> None:
    wrong = evidence()
    wrong.refusals.append("refused: not-in-room")
    assert found(wrong) == ["refused"]
