#!/usr/bin/env python3
"""Mutation testing, on demand: change one place of a module at a time, and list the changes that no test notices.

    python -m pip install -e '.[mutation]'
    python tests/measure/mutate.py reactor/chat/*.py --tests tests/reactor
    python tests/measure/mutate.py client/conversation.py --tests tests/client --lines 120-180

cosmic-ray makes the mutations, and one kind is our own: a statement is deleted. They are made in a copy of the checkout
in a temporary folder. The tests are collected once and run once, to record which of them run which line in this
process. For each mutation, a child process replaces the code of the function and runs the tests of that line until one
fails: first those of the module's own file, then the others, the fastest first. A change of code that runs on import
needs a new interpreter and takes a second longer; `--fast` leaves such changes out.

A mutation is noticed if a test fails or takes far longer than without it. A survivor is a place to look at: some
mutations change no behaviour.
"""

import argparse
import ast
import collections
import contextlib
import difflib
import gc
import inspect
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType

import pytest

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
TOOL = 4  # of those that sys.monitoring leaves free
PYTEST = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-n", "0"]


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
        yield Path(name).resolve()


class NotInPlaceError(Exception):
    """The change is in code that has run already, on import."""


def replacements(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """The functions that differ, outermost first, as pairs of code; the code around them must be the same."""
    children = [const for const in old.co_consts if isinstance(const, CodeType)]
    others = [const for const in new.co_consts if isinstance(const, CodeType)]
    is_function = is_function_body(old)
    if is_function:
        if old.co_freevars != new.co_freevars:
            raise NotInPlaceError
        if old != new:
            yield old, new
    elif (old.co_code, old.co_names, values(old)) != (new.co_code, new.co_names, values(new)):
        raise NotInPlaceError
    if [child.co_name for child in children] == [child.co_name for child in others]:
        for child, other in zip(children, others, strict=True):
            yield from replacements(child, other)
    elif not is_function:
        raise NotInPlaceError


def is_function_body(code: CodeType) -> bool:
    """Whether this is the code of a function, and neither of a module nor of a class, generic or not."""
    return bool(code.co_flags & inspect.CO_NEWLOCALS) and not code.co_name.startswith("<generic parameters")


def values(code: CodeType) -> list[str]:
    return [repr(const) for const in code.co_consts if not isinstance(const, CodeType)]


class Mutator:
    """A plugin of pytest, whose loop runs the tests of each mutation instead of each test once."""

    def __init__(self, folder: Path, modules: list[str], lines: tuple[int, int], budget: float, is_fast: bool) -> None:
        self.folder = folder
        self.modules = {str(folder / module): module for module in modules}
        self.lines = lines
        self.budget = budget
        self.is_fast = is_fast
        self.running = ""
        """The test that runs, or nothing while modules are imported."""
        self.covering: dict[tuple[str, int], set[str]] = collections.defaultdict(set)
        self.seconds: dict[str, float] = {}
        self.functions: dict[tuple[str, str, int], list[FunctionType]] = collections.defaultdict(list)
        sys.monitoring.use_tool_id(TOOL, "mutate")
        sys.monitoring.register_callback(TOOL, sys.monitoring.events.LINE, self._on_line)
        sys.monitoring.set_events(TOOL, sys.monitoring.events.LINE)

    def _on_line(self, code: CodeType, line: int) -> object:
        path = os.path.realpath(code.co_filename) if "pylingo" in code.co_filename else ""
        if path in self.modules:
            self.covering[path, line].add(self.running)
        return sys.monitoring.DISABLE

    def pytest_configure(self) -> None:
        """Have hypothesis make the same examples for each mutation, and not look for the smallest."""
        from hypothesis import Phase, settings

        phases = [Phase.explicit, Phase.generate]
        settings.register_profile("mutate", deadline=None, derandomize=True, database=None, phases=phases)
        settings.load_profile("mutate")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.running = item.nodeid
        sys.monitoring.restart_events()
        start = time.monotonic()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.monotonic() - start

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all tests once in a child process that reports the lines, then the tests of each mutation in another."""
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and "pylingo" in thing.__code__.co_filename:
                code = thing.__code__
                self.functions[os.path.realpath(code.co_filename), code.co_qualname, code.co_firstlineno].append(thing)
        self._record(session)
        sys.monitoring.set_events(TOOL, 0)
        sys.monitoring.free_tool_id(TOOL)
        for path, module in self.modules.items():
            self._mutate(session, path, module)
        return True

    def _record(self, session: pytest.Session) -> None:
        with tempfile.TemporaryFile() as file:
            if not (child := os.fork()):
                run_items(session, session.items)
                pickle.dump((self.covering, self.seconds, session.testsfailed), file)
                file.flush()
                os._exit(0)
            os.waitpid(child, 0)
            file.seek(0)
            self.covering, self.seconds, failed = pickle.load(file)
        if failed:
            raise pytest.UsageError("the tests fail without any change")

    def _mutate(self, session: pytest.Session, path: str, module: str) -> None:
        source = Path(path).read_text(encoding="utf-8")
        original = compile(source, path, "exec", dont_inherit=True)
        tried = survived = 0
        start = time.monotonic()
        for mutated in mutations(source):
            line, shown = difference(source, mutated)
            if not self.lines[0] <= line <= self.lines[1]:
                continue
            Path(path).write_text(mutated, encoding="utf-8")
            try:
                pairs = list(replacements(original, compile(mutated, path, "exec", dont_inherit=True)))
                noticed = self._fails_in_place(session, path, line, pairs)
            except SyntaxError:
                noticed = True
            except NotInPlaceError:
                if self.is_fast:
                    continue
                noticed = self._fails_anew(path)
            tried += 1
            if not noticed:
                survived += 1
                print(f"{module}:{line}\n{shown}", flush=True)
        Path(path).write_text(source, encoding="utf-8")
        print(f"{module}: {survived} of {tried} mutations survived; {time.monotonic() - start:.0f} s", flush=True)

    def _tests(self, path: str, line: int) -> set[str]:
        """The tests that run a line; "" is among them if it runs on import."""
        return self.covering.get((path, line), set())

    def _first(self, path: str, tests: set[str]) -> list[str]:
        """As many tests as the budget allows: those of the module's own file, then the others, the fastest first."""
        own = f"/test_{Path(path).stem}.py::"
        chosen: list[str] = []
        left = self.budget
        for test in sorted(tests, key=lambda test: (own not in test, self.seconds[test])):
            left -= self.seconds[test]
            if left < 0 and chosen:
                break
            chosen.append(test)
        return chosen

    def _fails_in_place(
        self, session: pytest.Session, path: str, line: int, pairs: list[tuple[CodeType, CodeType]]
    ) -> bool:
        outermost = pairs[0][0] if pairs else None
        if outermost is None or not self.functions[path, outermost.co_qualname, outermost.co_firstlineno]:
            raise NotInPlaceError
        body = {number for *_, number in outermost.co_lines() if number} - {outermost.co_firstlineno}
        if any("" in self._tests(path, number) for number in body):
            raise NotInPlaceError
        tests = self._tests(path, line) or set().union(*(self._tests(path, number) for number in body))
        chosen = self._first(path, tests - {""})
        items = {item.nodeid: item for item in session.items}
        if not (child := os.fork()):
            os.setpgid(0, 0)
            for old, new in pairs:
                for function in self.functions[path, old.co_qualname, old.co_firstlineno]:
                    function.__code__ = new
            run_items(session, [items[test] for test in chosen])
            os._exit(1 if session.testsfailed else 0)
        timeout = 3 + 2 * sum(self.seconds[test] for test in chosen)
        deadline = time.monotonic() + timeout
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return status != 0
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return True
            time.sleep(0.005)

    def _fails_anew(self, path: str) -> bool:
        tests = set().union(*(tests for (file, _), tests in self.covering.items() if file == path)) - {""}
        chosen = self._first(path, tests)[:400]
        command = [sys.executable, "-B", "-m", "pytest", *PYTEST, *chosen]
        timeout = 20 + 5 * sum(self.seconds[test] for test in chosen)
        try:
            done = subprocess.run(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            return True
        return done.returncode != 0


def run_items(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Run the tests in this process, quietly, until one fails."""
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    try:
        for index, item in enumerate(items):
            following = items[index + 1] if index + 1 < len(items) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                break
    except BaseException:
        session.testsfailed = 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("modules", nargs="+", help="the files to change, relative to the checkout")
    parser.add_argument("--tests", nargs="+", required=True, help="tests that should notice")
    parser.add_argument("--lines", metavar="FROM-TO", default="1-1000000", help="change only these lines")
    parser.add_argument("--budget", type=float, default=5.0, help="seconds of tests for one mutation (default: 5)")
    parser.add_argument("--fast", action="store_true", help="leave out code that runs on import")
    options = parser.parse_args()
    low, _, high = options.lines.partition("-")
    with copy_of_checkout() as folder:
        os.chdir(folder)
        sys.path[0] = str(folder)
        mutator = Mutator(folder, options.modules, (int(low), int(high or low)), options.budget, options.fast)
        return pytest.main([*PYTEST, "-s", *options.tests], plugins=[mutator])


if __name__ == "__main__":
    sys.exit(main())
