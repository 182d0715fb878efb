"""The entrance: what somebody must show before requests are handled, and the `hello` with which it is shown.

A `hello` is checked in a fixed order: protocol, ban of the address, password, proof of the key, ban of the key, members
and invitation, token, name. Three of these may wait, the password for a thread, the invitation and the name for the
disk; the requests behind the `hello` wait with it. Bans and members may change meanwhile, and are asked for again after
the last wait. Every check that cannot be made counts as failed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from pylingo.reactor.chat.moderation import ban_text
from pylingo.reactor.chat.presence import NAME_NOT_STORED
from pylingo.reactor.chat.resuming import resume
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.chat.waiting import wait_for
from pylingo.reactor.people.addresses import read_host
from pylingo.reactor.people.keys import PublicKey, proof_message, read_proof
from pylingo.reactor.people.passwords import Verdict
from pylingo.reactor.people.roster import Change
from pylingo.shared import PROTOCOL_VERSION
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Hello, PingRequest, PongRequest
from pylingo.shared.names import fold, user_name
from pylingo.shared.schema import Record
from pylingo.shared.text import quote

_ALWAYS = frozenset({Hello, PingRequest, PongRequest})
_PROOF = 150.0  # the work of checking a signature, in units of about a microsecond
_MEMBERS_ONLY = "only members may come in: connect with a key that is listed, or with an invitation"

_NOT_RIGHT = {
    Verdict.WRONG: ("password", "the password of this server is needed, and this is not it: ask for it"),
    Verdict.REFUSED: ("password", "there were too many wrong passwords from your address: try again in a minute"),
    Verdict.BUSY: ("full", "too many people are coming at once: try again soon"),
}


class Farewell(Exception):  # noqa: N818 - it ends a conversation, and is no error of ours
    """Somebody is not let in: say goodbye for `reason`."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


def is_let_in(session: Session, request: Record) -> bool:
    """Whether to handle the request of somebody who has shown nothing yet. A guest is let in by it.

    Raises `RequestError` `no-password` or `no-identity` if the server wants a `hello` first. Ends the session if its
    address is banned.
    """
    if type(request) in _ALWAYS:
        return True
    access = session.hub.access
    if ban := access.register.moderation.address_ban(session.host, None):
        session.end("banned", ban_text(ban))
        return False
    if access.password is not None:
        raise RequestError("no-password", "this server asks for a password: say hello with it first")
    if not access.register.is_open:
        raise RequestError("no-identity", f"say hello with an identity first: {_MEMBERS_ONLY}")
    session.is_admitted = True
    return True


def say_hello(session: Session, hello: Hello, known: str | None = None) -> None:
    """Let somebody in, or end the session. Raises `RequestError` if the `hello` cannot be said now.

    `known` is the fingerprint of a key whose owner the peer is shown to be by other means than a proof.
    """
    if session.is_ready:
        raise RequestError("already-ready", "a connection says hello once, and this one has")
    if hello.identity is not None and session.is_admitted:
        raise RequestError("bad-message", "a hello with an identity must come before every other request")
    greeting = _Greeting(session, hello, known)
    greeting.go_on(greeting.check)


