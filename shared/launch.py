"""How a script of ours starts: what is missing, or wrong with its arguments, is said in one line, without a traceback.

Any Python 3 must be able to read this far, so that an old one is told which it should be.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import NoReturn

_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # of the checkout: `pylingo` holds links


class LaunchError(Exception):
    """Ends the program: one sentence for stderr, and the exit status."""

    def __init__(self, sentence: str, status: int = 2) -> None:
        super().__init__(sentence)
        self.status = status


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, instead of behind a screen of usage."""

    def error(self, message: str) -> NoReturn:
        """Raises `LaunchError`."""
        raise LaunchError(f"{message} (see --help)")


def launch(program: str, main: Callable[[], int]) -> int:
    """Run `main`, which does its imports itself; returns the exit status."""
    _open_standard_streams()
    try:
        if sys.version_info < (3, 12):  # noqa: UP036 - a checkout can be started with any Python
            found = ".".join(map(str, sys.version_info[:2]))
            raise LaunchError(f"PyLingo needs Python 3.12 or newer, and {sys.executable} is {found}")
        return main()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in ("client", "reactor", "shared"):
            raise
        failure = LaunchError(f"{error.name} is missing: install PyLingo with  {sys.executable} -m pip install {_ROOT}")
    except LaunchError as error:
        failure = error
    except KeyboardInterrupt:
        return 130
    # The sentence may quote what was typed; `shared.text` cannot be asked, as an old Python cannot import it.
    inert = "".join(char if char.isprintable() else "\ufffd" for char in f"{program}: {failure}")
    print(inert, file=sys.stderr)
    return failure.status


def _open_standard_streams() -> None:
    """Where stdin, stdout or stderr is closed, put the null device: or the first socket would take the number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - as long as the process
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
