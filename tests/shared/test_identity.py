"""Fingerprints, and the message that a key signs."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from pylingo.shared.identity import fingerprint, has_small_order, parse_fingerprint, proof_message
from tests.fakes.small_order import BASE_Y, ORDER, add, encode, point_with, small_keys, small_points, times

CHALLENGE = bytes(range(32))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_the_fingerprint_of_a_key_is_that_of_ssh_keygen(tmp_path: Path) -> None:
    import base64

    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    done = subprocess.run(["ssh-keygen", "-l", "-f", str(key)], check=True, capture_output=True, text=True)
    blob = base64.b64decode(key.with_suffix(".pub").read_text().split()[1])
    assert fingerprint(blob) == done.stdout.split()[1]


def test_the_fingerprint_has_no_padding() -> None:
    assert fingerprint(b"") == "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
    assert parse_fingerprint(fingerprint(b"")) == fingerprint(b"")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SHA256:",
        fingerprint(b"")[:-1],
        fingerprint(b"") + "=",
        fingerprint(b"")[:-1] + "V",  # bits beyond the last byte
        "MD5:" + "A" * 43,
        fingerprint(b"").removeprefix("SHA256:"),
        "SHA256:" + "é" * 43,
        "SHA256:" + "-" * 43,
    ],
)
def test_a_text_that_is_no_whole_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a fingerprint must be SHA256: and 43 characters of base64"):
        parse_fingerprint(text)


def test_the_message_has_the_challenge_and_the_certificate() -> None:
    assert proof_message(CHALLENGE, b"der") == b"PyLingo identity v1\0" + CHALLENGE + hashlib.sha256(b"der").digest()
    assert proof_message(CHALLENGE, None) == b"PyLingo identity v1\0" + CHALLENGE + bytes(32)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_challenge_of_another_size_is_not_signed(size: int) -> None:
    with pytest.raises(ValueError, match="a challenge must have 32 bytes"):
        proof_message(bytes(size), None)


# --- keys that prove nothing


def test_there_are_eight_points_of_a_small_order_in_fourteen_encodings() -> None:
    assert len(small_points()) == 8
    assert {times(8, point) for point in small_points()} == {(0, 1)}
    assert len(small_keys()) == 14  # those that libsodium refuses are as many
    assert all(map(has_small_order, small_keys()))


def test_other_points_are_no_matter_what_is_added_to_them() -> None:
    base = point_with(BASE_Y)
    assert base is not None
    assert times(ORDER, base) == (0, 1)
    for factor in (1, 2, 8, ORDER - 1):
        for small in small_points():
            assert not has_small_order(encode(add(times(factor, base), small)))
    assert not any(has_small_order(number.to_bytes(32, "little")) for number in range(2, 200))
    assert not any(has_small_order(bytes([number]) + key[1:]) for key in small_keys() for number in (3, 0x55))
