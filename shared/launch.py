"""The start of a program: a missing package or a wrong argument is reported in one line, without a traceback.

Every Python 3 must be able to import this module, because it tells an old one which version is needed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import NoReturn

_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # of the checkout: `pylingo` holds links


class LaunchError(Exception):
    """Ends the program with one sentence on stderr and an exit status."""

    def __init__(self, sentence: str, status: int = 2) -> None:
        super().__init__(sentence)
        self.status = status


class OneLineParser(argparse.ArgumentParser):
    """An argument parser that reports an error in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Raises `LaunchError`."""
        raise LaunchError(f"{message} (see --help)")


def launch(program: str, main: Callable[[], int]) -> int:
    """Run `main`, which imports the program itself. Returns the exit status."""
    _open_standard_streams()
    try:
        if sys.version_info < (3, 12):  # noqa: UP036 - a checkout can be started with any Python
            found = ".".join(map(str, sys.version_info[:2]))
            raise LaunchError(f"PyLingo needs Python 3.12 or newer, and {sys.executable} is {found}")
        return main()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "pylingo":
            raise
        failure = LaunchError(f"{error.name} is missing: install PyLingo with  {sys.executable} -m pip install {_ROOT}")
    except LaunchError as error:
        failure = error
    except KeyboardInterrupt:
        return 130
    # The sentence may quote user input. An old Python cannot import `shared.text`, which would make that printable.
    inert = "".join(char if char.isprintable() else "\ufffd" for char in f"{program}: {failure}")
    print(inert, file=sys.stderr)
    return failure.status


def _open_standard_streams() -> None:
    """Open the null device for closed standard streams. Otherwise a socket would get the descriptor of one."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - open as long as the process
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
