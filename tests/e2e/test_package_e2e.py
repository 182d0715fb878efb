"""The wheel, installed into an empty environment and used in a folder whose files have the names of our folders."""

# Runs once: the wheel has the modules that the other tests run over TLS.

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support import DEADLINE, ROOT, Peer, ServerProcess

DECOY = 'raise RuntimeError("the module of the current folder was imported")\n'
BOT = """
import sys
from pylingo import Client, Joined, Message

with Client("127.0.0.1", int(sys.argv[1]), name="parrot", room="perch") as bot:
    for frame in bot.frames():
        if isinstance(frame, Joined) and frame.users is not None:
            print("here", flush=True)
        if isinstance(frame, Message):
            bot.say(f"{frame.from_} said {frame.text}")
            break
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of what is committed and what is not: every file that git would take."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
        timeout=DEADLINE,
    )
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        origin, copy = ROOT / name, source / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_symlink():
            copy.symlink_to(origin.readlink())
        elif origin.exists():
            copy.write_bytes(origin.read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "-w", str(folder), str(source)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that holds the wheel and its dependencies, and nothing of ours."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    command.append("--no-compile")  # most modules are never imported here
    done = subprocess.run([*command, str(wheel)], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    # The dependencies are those of this environment. A path in a .pth file brings none of the .pth files there, so
    # this checkout, which may be installed as editable, stays out of sight.
    (purelib,) = folder.glob("lib/python*/site-packages")
    (purelib / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The current folder of a user who has a `client.py` and a `shared` of their own."""
    (tmp_path / "client.py").write_text(DECOY)
    for name in ("shared", "reactor"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(DECOY)
    return tmp_path


def test_the_wheel_holds_one_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith((".data", ".dist-info"))} == {"pylingo"}
    assert {"pylingo/py.typed", "pylingo/shared/PROTOCOL.md", "pylingo/reactor/engine/loop.py"} <= set(names)
    assert wheel.name.startswith("pylingo_chat-")


def test_the_wheel_installs_manual_pages_and_completions(scripts: Path) -> None:
    for program in ("pylingo", "pylingo-bench", "pylingo-server"):
        assert (scripts / program).is_file()
        for path in ("man/man1/{}.1", "bash-completion/completions/{}", "zsh/site-functions/_{}"):
            text = (scripts.parent / "share" / path.format(program)).read_text(encoding="utf-8")
            assert "version" in text


def test_server_client_and_bot_work_from_the_wheel(scripts: Path, place: Path) -> None:
    (place / "bot.py").write_text(BOT)
    program = str(scripts / "pylingo-server")
    launcher = f"import os, sys; os.chdir({str(place)!r}); os.execv({program!r}, [{program!r}, *sys.argv[1:]])"
    with ServerProcess(program=("-c", launcher)) as server, Peer(server.port) as ada:
        ada.join("perch")
        bot = subprocess.Popen(
            [scripts / "python", "bot.py", str(server.port)], cwd=place, stdout=subprocess.PIPE, text=True
        )
        try:
            assert bot.stdout is not None
            assert bot.stdout.readline() == "here\n"
            said = subprocess.run(
                [scripts / "pylingo", f"127.0.0.1:{server.port}", "--name", "grace", "--room", "perch"],
                input="hello\n",
                cwd=place,
                capture_output=True,
                text=True,
                timeout=DEADLINE,
                check=False,
            )
            assert said.returncode == 0, said.stderr
            assert bot.wait(DEADLINE) == 0
        finally:
            bot.kill()
            bot.communicate()
        texts = {}
        while len(texts) < 2:
            frame = ada.recv_map()
            if frame["type"] == "message":
                texts[frame["from"]] = frame["text"]
        assert texts == {"grace": "hello", "parrot": "grace said hello"}