@dataclass(slots=True)
class _Greeting:
    """One `hello` on its way through the checks. `refusals` are told after the `ready`, `token` is an unknown one."""

    session: Session
    hello: Hello
    known: str | None = None
    key: PublicKey | None = None
    token: str | None = None
    refusals: list[RequestError] = field(default_factory=list)

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the key that was proven."""
        return self.key.fingerprint if self.key is not None else self.known

    def go_on(self, step: Callable[[], object]) -> None:
        """Take a step, which may end the session."""
        try:
            step()
        except Farewell as farewell:
            self.session.end(farewell.reason, farewell.text, self.hello.id)

    def wait[T](self, ask: Callable[[Callable[[T], None]], object], step: Callable[[T], object]) -> None:
        """Have `ask` answer, and take `step` with the answer, unless the session is over by then."""

        def answered(value: T) -> None:
            if self.session.state is State.ATTACHED:
                self.go_on(lambda: step(value))

        wait_for(self.session, ask, answered)

    # --- the steps

    def check(self) -> None:
        """The protocol, the ban of the address, and the password."""
        if self.hello.protocol != PROTOCOL_VERSION:
            raise Farewell("protocol", f"this server speaks version {PROTOCOL_VERSION} of the protocol only")
        access, host = self.session.hub.access, self.session.host
        if ban := access.register.moderation.address_ban(host, self.known or _claimed(self.hello)):
            raise Farewell("banned", ban_text(ban))
        if access.password is None:
            self.check_key()
        elif self.hello.password is None:
            self.check_verdict(Verdict.WRONG)
        else:
            self.wait(partial(access.password.check, self.hello.password, host), self.check_verdict)

    def check_verdict(self, verdict: Verdict) -> None:
        """Whether the password is the right one."""
        if verdict is not Verdict.RIGHT:
            raise Farewell(*_NOT_RIGHT[verdict])
        self.check_key()

    def check_key(self) -> None:
        """The proof of the key, and its ban."""
        session, hello = self.session, self.hello
        if hello.identity is not None or hello.proof is not None:
            session.hub.tick.work += _PROOF
            try:
                self.key = _proven(session, hello)
            except ValueError as error:
                raise Farewell("identity", str(error)) from None
        fingerprint = self.fingerprint
        if fingerprint is not None and (ban := session.hub.access.register.moderation.key_ban(fingerprint)):
            raise Farewell("banned", ban_text(ban))
        self.check_invitation()

    def check_invitation(self) -> None:
        """The invitation, if there is one."""
        access, code = self.session.hub.access, self.hello.invite
        change = None
        if code is not None:
            try:
                if self.key is None:
                    raise RequestError("bad-invite", "an invitation is for a key: say hello with an identity")
                change = access.register.redeem(code, self.key)
            except RequestError as error:
                self.refusals.append(error.with_traceback(None))  # which refers to this frame, and that to the error
        if change is None:
            self.check_member()
        else:
            self.wait(partial(_store, self.session, change), self.check_stored)

    def check_stored(self, is_stored: bool) -> None:
        """Whether the disk has the key that was invited."""
        if not is_stored:
            words = "the server cannot store that you were invited: try again later, with the same invitation"
            self.refusals.append(RequestError("bad-invite", words))
        self.check_member()

    def check_member(self) -> None:
        """Whether people like this one may come in."""
        self._check_still()
        self.let_in()

    def let_in(self) -> None:
        """Everything is right: resume a seat, or take the name."""
        session, hello = self.session, self.hello
        name = self._name()
        self.token = hello.resume
        if self.token is None:
            self.take_name(name)
        else:
            key = fold(name) if name is not None else None
            find = partial(session.hub.bus.find_seat, session, self.token, key, self.fingerprint)
            self.wait(find, lambda seat: self.take_seat(seat, name))

    def take_seat(self, seat: Session | None, name: str | None) -> None:
        """Resume the seat that was found, if it is this peer's."""
        if seat is not None:
            if seat.identity == self.fingerprint:
                resume(self.session, seat, self.hello.id)
                return
            self.token = None  # which nobody else may have
        self.take_name(name)

    def take_name(self, name: str | None) -> None:
        """There is no seat to resume: take the name, if there is one."""
        session = self.session
        if self.fingerprint is not None:
            session.identify(self.fingerprint)
        change = self._claim(name) if name is not None and self.fingerprint is not None else None
        if change is not None:  # or somebody else might have the name after a crash
            self.wait(partial(_store, session, change), lambda is_stored: self.check_name_stored(name, is_stored))
        else:
            self.greet(name)

    def check_name_stored(self, name: str | None, is_stored: bool) -> None:
        """Whether the disk has the name. If not, the guest name stays."""
        if not is_stored:
            self.refusals.append(RequestError("not-allowed", NAME_NOT_STORED))
        self.greet(name if is_stored else None)

    def greet(self, name: str | None) -> None:
        """Reply with the `ready`, and with everything that was refused."""
        session = self.session
        self._check_still()
        session.is_admitted = True
        session.become_ready(self.token)
        if name is None:
            self.reply(None)
        else:
            self.wait(partial(session.hub.bus.rename, session, name), self.reply)

    def reply(self, refusal: RequestError | None) -> None:
        """The session has the name, unless that was refused."""
        session, hello = self.session, self.hello
        if refusal is not None:
            self.refusals.append(refusal)
        session.reply_ready(False, hello.id)
        for refusal in self.refusals:
            refusal.re = hello.id
            session.refuse(refusal)

    def _check_still(self) -> None:
        """Whether no ban forbids to come in, which may be newer than the checks before, and whether the members let."""
        register, fingerprint = self.session.hub.access.register, self.fingerprint
        ban = register.moderation.address_ban(self.session.host, fingerprint)
        if ban is None and fingerprint is not None:
            ban = register.moderation.key_ban(fingerprint)
        if ban is not None:
            raise Farewell("banned", ban_text(ban))
        if not register.may_enter(fingerprint):
            raise Farewell("members-only", self.refusals[0].text if self.refusals else _MEMBERS_ONLY)

    def _claim(self, name: str) -> Change | None:
        """The change that must be stored before the name belongs to the key."""
        try:
            return self.session.hub.claim(self.session, name)
        except RequestError:  # which comes again
            return None

    def _name(self) -> str | None:
        """The wished name, None if there is none or it is not allowed."""
        if self.hello.name is None:
            return None
        try:
            return user_name(self.hello.name)
        except RequestError as error:
            self.refusals.append(error.with_traceback(None))
            return None


def _claimed(hello: Hello) -> str | None:
    """The fingerprint of the key in a `hello`, which is not proven yet. None if there is none."""
    try:
        return PublicKey.parse(hello.identity).fingerprint if hello.identity is not None else None
    except ValueError:
        return None


def _proven(session: Session, hello: Hello) -> PublicKey:
    """The key in a `hello`, if the peer has its private key. Raises `ValueError` with a sentence."""
    if hello.identity is None or hello.proof is None:
        raise ValueError("an identity needs a proof, and a proof needs an identity: send both or none")
    key = PublicKey.parse(hello.identity)
    signature = read_proof(hello.proof)
    peer = session.peer
    assert peer is not None
    if peer.certificate is None and not read_host(session.host).is_loopback:
        raise ValueError("an identity needs an encrypted connection: connect with TLS")
    if not key.verify(signature, proof_message(session.challenge(), peer.certificate)):
        fingerprint = quote(key.fingerprint)
        raise ValueError(
            f"the proof is not one of {fingerprint} for this connection: sign this challenge and certificate"
        )
    return key


def _store(session: Session, change: Change | None, answer: Callable[[bool], object]) -> None:
    session.hub.access.store(change, answer)
