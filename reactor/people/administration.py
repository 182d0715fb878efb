"""The requests of the command line to the register: make an invitation, or free a name.

The server that uses the data folder answers, or the command itself if there is none. Requests and replies are JSON
objects; a reply has either the outcome or an `error`, which is one sentence.
"""

from typing import Any

from pylingo.reactor.people.invitations import SECONDS
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.roster import Change
from pylingo.shared.errors import RequestError

type Reply = dict[str, Any]


def invite_request(operator: bool, uses: int = 1, seconds: float = SECONDS) -> dict[str, Any]:
    """The request for an invitation."""
    return {"command": "invite", "operator": operator, "uses": uses, "seconds": seconds}


def release_request(name: str) -> dict[str, Any]:
    """The request to free a name."""
    return {"command": "release", "name": name}


def administer(register: Register, request: object) -> tuple[Reply, Change | None]:
    """Do what a request asks for. Send the reply when the change, if there is one, is stored."""
    try:
        match request:
            case {
                "command": "invite",
                "operator": bool(operator),
                "uses": int(uses),
                "seconds": int() | float() as time,
            }:
                issued, change = register.invite(None, uses, float(time), operator)
                return {"code": issued.code, "uses": issued.uses, "until": issued.until}, change
            case {"command": "release", "name": str(name)}:
                change = register.release_name(name)
                return {"released": name}, change
    except RequestError as error:
        return {"error": error.text}, None
    return {"error": "the server does not know this request: it is of another version"}, None


NOT_STORED: Reply = {"error": "the disk did not take the change, so nothing has changed: see the log of the server"}
"""The reply if the change cannot be stored."""
