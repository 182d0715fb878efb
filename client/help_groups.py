"""The groups in which `/help` lists the commands, such that all of them fit a terminal of 24 rows. Pure.

The server says which commands it has. Those that are known here stand in their group, with related ones in one row; all
others stand in a last group, as the server describes them.
"""

from collections.abc import Iterable

from pylingo.shared.messages import CommandInfo
from pylingo.shared.text import printable

_LABEL = 8  # columns
_USAGE = 21
_GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "rooms",
        (
            ("list", "Lists all rooms."),
            ("users", "Lists everybody in your room."),
            ("join", "Takes you from your room into another one."),
            ("open", "Takes you into one more room."),
            ("leave", "Takes you out of your room."),
            ("topic topiclock mode", "The rules."),
        ),
    ),
    (
        "people",
        (
            ("who whois", "Lists everybody; tells of one person."),
            ("msg", "Says something to one person alone."),
            ("me", "Says what you do: * ada waves."),
            ("name irc-password", "Your name; a word for IRC."),
            ("away", "Says that you are away; alone: back."),
            ("ignore", "Hides somebody, or shows them again."),
        ),
    ),
    (
        "window",
        (
            ("switch", "Shows another room or conversation."),
            ("layout theme colors time people", "The look."),
            ("mouse notify log clear bare", "Mouse, calls, file, text."),
            ("history search", "Shows older messages; finds words."),
        ),
    ),
    (
        "order",
        (
            ("kick mute unmute roomop roomdeop op deop", "Keep order."),
            ("ban unban bans redact announce servers invite", "More."),
        ),
    ),
    (
        "program",
        (("help", "Lists these; explains one, or keys."), ("close quit", "Leaves the chat and ends the program.")),
    ),
)
"""By label, the rows: the commands in a row, and what they do. Such a row is shown if all of its commands exist.

A row of many commands shows no arguments.
"""
_MANY = 4
_OTHERS = "more"


def help_rows(commands: Iterable[CommandInfo]) -> list[str]:
    """The rows for `commands`, of which each group begins with its label."""
    left = {command.name: command for command in commands}
    rows: list[str] = []
    for label, group in _GROUPS:
        found: list[str] = []
        for names, words in group:
            infos = [left.pop(name) for name in names.split() if name in left]
            if len(infos) == len(names.split()):
                usage = _usage if len(infos) < _MANY else _name
                found.append(_row("  ".join(map(usage, infos)), words))
            else:
                found += map(_own_row, infos)
        rows += _labelled(label, found)
    return rows + _labelled(_OTHERS, [_own_row(command) for command in left.values()])


def _labelled(label: str, rows: list[str]) -> list[str]:
    return [f"{label if index == 0 else '':<{_LABEL}}{row}" for index, row in enumerate(rows)]


def _own_row(command: CommandInfo) -> str:
    return _row(_usage(command), printable(command.description))


def _row(usage: str, words: str) -> str:
    return f"{usage:<{_USAGE}}  {words}"


def _name(command: CommandInfo) -> str:
    return printable(f"/{command.name}")


def _usage(command: CommandInfo) -> str:
    return printable(f"/{command.name} [{command.argument}]" if command.argument else f"/{command.name}")
