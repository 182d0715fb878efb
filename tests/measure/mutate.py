#!/usr/bin/env python3
"""Mutation testing, on demand: change one place of a module at a time, and list the changes that no test notices.

    python -m pip install -e '.[mutation]'
    python tests/measure/mutate.py reactor/chat/outbox.py tests/reactor/chat/test_outbox.py tests/reactor/chat
    python tests/measure/mutate.py client/conversation.py tests/client/test_conversation.py --lines 120-180

cosmic-ray makes the mutations, and one kind is our own: a statement is deleted. They are made in a copy of the checkout
in a temporary folder. A mutation is noticed if the tests fail or take far longer than without it; they run in the order
given and stop at the first failure. A survivor is a place to look at: some mutations change no behaviour.
"""

import argparse
import ast
import contextlib
import difflib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OPERATORS = (
    "AddNot",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ReplaceFalseWithTrue",
    "ReplaceTrueWithFalse",
    "ReplaceUnaryOperator_Delete_Not",
    "ZeroIterationForLoop",
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_Div",
    "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceComparisonOperator_Is_IsNot",
    "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_LtE_Lt",
    "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_GtE_Gt",
    "NumberReplacer",
)
"""Each of cosmic-ray's that makes a mistake which somebody could make."""


def mutations(source: str) -> Iterator[str]:
    """The source with one change, for each change."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        occurrence = 0
        while (mutated := mutate_code(source, operator, occurrence)) is not None:
            yield mutated
            occurrence += 1
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Call()) | ast.Assign() | ast.AugAssign() | ast.Raise() | ast.Delete():
                assert node.end_lineno is not None
                indent = lines[node.lineno - 1][: node.col_offset]
                if not indent.strip():
                    yield "".join([*lines[: node.lineno - 1], f"{indent}pass\n", *lines[node.end_lineno :]])


def difference(before: str, after: str) -> tuple[int, str]:
    """The number of the first line that differs, and the lines."""
    old, new = before.splitlines(), after.splitlines()
    first = next(index for index, (one, other) in enumerate(zip(old, new, strict=False)) if one != other)
    changed = [line for line in difflib.unified_diff(old, new, n=0, lineterm="") if line[:3] not in ("---", "+++")]
    return first + 1, "\n".join(line for line in changed if not line.startswith("@@"))


@contextlib.contextmanager
def copy_of_checkout() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mutate-") as name:
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        for entry in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
            if entry and (ROOT / entry).exists():
                (Path(name) / entry).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / entry, Path(name) / entry, follow_symlinks=False)
        yield Path(name)


def passes(folder: Path, tests: list[str], timeout: float) -> bool:
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("module", help="the file to change, relative to the checkout")
    parser.add_argument("tests", nargs="+", help="tests that should notice, the fastest first")
    parser.add_argument("--lines", metavar="FROM-TO", default="1-1000000", help="change only these lines")
    options = parser.parse_args()
    low, _, high = options.lines.partition("-")
    tried = survived = 0
    start = time.monotonic()
    with copy_of_checkout() as folder:
        module = folder / options.module
        source = module.read_text(encoding="utf-8")
        if not passes(folder, options.tests, 600):
            print("the tests fail without any change", file=sys.stderr)
            return 1
        timeout = 10 + 5 * (time.monotonic() - start)
        for mutated in mutations(source):
            line, shown = difference(source, mutated)
            if not int(low) <= line <= int(high or low):
                continue
            module.write_text(mutated, encoding="utf-8")
            tried += 1
            if passes(folder, options.tests, timeout):
                survived += 1
                print(f"{options.module}:{line}\n{shown}", flush=True)
    print(f"{survived} of {tried} mutations survived; {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
