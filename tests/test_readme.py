"""The documents are true: their tables match the code, their links resolve, and their examples work."""

import ast
import functools
import re
import shlex
import subprocess
import sys
import tomllib
import unicodedata
from configparser import ConfigParser
from pathlib import Path

import pytest

import pylingo
from pylingo.client.local_commands import LOCAL
from pylingo.client.settings import load
from pylingo.client.terminal.key_table import KEYS
from pylingo.client.themes import ELEMENTS
from pylingo.client.wording import not_confirmed
from pylingo.reactor.config import SETTINGS, read_file
from pylingo.shared.commands import COMMANDS
from pylingo.shared.link import parse_server
from pylingo.shared.messages import Joined, Message, Private, Say
from tests.support import DEADLINE, ROOT, Peer, ServerProcess

README = ROOT / "README.md"
DOCS = ROOT / "docs"
DOCUMENTS = [README, ROOT / "CHANGELOG.md", ROOT / "tests" / "README.md", ROOT / "shared" / "PROTOCOL.md"]
DOCUMENTS += sorted(DOCS.glob("*.md"))
PROGRAMS = {
    "pylingo": ROOT / "client" / "chat.py",
    "pylingo-server": ROOT / "reactor" / "run.py",
    "pylingo-bench": ROOT / "client" / "benchmark.py",
}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def section(path: Path, heading: str) -> str:
    """The text under a heading, up to the next heading of the same level or a higher one."""
    level = len(heading) - len(heading.lstrip("#"))
    _, found, rest = text_of(path).partition(f"\n{heading}\n")
    assert found, f"{shown(path)} has no section {heading}"
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, those in lists without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


@functools.cache
def help_of(program: str, *words: str) -> str:
    command = [sys.executable, str(PROGRAMS[program]), *words, "--help"]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True).stdout


def options_of(program: str, *words: str) -> set[str]:
    return set(re.findall(r"--[a-z][a-z-]*", help_of(program, *words)))


# --- tables


