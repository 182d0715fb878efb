"""The table of the window's own commands."""

from pylingo.client.local_commands import LOCAL
from pylingo.client.settings import LAYOUTS
from pylingo.shared.commands import BY_NAME


def test_no_local_command_shadows_a_command_of_the_server() -> None:
    names = [info.name for info in LOCAL]
    assert len(names) == len(set(names))
    assert not set(names) & set(BY_NAME)


def test_the_layouts_are_listed() -> None:
    assert all(layout in LOCAL[0].description for layout in LAYOUTS)
