"""Keys, members, invitations, the password and operators of a server as a child process, over its restarts."""

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pylingo.shared.link import parse_link
from pylingo.shared.messages import (
    Command,
    Error,
    Goodbye,
    Hello,
    HistoryPage,
    HistoryRequest,
    Invitation,
    Left,
    Moderated,
    PingRequest,
    Private,
    Ready,
    Redacted,
    Say,
    Sent,
    Welcome,
)
from pylingo.shared.schema import Record
from tests.fakes.identity import key
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, plain_only

ADA, BOB = key("a").fingerprint, key("b").fingerprint
Start = Callable[..., ServerProcess]


class Member(Peer):
    """A peer with a key."""

    def __init__(self, server: ServerProcess, word: str | None, name: str | None = None, **fields: Any) -> None:
        super().__init__(server.port, server.host, greet=False)
        try:
            challenge = self.expect(Welcome).challenge
            assert challenge is not None
            hello = Hello(1, name, **fields)
            self.send(hello if word is None else key(word).hello(challenge, name, self.certificate, **fields))
            self.answer = self.recv()
        except BaseException:
            self.close()
            raise
        self.name = self.answer.name if isinstance(self.answer, Ready) else ""

    def ask[T: Record](self, request: Record, kind: type[T]) -> T:
        """The answer to a request, which must be of that kind."""
        self.send(request)
        return self.until(kind)


def operators_code(data: Path) -> str:
    """The code of an invitation of an operator."""
    code = parse_link(command("invite", "--operator", "--data", str(data))).invite
    assert code is not None
    return code


def command(*arguments: str) -> str:
    """The output of `pylingo-server` with these arguments."""
    program = [sys.executable, str(ROOT / "reactor" / "run.py"), *arguments]
    return subprocess.run(program, check=True, capture_output=True, text=True, timeout=DEADLINE).stdout.strip()


def files_with(folder: Path, text: str) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def start(data: Path, is_encrypted: bool) -> Start:
    """Starts a server with that folder, whose own certificate it has if it is encrypted."""
    wire = () if is_encrypted else ("--no-tls",)
    return lambda *options: ServerProcess("--data", str(data), "--rate", "0", *wire, *options)


def test_a_name_is_its_owners_over_restarts_and_by_whoever_comes_first(start):
    with start() as server:
        with Member(server, "a", "ape") as ada, Member(server, "b", "bob") as bob:
            assert (ada.answer.identity, ada.answer.operator) == (ADA, False)
            assert ada.ask(Say("hi", id=1, to="bob"), Sent).to == "bob"
            assert bob.until(Private).fingerprint == ADA
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    with start() as server:
        for wish in ("ape", "APE", "\u0430\u0440\u0435"):
            for word in ("e", None):
                with Member(server, word, wish) as other:
                    assert other.answer.name.startswith("guest-")
                    assert other.expect(Error).code == "name-owned"
        with Member(server, None) as guest:
            assert guest.ask(Say("psst", id=1, to="ape"), Sent).to == "ape"
        with Member(server, "a", "ape") as ada:
            assert ada.answer.name == "ape"
            page = ada.ask(HistoryRequest(inbox=True), HistoryPage)
            assert [entry.text for entry in page.messages] == ["hi", "psst"]
            page = ada.ask(HistoryRequest(with_="bob"), HistoryPage)
            assert [(entry.text, entry.fingerprint) for entry in page.messages] == [("hi", ADA)]


def test_a_proof_is_bound_to_the_certificate_that_the_client_saw(data):
    """Somebody in between, with a certificate of their own or without one, relays a proof that is none here."""
    with ServerProcess("--data", str(data)) as server:
        shown = (data / "cert.pem").read_text()
        own = ssl.PEM_cert_to_DER_cert(shown)
        for seen, answer in ((own, Ready), (own[:-1] + b"x", Goodbye), (None, Goodbye)):
            with Peer(server.port, server.host, greet=False) as peer:
                challenge = peer.expect(Welcome).challenge
                assert challenge is not None
                peer.send(key("a").hello(challenge, "ada", seen))
                got = peer.expect(answer)
                assert getattr(got, "reason", "identity") == "identity"
                assert getattr(got, "identity", ADA) == ADA


def test_a_closed_server_from_the_first_link_to_a_second_member(start, data):
    with start("--members") as server:
        with Member(server, "e", "eve") as eve:
            assert eve.answer.reason == "members-only"
        with Peer(server.port) as guest:
            guest.send(Command("join", "tea"), PingRequest())
            assert guest.expect(Error).code == "no-identity"
        code = operators_code(data)
        with Member(server, "a", "ada", invite=code) as ada:
            assert (ada.answer.name, ada.answer.operator) == ("ada", True)
            invitation = ada.ask(Command("invite", "1 1d"), Invitation)
            with Member(server, "b", "bob", invite=invitation.code) as bob:
                assert bob.answer.name == "bob"
            with Member(server, "e", "eve", invite=invitation.code) as eve:
                assert eve.answer.reason == "members-only"
        further = parse_link(command("invite", "--data", str(data)).split()[-1]).invite
        assert further is not None
        with Member(server, "c", "carl", invite=further) as carl:
            assert carl.answer.name == "carl"
        server.stop()
        log = server.log()
        assert not any(secret in log for secret in (code, invitation.code, further))
    assert files_with(data, invitation.code) == files_with(data, further) == []
    with start("--members") as server:
        for word, name in (("a", "ada"), ("b", "bob"), ("c", "carl")):
            with Member(server, word, name) as member:
                assert member.answer.operator is (word == "a")


