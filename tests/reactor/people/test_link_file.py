"""The file with the link to the server."""

from pathlib import Path

import pytest

from pylingo.reactor.people.link_file import read_link, write_link
from pylingo.shared.link import Link

PIN = "SHA256:" + "A" * 43


@pytest.mark.parametrize("host", ["chat.example.org", "192.0.2.7", "2001:db8::1", "fe80::1%eth0", "my_host", "höst"])
@pytest.mark.parametrize("pin", [PIN, None])
def test_a_link_is_read_as_it_was_written(tmp_path: Path, host: str, pin: str | None) -> None:
    path = tmp_path / "link"
    write_link(str(path), Link(host, 5001, fingerprint=pin))
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_link(str(path)) == Link(host, 5001, fingerprint=pin)
    path.chmod(0o644)  # it is no secret
    assert read_link(str(path)) is not None


def test_there_may_be_none(tmp_path: Path) -> None:
    assert read_link(str(tmp_path / "link")) is None


@pytest.mark.parametrize("size", [0, 1, 20, -2, -1])
def test_a_part_of_a_link_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "link"
    write_link(str(path), Link("chat.example.org", 5001, fingerprint=PIN))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"the link .*link is damaged: .*; remove it, and start the server, which wri"):
        read_link(str(path))


@pytest.mark.parametrize("data", [b"words\n", b"\xff\0\n", b"\n"])
def test_another_text_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "link"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is damaged: a link must be pylingo://HOST"):
        read_link(str(path))


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_link_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "link"
    write_link(str(path), Link("chat.example.org", 5001))
    path.chmod(mode)
    with pytest.raises(ValueError, match=r"others can write the link .*link: change that with  chmod go-w .*link"):
        read_link(str(path))
