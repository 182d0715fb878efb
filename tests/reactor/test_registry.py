"""The files that say who people are: whatever cannot be used keeps the server from starting."""

import os
import re
import shutil
from pathlib import Path

import pytest

from pylingo.reactor.administer import forget
from pylingo.reactor.certificates import load_tls
from pylingo.reactor.config import ServerSettings, parse_arguments, with_data
from pylingo.reactor.control import ask
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.people import state_file
from pylingo.reactor.people.administration import NOT_STORED, invite_request
from pylingo.reactor.people.certificate import certificate_fingerprint
from pylingo.reactor.people.data_dir import DataDir
from pylingo.reactor.people.owned_names import OwnedName
from pylingo.reactor.people.passwords import hash_password
from pylingo.reactor.people.register import Register, wall_clock
from pylingo.reactor.people.roster import Change
from pylingo.reactor.people.state_file import read_state
from pylingo.reactor.registry import Registry, open_registry, read_people_files
from pylingo.reactor.start import check_history
from pylingo.shared.launch import LaunchError
from tests.fakes.history import make_file
from tests.fakes.people import fingerprint, key
from tests.support import DEADLINE


def settings(*arguments: str) -> ServerSettings:
    return with_data(parse_arguments(arguments))


def opened(*arguments: str) -> Registry:
    return open_registry(settings(*arguments))


def closed(registry: Registry) -> None:
    """End the process that has the registry, as far as the folder can tell."""
    registry.write_first(is_shown=True)
    end(registry)


def end(registry: Registry) -> None:
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
    registry.write_first(is_shown=True)
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


@pytest.mark.parametrize("text", ["\n# nobody\n", 'from="10.0.0.0/8" ' + key(1).text, "ssh-rsa AAAA ada"])
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
            registry.write_first(is_shown=True)
    end(registry)
    again = opened("--data", "d")
    assert again.first_code is not None
    closed(again)


