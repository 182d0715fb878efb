"""The slash commands, as a table from which `/help` is made, and the reading of a typed line."""

from shared.messages import Command, CommandInfo, Say

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
    """What a person means by a typed line; None for a blank one.

    A slash begins a command, two slashes a message that begins with one slash. A command's name may be typed in any
    case; whether there is such a command is for the server to say.
    """
    if not line.strip():
        return None
    if line.startswith("//"):
        return Say(line[1:])
    if not line.startswith("/"):
        return Say(line)
    name, *argument = line[1:].split(maxsplit=1) or [""]
    return Command(name.lower(), argument[0].strip() if argument else None)
