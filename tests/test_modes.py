"""Nothing that the programs write can be read by others: each place that makes a file or a folder says its mode.

The calls are read with `ast`. What makes a file without saying so (SQLite, a child process) is a place of its own.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path for folder in ("client", "reactor", "shared") for path in (ROOT / folder).rglob("*.py"))

# Places that are right without a mode: what they open is there already.
ALLOWED = {
    ("client/descriptor.py", "os.open"),  # terminals
}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


THERE = {"handle", "descriptor", "os.devnull"}
"""Targets that may be opened for writing without a mode: descriptors and the null device."""
DATABASES = {"reactor/history/database.py", "reactor/backup.py"}
"""Modules that may have SQLite create a file, because they set its mode before."""


def dotted(node: ast.expr) -> str:
    """A name with dots, as far as it is one."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{dotted(value)}.{name}"
    return "?"


def names_in(node: ast.AST) -> set[str]:
    return {dotted(inner) for inner in ast.walk(node) if isinstance(inner, ast.Name | ast.Attribute)}


def argument(call: ast.Call, index: int, name: str) -> ast.expr | None:
    if len(call.args) > index:
        return call.args[index]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def only_reads(mode: ast.expr | None) -> bool:
    return mode is None or (isinstance(mode, ast.Constant) and not set("wax+") & set(str(mode.value)))


def never_creates(flags: ast.expr | None) -> bool:
    """Whether the flags are written out and O_CREAT is not among them."""
    if flags is None:
        return False
    names = names_in(flags) - {"os"}
    return all(name.startswith("os.O_") for name in names) and "os.O_CREAT" not in names


def without_mode(source: str) -> Iterator[tuple[int, str]]:
    """The calls that may make a file or a folder that others can read, each with its line."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = dotted(node.func)
        method = function.rpartition(".")[2]
        match method:
            case "open" if function == "os.open":
                fine = never_creates(argument(node, 1, "flags")) or argument(node, 2, "mode") is not None
            case "open" if function in ("open", "io.open"):
                is_open = dotted(node.args[0]) in THERE or isinstance(node.args[0], ast.Constant)
                fine = is_open or only_reads(argument(node, 1, "mode")) or argument(node, 3, "opener") is not None
            case "open" if any(not only_reads(one) for one in node.args[:1] if isinstance(one, ast.Constant)):
                fine = False  # of a path
            case "write_text" | "write_bytes" | "NamedTemporaryFile":
                fine = False
            case "mkdir" | "touch" | "makedirs":
                fine = argument(node, int(function.startswith("os.")), "mode") is not None
            case "mkfifo" | "mknod" | "copy" | "copyfile" | "copy2" if function.startswith(("os.", "shutil.")):
                fine = False
            case "connect" if function == "sqlite3.connect":
                fine = "?mode=r" in ast.unparse(node.args[0])  # makes no file
            case _:
                fine = True
        if not fine:
            yield node.lineno, function


def test_each_place_that_makes_a_file_says_its_mode() -> None:
    found = [
        f"{shown(path)}, line {line}: {function}"
        for path in SOURCES
        for line, function in without_mode(path.read_text(encoding="utf-8"))
        if (shown(path), function) not in ALLOWED and not (function == "sqlite3.connect" and shown(path) in DATABASES)
    ]
    assert found == [], "give it a mode, or shared.files.open_private as its opener"


@pytest.mark.parametrize(
    "source",
    [
        "open(path, 'w')",
        "open(path, mode='ab')",
        "open(path, how)",
        "open(path, 'r+')",
        "import os\nos.open(path, os.O_CREAT | os.O_WRONLY)",
        "import os\nos.open(path, flags)",
        "Path(path).open('w')",
        "path.write_text('words')",
        "path.parent.mkdir(parents=True)",
        "path.touch()",
        "os.mkdir(path)",
        "os.makedirs(path)",
        "os.mkfifo(path)",
        "shutil.copy(path, other)",
        "sqlite3.connect(path)",
        "def f():\n    with open(path, 'x') as file:\n        pass",
    ],
)
def test_a_place_without_a_mode_is_found(source: str) -> None:
    assert list(without_mode(source))


@pytest.mark.parametrize(
    "source",
    [
        "open(path)",
        "open(path, 'rb')",
        "open(path, 'w', opener=open_private)",
        "open(handle, 'wb')",
        "open(1, 'w', closefd=False)",
        "open(os.devnull, 'wb')",
        "sqlite3.connect(f'file:{name}?mode=rw', uri=True)",
        "os.open(path, os.O_RDONLY | os.O_CLOEXEC)",
        "os.open(path, os.O_CREAT | os.O_RDWR, 0o600)",
        "path.mkdir(0o700, parents=True)",
        "listener.open()",
        "tempfile.mkstemp(dir=path)",
        "hub.history.open(opened)",
    ],
)
def test_a_place_with_a_mode_or_without_a_file_is_fine(source: str) -> None:
    assert not list(without_mode(source))
