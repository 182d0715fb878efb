"""IRC clients at one server of a cluster, and IRC clients and native people at the other."""

# Runs once: what TLS changes is tested with one server.

import contextlib
import re
from collections.abc import Iterator

import pytest

from pylingo.reactor.bus.redis.cluster import GOES_ON, STANDS_STILL
from pylingo.shared.messages import Command, Joined, Left, Message, Private, Ready, RoomOp, Say, Welcome
from tests.fakes.cluster_fence import ClusterFence
from tests.fakes.identity import key
from tests.irc_server import Irc, IrcServer
from tests.redis_server import RedisProcess, running
from tests.support import DEADLINE, Peer, ServerProcess, wait_until

CAPS = "message-tags server-time away-notify echo-message batch draft/chathistory draft/event-playback"
DURABLE = ("appendonly yes", "appendfsync everysec")


class Twin:
    """Two servers of a cluster on a Redis of their own, at which zoe is an operator."""

    def __init__(self, stack: contextlib.ExitStack, redis: RedisProcess, *more: str) -> None:
        self.redis = redis
        options = ("--rate", "0", "--cluster", redis.url, "--cluster-name", "twin", "--irc-port", "0", *more)
        servers = [stack.enter_context(ServerProcess(*options, tls=False)) for _ in range(2)]
        self.one, self.two = map(IrcServer, servers)
        self._stack = stack
        self.connect()

    def connect(self) -> None:
        """Connect the fence to Redis, which may have been started anew."""
        self.fence = ClusterFence(self.redis.url, "twin", DEADLINE)
        self._stack.callback(self.fence.close)

    @contextlib.contextmanager
    def people(self, room: str) -> Iterator[tuple[Irc, Irc, Peer]]:
        """Ada, the operator of the room, at the one server, and at the other Bob and Eve, who is native."""
        with self.one.stack, self.two.stack:
            ada, bob = client(self.one, "ada", room), client(self.two, "bob", room)
            eve = self.two.native("eve", room)
            self.settle(ada, bob, eve)
            yield ada, bob, eve
            eve.send(Command("close"))
            eve.rest()
            for irc in (ada, bob):
                irc.send("QUIT")
                irc.rest()
        self.fence()

    def settle(self, *everybody: Irc | Peer) -> list[list[str]]:
        """What has come to each of these, without tags, once both servers have done everything."""
        self.fence()
        return [lines(one.fence()) if isinstance(one, Irc) else [*map(repr, one.fence())] for one in everybody]


def lines(found: list[str]) -> list[str]:
    """Lines without their tags."""
    return [line.partition(" ")[2] if line.startswith("@") else line for line in found]


def client(server: IrcServer, nick: str, *channels: str) -> Irc:
    irc = server.irc()
    irc.send(f"CAP REQ :{CAPS}", f"NICK {nick}", f"USER {nick} 0 * :{nick}", "CAP END")
    irc.until(" 221 ")
    for channel in channels:
        irc.send(f"JOIN #{channel}")
        irc.until(" 366 ")
    return irc


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    members = tmp_path_factory.mktemp("members") / "members"
    members.write_text(f'operator,name="zoe" {key("a").text}\n')
    members.chmod(0o600)
    with contextlib.ExitStack() as stack:
        redis: RedisProcess = stack.enter_context(running(tmp_path_factory.mktemp("redis"), *DURABLE))
        yield Twin(stack, redis, "--members", str(members), "--open")


def test_words_have_one_order_and_one_id_everywhere(twin: Twin) -> None:
    with twin.people("tea") as (ada, bob, eve):
        for place in range(30):
            ada.send(f"PRIVMSG #tea :a{place}")
            bob.send(f"PRIVMSG #tea :b{place}", f"NOTICE #tea :n{place}")
            eve.send(Say(f"e{place}"))
        twin.fence()
        at_ada, at_bob = ([line for line in irc.fence() if " #tea " in line] for irc in (ada, bob))
        ids = [re.search(r"msgid=(\d+)", line)[1] for line in at_ada]  # type: ignore[index]
        assert ids == [re.search(r"msgid=(\d+)", line)[1] for line in at_bob]  # type: ignore[index]
        assert ids == sorted(set(ids), key=int)
        assert len(ids) == 120
        heard = [it.at for it in eve.fence() if isinstance(it, Message)]
        assert heard == [int(id_) for id_, line in zip(ids, at_ada, strict=True) if ":eve!" not in line]
        for irc in (ada, bob):
            irc.send("CHATHISTORY LATEST #tea * 100")
            page = [line for line in irc.until("BATCH -") if "msgid=" in line]
            assert [re.search(r"msgid=(\d+)", line)[1] for line in page] == ids[-100:]  # type: ignore[index]


