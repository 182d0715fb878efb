"""The welcome of a client that has registered: numerics 001 to 005, the numbers of users, and the notice of the day."""

from pylingo.reactor.chat.room_modes import KINDS, Kind
from pylingo.reactor.irc.client import Client, Stage
from pylingo.reactor.irc.formatting import split_text
from pylingo.reactor.irc.gateway import NETWORK, VERSION
from pylingo.reactor.irc.message import RELAYED
from pylingo.reactor.irc.monitors import MOST as MOST_WATCHED
from pylingo.reactor.irc.numerics import Numeric
from pylingo.reactor.irc.room_filters import ELIST
from pylingo.reactor.irc.room_modes import LETTERS, TOKENS
from pylingo.reactor.irc.selection import MOST
from pylingo.reactor.irc.user_modes import LETTERS as USER_LETTERS
from pylingo.shared.names import MAX_NAME, MAX_ROOM
from pylingo.shared.text import MAX_LINE, counted

CHANNEL_MODES = "".join(sorted([*LETTERS, "o"]))
CHANNEL_MODES_WITH_PARAMETER = "".join(
    sorted(letter for letter in [*LETTERS, "o"] if letter == "o" or KINDS[LETTERS[letter]] is not Kind.SWITCH)
)
ISUPPORT = (
    f"NETWORK={NETWORK}",
    "CASEMAPPING=ascii",
    "UTF8ONLY",
    f"NICKLEN={MAX_NAME}",
    f"CHANNELLEN={MAX_ROOM + 1}",
    f"TOPICLEN={MAX_LINE}",
    f"KICKLEN={MAX_LINE}",
    f"AWAYLEN={MAX_LINE}",
    "CHANTYPES=#",
    *TOKENS,
    "STATUSMSG=@",
    "CHANLIMIT=#:20",
    "TARGMAX=NAMES:4,LIST:1,KICK:4,WHOIS:1,PRIVMSG:4,NOTICE:4",
    f"CLIENTTAGDENY=*,{','.join(sorted(key.replace('+', '-', 1) for key in RELAYED))}",
    f"CHATHISTORY={MOST}",
    "MSGREFTYPES=msgid,timestamp",
    f"MONITOR={MOST_WATCHED}",
    "SAFELIST",
    f"ELIST={ELIST}",
    "WHOX",
    "BOT=B",
)
_EACH = 12  # tokens on a line
_MOTD_LINE, _MOTD_LINES = 400, 200  # bytes of a line, and the most lines


def welcome(client: Client) -> None:
    """Complete the registration, and send the welcome."""
    gateway = client.gateway
    client.end_registration()
    client.stage = Stage.REGISTERED
    gateway.people.came(client.name)
    client.numeric(Numeric.RPL_WELCOME, network=NETWORK, nick=client.name)
    client.numeric(Numeric.RPL_YOURHOST, server=gateway.name, version=VERSION)
    client.numeric(Numeric.RPL_CREATED, time=gateway.created)
    client.numeric(
        Numeric.RPL_MYINFO,
        server=gateway.name,
        version=VERSION,
        usermodes=USER_LETTERS,
        chanmodes=CHANNEL_MODES,
        chanmodes_param=CHANNEL_MODES_WITH_PARAMETER,
    )
    for begin in range(0, len(ISUPPORT), _EACH):
        client.numeric(Numeric.RPL_ISUPPORT, tokens=" ".join(ISUPPORT[begin : begin + _EACH]))
    tell_numbers(client)
    tell_motd(client)
    client.numeric(Numeric.RPL_UMODEIS, modes=f"+{client.own_modes()}")


def tell_numbers(client: Client) -> None:
    """Send the numbers of people and rooms."""
    hub, gateway = client.gateway.hub, client.gateway
    unregistered = gateway.count_unregistered()
    users = len(hub) - unregistered
    gateway.most_users = max(gateway.most_users, users)
    client.numeric(Numeric.RPL_LUSERCLIENT, are="is" if users == 1 else "are", users=counted(users, "user"))
    client.numeric(Numeric.RPL_LUSEROP, count=0)
    client.numeric(Numeric.RPL_LUSERUNKNOWN, count=unregistered)
    client.numeric(Numeric.RPL_LUSERCHANNELS, count=len(hub.rooms))
    client.numeric(Numeric.RPL_LUSERME, clients=counted(users, "client"))
    client.numeric(Numeric.RPL_LOCALUSERS, users=users, most=gateway.most_users)
    client.numeric(Numeric.RPL_GLOBALUSERS, users=users, most=gateway.most_users)


def tell_motd(client: Client) -> None:
    """Send the notice of the day, or that there is none."""
    motd = client.gateway.motd()
    if not motd:
        client.numeric(Numeric.ERR_NOMOTD)
        return
    client.numeric(Numeric.RPL_MOTDSTART, server=client.gateway.name)
    for line in split_text(motd, _MOTD_LINE, _MOTD_LINES):
        client.numeric(Numeric.RPL_MOTD, text=line)
    client.numeric(Numeric.RPL_ENDOFMOTD)
