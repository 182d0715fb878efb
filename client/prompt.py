"""Secrets that a person types or pastes: asked for on the terminal, and not shown."""

import getpass
import os

from pylingo.shared.launch import LaunchError

_LONGEST_LINE = 4_096


def ask_secret(prompt: str) -> str:
    """Ask on the terminal, even if the standard streams are pipes. Raises `LaunchError` without a terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
        return getpass.getpass(prompt)
    except (OSError, EOFError):
        raise LaunchError(f"there is no terminal to ask on: {prompt.rstrip(': ')}") from None


def read_link() -> str:
    """Return a link that is asked for on the terminal or, from a pipe, the first line of the standard input.

    The rest of the input is left for the chat. Raises `LaunchError`.
    """
    if os.isatty(0):
        return ask_secret("Link: ").strip()
    line = b""
    while len(line) <= _LONGEST_LINE:
        byte = os.read(0, 1)
        if byte in (b"", b"\n"):
            break
        line += byte
    try:
        return line.decode().strip()
    except UnicodeDecodeError:
        raise LaunchError("the link in the first line of the input is not UTF-8") from None
