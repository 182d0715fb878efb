"""Forgetting what may have changed unseen, so that the window never shows it as if it were known. Pure.

The server tells of people in our rooms as long as the connection lasts and we read fast enough. Everything else that
was known of them is uncertain, until a list says it anew.
"""

import math

from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.model import Model
from pylingo.shared.names import fold


def lose_connection(model: Model) -> None:
    """The connection has ended, and with it the replies to queries."""
    model.round_trip, model.is_awaiting_pong = None, False
    model.queries.clear()
    model.is_operator = False
    for buffer in model.buffers:
        buffer.lose_track()
    forget_who_is_away(model)


def miss_frames(model: Model, buffer: Buffer) -> None:
    """The server has left out frames of a room."""
    buffer.lose_track()
    forget_who_is_away(model)


def forget_who_is_away(model: Model) -> None:
    """Others may have come back, or left. Of ourselves we know."""
    own = fold(model.name)
    model.away = {key: why for key, why in model.away.items() if key == own}
    for buffer in model.buffers:
        buffer.described_at = -math.inf


def lose_sight(model: Model) -> None:
    """Forget who is away of the people with whom we share no room, of whom nobody tells us."""
    own = fold(model.name)
    model.away = {key: why for key, why in model.away.items() if key == own or is_in_sight(model, key)}


def is_in_sight(model: Model, key: str) -> bool:
    """Whether we share a room with the person of this compared name."""
    return any(key in buffer.people for buffer in model.buffers)