def options_table() -> str:
    """The server's table of options as it should stand in docs/server.md."""
    rows = ["| option | default | what it is | can be | at the limit |", "| --- | --- | --- | --- | --- |"]
    for setting in SETTINGS.values():
        default = f"`{setting.default}`" if setting.default else ""
        metavar = f"[{setting.metavar}]" if setting.without_value is not None else setting.metavar
        cells = [
            f"`{f'{setting.option} {metavar}'.strip()}`",
            default,
            setting.about,
            setting.type.right,
            setting.outcome,
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def test_the_table_of_options_is_true() -> None:
    found = re.search(r"<!-- options -->\n(.*?)\n<!-- end of options -->", text_of(DOCS / "server.md"), re.DOTALL)
    assert found is not None
    assert found[1] == options_table(), "put this table there:\n" + options_table()


@pytest.mark.parametrize(
    ("document", "program", "words"),
    [
        ("server.md", "pylingo-server", ()),
        ("server.md", "pylingo-server", ("backup",)),
        ("server.md", "pylingo-server", ("check",)),
        ("server.md", "pylingo-server", ("cluster", "import")),
        ("server.md", "pylingo-server", ("forget",)),
        ("server.md", "pylingo-server", ("hash-password",)),
        ("server.md", "pylingo-server", ("invite",)),
        ("server.md", "pylingo-server", ("release",)),
        ("client.md", "pylingo", ()),
    ],
)
def test_every_option_of_the_help_is_described(document: str, program: str, words: tuple[str, ...]) -> None:
    described = set(re.findall(r"`(--[a-z][a-z-]*)", text_of(DOCS / document)))
    described |= set(re.findall(r"(--[a-z][a-z-]*)", "\n".join(blocks(text_of(DOCS / document), ""))))
    assert options_of(program, *words) - described == set()


def test_the_table_of_the_clients_options_names_no_other() -> None:
    named = re.findall(r"^\| `(--[a-z-]+)", section(DOCS / "client.md", "## Options"), re.MULTILINE)
    assert set(named) == options_of("pylingo") - {"--help", "--version"}


def test_the_table_of_elements_is_true() -> None:
    found = re.search(r"<!-- elements -->\n(.*?)\n<!-- end of elements -->", text_of(DOCS / "client.md"), re.DOTALL)
    assert found is not None
    rows = [f"| `{name}` | {about} |" for name, about in ELEMENTS.items()]
    assert found[1].split("\n") == ["| element | what it is |", "| --- | --- |", *rows]


def test_the_settings_that_need_a_restart_are_named() -> None:
    found = re.search(r"<!-- fixed -->(.*?)<!-- end of fixed -->", text_of(DOCS / "server.md"), re.DOTALL)
    assert found is not None
    assert found[1] == ", ".join(f"`{setting.option}`" for setting in SETTINGS.values() if setting.needs_restart)


def keys_table() -> str:
    """The table of keys as it should stand in docs/client.md."""
    rows = ["| | keys | what they do |", "| --- | --- | --- |"]
    for label, group in KEYS.items():
        for index, row in enumerate(group):
            shown = row.shown.replace("_", r"\_")
            rows.append(f"| {label if index == 0 else ''} | {shown} | {row.words} |".replace("|  |", "| |"))
    return "\n".join(rows)


def test_the_table_of_keys_is_true() -> None:
    found = re.search(r"<!-- keys -->\n(.*?)\n<!-- end of keys -->", text_of(DOCS / "client.md"), re.DOTALL)
    assert found is not None
    assert found[1] == keys_table(), "put this table there:\n" + keys_table()


def commands_in(text: str) -> list[tuple[str, str | None]]:
    rows = re.findall(r"^\| `/([\w-]+)(?: \[([\w |\\]+)\])?` \|", text, re.MULTILINE)
    return [(name, argument.replace("\\", "") or None) for name, argument in rows]


def test_the_tables_of_commands_are_true() -> None:
    assert commands_in(section(README, "## Commands")) == [(command.name, command.argument) for command in COMMANDS]
    local = section(DOCS / "client.md", "### Commands of the client")
    assert commands_in(local) == [(command.name, command.argument) for command in LOCAL]


def test_the_table_of_frames_names_public_ones() -> None:
    rows = re.findall(r"^\| (`[A-Z].*?`) \|", section(DOCS / "bots.md", "## Frames"), re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert len(names) > 10
    assert set(names) <= set(pylingo.__all__)


def test_the_table_of_methods_is_true() -> None:
    names = re.findall(r"^\| `(\w+)\(", section(DOCS / "bots.md", "## The client"), re.MULTILINE)
    assert len(names) > 5
    for name in names:
        assert callable(getattr(pylingo.Client, name))


# --- the order of reading


def steps() -> list[tuple[Path, list[str]]]:
    """The folders of the order of reading, each with the files that it names."""
    order = section(DOCS / "design.md", "## The order of reading")
    parts = re.split(r"^### \d+\. ", order, flags=re.MULTILINE)[1:]
    found = []
    for part in parts:
        link = re.match(r"\[.*?\]\(\.\./(.*?)\)", part)
        assert link is not None
        rows = re.findall(r"^\| (`.*?`) \|", part, re.MULTILINE)
        found.append((ROOT / link[1], [name for row in rows for name in re.findall(r"`(\w+\.py)`", row)]))
    return found


@pytest.mark.parametrize(("folder", "names"), steps(), ids=lambda part: shown(part) if isinstance(part, Path) else "")
def test_the_order_of_reading_names_every_file_of_a_folder_once(folder: Path, names: list[str]) -> None:
    there = sorted(path.name for path in folder.glob("*.py") if path.name != "__init__.py")
    assert sorted(names) == there, "name each file of the folder in docs/design.md, under 'The order of reading'"


def test_the_order_of_reading_has_every_folder() -> None:
    modules = (path for name in ("client", "reactor", "shared") for path in (ROOT / name).rglob("*.py"))
    assert {path.parent for path in modules} == {folder for folder, _ in steps()}


def test_every_script_on_demand_is_described() -> None:
    on_demand = section(ROOT / "tests" / "README.md", "## On demand")
    for path in (ROOT / "tests" / "measure").glob("*.py"):
        assert f"`python {shown(path)}" in on_demand


def test_the_event_loop_is_as_short_as_the_design_says() -> None:
    found = re.search(r"`loop.py`, `timers.py` and `wakeup.py` have fewer than (\d+)", text_of(DOCS / "design.md"))
    assert found is not None
    files = (ROOT / "reactor" / "engine" / name for name in ("loop.py", "timers.py", "wakeup.py"))
    assert sum(len(text_of(path).splitlines()) for path in files) < int(found[1])


# --- links and files


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    outside = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = set()
    for heading in re.findall(r"^#+ (.*)$", outside, re.MULTILINE):
        plain = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower()
        kept = [char for char in plain if char in " -_" or unicodedata.category(char)[0] in "LNM"]
        found.add("".join(kept).replace(" ", "-"))
    return found


def links(path: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", text_of(path))


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in links(path):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(text_of(target)), link


def test_the_readme_links_every_document() -> None:
    found = {(ROOT / link.partition("#")[0]).resolve() for link in links(README) if not link.startswith("https://")}
    assert {path for path in DOCUMENTS if path != README} <= found


def test_the_readme_is_short() -> None:
    assert len(text_of(README).splitlines()) < 220


@pytest.mark.parametrize("path", [README, *sorted(DOCS.glob("*.md"))], ids=shown)
def test_the_files_that_a_document_names_exist(path: Path) -> None:
    for name in re.findall(r"`((?:\./)?(?:client|docs|reactor|shared|tests)/[\w/.-]*)", text_of(path)):
        assert (ROOT / name).exists(), name


# --- commands


def commands_of(block: str) -> list[list[str]]:
    """The words of the commands in a block for the shell, without what stands between quotes, comments and pipes."""
    found = []
    for line in block.splitlines():
        for part in re.split(r"&&|(?<!\\)\|", line):
            words = shlex.split(part.replace("2>&1", ""), comments=True)
            if words:
                found.append(words)
    return found


def shell_commands() -> list[tuple[str, list[str]]]:
    """The commands in all documents but those with a quotation over several lines."""
    return [
        (shown(path), words)
        for path in (README, *sorted(DOCS.glob("*.md")), ROOT / "tests" / "README.md")
        for block in blocks(text_of(path), "sh")
        if not block.startswith("sqlite3")
        for words in commands_of(block)
    ]


SCRIPTS = {
    script: PROGRAMS[name] for name, script in (("pylingo", "./client/chat.py"), ("pylingo-server", "./reactor/run.py"))
}
SUBCOMMANDS = {"backup", "check", "forget", "hash-password", "invite", "release"}
OTHERS = {
    "curl",
    "docker",
    "echo",
    "install",
    "journalctl",
    "make",
    "man",
    "mkdir",
    "openssl",
    "pip",
    "python3",
    "redis-cli",
    "redis-server",
    "scp",
    "source",
    "ssh",
    "systemctl",
    "systemd-sysusers",
    "systemd-tmpfiles",
    "tail",
}
"""Commands that are not ours."""


@pytest.mark.parametrize(
    ("document", "words"), shell_commands(), ids=lambda part: part if isinstance(part, str) else part[0]
)
def test_a_command_exists_and_has_its_options(document: str, words: list[str]) -> None:
    name = words[0].removeprefix(".venv/bin/").removeprefix("/opt/pylingo/bin/")
    if name == "python":
        if words[1].startswith("-"):
            assert words[1] == "-m"
            assert words[2] in ("pip", "pytest")
        else:
            assert (ROOT / words[1]).is_file()
    elif name in PROGRAMS:
        used = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert used <= options_of(name, *(word for word in words[1:2] if word in SUBCOMMANDS))
    elif name.startswith("./"):
        assert (ROOT / name).is_file()
    else:
        assert name in OTHERS


def test_the_commands_of_the_start_are_those_that_are_installed() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    scripts = {line.partition("=")[0].strip() for line in setup["options.entry_points"]["console_scripts"].splitlines()}
    assert scripts - {""} == set(PROGRAMS)
    names = [
        words[0]
        for heading in ("## Start", "## Join", "## Run it for your team")
        for block in blocks(section(README, heading), "sh")
        for words in commands_of(block)
    ]
    ours = [name for name in names if name.startswith(".venv/bin/")]
    assert {".venv/bin/pylingo-server", ".venv/bin/pylingo"} <= set(ours)
    assert {name.removeprefix(".venv/bin/") for name in ours} <= {"python", *PROGRAMS}


def test_a_team_needs_at_most_five_commands() -> None:
    lines = [line for block in blocks(section(README, "## Run it for your team"), "sh") for line in block.splitlines()]
    assert 3 <= len(lines) <= 5


def test_the_test_command_is_where_the_continuous_integration_looks_for_it() -> None:
    found = re.search(r"<!-- the test command -->\n```sh\n(python3 .*)\n```\n", text_of(README))
    assert found is not None
    assert "pytest" in found[1]


# --- examples


def test_the_configuration_files_of_the_server_are_sound(tmp_path: Path) -> None:
    found = blocks(section(README, "## Run it for your team"), "toml") + blocks(text_of(DOCS / "server.md"), "toml")
    assert len(found) == 2
    for number, block in enumerate(found):
        path = tmp_path / f"{number}.toml"
        path.write_text(block, encoding="utf-8")
        assert set(read_file(str(path))) == {name.replace("-", "_") for name in tomllib.loads(block)}


def test_the_settings_file_of_the_client_is_sound(tmp_path: Path) -> None:
    styles, block = blocks(text_of(DOCS / "client.md"), "toml")
    path = tmp_path / "config.toml"
    path.write_text(styles, encoding="utf-8")
    assert set(load(path).preferences.styles) == {"mention", "own", "names", "status"}
    path.write_text(block, encoding="utf-8")
    settings = load(path)
    assert settings.address == parse_server("chat.example.org")
    assert settings.preferences.layout == "bottom"
    assert settings.preferences.ignored == {"somebody"}


def bots() -> list[str]:
    """The programs that echo, then the one that says one thing."""
    found = blocks(section(README, "## Bots"), "python") + blocks(text_of(DOCS / "bots.md"), "python")
    return sorted((block for block in found if "Client(" in block), key=lambda block: "frames()" not in block)


def for_server(bot: str, server: ServerProcess) -> str:
    """The program with the server's port and, if the server is encrypted, with a link to it."""
    bot = bot.replace("5000", str(server.port))
    return bot.replace('"127.0.0.1"', f'"{server.address}"') if server.is_encrypted else bot


def test_the_examples_import_only_what_is_public() -> None:
    for path in (README, DOCS / "bots.md"):
        for block in blocks(text_of(path), "python"):
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.ImportFrom):
                    assert node.module == "pylingo"
                    assert {alias.name for alias in node.names} <= set(pylingo.__all__)


@pytest.mark.usefixtures("wire")
@pytest.mark.parametrize("number", range(3))
def test_a_bot_of_the_documents_answers(number: int, tmp_path: Path) -> None:
    assert len(bots()) == 4
    with ServerProcess() as server, Peer(server.port) as ada:
        ada.join("lobby")
        script = tmp_path / "bot.py"
        script.write_text(for_server(bots()[number], server), encoding="utf-8")
        with subprocess.Popen([sys.executable, script], cwd=ROOT) as bot:
            try:
                ada.until(Joined)
                ada.send(Say("echo hello"))
                assert ada.until(Message, text="hello").from_ == "echo"
            finally:
                bot.kill()


@pytest.mark.usefixtures("wire")
def test_a_bot_of_the_documents_says_one_thing_to_one_person(tmp_path: Path) -> None:
    script = tmp_path / "bot.py"
    with ServerProcess() as server, Peer(server.port) as grace:
        grace.hello("grace")
        script.write_text(for_server(bots()[-1], server), encoding="utf-8")
        subprocess.run([sys.executable, script], cwd=ROOT, timeout=DEADLINE, check=True)
        assert grace.until(Private).text == "the build is green"
    done = subprocess.run([sys.executable, script], cwd=ROOT, timeout=DEADLINE, check=False, capture_output=True)
    assert b"ConnectionError: connection refused: no server listens on 127.0.0.1:" in done.stderr


def test_the_failures_of_the_client_are_those_in_the_table() -> None:
    rows = re.findall(r"^\| (\d) \|.*\| `(.*)` \|$", section(DOCS / "client.md", "### Exit status"), re.MULTILINE)
    assert len(rows) == 6
    with ServerProcess() as server:
        where = f"127.0.0.1:{server.port}"
        runs = [(b"/leave\nhello\n", (where,)), (b"caf\xe9\n", (where,)), (b"", (where, "--room", "x" * 65))]
        runs.append((b"hello\n", (where, "--to", "grace")))
        found = {failure(text, *options) for text, options in runs}
    found.add(failure(b"", where))
    found.add(("1", not_confirmed("line", 3)))
    assert {(status, words.replace(where, "127.0.0.1:5000")) for status, words in found} == set(rows)


def failure(text: bytes, *options: str) -> tuple[str, str]:
    """The exit status of the client, and the last line on stderr without the program's name."""
    command = [sys.executable, str(PROGRAMS["pylingo"]), "--name", "ada", *options]
    done = subprocess.run(command, input=text, capture_output=True, timeout=DEADLINE, check=False)
    lines = done.stderr.decode().splitlines()
    return str(done.returncode), lines[-1].removeprefix("pylingo: ")
