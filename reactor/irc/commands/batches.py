"""BATCH: messages of several lines from clients with draft/multiline."""

from pylingo.reactor.irc.client import Client
from pylingo.reactor.irc.commands.words import say_to
from pylingo.reactor.irc.gateway import Handler
from pylingo.reactor.irc.message import Message
from pylingo.reactor.irc.multiline import KIND, MAX_BYTES, MAX_LINES, BatchFault, OpenBatch

_COMMAND = "BATCH"
MAX_OF = {BatchFault.TOO_LARGE: MAX_BYTES, BatchFault.TOO_MANY_LINES: MAX_LINES}
"""The limits that stand in a refusal."""


def _refuse(client: Client, code: str, text: str, *context: str) -> None:
    """Refuse a batch. The reply has no other form than FAIL."""
    client.line("FAIL", _COMMAND, code, *context, text)


def _batch(client: Client, message: Message) -> None:
    name = message.params[0]
    if name.startswith("+") and len(name) > 1:
        _open(client, name[1:], message)
    elif name.startswith("-"):
        _close(client, name[1:])
    else:
        _refuse(client, "INVALID_PARAMS", "a batch is opened by + and a name, and closed by - and the name")


def _open(client: Client, name: str, message: Message) -> None:
    if not client.has(KIND) or len(message.params) < 3 or message.params[1] != KIND:
        _refuse(client, "INVALID_PARAMS", f"a client may open batches of {KIND} alone, for one target")
    elif client.open_batch is not None:
        client.open_batch = None
        _refuse(client, *BatchFault.INVALID.value)
    else:
        client.open_batch = OpenBatch(name, message.params[2])
        client.responses.postpone()


def _close(client: Client, name: str) -> None:
    batch, client.open_batch = client.open_batch, None
    client.responses.resume()
    if batch is None or batch.name != name:
        _refuse(client, "INVALID_PARAMS", "there is no such batch")
        return
    text = batch.close()
    if isinstance(text, BatchFault):
        code, words = text.value
        context = [str(MAX_OF[text])] if text in MAX_OF else []
        _refuse(client, code, words, *context)
        return
    say_to(client, batch.command, batch.target, text)


HANDLERS = {_COMMAND: Handler(_batch, 1, is_light=True)}
