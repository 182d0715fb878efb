"""By which words somebody is called."""

import pytest

from pylingo.client.terminal.mentions import mentions


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ada", "ada"),
        ("ada", "ada: hello"),
        ("ada", "hello ADA!"),
        ("Ada", "@ada"),
        ("ada", "canada and ada"),
        ("ada", "(ada), ada's, ada?"),
        ("ada", "ada's"),
        ("ada", "ada."),
        ("ada", "ada... hello"),
        ("ada", "ada- hello"),
        ("ada", "-ada"),
        ("ada", "*ada*"),
        ("ada", "thanks@ada"),
        ("ada", "谢谢@ada。"),
        ("ada", "ada说"),
        ("ada", "http://x.example/a、ada"),
        ("ada", "x@ada.example says ada"),
        ("straße", "hi STRASSE"),
        ("guest-1", "(guest-1)"),
        ("u\u0308ber", "über"),
        ("ada-bot", "ada-bot: stop"),
        ("ada.l", "so ada.l."),
        ("田中", "田中さん"),
        ("田中", "はい、田中さん、どうぞ"),
        ("田中", "私は田中"),
        ("サム", "サムさん"),
        ("ｻﾑ", "サム、"),
        ("राम", "राम, सुनो"),
        ("राम", "जय राम।"),
        ("김철수", "김철수, 안녕"),
        ("נועה", "שלום נועה!"),
        ("Алиса", "алиса, привет"),
        ("e\u0301", "É"),
    ],
)
def test_people_who_are_called(name: str, text: str) -> None:
    assert mentions(text, name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ada", ""),
        ("", "hello"),
        ("ada", "adamant, canada, ada_, _ada, ada1, 1ada, xada"),
        ("ada", "ada-bot: stop"),
        ("ada", "the-ada, ada.lovelace, x.ada, ada--x"),
        ("ada", "x@ada.example, ada@x.example"),
        ("ada", "https://x.example/ada/, http://ada.example"),
        ("ada", "HTTPS://x.example/?q=ada"),
        ("ada", "ssh://ada@host, www.x.example/ada"),
        ("ada", "https://x.example/(ada)"),
        ("ada", "adä, ada\u0301"),
        ("guest-1", "guest-12, guest-1-2"),
        ("राम", "रामायण"),
        ("राम", "आराम"),
        ("राम", "रामा"),
        ("サム", "サムスン"),
        ("サム", "イサム"),
        ("田中", "田中2, 田中_"),
        ("田", "\u304b\u3099田\u3099"),
        ("철수", "김철수"),
        ("ali", "алиса"),
    ],
)
def test_people_who_are_not_called(name: str, text: str) -> None:
    assert not mentions(text, name)


@pytest.mark.parametrize("text", ["-" * 400_000, "a" * 400_000, "\u0301" * 400_000, "b-" * 200_000])
def test_a_long_text_is_read_once(text: str) -> None:
    # A hundred times as long as a message may be: what is not linear here does not end.
    assert not mentions(text + "b", "ab")
