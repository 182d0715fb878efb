"""The header of an OpenSSH private key."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.client.openssh import KeyHeader, read_header
from tests.fakes.keys import ENCRYPTED, ENCRYPTED_PUBLIC, RSA, UNENCRYPTED, UNENCRYPTED_PUBLIC
from tests.fakes.small_order import small_keys

BEGIN, END = b"-----BEGIN OPENSSH PRIVATE KEY-----\n", b"\n-----END OPENSSH PRIVATE KEY-----\n"


def body(key: bytes) -> bytes:
    return base64.b64decode(key.removeprefix(BEGIN).removesuffix(END))


def wrapped(data: bytes) -> bytes:
    return BEGIN + base64.b64encode(data) + END


@pytest.mark.parametrize(
    ("key", "public", "is_encrypted"), [(UNENCRYPTED, UNENCRYPTED_PUBLIC, False), (ENCRYPTED, ENCRYPTED_PUBLIC, True)]
)
def test_a_key(key: bytes, public: str, is_encrypted: bool) -> None:
    header = read_header(key)
    assert header == KeyHeader(base64.b64decode(public.split()[1]), is_encrypted)
    assert header.public_key == public
    assert read_header(b"\n" + key.replace(b"\n", b"\r\n")) == header


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no whole OpenSSH private key"),
        (b"garbage", "no whole OpenSSH private key"),
        (UNENCRYPTED[:-9], "no whole OpenSSH private key"),
        (UNENCRYPTED_PUBLIC.encode(), "is a public key"),
        (b"ecdsa-sha2-nistp256 AAAA", "is a public key"),
        (RSA, "'ssh-rsa', not ssh-ed25519"),
        (b"-----BEGIN RSA PRIVATE KEY-----\n", "of a kind that cannot be used here"),
        (b"-----BEGIN PRIVATE KEY-----\n", "of a kind that cannot be used here"),
        (BEGIN + END, "damaged"),
        (BEGIN + b"!!!!!" + END, "damaged"),
        (wrapped(b"openssh-key-v2\0" + bytes(99)), "damaged"),
        (wrapped(body(UNENCRYPTED)[:60]), "damaged"),
        (wrapped(body(UNENCRYPTED).replace(b"\0\0\0\x01\0\0\0\x33", b"\0\0\0\x02\0\0\0\x33")), "damaged"),
        (wrapped(body(UNENCRYPTED).replace(b"ssh-ed25519", b"ssh-ed25518")), "'ssh-ed25518', not ssh-ed25519"),
        (wrapped(body(UNENCRYPTED).replace(b"ssh-ed25519", b"ssh\x1bed\xff5199")), r"ssh\\x1bed"),
    ],
)
def test_anything_else_is_refused_with_what_to_do(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        read_header(data)
    assert "ssh-keygen -t ed25519" in str(caught.value) or "public key" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("raw", small_keys(), ids=bytes.hex)
def test_a_key_with_which_anybody_can_sign_is_refused(raw: bytes) -> None:
    whole = body(UNENCRYPTED)
    public = base64.b64decode(UNENCRYPTED_PUBLIC.split()[1])[-32:]
    with pytest.raises(ValueError, match=r"cannot be used: with this key anybody can sign, .*; make one with  ssh"):
        read_header(wrapped(whole.replace(public, raw)))


@given(st.binary(max_size=300))
def test_any_body_is_a_key_or_a_value_error(data: bytes) -> None:
    for key in (wrapped(data), wrapped(b"openssh-key-v1\0" + data), data):
        try:
            read_header(key)
        except ValueError as error:
            assert str(error)


@given(st.data())
def test_a_key_cut_anywhere_is_a_value_error(data: st.DataObject) -> None:
    whole = body(UNENCRYPTED)
    cut = data.draw(st.integers(0, 90))  # before the end of the public half
    with pytest.raises(ValueError, match="damaged"):
        read_header(wrapped(whole[:cut]))


def test_the_keys_of_these_tests_are_those_of_ssh_keygen(tmp_path: Path) -> None:
    import shutil
    import subprocess

    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    path = tmp_path / "key"
    path.write_bytes(UNENCRYPTED)
    path.chmod(0o600)
    done = subprocess.run(["ssh-keygen", "-y", "-f", str(path)], capture_output=True, text=True, check=True)
    assert " ".join(done.stdout.split()[:2]) == UNENCRYPTED_PUBLIC
