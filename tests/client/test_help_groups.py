"""The groups of /help: everything is listed once, and all of it fits a terminal of 24 rows."""

import pytest

from pylingo.client.features import MODERATING, ROOM_MODERATING
from pylingo.client.help_groups import help_rows
from pylingo.client.local_commands import LOCAL
from pylingo.client.settings import Preferences
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.rows import wrapped
from pylingo.client.wording import wording
from pylingo.shared.commands import COMMANDS
from pylingo.shared.messages import CommandInfo, Help

SWITCH = CommandInfo("switch", "name", "Shows another room or conversation.")
MODERATION = [info for info in COMMANDS if info.name in MODERATING | ROOM_MODERATING]
PLAIN = [*{info.name: info for info in (*COMMANDS, *LOCAL, SWITCH)}.values()]
PLAIN = [info for info in PLAIN if info.name not in MODERATING | ROOM_MODERATING]
SETTINGS = {"layout", "theme", "colors", "time", "people", "mouse", "notify", "log"}
MANY = MODERATING | ROOM_MODERATING | SETTINGS
"""Commands whose rows hold many."""
ALL = [*PLAIN, *MODERATION]
LABELS = ["rooms", "people", "window", "order", "program", "more"]


def labels(commands: list[CommandInfo]) -> list[str]:
    return [row.split()[0] for row in help_rows(commands) if not row.startswith(" ")]


def test_all_commands_fit_a_terminal() -> None:
    """A row for the status and one for the input are left, in plain mode as well as in the window."""
    lines = wording(Help(ALL))
    assert len(lines) <= 22
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    model = Model("h:1", Preferences())
    assert len(wrapped(model, Line("note", text.replace("\n    ", "\n"), 0))) == len(lines) <= 22


def test_every_command_is_listed_once_with_its_argument() -> None:
    text = "\n".join(help_rows(ALL)) + "\n"
    for info in ALL:
        has_argument = (
            info.argument and info.name not in MODERATING | ROOM_MODERATING | SETTINGS
        )  # whose rows hold many commands
        usage = f"/{info.name} [{info.argument}]  " if has_argument else f"/{info.name} "
        assert text.count(usage) == 1, info.name
    assert labels(ALL) == LABELS[:-1]


def test_a_server_of_version_1_0_shows_what_it_has() -> None:
    names = ("name", "list", "join", "users", "leave", "help", "close")
    commands = [info for info in COMMANDS if info.name in names]
    assert len(help_rows(commands)) == len(names)
    assert labels(commands) == ["rooms", "people", "program"]


def test_somebody_who_may_not_moderate_is_shown_nothing_of_it() -> None:
    assert labels(PLAIN) == [label for label in LABELS[:-1] if label != "order"]


def test_an_operator_of_a_part_is_shown_the_part() -> None:
    assert help_rows([CommandInfo("invite", "count", "Invites.")]) == ["order   /invite [count]        Invites."]


def test_related_commands_share_a_row_only_together() -> None:
    who, whois = CommandInfo("who", None, "Lists."), CommandInfo("whois", "username", "Tells.")
    assert help_rows([whois, who]) == ["people  /who  /whois [username]  Lists everybody; tells of one person."]
    assert help_rows([whois]) == ["people  /whois [username]      Tells."]
    assert help_rows([]) == []


def test_commands_of_a_newer_server_are_in_a_last_group_as_it_describes_them() -> None:
    newer = [CommandInfo("dance", "steps", "Dances."), CommandInfo("sing", None, "Sings.")]
    assert help_rows([newer[0], *ALL, newer[1]])[-2:] == [
        "more    /dance [steps]         Dances.",
        "        /sing                  Sings.",
    ]


@pytest.mark.parametrize("word", ["a\nb", "\x1b[2J", "\u202e"])
def test_no_word_of_a_server_leaves_its_row(word: str) -> None:
    rows = help_rows([CommandInfo(word, word, word)])
    assert len(rows) == 1
    assert rows[0].isprintable()
