"""Public keys, their fingerprints, and proofs."""

import base64
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.people.keys import MAX_TEXT, PublicKey, is_fingerprint, prepare, proof_message, read_proof
from tests.fakes.small_order import as_text, forge, small_keys
from tests.support import DEADLINE, ROOT

TEXT = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGn1F6v8zeGMFe5Dyi3/NNaNuOYPYkZH24fRwzqljb9f"
FINGERPRINT = "SHA256:C4l2s84ncALeIAhgG1VGqS4C/7S+R0gAv1Rh9Ccm1gg"  # as `ssh-keygen -l` prints it
CODE = TEXT.split()[1]
RIGHT = "a public key must be 'ssh-ed25519' and 68 characters of base64"


def public(private: Ed25519PrivateKey) -> PublicKey:
    encoded = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return PublicKey.parse(encoded)


@pytest.mark.parametrize("ending", ["", " ada@laptop", " two words", "\n", "\r\n", "\t# ssh-rsa"])
def test_a_key_is_read_with_and_without_a_comment(ending: str) -> None:
    key = PublicKey.parse(TEXT + ending)
    assert key.text == TEXT
    assert key.fingerprint == FINGERPRINT
    assert PublicKey.parse(key.text) == key


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen here")
def test_keys_and_fingerprints_are_those_of_openssh(tmp_path: Path) -> None:
    path = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=DEADLINE)
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", f"{path}.pub"], check=True, capture_output=True, text=True, timeout=DEADLINE
    )
    text = Path(f"{path}.pub").read_text()
    assert PublicKey.parse(text).fingerprint == listed.stdout.split()[1]
    assert PublicKey.parse(text).text == " ".join(text.split()[:2])


OF_ANOTHER_KIND = base64.b64encode(b"\0\0\0\x0bssh-ed25518\0\0\0\x20" + bytes(32)).decode()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", f"{RIGHT}, not empty"),
        (" \n", f"{RIGHT}, not empty"),
        ("ssh-ed25519", f"{RIGHT}, not 0 characters: copy the whole line"),
        (TEXT[:-1], f"{RIGHT}, not 67 characters: copy the whole line"),
        (TEXT + "A", f"{RIGHT}, not 69 characters: copy the whole line"),
        (TEXT[:-4] + "====", "the key is damaged: it is called ssh-ed25519 and holds something else"),
        (TEXT[:-1] + "é", f"{RIGHT}: other characters are in this one"),
        (TEXT[:-1] + "*", f"{RIGHT}: other characters are in this one"),
        (f"ssh-ed25519 {OF_ANOTHER_KIND}", "the key is damaged: it is called ssh-ed25519 and holds something else"),
        ("ssh-rsa AAAAB3NzaC1yc2E", f"{RIGHT}, not 'ssh-rsa': make one with ssh-keygen -t ed25519"),
        ("ecdsa-sha2-nistp256 AAAA", "not 'ecdsa-sha2-nistp256': make one with ssh-keygen -t ed25519"),
        ("sk-ssh-ed25519@openssh.com AAAA", "make one with ssh-keygen -t ed25519"),
        ("SSH-ED25519 " + CODE, "not 'SSH-ED25519'"),
        (CODE, "make one with ssh-keygen -t ed25519"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb", "this is a private key, which nobody else may see"),
        (f"{TEXT} {'x' * MAX_TEXT}", f"a public key must have at most {MAX_TEXT} characters, not "),
    ],
)
def test_a_wrong_key_is_told_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        PublicKey.parse(text)


def test_a_huge_text_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object, **__: object) -> bytes:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(base64, "b64decode", decode)
    for text in ("ssh-ed25519 " + "A" * 10_000_000, "ssh-ed25519 " + "A" * 8_000):
        with pytest.raises(ValueError, match="characters"):
            PublicKey.parse(text)


@given(st.text() | st.text(alphabet="ssh-ed25519 A/+=", max_size=90).map(lambda text: "ssh-ed25519 " + text))
def test_any_text_is_a_key_or_a_value_error(text: str) -> None:
    try:
        key = PublicKey.parse(text)
    except ValueError as error:
        assert len(str(error)) < 300
    else:
        assert len(key.raw) == 32


def test_a_proof_verifies_with_its_key_and_message_alone() -> None:
    private, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    message = proof_message(b"c" * 32, b"certificate")
    signature = private.sign(message)
    key = public(private)
    assert key.verify(signature, message)
    assert not public(other).verify(signature, message)
    assert not key.verify(signature, proof_message(b"c" * 32, b"another certificate"))
    assert not key.verify(signature, proof_message(b"c" * 32, None))
    assert not key.verify(signature, proof_message(b"d" * 32, b"certificate"))
    for wrong in (b"", signature[:-1], signature + b"\0", bytes(64), b"\xff" * 64, bytes(10_000)):
        assert not key.verify(wrong, message)


@pytest.mark.parametrize("raw", small_keys(), ids=bytes.hex)
def test_a_key_with_which_anybody_can_sign_is_refused(raw: bytes) -> None:
    """The signature verifies, so the key must not be taken in the first place."""
    assert PublicKey(raw).verify(forge(raw, b"words"), b"words")
    with pytest.raises(ValueError, match="with this key anybody can sign, so it proves nothing: make one with ssh-key"):
        PublicKey.parse(as_text(raw))


@pytest.mark.parametrize("raw", [bytes(32), b"\xff" * 32, bytes([2]) + bytes(31)])
def test_bytes_that_are_no_point_verify_nothing(raw: bytes) -> None:
    assert not PublicKey(raw).verify(b"\1" * 64, b"message")


def test_the_message_of_a_proof_is_that_of_the_protocol() -> None:
    challenge = bytes(range(32))
    assert proof_message(challenge, None) == b"PyLingo identity v1\0" + challenge + bytes(32)
    digest = hashlib.sha256(b"DER").digest()
    assert proof_message(challenge, b"DER") == b"PyLingo identity v1\0" + challenge + digest
    with pytest.raises(ValueError, match="a challenge must have 32 bytes, not 31"):
        proof_message(challenge[1:], None)


def test_the_text_of_a_proof_is_read() -> None:
    signature = bytes(range(64))
    assert read_proof(base64.b64encode(signature).decode()) == signature


@pytest.mark.parametrize(
    "text",
    ["", "A", "A" * 87, "A" * 89, "é" * 88, "A" * 10_000_000, "*" * 88, "A" * 88, "A" * 84 + "====", "-" * 86 + "=="],
    ids=lambda text: f"{text[:8]}-{len(text)}",
)
def test_a_wrong_proof_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="a proof must be the base64 of a signature of 64 bytes"):
        read_proof(text)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (FINGERPRINT, True),
        (FINGERPRINT[:-1], False),
        (FINGERPRINT[:-1] + "h", False),  # bits that no digest has
        (FINGERPRINT.replace("SHA256", "MD5"), False),
        (FINGERPRINT + "=", False),
        ("SHA256:" + "*" * 43, False),
        ("SHA256:" + "é" * 43, False),
        ("", False),
        ("ada", False),
    ],
)
def test_texts_that_are_fingerprints(text: str, is_one: bool) -> None:
    assert is_fingerprint(text) == is_one


def test_the_package_for_signatures_is_imported_only_when_it_is_used() -> None:
    code = "import sys; from pylingo.reactor.people import keys; print('cryptography' in sys.modules)"
    code += "; keys.prepare(); print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE)
    assert done.stdout.split() == ["False", "True"]
    prepare()
