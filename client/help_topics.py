"""The explanations of `/help COMMAND`: more than the one sentence of the table of commands, and examples. Pure.

A command that is not known here, of a newer server, is explained by what the server says of it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pylingo.shared.commands import suggestion
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import CommandInfo
from pylingo.shared.text import printable, quote

KEYS_TOPIC = "keys"
"""The topic of `/help` that is no command: the keys of the window."""


class Topic(NamedTuple):
    """A few sentences, and lines that a person might type."""

    words: str
    examples: tuple[str, ...] = ()


_TIME = "A time is such as 10m, 2h or 7d"
TOPICS: Mapping[str, Topic] = {
    "name": Topic(
        "Others see the name, and can call you by it. A name that you take with a key belongs to the key. If somebody"
        " else has it, you stay a guest, and the client asks for it again until it is free.",
        ("/name ada",),
    ),
    "list": Topic(
        "With the number of people in each room. Tab after /join or /open completes their names.", ("/list",)
    ),
    "join": Topic(
        "The room is made if nobody is in it. In a conversation it opens the room, and you leave no other one.",
        ("/join compilers", "/join #compilers"),
    ),
    "open": Topic(
        "You can be in up to 20 rooms, each with a buffer of its own. For a room that you are in already, it shows the"
        " buffer.",
        ("/open ops",),
    ),
    "users": Topic(
        "A name with @ in front belongs to an operator. Behind a verified name stands its key.", ("/users",)
    ),
    "leave": Topic("In a conversation it closes the conversation; the other person is not told.", ("/leave",)),
    "topic": Topic(
        "Everybody in the room sees the topic in the status row. Tab after /topic inserts the present one.",
        ("/topic", "/topic the build is green", "/topic -"),
    ),
    "me": Topic("Use it for what you do, and say everything else as usual.", ("/me waves",)),
    "msg": Topic(
        "It opens a buffer for the conversation; what you type there goes to this person alone. Without a text it only"
        " shows the buffer.",
        ("/msg grace hello", "/msg grace"),
    ),
    "who": Topic("With the number of rooms, who is away, and verified keys.", ("/who",)),
    "whois": Topic(
        "The rooms that you share, since when they are here, whether they are away, their key.", ("/whois grace",)
    ),
    "away": Topic(
        "The rooms that you are in are told, and /whois says it. Messages reach you as before.",
        ("/away lunch, until two", "/away"),
    ),
    "kick": Topic("They can come back; /ban keeps them out.", ("/kick eve", "/kick eve calm down")),
    "roomop": Topic(
        "An operator of a room may kick and mute there, make others operators, and lock the topic. Enter an empty"
        " room without a history, and you are its operator.",
        ("/roomop grace",),
    ),
    "roomdeop": Topic("The person may come back into the room, but no longer as its operator.", ("/roomdeop grace",)),
    "mode": Topic(
        "Alone it shows the modes. The switches are moderated, invite-only, secret, topic-lock and outside, with on or"
        " off. A key or a limit of people takes a value; ban, exception and pass a mask such as eve*; voice and invited"
        " a name. off in front of it takes it back.",
        (
            "/mode",
            "/mode moderated on",
            "/mode voice grace",
            "/mode key sesame",
            "/mode ban eve*",
            "/mode ban off eve*",
        ),
    ),
    "topiclock": Topic(
        "With on, only the operators of the room and of the server set its topic.", ("/topiclock on", "/topiclock off")
    ),
    "ban": Topic(
        f"It takes the name of somebody who is here or was, or an address. Without a time it lasts. {_TIME}.",
        ("/ban eve", "/ban eve 2h calm down", "/ban 192.0.2.7 1d"),
    ),
    "unban": Topic("Tab completes who is banned.", ("/unban eve", "/unban 192.0.2.7")),
    "bans": Topic("With the operator, the end and the reason of each ban.", ("/bans",)),
    "mute": Topic(
        f"They still see everything. Without a time it lasts. {_TIME}. From an operator of a room it is for that room.",
        ("/mute eve 10m",),
    ),
    "unmute": Topic("They can speak again at once.", ("/unmute eve",)),
    "op": Topic(
        "An operator may use /kick, /ban and the other commands of this group. The person needs a key.", ("/op grace",)
    ),
    "deop": Topic("The person keeps name and key.", ("/deop grace",)),
    "redact": Topic(
        "The text disappears from the server's memory and file and from the windows of others. The argument is the"
        " message's stamp. Tab inserts it: newest message first, or the newest of somebody whose name you have begun;"
        " the status row shows whose words they are. `pylingo --json` prints it as `at`.",
        ("/redact 1700000000000000 a password",),
    ),
    "announce": Topic("Everybody sees it, in whatever room they are.", ("/announce the server restarts at noon",)),
    "irc-password": Topic(
        "With your name and this password, an IRC client logs in as you, by SASL PLAIN. The server shows it once; a new"
        " one replaces it.",
        ("/irc-password", "/irc-password off"),
    ),
    "servers": Topic(
        "Of each server, its people and for how long the oldest message waits for Redis; and the memory and the"
        " replicas of Redis. A server alone has no Redis.",
        ("/servers",),
    ),
    "invite": Topic(
        f"It prints a link that lets somebody in and registers their key. {_TIME}.", ("/invite", "/invite 5 1d")
    ),
    "help": Topic("Alone, it lists the commands.", ("/help", "/help keys", "/help msg")),
    "close": Topic("Messages that the server has not confirmed are sent first, for up to two seconds.", ("/close",)),
    "quit": Topic("Messages that the server has not confirmed are sent first, for up to two seconds.", ("/quit",)),
    "layout": Topic("The choice is kept for the next start. Alone, it says what each layout is.", ("/layout bottom",)),
    "theme": Topic(
        "The theme is saved. The settings file can change the style of each element: docs/client.md has the table.",
        ("/theme light", "/theme"),
    ),
    "switch": Topic(
        "The number or the beginning of the name is enough. M-1 to M-9 do the same.",
        ("/switch 2", "/switch @gra", "/switch"),
    ),
    "colors": Topic("The choice is kept for the next start. Alone, it changes what it is.", ("/colors off",)),
    "time": Topic("The choice is kept for the next start. Alone, it changes what it is.", ("/time off",)),
    "people": Topic(
        "A window of at least 100 columns lists them at its right side, in the layouts top and bottom: operators first,"
        " with @, and the word away behind who is away. F7 and F8 scroll the list. The choice is saved.",
        ("/people off", "/people"),
    ),
    "mouse": Topic(
        "The wheel scrolls. A click on an entry of the status row shows that buffer, and one on a name in the list of"
        " people the conversation with them; the right button does /whois. To select text, hold Shift. The choice is"
        " kept for the next start. Alone, it changes what it is, as M-m does.",
        ("/mouse off", "/mouse"),
    ),
    "ignore": Topic(
        "A second /ignore shows the person again. They stay hidden under another name as long as you see them. They are"
        " not told.",
        ("/ignore eve", "/ignore"),
    ),
    "notify": Topic(
        "The bell rings, and while you look elsewhere, a notification appears on the desktop, if your terminal can do"
        " that. A private message counts as a mention. The choice is kept for this room; all other rooms and"
        " conversations have the one in the settings file.",
        ("/notify all", "/notify none", "/notify"),
    ),
    "search": Topic(
        "A message is found if all the words begin words of its text, in any order. n goes to an older match and N to a"
        " newer one while the line is empty; Esc goes back to where you were, and Enter stays. In the layouts inline"
        " and plain the matches are printed, and the same /search again goes further back.",
        ("/search deploy noon",),
    ),
    "history": Topic(
        "Each further one goes further back, to the beginning of what the server has. In the layouts inline and plain"
        " the older messages are printed below the others.",
        ("/history",),
    ),
    "log": Topic(
        "A file that exists is continued. Nothing in it is encrypted. Lines from before are not written.",
        ("/log ~/chat.log", "/log"),
    ),
    "bare": Topic(
        "The messages stand on the terminal's main screen as plain text, without indents, colours and the list of"
        " people. The terminal itself wraps them, so a selection is joined. Any key brings the window back. M-l does"
        " the same.",
        ("/bare",),
    ),
    "clear": Topic("The messages stay on the server.", ("/clear",)),
}


def explain(name: str, known: Mapping[str, CommandInfo]) -> str:
    """The explanation of a command, in several rows. Raises `RequestError`, and names the nearest of those `known`."""
    key = name.removeprefix("/").lower()
    info = known.get(key)
    if info is None:
        raise RequestError("unknown-command", f"there is no command {quote('/' + key)}{suggestion(key, sorted(known))}")
    usage = f"/{info.name} [{info.argument}]" if info.argument else f"/{info.name}"
    topic = TOPICS.get(key, Topic(""))
    rows = [usage, info.description, topic.words, *(f"    {example}" for example in topic.examples)]
    return "\n".join(printable(row) for row in rows if row)
