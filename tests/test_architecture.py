"""The shape of the code: imports run one way and in no circle, nothing private is shared, each module has its tests.

Imports are read with `ast` wherever they stand: at the top, inside functions, under `TYPE_CHECKING`.
"""

import ast
import functools
import graphlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("client", "reactor", "shared")

NETWORK = {"asyncio", "select", "selectors", "socket", "socketserver", "ssl"}

BELOW_THE_BUS = {"pylingo.shared"} | {
    f"pylingo.reactor.{name}" for name in ("bus", "chat", "engine", "history", "people")
}

BELOW_THE_GATEWAY = {"pylingo.shared"} | {
    f"pylingo.reactor.{name}" for name in ("chat", "engine", "history", "irc", "people")
}

# The first entry whose package a module is in or under says what of ours it may import, and what of others it may not.
DIRECTIONS: dict[str, tuple[set[str], set[str]]] = {
    "pylingo.shared": ({"pylingo.shared"}, NETWORK | {"datetime", "threading", "time"}),
    "pylingo.reactor.engine": ({"pylingo.reactor.engine"}, {"asyncio", "msgpack"}),
    "pylingo.reactor.history": ({"pylingo.shared", "pylingo.reactor.history"}, NETWORK | {"msgpack"}),
    "pylingo.reactor.people": ({"pylingo.shared", "pylingo.reactor.people"}, NETWORK | {"msgpack"}),
    "pylingo.reactor.chat": (
        {"pylingo.shared", "pylingo.reactor.history", "pylingo.reactor.people", "pylingo.reactor.chat"},
        NETWORK | {"msgpack"},
    ),
    "pylingo.reactor.bus.redis.link": (BELOW_THE_BUS, {"asyncio", "msgpack", "selectors", "socket"}),
    "pylingo.reactor.bus.redis": (BELOW_THE_BUS, {"asyncio", "hiredis", "selectors"}),
    "pylingo.reactor.bus": (BELOW_THE_BUS, NETWORK | {"msgpack", "hiredis"}),
    "pylingo.reactor.irc": (BELOW_THE_GATEWAY, {"asyncio", "msgpack", "hiredis", "selectors"}),
    "pylingo.reactor.succession.handover": ({"pylingo.shared"}, NETWORK | {"hiredis"}),
    "pylingo.reactor": ({"pylingo.shared", "pylingo.reactor"}, {"asyncio", "msgpack", "hiredis"}),
    "pylingo.client": ({"pylingo.shared", "pylingo.reactor.engine", "pylingo.client"}, {"asyncio"}),
    "pylingo": ({"pylingo.shared", "pylingo.client"}, NETWORK),
}

# Each of these may import only those before it.
LAYERS = (
    "pylingo.reactor.chat.dialect",
    "pylingo.reactor.chat.batch",
    "pylingo.reactor.chat.room",
    "pylingo.reactor.chat.gaps",
    "pylingo.reactor.chat.pieces",
    "pylingo.reactor.chat.outbox",
    "pylingo.reactor.chat.person",
    "pylingo.reactor.chat.peer",
    "pylingo.reactor.chat.access",
    "pylingo.reactor.chat.hub",
    "pylingo.reactor.chat.session",
    "pylingo.reactor.chat.addressing",
    "pylingo.reactor.chat.presence",
    "pylingo.reactor.chat.resuming",
    "pylingo.reactor.chat.waiting",
    "pylingo.reactor.chat.moderation",
    "pylingo.reactor.chat.entrance",
    "pylingo.reactor.chat.commands",
    "pylingo.reactor.chat.requests",
    "pylingo.reactor.connection",
    "pylingo.reactor.server",
)