def test_a_full_disk_keeps_a_new_folder_new(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pylingo.reactor.registry.write_state", fail)
        assert refusal("--data", "d") == "cannot write d/people.json: No space left on device"
    assert os.listdir(data) == ["lock"]


@pytest.mark.parametrize("options", [[], ["--no-tls"]])
def test_a_start_that_fails_later_was_not_the_first(data: Path, options: list[str]) -> None:
    """Otherwise nobody would ever see a link for the operator."""
    for _ in range(2):
        registry = opened("--data", "d", *options)
        assert registry.first_code is not None
        end(registry)
    closed(opened("--data", "d"))
    again = opened("--data", "d")
    assert again.first_code is None
    closed(again)


def test_a_start_without_tls_shows_no_link_and_is_not_the_first(data: Path) -> None:
    registry = opened("--data", "d", "--no-tls")
    registry.write_first(is_shown=False)
    end(registry)
    assert opened("--data", "d").first_code is not None


def test_a_people_file_in_which_nobody_is_any_more_makes_no_first_start(data: Path) -> None:
    closed(opened("--data", "d"))
    state_file.write_state("d/people.json", Register().to_state())
    registry = opened("--data", "d")
    assert registry.first_code is None
    closed(registry)


# --- every file of the folder


def started(*arguments: str) -> Registry:
    """Take the steps of a start that look at files, in the order in which the program takes them."""
    given = settings("--data", "d", *arguments)
    registry = open_registry(given)
    try:
        if given.history:
            check_history(given.history, given.data)
        load_tls(given)
    except LaunchError:
        end(registry)
        raise
    return registry


@pytest.fixture
def used(data: Path) -> Path:
    """A data folder that has everything, and whose server is stopped."""
    registry = started()
    assert registry.data is not None
    registry.write_link("chat.example.org:5000", registry.data.certificate)
    change = registry.register.op(fingerprint(1))
    change.commit()
    closed(registry)
    messages = [(number, "tea", "ada", "words " * 20, None) for number in range(1, 501)]
    make_file(data / "history.db", messages)
    (data / "members").write_text(f'{key(1).text} ada\nname="grace" {key(2).text}\n')
    closed(started("--members"))
    return data


FILES = ("people.json", "members", "history.db", "cert.pem", "key.pem", "link", "lock")
SECRET = {"people.json", "history.db", "key.pem"}
WITH_PART = {"members": ["--members"]}


def test_each_file_of_the_folder_is_meant(used: Path) -> None:
    folder = DataDir("d")
    assert {*folder.small_files, folder.history, folder.lock_file} == {f"d/{name}" for name in FILES}
    assert {path.name for path in used.iterdir()} == set(FILES)


def damaged(content: bytes, kind: str) -> bytes:
    """What is in a file whose writing has failed."""
    return {
        "empty": b"",
        "one byte": content[:1],
        "half": content[: len(content) // 2],
        "all but the end": content[: len(content) * 98 // 100],
        "zeros": bytes(len(content)),
        "words": b"words that are no such file\n",
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "one byte", "half", "all but the end", "zeros", "words"])
@pytest.mark.parametrize("name", [name for name in FILES if name != "lock"])
def test_a_damaged_file_keeps_the_server_from_starting(used: Path, name: str, kind: str) -> None:
    content = damaged((used / name).read_bytes(), kind)
    if name == "members" and kind == "words":
        content = content[:-1]  # a line of words that is whole is one that is skipped
    (used / name).write_bytes(content)
    with pytest.raises(LaunchError) as caught:
        started("--members")
    assert caught.value.status == 2
    assert f"d/{name}" in str(caught.value)
    assert str(caught.value).isprintable()
    assert (used / name).read_bytes() == content


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mode", [0o660, 0o606, 0o640, 0o604])
def test_a_file_that_others_can_use_keeps_the_server_from_starting(used: Path, name: str, mode: int) -> None:
    """Others may read what is no secret. The members file is the administrator's, and the folder protects it."""
    (used / name).chmod(mode)
    is_wrong = name in SECRET or (mode & 0o022 and name != "members")
    if not is_wrong:
        closed(started("--members"))
        return
    with pytest.raises(LaunchError, match=rf"others can (use|write) .*change that with  chmod (600|go-w) d/{name}"):
        started("--members")
    assert (used / name).stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_kind_keeps_the_server_from_starting(used: Path, name: str) -> None:
    (used / name).unlink()
    os.mkfifo(used / name, 0o600)
    with pytest.raises(LaunchError, match=rf"d/{name}.*regular file"):
        started("--members")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_read_keeps_the_server_from_starting(used: Path, name: str) -> None:
    (used / name).chmod(0)
    with pytest.raises(LaunchError, match=rf"d/{name}.*Permission denied"):
        started("--members")


MISSING = {
    "people.json": "the people file d/people.json is missing, and must not be where d/lock is: put back a copy of it",
    "cert.pem": "there is a key d/key.pem without its certificate d/cert.pem: put it back",
    "key.pem": "there is a certificate d/cert.pem without its key d/key.pem: put it back",
}


@pytest.mark.parametrize("name", FILES)
def test_a_lost_file_keeps_the_server_from_starting_if_the_others_need_it(used: Path, name: str) -> None:
    (used / name).unlink()
    if name not in MISSING:
        closed(started("--members"))
        return
    with pytest.raises(LaunchError) as caught:
        started("--members")
    assert str(caught.value).startswith(MISSING[name])
    assert not (used / name).exists()


@pytest.mark.parametrize("left", [["cert.pem", "key.pem"], ["history.db"], ["link"], ["lock"], ["lock", "history.db"]])
@pytest.mark.parametrize("options", [[], ["--no-tls"]])
def test_any_file_that_is_left_shows_that_the_people_file_is_lost(
    used: Path, left: list[str], options: list[str]
) -> None:
    for path in used.iterdir():
        if path.name not in left:
            path.unlink()
    assert re.fullmatch(
        rf"the people file d/people.json is missing, and must not be where d/{left[0]} is: put back a copy of it, or,"
        r" to forget who the members are, who is banned and to whom names belong, run  pylingo-server forget --data d",
        refusal("--data", "d", *options),
    )
    assert not (used / "people.json").exists()
    assert forget(["--data", "d"]) == 0
    assert opened("--data", "d", "--no-tls").first_code is not None


@pytest.mark.parametrize("names", [["history.db"], ["cert.pem", "key.pem"], ["members"]])
def test_a_damaged_file_that_another_one_replaces_is_not_read(used: Path, names: list[str]) -> None:
    instead = {
        "history.db": ["--history", "elsewhere.db"],
        "cert.pem": ["--tls-cert", "copy.pem", "--tls-key", "key.pem"],
        "members": ["--members", "keys"],
    }
    for name, copy in (("cert.pem", "copy.pem"), ("key.pem", "key.pem"), ("members", "keys")):
        Path(copy).write_bytes((used / name).read_bytes())
    for name in names:
        (used / name).write_bytes(b"")
    closed(started(*instead[names[0]]))
    if names[0] == "cert.pem":
        closed(started("--no-tls"))


def test_files_that_the_administrator_has_put_into_a_new_folder_do_no_harm(data: Path) -> None:
    data.mkdir(0o700)
    (data / "members").write_text(f"operator {key(1).text} ada\n")
    (data / "password").write_text(hash_password("secret").text)
    registry = started("--members", "--password-file", "d/password")
    assert registry.first_code is not None
    closed(registry)


def test_a_folder_that_an_earlier_server_used_without_tls_has_no_people_file(data: Path) -> None:
    data.mkdir(0o700)
    for name in ("lock", "history.db"):
        (data / name).touch(0o600)
    make_file(data / "history.db", [(1, "tea", "ada", "words", None)])
    (data / "link").write_text("pylingo://127.0.0.1:5000\n")
    closed(started("--no-tls"))
    (data / "people.json").unlink()
    assert "is missing" in refusal("--data", "d", "--no-tls")


def test_skipped_lines_are_logged(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    Path("keys").write_text(f"{key(1).text}\n" + 'from="x" ' + f"{key(2).text}\n" + "words here\n" * 50)
    assert len(read_people_files(settings("--members", "keys")).members) == 1
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0].startswith("keys:2: the line is skipped: the option 'from' is not known here")
    assert len(messages) == 21
    assert messages[-1] == "keys: 31 more lines are like that"


def test_a_comment_takes_no_name_from_its_owner_and_that_is_logged(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The administrator can give the name away on purpose."""
    Path("keys").write_text(f"# who may come in\n{key(1).text} laptop\n{key(2).text} grace\n{key(4).text} 1aptop\n")
    registry = opened("--data", "d")
    for name, number in (("laptop", 3), ("grace", 2)):
        registry.register.take_name(name, fingerprint(number), "127.0.0.1")
    closed(registry)
    options = ["--data", "d", "--members", "keys", "--open"]
    registry = opened(*options)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [
        f"keys:2: the key is listed without the name 'laptop', which belongs to {fingerprint(3)}:"
        ' write name="laptop" before the key to give it the name all the same',
        f"keys:4: the key is listed without the name '1aptop', which looks like 'laptop', which belongs to"
        f' {fingerprint(3)}: write name="1aptop" before the key to give it the name all the same',
    ]
    register = registry.register
    assert all(map(register.is_listed, map(fingerprint, (1, 2, 4))))
    assert [register.keys_of_owner(name) for name in ("laptop", "grace")] == [{fingerprint(3)}, {fingerprint(2)}]
    caplog.clear()
    Path("keys").write_text(f'name="laptop" {key(1).text}\n')
    registry.apply(settings(*options), read_people_files(settings(*options)))
    assert register.keys_of_owner("laptop") == {fingerprint(1)}
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    closed(registry)


def test_a_comment_gives_a_name_whose_time_is_over(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    Path("keys").write_text(f"{key(1).text} ada\n")
    registry = opened("--data", "d")
    state = registry.register.to_state()
    month_ago = wall_clock() - 30 * 86_400 * 1_000_000
    state["names"] = [OwnedName("ada", fingerprint(2), month_ago)]
    closed(registry)
    state_file.write_state("d/people.json", state)
    for keep, owner in (("31d", 2), ("29d", 1)):
        registry = opened("--data", "d", "--members", "keys", "--open", "--name-keep", keep)
        assert registry.register.keys_of_owner("ada") == {fingerprint(owner)}
        assert ("without the name 'ada'" in caplog.text) == (owner == 2)
        caplog.clear()
        closed(registry)


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


# --- in a cluster


def shared(*arguments: str) -> Registry:
    return open_registry(settings(*arguments), is_shared=True)


def test_in_a_cluster_the_data_folder_has_the_certificate_and_no_people(data: Path) -> None:
    registry = shared("--data", "d", "--members")
    assert registry.first_code is None
    registry.write_first(is_shown=True)
    assert sorted(os.listdir(data)) == ["cert.pem", "key.pem", "lock"]
    assert "another server uses the data folder" in refusal("--data", "d")
    end(registry)
    registry = shared("--data", "d")  # and again
    assert registry.register.to_state() == Register().to_state()
    end(registry)
    (data / "cert.pem").unlink()
    with pytest.raises(LaunchError, match=r"there is a key d/key\.pem without its certificate"):
        shared("--data", "d")


def test_in_a_cluster_the_certificate_may_be_copied_into_a_new_folder(data: Path) -> None:
    end(shared("--data", "d"))
    copy = Path("e")
    copy.mkdir(mode=0o700)
    for name in ("cert.pem", "key.pem"):
        shutil.copy2(data / name, copy / name)
    end(shared("--data", "e"))
    assert certificate_fingerprint("e/cert.pem") == certificate_fingerprint("d/cert.pem")


def test_in_a_cluster_the_people_file_is_left_alone(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    closed(opened("--data", "d"))
    before = (data / "people.json").read_bytes()
    registry = shared("--data", "d")
    assert "the people file d/people.json is not used in a cluster: pylingo-server cluster import" in caplog.text
    assert registry.register.to_state() == Register().to_state()
    reactor = Reactor()
    registry.shared = lambda change, stored: stored(True)
    registry.attach(reactor)
    answers: list[bool] = []
    registry.store(registry.register.op(fingerprint(1)), answers.append)
    registry.write_first(is_shown=True)
    end(registry)
    reactor.close()
    assert answers == [True]
    assert (data / "people.json").read_bytes() == before


def test_in_a_cluster_everything_goes_to_its_store(data: Path) -> None:
    stores: list[Change] = []
    registry = shared()
    registry.shared = lambda change, stored: (stores.append(change), stored(False))
    answers: list[bool] = []
    change = registry.register.op(fingerprint(1))
    registry.store(change, answers.append)
    assert (stores, answers) == ([change], [False])


def test_in_a_cluster_nobody_knows_who_may_come_in_before_everything_is_read(data: Path) -> None:
    registry = shared("--data", "d", "--members")
    words = "lists nobody, so nobody could come in: add a key to it, or run  pylingo-server invite --operator --cluster"
    with pytest.raises(LaunchError, match=words):
        registry.check_way_in(settings("--data", "d", "--members"))
    registry.register.invite(None, operator=True)
    registry.check_way_in(settings("--data", "d", "--members"))
    end(registry)
