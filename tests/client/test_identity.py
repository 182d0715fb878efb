"""The person's key."""

import base64
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from pylingo.client import identity as module
from pylingo.client.identity import Identity, IdentityError, make, read, read_or_make, read_unlocked
from pylingo.shared.identity import proof_message
from tests.fakes.keys import ENCRYPTED, ENCRYPTED_PUBLIC, PASSPHRASE, RSA, UNENCRYPTED, UNENCRYPTED_PUBLIC
from tests.support import DEADLINE, ROOT

CHALLENGE = bytes(range(32))
CERTIFICATE = b"a certificate"


def written(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def verify(public_key: str, proof: str, message: bytes) -> None:
    load_ssh_public_key(public_key.encode()).verify(base64.b64decode(proof, validate=True), message)  # type: ignore


# --- the proof


@pytest.mark.parametrize("certificate", [None, CERTIFICATE])
def test_a_proof_is_for_one_challenge_and_one_certificate(certificate: bytes | None) -> None:
    identity = Identity(UNENCRYPTED, "key")
    proof = identity.prove(CHALLENGE, certificate)
    verify(identity.public_key, proof, proof_message(CHALLENGE, certificate))
    others = [
        (bytes(32), certificate),
        (CHALLENGE, b"another"),
        (CHALLENGE, CERTIFICATE if certificate is None else None),
    ]
    for challenge, other in others:
        with pytest.raises(InvalidSignature):
            verify(identity.public_key, proof, proof_message(challenge, other))


def test_a_challenge_of_another_size_is_not_signed() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Identity(UNENCRYPTED, "key").prove(b"sign this contract", None)


def test_a_damaged_private_half_is_an_error() -> None:
    body = base64.b64decode(b"".join(UNENCRYPTED.split(b"\n")[1:-2]))
    private = bytearray(body)
    private[-60] ^= 1  # within the private half
    lines = b"-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n"
    with pytest.raises(IdentityError, match="key is a damaged OpenSSH private key"):
        Identity(lines % base64.b64encode(private), "key").prove(CHALLENGE, None)


def test_a_header_with_another_public_key_is_an_error() -> None:
    body = base64.b64decode(b"".join(UNENCRYPTED.split(b"\n")[1:-2]))
    blob = base64.b64decode(UNENCRYPTED_PUBLIC.split()[1])
    other = base64.b64decode(ENCRYPTED_PUBLIC.split()[1])
    lines = b"-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n"
    with pytest.raises(IdentityError, match="damaged"):
        Identity(lines % base64.b64encode(body.replace(blob, other, 1)), "key").prove(CHALLENGE, None)


def test_nothing_secret_is_printed() -> None:
    identity = Identity(UNENCRYPTED, "key")
    identity.prove(CHALLENGE, None)
    assert repr(identity) == f"<Identity {identity.fingerprint}>"


# --- passphrases


def test_an_encrypted_key_needs_its_passphrase() -> None:
    identity = Identity(ENCRYPTED, "key")
    assert identity.is_locked
    assert identity.public_key == ENCRYPTED_PUBLIC
    with pytest.raises(IdentityError, match="needs its passphrase"):
        identity.prove(CHALLENGE, None)
    assert not identity.unlock("wrong")
    assert not identity.unlock("")
    assert identity.is_locked
    assert identity.unlock(PASSPHRASE)
    assert not identity.is_locked
    verify(ENCRYPTED_PUBLIC, identity.prove(CHALLENGE, None), proof_message(CHALLENGE, None))


def test_a_passphrase_is_asked_for_three_times(tmp_path: Path) -> None:
    path = written(tmp_path / "key", ENCRYPTED)
    answers = ["no", "", PASSPHRASE]
    asked: list[str] = []
    identity = read_unlocked(path, lambda prompt: asked.append(prompt) or answers[len(asked) - 1])  # type: ignore
    assert not identity.is_locked
    assert asked == [f"Passphrase for {path}: "] * 3
    asked.clear()
    with pytest.raises(IdentityError, match="the passphrase is wrong"):
        read_unlocked(path, lambda prompt: asked.append(prompt) or "no")  # type: ignore
    assert len(asked) == 3


def test_a_key_without_a_passphrase_asks_nothing(tmp_path: Path) -> None:
    def never(prompt: str) -> str:
        raise AssertionError(prompt)

    assert read_unlocked(written(tmp_path / "key", UNENCRYPTED), never).public_key == UNENCRYPTED_PUBLIC


# --- files


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o610, 0o601])
def test_a_key_that_others_can_use_is_refused(mode: int, tmp_path: Path) -> None:
    path = written(tmp_path / "key", UNENCRYPTED, mode)
    for load in (read, read_or_make):
        with pytest.raises(IdentityError, match=f"{path} can be read by others: run  chmod 600 {path}"):
            load(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is no whole OpenSSH private key"),
        (UNENCRYPTED[:-20], "is no whole OpenSSH private key"),
        (RSA, "is a key of the kind 'ssh-rsa', not ssh-ed25519; make one with  ssh-keygen -t ed25519"),
        (UNENCRYPTED_PUBLIC.encode(), "is a public key"),
        (b"x" * 70_000, "is no whole OpenSSH private key"),
    ],
    ids=["empty", "truncated", "RSA", "public", "huge"],
)
def test_another_file_is_refused_and_stays(data: bytes, words: str, tmp_path: Path) -> None:
    path = written(tmp_path / "key", data)
    for load in (read, read_or_make):
        with pytest.raises(IdentityError, match=f"{path} {words}"):
            load(path)
    assert path.read_bytes() == data


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="cannot be read: Is a directory"):
        read_or_make(tmp_path)