def is_under(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return f"pylingo.{name}" if parts[0] in FOLDERS else name


def is_module(name: str) -> bool:
    """Whether there is a module or a package of ours called so."""
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


@functools.cache
def imports(source: str, package: str) -> list[tuple[int, str]]:
    """The modules that `source`, which stands in `package`, imports, each with the line where it does."""
    return list(_imports(source, package))


def statements(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """All statements in a body, those in blocks of others included, but no expressions: they are most of a tree."""
    for node in body:
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from statements(getattr(node, block, []))


def _imports(source: str, package: str) -> Iterator[tuple[int, str]]:
    tree = ast.parse(source)
    has_calls = "import_module" in source or "__import__" in source
    for node in ast.walk(tree) if has_calls else statements(tree.body):
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
    """Return the imports in `source`, the text of `module`, that go against the directions."""
    allowed, banned = next(rule for name, rule in DIRECTIONS.items() if is_under(module, name))
    found = []
    for line, name in imports(source, package):
        ours = name.partition(".")[0] in ("pylingo", *FOLDERS, "tests", "?")
        if ours and not any(is_under(name, prefix) for prefix in allowed):
            found.append(f"line {line} imports {name}")
        if any(is_under(name, prefix) for prefix in banned):
            found.append(f"line {line} imports {name}")
    return found


FACE = ROOT / "pylingo" / "__init__.py"
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
MODULES = [path for path in SOURCES if path.name != "__init__.py"]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def package_of(path: Path) -> str:
    return module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_sources_are_found() -> None:
    names = {module_name(path) for path in SOURCES}
    assert {"shared.codec", "reactor.engine.loop", "reactor.chat.hub", "reactor.server", "client"} <= {
        name.removeprefix("pylingo.") for name in names
    }
    assert set(LAYERS) <= names


def found_in(paths: Sequence[Path], look: Callable[[Path], list[str]]) -> dict[str, list[str]]:
    """What `look` finds in each file where it finds something. A test for each file would take longer than the look."""
    return {shown(path): found for path in paths if (found := look(path))}


def test_imports_run_one_way() -> None:
    def look(path: Path) -> list[str]:
        return forbidden(path.read_text(encoding="utf-8"), module_name(path), package_of(path))

    assert found_in(SOURCES, look) == {}


@pytest.mark.parametrize("package", ["reactor", "client"])
def test_a_package_that_others_reach_into_imports_nothing_of_ours_itself(package: str) -> None:
    """Importing `reactor.engine` runs `reactor/__init__.py` too: the client would get the server's chat that way."""
    source = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
    assert [name for _, name in imports(source, f"pylingo.{package}") if is_under(name, "pylingo")] == []


# What the reading of imports must find, in a module of the package in front: a test that finds nothing proves nothing.
AGAINST = [
    ("shared", "import pylingo.reactor"),
    ("shared", "import pylingo.client.chat"),
    ("shared", "from pylingo.reactor.engine import loop"),
    ("shared", "import pylingo"),
    ("shared", "import socket"),
    ("shared", "def f():\n    import time"),
    ("shared", "from tests.support import Peer"),
    ("reactor.engine", "import pylingo.shared.text"),
    ("reactor.engine", "from pylingo.shared import text"),
    ("reactor.engine", "from pylingo.reactor.chat.hub import Hub"),
    ("reactor.engine", "from pylingo.reactor import config"),
    ("reactor.engine", "from ..chat import hub"),
    ("reactor.engine", "from .. import chat"),
    ("reactor.engine", "if TYPE_CHECKING:\n    from pylingo.reactor.chat.session import Session"),
    ("reactor.engine", "def f():\n    def g():\n        from pylingo.reactor import connection"),
    ("reactor.engine", "import importlib\nimportlib.import_module('pylingo.reactor.chat')"),
    ("reactor.engine", "__import__('pylingo.shared')"),
    ("reactor.engine", "from importlib import import_module\nimport_module(name)"),
    ("reactor.engine", "class C:\n    import pylingo.client"),
    ("reactor.engine", "try:\n    import pylingo.reactor.server\nexcept ImportError:\n    pass"),
    ("reactor.history", "from pylingo.reactor.chat.hub import Hub"),
    ("reactor.history", "import selectors"),
    ("reactor.people", "from pylingo.reactor.chat.hub import Hub"),
    ("reactor.people", "from pylingo.reactor.engine.listener import address_key"),
    ("reactor.people", "import socket"),
    ("reactor.chat", "from pylingo.reactor.engine.loop import Reactor"),
    ("reactor.chat", "from pylingo.reactor import server"),
    ("reactor.chat", "import pylingo.reactor"),
    ("reactor.chat", "import socket"),
    ("reactor.chat", "from selectors import EVENT_READ"),
    ("reactor.chat", "import msgpack.exceptions"),
    ("reactor.chat", "import os, selectors as s"),
    ("reactor.chat", "from ..engine import transport"),
    ("reactor.bus", "from pylingo.reactor.server import Server"),
    ("reactor.bus", "import msgpack"),
    ("reactor.bus", "import hiredis"),
    ("reactor.bus.redis", "import hiredis"),
    ("reactor.bus.redis", "from pylingo.reactor import connection"),
    ("reactor.chat", "from pylingo.reactor.bus import local"),
    ("reactor.irc", "from pylingo.reactor.connection import Connection"),
    ("reactor.irc", "from pylingo.reactor.bus import local"),
    ("reactor.irc", "import msgpack"),
    ("reactor.chat", "from pylingo.reactor.irc import message"),
    ("reactor", "import hiredis"),
    ("reactor", "from pylingo.client import chat"),
    ("reactor", "import asyncio.events"),
    ("client", "from pylingo.reactor.chat.hub import Hub"),
    ("client", "from pylingo.reactor import server"),
    ("client", "import pylingo.reactor"),
    ("client", "if TYPE_CHECKING:\n    from pylingo.reactor.config import ServerSettings"),
    ("client", "from shared.text import fold"),
    ("reactor", "import reactor.server"),
]
ALONG = [
    ("shared", "from pylingo.shared import text"),
    ("shared", "from . import text\nimport os"),
    ("reactor.engine", "import socket, selectors\nfrom pylingo.reactor.engine.loop import Reactor\nfrom . import loop"),
    ("reactor.engine", "from pylingo.reactor.engine import loop"),
    ("reactor.chat", "from pylingo.shared.codec import encode\nfrom .room import Room"),
    ("reactor.chat", "from pylingo.reactor.history import memory"),
    ("reactor.chat", "from pylingo.reactor.people.register import Register"),
    ("reactor.bus", "from pylingo.reactor.chat.hub import Hub"),
    ("reactor.bus.redis", "import msgpack, ssl\nfrom pylingo.reactor.engine.loop import Reactor"),
    ("reactor.irc", "from pylingo.reactor.chat.session import Session\nfrom pylingo.reactor.irc import message"),
    ("reactor", "from pylingo.reactor.chat import hub\nfrom pylingo.reactor.engine import loop"),
    ("client", "from pylingo.reactor.engine import loop, dial\nimport pylingo.client.chat"),
    ("client", "import sharedness, reactors"),
]


@pytest.mark.parametrize(("package", "source"), AGAINST)
def test_an_import_against_the_direction_is_found(package: str, source: str) -> None:
    assert forbidden(source, f"pylingo.{package}.some_module", f"pylingo.{package}")


@pytest.mark.parametrize(("package", "source"), ALONG)
def test_an_import_along_the_direction_is_allowed(package: str, source: str) -> None:
    assert forbidden(source, f"pylingo.{package}.some_module", f"pylingo.{package}") == []


# --- no circle, files as well as folders


@functools.cache
def graph() -> dict[str, set[str]]:
    """The modules that each module of ours imports."""
    edges = {}
    for path in (FACE, *SOURCES):
        module = "pylingo" if path == FACE else module_name(path)
        found = {name for _, name in imports(path.read_text(encoding="utf-8"), package_of(path))}
        edges[module] = {name for name in found if is_under(name, "pylingo") and name != module}
    return edges


def circle(edges: dict[str, set[str]]) -> list[str]:
    """The modules of a circle of imports; none if there is no circle."""
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        names: list[str] = error.args[1]
        return names
    return []


def test_no_module_imports_itself_over_others() -> None:
    edges = graph()
    assert sum(map(len, edges.values())) > 200  # the imports are read
    assert circle(edges) == []


SCRIPTS = {"pylingo.reactor.run", "pylingo.client.chat", "pylingo.client.benchmark"}
"""Programs. They stand beside the modules of their folder and above everything in it; nothing imports them."""

ON_TOP = SCRIPTS | {"pylingo.reactor.program"}
"""The scripts, and what the server's script runs. In the graph of folders they stand above their own."""


def test_nothing_imports_a_script() -> None:
    assert [module for module, names in graph().items() if names & SCRIPTS] == []


def test_only_the_scripts_import_what_stands_on_top() -> None:
    assert {module for module, names in graph().items() if names & ON_TOP} <= SCRIPTS


IRC_WIRING = {"pylingo.reactor.irc_start"}
"""What may import the IRC gateway, besides the gateway itself."""


def test_only_the_wiring_knows_the_irc_gateway() -> None:
    users = {
        module
        for module, names in graph().items()
        if not is_under(module, "pylingo.reactor.irc") and any(is_under(name, "pylingo.reactor.irc") for name in names)
    }
    assert users == IRC_WIRING


def test_no_folder_imports_itself_over_others() -> None:
    folders: dict[str, set[str]] = {}
    for module, names in graph().items():
        if module == "pylingo" or module in ON_TOP:
            continue
        folder = module.rpartition(".")[0] if is_leaf(module) else module
        known = {name.rpartition(".")[0] if is_leaf(name) else name for name in names}
        folders.setdefault(folder, set()).update(known - {folder})
    assert circle(folders) == []


def is_leaf(module: str) -> bool:
    return not ROOT.joinpath(*module.split(".")).is_dir()


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


@pytest.mark.parametrize("module", LAYERS)
def test_a_layer_imports_only_those_below_it(module: str) -> None:
    above = set(LAYERS[LAYERS.index(module) :])
    assert graph()[module] & above == set()


def test_nothing_is_imported_under_a_bare_name() -> None:
    """A module that is imported under two names exists twice."""

    def look(path: Path) -> list[str]:
        found = imports(path.read_text(encoding="utf-8"), package_of(path))
        return [name for _, name in found if name.partition(".")[0] in FOLDERS]

    assert found_in([*SOURCES, *TESTS, FACE], look) == {}


# --- nothing private is used across a file's boundary

OF_OTHERS = {"_replace", "_asdict", "_fields", "_exit"}
"""Public in spite of their underscore: the methods of named tuples, and `os._exit`."""


def private_names_of_others(source: str) -> list[str]:
    """The underscore names that `source` uses and does not define itself."""
    own: set[str] = set(OF_OTHERS)
    used: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(names=aliases):
                used += [(node.lineno, alias.name) for alias in aliases]
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                own.add(name)
            case ast.Attribute(attr=name, value=ast.Name(id="self" | "cls"), ctx=ast.Store()):
                own.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                own.add(name)
            case ast.AnnAssign(target=ast.Attribute(attr=name, value=ast.Name(id="self"))):
                own.add(name)
            case ast.Attribute(attr=name):
                used.append((node.lineno, name))
    return [
        f"line {line}: {name}"
        for line, name in used
        if name.startswith("_") and not name.startswith("__") and name not in own
    ]


def test_nothing_private_of_another_module_is_used() -> None:
    def look(path: Path) -> list[str]:
        return private_names_of_others(path.read_text(encoding="utf-8"))

    assert found_in([*SOURCES, *TESTS, FACE], look) == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from a import _b", True),
        ("import a\na._b()", True),
        ("def f(x):\n    return x._y", True),
        ("class A:\n    def f(self):\n        self._y = 1\ndef g(a):\n    return a._y", False),
        ("class A:\n    def _f(self): ...\n    def g(self):\n        self._f()", False),
        ("from a import __version__", False),
    ],
)
def test_sources_that_use_private_names_of_others(source: str, found: bool) -> None:
    assert bool(private_names_of_others(source)) == found


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