def test_removing_somebody_from_the_members_ends_their_connections(start, tmp_path):
    members = tmp_path / "members"
    members.write_text(f'operator,name="ada" {key("a").text}\n{key("b").text} bob\n')
    members.chmod(0o600)
    with start("--members", str(members)) as server:
        with Member(server, "a", "ada") as ada, Member(server, "b", "bob") as bob:
            members.write_text(f'operator,name="ada" {key("a").text}\n')
            os.kill(server.pid, signal.SIGHUP)
            assert bob.until(Goodbye).reason == "members-only"
            ada.fence()
        with Member(server, "b", "bob") as bob:
            assert bob.answer.reason == "members-only"


def test_a_ban_outlives_the_server_and_a_redacted_text_is_in_no_file(start, data):
    with start() as server:
        code = operators_code(data)
        with Member(server, "a", "ada", invite=code) as ada, Member(server, "b", "bob") as bob:
            for peer in (ada, bob):
                peer.join("tea")
            at = bob.ask(Say("a secret that nobody should read", id=1), Sent).at
            assert files_with(data, "a secret that nobody")
            assert ada.ask(Command("redact", f"{at} a secret"), Moderated).action == "redact"
            assert bob.until(Redacted).at == at
            assert files_with(data, "a secret that nobody") == []
            assert ada.ask(Command("ban", "bob 1d rude"), Moderated).name == "bob"
            assert bob.until(Goodbye).reason == "banned"
            assert ada.until(Left).reason == "banned"
        server.stop()
        assert f"ban by ada [{ADA}]: bob [{BOB}]" in server.log()
        assert "a secret that nobody" not in server.log()
    with start() as server:
        with Member(server, "b", "bob") as bob:
            assert bob.answer.reason == "banned"
            assert bob.answer.text.endswith(": rude")
        with Member(server, "a", "ada") as ada:
            ada.join("tea")
            (entry,) = ada.ask(HistoryRequest(), HistoryPage).messages
            assert (entry.at, entry.text, entry.redacted) == (at, "", True)
            assert ada.ask(Command("unban", "bob"), Moderated).action == "unban"
        with Member(server, "b", "bob") as bob:
            assert bob.answer.name == "bob"


@plain_only("twelve wrong passwords take long, and TLS knows nothing of them")
def test_a_password_is_asked_for_and_a_wrong_one_holds_nobody_up(start, tmp_path):
    file = tmp_path / "password"
    program = [sys.executable, str(ROOT / "reactor" / "run.py"), "hash-password"]
    done = subprocess.run(program, input="sesame\n", check=True, capture_output=True, text=True, timeout=DEADLINE)
    file.write_text(done.stdout)
    file.chmod(0o600)
    with start("--password-file", str(file)) as server:
        with Member(server, None, "ada", password="sesame") as ada:
            assert ada.answer.name == "ada"
            with Member(server, None, "eve", password="wrong") as eve:
                assert eve.answer.reason == "password"
            with Peer(server.port) as guest:
                guest.send(Say("hi", id=1))
                assert guest.expect(Error).code == "no-password"
            ada.fence()
        refused = ""
        for _ in range(12):
            with Member(server, None, password="wrong") as eve:
                refused = eve.answer.text
        assert "too many wrong passwords" in refused
        assert "sesame" not in server.log()


def test_a_disk_that_takes_nothing_opens_no_door(start, data):
    with start("--members") as server:
        code = operators_code(data)
        with Member(server, "a", "ada", invite=code) as ada:
            invitation = ada.ask(Command("invite", "2", 1), Invitation)
            (data / "people.json.new").mkdir()  # which no file can replace
            assert ada.ask(Command("invite", id=2), Error).code == "not-allowed"
            with Member(server, "b", "bob", invite=invitation.code) as bob:
                assert bob.answer.reason == "members-only"
            (data / "people.json.new").rmdir()
            with Member(server, "b", "bob", invite=invitation.code) as bob:
                assert bob.answer.name == "bob"


def test_two_connections_of_one_key_are_one_person(start):
    with start() as server, Member(server, None, "bob") as bob:
        bob.join("tea")
        with Member(server, "a", "ada") as laptop, Member(server, "a", "ada") as phone:
            laptop.join("tea")
            phone.join("tea")
            laptop.send(Say("hi"))
            laptop.fence()
            assert [record.type for record in phone.fence()] == ["message"]
            laptop.send(Command("close"))
            assert laptop.rest()
            assert [record.type for record in bob.fence()] == ["joined", "message"]
            phone.send(Command("close"))
            assert phone.rest()
        assert bob.until(Left).name == "ada"
