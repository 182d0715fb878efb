"""The table of cases in tests/README.md: its numbers are consecutive, and the tests it names exist."""

import ast
import functools
import re

import pytest

from tests.support import ROOT

README = (ROOT / "tests" / "README.md").read_text()
ROWS = re.findall(r"^\| (\d+) \| (.*?) \| (.*?) \| (.*?) \|$", README, re.MULTILINE)


@functools.cache
def defined_in(path: str) -> set[str]:
    """The names of the tests in a file, those of a class as `Class::test`."""
    names = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name, body=body):
                names |= {f"{name}::{part.name}" for part in body if isinstance(part, ast.FunctionDef)}
    return {name for name in names if name.rpartition("::")[2].startswith("test_")}


def test_the_numbers_are_consecutive() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, len(ROWS) + 1))
    assert len(ROWS) >= 68


def test_every_row_of_the_tables_is_read() -> None:
    """A row with a stray bar in it would be missed, and with it its tests."""
    cases = README.partition("## The cases")[2]
    rows = [line for line in cases.splitlines() if line.startswith("|") and not line.startswith(("| --", "| number"))]
    assert len(rows) == len(ROWS)


@pytest.mark.parametrize(("number", "case", "tests", "outcome"), ROWS, ids=[row[0] for row in ROWS])
def test_a_case_has_its_tests_and_its_outcome(number: str, case: str, tests: str, outcome: str) -> None:
    assert case.strip()
    assert outcome.strip()
    names = re.findall(r"`(tests/[\w/]+\.py)::([\w:]+)`", tests)
    assert names
    assert len(names) == tests.count("`") // 2  # nothing else stands there
    for path, name in names:
        assert (ROOT / path).is_file(), f"case {number}: there is no {path}"
        assert name in defined_in(path), f"case {number}: there is no {name} in {path}"


def test_the_files_that_the_document_names_exist() -> None:
    parts = README.partition("## The cases")[0]
    for path in re.findall(r"tests/[\w/]+\.py", parts):
        assert (ROOT / path).is_file(), path
    table = parts.partition("## What is where")[2].partition("## On demand")[0]
    for cell in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE):
        for path in re.findall(r"`(.*?)`", cell):
            assert (ROOT / "tests" / path).exists(), path
