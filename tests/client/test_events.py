"""The types of events: each result of a conversation is for the network or for the owner of the client."""

from typing import get_args

from pylingo.client.events import ClientEvent, ConversationEvent, Remark, Send, Status


def test_a_client_passes_on_every_event_but_those_for_the_network() -> None:
    conversation, client = set(get_args(ConversationEvent.__value__)), set(get_args(ClientEvent.__value__))
    assert conversation - client == {Send}
    assert client - conversation == {Remark, Status}
