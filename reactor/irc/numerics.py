"""The IRC numerics: each with its number, its parameters and its text.

https://modern.ircdocs.horse/#numerics describes them. `Numeric.RPL_TOPIC.line(...)` is a line for a client. A parameter
may quote what a client sent, and then is made fit for its place, so no peer can make a malformed line.
"""

import re
from enum import Enum

from pylingo.reactor.irc.formatting import fit_line

MAX_QUOTED = 100
"""The most characters of a parameter before the last one."""

_FIELD = re.compile(r"\{(\w+)\}")
_BREAKS = re.compile("[\r\n\0]+")


class Numeric(Enum):
    """The value is the number, then the parameters behind the client's name; those in braces are filled in."""

    RPL_WELCOME = "001 :Welcome to {network}, {nick}"
    RPL_YOURHOST = "002 :Your host is {server}, running version {version}"
    RPL_CREATED = "003 :This server was started {time}"
    RPL_MYINFO = "004 {server} {version} {usermodes} {chanmodes} {chanmodes_param}"
    RPL_ISUPPORT = "005 {tokens} :are supported by this server"
    RPL_UMODEIS = "221 {modes}"
    RPL_LUSERCLIENT = "251 :There {are} {users} and 0 invisible on 1 server"
    RPL_LUSEROP = "252 {count} :operators online"
    RPL_LUSERUNKNOWN = "253 {count} :unregistered connections"
    RPL_LUSERCHANNELS = "254 {count} :channels formed"
    RPL_LUSERME = "255 :I have {clients} and 0 servers"
    RPL_ADMINME = "256 {server} :Administrative info"
    RPL_ADMINLOC1 = "257 :{text}"
    RPL_ADMINLOC2 = "258 :{text}"
    RPL_ADMINEMAIL = "259 :{text}"
    RPL_LOCALUSERS = "265 {users} {most} :Current local users {users}, max {most}"
    RPL_GLOBALUSERS = "266 {users} {most} :Current global users {users}, max {most}"
    RPL_AWAY = "301 {nick} :{text}"
    RPL_USERHOST = "302 :{text}"
    RPL_ISON = "303 :{nicks}"
    RPL_UNAWAY = "305 :You are no longer marked as being away"
    RPL_NOWAWAY = "306 :You have been marked as being away"
    RPL_WHOISUSER = "311 {nick} {user} {host} * :{realname}"
    RPL_WHOISSERVER = "312 {nick} {server} :{info}"
    RPL_WHOISOPERATOR = "313 {nick} :is an operator"
    RPL_WHOWASUSER = "314 {nick} {user} {host} * :{realname}"
    RPL_ENDOFWHO = "315 {mask} :End of WHO list"
    RPL_WHOISIDLE = "317 {nick} {idle} {signon} :seconds idle, signon time"
    RPL_ENDOFWHOIS = "318 {nick} :End of WHOIS list"
    RPL_WHOISCHANNELS = "319 {nick} :{channels}"
    RPL_LISTSTART = "321 Channel :Users  Name"
    RPL_LIST = "322 {channel} {users} :{topic}"
    RPL_LISTEND = "323 :End of LIST"
    RPL_CHANNELMODEIS = "324 {channel} {tokens}"
    RPL_CREATIONTIME = "329 {channel} {seconds}"
    RPL_WHOISACCOUNT = "330 {nick} {account} :is logged in as"
    RPL_NOTOPIC = "331 {channel} :No topic is set"
    RPL_TOPIC = "332 {channel} :{topic}"
    RPL_TOPICWHOTIME = "333 {channel} {nick} {seconds}"
    RPL_WHOISBOT = "335 {nick} :is a bot"
    RPL_INVITELIST = "336 {channel}"
    RPL_ENDOFINVITELIST = "337 :End of INVITE list"
    RPL_INVITING = "341 {nick} {channel}"
    RPL_INVEXLIST = "346 {channel} {mask} {nick} {seconds}"
    RPL_ENDOFINVEXLIST = "347 {channel} :End of channel invite exception list"
    RPL_EXCEPTLIST = "348 {channel} {mask} {nick} {seconds}"
    RPL_ENDOFEXCEPTLIST = "349 {channel} :End of channel exception list"
    RPL_VERSION = "351 {version} {server} :{text}"
    RPL_WHOREPLY = "352 {channel} {user} {host} {server} {nick} {flags} :0 {realname}"
    RPL_NAMREPLY = "353 {symbol} {channel} :{names}"
    RPL_WHOSPCRPL = "354 {tokens}"
    RPL_ENDOFLINKS = "365 * :End of LINKS list"
    RPL_ENDOFNAMES = "366 {channel} :End of NAMES list"
    RPL_BANLIST = "367 {channel} {mask} {nick} {seconds}"
    RPL_ENDOFBANLIST = "368 {channel} :End of channel ban list"
    RPL_ENDOFWHOWAS = "369 {nick} :End of WHOWAS"
    RPL_INFO = "371 :{text}"
    RPL_MOTD = "372 :- {text}"
    RPL_ENDOFINFO = "374 :End of INFO list"
    RPL_MOTDSTART = "375 :- {server} Message of the day -"
    RPL_ENDOFMOTD = "376 :End of MOTD command"
    RPL_YOUREOPER = "381 :You are now an operator of this server"
    RPL_TIME = "391 {server} :{text}"
    ERR_UNKNOWNERROR = "400 {command} :{text}"
    ERR_NOSUCHNICK = "401 {nick} :No such nick"
    ERR_NOSUCHSERVER = "402 {server} :No such server"
    ERR_NOSUCHCHANNEL = "403 {channel} :No such channel"
    ERR_CANNOTSENDTOCHAN = "404 {channel} :{text}"
    ERR_TOOMANYCHANNELS = "405 {channel} :You have joined too many channels"
    ERR_WASNOSUCHNICK = "406 {nick} :There was no such nickname"
    ERR_TOOMANYTARGETS = "407 {target} :Too many targets"
    ERR_NOORIGIN = "409 :No origin specified"
    ERR_INVALIDCAPCMD = "410 {subcommand} :Invalid CAP command"
    ERR_NORECIPIENT = "411 :No recipient given ({command})"
    ERR_NOTEXTTOSEND = "412 :No text to send"
    ERR_INPUTTOOLONG = "417 :Input line was too long"
    ERR_UNKNOWNCOMMAND = "421 {command} :Unknown command"
    ERR_NOMOTD = "422 :MOTD File is missing"
    ERR_NONICKNAMEGIVEN = "431 :No nickname given"
    ERR_ERRONEUSNICKNAME = "432 {nick} :{text}"
    ERR_NICKNAMEINUSE = "433 {nick} :{text}"
    ERR_USERNOTINCHANNEL = "441 {nick} {channel} :They aren't on that channel"
    ERR_NOTONCHANNEL = "442 {channel} :You're not on that channel"
    ERR_USERONCHANNEL = "443 {nick} {channel} :is already on channel"
    ERR_NOTREGISTERED = "451 :You have not registered"
    ERR_NEEDMOREPARAMS = "461 {command} :Not enough parameters"
    ERR_ALREADYREGISTERED = "462 :You may not reregister"
    ERR_PASSWDMISMATCH = "464 :{text}"
    ERR_YOUREBANNEDCREEP = "465 :{text}"
    ERR_CHANNELISFULL = "471 {channel} :{text}"
    ERR_UNKNOWNMODE = "472 {mode} :is unknown mode char to me"
    ERR_INVITEONLYCHAN = "473 {channel} :{text}"
    ERR_BANNEDFROMCHAN = "474 {channel} :{text}"
    ERR_BADCHANNELKEY = "475 {channel} :{text}"
    ERR_BADCHANMASK = "476 {channel} :{text}"
    ERR_NOPRIVILEGES = "481 :{text}"
    ERR_CHANOPRIVSNEEDED = "482 {channel} :{text}"
    ERR_NOOPERHOST = "491 :{text}"
    ERR_UMODEUNKNOWNFLAG = "501 :Unknown MODE flag"
    ERR_USERSDONTMATCH = "502 :Cannot change mode for other users"
    ERR_HELPNOTFOUND = "524 {subject} :There is no help on that"
    ERR_INVALIDMODEPARAM = "696 {channel} {mode} {value} :{text}"
    RPL_HELPSTART = "704 {subject} :{text}"
    RPL_HELPTXT = "705 {subject} :{text}"
    RPL_ENDOFHELP = "706 {subject} :End of HELP"
    RPL_MONONLINE = "730 :{targets}"
    RPL_MONOFFLINE = "731 :{targets}"
    RPL_MONLIST = "732 :{targets}"
    RPL_ENDOFMONLIST = "733 :End of MONITOR list"
    ERR_MONLISTFULL = "734 {limit} {targets} :Monitor list is full"
    RPL_LOGGEDIN = "900 {mask} {account} :You are now logged in as {account}"
    RPL_SASLSUCCESS = "903 :SASL authentication successful"
    ERR_SASLFAIL = "904 :{text}"
    ERR_SASLTOOLONG = "905 :SASL message too long"
    ERR_SASLABORTED = "906 :SASL authentication aborted"
    ERR_SASLALREADY = "907 :You have already authenticated using SASL"
    RPL_SASLMECHS = "908 {mechanisms} :are available SASL mechanisms"

    number: str
    middle: tuple[str, ...]
    trailing: str | None

    def __init__(self, template: str) -> None:
        front, colon, text = template.partition(" :")
        self.number, *middle = front.split(" ")
        self.middle = tuple(middle)
        self.trailing = text if colon else None

    def params(self, /, **values: object) -> list[str]:
        """Return the parameters behind the client's name. Raises `KeyError` if a value is missing.

        `tokens` may be many words, which become a parameter each.
        """
        found: list[str] = []
        for word in self.middle:
            if word == "{tokens}":
                found += str(values["tokens"]).split(" ")
            else:
                found.append(as_middle(_fill(word, values)))
        if self.trailing is not None:
            found.append(_BREAKS.sub(" ", _fill(self.trailing, values)))
        return found

    def line(self, server: str, client: str, /, **values: object) -> bytes:
        """Return the line from `server` for the client of that name, * before it has one. It is shortened to fit."""
        words = [f":{server}", self.number, as_middle(client), *self.params(**values)]
        if self.trailing is not None:
            words[-1] = f":{words[-1]}"
        return fit_line(" ".join(words))


def _fill(template: str, values: dict[str, object]) -> str:
    return _FIELD.sub(lambda match: str(values[match[1]]), template)


def as_middle(word: str) -> str:
    """Return a word that may stand anywhere among the parameters: up to its first space, shortened; * if none is left.

    Servers are free in how they quote a wrong parameter.
    """
    word = _BREAKS.sub(" ", word).strip(" ").partition(" ")[0].lstrip(":")[:MAX_QUOTED]
    return word or "*"
