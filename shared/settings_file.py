"""The text of a TOML file with settings, and the line of each key, for errors that name FILE:LINE as compilers do."""

import re
from typing import Any

BOM = "\ufeff"
"""The byte order mark that some editors write before UTF-8. It is skipped, and kept when the file is changed."""


class SettingsFile:
    """The contents of a TOML file. `values` has its top-level keys and their values."""

    def __init__(self, path: object, data: bytes) -> None:
        """Raises `ValueError` with one sentence if `data` is not TOML in UTF-8."""
        import tomllib  # takes some milliseconds, and many a start has no file

        self.path = str(path)
        try:
            self.text = data.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}:{data.count(b'\n', 0, error.start) + 1}: this is not UTF-8") from None
        try:
            self.values: dict[str, Any] = tomllib.loads(self.text.removeprefix(BOM))
        except RecursionError:
            raise ValueError(f"{path}: this is not valid TOML: it is nested too deeply") from None
        except ValueError as error:  # includes the one for an integer with too many digits
            sentence, _, place = str(error).rpartition(" (at ")
            found = re.match(r"line (\d+)", place)
            line = int(found[1]) if found else len(self.text.splitlines())
            raise ValueError(f"{path}:{line}: this is not valid TOML: {sentence or error}") from None

    def place(self, key: str, inner: str | None = None) -> str:
        """Return FILE:LINE of a key, or of the `inner` key of a table."""
        begin = self._find(key, 0)
        if begin is not None and inner is not None:
            found = self._find(inner, self.text.find("\n", begin) + 1 or len(self.text))
            begin = begin if found is None else found
        return f"{self.path}:{self.text.count(chr(10), 0, begin) + 1}" if begin is not None else self.path

    def _find(self, key: str, begin: int) -> int | None:
        """The place of a key in the text, at the start of a line from `begin` on."""
        pattern = re.compile(rf"""^{BOM}?[ \t\[]*(["']?){re.escape(key)}\1[ \t]*[=.\]]""", re.MULTILINE)
        found = pattern.search(self.text, begin)
        return found.start() if found else None
