"""A decoder from a terminal's bytes to input events. Pure.

It replaces blessed's key reader, which blocks on a lone ESC, takes quadratic time over a paste, and returns late
replies of the terminal as typed text. This decoder keeps at most one unfinished sequence and looks at each byte a
bounded number of times, however the bytes arrive. Its caller keeps the time: see `patience`.
"""

import codecs
import io
import re
from collections.abc import Mapping

from pylingo.client.terminal.input_events import InputEvent, Key, Paste, Text
from pylingo.client.terminal.sequences import ALT, CONTROLS, SEQUENCE, meaning

LONGEST_SEQUENCE = 64  # bytes of a key's sequence or a short reply; longer ones are dropped
LONGEST_STRING = 4_096
"""Bytes of an OSC, DCS, APC, PM or SOS that are ignored; later bytes count as input again."""
LONGEST_PASTE = 65_536  # characters of a paste that are kept
SEQUENCE_PATIENCE = 0.05  # seconds without a byte after which an unfinished sequence has ended
PASTE_PATIENCE = 10.0  # seconds without a byte after which a paste without an end marker has ended
TYPED_AT_ONCE = 32
"""Bytes that typing may bring in one read; after a paste that stalled, more of them are the rest of it."""

ESC = 0x1B
_TEXT = re.compile(rb"[^\x00-\x1f\x7f]+")
_C1 = dict.fromkeys(range(0x80, 0xA0))
_BEGUN = re.compile(rb"\x1b(?:\[(?:\[|M[\x20-\xff]{0,2}|[0-?]*+[ -/]*+)?|O[0-9;]*+)?")
_REST_OF_CSI = re.compile(rb"[ -?]*+[@-~]?")
_STRINGS = frozenset(b"]P_^X")
_STRING_ENDS = re.compile(rb"[\x07\x18\x1a\x1b]")
_PASTE_BEGIN, _PASTE_END = b"\x1b[200~", b"\x1b[201~"

_WAIT = -1  # returned instead of a position: more bytes are needed


