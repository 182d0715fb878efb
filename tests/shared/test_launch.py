"""How a script starts, and what it says when it cannot."""

import ast
import subprocess
import sys
import types
from pathlib import Path

import pytest

from pylingo.shared import launch as module
from pylingo.shared.launch import LaunchError, OneLineParser, launch
from tests.support import DEADLINE, ROOT

READ_BY_ANY_PYTHON = ["reactor/run.py", "shared/__init__.py", "shared/launch.py"]


def missing(name):
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize("status", [0, 1, 130])
def test_the_exit_status_is_main_s(capsys, status):
    assert launch("program", lambda: status) == status
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("arguments", "status"), [((), 2), ((1,), 1), ((75,), 75)])
def test_a_launch_error_is_one_line_and_a_status(capsys, arguments, status):
    def main():
        raise LaunchError("there is no room", *arguments)

    assert launch("program", main) == status
    assert capsys.readouterr() == ("", "program: there is no room\n")


@pytest.mark.parametrize("sentence", ["two\nlines", "\x1b[2Jcleared", "a\rb", "a\u2028b", "\x9b2J"])
def test_a_typed_argument_cannot_break_the_line(capsys, sentence):
    """A host or a path stands in the sentence as it was given."""

    def main():
        raise LaunchError(sentence)

    launch("program", main)
    _, errors = capsys.readouterr()
    assert errors.endswith("\n")
    assert errors[:-1].isprintable()


@pytest.mark.parametrize("name", ["msgpack", "blessed", "msgpack._cmsgpack"])
def test_a_missing_package_is_named_with_the_remedy(capsys, name):
    assert launch("program", lambda: missing(name)) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert errors.startswith(f"program: {name} is missing: ")
    assert f"{sys.executable} -m pip install {ROOT}" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("name", ["pylingo.shared.nothing", "pylingo", "pylingo.client.nothing", None])
def test_a_missing_module_of_ours_is_a_bug_and_shown_as_one(name):
    with pytest.raises(ModuleNotFoundError):
        launch("program", lambda: missing(name))


@pytest.mark.parametrize("error", [ZeroDivisionError, ImportError, SystemExit, OSError])
def test_everything_else_is_not_for_us(error):
    def main():
        raise error

    with pytest.raises(error):
        launch("program", main)


def test_ctrl_c_ends_without_a_word(capsys):
    def main():
        raise KeyboardInterrupt

    assert launch("program", main) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("version", [(3, 11, 9), (3, 8, 0), (2, 7, 18)])
def test_an_old_python_is_told_which_it_should_be(capsys, monkeypatch, version):
    called = []
    with monkeypatch.context() as patch:
        patch.setattr(sys, "version_info", version)
        status = launch("program", lambda: called.append(1))
    assert status == 2
    assert called == [], "it must not import what it cannot read"
    _, errors = capsys.readouterr()
    found = f"{version[0]}.{version[1]}"
    assert errors == f"program: PyLingo needs Python 3.12 or newer, and {sys.executable} is {found}\n"


def test_a_new_python_is_welcome(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "version_info", (3, 99, 0))
        assert launch("program", lambda: 0) == 0


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_no_socket_takes_the_number_of_a_closed_standard_stream(tmp_path, closed):
    """It would get what is written to stdout or stderr."""
    path = tmp_path / "result"
    code = f"""
import os
for number in {closed}: os.close(number)
os.execv(sys.executable, [sys.executable, "-c", program])
"""
    program = f"""
import socket, sys
from pylingo.shared.launch import launch
def main():
    with socket.socket() as sock:
        print("out"), print("err", file=sys.stderr), sys.stdin and sys.stdin.read()
        open({str(path)!r}, "w").write(str(sock.fileno() > 2))
    return 0
sys.exit(launch("program", main))
"""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; program = {program!r}{code}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    assert path.read_text() == "True"
    assert done.stdout == ("" if 1 in closed else "out\n")
    assert done.stderr == ("" if 2 in closed else "err\n")


def test_a_parser_says_what_is_wrong_in_one_line():
    parser = OneLineParser(prog="program")
    parser.add_argument("--number", type=int)
    for arguments in (["--nope"], ["--number", "x"], ["--number"]):
        with pytest.raises(LaunchError, match=r"--n.*\(see --help\)\Z") as caught:
            parser.parse_args(arguments)
        assert caught.value.status == 2


@pytest.mark.parametrize("path", READ_BY_ANY_PYTHON)
def test_an_old_python_can_read_this_far(path):
    ast.parse((ROOT / path).read_text("utf-8"), feature_version=(3, 7))


def test_an_old_python_can_run_this_far(monkeypatch):
    """Before 3.9 the classes of `collections.abc` could not be subscripted, and annotations are evaluated."""
    abc = types.ModuleType("collections.abc")
    abc.Callable = type("Callable", (), {})  # type: ignore[attr-defined]
    source = Path(module.__file__).read_text("utf-8")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "collections.abc", abc)
        names = {"__name__": "launch", "__file__": module.__file__}
        exec(compile(source, module.__file__, "exec"), names)
    assert callable(names["launch"])


@pytest.mark.parametrize("path", READ_BY_ANY_PYTHON)
def test_nothing_but_the_standard_library_is_imported_on_the_way(path):
    """Everything else is imported by `main`, so that it can be said what is missing."""
    imported = set()
    for node in ast.parse((ROOT / path).read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names <= {"pylingo"}
    assert {name for name in imported if name.startswith("pylingo")} <= {"pylingo.shared.launch"}
