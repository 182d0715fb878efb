"""The public names: `import pylingo` is cheap, and everything that it offers is there."""

import ast
import subprocess
import sys

import pytest

import pylingo
from tests.support import DEADLINE, ROOT


def test_every_public_name_can_be_imported() -> None:
    assert len(set(pylingo.__all__)) == len(pylingo.__all__) > 20
    assert list(pylingo.__all__) == sorted(pylingo.__all__)
    for name in pylingo.__all__:
        value = getattr(pylingo, name)
        assert name == "__version__" or value.__name__ == name
        assert getattr(pylingo, name) is value


def test_type_checkers_are_told_of_every_public_name() -> None:
    """The names are imported a second time, for type checkers alone."""
    tree = ast.parse((ROOT / "pylingo" / "__init__.py").read_text(encoding="utf-8"))
    declared = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pylingo.")
        for alias in node.names
    }
    assert declared == set(pylingo.__all__)


def test_a_star_import_has_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from pylingo import *", names)
    assert set(pylingo.__all__) <= set(names)


def test_dir_lists_the_public_names() -> None:
    assert set(pylingo.__all__) <= set(dir(pylingo))
    assert "reactor" not in dir(pylingo)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pylingo' has no attribute 'Server'"):
        pylingo.Server  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Server'"):
        exec("from pylingo import Server")
    assert not hasattr(pylingo, "import_module")


def test_importing_the_package_imports_neither_the_client_nor_other_packages() -> None:
    code = "import sys; before = set(sys.modules); import pylingo; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    imported = done.stdout.split()
    assert {name for name in imported if name.startswith("pylingo")} == {"pylingo", "pylingo.shared"}
    assert {name.partition(".")[0] for name in imported} <= {"pylingo", *sys.stdlib_module_names}
    assert "socket" not in imported


def test_a_public_name_imports_only_its_own_part() -> None:
    code = "import sys; from pylingo import Message; print('selectors' in sys.modules, 'blessed' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_the_face_is_documented() -> None:
    assert "from pylingo import Client, Message" in (pylingo.__doc__ or "")
    assert pylingo.Client.__doc__
