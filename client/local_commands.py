"""The slash commands that the window carries out itself, in the form of the server's table.

`/help` alone is the server's, which says which commands it has.
The table stands apart from the window, so that plain mode can name them without loading it.
"""

from pylingo.client.settings import LAYOUTS
from pylingo.client.themes import THEMES
from pylingo.shared.messages import CommandInfo

LOCAL = (
    CommandInfo("layout", "layout", f"Puts the input line elsewhere: {', '.join(LAYOUTS)}."),
    CommandInfo("theme", "theme", f"Changes the colours: {', '.join(THEMES)}."),
    CommandInfo("switch", "buffer", "Shows another room or conversation; alone: lists them."),
    CommandInfo("colors", "on|off", "Shows names in colours, or not."),
    CommandInfo("time", "on|off", "Shows the time of each line, or not."),
    CommandInfo("people", "on|off", "Lists the people of the room at the side of a wide window, or not."),
    CommandInfo("mouse", "on|off", "Takes the mouse for scrolling and clicks, or leaves it to the terminal."),
    CommandInfo("ignore", "username", "Hides what somebody says, or shows it again; alone: who is hidden."),
    CommandInfo("notify", "mention|all|none", "Says which messages of this room call you; alone: shows it."),
    CommandInfo("search", "words", "Finds messages by their words; n and N walk through them."),
    CommandInfo("history", None, "Shows older messages, as PgUp does."),
    CommandInfo("log", "file", "Writes what is shown to a file from now on; alone: no more."),
    CommandInfo("help", "topic", "Explains a command, or the keys; alone: lists the commands."),
    CommandInfo("bare", None, "Shows the messages without the window, for copying, until the next key."),
    CommandInfo("clear", None, "Empties the window."),
    CommandInfo("quit", None, "Another name of /close."),
)
LOCAL_BY_NAME = {command.name: command for command in LOCAL}
