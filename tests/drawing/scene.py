"""A server for pictures, and people who sit at terminals in front of it: ada, who is an operator, and others."""

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.console import Console
from tests.drawing.terminal import Terminal
from tests.fakes.keys import UNENCRYPTED, UNENCRYPTED_PUBLIC
from tests.support import Peer, ServerProcess

COLUMNS, ROWS = 100, 18
ROOM = "compilers"
OPERATOR = "ada"
_SETTLED = 0.3
"""Seconds without output after which nothing more is expected."""


class Scene:
    """A server with a history in `folder`, and the clients that were opened, until the end of the block."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        """At `port` 0 the system chooses one."""
        self._folder = folder
        self._key = folder / "id_ed25519"
        self._key.touch(0o600)
        self._key.write_bytes(UNENCRYPTED)
        members = folder / "members"
        members.write_text(f'operator,name="{OPERATOR}" {UNENCRYPTED_PUBLIC}\n')
        self._options = ("--rate", "0", "--history", str(folder / "chat.db"), "--members", str(members), "--open")
        self._people = contextlib.ExitStack()
        self._server = ServerProcess("--port", str(port), *self._options)

    @property
    def port(self) -> int:
        """The port of the server, which stays the same when it comes back."""
        return self._server.port

    def open(
        self, name: str, *options: str, rooms: tuple[str, ...] = (ROOM,), settings: str = "", rows: int = ROWS
    ) -> Console:
        """Start a client, and wait until it is in all `rooms`. `settings` are the text of its settings file."""
        config = self._folder / name / "pylingo" / "config.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(f'notify_with = "bell"\n{settings}', encoding="utf-8")
        environment = {"XDG_CONFIG_HOME": str(self._folder / name), "XDG_DATA_HOME": str(self._folder / name)}
        unset = dict.fromkeys(("COLORTERM", "NO_COLOR", "TMUX", "STY"))
        own = ("--identity", str(self._key)) if name == OPERATOR else ()
        console = Console(
            *(f"127.0.0.1:{self.port}", "--name", name, "--room", rooms[0], *own, *options),
            columns=COLUMNS,
            rows=rows,
            environment={**environment, **unset, "TZ": "UTC", "TERM": "xterm-256color"},
        )
        self._people.enter_context(console)
        console.wait(f"in {rooms[0]} as {name}")
        for room in rooms[1:]:
            console.press(f"/open {room}\r")
            console.wait(f"in {room}")
        return console

    def peer(self, name: str | None, room: str = ROOM) -> Peer:
        """Somebody who is in the room and whose window nobody looks at; a guest without a `name`."""
        peer = self._people.enter_context(Peer(self.port))
        peer.hello(name)
        peer.join(room)
        return peer

    def lose_server(self) -> None:
        """End the server as a loss of power would."""
        self._server.process.kill()
        self._server.process.wait()

    def bring_server_back(self) -> None:
        """Start the server again, at the same port and with the same history."""
        port = self.port
        self._server.__exit__(None, None, None)
        self._server = ServerProcess("--port", str(port), *self._options)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._people.close()
        self._server.__exit__(kind, error, trace)


def shown(console: Console) -> Terminal:
    """What a terminal shows of all that the client has written, once it writes no more."""
    console.pump(_SETTLED)
    terminal = Terminal(console.screen.columns, console.screen.lines)
    terminal.feed(console.written)
    return terminal