def test_a_module_has_its_test_file() -> None:
    def look(path: Path) -> list[str]:
        test = ROOT / "tests" / path.relative_to(ROOT).parent / f"test_{path.name}"
        if not test.is_file():
            return [f"{shown(test)} is missing"]
        source = test.read_text(encoding="utf-8")
        faults = []
        if module_name(path) not in {name for _, name in imports(source, "")}:
            faults.append(f"{shown(test)} does not import its module")
        if not holds_a_check(source):
            faults.append(f"{shown(test)} checks nothing")
        return faults

    assert found_in(MODULES, look) == {}


def test_no_test_module_imports_another() -> None:
    """Helpers that several tests share live in `tests/fakes/` and `tests/support.py`."""
    found = [
        f"{shown(path)} imports {name}"
        for path in TESTS
        for _, name in imports(path.read_text(encoding="utf-8"), package_of(path))
        if name.startswith("tests.") and name.rpartition(".")[2].startswith("test_")
    ]
    assert found == []


END_TO_END = sorted((ROOT / "tests" / "e2e").glob("test_*.py"))


def runs_over_tls_or_says_why_not(source: str) -> bool:
    """Whether a module of tests uses the fixtures that run a test once plain and once encrypted, or has a reason."""
    return re.search(r'"(wire|is_encrypted)"|\bis_encrypted: bool\b|^# Runs once: ', source, re.MULTILINE) is not None


@pytest.mark.parametrize("path", END_TO_END, ids=shown)
def test_an_end_to_end_test_runs_over_tls_or_says_why_not(path: Path) -> None:
    assert runs_over_tls_or_says_why_not(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("source", "runs"),
    [
        ('pytestmark = pytest.mark.usefixtures("wire")', True),
        ('@pytest.mark.usefixtures("ipv6", "wire")', True),
        ("def server(is_encrypted: bool):", True),
        ("import os\n\n# Runs once: there is no connection.", True),
        ("def test_a(server):\n    assert server  # Runs once: no", False),
    ],
)
def test_what_counts_as_running_over_tls(source: str, runs: bool) -> None:
    assert runs_over_tls_or_says_why_not(source) == runs


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
def test_sources_that_count_as_a_check(source: str, checks: bool) -> None:
    assert holds_a_check(source) == checks
