"""The files that a path may be completed to."""

import itertools
import os
from collections.abc import Iterator

MOST = 1_000
"""Entries of a folder that are looked at."""


def matching_files(begun: str) -> list[str]:
    """The paths that begin with `begun`, sorted; a folder ends with a slash. A leading ~ stands for the home folder.

    Hidden files are listed only if `begun` names one. Names that cannot be typed in one row are left out.
    """
    folder, name = os.path.split(begun)
    found = []
    for entry in _entries(os.path.expanduser(folder) or "."):
        is_meant = entry.name.startswith(name) and entry.name.startswith(".") == name.startswith(".")
        if is_meant and entry.name.isprintable():
            found.append(os.path.join(folder, entry.name) + ("/" if _is_folder(entry) else ""))
    return sorted(found)


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from itertools.islice(entries, MOST)
    except (OSError, ValueError):
        return


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
