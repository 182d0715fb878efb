"""Settings that have no effect without another one, or that contradict one."""

import pytest

from pylingo.reactor.combinations import CONFLICTS, NEEDS, PORT_NEEDS
from pylingo.reactor.config import SETTINGS, ServerSettings, parse_arguments, with_data
from pylingo.reactor.inherited import with_sockets
from pylingo.shared.launch import LaunchError

VALUES = {
    "cluster": "redis://h",
    "workers": "2",
    "irc_port": "6667",
    "irc_tls_port": "6697",
    "irc_name": "a",
    "tls_cert": "c.pem",
}
"""Values that differ from the defaults, of settings for which `7` is none."""
NEEDED = [(name, other) for table in (NEEDS, PORT_NEEDS) for name, others in table.items() for other in others]
EXCLUDED = [(name, other) for names, others, _ in CONFLICTS for name in names for other in others]


def option(name: str) -> list[str]:
    """A setting on the command line, with what it needs beyond doubt."""
    if not SETTINGS[name].metavar:
        return [SETTINGS[name].option]
    value = VALUES.get(
        name, "77d" if name == "history_keep" else "17M" if name in ("history_max", "history_memory") else "17"
    )
    more = {"workers": ["--data", "d"], "tls_cert": ["--tls-key", "k.pem"]}.get(name, [])
    return [SETTINGS[name].option, value, *more]


def complete(*arguments: str) -> ServerSettings:
    return with_sockets(with_data(parse_arguments(arguments)), {})


def refusal(*arguments: str) -> str:
    with pytest.raises(LaunchError) as caught:
        complete(*arguments)
    assert caught.value.status == 2
    return str(caught.value)


@pytest.mark.parametrize("name", dict(NEEDED))
def test_a_setting_without_effect_is_refused(name: str) -> None:
    assert refusal(*option(name)).startswith(f"{SETTINGS[name].option} has no effect without --")
    if SETTINGS[name].default:  # a file may spell it out
        complete(*([f"{SETTINGS[name].option}={SETTINGS[name].default}"] if SETTINGS[name].metavar else []))


@pytest.mark.parametrize(("name", "other"), NEEDED)
def test_one_of_the_settings_that_it_needs_is_enough(name: str, other: str) -> None:
    complete(*option(name), *option(other))


@pytest.mark.parametrize(("name", "other"), EXCLUDED)
def test_settings_that_contradict_each_other_are_refused(name: str, other: str) -> None:
    assert refusal(*option(name), *option(other)).startswith(f"{SETTINGS[name].option} cannot be used with --")


def test_the_sentences_name_everything_that_helps() -> None:
    assert refusal("--members-invite") == (
        "--members-invite has no effect without --members, --data or --cluster: give both, or leave it out"
    )
    assert refusal("--open") == "--open has no effect without --members: give both, or leave it out"
    assert refusal("--no-tls", "--tls-cert", "c", "--tls-key", "k") == (
        "--no-tls cannot be used with --tls-cert: a certificate encrypts the port"
    )
