"""MODE, of rooms and of people."""

import pytest

from pylingo.reactor.irc.commands import modes
from pylingo.shared.messages import Command, Modes
from tests.fakes.irc_client import Desk, Somebody, numbers


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def ada(desk: Desk) -> Somebody:
    """The operator of the room tea."""
    return desk.client("ada", "#tea")


def test_modes_are_shown(desk: Desk, ada: Somebody):
    desk.client("bob")
    assert ada.asks("MODE #tea", "MODE #tea b", "MODE #tea +b", "MODE #tea e", "MODE #tea I", "MODE ada") == [
        ":irc.test 324 ada #tea +n",
        ":irc.test 329 ada #tea 1767268800",
        ":irc.test 368 ada #tea :End of channel ban list",
        ":irc.test 368 ada #tea :End of channel ban list",
        ":irc.test 349 ada #tea :End of channel exception list",
        ":irc.test 347 ada #tea :End of channel invite exception list",
        ":irc.test 221 ada +",
    ]
    assert numbers(
        ada.asks("MODE #no", "MODE nobody", "MODE bob", "MODE ada +Z", "MODE #tea +o bob", "MODE #tea +Z")
    ) == (["403", "401", "502", "501", "441", "472"])


def test_operators_of_a_room_by_modes(desk: Desk, ada: Somebody):
    bob = desk.client("bob", "#tea")
    ada.got(), bob.got()
    assert numbers(bob.asks("MODE #tea +o bob", "MODE #tea +t", "MODE #tea +b x")) == ["482", "482", "482"]
    told = [":ada!ada-user@pylingo MODE #tea +o bob", ":ada!ada-user@pylingo MODE #tea +t"]
    assert ada.asks("MODE #tea +to bob") == told
    assert bob.got() == told
    assert bob.asks("MODE #tea", "NAMES #tea")[0:3:2] == [
        ":irc.test 324 bob #tea +nt",
        ":irc.test 353 bob = #tea :@ada @bob",
    ]
    assert bob.asks("MODE #tea -o+o-t ada nobody") == [
        ":bob!bob-user@pylingo MODE #tea -o ada",
        ":irc.test 401 bob nobody :No such nick",
        ":bob!bob-user@pylingo MODE #tea -t",
    ]


def test_changes_are_told_on_one_line_and_kept(desk: Desk, ada: Somebody):
    bob, eve = desk.client("bob", "#tea"), desk.chat.people("eve")[0]
    assert ada.asks("MODE #tea +int-n+kl sesame 5") == [":ada!ada-user@pylingo MODE #tea +it-n+kl sesame 5"]
    assert bob.got()[-1:] == [":ada!ada-user@pylingo MODE #tea +it-n+kl sesame 5"]
    assert ada.asks("MODE #tea")[0] == ":irc.test 324 ada #tea +itkl sesame 5"
    assert desk.client("cid").asks("MODE #tea")[0] == ":irc.test 324 cid #tea +itkl * 5"
    assert ada.asks("MODE #tea -intkl+n sesame") == [":ada!ada-user@pylingo MODE #tea -itkl+n *"]
    assert ada.asks("MODE #tea +n", "MODE #tea -k") == []
    assert eve.session.room is not None


def test_masks_are_listed_with_who_and_when(desk: Desk, ada: Somebody):
    assert ada.asks("MODE #tea +bbe eve m:BOB x@y", "MODE #tea +I !z")[0] == (
        ":ada!ada-user@pylingo MODE #tea +bbe eve!*@* m:BOB!*@* *!x@y"
    )
    assert ada.asks("MODE #tea +b", "MODE #tea +e", "MODE #tea +I")[::2] == [
        ":irc.test 367 ada #tea eve!*@* ada 1767268800",
        ":irc.test 368 ada #tea :End of channel ban list",
        ":irc.test 349 ada #tea :End of channel exception list",
        ":irc.test 347 ada #tea :End of channel invite exception list",
    ]
    assert ada.asks("MODE #tea -b m:bob") == [":ada!ada-user@pylingo MODE #tea -b m:BOB!*@*"]


@pytest.mark.parametrize(
    "words", ["+k :", "+k :a b", "+k " + "x" * 40, "+k a,b", "+l :", "+l 0", "+l -1", "+l x", "+b " + "*a" * 9]
)
def test_values_that_make_no_sense(ada: Somebody, words: str):
    assert numbers(ada.asks(f"MODE #tea {words}")) == ["696"]
    assert ada.asks("MODE #tea")[0] == ":irc.test 324 ada #tea +n"


