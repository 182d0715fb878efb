"""The README's table of options says what `--help` says, and its commands are the ones there are."""

import re

from pylingo.reactor.config import FIELDS, FIXED, option
from pylingo.shared.commands import COMMANDS
from tests.support import ROOT

README = (ROOT / "README.md").read_text()


def options_table() -> str:
    """The table as it should stand in the README."""
    rows = ["| option | default | what it is | can be | at the limit |", "| --- | --- | --- | --- | --- |"]
    for field in FIELDS:
        meta = field.metadata
        default = meta["parse"].show(field.default)
        shown = f"`{default}`" if default else ""
        cells = [
            f"`{option(field.name)} {meta['metavar']}`",
            shown,
            meta["about"],
            meta["parse"].right,
            meta["outcome"],
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def test_the_table_of_options_is_true():
    found = re.search(r"<!-- options -->\n(.*?)\n<!-- end of options -->", README, re.DOTALL)
    assert found is not None
    assert found[1] == options_table(), "put this table there:\n" + options_table()


def test_the_settings_that_need_a_restart_are_named():
    found = re.search(r"<!-- fixed -->(.*?)<!-- end of fixed -->", README, re.DOTALL)
    assert found is not None
    assert found[1] == ", ".join(f"`{option(field.name)}`" for field in FIELDS if field.name in FIXED)


def test_the_table_of_commands_is_true():
    rows = re.findall(r"^\| `(/\w+)(?: \[(\w+)\])?` \|", README, re.MULTILINE)
    assert rows == [(f"/{command.name}", command.argument or "") for command in COMMANDS]


def test_the_files_it_names_exist():
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / path).exists(), path
