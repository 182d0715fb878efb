"""Desktop notifications: which sequence a terminal shows them for, and how one is written. Pure.

Each family of terminals has a sequence of its own: OSC 9 (iTerm2), OSC 99 (kitty) and OSC 777 (rxvt-unicode, and most
others). A terminal that is in no table here gets none, because some take OSC 9 for something else.

The words are a peer's. Nothing in them can end the sequence or begin another one, and they have no semicolon, which
parts the fields: ConEmu and Windows Terminal would take OSC 9 with `4;` for the progress of a program.
"""

import enum
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from pylingo.client.terminal.cells import clip, width
from pylingo.client.terminal.model import Notify
from pylingo.shared.text import printable

LONGEST_TITLE, LONGEST_TEXT = 60, 200  # columns
_CUT = "\N{HORIZONTAL ELLIPSIS}"
_SEMICOLON = {ord(";"): "\N{FULLWIDTH SEMICOLON}"}
_ST = "\x1b\\"


class Protocol(enum.Enum):
    """A sequence that shows a notification; `BELL` is none, so that only the bell rings."""

    OSC_9 = "9"
    OSC_99 = "99"
    OSC_777 = "777"
    BELL = "bell"


class Carrier(NamedTuple):
    """The way of a notification to the desktop. tmux passes it on if its option `allow-passthrough` is on."""

    protocol: Protocol
    is_in_tmux: bool = False


_BY_TERM = {
    "xterm-kitty": Protocol.OSC_99,
    "xterm-ghostty": Protocol.OSC_777,
    "foot": Protocol.OSC_777,
    "rxvt-unicode": Protocol.OSC_777,
    "contour": Protocol.OSC_777,
}
"""By `TERM`, or what it begins with. It is what the terminal itself says; the variables below may be inherited."""
_BY_PROGRAM = {
    "iTerm.app": Protocol.OSC_9,
    "WezTerm": Protocol.OSC_777,
    "ghostty": Protocol.OSC_777,
    "WarpTerminal": Protocol.OSC_777,
}
"""By `TERM_PROGRAM`, which tmux replaces."""
_BY_VARIABLE = {
    "KITTY_WINDOW_ID": Protocol.OSC_99,
    "GHOSTTY_RESOURCES_DIR": Protocol.OSC_777,
    "WEZTERM_PANE": Protocol.OSC_777,
    "WT_SESSION": Protocol.OSC_777,  # Windows Terminal
    "ITERM_SESSION_ID": Protocol.OSC_9,
}
"""By a variable that the terminal sets, and that is still there in tmux."""
_MULTIPLEXERS = ("tmux", "screen")


def carrier(environment: Mapping[str, str], wanted: str = "auto") -> Carrier:
    """How the terminal of this environment gets a notification. `wanted` is the setting `notify_with`."""
    term = environment.get("TERM", "")
    is_in_tmux = "TMUX" in environment and term.startswith(_MULTIPLEXERS)
    if wanted != "auto":
        return Carrier(Protocol(wanted), is_in_tmux)
    if term.startswith(_MULTIPLEXERS) and not is_in_tmux:  # GNU screen, or tmux on another machine
        return Carrier(Protocol.BELL)
    return Carrier(_of_terminal(environment, term), is_in_tmux)


def _of_terminal(environment: Mapping[str, str], term: str) -> Protocol:
    found = [protocol for begin, protocol in _BY_TERM.items() if term.startswith(begin)]
    found += [_BY_PROGRAM[name] for name in (environment.get("TERM_PROGRAM"),) if name in _BY_PROGRAM]
    found += [Protocol.OSC_9] * (environment.get("LC_TERMINAL") == "iTerm2")  # which ssh passes on
    found += [protocol for name, protocol in _BY_VARIABLE.items() if name in environment]
    return next(iter(found), Protocol.BELL)


def notification(note: Notify, by: Carrier) -> str:
    """The output that shows a notification; empty if the terminal has none."""
    title, text = _plain(note.title, LONGEST_TITLE), _plain(note.text, LONGEST_TEXT)
    match by.protocol:
        case Protocol.OSC_9:
            output = f"\x1b]9;{title}: {text}{_ST}"
        case Protocol.OSC_99:  # a further one about the same replaces it
            name = f"pylingo-{zlib.crc32(note.about.encode('utf-8', 'replace')):x}"
            output = f"\x1b]99;i={name}:o=unfocused:d=0;{title}{_ST}\x1b]99;i={name}:o=unfocused:p=body;{text}{_ST}"
        case Protocol.OSC_777:
            output = f"\x1b]777;notify;{title};{text}{_ST}"
        case Protocol.BELL:
            return ""
    return f"\x1bPtmux;{output.replace('\x1b', '\x1b\x1b')}{_ST}" if by.is_in_tmux else output


def _plain(text: str, columns: int) -> str:
    """`text` in one row, without anything that a terminal acts on, cut to some columns."""
    row = printable(" ".join(text.split())).translate(_SEMICOLON)
    return row if width(row) <= columns else clip(row, columns - 1) + _CUT