def test_what_happens_in_a_room_is_told_at_both_servers(twin: Twin) -> None:
    with twin.people("club") as (ada, bob, eve):
        bob.send("AWAY :lunch")
        assert twin.settle(ada) == [[":bob!native@pylingo AWAY :lunch"]]
        bob.send("TOPIC #club :leaves")
        assert twin.settle(ada) == [[":bob!native@pylingo TOPIC #club :leaves"]]
        bob.send("NICK robert")
        assert twin.settle(ada) == [[":bob!native@pylingo NICK :robert"]]
        eve.send(Command("name", "evelyn"))
        assert twin.settle(ada) == [[":eve!native@pylingo NICK :evelyn"]]
        ada.send("MODE #club +o robert")
        bob.until("MODE #club +o robert")
        assert eve.until(RoomOp, name="robert").by == "ada"
        for irc in (ada, bob):
            irc.send("NAMES #club")
            assert "@ada evelyn @robert" in " ".join(irc.until(" 366 "))
            irc.send("WHO #club")
            who = irc.until(" 315 ")
            assert [("@" in line.split(" ")[8]) for line in who[:-1]] == [True, False, True]
            irc.send("LIST")
            assert " 322 " in "".join(line for line in irc.until(" 323 ") if line.endswith("#club 3 :leaves"))
        bob.send("KICK #club evelyn :go")
        eve.until(Left, reason="kicked", by="robert")
        assert lines(ada.until(" KICK "))[-1] == ":robert!native@pylingo KICK #club evelyn :go"
        eve.send(Command("join", "club"))
        eve.until(Joined, name="evelyn")
        bob.send("QUIT :bye")
        assert lines(ada.until(" QUIT "))[-1] == ":robert!native@pylingo QUIT :Quit: bye"
        bob.rest()


def test_an_operator_at_the_other_server_has_a_sign_and_takes_messages_back(twin: Twin) -> None:
    with twin.people("den") as (ada, bob, eve), Peer(twin.two.port, greet=False) as zoe:
        challenge = zoe.expect(Welcome).challenge
        assert challenge is not None
        zoe.send(key("a").hello(challenge, "zoe", zoe.certificate))
        zoe.name = zoe.until(Ready).name
        zoe.join("den")
        twin.settle(ada, bob)
        for irc in (ada, bob):
            irc.send("NAMES #den", "WHO z*")
            assert any(line.endswith(":@ada bob eve @zoe") for line in irc.until(" 366 "))
            assert " zoe H* :0 zoe" in irc.until(" 315 ")[0]
        eve.send(Say("a secret"))
        secret = re.search(r"msgid=(\d+)", ada.until("a secret")[-1])
        assert secret is not None
        zoe.send(Command("redact", secret[1], room="den"))
        for irc in (ada, bob):
            irc.until(f"NOTICE #den :zoe has taken back the message {secret[1]}")
        zoe.send(Command("close"))
        zoe.rest()


