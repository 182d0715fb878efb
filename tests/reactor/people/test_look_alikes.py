"""Names that look alike: the skeletons of UTS 39."""

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.people import look_alikes
from pylingo.reactor.people.look_alikes import look_alike_forms, prepare, prototypes, skeleton
from tests.support import DEADLINE, ROOT


def are_alike(one: str, other: str) -> bool:
    return not look_alike_forms(one).isdisjoint(look_alike_forms(other))


@pytest.mark.parametrize(
    ("name", "prototype"),
    [
        # from confusables.txt of Unicode: source and prototype
        *(("a", "a"), ("а", "a"), ("m", "rn"), ("1", "l"), ("I", "l"), ("0", "O"), ("O", "O"), ("l", "l")),
        *(("ӏ", "i"), ("і", "i"), ("ı", "i"), ("ο", "o"), ("ѕ", "s"), ("ⅿ", "rn"), ("ԁ", "d")),
        *(("аре", "ape"), ("ѕсоре", "scope"), ("scope", "scope"), ("é", "e\u0301"), ("", "")),
    ],
)
def test_the_skeleton_of_a_name(name: str, prototype: str) -> None:
    assert skeleton(name) == prototype


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ape", "аре"),
        ("Ape", "АРЕ"),
        ("APE", "аре"),
        ("alice", "AIice"),
        ("alice", "a1ice"),
        ("modern", "rnodern"),
        ("bob0", "bobO"),
        ("scope", "ѕсоре"),
        ("ape", "ape"),
        ("ape", "APE"),
        ("о", "ο"),
    ],
)
def test_names_that_look_alike(one: str, other: str) -> None:
    assert are_alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("ada", "bob"), ("ada", "ada2"), ("ada", "adа-м"), ("lan", "ian"), ("漢字", "漢学"), ("a-b", "a.b"), ("e", "é")],
)
def test_names_that_do_not(one: str, other: str) -> None:
    assert not are_alike(one, other)


def test_a_prototype_has_no_other_prototype() -> None:
    table = prototypes()
    assert len(table) > 6_000
    for source, prototype in table.items():
        if unicodedata.normalize("NFD", chr(source)) == chr(source):  # the others are taken apart before
            assert skeleton(chr(source)) == skeleton(prototype)


@given(st.text(max_size=40))
def test_the_skeleton_of_a_skeleton_is_itself(name: str) -> None:
    assert skeleton(skeleton(name)) == skeleton(name)


def test_the_table_is_read_only_when_it_is_used() -> None:
    code = "from pylingo.reactor.people import look_alikes as l; print(l.prototypes.cache_info().currsize)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE)
    assert done.stdout == "0\n"


def test_without_the_table_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    prototypes.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(look_alikes, "find_spec", lambda name: None)
        with pytest.raises(ModuleNotFoundError) as caught:
            prepare()
    assert caught.value.name == "confusable_homoglyphs"
    prepare()
