"""The shape of the code: imports run one way, and every module has its test file.

Imports are read with `ast`, wherever they stand: at the top, inside of functions, under `TYPE_CHECKING`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("client", "reactor", "shared")

NETWORK = {"asyncio", "select", "selectors", "socket", "socketserver", "ssl"}

# The first entry whose package a module is in or under says what of ours it may import, and what of others it may not.
DIRECTIONS: dict[str, tuple[set[str], set[str]]] = {
    "shared": ({"shared"}, NETWORK | {"datetime", "threading", "time"}),
    "reactor.engine": ({"reactor.engine"}, {"asyncio", "msgpack"}),
    "reactor.chat": ({"shared", "reactor.chat"}, NETWORK | {"msgpack"}),
    "reactor": ({"shared", "reactor"}, {"asyncio", "msgpack"}),
    "client": ({"shared", "reactor.engine", "client"}, {"asyncio"}),
}


def is_under(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    """Whether there is a module or a package of ours called so."""
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def imports(source: str, package: str) -> Iterator[tuple[int, str]]:
    """The modules that `source`, which stands in `package`, imports, each with the line where it does."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield node.lineno, alias.name
            case ast.ImportFrom(module=module, names=names, level=level):
                above = package.split(".")[: len(package.split(".")) - level + 1] if level else []
                base = ".".join([*above, *([module] if module else [])])
                for alias in names:
                    inner = f"{base}.{alias.name}"
                    yield node.lineno, inner if is_module(inner) else base
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[argument, *_],
            ):
                # One that is worked out at run time cannot be read here, so it is not allowed.
                constant = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                yield node.lineno, argument.value if constant else "?"


def forbidden(source: str, module: str, package: str) -> list[str]:
    """What `source`, the text of `module`, imports against the directions."""
    allowed, banned = next(rule for name, rule in DIRECTIONS.items() if is_under(module, name))
    found = []
    for line, name in imports(source, package):
        ours = name.partition(".")[0] in (*PACKAGES, "tests", "?")
        if ours and not any(is_under(name, prefix) for prefix in allowed):
            found.append(f"line {line} imports {name}")
        if any(is_under(name, prefix) for prefix in banned):
            found.append(f"line {line} imports {name}")
    return found


SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MODULES = [path for path in SOURCES if path.name != "__init__.py"]


def package_of(path: Path) -> str:
    return module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_sources_are_found() -> None:
    names = {module_name(path) for path in SOURCES}
    assert {"shared.codec", "reactor.engine.loop", "reactor.chat.hub", "reactor.server", "client"} <= names


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_imports_run_one_way(path: Path) -> None:
    assert forbidden(path.read_text(encoding="utf-8"), module_name(path), package_of(path)) == []


@pytest.mark.parametrize("package", ["reactor", "client"])
def test_a_package_that_others_reach_into_imports_nothing_of_ours_itself(package: str) -> None:
    """Importing `reactor.engine` runs `reactor/__init__.py` too: the client would get the server's chat that way."""
    source = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
    assert [name for _, name in imports(source, package) if name.partition(".")[0] in PACKAGES] == []


# What the reading of imports must find, in a module of the package in front: a test that finds nothing proves nothing.
AGAINST = [
    ("shared", "import reactor"),
    ("shared", "import client.chat"),
    ("shared", "from reactor.engine import loop"),
    ("shared", "import socket"),
    ("shared", "def f():\n    import time"),
    ("shared", "from tests.support import Peer"),
    ("reactor.engine", "import shared.text"),
    ("reactor.engine", "from shared import text"),
    ("reactor.engine", "from reactor.chat.hub import Hub"),
    ("reactor.engine", "from reactor import config"),
    ("reactor.engine", "from ..chat import hub"),
    ("reactor.engine", "from .. import chat"),
    ("reactor.engine", "if TYPE_CHECKING:\n    from reactor.chat.session import Session"),
    ("reactor.engine", "def f():\n    def g():\n        from reactor import connection"),
    ("reactor.engine", "import importlib\nimportlib.import_module('reactor.chat')"),
    ("reactor.engine", "__import__('shared')"),
    ("reactor.engine", "from importlib import import_module\nimport_module(name)"),
    ("reactor.engine", "class C:\n    import client"),
    ("reactor.engine", "try:\n    import reactor.server\nexcept ImportError:\n    pass"),
    ("reactor.chat", "from reactor.engine.loop import Reactor"),
    ("reactor.chat", "from reactor import server"),
    ("reactor.chat", "import reactor"),
    ("reactor.chat", "import socket"),
    ("reactor.chat", "from selectors import EVENT_READ"),
    ("reactor.chat", "import msgpack.exceptions"),
    ("reactor.chat", "import os, selectors as s"),
    ("reactor.chat", "from ..engine import transport"),
    ("reactor", "from client import chat"),
    ("reactor", "import asyncio.events"),
    ("client", "from reactor.chat.hub import Hub"),
    ("client", "from reactor import server"),
    ("client", "import reactor"),
    ("client", "if TYPE_CHECKING:\n    from reactor.config import Settings"),
]
ALONG = [
    ("shared", "from shared import text"),
    ("shared", "from . import text\nimport os"),
    ("reactor.engine", "import socket, selectors\nfrom reactor.engine.loop import Reactor\nfrom . import loop"),
    ("reactor.engine", "from reactor.engine import loop"),
    ("reactor.chat", "from shared.codec import encode\nfrom reactor.chat.room import Room\nfrom .room import Room"),
    ("reactor", "from reactor.chat import hub\nfrom reactor.engine import loop\nimport shared"),
    ("client", "from reactor.engine import loop, dial\nfrom shared.text import fold\nimport client.chat"),
    ("client", "import sharedness, reactors"),
]


@pytest.mark.parametrize(("package", "source"), AGAINST)
def test_an_import_against_the_direction_is_found(package: str, source: str) -> None:
    assert forbidden(source, f"{package}.some_module", package)


@pytest.mark.parametrize(("package", "source"), ALONG)
def test_an_import_along_the_direction_is_allowed(package: str, source: str) -> None:
    assert forbidden(source, f"{package}.some_module", package) == []


# --- every module has its test file


def holds_a_check(source: str) -> bool:
    """Whether anything is asserted."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Assert():
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id="pytest"), attr="raises") | ast.Name(id="raises")):
                return True
    return False


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_a_module_has_its_test_file(path: Path) -> None:
    test = ROOT / "tests" / path.relative_to(ROOT).parent / f"test_{path.name}"
    assert test.is_file(), f"{shown(test)} is missing"
    source = test.read_text(encoding="utf-8")
    assert module_name(path) in {name for _, name in imports(source, "")}, f"{shown(test)} does not import its module"
    assert holds_a_check(source), f"{shown(test)} checks nothing"


@pytest.mark.parametrize(
    ("source", "checks"),
    [
        ("def test_a():\n    assert True", True),
        ("def test_a():\n    with pytest.raises(ValueError):\n        int('x')", True),
        ("from pytest import raises\ndef test_a():\n    with raises(ValueError):\n        int('x')", True),
        ("def test_a():\n    print('assert')", False),
        ("# assert\n'''pytest.raises'''", False),
    ],
)
def test_what_counts_as_a_check(source: str, checks: bool) -> None:
    assert holds_a_check(source) == checks