def test_a_key_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="is not there; make it with  ssh-keygen -t ed25519 -f"):
        read_unlocked(tmp_path / "key", str)
    assert not list(tmp_path.iterdir())


def test_the_own_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "id_ed25519"
    first = read_or_make(path)
    assert read_or_make(path).public_key == first.public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert sorted(file.name for file in path.parent.iterdir()) == ["id_ed25519", "id_ed25519.pub"]
    assert path.with_suffix(".pub").read_text() == first.public_key + "\n"
    verify(first.public_key, first.prove(CHALLENGE, CERTIFICATE), proof_message(CHALLENGE, CERTIFICATE))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_ssh_reads_the_own_key(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    identity = read_or_make(path)
    public = subprocess.run(["ssh-keygen", "-y", "-f", str(path)], capture_output=True, text=True, check=True)
    assert public.stdout.strip() == identity.public_key
    shown = subprocess.run(["ssh-keygen", "-l", "-f", str(path)], capture_output=True, text=True, check=True)
    assert shown.stdout.split()[1] == identity.fingerprint


def test_clients_that_start_together_make_one_key(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(read_or_make(path).public_key)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert path.with_suffix(".pub").read_text().strip() == keys[0]


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    path = written(tmp_path / "id_ed25519", UNENCRYPTED)
    with pytest.raises(FileExistsError):
        make(path)
    assert path.read_bytes() == UNENCRYPTED


@pytest.mark.parametrize("exists", [False, True])
def test_a_file_system_without_links(exists: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module.os, "link", no_links)
    path = tmp_path / "id_ed25519"
    if exists:
        written(path, UNENCRYPTED)
        with pytest.raises(FileExistsError):
            make(path)
        assert path.read_bytes() == UNENCRYPTED
    else:
        assert not read_or_make(path).is_locked
    assert {file.name for file in tmp_path.iterdir()} <= {"id_ed25519", "id_ed25519.pub"}


def test_a_full_disk_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(IdentityError, match="id_ed25519 cannot be made: No space left on device"):
        read_or_make(tmp_path / "id_ed25519")
    assert not list(tmp_path.iterdir())


def test_without_a_home_folder_there_is_no_own_key() -> None:
    with pytest.raises(IdentityError, match="there is no home folder for a key"):
        read_or_make(None)


def test_reading_a_key_does_not_import_the_package_that_signs(tmp_path: Path) -> None:
    path = written(tmp_path / "key", UNENCRYPTED)
    code = "import sys, pathlib; from pylingo.client.identity import read; print(read(pathlib.Path(sys.argv[1])))"
    code += "; print(any(name.startswith('cryptography') for name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, os.fspath(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    assert done.stdout.split()[-1] == "False"
