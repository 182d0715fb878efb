"""An editor of the person's own: what it gets, what becomes of what it writes, and how it ends."""

import os
import shlex
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.client.terminal import external_editor as module
from pylingo.client.terminal.external_editor import ExternalEditor
from pylingo.client.terminal.model import Edited
from tests.fakes.pty import Pty
from tests.support import wait_until


class Bench:
    """An editor that is a shell script, on a terminal of the test's own."""

    def __init__(self, pty: Pty, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pty = pty
        self.folder = folder
        self._monkeypatch = monkeypatch
        self.returned: list[Edited] = []
        self.kills: list[None] = []
        self.editor = ExternalEditor(pty.fd, self.returned.append, lambda: self.kills.append(None))

    def begin(self, script: str, text: str = "a draft") -> None:
        """Edit `text` by a script, whose $1 is the file."""
        path = self.folder / "editor.sh"
        path.write_text(script)
        self._monkeypatch.setenv("VISUAL", f"sh {shlex.quote(str(path))}")
        self.editor.start(text)

    def outcome(self) -> Edited:
        wait_until(lambda: self.editor.look() or self.returned, "the end of the editor")
        return self.returned.pop()

    def edit(self, script: str, text: str = "a draft") -> Edited:
        self.begin(script, text)
        return self.outcome()

    @property
    def drafts(self) -> list[Path]:
        """The folders of drafts that are left."""
        return list(self.folder.glob("pylingo-*"))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("EDITOR", raising=False)
    with Pty() as pty:
        made = Bench(pty, tmp_path, monkeypatch)
        yield made
        made.editor.close()
        assert made.drafts == []
        assert pty.is_restored


def test_the_editor_gets_the_draft_and_its_text_comes_back(bench: Bench) -> None:
    assert bench.edit('cat "$1" && echo "two\nthree" >> "$1"') == Edited("a draft\ntwo\nthree")
    assert b"a draft" in bench.pty.read(), "it writes to the terminal"
    assert bench.drafts == []


def test_nobody_else_can_read_the_draft(bench: Bench) -> None:
    assert bench.edit('stat -c %a "$1" "$(dirname "$1")" > "$1".new && mv "$1".new "$1"') == Edited("600\n700")


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (r'printf "new" > "$1"', "new"),
        (r'printf "new\n\n\n" > "$1"', "new"),
        (r'printf "new\r\nrow\r\n" > "$1"', "new\nrow"),
        (r'printf "" > "$1"', ""),
        (r'printf "a draft\n\n" > "$1"', None),
        ("true", None),
    ],
)
def test_the_end_of_the_text_does_not_count(bench: Bench, script: str, text: str | None) -> None:
    assert bench.edit(script) == Edited(text)


_FAILED = "the editor failed with {}; the line is as it was"


@pytest.mark.parametrize(
    ("script", "text", "why"),
    [
        ("exit 3", "written", _FAILED.format("exit status 3")),
        ('echo a draft > "$1"; exit 1', None, _FAILED.format("exit status 1")),
        ("kill -TERM $$", "written", _FAILED.format("signal 15")),
        ('rm "$1"; exit 1', None, _FAILED.format("exit status 1")),
        (
            r'printf "caf\351" > "$1"',
            "caf\ufffd",
            "the editor has written something else than UTF-8; the line is as it was",
        ),
        ('rm "$1"', None, "the line is as it was: No such file or directory"),
        ("exit 127", None, "the editor sh cannot be run; set VISUAL or EDITOR"),
    ],
)
def test_after_a_failure_the_line_is_as_it_was_and_the_text_is_not_lost(
    bench: Bench, script: str, text: str | None, why: str
) -> None:
    assert bench.edit(f'echo written > "$1"; {script}') == Edited(text, why)


def test_an_editor_that_is_not_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "no-such-editor --wait")
    with pytest.raises(OSError, match="the editor no-such-editor cannot be run; set VISUAL or EDITOR"):
        bench.editor.start("x")
    assert not bench.editor.is_in_front
    monkeypatch.setenv("VISUAL", "vi 'x")
    with pytest.raises(ValueError, match="VISUAL is not a command: No closing quotation"):
        bench.editor.start("x")
    assert bench.edit('echo later > "$1"') == Edited("later")


def test_no_room_for_the_draft(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(FileNotFoundError):
        bench.begin("true")


def test_the_environment_names_the_editor(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first one", "second", "vi"):
        (bench.folder / name).write_text(f'#!/bin/sh\necho "{name} $1" > "$(eval echo \\$$#)"')
        (bench.folder / name).chmod(0o700)
    monkeypatch.setenv("PATH", f"{bench.folder}:{os.environ['PATH']}")
    said = []
    for visual, editor in (("'first one' +7", "second"), ("", "second -x"), (" ", "")):
        monkeypatch.setenv("VISUAL", visual)
        monkeypatch.setenv("EDITOR", editor)
        bench.editor.start("x")
        said.append((bench.outcome().text or "").split(" /")[0])
    assert said == ["first one +7", "second -x", "vi"]


def test_a_large_file_is_not_read_as_a_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGEST", 10)
    assert bench.edit('echo "0123456789abc" > "$1"') == Edited("0123456789")
    assert bench.edit('echo "012345678\u00e9" > "$1"') == Edited("012345678"), "the letter has two bytes"
    assert bench.edit(r'printf "01\303" > "$1"').why.startswith("the editor has written something else than UTF-8")


def test_the_terminal_has_its_modes_again(bench: Bench) -> None:
    assert bench.edit('stty raw -echo < /dev/fd/0; echo x > "$1"') == Edited("x")
    assert bench.pty.is_restored


def test_an_editor_that_is_stopped_can_be_continued(bench: Bench) -> None:
    bench.begin('echo half > "$1"; while [ ! -e "$1".go ]; do sleep 0.01; done; kill -STOP $$; echo whole > "$1"')
    assert bench.editor.is_in_front
    (bench.drafts[0] / "message.txt.go").touch()
    assert bench.outcome() == Edited(None, "the editor is stopped; C-x C-e continues it", is_waiting=True)
    assert not bench.editor.is_in_front
    bench.editor.start("another draft, which stays where it is")
    assert bench.editor.is_in_front
    assert bench.outcome() == Edited("whole")


@pytest.mark.parametrize("script", ["sleep 60", "kill -STOP $$", "trap '' HUP; echo > \"$1\".ready; sleep 60"])
def test_the_end_of_the_program_ends_the_editor(bench: Bench, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    bench.begin(f'echo $$ > "$1"; {script}')
    (draft,) = bench.drafts
    number = int(wait_until(lambda: (draft / "message.txt").read_text().strip().removeprefix("a draft")))
    bench.editor.close()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    bench.editor.look()
    assert bench.returned == []
    bench.editor.close()


def test_signals_that_python_ignores_are_not_ignored_in_the_editor(bench: Bench) -> None:
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
    assert bench.edit("kill -PIPE $$").why.startswith("the editor failed with signal 13")


def test_an_editor_that_was_killed_has_restored_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.edit("exit 3")
    assert bench.kills == []
    bench.edit("kill -KILL $$")
    assert bench.kills == [None]
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    bench.begin("trap '' HUP; echo > \"$1\".ready; sleep 60")
    (draft,) = bench.drafts
    wait_until(lambda: (draft / "message.txt.ready").exists())
    bench.editor.close()
    assert bench.kills == [None, None]