class KeyDecoder:
    """Feed it bytes to get events; call `flush` after `patience` seconds without bytes."""

    def __init__(self, sequences: Mapping[str, str] = {}) -> None:
        """`sequences` are the terminal's own keys, which override the built-in ones if they begin with ESC."""
        own = {sequence.encode("utf-8", "replace"): name for sequence, name in sequences.items()}
        self._own = {seq: name for seq, name in own.items() if seq[0:1] == b"\x1b" and 2 <= len(seq) < LONGEST_SEQUENCE}
        self._own_longest = max(map(len, self._own), default=0)
        self._own_begun = {seq[:length] for seq in self._own for length in range(1, len(seq))}
        self.pending = b""  # the bytes of an unfinished sequence
        self._half = codecs.getincrementaldecoder("utf-8")("replace")
        self._paste: _OpenPaste | None = None
        self._has_given_up = False  # on the end of a paste, whose rest may still arrive
        self._string_left = 0
        self._in_long_csi = False
        self._events: list[InputEvent] = []

    @property
    def is_pasting(self) -> bool:
        """Whether a paste has begun and not ended."""
        return self._paste is not None

    @property
    def patience(self) -> float | None:
        """Seconds without a byte after which to call `flush`; None if nothing is pending."""
        if self._paste is not None:
            return PASTE_PATIENCE
        pending = self.pending or self._string_left or self._in_long_csi or self._half.getstate()[0]
        return SEQUENCE_PATIENCE if pending else None

    def feed(self, data: bytes) -> list[InputEvent]:
        """The events that `data` completes."""
        if self._has_given_up:
            self._has_given_up = False
            if len(data) > TYPED_AT_ONCE or _PASTE_END in data.partition(_PASTE_BEGIN)[0]:
                self._paste = _OpenPaste()
        return self._run(self.pending + data if self.pending else data, final=False)

    def flush(self) -> list[InputEvent]:
        """The events of what is pending: a lone ESC is the key Escape, half a sequence is nothing."""
        # Within a paste or a string, ESC begins its end and is no key.
        events = self._run(self.pending if self._paste is None and not self._string_left else b"", final=True)
        if self._paste is not None:
            events.append(self._paste.finish())
            self._paste = None
            self._has_given_up = True
        if self._half.getstate()[0]:
            events.append(Text(self._half.decode(b"", True)))
        self._string_left = 0
        self._in_long_csi = False
        return events

    def _run(self, data: bytes, final: bool) -> list[InputEvent]:
        self.pending = b""
        self._events = []
        at = 0
        while at < len(data):
            if self._paste is not None:
                moved = self._pasted(data, at, self._paste)
            elif self._string_left:
                moved = self._in_string(data, at)
            elif self._in_long_csi:
                moved = self._rest_of_csi(data, at)
            elif found := _TEXT.match(data, at):
                moved = found.end()
                self._typed(found.group(), final=moved < len(data))
            else:
                self._typed(b"", final=True)
                moved = self._escape(data, at, final) if data[at] == ESC else self._key(CONTROLS[data[at]], at + 1)
            if moved == _WAIT:
                self.pending = bytes(data[at:])
                break
            at = moved
        events, self._events = self._events, []
        return events

    def _key(self, name: str, at: int) -> int:
        self._events.append(Key(name))
        return at

    def _typed(self, data: bytes, final: bool) -> None:
        if text := self._half.decode(data, final).translate(_C1):
            self._events.append(Text(text))

    def _escape(self, data: bytes, at: int, final: bool) -> int:
        """The position after whatever the ESC at `at` begins."""
        if self._own and (moved := self._own_key(data, at, final)):
            return moved
        if at + 1 == len(data):
            return self._key("escape", at + 1) if final else _WAIT
        second = data[at + 1]
        if second in b"[O":
            return self._sequence(data, at, final)
        if second in _STRINGS:
            if at + 2 < len(data):
                self._string_left = LONGEST_STRING
                return at + 2
            return self._key(f"alt-{chr(second)}", at + 2) if final else _WAIT
        if second == ESC:
            return self._twice(data, at, final)
        if second >= 0x80:
            return self._alt_beyond_ascii(data, at, final)
        name = CONTROLS.get(second) or ("space" if second == 0x20 else chr(second))
        # No ctrl-alt key is bound, and on a slow line Escape and a following ctrl-c arrive together.
        return self._key("escape", at + 1) if name.startswith("ctrl-") else self._key(f"alt-{name}", at + 2)

    def _own_key(self, data: bytes, at: int, final: bool) -> int:
        """The position after the longest of the terminal's own sequences at `at`; 0 if there is none."""
        ahead = bytes(data[at : at + self._own_longest])
        if not final and ahead in self._own_begun:
            return _WAIT
        for length in range(len(ahead), 1, -1):
            if name := self._own.get(ahead[:length]):
                return self._key(name, at + length)
        return 0

    def _sequence(self, data: bytes, at: int, final: bool) -> int:
        """The position after the CSI or SS3 sequence at `at`, or after its well-formed beginning."""
        limit = at + LONGEST_SEQUENCE
        if found := SEQUENCE.match(data, at, limit):
            if found.group() == _PASTE_BEGIN:
                self._paste = _OpenPaste()
            elif event := meaning(found):
                self._events.append(event)
            return found.end()
        begun = _BEGUN.match(data, at, limit)
        assert begun is not None
        end = begun.end()
        if end == limit:
            self._in_long_csi = data[at + 1] == ord("[")
        elif end == len(data) and not final:
            return _WAIT
        elif end == at + 2:
            return self._key(f"alt-{chr(data[at + 1])}", end)
        return end

    def _twice(self, data: bytes, at: int, final: bool) -> int:
        """ESC before a sequence is Alt with that key (rxvt); before anything else it is the key Escape."""
        if at + 2 == len(data) and not final:
            return _WAIT
        if data[at + 2 : at + 3] in (b"[", b"O"):
            limit = at + 1 + LONGEST_SEQUENCE
            found = SEQUENCE.match(data, at + 1, limit)
            if found and isinstance(key := meaning(found, ALT), Key):
                self._events.append(key)
                return found.end()
            begun = _BEGUN.match(data, at + 1, limit)
            if not found and begun and begun.end() == len(data) < limit and not final:
                return _WAIT
        return self._key("escape", at + 1)

    def _alt_beyond_ascii(self, data: bytes, at: int, final: bool) -> int:
        lead = data[at + 1]
        char = bytes(data[at + 1 : at + 2 + (lead >= 0xC0) + (lead >= 0xE0) + (lead >= 0xF0)])
        text = char.decode("utf-8", "ignore")
        if len(text) == 1 and text.encode() == char and not 0x80 <= ord(text) < 0xA0:
            return self._key(f"alt-{text}", at + 1 + len(char))
        missing = lead >= 0xC0 and at + 1 + len(char) == len(data) and len(char) < 2 + (lead >= 0xE0) + (lead >= 0xF0)
        return _WAIT if missing and not final else self._key("escape", at + 1)

    def _pasted(self, data: bytes, at: int, paste: "_OpenPaste") -> int:
        end = data.find(_PASTE_END, at)
        if end >= 0:
            paste.add(data[at:end])
            self._events.append(paste.finish())
            self._paste = None
            return end + len(_PASTE_END)
        kept = next((n for n in range(len(_PASTE_END) - 1, 0, -1) if data.endswith(_PASTE_END[:n], at)), 0)
        paste.add(data[at : len(data) - kept])
        return len(data) - kept if at < len(data) - kept else _WAIT

    def _in_string(self, data: bytes, at: int) -> int:
        limit = at + self._string_left
        found = _STRING_ENDS.search(data, at, limit)
        if found is None:
            end = min(limit, len(data))
            self._string_left -= end - at
            return end
        end = found.start()
        if data[end] != ESC:
            self._string_left = 0
            return end + 1
        if end + 1 == len(data):
            self._string_left -= end - at  # at least 1 is left, because the ESC was within the limit
            return _WAIT if end == at else end
        self._string_left = 0
        return end + 2 if data[end + 1] == ord("\\") else end

    def _rest_of_csi(self, data: bytes, at: int) -> int:
        found = _REST_OF_CSI.match(data, at)
        assert found is not None
        end = found.end()
        self._in_long_csi = end == len(data) and not (end > at and data[end - 1] >= 0x40)
        return end


class _OpenPaste:
    """A paste that has not ended yet."""

    def __init__(self) -> None:
        utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder = io.IncrementalNewlineDecoder(utf8, translate=True)
        self._parts: list[str] = []
        self._room = LONGEST_PASTE
        self._cut = False

    def add(self, data: bytes, final: bool = False) -> None:
        if self._cut:
            return
        text = self._decoder.decode(data, final)
        self._cut = len(text) > self._room
        self._parts.append(text[: self._room])
        self._room -= len(self._parts[-1])

    def finish(self) -> Paste:
        self.add(b"", final=True)
        return Paste("".join(self._parts), self._cut)
