"""The first and last characters of links."""

import pytest

from pylingo.client.terminal.addresses import links, without_addresses

WIKI = "https://en.wikipedia.org/wiki/Foo_(bar)"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see http://a.example now", ["http://a.example"]),
        (WIKI, [WIKI]),
        (f"({WIKI})", [WIKI]),
        (f"(see {WIKI}).", [WIKI]),
        (f"[it]({WIKI})", [WIKI]),
        ("(http://a.example/x)", ["http://a.example/x"]),
        ("http://a.example/(((a)", ["http://a.example/(((a)"]),
        ("http://a.example/a)))", ["http://a.example/a"]),
        ("http://a.example/a)b", ["http://a.example/a)b"]),
        ("[http://a.example/x[1]]", ["http://a.example/x[1]"]),
        ("{http://a.example/{id}}", ["http://a.example/{id}"]),
        ("http://[::1]:5000/", ["http://[::1]:5000/"]),
        ("HTTPS://A.EXAMPLE/x", ["HTTPS://A.EXAMPLE/x"]),
        ("Http://a.example", ["Http://a.example"]),
        ("http://a.example/a、それ", ["http://a.example/a"]),
        ("http://a.example/a。", ["http://a.example/a"]),
        ("（http://a.example/a）それ", ["http://a.example/a"]),
        ("「http://a.example/a」", ["http://a.example/a"]),
        ("http://a.example/a！次", ["http://a.example/a"]),
        ("見てhttp://a.example/a", ["http://a.example/a"]),
        ("https://ja.wikipedia.org/wiki/日本", ["https://ja.wikipedia.org/wiki/日本"]),
        ("https://hi.example/wiki/राम।", ["https://hi.example/wiki/राम"]),
        ("http://a.example. And", ["http://a.example"]),
        ("http://a.example/?x=1&y=2#z!", ["http://a.example/?x=1&y=2#z"]),
        ("really http://a.example/x?!…", ["http://a.example/x"]),
        ("*http://a.example/x*, _http://b.example_", ["http://a.example/x", "http://b.example"]),
        ("'http://a.example/it's'", ["http://a.example/it's"]),
        ('"http://a.example"', ["http://a.example"]),
        ("<http://a.example>", ["http://a.example"]),
        ("http://a.example/a/", ["http://a.example/a/"]),
        ("xhttp://a.example", []),
        ("http://, https:// and https://)...", []),
        ("ftp://a.example, www.a.example, x@a.example", []),
        ("http://a.example http://b.example", ["http://a.example", "http://b.example"]),
        ("http://ü.example/漢", ["http://ü.example/漢"]),
        ("http://a.example/\nhttp://b.example/", ["http://a.example/", "http://b.example/"]),
    ],
)
def test_links(text: str, found: list[str]) -> None:
    assert [text[begin:end] for begin, end in links(text)] == found


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("plain words", "plain words"),
        ("see http://ada.example/ada/, ada", "see  , ada"),
        ("ssh://ada@host/x ada", "  ada"),
        ("WWW.x.example/ada, ada", " , ada"),
        ("ada@x.example, x.ada+1@ada.example: @ada", " ,  : @ada"),
        ("ada@host thanks@ada. Next", "ada@host thanks@ada. Next"),
        ("谢谢@ada", "谢谢@ada"),
    ],
)
def test_text_without_addresses(text: str, rest: str) -> None:
    assert without_addresses(text) == rest


@pytest.mark.parametrize("unit", ["a", "a.", "a@", "http://", ")", "http://a)", "(", "a+", "@a.", "www."])
def test_twice_the_text_is_twice_the_work(unit: str) -> None:
    # Two hundred times as long as a message may be: what is not linear here does not end.
    text = unit * (800_000 // len(unit))
    links(text)
    without_addresses(text)
