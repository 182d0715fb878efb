"""AUTHENTICATE: logging in with the password for IRC that the person has asked for with the native client."""

from collections.abc import Callable
from functools import partial

from pylingo.reactor.chat.moderation import ban_text
from pylingo.reactor.chat.session import State
from pylingo.reactor.chat.waiting import wait_for
from pylingo.reactor.irc.client import Client, Stage
from pylingo.reactor.irc.commands.monitor import tell_watchers
from pylingo.reactor.irc.commands.rooms import tell_clients
from pylingo.reactor.irc.gateway import Handler
from pylingo.reactor.irc.message import Message, format_message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.reactor.irc.sasl import MECHANISM, Credentials, Fault, Login, Wanted
from pylingo.reactor.people.addresses import read_host
from pylingo.reactor.people.passwords import PasswordHash, Verdict
from pylingo.shared.errors import RequestError
from pylingo.shared.names import MAX_TYPED

_NOBODY = PasswordHash(10, 8, 1, bytes(16), bytes(32))
"""Compared for a name without a password, so that time does not tell which names have one."""
_NOT_STORED = "the server cannot store that now: try again later"
_WORDS = {
    Verdict.WRONG: "the name or the password is wrong: /irc-password of the native client makes a password",
    Verdict.REFUSED: "there were too many wrong passwords from your address: try again in a minute",
    Verdict.BUSY: "too many people are logging in at once: try again soon",
}


def _authenticate(client: Client, message: Message) -> None:
    if not client.has("sasl"):
        client.numeric(Numeric.ERR_SASLFAIL, text="request the capability sasl first")
        return
    if client.login is not None:
        client.numeric(Numeric.ERR_SASLALREADY)
        return
    outcome = client.exchange.take(message.params[0])
    match outcome:
        case None:
            if client.exchange.wanted is Wanted.MESSAGE and message.params[0].upper() == MECHANISM:
                client.line("AUTHENTICATE", "+")
        case Credentials():
            client.then(partial(_check, client, outcome))
        case Fault.ABORTED:
            client.numeric(Numeric.ERR_SASLABORTED)
        case Fault.TOO_LONG:
            client.numeric(Numeric.ERR_SASLTOOLONG)
        case Fault.NO_SUCH_MECHANISM:
            client.numeric(Numeric.RPL_SASLMECHS, mechanisms=MECHANISM)
            client.numeric(Numeric.ERR_SASLFAIL, text=outcome.value)
        case Fault.MALFORMED:
            client.numeric(Numeric.ERR_SASLFAIL, text=outcome.value)


def _check(client: Client, credentials: Credentials) -> None:
    def wrong(text: str) -> None:
        client.numeric(Numeric.ERR_SASLFAIL, text=text)

    def right(login: Login) -> None:
        if client.stage is Stage.REGISTERING:
            client.login = login
            done(f"{client.name}!{client.user or '*'}@*", login)
        else:
            _log_in_late(client, login, lambda: done(client.mask(), login), wrong)

    def done(mask: str, login: Login) -> None:
        client.numeric(Numeric.RPL_LOGGEDIN, mask=mask, account=login.account)
        client.numeric(Numeric.RPL_SASLSUCCESS)

    check_password(client, credentials, right, wrong)


def _log_in_late(client: Client, login: Login, done: Callable[[], object], refuse: Callable[[str], object]) -> None:
    session = client.session
    if ban := session.hub.access.register.moderation.key_ban(login.fingerprint):
        refuse(ban_text(ban))
    elif session.identity is not None:  # by OPER
        client.numeric(Numeric.ERR_SASLALREADY)
    elif not session.hub.bus.is_alone:
        refuse("the chat has several servers: log in before you register")
    else:
        log_in(client, login, done, refuse)


def log_in(client: Client, login: Login, done: Callable[[], object], refuse: Callable[[str], object]) -> None:
    """Have a client that came as a guest go on as the person who has logged in, to whom the nick belongs from now on.

    Call `refuse` with a sentence if the nick cannot belong to that person. Only a server alone can do this.
    """
    session, hub = client.session, client.session.hub
    person = session.person

    def undo(text: str) -> None:
        session.identity = person.fingerprint = None
        hub.people.changed()
        refuse(text)

    def stored(is_stored: bool) -> None:
        if not is_stored:
            undo(_NOT_STORED)
            return
        client.login = login
        if hub.access.register.is_operator(login.fingerprint):
            hub.ranks_changed()
        line = format_message("ACCOUNT", [login.account], client.mask())
        if client.has("account-notify"):
            client.send(line)
        tell_clients(session.rooms, client, "account-notify", line)
        tell_watchers(client.gateway, person, "account-notify", line)
        done()

    session.identify(login.fingerprint)
    try:
        change = hub.claim(session, person.name)
    except RequestError as error:
        undo(error.text)
    else:
        wait_for(session, partial(hub.access.store, change), stored)


def check_password(
    client: Client, credentials: Credentials, right: Callable[[Login], object], wrong: Callable[[str], object]
) -> None:
    """Compare a password for IRC in a thread. Call `right` with whose it is, or `wrong` with a sentence."""
    session = client.session
    peer = session.peer
    if peer is None:
        return
    if peer.certificate is None and not read_host(session.host).is_loopback:
        wrong("a password needs an encrypted connection: connect with TLS")
        return
    register = session.hub.access.register
    found = register.app_password_of(credentials.name) if len(credentials.name) <= MAX_TYPED else None
    hash = PasswordHash.parse(found.hash) if found is not None else _NOBODY

    def ask(answer: Callable[[Verdict], object]) -> None:
        client.gateway.check_password(credentials.password, session.host, answer, hash)

    def checked(verdict: Verdict) -> None:
        if session.state is not State.ATTACHED:
            return
        if verdict is not Verdict.RIGHT or found is None or register.app_password_of(credentials.name) != found:
            wrong(_WORDS.get(verdict, _WORDS[Verdict.WRONG]))
            return
        owner = register.owner_of(credentials.name)
        assert owner is not None
        right(Login(owner.name, found.key))

    wait_for(session, ask, checked)


HANDLERS = {"AUTHENTICATE": Handler(_authenticate, 1, is_early=True)}
