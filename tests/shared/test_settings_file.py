"""The text of a file with settings: its values, and the lines of its keys."""

import pytest

from pylingo.shared.settings_file import SettingsFile

TABLE = b'x = 0\n[window]\n# x\n  x = 1\n"y" = 2\nz.a = 3\n[other]\nv = 4\n'
TEXT = b'\xef\xbb\xbfname = "ada"\r\n\r\n  "layout" = "top"\nbell.a = 1\n[window]\nx = 1\n'


def test_values_and_places() -> None:
    file = SettingsFile("config.toml", TEXT)
    assert file.values == {"name": "ada", "layout": "top", "bell": {"a": 1}, "window": {"x": 1}}
    places = {"name": 1, "layout": 3, "bell": 4, "window": 5}
    assert {key: file.place(key) for key in places} == {key: f"config.toml:{line}" for key, line in places.items()}
    assert file.place("room") == "config.toml"
    assert file.text.encode() == TEXT


def test_the_places_of_the_keys_of_a_table() -> None:
    file = SettingsFile("f", TABLE)
    assert [file.place("window", key) for key in "xyzw"] == ["f:4", "f:5", "f:6", "f:2"]
    assert file.place("nothing", "x") == "f"
    assert SettingsFile("f", b"a = 0\nb = {c = 1}").place("b", "c") == "f:2"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'a = 1\nb = "\xff"', "f:2: this is not UTF-8"),
        (b"a = 1\nb: 2", "f:2: this is not valid TOML: "),
        (b"a = 1\na = 2", "f:2: this is not valid TOML: Cannot overwrite a value"),
        (b"a = 1\n\nb = [", "f:3: this is not valid TOML: "),
        (b"a = " + b"1" * 5_000, "f:1: this is not valid TOML: "),
        (b"a = " + b"[" * 20_000, "f: this is not valid TOML: it is nested too deeply"),
    ],
)
def test_a_file_that_is_not_toml_is_one_sentence_with_its_line(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        SettingsFile("f", data)
    assert str(caught.value).startswith(sentence)
    assert len(str(caught.value).splitlines()) == 1
