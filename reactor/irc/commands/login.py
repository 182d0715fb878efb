"""AUTHENTICATE: logging in with the password for IRC that the person has asked for with the native client."""

from collections.abc import Callable
from functools import partial

from pylingo.reactor.chat.session import State
from pylingo.reactor.chat.waiting import wait_for
from pylingo.reactor.irc.client import Client, Stage
from pylingo.reactor.irc.gateway import Handler
from pylingo.reactor.irc.message import Message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.reactor.irc.sasl import MECHANISM, Credentials, Fault, Login, Wanted
from pylingo.reactor.people.addresses import read_host
from pylingo.reactor.people.passwords import PasswordHash, Verdict
from pylingo.shared.names import MAX_TYPED

_NOBODY = PasswordHash(10, 8, 1, bytes(16), bytes(32))
"""Compared for a name without a password, so that time does not tell which names have one."""
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
    if client.stage is not Stage.REGISTERING:
        client.numeric(Numeric.ERR_SASLFAIL, text="log in before you register")
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
    def right(login: Login) -> None:
        client.login = login
        mask = f"{client.name}!{client.user or '*'}@*"
        client.numeric(Numeric.RPL_LOGGEDIN, mask=mask, account=login.account)
        client.numeric(Numeric.RPL_SASLSUCCESS)

    check_password(client, credentials, right, lambda text: client.numeric(Numeric.ERR_SASLFAIL, text=text))


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
