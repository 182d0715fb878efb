"""The manual pages and the completions: they can be made, they have every option, and the shells understand them."""

import argparse
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pylingo.shared import __version__
from tests.support import DEADLINE

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = runpy.run_path(str(ROOT / "packaging" / "make_pages.py"), run_name="pages")
PROGRAMS = SCRIPT["PROGRAMS"]
PAGES: dict[str, str] = SCRIPT["pages"]()
MANUAL = "share/man/man1/{}.1"
BASH = "share/bash-completion/completions/{}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all pages."""
    made: Path = tmp_path_factory.mktemp("pages")
    for path, text in PAGES.items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_text(text, encoding="utf-8")
    return made


def options(parser: argparse.ArgumentParser) -> set[str]:
    """The long options of a parser, as `--help` lists them."""
    return set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", parser.format_help(), re.MULTILINE))


def parsers(name: str) -> list[argparse.ArgumentParser]:
    """The parsers of a program and of its commands, as the program has them."""
    commands: dict[str, Any] = SCRIPT["SERVER_COMMANDS"] if name == "pylingo-server" else {}
    return [PROGRAMS[name][0](), *(make() for make in commands.values())]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_option_is_in_the_manual_page_and_completed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10000")
    found = set().union(*map(options, parsers(name)))
    assert {"--help", "--version"} <= found
    assert len(found) > 10
    for option in found - {"--help"}:
        assert option.replace("-", r"\-") in PAGES[MANUAL.format(name)], option
        assert option in PAGES[BASH.format(name)], option


def test_the_commands_of_the_server_are_those_that_its_help_names() -> None:
    epilog = str(PROGRAMS["pylingo-server"][0]().epilog)
    named = epilog.partition("Further commands: ")[2].partition(";")[0].split(", ")
    assert named == list(SCRIPT["SERVER_COMMANDS"])
    page = PAGES[MANUAL.format("pylingo-server")]
    for command in [*named, "cluster import", "cluster status"]:
        assert f".SH COMMAND \\fI\\,'pylingo\\-server {command}".replace(command, command.replace("-", r"\-")) in page


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_page_names_its_program_and_version(name: str) -> None:
    page = PAGES[MANUAL.format(name)]
    shown = name.replace("-", r"\-")
    assert page.startswith(f'.TH {shown.upper()} "1" ')
    assert f'"PyLingo {__version__}"' in page.splitlines()[0]
    assert f".SH NAME\n{shown} \\- " in page


@pytest.mark.skipif(shutil.which("man") is None, reason="there is no man")
@pytest.mark.parametrize("name", PROGRAMS)
def test_man_renders_a_page_without_a_warning(folder: Path, name: str) -> None:
    command = ["man", "--warnings", "-l", str(folder / MANUAL.format(name))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert name.upper() in done.stdout


COMPLETE = """
. "$1"
COMP_WORDS=($2); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$2; COMP_POINT=${#2}
$(complete -p pylingo-server | sed 's/.*-F \\([^ ]*\\).*/\\1/') pylingo-server "${COMP_WORDS[COMP_CWORD]}"
echo "${COMPREPLY[*]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("pylingo-server che", "check"),
        ("pylingo-server --log-level d", "debug"),
        ("pylingo-server --proxy", "--proxy-protocol"),
        ("pylingo-server cluster status --js", "--json"),
    ],
)
def test_bash_completes_a_command_line(folder: Path, typed: str, completed: str) -> None:
    command = ["bash", "-c", COMPLETE, "bash", str(folder / BASH.format("pylingo-server")), typed]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (done.stdout.strip(), done.stderr) == (completed, "")


@pytest.mark.parametrize("shell", ["fish", "zsh"])
def test_another_shell_understands_its_completions(folder: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    for name in PROGRAMS:
        path = folder / SCRIPT["SHELLS"][shell].format(name)
        done = subprocess.run([shell, "-n", str(path)], capture_output=True, timeout=DEADLINE, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
