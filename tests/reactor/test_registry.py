"""The files that say who people are: whatever cannot be used keeps the server from starting."""

import os
from pathlib import Path

import pytest

from pylingo.reactor.config import ServerSettings, parse_arguments, with_data
from pylingo.reactor.control import ask
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.people import state_file
from pylingo.reactor.people.administration import NOT_STORED, invite_request
from pylingo.reactor.people.certificate import certificate_fingerprint
from pylingo.reactor.people.passwords import hash_password
from pylingo.reactor.people.state_file import read_state
from pylingo.reactor.registry import Registry, open_registry, read_people_files
from pylingo.shared.launch import LaunchError
from tests.fakes.people import fingerprint, key
from tests.support import DEADLINE


def settings(*arguments: str) -> ServerSettings:
    return with_data(parse_arguments(arguments))


def opened(*arguments: str) -> Registry:
    return open_registry(settings(*arguments))


def closed(registry: Registry) -> None:
    """End the process that has the registry, as far as the folder can tell."""
    registry.write_first()
    registry.close(DEADLINE)
    assert registry.data is not None
    registry.data.unlock()


def refusal(*arguments: str) -> str:
    with pytest.raises(LaunchError) as caught:
        opened(*arguments)
    assert caught.value.status == 2
    sentence = str(caught.value)
    assert sentence.isprintable()
    return sentence


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of a data folder, which is not there yet, below the working folder."""
    monkeypatch.chdir(tmp_path)
    return Path("d")


# --- the start


def test_without_a_data_folder_everybody_may_come_in_and_nothing_is_written(data: Path) -> None:
    registry = opened()
    assert registry.register.may_enter(None)
    assert registry.data is registry.first_code is registry.password is None
    assert os.listdir() == []


def test_the_first_start_makes_the_folder_and_invites_the_operator(data: Path) -> None:
    registry = opened("--data", "d")
    assert registry.first_code is not None
    assert registry.register.may_enter(None)
    registry.write_first()
    assert sorted(os.listdir(data)) == ["cert.pem", "key.pem", "lock", "people.json"]
    assert {path.stat().st_mode & 0o777 for path in data.iterdir()} == {0o600}
    assert registry.first_code not in (data / "people.json").read_text()
    closed(registry)
    again = opened("--data", "d")
    assert again.first_code is None
    change = again.register.redeem(registry.first_code, key(1))
    assert change is not None
    change.commit()
    assert again.register.is_operator(fingerprint(1))
    closed(again)


def test_without_tls_there_is_no_certificate(data: Path) -> None:
    closed(opened("--data", "d", "--no-tls"))
    assert sorted(os.listdir(data)) == ["lock", "people.json"]


def test_a_second_server_is_kept_off(data: Path) -> None:
    registry = opened("--data", "d")
    assert refusal("--data", "d") == "another server uses the data folder d: stop it, or name another folder"
    closed(registry)
    closed(opened("--data", "d"))


def test_members_close_the_server_and_open_lets_everybody_in(data: Path) -> None:
    Path("keys").write_text(f"operator {key(1).text} ada\n")
    registry = opened("--members", "keys")
    assert [registry.register.may_enter(one) for one in (None, fingerprint(1), fingerprint(2))] == [False, True, False]
    registry = opened("--members", "keys", "--open", "--members-invite", "--name-keep", "1d")
    assert registry.register.may_enter(None)
    assert registry.register.is_operator(fingerprint(1))
    assert registry.register.members_invite
    assert registry.register.name_keep == 86_400


def test_the_members_file_in_the_data_folder_may_come_later(data: Path) -> None:
    """The operator is invited at the first start, and is the one member then."""
    registry = opened("--data", "d", "--members")
    assert not registry.register.may_enter(None)
    assert registry.first_code is not None
    change = registry.register.redeem(registry.first_code, key(1))
    assert change is not None
    registry.attach(reactor := Reactor())
    stored: list[bool] = []
    registry.store(change, stored.append)
    while not stored:
        reactor.tick(0.01)
    closed(registry)
    reactor.close()
    again = opened("--data", "d", "--members")
    assert again.register.may_enter(fingerprint(1))
    closed(again)


@pytest.mark.parametrize("text", ["", "# nobody\n", 'from="10.0.0.0/8" ' + key(1).text, "ssh-rsa AAAA ada"])
def test_a_file_that_lists_nobody_is_refused(data: Path, text: str) -> None:
    Path("keys").write_text(text)
    assert refusal("--members", "keys") == (
        "the members file keys lists nobody, so nobody could come in: add a key to it"
    )
    registry = opened("--data", "d", "--members", "keys")  # the operator is invited
    state = registry.register.to_state()
    state["invitations"] = []
    closed(registry)
    state_file.write_state("d/people.json", state)
    assert refusal("--data", "d", "--members", "keys").endswith(
        "add a key to it, or run  pylingo-server invite --operator --data d"
    )
    opened("--members", "keys", "--open")


DAMAGE = {
    "empty": (b"", "the people file d/people.json is empty, and must not be"),
    "truncated": (b'{"version": 1, "names": [', "the people file d/people.json is damaged: line 1 is not JSON"),
    "another version": (b'{"version": 2}', "the people file d/people.json is damaged: its version is 2, and this"),
    "incomplete": (b'{"version": 1}', "the people file d/people.json is damaged: it must have the version 1"),
    "no object": (b"[]", "the people file d/people.json is damaged: it must be an object"),
    "binary": (b"\0\xff\xfe", "the people file d/people.json is damaged: byte 1 is not UTF-8"),
}


@pytest.mark.parametrize(("content", "words"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_people_file_is_refused_and_kept(data: Path, content: bytes, words: str) -> None:
    closed(opened("--data", "d"))
    (data / "people.json").write_bytes(content)
    assert refusal("--data", "d").startswith(words)
    assert (data / "people.json").read_bytes() == content


@pytest.mark.parametrize(
    ("name", "mode", "words"),
    [
        (".", 0o755, "others can enter the data folder d: change that with  chmod 700 d"),
        ("people.json", 0o644, "others can use the people file d/people.json: change that with  chmod 600"),
        ("key.pem", 0o640, "others can use the key d/key.pem: change that with  chmod 600 d/key.pem"),
    ],
)
def test_a_file_that_others_can_use_is_refused(data: Path, name: str, mode: int, words: str) -> None:
    closed(opened("--data", "d"))
    (data / name).chmod(mode)
    assert refusal("--data", "d").startswith(words)


@pytest.mark.parametrize("name", ["cert.pem", "key.pem"])
def test_half_a_certificate_is_refused(data: Path, name: str) -> None:
    closed(opened("--data", "d"))
    (data / name).write_text("")
    assert refusal("--data", "d") == f"d/{name} is empty or damaged: put back a copy of it"


def test_other_files_that_cannot_be_used_are_refused(data: Path) -> None:
    assert refusal("--members", "keys") == "cannot read the members file keys: No such file or directory"
    assert refusal("--password-file", "p") == "cannot read the password file p: No such file or directory"
    assert refusal("--data", "a/b").startswith("cannot use the data folder a/b: there is no folder")
    Path("p").write_text("secret")
    assert refusal("--password-file", "p").startswith("the password file p cannot be used: a password hash must be as")


def test_a_full_disk_keeps_the_first_start_from_an_invitation(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    registry = opened("--data", "d")
    with monkeypatch.context() as patch:
        patch.setattr("pylingo.reactor.registry.write_state", fail)
        with pytest.raises(LaunchError, match=r"cannot write d/people.json: No space left on device"):
            registry.write_first()
    assert not (data / "people.json").exists()


def test_a_start_that_fails_later_was_not_the_first(data: Path) -> None:
    """Otherwise nobody would ever see a link for the operator."""
    registry = opened("--data", "d")
    assert registry.data is not None
    registry.data.unlock()
    assert opened("--data", "d").first_code is not None


def test_skipped_lines_are_logged(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    Path("keys").write_text(f"{key(1).text}\n" + 'from="x" ' + f"{key(2).text}\n" + "words here\n" * 50)
    assert len(read_people_files(settings("--members", "keys")).members) == 1
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0].startswith("keys:2: the line is skipped: the option 'from' is not known here")
    assert len(messages) == 21
    assert messages[-1] == "keys: 31 more lines are skipped"


def test_a_password_file_is_read(data: Path) -> None:
    Path("p").write_text(hash_password("secret").text)
    password = opened("--password-file", "p").password
    assert password is not None
    assert password.verify("secret")


# --- while the server runs


@pytest.fixture
def running(data: Path):
    """A registry on a loop that the test turns."""
    registry, reactor = opened("--data", "d"), Reactor()
    registry.attach(reactor)
    yield registry, reactor
    closed(registry)
    reactor.close()


def test_changes_are_stored_and_then_hold(running: tuple[Registry, Reactor], data: Path) -> None:
    registry, reactor = running
    stored: list[bool] = []
    registry.store(registry.register.op(fingerprint(1)), stored.append)
    assert not registry.register.is_operator(fingerprint(1))
    while not stored:
        reactor.tick(0.01)
    assert stored == [True]
    assert registry.register.is_operator(fingerprint(1))
    state = read_state("d/people.json")
    assert isinstance(state, dict)
    assert state["operators"] == [fingerprint(1)]


def test_a_change_that_cannot_be_stored_is_undone(
    running: tuple[Registry, Reactor], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, reactor = running

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(state_file, "write_state", fail)
        stored: list[bool] = []
        registry.store(registry.register.op(fingerprint(1)), stored.append)
        while not stored:
            reactor.tick(0.01)
        assert stored == [False]
        assert not registry.register.is_operator(fingerprint(1))
        replies: list[object] = []
        registry.answer(invite_request(True), replies.append)
        while not replies:
            reactor.tick(0.01)
        assert replies == [NOT_STORED]
        assert len(registry.register.to_state()["invitations"]) == 1  # the first operator's


def test_without_a_folder_changes_hold_at_once(data: Path) -> None:
    registry = opened()
    registry.attach(reactor := Reactor())
    stored: list[bool] = []
    registry.store(registry.register.op(fingerprint(1)), stored.append)
    assert stored == [True]
    assert registry.register.is_operator(fingerprint(1))
    registry.close(0)
    reactor.close()


def test_a_folder_with_a_long_path_has_no_socket_and_the_server_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry = opened("--data", str(tmp_path / ("x" * 120)))
    registry.attach(reactor := Reactor())
    assert "pylingo-server invite and release work only while the server is stopped" in caplog.text
    closed(registry)
    reactor.close()


def test_no_code_comes_into_the_log(running: tuple[Registry, Reactor], caplog: pytest.LogCaptureFixture) -> None:
    registry, reactor = running
    caplog.set_level("DEBUG")
    replies: list[dict[str, object]] = []
    registry.answer(invite_request(True), replies.append)
    while not replies:
        reactor.tick(0.01)
    assert caplog.messages
    assert str(replies[0]["code"]) not in caplog.text
    assert str(registry.first_code) not in caplog.text


def test_the_link_is_kept_without_an_invitation(running: tuple[Registry, Reactor], data: Path) -> None:
    registry, _ = running
    pin = certificate_fingerprint("d/cert.pem")
    link = registry.write_link("[2001:db8::1]:5000", "d/cert.pem")
    assert link == f"pylingo://[2001:db8::1]:5000#{pin}"
    assert (data / "link").read_text() == f"{link}\n"
    assert (data / "link").stat().st_mode & 0o777 == 0o600
    assert registry.first_link(link) == f"pylingo://[2001:db8::1]:5000?invite={registry.first_code}#{pin}"
    assert registry.write_link("chat.example.org:5000", "") == "pylingo://chat.example.org:5000"


def test_the_socket_is_gone_at_the_end(data: Path) -> None:
    registry, reactor = opened("--data", "d"), Reactor()
    registry.attach(reactor)
    assert (data / "control").exists()
    closed(registry)
    assert ask("d/control", {}, DEADLINE) is None
    assert not (data / "control").exists()
    reactor.close()
