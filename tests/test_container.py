"""The Dockerfile, which is not built here: its sources exist, and its commands are ones that the server understands."""

import json
import re
import shlex
from configparser import ConfigParser
from pathlib import Path

from pylingo.reactor import check
from pylingo.reactor.config import ServerSettings, parse_arguments

ROOT = Path(__file__).resolve().parent.parent


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile with their arguments, one line each."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    found = [line.partition(" ") for line in lines if line.strip()]
    return [(name, rest.strip()) for name, _, rest in found]


def the(name: str) -> str:
    """The arguments of the last instruction of that name."""
    return [rest for found, rest in instructions() if found == name][-1]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def copied() -> list[str]:
    """The files and folders of the checkout that are copied."""
    words = [shlex.split(rest) for name, rest in instructions() if name == "COPY"]
    return [source for part in words if not part[0].startswith("--from") for source in part[:-1]]


def test_everything_that_is_copied_exists_and_is_not_ignored() -> None:
    assert {"setup.py", "reactor", "pylingo"} <= set(copied())
    for source in copied():
        assert (ROOT / source).exists(), source
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert sorted(line[1:] for line in lines if line.startswith("!")) == sorted(copied())
    assert "*" in lines


def test_what_the_wheel_is_made_of_is_copied() -> None:
    for link in (ROOT / "pylingo").iterdir():
        if link.is_symlink():
            assert link.resolve().name in copied()
    for line in (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines():
        assert line.split()[1].partition("/")[0] in copied()


def test_the_server_starts_with_its_command() -> None:
    assert json.loads(the("ENTRYPOINT")) == ["pylingo-server"]
    settings = parse_arguments(json.loads(the("CMD")))
    assert settings == ServerSettings(host="0.0.0.0", data=the("VOLUME"))
    assert int(the("EXPOSE")) == settings.port


def test_the_health_check_asks_that_server() -> None:
    program, command, *arguments = json.loads(the("HEALTHCHECK").partition("CMD ")[2])
    assert (program, command) == ("pylingo-server", "check")
    given = check.parser().parse_args(arguments)
    assert (given.address, given.data) == (f"127.0.0.1:{the('EXPOSE')}", the("VOLUME"))


def test_it_runs_as_a_user_of_its_own_without_build_tools() -> None:
    user, uid = the("USER"), r"--uid [1-9]\d+ "
    (made,) = [rest for name, rest in last_stage() if name == "RUN"]
    assert re.search(rf"^useradd .*{uid}.* {user} ", made)
    assert f"install -d -o {user} -g {user} -m 0700 {the('VOLUME')}" in made
    assert not re.search(r"\b(pip|apt-get|gcc|make)\b", made)
    assert the("STOPSIGNAL") == "SIGTERM"


def test_the_extras_that_are_installed_exist() -> None:
    setup = ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    extras = {
        extra
        for _, rest in instructions()
        for found in re.findall(r"'(?:\.|pylingo-chat)\[([\w,]+)\]'", rest)
        for extra in found.split(",")
    }
    assert "cluster" in extras
    assert extras <= set(setup["options.extras_require"])
    assert setup["metadata"]["name"] == "pylingo-chat"
