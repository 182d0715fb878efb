#!/usr/bin/env python3
"""Fuzz the reading of IRC lines with arbitrary bytes, guided by coverage, on demand.

    python tests/fuzz/fuzz_lines.py --seconds 60

It needs `pip install atheris`. `one_input` is the target; CI replays the corpus through it without atheris
(`test_line_corpus.py`). Byte 0 of an input is the size of the pieces in which the stream is fed, 0 for all at once; the
rest is the stream.

It must hold that nothing but a `ProtocolError` is raised, that the lines do not depend on the pieces, that at most one
unended line is kept, and that a message is the same after it was formatted and parsed again.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import contextlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = Path(__file__).resolve().parent / "line_corpus"

_watching: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from tests.fuzz import campaign

    _watching = campaign.instrument("pylingo.reactor.irc")

with _watching:
    from pylingo.reactor.irc.capabilities import InvalidSubcommandError, Negotiation
    from pylingo.reactor.irc.formatting import read_words, split_text
    from pylingo.reactor.irc.lines import MAX_UNENDED, TOO_LONG, LineDecoder
    from pylingo.reactor.irc.message import Message, ParseError, client_tags, format_message, needs_colon, parse
    from pylingo.reactor.irc.numerics import Numeric

from pylingo.shared.errors import FrameError

MOST_BYTES = 65_536
"""The rest of a longer input is ignored."""
LINE = 400


def read(pieces: list[bytes]) -> list[bytes | str]:
    """The lines of the pieces, and how they end."""
    decoder = LineDecoder()
    found: list[bytes | str] = []
    try:
        for piece in pieces:
            found += decoder.feed(piece)
            assert decoder.pending <= MAX_UNENDED, f"{decoder.pending} bytes are kept"
    except FrameError as error:
        found.append(error.text)
    return found


def check(line: bytes, cap: Negotiation) -> None:
    """Take one line through everything that reads it."""
    try:
        message = parse(line)
    except ParseError as error:
        Numeric.ERR_UNKNOWNERROR.line("irc.example", "*", command=error.command, text=error.text)
        return
    middles = [word for word in message.params[:-1] if not needs_colon(word)]
    source = message.source if message.source and " " not in message.source else None
    sound = Message(message.command, [*middles, *message.params[-1:]], source, client_tags(message.tags))
    again = parse(format_message(sound.command, sound.params, sound.source, sound.tags)[:-2])
    assert again == sound, (again, sound)
    Numeric.ERR_UNKNOWNCOMMAND.line("irc.example", "*", command=message.command)
    for word in message.params:
        Numeric.ERR_NOSUCHCHANNEL.line("irc.example", word, channel=word)
        rows = split_text(read_words(word).text, LINE)
        assert all(len(row.encode()) <= LINE for row in rows)
    if message.command == "CAP":
        with contextlib.suppress(InvalidSubcommandError):
            for reply in cap.handle(message.params, False):
                format_message("CAP", ["*", *reply], "irc.example")


def one_input(data: bytes) -> None:
    """Run one input; raises if an invariant is broken."""
    step, stream = (data[0] if data else 0), data[1 : 1 + MOST_BYTES]
    whole = read([stream])
    if step:
        assert read([stream[at : at + step] for at in range(0, len(stream), step)]) == whole
    cap = Negotiation()
    for line in whole:
        if isinstance(line, bytes) and line != TOO_LONG:
            check(line, cap)


if __name__ == "__main__":
    campaign.run("Fuzz the reading of IRC lines.", one_input, CORPUS, 20_000)