def test_voices(desk: Desk, ada: Somebody):
    bob = desk.client("bob", "#tea", caps="multi-prefix")
    ada.asks("MODE #tea +m")
    assert numbers(bob.asks("PRIVMSG #tea :hi", "TAGMSG #tea")) == ["404", "421"]
    assert ada.asks("MODE #tea +v bob", "MODE #tea +v ada")[0] == ":ada!ada-user@pylingo MODE #tea +v bob"
    assert bob.asks("PRIVMSG #tea :hi", "NAMES #tea", "WHO #tea")[0:3] == [
        ":irc.test 353 bob = #tea :@+ada +bob",
        ":irc.test 366 bob #tea :End of NAMES list",
        ":irc.test 352 bob #tea ada-user pylingo irc.test ada H@+ :0 Ada Real",
    ]
    assert ada.asks("NAMES #tea")[-2] == ":irc.test 353 ada = #tea :@ada +bob"
    assert numbers(ada.asks("MODE #tea +v nobody", "MODE #tea +v")) == ["401"]


@pytest.mark.parametrize(
    ("mode", "number"), [("+i", "473"), ("+k a", "475"), ("+l 1", "471"), ("+b bob", "474"), ("+b *!bob-user@*", "474")]
)
def test_rooms_that_are_closed(desk: Desk, ada: Somebody, mode: str, number: str):
    ada.asks(f"MODE #tea {mode}")
    bob = desk.client("bob")
    assert numbers(bob.asks("JOIN #tea", "JOIN #tea wrong")) == [number, number]
    assert bob.session.rooms == ()


def test_keys_go_with_the_rooms_in_their_order(desk: Desk, ada: Somebody):
    ada.asks("JOIN #den", "MODE #tea +k one", "MODE #den +k two")
    bob = desk.client("bob")
    bob.sends("JOIN #tea,#den,#new one,two")
    assert {room.name for room in bob.session.rooms} == {"tea", "den", "new"}
    assert desk.client("cid").asks("JOIN #other :a key")[0] == ":cid!cid-user@pylingo JOIN #other"


def test_a_secret_room(desk: Desk, ada: Somebody):
    assert ada.asks("MODE #tea +s", "NAMES #tea")[1] == ":irc.test 353 ada @ #tea :@ada"
    assert numbers(desk.client("bob").asks("LIST", "LIST #tea")) == ["321", "323", "321", "323"]
    assert numbers(ada.asks("LIST", "LIST #tea")) == ["321", "322", "323", "321", "322", "323"]


def test_words_from_outside(desk: Desk, ada: Somebody):
    bob = desk.client("bob", caps="echo-message")
    assert numbers(bob.asks("PRIVMSG #tea :hi")) == ["404"]
    ada.asks("MODE #tea -n")
    assert bob.asks("PRIVMSG #tea :hi") == [":bob!bob-user@pylingo PRIVMSG #tea :hi"]
    assert ada.got() == [":bob!bob-user@pylingo PRIVMSG #tea :hi"]


def test_native_people_and_clients_see_the_same_modes(desk: Desk, ada: Somebody):
    eve = desk.chat.person("eve")
    eve.ask(Command("open", "tea"))
    eve.got()
    ada.asks("MODE #tea +mo eve")
    assert Modes("tea", ["moderated on"], "ada") in eve.got()
    desk.client("bob")
    ada.got()
    eve.ask(Command("mode", "moderated off, outside on, invited bob, voice ada", room="tea"))
    assert ada.got() == [":eve!native@pylingo MODE #tea -mn+v ada"]


# --- people


def test_what_a_client_says_of_itself(ada: Somebody):
    assert ada.asks("MODE ada +iBw-w", "MODE ada", "MODE ada +i", "MODE ada -i+oZ") == [
        ":ada MODE ada +Bi",
        ":irc.test 221 ada +Bi",
        ":irc.test 501 ada :Unknown MODE flag",
        ":ada MODE ada -i",
    ]


def test_the_invisible_are_found_by_name_and_in_common_rooms(desk: Desk, ada: Somebody):
    ada.asks("MODE ada +i")
    bob = desk.client("bob")
    assert numbers(bob.asks("WHO a*", "WHO ada")) == ["315", "352", "315"]
    assert "ada" not in str(bob.asks("WHO *"))
    bob.asks("JOIN #tea")
    assert numbers(bob.asks("WHO a*")) == ["352", "315"]


def test_a_bot_is_marked(desk: Desk, ada: Somebody):
    bob = desk.client("bob", "#tea", caps="message-tags")
    ada.asks("MODE ada +B", "PRIVMSG #tea :beep")
    assert [line for line in bob.got() if ";bot " in line]
    assert "335" in numbers(bob.asks("WHOIS ada"))
    assert bob.asks("WHO ada")[0] == ":irc.test 352 bob * ada-user pylingo irc.test ada HB :0 Ada Real"
    assert bob.asks("WHO ada %tnfr,7")[0] == ":irc.test 354 bob 7 ada HB :Ada Real"


def test_the_commands():
    assert set(modes.HANDLERS) == {"MODE"}
