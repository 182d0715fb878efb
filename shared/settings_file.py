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

    def place(self, key: str) -> str:
        """Return FILE:LINE of a key."""
        found = re.search(rf"""^{BOM}?[ \t\[]*(["']?){re.escape(key)}\1[ \t]*[=.\]]""", self.text, re.MULTILINE)
        return f"{self.path}:{self.text.count(chr(10), 0, found.start()) + 1}" if found else self.path
