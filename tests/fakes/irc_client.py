"""IRC clients without sockets: what they send is handled at once, and what they get is read at the end of a tick."""

from collections.abc import Callable
from typing import Any

from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.irc.client import Client
from pylingo.reactor.irc_start import make_gateway
from pylingo.reactor.people.passwords import PasswordHash, Verdict
from pylingo.shared.errors import RequestError
from tests.fakes.chat import Alarm, Chat, Outlet

NAME = "irc.test"
"""The name of the server."""


class Passwords:
    """Compares passwords, or gives `verdict` instead. Unless `answers_at_once`, the test says `answer`."""

    def __init__(self) -> None:
        self.answers_at_once = True
        self.verdict: Verdict | None = None
        self.waiting: list[Callable[[], object]] = []

    def check(self, password: str, host: str, done: Callable[[Verdict], object], hash: PasswordHash) -> None:
        is_right = hash.verify(password)
        verdict = self.verdict or (Verdict.RIGHT if is_right else Verdict.WRONG)
        self.waiting.append(lambda: done(verdict))
        if self.answers_at_once:
            self.answer()

    def answer(self) -> None:
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()


class Desk:
    """A chat with a gateway."""

    def __init__(self, chat: Chat | None = None, motd: str = "") -> None:
        self.chat = chat or Chat()
        self.alarms: list[Alarm] = []
        self.passwords = Passwords()
        self.gateway = make_gateway(self.chat.hub, NAME, lambda: motd, self._call_later, self.passwords.check)

    def _call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Alarm:
        self.alarms.append(Alarm(delay, lambda: callback(*args)))
        return self.alarms[-1]

    def stranger(self) -> "Somebody":
        """Somebody who has connected and sent nothing."""
        return Somebody(self)

    def client(self, nick: str, *channels: str, caps: str = "") -> "Somebody":
        """Somebody who is registered and in some rooms, and has read what that brought."""
        somebody = Somebody(self)
        if caps:
            somebody.sends(f"CAP REQ :{caps}")
        somebody.sends(f"NICK {nick}", f"USER {nick}-user 0 * :{nick.title()} Real")
        if caps:
            somebody.sends("CAP END")
        if channels:
            somebody.sends(f"JOIN {','.join(channels)}")
        somebody.got()
        return somebody


class Somebody:
    """An IRC client and the connection that it has."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.host = "127.0.0.1"
        self.certificate: bytes | None = None
        self.out = Outlet()
        self.endings: list[str] = []
        self.client = Client(desk.gateway)
        self._lines = self.client.decoder()
        self._read = 0
        self.session = Session(desk.chat.hub, self, self.out, voice=self.client)
        self.client.begin(self.session)

    # the peer of a session

    def ended(self, reason: str) -> None:
        self.endings.append(reason)

    def attach(self, session: Session) -> None:
        raise AssertionError("an IRC session is never resumed")

    def said_hello(self) -> None: ...

    def go_on(self) -> None:
        self.client.went_on()
        self._handle()

    # what a test does

    def sends(self, *lines: str) -> None:
        """Send lines, each with its end."""
        self.sends_bytes("".join([f"{line}\r\n" for line in lines]).encode())

    def sends_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._lines.feed(data)
        self._handle()

    def _handle(self) -> None:
        for line in self._lines:
            if self.session.is_busy:
                self._lines.put_back(line)
                return
            if self.session.state is not State.ATTACHED:
                return
            try:
                self.client.handle(self.session, line)
            except RequestError as error:
                self.session.refuse(error)

    def got(self) -> list[str]:
        """The lines that came since the last call, up to the end of a tick."""
        self.desk.chat.tick()
        data = b"".join(bytes(data) for data in self.out.buffers[self._read :])
        self._read = len(self.out.buffers)
        assert data.endswith(b"\r\n") or not data
        return data.decode().split("\r\n")[:-1]

    def asks(self, *lines: str) -> list[str]:
        """Send lines, and return what comes, without what came before."""
        self.got()
        self.sends(*lines)
        return self.got()


def numbers(lines: list[str]) -> list[str]:
    """The commands of lines of the server."""
    words = [line.split(" ") for line in lines]
    return [next(word for word in line if not word.startswith(("@", ":"))) for line in words]
