"""The slash commands, as a table from which `/help` is made, and the reading of a typed line."""

from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, CommandInfo, Say
from pylingo.shared.text import quote

COMMANDS = (
    CommandInfo("name", "username", "Sets or changes your display name."),
    CommandInfo("list", None, "Lists all active rooms."),
    CommandInfo("join", "room", "Moves you into a room; leaves the room you are in."),
    CommandInfo("users", None, "Lists everybody in your room."),
    CommandInfo("leave", None, "Takes you out of your room."),
    CommandInfo("help", None, "Shows this summary."),
    CommandInfo("close", None, "Closes the connection and ends the program."),
)
BY_NAME = {command.name: command for command in COMMANDS}


def parse_line(line: str) -> Say | Command | None:
    """What a person means by a line typed on a terminal; None for a blank one.

    A slash begins a command, two slashes a message that begins with one slash. A first word with a second slash in it
    is text, such as a path. A command's name may be typed in any case; whether there is such a command is for the
    caller to say.
    """
    if not line.strip():
        return None
    if line.startswith("//"):
        return Say(line[1:])
    if not line.startswith("/"):
        return Say(line)
    name, *argument = line[1:].split(maxsplit=1) or [""]
    if "/" in name:
        return Say(line)
    return Command(name.lower(), argument[0].strip() if argument else None)


def parse_piped(line: str) -> Say | Command | None:
    """What a line of a pipe or a file means: a command only where its first word is exactly one that `/help` lists.

    All else is text, as nobody is there to correct it; two slashes say one, as on a terminal.
    """
    meant = parse_line(line)
    if isinstance(meant, Command) and line.split(maxsplit=1)[0].removeprefix("/") not in BY_NAME:
        return Say(line)
    return meant


def unknown_command(name: str) -> RequestError:
    """The error for a command that there is not."""
    words = f"there is no command {quote('/' + name)}: /help lists them; with a second slash before it, it is text"
    return RequestError("unknown-command", words)