def test_somebody_at_the_other_server_is_found_by_name(twin: Twin) -> None:
    with twin.people("inn") as (ada, bob, eve):
        bob.send("AWAY :lunch")
        twin.settle(ada, bob)
        asked = (
            "WHOIS bob",
            "WHO bob",
            "ISON bob nobody ADA Eve",
            "USERHOST bob nobody ada",
            "MONITOR + bob,zed",
        )
        ada.send(*asked)
        [found] = twin.settle(ada)
        replies = [(line.split(" ")[1], line.split(" ", 3)[3]) for line in found]
        assert dict(replies)["301"] == "bob :lunch"
        assert dict(replies)["352"] == "* native pylingo irc.pylingo bob G :0 bob"
        assert dict(replies)["303"] == ":bob ada eve"
        assert dict(replies)["302"] == ":bob=-native@pylingo ada=+ada@pylingo"
        assert (dict(replies)["730"], dict(replies)["731"]) == (":bob!native@pylingo", ":zed")
        ada.send("PRIVMSG bob :psst", "NOTICE bob :n", "PRIVMSG eve :to you", "PRIVMSG nobody :x")
        eve.send(Say("from me", to="ada"))
        [at_ada, at_bob] = twin.settle(ada, bob)
        assert at_bob == [":ada!native@pylingo PRIVMSG bob :psst", ":ada!native@pylingo NOTICE bob :n"]
        assert [line for line in at_ada if " 301 " in line or " 401 " in line] == [
            ":irc.pylingo 301 ada bob :lunch",
            ":irc.pylingo 401 ada nobody :No such nick",
        ]
        assert ":eve!native@pylingo PRIVMSG ada :from me" in at_ada
        assert eve.until(Private).text == "to you"
        zed = client(twin.two, "zed")
        ada.until(" 730 ada :zed!native@pylingo")
        zed.send("QUIT")
        ada.until(" 731 ada :zed")
        ada.send("MONITOR C")


def test_a_voice_an_absence_and_ctcp_reach_the_other_server(twin: Twin) -> None:
    with twin.people("lab") as (ada, bob, eve):
        ada.send("MODE #lab +v bob", "PRIVMSG bob :\x01PING 7\x01", "PRIVMSG eve :\x01VERSION\x01")
        ada.send("PRIVMSG nobody :\x01PING 7\x01", "NOTICE nobody :\x01PING 7\x01")
        bob.send("AWAY :lunch")
        [at_ada, at_bob, at_eve] = twin.settle(ada, bob, eve)
        assert [line for line in at_ada if " 401 " in line] == [":irc.pylingo 401 ada nobody :No such nick"]
        assert ":ada!ada@pylingo PRIVMSG bob :\x01PING 7\x01" in at_bob
        assert not re.search("PING|VERSION", repr(at_eve))
        bob.send("NOTICE ada :\x01PING 7\x01")
        assert lines(ada.until("NOTICE ada"))[-1] == ":bob!bob@pylingo NOTICE ada :\x01PING 7\x01"
        ada.send("NAMES #lab", "WHO #lab")
        assert any(line.endswith(":@ada +bob eve") for line in ada.until(" 366 "))
        flags = {line.split(" ")[7]: line.split(" ")[8] for line in lines(ada.until(" 315 "))[:-1]}
        assert flags == {"ada": "H@", "bob": "G+", "eve": "H"}


def test_no_line_is_missing_or_doubled_when_redis_was_away(twin: Twin) -> None:
    with twin.people("pub") as (ada, bob, eve):
        twin.redis.kill()
        for place in range(20):
            ada.send(f"PRIVMSG #pub :a{place}")
            bob.send(f"PRIVMSG #pub :b{place}")
        for irc in (ada, bob):
            irc.until(STANDS_STILL)
        twin.redis.start()
        heard = {irc: irc.until(GOES_ON) for irc in (ada, bob)}
        wait_until(lambda: _add(heard, ada) >= 40 and _add(heard, bob) >= 40, "all messages")
        twin.connect()
        twin.fence()
        said = []
        for irc, found in heard.items():
            found += irc.fence()
            said.append([line.split(" :")[-1] for line in found if "PRIVMSG #pub" in line])
        assert said[0] == said[1]
        assert [text for text in said[0] if text[0] == "a"] == [f"a{place}" for place in range(20)]
        assert [text for text in said[0] if text[0] == "b"] == [f"b{place}" for place in range(20)]
        assert [it.text for it in eve.fence() if isinstance(it, Message)] == said[0]
        ada.send("CHATHISTORY LATEST #pub * 100")
        page = [line.split(" :")[-1] for line in ada.until("BATCH -") if "PRIVMSG" in line]
        assert page == said[0]
        assert all("Traceback" not in server.process.log() for server in (twin.one, twin.two))


def _add(heard: dict[Irc, list[str]], irc: Irc) -> int:
    """Add what has come to a client, and return how many messages it has."""
    heard[irc] += irc.fence()
    return sum("PRIVMSG #pub" in line for line in heard[irc])
