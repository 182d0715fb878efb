"""The text of messages, and how other people's words are made safe to print."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.shared import text
from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold, user_name
from pylingo.shared.text import counted, message_text, printable, quote, readable
from tests.support import is_live

any_text = st.text(st.characters(exclude_categories=[]), max_size=150)


def refusal(check, wish: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        check(wish)
    assert len(caught.value.text) <= 1_024
    return caught.value


def test_the_numbers_of_the_protocol():
    numbers = (text.MAX_TEXT, text.MAX_WORDS, text.MAX_MOTD, text.MAX_QUOTE)
    assert numbers == (4_096, 1_024, 4_096, 64)


# --- message_text -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "a",
        "a b",
        " a ",
        "two\nlines",
        "tab\there",
        "\n\ta\n",
        "Grüße 世界 👩‍💻",
        "\u202ertl",
        "a\u200bb",
        "\u3164",
        "x" * 4_096,
    ],
)
def test_a_text_is_kept_as_typed(words):
    assert message_text(words) == words


CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]


def test_every_other_control_character_is_replaced():
    assert len(CONTROLS) == 63
    for char in CONTROLS:
        assert message_text(f"a{char}b") == "a\ufffdb"
        assert message_text(f"é{char}\n\t{char}") == "é\ufffd\n\t\ufffd"


@pytest.mark.parametrize("words", ["", " ", "\n", "\t", " \n\t ", "\u3000", "\u00a0\u2003", " " * 4_096], ids=ascii)
def test_a_text_needs_more_than_white_space(words):
    assert refusal(message_text, words).reason == "bad-text"


@pytest.mark.parametrize("letter", ["a", "\n", "é", "👋", "\0"])
def test_a_text_has_at_most_4096_characters(letter):
    assert len(message_text("a" + letter * 4_095)) == 4_096
    error = refusal(message_text, "a" + letter * 4_096)
    assert error.reason == "text-too-long"
    assert "4096" in error.text
    assert "4097" in error.text


@settings(deadline=None)
@given(words=any_text)
def test_only_controls_of_a_text_change(words):
    try:
        kept = message_text(words)
    except RequestError as error:
        assert error.reason == "bad-text"
        assert not words.strip()
    else:
        assert len(kept) == len(words)
        for typed, char in zip(words, kept, strict=True):
            control = unicodedata.category(typed) == "Cc" and typed not in "\n\t"
            assert char == ("\ufffd" if control else typed)


# --- printable --------------------------------------------------------------------------------------------------

BAD = "\ufffd"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
HOSTILE = {
    "clipboard": ("\x1b]52;c;ZXZpbA==\x07", f"{BAD}]52;c;ZXZpbA=={BAD}"),
    "unterminated title": ("\x1b]0;title", f"{BAD}]0;title"),
    "cursor position report": ("\x1b[6n", f"{BAD}[6n"),
    "reset": ("\x1bc", f"{BAD}c"),
    "mouse tracking": ("\x1b[?1003h", f"{BAD}[?1003h"),
    "status request": ('\x1bP$q"p\x1b\\', f'{BAD}P$q"p{BAD}\\'),
    "hyperlink": ("\x1b]8;;http://x\x1b\\y", f"{BAD}]8;;http://x{BAD}\\y"),
    "colour": ("\x1b[31mred", f"{BAD}[31mred"),
    "C1 CSI": ("\x9b31mred", f"{BAD}31mred"),
    "C1 OSC": ("\x9d0;title\x9c", f"{BAD}0;title{BAD}"),
    "C1 next line": ("a\x85b", f"a{BAD}b"),
    "CR": ("a\rb", f"a{BAD}b"),
    "LF": ("a\nb", f"a{BAD}b"),
    "CRLF": ("a\r\nb", f"a{BAD}{BAD}b"),
    "BS": ("a\bb", f"a{BAD}b"),
    "BEL": ("a\ab", f"a{BAD}b"),
    "NUL": ("a\0b", f"a{BAD}b"),
    "tab": ("a\tb", f"a{BAD}b"),
    "vertical tab, form feed": ("a\v\fb", f"a{BAD}{BAD}b"),
    "shift out": ("\x0eabc\x0f", f"{BAD}abc{BAD}"),
    "DEL": ("a\x7fb", f"a{BAD}b"),
    "bidi override": ("\u202eevil\u202c", f"{BAD}evil{BAD}"),
    "bidi isolate": ("\u2067evil\u2069", f"{BAD}evil{BAD}"),
    "bidi marks": ("a\u200e\u200f\u061cb", f"a{BAD}{BAD}{BAD}b"),
    "zero width space": ("a\u200bb", f"a{BAD}b"),
    "word joiner": ("a\u2060b", f"a{BAD}b"),
    "byte order mark": ("\ufeffa", f"{BAD}a"),
    "soft hyphen": ("a\u00adb", f"a{BAD}b"),
    "tag characters": ("a\U000e0001\U000e0041\U000e007f", f"a{BAD}{BAD}{BAD}"),
    "line separator": ("a\u2028b", f"a{BAD}b"),
    "paragraph separator": ("a\u2029b", f"a{BAD}b"),
    "interlinear": ("\ufff9a\ufffab\ufffb", f"{BAD}a{BAD}b{BAD}"),
    "lone surrogate": ("a\ud800b", f"a{BAD}b"),
    "noncharacters": ("a\uffff\ufdd0\U0010fffe", f"a{BAD}{BAD}{BAD}"),
    "unassigned that would show nothing": ("a\u2065\ufff0\U000e0fff", f"a{BAD}{BAD}{BAD}"),
    "tags without a flag": ("a\U000e0067\U000e0062\U000e0065\U000e007f", f"a{BAD}{BAD}{BAD}{BAD}"),
    "a flag without its end": ("\U0001f3f4\U000e0067\U000e0062\U000e0065x", f"\U0001f3f4{BAD}{BAD}{BAD}x"),
    "a flag of many tags": (f"\U0001f3f4{chr(0xE0061) * 7}\U000e007f", f"\U0001f3f4{BAD * 8}"),
    "two shut flags": (f"{ENGLAND}\U000e0061\U000e007f", f"{ENGLAND}{BAD}{BAD}"),
}


@pytest.mark.parametrize(("words", "shown"), HOSTILE.values(), ids=HOSTILE.keys())
def test_characters_that_a_terminal_would_act_on_are_shown(words, shown):
    assert printable(words) == shown
    assert printable(f"é{words}é") == f"é{shown}é"


@pytest.mark.parametrize(
    "words",
    [
        *(
            "",
            "plain ASCII ~!",
            "Grüße",
            "Привет",
            "世界",
            "नमस्ते",
            "ชื่อ",
            "שלום",
            "a\u00a0b\u3000c",
            "e\u0301",
            "👋🏽",
            "🇩🇪",
            "🏴",
            "�",
        ),
        *("𝐛𝐨𝐥𝐝", "\u1ed7", "o\u0302\u0303", ENGLAND, f"{ENGLAND}{ENGLAND}!", "\u0661\u0600\u0662"),
        *("\U0001fae9", "\U0001fac6\u200d\U0001fae9"),  # emoji of Unicode 16, which this Python need not know
        *("\ue0b0\U000f0000\U0010fffd", "\u0378\U0003fffd"),  # private use and unassigned
    ],
)
def test_harmless_characters_are_kept(words):
    assert printable(words) == words


def test_some_controls_can_be_kept():
    assert printable("a\nb\tc\rd\x1b", keep="\n\t") == f"a\nb\tc{BAD}d{BAD}"
    assert printable("a\nb\tc", keep="\n") == f"a\nb{BAD}c"
    assert printable("é\n", keep="\n") == "é\n"


@pytest.mark.parametrize("joiner", ["\u200d", "\u200c"], ids=ascii)
class TestJoiners:
    @pytest.mark.parametrize("words", ["👩{}💻", "👩{}👩{}👧", "می{}خواهم", "क्{}ष", "a{}b", "❤\ufe0f{}🔥", "♀{}x"])
    def test_they_stay_between_visible_characters(self, joiner, words):
        assert printable(words.format(joiner, joiner)) == words.format(joiner, joiner)

    @pytest.mark.parametrize(
        "words",
        [
            "{}",
            "{}a",
            "a{}",
            "{}{}",
            "a{}{}b",
            "a{}{}{}b",
            "a{} b",
            "a {}b",
            "a{}\u00a0",
            "a{}\u3000b",
            "a{}\x1bb",
            "\0{}b",
        ],
    )
    @pytest.mark.parametrize("keep", ["", "\n\t"], ids=["one line", "lines"])
    def test_they_go_elsewhere(self, joiner, words, keep):
        assert joiner not in printable(words.format(*[joiner] * 3), keep)

    @pytest.mark.parametrize(
        "words", ["a{}\nb", "a\n{}b", "a{}\tb", "a\t{}b", "a\u200b{}b", "a{}\u202eb", "a\ud800{}b"], ids=ascii
    )
    def test_they_go_beside_what_is_kept_but_not_visible(self, joiner, words):
        assert joiner not in printable(words.format(joiner), keep="\n\t")

    def test_they_do_not_help_marks_to_pile_up(self, joiner):
        shown = printable("z" + f"\u0301\u0301\u0301\u0301{joiner}" * 12 + "b")
        assert shown.count("\u0301") <= 4


@pytest.mark.parametrize("mark", ["\u0301", "\u0323", "\u0489", "\u20dd", "\u0e47", "\ufe0f", "\u034f"], ids=ascii)
def test_fifty_marks_on_one_letter(mark):
    assert printable("z" + mark * 50 + "z") == "z" + mark * 4 + BAD * 46 + "z"
    assert printable("z" + mark * 4) == "z" + mark * 4
    assert printable(("z" + mark * 3) * 5) == ("z" + mark * 3) * 5


def test_fifty_different_marks_on_one_letter():
    marks = "".join(chr(0x300 + number) for number in range(50))
    assert printable("z" + marks + "y") == "z" + marks[:4] + BAD * 46 + "y"
    assert printable(marks) == marks[:4] + BAD * 46


@pytest.mark.parametrize("filler", ["\u115f", "\u1160", "\u3164", "\uffa0"], ids=ascii)
@pytest.mark.parametrize("words", ["{}", "{}{}", "a{}b"])
def test_the_hangul_fillers_are_made_visible(words, filler):
    # They are letters by their category, but show nothing; a hostile server can send one as the name of a speaker.
    assert printable(words.format(filler, filler)) == words.format(BAD, BAD)


def test_a_mark_more_is_seen():
    names = [user_name("q" + "\u0323" * count) for count in (5, 6)]  # no letter q has a mark composed into it
    assert len({printable(name) for name in names}) == len({fold(name) for name in names}) == 2


@settings(deadline=None, max_examples=300)
@given(words=any_text | st.text(st.sampled_from("a é\u0301\u200d\u200c\x1b\n\u202e👩\u3000\u2028\ud800"), max_size=30))
def test_whatever_is_printed_is_inert(words):
    shown = printable(words)
    assert len(shown.splitlines()) <= 1
    assert len(shown) <= len(words)
    shown.encode()
    for index, char in enumerate(shown):
        if char in "\u200c\u200d":
            around = shown[index - 1 : index] + shown[index + 1 : index + 2]
            assert len(around) == 2
            assert not any(side.isspace() or side in "\u200c\u200d" for side in around)
        else:
            assert not is_live(char)


@pytest.mark.parametrize("char", ["\u00ad", "\u061c", "\u200e", "\u200f"], ids=ascii)
def test_in_a_text_a_soft_hyphen_or_a_mark_of_direction_is_not_shown(char):
    assert readable(f"{char}a{char}b\n{char * 9}c{char}") == "ab\nc"
    assert printable(f"a{char}b") == f"a{BAD}b", "in a name it is"


def test_a_zero_width_space_is_not_shown_where_words_have_no_spaces():
    assert readable("ភាសា\u200bខ្មែរ \u200bx") == f"ភាសាខ្មែរ {BAD}x"
    assert readable("a\u200bb") == f"a{BAD}b"


def test_a_text_has_lines_and_no_tabs():
    assert readable("a\tb\né\tc\x1b") == f"a   b\né   c{BAD}"


@pytest.mark.parametrize(("words", "shown"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_text_is_inert(words, shown):
    for said in (readable(words), readable(f"é{words}é")):
        assert not any(is_live(char) for char in said if char not in f"\n{ENGLAND}")


# --- quote ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        ("", "''"),
        ("word", "'word'"),
        ("a\x1b[2Jb", f"'a{BAD}[2Jb'"),
        ("two\nlines", f"'two{BAD}lines'"),
        ("a" * 64, f"'{'a' * 64}'"),
        ("a" * 65, f"'{'a' * 63}…'"),
        ("ж" * 30_000, f"'{'ж' * 63}…'"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_quotation_is_short_and_inert(words, quoted):
    assert quote(words) == quoted


@settings(deadline=None)
@given(words=any_text)
def test_a_quotation_has_at_most_64_characters(words):
    quoted = quote(words)
    assert quoted[0] == quoted[-1] == "'"
    assert len(quoted) <= 66
    assert quoted.splitlines() == [quoted]


@pytest.mark.parametrize(
    ("count", "words", "shown"),
    [
        (0, ["room"], "0 rooms"),
        (1, ["room"], "1 room"),
        (2, ["room"], "2 rooms"),
        (1, ["person is", "people are"], "1 person is"),
        (12_000, ["person is", "people are"], "12000 people are"),
    ],
)
def test_a_noun_goes_with_its_number(count: int, words: list[str], shown: str) -> None:
    assert counted(count, *words) == shown
