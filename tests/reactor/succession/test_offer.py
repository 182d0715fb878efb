"""The terms of an upgrade: which offers are taken, and which settings cannot change."""

import dataclasses
import os

import msgpack
import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.succession.handover import FORMAT, Go, Offer, encode
from pylingo.reactor.succession.offer import check_settings, make_offer, read_offer
from pylingo.shared import __version__
from pylingo.shared.launch import LaunchError

SETTINGS = ServerSettings(data="data", history="data/history.db")


def test_an_offer_says_what_there_is() -> None:
    offer = make_offer(SETTINGS, ["pylingo", "irc"], 1, {"--port": "7"})
    assert read_offer(encode(offer)) == offer
    assert (offer.format, offer.release, offer.sockets, offer.locks) == (FORMAT, __version__, ["pylingo", "irc"], 1)
    assert offer.ports == {"--port": "7"}
    assert offer.fixed["--data"] == os.path.abspath("data")


def test_a_format_that_is_not_known_is_refused() -> None:
    offer = dataclasses.replace(make_offer(SETTINGS, [], 0), format=FORMAT + 1, release="9.9.9")
    with pytest.raises(LaunchError, match=rf"release 9\.9\.9 .* format {FORMAT + 1}, .* restart the server instead"):
        read_offer(encode(offer))


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", encode(Go()), msgpack.packb(["offer", 2, "more", "than", "there", "is", "to", 1])]
)
def test_what_is_no_offer_is_refused(body: bytes) -> None:
    with pytest.raises(LaunchError, match="restart the server instead"):
        read_offer(body)


def test_settings_that_an_upgrade_cannot_change() -> None:
    offered = make_offer(SETTINGS, [], 0).fixed
    check_settings(offered, SETTINGS)
    check_settings(offered, dataclasses.replace(SETTINGS, data=os.path.abspath("data"), motd="new", port=1))
    with pytest.raises(LaunchError, match="cannot change --data, --history: restart"):
        check_settings(offered, ServerSettings(data="elsewhere"))


def test_an_offer_without_something_that_this_version_knows() -> None:
    offer = Offer(FORMAT, "0", [], 0, {}, {})
    with pytest.raises(LaunchError, match="cannot change --data"):
        check_settings(offer.fixed, SETTINGS)
