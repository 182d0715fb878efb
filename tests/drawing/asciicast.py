"""Recordings of terminals, in asciinema's format: asciicast v2, a header and then one event a line, as JSON.

The format: https://docs.asciinema.org/manual/asciicast/v2/
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class CastError(ValueError):
    """A file is no recording. The message says why."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A recording: when the program wrote what, in seconds since its beginning."""

    columns: int
    rows: int
    output: Sequence[tuple[float, str]]
    longest_pause: float | None = None
    """Seconds. A player shortens longer pauses; the recording keeps them."""
    title: str = ""

    def with_capped_pauses(self) -> Sequence[tuple[float, str]]:
        """The output at the times at which a player shows it."""
        most = self.longest_pause
        if most is None:
            return self.output
        result, saved, before = [], 0.0, 0.0
        for at, text in self.output:
            saved += max(0.0, at - before - most)
            before = at
            result.append((at - saved, text))
        return result


def write_cast(cast: Cast) -> str:
    """The text of a file."""
    header: dict[str, Any] = {"version": 2, "width": cast.columns, "height": cast.rows}
    if cast.longest_pause is not None:
        header["idle_time_limit"] = cast.longest_pause
    if cast.title:
        header["title"] = cast.title
    header["env"] = {"TERM": "xterm-256color"}
    events = ([round(at, 6), "o", text] for at, text in cast.output)
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in (header, *events))


def read_cast(text: str) -> Cast:
    """Read the text of a file. Events of other kinds, such as pressed keys, are left out. Raises `CastError`."""
    first, *lines = text.split("\n")  # `str.splitlines` would split at characters that JSON leaves as they are
    columns, rows, longest_pause, title = _header(first)
    output, before = [], 0.0
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        at, kind, data = _event(number, line)
        if at < before:
            raise CastError(f"line {number} is earlier than the line before it")
        before = at
        if kind == "o":
            output.append((at, data))
    return Cast(columns, rows, output, longest_pause, title)


def _header(line: str) -> tuple[int, int, float | None, str]:
    try:
        header = json.loads(line)
        version, limit = header["version"], header.get("idle_time_limit")
        if version == 2:
            longest_pause = None if limit is None else float(limit)
            return int(header["width"]), int(header["height"]), longest_pause, str(header.get("title", ""))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CastError(f"line 1 is no header of an asciicast: {line[:60]!r}") from error
    raise CastError(f"the recording has version {version}, and only version 2 can be read")


def _event(number: int, line: str) -> tuple[float, str, str]:
    try:
        at, kind, data = json.loads(line)
        return float(at), str(kind), str(data)
    except (TypeError, ValueError) as error:
        raise CastError(f"line {number} is no event of an asciicast: {line[:60]!r}") from error
