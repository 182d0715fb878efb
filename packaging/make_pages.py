#!/usr/bin/env python3
"""Make the manual pages and the completions for shells from the parsers of the command lines.

    python packaging/make_pages.py FOLDER

The files are in FOLDER under the paths where a system looks for them, such as `share/man/man1`. Building the wheel runs
this, and it needs `argparse-manpage` and `shtab`. SOURCE_DATE_EPOCH in the environment is the date in the pages.
"""

import argparse
import os
import sys
import unittest.mock
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import shtab
    from argparse_manpage.manpage import Manpage
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is missing: install the extra test with  {sys.executable} -m pip install -e '.[test]'")

if __name__ == "__main__":  # replace the script's own folder, which comes first on the path, by the checkout
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from pylingo.client import options as client_options
from pylingo.client.bench import options as bench_options
from pylingo.reactor import administer, backup, check, cluster_commands, config
from pylingo.shared import __version__

WIDTH = "10000"
"""Columns: the tools wrap no text, since troff and the shells do that."""
SHELLS = {
    "bash": "share/bash-completion/completions/{}",
    "fish": "share/fish/vendor_completions.d/{}.fish",
    "zsh": "share/zsh/site-functions/_{}",
}
"""The path at which each shell looks for the completions of a program."""
MANUAL = "share/man/man1/{}.1"
SERVER_COMMANDS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "backup": backup.parser,
    "check": check.parser,
    "cluster": cluster_commands.parser,
    "forget": administer.forget_parser,
    "hash-password": administer.hash_password_parser,
    "invite": administer.invite_parser,
    "release": administer.release_parser,
}
"""The parsers of the server's commands, in the order of its help."""
_COMPLETIONS = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY, "TARGET": shtab.FILE}  # by what an option takes
_CHOICES = "one of "  # how the help of an option begins that takes one of a few words


def server_parser() -> argparse.ArgumentParser:
    """The parser of `pylingo-server` with all its commands, which the program itself parses one at a time."""
    parser = config.parser()
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=argparse.ArgumentParser)
    for name, make in SERVER_COMMANDS.items():
        _add_command(commands, name, make())
    return parser


def _add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, command: argparse.ArgumentParser
) -> None:
    about = command.description or ""
    added = commands.add_parser(
        name, help=f"{about.partition('. ')[0].rstrip('.')}.", description=about, epilog=command.epilog, add_help=False
    )
    inner = None
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            inner = inner or added.add_subparsers(metavar="COMMAND", parser_class=argparse.ArgumentParser)
            for inner_name, inner_command in action.choices.items():
                _add_command(inner, inner_name, inner_command)
        else:
            added._add_action(action)


PROGRAMS: dict[str, tuple[Callable[[], argparse.ArgumentParser], str]] = {
    "pylingo": (client_options.parser, "the terminal chat for engineers"),
    "pylingo-server": (server_parser, "the server of the terminal chat"),
    "pylingo-bench": (bench_options.parser, "puts simulated clients on a PyLingo server and checks what they receive"),
}
"""The parser of each program, and a few words about it."""


def manual_page(name: str) -> str:
    """The manual page of a program, for troff."""
    parser, about = PROGRAMS[name]
    page = Manpage(parser(), {"project_name": "PyLingo", "version": __version__, "manual_title": "PyLingo"})
    page.description = about
    return str(page)


def completion(name: str, shell: str) -> str:
    """The completion of a program's command line in one of `SHELLS`."""
    parser = PROGRAMS[name][0]()
    for command in _parsers(parser):
        for action in command._actions:
            if action.metavar in _COMPLETIONS:
                action.complete = _COMPLETIONS[str(action.metavar)]  # type: ignore[attr-defined]
            right = (action.help or "").rpartition(": ")[2]
            if action.metavar and right.startswith(_CHOICES):
                action.choices = right.removeprefix(_CHOICES).split(", ")
    return shtab.complete(parser, shell) + "\n"


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _parsers(command)


def pages() -> dict[str, str]:
    """The contents of each file, by its path below a prefix such as /usr."""
    found: dict[str, str] = {}
    with unittest.mock.patch.dict(os.environ, COLUMNS=WIDTH):
        for name in PROGRAMS:
            found[MANUAL.format(name)] = manual_page(name)
            for shell, path in SHELLS.items():
                found[path.format(name)] = completion(name, shell)
    return found


def main() -> int:
    """Write all files; returns the exit status."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("usage: make_pages.py FOLDER", file=sys.stderr)
        return 2
    for path, text in pages().items():
        target = Path(sys.argv[1], path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
