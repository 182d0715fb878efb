"""The people of the pictures meet on a real server, which can go away and come back."""

from pathlib import Path

from tests.drawing.scene import COLUMNS, ROWS, Scene, shown


def test_a_scene(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        alan = scene.peer("alan")
        grace = scene.open("grace", rooms=("compilers", "builds"), settings='names = "column"\n')
        grace.press("/switch compilers\r")
        ada = scene.open("ada")
        ada.press("/topic parser\r")
        grace.wait("topic: parser")
        terminal = shown(grace)
        texts = ["".join(run.text for run in terminal.runs(row)) for row in range(ROWS)]
        assert {len(text) for text in texts} == {COLUMNS}
        assert "3 here" in texts[0]
        assert [text[82:].strip() for text in texts[2:5]] == ["@ada", "@alan", "grace"]
        port = scene.port
        scene.lose_server()
        grace.wait("offline")
        assert alan.recv() is not None  # what came before
        scene.bring_server_back()
        assert scene.port == port
        grace.wait("2 here")
