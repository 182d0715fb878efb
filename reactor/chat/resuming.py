"""A new connection resumes the session of an earlier one."""

from pylingo.reactor.chat.session import Session
from pylingo.shared.codec import encode
from pylingo.shared.messages import Goodbye

REPLACED = encode(Goodbye("replaced", "this session was resumed from another connection"))
"""The goodbye to the connection that a session has lost to another one."""


def resume(session: Session, seat: Session, re: int | None) -> None:
    """Hand the connection of `session` over to `seat`. The session that it carried so far ends.

    `seat` loses the connection that it has, if there is one. `re` is the id of the `hello`.
    """
    session.leave_all("moved")
    if seat.is_away:
        session.hub.seats.give_up(seat)
    else:
        seat.detach("replaced", REPLACED)
    session.hand_over(seat)
    seat.reply_ready(True, re)
