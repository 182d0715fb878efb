"""User names and room names: which are allowed, and which are one name."""

import types
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.shared import names
from pylingo.shared.errors import RequestError
from pylingo.shared.names import MAX_COMPARED, MAX_NAME, MAX_ROOM, fold, room_name, user_name

INVISIBLE = [
    *("\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u180b", "\u180f", "\u3164", "\ufe00", "\ufe0f", "\uffa0"),
    *("\U00016fe4", "\U000e0100", "\U000e01ef"),
]
any_text = st.text(st.characters(exclude_categories=[]), max_size=150)
# Random text is hardly ever a name, so most of these letters can stand in one.
namelike = st.text(st.sampled_from("aZ7-_.éßſﬁж漢あ한\u0301\u0323\u3099क्१１ ǆµᾂ\u3164\u200d#"), max_size=40) | any_text


def refusal(check, wish: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        check(wish)
    assert len(caught.value.text) <= 1_024
    return caught.value


def test_the_numbers_of_the_protocol():
    assert (MAX_NAME, MAX_ROOM) == (32, 64)


def test_without_the_table_of_scripts_the_missing_package_is_named(monkeypatch):
    names.script_table.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ModuleNotFoundError) as caught:
            names.prepare()
    assert caught.value.name == "confusable_homoglyphs"


# --- names ------------------------------------------------------------------------------------------------------

NAMES = [
    *("a", "Z", "alice", "Alice", "7", "0day", "42", "x-_.", "a.b-c_d", "a--"),
    *("Ünïcödé", "straße", "ſ", "ﬁsh", "ｆｕｌｌ", "ªº", "Ǆ", "Алиса", "Ελένη", "ქართული"),
    *("שלום", "سلام", "हिन्दी", "ชื่อ", "தமிழ்", "ไทย๗", "٣alice", "१"),
    # scripts that are written together count as one
    *("漢字", "ひらがな", "カタカナ", "漢字ひらがなカタカナ", "ｶﾀｶﾅ", "ラーメン", "佐々木"),
    *("한국", "韓國한국", "ㄅㄆㄇ", "注音ㄅㄆㄇ"),
    # digits and punctuation belong to no script
    *("Алиса-7", "漢字_1.0", "Алиса١٢"),
    # a number right after `guest-` is what makes a guest, and nothing else
    *("guest", "guest-", "guest-a", "guest-1a", "guest-1.", "guest1", "guest_1", "guest--1", "guests-1", "my-guest-1"),
]
GUESTS = [
    *("guest-1", "guest-0", "guest-007", "guest-4294967296", "Guest-1", "GUEST-1", "gUeSt-12", " guest-1 "),
    *("guest-１", "guest-१२", "guest-٣", "guest-1٣", "guest-𝟙", "guest-𝟶𝟷"),
    *("ｇｕｅｓｔ-1", "ＧＵＥＳＴ-９", "𝐠𝐮𝐞𝐬𝐭-1", "gueſt-1", "GUEſT-1", "gueﬆ-1", "gueﬅ-1"),
]
NO_NAMES = {
    "nothing": ["", " ", "\t\n", "\u3000"],
    "begins with neither letter nor digit": [
        *("-a", "_a", ".a", "-", "\u0301a", "\u0301", "\u093f", "'a", "#a", "@a", "/a"),
    ],
    "other characters": [
        *("a b", "a\u00a0b", "a\u3000b", "a\tb", "a\nb", "a/b", "a@b", "a#b", "a:b", "a'b", 'a"b', "a,b", "a+b", "<a>"),
        *("a\u2010b", "a\u2011b", "a\u2013b", "a\uff0db", "a\uff3fb", "a\u00b7b", "a😀", "😀", "a€", "a°", "a\u2800"),
    ],
    "numbers that are no digits": ["a²", "²", "a½", "aⅣ", "Ⅳ", "a①", "一〇"],
    "controls and formats": [
        *("a\0", "a\x1b[2J", "a\x7fb", "a\x9bb", "a\x85b", "a\u200bb", "a\u200cb", "a\u200db", "a\u2060b", "a\ufeffb"),
        *("a\u00adb", "a\u202eb", "a\u2066b", "a\u2067b", "a\u061cb", "a\u180eb"),
        *("a\u2028b", "a\u2029b", "a\U000e0041"),
    ],
    "surrogates, private use and unassigned": ["\ud800", "a\udfff", "\ue000", "a\U000f0000", "\u0378", "a\uffff"],
    "marks that follow no letter": ["1\u0301", "a-\u0301", "a_\u0323", "a.\u0301", "a1\u20dd", "7\u093f"],
    "invisible letters and marks": [
        *INVISIBLE,
        *(f"a{char}" for char in INVISIBLE),
        *(f"a{char}b" for char in INVISIBLE),
        *(f"a{char}\u0301" for char in INVISIBLE),
    ],
    "look-alikes": [
        *("аlice", "аdmin", "Аlice", "alicе", "αlice", "Οlga", "pаypal", "Ηello"),
        *("οk", "bοb", "ѕcope", "ոick", "Ꭺlice"),
        *("ａдmin", "𝐚дmin", "дµ", "µTorrent", "ɑж"),
    ],
    "scripts that are not written together": [
        *("tokyo東京", "東京tokyo", "aあ", "あ한", "あㄅ", "한ㄅ", "漢ㄅ한", "漢あ한", "Жא", "नத", "กა"),
    ],
}
REFUSED = [
    pytest.param(wish, id=f"{why}: {wish.encode('ascii', 'backslashreplace').decode()!r}")
    for why, wishes in NO_NAMES.items()
    for wish in wishes
]


