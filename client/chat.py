#!/usr/bin/env python3
# /// script
# requires-python = ">=3.12"
# dependencies = ["msgpack>=1.2.4", "blessed>=1.52,<2", "confusable-homoglyphs>=3.3.1,<4"]
# ///
"""Joins a PyLingo chat: `./client/chat.py`, `pylingo` or `uv run client/chat.py`."""

import os
import sys

if __name__ == "__main__":  # a script's own folder comes first on the path: put the checkout in its place
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from shared.launch import LaunchError, launch


def main() -> int:
    """Run the client as the command line says; returns the exit status."""
    return launch("pylingo", _chat)


def _chat() -> int:
    from client.options import parse_arguments
    from client.plain import Plain

    options = parse_arguments(sys.argv[1:])
    plain = Plain(options.host, options.port, options.name, options.room, options.as_json, options.retry)
    try:
        return plain.run()
    except OSError as error:
        raise LaunchError(f"unknown host {options.host}: {error.strerror}", status=1) from None


if __name__ == "__main__":
    sys.exit(main())
