"""The letters of IRC for the modes of rooms.

In IRC a mode of a room keeps messages from outside away (`n`); in the chat a mode of a room lets them in.
"""

from collections.abc import Iterable, Iterator

from pylingo.reactor.chat.room_modes import KINDS, Kind, ModeChange
from pylingo.reactor.history.charter import (
    BAN,
    EXCEPTION,
    INVITE_ONLY,
    INVITED,
    KEY,
    LIMIT,
    MODERATED,
    MOST_MASKS,
    OUTSIDE,
    PASS,
    SECRET,
    TOPIC_LOCK,
    VOICE,
    Charter,
)

LETTERS = {
    "b": BAN,
    "e": EXCEPTION,
    "I": PASS,
    "k": KEY,
    "l": LIMIT,
    "i": INVITE_ONLY,
    "m": MODERATED,
    "n": OUTSIDE,
    "s": SECRET,
    "t": TOPIC_LOCK,
    "v": VOICE,
}
"""The mode of each letter. `o` is a rank of its own."""
MODES_OF_A_LINE = 4
"""The most changes with a parameter on one line."""
TOKENS = (
    "PREFIX=(ov)@+",
    "CHANMODES=beI,k,l,imnst",
    "EXCEPTS=e",
    "INVEX=I",
    "EXTBAN=,m",
    f"MAXLIST=beI:{MOST_MASKS}",
    "KEYLEN=32",
    f"MODES={MODES_OF_A_LINE}",
)
"""The tokens about modes that a client is sent when it registers."""
INVERTED = frozenset({OUTSIDE})
"""The modes with the opposite meaning in IRC."""
_LETTER_OF = {mode: letter for letter, mode in LETTERS.items()}
_SHOWN = ("i", "m", "n", "s", "t", "k", "l")


def lines_of(changes: Iterable[ModeChange]) -> Iterator[str]:
    """The changes as parameters of MODE, as many lines as they need. Invitations are no mode in IRC."""
    words: list[str] = []
    letters = sign = ""
    for change in changes:
        if change.mode == INVITED:
            continue
        value = change.value or ("*" if change.mode == KEY else "")
        if value and len(words) == MODES_OF_A_LINE:
            yield " ".join([letters, *words])
            words, letters, sign = [], "", ""
        wanted = "+" if change.on != (change.mode in INVERTED) else "-"
        letters += (wanted if wanted != sign else "") + _LETTER_OF[change.mode]
        sign = wanted
        words += [value] if value else []
    if letters:
        yield " ".join([letters, *words])


def shown_modes(charter: Charter, shows_key: bool) -> str:
    """The modes of a room in the answer to MODE, with their values. Without `shows_key`, the key is not told."""
    letters, values = "+", []
    for letter in _SHOWN:
        mode = LETTERS[letter]
        if charter.has(mode) != (mode in INVERTED):
            letters += letter
            if KINDS[mode] is Kind.VALUE:
                values.append((charter.value(mode) or "") if shows_key or mode != KEY else "*")
    return " ".join([letters, *values])