@pytest.mark.parametrize("wish", NAMES)
def test_a_name_is_kept_as_typed(wish):
    assert user_name(wish) == wish
    assert room_name(wish) == wish


@pytest.mark.parametrize("wish", GUESTS, ids=ascii)
def test_a_guest_name_is_the_servers_alone(wish):
    error = refusal(user_name, wish)
    assert error.reason == "bad-name"
    assert "guest" in error.text
    assert room_name(wish) == wish.strip()


@pytest.mark.parametrize("wish", REFUSED)
def test_texts_that_are_no_name(wish):
    assert refusal(user_name, wish).reason == "bad-name"
    if not wish.startswith("#"):
        assert refusal(room_name, wish).reason == "bad-room"


@pytest.mark.parametrize(
    ("check", "limit", "code"), [(user_name, 32, "bad-name"), (room_name, 64, "bad-room")], ids=["user", "room"]
)
class TestLength:
    @pytest.mark.parametrize("letter", ["a", "ж", "漢", "\U00010400"])
    def test_characters_are_counted(self, check, limit, code, letter):
        assert check(letter * limit) == letter * limit
        error = refusal(check, letter * (limit + 1))
        assert error.reason == code
        assert str(limit) in error.text

    @pytest.mark.parametrize("letter", ["é", "ǭ", "ᾂ", "한"])
    def test_they_are_counted_after_nfc(self, check, limit, code, letter):
        decomposed = unicodedata.normalize("NFD", letter)
        assert check(decomposed * limit) == letter * limit
        assert refusal(check, decomposed * (limit + 1)).reason == code

    def test_nfc_can_make_a_name_longer(self, check, limit, code):
        # U+0958 is excluded from composition, so it becomes two characters.
        assert check("\u0958" * (limit // 2)) == "\u0915\u093c" * (limit // 2)
        assert refusal(check, "\u0958" * (limit // 2 + 1)).reason == code

    def test_white_space_around_is_not_counted(self, check, limit, code):
        assert check(" \t\n\u3000" * 500 + "a" * limit + " " * 500) == "a" * limit

    @pytest.mark.parametrize(
        "wish",
        [
            "a" + "\u0301" * 30_000,
            "a" + "\u0323\u0301" * 15_000,
            "\u0301" * 30_000,
            "ᾂ" * 10_000,
            "한" * 10_000,
            "\ufdfa" * 10_000,
            "-" * 30_000,
            "ж" * 257,
        ],
        ids=ascii,
    )
    def test_a_name_that_is_far_too_long_is_refused_before_normalisation(self, check, limit, code, wish, monkeypatch):
        # It takes quadratic time over a long run of marks. Counted, as a measured time would depend on the machine.
        normalised = []

        def normalize(form, string):
            normalised.append(len(string))
            return unicodedata.normalize(form, string)

        counting = types.SimpleNamespace(category=unicodedata.category, normalize=normalize)
        monkeypatch.setattr(names, "unicodedata", counting)
        assert refusal(check, wish).reason == code
        assert normalised == []
        assert check("e\u0301") == "é"
        assert normalised  # the counting counts


@pytest.mark.parametrize(
    ("wish", "name"),
    [(" alice ", "alice"), ("\talice\n", "alice"), ("\u3000アリス", "アリス"), ("e\u0301a", "éa"), ("\u212b", "Å")],
)
def test_a_name_is_trimmed_and_composed(wish, name):
    assert user_name(wish) == name
    assert room_name(wish) == name


@pytest.mark.parametrize(
    ("wish", "room"), [("#lobby", "lobby"), (" #lobby ", "lobby"), ("lobby", "lobby"), ("#7", "7"), ("#e\u0301", "é")]
)
def test_one_leading_number_sign_is_dropped(wish, room):
    assert room_name(wish) == room


@pytest.mark.parametrize("wish", ["#", "##", "##lobby", "#-", "lob#by", "lobby#", " # ", "#" + "a" * 65, "＃lobby"])
def test_no_other_number_sign_is(wish):
    assert refusal(room_name, wish).reason == "bad-room"


def test_a_number_sign_does_not_count():
    assert room_name("#" + "a" * 64) == "a" * 64


@settings(deadline=None, max_examples=300)
@given(wish=namelike)
def test_any_wish_is_a_name_or_refused(wish):
    for check, limit, code in ((user_name, 32, "bad-name"), (room_name, 64, "bad-room")):
        try:
            name = check(wish)
        except RequestError as error:
            assert error.reason == code
            assert len(error.text) <= 1_024
            error.text.encode()
        else:
            assert 1 <= len(name) <= limit
            assert name == unicodedata.normalize("NFC", wish.strip().removeprefix("#" if limit == 64 else ""))
            assert check(name) == name
            assert {unicodedata.category(char)[0] for char in name} <= set("LMNP")


# A letter of each of the 64 scripts whose names are longest, from Mahajani to Nyiakeng Puachue Hmong.
SCRIPTS = (
    "\U00011150\u1c5a\ua840\u1760\u1a20\uaa80\u2d30\U00010380\U00010570\U00016ad0\U00011c00\U00012000"
    "\U000112b0\u0d04\u1820\U00010880\U00010860\u0800\u1b83\U00010fb0\u0904\u2c00\U00010a00\U00010ac0"
    "\U00010300\U00010350\U00010c00\U00010f70\U00010900\ua882\U00011900\U00016e40\U0001e4d0\U000119a0\u1980"
    "\U000103a0\U00010f00\U00011ac0\U000118a0\U00012f90\uaae0\U00016b00\U000110d0\ua800\U00011d60\U00011d00"
    "\U0001e800\U00010c80\U00010d00\U00010b80\U00010840\U000109a0\U00011a00\U00010a80\U00010a60\U00010530"
    "\u1401\U00018b00\U00013000\U00010980\U00014400\U00010b60\U00010b40\U0001e100"
)


@pytest.mark.parametrize(("check", "wish"), [(user_name, SCRIPTS[-32:]), (room_name, SCRIPTS)], ids=["user", "room"])
def test_a_name_of_very_many_scripts_is_refused_in_a_short_sentence(check, wish):
    assert "script" in refusal(check, wish).text


@pytest.mark.parametrize(("check", "limit"), [(user_name, 32), (room_name, 64)], ids=["user", "room"])
@pytest.mark.parametrize("letter", ["\ufdfa", "\ufb03", "\u1e9e", "\u0390", "\ufdfb"])
def test_the_compared_form_of_a_name_is_bounded(check, limit, letter):
    """U+FDFA becomes 18 characters: lists of such names were 4 s of work."""
    for count in range(1, limit + 1):
        length = len(fold(letter * count))
        if length <= MAX_COMPARED:
            assert len(fold(check(letter * count))) == length
        else:
            words = refusal(check, letter * count).text
            assert f"at most {MAX_COMPARED} characters" in words
            assert str(length) in words


def test_a_long_form_is_refused_before_its_scripts_are_looked_up():
    words = refusal(room_name, "a" + "\ufdfa" * 63).text
    assert f"at most {MAX_COMPARED} characters" in words
    assert "script" not in words


# --- fold -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(
            ("Alice", "alice"),
            ("ALICE-7", "alice-7"),
            ("straße", "STRASSE"),
            ("ﬁsh", "FISH"),
            ("ſ", "s"),
            ("ΣΑΣ", "σας"),
        ),
        *(("é", "e\u0301"), ("\u212b", "å"), ("\u2126", "ω"), ("Ａｌｉｃｅ", "alice"), ("𝐀lice", "alice"), ("ｶﾞ", "ガ")),
        *(("Ǆ", "dž"), ("Алиса", "алиса"), ("१", "१"), ("ᾳ", "αι"), ("K", "k")),
    ],
)
def test_names_that_are_one(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "alice_"),
        ("alice", "аlice"),
        ("e", "é"),
        ("a.b", "a-b"),
        ("1", "१"),
        ("i", "ı"),
        ("o", "0"),
        ("", "a"),
    ],
)
def test_names_that_are_two(one, other):
    assert fold(one) != fold(other)


@settings(deadline=None, max_examples=300)
@given(name=namelike | st.text(st.characters(max_codepoint=127)))
def test_fold_is_the_formula_of_the_protocol(name):
    once = unicodedata.normalize("NFKC", name)
    assert fold(name) == unicodedata.normalize("NFKC", once.casefold())
