"""Names that look alike: the skeletons of Unicode Technical Standard 39, section 4.

Two names with one skeleton are hard to tell apart: `ape` in Latin letters and `аре` in Cyrillic ones. The table comes
from the data file of the confusable-homoglyphs package. It is read when the first name needs it, or by `prepare`.
"""

import functools
import json
import os
import unicodedata
from importlib.util import find_spec
from typing import Any

from pylingo.shared.names import fold

_RTL_FRAME = "\u200e"  # around right-to-left characters in confusables.txt; no name contains it


def skeleton(name: str) -> str:
    """The skeleton of UTS 39: each character replaced by the prototype of its look-alikes."""
    decomposed = unicodedata.normalize("NFD", name)
    return unicodedata.normalize("NFD", decomposed.translate(prototypes()))


def look_alike_forms(name: str) -> frozenset[str]:
    """The forms by which names look alike: two names do if they have one of their forms in common.

    The skeleton depends on the case (`I` looks like `l`, and `i` does not), while names are compared without it. So
    there is a form of the name as it is shown, and one of the name as it is compared.
    """
    return frozenset((fold(skeleton(name)), fold(skeleton(fold(name)))))


def prepare() -> None:
    """Read the table now, which takes some 20 ms. Raises `ModuleNotFoundError` and `OSError`."""
    prototypes()


@functools.cache
def prototypes() -> dict[int, str]:
    """The prototype of each character that has another one, for `str.translate`.

    The package stores each line of Unicode's confusables.txt, `source -> prototype`, in both directions. A prototype is
    recognized by having several sources or several characters, and otherwise by coming after its one source.
    """
    package = find_spec("confusable_homoglyphs")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("confusable_homoglyphs is not installed", name="confusable_homoglyphs")
    with open(os.path.join(package.submodule_search_locations[0], "confusables.json"), encoding="utf-8") as file:
        entries: dict[str, list[str]] = json.load(file, object_hook=_character)
    found: dict[int, str] = {}
    taken: set[str] = set()  # the prototypes of single characters, which are themselves no sources
    for key, others in entries.items():
        source, prototype = key.strip(_RTL_FRAME), others[0].strip(_RTL_FRAME)
        if len(others) == 1 and len(source) == 1 and key not in taken:
            found[ord(source)] = prototype
            taken.add(others[0])
    # Some prototypes consist of precomposed characters, whose parts have prototypes.
    return {source: unicodedata.normalize("NFD", prototype).translate(found) for source, prototype in found.items()}


def _character(entry: dict[str, Any]) -> Any:
    """The character alone of an entry of the file: its Unicode name would take megabytes."""
    return entry["c"] if entry.keys() == {"c", "n"} else entry
