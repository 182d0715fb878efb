"""People as IRC shows them: nick!user@host, real name, account and rank.

A native person has neither a user name nor a real name, so both are made up. Addresses are never shown: everybody has
the same host, and a client can compute how long its lines become. Those who have gone are remembered for a while, for
WHOWAS, and because a room may be told of somebody who has gone in the same tick.
"""

import collections
import re

from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.masks import HOST, NATIVE
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_powers import is_operator_of
from pylingo.reactor.chat.session import Session
from pylingo.reactor.irc.user_modes import UserMode
from pylingo.shared.messages import PersonInfo
from pylingo.shared.names import fold
from pylingo.shared.value_class import value_class

_REMEMBERED = 1_000  # names
_OF_ONE_NAME = 4
_MASKS = 1_000  # of people who are spoken of; each takes about 200 bytes
MAX_USER = 16
"""The longest user name, in characters."""
_NO_USER = re.compile(r"[^A-Za-z0-9._-]+")


@value_class
class Who:
    """Somebody as IRC shows them. `account` is None for those without a key. `away` says why they are away."""

    nick: str
    user: str
    realname: str
    account: str | None = None
    is_operator: bool = False
    away: str | None = None
    is_here: bool = True
    is_bot: bool = False

    @property
    def mask(self) -> str:
        """nick!user@host"""
        return f"{self.nick}!{self.user}@{HOST}"


def user_of(word: str) -> str:
    """The user name in what a client sent."""
    return _NO_USER.sub("", word)[:MAX_USER] or "user"


def has_mode(person: Person[Session], mode: UserMode) -> bool:
    """Whether any client of somebody has set a mode."""
    return any(
        mode in getattr(voice, "user_modes", ())
        for session in person.sessions
        if (voice := session.outbox.voice) is not None
    )


def account_of(person: Person[Session]) -> str | None:
    """The account of somebody: the name under which a client has logged in, or else the own one; guests have none."""
    if person.fingerprint is None:
        return None
    logins = (getattr(session.outbox.voice, "login", None) for session in person.sessions)
    return next((login.account for login in logins if login is not None), person.name)


class People:
    """Looks people up by name."""

    def __init__(self, hub: Hub[Session]) -> None:
        self._hub = hub
        self.has_bots = False
        """Whether any client has ever said that it is a program."""
        self._masks: dict[str, str] = {}  # by name, as it was asked for
        self._last: collections.OrderedDict[str, tuple[Who, ...]] = collections.OrderedDict()  # the latest first

    def who(self, name: str) -> Who:
        """The person called `name`, here, elsewhere or gone."""
        key = fold(name)
        person = self._hub.here(key) or self._hub.bus.stranger(key)
        if person is None:
            last = self._last.get(key)
            return last[0] if last is not None else Who(name, NATIVE, name, is_here=False)
        return self._shown(person, name)

    def listed(self, info: PersonInfo) -> Who:
        """Somebody in the list of all people. Of those on other servers, the list alone says whether they are away."""
        who = self.who(info.name)
        if who.is_here:
            return who
        account = info.name if info.fingerprint is not None else None
        return Who(info.name, who.user, who.realname, account, bool(info.operator), info.away)

    def mask(self, name: str) -> str:
        """nick!user@host of the person called `name`."""
        return self._masks.get(name) or self._find_mask(name)

    def _find_mask(self, name: str) -> str:
        person = self._hub.here(fold(name))
        if person is None:
            return self.who(name).mask
        if len(self._masks) >= _MASKS:
            self._masks.clear()
        mask = self._masks[name] = f"{name}!{self._introduction(person)[0]}@{HOST}"
        return mask

    def forget_masks(self) -> None:
        """Somebody has come, gone or taken another name: look everybody up anew."""
        self._masks.clear()

    def account(self, name: str) -> str | None:
        """The account of the person called `name`, if it belongs to a key (see `account_of`)."""
        person = self._hub.here(fold(name))
        if person is None:  # of those on other servers, the owner of the name is known
            owner = self._hub.access.register.owner_of(name)
            return owner.name if owner is not None else None
        return account_of(person)

    def is_bot(self, name: str) -> bool:
        """Whether the person called `name` is a program, and says it."""
        person = self._hub.here(fold(name))
        return person is not None and has_mode(person, UserMode.BOT)

    def prefix(self, room: Room[Session], name: str) -> str:
        """The signs in front of a name in the lists of a room, the highest rank first."""
        key = fold(name)
        person = self._hub.here(key)
        if person is None:
            member = next(iter(room.members.values()), None)
            is_operator = member is not None and self._hub.bus.is_operator(member, room, key)
            return ("@" if is_operator else "") + self.voice(room, name)
        is_operator = is_operator_of(self._hub, room, person) or self.who(name).is_operator
        return ("@" if is_operator else "") + self.voice(room, name)

    def voice(self, room: Room[Session], name: str) -> str:
        """The sign of a voice in a room, for those who have one."""
        member = next(iter(room.members.values()), None)
        return "+" if member is not None and self._hub.bus.has_voice(member, room, fold(name)) else ""

    def came(self, name: str) -> None:
        """Remember somebody for the time after they have gone."""
        self.forget_masks()
        key = fold(name)
        person = self._hub.here(key)
        if person is None:
            return
        shown = self._shown(person, name)
        gone = Who(shown.nick, shown.user, shown.realname, shown.account, is_here=False)
        self._last[key] = (gone, *self._last.get(key, ())[: _OF_ONE_NAME - 1])
        self._last.move_to_end(key)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)

    def last(self, name: str) -> tuple[Who, ...]:
        """Those who were here under a name, for WHOWAS, the latest first."""
        return self._last.get(fold(name), ())

    def _shown(self, person: Person[Session], name: str) -> Who:
        user, realname = self._introduction(person)
        _, is_operator = self._hub.marks(person)
        account = account_of(person)
        is_bot = has_mode(person, UserMode.BOT)
        return Who(person.name, user, realname or person.name, account, bool(is_operator), person.away, is_bot=is_bot)

    def _introduction(self, person: Person[Session]) -> tuple[str, str]:
        """The user name and the real name."""
        for session in person.sessions:
            voice = session.outbox.voice
            if voice is not None and (user := getattr(voice, "user", None)) is not None:  # isinstance() is slow here
                return user, getattr(voice, "realname", "")
        return NATIVE, ""
