"""Strategies for what people do in a chat, given a machine that has a model of it."""

from typing import Protocol

from hypothesis import strategies as st

from pylingo.shared.messages import Command, HistoryRequest, PingRequest, Say
from pylingo.shared.text import MAX_LINE, MAX_TEXT
from tests.fakes.chat_model import Model
from tests.fakes.somebody import Device, Somebody


class Machine(Protocol):
    """`tokens` has every session that ever had one."""

    model: Model
    tokens: dict[Somebody, tuple[str, ...]]


NAMES = ["alice", "Alice", "ALICE", "bob", "Straße", "STRASSE", "Zoe\u0308", "Zoë", " carol ", "guest-1", "a b", "-"]
ROOMS = ["tea", "coffee", "Straße", "milk", "Tea", "#tea", " TEA ", "strasse", "no good", "#"]
TEXTS = ["hi", "x" * 150, " \n", "y" * (MAX_TEXT + 1)]
LINES = ["busy", "two\nlines", "-", "z" * (MAX_LINE + 1)]
CLAIMS = ["0" * 32, "1" * 32, "no token"]

ids = st.none() | st.integers(0, 3)
keys = st.none() | st.sampled_from(["k-1", "k-2", "old"])
rooms = st.sampled_from(ROOMS[:4]) | st.sampled_from(ROOMS)
wishes = st.none() | st.sampled_from(NAMES)
texts = st.just("hi") | st.sampled_from(TEXTS)
says = st.builds(Say, texts, keys, ids, action=st.booleans())
asks = st.none() | st.sampled_from([PingRequest(), Command("users"), HistoryRequest(inbox=True), HistoryRequest()])
lines = st.none() | st.sampled_from(LINES)


def room_of(device: Device) -> st.SearchStrategy[str | None]:
    """The room that a request names: none, one of the session's, or any."""
    assert device.somebody is not None
    own = [room.name for room in device.somebody.rooms]
    return st.none() | (st.sampled_from(own) if own else st.none()) | st.sampled_from(ROOMS)


def strangers_of(machine: Machine) -> list[Device]:
    """The connections that have said no hello and would be heard now."""
    return [one.device for one in machine.model.people if one.device and not one.is_ready and not one.is_busy]


def leavers_of(machine: Machine) -> list[Device]:
    """The connections of those who wait for the disk or are slow, if there are any: their end is the most difficult."""
    waiting = [one for one, place, _ in machine.model.questions for one in (one, place) if isinstance(one, Somebody)]
    slow = [device for device in machine.model.devices if device.is_slow]
    return [*slow, *(one.device for one in waiting if one.device is not None)] or machine.model.devices


def seat_of(machine: Machine) -> st.SearchStrategy[Somebody]:
    """A session that has, or had, a token."""
    return st.sampled_from(list(machine.model.seats or machine.tokens)) | st.sampled_from(list(machine.tokens))


def user_of(machine: Machine) -> st.SearchStrategy[str]:
    people = st.sampled_from([one.name for one in machine.model.people])
    return people | people | st.sampled_from(NAMES)


devices = st.runner().flatmap(lambda machine: st.sampled_from(machine.model.devices))
"""A connection whose requests are handled. There always is one."""
users = st.runner().flatmap(user_of)
strangers = st.runner().flatmap(lambda machine: st.sampled_from(strangers_of(machine)))
leavers = st.runner().flatmap(lambda machine: st.sampled_from(leavers_of(machine)))
seats = st.runner().flatmap(seat_of)
devices_and_rooms = devices.flatmap(lambda device: st.tuples(st.just(device), room_of(device)))
