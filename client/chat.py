#!/usr/bin/env python3
# /// script
# requires-python = ">=3.12"
# dependencies = [
#     "msgpack>=1.2.4", "blessed>=1.52,<2", "wcwidth>=0.9.2", "confusable-homoglyphs>=3.3.1,<4", "platformdirs>=4.3",
#     "tomlkit>=0.13", "cryptography[ssh]>=44",
# ]
# ///
"""Joins a PyLingo chat: `./client/chat.py`, `pylingo` or `uv run client/chat.py`."""

import gc
import os
import sys
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

if __name__ == "__main__":  # a script's own folder comes first on the path: put the checkout in its place
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from pylingo.shared.launch import LaunchError, launch

if TYPE_CHECKING:
    from pylingo.client.access import Access
    from pylingo.client.options import ClientOptions
    from pylingo.client.settings import Preferences


def main() -> int:
    """Run the client as the command line says; returns the exit status."""
    gc.disable()  # a start leaves next to no garbage, and looking for some takes 10 ms; `run` enables it again
    try:
        return launch("pylingo", _chat)
    finally:
        gc.enable()


def _chat() -> int:
    from pylingo.client.access import for_person
    from pylingo.client.options import parse_arguments
    from pylingo.client.prompt import ask_secret
    from pylingo.client.reconnect import FinalError

    options = parse_arguments(sys.argv[1:])
    try:
        access = for_person(options, ask_secret)
    except FinalError as error:
        raise LaunchError(str(error)) from None
    is_plain = options.as_json or options.only_text or options.to is not None
    if not is_plain and os.isatty(0) and os.isatty(1):
        from pylingo.client.terminal.capabilities import NO_KINDS, usable_kind

        term = os.environ.get("TERM", "")
        kind = usable_kind(term)
        if kind is not None:
            return _window(
                options, access, kind, f"TERM={term} is not known here; used as {kind}" if kind != term else ""
            )
        if term not in NO_KINDS:
            _tell(f"TERM={term} does not say how the cursor is moved, so there is no window")
    from pylingo.client.plain import Plain

    if options.trouble is not None:
        _tell(options.trouble)
    return Plain(options, access).run()


def _tell(sentence: str) -> None:
    from pylingo.shared.text import printable

    print(f"pylingo: {printable(sentence)}", file=sys.stderr)


def _window(options: "ClientOptions", access: "Access", kind: str, hint: str) -> int:
    from pylingo.client import input_history
    from pylingo.client.settings import save
    from pylingo.client.state import default_path
    from pylingo.client.terminal.last_run import LastRun
    from pylingo.client.terminal.window import Window
    from pylingo.shared.text import printable

    kept = deepcopy(options.preferences)  # an option's layout is for this time only: it is no change

    def remember(preferences: "Preferences") -> None:
        nonlocal kept
        if options.config is None:
            raise OSError("there is no home folder to keep it in")
        save(options.config, kept, preferences)
        kept = deepcopy(preferences)

    last = LastRun(options, default_path() if options.keeps_state else None)
    path = input_history.default_path() if options.keeps_history else None
    history = input_history.InputHistory(path) if path is not None else None
    troubles = options.trouble, last.trouble, history.trouble if history is not None else None
    options = replace(options, trouble="; ".join(filter(None, troubles)) or None)
    return Window(
        options,
        remember,
        kind,
        printable(hint),
        access=access,
        rooms=last.rooms,
        seen=last.seen,
        keep=last.keep,
        is_first=last.is_first,
        past=history.lines if history is not None else (),
        keep_line=history.add if history is not None else None,
    ).run()


if __name__ == "__main__":
    sys.exit(main())
