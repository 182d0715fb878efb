"""The table of the window's own commands."""

from pylingo.client.local_commands import LOCAL, LOCAL_BY_NAME
from pylingo.client.settings import LAYOUTS
from pylingo.client.themes import THEMES
from pylingo.shared.commands import BY_NAME


def test_no_local_command_shadows_a_command_of_the_server() -> None:
    names = [info.name for info in LOCAL]
    assert len(names) == len(set(names)) == len(LOCAL_BY_NAME)
    assert set(names) & set(BY_NAME) == {"help"}, "with an argument it is ours, and alone the server's"


def test_the_layouts_and_the_themes_are_listed() -> None:
    descriptions = {info.name: info.description for info in LOCAL}
    assert all(layout in descriptions["layout"] for layout in LAYOUTS)
    assert all(theme in descriptions["theme"] for theme in THEMES)
