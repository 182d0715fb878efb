"""JOIN, PART, TOPIC, NAMES, LIST."""

import pytest

from pylingo.reactor.irc.commands.rooms import targets
from pylingo.shared.messages import Joined, Left, Topic
from tests.fakes.irc_client import Desk, numbers


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_entering_tells_who_is_there_and_the_others_learn_of_it(desk: Desk):
    eve = desk.chat.person("eve", "Tea")
    bob = desk.client("bob", "#tea")
    ada = desk.client("ada")
    bob.got(), eve.got()
    assert ada.asks("JOIN #tea") == [
        ":ada!ada-user@pylingo JOIN #Tea",
        ":irc.test 353 ada = #Tea :ada bob @eve",
        ":irc.test 366 ada #Tea :End of NAMES list",
    ]
    assert bob.got() == [":ada!ada-user@pylingo JOIN #Tea"]
    assert eve.got() == [Joined("Tea", "ada")]


def test_a_list_of_rooms_is_entered_one_after_the_other(desk: Desk):
    lines = desk.client("ada").asks("JOIN #one,#two,&x,#one,#b@d")
    assert numbers(lines) == ["JOIN", "353", "366", "JOIN", "353", "366", "403", "476"]


def test_entering_again_says_nothing(desk: Desk):
    assert desk.client("ada", "#tea").asks("JOIN #TEA") == []


def test_twenty_rooms_are_the_most(desk: Desk):
    ada = desk.client("ada", ",".join([f"#r{number}" for number in range(20)]))
    assert len(ada.session.rooms) == 20
    assert numbers(ada.asks("JOIN #more")) == ["405"]


def test_a_topic_is_told_on_entering(desk: Desk):
    ada = desk.client("ada", "#tea")
    ada.sends("TOPIC #tea :scones")
    lines = desk.client("bob").asks("JOIN #tea")
    assert numbers(lines) == ["JOIN", "332", "333", "353", "366"]
    assert lines[1:3] == [":irc.test 332 bob #tea :scones", ":irc.test 333 bob #tea ada 1767268800"]


def test_leaving_with_a_reason(desk: Desk):
    ada, bob, eve = desk.client("ada", "#tea,#lobby"), desk.client("bob", "#tea"), desk.chat.person("eve", "tea")
    bob.got(), eve.got()
    line = ":ada!ada-user@pylingo PART #tea :so long"
    assert ada.asks("PART #tea,#nowhere :so long") == [line, ":irc.test 403 ada #nowhere :No such channel"]
    assert bob.got() == [line]
    assert eve.got() == [Left("tea", "ada", "leave", text="so long")]
    assert numbers(ada.asks("PART #tea")) == ["442"]


def test_leaving_all(desk: Desk):
    ada = desk.client("ada", "#tea,#lobby")
    assert numbers(ada.asks("JOIN 0")) == ["PART", "PART"]
    assert ada.session.rooms == ()


def test_a_topic_is_asked_for_set_and_cleared(desk: Desk):
    ada, eve = desk.client("ada", "#tea"), desk.chat.person("eve", "tea")
    ada.got(), eve.got()
    assert numbers(ada.asks("TOPIC #tea")) == ["331"]
    assert ada.asks("TOPIC #tea :scones at four") == [":ada!ada-user@pylingo TOPIC #tea :scones at four"]
    [topic] = eve.got()
    assert isinstance(topic, Topic)
    assert topic.topic == "scones at four"
    assert numbers(ada.asks("TOPIC #tea")) == ["332", "333"]
    assert ada.asks("TOPIC #tea :") == [":ada!ada-user@pylingo TOPIC #tea :"]
    assert numbers(ada.asks("TOPIC #tea", "TOPIC #nowhere :x")) == ["331", "403"]


def test_a_locked_topic_is_for_operators(desk: Desk):
    desk.client("ada", "#tea").sends("MODE #tea +t")
    bob = desk.client("bob", "#tea")
    assert bob.asks("TOPIC #tea :mine") == [
        ":irc.test 482 bob #tea :the topic of tea is locked: ask an operator of the room to set it"
    ]


def test_names_of_a_room_that_one_is_not_in_are_not_told(desk: Desk):
    desk.client("bob", "#tea")
    ada = desk.client("ada")
    assert numbers(ada.asks("NAMES #tea", "NAMES", "NAMES #nowhere")) == ["366", "366", "366"]


def test_names_with_their_hosts(desk: Desk):
    ada = desk.client("ada", "#tea", caps="userhost-in-names multi-prefix")
    assert ada.asks("NAMES #tea")[0] == ":irc.test 353 ada = #tea :@ada!ada-user@pylingo"


def test_a_large_room_is_listed_whole(desk: Desk):
    for number in range(300):
        desk.chat.person(f"somebody-{number:03}", "tea")
    lines = desk.client("ada").asks("JOIN #tea")
    names = [name for line in lines if " 353 " in line for name in line.partition(" #tea ")[2].lstrip(":").split()]
    assert sorted(names) == sorted(["ada", "@somebody-000", *[f"somebody-{number:03}" for number in range(1, 300)]])
    assert all(len(line) <= 510 for line in lines)
    assert numbers(lines)[-1] == "366"


def test_rooms_are_listed(desk: Desk):
    ada = desk.client("ada", "#tea,#lobby")
    desk.client("bob", "#tea").sends("TOPIC #tea :scones")
    assert ada.asks("LIST")[-4:] == [
        ":irc.test 321 ada Channel :Users  Name",
        ":irc.test 322 ada #lobby 1 :",
        ":irc.test 322 ada #tea 2 :scones",
        ":irc.test 323 ada :End of LIST",
    ]
    assert numbers(ada.asks("LIST #TEA,#nowhere")) == ["321", "322", "323"]


def test_targets_are_each_once_and_not_too_many():
    assert targets("a,,b,a") == ["a", "b"]
    assert len(targets(",".join(map(str, range(100))))) == 20


def test_entering_while_away_is_told_to_those_who_asked_for_it(desk: Desk):
    bob, cid = desk.client("bob", "#tea", caps="away-notify setname"), desk.client("cid", "#tea")
    ada = desk.client("ada")
    ada.sends("AWAY :lunch", "JOIN #tea", "SETNAME :Countess")
    mask = ":ada!ada-user@pylingo"
    bob.got(), cid.got()
    ada.sends("PART #tea", "JOIN #tea", "SETNAME :Lovelace")
    assert bob.got() == [f"{mask} PART #tea", f"{mask} JOIN #tea", f"{mask} AWAY lunch", f"{mask} SETNAME Lovelace"]
    assert cid.got() == [f"{mask} PART #tea", f"{mask} JOIN #tea"]


def test_names_of_several_rooms_have_one_end(desk: Desk):
    ada = desk.client("ada", "#tea", "#den")
    assert ada.asks("NAMES #tea,#no,#den") == [
        ":irc.test 353 ada = #tea :@ada",
        ":irc.test 353 ada = #den :@ada",
        ":irc.test 366 ada #tea,#no,#den :End of NAMES list",
    ]


def test_rooms_are_listed_by_conditions(desk: Desk):
    ada = desk.client("ada", "#tea", "#den")
    assert [line.split()[3] for line in ada.asks("LIST #d*,<2", "LIST >1", "LIST !*e*") if " 322 " in line] == ["#den"]
