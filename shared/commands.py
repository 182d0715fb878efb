"""The slash commands: the table behind `/help`, and how a typed line is read."""

import difflib
from collections.abc import Iterable

from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, CommandInfo, Say
from pylingo.shared.text import MAX_QUOTE, quote

COMMANDS = (
    CommandInfo("name", "username", "Sets or changes your display name."),
    CommandInfo("list", None, "Lists all active rooms."),
    CommandInfo("join", "room", "Moves you into a room; leaves the room you are in."),
    CommandInfo("open", "room", "Enters a room; you stay in the others as well."),
    CommandInfo("users", None, "Lists everybody in your room."),
    CommandInfo("leave", None, "Takes you out of your room."),
    CommandInfo("topic", "text", "Sets the topic of your room; - clears it, nothing shows it."),
    CommandInfo("me", "text", "Says what you do: * ada waves."),
    CommandInfo("msg", "username text", "Says something to one person alone."),
    CommandInfo("who", None, "Lists everybody on the server."),
    CommandInfo("whois", "username", "Tells more about somebody."),
    CommandInfo("away", "text", "Says that you are away, and why; nothing ends it."),
    CommandInfo("irc-password", "off", "Makes a password for IRC clients; off removes it."),
    CommandInfo("kick", "username reason", "Puts somebody out of your room (for operators, as are all up to /invite)."),
    CommandInfo("roomop", "username", "Makes somebody an operator of your room: for kicks, mutes and the topic there."),
    CommandInfo("roomdeop", "username", "Makes somebody an operator of your room no more."),
    CommandInfo("mode", "change", "Shows the modes of your room, or sets one: moderated on, key WORD, ban MASK."),
    CommandInfo("topiclock", "on or off", "Lets only operators set the topic of your room, or everybody."),
    CommandInfo("ban", "username time reason", "Keeps somebody, or an address, out of the server; time such as 2h."),
    CommandInfo("unban", "username", "Ends a ban of somebody, or of an address."),
    CommandInfo("bans", None, "Lists who is banned."),
    CommandInfo("mute", "username time", "Lets somebody say nothing more; time such as 10m."),
    CommandInfo("unmute", "username", "Ends that."),
    CommandInfo("op", "username", "Makes somebody with a key an operator."),
    CommandInfo("deop", "username", "Makes somebody an operator no more."),
    CommandInfo("redact", "at reason", "Takes the message with that stamp out of the history of your room."),
    CommandInfo("announce", "text", "Tells everybody on the server something."),
    CommandInfo("servers", None, "Lists the servers of this chat, and the state of its Redis."),
    CommandInfo("invite", "count time", "Makes an invitation: for one use within 7d if nothing else is said."),
    CommandInfo("help", None, "Shows this summary."),
    CommandInfo("close", None, "Closes the connection and ends the program."),
)
BY_NAME = {command.name: command for command in COMMANDS}
OPTIONAL = frozenset({"topic", "away", "invite", "irc-password", "mode"})
"""The commands whose argument may be left out."""


def parse_line(line: str) -> Say | Command | None:
    """Read a line that a person typed on a terminal; None for a blank line.

    A slash starts a command. Two slashes start a message that begins with one slash. A first word that contains a
    second slash, such as a path, is text. The case of a command's name does not matter. The command may be unknown.
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
    """Read a line of a pipe or a file. It is a command only if its first word is exactly one that `/help` lists.

    Every other line is text, because nobody is there to correct a mistake. Two slashes work as on a terminal.
    """
    meant = parse_line(line)
    if isinstance(meant, Command) and line.split(maxsplit=1)[0].removeprefix("/") not in BY_NAME:
        return Say(line)
    return meant


def message_of(command: Command) -> Say | None:
    """The message that `/me` or `/msg` sends; None for other commands, and for `/msg` without a text."""
    match command:
        case Command("me", str(text)):
            return Say(text, room=command.room, action=True)
        case Command("msg", str(argument)) if len(parts := argument.split(maxsplit=1)) == 2:
            return Say(parts[1], to=parts[0])
    return None


def suggestion(name: str, known: Iterable[str] = BY_NAME) -> str:
    """The rest of a sentence that says there is no command `name`: the nearest of those `known`, or /help."""
    return _did_you_mean(name, known) or ": see /help"


def unknown_command(name: str, known: Iterable[str] = BY_NAME) -> RequestError:
    """The error for a typed command that does not exist. It suggests the nearest of those `known`."""
    rest = _did_you_mean(name, known) or ": /help lists them; to send it as text, put a second / before it"
    return RequestError("unknown-command", f"there is no command {quote('/' + name)}{rest}")


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name[:MAX_QUOTE], list(known), n=1)
    return f"; did you mean /{near[0]}?" if near else ""
