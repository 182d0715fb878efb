#!/usr/bin/env python3
# /// script
# requires-python = ">=3.12"
# dependencies = [
#     "msgpack>=1.2.4", "blessed>=1.52,<2", "wcwidth>=0.9.2", "confusable-homoglyphs>=3.3.1,<4", "platformdirs>=4.3",
#     "tomlkit>=0.13",
# ]
# ///
"""Joins a PyLingo chat: `./client/chat.py`, `pylingo` or `uv run client/chat.py`."""

import os
import sys
from copy import deepcopy
from typing import TYPE_CHECKING

if __name__ == "__main__":  # a script's own folder comes first on the path: put the checkout in its place
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from shared.launch import launch

if TYPE_CHECKING:
    from client.options import Options
    from client.settings import Preferences


def main() -> int:
    """Run the client as the command line says; returns the exit status."""
    return launch("pylingo", _chat)


def _chat() -> int:
    from client.options import parse_arguments

    options = parse_arguments(sys.argv[1:])
    return _plain(options) if _is_plain(options) else _window(options)


def _is_plain(options: "Options") -> bool:
    """Whether it is to be a stream of lines: in pipes, and where no cursor can be moved."""
    if options.as_json or options.only_text or not (os.isatty(0) and os.isatty(1)):
        return True
    from client.terminal.capabilities import is_known

    return not is_known(os.environ.get("TERM", ""))


def _plain(options: "Options") -> int:
    from client.plain import Plain
    from shared.text import printable

    if options.trouble is not None:
        print(f"pylingo: {printable(options.trouble)}", file=sys.stderr)
    plain = Plain(
        options.host,
        options.port,
        options.name,
        options.room,
        as_json=options.as_json,
        only_text=options.only_text,
        retry=options.retry,
        insist=options.insist,
    )
    return plain.run()


def _window(options: "Options") -> int:
    from client.settings import save
    from client.terminal.window import Window

    kept = deepcopy(options.preferences)  # an option's layout is for this time only: it is no change

    def remember(preferences: "Preferences") -> None:
        nonlocal kept
        if options.config is None:
            raise OSError("there is no home folder to keep it in")
        save(options.config, kept, preferences)
        kept = deepcopy(preferences)

    troubles = [options.trouble] if options.trouble is not None else []
    window = Window(options.host, options.port, options.name, options.room, options.preferences, remember, troubles)
    return window.run()


if __name__ == "__main__":
    sys.exit(main())
